"""The policy of our DAGs: generated from the catalogue, owned, retried, documented, light to read."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from creditlake.catalog import load_catalog
from creditlake.demo.airflow import shell_environment
from creditlake.settings import settings
from creditlake.spark_server import TOKEN

PRINT_DAGS = Path(__file__).with_name("print_dags.py")


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The DAGs of an installation without a shared Spark server."""
    return read_dags({"CREDITLAKE_HOME": str(tmp_path_factory.mktemp("airflow"))})


def read_dags(overrides: dict[str, str]) -> dict:
    """Read the DAG folder as Airflow does, in a process of its own."""
    environment = shell_environment(overrides)
    migrate = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
    subprocess.run(migrate, env=environment, capture_output=True, check=True)
    found = subprocess.run(
        [sys.executable, str(PRINT_DAGS), environment["AIRFLOW__CORE__DAGS_FOLDER"]],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in found.stdout.splitlines() if line.startswith("DAGS"))
    read = json.loads(line.removeprefix("DAGS"))
    assert read["errors"] == {}
    return read["dags"]


def test_there_is_a_collection_per_department_and_one_build(dags: dict) -> None:
    departments = {c.department for c in load_catalog(settings().catalog).contracts.values()}
    assert len(departments) >= 6
    assert set(dags) == {f"collect_{code}" for code in departments} | {"build_release"}


def test_every_dag_has_owner_tags_documentation_and_one_run_at_a_time(dags: dict) -> None:
    assert len(dags) >= 5
    for dag_id, dag in dags.items():
        assert dag["owner"] not in ("", "airflow"), dag_id
        assert dag["tags"], dag_id
        assert len(dag["doc"]) > 80, dag_id
        assert dag["max_active_runs"] == 1, dag_id
        assert dag["catchup"] is False, dag_id


def test_every_dataset_has_one_collecting_task_with_its_asset(dags: dict) -> None:
    outlets = [
        name
        for dag_id, dag in dags.items()
        if dag_id.startswith("collect_")
        for task in dag["tasks"].values()
        for name in task["outlets"]
    ]
    assert sorted(outlets) == sorted(load_catalog(settings().catalog).contracts)


def test_collections_are_partitioned_by_business_date(dags: dict) -> None:
    assert {dag["timetable"] for dag_id, dag in dags.items() if dag_id.startswith("collect_")} == {
        "CronPartitionTimetable"
    }


def test_the_build_goes_through_the_steps_in_order(dags: dict) -> None:
    tasks = dags["build_release"]["tasks"]
    order = [
        "share_decoding",
        "decode",
        "standardise",
        "open_build",
        "link",
        "build_marts",
        "gate",
        "serve",
        "publish",
    ]
    for task, following in pairwise(order):
        assert following in tasks[task]["downstream"], task
    assert tasks["standardise"]["type"] == tasks["link"]["type"] == "SparkSubmitOperator"


def test_a_day_without_anything_to_decode_goes_on(dags: dict) -> None:
    assert dags["build_release"]["tasks"]["standardise"]["rule"].endswith("none_failed")


def test_with_a_shared_server_the_spark_steps_are_its_clients(tmp_path: Path) -> None:
    overrides = {"CREDITLAKE_HOME": str(tmp_path), "CREDITLAKE_SPARK_REMOTE": "sc://localhost:1"}
    tasks = read_dags(overrides | {TOKEN: "a token"})["build_release"]["tasks"]
    assert tasks["standardise"]["type"] == tasks["link"]["type"] == "PySparkOperator"


def test_on_duckdb_the_steps_of_row_work_run_inside_their_tasks(tmp_path: Path) -> None:
    overrides = {"CREDITLAKE_HOME": str(tmp_path), "CREDITLAKE_ENGINE": "duckdb"}
    tasks = read_dags(overrides)["build_release"]["tasks"]
    assert tasks["standardise"]["type"] == tasks["link"]["type"] == "PythonOperator"
    assert tasks["standardise"]["downstream"] == ["open_build"]


def test_return_files_are_written_also_when_the_gate_holds(dags: dict) -> None:
    feedback = dags["build_release"]["tasks"]["feedback"]
    assert feedback["rule"].endswith("all_done")
    assert "feedback" in dags["build_release"]["tasks"]["gate"]["downstream"]
    assert feedback["downstream"] == []  # an outbox that fails keeps nothing from being published


def test_a_verdict_is_not_asked_for_twice_and_everything_else_is_retried(dags: dict) -> None:
    for dag_id, dag in dags.items():
        for name, task in dag["tasks"].items():
            assert task["retries"] == 0 if name == "gate" else task["retries"] >= 1, f"{dag_id}.{name}"


def test_reading_the_dag_files_touches_no_lake(tmp_path: Path) -> None:
    environment = shell_environment({"CREDITLAKE_HOME": str(tmp_path / "none")}) | {
        "HOME": os.environ["HOME"]
    }
    script = "import runpy; [runpy.run_path(f'dags/{n}.py') for n in ('collect', 'build_release')]"
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True)
    assert not (tmp_path / "none" / "lake").exists()


def test_the_fork_server_can_import_what_it_is_told_to(tmp_path: Path) -> None:
    """It passes over what it cannot import in silence, and every task would be slower."""
    environment = shell_environment({"CREDITLAKE_HOME": str(tmp_path)})
    modules = environment["AIRFLOW__CORE__MP_FORKSERVER_PRELOAD"].split(",")
    assert "infra.airflow.preloaded" in modules
    script = "; ".join(f"import {name}" for name in modules)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
