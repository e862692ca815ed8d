"""Spark writes to and reads from both kinds of lake, submitted as every step is; S3 is a real MinIO."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from creditlake.settings import Settings
from creditlake.spark_submit import spark_environment, spark_submit_conf
from creditlake.storage import open_lake
from tests.services import folder_settings

pytestmark = [pytest.mark.service, pytest.mark.spark]

APPLICATION = """
import sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.getOrCreate()
cells, records = sys.argv[1:]
outcome = F.when(F.col("id") % 10 == 0, "held").otherwise("accepted")
rows = spark.range(1000).select("id", outcome.alias("_outcome"))
rows.coalesce(1).write.parquet(cells)
spark.read.parquet(cells).write.partitionBy("_outcome").parquet(records)
spark.stop()
"""


@pytest.fixture(params=["folder", "minio"])
def spark_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "folder":
        return folder_settings(tmp_path)
    settings: Settings = request.getfixturevalue("s3_settings")
    assert list(settings.s3_jars.glob("hadoop-aws-*.jar")), "run infra/setup/s3_jars.sh"
    return settings


def test_spark_writes_partitions_that_the_lake_describes_and_localises(
    spark_settings: Settings, tmp_path: Path
) -> None:
    lake = open_lake(spark_settings)
    application = tmp_path / "application.py"
    application.write_text(APPLICATION)
    environment = {
        **spark_environment(spark_settings),
        "CREDITLAKE_HOME": str(spark_settings.home),
        "CREDITLAKE_LAKE": spark_settings.lake_url,
        "CREDITLAKE_S3_ENDPOINT": spark_settings.s3_endpoint,
        "CREDITLAKE_S3_ACCESS_KEY": spark_settings.s3_access_key,
        "CREDITLAKE_S3_SECRET_KEY": spark_settings.s3_secret_key,
        "CREDITLAKE_S3_JARS": str(spark_settings.s3_jars),
        "CREDITLAKE_SPARK_MEMORY": "1g",
    }
    urls = [lake.spark_url("cells/a/b1/1"), lake.spark_url("records/a/1")]
    submit = f"from creditlake.spark_submit import submit; submit({str(application)!r}, {urls!r})"

    done = subprocess.run(
        [sys.executable, "-c", submit], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr[-4000:]
    cells = lake.describe_files("cells/a/b1/1")
    assert [(entry.rows, entry.outcome) for entry in cells] == [(1000, None)]
    records = lake.describe_files("records/a/1")
    assert [(entry.rows, entry.outcome) for entry in records] == [(900, "accepted"), (100, "held")]
    assert list(lake.list_keys("records")) == [entry.key for entry in records]  # no stray objects
    assert [path for path in spark_settings.home.rglob("*.crc") if "scratch" not in path.parts] == []
    held = lake.localise(records, tmp_path / "scratch")[1]
    assert pq.read_table(held, partitioning=None)["id"].to_pylist() == list(range(0, 1000, 10))


def test_no_secret_is_on_sparks_command_line(s3_settings: Settings) -> None:
    conf = spark_submit_conf(s3_settings)

    assert s3_settings.s3_secret_key not in str(conf)
    assert s3_settings.s3_access_key not in str(conf)
    assert spark_environment(s3_settings)["AWS_SECRET_ACCESS_KEY"] == s3_settings.s3_secret_key
