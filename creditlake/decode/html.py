"""A web page saved as .xls: the rows of its first filled table, as Excel shows them.

Many systems export a table so. The page is read piece by piece by a tokenizer of our own: html.parser of
Python 3.11 takes quadratic time on damaged pages, and only tables matter here. End tags of cells and rows
may be missing, as HTML allows; a page that ends inside a table was cut off. A cell that spans several is
text in the first and blank in the others. row_no counts the rows of its table. The page's own word about
its encoding is not asked: the contract's is verified.
"""

import html
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.table import judge_other, read_table
from creditlake.decode.verified_text import MARKUP_BREAKS, VerifiedText

TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:_-]*)")
QUOTE_OR_END = re.compile("[\"'>]")
SPAN = re.compile(r"\b(col|row)span\s*=\s*[\"']?\s*(\d{1,6})", re.IGNORECASE)
BLANKS = re.compile(r"[ \t\r\n\f]+")
TOKEN_MAX = 32 << 20  # characters of a tag, a comment or a cell
PIECE_COST = 64  # characters that a piece of text counts for besides its own: it takes memory for itself
WIDTH_MAX = 16_384  # Excel's
DEPTH_MAX = 32  # tables within tables
SPANNED_MAX = 10_000_000  # cells of a table that only spans fill: a page of a kilobyte can ask for more
ROW_PARTS = frozenset({"tr", "thead", "tbody", "tfoot"})
LINE_TAGS = frozenset({"br", "p", "div", "li"})


class Token(NamedTuple):
    """A start tag (name in lower case, attributes as written), an end tag ("/td") or text (name "")."""

    name: str
    text: str


class PageRow(NamedTuple):
    """One row of one table; tables are numbered by their start tags."""

    table: int
    cells: list[str]


def read_html(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of the page's table, or of all with `sheets: all`; raises FileDefect (F01, F02, F05)."""
    source = VerifiedText(path, contract.delivery.encoding, breaks=MARKUP_BREAKS)
    rows = Page(source).rows()
    number = 0
    for _, table in itertools.groupby(rows, key=lambda row: row.table):
        cells = drop_blank_table(row.cells for row in table)
        if cells is None:
            continue
        number += 1
        if number == 1 or contract.delivery.sheets == "all":
            facts.inner = f"#{number}" if contract.delivery.sheets == "all" else ""
            yield from read_table(cells, contract, facts, keep_ragged=True)
        else:
            judge_table(number, cells, contract, facts)
    if not number:
        raise FileDefect("F01", "the page has no table with text", "网页中没有表格数据")


def drop_blank_table(rows: Iterator[list[str]]) -> Iterator[list[str]] | None:
    """Return the rows again, or None if all are blank."""
    for blank, cells in enumerate(rows):
        if any(text.strip() for text in cells):
            return itertools.chain(itertools.repeat([], blank), [cells], rows)
    return None


def judge_table(number: int, rows: Iterator[list[str]], contract: Contract, facts: FileFacts) -> None:
    """Note a table that is not read as F10; raises F02 if it looks like the agreed one."""
    header = next(itertools.islice(rows, contract.delivery.header_row - 1, None), [])
    defect = judge_other(number, header, True, contract)
    if defect and defect.code == "F10":
        facts.defects.append(defect)
    elif defect:
        raise defect


@dataclass
class OpenTable:
    """A table whose end was not met yet. `is_layout`: another stands in it, its own text is none of ours."""

    number: int
    is_layout: bool = False
    has_text: bool = False
    row: list[str] | None = None
    cell: list[list[str]] | None = None  # lines of pieces
    spans: tuple[int, int] = (1, 1)
    below: dict[int, int] = field(default_factory=dict)  # column → how many more rows a cell above covers
    characters: int = 0
    spanned: int = 0

    def open_cell(self, attributes: str) -> None:
        """Begin a cell; one that is open ends."""
        self.close_cell()
        self.row = [] if self.row is None else self.row
        self.cell = [[]]
        self.characters = 0
        spans = {kind.lower(): max(int(number), 1) for kind, number in SPAN.findall(attributes)}
        self.spans = (spans.get("col", 1), spans.get("row", 1))

    def add_text(self, text: str) -> None:
        """Add text to the open cell."""
        if self.cell is None:
            return
        self.characters += len(text) + PIECE_COST
        if self.characters > TOKEN_MAX:
            raise too_long()
        self.cell[-1].append(text)

    def add_line(self) -> None:
        """Begin a new line in the open cell."""
        if self.cell is not None:
            self.cell.append([])
            self.add_text(" ")

    def close_cell(self) -> None:
        """Put the open cell into its row, under what stands above."""
        if self.cell is None or self.row is None:
            return
        self._pass_covered(self.row)
        text = render_lines(self.cell)
        self.has_text = self.has_text or bool(text)
        columns, rows = self.spans
        self._check_size(len(self.row) + columns, columns - 1)
        if rows > 1:
            self.below |= dict.fromkeys(range(len(self.row), len(self.row) + columns), rows)
        self.row += [text, *[""] * (columns - 1)]
        self.cell = None

    def close_row(self) -> list[str] | None:
        """Return the finished row, or None if none is open."""
        self.close_cell()
        if self.row is None:
            return None
        self._pass_covered(self.row)
        self.below = {column: rows - 1 for column, rows in self.below.items() if rows > 1}
        row, self.row = self.row, None
        return row

    def _pass_covered(self, row: list[str]) -> None:
        before = len(row)
        while len(row) in self.below:
            row.append("")
        self._check_size(len(row), len(row) - before)

    def _check_size(self, width: int, spanned: int) -> None:
        self.spanned += spanned
        if width > WIDTH_MAX or self.spanned > SPANNED_MAX:
            raise FileDefect(
                "F01",
                f"a row of more than {WIDTH_MAX} cells, or endless spans",
                "表格列数或合并单元格超出限度",
            )


class Page:
    """The rows of a page's tables."""

    def __init__(self, source: VerifiedText) -> None:
        self._source = source
        self._open: list[OpenTable] = []
        self._tables = 0

    def rows(self) -> Iterator[PageRow]:
        """Yield every row of every table that is not layout."""
        for name, text in read_tokens(self._source):
            if name == "table":
                self._open_table()
            elif not self._open:
                continue
            elif not name:
                self._open[-1].add_text(text)
            elif name == "/table":
                yield from self._close_row()
                self._open.pop()
            elif name.removeprefix("/") in ROW_PARTS:
                yield from self._close_row()
                if name == "tr":
                    self._open[-1].row = []
            elif name in ("td", "th"):
                self._open[-1].open_cell(text)
            elif name in ("/td", "/th"):
                self._open[-1].close_cell()
            elif name in LINE_TAGS:
                self._open[-1].add_line()
        if self._open:
            raise FileDefect("F05", "the page ends inside its table", "网页在表格中间结束")

    def _open_table(self) -> None:
        if self._open:
            outer = self._open[-1]
            outer.is_layout = True
            if outer.has_text or len(self._open) >= DEPTH_MAX:
                raise FileDefect("F02", "a table within the table", "表格单元格中嵌套了表格")
        self._tables += 1
        self._open.append(OpenTable(self._tables))

    def _close_row(self) -> Iterator[PageRow]:
        table = self._open[-1]
        row = table.close_row()
        if row is not None and not table.is_layout:
            yield PageRow(table.number, row)


def render_lines(lines: list[list[str]]) -> str:
    """Return a cell's text as it is shown: blanks run together, entities replaced, lines kept."""
    texts = (html.unescape(BLANKS.sub(" ", "".join(line))).replace("\xa0", " ") for line in lines)
    return "\n".join(text.strip(" ") for text in texts).strip()


def read_tokens(source: VerifiedText) -> Iterator[Token]:
    """Yield tags and texts in linear time; comments and scripts are left out. Raises F01, F05."""
    buffer, place = "", 0
    for piece in source.texts():
        buffer, place = buffer[place:] + piece, 0
        while True:
            token, end = next_token(buffer, place)
            if end == place:
                break
            place = end
            if token:
                yield token
        if len(buffer) - place > TOKEN_MAX:
            raise too_long()
    if buffer[place:].strip():
        raise FileDefect("F05", "the page ends inside a tag", "网页在标签中间结束")


def next_token(buffer: str, place: int) -> tuple[Token | None, int]:
    """Return the token at `place` and where it ends: `place` itself if the rest of it is not there yet."""
    opening = buffer.find("<", place)
    if opening != place:  # a piece may end within a text
        end = opening if opening >= 0 else len(buffer)
        return Token("", buffer[place:end]), end
    if buffer.startswith("<!--", place):
        return None, _behind(buffer, "-->", place + 2, place)
    if buffer.startswith(("<!", "<?"), place):
        return None, _behind(buffer, ">", place, place)
    tag = TAG.match(buffer, place)
    if tag is None:  # a "<" that opens nothing; of one at the very end that is not known yet
        end = place if place + 1 == len(buffer) else place + 1
        return Token("", "<"), end
    end = _end_of_tag(buffer, tag.end())
    if end < 0:
        return None, place
    name = tag["name"].lower()
    if name in ("script", "style") and not tag["end"]:
        closing = re.compile(f"</{name}[^>]*>", re.IGNORECASE).search(buffer, end)
        return None, closing.end() if closing else place
    return Token(tag["end"] + name, buffer[tag.end() : end - 1]), end


def _behind(buffer: str, mark: str, start: int, place: int) -> int:
    found = buffer.find(mark, start)
    return found + len(mark) if found >= 0 else place


def _end_of_tag(buffer: str, start: int) -> int:
    """Return where a tag ends: behind the first ">" that is not within quotes; -1 if it is not there."""
    place = start
    while found := QUOTE_OR_END.search(buffer, place):
        if found[0] == ">":
            return found.end()
        place = buffer.find(found[0], found.end()) + 1
        if not place:
            return -1
    return -1


def too_long() -> FileDefect:
    """Return the defect of a page with an endless tag or cell."""
    size = TOKEN_MAX >> 20
    return FileDefect("F01", f"a tag or cell of more than {size} MB", f"标签或单元格超过 {size} MB")
