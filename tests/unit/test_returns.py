"""Return files: every refused or held row goes back once, as it was delivered, with row, code and cure."""

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from creditlake.explain import explain_defects, translate_detail
from creditlake.returns import write_returns
from creditlake.settings import Settings
from creditlake.storage import StepManifest
from creditlake.workbook import ROWS_PER_FILE, write_workbooks
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
    return sorted(path.name for path in (settings.outbox / "court").glob("*"))


def test_refused_and_held_rows_go_back_as_delivered_with_row_code_and_cure(
    desk: Desk, settings: Settings
) -> None:
    batch = deliver(desk, settings, [(2, "K01", "H", "name"), (4, "M01", "E", "name")])

    assert run(desk, settings) == {"court": 1}

    assert outbox(settings) == [f"20261117_退回_示例_{batch}_1_01.xlsx"]
    header, *rows = read_sheet(settings.outbox / "court" / outbox(settings)[0])
    assert header == ["名称", "备注", "决定文书号", "罚款金额（万元）", "行号", "错误代码", "错误说明"]
    assert rows == [
        [
            "甲", "=1+1", "A〔2026〕1号", "00.2", 2, "K01",
            "第 2 行“名称”不符合统一社会信用代码规则。请核对营业执照或登记证书上的18位代码后更正。",
        ],
        [None, "空", "C", "1", 4, "M01", "第 4 行缺少必填项“名称”。请补填后重报该行。"],
    ]  # fmt: skip


def test_a_row_with_only_warnings_does_not_go_back_but_a_refused_rows_warnings_do(
    desk: Desk, settings: Settings
) -> None:
    deliver(desk, settings, [(2, "D04", "W"), (5, "D04", "W"), (5, "M01", "E", "name")])

    run(desk, settings)

    _, *rows = read_sheet(settings.outbox / "court" / outbox(settings)[0])
    assert [(row[4], row[5]) for row in rows] == [(5, "M01;D04")]


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
    assert [row[4:6] for row in read_sheet(settings.outbox / "court" / second)[1:]] == [[2, "K08"]]


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

    header, row = read_sheet(settings.outbox / "court" / outbox(settings)[0])
    assert header[4:] == ["原始行", "行号", "错误代码", "错误说明"]
    assert row[:7] == [None, None, None, None, "乙,好,B,1,多,余", 3, "F04"]


def test_a_blocked_batch_goes_back_as_one_sheet_with_file_row_field_and_cure(
    desk: Desk, settings: Settings
) -> None:
    manifest = desk.decode("名称,备注,罚款金额（万元）\n甲,好,1\n")
    assert manifest.status == "blocked"

    assert run(desk, settings) == {"court": 1}
    assert run(desk, settings) == {}

    (name,) = outbox(settings)
    assert name.startswith("20261117_整批退回_示例_b")
    header, row = read_sheet(settings.outbox / "court" / name)
    assert header == ["文件", "行号", "字段", "错误代码", "错误说明", "处理办法"]
    assert row == [
        "x_1.csv", manifest.defects[0].row_no, "文号", "F02",
        "文件 x_1.csv 的表头与约定不符：缺少必填列：决定文书号，第 1 行",
        "请按目录约定的模板补齐或更正列名后整批重报；如模板已变更，请先与信用办更新目录",
    ]  # fmt: skip


def test_text_stays_text_in_excel(tmp_path: Path) -> None:
    values = ["=1+1", "00123", "123456789012345678", "+86", "@x", "a\x00b", "两\n行", None, 7]

    (file,) = write_workbooks(tmp_path, "t", [str(i) for i in range(len(values))], [values])

    row = openpyxl.load_workbook(tmp_path / file.name).active[2]
    assert [cell.value for cell in row] == [
        "=1+1",
        "00123",
        "123456789012345678",
        "+86",
        "@x",
        "a\ufffdb",
        "两\n行",
        None,
        7,
    ]
    assert [cell.data_type for cell in row] == ["s"] * 7 + ["n", "n"]


@pytest.mark.slow
def test_a_file_holds_a_hundred_thousand_rows_at_most(tmp_path: Path) -> None:
    rows = ([number] for number in range(ROWS_PER_FILE + 1))

    files = list(write_workbooks(tmp_path, "t", ["n"], rows))

    assert [(file.name, file.rows) for file in files] == [("t_01.xlsx", ROWS_PER_FILE), ("t_02.xlsx", 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t_01.xlsx", "t_02.xlsx"]


def test_every_defect_of_the_catalogue_can_be_explained(desk: Desk) -> None:
    assert len(desk.catalog.defects) >= 25
    for code, entry in desk.catalog.defects.items():
        for field, detail in (("name", "细节"), (None, None)):
            found = {"code": code, "level": entry.level, "field": field, "detail": detail}
            codes, text = explain_defects(desk.catalog, desk.contract, 7, [found])
            assert codes == code
            assert "{" not in text
            assert "（）" not in text


def test_the_decisive_defect_comes_first_and_each_once(desk: Desk) -> None:
    late = {"code": "D04", "level": "W", "field": None, "detail": ""}
    wrong = {"code": "K01", "level": "H", "field": "name", "detail": "suspect"}
    refused = {"code": "M01", "level": "E", "field": "doc_no", "detail": ""}

    assert explain_defects(desk.catalog, desk.contract, 7, [late, late, wrong, refused]) == (
        "M01;K01;D04",
        "第 7 行缺少必填项“文号”。请补填后重报该行。\n"
        "第 7 行“名称”不符合统一社会信用代码规则（校验码不符）。"
        "请核对营业执照或登记证书上的18位代码后更正。\n"
        "第 7 行超过决定之日起七个工作日报送。本行已收录，计入迟报；请按时报送。",
    )


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("at most 200 characters", "至多 200 字"),
        ("before doc_no", "早于“文号”"),
        ("masked", "含遮盖符号"),
        ("something new", "something new"),
    ],
)
def test_details_are_said_in_chinese(desk: Desk, detail: str, words: str) -> None:
    assert translate_detail(desk.contract, detail) == words


def test_a_value_outside_its_code_list_is_answered_with_the_list(desk: Desk) -> None:
    contract = REAL.contracts["market_regulation.penalty_decision"]
    found = {"code": "V01", "level": "E", "field": "counterpart_class", "detail": ""}

    _, text = explain_defects(REAL, contract, 7, [found])

    assert text.endswith("请按代码表填报：法人及非法人组织、自然人、个体工商户。")
