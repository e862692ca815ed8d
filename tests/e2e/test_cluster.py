"""The same links on a Spark cluster as in one process: a master and two workers on loopback."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pyspark
import pytest

from creditlake.loopback import free_port, is_listening
from tests.e2e.conftest import FirstDay

pytestmark = pytest.mark.spark
START_SECONDS = 60
WORKERS = 2


@contextmanager
def running(folder: Path, class_name: str, *arguments: str) -> Iterator[Path]:
    """Run one of Spark's daemons as a child process for the length of the block; gives its log."""
    log = folder / f"{class_name}-{len(list(folder.iterdir()))}.log"
    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    environment = os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "512m"}
    command = [str(program), f"org.apache.spark.deploy.{class_name.lower()}.{class_name}", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield log
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def wait_until(log: Path, text: str, times: int = 1) -> None:
    """Wait until a daemon has written a text to its log, so many times."""
    deadline = time.monotonic() + START_SECONDS
    while log.read_text().count(text) < times:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)  # Spark's daemons tell nobody when they are ready: their logs are read


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[str]:
    """The address of a master with two workers of one core each."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    here = ["--host", "127.0.0.1", "--webui-port", "0"]
    with ExitStack() as stack:
        master = stack.enter_context(running(folder, "Master", *here, "--port", str(port)))
        wait_until(master, "New state: ALIVE")
        for number in range(WORKERS):
            work = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"work-{number}")]
            stack.enter_context(running(folder, "Worker", *here, *work, address))
        wait_until(master, "Registering worker", times=WORKERS)
        assert is_listening(port)
        yield address


def test_a_cluster_of_two_workers_links_like_one_process(
    first_day: FirstDay, tmp_path: Path, days: list[str], cluster: str
) -> None:
    extra = {"CREDITLAKE_SPARK_MASTER": cluster}
    place = first_day.copy_to(tmp_path / "home", extra)
    for room in ("registers", "links", "candidates"):
        shutil.rmtree(place.home / "lake" / room)

    place.run("link", "--business-date", days[0])

    for table in ("registers/*/subjects", "registers/*/identifiers", "registers/*/names", "registers/*/roles",
                  "links/*/links"):  # fmt: skip
        mine, theirs = (
            f"from read_parquet('{home}/lake/{table}/*/*.parquet')"
            for home in (place.home, first_day.place.home)
        )
        both = duckdb.sql(f"(select count(*) {mine}) union all (select count(*) {theirs})").fetchall()
        assert both[0] == both[1] > (0,)
        for one, other in ((mine, theirs), (theirs, mine)):
            assert duckdb.sql(f"select * {one} except all select * {other}").fetchall() == []
    workers = [len(list((tmp_path / "cluster" / f"work-{n}").glob("app-*"))) for n in range(WORKERS)]
    assert workers == [1, 1]
