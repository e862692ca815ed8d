"""The decode step: its work list, what blocks a batch, what a person settles, and what is our own fault."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from creditlake.decode import (
    DecodeError,
    decode_batch,
    decode_waiting,
    list_decoded,
    share_waiting,
    weigh_waiting,
)
from creditlake.decode.decode import READERS, WORK_PER_BYTE
from creditlake.receipts import list_batches
from creditlake.storage import CorruptObject, FolderLake, StepManifest, StorageFull
from creditlake.verdicts import Settlement, settle_batch
from tests.deliveries import (
    DAY,
    HEADER,
    NEXT_DAY,
    OLD,
    Desk,
    collect,
    make_catalog,
    make_contract,
    put_file,
    read_cells,
)

HEAD = ",".join(HEADER) + "\n"
GOOD = HEAD + "1,甲,,\n"
SNAPSHOT = make_contract(
    delivery={"kind": "full_snapshot"},
    block={"rows": {"min": 2}, "rows_vs_last": {"min": 0.8, "max": 1.2}},
    warn={"rows_vs_last": {"min": 0.95, "max": 1.05}},
)


def rows(count: int, mark: str = "甲") -> str:
    """A whole file of so many rows."""
    return HEAD + "".join(f"{number},{mark},,\n" for number in range(count))


def codes(manifest: StepManifest) -> list[tuple[str, str]]:
    """(code, level) of a manifest's defects."""
    return [(defect.code, defect.level) for defect in manifest.defects]


# ---- the work list


def test_decoding_again_does_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    desk.decode(GOOD)
    before = list(desk.lake.list_keys())

    assert decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch) == []
    assert list(desk.lake.list_keys()) == before
    assert list(desk.scratch.iterdir()) == []


def test_a_blocked_batch_is_settled_until_the_contract_changes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    assert desk.decode(HEAD.replace("备注", "说明") + "1,甲,,x\n").status == "blocked"
    assert decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch) == []

    fields = desk.contract.model_dump(mode="json")["fields"]
    fields["remarks"]["aliases"] = ["说明"]
    mended = make_catalog(make_contract(fields=fields))
    (manifest,) = decode_waiting(desk.lake, mended, DAY, scratch=desk.scratch)
    assert (manifest.status, manifest.counts["received"]) == ("ok", 1)


def test_what_was_received_later_is_not_decoded_for_the_day_before(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1.csv", GOOD)
    collect(desk.lake, desk.contract, desk.inbox, NEXT_DAY)

    assert decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch) == []
    assert len(decode_waiting(desk.lake, desk.catalog, NEXT_DAY, scratch=desk.scratch)) == 1


def test_only_one_dataset_is_decoded_when_asked(tmp_path: Path) -> None:
    first = make_contract("court.first", delivery={"file_pattern": "a_*.csv"})
    second = make_contract("court.second", delivery={"file_pattern": "b_*.csv"})
    lake, catalog = FolderLake(tmp_path / "lake"), make_catalog(first, second)
    for contract, name in ((first, "a_1.csv"), (second, "b_1.csv")):
        put_file(tmp_path / "inbox", name, GOOD)
        collect(lake, contract, tmp_path / "inbox")

    (manifest,) = decode_waiting(lake, catalog, DAY, only="court.second", scratch=tmp_path / "scratch")
    assert manifest.extra["dataset"] == "court.second"
    assert len(decode_waiting(lake, catalog, DAY, scratch=tmp_path / "scratch")) == 1


def test_waiting_datasets_are_shared_by_size_and_nothing_waits_afterwards(tmp_path: Path) -> None:
    contracts = [make_contract(f"court.d{n}", delivery={"file_pattern": f"d{n}_*.csv"}) for n in range(4)]
    catalog, desk = make_catalog(*contracts), Desk(tmp_path, contracts[0])
    for number, count in enumerate((900, 300, 290, 0)):  # the last one has no delivery
        if count:
            put_file(desk.inbox, f"d{number}_1.csv", rows(count))
        collect(desk.lake, contracts[number], desk.inbox, DAY)

    waiting = weigh_waiting(desk.lake, catalog, DAY)
    shares = share_waiting(waiting, groups=2)
    assert shares == [["court.d0"], ["court.d1", "court.d2"]]
    assert len(share_waiting(waiting, groups=9)) == 3
    for names in shares:
        decode_waiting(desk.lake, catalog, DAY, names, scratch=desk.scratch)
    assert share_waiting(weigh_waiting(desk.lake, catalog, DAY)) == []


def test_every_format_that_is_read_has_its_weight() -> None:
    assert WORK_PER_BYTE.keys() == READERS.keys()


def test_one_bad_batch_does_not_stop_the_others(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    for number, text in enumerate([GOOD, GOOD + "2,乙", "工资\n1\n", GOOD + "3,丙,,\n"]):
        put_file(desk.inbox, f"x_{number}.csv", text, at=OLD + timedelta(minutes=number))
    collect(desk.lake, desk.contract, desk.inbox)

    manifests = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)

    assert [manifest.status for manifest in manifests] == ["ok", "blocked", "blocked", "ok"]
    assert [codes(manifest) for manifest in manifests] == [[], [("F05", "B")], [("F02", "B")], []]
    listed = list(list_decoded(desk.lake, desk.catalog, desk.contract, DAY))
    assert [manifest for _, _, manifest in listed] == manifests


def test_the_same_raw_gives_the_same_rows(tmp_path: Path) -> None:
    first, second = Desk(tmp_path / "1", make_contract()), Desk(tmp_path / "2", make_contract())

    one, two = first.decode(rows(500) + "x\n"), second.decode(rows(500) + "x\n")

    assert first.rows(one) == second.rows(two)
    assert (one.counts, one.inputs, one.columns) == (two.counts, two.inputs, two.columns)


def test_two_runs_at_once_leave_one_result(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    first = desk.decode(GOOD)
    (batch,) = list_batches(desk.lake, desk.contract, DAY)

    again = decode_batch(desk.lake, desk.catalog, batch, scratch=desk.scratch)

    assert again == first
    parts = [key for key in desk.lake.list_keys("cells") if key.endswith(".parquet")]
    assert parts == [entry.key for entry in first.outputs]


# ---- several files, empty files


def test_parts_of_one_delivery_are_one_batch_with_a_part_file_each(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1_1of2.csv", GOOD)
    put_file(desk.inbox, "x_1_2of2.csv", "名称,WSH\n乙,2\n丙,3\n")
    collect(desk.lake, desk.contract, desk.inbox)

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)

    assert [entry.rows for entry in manifest.outputs] == [1, 2]
    assert [(row["file_name"], row["row_no"], row["name"]) for row in desk.rows(manifest)] == [
        ("x_1_1of2.csv", 2, "甲"),
        ("x_1_2of2.csv", 2, "乙"),
        ("x_1_2of2.csv", 3, "丙"),
    ]


def test_every_bad_file_of_a_batch_is_named(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1_1of3.csv", "工资\n1\n")
    put_file(desk.inbox, "x_1_2of3.csv", GOOD)
    put_file(desk.inbox, "x_1_3of3.csv", "")
    collect(desk.lake, desk.contract, desk.inbox)

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)

    assert [(d.code, d.file) for d in manifest.defects] == [("F02", "x_1_1of3.csv"), ("F06", "x_1_3of3.csv")]
    assert manifest.outputs == []
    assert not [key for key in desk.lake.list_keys("cells") if key.endswith(".parquet")]


@pytest.mark.parametrize("text", ["", "\n", HEAD, HEAD + "\n,,,\n"])
def test_a_file_without_rows_is_a_defect(tmp_path: Path, text: str) -> None:
    (defect,) = Desk(tmp_path, make_contract()).decode(text).defects

    assert (defect.code, defect.level, defect.file) == ("F06", "B", "x_1.csv")
    assert defect.message == "F06: x_1.csv: no rows and no nil declaration"
    assert defect.message_zh == "文件 x_1.csv 没有数据行，也没有零报告声明"
    assert defect.cure_zh == "当日确无数据的，请随附同名加 .nil 的零报告文件；否则请重新导出"


@pytest.mark.parametrize("text", ["", HEAD])
def test_a_file_without_rows_and_with_a_nil_declaration_is_a_delivery_of_nothing(
    tmp_path: Path, text: str
) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1.csv.nil", "今日无数据")
    manifest = desk.decode(text)

    assert (manifest.status, manifest.outputs, manifest.defects) == ("ok", [], [])
    assert manifest.counts["received"] == 0


# ---- the row envelope


def deliver_twice(desk: Desk, first: int, second: int) -> StepManifest:
    """Deliver two files of so many rows; return the manifest of the second."""
    assert desk.decode(rows(first)).status == "ok"
    return desk.decode(rows(second, "乙"), day=NEXT_DAY)


def test_a_register_with_a_tenth_of_its_rows_is_blocked(tmp_path: Path) -> None:
    manifest = deliver_twice(Desk(tmp_path, SNAPSHOT), 100, 10)

    (defect,) = manifest.defects
    assert (manifest.status, defect.code, defect.level, defect.file) == ("blocked", "F03", "B", "x_2.csv")
    assert defect.message == "F03: x_2.csv: 10 rows are 10.0% of the last accepted 100, agreed 80%–120%"
    assert defect.message_zh == (
        "文件 x_2.csv 的行数超出约定范围：共 10 行，为上一批 100 行的 10.0%，约定 80%–120%"
    )
    assert defect.cure_zh == "请核对是否漏报或重复导出；确属正常的，请与信用办确认后由其放行"


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (79, [("F03", "B")]), (80, [("F03", "W")]), (94, [("F03", "W")]), (95, []), (105, []),
        (106, [("F03", "W")]), (120, [("F03", "W")]), (121, [("F03", "B")]),
    ],
)  # fmt: skip
def test_both_ends_of_an_envelope_belong_to_it(tmp_path: Path, second: int, found: list[Any]) -> None:
    manifest = deliver_twice(Desk(tmp_path, SNAPSHOT), 100, second)

    assert codes(manifest) == found
    assert manifest.status == ("blocked" if ("F03", "B") in found else "ok")


def test_the_envelope_compares_with_the_last_accepted_batch_not_with_a_blocked_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, SNAPSHOT)
    assert deliver_twice(desk, 100, 10).status == "blocked"

    assert desk.decode(rows(99, "丙"), day=NEXT_DAY).status == "ok"


def test_an_absolute_bound_blocks_a_snapshot_and_warns_of_an_increment(tmp_path: Path) -> None:
    snapshot = Desk(tmp_path / "s", SNAPSHOT).decode(rows(1))
    increment = Desk(tmp_path / "i", make_contract(block={"rows": {"min": 2, "max": 9}})).decode(rows(1))

    assert (snapshot.status, codes(snapshot)) == ("blocked", [("F03", "B")])
    assert snapshot.defects[0].message_zh == "文件 x_1.csv 的行数超出约定范围：共 1 行，约定 ≥ 2 行"
    assert (increment.status, codes(increment)) == ("ok", [("F03", "W")])
    assert increment.defects[0].message == "F03: x_1.csv: 1 rows, agreed 2–9"


# ---- verdicts


def test_an_accepted_batch_passes_its_envelope_with_a_warning(tmp_path: Path) -> None:
    desk = Desk(tmp_path, SNAPSHOT)
    assert deliver_twice(desk, 100, 10).status == "blocked"
    batch_id = list_batches(desk.lake, SNAPSHOT, NEXT_DAY)[1].batch_id
    settle_batch(
        desk.lake,
        SNAPSHOT.name,
        batch_id,
        Settlement.ACCEPT,
        who="王",
        why="县区划转",
        business_date=NEXT_DAY,
    )

    assert decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch) == []
    (manifest,) = decode_waiting(desk.lake, desk.catalog, NEXT_DAY, scratch=desk.scratch)
    assert (manifest.status, codes(manifest), manifest.counts["received"]) == ("ok", [("F03", "W")], 10)
    assert decode_waiting(desk.lake, desk.catalog, NEXT_DAY, scratch=desk.scratch) == []


def test_accepting_does_not_make_a_cut_file_readable(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    desk.decode(GOOD + "2,乙")
    (batch,) = list_batches(desk.lake, desk.contract, DAY)
    settle_batch(
        desk.lake, desk.contract.name, batch.batch_id, Settlement.ACCEPT, who="王", why="x", business_date=DAY
    )

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    assert (manifest.status, codes(manifest)) == ("blocked", [("F05", "B")])


def test_a_rejected_batch_is_blocked_with_the_persons_reason(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    assert desk.decode(GOOD).status == "ok"
    (batch,) = list_batches(desk.lake, desk.contract, DAY)
    settle_batch(
        desk.lake,
        desk.contract.name,
        batch.batch_id,
        Settlement.REJECT,
        who="li",
        why="测试数据",
        business_date=DAY,
    )

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    assert (manifest.status, manifest.outputs) == ("blocked", [])
    (defect,) = manifest.defects
    assert defect.message == "F09: x_1.csv: refused by li: 测试数据"
    assert defect.message_zh == "文件 x_1.csv 所在批次经人工判定退回：测试数据"
    ((_, _, current),) = list_decoded(desk.lake, desk.catalog, desk.contract, DAY)
    assert current == manifest


# ---- our own faults


def test_a_raw_file_changed_in_the_lake_is_our_fault_and_stops_only_its_batch(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    for number in range(2):
        put_file(desk.inbox, f"x_{number}.csv", rows(3, f"甲{number}"), at=OLD + timedelta(minutes=number))
    collect(desk.lake, desk.contract, desk.inbox)
    broken, whole = list_batches(desk.lake, desk.contract, DAY)
    path = tmp_path / "lake" / broken.files[0].key
    path.chmod(0o644)
    path.write_text(rows(3, "乙"))

    with pytest.raises(
        DecodeError, match=f"1 batches could not be decoded: court.example {broken.batch_id}"
    ) as caught:
        decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)

    assert isinstance(caught.value.__cause__, CorruptObject)
    states = {
        batch.batch_id: manifest
        for batch, _, manifest in list_decoded(desk.lake, desk.catalog, desk.contract, DAY)
    }
    assert states[broken.batch_id] is None
    assert states[whole.batch_id] is not None


def test_a_full_disk_writes_no_verdict_about_the_file_and_the_next_run_decodes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1.csv", GOOD)
    collect(desk.lake, desk.contract, desk.inbox)

    def refuse(*_args: object, **_options: object) -> None:
        raise StorageFull("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(desk.lake, "upload_if_absent", refuse)
        with pytest.raises(DecodeError, match="no space left"):
            decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    assert list(desk.lake.list_keys("cells")) == []
    assert list(desk.scratch.iterdir()) == []

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    assert len(read_cells(desk.lake, manifest, desk.scratch)) == 1


def test_a_killed_runs_parts_are_ignored(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    put_file(desk.inbox, "x_1.csv", GOOD)
    collect(desk.lake, desk.contract, desk.inbox)
    (batch,) = list_batches(desk.lake, desk.contract, DAY)
    desk.lake.put_if_absent(f"cells/court/example/{batch.batch_id}/dead/part-00000.parquet", b"half a part")

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    assert [entry.rows for entry in manifest.outputs] == [1]
    assert "dead" not in manifest.outputs[0].key
