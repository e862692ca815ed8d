"""The shared Spark server: missing, dead at once, and for nobody who does not know its token."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from creditlake.loopback import free_port
from creditlake.spark_server import TOKEN, expect_server, running_spark_server
from creditlake.spark_submit import SparkFailed
from tests.services import QUICK_JVM, folder_settings

pytestmark = pytest.mark.spark


def test_a_missing_server_is_said_at_once_with_the_variable_and_the_cure() -> None:
    with pytest.raises(SparkFailed, match=r"no Spark server at sc://\S+ .CREDITLAKE_SPARK_REMOTE"):
        expect_server(f"sc://localhost:{free_port()}")


def test_a_server_that_cannot_start_is_an_error_that_names_its_log(tmp_path: Path) -> None:
    chosen = replace(folder_settings(tmp_path), spark_memory="many")
    with (
        running_spark_server(chosen, tmp_path / "server.log") as server,
        pytest.raises(SparkFailed, match=r"stopped at once; read .*server\.log"),
    ):
        server.environment()


def test_a_stranger_without_the_token_is_refused(tmp_path: Path) -> None:
    chosen = replace(folder_settings(tmp_path), spark_java_options=QUICK_JVM, spark_memory="1g")
    with running_spark_server(chosen, tmp_path / "server.log") as server:
        known = os.environ | server.environment()
        assert count_three(known).stdout.strip() == "3"
        stranger = count_three(known | {TOKEN: "a guess"})
    assert stranger.returncode == 1
    assert "Invalid authentication token" in stranger.stderr


def count_three(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Count three rows on the server, in a process of its own: the token is read from the environment."""
    script = (
        "import os; from pyspark.sql import SparkSession\n"
        "print(SparkSession.builder.remote(os.environ['CREDITLAKE_SPARK_REMOTE']).create().range(3).count())"
    )
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
