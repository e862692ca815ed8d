"""Publication windows: the SQL says of every case what the Python reference says, around every change."""

from datetime import date
from itertools import product
from typing import Any

import pytest

from creditlake.rules import Penalty, publication_window
from tests.dbt.city import City, record_id
from tests.dbt.conftest import PartialRun

PENALTY = "market_regulation.penalty_decision"
RECEIVED = date(2026, 3, 1)
DECIDED = [
    date(2019, 6, 30), date(2019, 7, 1), date(2023, 4, 30), date(2023, 5, 1), date(2023, 11, 30),
    date(2024, 2, 29), date(2025, 8, 31), date(2026, 3, 31), date(2026, 4, 1), date(2026, 11, 2),
]  # fmt: skip
KINDS: list[list[str] | None] = [
    None, [], ["WARNING"], ["WARNING", "CRITICISM"], ["WARNING", "FINE"], ["FINE"],
    ["RESTRICT_PRACTICE", "FINE"], ["OTHER"], ["NO_SUCH_KIND"],
]  # fmt: skip
DOMAINS = [None, "FOOD", "PRICE"]
PROCEDURES = [None, "SIMPLE", "ORDINARY"]
SEVERITIES = [None, "MINOR", "GENERAL", "SERIOUS"]
CLASSES = ["LEGAL", "INDIVIDUAL_BUSINESS"]
CASES = list(product(DECIDED, KINDS, DOMAINS, PROCEDURES, SEVERITIES, CLASSES))
COLUMNS = ["decision_date", "penalty_kinds", "domain", "procedure_type", "severity", "counterpart_class"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> City:
    """One exactly linked penalty per case."""
    city = City(tmp_path_factory.mktemp("city"))
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    rows = [{"key": str(i), "_link": "L1"} | dict(zip(COLUMNS, c, strict=True)) for i, c in enumerate(CASES)]
    city.deliver(PENALTY, RECEIVED, *rows)
    return city


@pytest.mark.parametrize("today", [date(2026, 3, 31), date(2026, 4, 1), date(2026, 11, 30)])
def test_sql_and_python_agree_on_every_case(cases: City, today: date) -> None:
    run = PartialRun(cases, today, ["+int_penalties__stated"])
    found = {
        row.pop("record_id"): row
        for row in run.rows(
            "select record_id, publication_rule_id, publication_min_end_date, publication_end_date,"
            " hidden_reason from intermediate.int_penalties__stated"
        )
    }
    assert len(found) == len(CASES) == 6480
    wrong: list[Any] = []
    shown = 0
    for number, (decided, kinds, domain, procedure, severity, party) in enumerate(CASES):
        penalty = Penalty(decided, frozenset(kinds or ()), domain, procedure, severity, party)
        window = publication_window(cases.catalog.rules, penalty, today)
        row = found[record_id(PENALTY, str(number))]
        expected = (window.rule_id, window.min_end, window.max_end, window.visible_on(today))
        actual = (
            row["publication_rule_id"], row["publication_min_end_date"], row["publication_end_date"],
            row["hidden_reason"] is None,
        )  # fmt: skip
        shown += expected[3]
        if actual != expected:
            wrong.append((CASES[number], expected, actual))
    assert wrong[:3] == []
    assert 0 < shown < len(CASES)
