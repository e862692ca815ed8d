"""Collect takes what is whole and agreed, byte for byte, once; everything else stays and is said."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from creditlake import collect as collect_module
from creditlake.collect import copy_file, notice_strays
from creditlake.inbox import list_folder
from creditlake.notices import Notice, list_notices
from creditlake.receipts import list_batches
from creditlake.storage import FolderLake, StorageFull
from tests.deliveries import DAY, NEXT_DAY, NOW, OLD, collect, make_catalog, make_contract, put_file

CONTRACT = make_contract()
OTHER = make_contract("court.other", delivery={"file_pattern": "y_*.csv"})


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    """An empty lake."""
    return FolderLake(tmp_path / "lake")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An inbox with the court's empty folder."""
    (tmp_path / "inbox" / "court").mkdir(parents=True)
    return tmp_path / "inbox"


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a folder with its time, mode and bytes."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def notices(lake: FolderLake, inbox: Path) -> list[Notice]:
    """The new notices of one run."""
    return notice_strays(lake, make_catalog(CONTRACT, OTHER), inbox, DAY, now=NOW)


def test_a_file_arrives_byte_for_byte_with_a_receipt_and_the_inbox_is_unchanged(
    lake: FolderLake, inbox: Path
) -> None:
    data = bytes(range(256)) * 9000
    put_file(inbox, "x_20261117.csv", data)
    before = snapshot(inbox)

    assert collect(lake, CONTRACT, inbox).counts() == {
        "new_batches": 1, "repeated": 0, "known": 0, "waiting": 0, "notices": 0
    }  # fmt: skip

    (batch,) = list_batches(lake, CONTRACT, DAY)
    assert list(lake.list_keys()) == [
        f"raw/court/example/{batch.batch_id}/_batch.json",
        f"raw/court/example/{batch.batch_id}/x_20261117.csv",
        f"receipts/court/example/2026-11-17/{batch.receipts[0].delivery_id}.json",
    ]
    assert lake.read_bytes(f"{batch.raw_prefix}/x_20261117.csv") == data
    assert snapshot(inbox) == before
    assert (batch.receipt.received_date, batch.receipt.delivered_at) == (DAY, OLD)
    record = json.loads(lake.read_bytes(f"{batch.raw_prefix}/_batch.json"))
    assert [file["name"] for file in record["files"]] == ["x_20261117.csv"]
    assert not list((inbox.parent / "scratch").iterdir())


def test_collecting_again_changes_nothing_also_on_a_later_day(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a")
    collect(lake, CONTRACT, inbox)
    before = list(lake.list_keys())

    assert collect(lake, CONTRACT, inbox, NEXT_DAY).counts() == {
        "new_batches": 0, "repeated": 0, "known": 1, "waiting": 0, "notices": 0
    }  # fmt: skip
    assert list(lake.list_keys()) == before


def test_the_same_content_again_is_a_second_receipt_of_the_same_batch(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a")
    collect(lake, CONTRACT, inbox)
    put_file(inbox, "x_2.csv", "a", at=OLD + timedelta(minutes=1))

    assert collect(lake, CONTRACT, inbox).counts() == {
        "new_batches": 0, "repeated": 1, "known": 1, "waiting": 0, "notices": 0
    }  # fmt: skip
    (batch,) = list_batches(lake, CONTRACT, DAY)
    assert [receipt.files[0].name for receipt in batch.receipts] == ["x_1.csv", "x_2.csv"]
    assert [receipt.files[0].raw_name for receipt in batch.receipts] == ["x_1.csv", "x_1.csv"]
    assert [key for key in lake.list_keys("raw") if not key.endswith(".json")] == [batch.files[0].key]


def test_a_file_replaced_under_its_name_is_a_new_batch(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a")
    collect(lake, CONTRACT, inbox)
    put_file(inbox, "x_1.csv", "b", at=OLD + timedelta(minutes=1))
    collect(lake, CONTRACT, inbox)

    contents = [lake.read_bytes(batch.files[0].key) for batch in list_batches(lake, CONTRACT, DAY)]
    assert contents == [b"a", b"b"]


def test_a_file_changed_within_the_settle_time_waits_for_the_next_run(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a", at=NOW - timedelta(seconds=9))

    assert collect(lake, CONTRACT, inbox).waiting == ["x_1.csv changed less than 10 seconds ago"]
    assert list(lake.list_keys()) == []
    assert collect(lake, CONTRACT, inbox, now=NOW + timedelta(seconds=1)).counts()["new_batches"] == 1


@pytest.mark.parametrize("name", ["x_1.csv.part", "x_1.csv.tmp", "x_1.csv.filepart", ".x_1.csv", "~$x_1.csv"])
def test_unfinished_and_hidden_files_are_nobodys_delivery(lake: FolderLake, inbox: Path, name: str) -> None:
    put_file(inbox, name, "a")

    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 0
    assert notices(lake, inbox) == []
    assert list(lake.list_keys()) == []


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    lake: FolderLake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put_file(inbox, "x_1.csv", "a" * 3_000_000)
    honest = collect_module.hashlib.sha256

    class Growing:
        """A hash that lets the sender write on while we read."""

        def __init__(self) -> None:
            self.inner = honest()

        def update(self, piece: bytes) -> None:
            self.inner.update(piece)
            with path.open("ab") as file:
                file.write(b"b")

        def hexdigest(self) -> str:
            return self.inner.hexdigest()

    with monkeypatch.context() as patch:
        patch.setattr(collect_module.hashlib, "sha256", Growing)
        assert collect(lake, CONTRACT, inbox).waiting == [
            "StillBeingWritten: x_1.csv changed while it was read"
        ]
    assert list(lake.list_keys("raw")) == []


def test_a_link_put_in_the_place_of_a_file_is_not_followed(inbox: Path, tmp_path: Path) -> None:
    path = put_file(inbox, "x_1.csv", "a")
    (listed,) = list_folder(inbox / "court").files
    path.unlink()
    path.symlink_to("/etc/hostname")

    with pytest.raises(OSError, match="symbolic links"):
        copy_file(listed, tmp_path / "copy")


def test_parts_are_one_delivery_once_all_are_there(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1_2of2.csv", "b")
    assert collect(lake, CONTRACT, inbox).waiting == ["1 of 2 parts are there"]

    put_file(inbox, "x_1_1of2.csv", "a")
    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 1
    (batch,) = list_batches(lake, CONTRACT, DAY)
    assert [entry.key.rpartition("/")[2] for entry in batch.files] == ["x_1_1of2.csv", "x_1_2of2.csv"]
    assert len(batch.receipts) == 1


def test_a_nil_declaration_belongs_to_its_file_and_waits_for_it(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv.nil", "")
    assert collect(lake, CONTRACT, inbox).waiting == ["x_1.csv.nil declares a file that is not there"]

    put_file(inbox, "x_1.csv", "")
    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 1
    (batch,) = list_batches(lake, CONTRACT, DAY)
    assert [file.name for file in batch.receipts[0].files] == ["x_1.csv", "x_1.csv.nil"]


def test_an_unknown_file_stays_where_it_is_and_is_noticed_once(lake: FolderLake, inbox: Path) -> None:
    path = put_file(inbox, "salaries.csv", "a")

    (notice,) = notices(lake, inbox)

    assert (notice.code, notice.sender, notice.file) == ("C01", "court", "salaries.csv")
    assert notice.message == (
        "C01: court/salaries.csv matches no file_pattern of the catalogue for this sender; not collected"
    )
    assert notice.message_zh == (
        "文件“salaries.csv”的文件名不符合该单位任何目录项的约定，未归集，仍保留在投递目录中。"
    )
    assert notice.cure_zh == "请按约定的文件名重新投递；如为新增数据，请先与信用中心登记信用信息目录。"
    assert path.exists()
    assert list(lake.list_keys()) == [f"notices/2026-11-17/{notice.notice_id}.json"]
    assert notices(lake, inbox) == []
    assert list_notices(lake, DAY) == [notice]
    assert list_notices(lake, DAY - timedelta(days=1)) == []


def test_an_unknown_sender_is_noticed_and_nothing_of_it_is_collected(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a", sender="post_office")
    (inbox / "empty_folder").mkdir()

    (notice,) = notices(lake, inbox)

    assert (notice.code, notice.sender, notice.file) == ("C01", "post_office", "")
    assert notice.message == (
        "C01: inbox folder post_office belongs to no department of the catalogue that delivers; not collected"
    )
    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 0


def test_a_file_of_two_datasets_is_taken_by_neither(lake: FolderLake, inbox: Path) -> None:
    put_file(inbox, "x_1.csv", "a")
    twin = make_contract("court.twin", delivery={"file_pattern": "*_1.csv"})

    (notice,) = notice_strays(lake, make_catalog(CONTRACT, twin), inbox, DAY, now=NOW)

    assert "matches the file_pattern of several datasets: court.example, court.twin" in notice.message


def test_folders_links_and_loose_files_are_noticed(lake: FolderLake, inbox: Path) -> None:
    (inbox / "court" / "archive").mkdir()
    (inbox / "court" / "x_9.csv").symlink_to("/etc/hostname")
    (inbox / "loose.csv").write_text("a")

    found = {(notice.sender, notice.file) for notice in notices(lake, inbox)}

    assert found == {("court", "archive"), ("court", "x_9.csv"), ("", "loose.csv")}
    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 0


def test_a_name_in_gbk_bytes_is_noticed_not_collected(lake: FolderLake, inbox: Path) -> None:
    raw_name = os.fsencode(inbox / "court") + b"/x_" + "处罚".encode("gbk") + b".csv"
    Path(os.fsdecode(raw_name)).write_bytes(b"a")
    os.utime(raw_name, (OLD.timestamp(), OLD.timestamp()))

    (notice,) = notices(lake, inbox)

    assert notice.file == "x_\\udcb4\\udca6\\udcb7\\udca3.csv"
    assert collect(lake, CONTRACT, inbox).counts()["new_batches"] == 0


def test_a_run_that_died_before_the_receipt_is_completed_by_the_next(
    lake: FolderLake, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file(inbox, "x_1.csv", "a")
    reference = FolderLake(inbox.parent / "reference")
    collect(reference, CONTRACT, inbox)
    expected = list(reference.list_keys())
    assert len(expected) == 3

    for dies_at in range(3):
        broken = FolderLake(inbox.parent / f"lake{dies_at}")
        writes = 0

        def die(original, *args, limit=dies_at, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal writes
            writes += 1
            if writes > limit:
                raise StorageFull("no space")
            return original(*args, **kwargs)

        with monkeypatch.context() as patch:
            for name in ("put_if_absent", "upload_if_absent"):
                original = getattr(broken, name)
                patch.setattr(broken, name, lambda *a, o=original, **k: die(o, *a, **k))
            with pytest.raises(StorageFull):
                collect(broken, CONTRACT, inbox)
        assert len(list(broken.list_keys())) == dies_at
        collect(broken, CONTRACT, inbox)
        assert list(broken.list_keys()) == expected
