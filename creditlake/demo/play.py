"""Four business dates of a synthetic city through the real Airflow, from files to releases.

Nothing here does a step's work: deliveries are laid into the inbox as departments would, one collection
run per department is started for the business date, and the asset events of the collections start the build.
"""

import os
import shutil
import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from creditlake.catalog import Catalog
from creditlake.demo.airflow import FINISHED, AirflowError, DagRun, LocalAirflow, running_airflow
from creditlake.settings import settings
from creditlake.spark_server import SparkServer

DAY_SECONDS = 900
POLL_SECONDS = 1.5  # run states are asked for; each question costs the API server some hundredths of a second
# The demo's key is no secret: two demos of one seed must give equal releases, and no real person is in it.
DEMO_KEY = "creditlake demo key - published, never use it for real data"
# A small city's Spark works for minutes only: the second compiler waits for what is really hot, and one
# collector thread is enough.
SMALL_CITY = {
    "CREDITLAKE_SPARK_MEMORY": "2g",
    "CREDITLAKE_SPARK_JAVA_OPTIONS": "-XX:+UseSerialGC -XX:Tier4InvocationThreshold=50000 "
    "-XX:Tier4MinInvocationThreshold=6000 -XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000",
}
STEPS = ("decode", "standardise", "open_build", "link", "build_marts", "gate", "serve", "publish", "feedback")
MARKS = {
    "success": "[green]✓[/]",
    "failed": "[red]✗[/]",
    "upstream_failed": "[yellow]–[/]",
    "running": "[cyan]…[/]",
}


def play_days(
    home: Path, days: list[date], catalog: Catalog, console: Console, spark: SparkServer
) -> dict[date, float]:
    """Play every day of the city under `home` through Airflow; seconds of each day."""
    departments = sorted({contract.department for contract in catalog.contracts.values()})
    seconds = {}
    console.print("Starting Airflow (api-server, scheduler, dag-processor) on a free loopback port …")
    with running_airflow(home, spark.environment()) as airflow:
        airflow.wait_for_dags({f"collect_{code}" for code in departments} | {"build_release"})
        for business_date in days:
            start = time.monotonic()
            lay_deliveries(home / "city" / "inbox_by_day" / business_date.isoformat(), home / "inbox")
            run = play_day(airflow, departments, business_date.isoformat(), console)
            seconds[business_date] = time.monotonic() - start
            console.print(
                f"  {business_date}: build_release {run.state} after {seconds[business_date]:.0f} s"
            )
    return seconds


def lay_deliveries(source: Path, inbox: Path) -> None:
    """Copy a day's files into the departments' inboxes; times are kept, as a file transfer would."""
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        target = inbox / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)


def play_day(airflow: LocalAirflow, departments: list[str], business_date: str, console: Console) -> DagRun:
    """Start the day's collections, watch the build they set off, and return its finished run."""
    for code in departments:
        airflow.trigger(f"collect_{code}", business_date)
    deadline = time.monotonic() + DAY_SECONDS
    collections: list[DagRun] = []
    with Live(console=console, refresh_per_second=2, transient=not console.is_terminal) as live:
        while time.monotonic() < deadline:
            if not collections or any(run.state not in FINISHED for run in collections):
                collections = [
                    run for code in departments for run in airflow.runs(f"collect_{code}", business_date)
                ]
            failed = [run.dag_id for run in collections if run.state == "failed"]
            if failed:
                raise AirflowError(
                    f"{', '.join(failed)} failed for {business_date}; read {airflow.logs.parent}/logs"
                )
            runs = airflow.runs("build_release", business_date)
            states = airflow.task_states(runs[-1]) if runs else {}
            if runs and runs[-1].state in FINISHED:
                expect_no_failure_but_the_gate(business_date, states, airflow.logs.parent)
                return runs[-1]
            live.update(progress_line(business_date, collections, states))
            time.sleep(POLL_SECONDS)
    raise AirflowError(
        f"build_release for {business_date} did not end in {DAY_SECONDS} s; read {airflow.logs.parent}"
    )


def expect_no_failure_but_the_gate(business_date: str, states: dict[str, str], logs: Path) -> None:
    """A held gate is part of the scenario; any other failed task ends the demo, AirflowError names it."""
    failed = sorted(task for task, state in states.items() if state == "failed" and task != "gate")
    if failed:
        raise AirflowError(f"{', '.join(failed)} failed for {business_date}; read {logs}/logs")


def progress_line(business_date: str, collections: list[DagRun], states: dict[str, str]) -> Text:
    """One line: the collections done, then a mark per step of the build."""
    done = sum(run.state == "success" for run in collections)
    steps = []
    for step in STEPS:
        found = {state for task, state in states.items() if task.split("[")[0] == step}
        state = next((s for s in ("failed", "running", "upstream_failed") if s in found), None)
        state = state or ("success" if found == {"success"} else "waiting")
        steps.append(f"{step} {MARKS.get(state, '·')}")
    return Text.from_markup(f"  {business_date}: collect {done}/{len(collections)}  " + "  ".join(steps))


def prepare_home(home: Path) -> None:
    """Make an empty installation for the demo and point this process's settings at it."""
    if home.exists():
        if not (home / "demo.marker").exists() and any(home.iterdir()):
            raise SystemExit(f"{home} is not empty and not a demo's folder; name another one with --home")
        shutil.rmtree(home)
    home.mkdir(parents=True)
    (home / "demo.marker").write_text("Made by `creditlake demo`; the next demo deletes this folder.\n")
    os.environ |= {"CREDITLAKE_HOME": str(home), "CREDITLAKE_SUBJECT_KEY": DEMO_KEY, **SMALL_CITY}
    for name in ("CREDITLAKE_LAKE", "CREDITLAKE_INBOX", "CREDITLAKE_OUTBOX", "CREDITLAKE_SCRATCH"):
        os.environ.pop(name, None)
    settings.cache_clear()
