"""The demo's questions to Airflow's API: asked again while the server fails, never obeyed twice."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from creditlake.demo import airflow
from creditlake.demo.airflow import AirflowError, LocalAirflow


class Api(ThreadingHTTPServer):
    """A server that gives the statuses it is told, one a question, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.statuses: list[int] = []
        self.bodies: list[dict[str, object]] = []


class Answers(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.statuses.pop(0))
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(api: Api, tmp_path: Path) -> Iterator[LocalAirflow]:
    made = LocalAirflow(tmp_path, {})
    made.client.base_url = httpx.URL(f"http://127.0.0.1:{api.server_address[1]}")
    yield made
    made.client.close()


def test_a_run_is_asked_for_again_after_a_server_error_and_under_the_same_id(
    api: Api, client: LocalAirflow
) -> None:
    api.statuses = [500, 500, 200]
    assert client.trigger("collect_tax", "2026-11-16") == "demo__2026-11-16"
    assert [body["dag_run_id"] for body in api.bodies] == ["demo__2026-11-16"] * 3


def test_a_run_that_was_started_in_spite_of_an_error_is_not_an_error(api: Api, client: LocalAirflow) -> None:
    api.statuses = [500, 409]
    assert client.trigger("collect_tax", "2026-11-16") == "demo__2026-11-16"


def test_a_refused_question_is_not_asked_again(api: Api, client: LocalAirflow) -> None:
    api.statuses = [404]
    with pytest.raises(AirflowError, match=r"404.*read .*api-server\.log"):
        client.trigger("collect_tax", "2026-11-16")
    assert len(api.bodies) == 1


def test_a_server_that_keeps_failing_ends_the_demo_with_the_log_to_read(
    api: Api, client: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(airflow, "ANSWER_SECONDS", 0.5)
    api.statuses = [503] * 100
    with pytest.raises(AirflowError, match=r"503.*read .*api-server\.log"):
        client.trigger("collect_tax", "2026-11-16")


def test_after_a_stop_signals_are_answered_as_before(client: LocalAirflow) -> None:
    before = signal.getsignal(signal.SIGTERM)
    client.stop()
    assert signal.getsignal(signal.SIGTERM) is before is not signal.SIG_IGN


def test_a_server_that_keeps_ending_ends_the_demo_with_the_log_to_read(
    client: LocalAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.logs.mkdir(parents=True)
    gone = [sys.executable, "-c", "pass"]
    monkeypatch.setattr(client, "_start_server", lambda name: subprocess.Popen(gone, start_new_session=True))
    client.servers = [client._start_server(name) for name in airflow.PROCESSES]
    for server in client.servers:
        server.wait()
    client.revive()
    assert client.revived == len(airflow.PROCESSES) == airflow.REVIVALS
    client.servers[0].wait()
    with pytest.raises(AirflowError, match=r"airflow api-server keeps ending; read .*\.log"):
        client.revive()
