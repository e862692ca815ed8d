"""`kill -9` at a random instant of any step, then the same command again: the same content as without.

No hooks in the product: the whole process group is killed after a seeded share of the time the step took
undisturbed, so the instants fall anywhere, also between two writes.
"""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.spark, pytest.mark.slow]
STEPS = ("collect", "decode", "standardise", "link", "build-marts", "gate", "serve", "publish", "feedback")
KILLS_PER_STEP = 2
SEED = 20261116


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, small_city: Path, days: list[str]
) -> tuple[str, dict[str, float]]:
    """The content hash of a day without any kill, and the seconds of each step."""
    place = Installation(tmp_path_factory.mktemp("undisturbed"), small_city, {})
    place.deliver(days[0])
    seconds = {}
    for step in STEPS:
        start = time.monotonic()
        place.run(step, "--business-date", days[0])
        seconds[step] = time.monotonic() - start
    pointer = place.pointer()
    assert pointer
    return pointer["content_hash"], seconds


def test_killed_steps_end_in_the_same_content_when_run_again(
    installation: Installation, days: list[str], undisturbed: tuple[str, dict[str, float]]
) -> None:
    content_hash, seconds = undisturbed
    chance = random.Random(SEED)
    installation.deliver(days[0])
    killed = 0
    for step in STEPS:
        for _ in range(KILLS_PER_STEP):
            killed += kill_after(
                installation.start(step, "--business-date", days[0]),
                chance.uniform(0.2, 0.95) * seconds[step],
            )
            assert installation.pointer() is None or step in ("publish", "feedback")
        installation.run(step, "--business-date", days[0])
    assert killed >= len(STEPS), "too few processes were still alive to be killed: the test proves nothing"
    pointer = installation.pointer()
    assert pointer
    assert pointer["content_hash"] == content_hash


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill the process group after so many seconds; False when it had already ended."""
    with process:
        try:
            process.communicate(timeout=seconds)
            return False
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
