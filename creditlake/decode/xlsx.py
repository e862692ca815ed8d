"""Excel workbooks: the table of one sheet, under merged titles and above fill-in notes.

calamine reads a whole sheet into memory (at most about 100,000 rows are agreed). Excel does not keep
what was typed but a number and a format; cells become the text that Excel shows in a wide column:
15 significant digits, no exponent, integers without decimals, dates as 2026-11-17. A long number that
Excel has rounded ends in zeros and is found later by its precision loss (K06). calamine reads a failed
formula (#N/A) as an empty cell; those are rare, and openpyxl, ten times slower, fetches their texts.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import openpyxl
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
    ZipError,
)

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows, text_rows
from creditlake.decode.csv import unnamed_column
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import Columns, level_header, map_headers, match_header

PIECE_BYTES = 4 << 20
ERROR_CELL = b't="e"'
BATCH_ROWS = 20_000
ZIP_MAGIC = b"PK"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
EXCEL_DIGITS = 15
Cell = int | float | str | bool | time | date | datetime | timedelta


def read_xlsx(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of the workbook's table; raises FileDefect (F01, F02, F05)."""
    if not path.stat().st_size:
        return
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            sheet = find_table(workbook, contract)
            yield from read_sheet(sheet, contract, facts, find_failed_formulas(path, sheet.name))
    except (CalamineError, zipfile.BadZipFile, zlib.error) as error:
        raise unreadable_workbook(path, error) from error


def unreadable_workbook(path: Path, error: Exception) -> FileDefect:
    """Tell a cut or damaged workbook (F05) from a file that is none (F01)."""
    with path.open("rb") as file:
        start = file.read(4)
    if isinstance(error, PasswordError) or start == OLE_MAGIC:
        return FileDefect("F01", "an old .xls file or a password", "文件为旧版 .xls 格式或已加密")
    if start.startswith(ZIP_MAGIC):
        kind = "cut off" if isinstance(error, ZipError) else "damaged"
        return FileDefect("F05", f"the workbook is {kind}", "Excel 文件不完整或已损坏")
    return FileDefect("F01", "not an xlsx workbook", "文件不是 xlsx 格式（可能是改名的网页或文本文件）")


def find_table(workbook: CalamineWorkbook, contract: Contract) -> CalamineSheet:
    """Return the sheet with the table: the first visible one. A second table would be lost: F02."""
    visible = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible is SheetVisibleEnum.Visible]
    if not visible:
        raise FileDefect("F02", "no visible sheet", "没有可见的工作表")
    known = map_headers(contract)
    for number, name in enumerate(visible[1:], start=2):
        header = _header_of(workbook.get_sheet_by_name(name), contract)
        if sum(level_header(text) in known for text in header) >= len(contract.natural_key) + 1:
            raise FileDefect(
                "F02",
                f"sheet {number} holds a second table; deliver one table per file",
                f"第 {number} 个工作表也是数据表，每个文件只能有一个数据表",
            )
    return workbook.get_sheet_by_name(visible[0])


def find_failed_formulas(path: Path, sheet: str) -> dict[int, dict[int, str]]:
    """Return the error texts of a sheet as row → column index → text; quick if the workbook has none."""
    with zipfile.ZipFile(path) as parts:
        names = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        if not any(_contains(parts, name, ERROR_CELL) for name in names):
            return {}
    workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        failed: dict[int, dict[int, str]] = {}
        for row in workbook[sheet].iter_rows():
            for cell in row:
                if cell.data_type == "e":
                    failed.setdefault(cell.row, {})[cell.column - 1] = str(cell.value)
        return failed
    finally:
        workbook.close()


def _contains(parts: zipfile.ZipFile, name: str, text: bytes) -> bool:
    """Search one member of a zip file in constant memory."""
    rest = b""
    with parts.open(name) as stream:
        while piece := stream.read(PIECE_BYTES):
            if text in rest + piece:
                return True
            rest = piece[-len(text) :]
    return False


def _header_of(sheet: CalamineSheet, contract: Contract) -> list[str]:
    """Return the texts of a sheet's header row, without the blank ones at its end; [] if it ends before."""
    for number, row in enumerate(
        sheet.to_python(skip_empty_area=False, nrows=contract.delivery.header_row), 1
    ):
        if number == contract.delivery.header_row:
            texts = [render_cell(cell) for cell in row]
            while texts and not texts[-1].strip():
                texts.pop()
            return texts
    return []


def read_sheet(
    sheet: CalamineSheet, contract: Contract, facts: FileFacts, failed: dict[int, dict[int, str]]
) -> Iterator[Rows]:
    """Yield the rows between the header and the first footer marker; row_no is the sheet's."""
    if sheet.start is None:
        return  # not one cell
    header = _header_of(sheet, contract)
    columns = match_header(contract, header, contract.delivery.header_row)
    facts.header = columns.delivered
    numbers: list[int] = []
    texts: list[list[str]] = []
    left = [""] * sheet.start[1]  # calamine leaves out empty columns before the first filled one
    for row_no, row in enumerate(sheet.iter_rows(), start=1):
        if row_no <= contract.delivery.header_row:
            continue
        cells = left + [cell if type(cell) is str else render_cell(cell) for cell in row]
        for index, text in failed.get(row_no, {}).items():
            cells[index] = text
        first = next((text.strip() for text in cells if text.strip()), "")
        if not first:
            facts.blank += 1
        elif first.startswith(contract.delivery.footer_markers):
            break
        else:
            check_width(cells, columns, row_no)
            numbers.append(row_no)
            texts.append(cells)
        if len(numbers) == BATCH_ROWS:
            yield _rows_of(numbers, texts, columns, facts)
            numbers, texts = [], []
    yield _rows_of(numbers, texts, columns, facts)


def check_width(cells: Sequence[str], columns: Columns, row_no: int) -> None:
    """Raise F02 for a filled cell in a column that has no header."""
    beyond = range(len(columns.fields), len(cells))
    for index in (*columns.unnamed, *beyond):
        if cells[index].strip():
            raise unnamed_column(index + 1, row_no)


def _rows_of(numbers: list[int], texts: list[list[str]], columns: Columns, facts: FileFacts) -> Rows:
    facts.received += len(numbers)
    return text_rows(
        numbers,
        {name: [cells[index] for cells in texts] for index, name in enumerate(columns.fields) if name},
    )


def render_cell(cell: Cell) -> str:
    """Return the text of a cell as Excel shows it in a column that is wide enough."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return render_number(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d") if cell.time() == time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.isoformat("seconds")
    hours, seconds = divmod(int(cell.total_seconds()), 3600)
    return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"


def render_number(number: float) -> str:
    """Return a number with Excel's 15 digits, written out."""
    if number == int(number) and abs(number) < 10**EXCEL_DIGITS:
        return str(int(number))
    return f"{Decimal(format(number, f'.{EXCEL_DIGITS}g')):f}"
