"""The Spark session of an application: the submitted configuration, or the same one when run in a test."""

from pyspark.sql import SparkSession

from creditlake.settings import Settings
from creditlake.spark_submit import spark_submit_conf


def open_session(name: str, settings: Settings) -> SparkSession:
    """Return the session; started by spark-submit it has its configuration already, and keeps it."""
    builder = SparkSession.builder.appName(name)
    for key, value in spark_submit_conf(settings).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def jvm_pid(spark: SparkSession) -> int:
    """Return the process id of the driver's JVM, for its peak memory."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return int(jvm.java.lang.ProcessHandle.current().pid())
