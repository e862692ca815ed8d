"""A Spark server that applications share (Spark Connect): one warm JVM instead of a cold one for each.

A small day's Spark steps are nine tenths cold start. The server works with the lake of the settings that it
was started with. It listens on loopback and answers only who knows its token, which travels in the
environment and in no argument.
"""

import contextlib
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from creditlake.loopback import free_port, is_listening
from creditlake.settings import Settings
from creditlake.spark_submit import SparkFailed, spark_environment, spark_submit_command

SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # the name that Spark's server and client read it by
START_SECONDS = 90
STOP_SECONDS = 60


class SparkServer:
    """The server's process; made by `running_spark_server`."""

    def __init__(self, chosen: Settings, log: Path) -> None:
        """Start the server; it is not ready yet."""
        self.port = free_port()
        self.log = log
        self.token = secrets.token_urlsafe(24)
        binding = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
        }
        command = [*spark_submit_command(chosen, binding), "--class", SERVER_CLASS]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env=spark_environment(chosen) | {TOKEN: self.token},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def environment(self) -> dict[str, str]:
        """Wait until the server is ready; what an application needs in its environment to use it."""
        deadline = time.monotonic() + START_SECONDS
        while not is_listening(self.port):
            if self.process.poll() is not None:
                raise SparkFailed(f"the Spark server stopped at once; read {self.log}")
            if time.monotonic() > deadline:
                raise SparkFailed(f"the Spark server was not ready after {START_SECONDS} s; read {self.log}")
            time.sleep(0.2)  # Spark tells nobody when its port opens: it is asked for until START_SECONDS
        return {"CREDITLAKE_SPARK_REMOTE": f"sc://localhost:{self.port}", TOKEN: self.token}

    def stop(self) -> None:
        """Stop the server's process."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def running_spark_server(chosen: Settings, log: Path) -> Iterator[SparkServer]:
    """Run a server for the length of the block; it starts while the block does other things."""
    server = SparkServer(chosen, log)
    try:
        yield server
    finally:
        server.stop()


def expect_server(remote: str) -> None:
    """Raise SparkFailed at once where no server listens; Spark's own client would try for ten minutes."""
    port = urlsplit(remote).port or 15002
    if not is_listening(port):
        raise SparkFailed(
            f"no Spark server at {remote} (CREDITLAKE_SPARK_REMOTE): start it again, or unset the variable "
            "and every application starts Spark for itself"
        )
