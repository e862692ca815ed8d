"""Both engines of row work give equal tables, row for row: three simulated cities, two days each.

Spark works in this process's session, DuckDB through the commands, in a process that cannot find a Java. On
the second day the registers and the records change, and people have judged doubtful links of the first.
"""

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from creditlake.builds import open_build
from creditlake.catalog import Catalog
from creditlake.decode import decode_waiting
from creditlake.judgements import Decision, Judgement, write_judgements
from creditlake.settings import REPOSITORY, Settings, SettingsError, read_settings
from creditlake.simulate import PUBLISHED, simulate_city
from creditlake.storage import FolderLake, StepManifest, list_manifests, open_lake
from spark_jobs import link, on_duckdb, on_spark, standardise
from tests.deliveries import collect
from tests.services import folder_settings

pytestmark = [pytest.mark.spark, pytest.mark.slow]
DAYS = [date(2026, 11, 16), date(2026, 11, 17)]
SIZE = {"legal": 1_500, "natural": 4_000, "records": 12_000}
KEY = "a key of both engines"
ROOMS = ("records", "rejects", "registers", "links")
Rows = list[str]


@dataclass(frozen=True)
class City:
    """A city's two installations: the same cells, worked on by one engine each."""

    spark: Settings
    duckdb: Settings


def command(chosen: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `creditlake` command on DuckDB where no program but git can be found, and no Java."""
    programs = chosen.home / "programs"
    if not programs.exists():
        programs.mkdir()
        (programs / "git").symlink_to(str(shutil.which("git")))
    environment = {
        **{name: value for name, value in os.environ.items() if "JAVA" not in name and "SPARK" not in name},
        "PATH": str(programs),
        "JAVA_HOME": str(programs),
        "CREDITLAKE_HOME": str(chosen.home),
        "CREDITLAKE_SUBJECT_KEY": KEY,
        "CREDITLAKE_ENGINE": "duckdb",
    }
    return subprocess.run(
        [sys.executable, "-m", "creditlake.cli", *arguments],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def make_city(folder: Path, catalog: Catalog, seed: int) -> City:
    """Simulate a city and decode what it delivers on both days, in two equal lakes."""
    simulate_city(folder / "city", seed=seed, **SIZE, days=DAYS, rates=PUBLISHED, catalog=catalog)
    spark = folder_settings(folder / "spark")
    lake = open_lake(spark)
    for day in DAYS:
        for contract in catalog.contracts.values():
            collect(lake, contract, folder / "city" / "inbox_by_day" / day.isoformat(), day)
    decode_waiting(lake, catalog, DAYS[-1], scratch=spark.scratch)
    duckdb = folder_settings(folder / "duckdb")
    shutil.copytree(spark.home / "lake", duckdb.home / "lake")
    return City(spark, duckdb)


def work(city: City, session: SparkSession, day: date) -> str:
    """Standardise and link a day on both engines; returns the build."""
    standardise.run(day.isoformat(), session)
    build = open_build(open_lake(city.spark), day)
    link.run(day.isoformat(), build, session)
    for step in ("standardise", "link"):
        done = command(city.duckdb, step, "--business-date", day.isoformat())
        assert done.returncode == 0, done.stderr[-3000:]
    return build


def judge(city: City, build: str) -> None:
    """Judge three doubtful parties in each way, on both lakes."""
    links = [row for row in links_of(open_lake(city.spark), build) if row["status"] == "review"]
    parties = {row["party"]: row["candidates"][0] for row in sorted(links, key=lambda row: row["record_id"])}
    assert len(parties) >= 3
    made = [
        Judgement(
            party=party,
            decision=decision,
            subject_id=None if decision is Decision.NONE else candidate,
            who="林",
            why="电话核实",
            seen=build,
            overrules=None,
            entered_by="林",
            business_date=DAYS[1],
            decided_at=datetime(2026, 11, 17, 8, 0, tzinfo=UTC),
        )
        for decision, (party, candidate) in zip(Decision, parties.items(), strict=False)
    ]
    for chosen in (city.spark, city.duckdb):
        assert write_judgements(open_lake(chosen), made) == made


def links_of(lake: FolderLake, build: str) -> list[dict[str, object]]:
    """Return a build's links."""
    (manifest,) = [made for key, made in list_manifests(lake, f"links/{build}")]
    return [row for entry in manifest.outputs for row in read_table(lake, entry.key).to_pylist()]


def read_table(lake: FolderLake, key: str) -> pa.Table:
    """Read one file."""
    with lake.open(key) as stream:
        return pq.ParquetFile(stream).read()


def table_of(room: str, key: str, outcome: str | None) -> str:
    """Name the table that a file belongs to: without the attempt and the file, which each run names anew."""
    parts = key.split("/")
    return "/".join([*parts[:3], *([part for part in parts[4:-1] if "=" in part]), outcome or ""])


def read_room(lake: FolderLake, room: str) -> tuple[dict[str, Rows], dict[str, StepManifest]]:
    """Return every table of a room with its columns, types and rows in order, and the manifests by key."""
    manifests = dict(list_manifests(lake, room))
    tables: dict[str, Rows] = defaultdict(list)
    for manifest in manifests.values():
        for entry in manifest.outputs:
            table = read_table(lake, entry.key)
            name = table_of(room, entry.key, entry.outcome)
            types = [f"{field.name} {type_of(field.type)}" for field in table.schema]
            tables[f"{name}: {', '.join(types)}"] += map(repr, table.to_pylist())
    return {name: sorted(rows) for name, rows in tables.items()}, manifests


def type_of(kind: pa.DataType) -> str:
    """Name a type; whether items of a list may be null is written down by one engine only."""
    return str(kind).replace(" not null", "")


def without_files(manifests: dict[str, StepManifest]) -> dict[str, tuple[object, ...]]:
    """Return what manifests say, but for their files, instants and memory."""
    return {
        key: (made.status, made.counts, made.defects, made.columns, made.contract_digest, made.step_version)
        for key, made in manifests.items()
    }


def engines_of(manifests: dict[str, StepManifest]) -> set[object]:
    """Return the engines that manifests name."""
    return {made.extra["engine"] for made in manifests.values()}


def differing(first: dict[str, Rows], second: dict[str, Rows]) -> dict[str, tuple[Rows, Rows]]:
    """Return, by table, a few rows that only one of two lakes has."""
    return {
        name: (
            sorted(set(first.get(name, [])) - set(second.get(name, [])))[:2],
            sorted(set(second.get(name, [])) - set(first.get(name, [])))[:2],
        )
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    }


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_every_table_of_two_days_is_equal_row_for_row(
    seed: int, few_rows: SparkSession, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = make_city(tmp_path, catalog, seed)
    monkeypatch.setenv("CREDITLAKE_SUBJECT_KEY", KEY)
    for step in (standardise, link):
        monkeypatch.setattr(step, "settings", lambda: city.spark)

    judge(city, work(city, few_rows, DAYS[0]))
    build = work(city, few_rows, DAYS[1])

    spark, duckdb = open_lake(city.spark), open_lake(city.duckdb)
    for room in ROOMS:
        expected, of_spark = read_room(spark, room)
        found, of_duckdb = read_room(duckdb, room)
        assert differing(expected, found) == {}
        assert sum(map(len, expected.values())) > 0
        assert without_files(of_duckdb) == without_files(of_spark)
        assert (engines_of(of_spark), engines_of(of_duckdb)) == ({"spark"}, {"duckdb"})
    statuses = {row["status"] for row in links_of(duckdb, build)}
    assert statuses == {"auto", "review", "unlinked", "judged"}


def test_files_of_duckdb_have_no_statistics_and_nothing_is_left_in_scratch(
    catalog: Catalog, tmp_path: Path
) -> None:
    chosen = folder_settings(tmp_path)
    simulate_city(
        tmp_path / "city", seed=6, legal=40, natural=100, records=300, days=DAYS[:1], rates=PUBLISHED
    )
    lake = open_lake(chosen)
    for contract in catalog.contracts.values():
        collect(lake, contract, tmp_path / "city" / "inbox_by_day" / DAYS[0].isoformat(), DAYS[0])
    decode_waiting(lake, catalog, DAYS[0], scratch=chosen.scratch)
    for step in ("standardise", "link"):
        done = command(chosen, step, "--business-date", DAYS[0].isoformat())
        assert done.returncode == 0, done.stderr[-3000:]
    files = [entry.key for room in ROOMS for _, made in list_manifests(lake, room) for entry in made.outputs]
    assert len(files) >= 15
    for key in files:
        with lake.open(key) as stream:
            metadata = pq.ParquetFile(stream).metadata
        for group in range(metadata.num_row_groups):
            assert metadata.row_group(group).column(0).statistics is None
    assert list((chosen.scratch / "duckdb").iterdir()) == []
    assert list(chosen.scratch.glob("parts-*")) == []


def test_an_unknown_engine_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDITLAKE_ENGINE", "flink")
    with pytest.raises(SettingsError, match="CREDITLAKE_ENGINE is 'flink'; it may be spark or duckdb"):
        read_settings()
    done = subprocess.run(
        [sys.executable, "-m", "creditlake.cli", "standardise", "--business-date", DAYS[0].isoformat()],
        env=os.environ | {"CREDITLAKE_HOME": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip().splitlines()[-1]) == (
        1,
        "creditlake: CREDITLAKE_ENGINE is 'flink'; it may be spark or duckdb",
    )


def test_both_engines_offer_the_same_names() -> None:
    assert on_spark.__all__ == on_duckdb.__all__
    assert all(hasattr(engine, name) for engine in (on_spark, on_duckdb) for name in on_spark.__all__)
