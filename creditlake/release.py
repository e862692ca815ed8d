"""Make a release of a judged candidate and move the pointer to it.

Order: verdict → release folder (manifest last) → serving files → every file verified → the pointer by
compare-and-swap. Until the swap nothing of it is visible, so a crash anywhere leaves readers where they
were, and the same command again finishes the job. Of two builds the loser of the swap reads again: an
older business date gives up, any other is judged anew against what is published now.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from creditlake.approval import ReleaseApproval, approve, find_approval
from creditlake.candidate import CandidateManifest, read_candidate
from creditlake.diff import TableDiff, diff_releases
from creditlake.duck import open_duckdb
from creditlake.gate.declaration import Rules, read_rules
from creditlake.gate.model import Verdict, hash_content
from creditlake.gate.verdict import judge
from creditlake.published import (
    CURRENT,
    Pointer,
    ReleaseManifest,
    read_current,
    read_pointer,
    read_release,
    release_key,
)
from creditlake.serve import serve_release
from creditlake.storage import CorruptObject, Lake, ObjectExists, ObjectMissing, SwapLost, now_utc

LOG = logging.getLogger(__name__)
HASH_PREFIX = 8
REPORTS = ("gate.json", "diff.json", "report.html", "report.md")


class ReleaseRefused(Exception):
    """The candidate may not be published; the published release is untouched."""


class NotJudged(ReleaseRefused):
    """There is no verdict for this candidate against the release that is published now."""


class ReleaseHeld(ReleaseRefused):
    """The gate holds the candidate and nobody approved it."""


class OlderBuild(ReleaseRefused):
    """A release of a later business date is already published."""


@dataclass(frozen=True)
class Publication:
    """What publish did; `unchanged` means readers already see exactly this content."""

    outcome: Literal["published", "unchanged"]
    release_id: str

    def __str__(self) -> str:
        if self.outcome == "published":
            return f"published {self.release_id}"
        return f"{self.release_id} is published and has exactly this content; nothing to do"


def judge_candidate(lake: Lake, build: str, scratch: Path, rules: Rules | None = None) -> Verdict:
    """Judge a candidate and write gate.json, diff.json and the report beside it; a verdict stands.

    The key of a verdict is made of the candidate's content, the rules and the published release; when one
    of them changes the candidate is judged anew and the older verdict stays.
    """
    rules = rules or read_rules()
    published = _published_from(lake, build)
    if published:
        return Verdict.model_validate_json(lake.read_bytes(release_key(published.release_id, "gate.json")))
    verdict = find_verdict(lake, build, rules)
    if verdict:
        return verdict
    verdict = judge(lake, build, scratch, rules)
    candidate = read_candidate(lake, build)
    parent = read_release(lake, verdict.parent) if verdict.parent else None
    with open_duckdb(scratch) as connection:
        diffs = diff_releases(lake, parent.tables if parent else {}, candidate.tables, scratch, connection)
    return _write_verdict(lake, verdict, diffs)


def verdict_key(verdict: Verdict) -> str:
    """Return the key of a verdict: what was judged, by which rules, against what."""
    parts = [verdict.candidate_hash, verdict.rules_hash, verdict.parent or ""]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def find_verdict(lake: Lake, build: str, rules: Rules) -> Verdict | None:
    """Return the verdict on this candidate under these rules against the published release, or None."""
    candidate = read_candidate(lake, build)
    pointer, _ = read_pointer(lake)
    wanted = (hash_content(candidate.tables), rules.digest, pointer.release_id if pointer else None)
    for folder in _verdict_folders(lake, build):
        verdict = Verdict.model_validate_json(lake.read_bytes(f"{folder}/gate.json"))
        if (verdict.candidate_hash, verdict.rules_hash, verdict.parent) == wanted:
            return verdict
    return None


def publish_build(lake: Lake, build: str, scratch: Path, rules: Rules | None = None) -> Publication:
    """Publish a candidate that passed or was approved; a second call finds it published and says so.

    Raises NotJudged, ReleaseHeld, OlderBuild, or CorruptObject when a file is not what the manifest says.
    """
    rules = rules or read_rules()
    candidate = read_candidate(lake, build)
    content_hash = hash_content(candidate.tables)
    while True:
        pointer, token = read_pointer(lake)
        if pointer and pointer.content_hash == content_hash:
            return Publication("unchanged", pointer.release_id)
        if pointer and candidate.business_date < pointer.business_date:
            raise OlderBuild(
                f"build {build} is of {candidate.business_date}, but {pointer.release_id} of "
                f"{pointer.business_date} is published; a past day is never published over a later one"
            )
        release = prepare_release(lake, build, rules)
        if release.parent != (pointer.release_id if pointer else None):
            continue  # the pointer moved while the release was prepared
        verify_files(lake, release, scratch)
        serve_release(lake, release, scratch, rules)
        target = Pointer(
            release_id=release.release_id,
            business_date=release.business_date,
            content_hash=content_hash,
            manifest_sha256=hashlib.sha256(lake.read_bytes(release_key(release.release_id))).hexdigest(),
            published_at=now_utc(),
        )
        try:
            lake.compare_and_swap(CURRENT, target.model_dump_json(indent=1).encode(), token)
        except SwapLost:
            LOG.warning("build %s lost the swap to another release; reading again", build)
            judge_candidate(lake, build, scratch, rules)
            continue
        LOG.info("published %s, parent %s", release.release_id, release.parent)
        return Publication("published", release.release_id)


def prepare_release(lake: Lake, build: str, rules: Rules | None = None) -> ReleaseManifest:
    """Make the release folder of a candidate that may be published; not visible to readers yet.

    A second call returns the same release. If another release was published since, the folder made for
    the older parent stays unreferenced and the next one is named `…r2`.
    """
    rules = rules or read_rules()
    published = _published_from(lake, build)
    if published:
        return published
    candidate = read_candidate(lake, build)
    verdict = find_verdict(lake, build, rules)
    if verdict is None:
        raise NotJudged(
            f"build {build} has no verdict against the published release under the present rules; "
            f"run `creditlake gate --business-date {candidate.business_date} --build {build}`"
        )
    approval = _require_permission(lake, verdict)
    base, trial = f"{build}-{verdict.candidate_hash[:HASH_PREFIX]}", 1
    while True:
        release_id = base if trial == 1 else f"{base}r{trial}"
        release = _find_release(lake, release_id)
        if release is None:
            release = _write_release(lake, release_id, candidate, verdict, approval)
        if release.parent == verdict.parent:
            return release
        trial += 1


def approve_build(
    lake: Lake, build: str, who: str, reason: str, rules: Rules | None = None
) -> ReleaseApproval:
    """Record a person's decision to release a held build as it stands; `publish_build` then releases it.

    Raises NotJudged without a verdict against the published release, NotApprovable for what must be mended.
    """
    verdict = find_verdict(lake, build, rules or read_rules())
    if verdict is None:
        raise NotJudged(
            f"build {build} has no verdict against the published release; run `creditlake gate` first"
        )
    return approve(lake, verdict, who, reason)


def verify_files(lake: Lake, release: ReleaseManifest, scratch: Path) -> None:
    """Check every file of a release against its manifest: sha256, footer, rows; raises CorruptObject."""
    for entry in release.tables.values():
        paths = lake.localise(entry.files, scratch, recheck=True)
        for file, path in zip(entry.files, paths, strict=True):
            try:
                rows = pq.read_metadata(path).num_rows
            except (pa.ArrowInvalid, OSError) as error:
                raise CorruptObject(file.key, "that of a whole Parquet file", file.sha256) from error
            if rows != file.rows:
                raise CorruptObject(file.key, f"{file.sha256} with {file.rows} rows", f"{rows} rows")
        if sum(file.rows for file in entry.files) != entry.rows:
            raise CorruptObject(
                entry.files[0].key, f"{entry.rows} rows in all files", "another number of rows"
            )


def _require_permission(lake: Lake, verdict: Verdict) -> str | None:
    """Return the approving decision's id, or None for a pass; raises ReleaseHeld."""
    if verdict.verdict == "pass":
        return None
    approval = find_approval(lake, verdict.candidate_hash)
    fixed = [f.name for f in verdict.holds if not f.approvable]
    if approval and not fixed:
        return approval.decision_id
    first = "; ".join(f.message for f in verdict.holds[:3])
    more = f" and {len(verdict.holds) - 3} more" if len(verdict.holds) > 3 else ""
    raise ReleaseHeld(
        f"build {verdict.build} is held: {first}{more}. See candidates/{verdict.build}/report.html; "
        f"ask {', '.join(sorted({f.ask for f in verdict.holds}))}"
    )


def _published_from(lake: Lake, build: str) -> ReleaseManifest | None:
    """Return the published release if it was made of this build: the work is done already."""
    current = read_current(lake)
    return current if current and current.build == build else None


def _find_release(lake: Lake, release_id: str) -> ReleaseManifest | None:
    try:
        return read_release(lake, release_id)
    except ObjectMissing:
        return None


def _write_release(
    lake: Lake, release_id: str, candidate: CandidateManifest, verdict: Verdict, approval: str | None
) -> ReleaseManifest:
    """Write a release folder, manifest last; returns what stands if another process was first."""
    parent = read_current(lake)
    if (parent.release_id if parent else None) != verdict.parent:
        raise NotJudged(f"{verdict.parent} is not the published release any more; run the gate again")
    pointer, _ = read_pointer(lake)
    release = ReleaseManifest(
        release_id=release_id,
        business_date=candidate.business_date,
        build=candidate.build,
        content_hash=verdict.candidate_hash,
        verdict_key=verdict_key(verdict),
        approval=approval,
        parent=verdict.parent,
        parent_manifest_sha256=pointer.manifest_sha256 if pointer else None,
        code_version=candidate.code_version,
        catalog_digest=candidate.catalog_digest,
        created_at=now_utc(),
        batches=candidate.batches,
        tables=candidate.tables,
    )
    folder = _folder_of(lake, verdict)
    for name in REPORTS:
        _put_once(lake, release_key(release_id, name), lake.read_bytes(f"{folder}/{name}"))
    _put_once(lake, release_key(release_id), release.model_dump_json(indent=1).encode())
    return read_release(lake, release_id)


def _write_verdict(lake: Lake, verdict: Verdict, diffs: Sequence[TableDiff]) -> Verdict:
    """Write the report files and, last, gate.json; returns the verdict that stands."""
    from creditlake.report import render_html, render_markdown

    folder = f"candidates/{verdict.build}"
    if lake.exists(f"{folder}/gate.json"):
        folder = f"{folder}/judged/{verdict_key(verdict)}"
    tables = {d.table: d.model_dump(mode="json", exclude={"table"}) for d in diffs}
    body = {"parent": verdict.parent, "candidate_hash": verdict.candidate_hash, "tables": tables}
    _put_once(lake, f"{folder}/diff.json", json.dumps(body, ensure_ascii=False, indent=1).encode())
    _put_once(lake, f"{folder}/report.html", render_html(verdict, diffs).encode())
    _put_once(lake, f"{folder}/report.md", render_markdown(verdict, diffs).encode())
    _put_once(lake, f"{folder}/gate.json", verdict.model_dump_json(indent=1).encode())
    return Verdict.model_validate_json(lake.read_bytes(f"{folder}/gate.json"))


def _verdict_folders(lake: Lake, build: str) -> list[str]:
    """Return the folders that hold a verdict on a build, first one first."""
    top = f"candidates/{build}"
    keys = [key for key in lake.list_keys(top) if key.endswith("/gate.json")]
    return sorted((key.removesuffix("/gate.json") for key in keys), key=len)


def _folder_of(lake: Lake, verdict: Verdict) -> str:
    """Return the folder with the report of exactly this verdict."""
    for folder in _verdict_folders(lake, verdict.build):
        if Verdict.model_validate_json(lake.read_bytes(f"{folder}/gate.json")) == verdict:
            return folder
    raise NotJudged(f"the report of build {verdict.build} is gone; run the gate again")


def _put_once(lake: Lake, key: str, data: bytes) -> None:
    """Write an object; one that is there already stands (a retry after a crash, or another process)."""
    try:
        lake.put_if_absent(key, data)
    except ObjectExists:
        LOG.info("%s is already there", key)
