"""Record state and publication: one city with every kind of history, built once."""

from datetime import date
from typing import Any

import pytest

from tests.dbt.city import City, record_id
from tests.dbt.conftest import TODAY, Built, build_city

PENALTY = "market_regulation.penalty_decision"
LICENCE = "administrative_approval.licence_decision"
REPAIR = "credit_office.repair_decision"
COURT = "court.judgment_defaulter"
TAX = "tax.a_level_taxpayer"
REGISTER = "market_regulation.entity_register"
PEOPLE = "public_security.population_register"
BEFORE, FIRST, SECOND = date(2026, 11, 14), date(2026, 11, 16), TODAY
ADULT, CHILD = "990001199001010010", "990001201501010019"


def exact(key: str, **more: Any) -> dict[str, Any]:
    """Return a row about L1, exactly linked."""
    return {"key": key, "_link": "L1", "severity": "GENERAL", **more}


def judged(status: str, **more: Any) -> dict[str, Any]:
    """Return the link that a person's judgement made."""
    return {"status": status, "tier": "judgement", "judgement_id": "j1", **more}


def repair(key: str, target: str, **more: Any) -> dict[str, Any]:
    """Return a granted repair of a penalty."""
    return {
        "key": key, "target_record_id": record_id(PENALTY, target), "status": "GRANTED",
        "effective_date": SECOND, "decided_date": FIRST, **more,
    }  # fmt: skip


def deliver_penalties(city: City) -> None:
    """Deliver penalties with every history; the key says which."""
    old = city.deliver(
        PENALTY, BEFORE,
        *map(exact, [
            "plain", "corrected", "withdrawn", "repaired", "repaired_tomorrow", "repair_denied",
            "repair_undone", "repeated", "then_held", "reverted", "restated", "withdrawn_twice",
        ]),
    )  # fmt: skip
    city.deliver(
        PENALTY, FIRST,
        exact("corrected", counterpart_name="更正后的公司"), {"key": "withdrawn", "change_op": "D"},
        exact("reverted", counterpart_name="改错的公司"), {"key": "restated", "change_op": "D"},
        {"key": "withdrawn_twice", "change_op": "D"}, {"key": "never_seen", "change_op": "D"},
        exact("held", outcome="held", defects=["K01"]),
        {"key": "unlinked", "severity": "GENERAL"},
        {"key": "in_review", "_link": {"status": "review", "reason": "name_conflict"}},
        exact("inferred", _link={"status": "auto", "grade": "inferred", "subject_id": "L1"}),
        exact("judged", _link=judged("judged", grade="exact", subject_id="L1")),
        exact("judged_to_nobody", _link=judged("unlinked", reason="judged_none")),
        exact("of_person", counterpart_class="NATURAL", _link="N1"),
        exact("linked_to_person", _link="N1"),
        exact("minor", is_minor=True, defects=["P02"]),
        exact("not_published_kind", severity="MINOR"),
        exact("expired", decision_date=date(2025, 11, 17)),
        exact("last_day", decision_date=date(2025, 11, 18)),
        exact("no_rule", decision_date=date(2019, 6, 30)),
        exact("shared_only", access_level="GOV_SHARED"), exact("public", access_level="PUBLIC"),
        exact("annulled", status="ANNULLED"), exact("case_cancelled", is_case_cancelled=True),
        exact("disputed", status="DISPUTED"),
        {"key": "refused", "outcome": "rejected", "defects": ["V01"]},
        {"key": "copy", "outcome": "dropped", "defects": ["U01"]},
    )  # fmt: skip
    city.deliver(
        PENALTY, SECOND,
        exact("repaired", counterpart_name="再报"), exact("repeated"),
        exact("then_held", outcome="held", severity=None), exact("reverted"), exact("restated"),
        {"key": "withdrawn_twice", "change_op": "D"},
    )  # fmt: skip
    city.deliver(PENALTY, SECOND, again=old)
    city.deliver(
        REPAIR, FIRST,
        repair("r1", "repaired"), repair("r2", "repaired_tomorrow", effective_date=date(2026, 11, 18)),
        repair("r3", "repair_denied", status="DENIED"), repair("r4", "repair_undone"),
    )  # fmt: skip
    city.deliver(REPAIR, SECOND, repair("r4", "repair_undone", status="WITHDRAWN"))


def deliver_others(city: City) -> None:
    """Deliver licences, lists and registers."""
    city.deliver(
        LICENCE, FIRST,
        exact("valid", valid_to=SECOND), exact("open_ended"), exact("over", valid_to=date(2026, 11, 16)),
        exact("not_in_force", status="INVALID"), exact("shared_only", access_level="AUTHORISED"),
        exact("of_person", counterpart_class="NATURAL", _link="N1"),
    )  # fmt: skip
    refuses = "有履行能力而拒不履行生效法律文书确定义务"
    city.deliver(
        COURT, FIRST,
        {"key": "person", "party_type": "PERSON", "party_code": ADULT, "age": 36, "name": "张三丰",
         "obligation": "向原告李四给付货款，联系13800138000"},
        {"key": "linked_person", "party_type": "PERSON", "party_code": ADULT, "age": 36, "_link": "N1"},
        {"key": "organisation", "party_code": "91990001MA0000001X", "_link": "L1", "age": 0},
        {"key": "unlinked_organisation", "party_code": "91990001MA0000002X"},
        {"key": "minor", "party_type": "PERSON", "party_code": CHILD, "is_minor": True, "age": 11},
        {"key": "unknown_age", "party_type": "PERSON", "party_code": None, "age": None},
        {"key": "age_disputed", "party_type": "PERSON", "party_code": ADULT, "age": 17},
        {"key": "taken_off", "_link": "L3"},
        {"key": "term_over", "publish_date": date(2024, 11, 17), "behaviour": "以伪造证据等方法抗拒执行"},
        {"key": "no_term", "publish_date": date(2024, 11, 17), "behaviour": refuses},
        {"key": "held", "outcome": "held", "defects": ["K05"]},
    )  # fmt: skip
    city.deliver(COURT, SECOND, {"key": "taken_off", "change_op": "D"})
    old = city.deliver(TAX, BEFORE, {"key": "a", "_link": "L2"}, {"key": "b", "_link": "L1"}, {"key": "c"})
    city.deliver(TAX, FIRST, {"key": "d", "_link": "L2"})
    city.deliver(TAX, SECOND, again=old)
    one, two = "91990001MA0000001X", "91990001MA0000002X"
    city.deliver(
        REGISTER, FIRST, {"key": "1", "uscc": one}, {"key": "2", "uscc": two}, {"key": "3", "reg_no": "9"}
    )
    city.deliver(
        REGISTER, SECOND,
        {"key": "1", "uscc": one, "ent_name": "改名公司"}, {"key": "3", "reg_no": "9"}, {"key": "4"},
        {"key": "5", "uscc": "91990001MA0000005X"}, {"key": "6", "uscc": one, "ent_name": "旧行"},
        {"key": "6", "uscc": one, "ent_name": "后行"}, {"key": "7", "uscc": "91990001MA0000007X"},
    )  # fmt: skip
    city.deliver(PEOPLE, SECOND, {"key": "p", "id_no": ADULT, "person_name": "张三丰"})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The city, built as of the second day."""
    city = City(tmp_path_factory.mktemp("city"))
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    city.subject("L2", "另一公司", uscc="91990001MA0000002X")
    city.subject("L3", "老字号", reg_no="9")
    city.subject("L5", "一码两主甲", uscc="91990001MA0000005X")
    city.subject("L6", "一码两主乙", uscc="91990001MA0000005X")
    city.subject("L7", "一个机构代码两码甲", uscc="91990001MA0000007X")
    city.subject("L8", "一个机构代码两码乙", uscc="92990001MA0000007X")
    city.subject("N1", "张三丰", resident_id=ADULT)
    deliver_penalties(city)
    deliver_others(city)
    return build_city(city)


def fates(built: Built, dataset: str) -> dict[str, tuple[str, str | None]]:
    """Return state and hidden reason of every current record, by the key that the test gave it."""
    rows = built.city.rows[dataset]
    names = {row["record_id"]: row["_key"] for row in rows}
    found = built.rows(
        "select record_id, state, hidden_reason from records_index"
        f" where is_current and dataset = '{dataset}'"
    )
    return {names[row["record_id"]]: (row["state"], row["hidden_reason"]) for row in found}


def test_every_dbt_test_passes_on_a_city_with_every_history(built: Built) -> None:
    assert built.broken_tests == set()


def test_each_penalty_has_the_state_and_the_reason_of_its_history(built: Built) -> None:
    assert fates(built, PENALTY) == {
        "plain": ("active", None),
        "corrected": ("active", None),
        "withdrawn": ("withdrawn", "withdrawn"),
        "withdrawn_twice": ("withdrawn", "withdrawn"),
        "never_seen": ("withdrawn", "withdrawn"),
        "restated": ("active", None),
        "repaired": ("repaired", "repaired"),
        "repaired_tomorrow": ("active", None),
        "repair_denied": ("active", None),
        "repair_undone": ("active", None),
        "repeated": ("active", None),
        "reverted": ("active", None),
        "then_held": ("active", "held"),
        "held": ("active", "held"),
        "unlinked": ("active", "unlinked"),
        "in_review": ("active", "in_review"),
        "inferred": ("active", "inferred"),
        "judged": ("active", None),
        "judged_to_nobody": ("active", "unlinked"),
        "of_person": ("active", "natural_person"),
        "linked_to_person": ("active", "natural_person"),
        "minor": ("active", "minor"),
        "not_published_kind": ("active", "not_published_kind"),
        "expired": ("expired", "expired"),
        "last_day": ("active", None),
        "no_rule": ("active", "not_published_kind"),
        "shared_only": ("active", "not_public"),
        "public": ("active", None),
        "annulled": ("withdrawn", "withdrawn"),
        "case_cancelled": ("withdrawn", "withdrawn"),
        "disputed": ("active", "disputed"),
    }


def test_a_correction_replaces_the_content_and_keeps_the_first_acceptance(built: Built) -> None:
    (row,) = built.rows(
        "select counterpart_name, record_version, first_accepted_date from pub_penalty"
        f" where record_id = '{record_id(PENALTY, 'corrected')}'"
    )
    assert row == {"counterpart_name": "更正后的公司", "record_version": 2, "first_accepted_date": BEFORE}
    (reverted,) = built.rows(
        "select record_version from records_index"
        f" where record_id = '{record_id(PENALTY, 'reverted')}' and is_current"
    )
    assert reverted["record_version"] == 3


def test_a_repeated_row_is_dropped_as_u02_and_the_stored_one_stays(built: Built) -> None:
    versions = built.rows(
        "select state, is_current, received_date from records_index"
        f" where record_id = '{record_id(PENALTY, 'repeated')}' order by received_date"
    )
    assert versions == [
        {"state": "active", "is_current": True, "received_date": BEFORE},
        {"state": "duplicate", "is_current": False, "received_date": SECOND},
    ]
    # the second withdrawal of one record says nothing new either
    assert built.values("select count(*) from defects where code = 'U02'") == [2]
    assert built.values(f"select sum(dropped_stored) from ledger where dataset = '{PENALTY}'") == [2]
    assert built.values("select max(abs(difference)) from ledger") == [0]


def test_the_ledger_counts_every_row_once(built: Built) -> None:
    rows = built.rows(
        "select received, accepted, held, rejected, dropped_in_file, dropped_stored, blocked from ledger"
        f" where dataset = '{PENALTY}' order by received_date"
    )
    names = ["received", "accepted", "held", "rejected", "dropped_in_file", "dropped_stored", "blocked"]
    assert [[row[name] for name in names] for row in rows] == [
        [12, 12, 0, 0, 0, 0, 0], [26, 23, 1, 1, 1, 0, 0], [6, 3, 1, 0, 0, 2, 0],
    ]  # fmt: skip
    published = {row.outcome: row.records for row in built.candidate.publication if row.dataset == PENALTY}
    assert published["published"] == 11
    assert sum(published.values()) == 31


def test_licences_are_shown_while_they_are_in_force(built: Built) -> None:
    assert fates(built, LICENCE) == {
        "valid": ("active", None),
        "open_ended": ("active", None),
        "over": ("expired", "expired"),
        "not_in_force": ("active", "not_in_force"),
        "shared_only": ("active", "not_public"),
        "of_person": ("active", "natural_person"),
    }


def test_court_entries_are_shown_linked_or_not_within_their_term(built: Built) -> None:
    assert fates(built, COURT) == {
        "person": ("active", None),
        "linked_person": ("active", None),
        "organisation": ("active", None),
        "unlinked_organisation": ("active", None),
        "minor": ("active", "minor"),
        "unknown_age": ("active", "unknown_age"),
        "age_disputed": ("active", "unknown_age"),  # the number says of age, the court's own column does not
        "taken_off": ("withdrawn", "withdrawn"),
        "term_over": ("expired", "expired"),
        "no_term": ("active", None),
        "held": ("active", "held"),
    }


def test_a_person_on_a_list_is_masked_and_leads_to_no_archive(built: Built) -> None:
    (person,) = built.rows(
        "select subject_id, masked_id_no, organisation_code, name, obligation from pub_list_current"
        f" where record_id = '{record_id(COURT, 'person')}'"
    )
    assert person == {
        "subject_id": None, "masked_id_no": "990001********0010", "organisation_code": None, "name": "张三丰",
        "obligation": "向原告某某付货款，联系（电话已遮盖）",
    }  # fmt: skip
    assert built.values("select distinct subject_id from pub_list_current where party_type = 'PERSON'") == [
        None
    ]
    assert built.rows(
        "select subject_id, organisation_code, age from pub_list_current"
        f" where record_id = '{record_id(COURT, 'organisation')}'"
    ) == [{"subject_id": "L1", "organisation_code": "91990001MA0000001X", "age": None}]


def test_a_snapshot_received_again_is_the_state_again(built: Built) -> None:
    assert fates(built, TAX) == {
        "a": ("active", None),
        "b": ("active", "severely_listed"),
        "c": ("active", "unlinked"),
        "d": ("removed", "removed"),
    }
    assert [b.is_current for b in built.candidate.batches if b.dataset == TAX] == [False, True]


def test_the_register_shows_each_subject_once_and_drops_what_is_gone(built: Built) -> None:
    assert fates(built, REGISTER) == {
        "1": ("active", "same_subject"),
        "2": ("removed", "removed"),
        "3": ("active", None),
        "4": ("active", "unlinked"),  # no number at all
        "5": ("active", "unlinked"),  # its number has two owners
        "6": ("active", None),
        "7": ("active", None),
    }
    assert built.rows("select subject_id, ent_name from pub_subject order by 1") == [
        {"subject_id": "L1", "ent_name": "后行"},  # of two rows with one key the later wins
        {"subject_id": "L3", "ent_name": "ent_name"},
        {"subject_id": "L7", "ent_name": "ent_name"},
    ]
    assert set(built.values("select first_accepted_date from pub_subject where subject_id = 'L3'")) == {FIRST}


def test_a_register_row_with_a_number_of_two_subjects_raises_an_alarm_and_no_other_row(built: Built) -> None:
    keys = {record_id(REGISTER, key): key for key in "1234567"}
    found = built.rows("select record_id, level, found_by from defects where code = 'L02' order by all")
    assert sorted((keys[row["record_id"]], row["level"], row["found_by"]) for row in found) == [
        ("5", "W", "build"),  # one USCC, two subjects
        ("7", "W", "build"),  # one organisation code, two USCCs
    ]


def test_archives_count_what_stands_and_show_the_weakest_grade(built: Built) -> None:
    (legal,) = built.rows(
        "select penalty_count, shown_penalty_count, repaired_count, withdrawn_count, held_count,"
        " inferred_count, licence_count, weakest_grade, current_lists, is_judgment_defaulter,"
        " is_a_level_taxpayer"
        " from archive_legal_entities where subject_id = 'L1'"
    )
    assert legal == {
        "penalty_count": 20, "shown_penalty_count": 11, "repaired_count": 1, "withdrawn_count": 4,
        "held_count": 2, "inferred_count": 1, "licence_count": 4, "weakest_grade": "inferred",
        "current_lists": "COURT_DEFAULTER;TAX_A", "is_judgment_defaulter": True, "is_a_level_taxpayer": True,
    }  # fmt: skip
    (person,) = built.rows(
        "select id_no, person_name, is_in_register, penalty_count, is_judgment_defaulter"
        " from archive_natural_persons"
    )
    assert person == {
        "id_no": ADULT, "person_name": "张三丰", "is_in_register": True, "penalty_count": 2,
        "is_judgment_defaulter": True,
    }  # fmt: skip


def test_every_defect_is_listed_with_who_found_it_and_when_it_was_closed(built: Built) -> None:
    found = built.rows(
        "select code, level, found_by, count(*) as n from defects"
        f" where dataset = '{PENALTY}' group by all order by all"
    )
    assert [tuple(row.values()) for row in found] == [
        ("K01", "H", "standardise", 1), ("K08", "H", "link", 1), ("L01", "W", "link", 3),
        ("P02", "W", "standardise", 1), ("U01", "W", "standardise", 1), ("U02", "W", "build", 2),
        ("V01", "E", "standardise", 1),
    ]  # fmt: skip
    assert built.values("select field from defects where code = 'P01'") == ["obligation"]
    assert set(built.values("select closed_date from defects where code = 'K01'")) == {None}
