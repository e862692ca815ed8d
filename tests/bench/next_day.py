"""`make bench-next SIZE=1m`: the day after the first load, one per cent of its records.

The first day's rows are made, standardised and linked; then the next day brings one per cent new records
and the registers whole again, a few subjects new and a few closed. Decode, standardise and link of that day
are measured as run.py measures; a third day that brings no register shows what the registers cost.
"""

import argparse
import json
import os
import shutil
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import yaml

from creditlake.simulate import PUBLISHED, simulate_city
from tests.bench.run import BUSINESS_DATE, RECORDS, REPOSITORY, SUBJECTS, Measured, measure

FIRST = date.fromisoformat(BUSINESS_DATE)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
STEPS = ("collect", "decode", "standardise", "link")
LATER_SHARE = 0.01
REGISTERS = ("reg_entity_*", "population_*", "reg_change_*.csv")


def simulate(home: Path, size: str, seed: int) -> None:
    """Write the city's three days, a hundredth of the rows on each later one; the third has no register."""
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates["days"]["later_share"] = LATER_SHARE
    changed = home / "rates.yml"
    changed.write_text(yaml.safe_dump(rates, allow_unicode=True), encoding="utf-8")
    legal, natural = SUBJECTS[size]
    city = home / "city"
    simulate_city(
        city, seed=seed, legal=legal, natural=natural, records=RECORDS[size], days=DAYS, rates=changed
    )
    last = city / "inbox_by_day" / DAYS[2].isoformat()
    registers = [path for pattern in REGISTERS for path in last.rglob(pattern)]
    assert len(registers) == len(REGISTERS), registers
    for path in registers:
        path.unlink()


def run_day(home: Path, day: date) -> list[Measured]:
    """Run the steps of a day up to its links."""
    inbox = home / "city" / "inbox_by_day" / day.isoformat()
    environment = os.environ | {
        "CREDITLAKE_HOME": str(home),
        "CREDITLAKE_INBOX": str(inbox),
        "CREDITLAKE_SUBJECT_KEY": "benchmark key",
    }
    command = str(REPOSITORY / ".venv/bin/creditlake")
    arguments = ["--business-date", day.isoformat()]
    return [
        measure(f"{day:%d} {step}", [command, step, *arguments], environment, home / f"{day}-{step}.log")
        for step in STEPS
    ]


def main() -> None:
    """Run the three days and print what each of them took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(RECORDS), default="1m")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the lake for a look afterwards")
    arguments = parser.parse_args()
    home = REPOSITORY / "var" / "bench" / f"next-{arguments.size}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    simulate(home, arguments.size, arguments.seed)
    measured = {day.isoformat(): [asdict(step) for step in run_day(home, day)] for day in DAYS}
    (home.parent / f"next-{arguments.size}.json").write_text(json.dumps(measured, indent=1))
    if not arguments.keep:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
