"""What breaks around us while a day is built: a clear error each, and nothing published moves."""

import json
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from creditlake.spark_server import running_spark_server
from creditlake.storage import open_lake
from tests.e2e.conftest import FirstDay, Installation
from tests.services import QUICK_JVM, MinioServer, folder_settings, tools_folder

pytestmark = [pytest.mark.spark, pytest.mark.slow]
WAIT_SECONDS = 120


@pytest.mark.service
def test_a_day_on_minio_survives_the_server_stopping_in_the_middle(
    tmp_path: Path, small_city: Path, days: list[str], first_day: FirstDay
) -> None:
    server = MinioServer.in_folder(tmp_path / "minio")
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    place = Installation(
        tmp_path / "home",
        small_city,
        {
            "CREDITLAKE_LAKE": f"s3://{bucket}/lake",
            "CREDITLAKE_S3_ENDPOINT": server.endpoint,
            "CREDITLAKE_S3_ACCESS_KEY": server.access_key,
            "CREDITLAKE_S3_SECRET_KEY": server.secret_key,
            "CREDITLAKE_S3_JARS": str(tools_folder() / "s3-jars"),
        },
    )
    place.deliver(days[0])
    date = ["--business-date", days[0]]
    try:
        server.start()
        server.make_bucket(bucket)
        for step in ("collect", "decode", "standardise", "link"):
            place.run(step, *date)
        stopped = place.start("build-marts", *date)
        time.sleep(3)  # somewhere in the middle: the command takes longer than that
        server.stop()
        output, errors = stopped.communicate()
        assert stopped.returncode == 1, output
        assert "does not answer" in errors or "connect" in errors.lower(), errors
        assert "Traceback" not in errors
        server.start()
        for step in ("build-marts", "gate", "serve", "publish", "feedback"):
            place.run(step, *date)
        lake = open_lake(server.settings(bucket, place.home))
        on_minio = json.loads(lake.read_bytes("current.json"))
    finally:
        server.stop()
    in_folder = first_day.place.pointer()
    assert in_folder
    assert in_folder["content_hash"] == on_minio["content_hash"]


def test_a_corrupt_file_in_the_lake_is_found_and_never_published(
    tmp_path: Path, days: list[str], first_day: FirstDay, on_server: dict[str, str]
) -> None:
    installation = first_day.copy_to(tmp_path / "home", on_server)
    before = installation.pointer()
    installation.deliver(days[1])
    for step in ("collect", "decode", "standardise"):
        installation.run(step, "--business-date", days[1])
    records = installation.home / "lake" / "records" / "market_regulation" / "penalty_decision"
    damaged = sorted(records.rglob("*.parquet"))[0]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(data)
    errors = installation.run("link", "--business-date", days[1], expect=1)
    lake = open_lake(folder_settings(installation.home))
    key = str(damaged.relative_to(installation.home / "lake"))
    assert f"{key} is corrupt" in errors
    assert lake.exists(key)
    assert installation.pointer() == before


def test_a_spark_server_killed_in_the_middle_is_said_and_the_day_goes_on_without_it(
    installation: Installation, days: list[str], first_day: FirstDay, tmp_path: Path
) -> None:
    date = ["--business-date", days[0]]
    installation.deliver(days[0])
    for step in ("collect", "decode"):
        installation.run(step, *date)
    chosen = replace(folder_settings(tmp_path), spark_java_options=QUICK_JVM, spark_memory="1g")
    with running_spark_server(chosen, tmp_path / "server.log") as server:
        client = Installation(installation.home, installation.city, server.environment())
        running = client.start("standardise", *date)
        wait_for(lambda: any((installation.home / "lake" / "records").rglob("*.parquet")))
        server.process.kill()
        _, errors = running.communicate()
    assert running.returncode == 1
    assert f"no Spark server at sc://localhost:{server.port}" in errors
    installation.run("run", *date)
    pointer, undisturbed = installation.pointer(), first_day.place.pointer()
    assert pointer
    assert undisturbed
    assert pointer["content_hash"] == undisturbed["content_hash"]


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something has happened on disk."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)  # a file system tells nobody: it is looked at until the deadline


def test_two_builds_of_a_date_at_once_publish_one_release(
    tmp_path: Path, days: list[str], first_day: FirstDay, on_server: dict[str, str]
) -> None:
    installation = first_day.copy_to(tmp_path / "home", on_server)
    published = installation.pointer()
    lake_folder = installation.home / "lake"
    for room in ("builds", "registers", "links", "candidates", "releases", "serving", "tables"):
        shutil.rmtree(lake_folder / room)
    (lake_folder / "current.json").unlink()
    steps = ("link", "build-marts", "gate", "serve", "publish")
    for step in steps:
        pair = [installation.start(step, "--business-date", days[0]) for _ in range(2)]
        ended = [(process.communicate(), process.returncode) for process in pair]
        assert 0 in [code for _, code in ended], ended
        assert all("Traceback" not in errors for (_, errors), _ in ended), ended
    lake = open_lake(folder_settings(installation.home))
    releases = {key.split("/")[1] for key in lake.list_keys("releases/")}
    pointer = installation.pointer()
    assert pointer
    assert releases == {pointer["release_id"]}
    # linked on the shared server here, by a JVM of its own there
    assert published
    assert pointer["content_hash"] == published["content_hash"]
