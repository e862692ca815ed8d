"""Fixtures: an empty city, its build, and parts of the dbt project run on it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from creditlake.build import build_marts
from creditlake.candidate import CandidateManifest
from creditlake.marts.database import prepare_database
from creditlake.marts.dbt import PROJECT, environment
from creditlake.marts.inputs import read_inputs
from creditlake.settings import Settings, read_settings
from tests.dbt.city import City

TODAY = date(2026, 11, 17)


def settings_at(root: Path) -> Settings:
    """Return settings of a machine of its own."""
    return replace(read_settings(), home=root, scratch=root / "scratch", duckdb_memory="1GB", threads=2)


@pytest.fixture
def city(tmp_path: Path) -> City:
    """A lake without deliveries."""
    return City(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    """Settings of a machine of its own."""
    return settings_at(tmp_path)


class Built:
    """A finished build; tables are read from the lake's files."""

    def __init__(self, city: City, candidate: CandidateManifest) -> None:
        self.city, self.candidate = city, candidate

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query over the candidate's tables."""
        with duckdb.connect() as connection:
            for name, table in self.candidate.tables.items():
                paths = [str(self.city.root / "lake" / entry.key) for entry in table.files]
                connection.read_parquet(paths).create_view(name)
            found = connection.execute(query)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def values(self, query: str) -> list[Any]:
        """Return the first column of a query."""
        return [next(iter(row.values())) for row in self.rows(query)]

    @property
    def broken_tests(self) -> set[str]:
        """Names of the tests that did not pass."""
        return {test.name for test in self.candidate.tests if test.status != "pass"}


def build_city(city: City, day: date = TODAY, attempt: int = 1) -> Built:
    """Link and build a city as of a business date."""
    name = f"{day:%Y%m%d}-{attempt:02d}"
    city.link(name)
    return Built(city, build_marts(city.lake, city.catalog, settings_at(city.root), day, name))


@pytest.fixture
def build(city: City) -> Callable[..., Built]:
    """Build this test's city."""

    def run(day: date = TODAY, attempt: int = 1) -> Built:
        return build_city(city, day, attempt)

    return run


class PartialRun:
    """Some models run on a city; the private database stays open to look into."""

    def __init__(self, city: City, day: date, models: Sequence[str]) -> None:
        from dbt.cli.main import dbtRunner

        name = f"{day:%Y%m%d}-{10 + city.deliveries % 90:02d}"
        if not city.lake.exists(f"links/{name}/_manifest.json"):
            city.link(name)
        place = settings_at(city.root)
        self.folder = city.root / f"partial-{day}"
        (self.folder / "tables").mkdir(parents=True)
        self.database = self.folder / "marts.duckdb"
        prepare_database(
            self.database, city.lake, city.catalog, place, read_inputs(city.lake, city.catalog, day, name)
        )
        variables = {"business_date": day.isoformat(), "candidate_folder": str(self.folder / "tables")}
        with environment(place, self.database):
            outcome = dbtRunner().invoke(
                [
                    "run",
                    "--select",
                    *models,
                    "--vars",
                    json.dumps(variables),
                    "--project-dir",
                    str(PROJECT),
                    "--profiles-dir",
                    str(PROJECT),
                    "--target-path",
                    str(self.folder / "dbt"),
                    "--log-path",
                    str(self.folder / "dbt"),
                    "--no-version-check",
                    "--quiet",
                ]
            )
        assert outcome.success, outcome

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query over the private database."""
        with duckdb.connect(str(self.database)) as connection:
            found = connection.execute(query)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def module_city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """One city for all tests of a module: a dbt run takes seconds."""
    return City(tmp_path_factory.mktemp("city"))
