"""Three simulated cities, made once: at the published rates, damaged all over, and the demo's."""

from pathlib import Path

import pytest
import yaml

from creditlake.simulate import PUBLISHED, plan_demo_days, simulate_city
from tests.cities import (
    DAYS,
    SIZE,
    Delivered,
)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Three days at the published rates."""
    folder = tmp_path_factory.mktemp("city")
    simulate_city(folder, seed=7, days=DAYS, rates=PUBLISHED, **SIZE)
    return Delivered(folder)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """Two days at rates so high that every kind of damage occurs."""
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates["identity_noise"] = dict.fromkeys(rates["identity_noise"], 0.02)
    rates["registers"] |= {"siblings": 0.3, "code_twice": 0.15, "number_twice": 0.3, "recycled_name": 0.2}
    rates["registers"] |= {"twins": 0.6, "prominent": 0.1, "outsider_namesake": 0.3}
    rates["row_noise"] = {name: dict.fromkeys(kinds, 0.05) for name, kinds in rates["row_noise"].items()}
    folder = tmp_path_factory.mktemp("damaged")
    path = tmp_path_factory.mktemp("rates") / "rates.yml"
    path.write_text(yaml.safe_dump(rates), encoding="utf-8")
    simulate_city(folder, seed=7, days=DAYS[:2], rates=path, legal=400, natural=960, records=8000)
    return Delivered(folder)


@pytest.fixture(scope="module")
def demo_city(demo: tuple[Path, dict[str, Path]]) -> Delivered:
    """The demo's deliveries."""
    return Delivered(demo[0])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    """The demo's folder and the files that its events touch."""
    folder = tmp_path_factory.mktemp("demo")
    _, events = plan_demo_days(folder, seed=7, **SIZE)
    return folder, {e.event: folder / "inbox_by_day" / e.day.isoformat() / e.file for e in events}
