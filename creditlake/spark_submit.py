"""Submit a Spark application: the one place that knows how, for commands and DAGs alike.

Everything Spark needs to know comes from the settings and the lake: no spark-defaults.conf is read
from a developer's home, so a run by hand and a run by Airflow are the same run.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

from creditlake.settings import REPOSITORY, Settings, settings
from creditlake.storage import open_lake

LOG = logging.getLogger(__name__)
TAIL_LINES = 40


class SparkFailed(Exception):
    """A Spark application ended with an error; the message carries its last lines."""


def spark_submit_conf(chosen: Settings) -> dict[str, str]:
    """Return the Spark configuration of this installation, without secrets in any other place."""
    scratch = chosen.scratch / "spark"
    return {
        "spark.master": chosen.spark_master,
        "spark.driver.memory": chosen.spark_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={scratch} {java_options(chosen)}",
        "spark.local.dir": str(scratch),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "WARN",
        "spark.pyspark.python": sys.executable,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        # Where in Python each column was made: costs more than the planning of a small batch.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        "spark.sql.dataFrameQueryContext.enabled": "false",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.broadcastTimeout": "3600s",
        "spark.sql.shuffle.partitions": str(2 * chosen.threads),
        "spark.sql.codegen.maxFields": "400",
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        # Keeps a writer open per batch and outcome instead of sorting wide rows by them.
        "spark.sql.maxConcurrentOutputFileWriters": "64",
        "spark.hadoop.parquet.block.size": str(32 << 20),
        "spark.hadoop.parquet.column.statistics.enabled": "false",  # they would hold personal values
        "spark.sql.files.maxPartitionBytes": "64m",
        "spark.sql.files.openCostInBytes": "1m",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.hadoop.parquet.compression.codec.zstd.level": "1",
        # Hashes: a dictionary of values that never repeat would be built for nothing.
        "spark.hadoop.parquet.enable.dictionary#record_id": "false",
        "spark.hadoop.parquet.enable.dictionary#content_hash": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        # The commit is our manifest, written last; a _SUCCESS file or summaries would be stray objects.
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        **open_lake(chosen).spark_conf(),
    }


def java_options(chosen: Settings) -> str:
    """Return the options of the driver's JVM; an archive of classes made for another JVM is left aside."""
    options = chosen.spark_java_options
    if chosen.spark_classes.exists():
        options += f" -XX:SharedArchiveFile={chosen.spark_classes} -Xlog:cds=off"
    return options


def spark_environment(chosen: Settings) -> dict[str, str]:
    """Return the process environment of a Spark application."""
    (chosen.scratch / "spark").mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
        **open_lake(chosen).spark_env(),
    }


def spark_submit_command(chosen: Settings, further: dict[str, str]) -> list[str]:
    """Return spark-submit with this installation's configuration and further settings of it."""
    command = [str(Path(sys.executable).with_name("spark-submit"))]
    for key, value in (spark_submit_conf(chosen) | further).items():
        command += ["--conf", f"{key}={value}"]
    return command


def submit(application: str, args: list[str]) -> None:
    """Run one application, through spark-submit or as a client of the shared server, and wait.

    Its log goes to stderr as it comes.

    Raises SparkFailed with the last lines of the log. Arguments are dates and build ids: they are
    visible in the process list, so nothing personal may be among them.
    """
    chosen = settings()
    # With a shared server the application is a client and needs no JVM of its own.
    starter = [sys.executable] if chosen.spark_remote else spark_submit_command(chosen, {})
    command = [*starter, application, *args]
    tail: list[str] = []
    with subprocess.Popen(
        command, env=spark_environment(chosen), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stderr.write(line)
            tail = [*tail[-TAIL_LINES:], line]
    if process.returncode:
        name = Path(application).name
        raise SparkFailed(f"{name} {' '.join(args)} ended with code {process.returncode}:\n{''.join(tail)}")
