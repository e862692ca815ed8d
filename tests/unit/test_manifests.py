"""Step manifests: what commits, what is found, and what identifies the code."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from creditlake.storage import (
    BatchDefect,
    FileEntry,
    FolderLake,
    InvalidManifest,
    ObjectExists,
    ObjectMissing,
    StepManifest,
    batch_manifest_key,
    build_manifest_key,
    code_version,
    find_manifest,
    list_manifests,
    make_step_key,
    now_utc,
    peak_memory_mb,
    read_manifest,
    write_manifest,
)

FILE = FileEntry(key="raw/court/judgment_defaulter/b1/x.jsonl", bytes=3, sha256="a" * 64)


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def make_manifest(**changes: object) -> StepManifest:
    facts: dict[str, object] = {
        "step": "decode",
        "step_version": "1",
        "code_version": code_version(),
        "contract_digest": "d" * 64,
        "status": "ok",
        "inputs": [FILE],
        "outputs": [],
        "counts": {"received": 2},
        "started_at": now_utc(),
        "ended_at": now_utc(),
        "peak_memory_mb": peak_memory_mb(),
    }
    return StepManifest.model_validate(facts | changes)


def key_of(manifest: StepManifest, batch_id: str = "b1") -> str:
    step_key = make_step_key(manifest.contract_digest, manifest.step_version, manifest.inputs)
    return batch_manifest_key("cells", "court", "judgment_defaulter", batch_id, step_key)


def test_a_manifest_reads_back_as_written(lake: FolderLake) -> None:
    defect = BatchDefect(
        code="F01",
        level="B",
        file="x.jsonl",
        message="unreadable",
        message_zh="文件无法读取",
        cure_zh="请重新报送",
    )
    written = make_manifest(status="blocked", defects=[defect], columns=["案号"], extra={"attempt": 2})

    write_manifest(lake, key_of(written), written)

    assert read_manifest(lake, key_of(written)) == written
    assert written.started_at.tzname() == "UTC"


def test_the_first_attempt_to_commit_stands(lake: FolderLake) -> None:
    first, second = make_manifest(counts={"received": 1}), make_manifest(counts={"received": 2})
    write_manifest(lake, key_of(first), first)

    with pytest.raises(ObjectExists):
        write_manifest(lake, key_of(second), second)

    assert read_manifest(lake, key_of(first)).counts == {"received": 1}


def test_no_manifest_means_it_did_not_happen(lake: FolderLake) -> None:
    lake.put_if_absent("cells/court/judgment_defaulter/b1/attempt/part-0.parquet", b"")
    key = key_of(make_manifest())

    assert find_manifest(lake, key) is None
    with pytest.raises(ObjectMissing):
        read_manifest(lake, key)
    assert list(list_manifests(lake, "cells")) == []


def test_listing_finds_step_manifests_and_no_other_json(lake: FolderLake) -> None:
    manifest = make_manifest()
    keys = [key_of(manifest, "b1"), key_of(manifest, "b2"), build_manifest_key("links", "20261117-01")]
    for key in keys:
        write_manifest(lake, key, manifest)
    lake.put_if_absent("cells/court/judgment_defaulter/b1/_batch.json", b"{}")
    lake.put_if_absent("links/20261117-01/notes.json", b"{}")

    assert [key for key, _ in list_manifests(lake, "")] == keys
    assert [key for key, _ in list_manifests(lake, "cells/court/judgment_defaulter/b2")] == [keys[1]]


def test_the_step_key_follows_contract_version_and_content_only() -> None:
    other = FileEntry(key="raw/y", bytes=9, sha256="b" * 64)
    key = make_step_key("digest", "1", [FILE, other])

    assert key == make_step_key("digest", "1", [other, FILE.model_copy(update={"key": "elsewhere"})])
    assert len(key) == 16
    changed = [
        make_step_key("mended", "1", [FILE, other]),
        make_step_key("digest", "2", [FILE, other]),
        make_step_key("digest", "1", [FILE]),
    ]
    assert len({key, *changed}) == 4


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b"not json", json.dumps({"step": "decode", "surprise": 1}).encode()]
)
def test_a_damaged_manifest_is_named(lake: FolderLake, damage: bytes) -> None:
    key = key_of(make_manifest())
    lake.put_if_absent(key, damage)

    with pytest.raises(InvalidManifest, match=key):
        read_manifest(lake, key)


def test_a_manifest_with_an_unknown_fact_is_refused() -> None:
    with pytest.raises(ValidationError, match="surprise"):
        make_manifest(surprise=1)
    with pytest.raises(ValidationError, match="status"):
        make_manifest(status="perhaps")


def test_the_code_version_names_package_commit_and_sources() -> None:
    package, _, code = code_version().partition("+")
    commit, _, sources = code.partition(".")

    assert package == "0.1.0"
    assert commit == "nogit" or len(commit) == 12
    assert len(sources) == 8


def test_peak_memory_is_this_process_and_the_named_ones() -> None:
    alone = peak_memory_mb()

    assert 20 < alone < 4000
    assert peak_memory_mb([1 << 22]) >= alone  # a process that is gone counts nothing
