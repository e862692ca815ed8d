"""Spark as the engine of row work: its session, its settings by size, its Parquet. See `engine`."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.types import StructType

from creditlake.settings import Settings
from creditlake.spark_server import expect_server
from creditlake.spark_submit import spark_submit_conf
from creditlake.storage import FileEntry, Lake
from spark_jobs.literals import sql_literal

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

# Below this many rows Spark interprets expressions instead of compiling them: the projections of eight
# datasets take longer to compile than this many rows to pass.
COMPILE_FROM_ROWS = 200_000


@contextmanager
def work_session(name: str, settings: Settings, given: SparkSession | None = None) -> Iterator[SparkSession]:
    """Work in the given session, else in one of one's own that is stopped at the end.

    Raises SparkFailed when the shared server has gone away meanwhile.
    """
    session = given or open_session(name, settings)
    if settings.spark_remote:
        # A server on loopback that does not answer at once is gone; Spark's own patience is ten minutes.
        session.client.set_retry_policies([DefaultPolicy(max_retries=4)])
    try:
        yield session
    except SparkConnectGrpcException:
        expect_server(settings.spark_remote)
        raise
    finally:
        if given is None:
            session.stop()


def open_session(name: str, settings: Settings) -> SparkSession:
    """Return a session: of the shared server, or of a JVM of its own, which spark-submit has configured."""
    builder = SparkSession.builder.appName(name)
    if settings.spark_remote:
        expect_server(settings.spark_remote)
        return builder.remote(settings.spark_remote).create()
    for key, value in spark_submit_conf(settings).items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    remember_functions(spark)
    return spark


class Remembered:
    """A JVM class whose static functions are looked up once and not at every call."""

    def __init__(self, java_class: Any) -> None:
        """Take the class as py4j knows it."""
        self._java_class = java_class

    def __getattr__(self, name: str) -> Any:
        """Return a function; the next time it is an attribute like any other."""
        found = getattr(self._java_class, name)
        setattr(self, name, found)
        return found


def remember_functions(spark: SparkSession) -> None:
    """Spare two of four questions to the JVM per `F.…` call; a dataset's rules are ten thousand calls."""
    jvm = spark.sparkContext._jvm
    functions = Remembered(jvm.functions)
    for name in ("functions", "org.apache.spark.sql.functions"):  # the two ways in which pyspark says it
        setattr(jvm, name, functions)
    jvm.PythonUtils = Remembered(jvm.PythonUtils)


def expect_rows(spark: SparkSession, rows: int, *, whole_stage: bool = True) -> None:
    """Choose between interpreted and compiled expressions by the rows to come; the results are the same.

    `whole_stage` is for narrow plans with joins. A projection of two hundred rules is too big for one
    generated method; without it the code is split into methods that the JVM compiles.
    """
    compiled = rows >= COMPILE_FROM_ROWS
    spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if compiled else "NO_CODEGEN")
    spark.conf.set("spark.sql.codegen.wholeStage", str(compiled and whole_stage).lower())
    # Interpreted, the bookkeeping of common parts costs more than computing them twice (an eighth of a day).
    spark.conf.set("spark.sql.subexpressionElimination.enabled", str(compiled).lower())


@cache
def jvm_pid(spark: SparkSession) -> int:
    """Return the process id of the driver's JVM, for its peak memory."""
    row = spark.sql("select java_method('java.lang.ProcessHandle', 'current') as pid").first()
    assert row is not None
    return int(row.pid)


def other_processes(spark: SparkSession) -> list[int]:
    """Return the processes beside this one whose memory the work takes."""
    return [jvm_pid(spark)]


def workers(count: int) -> Executor:
    """Return threads that do several things at once: while one table is planned another is written."""
    return ThreadPoolExecutor(count)


def make_frame(spark: SparkSession, rows: Sequence[Sequence[object]], schema: str) -> DataFrame:
    """Return a small table from Python values: text, whole numbers, truth values, dates, None.

    Made of SQL literals: `createDataFrame` would start Python workers for a handful of rows.
    """
    columns = StructType.fromDDL(schema)
    assert isinstance(columns, StructType)
    if not rows:
        empty = [F.lit(None).cast(field.dataType).alias(field.name) for field in columns.fields]
        return spark.range(0).select(*empty)
    values = ", ".join(f"({', '.join(map(sql_literal, row))})" for row in rows)
    table = spark.sql(f"values {values}").toDF(*columns.names)
    return table.select(*(F.col(field.name).cast(field.dataType) for field in columns.fields))


def read_parquet(spark: SparkSession, paths: Sequence[Path], schema: str, *, place: str = "") -> DataFrame:
    """Read files; a column of the schema that a file does not have is null.

    `place` names a column to add, with the path of each row's file.
    """
    table = spark.read.schema(schema).parquet(*map(str, paths))
    return table.select("*", F.col("_metadata.file_path").alias(place)) if place else table


def write_parquet(
    table: DataFrame, lake: Lake, prefix: str, partition_by: Sequence[str], scratch: Path, files: int | None
) -> list[FileEntry]:
    """Write a table into a folder that nobody has written to, and describe its files from their bytes.

    `files`: at most so many, where the engine would write more.
    """
    laid_out = table.coalesce(files) if files else table
    laid_out.write.partitionBy(*partition_by).parquet(lake.spark_url(prefix))
    return lake.describe_files(prefix)


def hold(table: DataFrame) -> DataFrame:
    """Return a table that is read several times, computed now and kept in memory or on disk.

    Not `persist`: every later plan would be compared part by part with the one kept, which for our plans took
    longer than the work itself (52 s instead of 18 for a day of 6,000 records).
    """
    return table.localCheckpoint()


def release(table: DataFrame) -> None:
    """Spark forgets what `hold` kept when nothing refers to it any more."""


def join_hash(*columns: Any) -> Column:
    """Return a 64-bit hash for joins inside one run: it is stored nowhere and each engine has its own."""
    return F.xxhash64(*columns)


def row_hash(columns: Sequence[str]) -> Column:
    """Hash the values of text columns to 16 hexadecimal digits, as they are stored with the records.

    A hash of columns passes over missing values; the number after each keeps (a, null) and (null, a) apart.
    """
    parts = [part for place, name in enumerate(columns) for part in (F.col(name), F.lit(place))]
    return F.lpad(F.lower(F.hex(F.xxhash64(*parts))), 16, "0")


def distinct_items(array: Any) -> Column:
    """Return an array's distinct items in no particular order."""
    return F.array_distinct(array)
