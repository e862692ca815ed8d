"""Workbooks: the table between titles and notes, cells as people see them."""

import io
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from creditlake.decode import DecodeError
from creditlake.decode.workbook_process import render_cell
from tests.deliveries import HEADER, Desk, make_contract

CONTRACT = make_contract(
    delivery={
        "format": "xlsx",
        "file_pattern": "x_*.xlsx",
        "header_row": 3,
        "footer_markers": ["填表说明", "合计"],
    }
)


MIDNIGHT = datetime.fromisoformat("2026-11-17")  # Excel knows no time zone


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Workbooks with titles in rows 1 and 2 and the header in row 3."""
    return Desk(tmp_path, CONTRACT)


def make_workbook(rows: Iterable[list[Any]], title: bool = True) -> openpyxl.Workbook:
    """A workbook with merged titles, the header and rows."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    if title:
        sheet.append(["行政许可信息"])
        sheet.merge_cells("A1:D2")
        sheet.append([])
    sheet.append(HEADER)
    for row in rows:
        sheet.append(row)
    return workbook


def save(workbook: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def test_the_table_is_read_between_titles_and_notes_with_sheet_row_numbers(desk: Desk) -> None:
    rows = [
        ["1", "甲", 0.2, None],
        [],
        ["2", "乙\n分店", 3, "x"],
        ["合计商贸有限公司", "3", 1, "y"],
        [None, "填表说明：每行一件"],
        ["二、金额单位为万元"],
    ]

    manifest = desk.decode(save(make_workbook(rows)))

    assert desk.values(manifest) == [
        (4, "1", "甲", "0.2", ""),
        (6, "2", "乙\n分店", "3", "x"),
        (7, "合计商贸有限公司", "3", "1", "y"),
    ]
    assert manifest.columns == HEADER
    assert manifest.counts == {"received": 3, "ragged": 0, "blank": 1}


def test_data_below_the_notes_block_the_workbook(desk: Desk) -> None:
    rows = [["1", "甲", 1, None], [None, "填表说明：每行一件"], ["2", "乙", 1, ""]]

    (defect,) = desk.decode(save(make_workbook(rows))).defects
    assert (defect.code, defect.level) == ("F12", "B")
    assert defect.message == "F12: x_1.xlsx, row 6: the notes begin in row 5"
    assert defect.message_zh == "文件 x_1.xlsx 第 6 行是数据，却在表尾说明之下（说明始于第 5 行）"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("007", "007"), (1, "1"), (1.0, "1"), (-0.0, "0"), (0.1 + 0.2, "0.3"), (1e-7, "0.0000001"),
        (12345678901.5, "12345678901.5"), (100000000000000, "100000000000000"),
        (123456789012345678, "123456789012346000"), (1e22, "10000000000000000000000"), (True, "TRUE"),
        (date(2026, 11, 17), "2026-11-17"), (MIDNIGHT, "2026-11-17"),
        (MIDNIGHT.replace(hour=8, minute=30, second=5), "2026-11-17 08:30:05"), (time(8, 30), "08:30:00"),
        (timedelta(hours=30, minutes=5), "30:05:00"), ("1E+05", "1E+05"),
    ],
)  # fmt: skip
def test_a_cell_is_the_text_that_excel_shows(desk: Desk, cell: Any, text: str) -> None:
    if not isinstance(cell, int) or abs(cell) < 2**53:
        assert render_cell(cell) == text
    manifest = desk.decode(save(make_workbook([["1", "甲", None, cell]])))

    assert desk.rows(manifest)[0]["remarks"] == text


def test_a_failed_formula_is_kept_as_its_error_text(desk: Desk) -> None:
    rows = [["1", "#N/A", None, "a"], ["2", "乙", "#DIV/0!", "b"]]

    manifest = desk.decode(save(make_workbook(rows)))

    assert desk.values(manifest) == [(4, "1", "#N/A", "", "a"), (5, "2", "乙", "#DIV/0!", "b")]


def test_a_table_that_begins_in_column_b_keeps_its_columns(desk: Desk) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for column, text in enumerate(HEADER, start=2):
        sheet.cell(3, column, text)
        sheet.cell(4, column, f"c{column}")

    assert desk.values(desk.decode(save(workbook))) == [(4, "c2", "c3", "c4", "c5")]


def test_hidden_lists_and_explanations_beside_the_table_are_left_out(desk: Desk) -> None:
    workbook = make_workbook([["1", "甲", 1, None]])
    workbook.create_sheet("字典").append(["名称", "决定文书号"])
    workbook["字典"].sheet_state = "hidden"
    workbook.create_sheet("填表说明").append(["每行一件，名称必填"])

    assert desk.decode(save(workbook)).counts["received"] == 1


def test_a_second_table_is_refused_not_lost(desk: Desk) -> None:
    workbook = make_workbook([["1", "甲", 1, None]])
    second = workbook.copy_worksheet(workbook.worksheets[0])
    second.title = "自然人"

    (defect,) = desk.decode(save(workbook)).defects
    assert defect.code == "F02"
    assert defect.message == "F02: x_1.xlsx: sheet 2 holds a second table; deliver one table per file"


def with_sheets(*names: str) -> openpyxl.Workbook:
    """A workbook of one table a sheet, the name of the sheet in it."""
    workbook = openpyxl.Workbook()
    for name in names:
        sheet = workbook.create_sheet(name)
        for row in ([], [], HEADER, ["1", name, None, None], [], ["2", name, None, None], ["合计"]):
            sheet.append(row)
    del workbook["Sheet"]
    return workbook


def sheets_desk(tmp_path: Path, sheets: Any) -> Desk:
    """A desk whose contract names sheets."""
    return Desk(tmp_path, make_contract(delivery=CONTRACT.delivery.model_dump() | {"sheets": sheets}))


def test_a_filled_sheet_that_is_not_read_is_a_warning(desk: Desk) -> None:
    workbook = make_workbook([["1", "甲", 1, None]])
    workbook.create_sheet("空").append(["", " "])
    workbook.create_sheet("说明").append(["每行一件"])

    manifest = desk.decode(save(workbook))

    assert (manifest.status, manifest.counts) == ("ok", {"received": 1, "ragged": 0, "blank": 0, "F10": 1})
    (defect,) = manifest.defects
    assert (defect.code, defect.level, defect.message) == ("F10", "W", "F10: x_1.xlsx: sheet 3 was not read")
    assert defect.message_zh == "文件 x_1.xlsx 中有未读取的非空工作表（第 3 个工作表未读取）"


def test_all_sheets_are_read_each_with_its_own_row_numbers(tmp_path: Path) -> None:
    desk = sheets_desk(tmp_path, "all")
    workbook = with_sheets("法人", "自然人")
    workbook.create_sheet("Sheet3")
    workbook.create_sheet("字典").append(["x"])
    workbook["字典"].sheet_state = "hidden"

    manifest = desk.decode(save(workbook))

    assert [(row["file_name"], row["row_no"], row["name"]) for row in desk.rows(manifest)] == [
        ("x_1.xlsx#1", 4, "法人"),
        ("x_1.xlsx#1", 6, "法人"),
        ("x_1.xlsx#2", 4, "自然人"),
        ("x_1.xlsx#2", 6, "自然人"),
    ]
    assert manifest.extra["tables"] == ["x_1.xlsx#1", "x_1.xlsx#2"]
    assert [entry.rows for entry in manifest.outputs] == [4]


def test_named_sheets_are_read_in_the_contracts_order(tmp_path: Path) -> None:
    desk = sheets_desk(tmp_path, ["自然人", "法人"])
    workbook = with_sheets("法人", "自然人")
    workbook.create_sheet("说明").append(["x"])

    manifest = desk.decode(save(workbook))

    assert manifest.extra["tables"] == ["x_1.xlsx#2", "x_1.xlsx#1"]
    assert [defect.code for defect in manifest.defects] == ["F10"]
    (defect,) = desk.decode(save(with_sheets("法人"))).defects
    assert (defect.code, defect.message) == ("F02", "F02: x_2.xlsx: no sheet 自然人")
    (defect,) = desk.decode(save(with_sheets("法人", "自然人", "其他"))).defects
    assert (defect.code, defect.message[:42]) == ("F02", "F02: x_3.xlsx: sheet 3 holds a second tabl")


def test_a_defect_of_one_sheet_names_the_sheet(tmp_path: Path) -> None:
    workbook = with_sheets("法人", "自然人")
    workbook["自然人"]["B3"] = "姓"

    (defect,) = sheets_desk(tmp_path, "all").decode(save(workbook)).defects

    assert (defect.code, defect.file, defect.row_no) == ("F02", "x_1.xlsx#2", 3)


# ---- old workbooks


OLD_CONTRACT = make_contract(
    delivery=CONTRACT.delivery.model_dump() | {"also_accepts": ["xls"], "file_pattern": "x_*.xls*"}
)


def save_old(rows: Iterable[list[Any]]) -> bytes:
    """A BIFF workbook with titles in rows 1 and 2, the header in row 3, and a hidden and a second sheet."""
    workbook = xlwt.Workbook(encoding="utf-8")
    sheet = workbook.add_sheet("处罚")
    sheet.write_merge(0, 1, 0, 3, "行政许可信息")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for row_index, row in enumerate([HEADER, *rows], start=2):
        for column, value in enumerate(row):
            if isinstance(value, date):
                sheet.write(row_index, column, value, day)
            elif value is not None:
                sheet.write(row_index, column, value)
    workbook.add_sheet("字典").write(0, 0, "x")
    workbook.get_sheet("字典").visibility = 1
    workbook.add_sheet("Sheet3")
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


OLD_ROWS = [["007", "甲", 0.1 + 0.2, date(2026, 11, 17)], [], ["2", "㛃䶮𬭎", True, 12345678901.5], ["合计"]]
OLD_VALUES = [
    (4, "007", "甲", "0.3", "2026-11-17"),
    (6, "2", "㛃䶮𬭎", "TRUE", "12345678901.5"),
]


@pytest.mark.parametrize("name", ["x_1.xls", "x_1.xlsx"])
def test_an_old_workbook_is_read_under_any_ending(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path, OLD_CONTRACT)

    manifest = desk.decode(save_old(OLD_ROWS), name)

    assert desk.values(manifest) == OLD_VALUES
    assert manifest.counts == {"received": 2, "ragged": 0, "blank": 1}


def test_a_new_workbook_is_read_under_the_old_ending(tmp_path: Path) -> None:
    desk = Desk(tmp_path, OLD_CONTRACT)

    assert desk.values(desk.decode(save(make_workbook([["1", "甲", 1, None]])), "x_1.xls")) == [
        (4, "1", "甲", "1", "")
    ]


def test_an_old_workbook_that_was_not_agreed_is_refused(desk: Desk) -> None:
    (defect,) = desk.decode(save_old(OLD_ROWS)).defects

    assert (defect.code, "文件为旧版 .xls 格式" in defect.message_zh) == ("F01", True)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_old_workbook_is_found(tmp_path: Path, share: float) -> None:
    data = save_old([[str(number), f"甲{number}", 1, None] for number in range(500)])

    (defect,) = Desk(tmp_path, OLD_CONTRACT).decode(data[: int(len(data) * share)], "x_1.xls").defects

    assert (defect.code, defect.level) in {("F05", "B"), ("F01", "B")}


def test_a_workbook_that_breaks_its_reader_is_a_defect_of_the_file(tmp_path: Path) -> None:
    """One cell in the last corner: calamine asks for a table of 17 thousand million cells."""
    workbook = make_workbook([["1", "甲", 1, None]])
    workbook.worksheets[0]["XFD1048576"] = "x"

    (defect,) = Desk(tmp_path, CONTRACT).decode(save(workbook)).defects

    assert (defect.code, defect.level) == ("F01", "B")
    assert defect.message_zh == (
        "文件 x_1.xlsx 无法读取或编码错误（Excel 文件已损坏，或读取所需内存、时间超出限度）"
    )


def test_a_reader_that_does_not_start_or_is_killed_is_our_own_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, CONTRACT)
    killed = "import os; print('{\"ready\": true}', flush=True); os.kill(os.getpid(), 9)"
    for program in ("", killed):
        (tmp_path / "process.py").write_text(program)
        monkeypatch.setattr("creditlake.decode.workbook.PROCESS", tmp_path / "process.py")
        with pytest.raises(DecodeError, match="the reader of workbooks ended with"):
            desk.decode(save(make_workbook([["1", "甲", 1, None]])))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_workbook_is_found(desk: Desk, share: float) -> None:
    data = save(make_workbook([["1", "甲", 1, None]] * 50))

    (defect,) = desk.decode(data[: int(len(data) * share)]).defects
    assert (defect.code, defect.level, defect.file) == ("F05", "B", "x_1.xlsx")
    assert defect.message == "F05: x_1.xlsx: the workbook is cut off"
    assert defect.message_zh == "文件 x_1.xlsx 不完整，疑似传输中断（Excel 文件不完整或已损坏）"


def test_a_workbook_damaged_inside_is_found(desk: Desk) -> None:
    data = bytearray(save(make_workbook([[str(n), f"甲{n}", n, None] for n in range(500)])))
    middle = data.index(b"xl/worksheets/sheet1.xml") + 400
    data[middle : middle + 8] = b"\xff" * 8

    assert [defect.code for defect in desk.decode(bytes(data)).defects] == ["F05"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "文件为旧版 .xls 格式或已加密"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "文件不是 xlsx 格式"),
        ("决定文书号,名称\n1,甲\n".encode(), "文件不是 xlsx 格式"),
    ],
)
def test_what_is_no_xlsx_workbook_is_refused(desk: Desk, data: bytes, text: str) -> None:
    (defect,) = desk.decode(data).defects

    assert (defect.code, text in defect.message_zh) == ("F01", True)


def test_a_header_in_another_row_is_refused(desk: Desk) -> None:
    (defect,) = desk.decode(
        save(make_workbook([["1", "甲", 1, None], ["2", "乙", 1, None]], title=False))
    ).defects

    assert (defect.code, defect.row_no) == ("F02", 3)


def test_a_filled_cell_without_a_header_is_refused(desk: Desk) -> None:
    (defect,) = desk.decode(save(make_workbook([["1", "甲", 1, None], ["2", "乙", 1, None, "秘密"]]))).defects

    assert (defect.code, defect.row_no) == ("F02", 5)
    assert defect.message_zh == "文件 x_1.xlsx 的表头与约定不符：第 5 列有数据但没有列名，第 5 行"


def test_a_workbook_without_rows_needs_a_nil_declaration(desk: Desk) -> None:
    assert [defect.code for defect in desk.decode(save(make_workbook([]))).defects] == ["F06"]
    assert [defect.code for defect in desk.decode(save(openpyxl.Workbook())).defects] == ["F06"]
    assert [defect.code for defect in desk.decode(b"").defects] == ["F06"]
