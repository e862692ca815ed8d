"""What every lake promises. The same tests run against a folder and against a real MinIO server."""

import hashlib
import io
import multiprocessing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditlake.settings import Settings
from creditlake.storage import (
    CorruptObject,
    FileEntry,
    InvalidKey,
    Lake,
    ObjectExists,
    ObjectMissing,
    StorageError,
    SwapLost,
    open_lake,
)
from tests.services import folder_settings

WRITERS = 8
ATTEMPTS = 100


@pytest.fixture(params=["folder", pytest.param("minio", marks=pytest.mark.service)])
def lake_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of an empty lake of each kind."""
    if request.param == "folder":
        return folder_settings(tmp_path)
    settings: Settings = request.getfixturevalue("s3_settings")
    return settings


@pytest.fixture
def lake(lake_settings: Settings) -> Lake:
    return open_lake(lake_settings)


def write_table(path: Path, rows: int) -> bytes:
    """Write a small Parquet file and return its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"row_no": list(range(rows))}), path)
    return path.read_bytes()


def entry_of(key: str, data: bytes) -> FileEntry:
    return FileEntry(key=key, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def test_an_object_reads_back_byte_for_byte(lake: Lake) -> None:
    data = bytes(range(256)) * 5000
    lake.put_if_absent("raw/court/judgment_defaulter/b1/失信 名单=1.csv", data)

    key = "raw/court/judgment_defaulter/b1/失信 名单=1.csv"
    assert lake.read_bytes(key) == data
    assert lake.size(key) == len(data)
    assert lake.exists(key)
    assert lake.exists("raw/court/judgment_defaulter/b1") is False


def test_an_empty_object_is_an_object(lake: Lake) -> None:
    lake.put_if_absent("raw/a/b/empty.csv", b"")

    assert lake.read_bytes("raw/a/b/empty.csv") == b""
    assert lake.size("raw/a/b/empty.csv") == 0
    with lake.open("raw/a/b/empty.csv") as stream:
        assert stream.read() == b""


def test_a_missing_object_is_named_by_every_reader(lake: Lake) -> None:
    assert lake.exists("raw/none") is False
    for read in (lake.read_bytes, lake.read_versioned, lake.size, lake.open, lake.describe_file):
        with pytest.raises(ObjectMissing, match="raw/none"):
            read("raw/none")


def test_the_second_create_is_refused_and_the_first_bytes_stand(lake: Lake, tmp_path: Path) -> None:
    lake.put_if_absent("cells/m.json", b"first")
    (tmp_path / "second").write_bytes(b"second")

    with pytest.raises(ObjectExists, match=r"cells/m\.json"):
        lake.put_if_absent("cells/m.json", b"second")
    with pytest.raises(ObjectExists, match=r"cells/m\.json"):
        lake.upload_if_absent("cells/m.json", tmp_path / "second", consume=True)

    assert lake.read_bytes("cells/m.json") == b"first"
    assert (tmp_path / "second").read_bytes() == b"second"  # a refused upload leaves the caller's file


@pytest.mark.parametrize("consume", [False, True])
def test_an_upload_equals_its_file_and_only_consume_takes_the_file(
    lake: Lake, tmp_path: Path, consume: bool
) -> None:
    source = tmp_path / "source.bin"
    data = b"0123456789abcdef" * 100_000
    source.write_bytes(data)

    lake.upload_if_absent("raw/x/y/source.bin", source, consume=consume)

    assert lake.read_bytes("raw/x/y/source.bin") == data
    assert source.exists() is not consume
    assert list(lake.list_keys()) == ["raw/x/y/source.bin"]


def test_an_upload_without_a_file_creates_nothing(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lake.upload_if_absent("raw/x", tmp_path / "no-such-file")

    assert list(lake.list_keys()) == []


def test_listing_is_by_folder_in_code_point_order(lake: Lake) -> None:
    keys = ["a/b.json", "a/b/1", "a/b/c/2", "a/bc/3", "a/乙/4", "a/甲/5", "z"]
    for key in reversed(keys):
        lake.put_if_absent(key, b"")

    assert list(lake.list_keys()) == sorted(keys)
    assert list(lake.list_keys("a/b")) == ["a/b/1", "a/b/c/2"]
    assert list(lake.list_keys("a/b/")) == ["a/b/1", "a/b/c/2"]
    assert list(lake.list_keys("nothing/here")) == []


def test_listing_goes_on_after_a_thousand_keys(lake: Lake) -> None:
    keys = [f"receipts/{number:04d}" for number in range(1010)]
    for key in keys:
        lake.put_if_absent(key, b"")

    assert list(lake.list_keys("receipts")) == keys


def test_delete_is_idempotent(lake: Lake) -> None:
    lake.put_if_absent("a/b", b"1")

    lake.delete("a/b")
    lake.delete("a/b")

    assert lake.exists("a/b") is False
    lake.put_if_absent("a/b", b"2")
    assert lake.read_bytes("a/b") == b"2"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "./a",
        "a/.hidden",
        "a\\b",
        "a\nb",
        "a\x00b",
        "a" * 256,
        "a/" * 512 + "a",
    ],
)
def test_a_key_that_some_lake_could_not_hold_is_refused_everywhere(lake: Lake, key: str) -> None:
    with pytest.raises(InvalidKey):
        lake.put_if_absent(key, b"")
    with pytest.raises(InvalidKey):
        lake.read_bytes(key)


def test_an_open_object_can_be_read_from_any_place(lake: Lake) -> None:
    data = bytes(range(256)) * 10_000
    lake.put_if_absent("a/b", data)

    with lake.open("a/b") as stream:
        assert stream.seekable()
        assert stream.read(10) == data[:10]
        assert stream.seek(-7, io.SEEK_END) == len(data) - 7
        assert stream.read() == data[-7:]
        assert stream.read(1) == b""
        assert stream.seek(1_000_000) == 1_000_000
        assert stream.read(300_000) == data[1_000_000:1_300_000]


def test_a_swap_needs_the_version_that_was_read(lake: Lake) -> None:
    lake.compare_and_swap("current.json", b"one", None)
    data, token = lake.read_versioned("current.json")
    assert data == b"one"

    lake.compare_and_swap("current.json", b"two", token)

    with pytest.raises(SwapLost, match=r"current\.json"):
        lake.compare_and_swap("current.json", b"three", token)
    with pytest.raises(SwapLost, match=r"current\.json"):
        lake.compare_and_swap("current.json", b"three", None)
    assert lake.read_bytes("current.json") == b"two"


def test_a_swap_of_a_missing_object_is_lost(lake: Lake) -> None:
    lake.compare_and_swap("current.json", b"one", None)
    _, token = lake.read_versioned("current.json")
    lake.delete("current.json")

    with pytest.raises(SwapLost):
        lake.compare_and_swap("current.json", b"two", token)
    assert lake.exists("current.json") is False


def swap_many_times(settings: Settings, writer: int) -> list[int]:
    """Try to increase the number in the pointer; return the numbers this writer believes it wrote."""
    lake = open_lake(settings)
    won = []
    for _ in range(ATTEMPTS):
        data, token = lake.read_versioned("current.json")
        number = int(data.split()[0]) + 1
        try:
            lake.compare_and_swap("current.json", f"{number} {writer}".encode(), token)
        except SwapLost:
            continue
        won.append(number)
    return won


def test_eight_processes_swap_and_no_number_is_won_twice(lake: Lake, lake_settings: Settings) -> None:
    lake.compare_and_swap("current.json", b"0 -", None)

    with multiprocessing.get_context("forkserver").Pool(WRITERS) as pool:
        won = pool.starmap(swap_many_times, [(lake_settings, writer) for writer in range(WRITERS)])

    numbers = [number for numbers in won for number in numbers]
    assert len(numbers) == len(set(numbers))
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert int(lake.read_bytes("current.json").split()[0]) == len(numbers)
    assert len(numbers) >= ATTEMPTS


def create_many(settings: Settings, writer: int) -> list[str]:
    lake = open_lake(settings)
    won = []
    for number in range(ATTEMPTS):
        key = f"receipts/{number:03d}.json"
        try:
            lake.put_if_absent(key, str(writer).encode() * 10_000)
        except ObjectExists:
            continue
        won.append(key)
    return won


def test_of_eight_processes_exactly_one_creates_each_key(lake: Lake, lake_settings: Settings) -> None:
    with multiprocessing.get_context("forkserver").Pool(WRITERS) as pool:
        won = pool.starmap(create_many, [(lake_settings, writer) for writer in range(WRITERS)])

    keys = [key for keys in won for key in keys]
    assert sorted(keys) == [f"receipts/{number:03d}.json" for number in range(ATTEMPTS)]
    for writer, written in enumerate(won):
        for key in written:
            assert lake.read_bytes(key) == str(writer).encode() * 10_000


def test_files_are_described_from_their_stored_bytes(lake: Lake, tmp_path: Path) -> None:
    accepted = write_table(tmp_path / "accepted.parquet", 7)
    lake.put_if_absent("records/a/1/_batch=b1/_outcome=accepted/part-0.parquet", accepted)
    lake.put_if_absent("records/a/1/readme.txt", b"text")
    lake.put_if_absent("records/a/1/_SUCCESS", b"")
    lake.put_if_absent("records/a/1/_temporary/0/part-0.parquet", accepted)
    lake.put_if_absent("records/a/10/part-0.parquet", accepted)

    assert lake.describe_files("records/a/1") == [
        FileEntry(
            key="records/a/1/_batch=b1/_outcome=accepted/part-0.parquet",
            bytes=len(accepted),
            rows=7,
            sha256=hashlib.sha256(accepted).hexdigest(),
            outcome="accepted",
        ),
        FileEntry(key="records/a/1/readme.txt", bytes=4, sha256=hashlib.sha256(b"text").hexdigest()),
    ]
    assert lake.describe_files("records/b") == []


def test_a_cut_off_parquet_file_is_refused_by_describe_files(lake: Lake, tmp_path: Path) -> None:
    whole = write_table(tmp_path / "whole.parquet", 1000)
    lake.put_if_absent("records/a/1/part-0.parquet", whole[: len(whole) // 2])

    with pytest.raises(CorruptObject, match=r"records/a/1/part-0\.parquet"):
        lake.describe_files("records/a/1")


def test_localised_files_are_in_order_and_verified(lake: Lake, tmp_path: Path) -> None:
    first = write_table(tmp_path / "first.parquet", 3)
    second = write_table(tmp_path / "second.parquet", 5)
    lake.put_if_absent("cells/b/part-0.parquet", first)
    lake.put_if_absent("cells/a/part-0.parquet", second)
    entries = [entry_of("cells/b/part-0.parquet", first), entry_of("cells/a/part-0.parquet", second)]

    paths = lake.localise(entries, tmp_path / "scratch")

    assert [path.read_bytes() for path in paths] == [first, second]
    assert all(path.as_posix().endswith(entry.key) for path, entry in zip(paths, entries, strict=True))
    assert lake.localise(entries, tmp_path / "scratch") == paths
    assert lake.localise([], tmp_path / "scratch") == []


def test_a_flipped_bit_is_found_and_named(lake: Lake, tmp_path: Path) -> None:
    data = bytearray(write_table(tmp_path / "whole.parquet", 100))
    entry = entry_of("cells/a/part-0.parquet", bytes(data))
    data[20] ^= 1
    lake.put_if_absent(entry.key, bytes(data))

    with pytest.raises(CorruptObject, match=r"cells/a/part-0\.parquet is corrupt") as caught:
        lake.localise([entry], tmp_path / "scratch")

    assert caught.value.expected == entry.sha256
    assert caught.value.found == hashlib.sha256(data).hexdigest()
    assert not list((tmp_path / "scratch").rglob("*.parquet"))


def test_a_lost_object_is_found_and_named(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ObjectMissing, match=r"cells/a/part-0\.parquet"):
        lake.localise([entry_of("cells/a/part-0.parquet", b"x")], tmp_path / "scratch")


def test_the_self_test_passes_and_leaves_nothing(lake: Lake) -> None:
    lake.self_test()

    assert list(lake.list_keys()) == []


def test_every_error_is_a_storage_error() -> None:
    for error in (CorruptObject, InvalidKey, ObjectExists, ObjectMissing, SwapLost):
        assert issubclass(error, StorageError)
