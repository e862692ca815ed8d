"""Write delivered files: DuckDB makes one line of text per row, this module encodes and packs the stream.

The lines come as Arrow buffers, so no value passes through a Python object; memory is that of a batch.
File names, ZIP entries and modification times carry no clock: the same rows give the same bytes.
"""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self
from xml.sax.saxutils import escape

import duckdb

SHANGHAI_OFFSET = timedelta(hours=8)
BATCH_ROWS = 20_000
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
ZIP_LEVEL = 1  # deflate is half the cost of a sheet; level 6 gives a third less bytes for four times the time
TITLE_ROWS = 2
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{CONTENT}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{CONTENT}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{CONTENT}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}">'
        '<sheets><sheet name="许可" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/styles.xml": (  # style 1 is a date
        f'<styleSheet xmlns="{SHEET}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}


@dataclass(frozen=True)
class Column:
    """One column of a file: its header and SQL for the cell's text (null = empty cell).

    `quoted`: the text may hold the delimiter, a quote or a line break; it is then always quoted.
    `date_cell`: SQL that is true where a spreadsheet holds a real date, i.e. the text is an Excel serial.
    """

    header: str
    sql: str
    quoted: bool = False
    date_cell: str = "false"


def csv_line(columns: list[Column], delimiter: str = ",") -> str:
    """SQL: one line of a CSV file with Windows line ends."""
    cells = [
        f"('\"' || replace({column.sql}, '\"', '\"\"') || '\"')" if column.quoted else f"({column.sql})"
        for column in columns
    ]
    return "concat(" + f", '{delimiter}', ".join(cells) + ", chr(13), chr(10))"


def json_line(columns: list[Column]) -> str:
    """SQL: one JSON object and a line end."""
    members = ", ".join(f'"{column.header}" := {column.sql}' for column in columns)
    return f"to_json(struct_pack({members}))::varchar || chr(10)"


def sheet_line(columns: list[Column]) -> str:
    """SQL: one `<row>` of a worksheet; needs the column `row_no`. Empty cells are left out."""
    cells = []
    for place, column in enumerate(columns):
        text = f"({column.sql})"
        if column.quoted:
            text = f"replace(replace(replace({text}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
        start = f"'<c r=\"{column_letters(place)}' || row_no || '\""
        usual = f'{start} t="inlineStr"><is><t xml:space="preserve">\' || {text} || \'</t></is></c>\''
        if column.date_cell == "false":
            cells.append(usual)
        else:
            cells.append(
                f"case when {column.date_cell} "
                f"then {start} s=\"1\"><v>' || {text} || '</v></c>' else {usual} end"
            )
    return "concat('<row r=\"', row_no, '\">', " + ", ".join(cells) + ", '</row>')"


def column_letters(place: int) -> str:
    """Letters of a 0-based column: A … Z, AA …"""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


class Sink(Protocol):
    """A file being written, one UTF-8 block of whole lines after the other."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def write(self, block: memoryview) -> None:
        """Append whole lines."""


class TextFile:
    """A CSV or JSON-lines file in the department's encoding."""

    def __init__(self, path: Path, encoding: str, header: str = "") -> None:
        self.path, self.encoding, self.header = path, encoding, header

    def __enter__(self) -> Self:
        self.file: IO[bytes] = self.path.open("wb")
        self.file.write(self.header.encode(self.encoding))  # utf-8-sig puts its mark here, before the header
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def write(self, block: memoryview) -> None:
        """Append whole lines."""
        if self.encoding.startswith("utf-8"):
            self.file.write(block)
        else:
            self.file.write(bytes(block).decode("utf-8").encode(self.encoding))


class SheetFile:
    """A workbook of one sheet: two merged title rows, the header in row 3, the rows, two notes below."""

    def __init__(
        self, path: Path, titles: tuple[str, str], headers: list[str], notes: list[str], rows: int
    ) -> None:
        self.path, self.titles, self.headers, self.notes, self.rows = path, titles, headers, notes, rows

    def __enter__(self) -> Self:
        self.package = zipfile.ZipFile(self.path, "w")
        for name, xml in SHEET_PARTS.items():
            with self.open_part(name) as part:
                part.write(('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + xml).encode())
        self.sheet = self.open_part("xl/worksheets/sheet1.xml")
        self.sheet.write(
            b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            + f'<worksheet xmlns="{SHEET}"><sheetData>'.encode()
        )
        for number, title in enumerate(self.titles, start=1):
            self.sheet.write(sheet_row(number, [title]))
        self.sheet.write(sheet_row(TITLE_ROWS + 1, self.headers))
        return self

    def open_part(self, name: str) -> IO[bytes]:
        """Open one part of the package for writing."""
        info = zipfile.ZipInfo(name, ZIP_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        # the attribute's public name comes with Python 3.13
        info._compresslevel = ZIP_LEVEL  # type: ignore[attr-defined]
        return self.package.open(info, "w", force_zip64=True)

    def write(self, block: memoryview) -> None:
        """Append whole rows."""
        self.sheet.write(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        first_note = TITLE_ROWS + 1 + self.rows + 1
        for number, note in enumerate(self.notes, start=first_note):
            self.sheet.write(sheet_row(number, [note]))
        last = column_letters(len(self.headers) - 1)
        merged = [1, 2, *range(first_note, first_note + len(self.notes))]
        references = "".join(f'<mergeCell ref="A{row}:{last}{row}"/>' for row in merged)
        self.sheet.write(
            f'</sheetData><mergeCells count="{len(merged)}">{references}</mergeCells></worksheet>'.encode()
        )
        self.sheet.close()
        self.package.close()


def sheet_row(number: int, texts: list[str]) -> bytes:
    """One worksheet row of plain texts."""
    cells = "".join(
        f'<c r="{column_letters(place)}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        for place, text in enumerate(texts)
    )
    return f'<row r="{number}">{cells}</row>'.encode()


def stream_lines(connection: duckdb.DuckDBPyConnection, line: str, table: str) -> Iterator[memoryview]:
    """Yield the lines of a table in its own order, as blocks of UTF-8 bytes."""
    reader = connection.execute(f"select {line} as line from {table}").to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        column = batch.column(0)
        if column.null_count:
            raise ValueError(
                f"{column.null_count} lines of {table} are null: a cell's SQL does not guard its nulls"
            )
        _, offsets, data = column.buffers()
        if offsets is None or data is None:
            raise ValueError(f"the lines of {table} did not come as text")
        bounds = memoryview(offsets).cast("i")
        yield memoryview(data)[bounds[column.offset] : bounds[column.offset + len(column)]]


def stamp_file(path: Path, day: date, delivered: time, minutes: int = 0) -> None:
    """Set a file's modification time to its delivery on that day, Asia/Shanghai."""
    instant = datetime.combine(day, delivered, tzinfo=UTC) - SHANGHAI_OFFSET + timedelta(minutes=minutes)
    nanoseconds = int(instant.timestamp()) * 1_000_000_000
    os.utime(path, ns=(nanoseconds, nanoseconds))
