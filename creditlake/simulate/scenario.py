"""The four days of `make demo`: an ordinary city's deliveries, then what goes wrong on top of them.

Day 1 is normal. Day 2 brings corrections, withdrawals and repairs of what day 1 showed (the rates see to
them) and one file twice. On day 3 three files must be blocked. On day 4 a file is well-formed and still
must not be published.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile

from creditlake.catalog import Catalog
from creditlake.simulate import penalties, ratings, registers
from creditlake.simulate.engine import THREADS, SimulationReport, open_simulation
from creditlake.simulate.files import stamp_file
from creditlake.simulate.rates import PUBLISHED, read_rates
from creditlake.simulate.run import SHAPES, CityRun, check_place, close_simulation, report_nothing

FIRST_DAY = date(2026, 11, 16)  # a Monday
DEMO_DAYS = tuple(FIRST_DAY + timedelta(days=number) for number in range(4))
SECOND_COPY_MINUTES = 45
TRUNCATED_AT = 0.63  # of the file's bytes
KEPT_SHARE = 10  # the short register holds one row in ten
FLOOD_FACTOR = 2  # rows added for each one delivered so far: three times as many in all


@dataclass(frozen=True)
class PlannedEvent:
    """One thing the demo plants; `file` is relative to `inbox_by_day/<day>`."""

    day: date
    file: str
    event: str
    expectation: str


def plan_demo_days(
    target: Path,
    *,
    seed: int,
    legal: int,
    natural: int,
    records: int,
    rates: Path = PUBLISHED,
    catalog: Catalog | None = None,
    threads: int = THREADS,
    progress: Callable[[str], None] = report_nothing,
) -> tuple[SimulationReport, list[PlannedEvent]]:
    """Write four business days of deliveries; like `simulate_city`, plus the planted events.

    The events are returned and written to `<target>/scenario.json`; the truth of blocked files is that of
    their whole rows. The flood of day 4 comes on top of `records`.
    """
    check_place(target)
    days = list(DEMO_DAYS)
    simulation = open_simulation(
        target,
        seed=seed,
        legal=legal,
        natural=natural,
        records=records,
        days=days,
        rates=read_rates(rates),
        threads=threads,
        progress=progress,
    )
    run = CityRun.prepare(simulation, catalog)
    for day_no, day in enumerate(days):
        run.deliver_day(day_no, day)
        if day_no == 2:
            plan = run.decisions[penalties.DATASET].plans[day_no]
            run.leave_alone(penalties.DATASET, plan.first, plan.first + plan.new)
    flood = run.deliver_flood(days[3], FLOOD_FACTOR)
    close_simulation(simulation)
    inbox = target / "inbox_by_day"
    events = [
        deliver_twice(inbox, days[1]),
        truncate_penalties(inbox, days[2]),
        misencode_ratings(inbox, days[0], days[2]),
        shorten_register(inbox, days[2]),
        PlannedEvent(days[3], flood, "flood", "candidate held: the severe list would be three times as long"),
    ]
    (target / "scenario.json").write_text(
        json.dumps([asdict(event) for event in events], ensure_ascii=False, indent=1, default=str) + "\n",
        encoding="utf-8",
    )
    return simulation.report, events


def day_file(inbox: Path, dataset: str, day: date, serial: int = 1) -> Path:
    """Path of a dataset's file of a day."""
    return inbox / day.isoformat() / dataset.split(".")[0] / SHAPES[dataset].file_name(day, serial)


def event_at(inbox: Path, day: date, path: Path, event: str, expectation: str) -> PlannedEvent:
    """An event about one file."""
    return PlannedEvent(day, str(path.relative_to(inbox / day.isoformat())), event, expectation)


def deliver_twice(inbox: Path, day: date) -> PlannedEvent:
    """Deliver the same bytes again, later and under another name."""
    path, again = day_file(inbox, penalties.DATASET, day), day_file(inbox, penalties.DATASET, day, serial=2)
    if again.exists():
        raise ValueError(f"{again.name} exists: the demo needs days of one penalty file")
    copyfile(path, again)
    stamp_file(again, day, SHAPES[penalties.DATASET].delivered, SECOND_COPY_MINUTES)
    return event_at(inbox, day, again, "delivered_twice", "a second receipt, no second batch")


def truncate_penalties(inbox: Path, day: date) -> PlannedEvent:
    """Cut the file in the middle of a row, between two characters: only the cut is wrong with it."""
    path = day_file(inbox, penalties.DATASET, day)
    content = path.read_bytes()
    start = content.index(b"\r\n", int(len(content) * TRUNCATED_AT)) + 2
    row = content[start : content.index(b"\r\n", start)].decode(SHAPES[penalties.DATASET].encoding)
    path.write_bytes(content[:start] + row[: len(row) // 2].encode(SHAPES[penalties.DATASET].encoding))
    stamp_file(path, day, SHAPES[penalties.DATASET].delivered)
    return event_at(inbox, day, path, "truncated", "batch blocked, the other batches go on")


def misencode_ratings(inbox: Path, good_day: date, day: date) -> PlannedEvent:
    """Deliver the A-level list of the first day again, saved from Excel in GBK though UTF-8 is agreed."""
    path = day_file(inbox, ratings.DATASET, day)
    text = day_file(inbox, ratings.DATASET, good_day).read_bytes().decode("utf-8-sig")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("gb18030"))
    stamp_file(path, day, SHAPES[ratings.DATASET].delivered)
    return event_at(
        inbox, day, path, "wrong_encoding", "batch blocked (F01), the list of the first day stays"
    )


def shorten_register(inbox: Path, day: date) -> PlannedEvent:
    """Keep the header and the first tenth of the legal register."""
    path = day_file(inbox, registers.LEGAL, day)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + len(lines) // KEPT_SHARE]))
    stamp_file(path, day, SHAPES[registers.LEGAL].delivered)
    return event_at(
        inbox, day, path, "short_register", "batch blocked (F03), the register of the day before stays"
    )
