"""Fixtures: an empty city, and its build."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from creditlake.build import build_marts
from creditlake.candidate import CandidateManifest
from creditlake.settings import Settings, read_settings
from tests.dbt.city import City


@pytest.fixture
def city(tmp_path: Path) -> City:
    """A lake without deliveries."""
    return City(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    """Settings of a machine of its own."""
    return replace(read_settings(), home=tmp_path, scratch=tmp_path / "scratch", duckdb_memory="1GB", threads=2)


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


@pytest.fixture
def build(city: City, place: Settings) -> Callable[..., Built]:
    """Link and build the city as of a business date."""

    def run(day: date = date(2026, 11, 17), attempt: int = 1) -> Built:
        name = f"{day:%Y%m%d}-{attempt:02d}"
        city.link(name)
        return Built(city, build_marts(city.lake, city.catalog, place, day, name))

    return run
