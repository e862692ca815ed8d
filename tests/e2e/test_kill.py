"""`kill -9` at a random instant of any step, then the same command again: the same content as without.

No hooks in the product: the whole process group is killed after a seeded share of the time the step took
undisturbed, so the instants fall anywhere, also between two writes.
"""

import os
import random
import signal
import subprocess

import pytest

from tests.e2e.conftest import STEPS, FirstDay, Installation

pytestmark = [pytest.mark.spark, pytest.mark.slow]
SEED = 20261116


def test_killed_steps_end_in_the_same_content_when_run_again(
    installation: Installation, days: list[str], first_day: FirstDay
) -> None:
    chance = random.Random(SEED)
    installation.deliver(days[0])
    killed = 0
    for step in STEPS:
        process = installation.start(step, "--business-date", days[0])
        killed += kill_after(process, chance.uniform(0.2, 0.95) * first_day.seconds[step])
        assert installation.pointer() is None or step in ("publish", "feedback")
        installation.run(step, "--business-date", days[0])
    assert killed >= len(STEPS) - 2, (
        "too few processes were still alive to be killed: the test proves nothing"
    )
    pointer, undisturbed = installation.pointer(), first_day.place.pointer()
    assert pointer
    assert undisturbed
    assert pointer["content_hash"] == undisturbed["content_hash"]


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
