"""Workbooks for departments: text stays text, nothing is a formula, a file has an end."""

import zipfile
from pathlib import Path

import openpyxl
import pytest

from creditlake.outbox import FolderOutbox
from creditlake.workbook import DECISIVE, ROWS_PER_FILE, SheetRow, write_workbooks


def test_text_stays_text_in_excel(tmp_path: Path) -> None:
    values = ["=1+1", "00123", "123456789012345678", "+86", "@x", "a\x00b", "两\n行", None, 7]
    header = [str(place) for place in range(len(values))]

    file, _ = write_workbooks(
        FolderOutbox(tmp_path / "outbox", tmp_path / "scratch"), "court", "t", header, [SheetRow(values)]
    )

    row = openpyxl.load_workbook(tmp_path / "outbox" / "court" / file.name).active[2]
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


@pytest.mark.parametrize(
    "text", ["=1+1", '=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "#N/A"]
)
@pytest.mark.parametrize("colour", [None, DECISIVE])
def test_no_cell_of_a_return_file_is_a_formula(tmp_path: Path, text: str, colour: str | None) -> None:
    marks = {0: colour} if colour else {}

    file, _ = write_workbooks(
        FolderOutbox(tmp_path / "outbox", tmp_path / "scratch"),
        "court",
        "t",
        [text],
        [SheetRow([text], marks)],
    )

    path = tmp_path / "outbox" / "court" / file.name
    with zipfile.ZipFile(path) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<f " not in sheet
    assert sheet.count('t="inlineStr"') + sheet.count('t="s"') == 2
    header, below = openpyxl.load_workbook(path).active["A"]
    for cell in (header, below):
        assert (cell.data_type, cell.number_format) == ("s", "@")
        assert cell.value == text.replace("\r", "\n")  # XML knows one line break
        assert cell.quotePrefix is (not text.startswith("#"))


@pytest.mark.slow
def test_a_file_holds_a_hundred_thousand_rows_at_most(tmp_path: Path) -> None:
    rows = (SheetRow([number], lines=[{"row_no": number}]) for number in range(ROWS_PER_FILE + 1))

    files = list(
        write_workbooks(FolderOutbox(tmp_path / "outbox", tmp_path / "scratch"), "court", "t", ["n"], rows)
    )

    names = ["t_01.jsonl", "t_01.xlsx", "t_02.jsonl", "t_02.xlsx"]
    assert sorted((file.name, file.rows) for file in files) == list(
        zip(names, [ROWS_PER_FILE, ROWS_PER_FILE, 1, 1], strict=True)
    )
    assert sorted(path.name for path in (tmp_path / "outbox" / "court").iterdir()) == names
