"""Roles in the archives: who sees whom, whom a listing may be followed to, and where an old id leads."""

from datetime import date
from typing import Any

import pytest

from tests.dbt.city import City, record_id
from tests.dbt.conftest import TODAY, PartialRun

COURT, PENALTY = "court.judgment_defaulter", "market_regulation.penalty_decision"
ENTITIES = "market_regulation.entity_register"
TOOK_OFFICE, LISTED = date(2020, 5, 6), date(2026, 11, 2)
REFUSES = {"behaviour": "有履行能力而拒不履行生效法律文书确定义务", "publish_date": LISTED}
CODES = {f"L{n}": f"91990001MA000000{n}X" for n in range(1, 8)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> PartialRun:
    """Seven listed organisations and their representatives, and one merge upon another."""
    city = City(tmp_path_factory.mktemp("city"))
    for subject, uscc in CODES.items():
        city.subject(subject, f"公司{subject}", uscc=uscc)
    city.subject("N1", "周明", resident_id="990000199003070013")
    city.role("L1", "LEGAL_REP", "周明", holder_id="N1", valid_from=TOOK_OFFICE)
    city.role("L1", "SHAREHOLDER", "周明", holder_id="N1")
    city.role("L1", "LEGAL_REP", "周明", position=None, source=ENTITIES, valid_from=TOOK_OFFICE)
    city.role("L1", "SHAREHOLDER", "公司L2", holder_id="L2")
    city.role("L2", "LEGAL_REP", "周明", holder_id="N1", valid_from=date(2026, 11, 3))
    city.role("L2", "LEGAL_REP", "林一帆", valid_from=TOOK_OFFICE, valid_to=date(2026, 11, 3))
    city.role("L3", "LEGAL_REP", "周明", holder_id="N1", valid_from=TOOK_OFFICE)
    city.role("L3", "LEGAL_REP", "高远", position=None, source=ENTITIES, valid_from=TOOK_OFFICE)
    city.role("L4", "LEGAL_REP", "小明", holder_id="N1", valid_from=TOOK_OFFICE, is_minor=True)
    city.role("L5", "LEGAL_REP", "周明", holder_id="N1")  # first heard of after the listing
    city.role("L6", "LEGAL_REP", "周明", holder_id="N1", known_from=date(2026, 11, 1))
    city.role("L7", "LEGAL_REP", "周明", holder_id="N1", valid_from=TOOK_OFFICE)
    city.role("L7", "LEGAL_REP", "高远", position=None, source=ENTITIES, valid_to=date(2026, 11, 5))
    city.change("L8", "L9")
    city.change("L9", "L1")
    city.change("QY-001", "L8", "migrated")
    city.deliver(
        COURT, TODAY, *({"key": subject, "name": subject, "_link": subject} | REFUSES for subject in CODES)
    )
    city.deliver(
        PENALTY, TODAY,
        *({"key": s, "_link": s, "severity": "GENERAL", "legal_rep_name": "某人"} for s in ("L1", "L4")),
    )  # fmt: skip
    entity = {"legal_rep_name": "某人"}
    city.deliver(ENTITIES, TODAY, *({"key": s, "uscc": CODES[s]} | entity for s in ("L1", "L4")))
    models = ("archive_legal_roles", "archive_person_roles", "list_representatives", "subject_changes",
              "pub_subject", "pub_penalty", "pub_list_current")  # fmt: skip
    return PartialRun(city, TODAY, [f"+{model}" for model in models])


def test_an_organisation_shows_its_executives_and_no_way_to_a_persons_archive(run: PartialRun) -> None:
    columns = "role, role_name, holder_name, is_proven, doubt, holder_organisation_id, valid_from"
    rows = run.rows(
        f"select {columns} from gov_shared.archive_legal_roles where subject_id = 'L1' order by all"
    )
    proven: dict[str, Any] = {"is_proven": True, "doubt": None}
    assert rows == [
        {"role": "LEGAL_REP", "role_name": "法定代表人", "holder_name": "周明", **proven,
         "holder_organisation_id": None, "valid_from": TOOK_OFFICE},
        {"role": "SHAREHOLDER", "role_name": "股东", "holder_name": "公司L2", **proven,
         "holder_organisation_id": "L2", "valid_from": None},
        {"role": "SHAREHOLDER", "role_name": "股东", "holder_name": "周明", **proven,
         "holder_organisation_id": None, "valid_from": None},
    ]  # fmt: skip
    assert "N1" not in str(run.rows("select * from gov_shared.archive_legal_roles"))


def test_a_person_shows_the_organisations_that_a_document_proves(run: PartialRun) -> None:
    rows = run.rows(
        "select organisation_id, organisation_name, role from authorised.archive_person_roles"
        " where subject_id = 'N1' and organisation_id in ('L1', 'L2') order by all"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("L1", "公司L1", "LEGAL_REP"), ("L1", "公司L1", "SHAREHOLDER"), ("L2", "公司L2", "LEGAL_REP"),
    ]  # fmt: skip


def test_a_severe_listing_is_followed_to_who_provably_held_office_that_day(run: PartialRun) -> None:
    rows = run.rows(
        "select organisation_id, holder_name, subject_id, doubt, record_id from"
        " authorised.list_representatives order by all"
    )
    assert [tuple(row.values())[:4] for row in rows] == [
        ("L1", "周明", "N1", None),
        ("L2", "林一帆", None, "no_document"),
        ("L3", "周明", None, "several_representatives"),
        ("L3", "高远", None, "several_representatives"),
        ("L4", None, None, "minor"),
        ("L6", "周明", "N1", None),
        ("L7", "周明", None, "several_representatives"),  # 高远 left after the entry, came nobody knows when
    ]
    assert rows[0]["record_id"] == record_id(COURT, "L1")


def test_no_public_row_names_the_representative_of_a_body_that_has_a_minor_for_one(run: PartialRun) -> None:
    for table in ("pub_subject", "pub_penalty"):
        rows = run.rows(f"select subject_id, legal_rep_name from public.{table} order by 1")
        assert [tuple(row.values()) for row in rows] == [("L1", "某人"), ("L4", None)], table
    listed = run.rows("select subject_id from public.pub_list_current where legal_rep_name is null")
    assert [row["subject_id"] for row in listed] == ["L4"]


def test_an_old_id_leads_through_all_merges_to_the_subject_that_stands(run: PartialRun) -> None:
    rows = run.rows("select subject_id, change, stands_as, stands_as_name from internal.subject_changes")
    assert sorted(tuple(row.values()) for row in rows) == [
        ("L8", "merged", "L1", "公司L1"), ("L9", "merged", "L1", "公司L1"),
        ("QY-001", "migrated", "L1", "公司L1"),
    ]  # fmt: skip
