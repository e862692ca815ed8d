"""The Spark session of an application: the submitted configuration, or the same one when run in a test."""

from pyspark.sql import SparkSession

from creditlake.settings import Settings
from creditlake.spark_submit import spark_submit_conf

# Below this many rows Spark interprets expressions instead of compiling them: the projections of eight
# datasets take longer to compile than this many rows to pass.
COMPILE_FROM_ROWS = 200_000


def open_session(name: str, settings: Settings) -> SparkSession:
    """Return the session; started by spark-submit it has its configuration already, and keeps it."""
    builder = SparkSession.builder.appName(name)
    for key, value in spark_submit_conf(settings).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def expect_rows(spark: SparkSession, rows: int, *, whole_stage: bool = True) -> None:
    """Choose between interpreted and compiled expressions by the rows to come; the results are the same.

    `whole_stage` is for narrow plans with joins. A projection of two hundred rules is too big for one
    generated method; without it the code is split into methods that the JVM compiles.
    """
    compiled = rows >= COMPILE_FROM_ROWS
    spark.conf.set("spark.sql.codegen.factoryMode", "FALLBACK" if compiled else "NO_CODEGEN")
    spark.conf.set("spark.sql.codegen.wholeStage", str(compiled and whole_stage).lower())


def jvm_pid(spark: SparkSession) -> int:
    """Return the process id of the driver's JVM, for its peak memory."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return int(jvm.java.lang.ProcessHandle.current().pid())
