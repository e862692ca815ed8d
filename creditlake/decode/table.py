"""The table in a sheet, under titles and above fill-in notes; row_no is the sheet's."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows, text_rows
from creditlake.decode.csv import unnamed_column
from creditlake.decode.defects import FileDefect
from creditlake.decode.footer import Footer, expect_footer
from creditlake.decode.headers import Columns, level_header, map_headers, match_header

BATCH_ROWS = 20_000
BATCH_CHARACTERS = 16 << 20
CELL_COST = 8  # characters that a cell counts for besides its own


def read_table(
    rows: Iterable[list[str]], contract: Contract, facts: FileFacts, *, keep_ragged: bool
) -> Iterator[Rows]:
    """Yield the rows between the header and the notes below; no row at all yields nothing.

    `rows` begin with row 1; they may end before their last, blank columns. `keep_ragged`: a row whose
    number of cells is not the header's is kept as one line, its cells parted by tabs; else cells that
    are not there are blank, and a filled one beyond the header raises F02.
    """
    delivery = contract.delivery
    batch: TableBatch | None = None
    footer: Footer | None = None
    row_no = 0
    for row_no, cells in enumerate(rows, start=1):
        if row_no == delivery.header_row:
            columns = match_header(contract, trim(cells), row_no)
            facts.header, facts.template = columns.delivered, columns.template
            batch = TableBatch(columns, facts, keep_ragged)
            footer = expect_footer(contract, columns)
        if batch is None or footer is None or row_no == delivery.header_row:
            continue
        first = next((text.strip() for text in cells if text.strip()), "")
        if not first:
            facts.blank += 1
        elif footer.holds(row_no, cells):
            continue
        elif not (first.startswith(footer.markers) and footer.note(row_no, cells)):
            batch.add(row_no, cells)
            if batch.is_full:
                yield batch.take()
    if batch is not None:
        yield batch.take()
    elif row_no:
        match_header(contract, (), delivery.header_row)  # names what is missing


class TableBatch:
    """Rows of one table waiting to become cells."""

    def __init__(self, columns: Columns, facts: FileFacts, keep_ragged: bool) -> None:
        self.columns = columns
        self.facts = facts
        self.keep_ragged = keep_ragged
        self._start()

    def _start(self) -> None:
        self._numbers: list[int] = []
        self._texts: list[Sequence[str]] = []
        self._ragged_numbers: list[int] = []
        self._ragged_lines: list[str | None] = []
        self._characters = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to take the rows."""
        return (
            len(self._numbers) + len(self._ragged_numbers) >= BATCH_ROWS
            or self._characters >= BATCH_CHARACTERS
        )

    def add(self, row_no: int, cells: Sequence[str]) -> None:
        """Take one filled row."""
        self.facts.received += 1
        self._characters += sum(map(len, cells)) + CELL_COST * len(cells)
        width = len(self.columns.fields)
        if self.keep_ragged and not (len(trim(cells)) <= width <= len(cells)):
            self.facts.ragged += 1
            self._ragged_numbers.append(row_no)
            self._ragged_lines.append("\t".join(cells))
            return
        check_width(cells, self.columns, row_no)
        self._numbers.append(row_no)
        self._texts.append(cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))])

    def take(self) -> Rows:
        """Return the waiting rows and begin anew."""
        fields = enumerate(self.columns.fields)
        columns: dict[str, list[str | None] | pa.Array[Any]] = {
            name: [cells[index] for cells in self._texts] for index, name in fields if name
        }
        rows = text_rows(self._numbers, columns)
        ragged = text_rows(self._ragged_numbers, {"ragged_line": self._ragged_lines})
        self._start()
        return pa.concat_tables([rows, ragged], promote_options="default") if ragged.num_rows else rows


def trim(cells: Sequence[str]) -> Sequence[str]:
    """Return a row without the blank cells at its end."""
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def check_width(cells: Sequence[str], columns: Columns, row_no: int) -> None:
    """Raise F02 for a filled cell in a column that has no header."""
    for index in (*columns.unnamed, *range(len(columns.fields), len(cells))):
        if index < len(cells) and cells[index].strip():
            raise unnamed_column(index + 1, row_no)


def judge_other(number: int, header: Sequence[str], filled: bool, contract: Contract) -> FileDefect | None:
    """Return what is wrong with a table that is not read: F02 for one that looks agreed, F10 if not empty."""
    known = map_headers(contract)
    if sum(level_header(text) in known for text in header) >= len(contract.natural_key) + 1:
        return FileDefect(
            "F02",
            f"sheet {number} holds a second table; deliver one table per file",
            f"第 {number} 个工作表也是数据表，每个文件只能有一个数据表",
        )
    if filled:
        return FileDefect("F10", f"sheet {number} was not read", f"第 {number} 个工作表未读取")
    return None
