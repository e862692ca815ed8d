"""One day through the real scheduler: collections by request, the build by their asset events."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from creditlake.catalog import load_catalog
from creditlake.demo.airflow import PROCESSES, running_airflow
from creditlake.demo.play import lay_deliveries
from creditlake.settings import settings
from tests.e2e.conftest import TINY_CITY

pytestmark = [pytest.mark.service, pytest.mark.spark, pytest.mark.slow]
BUILD_SECONDS = 900  # a busy machine is slow, and this test is not about speed


def test_asset_events_of_every_dataset_start_the_build_though_the_scheduler_is_killed(
    tmp_path: Path, small_city: Path, days: list[str]
) -> None:
    departments = {c.department for c in load_catalog(settings().catalog).contracts.values()}
    assert len(departments) >= 6
    lay_deliveries(small_city / "inbox_by_day" / days[0], tmp_path / "inbox")
    with running_airflow(tmp_path, {"CREDITLAKE_SUBJECT_KEY": "test key", **TINY_CITY}) as airflow:
        airflow.wait_for_dags({f"collect_{code}" for code in departments} | {"build_release"})
        assert airflow.runs("build_release", days[0]) == []
        for code in sorted(departments):
            airflow.trigger(f"collect_{code}", days[0])
        scheduler = airflow.servers[PROCESSES.index("scheduler")]
        os.killpg(scheduler.pid, signal.SIGKILL)  # with the tasks that it was running
        scheduler.wait()
        run = wait_for_build(airflow, days[0])
        states = airflow.task_states(run)
    assert airflow.revived == 1
    assert run.state == "success", states
    assert run.partition_key == days[0]
    assert set(states.values()) == {"success"}
    pointer = json.loads((tmp_path / "lake" / "current.json").read_text())
    assert pointer["business_date"] == days[0]


def wait_for_build(airflow, business_date):
    """Wait for the build that the events set off; nobody triggers it."""
    deadline = time.monotonic() + BUILD_SECONDS
    while time.monotonic() < deadline:
        runs = airflow.runs("build_release", business_date)
        if runs and runs[-1].state in ("success", "failed"):
            assert len(runs) == 1
            return runs[-1]
        time.sleep(1)  # run states are asked for
    raise AssertionError(f"no build ended in {BUILD_SECONDS} s; logs under {airflow.logs.parent}")
