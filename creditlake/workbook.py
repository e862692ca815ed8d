"""Workbooks for people: xlsx that opens in Excel with every value as it is, at most 100,000 rows a file."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from creditlake.gate.model import Closed

ROWS_PER_FILE = 100_000
CELL_MAX = 32_767  # Excel's own limit
NOT_IN_XLSX = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class WrittenFile(Closed):
    """One file in an outbox; `name` is relative to it."""

    name: str
    bytes: int
    rows: int
    sha256: str


def write_workbooks(
    folder: Path, stem: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[WrittenFile]:
    """Write rows as `<stem>_01.xlsx`, `_02` …; no rows, no file. A file of that name is replaced whole."""
    number, sheet_rows = 0, iter(rows)
    while chunk := list(islice(sheet_rows, ROWS_PER_FILE)):
        number += 1
        yield _write_workbook(folder / f"{stem}_{number:02d}.xlsx", header, chunk)


def _write_workbook(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> WrittenFile:
    """Write one workbook under another name and move it into place, so that nobody fetches half a file."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("退回")
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, text) for text in header])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        book.save(draft)
        data = draft.read_bytes()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return WrittenFile(
        name=path.name, bytes=len(data), rows=len(rows), sha256=hashlib.sha256(data).hexdigest()
    )


def _cell(sheet: Any, value: Any) -> Any:
    """Return a cell that Excel shows as it is: text stays text, also `=1+1`, `00123` and 18 digits."""
    if value is None or isinstance(value, int):
        return value
    cell = WriteOnlyCell(sheet)
    cell.value = NOT_IN_XLSX.sub("\ufffd", str(value))[:CELL_MAX]
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
