"""`python -m tests.bench.day`: a working day's delivery, 100,000 rows in 25 small files of 25 datasets.

Every file is written as its contract says (text, workbook, JSON, XML, packed or not), then collected,
decoded and standardised by the commands an engineer would type, once with a JVM of its own and once as a
client of the shared Spark server, whose start is not counted: it runs all day.
"""

import os
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

from creditlake.catalog import Catalog, load_catalog
from creditlake.settings import read_settings
from creditlake.simulate.plain import PlainDraws
from creditlake.simulate.plain_files import write_plain
from creditlake.spark_server import running_spark_server
from tests.bench.run import REPOSITORY, Measured, measure
from tests.parties import LEGAL, NATURAL
from tests.services import folder_settings

DAY = date(2026, 11, 16)
FILES, ROWS = 25, 4_000
STEPS = ("collect", "decode", "standardise")


def choose_datasets(catalog: Catalog) -> list[str]:
    """Return the datasets of the day: each format comes up in turn, as often as there are contracts of it."""
    seen: Counter[str] = Counter()
    places = {}
    for name, contract in sorted(catalog.contracts.items()):
        if not contract.subject.kind.startswith("register"):  # registers come whole, not 4,000 rows a day
            form = contract.delivery.format
            places[name] = (seen[form], form)
            seen[form] += 1
    return sorted(places, key=places.__getitem__)[:FILES]


def lay_day(catalog: Catalog, datasets: list[str], inbox: Path) -> int:
    """Write the files of the day; returns their bytes."""
    for name in datasets:
        contract = catalog.contracts[name]
        folder = inbox / contract.department
        folder.mkdir(parents=True, exist_ok=True)
        write_plain(PlainDraws(contract, catalog, LEGAL, NATURAL, DAY, seed=1), folder, 0, ROWS)
    return sum(path.stat().st_size for path in inbox.rglob("*") if path.is_file())


def run_steps(home: Path, inbox: Path, extra: dict[str, str]) -> list[Measured]:
    """Run the steps in an empty installation."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    environment = os.environ | {
        "CREDITLAKE_HOME": str(home),
        "CREDITLAKE_INBOX": str(inbox),
        "CREDITLAKE_SUBJECT_KEY": "benchmark key",
        **extra,
    }
    command = str(REPOSITORY / ".venv/bin/creditlake")
    return [
        measure(step, [command, step, "--business-date", DAY.isoformat()], environment, home / f"{step}.log")
        for step in STEPS
    ]


def main() -> None:
    """Lay the files, run the steps both ways, print the sums."""
    place = REPOSITORY / "var" / "bench" / "day"
    shutil.rmtree(place, ignore_errors=True)
    catalog = load_catalog(read_settings().catalog)
    datasets = choose_datasets(catalog)
    size = lay_day(catalog, datasets, place / "inbox")
    forms = Counter(catalog.contracts[name].delivery.format for name in datasets)
    print(f"{FILES} files, {FILES * ROWS:,} rows, {size / 1e6:.1f} MB: {dict(forms)}")
    alone = run_steps(place / "alone", place / "inbox", {})
    with running_spark_server(folder_settings(place / "server"), place / "server.log") as server:
        shared = run_steps(place / "shared", place / "inbox", server.environment())
    for how, steps in (("a JVM of its own", alone), ("the shared server", shared)):
        seconds = sum(step.seconds for step in steps if step.step != "collect")
        print(f"decode + standardise, {how}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
