"""DuckDB as the engine of row work: its session, its small tables, its Parquet. See `engine`."""

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlframe.duckdb import Column, Window

from creditlake.duck import open_duckdb, quote_name, quote_text
from creditlake.settings import Settings
from creditlake.storage import FileEntry, Lake
from spark_jobs.duck_frame import DataFrame, Session
from spark_jobs.duck_functions import F, add_functions, distinct_items, join_hash, row_hash
from spark_jobs.literals import sql_literal
from spark_jobs.part_files import PartFiles

__all__ = [
    "Column",
    "DataFrame",
    "F",
    "SparkSession",
    "Window",
    "distinct_items",
    "expect_rows",
    "hold",
    "join_hash",
    "make_frame",
    "other_processes",
    "read_parquet",
    "release",
    "row_hash",
    "work_session",
    "workers",
    "write_parquet",
]
SparkSession = Session
BATCH_ROWS = 100_000


@contextmanager
def work_session(name: str, settings: Settings, given: Session | None = None) -> Iterator[Session]:
    """Work in the given session, else in one over a private DuckDB that is closed at the end."""
    if given:
        yield given
        return
    folder = settings.scratch / "duckdb" / uuid.uuid4().hex[:12]
    session = open_session(folder)
    try:
        yield session
    finally:
        session.connection.close()
        shutil.rmtree(folder)


def open_session(scratch: Path) -> Session:
    """Return a session over a private DuckDB that knows our macros and spills into the folder."""
    connection = open_duckdb(scratch)
    connection.execute("set preserve_insertion_order = false; set TimeZone = 'UTC'")
    add_functions(connection)
    return Session(connection)


def expect_rows(session: Session, rows: int, *, whole_stage: bool = True) -> None:
    """DuckDB works alike for few rows and many."""


def other_processes(session: Session) -> list[int]:
    """DuckDB works inside this process."""
    return []


class InTurn(Executor):
    """Does what is submitted at once, in the caller's thread: DuckDB uses all cores for one query."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do the work and return its result, or its error, as a future."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future raises it where the result is asked for
            future.set_exception(error)
        return future


def workers(count: int) -> Executor:
    """Return what does one thing after the other."""
    return InTurn()


def hold(table: DataFrame) -> DataFrame:
    """Return a table that is read several times, stored until the session ends."""
    name = f"kept_{uuid.uuid4().hex}"
    table.sparkSession.connection.execute(f"create temp table {name} as {table.sql()}")
    return DataFrame(table.sparkSession, f"from {name}", table.columns)


def release(table: DataFrame) -> None:
    """What was `hold` kept goes with the session."""


def columns_of(schema: str) -> dict[str, str]:
    """Return the types of a schema by column, as DuckDB names them."""
    pairs = (column.split(" ", 1) for column in schema.split(", "))
    return {name: "varchar[]" if kind == "array<string>" else kind for name, kind in pairs}


def make_frame(session: Session, rows: Sequence[Sequence[object]], schema: str) -> DataFrame:
    """Return a small table from Python values: text, whole numbers, truth values, dates, None."""
    columns = columns_of(schema)
    casts = ", ".join(
        f"cast({quote_name(name)} as {kind}) as {quote_name(name)}" for name, kind in columns.items()
    )
    names = ", ".join(map(quote_name, columns))
    values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
    empty = f"({', '.join(['null'] * len(columns))})"
    query = f"select {casts} from (values {values or empty}) as given({names})"
    return DataFrame(session, query if rows else f"{query} where false", list(columns))


def literal(value: object) -> str:
    """Return a value as a literal of DuckDB."""
    return quote_text(value) if isinstance(value, str) else sql_literal(value)


def read_parquet(session: Session, paths: Sequence[Path], schema: str, *, place: str = "") -> DataFrame:
    """Read files; a column of the schema that a file does not have is null.

    `place` names a column to add, with the path of each row's file.
    """
    columns = columns_of(schema)
    present = {name for path in paths for name in pq.read_schema(path).names}
    listed = [
        f"cast({quote_name(name) if name in present else 'null'} as {kind}) as {quote_name(name)}"
        for name, kind in columns.items()
    ]
    if place:
        listed.append(f"filename as {quote_name(place)}")
    files = ", ".join(quote_text(str(path)) for path in paths)
    query = (
        f"select {', '.join(listed)} from read_parquet([{files}], union_by_name = true,"
        " hive_partitioning = false, filename = true)"
    )
    return DataFrame(session, query, [*columns, *([place] if place else [])])


def write_parquet(
    table: DataFrame, lake: Lake, prefix: str, partition_by: Sequence[str], scratch: Path, files: int | None
) -> list[FileEntry]:
    """Write a table into a folder that nobody has written to, and describe its files from their bytes.

    Through Arrow: DuckDB's own files would hold the least and the greatest value of every column.
    """
    batches = table.sparkSession.connection.execute(table.sql()).fetch_record_batch(BATCH_ROWS)
    with PartFiles(lake, prefix, batches.schema, partition_by, scratch) as parts:
        for batch in batches:
            parts.write(batch)
    return lake.describe_files(prefix)
