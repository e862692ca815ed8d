"""Contracts of ratings, lists, judgments and payments: levels, keys, grades, and who is never published."""

from collections.abc import Callable
from pathlib import Path

import pytest

from creditlake.catalog import Catalog, check_catalog
from creditlake.contract import AccessLevel
from creditlake.identifiers import IdentifierStatus, check_uscc

# Dataset: its level, level of rows about persons, kind of subject, key, unconditionally required fields.
TABLE = {
    "arbitration.award": (
        "gov_shared", "authorised", "counterpart", "case_no name",
        "case_no name party_type party_role contract_no case_outcome awarded_date",
    ),
    "court.judgment": (
        "gov_shared", "authorised", "counterpart", "case_no name",
        "case_no name party_type party_role contract_no case_outcome judged_date",
    ),
    "court.restricted_consumption": (
        "gov_shared", "gov_shared", "counterpart", "case_no name publish_date",
        "name party_type case_no publish_date",
    ),
    "customs.credit_grade": (
        "gov_shared", "authorised", "legal_entity", "customs_code scale_code rated_date",
        "customs_code entity_name scale_code grade rated_date",
    ),
    "ecology.environment_rating": (
        "gov_shared", "authorised", "legal_entity", "uscc scale_code publish_date",
        "entity_name uscc scale_code grade publish_date",
    ),
    "housing_fund.deposit": (
        "authorised", "authorised", "legal_entity", "account_no period_from",
        "account_no entity_name period_from period_to payable_cny paid_cny",
    ),
    "human_resources.social_insurance_payment": (
        "authorised", "authorised", "legal_entity", "uscc insurance_kind period_from",
        "entity_name uscc insurance_kind period_from period_to payable_cny paid_cny",
    ),
    "human_resources.wage_arrears_list": (
        "public", "gov_shared", "counterpart", "determining_org_uscc decision_no counterpart_name",
        "counterpart_name counterpart_class decision_no determining_org_uscc in_date",
    ),
    "market_regulation.pledge_register": (
        "gov_shared", "authorised", "counterpart", "pledge_kind pledge_no",
        "pledge_no pledge_kind counterpart_name counterpart_class pledgee_name registered_date state",
    ),
    "medical_insurance.fund_fraud_list": (
        "gov_shared", "authorised", "counterpart",
        "list_code determining_org_uscc basis_doc_no counterpart_name",
        "list_code counterpart_name counterpart_class basis_doc_no legal_basis in_date determining_org_name "
        "determining_org_uscc",
    ),
    "tax.abnormal_taxpayer": (
        "gov_shared", "authorised", "legal_entity", "uscc determined_date",
        "taxpayer_name uscc determined_date",
    ),
    "tax.arrears_notice": (
        "gov_shared", "authorised", "counterpart", "tax_id tax_type publish_date",
        "taxpayer_name tax_id taxpayer_type tax_type arrears_cny publish_date",
    ),
    "tax.major_violation": (
        "public", "authorised", "counterpart", "tax_id case_period",
        "taxpayer_name taxpayer_type tax_id case_period",
    ),
    "tax.rating": (
        "gov_shared", "authorised", "counterpart", "uscc rating_year rated_date",
        "taxpayer_name uscc taxpayer_type rating_year rating rated_date",
    ),
    "utilities.arrears": (
        "authorised", "authorised", "legal_entity", "utility_kind user_no bill_no",
        "utility_kind bill_month user_name uscc user_no bill_no arrears_cny",
    ),
}  # fmt: skip

GRADES = {
    "tax_grade": "A B M C D",
    "environment_scale": "NATIONAL_2013 FIVE_COLOUR SHANDONG_2021",
    "environment_grade": "GREEN BLUE YELLOW RED BLACK NOT_RATED",
    "customs_scale": "ORDER_251 ORDER_282",
    "customs_grade": "ADVANCED_CERTIFIED CERTIFIED REGULAR DISHONEST SEVERELY_DISHONEST OTHER",
}

Edit = Callable[[str, str, str], Path]


@pytest.mark.parametrize("name", sorted(TABLE))
def test_level_subject_key_and_mandatory_fields_are_those_of_the_table(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    level, person_level, kind, key, required = TABLE[name]
    assert (contract.access_level, contract.natural_person_access) == (level, person_level)
    assert contract.subject.kind == kind
    assert contract.natural_key == tuple(key.split())
    assert [field for field, content in contract.fields.items() if content.required] == required.split()


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_record_names_its_subject_so_that_it_can_be_linked(name: str, catalog: Catalog) -> None:
    subject = catalog.contracts[name].subject
    assert subject.name is not None
    assert any((subject.uscc, subject.tax_id, subject.party_code))
    assert subject.source_key is None


@pytest.mark.parametrize("name", sorted(TABLE))
def test_no_field_is_wider_than_its_dataset(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    order = list(AccessLevel)
    assert [str(level) for level in order] == ["public", "gov_shared", "authorised"]
    widest = min(order.index(field.access_level) for field in contract.fields.values())
    assert widest == order.index(contract.access_level)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_wrong_row_of_an_increment_can_be_withdrawn(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    withdraws = contract.change_field == "change_op"
    assert withdraws == (contract.delivery.kind == "increment")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_event_dates_and_amounts_are_checked(name: str, catalog: Catalog) -> None:
    contract = catalog.contracts[name]
    checked = {check.fields.get("amount") for check in contract.row_checks if check.check == "amount_range"}
    assert checked - {None} == {field for field, content in contract.fields.items() if content.decimal}
    dates = {check.fields.get("date") for check in contract.row_checks}
    assert contract.event_date is None or contract.event_date in dates


@pytest.mark.parametrize("name", sorted(GRADES))
def test_every_grade_and_scale_has_a_code(name: str, catalog: Catalog) -> None:
    assert [value.code for value in catalog.code_lists[name].values] == GRADES[name].split()


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("诚信", "GREEN"), ("守法", "GREEN"), ("良好", "BLUE"), ("轻微失信", "BLUE"), ("警示", "YELLOW"),
        ("一般失信", "YELLOW"), ("不良", "RED"), ("严重失信", "BLACK"), ("不评定", "NOT_RATED"),
    ],
)  # fmt: skip
def test_a_word_of_any_environmental_scale_means_one_colour(word: str, code: str, catalog: Catalog) -> None:
    assert catalog.code_lists["environment_grade"].code_of[word] == code


@pytest.mark.parametrize("name", ["ecology.environment_rating", "customs.credit_grade"])
def test_a_grade_never_comes_without_its_scale_and_two_scales_are_two_records(
    name: str, catalog: Catalog
) -> None:
    contract = catalog.contracts[name]
    assert contract.fields["scale_code"].required
    assert contract.fields["grade"].required
    assert "scale_code" in contract.natural_key


def test_only_grade_a_is_accepted_in_the_public_list_of_taxpayers(catalog: Catalog) -> None:
    public = catalog.contracts["tax.a_level_taxpayer"].fields["rating"]
    every = catalog.contracts["tax.rating"].fields["rating"]
    assert public.publish
    assert set(catalog.code_lists[str(public.code_list)].code_of.values()) == {"A"}
    assert not every.publish
    assert len(set(catalog.code_lists[str(every.code_list)].code_of.values())) == 5


def test_the_catalogue_refuses_to_publish_a_grade_of_the_whole_rating(edited_catalog: Edit) -> None:
    root = edited_catalog(
        "datasets/tax/rating.yml",
        "code_list: tax_grade, source_name: 评价结果, required: true, access_level: gov_shared}",
        "code_list: tax_grade, source_name: 评价结果, required: true, access_level: public, publish: true}",
    )
    assert [p.message for p in check_catalog(root) if "publish: true on ['rating']" in p.message]


@pytest.mark.parametrize("name", ["tax.major_violation", "human_resources.wage_arrears_list"])
def test_of_the_persons_behind_a_listed_entity_at_most_the_tax_case_representative_is_named(
    name: str, catalog: Catalog
) -> None:
    fields = catalog.contracts[name].fields
    persons = {field for field, content in fields.items() if content.type == "person_name"}
    assert len(persons) == 2
    named = {field for field in persons if fields[field].publish}
    assert named == ({"legal_rep_name"} if name == "tax.major_violation" else set())
    assert not [field for field in fields if "sex" in field and fields[field].publish]


@pytest.mark.parametrize("name", ["tax.rating", "tax.major_violation", "tax.arrears_notice"])
def test_a_taxpayer_flagged_as_an_individual_counts_as_a_person_unless_its_code_says_otherwise(
    name: str, catalog: Catalog
) -> None:
    subject = catalog.contracts[name].subject
    assert subject.class_field == "taxpayer_type"
    assert catalog.code_lists["taxpayer_type"].code_of["个人"] == "NATURAL"
    remaps = [(r.when, r.uscc_prefix, r.becomes) for r in subject.class_remap]
    assert remaps == ([("NATURAL", "92", "INDIVIDUAL_BUSINESS")] if subject.uscc else [])


def test_households_are_not_collected_by_utilities(catalog: Catalog) -> None:
    contract = catalog.contracts["utilities.arrears"]
    assert contract.fields["uscc"].required
    assert not [
        field for field in contract.fields.values() if field.type in {"id_no", "phone", "person_name"}
    ]


def test_a_generic_list_entry_has_the_columns_of_list_membership(catalog: Catalog) -> None:
    fields = catalog.contracts["medical_insurance.fund_fraud_list"].fields
    whom = {"counterpart_name", "counterpart_class", "uscc", "id_type", "id_no", "change_op"}
    assert " ".join(field for field in fields if field not in whom) == (
        "list_code basis_doc_no legal_basis in_date planned_end_date extended_to_date out_date out_reason "
        "determining_org_name determining_org_uscc"
    )


def test_new_departments_have_valid_synthetic_codes_of_their_own(catalog: Catalog) -> None:
    codes = [department.organ_uscc for department in catalog.departments.values()]
    assert len(codes) == len(set(codes)) >= 13
    assert {check_uscc(code) for code in codes} == {IdentifierStatus.VALID}
    assert {code[2:8] for code in codes} == {"990000"}
