"""The Python reading of the publication windows, example by example (the SQL is tested against it)."""

from dataclasses import replace
from datetime import date

import pytest

from creditlake.catalog import Catalog
from creditlake.rules import NO_RULE, Penalty, Window, add_months, derive_severity, publication_window

FINED = Penalty(
    decision_date=date(2026, 5, 10),
    kinds=frozenset({"FINE"}),
    domain="PRICE",
    procedure="ORDINARY",
    severity=None,
    counterpart_class="LEGAL",
)
TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2023, 11, 30), 3, date(2024, 2, 29)),
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 12, 31), 0, date(2026, 12, 31)),
        (date(2023, 12, 15), 36, date(2026, 12, 15)),
    ],
)
def test_months_are_calendar_months_clamped_to_the_end(day: date, months: int, expected: date) -> None:
    assert add_months(day, months) == expected


@pytest.mark.parametrize(
    ("changes", "today", "expected"),
    [
        # order 36 of 2025
        ({}, TODAY, Window(True, date(2026, 8, 10), date(2027, 5, 10), "R2026-GENERAL")),
        ({"severity": "SERIOUS"}, TODAY, Window(True, date(2027, 5, 10), date(2029, 5, 10), "R2026-SERIOUS")),
        ({"severity": "MINOR"}, TODAY, Window(False, date(2026, 5, 10), date(2026, 8, 10), "R2026-MINOR")),
        ({"procedure": "SIMPLE"}, TODAY, Window(False, date(2026, 5, 10), date(2026, 8, 10), "R2026-MINOR")),
        (
            {"kinds": frozenset({"WARNING"})},
            TODAY,
            Window(False, date(2026, 5, 10), date(2026, 8, 10), "R2026-MINOR"),
        ),
        (
            {"kinds": frozenset({"WARNING", "FINE"})},
            TODAY,
            Window(True, date(2026, 8, 10), date(2027, 5, 10), "R2026-GENERAL"),
        ),
        (
            {"kinds": frozenset({"FINE", "RESTRICT_PRACTICE"})},
            TODAY,
            Window(True, date(2027, 5, 10), date(2029, 5, 10), "R2026-SERIOUS"),
        ),
        (
            {"decision_date": date(2026, 4, 1)},
            TODAY,
            Window(True, date(2026, 7, 1), date(2027, 4, 1), "R2026-GENERAL"),
        ),
        # order 58 of 2023, seen before order 36
        (
            {"decision_date": date(2024, 5, 10)},
            date(2026, 3, 31),
            Window(True, date(2024, 8, 10), date(2027, 5, 10), "R2023-GENERAL"),
        ),
        (
            {"decision_date": date(2024, 5, 10), "domain": "FOOD"},
            date(2026, 3, 31),
            Window(True, date(2025, 5, 10), date(2027, 5, 10), "R2023-KEY-DOMAIN"),
        ),
        (
            {"decision_date": date(2024, 5, 10), "domain": "FOOD", "procedure": "SIMPLE"},
            date(2026, 3, 31),
            Window(False, date(2024, 5, 10), date(2024, 5, 10), "R2023-SIMPLE"),
        ),
        (
            {"decision_date": date(2024, 5, 10), "kinds": frozenset({"WARNING", "CRITICISM"})},
            date(2026, 3, 31),
            Window(False, date(2024, 5, 10), date(2024, 5, 10), "R2023-WARNING"),
        ),
        (
            {
                "decision_date": date(2024, 5, 10),
                "kinds": frozenset({"WARNING"}),
                "counterpart_class": "INDIVIDUAL_BUSINESS",
            },
            date(2026, 3, 31),
            Window(True, date(2024, 8, 10), date(2027, 5, 10), "R2023-GENERAL"),
        ),
        # the transition: both regimes, the earlier end
        (
            {"decision_date": date(2025, 12, 10)},
            date(2026, 4, 1),
            Window(True, date(2026, 3, 10), date(2026, 12, 10), "R2026-GENERAL", True),
        ),
        (
            {"decision_date": date(2025, 12, 10), "severity": "SERIOUS"},
            date(2026, 4, 1),
            Window(True, date(2026, 3, 10), date(2028, 12, 10), "R2023-GENERAL", True),
        ),
        (
            {"decision_date": date(2025, 12, 10), "severity": "MINOR"},
            date(2026, 4, 1),
            Window(False, date(2025, 12, 10), date(2026, 3, 10), "R2026-MINOR", True),
        ),
        (
            {"decision_date": date(2025, 12, 10), "procedure": "SIMPLE", "severity": "GENERAL"},
            date(2026, 4, 1),
            Window(False, date(2025, 12, 10), date(2025, 12, 10), "R2023-SIMPLE", True),
        ),
        # the notice of 2019
        (
            {"decision_date": date(2022, 6, 1)},
            date(2023, 1, 1),
            Window(True, date(2022, 9, 1), date(2023, 6, 1), "R2019-GENERAL"),
        ),
        (
            {"decision_date": date(2023, 4, 30), "severity": "SERIOUS"},
            date(2023, 6, 1),
            Window(True, date(2023, 10, 30), date(2026, 4, 30), "R2019-SERIOUS"),
        ),
        # before any rule
        ({"decision_date": date(2019, 6, 30)}, TODAY, Window(False, None, None, NO_RULE)),
    ],
)
def test_window_of_a_penalty(
    changes: dict[str, object], today: date, expected: Window, catalog: Catalog
) -> None:
    assert publication_window(catalog.rules, replace(FINED, **changes), today) == expected  # type: ignore[arg-type]


def test_a_penalty_is_visible_until_the_day_before_its_end(catalog: Catalog) -> None:
    window = publication_window(catalog.rules, FINED, TODAY)
    assert window.visible_on(date(2027, 5, 9))
    assert not window.visible_on(date(2027, 5, 10))
    assert not Window(False, None, date(2027, 5, 10), "R2026-MINOR").visible_on(TODAY)


def test_a_delivered_severity_overrides_the_derived_one(catalog: Catalog) -> None:
    assert derive_severity(catalog.rules, replace(FINED, procedure="SIMPLE")) == "MINOR"
    assert derive_severity(catalog.rules, replace(FINED, procedure="SIMPLE", severity="SERIOUS")) == "SERIOUS"


def test_every_penalty_kind_has_a_severity(catalog: Catalog) -> None:
    kinds = [value.code for value in catalog.code_lists["penalty_kind"].values]
    assert len(kinds) == 14
    for kind in kinds:
        penalty = replace(FINED, kinds=frozenset({kind}), procedure=None)
        assert derive_severity(catalog.rules, penalty) in {"MINOR", "GENERAL", "SERIOUS"}


def test_every_decision_since_the_notice_of_2019_has_exactly_one_regime(catalog: Catalog) -> None:
    edges = ("2019-07-01", "2023-04-30", "2023-05-01", "2026-03-31", "2026-04-01", "2026-11-20")
    for day in map(date.fromisoformat, edges):
        assert len({row.regime for row in catalog.rules.publication_windows if row.in_force(day)}) == 1
