"""Run dbt once, in this process, over the build's private database; read what it says into our models.

dbt is imported on first use: it takes seconds. Whatever it writes (target, logs) goes to scratch. A failing
test stops nothing here: the gate reads every result and gives one verdict.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

from creditlake.candidate import ModelRun, TestRun
from creditlake.settings import REPOSITORY, Settings

PROJECT = REPOSITORY / "dbt_project"
LAYERS = ("staging", "intermediate", "marts")


class DbtFailed(Exception):
    """dbt could not start, or a model failed: no verdict about the data; run the build again."""


@dataclass(frozen=True)
class Mart:
    """One mart as dbt's manifest describes it."""

    name: str
    level: str
    order_by: tuple[str, ...]
    grain: tuple[str, ...]


@dataclass(frozen=True)
class DbtRun:
    """One dbt run: its marts, and how every model and test went."""

    marts: tuple[Mart, ...]
    models: tuple[ModelRun, ...]
    tests: tuple[TestRun, ...]


def run_dbt(settings: Settings, database: Path, marts: Path, target: Path, business_date: date) -> DbtRun:
    """Build and test every model; marts are written as `<level>.<table>.parquet` into `marts`.

    Raises DbtFailed when anything but a test fails; tests are the gate's business.
    """
    variables = {"business_date": business_date.isoformat(), "candidate_folder": str(marts)}
    arguments = [
        "build",
        "--vars",
        json.dumps(variables),
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
        "--target-path",
        str(target),
        "--log-path",
        str(target),
        "--no-version-check",
        "--quiet",
        "--no-use-colors",
        "--no-partial-parse",
        "--no-send-anonymous-usage-stats",
    ]
    with environment(settings, database):
        from dbt.cli.main import dbtRunner

        outcome = dbtRunner().invoke(arguments)
    if not (target / "run_results.json").exists():
        raise DbtFailed(f"dbt did not run: {outcome.exception}; see {target}/dbt.log")
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    results = json.loads((target / "run_results.json").read_text("utf-8"))["results"]
    broken = [
        r for r in results if r["status"] in ("error", "skipped") and not r["unique_id"].startswith("test.")
    ]
    if broken:
        reasons = "\n".join(f"{r['unique_id']}: {r['status']} {r['message'] or ''}" for r in broken)
        raise DbtFailed(f"{len(broken)} models did not run; see {target}/dbt.log\n{reasons}")
    return DbtRun(
        marts=tuple(read_marts(manifest)),
        models=tuple(read_model_runs(manifest, results)),
        tests=tuple(read_test_runs(manifest, results)),
    )


@contextmanager
def environment(settings: Settings, database: Path) -> Iterator[None]:
    """Set what profiles.yml reads; afterwards take it back and close dbt's connection to the database."""
    wanted = {
        "CREDITLAKE_DBT_DATABASE": str(database),
        "CREDITLAKE_DBT_TEMP": str(database.parent / "spill"),
        "CREDITLAKE_DUCKDB_MEMORY": settings.duckdb_memory,
        "CREDITLAKE_THREADS": str(settings.threads),
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        close_database()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def close_database() -> None:
    """Close the connection that dbt keeps for its next run: nobody else could open the file meanwhile."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:
        DuckDBConnectionManager._ENV.close()
        DuckDBConnectionManager._ENV = None


def read_marts(manifest: Mapping[str, Any]) -> Iterator[Mart]:
    """Yield the models that become tables of the candidate, by name."""
    for node in sorted(manifest["nodes"].values(), key=lambda node: str(node["name"])):
        if node["resource_type"] == "model" and node["config"]["materialized"] == "release":
            config = node["config"]
            order_by = tuple(config["order_by"])
            yield Mart(node["name"], config["level"], order_by, tuple(config["meta"].get("grain", order_by)))


def read_model_runs(manifest: Mapping[str, Any], results: list[dict[str, Any]]) -> Iterator[ModelRun]:
    """Yield how each model went, in dbt's order."""
    for result in results:
        node = manifest["nodes"].get(result["unique_id"])
        if node and node["resource_type"] == "model":
            status = result["status"]
            yield ModelRun(
                name=node["name"],
                layer=layer_of(node),
                status=status,
                seconds=round(result["execution_time"], 3),
                message="" if status == "success" else str(result["message"] or "")[:500],
            )


def layer_of(node: Mapping[str, Any]) -> Literal["staging", "intermediate", "marts"]:
    """Return the layer of a model: its folder."""
    layer = node["fqn"][1]
    if layer not in LAYERS:
        raise DbtFailed(f"{node['name']} lies in {layer!r}; models lie in {', '.join(LAYERS)}")
    return cast(Literal["staging", "intermediate", "marts"], layer)


def read_test_runs(manifest: Mapping[str, Any], results: list[dict[str, Any]]) -> Iterator[TestRun]:
    """Yield how each test went, in dbt's order."""
    names = {unique_id: node["name"] for unique_id, node in manifest["nodes"].items()}
    for result in results:
        node = manifest["nodes"].get(result["unique_id"])
        if node and node["resource_type"] == "test":
            yield TestRun(
                name=node["name"],
                model=names.get(node.get("attached_node") or ""),
                severity=node["config"]["severity"].lower(),
                status=result["status"],
                failures=int(result["failures"] or 0),
                message=str(result["message"] or "")[:500] if result["status"] != "pass" else "",
            )
