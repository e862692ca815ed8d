"""Return files: every refused or held row goes back once, as it was delivered, with row, code and cure."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from creditlake.receipt_no import add_receipt_macros
from creditlake.return_records import read_returns
from creditlake.return_sheet import ReturnSheet
from creditlake.returns import write_returns
from creditlake.settings import Settings
from creditlake.storage import StepManifest
from creditlake.workbook import DECISIVE, NOTED
from tests.deliveries import DATASET, DAY, NEXT_DAY, REAL, Desk, make_contract
from tests.gate.tables import Row
from tests.releases import store_candidate
from tests.services import folder_settings

BUILD = f"{DAY:%Y%m%d}-01"
HEADER_LINE = "名称,备注,决定文书号,罚款金额（万元）\n"
DELIVERED = (
    HEADER_LINE + '甲,=1+1,A〔2026〕1号,00.2\n乙,"两行\n备注",B,123456789012345678\n,空,C,1\n丁,好,D,1\n'
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, make_contract())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path)


def defect(batch: str, row: int, code: str, level: str, field: str | None = None, **changes: Any) -> Row:
    facts = {
        "defect_id": f"{row:03x}{code.encode().hex():0>29}",
        "dataset": DATASET,
        "batch_id": batch,
        "file_name": "x_1.csv",
        "row_no": row,
        "record_id": None,
        "code": code,
        "level": level,
        "field": field,
        "detail": None,
        "found_by": "standardise",
        "opened_date": DAY,
        "closed_date": None,
    }
    return facts | changes


def batch_of(manifest: StepManifest) -> str:
    return str(manifest.outputs[0].key.split("/")[3])


def deliver(desk: Desk, settings: Settings, defects: list[tuple[Any, ...]], build: str = BUILD) -> str:
    """Deliver and decode the file, and write a candidate whose defects table holds these defects."""
    batch = batch_of(desk.decode(DELIVERED))
    rows = [defect(batch, *facts) for facts in defects]
    store_candidate(desk.lake, build, desk.scratch, {"defects": rows})
    return batch


def run(desk: Desk, settings: Settings, day: date = DAY, build: str = BUILD) -> dict[str, int]:
    return write_returns(desk.lake, desk.catalog, settings, day, build)


def read_sheet(path: Path) -> list[list[Any]]:
    book = openpyxl.load_workbook(path)
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def outbox(settings: Settings) -> list[str]:
    """Return the workbooks of returned rows."""
    return sorted(path.name for path in (settings.home / "outbox" / "court").glob("*退回*.xlsx"))


def read_twin(settings: Settings, workbook: str) -> list[dict[str, Any]]:
    path = settings.home / "outbox" / "court" / workbook
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]


def colours(path: Path) -> list[list[str | None]]:
    """Return the colour of every cell below the header."""
    rows = openpyxl.load_workbook(path).active.iter_rows(min_row=2)
    return [[cell.fill.start_color.rgb[2:] if cell.fill.fill_type else None for cell in row] for row in rows]


def test_refused_and_held_rows_go_back_as_delivered_with_row_code_and_cure(
    desk: Desk, settings: Settings
) -> None:
    batch = deliver(desk, settings, [(2, "K01", "H", "name"), (4, "M01", "E", "name")])

    assert run(desk, settings) == {"court": 1}

    assert outbox(settings) == [f"20261117_退回_示例_{batch}_1_01.xlsx"]
    header, *rows = read_sheet(settings.home / "outbox" / "court" / outbox(settings)[0])
    assert header == [
        "名称", "备注", "决定文书号", "罚款金额（万元）", "回执号", "行号", "错误代码", "错误说明",
    ]  # fmt: skip
    numbers = receipts(desk)
    assert rows == [
        [
            "甲", "=1+1", "A〔2026〕1号", "00.2", numbers[2], 2, "K01",
            "第 2 行“名称”不符合统一社会信用代码规则。请核对营业执照或登记证书上的18位代码后更正。",
        ],
        [None, "空", "C", "1", numbers[4], 4, "M01", "第 4 行缺少必填项“名称”。请补填后重报该行。"],
    ]  # fmt: skip


def test_a_row_with_only_warnings_does_not_go_back_but_a_refused_rows_warnings_do(
    desk: Desk, settings: Settings
) -> None:
    deliver(desk, settings, [(2, "D04", "W"), (5, "D04", "W"), (5, "M01", "E", "name")])

    run(desk, settings)

    _, *rows = read_sheet(settings.home / "outbox" / "court" / outbox(settings)[0])
    assert [(row[5], row[6]) for row in rows] == [(5, "M01;D04")]


def receipts(desk: Desk) -> dict[int, str]:
    """Return the receipt numbers of all returned rows of one file, as the lake keeps them."""
    return {
        row: number
        for record in read_returns(desk.lake)
        for n in record.rows.values()
        for row, number in n.items()
    }


def test_a_receipt_number_is_that_of_the_row_in_every_run_and_file(desk: Desk, settings: Settings) -> None:
    batch = deliver(desk, settings, [(2, "K01", "H", "name"), (4, "M01", "E", "name")])
    run(desk, settings)
    (workbook,) = outbox(settings)
    (record,) = read_returns(desk.lake)

    with duckdb.connect() as connection:
        add_receipt_macros(connection)
        query = "select receipt_no(?, 'x_1.csv', unnest([2, 4]))"
        expected = [number for (number,) in connection.execute(query, [batch]).fetchall()]
    assert record.rows == {"x_1.csv": dict(zip([2, 4], expected, strict=True))}
    assert [row[4] for row in read_sheet(settings.home / "outbox" / "court" / workbook)[1:]] == expected
    assert [line["receipt_no"] for line in read_twin(settings, workbook)] == expected


def test_the_offending_cells_are_coloured(desk: Desk, settings: Settings) -> None:
    found = [
        (2, "K01", "H", "name"), (2, "T01", "W", "remarks"), (2, "D04", "W", "name"),
        (4, "K08", "H"), (5, "F04", "E"),
    ]  # fmt: skip
    deliver(desk, settings, found)

    run(desk, settings)

    # 名称, 备注, 决定文书号, 罚款金额, 回执号, 行号, 错误代码, 错误说明
    assert colours(settings.home / "outbox" / "court" / outbox(settings)[0]) == [
        [DECISIVE, NOTED, None, None, None, None, None, None],
        [
            None,
            None,
            None,
            None,
            None,
            None,
            DECISIVE,
            None,
        ],  # no cell shows it: this contract has no subject
        [None, None, None, None, None, None, DECISIVE, None],
    ]


def test_a_conflict_of_name_and_code_colours_both(tmp_path: Path) -> None:
    contract = REAL.contracts["market_regulation.penalty_decision"]
    sheet = ReturnSheet(REAL, contract, ["decision_no", "counterpart_name", "uscc"])
    conflict = {"code": "K08", "level": "H", "field": None, "detail": "name_conflict"}

    (row,) = sheet.rows([("号", "甲", "码", "x.csv", "HMW78174URPT", 7, [conflict])])

    assert row.marks == {1: DECISIVE, 2: DECISIVE}


def test_the_twin_says_the_same_without_delivered_values(desk: Desk, settings: Settings) -> None:
    deliver(desk, settings, [(2, "K01", "H", "name"), (2, "D04", "W")])
    run(desk, settings)

    assert read_twin(settings, outbox(settings)[0]) == [
        {
            "receipt_no": receipts(desk)[2], "file": "x_1.csv", "row_no": 2, "field": "名称", "code": "K01",
            "message_zh": "第 2 行“名称”不符合统一社会信用代码规则",
            "cure_zh": "请核对营业执照或登记证书上的18位代码后更正",
        },
        {
            "receipt_no": receipts(desk)[2], "file": "x_1.csv", "row_no": 2, "field": None, "code": "D04",
            "message_zh": "第 2 行超过决定之日起七个工作日报送",
            "cure_zh": "本行已收录，计入迟报；请按时报送",
        },
    ]  # fmt: skip


def test_a_correction_that_goes_back_again_gets_a_new_number_in_place_of_the_cited_one(
    desk: Desk, settings: Settings
) -> None:
    batch = batch_of(desk.decode("名称,决定文书号,回执号\n,A,HMW78174URPT\n"))
    store_candidate(desk.lake, BUILD, desk.scratch, {"defects": [defect(batch, 2, "M01", "E", "name")]})

    run(desk, settings)

    header, row = read_sheet(settings.home / "outbox" / "court" / outbox(settings)[0])
    assert header == ["名称", "决定文书号", "回执号", "行号", "错误代码", "错误说明"]
    assert row[2] == receipts(desk)[2] != "HMW78174URPT"


def test_nothing_wrong_means_no_file(desk: Desk, settings: Settings) -> None:
    deliver(desk, settings, [(2, "D04", "W")])

    assert run(desk, settings) == {}
    assert outbox(settings) == []


def test_a_row_goes_back_once(desk: Desk, settings: Settings) -> None:
    deliver(desk, settings, [(5, "M01", "E", "name")])
    run(desk, settings)
    before = outbox(settings)

    assert run(desk, settings) == {}
    assert outbox(settings) == before


def test_a_row_found_later_goes_back_alone_in_a_second_file(desk: Desk, settings: Settings) -> None:
    batch = deliver(desk, settings, [(5, "M01", "E", "name")])
    run(desk, settings)
    later = f"{NEXT_DAY:%Y%m%d}-01"
    found = [defect(batch, 5, "M01", "E", "name"), defect(batch, 2, "K08", "H", found_by="link")]
    store_candidate(desk.lake, later, desk.scratch, {"defects": found})

    assert run(desk, settings, NEXT_DAY, later) == {"court": 1}

    second = f"20261118_退回_示例_{batch}_2_01.xlsx"
    assert outbox(settings) == [f"20261117_退回_示例_{batch}_1_01.xlsx", second]
    assert [row[5:7] for row in read_sheet(settings.home / "outbox" / "court" / second)[1:]] == [[2, "K08"]]


def test_without_a_candidate_the_rows_wait_for_the_next_build(desk: Desk, settings: Settings) -> None:
    batch = batch_of(desk.decode(DELIVERED))
    assert run(desk, settings) == {}

    rows = [defect(batch, 5, "M01", "E", "name")]
    store_candidate(desk.lake, "20261118-01", desk.scratch, {"defects": rows})

    assert run(desk, settings, NEXT_DAY, "20261118-01") == {"court": 1}


def test_a_run_that_died_before_its_record_writes_the_same_files_again(
    desk: Desk, settings: Settings
) -> None:
    deliver(desk, settings, [(5, "M01", "E", "name")])
    run(desk, settings)
    (key,) = desk.lake.list_keys("returns")
    desk.lake.delete(key)

    assert run(desk, settings) == {"court": 1}
    assert len(outbox(settings)) == 1


def test_a_ragged_row_goes_back_as_the_line_that_came(desk: Desk, settings: Settings) -> None:
    batch = batch_of(desk.decode(HEADER_LINE + "甲,好,A,1\n乙,好,B,1,多,余\n"))
    found = [defect(batch, 3, "F04", "E")]
    store_candidate(desk.lake, BUILD, desk.scratch, {"defects": found})

    run(desk, settings)

    header, row = read_sheet(settings.home / "outbox" / "court" / outbox(settings)[0])
    assert header[4:] == ["原始行", "回执号", "行号", "错误代码", "错误说明"]
    assert row[:8] == [None, None, None, None, "乙,好,B,1,多,余", receipts(desk)[3], 3, "F04"]
    assert colours(settings.home / "outbox" / "court" / outbox(settings)[0]) == [
        [None] * 4 + [DECISIVE] + [None] * 4
    ]


def test_a_blocked_batch_goes_back_as_one_sheet_with_file_row_field_and_cure(
    desk: Desk, settings: Settings
) -> None:
    manifest = desk.decode("名称,备注,罚款金额（万元）\n甲,好,1\n")
    assert manifest.status == "blocked"

    assert run(desk, settings) == {"court": 1}
    assert run(desk, settings) == {}

    (name,) = outbox(settings)
    assert name.startswith("20261117_整批退回_示例_b")
    header, row = read_sheet(settings.home / "outbox" / "court" / name)
    assert header == ["文件", "行号", "字段", "错误代码", "错误说明", "处理办法"]
    assert row == [
        "x_1.csv", manifest.defects[0].row_no, "文号", "F02",
        "文件 x_1.csv 的表头与约定不符：缺少必填列：决定文书号，第 1 行",
        "请按目录约定的模板补齐或更正列名后整批重报；如模板已变更，请先与信用办更新目录",
    ]  # fmt: skip
    assert read_twin(settings, name) == [
        {
            "receipt_no": None, "file": "x_1.csv", "row_no": 1, "field": "决定文书号", "code": "F02",
            "message_zh": row[4], "cure_zh": row[5],
        }
    ]  # fmt: skip
