"""A contract is tried on a file: defects with counts and Chinese messages, rows as they would become."""

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from creditlake.onboard import trial as trying
from creditlake.onboard.show import print_trial
from creditlake.onboard.trial import Trial, try_contract
from creditlake.settings import REPOSITORY, Settings, read_settings, settings
from spark_jobs import try_contract as application
from tests.samples import PERSONS, make_resident_id, make_uscc

pytestmark = pytest.mark.spark

RECEIVED = date(2026, 11, 17)
CONTRACT = """# ? 依据哪部法律？
name: tax.visit
title: 走访记录
description: 示例
template_version: "1"
legal_basis: [{instrument: 待补充}]
owner: 示例科
access_level: gov_shared
retention: 示例
subject: {kind: none}
delivery: {kind: increment, format: csv, encoding: gb18030, file_pattern: visit_*.csv, header_row: 2}
natural_key: [visit_no]
fields:
  visit_no: {title: 走访文号, type: doc_no, source_name: 走访文号, required: true, access_level: gov_shared}
  person: {title: 被走访人, type: person_name, source_name: 被走访人}
  id_no: {title: 证件号码, type: id_no, source_name: 证件号码}
  uscc: {title: 统一社会信用代码, type: uscc, source_name: 统一社会信用代码, access_level: gov_shared}
  visit_date: {title: 走访日期, type: date, source_name: 走访日期, required: true, access_level: gov_shared}
  remarks: {title: 备注, type: free_text, source_name: 备注, access_level: gov_shared}
row_checks:
  - {check: not_after_received, code: D03, fields: {date: visit_date}}
"""
PERSON = make_resident_id(7)
COMPANY = make_uscc(7)
ROWS = [
    f"走〔2026〕1号,{PERSONS[0]},{PERSON},{COMPANY},2026年11月3日,[好]联系13800000001",
    f"走〔2026〕2号,{PERSONS[1]},{PERSON[:17]}?,{PERSON},20261104,",
    f"走〔2026〕3号,{PERSONS[2]},,{COMPANY},2026/12/1,",
    "走〔2026〕4号,少两列",
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An installation of its own, with an empty home."""
    monkeypatch.setenv("CREDITLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CREDITLAKE_CATALOG", str(REPOSITORY / "catalog"))
    settings.cache_clear()
    yield read_settings()
    settings.cache_clear()


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "visit.yml"
    path.write_text(CONTRACT, encoding="utf-8")
    return path


def put_sample(folder: Path, rows: list[str]) -> Path:
    header = "走访文号,被走访人,证件号码,统一社会信用代码,走访日期,备注"
    path = folder / "visit_20261117.csv"
    path.write_bytes("\r\n".join(["走访记录汇总表", header, *rows, ""]).encode("gb18030"))
    return path


def shown(trial: Trial, *, show_personal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_trial(console, trial, show_personal=show_personal)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_trial_shows_what_would_become_of_a_file_and_leaves_nothing_behind(
    few_rows: SparkSession, place: Settings, contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_here(step: str, **arguments: str) -> None:
        assert step == "try_contract"
        application.run(**arguments, spark=few_rows)

    monkeypatch.setattr(trying, "run_application", run_here)
    trial = try_contract(contract, put_sample(tmp_path, ROWS), RECEIVED, place, rows=4, few=2)

    assert trial.counts == {"received": 4, "accepted": 1, "held": 1, "rejected": 2, "dropped": 0}
    found = {(d.code, d.field): (d.rows, d.first_rows) for d in trial.defects}
    assert found == {
        ("K01", "uscc"): (1, (4,)),
        ("K05", "id_no"): (1, (4,)),
        ("D03", "visit_date"): (1, (5,)),
        ("F04", ""): (1, (6,)),
    }
    assert not trial.is_blocked
    assert [row.outcome for row in trial.rows] == ["accepted", "held", "rejected", "rejected"]
    assert trial.rows[0].record["visit_date"] == date(2026, 11, 3)
    # nothing of the lake, no key of an installation, no personal value in a scratch file
    assert [path for path in place.home.rglob("*") if path.is_file()] == []

    masked = shown(trial)
    for told in (
        "走〔2026〕1",
        "2026-11-03",
        COMPANY,
        "“走访日期”晚于数据收到日期",
        "列数与表头不符",
        "accepted 接收 1",
    ):
        assert told in masked, told
    assert "[好]联系（已遮盖）" in masked
    for personal in (PERSON, PERSONS[0], PERSONS[1], "13800000001", PERSON[:17]):
        assert personal not in masked
    plain = shown(trial, show_personal=True)
    for personal in (PERSON, PERSONS[0], "13800000001"):
        assert personal in plain


def test_a_file_that_cannot_be_decoded_is_blocked_without_spark(
    place: Settings, contract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "run_application", lambda *_, **__: pytest.fail("nothing to standardise"))
    path = put_sample(tmp_path, ROWS)
    path.write_text(path.read_bytes().decode("gb18030"), encoding="utf-8")
    trial = try_contract(contract, path, RECEIVED, place, rows=4, few=2)
    assert trial.is_blocked
    assert [defect.code for defect in trial.batch_defects] == ["F01"]
    assert "UTF-8" in shown(trial)
    assert "整批拦截" in shown(trial)
