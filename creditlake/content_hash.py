"""Hash what a table says, not how its files happen to be cut.

Two builds of the same table must have the same hash although the engine, the row groups, the
compression or the number of files differ; file sha256 cannot give that. So the hash runs over the
rows in the table's total order and over the schema: per column one digest of the validity bytes,
one of the value lengths and one of the value bytes, each a plain stream over all rows. A stream has
no batch boundaries, and a whole column batch goes to sha256 at once, which keeps ten million rows
of 900 bytes within a minute. The order is not assumed: every row must be greater than the one before.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HASH_VERSION = "creditlake-content-1"
BATCH_ROWS = 32_768
SIMPLE_NAMES = {
    "string": "text",
    "large_string": "text",
    "string_view": "text",
    "date32[day]": "date",
    "bool": "boolean",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
}


class NotHashable(Exception):
    """The table breaks a rule the hash rests on; the message names the file, the column or the row."""


@dataclass(frozen=True)
class ContentHash:
    """The hash of one table, with the rows counted while reading and the schema as hashed."""

    digest: str  # sha256, 64 hex
    rows: int
    schema: tuple[tuple[str, str], ...]  # (column, logical type), in column order


def describe_type(kind: pa.DataType) -> str:
    """Return the engine-independent name of an Arrow type.

    Floats and instants are refused: sums of floats differ with the number of threads, and a table
    holds business dates only, or two runs on one day would differ.
    """
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{describe_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return "struct<" + ",".join(f"{f.name}:{describe_type(f.type)}" for f in kind) + ">"
    if str(kind) not in SIMPLE_NAMES:
        raise NotHashable(f"type {kind} has no place in a published table; cast it in the model")
    return SIMPLE_NAMES[str(kind)]


class ColumnHasher:
    """Three streams over one column: is the value there, how long is it, its bytes."""

    def __init__(self, kind: pa.DataType) -> None:
        self.validity, self.lengths, self.values = (hashlib.sha256() for _ in range(3))
        self.children: list[ColumnHasher] = []
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            self.children = [ColumnHasher(kind.value_type)]
        elif pa.types.is_struct(kind):
            self.children = [ColumnHasher(field.type) for field in kind]

    def update(self, array: Any) -> None:
        """Add the next rows of the column."""
        valid = array.is_valid().cast(pa.uint8()).to_numpy(zero_copy_only=False)
        self.validity.update(valid.data)
        if pa.types.is_struct(array.type):
            for child, part in zip(self.children, array.flatten(), strict=True):
                child.update(part)
        elif self.children:
            lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
            self.lengths.update(lengths.astype("<i4").data)
            self.children[0].update(array.flatten())
        elif SIMPLE_NAMES.get(str(array.type)) == "text":
            self.update_text(array)
        else:
            self.update_fixed(array)

    def update_text(self, array: Any) -> None:
        """Hash UTF-8 bytes back to back; the lengths keep ('ab', 'c') apart from ('a', 'bc')."""
        array = array.cast(pa.string())
        if array.null_count:
            array = array.fill_null("")
        _, offset_buffer, data = array.buffers()
        if offset_buffer is None or len(array) == 0:
            return
        offsets = np.frombuffer(offset_buffer, dtype="<i4")[array.offset : array.offset + len(array) + 1]
        self.lengths.update(np.diff(offsets).data)
        if data is not None:
            self.values.update(memoryview(data)[int(offsets[0]) : int(offsets[-1])])

    def update_fixed(self, array: Any) -> None:
        """Hash fixed-width values, little-endian; the slot of a null counts as zero."""
        if pa.types.is_boolean(array.type):
            array = array.cast(pa.uint8())
        elif pa.types.is_date32(array.type):
            array = array.cast(pa.int32())
        elif pa.types.is_decimal(array.type):
            array = array.cast(pa.decimal128(38, array.type.scale))
        if array.null_count:
            array = array.fill_null(pa.scalar(0).cast(array.type))
        width = array.type.bit_width // 8
        data = memoryview(array.buffers()[1]) if len(array) else b""
        self.values.update(data[array.offset * width : (array.offset + len(array)) * width])

    def digests(self) -> list[Any]:
        """Return the column's digests, nested ones as nested lists."""
        own = [part.hexdigest() for part in (self.validity, self.lengths, self.values)]
        return [*own, [child.digests() for child in self.children]]


def read_batches(files: Sequence[Path]) -> Iterator[Any]:
    """Yield record batches of all files in order; refuse files whose schemas differ."""
    first: pa.Schema | None = None
    for path in files:
        with pq.ParquetFile(path) as parquet:
            schema = parquet.schema_arrow.remove_metadata()
            if first is not None and schema != first:
                raise NotHashable(f"{path.name} has another schema than {files[0].name}: a version has one")
            first = schema
            yield from parquet.iter_batches(batch_size=BATCH_ROWS)


def ascending(columns: Sequence[Any]) -> Any:
    """Tell per adjacent pair of rows whether the second is greater, comparing the columns in turn."""
    greater: Any = None
    for column in reversed(columns):
        before, after = column[:-1], column[1:]
        less, same = pc.less(before, after), pc.equal(before, after)
        greater = less if greater is None else pc.or_(less, pc.and_(same, greater))
    return greater


def check_order(batch: Any, last: Any, order_by: Sequence[str], row: int) -> Any:
    """Refuse a batch that is not strictly ascending, also against the batch before; return its last row.

    Text is compared by code point, as DuckDB and Spark do; a null in the order columns is refused.
    """
    keys = batch.select(list(order_by))
    if any(column.null_count for column in keys.columns):
        raise NotHashable(f"a null in the order columns {list(order_by)} near row {row + 1}")
    joined = pa.Table.from_batches([keys] if last is None else [last, keys]).combine_chunks()
    columns = [joined.column(name).combine_chunks() for name in order_by]
    greater = ascending(columns)
    if len(joined) > 1 and not pc.all(greater).as_py():
        place = row + 1 + pc.index(greater, False).as_py() + (1 if last is None else 0)
        raise NotHashable(f"row {place} is not greater than the one before by {list(order_by)}")
    return keys.slice(len(keys) - 1)


def hash_table(files: Iterable[Path], order_by: Sequence[str], threads: int = 2) -> ContentHash:
    """Hash one table from its Parquet files, given in the table's order.

    Raises NotHashable when the rows are not in a strict total order by `order_by`, when the files
    disagree on the schema, or when a type cannot be hashed the same by every engine.
    """
    paths = list(files)
    if not paths or not order_by:
        raise NotHashable("a table needs an order and a file; an empty table has a file without rows")
    arrow_schema = pq.read_schema(paths[0])
    schema = tuple((field.name, describe_type(field.type)) for field in arrow_schema)
    missing = [name for name in order_by if name not in arrow_schema.names]
    if missing:
        raise NotHashable(f"order column {missing} is not in the table; its columns are {arrow_schema.names}")
    hashers = [ColumnHasher(field.type) for field in arrow_schema]
    rows, last = 0, None
    with ThreadPoolExecutor(threads) as pool:
        for batch in read_batches(paths):
            if not batch.num_rows:
                continue
            list(pool.map(ColumnHasher.update, hashers, batch.columns))
            last = check_order(batch, last, order_by, rows)
            rows += batch.num_rows
    content = [HASH_VERSION, schema, list(order_by), rows, [hasher.digests() for hasher in hashers]]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return ContentHash(hashlib.sha256(text.encode()).hexdigest(), rows, schema)
