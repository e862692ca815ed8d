"""A small city's four scenario days, and the product's own commands to play them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from creditlake.catalog import load_catalog
from creditlake.demo.play import DEMO_KEY
from creditlake.look.day import DaySummary, summarise_day
from creditlake.settings import REPOSITORY, settings
from creditlake.simulate.scenario import DEMO_DAYS, plan_demo_days
from creditlake.spark_server import running_spark_server
from creditlake.storage import open_lake
from tests.services import QUICK_JVM, folder_settings

SEED = 7
CITY = {"legal": 400, "natural": 900, "records": 3000}
TINY_CITY = {"CREDITLAKE_SPARK_JAVA_OPTIONS": QUICK_JVM, "CREDITLAKE_SPARK_MEMORY": "1g"}
STEPS = ("collect", "decode", "standardise", "link", "build-marts", "gate", "serve", "publish", "feedback")


@dataclass(frozen=True)
class Installation:
    """One home folder, with the environment its commands run in."""

    home: Path
    city: Path
    extra: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of this installation's commands."""
        return os.environ | {
            "CREDITLAKE_HOME": str(self.home),
            "CREDITLAKE_SUBJECT_KEY": DEMO_KEY,
            **TINY_CITY,
            **self.extra,
        }

    def deliver(self, business_date: str) -> None:
        """Lay a day's files into the inbox, with their times."""
        source = self.city / "inbox_by_day" / business_date
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            target = self.home / "inbox" / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("creditlake")), *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            text=True,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, expect: int = 0) -> str:
        """Run a command to its end and return what it printed; its exit code is asserted."""
        with self.start(*arguments) as process:
            output, errors = process.communicate()
        assert process.returncode == expect, f"creditlake {' '.join(arguments)}\n{output}\n{errors}"
        return output + errors

    def pointer(self) -> dict[str, str] | None:
        """Return current.json of a folder lake, or None."""
        path = self.home / "lake" / "current.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario of the demo for a few hundred subjects, without the datasets that come plain."""
    city = tmp_path_factory.mktemp("city")
    plan_demo_days(city, seed=SEED, **CITY)
    return city


@pytest.fixture(scope="session")
def days() -> list[str]:
    """The scenario's business dates."""
    return [day.isoformat() for day in DEMO_DAYS]


@dataclass(frozen=True)
class FirstDay:
    """An installation with the first day published, and the seconds of each step."""

    place: Installation
    seconds: dict[str, float]

    def copy_to(self, home: Path, extra: dict[str, str]) -> Installation:
        """Return an installation of its own that continues from here."""
        shutil.copytree(self.place.home, home, copy_function=shutil.copy2)
        return Installation(home, self.place.city, extra)


@pytest.fixture(scope="session")
def on_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of applications that share one Spark server."""
    home = tmp_path_factory.mktemp("spark-server")
    chosen = replace(folder_settings(home), spark_java_options=QUICK_JVM, spark_memory="1g")
    with running_spark_server(chosen, home / "server.log") as server:
        yield server.environment()


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory, small_city: Path, days: list[str]) -> FirstDay:
    """The first day step by step, a JVM per Spark step; what other tests start from or compare with."""
    place = Installation(tmp_path_factory.mktemp("first") / "home", small_city, {})
    place.deliver(days[0])
    seconds = {}
    for step in STEPS:
        start = time.monotonic()
        place.run(step, "--business-date", days[0])
        seconds[step] = time.monotonic() - start
    return FirstDay(place, seconds)


@pytest.fixture(scope="session")
def played(
    tmp_path_factory: pytest.TempPathFactory, days: list[str], on_server: dict[str, str]
) -> tuple[Installation, list[DaySummary]]:
    """All four days of every dataset by hand, one after the other, in one installation."""
    catalog = load_catalog(settings().catalog)
    city = tmp_path_factory.mktemp("whole")
    plan_demo_days(city, seed=SEED, catalog=catalog, **CITY)
    place = Installation(tmp_path_factory.mktemp("played") / "home", city, on_server)
    for day in days:
        place.deliver(day)
        place.run("run", "--business-date", day, expect=1 if day == days[3] else 0)
    lake = open_lake(folder_settings(place.home))
    return place, [summarise_day(lake, catalog, day) for day in DEMO_DAYS]


@pytest.fixture
def installation(tmp_path: Path, small_city: Path) -> Installation:
    """An empty installation on a folder lake."""
    return Installation(tmp_path / "home", small_city, {})
