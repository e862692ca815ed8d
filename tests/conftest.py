"""Fixtures that more than one folder of tests uses."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from creditlake.settings import Settings
from tests.services import MinioServer


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
