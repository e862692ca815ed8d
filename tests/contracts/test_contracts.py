"""Every contract, one by one: legal basis, publication, and the tables of the national templates."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from creditlake.catalog import Catalog, load_catalog
from creditlake.contract import (
    CODED_TYPES,
    IDENTIFIER_TYPES,
    KEEPS_DELIVERED,
    NEVER_PUBLISHED_TYPES,
    AccessLevel,
    Contract,
)
from creditlake.decode.headers import level_header, map_headers
from creditlake.marts.database import record_columns
from tests.contracts import registration

ROOT = Path(__file__).resolve().parents[2] / "catalog"
CATALOG = load_catalog(ROOT)
CONTRACTS = CATALOG.contracts
DATASETS = sorted(CONTRACTS)

# Datasets after the first eight: tests/contracts/agreed/<group>.yml, name -> what its contract must say.
AGREED: dict[str, dict[str, Any]] = {
    name: said
    for path in sorted((Path(__file__).parent / "agreed").glob("*.yml"))
    for name, said in yaml.safe_load(path.read_text(encoding="utf-8")).items()
}

PENALTY, LICENCE = "market_regulation.penalty_decision", "administrative_approval.licence_decision"

# What the public may see, field by field: adding a column to a contract's publication is a change here too.
# A dataset that is not named publishes nothing.
PUBLISHED = {
    PENALTY: (
        "counterpart_name counterpart_class uscc reg_no org_code institution_cert_no social_org_cert_no "
        "legal_rep_name decision_no violation_type violation_facts penalty_basis penalty_kinds "
        "penalty_content "
        "fine_cny confiscated_cny revoked_licence decision_date penalty_valid_to decision_org_name "
        "decision_org_uscc source_org_name source_org_uscc"
    ),
    LICENCE: (
        "counterpart_name counterpart_class uscc reg_no org_code institution_cert_no social_org_cert_no "
        "legal_rep_name document_name decision_no licence_kind certificate_name certificate_no "
        "licence_content "
        "decision_date valid_from valid_to decision_org_name decision_org_uscc status source_org_name "
        "source_org_uscc"
    ),
    "market_regulation.entity_register": (
        "uscc reg_no ent_name ent_type_code ent_type_name ent_class legal_rep_name reg_capital_cny currency "
        "industry_code industry_name business_scope address division_code established_date approved_date "
        "operation_from operation_to reg_org reg_state"
    ),
    "court.judgment_defaulter": (
        "name party_type sex age legal_rep_name case_no court_name province basis_no basis_org filed_date "
        "obligation performance performed_part unperformed_part behaviour publish_date"
    ),
    "tax.a_level_taxpayer": "taxpayer_name uscc rating_year rating tax_office rated_date",
    "market_regulation.entity_change": "",
    "public_security.population_register": "",
    "credit_office.repair_decision": "",
    **registration.PUBLISHED,
    "tax.major_violation": (
        "taxpayer_name taxpayer_type uscc org_code address legal_rep_name case_nature violation_facts "
        "treatment_content case_period in_date publish_date"
    ),
    "human_resources.wage_arrears_list": (
        "counterpart_name counterpart_class uscc violation_facts arrears_cny worker_count decision_no "
        "decision_date determining_org_name determining_org_uscc in_date planned_end_date"
    ),
    "credit_office.interview": (
        "interview_no entity_name uscc matter handling_org_name handling_org_uscc interviewed_date "
        "published_date"
    ),
} | {name: said["published"] for name, said in AGREED.items()}

# Longest value of each field of the 2018 templates: number, then "s" where the length was read in a source.
LENGTHS = {
    PENALTY: {
        "counterpart_name": "200s", "uscc": "18", "reg_no": "50s", "org_code": "9", "tax_id": "20",
        "institution_cert_no": "12", "social_org_cert_no": "50s", "legal_rep_name": "50s",
        "legal_rep_id_type": "64s", "legal_rep_id_no": "64", "id_type": "64s", "id_no": "64s",
        "division_code": "12",
        "decision_no": "128s", "violation_type": "2000", "violation_facts": "5000", "penalty_basis": "2048",
        "penalty_content": "4000", "revoked_licence": "200s", "decision_org_name": "200s",
        "decision_org_uscc": "18s", "source_org_name": "200s", "source_org_uscc": "18s",
    },
    LICENCE: {
        "counterpart_name": "200", "uscc": "18s", "reg_no": "50", "org_code": "9", "tax_id": "20",
        "institution_cert_no": "12", "social_org_cert_no": "50", "legal_rep_name": "50",
        "legal_rep_id_type": "64", "legal_rep_id_no": "64", "id_type": "64", "id_no": "64",
        "document_name": "64", "decision_no": "64", "certificate_name": "64", "certificate_no": "64",
        "licence_content": "4000", "decision_org_name": "200", "decision_org_uscc": "18s",
        "source_org_name": "200", "source_org_uscc": "18s", "remarks": "4000", "division_code": "12",
    },
}  # fmt: skip

REQUIRED = {
    PENALTY: (
        "counterpart_name counterpart_class decision_no violation_type violation_facts penalty_basis "
        "penalty_kinds penalty_content decision_date penalty_valid_to decision_org_name decision_org_uscc "
        "source_org_name source_org_uscc"
    ),
    LICENCE: (
        "counterpart_name counterpart_class document_name decision_no licence_kind licence_content "
        "decision_date "
        "valid_from valid_to decision_org_name decision_org_uscc status source_org_name source_org_uscc"
    ),
    "market_regulation.entity_register": (
        "pripid ent_name ent_type_code ent_type_name ent_class legal_rep_name address division_code "
        "established_date approved_date reg_org reg_state"
    ),
    "market_regulation.entity_change": "pripid change_item change_date change_seq",
    "public_security.population_register": "id_no person_name sex birth_date division_code state",
    "court.judgment_defaulter": (
        "source_id name party_type party_code case_no court_name province basis_no basis_org filed_date "
        "obligation performance behaviour publish_date"
    ),
    "tax.a_level_taxpayer": "taxpayer_name tax_id rating_year rating tax_office rated_date",
    "credit_office.repair_decision": (
        "repair_no counterpart_name target_dataset target_org_uscc target_doc_no applied_date channel "
        "handling_org_name status"
    ),
    **registration.REQUIRED,
} | {name: said["required"] for name, said in AGREED.items()}

PENALTY_TEMPLATE = (
    "CF_XDR_MC CF_XDR_LB CF_XDR_SHXYM CF_XDR_GSZC CF_XDR_ZZJG CF_XDR_SWDJ CF_XDR_SYDW CF_XDR_SHZZ CF_FRDB "
    "CF_FR_ZJLX CF_FR_ZJHM CF_XDR_ZJLX CF_XDR_ZJHM CF_WSH CF_WFXW CF_SY CF_YJ CF_CFLB CF_NR CF_NR_FK "
    "CF_NR_WFFF CF_NR_ZKDX CF_JDRQ CF_YXQ CF_GSJZQ CF_CFJG CF_CFJGDM CF_SJLY CF_SJLYDM BZ"
)


# Columns that only some departments send, after the template's own: the contract ends with them.
ONLY_SOME_SEND = {
    PENALTY: (
        "case_name second_penalty_kind status division_code power_code access_level collecting_org_name "
        "publicity_date publicity_state annulment_reason is_case_cancelled test_mark"
    ),
    LICENCE: (
        "division_code review_type power_code access_level collecting_org_name publicity_date "
        "publicity_state test_mark"
    ),
}

# Headers of 2016 and of cities (domain.md §3.2, §6.2), by the field of 2018 that they mean.
DIALECTS = {
    PENALTY: (
        "CF_FDDB=legal_rep_name CF_FR=legal_rep_name 法定代表人(负责人)=legal_rep_name "
        "CF_FR_SFZH=legal_rep_id_no 法定代表人身份证号=legal_rep_id_no CF_XDR_TYPE=counterpart_class "
        "ADM_COUNTERPART_CAT=counterpart_class 数据来源=source_org_name 数据来源单位=source_org_name "
        "SOURCE_UNIT=source_org_name SOURCE_UNIT_USCC=source_org_uscc CF_XDR_SFZ=id_no 居民身份证号=id_no "
        "CF_CFMC=case_name CF_CFLB1=penalty_kinds CF_JG=penalty_content CF_XZJG=decision_org_name "
        "CF_ZT=status DFBM=division_code 书文号=decision_no 文书号=decision_no 决定书文号=decision_no "
        "案件程序类别=procedure_type 案件撤销原因=annulment_reason"
    ),
    LICENCE: (
        "XK_FDDB=legal_rep_name XK_FR=legal_rep_name 法定代表人(负责人)=legal_rep_name "
        "XK_FR_SFZH=legal_rep_id_no 法定代表人身份证号=legal_rep_id_no XK_XDR_TYPE=counterpart_class "
        "ADM_COUNTERPART_CAT=counterpart_class SOURCE_UNIT=source_org_name SOURCE_UNIT_USCC=source_org_uscc "
        "XK_XDR_SFZ=id_no 居民身份证号=id_no XK_XMMC=document_name XK_SPLB=licence_kind "
        "XK_XDR=counterpart_name XK_XDR_ZDM=org_code XK_XDR_GSDJ=reg_no XK_XDR_SWDJ=tax_id "
        "XK_JZQ=valid_to 许可截止日期=valid_to "
        "XK_XZJG=decision_org_name DFBM=division_code 行政许可决定书文号=decision_no 书文号=decision_no "
        "审核类型=review_type"
    ),
}


def test_every_dataset_of_the_tables_has_a_contract(catalog: Catalog) -> None:
    assert {*PUBLISHED, *REQUIRED} <= set(catalog.contracts)


@pytest.mark.parametrize("name", [PENALTY, LICENCE])
def test_headers_of_2016_and_of_cities_mean_the_field_of_2018(name: str) -> None:
    known = map_headers(CONTRACTS[name])
    expected = dict(pair.split("=") for pair in DIALECTS[name].split())
    assert {header: known.get(level_header(header)) for header in expected} == expected


@pytest.mark.parametrize("name", [PENALTY, LICENCE])
def test_columns_that_only_some_send_come_last_are_optional_and_never_public(name: str) -> None:
    fields = CONTRACTS[name].fields
    after = list(fields)[list(fields).index("change_op") + 1 :]
    assert after == ONLY_SOME_SEND[name].split()
    asked = [f for f in after if fields[f].required or fields[f].required_when or fields[f].required_unless]
    assert asked == []
    assert {fields[f].access_level for f in after} == {AccessLevel.GOV_SHARED}


@pytest.mark.parametrize(
    "name", ["establishment_office.institution_register", "civil_affairs.social_organisation_register"]
)
def test_further_registers_create_legal_subjects_by_their_code(name: str) -> None:
    subject = CONTRACTS[name].subject
    assert (subject.kind, subject.source_key, subject.uscc) == ("register_legal", "uscc", "uscc")
    assert CONTRACTS[name].natural_key == ("uscc",)


def test_only_the_change_log_cites_the_register_without_a_name() -> None:
    """Link takes such a dataset for the register's change log."""
    nameless = [
        name
        for name in DATASETS
        if CONTRACTS[name].subject.kind == "legal_entity"
        and CONTRACTS[name].subject.source_key
        and not CONTRACTS[name].subject.name
    ]
    assert nameless == ["market_regulation.entity_change"]


def test_persons_of_the_register_are_public_only_if_they_are_proven_to_be_of_age() -> None:
    contract = CONTRACTS["market_regulation.entity_person"]
    (check,) = [check for check in contract.row_checks if check.check == "minor"]
    assert check.fields == {"class": "id_type", "id_type": "id_type", "id_no": "id_no", "event": "reg_date"}
    assert contract.fields["id_type"].required
    assert set(check.values) == {value.code for value in load_catalog(ROOT).code_lists["id_types"].values}


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_names_its_legal_basis_owner_and_retention(name: str) -> None:
    contract = CONTRACTS[name]
    assert all(basis.instrument.strip() and basis.title.strip() for basis in contract.legal_basis)
    assert contract.owner.strip()
    assert contract.retention.strip()


@pytest.mark.parametrize("name", DATASETS)
def test_published_fields_are_exactly_those_opted_in(name: str) -> None:
    published = [field for field, content in CONTRACTS[name].fields.items() if content.publish]
    assert published == PUBLISHED.get(name, "").split()


@pytest.mark.parametrize("name", DATASETS)
def test_no_number_of_a_person_is_published(name: str) -> None:
    contract = CONTRACTS[name]
    published_types = {field.type for field in contract.fields.values() if field.publish}
    assert not published_types & (NEVER_PUBLISHED_TYPES | {"tax_id"})
    numbers = [field for field in contract.fields.values() if field.type in NEVER_PUBLISHED_TYPES]
    assert all(field.access_level is AccessLevel.AUTHORISED for field in numbers)


@pytest.mark.parametrize("name", DATASETS)
def test_only_court_defaulters_are_public_about_natural_persons(name: str) -> None:
    level = CONTRACTS[name].natural_person_access
    assert (level is AccessLevel.PUBLIC) == (name == "court.judgment_defaulter")


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_unconditionally_required_fields_agree_with_the_tables(name: str) -> None:
    required = [field for field, content in CONTRACTS[name].fields.items() if content.required]
    assert required == REQUIRED[name].split()


@pytest.mark.parametrize("name", sorted(LENGTHS))
def test_lengths_agree_with_the_template_and_say_whether_they_were_sourced(name: str) -> None:
    lengths = {
        field: f"{content.length.max}{'s' if content.length.sourced else ''}"
        for field, content in CONTRACTS[name].fields.items()
        if content.length
    }
    assert lengths == LENGTHS[name]


def test_penalty_headers_are_those_of_the_2018_template_in_its_order() -> None:
    headers = [field.source_name for field in CONTRACTS[PENALTY].fields.values()]
    assert headers[:30] == PENALTY_TEMPLATE.split()
    assert headers[30:34] == ["失信严重程度", "处罚程序", "监管领域", "数据变更标志"]


@pytest.mark.parametrize("name", [PENALTY, LICENCE])
def test_who_needs_which_number_follows_from_the_counterpart_class(name: str) -> None:
    fields = CONTRACTS[name].fields
    persons = {"counterpart_class": ("NATURAL",)}
    assert {f for f, c in fields.items() if c.required_unless == persons} == {"uscc", "legal_rep_name"}
    assert {f for f, c in fields.items() if c.required_when == persons} == {"id_type", "id_no"}
    assert set(fields["legal_rep_id_no"].required_when) == {"legal_rep_id_type"}
    remap = CONTRACTS[name].subject.class_remap
    assert [(r.when, r.uscc_prefix, r.becomes) for r in remap] == [("NATURAL", "92", "INDIVIDUAL_BUSINESS")]


def test_amounts_in_ten_thousands_become_yuan() -> None:
    scaled = {
        f"{name}.{field}": content.multiply_by
        for name in REQUIRED
        for field, content in CONTRACTS[name].fields.items()
        if content.multiply_by != 1
    }
    assert scaled == {
        f"{PENALTY}.fine_cny": 10000,
        f"{PENALTY}.confiscated_cny": 10000,
        "market_regulation.entity_register.reg_capital_cny": 10000,
        **{f"{name}.{field}": 10000 for name, said in AGREED.items() for field in said.get("in_yuan", ())},
        **registration.SCALED,
    }
    assert all(CONTRACTS[PENALTY].fields[f].decimal == (18, 2) for f in ("fine_cny", "confiscated_cny"))


def test_files_come_in_the_shapes_the_departments_send() -> None:
    shapes = {name: CONTRACTS[name].delivery for name in REQUIRED}
    assert {n: (d.kind, d.format, d.encoding, d.delimiter, d.header_row) for n, d in shapes.items()} == {
        LICENCE: ("increment", "xlsx", "utf-8", ",", 3),
        PENALTY: ("increment", "csv", "gb18030", ",", 1),
        "court.judgment_defaulter": ("increment", "jsonl", "utf-8", ",", 1),
        "credit_office.repair_decision": ("increment", "csv", "utf-8", ",", 1),
        "market_regulation.entity_change": ("increment", "csv", "gb18030", ",", 1),
        "market_regulation.entity_register": ("full_snapshot", "csv", "gb18030", ",", 1),
        "public_security.population_register": ("full_snapshot", "csv", "utf-8", "|", 1),
        "tax.a_level_taxpayer": ("full_snapshot", "csv", "utf-8-sig", ",", 1),
        **{name: tuple(said["file"]) for name, said in AGREED.items()},
        **registration.SHAPES,
    }


@pytest.mark.parametrize("name", [n for n in DATASETS if CONTRACTS[n].delivery.kind == "full_snapshot"])
def test_a_snapshot_outside_its_row_envelope_blocks_its_batch(name: str) -> None:
    envelope = CONTRACTS[name].block.rows_vs_last
    assert envelope.min is not None
    assert envelope.max is not None
    assert 0.5 <= envelope.min < 1 < envelope.max <= 2


def columns_on_disk(contract: Contract) -> list[str]:
    """Return the columns of a dataset's records: the platform's own, the fields, and what they bring."""
    own = record_columns(contract.model_copy(update={"fields": {}}), CATALOG)
    fields = {name: field for name, field in contract.fields.items() if name != "change_op"}
    delivered = [f"{name}_delivered" for name, field in fields.items() if field.type in KEEPS_DELIVERED]
    graded = [f"{name}_status" for name, field in fields.items() if field.type in IDENTIFIER_TYPES]
    return [*own, *fields, *delivered, *graded]


@pytest.mark.parametrize("name", DATASETS)
def test_no_field_bears_the_name_of_a_column_of_the_platform(name: str) -> None:
    columns = columns_on_disk(CONTRACTS[name])
    assert len(columns) == len(set(columns))


def row_checks(contract: Contract) -> list[tuple[str, str]]:
    return [(check.check, check.code) for check in contract.row_checks]


def test_penalties_carry_every_row_check_of_the_defect_catalogue() -> None:
    assert row_checks(CONTRACTS[PENALTY]) == [
        ("uscc_matches_class", "K04"),
        ("placeholder_needs_reg_no", "K02"),
        ("kind_needs_amount", "V02"),
        ("text_amount_agrees", "V03"),
        ("amount_range", "V04"),
        ("amount_range", "V04"),
        ("date_not_future", "D01"),
        ("not_before", "D02"),
        ("not_before", "D02"),
        ("not_after_received", "D03"),
        ("within_working_days", "D04"),
        ("minor", "P02"),
        ("is_test_data", "T02"),
        ("declared_public", "S01"),
    ]


def test_a_repair_names_its_penalty_by_the_key_of_penalties(catalog: Catalog) -> None:
    reference = catalog.contracts["credit_office.repair_decision"].references
    assert reference is not None
    assert reference.dataset == PENALTY
    assert reference.key == ("target_org_uscc", "target_doc_no", "counterpart_name")
    assert catalog.contracts[PENALTY].natural_key == ("decision_org_uscc", "decision_no", "counterpart_name")


@pytest.mark.parametrize("name", sorted(load_catalog(ROOT).code_lists))
def test_every_code_list_is_used_and_its_labels_are_chinese(name: str, catalog: Catalog) -> None:
    fields = [field for contract in catalog.contracts.values() for field in contract.fields.values()]
    assert name in {field.code_list for field in fields if field.type in CODED_TYPES}
    for value in catalog.code_lists[name].values:
        assert any("\u4e00" <= char <= "\u9fff" for char in value.label)


def test_numeric_dialects_of_penalty_kinds_and_id_types_are_not_accepted(catalog: Catalog) -> None:
    for name in ("penalty_kind", "id_types"):
        spellings = catalog.code_lists[name].code_of
        assert len(spellings) >= 10
        assert not [text for text in spellings if text.isdigit()]


def test_every_code_list_spelling_survives_the_character_table_unambiguously(catalog: Catalog) -> None:
    """Standardise compares in the comparison form: two codes must not meet there."""
    table = {ord(char): becomes for char, becomes in catalog.normalisation.items()}
    assert table
    for code_list in catalog.code_lists.values():
        forms: dict[str, str] = {}
        for text, code in code_list.code_of.items():
            assert forms.setdefault(text.translate(table), code) == code
