"""Contracts of government integrity, credit-easy, exchange, ledgers and key groups."""

import re

import pytest

from creditlake.catalog import Catalog
from creditlake.contract import AccessLevel
from creditlake.identifiers import check_org_code, check_uscc

DEFAULTER, REVIEW, CASE = (
    "credit_office.government_defaulter",
    "justice.government_review",
    "court.government_case",
)
INTEGRITY = ("development_reform.government_promise", "finance.government_arrears", CASE, REVIEW, DEFAULTER)
DOWNLINKS = ("provincial_platform.downlink_record", "national_platform.downlink_record")
PRACTITIONERS = (
    "justice.lawyer_register",
    "health.practitioner_register",
    "education.teacher_register",
)
# Dataset → its natural key and the day its rows stand for.
KEYS = {
    "development_reform.government_promise": ("promise_no", "promised_date"),
    "finance.government_arrears": ("arrears_no", "due_date"),
    CASE: ("case_no entity_name", "decision_date"),
    REVIEW: ("decision_no entity_name", "decision_date"),
    DEFAULTER: ("basis_document_no entity_name", "in_date"),
    "credit_office.rectification": ("rectification_no entity_name", "ordered_date"),
    "credit_office.interview": ("interview_no entity_name", "interviewed_date"),
    "credit_office.self_declaration": ("declaration_no", "declared_date"),
    "credit_office.evaluation_grade": ("scale_code uscc evaluated_date", "evaluated_date"),
    "credit_office.credit_plus_application": ("application_no", "valid_from"),
    "credit_office.credit_plus_use": ("application_no use_date", "use_date"),
    "credit_office.watchlist": ("watching_org_uscc uscc", "valid_from"),
    "credit_office.authorisation": ("authorisation_no", "valid_from"),
    "government_service.power_item": ("decision_org_uscc item_code", None),
    "statistics.manual_input": ("indicator_code division_code period", "entered_date"),
    "provincial_platform.downlink_record": ("downlink_dataset upstream_record_id", "decision_date"),
    "national_platform.downlink_record": ("downlink_dataset upstream_record_id", "decision_date"),
    "national_platform.code_pair": ("uscc", None),
    "market_regulation.penalty_ledger": (
        "decision_org_uscc decision_no counterpart_name",
        "decision_date",
    ),
    "administrative_approval.licence_ledger": (
        "decision_org_uscc decision_no counterpart_name",
        "decision_date",
    ),
    "market_regulation.dispatch_copy": (
        "decision_org_uscc decision_no counterpart_name site seen_date",
        "seen_date",
    ),
    "justice.lawyer_register": ("licence_no", "issued_date"),
    "health.practitioner_register": ("licence_no", "issued_date"),
    "education.teacher_register": ("licence_no", "issued_date"),
}


@pytest.mark.parametrize("name", sorted(KEYS))
def test_every_part_of_the_key_is_filled_in_every_row(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    key, event_date = KEYS[name]
    assert contract.natural_key == tuple(key.split())
    assert contract.event_date == event_date
    assert all(contract.fields[field].required for field in contract.natural_key)


def test_nothing_of_these_is_public_but_interviews(catalog: Catalog) -> None:
    public = {name for name in KEYS if catalog.contracts[name].access_level is AccessLevel.PUBLIC}
    assert public == {"credit_office.interview"}


def test_the_person_who_came_to_an_interview_is_not_public(catalog: Catalog) -> None:
    fields = catalog.contracts["credit_office.interview"].fields
    persons = [name for name, field in fields.items() if field.type == "person_name"]
    assert persons == ["interviewee_name"]
    assert not fields["interviewee_name"].publish


@pytest.mark.parametrize("name", INTEGRITY)
def test_government_integrity_is_about_a_named_organ_with_its_code(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    assert contract.subject.kind == "legal_entity"
    assert (contract.subject.name, contract.subject.uscc) == ("entity_name", "uscc")
    assert contract.fields["uscc"].required
    assert contract.access_level is AccessLevel.GOV_SHARED
    assert contract.change_field == "change_op"


@pytest.mark.parametrize("name", [CASE, REVIEW])
def test_the_other_party_of_a_case_is_not_collected(name: str, catalog: Catalog) -> None:
    fields = catalog.contracts[name].fields
    assert [f for f, content in fields.items() if content.type in {"name", "person_name"}] == ["entity_name"]


@pytest.mark.parametrize("name", [*INTEGRITY[1:], "credit_office.rectification", "credit_office.interview"])
def test_a_rectification_has_its_day_and_not_before_the_matter_began(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    assert contract.fields["is_rectified"].type == "flag"
    assert contract.fields["rectified_date"].required_when == {"is_rectified": ("true",)}
    checks = {(check.check, check.fields["date"]) for check in contract.row_checks if "date" in check.fields}
    assert {("not_before", "rectified_date"), ("not_after_received", "rectified_date")} <= checks


def test_amounts_of_promises_and_arrears_come_in_ten_thousands_of_yuan(catalog: Catalog) -> None:
    scaled = {
        f"{name}.{field}": content.multiply_by
        for name in KEYS
        for field, content in catalog.contracts[name].fields.items()
        if content.multiply_by != 1
    }
    assert scaled == {
        "development_reform.government_promise.promised_cny": 10000,
        "development_reform.government_promise.paid_cny": 10000,
        "finance.government_arrears.arrears_cny": 10000,
        "finance.government_arrears.paid_cny": 10000,
    }


def test_an_imported_grade_comes_with_its_scale_and_without_a_score(catalog: Catalog) -> None:
    contract = catalog.contracts["credit_office.evaluation_grade"]
    assert contract.fields["scale_code"].required
    assert contract.fields["grade"].required
    assert contract.collected_by_province
    numbers = [f for f, content in contract.fields.items() if content.decimal or content.type == "integer"]
    assert numbers == []
    assert set(contract.ignored_headers) == {"序号", "评价得分", "得分", "排名"}


def test_a_self_declaration_says_whether_it_was_verified(catalog: Catalog) -> None:
    fields = catalog.contracts["credit_office.self_declaration"].fields
    assert fields["is_verified"].required
    verified = {"is_verified": ("true",)}
    assert {f for f, content in fields.items() if content.required_when == verified} == {
        "verified_date",
        "verifying_org_name",
    }


@pytest.mark.parametrize(
    "name",
    [
        "government_service.power_item",
        "statistics.manual_input",
        "credit_office.credit_plus_application",
        "credit_office.credit_plus_use",
        "credit_office.watchlist",
        "market_regulation.penalty_ledger",
        "administrative_approval.licence_ledger",
        "market_regulation.dispatch_copy",
    ],
)
def test_figures_and_ledgers_enter_nobodys_archive(name: str, catalog: Catalog) -> None:
    subject = catalog.contracts[name].subject
    assert subject.kind == "none"
    assert subject.name is None  # what has no name is not linked


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("market_regulation.penalty_ledger", "market_regulation.penalty_decision"),
        ("market_regulation.dispatch_copy", "market_regulation.penalty_decision"),
        ("administrative_approval.licence_ledger", "administrative_approval.licence_decision"),
        ("credit_office.credit_plus_use", "credit_office.credit_plus_application"),
    ],
)
def test_a_row_cites_its_target_by_fields_of_the_target_keys_type(
    name: str, target: str, catalog: Catalog
) -> None:
    """It is hashed like the target's own key: a value of another type would be normalised otherwise."""
    contract, cited = catalog.contracts[name], catalog.contracts[target]
    assert contract.references is not None
    assert contract.references.dataset == target
    assert contract.references.key == cited.natural_key
    for field in cited.natural_key:
        assert contract.fields[field].type == cited.fields[field].type


@pytest.mark.parametrize("name", DOWNLINKS)
def test_what_is_sent_down_comes_in_one_envelope_whose_payload_needs_authorisation(
    name: str, catalog: Catalog
) -> None:
    contract = catalog.contracts[name]
    first = catalog.contracts[DOWNLINKS[1]].fields
    assert set(contract.fields) - set(first) == ({"national_record_id"} if name == DOWNLINKS[0] else set())
    assert contract.fields["downlink_dataset"].code_list == "downlink_dataset"
    assert contract.fields["payload"].access_level is AccessLevel.AUTHORISED
    assert contract.fields["party_code"].access_level is AccessLevel.AUTHORISED
    assert contract.collected_by_province


def test_an_authorisation_is_seen_by_nobody_without_one(catalog: Catalog) -> None:
    contract = catalog.contracts["credit_office.authorisation"]
    assert {field.access_level for field in contract.fields.values()} == {AccessLevel.AUTHORISED}
    for field in ("grantee_name", "grantee_uscc", "purpose", "query_scope", "valid_from", "valid_to"):
        assert contract.fields[field].required


@pytest.mark.parametrize("name", PRACTITIONERS)
def test_key_groups_name_a_person_by_full_document_and_stay_within_government(
    name: str, catalog: Catalog
) -> None:
    contract = catalog.contracts[name]
    assert contract.subject.kind == "natural_person"
    assert contract.natural_person_access is AccessLevel.GOV_SHARED
    assert contract.delivery.kind == "full_snapshot"
    for field in ("person_name", "id_type", "id_no", "licence_no", "employer_name", "practice_state"):
        assert contract.fields[field].required
    assert contract.fields["id_no"].access_level is AccessLevel.AUTHORISED


def test_no_two_departments_share_an_organ_code_and_all_lie_in_the_synthetic_city(catalog: Catalog) -> None:
    codes = [department.organ_uscc for department in catalog.departments.values()]
    assert len(codes) >= 15
    assert len(set(codes)) == len(codes)
    for code in codes:
        assert check_uscc(code) == "valid"
        assert check_org_code(code[8:17]) == "valid"
        assert re.fullmatch("..990000.{10}", code)
