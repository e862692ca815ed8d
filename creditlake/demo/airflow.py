"""A private Airflow on this machine: its three processes, and its REST API for triggering and watching.

The same programs as in service, only on free loopback ports, with SQLite metadata and a folder of their
own. Every process is stopped by its own process group, because Airflow's servers start children.
"""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from creditlake.loopback import free_port
from creditlake.settings import REPOSITORY

LOG = logging.getLogger("creditlake.demo")
START_SECONDS = 120
STOP_SECONDS = 15
ANSWER_SECONDS = 300  # a busy machine answers late, and giving up would lose the days played so far
REVIVALS = 3
PROCESSES = ("api-server", "scheduler", "dag-processor")
FINISHED = frozenset({"success", "failed"})


class AirflowError(Exception):
    """Airflow did not start or a run did not end; the message names the log to read."""


@dataclass(frozen=True)
class DagRun:
    """One DAG run as the API tells it."""

    dag_id: str
    run_id: str
    state: str
    partition_key: str | None


def shell_environment(overrides: dict[str, str]) -> dict[str, str]:
    """Return the environment that infra/airflow/env.sh makes of this one and the overrides."""
    script = f'set -a; . "{REPOSITORY}/infra/airflow/env.sh"; env -0'
    made = subprocess.run(["bash", "-c", script], env=os.environ | overrides, capture_output=True, check=True)
    pairs = (entry.split("=", 1) for entry in made.stdout.decode().split("\0") if "=" in entry)
    return dict(pairs)


def passes_with_time(error: BaseException) -> bool:
    """Whether a question may be asked again: SQLite has one writer at a time, and a late server is slow."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    return isinstance(error, httpx.TransportError)


class LocalAirflow:
    """The running servers; made by `running_airflow`."""

    def __init__(self, home: Path, overrides: dict[str, str]) -> None:
        """Prepare the environment; nothing runs yet."""
        self.port = free_port()
        self.logs = home / "airflow" / "servers"
        self.environment = shell_environment(
            overrides
            | {
                "CREDITLAKE_HOME": str(home),
                "CREDITLAKE_COLLECT_ON_SCHEDULE": "false",
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": str(self.port),
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__PARALLELISM": "6",  # a small city's tasks are short: more wait for their turn
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": "infra.airflow.sqlite.PATIENT",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": "infra.airflow.sqlite.PATIENT",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
                "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
                "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
                "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
            }
        )
        self.servers: list[subprocess.Popen[bytes]] = []
        self.revived = 0
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False)

    def start(self) -> None:
        """Migrate the metadata, start the servers and wait until each is healthy."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / "migrate.log").open("wb") as log:
            subprocess.run(
                ["airflow", "db", "migrate"], env=self.environment, stdout=log, stderr=log, check=True
            )
        self.servers = [self._start_server(name) for name in PROCESSES]
        self._wait_until_healthy()

    def _start_server(self, name: str) -> subprocess.Popen[bytes]:
        """Start one of the processes in a group of its own; its log goes on after that of an earlier one."""
        command = ["airflow", name, *(["--workers", "1"] if name == "api-server" else [])]
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def revive(self) -> None:
        """Start servers that have ended again, as a service manager does in service; AirflowError at last.

        Airflow's scheduler ends when SQLite keeps it from writing for too long. It takes up the tasks that
        it left when it starts anew.
        """
        for place, (name, server) in enumerate(zip(PROCESSES, self.servers, strict=False)):
            if server.poll() is None:
                continue
            self.revived += 1
            if self.revived > REVIVALS:
                raise AirflowError(f"airflow {name} keeps ending; read {self.logs}/{name}.log")
            LOG.warning("airflow %s has ended and is started again; read %s/%s.log", name, self.logs, name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)  # a task that outlived its scheduler
            self.servers[place] = self._start_server(name)

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for name, server in zip(PROCESSES, self.servers, strict=True):
                if server.poll() is not None:
                    raise AirflowError(f"airflow {name} stopped at once; read {self.logs}/{name}.log")
            with contextlib.suppress(httpx.TransportError):
                health = self.client.get("/api/v2/monitor/health").json()
                if all(
                    health[part]["status"] == "healthy"
                    for part in ("scheduler", "dag_processor", "metadatabase")
                ):
                    token = self.client.get("/auth/token").json()["access_token"]
                    self.client.headers["Authorization"] = f"Bearer {token}"
                    return
            time.sleep(0.5)  # the servers announce nothing; their health is asked for
        raise AirflowError(f"Airflow was not healthy after {START_SECONDS} s; read {self.logs}")

    def wait_for_dags(self, dag_ids: set[str]) -> None:
        """Wait until the DAG processor has read these DAGs."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            dags = self.client.get("/api/v2/dags", params={"limit": 100}).json()["dags"]
            if dag_ids <= {dag["dag_id"] for dag in dags}:
                return
            time.sleep(0.5)  # parsing announces nothing either
        errors = self.client.get("/api/v2/importErrors").json()["import_errors"]
        raise AirflowError(f"these DAGs did not appear: {sorted(dag_ids)}; import errors: {errors}")

    def ask(
        self, method: str, path: str, done_before: httpx.codes | None = None, **sent: Any
    ) -> httpx.Response:
        """Return the API's answer, asked again for some minutes while it fails; AirflowError names the log.

        `done_before` is the status by which the API says that an earlier asking was obeyed.
        """

        @retry(
            retry=retry_if_exception(passes_with_time),
            stop=stop_after_delay(ANSWER_SECONDS),
            wait=wait_random_exponential(multiplier=0.2, max=3),
            reraise=True,
        )
        def answer() -> httpx.Response:
            given = self.client.request(method, path, **sent)
            return given if given.status_code == done_before else given.raise_for_status()

        try:
            return answer()
        except httpx.HTTPError as error:
            raise AirflowError(
                f"Airflow's API did not answer {method} {path}: {error}; read {self.logs}/api-server.log"
            ) from error

    def trigger(self, dag_id: str, partition_key: str) -> str:
        """Start a run for one business date; returns its run id.

        The run id is ours, so that asking again after an unclear answer does not start a second run.
        """
        run_id = f"demo__{partition_key}"
        body = {"dag_run_id": run_id, "logical_date": None, "partition_key": partition_key}
        self.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body, done_before=httpx.codes.CONFLICT)
        return run_id

    def runs(self, dag_id: str, partition_key: str) -> list[DagRun]:
        """Return the runs of a DAG for one business date, oldest first; servers that ended are revived."""
        self.revive()
        answer = self.ask(
            "GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 100, "order_by": "run_after"}
        )
        found = [
            DagRun(run["dag_id"], run["dag_run_id"], run["state"], run["partition_key"])
            for run in answer.json()["dag_runs"]
        ]
        return [run for run in found if run.partition_key == partition_key]

    def task_states(self, run: DagRun) -> dict[str, str]:
        """Return the state of each task of a run; mapped tasks as `name[i]`."""
        answer = self.ask(
            "GET", f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances", params={"limit": 200}
        )
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): task["state"]
            or "waiting"
            for task in answer.json()["task_instances"]
        }

    def stop(self) -> None:
        """Stop every server and its children; an impatient second signal does not cut this short."""
        with signals_ignored():
            for server in self.servers:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGTERM)
            for server in self.servers:
                try:
                    server.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(server.pid, signal.SIGKILL)
                    server.wait()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)  # a task that outlived its scheduler
            self.client.close()


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM for the length of the block, where Python lets a thread decide that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def running_airflow(home: Path, overrides: dict[str, str]) -> Iterator[LocalAirflow]:
    """Run a private Airflow under `home` for the length of the block."""
    airflow = LocalAirflow(home, overrides)
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()
