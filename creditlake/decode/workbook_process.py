"""A process of its own that opens one workbook for `workbook.py`, with limits on memory and time.

calamine ends the whole process where a damaged .xls claims 300 GB of cells (seen in 0.9.1), and a small
workbook can claim a table of 17 thousand million. So it runs apart: what it breaks is a defect of the file.

Run by path, without the project's other modules: it starts in a tenth of a second. It speaks JSON lines:
`ready`, the `sheets`; then a request says which sheets to look at (`peek`) and which to `read`; each peeked
sheet answers with its header and whether it is filled, each read one with frames of rows and an `end`.

Excel does not keep what was typed but a number and a format; cells become the text that Excel shows in a
wide column: 15 significant digits, no exponent, integers without decimals, dates as 2026-11-17. calamine
reads a failed formula (#N/A) as an empty cell; those are rare, and openpyxl, ten times slower, fetches the
texts, of xlsx only.
"""

import json
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
)

MEMORY_BYTES = 3 << 30  # 100,000 rows of 29 columns take 0.7 GB
CPU_SECONDS = 600
PIECE_BYTES = 4 << 20
FRAME_ROWS = 2_000
FRAME_CHARACTERS = 4 << 20
ZIP_MAGIC = b"PK"
ERROR_CELL = b't="e"'
EXCEL_DIGITS = 15
Cell = int | float | str | bool | time | date | datetime | timedelta
Row = list[str]


def main(path: Path, header_row: int) -> None:
    """Answer one request about one workbook."""
    limit(resource.RLIMIT_AS, MEMORY_BYTES)
    limit(resource.RLIMIT_CPU, CPU_SECONDS)
    limit(resource.RLIMIT_CORE, 0)
    send(ready=True)
    try:
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            sheets = workbook.sheets_metadata
            send(sheets=[(sheet.name, sheet.visible is SheetVisibleEnum.Visible) for sheet in sheets])
            request = json.loads(sys.stdin.readline())
            for name in request["peek"]:
                peek(workbook.get_sheet_by_name(name), header_row)
            has_failed = has_failed_formulas(path)
            for name in request["read"]:
                failed = find_failed_formulas(path, name) if has_failed else {}
                send_sheet(workbook.get_sheet_by_name(name), failed)
    except PasswordError:
        send(error="password")
    except (CalamineError, zipfile.BadZipFile, zlib.error):
        send(error="damaged" if not is_zip(path) or zipfile.is_zipfile(path) else "cut off")


def limit(kind: int, most: int) -> None:
    """Set a limit of this process, or keep a stricter one."""
    hard = resource.getrlimit(kind)[1]
    lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (lower, lower))


def is_zip(path: Path) -> bool:
    """Tell whether a file begins as xlsx does."""
    with path.open("rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def send(**frame: Any) -> None:
    """Write one frame."""
    sys.stdout.write(json.dumps(frame) + "\n")
    sys.stdout.flush()


def peek(sheet: CalamineSheet, header_row: int) -> None:
    """Say what stands in a sheet's header row, and whether there is anything in the sheet."""
    rows = [list(map(render_cell, row)) for row in sheet.to_python(skip_empty_area=False, nrows=header_row)]
    filled = any(render_cell(cell).strip() for row in sheet.iter_rows() for cell in row)
    send(header=rows[header_row - 1] if len(rows) >= header_row else [], filled=filled)


def send_sheet(sheet: CalamineSheet, failed: dict[int, dict[int, str]]) -> None:
    """Send every row from row 1 and column A on; a row of blanks is sent as an empty one."""
    frame: list[Row] = []
    characters = 0
    for cells in list_rows(sheet, failed) if sheet.start is not None else ():
        frame.append(cells)
        characters += sum(map(len, cells))
        if len(frame) >= FRAME_ROWS or characters >= FRAME_CHARACTERS:
            send(rows=frame)
            frame, characters = [], 0
    send(rows=frame)
    send(end=True)


def list_rows(sheet: CalamineSheet, failed: dict[int, dict[int, str]]) -> Iterator[Row]:
    """Yield the texts of every row."""
    left = [""] * (sheet.start[1] if sheet.start else 0)  # calamine leaves out empty columns before the first
    for row_no, row in enumerate(sheet.iter_rows(), start=1):
        cells = left + [cell if type(cell) is str else render_cell(cell) for cell in row]
        for index, text in failed.get(row_no, {}).items():
            cells[index] = text
        yield cells if any(text.strip() for text in cells) else []


def has_failed_formulas(path: Path) -> bool:
    """Tell whether some sheet of an xlsx holds an error text."""
    if not is_zip(path):
        return False
    with zipfile.ZipFile(path) as parts:
        names = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        return any(_contains(parts, name, ERROR_CELL) for name in names)


def find_failed_formulas(path: Path, sheet: str) -> dict[int, dict[int, str]]:
    """Return the error texts of a sheet as row → column index → text."""
    import openpyxl  # slow to import, and seldom needed

    failed: dict[int, dict[int, str]] = {}
    with path.open("rb") as file:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        for row in workbook[sheet].iter_rows():
            for cell in row:
                if cell.data_type == "e":
                    failed.setdefault(cell.row, {})[cell.column - 1] = str(cell.value)
    return failed


def _contains(parts: zipfile.ZipFile, name: str, text: bytes) -> bool:
    """Search one member of a zip file in constant memory."""
    rest = b""
    with parts.open(name) as stream:
        while piece := stream.read(PIECE_BYTES):
            if text in rest + piece:
                return True
            rest = piece[-len(text) :]
    return False


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


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
