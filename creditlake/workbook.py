"""Workbooks for people, and the same for programs: xlsx and JSON lines, at most 100,000 rows a file.

Excel shows every value as it is. What begins with `=`, `+`, `-`, `@` or a tab is text like all else: stored
as text, formatted as text and marked with the apostrophe, so that it is no formula after an edit either.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill

from creditlake.outbox import Outbox, WrittenFile

ROWS_PER_FILE = 100_000
CELL_MAX = 32_767  # Excel's own limit
NOT_IN_XLSX = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
DECISIVE, NOTED = "FFC7CE", "FFEB9C"  # red: why the row went back; yellow: a warning
FILLS = {colour: PatternFill("solid", start_color=colour, end_color=colour) for colour in (DECISIVE, NOTED)}


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet; `marks` gives cells by their place a colour, `lines` are its lines of the twin."""

    values: Sequence[Any]
    marks: Mapping[int, str] = field(default_factory=dict)
    lines: Sequence[Mapping[str, Any]] = ()


def write_workbooks(
    outbox: Outbox, department: str, stem: str, header: Sequence[str], rows: Iterable[SheetRow]
) -> Iterator[WrittenFile]:
    """Write rows as `<stem>_01.xlsx` with their lines in `_01.jsonl`, then `_02` …; no rows, no file."""
    number, sheet_rows = 0, iter(rows)
    while chunk := list(islice(sheet_rows, ROWS_PER_FILE)):
        number += 1
        name = f"{stem}_{number:02d}"
        lines = [line for row in chunk for line in row.lines]
        yield write_workbook(outbox, department, f"{name}.xlsx", "退回", header, chunk)
        yield outbox.put(department, f"{name}.jsonl", len(lines), partial(_dump, lines))


def write_workbook(
    outbox: Outbox,
    department: str,
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[SheetRow],
) -> WrittenFile:
    """Write one workbook of one sheet into an outbox."""
    return outbox.put(department, name, len(rows), make_workbook(title, header, rows).save)


def make_workbook(title: str, header: Sequence[str], rows: Iterable[SheetRow]) -> Workbook:
    """Return a workbook of one sheet, to be saved once; its first row stays in sight."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, text) for text in header])
    for row in rows:
        sheet.append([_cell(sheet, value, row.marks.get(place)) for place, value in enumerate(row.values)])
    return book


def _dump(lines: Sequence[Mapping[str, Any]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def _cell(sheet: Any, value: Any, colour: str | None = None) -> Any:
    """Return a cell that Excel shows as it is: text stays text, also `=1+1`, `00123` and 18 digits."""
    if colour is None and (value is None or isinstance(value, int)):
        return value
    cell = WriteOnlyCell(sheet)
    if isinstance(value, int):
        cell.value = value
    elif value is not None:
        text = NOT_IN_XLSX.sub("\ufffd", str(value))[:CELL_MAX]
        cell.value = text
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = text.startswith(FORMULA_STARTS)
    if colour is not None:
        cell.fill = FILLS[colour]
    return cell
