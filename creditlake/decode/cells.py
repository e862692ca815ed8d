"""Cells on disk: one Parquet part per delivered file, zstd, about 100,000 rows a row group.

Grain: one row per record of the file, blank ones left out. Columns: `row_no`, `ragged_line` (the line as
delivered, null unless its number of cells is wrong), `file_name` (of a file of several tables: with the
table's place in it), `receipt_no` (the receipt number that the row cites), then every field of the contract
as text: null where nothing was delivered (no such column, a JSON null, a ragged row), "" for an empty cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.contract import Contract, OlderTemplate
from creditlake.decode.defects import FileDefect
from creditlake.receipt_no import RECEIPT_FIELD

ROW_GROUP_ROWS = 100_000
ROW_GROUP_BYTES = 64 << 20
Rows = pa.Table
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"


@dataclass
class FileFacts:
    """What a reader learns about one file while its rows are read; final when they are exhausted.

    `inner` says which table of the file is being read, where it holds several; `defects` are those that
    do not stop reading.
    """

    name: str
    header: tuple[str, ...] = ()
    template: OlderTemplate | None = None  # that the file follows; None: the present one
    received: int = 0  # records, ragged ones included, blank ones not
    ragged: int = 0
    blank: int = 0
    inner: str = ""
    totals: list[int] = field(default_factory=list)  # how many records there are, as the file itself says
    says_nil: bool = False  # the file itself says that it holds no rows, or which of its tables does not
    defects: list[FileDefect] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Name of the table being read: within it row numbers are unique."""
        return self.name + self.inner


@dataclass
class CellsWriter:
    """Writes one part; compressing runs in a thread beside the reader, at most one row group behind."""

    path: Path
    contract: Contract
    rows: int = 0
    places: dict[str, None] = field(default_factory=dict)
    _waiting_bytes: int = 0
    _waiting_rows: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _pending: Future[None] | None = None

    def __post_init__(self) -> None:
        texts = ["ragged_line", "file_name", RECEIPT_FIELD, *self.contract.fields]
        self.schema = pa.schema({"row_no": pa.int64()} | dict.fromkeys(texts, pa.string()))
        self._writer = pq.ParquetWriter(
            self.path,
            self.schema,
            compression="zstd",
            # minima and maxima would put personal values into the footer
            write_statistics=False,
            use_dictionary=True,
        )
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            self._thread.shutdown(wait=True)
            self._writer.close()
        if kind is None:
            self._wait()

    def write(self, rows: Rows, place: str) -> None:
        """Add rows of one table of the file, which have `row_no` and any of the other columns."""
        if not rows.num_rows:
            return
        self.places[place] = None
        self._waiting.append(self._complete(rows, place))
        self.rows += rows.num_rows
        self._waiting_rows += rows.num_rows
        self._waiting_bytes += rows.nbytes
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _complete(self, rows: Rows, place: str) -> pa.Table:
        """Bring rows to the part's schema: absent columns become null."""
        count = rows.num_rows
        columns: list[Column] = []
        for name in self.schema.names:
            if name == "file_name":
                columns.append(pa.repeat(pa.scalar(place), count))
            elif name in rows.column_names:
                columns.append(rows[name])
            else:
                columns.append(pa.nulls(count, pa.string()))
        return pa.table(columns, schema=self.schema)

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._wait()
        table, self._waiting = pa.concat_tables(self._waiting), []
        self._waiting_rows = self._waiting_bytes = 0
        self._pending = self._thread.submit(self._writer.write_table, table, ROW_GROUP_ROWS)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def drop_blank(rows: Rows, columns: Sequence[str]) -> Rows:
    """Leave out the records that have no filled cell in any of the columns; cheap when there is none."""
    if not rows.num_rows or not columns:
        return rows
    filled = is_filled(rows[columns[0]])
    for name in columns[1:]:
        if pc.all(filled).as_py():
            return rows
        filled = pc.or_(filled, is_filled(rows[name]))
    return rows if pc.all(filled).as_py() else rows.filter(filled)


def is_filled(column: Column) -> Column:
    """Tell per cell whether it holds anything but blanks."""
    trimmed = pc.utf8_trim_whitespace(column)
    return cast("Column", pc.fill_null(pc.not_equal(trimmed, pa.scalar("")), pa.scalar(False)))


def text_rows(numbers: Iterable[int], columns: Mapping[str, "list[str | None] | pa.Array[Any]"]) -> Rows:
    """Return rows from Python lists or text arrays."""
    arrays: dict[str, pa.Array[Any]] = {"row_no": pa.array(numbers, pa.int64())}
    arrays |= {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table(arrays)
