"""The build: from records and links to the candidate's tables, twice, killed, and on damaged input."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditlake.build import build_marts
from creditlake.builds import BuildError
from creditlake.candidate import candidate_key
from creditlake.settings import REPOSITORY, Settings
from creditlake.storage import BatchDefect, CorruptObject
from tests.dbt.city import City
from tests.dbt.conftest import TODAY, build_city, settings_at

PENALTY = "market_regulation.penalty_decision"
FIRST = date(2026, 11, 16)
TABLES = [
    "archive_legal_entities", "archive_legal_roles", "archive_natural_persons", "archive_person_roles",
    "defects", "ledger", "ledger_publication", "list_representatives", "pub_licence", "pub_list_current",
    "pub_penalty", "pub_subject", "records_index", "subject_changes",
]  # fmt: skip
KILLED = """
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from creditlake.build import build_marts
from tests.dbt.city import City
from tests.dbt.conftest import settings_at
city = City(Path(sys.argv[1]))
build_marts(city.lake, city.catalog, settings_at(city.root), date(2026, 11, 17), "20261117-01")
"""


def small_city(city: City) -> None:
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    city.deliver(PENALTY, FIRST, {"key": "a", "_link": "L1", "severity": "GENERAL"})


def test_a_city_without_any_delivery_has_every_table_and_no_row(build: Callable) -> None:
    built = build()
    assert {name: table.rows for name, table in built.candidate.tables.items()} == dict.fromkeys(TABLES, 0)
    assert built.broken_tests == set()
    assert len(built.candidate.tests) >= 50


def test_a_second_attempt_gives_the_same_content_and_uploads_no_file(
    city: City, build: Callable, place: Settings
) -> None:
    small_city(city)
    first = build()
    files = sorted(key for key in city.lake.list_keys("tables"))
    second = build(attempt=2)

    assert build_marts(city.lake, city.catalog, place, TODAY, "20261117-01") == first.candidate
    assert first.rows("select subject_id, rule_id, publication_end_date from pub_penalty") == [
        {"subject_id": "L1", "rule_id": "R2026-GENERAL", "publication_end_date": date(2027, 11, 2)}
    ]
    assert second.candidate.tables == first.candidate.tables
    assert sorted(city.lake.list_keys("tables")) == files
    assert len(files) == len(TABLES)


def test_a_build_that_is_not_linked_or_of_another_day_is_refused(city: City, place: Settings) -> None:
    with pytest.raises(BuildError, match="creditlake link --business-date 2026-11-17"):
        build_marts(city.lake, city.catalog, place, TODAY, "20261117-01")
    with pytest.raises(BuildError, match="stands for 2026-11-16"):
        build_marts(city.lake, city.catalog, place, TODAY, "20261116-01")
    assert not city.lake.exists(candidate_key("20261117-01"))


def test_a_damaged_records_file_stops_the_build_and_leaves_no_candidate(city: City, build: Callable) -> None:
    small_city(city)
    entry = next(key for key in city.lake.list_keys("records") if key.endswith(".parquet"))
    path = city.root / "lake" / entry
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptObject, match=entry):
        build()
    assert not city.lake.exists(candidate_key("20261117-01"))
    assert list(city.lake.list_keys("tables")) == []


def test_a_damaged_table_version_is_not_reused(city: City, build: Callable) -> None:
    small_city(city)
    version = build().candidate.tables["pub_penalty"].files[0]
    path = city.root / "lake" / version.key
    table = pq.read_table(path)
    changed = table.set_column(
        table.schema.get_field_index("counterpart_name"), "counterpart_name", pa.array(["别的公司"])
    )
    pq.write_table(changed, path)
    with pytest.raises(CorruptObject, match=version.key):
        build(attempt=2)
    assert not city.lake.exists(candidate_key("20261117-02"))


def test_a_records_file_without_a_column_stops_the_build(city: City, build: Callable) -> None:
    city.omit = "severity"
    small_city(city)
    with pytest.raises(BuildError, match=r"missing \['severity'\].*creditlake standardise"):
        build()
    assert not city.lake.exists(candidate_key("20261117-01"))


def test_a_blocked_batch_is_in_the_ledger_and_its_defect_is_listed(city: City, build: Callable) -> None:
    small_city(city)
    defect = BatchDefect(
        code="F02", level="B", file="x.csv", message="column missing", message_zh="缺列", cure_zh="补列"
    )
    blocked = city.deliver(PENALTY, TODAY, blocked=defect, received=7)
    built = build()
    columns = "status, received, accepted, blocked, difference"
    assert built.rows(f"select {columns} from ledger order by received") == [
        {"status": "ok", "received": 1, "accepted": 1, "blocked": 0, "difference": 0},
        {"status": "blocked", "received": 7, "accepted": 0, "blocked": 7, "difference": 0},
    ]
    assert built.rows("select batch_id, code, level, row_no, found_by from defects where level = 'B'") == [
        {"batch_id": blocked, "code": "F02", "level": "B", "row_no": 0, "found_by": "batch"}
    ]
    assert [(row.received, row.difference) for row in built.candidate.ledger if row.blocked] == [(7, 0)]
    assert [b.status for b in built.candidate.batches] == ["ok", "blocked"]


def test_a_lost_row_unbalances_the_ledger_and_a_test_says_so(city: City, build: Callable) -> None:
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    city.deliver(PENALTY, FIRST, {"key": "a", "_link": "L1"}, received=2)
    built = build()
    assert [row.difference for row in built.candidate.ledger] == [1]
    assert built.broken_tests == {"accepted_values_ledger_difference__False__0"}


def test_a_build_killed_at_any_time_and_run_again_gives_the_same_content(tmp_path: Path) -> None:
    untouched, killed = City(tmp_path / "untouched"), City(tmp_path / "killed")
    for city in (untouched, killed):
        small_city(city)
    expected = build_city(untouched).candidate
    killed.link("20261117-01")
    command = [sys.executable, "-c", KILLED, str(killed.root)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    for seconds in (0.5, 5, 9):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
    found = build_marts(killed.lake, killed.catalog, settings_at(killed.root), TODAY, "20261117-01")
    assert {n: t.content_hash for n, t in found.tables.items()} == {
        n: t.content_hash for n, t in expected.tables.items()
    }


def test_registers_of_an_earlier_version_are_refused_with_their_cure(city: City, build: Callable) -> None:
    city.role("L1", "LEGAL_REP", "周明")
    small_city(city)
    city.omit_register_column = "holder_key"
    with pytest.raises(
        BuildError, match="the roles of this build are of an earlier version; run `creditlake"
    ):
        build()
    assert not city.lake.exists(candidate_key("20261117-01"))
