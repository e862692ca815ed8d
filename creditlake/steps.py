"""The steps of a day, one function each: what a DAG task and the command of the same name both call.

Every step is idempotent: it takes the inputs that have no output yet, and its manifest is its commit.
Heavy libraries are imported inside the functions, so that reading a DAG file stays cheap.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from zoneinfo import ZoneInfo

from creditlake import builds
from creditlake.catalog import Catalog, load_catalog
from creditlake.logs import start_logging
from creditlake.settings import REPOSITORY, settings
from creditlake.storage import Lake, StorageError, open_lake

LOG = logging.getLogger("creditlake")
DECODE_TOGETHER_BYTES = 64 << 20  # less than this is decoded sooner than a second process has started


class GateHeld(Exception):
    """The gate holds a build; the message says why, whom to ask and where the report lies."""


def read_catalog() -> Catalog:
    """Return the catalogue this installation works by."""
    return load_catalog(settings().catalog)


def lake() -> Lake:
    """Return the lake this installation works on."""
    return open_lake(settings())


def day(text: str) -> date:
    """Read a business date (ISO, Asia/Shanghai)."""
    return date.fromisoformat(text)


def today() -> str:
    """Return the calendar day in Asia/Shanghai."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()


def spark_application(step: str) -> str:
    """Return the path of the application of a step."""
    return str(REPOSITORY / "spark_jobs" / f"{step}.py")


def application_arguments(arguments: Mapping[str, str]) -> list[str]:
    """Return an application's arguments as its command line takes them."""
    return [text for name, value in arguments.items() for text in (f"--{name.replace('_', '-')}", value)]


def run_application(step: str, **arguments: str) -> None:
    """Run an application of row work: in this process on DuckDB, else submitted to Spark."""
    if has_own_engine():
        import_module(f"spark_jobs.{step}").run(**arguments)
        return
    from creditlake.spark_submit import submit

    submit(spark_application(step), application_arguments(arguments))


def has_own_engine() -> bool:
    """Whether row work runs on DuckDB, inside the process that asks for it."""
    return settings().engine == "duckdb"


def has_spark_server() -> bool:
    """Whether this installation's Spark applications share one server."""
    return bool(settings().spark_remote)


def named_build(business_date: str, build: str) -> str:
    """Return the build that is meant: the one named, else the date's newest."""
    return build or builds.newest_build(lake(), day(business_date))


def collect(dataset: str, business_date: str) -> dict[str, int]:
    """Bring what has been delivered of one dataset into the raw room; counts by outcome."""
    from creditlake.collect import collect_dataset

    catalog = read_catalog()
    return collect_dataset(lake(), catalog, catalog.contracts[dataset], settings().inbox, day(business_date))


def collect_department(department: str, business_date: str) -> dict[str, int]:
    """Bring what a department has delivered into the raw room; counts by outcome over its datasets.

    A dataset that cannot be collected does not keep the others; the first such error is raised at the end.
    """
    counts: Counter[str] = Counter()
    failures: list[Exception] = []
    for name, contract in sorted(read_catalog().contracts.items()):
        if contract.department == department:
            try:
                counts.update(collect(name, business_date))
            except Exception as error:
                LOG.exception("%s could not be collected", name)
                failures.append(error)
    if failures:
        raise failures[0]
    return dict(counts)


def share_decoding(business_date: str) -> list[list[str]]:
    """Return the datasets with batches that wait for decode, in groups of like size for parallel tasks."""
    from creditlake.decode.decode import share_waiting, weigh_waiting

    return share_waiting(weigh_waiting(lake(), read_catalog(), day(business_date)))


def decode(business_date: str, datasets: Sequence[str] | None = None) -> dict[str, int]:
    """Turn waiting raw batches into cells; counts of batches by outcome and of rows.

    All datasets together are decoded in processes, one per core, if there is enough to read.
    """
    from creditlake.decode.decode import decode_waiting, share_waiting, weigh_waiting

    if datasets is None:
        waiting = weigh_waiting(lake(), read_catalog(), day(business_date))
        if len(waiting) > 1 and sum(waiting.values()) > DECODE_TOGETHER_BYTES:
            return decode_groups(business_date, share_waiting(waiting))
    manifests = decode_waiting(lake(), read_catalog(), day(business_date), only=datasets)
    counts = {status: sum(m.status == status for m in manifests) for status in ("ok", "blocked")}
    for manifest in manifests:
        for defect in manifest.defects:
            outcome = "blocked" if manifest.status == "blocked" else "warning"
            LOG.warning("%s %s: %s %s", defect.file, outcome, defect.code, defect.message)
    return {**counts, "rows": sum(entry.rows for m in manifests for entry in m.outputs)}


def decode_groups(business_date: str, groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """Decode groups of datasets in processes of their own; a group that fails does not keep the others."""
    counts: Counter[str] = Counter()
    failures: list[BaseException] = []
    spawning = get_context("spawn")  # a fork would inherit locks of Arrow's threads
    with ProcessPoolExecutor(settings().threads, spawning, start_logging) as pool:
        for done in [pool.submit(decode, business_date, group) for group in groups]:
            if error := done.exception():
                failures.append(error)
            else:
                counts.update(done.result())
    if failures:
        raise failures[0]
    return dict(counts)


def standardise(business_date: str) -> None:
    """Make records and rejects of all waiting cells in one application."""
    run_application("standardise", business_date=business_date)


def open_build(business_date: str) -> str:
    """Name the build of a date: an unfinished one goes on, else the next attempt."""
    return builds.open_build(lake(), day(business_date))


def link(business_date: str, build: str) -> None:
    """Link every current record in one application; the build's batches are fixed here."""
    run_application("link", business_date=business_date, build=build)


def build_marts(business_date: str, build: str) -> dict[str, int]:
    """Build the candidate in one dbt process; rows by table."""
    from creditlake.build import build_marts as build_candidate

    candidate = build_candidate(lake(), read_catalog(), settings(), day(business_date), build)
    return {name: table.rows for name, table in candidate.tables.items()}


def gate(build: str) -> dict[str, int]:
    """Judge a candidate; raises GateHeld with the reasons, else returns the checks by kind."""
    from creditlake.release import judge_candidate

    verdict = judge_candidate(lake(), build, settings().scratch)
    if verdict.verdict == "hold":
        reasons = "\n".join(f"  {f.message} (ask {f.ask})" for f in verdict.holds)
        raise GateHeld(
            f"build {build} is held, the published release stays; report candidates/{build}/\n{reasons}"
        )
    return verdict.checks


def serve(build: str) -> str:
    """Make the release's manifest and the readers' files, before the pointer moves; the release id."""
    from creditlake.release import prepare_release
    from creditlake.serve import serve_release

    release = prepare_release(lake(), build)
    serve_release(lake(), release, settings().scratch)
    return release.release_id


def publish(build: str) -> str:
    """Verify every file and move the pointer; says what is published now."""
    from creditlake.release import publish_build

    return str(publish_build(lake(), build, settings().scratch))


def feedback(business_date: str, build: str) -> dict[str, int]:
    """Write the departments' return files of a date; files by department."""
    from creditlake.returns import write_returns

    return write_returns(lake(), read_catalog(), settings(), day(business_date), build)


def run_day(business_date: str) -> None:
    """Run a whole day by hand in the DAGs' order; return files are written also when the gate holds.

    An outbox that fails then does not hide why.
    """
    for dataset in sorted(read_catalog().contracts):
        collect(dataset, business_date)
    decode(business_date)
    standardise(business_date)
    build = open_build(business_date)
    link(business_date, build)
    build_marts(business_date, build)
    try:
        gate(build)
        serve(build)
        LOG.info(publish(build))
    except Exception:  # whatever it is, the departments get their rows back before it is raised
        try:
            feedback(business_date, build)
        except StorageError as error:
            LOG.error("the return files wait for the next run: %s", error)
        raise
    feedback(business_date, build)


def simulate(
    target: Path, *, seed: int, legal: int, natural: int, records: int, days: list[date], plain: bool = True
) -> dict[str, int]:
    """Write a synthetic city's deliveries and the truth; rows by dataset.

    `plain`: also the datasets that have no simulator of their own, with rows made from their contracts; each
    on one day in twelve.
    """
    from creditlake.simulate import PUBLISHED, simulate_city

    report = simulate_city(
        target,
        seed=seed,
        legal=legal,
        natural=natural,
        records=records,
        days=days,
        rates=PUBLISHED,
        catalog=read_catalog() if plain else None,
    )
    return report.rows_by_dataset


def spark_conf() -> dict[str, str]:
    """Return the Spark configuration for the provider's operator: the one of runs by hand."""
    from creditlake.spark_submit import spark_submit_conf

    return spark_submit_conf(settings())


def spark_environment() -> dict[str, str]:
    """Return what a Spark application's environment needs, without secrets.

    The operator's arguments are stored in Airflow's database; the lake's credentials and the subject key
    reach the application through the worker's own environment (infra/airflow/env.sh).
    """
    from creditlake.spark_submit import spark_environment as whole_environment

    made = whole_environment(settings())
    passed = ("PYTHONPATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON", "SPARK_LOCAL_IP", "TZ")
    return {name: made[name] for name in passed}
