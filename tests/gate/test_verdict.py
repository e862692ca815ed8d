"""The verdict: every kind of trouble holds, names whom to ask, and only judgement can be approved."""

from pathlib import Path

import pytest

from creditlake import candidate
from creditlake.gate.model import Verdict
from creditlake.gate.verdict import judge
from creditlake.release import judge_candidate, publish_build
from creditlake.storage import CorruptObject, FolderLake
from tests.gate.tables import healthy_rows
from tests.releases import RULES, ledger_row, many_defaulters, small_rules, store_candidate

PENALTY = small_rules("pub_penalty")


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def judge_penalties(
    lake: FolderLake, scratch: Path, rows: list[dict[str, object]] | None = None, **changes: object
) -> Verdict:
    tables = {"pub_penalty": rows or healthy_rows("pub_penalty")}
    store_candidate(lake, "20261116-01", scratch, tables, **changes)
    return judge(lake, "20261116-01", scratch, PENALTY)


def test_a_healthy_candidate_of_all_declared_tables_passes(lake: FolderLake, tmp_path: Path) -> None:
    store_candidate(lake, "20261116-01", tmp_path, {name: healthy_rows(name) for name in RULES.declarations})

    verdict = judge(lake, "20261116-01", tmp_path, RULES)

    assert (verdict.verdict, verdict.findings) == ("pass", ())
    assert verdict.checks["declaration"] == len(RULES.declarations)
    assert verdict.checks["expectation"] == sum(len(d.expectations) for d in RULES.declarations.values())
    public = [d for d in RULES.declarations.values() if d.level == "public"]
    assert verdict.checks["personal_data"] == sum(len(d.columns) for d in public)


def test_a_failed_expectation_holds(lake: FolderLake, tmp_path: Path) -> None:
    rows = healthy_rows("pub_penalty")
    rows[0]["counterpart_class"] = "NATURAL"

    verdict = judge_penalties(lake, tmp_path, rows)

    assert [(f.check, f.name, f.ask) for f in verdict.holds] == [
        ("expectation", "counterpart_is_no_natural_person", "market_regulation")
    ]


def test_a_warning_alone_passes(lake: FolderLake, tmp_path: Path) -> None:
    rows = healthy_rows("pub_penalty")
    rows[0]["violation_facts"] = None

    verdict = judge_penalties(lake, tmp_path, rows)

    assert (verdict.verdict, [f.name for f in verdict.findings]) == ("pass", ["facts_are_mostly_filled"])


@pytest.mark.parametrize(
    ("severity", "status", "verdict"),
    [
        ("error", "fail", "hold"),
        ("warn", "warn", "pass"),
        ("warn", "error", "hold"),
        ("error", "skipped", "hold"),
    ],
)
def test_dbt_tests_count_by_their_severity_and_one_that_did_not_run_holds(
    lake: FolderLake, tmp_path: Path, severity: str, status: str, verdict: str
) -> None:
    test = candidate.TestRun.model_validate(
        {
            "name": "unique_record",
            "model": "pub_penalty",
            "severity": severity,
            "status": status,
            "failures": 3,
        }
    )
    found = judge_penalties(lake, tmp_path, tests=(test,))

    assert (found.verdict, [f.name for f in found.findings]) == (verdict, ["unique_record"])


def test_no_dbt_test_at_all_holds(lake: FolderLake, tmp_path: Path) -> None:
    assert [f.message for f in judge_penalties(lake, tmp_path, tests=()).holds] == ["no dbt_test check ran"]


def test_a_failed_model_holds_and_cannot_be_approved(lake: FolderLake, tmp_path: Path) -> None:
    model = candidate.ModelRun(
        name="pub_penalty", layer="marts", status="error", seconds=1, message="out of memory"
    )

    verdict = judge_penalties(lake, tmp_path, models=(model,), status="failed")

    assert [f.name for f in verdict.holds] == ["build_failed", "model_pub_penalty"]
    assert not any(f.approvable for f in verdict.holds)


def test_a_ledger_that_does_not_add_up_holds(lake: FolderLake, tmp_path: Path) -> None:
    verdict = judge_penalties(lake, tmp_path, ledger=(ledger_row(accepted=5),))

    assert [(f.check, f.observed) for f in verdict.holds] == [("ledger", 1)]


def test_a_personal_number_in_a_public_table_holds(lake: FolderLake, tmp_path: Path) -> None:
    rows = healthy_rows("pub_penalty")
    rows[1]["violation_facts"] = "当事人电话13812345678"

    assert [f.name for f in judge_penalties(lake, tmp_path, rows).holds] == ["mobile_in_violation_facts"]


def test_a_table_nobody_declared_holds(lake: FolderLake, tmp_path: Path) -> None:
    tables = {name: healthy_rows(name) for name in ("pub_penalty", "pub_licence")}
    store_candidate(lake, "20261116-01", tmp_path, tables)

    verdict = judge(lake, "20261116-01", tmp_path, PENALTY)

    assert [(f.name, f.approvable) for f in verdict.holds] == [("pub_licence", False)]


def test_a_declared_table_that_is_missing_holds(lake: FolderLake, tmp_path: Path) -> None:
    store_candidate(lake, "20261116-01", tmp_path, {"pub_penalty": healthy_rows("pub_penalty")})

    verdict = judge(lake, "20261116-01", tmp_path, small_rules("pub_penalty", "pub_licence"))

    assert [f.name for f in verdict.holds] == ["pub_licence_missing"]


def test_a_column_more_or_less_than_declared_holds(lake: FolderLake, tmp_path: Path) -> None:
    declared = PENALTY.declarations["pub_penalty"]
    columns = {name: kind for name, kind in declared.columns.items() if name != "penalty_kinds"} | {
        "new_column": "text"
    }
    other = declared.model_copy(update={"columns": columns})
    store_candidate(lake, "20261116-01", tmp_path, {"pub_penalty": healthy_rows("pub_penalty")})

    rules = PENALTY.model_copy(update={"declarations": {"pub_penalty": other}})
    verdict = judge(lake, "20261116-01", tmp_path, rules)

    assert [(f.name, f.message) for f in verdict.holds] == [
        ("no_expectation", "no expectation check ran"),
        (
            "pub_penalty_columns",
            "pub_penalty: columns differ from the declaration "
            "(added ['penalty_kinds'], missing ['new_column'])",
        ),
    ]


def test_a_severe_list_that_triples_holds_and_the_court_is_asked(lake: FolderLake, tmp_path: Path) -> None:
    rules = small_rules("pub_list_current")
    store_candidate(lake, "20261116-01", tmp_path, {"pub_list_current": many_defaulters(100)})
    judge_candidate(lake, "20261116-01", tmp_path, rules)
    publish_build(lake, "20261116-01", tmp_path, rules)
    store_candidate(lake, "20261117-01", tmp_path, {"pub_list_current": many_defaulters(300)})

    verdict = judge(lake, "20261117-01", tmp_path, rules)

    assert [(f.name, f.ask, f.observed, f.limit) for f in verdict.holds] == [
        ("pub_list_current", "credit_office", 300, 220),
        ("pub_list_current [COURT_DEFAULTER]", "court", 300, 160),
    ]
    assert all(f.approvable for f in verdict.holds)


def test_a_damaged_file_is_an_error_and_no_verdict(lake: FolderLake, tmp_path: Path) -> None:
    stored = store_candidate(lake, "20261116-01", tmp_path, {"pub_penalty": healthy_rows("pub_penalty")})
    path = lake.root / stored.tables["pub_penalty"].files[0].key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)

    with pytest.raises(CorruptObject, match=r"part-00000\.parquet is corrupt"):
        judge(lake, "20261116-01", tmp_path, PENALTY)
