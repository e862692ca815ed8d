"""What the linking benchmark counts, on a handful of rows."""

import math

import duckdb
import pytest

from tests.bench.link_truth import Counts, count_apart, count_by, count_inflow, judge, upper_bound

PERSON = "a" * 64
# row: kind, true subject, noise, apart, newest | status, subject, suggested, party
ROWS = [
    ("legal", "1", "none", False, False, "auto", "1", None, None),
    ("legal", "1", "none", False, False, "auto", "2", None, None),
    ("legal", "1", "none", False, False, "auto", PERSON, None, None),
    ("legal", "1", "name_mismatch", False, False, "review", None, "1", "p1"),
    ("legal", "1", "name_mismatch", False, True, "review", None, "2", "p1"),
    ("legal", "1", "name_mismatch", False, True, "review", None, "2", "p2"),
    ("legal", "9", "outsider", True, False, "unlinked", None, None, None),
    ("legal", "9", "outsider", True, False, "auto", "1", None, None),
    ("natural", PERSON, "none", False, False, "auto", PERSON, None, None),
    ("natural", PERSON, "masked", True, False, "unlinked", None, None, None),
]


@pytest.fixture
def judged() -> duckdb.DuckDBPyConnection:
    """The rows, judged."""
    connection = duckdb.connect()
    connection.execute(
        "create table truth (dataset varchar, file varchar, row_no bigint, subject_kind varchar, "
        "subject_key varchar, noise varchar, is_apart boolean, is_newest boolean)"
    )
    connection.execute(
        "create table answers (dataset varchar, file varchar, row_no bigint, status varchar, tier varchar, "
        "subject_key varchar, suggested_key varchar, party varchar)"
    )
    for number, row in enumerate(ROWS):
        connection.execute("insert into truth values ('d', 'f', ?, ?, ?, ?, ?, ?)", [number, *row[:5]])
        connection.execute("insert into answers values ('d', 'f', ?, ?, 't', ?, ?, ?)", [number, *row[5:]])
    judge(connection, "answers")
    return connection


def test_wrong_links_of_outsiders_count_and_harm_is_what_touches_a_person(
    judged: duckdb.DuckDBPyConnection,
) -> None:
    assert count_by(judged, "subject_kind") == {
        ("legal",): Counts(rows=6, right=1, wrong=3, harm=1, found=2, review=3, decisions=2),
        ("natural",): Counts(rows=1, right=1, wrong=0, harm=0, found=1, review=0, decisions=0),
    }
    assert count_apart(judged) == {
        ("masked", "natural", "unlinked"): 1,
        ("outsiders", "legal", "auto"): 1,
        ("outsiders", "legal", "unlinked"): 1,
    }


def test_a_day_brings_only_decisions_that_nobody_was_asked_for_before(
    judged: duckdb.DuckDBPyConnection,
) -> None:
    assert count_inflow(judged) == {"rows": 2, "review": 2, "decisions": 1}


@pytest.mark.parametrize(("events", "mean"), [(0, -math.log(0.05)), (1, 4.7439), (3, 7.7537), (10, 16.9622)])
def test_bounds_are_those_of_the_poisson_tables(events: int, mean: float) -> None:
    assert upper_bound(events, 1000) == pytest.approx(mean / 1000, rel=1e-4)
