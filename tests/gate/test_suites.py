"""Every suite accepts its healthy table, and every expectation alone notices what it is there for."""

from pathlib import Path

import pytest

from creditlake.gate.declaration import Declaration, Expectation, read_rules
from creditlake.gate.suites import ExpectationBroke, run_suite
from tests.gate.tables import apply_change, healthy_rows, write_table

RULES = read_rules()
CASES = [(d.table, e.id) for d in RULES.declarations.values() for e in d.expectations]


def make_expectation(type_: str, **arguments: object) -> Expectation:
    return Expectation(id="only", type=type_, arguments=arguments, why="it", why_zh="它", caught={})


def test_there_is_something_to_judge() -> None:
    public = [d.table for d in RULES.declarations.values() if d.level == "public"]
    assert public == ["pub_licence", "pub_list_current", "pub_penalty", "pub_subject"]
    assert len(CASES) >= 60


@pytest.mark.parametrize("table", sorted(RULES.declarations))
def test_a_healthy_table_meets_every_expectation(table: str, tmp_path: Path) -> None:
    declaration = RULES.declarations[table]
    path = write_table(declaration, healthy_rows(table), tmp_path / "t.parquet")

    assert run_suite(declaration, [path]) == []


@pytest.mark.parametrize(("table", "expectation"), CASES)
def test_what_an_expectation_is_for_fails_it_and_no_other(
    table: str, expectation: str, tmp_path: Path
) -> None:
    declaration = RULES.declarations[table]
    change = next(e.caught for e in declaration.expectations if e.id == expectation)
    rows = apply_change(healthy_rows(table), change)
    path = write_table(declaration, rows, tmp_path / "t.parquet")

    assert [finding.name for finding in run_suite(declaration, [path])] == [expectation]


def test_a_finding_names_counts_and_rows_but_no_value(tmp_path: Path) -> None:
    declaration = RULES.declarations["pub_list_current"]
    rows = apply_change(healthy_rows("pub_list_current"), {"set": {"masked_id_no": "990000199003070013"}})
    path = write_table(declaration, rows, tmp_path / "t.parquet")

    (finding,) = run_suite(declaration, [path])

    assert finding.name == "number_is_masked"
    assert finding.observed == 1
    assert "1 values of 2, first at row 0" in finding.message
    assert "990000199003070013" not in finding.model_dump_json()


def test_an_expectation_that_cannot_run_is_an_error_not_a_pass(tmp_path: Path) -> None:
    healthy = RULES.declarations["pub_subject"]
    path = write_table(healthy, healthy_rows("pub_subject"), tmp_path / "t.parquet")
    wrong = make_expectation("expect_column_values_to_match_regex", column="ent_name", regex="(")
    declaration = healthy.model_copy(update={"expectations": (wrong,)})

    with pytest.raises(ExpectationBroke, match="pub_subject: only"):
        run_suite(declaration, [path])


def test_a_warning_is_counted_and_does_not_hold(tmp_path: Path) -> None:
    declaration: Declaration = RULES.declarations["pub_penalty"]
    rows = apply_change(healthy_rows("pub_penalty"), {"set": {"violation_facts": None}})
    path = write_table(declaration, rows, tmp_path / "t.parquet")

    assert [f.severity for f in run_suite(declaration, [path])] == ["warn"]
