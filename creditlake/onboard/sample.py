"""Read a sample whose shape nobody has agreed yet: format, encoding and delimiter are found, not declared.

A found shape is a proposal. It goes into the draft, an officer confirms it, and from then on decode holds
every delivery to it. What cannot be told from the bytes is a SampleProblem, never a guess.
"""

import codecs
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from creditlake.decode.jsonl import read_object, render_value
from creditlake.decode.spreadsheet import OLE_MAGIC, ZIP_MAGIC
from creditlake.decode.verified_text import MOJIBAKE, RARE_SHARE_MAX, UTF16_CODECS, rare_share
from creditlake.decode.workbook_process import render_cell

SAMPLE_MAX_BYTES = 64 << 20
USUAL_DELIMITERS = ",\t|;^~"
ODD_DELIMITERS = "\x01\x1f#$&*@!"
DELIMITER_RECORDS = 500  # records looked at to find the delimiter
CONSISTENT = 0.6  # share of records that must have one width
WORKBOOK = "xl/workbook.xml"


class SampleProblem(Exception):
    """A sample cannot be read or has no table; the message says what to ask the department for."""


@dataclass(frozen=True)
class Shape:
    """How a file is written, in the contract's words; a workbook has no encoding, JSON lines no delimiter."""

    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    also_accepts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grid:
    """One sample as rows of text, in the order in which decode numbers them; JSON keys come first."""

    name: str
    shape: Shape
    rows: list[list[str]]


def read_sample(path: Path, max_bytes: int = SAMPLE_MAX_BYTES) -> Grid:
    """Return a sample as text; raises SampleProblem."""
    if path.stat().st_size > max_bytes:
        raise SampleProblem(f"{path.name}: larger than {max_bytes >> 20} MB; a part of it is enough")
    data = path.read_bytes()
    if not data.strip():
        raise SampleProblem(f"{path.name}: the file is empty; ask for one with rows")
    try:
        return READERS[sniff_format(data, path.name)](path, data)
    except csv.Error as error:
        raise SampleProblem(f"{path.name}: not readable as a text table: {error}") from error


def sniff_format(data: bytes, name: str) -> str:
    """Return csv, xlsx, xls or jsonl by what the file holds; its suffix often lies."""
    if data.startswith(OLE_MAGIC):
        return "xls"
    if data.startswith(ZIP_MAGIC):
        if zipfile.is_zipfile(io.BytesIO(data)) and WORKBOOK in zipfile.ZipFile(io.BytesIO(data)).namelist():
            return "xlsx"
        raise SampleProblem(f"{name}: a zip archive or a damaged workbook; give the files in it")
    start = data.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if start == b"<":
        raise SampleProblem(f"{name}: HTML or XML (网页或 XML 文件)")
    if start == b"[":
        raise SampleProblem(f"{name}: one JSON array; JSON lines have one object a line")
    return "jsonl" if start == b"{" else "csv"


def sniff_encoding(data: bytes, name: str) -> str:
    """Return the encoding in which the bytes are ordinary text; nearly anything decodes as GB 18030."""
    if data[:2] in UTF16_CODECS:
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    readings: list[tuple[float, int, str]] = []
    for order, encoding in enumerate(("utf-8", "gb18030")):
        try:
            readings.append((rare_share(data.decode(encoding))[0], order, encoding))
        except UnicodeDecodeError:
            continue
    if not readings or min(readings)[0] > RARE_SHARE_MAX:
        raise SampleProblem(f"{name}: neither UTF-8 nor GB 18030 (编码无法识别)")
    return min(readings)[2]


def decode_text(data: bytes, name: str) -> tuple[str, str]:
    """Return (text, encoding); refuses text that an earlier wrong conversion has destroyed."""
    encoding = sniff_encoding(data, name)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SampleProblem(f"{name}: not {encoding} to its end (编码前后不一)") from error
    if any(mark in text for mark in MOJIBAKE):
        raise SampleProblem(f"{name}: characters were lost in an earlier conversion (含有乱码)")
    return text, encoding


def sniff_delimiter(text: str) -> str:
    """Return the character that cuts most records into one number of cells; a comma where none does.

    Unusual characters are asked only when no usual one serves: they stand in ordinary text.
    """
    for group in (USUAL_DELIMITERS, ODD_DELIMITERS):
        scored = [(*score_delimiter(text, mark), -group.index(mark), mark) for mark in group if mark in text]
        usable = [score for score in scored if score[0] >= CONSISTENT]
        if usable:
            return max(usable)[-1]
    return ","


def score_delimiter(text: str, mark: str) -> tuple[float, int]:
    """Return (share of records with the most frequent width, in tenths; that width)."""
    records = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    widths = Counter(len(record) for record, _ in zip(records, range(DELIMITER_RECORDS), strict=False))
    wide = {width: count for width, count in widths.items() if width > 1}
    if not wide:
        return 0.0, 1
    width = max(wide, key=lambda width: (wide[width], width))
    return round(wide[width] / widths.total(), 1), width


def read_text_table(path: Path, data: bytes) -> Grid:
    """Read a delimited text file."""
    text, encoding = decode_text(data, path.name)
    delimiter = sniff_delimiter(text)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return Grid(path.name, Shape("csv", encoding, delimiter), rows)


def read_lines(path: Path, data: bytes) -> Grid:
    """Read JSON lines; the keys of all objects, in the order in which they are met, are the header."""
    text, encoding = decode_text(data, path.name)
    try:
        objects = [read_object(line) for line in text.removeprefix("\ufeff").split("\n") if line.strip()]
    except ValueError as error:
        raise SampleProblem(f"{path.name}: a line is no JSON object") from error
    keys = list(dict.fromkeys(key for values in objects for key in values))
    rows = [[render_value(values.get(key)) or "" for key in keys] for values in objects]
    return Grid(path.name, Shape("jsonl", encoding), [keys, *rows])


def read_old_workbook(path: Path, data: bytes) -> Grid:
    """Read an .xls workbook: a spreadsheet in the contract's words, which also accepts the old kind."""
    return Grid(path.name, Shape("xlsx", also_accepts=("xls",)), read_workbook(path, data).rows)


def read_workbook(path: Path, data: bytes) -> Grid:
    """Read the first visible sheet, from its first row and column on."""
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as workbook:
            visible = [s.name for s in workbook.sheets_metadata if s.visible is SheetVisibleEnum.Visible]
            if not visible:
                raise SampleProblem(f"{path.name}: no visible sheet (没有可见的工作表)")
            sheet = workbook.get_sheet_by_name(visible[0])
            rows = [[render_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except CalamineError as error:
        raise SampleProblem(
            f"{path.name}: the workbook is damaged or has a password (Excel 文件已损坏或已加密)"
        ) from error
    return Grid(path.name, Shape("xlsx"), rows)


READERS: dict[str, Callable[[Path, bytes], Grid]] = {
    "csv": read_text_table,
    "xlsx": read_workbook,
    "xls": read_old_workbook,
    "jsonl": read_lines,
}


def agree_on_shape(grids: Sequence[Grid]) -> Shape:
    """Return the shape all samples have; samples of two shapes are two datasets, or a question to ask."""
    shapes = {grid.shape for grid in grids}
    if len(shapes) > 1:
        told = "; ".join(
            f"{g.name}: {g.shape.format} {g.shape.encoding} {g.shape.delimiter!r}" for g in grids
        )
        raise SampleProblem(f"the samples differ in shape, draft them one by one: {told}")
    return grids[0].shape
