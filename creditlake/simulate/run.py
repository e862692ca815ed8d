"""Simulate a city's deliveries: the order of datasets within a day, and what each of them needs."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from creditlake.catalog import Catalog
from creditlake.simulate import changes, defaulters, licences, penalties, ratings, registers, repairs
from creditlake.simulate.city import LEGAL_BLOCK, PERSON_BLOCK
from creditlake.simulate.decisions import Decisions, truth_columns
from creditlake.simulate.engine import THREADS, Shape, Simulation, SimulationReport, open_simulation
from creditlake.simulate.neighbours import recycle_names
from creditlake.simulate.party import Parties
from creditlake.simulate.plain_files import deliver_plain
from creditlake.simulate.plan import build_clean_plan, build_plan, plan_days, share_days
from creditlake.simulate.rates import Rates, read_rates

SHAPES = {
    shape.dataset: shape
    for shape in (
        Shape(registers.LEGAL, "reg_entity_{day}.csv", time(2, 10), "gb18030"),
        Shape(registers.NATURAL, "population_{day}.csv", time(2, 40), delimiter="|"),
        Shape(changes.DATASET, "reg_change_{day}_{serial}.csv", time(3, 5), "gb18030"),
        Shape(penalties.DATASET, "cf_{day}_{serial}.csv", time(4, 10), "gb18030"),
        Shape(licences.DATASET, "xk_{day}_{serial}.xlsx", time(4, 30)),
        Shape(defaulters.DATASET, "sxbzxr_{day}_{serial}.jsonl", time(5, 0)),
        Shape(ratings.DATASET, "tax_a_{day}.csv", time(5, 20), "utf-8-sig"),
        Shape(repairs.DATASET, "repair_{day}_{serial}.csv", time(5, 40)),
    )
}


def report_nothing(message: str) -> None:
    """The progress of a caller who wants none."""


def simulate_city(
    target: Path,
    *,
    seed: int,
    legal: int,
    natural: int,
    records: int,
    days: list[date],
    rates: Path,
    catalog: Catalog | None = None,
    threads: int = THREADS,
    progress: Callable[[str], None] = report_nothing,
) -> SimulationReport:
    """Write `<target>/inbox_by_day/<date>/<department>/<files>` and `<target>/truth/*.parquet`.

    `records` counts business rows over all days; the registers come on top, whole on each day, and so do the
    datasets of `catalog` that have no simulator of their own. The same arguments give the same bytes and file
    times. Refuses a target that already holds something.
    """
    check_place(target)
    if not days or days != sorted(set(days)):
        raise ValueError("days must be distinct, in order and at least one")
    if days[0] <= registers.LAST_APPROVAL:
        raise ValueError(f"the city stands since {registers.LAST_APPROVAL}: choose later days")
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
    close_simulation(simulation)
    return simulation.report


def check_place(target: Path) -> None:
    """Refuse a folder that already holds something."""
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty: simulate into a new folder")


def close_simulation(simulation: Simulation) -> None:
    """Write who the subjects are beside the truth, and tidy up."""
    folder = simulation.target / "truth" / "subjects"
    folder.mkdir(parents=True, exist_ok=True)
    legal, natural = folder / "legal.parquet", folder / "natural.parquet"
    simulation.connection.execute(
        "copy (select pripid as subject_key, uscc, org_code, reg_no, tax_id, name, former_name, kind, "
        "in_register, hard_case "
        f"from legal_entity order by entity) to '{legal}' (format parquet, compression zstd)"
    )
    simulation.connection.execute(
        "copy (select sha256(id_no) as subject_key, is_minor, in_register, hard_case from natural_person "
        f"order by person) to '{natural}' "
        "(format parquet, compression zstd)"
    )
    simulation.connection.close()
    shutil.rmtree(simulation.target / ".scratch")


def draw_decisions(simulation: Simulation) -> dict[str, Decisions]:
    """How the rows of each dataset with parties (and of the change log) are drawn."""
    rates, classes = simulation.rates, simulation.rates.classes
    shares = {
        penalties.DATASET: (classes.penalty_natural, classes.penalty_individual),
        licences.DATASET: (classes.licence_natural, classes.licence_individual),
        defaulters.DATASET: (classes.defaulter_natural, 0.0),
        ratings.DATASET: (0.0, 0.0),
        changes.DATASET: (0.0, 0.0),
    }
    decisions = {}
    for dataset, (natural, individual) in shares.items():
        noise = {name: rate for name, rate in rates.identity_noise.items() if in_scope(dataset, name)}
        plain = dataset in {ratings.DATASET, changes.DATASET}  # neither is ever corrected or repeated
        days = 1 if dataset == ratings.DATASET else len(simulation.days)
        total = dataset_rows(simulation.report.records, rates)[dataset]
        plans = plan_days(total, days, rates, changes=not plain, duplicates=not plain)
        parties = Parties(dataset, natural, individual, noise, one_code=dataset == defaulters.DATASET)
        decisions[dataset] = Decisions(parties, simulation.draws, rates, simulation.days, plans)
    return decisions


def in_scope(dataset: str, noise: str) -> bool:
    """Whether a kind of identity damage can befall a dataset's rows."""
    if dataset == defaulters.DATASET:
        return noise not in defaulters.OUT_OF_SCOPE
    if dataset == ratings.DATASET:
        return noise in ratings.IN_SCOPE
    return dataset != changes.DATASET


def dataset_rows(records: int, rates: Rates) -> dict[str, int]:
    """Business rows of each dataset; the largest takes what rounding leaves."""
    rows = {dataset: int(records * share) for dataset, share in rates.mix.items()}
    rows[penalties.DATASET] += records - sum(rows.values())
    return rows


@dataclass
class CityRun:
    """A simulation together with how its datasets are drawn."""

    simulation: Simulation
    decisions: dict[str, Decisions]
    repair_rows: list[int]
    catalog: Catalog | None
    repairs_done: int = 0

    @classmethod
    def prepare(cls, simulation: Simulation, catalog: Catalog | None) -> "CityRun":
        """Plan all datasets; those of `catalog` that have no simulator come plain."""
        decisions = draw_decisions(simulation)
        first_changes = decisions[changes.DATASET].plans[0].rows
        changes.build_renamings(simulation.connection, simulation.city, first_changes)
        recycle_names(simulation.connection)
        total = dataset_rows(simulation.report.records, simulation.rates)[repairs.DATASET]
        repair_rows = share_days(total, len(simulation.days), simulation.rates)
        return cls(simulation, decisions, repair_rows, catalog)

    def deliver_day(self, day_no: int, day: date) -> None:
        """Deliver all datasets of a day."""
        self.deliver_registers(day_no, day)
        self.deliver_changes(day_no, day)
        self.deliver_penalties(day_no, day)
        self.deliver_licences(day_no, day)
        self.deliver_defaulters(day, self.plan_day(defaulters.DATASET, day_no))
        if day_no == 0:
            self.deliver_ratings(day)
        self.deliver_repairs(day_no, day)
        if self.catalog:
            deliver_plain(self.simulation, self.catalog, SHAPES, day_no)

    def leave_alone(self, dataset: str, first: int, end: int) -> None:
        """Keep later days from correcting, withdrawing or repairing these records."""
        self.simulation.connection.execute(
            f"insert into touched select '{dataset}', i from range({first}, {end}) r(i)"
        )

    def deliver_registers(self, day_no: int, day: date) -> None:
        """Deliver both registers."""
        run = self.simulation
        days = len(run.days)
        sql = registers.legal_register_sql(day_no, run.draws, run.rates)
        rows = registers.register_rows(run.city.legal, LEGAL_BLOCK, days, day_no, run.rates)
        columns = registers.legal_register_columns(run.draws, run.words)
        run.deliver(SHAPES[registers.LEGAL], day, sql, columns, registers.register_truth("legal"), rows)
        sql = registers.natural_register_sql(day_no, run.draws, run.rates)
        rows = registers.register_rows(run.city.natural, PERSON_BLOCK, days, day_no, run.rates)
        columns = registers.natural_register_columns(run.draws)
        run.deliver(SHAPES[registers.NATURAL], day, sql, columns, registers.register_truth("natural"), rows)

    def plan_day(self, dataset: str, day_no: int, is_target: str = "true") -> int:
        """Create the table `plan` of a dataset and day and return its rows."""
        decisions = self.decisions[dataset]
        plan = decisions.plans[day_no]
        build_plan(
            self.simulation.connection,
            dataset,
            plan,
            decisions.plans,
            self.simulation.draws,
            is_clean=decisions.is_clean(),
            is_target=is_target,
        )
        return plan.rows

    def deliver_changes(self, day_no: int, day: date) -> None:
        """Deliver the change log."""
        run, decisions = self.simulation, self.decisions[changes.DATASET]
        rows = self.plan_day(changes.DATASET, day_no)
        sql = changes.change_sql(decisions, run.city, run.words)
        columns = changes.change_columns(decisions, run.words)
        run.deliver(
            SHAPES[changes.DATASET],
            day,
            sql,
            columns,
            changes.change_truth(),
            rows,
            run.rates.files[changes.DATASET],
        )

    def deliver_penalties(self, day_no: int, day: date) -> None:
        """Deliver penalties."""
        run, decisions = self.simulation, self.decisions[penalties.DATASET]
        rows = self.plan_day(penalties.DATASET, day_no, penalties.is_target(decisions, run.words))
        sql = penalties.penalty_sql(decisions, run.city, run.words)
        columns = penalties.penalty_columns(decisions, run.words)
        truth = truth_columns(f"date '{day}' - decision_date")
        run.deliver(
            SHAPES[penalties.DATASET], day, sql, columns, truth, rows, run.rates.files[penalties.DATASET]
        )

    def deliver_licences(self, day_no: int, day: date) -> None:
        """Deliver licences."""
        run, decisions = self.simulation, self.decisions[licences.DATASET]
        rows = self.plan_day(licences.DATASET, day_no)
        sql = licences.licence_sql(decisions, run.city, run.words)
        columns = licences.licence_columns(decisions, run.words)
        run.deliver(
            SHAPES[licences.DATASET],
            day,
            sql,
            columns,
            truth_columns(f"date '{day}' - decision_date"),
            rows,
            run.rates.files[licences.DATASET],
            texts=licences.sheet_texts(run.words, day),
        )

    def deliver_defaulters(self, day: date, rows: int, serial: int = 1) -> None:
        """Deliver the planned judgment defaulters; they are public at once, no seven days run."""
        run, decisions = self.simulation, self.decisions[defaulters.DATASET]
        sql = defaulters.defaulter_sql(decisions, run.city, run.words)
        columns = defaulters.defaulter_columns(decisions, run.words)
        shape, truth = SHAPES[defaulters.DATASET], truth_columns()
        run.deliver(shape, day, sql, columns, truth, rows, run.rates.files[defaulters.DATASET], serial=serial)

    def deliver_flood(self, day: date, factor: int) -> str:
        """Deliver `factor` undamaged new defaulters for each one so far, as one more file; return its
        path in the day."""
        decisions = self.decisions[defaulters.DATASET]
        last = decisions.plans[-1]
        rows = factor * (last.first + last.new)
        build_clean_plan(
            self.simulation.connection, decisions.is_clean(), last.first + last.new, rows, last.day_no
        )
        self.deliver_defaulters(day, rows, serial=2)
        return self.simulation.report.files[-1].path

    def deliver_ratings(self, day: date) -> None:
        """Deliver the list of A-level taxpayers."""
        run, decisions = self.simulation, self.decisions[ratings.DATASET]
        rows = self.plan_day(ratings.DATASET, 0)
        sql = ratings.rating_sql(decisions, run.city, run.words, rows)
        run.deliver(
            SHAPES[ratings.DATASET], day, sql, ratings.rating_columns(run.words), ratings.rating_truth(), rows
        )

    def deliver_repairs(self, day_no: int, day: date) -> None:
        """Deliver repair decisions."""
        run, target = self.simulation, self.decisions[penalties.DATASET]
        rows = repairs.build_repair_plan(run.connection, target, run.words, day_no, self.repair_rows[day_no])
        sql = repairs.repair_sql(target, run.city, run.words, run.rates, f"date '{day}'", self.repairs_done)
        columns = repairs.repair_columns(run.draws, run.words)
        run.deliver(
            SHAPES[repairs.DATASET],
            day,
            sql,
            columns,
            repairs.repair_truth(),
            rows,
            run.rates.files[repairs.DATASET],
        )
        self.repairs_done += rows
