"""Which rows a dataset delivers on which day: new ones, and the repeated, corrected and withdrawn ones
among them.

A record is a number i; everything about it follows from i, so a row that repeats a record is only another
mention of its number. Each day's plan is a table with one row per delivered row, in file order.
"""

import math
from dataclasses import dataclass
from datetime import date

import duckdb

from creditlake.simulate.draws import Draws
from creditlake.simulate.rates import Rates

DUPLICATE_DISTANCE = 3.5  # a duplicate stands a few rows below its original


@dataclass(frozen=True)
class DayPlan:
    """Row counts of one dataset on one day; `first` is the first new record's number."""

    day_no: int
    first: int
    new: int
    corrections: int = 0
    withdrawals: int = 0
    resent: int = 0
    duplicates: int = 0

    @property
    def rows(self) -> int:
        """All rows delivered that day."""
        return self.new + self.corrections + self.withdrawals + self.resent + self.duplicates


def share_days(total: int, days: int, rates: Rates) -> list[int]:
    """Split a dataset's rows over the days: the first takes what the later ones leave."""
    if days == 1:
        return [total]
    share = min(rates.days.later_share, rates.days.later_limit / (days - 1))
    later = int(total * share)
    return [total - later * (days - 1)] + [later] * (days - 1)


def plan_days(total: int, days: int, rates: Rates, *, changes: bool, duplicates: bool) -> list[DayPlan]:
    """Plan a dataset; `changes`: it has a change flag, so later days correct and withdraw."""
    plans, first = [], 0
    for day_no, rows in enumerate(share_days(total, days, rates)):
        repeated = rates.repeated
        later = day_no > 0 and rows >= 20
        counts = {
            "corrections": math.ceil(rows * repeated.correction) if later and changes else 0,
            "withdrawals": math.ceil(rows * repeated.withdrawal) if later and changes else 0,
            "resent": math.ceil(rows * repeated.resent) if later and duplicates else 0,
            "duplicates": int(rows * repeated.in_file_duplicate) if duplicates else 0,
        }
        new = rows - sum(counts.values())
        plans.append(DayPlan(day_no, first, new, **counts))
        first += new
    return plans


def day_of_record(plans: list[DayPlan], key: str = "i") -> str:
    """SQL: number of the day on which a record was first delivered."""
    branches = " ".join(f"when {key} >= {plan.first} then {plan.day_no}" for plan in reversed(plans[1:]))
    return f"case {branches} else 0 end" if branches else "0"


def date_of_day(days: list[date], day_no: str) -> str:
    """SQL: the date of a day number."""
    return f"[{', '.join(f'date {chr(39)}{day}{chr(39)}' for day in days)}][1 + {day_no}]"


def build_plan(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    plan: DayPlan,
    plans: list[DayPlan],
    draws: Draws,
    *,
    is_clean: str,
    is_target: str,
) -> None:
    """Create the table `plan`(pos, i, row_kind, day_no).

    `is_clean` is SQL over i: the record carries no damage; only such records are repeated, corrected or
    withdrawn, so that the truth stays plain. `is_target` narrows corrections and withdrawals further
    (e.g. visible penalties). No record is changed twice: table `touched` remembers them.
    """
    connection.execute("create table if not exists touched (dataset varchar, i bigint)")
    parts = [
        f"select {plan.first} + k as i, 'new' as row_kind, k::double as place from range({plan.new}) r(k)"
    ]
    spread = draws.below(f"{dataset}:place:{plan.day_no}", max(1, plan.new), "i")
    for row_kind, count, condition in (
        ("correction", plan.corrections, f"{is_clean} and {is_target}"),
        ("withdrawal", plan.withdrawals, f"{is_clean} and {is_target}"),
        ("resent", plan.resent, is_clean),
    ):
        if count:
            pick_earlier(connection, dataset, plan, count, condition, row_kind, draws)
            parts.append(f"select i, '{row_kind}', {spread} + 0.25 from picked_{row_kind}")
    if plan.duplicates:
        order = draws.raw(f"{dataset}:duplicate:{plan.day_no}")
        parts.append(
            f"select i, 'in_file_duplicate', i - {plan.first} + {DUPLICATE_DISTANCE} "
            f"from range({plan.first}, "
            f"{plan.first + plan.new}) r(i) where {is_clean} order by {order}, i limit {plan.duplicates}"
        )
    union = " union all ".join(f"({part})" for part in parts)
    connection.execute(
        "create or replace temp table plan as select row_number() over (order by place, row_kind, i) - 1 "
        "as pos, i, "
        f"row_kind, {day_of_record(plans)} as day_no from ({union}) order by pos"
    )


def pick_earlier(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    plan: DayPlan,
    count: int,
    condition: str,
    row_kind: str,
    draws: Draws,
) -> None:
    """Create `picked_<row_kind>`: records of earlier days, none of them touched before."""
    order = draws.raw(f"{dataset}:{row_kind}:{plan.day_no}")
    connection.execute(
        f"create or replace temp table picked_{row_kind} as select i from range({plan.first}) r(i) "
        f"where {condition} "
        f"and i not in (select t.i from touched t where t.dataset = '{dataset}') order by {order}, i "
        f"limit {count}"
    )
    connection.execute(f"insert into touched select '{dataset}', i from picked_{row_kind}")


def build_clean_plan(
    connection: duckdb.DuckDBPyConnection, is_clean: str, first: int, rows: int, day_no: int
) -> None:
    """Create the table `plan` of new records from `first` on, none of them damaged."""
    connection.execute(
        "create or replace temp table plan as select row_number() over (order by i) - 1 as pos, i, 'new' "
        "as row_kind, "
        f"{day_no} as day_no from (select i from range({first}, {first + 2 * rows + 100}) r(i) "
        f"where {is_clean} "
        f"order by i limit {rows}) order by pos"
    )
