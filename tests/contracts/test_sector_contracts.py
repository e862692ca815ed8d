"""Shapes that sector contracts share, and what keeps persons out of public sight in them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditlake.catalog import Catalog, check_catalog
from creditlake.contract import AccessLevel, Contract
from creditlake.decode.headers import map_headers
from creditlake.identifiers import IdentifierStatus, check_uscc

Edit = Callable[[str, str, str], Path]

# Dataset → the code it delivers as `list_code`.
LISTS = {
    "finance.procurement_ban_list": "PROCUREMENT_BAN",
    "emergency.work_safety_list": "WORK_SAFETY",
    "statistics.dishonesty_list": "STATISTICS",
    "development_reform.price_list": "PRICE",
    "housing.tender_list": "TENDER",
    "culture_tourism.tourism_list": "TOURISM",
    "intellectual_property.infringement_list": "IP_INFRINGEMENT",
    "human_resources.social_insurance_list": "SOCIAL_INSURANCE",
}
# Dataset → the code it delivers as `scale_code`, and the scale's grades from best to worst.
RATINGS = {
    "civil_affairs.social_organisation_grade": ("SOCIAL_ORGANISATION", "5A 4A 3A 2A 1A"),
    "human_resources.labour_integrity_grade": ("LABOUR_INTEGRITY", "A B C"),
    "transport.enterprise_rating": ("TRANSPORT", "AA A B C D"),
    "housing.construction_rating": ("CONSTRUCTION", "A B C D"),
    "health.institution_rating": ("HEALTH", "A B C D"),
}
NOT_PUBLIC = {"access_level", "publish"}  # what may differ between lists of one shape


def shape(contract: Contract) -> dict[str, Any]:
    """What two contracts of one shape have in common: everything but who sees it, its file and its words."""
    fields = {
        name: field.model_dump(exclude={*NOT_PUBLIC, "note"})
        for name, field in contract.fields.items()
        if field.type != "change_flag"
    }
    checks = [check.model_dump() for check in contract.row_checks]
    subject = contract.subject.model_dump()
    return {"fields": fields, "checks": checks, "subject": subject, "key": contract.natural_key}


def codes(catalog: Catalog, code_list: str) -> list[str]:
    return [value.code for value in catalog.code_lists[code_list].values]


@pytest.mark.parametrize("name", sorted(LISTS))
def test_every_sector_list_has_the_one_shape_of_list_entries(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    assert shape(contract) == shape(catalog.contracts["finance.procurement_ban_list"])
    assert (contract.event_date, contract.change_field) == ("in_date", "change_op")


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_sector_list_says_which_row_of_the_code_list_it_delivers(name: str, catalog: Catalog) -> None:
    (row,) = [value for value in catalog.code_lists["list_code"].values if value.code == LISTS[name]]
    assert catalog.contracts[name].fields["list_code"].note == f"本数据集报送{row.label}"


def test_every_list_with_a_term_or_a_contract_has_its_code(catalog: Catalog) -> None:
    with_term = {row.list_code for row in catalog.rules.list_terms}
    assert len(with_term) >= 6
    assert with_term | set(LISTS.values()) <= set(codes(catalog, "list_code"))
    assert not with_term & set(LISTS.values())


def test_only_the_list_that_the_national_report_shows_is_public(catalog: Catalog) -> None:
    public = {name for name in LISTS if catalog.contracts[name].access_level is AccessLevel.PUBLIC}
    assert public == {"finance.procurement_ban_list"}


def test_a_removal_with_a_reason_needs_its_date_and_the_date_is_checked(catalog: Catalog) -> None:
    out_date = catalog.contracts["finance.procurement_ban_list"].fields["out_date"]
    assert list(out_date.required_when["out_reason"]) == codes(catalog, "list_out_reason")
    checks = catalog.contracts["finance.procurement_ban_list"].row_checks
    assert [c.check for c in checks if c.fields.get("date") == "out_date"] == [
        "not_before",
        "not_after_received",
    ]


@pytest.mark.parametrize("name", sorted(RATINGS))
def test_ratings_share_one_shape_and_keep_a_list_of_grades_each(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    found, first = shape(contract), shape(catalog.contracts[min(RATINGS)])
    scale, grades = RATINGS[name]
    assert codes(catalog, str(contract.fields["grade"].code_list)) == grades.split()
    for each in (found, first):
        each["fields"]["grade"].pop("code_list")
    assert found == first
    (row,) = [value for value in catalog.code_lists["rating_scale"].values if value.code == scale]
    assert contract.fields["scale_code"].note == f"本数据集报送{row.label}"


def test_no_two_ratings_share_a_scale_or_its_grades(catalog: Catalog) -> None:
    assert sorted(scale for scale, _ in RATINGS.values()) == sorted(codes(catalog, "rating_scale"))
    lists = [catalog.contracts[name].fields["grade"].code_list for name in RATINGS]
    assert len(set(lists)) == len(lists) == 5


def test_feedback_effect_and_results_name_what_they_answer(catalog: Catalog) -> None:
    answered = {
        "credit_office.measure_feedback": "credit_office.joint_measure_case",
        "credit_office.measure_effect": "credit_office.joint_measure_case",
        "market_regulation.inspection_result": "market_regulation.inspection_plan",
    }
    for name, target in answered.items():
        reference = catalog.contracts[name].references
        assert reference is not None
        assert (reference.dataset, reference.key) == (target, catalog.contracts[target].natural_key)


def test_a_feedback_to_half_a_key_is_refused(edited_catalog: Edit) -> None:
    file = "datasets/credit_office/measure_feedback.yml"
    root = edited_catalog(file, "  key: [joint_case_no, executing_org_uscc]", "  key: [joint_case_no]")
    (problem,) = check_catalog(root)
    assert problem.file == file
    assert "the key of credit_office.joint_measure_case is" in problem.message


def test_a_removal_reason_outside_the_code_list_is_refused(edited_catalog: Edit) -> None:
    file = "datasets/emergency/work_safety_list.yml"
    root = edited_catalog(file, "out_reason: [TERM_ENDED,", "out_reason: [TERM_OVER,")
    (problem,) = check_catalog(root)
    assert "'TERM_OVER' is no code of list_out_reason" in problem.message


def test_an_objection_may_be_about_every_dataset_the_public_sees_and_no_other(catalog: Catalog) -> None:
    seen = {name for name, c in catalog.contracts.items() if any(f.publish for f in c.fields.values())}
    assert set(codes(catalog, "objection_target")) == seen


def test_key_groups_are_shared_with_departments_at_most(catalog: Catalog) -> None:
    contract = catalog.contracts["human_resources.key_group"]
    levels = {name: field.access_level for name, field in contract.fields.items()}
    assert AccessLevel.PUBLIC not in {contract.access_level, contract.natural_person_access, *levels.values()}
    assert levels["id_no"] is levels["id_type"] is AccessLevel.AUTHORISED
    assert len(codes(catalog, "key_group")) == 18


def test_nobody_learns_who_complained(catalog: Catalog) -> None:
    contract = catalog.contracts["government_service.complaint"]
    headers = map_headers(contract)
    assert len(headers) >= len(contract.fields)
    assert not [header for header in headers if header.startswith(("投诉人", "举报人"))]
    assert contract.on_unknown_field == "stop"  # so such a column blocks the file
    assert {f for f, c in contract.fields.items() if c.type in {"person_name", "id_no", "phone"}} == set()


def test_departments_see_the_identifying_minimum_of_a_contract(catalog: Catalog) -> None:
    fields = catalog.contracts["development_reform.contract"].fields
    hidden = {name for name, field in fields.items() if field.access_level is AccessLevel.AUTHORISED}
    assert hidden == {"contract_name", "amount_cny", "breach_facts"}


def test_the_code_of_a_promisor_is_graded_by_the_class_person(catalog: Catalog) -> None:
    contract = catalog.contracts["government_service.commitment"]
    assert contract.subject.party_code == "party_code"
    assert codes(catalog, str(contract.fields["counterpart_class"].code_list)) == [
        "LEGAL",
        "PERSON",
        "INDIVIDUAL_BUSINESS",
    ]
    (minor,) = [check for check in contract.row_checks if check.check == "minor"]
    assert (minor.values, minor.fields["id_no"]) == (("PERSON",), "party_code")


def test_what_the_commitment_template_says_of_lengths_is_kept(catalog: Catalog) -> None:
    fields = catalog.contracts["government_service.commitment"].fields
    lengths = {name: field.length.max for name, field in fields.items() if field.length}
    assert all(field.length.sourced for field in fields.values() if field.length)
    assert lengths == {
        "commitment_code": 20,
        "counterpart_name": 200,
        "party_code": 18,
        "commitment_reason": 512,
        "commitment_content": 4000,
        "breach_liability": 4000,
        "unperformed_part": 4000,
        "accountability_content": 4000,
        "determining_org_name": 200,
        "determining_org_uscc": 18,
        "handling_org_name": 200,
        "handling_org_uscc": 18,
        "remarks": 512,
    }


def test_every_department_has_a_synthetic_code_of_its_own(catalog: Catalog) -> None:
    given = [department.organ_uscc for department in catalog.departments.values()]
    assert len(set(given)) == len(given) >= 18
    assert {check_uscc(code) for code in given} == {IdentifierStatus.VALID}
    assert {code[2:8] for code in given} == {"990000"}
