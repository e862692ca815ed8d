"""CSV files, streamed: constant memory at any size, the row numbers those of a spreadsheet.

pyarrow parses; three things are ours. Row numbers: pyarrow hands over good rows in order and names the
number of each bad one, so the good ones fill the gaps. The end: a line of our own is appended to the
stream; if it does not come back as a record by itself, a quote before it was never closed and the file
is cut off or broken (pyarrow accepts that in silence). The header is read as an ordinary record, because
pyarrow counts lines there, not records.
"""

import csv
import io
import itertools
import re
import uuid
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from creditlake.contract import Contract, Delivery
from creditlake.decode.cells import FileFacts, Rows, drop_blank, is_filled, text_rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.footer import Footer, expect_footer
from creditlake.decode.headers import Columns, match_header
from creditlake.decode.verified_text import LINE_BREAKS, VerifiedText

BLOCK_BYTES = 8 << 20  # also the longest record


class BadRow(NamedTuple):
    """A record whose number of cells is not the header's."""

    number: int
    line: str
    cells: int


@dataclass
class Records:
    """Numbers the records of one file while pyarrow hands over the good ones and reports the bad ones."""

    end_mark: str
    footer: Footer
    split: Callable[[str], list[str]]  # a line into its cells
    next: int = 1  # number of the first record not yet accounted for
    end_number: int | None = None  # where our end mark came back
    last_bad: BadRow | None = None
    _bad: deque[BadRow] = field(default_factory=deque)

    def take_bad(self, row: pa_csv.InvalidRow) -> Literal["skip"]:
        """Note a record with a wrong number of cells; pyarrow calls this in file order, ahead of the rows."""
        if row.number is None:
            raise AssertionError("pyarrow numbers bad rows only without threads")
        if row.text.startswith(self.end_mark):
            self.end_number = row.number
        else:
            self.last_bad = BadRow(row.number, row.text, row.actual_columns)
            self._bad.append(self.last_bad)
            if self.footer.markers:
                self.footer.note(row.number, self.split(row.text))
        return "skip"

    def number_good(self, count: int) -> npt.NDArray[np.int64]:
        """Return the numbers of the next good records: those that no bad record has."""
        bad = np.fromiter((row.number for row in self._bad), np.int64, len(self._bad))
        places = np.arange(self.next, self.next + count, dtype=np.int64)
        numbers = places + np.searchsorted(bad - np.arange(len(bad)), places, side="right")
        if count:
            self.next = int(numbers[-1]) + 1
        return numbers

    def pass_bad(self) -> Iterator[BadRow]:
        """Yield the bad records that lie before the next good one, as far as known."""
        while self._bad and self._bad[0].number <= self.next:
            row = self._bad.popleft()
            self.next = max(self.next, row.number + 1)
            yield row


def read_csv(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of one file; raises FileDefect (F01, F02, F05). An empty file yields nothing."""
    delivery = contract.delivery
    header = read_header(path, contract)
    if header is None:
        return
    columns = match_header(contract, header, delivery.header_row)
    facts.header, facts.template = columns.delivered, columns.template
    records = Records(
        end_mark=f"end-{uuid.uuid4().hex}",
        footer=expect_footer(contract, columns),
        split=lambda line: next(split_records(line, delivery), []),
    )
    mark = records.end_mark if len(header) > 1 else records.end_mark + delivery.delimiter
    source = open_text(path, delivery, tail=f"{mark}\n".encode())
    try:
        for batch in parse(source, delivery, columns, records):
            yield keep_good(batch, records, columns, delivery.header_row, facts)
            yield keep_ragged(records, delivery.header_row, facts)
    finally:
        source.close()
    check_end(records, len(header), source.ends_with_newline)


def open_text(path: Path, delivery: Delivery, tail: bytes = b"") -> VerifiedText:
    """Return the file's verified text, cut between lines."""
    quoted = delivery.quoting == "minimal"
    return VerifiedText(path, delivery.encoding, tail, breaks=LINE_BREAKS, quoted=quoted)


def parse(
    source: VerifiedText, delivery: Delivery, columns: Columns, records: Records
) -> Iterator[pa.RecordBatch]:
    """Yield the good records as text columns named by `column_names`, the header among them."""
    names = column_names(columns)
    # A note may begin in a column that is not taken.
    taken = [name for name in names if records.footer.markers or not name.startswith("ignored ")]
    is_quoted = delivery.quoting == "minimal"
    try:
        yield from pa_csv.open_csv(
            cast("IO[bytes]", source),
            read_options=pa_csv.ReadOptions(
                column_names=names,
                block_size=BLOCK_BYTES,
                use_threads=False,  # else pyarrow does not say which record is bad
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=delivery.delimiter,
                quote_char='"' if is_quoted else False,
                newlines_in_values=is_quoted,
                ignore_empty_lines=False,
                invalid_row_handler=records.take_bad,
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(taken, pa.string()),
                include_columns=taken,
                strings_can_be_null=False,
                check_utf8=False,  # checked by VerifiedText
            ),
        )
    except pa.ArrowInvalid as error:
        if is_quoted and "straddling" in str(error):  # no record ends within a block
            raise unclosed_quote(records.next) from error
        raise FileDefect(
            "F01",
            f"a record is longer than {BLOCK_BYTES >> 20} MB, or not to be told from the next",
            f"单行超过 {BLOCK_BYTES >> 20} MB，或无法分行",
            row_no=records.next,
        ) from error


def column_names(columns: Columns) -> list[str]:
    """Return a unique name per delivered column: the field, or what is done with it instead."""
    return [
        name or (f"unnamed {index}" if index in columns.unnamed else f"ignored {index}")
        for index, name in enumerate(columns.fields)
    ]


def keep_good(
    batch: pa.RecordBatch, records: Records, columns: Columns, header_row: int, facts: FileFacts
) -> Rows:
    """Number the records of a batch; leave out the header and what is above it, and blank ones."""
    numbers = records.number_good(batch.num_rows)
    rows = pa.Table.from_batches([batch]).append_column("row_no", pa.array(numbers))
    above = int(np.searchsorted(numbers, header_row, side="right"))
    rows = cut_footer(rows.slice(above), records.footer)
    for index in columns.unnamed:
        filled = rows.filter(is_filled(rows[f"unnamed {index}"]))
        if filled.num_rows:
            raise unnamed_column(index + 1, filled["row_no"][0].as_py())
    fields = [name for name in columns.fields if name]
    kept = drop_blank(rows.select(["row_no", *fields]), fields)
    facts.received += kept.num_rows
    facts.blank += rows.num_rows - kept.num_rows
    return kept


def cut_footer(rows: Rows, footer: Footer) -> Rows:
    """Return the rows above the notes; raises F12 for data beneath them."""
    if not footer.markers or not rows.num_rows:
        return rows
    numbers: list[int] = rows["row_no"].to_numpy().tolist()
    cells = rows.drop_columns(["row_no"])
    begin = rf"^\s*({'|'.join(map(re.escape, footer.markers))})"
    begins = [pc.match_substring_regex(column, begin).to_numpy() for column in cells.columns]
    candidates: list[int] = np.flatnonzero(np.logical_or.reduce(begins)).tolist()
    any(footer.note(numbers[index], cells_of(cells, index)) for index in candidates)
    if footer.row_no is None:
        return rows
    end = bisect_left(numbers, footer.row_no)
    for index in range(end, len(numbers)):
        footer.holds(numbers[index], cells_of(cells, index))
    return rows.slice(0, end)


def cells_of(rows: Rows, index: int) -> list[str]:
    """Return the cells of one row."""
    return [column[index].as_py() for column in rows.columns]


def keep_ragged(records: Records, header_row: int, facts: FileFacts) -> Rows:
    """Return the ragged records up to here; a line of blanks is a blank record."""
    below = [row for row in records.pass_bad() if row.number > header_row]
    ragged = [row for row in below if not records.footer.holds(row.number, records.split(row.line))]
    filled = [row for row in ragged if row.line.strip()]
    facts.received += len(filled)
    facts.ragged += len(filled)
    facts.blank += len(ragged) - len(filled)
    return text_rows([row.number for row in filled], {"ragged_line": [row.line for row in filled]})


def check_end(records: Records, expected: int, ends_with_newline: bool) -> None:
    """Raise F05 if the file stops inside a quoted cell or before its last record is complete."""
    if records.end_number is None:
        raise unclosed_quote(records.next - 1)
    last = records.last_bad
    if ends_with_newline or last is None or last.number != records.end_number - 1:
        return
    if records.footer.holds(last.number, ()):  # a note is as long as it likes
        return
    if last.cells < expected and last.line.strip():
        raise FileDefect(
            "F05",
            "the last record has too few cells and no line break",
            f"最后一行只有 {last.cells} 列（应为 {expected} 列），且没有换行符",
            row_no=last.number,
        )


def read_header(path: Path, contract: Contract) -> list[str] | None:
    """Return the cells of the header record, or None for a file without any text."""
    delivery = contract.delivery
    source = open_text(path, delivery)
    try:
        text = source.peek().decode()
    finally:
        source.close()
    if not text.strip():
        return None
    records = split_records(text, delivery)
    try:
        header = next(itertools.islice(records, delivery.header_row - 1, None), None)
    except csv.Error as error:  # a cell of more than 128 KB
        raise FileDefect("F02", "the header is not readable", "表头无法读取") from error
    if header is None:
        raise FileDefect("F02", "the file ends before the header row", "文件在表头行之前结束")
    return header


def split_records(text: str, delivery: Delivery) -> Iterator[list[str]]:
    """Yield the records of a short text as lists of cells."""
    return csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delivery.delimiter,
        quoting=csv.QUOTE_MINIMAL if delivery.quoting == "minimal" else csv.QUOTE_NONE,
    )


def unclosed_quote(row_no: int) -> FileDefect:
    """Return the defect of a quote that is open at the end of the file."""
    return FileDefect(
        "F05",
        "a quoted cell is never closed: the file is cut off, or a quote is missing",
        "引号没有成对，文件被截断或缺少引号",
        row_no=row_no,
    )


def unnamed_column(column: int, row_no: int) -> FileDefect:
    """Return the defect of a filled column without a header."""
    return FileDefect(
        "F02", f"column {column} has cells but no header", f"第 {column} 列有数据但没有列名", row_no=row_no
    )
