"""What every Spark application shares: its session, its settings by size, its log and its last word."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from pyspark.errors.exceptions.connect import SparkConnectGrpcException
from pyspark.sql import SparkSession
from pyspark.sql.connect.client.retries import DefaultPolicy

from creditlake.catalog import CatalogError
from creditlake.logs import start_logging
from creditlake.records import NotSettled
from creditlake.settings import Settings, SettingsError
from creditlake.spark_server import expect_server
from creditlake.spark_submit import SparkFailed, spark_submit_conf
from creditlake.storage import StorageError

LOG = logging.getLogger("creditlake")

# Below this many rows Spark interprets expressions instead of compiling them: the projections of eight
# datasets take longer to compile than this many rows to pass.
COMPILE_FROM_ROWS = 200_000


@contextmanager
def spark_session(name: str, settings: Settings, given: SparkSession | None = None) -> Iterator[SparkSession]:
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


def run_application(run: Callable[[], object]) -> None:
    """Run an application; an error that an operator can act on ends it with one line."""
    start_logging()
    try:
        run()
    except (CatalogError, NotSettled, SettingsError, SparkFailed, StorageError) as error:
        LOG.error("%s", error)
        sys.exit(1)
