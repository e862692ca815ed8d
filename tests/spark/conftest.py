"""What the tests of the Spark jobs share: the project's own catalogue, and a session set for few rows."""

import pytest
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog, load_catalog
from creditlake.settings import REPOSITORY
from spark_jobs.on_spark import expect_rows


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The catalogue as delivered."""
    return load_catalog(REPOSITORY / "catalog")


@pytest.fixture(scope="module")
def few_rows(spark: SparkSession) -> SparkSession:
    """A session of its own over the shared context, as the applications set it for little data."""
    session = spark.newSession()
    session.conf.set("spark.sql.shuffle.partitions", "1")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    expect_rows(session, 0)
    return session
