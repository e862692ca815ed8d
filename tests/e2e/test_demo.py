"""`creditlake demo`: four days through Airflow on a shared Spark server, and a clean end when stopped."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from creditlake.look.day import DaySummary
from tests.e2e.conftest import CITY, SEED, Installation

pytestmark = [pytest.mark.service, pytest.mark.spark, pytest.mark.slow]
SERVERS = {"scheduler", "api-server", "dag-processor", "java"}
STARTED_SECONDS = 120


def start_demo(home: Path) -> subprocess.Popen[bytes]:
    """Start the command with its output in `<home>.log`."""
    sizes = [text for name, count in CITY.items() for text in (f"--{name}", str(count))]
    command = [str(Path(sys.executable).with_name("creditlake")), "demo", "--home", str(home)]
    with home.with_suffix(".log").open("wb") as log:
        return subprocess.Popen([*command, "--seed", str(SEED), *sizes], stdout=log, stderr=log)


def test_the_demo_publishes_what_the_same_days_by_hand_publish(
    tmp_path: Path, played: tuple[Installation, list[DaySummary]], days: list[str]
) -> None:
    place, _ = played
    home = tmp_path / "demo"
    code = start_demo(home).wait()
    told = home.with_suffix(".log").read_text()
    assert code == 0, told
    by_hand = {
        json.loads(path.read_text())["business_date"]: json.loads(path.read_text())["content_hash"]
        for path in (place.home / "lake" / "releases").glob("*/manifest.json")
    }
    assert json.loads((home / "releases.json").read_text()) == by_hand
    assert sorted(by_hand) == days[:3]
    for department in ("市市场监督管理局", "市公安局", "市信用办"):
        assert told.count(department) == 4
    assert "F05" in told
    assert "ask court" in told
    assert (home / "demo.html").read_text().rstrip().endswith("</html>")


def test_a_demo_that_is_told_to_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo")
    deadline = time.monotonic() + STARTED_SECONDS
    children: list[psutil.Process] = []
    while time.monotonic() < deadline and not named(children) >= SERVERS:
        time.sleep(0.5)  # processes tell nobody when they start: they are looked for until the deadline
        children = psutil.Process(demo.pid).children(recursive=True)
    assert named(children) >= SERVERS, (tmp_path / "demo.log").read_text()
    demo.send_signal(signal.SIGTERM)
    assert demo.wait() == 128 + signal.SIGTERM
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []


def named(processes: list[psutil.Process]) -> set[str]:
    """Which of the demo's servers are among some processes."""
    words: set[str] = set()
    for process in processes:
        try:
            words |= {Path(word).name for word in process.cmdline()[:3]}
        except psutil.NoSuchProcess:
            continue
    return words & SERVERS
