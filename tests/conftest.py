"""Fixtures that more than one folder of tests uses."""

import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from creditlake.settings import Settings, read_settings
from creditlake.spark_submit import java_options
from spark_jobs.on_spark import remember_functions
from tests.services import QUICK_JVM, MinioServer
from tests.sftp_server import SftpServer

TOGETHER = {  # files that share what took minutes to make; every other file is alone
    "tests/e2e/": "whole days",  # also because two cities at once are too much for two cores
    "tests/spark/": "spark",
}


class FilesTogether(LoadScopeScheduling):
    """Files as a whole go to one worker, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for start, name in TOGETHER.items() if file.startswith(start)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    """Share the tests among workers by files."""
    return FilesTogether(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole days first: they take longest."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/e2e/"))


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    """One real MinIO server for the whole run; a test that stops it starts its own."""
    server = MinioServer.in_folder(tmp_path_factory.mktemp("minio"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def s3_settings(minio_server: MinioServer, tmp_path: Path) -> Settings:
    """Settings of a lake in a new bucket of the shared MinIO server."""
    bucket = f"lake-{uuid.uuid4().hex[:16]}"
    minio_server.make_bucket(bucket)
    return minio_server.settings(bucket, tmp_path)


@pytest.fixture(scope="session")
def sftp_server() -> Iterator[SftpServer]:
    """One real SFTP server for the whole run; a test that changes or stops it starts its own."""
    server = SftpServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def sftp_settings(sftp_server: SftpServer, tmp_path: Path) -> Settings:
    """Settings of an outbox in a new folder of the shared SFTP server."""
    return sftp_server.settings(tmp_path, uuid.uuid4().hex[:16])


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One small Spark session for the whole run: one core, one shuffle partition, UTC, no user interface."""
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYSPARK_PYTHON"] = sys.executable
    quick_start = replace(read_settings(), spark_java_options=QUICK_JVM)
    session = (
        SparkSession.builder.master("local[1]")
        .appName("creditlake-tests")
        .config("spark.sql.shuffle.partitions", 1)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.python.sql.dataFrameDebugging.enabled", "false")  # asks the JVM about every column
        .config("spark.driver.memory", "2g")
        .config("spark.driver.extraJavaOptions", java_options(quick_start))
        .getOrCreate()
    )
    remember_functions(session)
    yield session
    session.stop()
