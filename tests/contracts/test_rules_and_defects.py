"""Linking policy, masking, redaction, list terms and the defect catalogue as data."""

import re
from datetime import date

import pytest

from creditlake.catalog import Catalog, json_schema

EXACT_TIERS = {
    "exact_uscc",
    "exact_org_code",
    "exact_reg_no",
    "exact_tax_id",
    "exact_swapped_column",
    "exact_resident_id",
}
LEVELS = {
    "B": "F01 F02 F03 F05 F06 F07 F08 F09 F11 F12 C01",
    "E": "F04 K02 K04 K07 M01 M02 V01 V04 V05 D01 D02 D03 T01",
    "H": "K01 K05 K06 K08",
    "W": "F10 K03 V02 V03 D04 U01 U02 U03 L01 L02 P01 P02 S01 T02 R01",
}


def test_defect_levels_are_those_of_the_defect_catalogue(catalog: Catalog) -> None:
    levels = {code: defect.level for code, defect in catalog.defects.items()}
    assert levels == {code: level for level, codes in LEVELS.items() for code in codes.split()}
    other = {d.code: (d.other_level, d.other_level_when) for d in catalog.defects.values() if d.other_level}
    assert other == {
        "F03": ("W", "increment"),
        "F07": ("W", "warn_bounds"),
        "V03": ("E", "factor_10000"),
        "T01": ("W", "unsourced_length"),
        "V05": ("W", "optional_field"),
    }
    assert {d.code for d in catalog.defects.values() if d.outcome == "dropped"} == {"U01", "U02", "T02"}


def test_defect_templates_use_known_placeholders_and_say_what_to_do(catalog: Catalog) -> None:
    assert len(catalog.defects) >= 30
    for defect in catalog.defects.values():
        placeholders = set(re.findall(r"{(\w+)}", defect.message + defect.cure))
        assert placeholders <= {"row", "field", "file", "detail"}, defect.code
        assert defect.message.format(row=1, field="f", file="x", detail="d")
        assert re.search("[\u4e00-\u9fff]", defect.cure)
        assert defect.english.isascii()


def test_our_own_defect_codes_are_marked(catalog: Catalog) -> None:
    own = {defect.code for defect in catalog.defects.values() if defect.design}
    assert own == {"F04", "F05", "F06", "F07", "F08", "F09", "F10", "F11", "F12", "V05", "U03", "T02", "R01"}


def test_exact_tiers_link_with_grade_exact_and_damaged_numbers_with_grade_inferred(catalog: Catalog) -> None:
    auto = {(row.tier, row.grade) for row in catalog.rules.linking if row.outcome == "auto"}
    inferred = {(tier, "inferred") for tier in ("repaired_number", "one_edit_away", "unique_name")}
    assert auto == {(tier, "exact") for tier in EXACT_TIERS} | inferred


def test_a_person_is_linked_exactly_only_by_a_full_number(catalog: Catalog) -> None:
    auto = {r.tier for r in catalog.rules.linking if r.subject_kind == "NATURAL" and r.outcome == "auto"}
    assert auto == {"exact_resident_id", "exact_swapped_column", "one_edit_away"}


def test_contradictions_go_to_a_person(catalog: Catalog) -> None:
    review = {row.tier for row in catalog.rules.linking if row.outcome == "review"}
    assert review == {
        "name_code_conflict",
        "name_disagrees",
        "codes_disagree",
        "several_owners",
        "suspect_code",
        "several_near",
        "name_alone",
        "unique_name",  # of a shop
        "repaired_number",  # of a person
    }


def test_every_automatic_tier_says_what_it_proves_and_what_could_fool_it(catalog: Catalog) -> None:
    rows = [row for row in catalog.rules.linking if row.outcome == "auto"]
    assert len(rows) == 18
    assert all(row.proves and row.could_fool for row in rows)


def test_tiers_have_one_total_order(catalog: Catalog) -> None:
    orders = {(row.tier, row.order) for row in catalog.rules.linking}
    assert len({order for _, order in orders}) == len(orders) == 19


@pytest.mark.parametrize(
    ("element", "value", "public"),
    [
        ("person_name", "王五", "王**"),
        ("person_name", "王", "**"),
        ("defaulter_resident_id", "990000199003070013", "990000********0013"),
        ("defaulter_resident_id", "9900000013", "**********"),
        ("phone", "13812345678", "138****5678"),
        ("passport_or_permit", "E12345678", "E******78"),
        ("bank_account", "6222000000000000123", "***************0123"),
    ],
)
def test_masking_keeps_the_ends_and_never_a_value_too_short(
    element: str, value: str, public: str, catalog: Catalog
) -> None:
    (row,) = [r for r in catalog.rules.masking if r.element == element and r.in_force(date(2026, 11, 20))]
    assert row.apply(value) == public


def test_every_published_free_text_is_redacted(catalog: Catalog) -> None:
    published = {
        f"{contract.name}.{name}"
        for contract in catalog.contracts.values()
        for name, field in contract.fields.items()
        if field.type == "free_text" and field.publish
    }
    (row,) = [row for row in catalog.rules.masking if row.public_form == "redact"]
    assert set(row.fields) == published
    assert len(published) >= 10


def test_every_number_and_name_of_a_person_has_a_masking_row(catalog: Catalog) -> None:
    governed = {field for row in catalog.rules.masking for field in row.fields}
    bearing = {
        f"{contract.name}.{name}"
        for contract in catalog.contracts.values()
        for name, field in contract.fields.items()
        if field.type in {"id_no", "party_code"} or (field.type == "person_name" and field.publish)
    }
    assert len(bearing) >= 11
    assert bearing <= governed


@pytest.mark.parametrize(
    ("rule_id", "text", "found"),
    [
        ("X-RESIDENT-ID-18", "当事人（990000199003070013）", "990000199003070013"),
        ("X-RESIDENT-ID-18", "号码990000199013070013", None),  # month 13
        ("X-RESIDENT-ID-15", "旧号990000900307001。", "990000900307001"),
        ("X-BANK-CARD", "账号6222000000000000123", "6222000000000000123"),
        ("X-MOBILE", "电话13812345678", "13812345678"),
        ("X-MOBILE", "电话12812345678", None),
        ("X-THIRD-PARTY", "偿还申请执行人王某借款本金", "申请执行人王某借"),
        ("X-THIRD-PARTY", "向债权人支付货款", None),
        ("X-PAYEE", "被执行人支付王永永劳动报酬", "支付王永永"),
        ("X-PAYEE", "支付金额5000元，余款于月底付清", None),
        ("X-INJURED", "赔偿刘学飞医疗费", "赔偿刘学飞"),
        ("X-INJURED", "经济赔偿金共计5000元", None),
    ],
)
def test_redaction_patterns_find_what_they_name(
    rule_id: str, text: str, found: str | None, catalog: Catalog
) -> None:
    (row,) = [row for row in catalog.rules.redaction if row.rule_id == rule_id]
    match = re.search(row.pattern, text)
    assert (match.group() if match else None) == found


def test_patterns_run_in_every_engine(catalog: Catalog) -> None:
    """DuckDB's RE2 has no look-around and no back-references."""
    import duckdb

    assert len(catalog.rules.redaction) >= 5
    for row in catalog.rules.redaction:
        assert duckdb.execute("select regexp_matches('x', ?)", [row.pattern]).fetchone() == (False,)


def test_court_entries_have_a_term_unless_the_debtor_refuses(catalog: Catalog) -> None:
    rows = [row for row in catalog.rules.list_terms if row.list_code == "COURT_DEFAULTER"]
    assert [(row.priority, row.ends, row.term_months) for row in rows] == [
        (10, "on_removal", None),
        (20, "on_term", 24),
    ]


def test_rules_that_were_recalled_are_not_marked_verified(catalog: Catalog) -> None:
    rows = [*catalog.rules.publication_windows, *catalog.rules.list_terms, *catalog.rules.masking]
    assert len(rows) >= 25
    unread = re.compile("recalled|own choice|no text")
    assert not [row.rule_id for row in rows if row.verified and unread.search(row.source)]


def test_the_json_schema_lists_every_key_of_a_contract() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    keys = {"name", "legal_basis", "natural_key", "fields", "row_checks", "block"}
    assert keys <= set(schema["properties"])
    field_keys = set(schema["$defs"]["FieldContract"]["properties"])
    assert {"type", "publish", "access_level", "length"} <= field_keys
