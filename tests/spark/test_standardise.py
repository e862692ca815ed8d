"""Every rule of standardise on one row each: what is found, and what becomes of the row."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql import Row, SparkSession

from creditlake.catalog import Catalog
from spark_jobs.standardising import standardise
from tests.spark.rows import (
    COMPANY,
    DEFAULTER,
    ENTITY,
    KEY,
    ORGAN,
    PENALTY,
    PERSON,
    PERSON_PENALTY,
    REG_NO,
    REPAIR,
    RESIDENT,
    SHOP,
    TAXPAYER,
    Cells,
    codes,
    make_batches,
    make_cells,
    make_records,
)

PENALTIES = "market_regulation.penalty_decision"
PLACEHOLDER = "00000000000000000X"
LATE_BEFORE = date(2026, 11, 5)
# case: (changes to a whole row, outcome, defects as "code field" in the template's order)
Case = tuple[Cells, str, list[str]]
PENALTY_CASES: dict[str, Case] = {
    "a whole row": ({}, "accepted", []),
    "a ragged row": ({"ragged_line": "a,b,c"}, "rejected", ["F04"]),
    "a missing mandatory value": ({"violation_facts": " "}, "rejected", ["M01 violation_facts"]),
    "a filler in a mandatory field": ({"violation_facts": "暂无"}, "rejected", ["M02 violation_facts"]),
    "a filler in an optional field": ({"remarks": "／"}, "accepted", []),
    "a full-width filler": ({"violation_facts": "－"}, "rejected", ["M02 violation_facts"]),
    "no code of a legal person": ({"uscc": None}, "rejected", ["M01 uscc"]),
    "no name of the representative": ({"legal_rep_name": "无"}, "rejected", ["M02 legal_rep_name"]),
    "a document type without its number": (
        {"legal_rep_id_type": "身份证"},
        "rejected",
        ["M01 legal_rep_id_no"],
    ),
    "a representative who is a minor": (
        {"legal_rep_id_type": "身份证", "legal_rep_id_no": "990000201006010016"},
        "accepted",
        [],
    ),
    "a lower-case code with blanks": ({"uscc": "'9199 0000ma0000007x "}, "accepted", []),
    "a repaired code": ({"uscc": "9199OOOOMA0000007X"}, "accepted", []),
    "a wrong check character": ({"uscc": "91990000MA00000070"}, "held", ["K01 uscc"]),
    "a truncated code": ({"uscc": "91990000MA000000"}, "held", ["K01 uscc"]),
    "a masked code": ({"uscc": "919900******00007X"}, "held", ["K01 uscc"]),
    "a good code around a wrong organisation code": (
        {"uscc": "91990000MA00000081"},
        "accepted",
        ["K03 uscc"],
    ),
    "scientific notation": ({"uscc": "9.1990E+17"}, "held", ["K06 uscc"]),
    "a placeholder with a registration number": ({"uscc": PLACEHOLDER, "reg_no": REG_NO}, "accepted", []),
    "a placeholder alone": ({"uscc": PLACEHOLDER}, "rejected", ["K02 reg_no"]),
    "a company filed as a person": (
        {"counterpart_class": "自然人"},
        "rejected",
        ["M01 id_type", "M01 id_no", "K04 uscc", "P02 id_no"],
    ),
    "a shop filed as a company": ({"uscc": SHOP}, "rejected", ["K04 uscc"]),
    "a shop filed as a person": ({"uscc": SHOP, "counterpart_class": "自然人"}, "accepted", []),
    "a shop": ({"uscc": SHOP, "counterpart_class": "个体工商户"}, "accepted", []),
    "a class nobody knows": ({"counterpart_class": "机关"}, "rejected", ["V01 counterpart_class"]),
    "an accepted spelling of the class": ({"counterpart_class": "法人和 非法人组织"}, "accepted", []),
    "an organ's code that is none": ({"decision_org_uscc": "123"}, "rejected", ["K07 decision_org_uscc"]),
    "an organ's placeholder": ({"source_org_uscc": PLACEHOLDER}, "rejected", ["K07 source_org_uscc"]),
    "several kinds": ({"penalty_kinds": "警告；罚款"}, "accepted", []),
    "an unknown kind": ({"penalty_kinds": "罚款;鞭刑"}, "rejected", ["V01 penalty_kinds"]),
    "a fine without an amount": ({"fine_cny": None}, "accepted", ["V02 fine_cny"]),
    "an amount without a fine": (
        {"penalty_kinds": "警告", "penalty_content": "警告"},
        "accepted",
        ["V02 penalty_kinds"],
    ),
    "yuan for 万元": ({"fine_cny": "2000"}, "rejected", ["V03 fine_cny"]),
    "another amount in the text": ({"fine_cny": "0.3"}, "accepted", ["V03 fine_cny"]),
    "an amount in 万元 in the text": ({"penalty_content": "罚款0.2万元"}, "accepted", []),
    "a negative amount": ({"fine_cny": "-0.2"}, "rejected", ["V04 fine_cny"]),
    "an enormous amount": (
        {"fine_cny": "1000001", "penalty_content": "罚款"},
        "rejected",
        ["V04 fine_cny"],
    ),
    "a confiscation without an amount": (
        {"penalty_kinds": "罚款;没收违法所得"},
        "rejected",
        ["M01 confiscated_cny"],
    ),
    "an optional amount that is none": ({"confiscated_cny": "很多"}, "rejected", ["V05 confiscated_cny"]),
    "an optional date that is none": ({"publicity_end_date": "明年"}, "accepted", ["V05 publicity_end_date"]),
    "a mandatory date that is none": ({"decision_date": "去年冬天"}, "rejected", ["V05 decision_date"]),
    "a date in the future": (
        {"decision_date": "2026/11/17"},
        "rejected",
        ["D01 decision_date", "D03 decision_date"],
    ),
    "a date before the republic": (
        {"decision_date": "1949-09-30"},
        "rejected",
        ["D01 decision_date", "D04 decision_date"],
    ),
    "an end before the start": ({"penalty_valid_to": "2026-11-01"}, "rejected", ["D02 penalty_valid_to"]),
    "an end in 1900": ({"publicity_end_date": "1900-01-01"}, "rejected", ["D02 publicity_end_date"]),
    "the last day in time": ({"decision_date": "20261105"}, "accepted", []),
    "one day late": ({"decision_date": "2026年11月4日"}, "accepted", ["D04 decision_date"]),
    "a name beyond a sourced length": (
        {"counterpart_name": "云" * 201},
        "rejected",
        ["T01 counterpart_name"],
    ),
    "a text beyond a recalled length": (
        {"penalty_content": "罚款2000元" + "。" * 4000},
        "accepted",
        ["T01 penalty_content"],
    ),
    "a cited receipt number": ({"receipt_no": "HMW78174URPT"}, "accepted", []),
    "a cited number in another spelling": ({"receipt_no": " hmw7-8174-urpt"}, "accepted", []),
    "a mistyped receipt number": ({"receipt_no": "HMW78174URPU"}, "accepted", ["R01"]),
    "a filler for a receipt number": ({"receipt_no": "／"}, "accepted", []),
    "declared for departments only": (
        {"access_level": "政务共享"},
        "accepted",
        ["S01 access_level"],
    ),
    "declared public": ({"access_level": "社会公开"}, "accepted", []),
    "a change flag nobody knows": ({"change_op": "x"}, "accepted", []),
    "a withdrawal": ({"change_op": "d"}, "accepted", []),
}
PERSON_CASES: dict[str, Case] = {
    "a whole person": ({}, "accepted", []),
    "a person without documents": (
        {"id_type": None, "id_no": None},
        "rejected",
        ["M01 id_type", "M01 id_no", "P02 id_no"],
    ),
    "a wrong check digit": ({"id_no": "990000199003070014"}, "held", ["K05 id_no", "P02 id_no"]),
    "a day that does not exist": ({"id_no": "990000199002300019"}, "held", ["K05 id_no", "P02 id_no"]),
    "a masked number": ({"id_no": "990000********0013"}, "held", ["K05 id_no", "P02 id_no"]),
    "a number rounded by Excel": ({"id_no": "990000199003070000"}, "held", ["K06 id_no", "P02 id_no"]),
    "a 15-digit number": ({"id_no": "990000900307001"}, "accepted", []),
    "a passport": ({"id_type": "护照", "id_no": "E12345678"}, "accepted", ["P02 id_no"]),
    "a minor": ({"id_no": "990000201006010016"}, "accepted", ["P02 id_no"]),
    "a number in the code column": ({"uscc": PERSON, "id_no": None}, "accepted", []),
    "a number in both columns": ({"uscc": PERSON}, "accepted", []),
    "a 15-digit number in the code column": ({"uscc": "990000900307001", "id_no": None}, "accepted", []),
}


def run_cases(
    few_rows: SparkSession, catalog: Catalog, base: Cells, cases: Mapping[str, Case]
) -> dict[str, Row]:
    """Standardise one row per case; the document number keeps them apart."""
    rows = [
        {**base, "decision_no": f"市监罚〔2026〕{number}号", **changes}
        for number, (changes, _, _) in enumerate(cases.values())
    ]
    contract = catalog.contracts[PENALTIES]
    batches = make_batches(few_rows, late_before=LATE_BEFORE)
    records = standardise(make_cells(few_rows, contract, rows), contract, catalog, KEY, batches).collect()
    by_row = {record["row_no"]: record for record in records}
    assert len(records) == len(by_row) == len(cases)
    return {name: by_row[number] for number, name in enumerate(cases, start=2)}


@pytest.fixture(scope="module")
def penalties(few_rows: SparkSession, catalog: Catalog) -> dict[str, Row]:
    return run_cases(few_rows, catalog, PENALTY, PENALTY_CASES)


@pytest.fixture(scope="module")
def persons(few_rows: SparkSession, catalog: Catalog) -> dict[str, Row]:
    return run_cases(few_rows, catalog, PERSON_PENALTY, PERSON_CASES)


@pytest.mark.parametrize("case", PENALTY_CASES)
def test_a_penalty_row_has_exactly_its_defects_and_outcome(penalties: dict[str, Row], case: str) -> None:
    record = penalties[case]
    _, outcome, defects = PENALTY_CASES[case]
    assert (record["outcome"], codes(record)) == (outcome, defects)
    assert record["is_held"] == (outcome == "held")


@pytest.mark.parametrize("case", PERSON_CASES)
def test_a_person_row_has_exactly_its_defects_and_outcome(persons: dict[str, Row], case: str) -> None:
    record = persons[case]
    _, outcome, defects = PERSON_CASES[case]
    assert (record["outcome"], codes(record)) == (outcome, defects)


def test_a_penalty_is_typed_in_yuan_codes_and_dates(penalties: dict[str, Row]) -> None:
    record = penalties["a whole row"]
    assert record["fine_cny"] == Decimal("2000.00")
    assert record["penalty_kinds"] == ["FINE"]
    assert record["counterpart_class"] == "LEGAL"
    assert record["decision_date"] == date(2026, 11, 12)
    assert record["penalty_valid_to"] is None  # 2099/12/31 means: no end
    assert record["change_op"] == "I"
    assert (record["batch_id"], record["file_name"], record["row_no"]) == ("b1", "f.csv", 2)


def test_a_cleaned_code_stands_beside_the_delivered_one(penalties: dict[str, Row]) -> None:
    record = penalties["a lower-case code with blanks"]
    assert (record["uscc"], record["uscc_status"], record["uscc_delivered"]) == (
        COMPANY,
        "valid",
        "'9199 0000ma0000007x ",
    )
    assert penalties["a repaired code"]["uscc_status"] == "repaired"
    assert penalties["a repaired code"]["uscc"] == COMPANY
    assert penalties["a placeholder alone"]["uscc"] is None
    assert penalties["no code of a legal person"]["uscc_status"] == "missing"


def test_a_record_has_the_receipt_number_that_its_row_cites(penalties: dict[str, Row]) -> None:
    assert penalties["a cited receipt number"]["receipt_no"] == "HMW78174URPT"
    assert penalties["a cited number in another spelling"]["receipt_no"] == "HMW78174URPT"
    assert penalties["a filler for a receipt number"]["receipt_no"] is None
    assert penalties["a whole row"]["receipt_no"] is None


def test_kinds_are_listed_once_and_unknown_ones_left_out(penalties: dict[str, Row]) -> None:
    assert penalties["several kinds"]["penalty_kinds"] == ["WARNING", "FINE"]
    assert penalties["an unknown kind"]["penalty_kinds"] == ["FINE"]


def test_a_shop_filed_as_a_person_becomes_an_individual_business(penalties: dict[str, Row]) -> None:
    assert penalties["a shop filed as a person"]["counterpart_class"] == "INDIVIDUAL_BUSINESS"
    assert penalties["a company filed as a person"]["counterpart_class"] == "NATURAL"


def test_change_flags_become_insert_update_delete(penalties: dict[str, Row]) -> None:
    assert penalties["a withdrawal"]["change_op"] == "D"
    assert penalties["a change flag nobody knows"]["change_op"] == "U"


def test_a_persons_number_in_the_code_column_moves_to_its_own(persons: dict[str, Row]) -> None:
    for case in ("a number in the code column", "a number in both columns"):
        record = persons[case]
        assert (record["uscc"], record["uscc_status"]) == (None, "missing")
        assert (record["id_no"], record["id_no_status"]) == (PERSON, "valid")
        assert record["uscc_delivered"] == PERSON


def test_minors_and_persons_of_unknown_age_are_flagged(persons: dict[str, Row]) -> None:
    flagged = {case for case, record in persons.items() if record["is_minor"]}
    assert flagged == {case for case, (_, _, defects) in PERSON_CASES.items() if "P02 id_no" in defects}
    assert "a minor" in flagged
    assert "a whole person" not in flagged


def test_a_15_digit_number_is_converted(persons: dict[str, Row]) -> None:
    assert persons["a 15-digit number"]["id_no"] == PERSON
    assert persons["a 15-digit number in the code column"]["id_no"] == PERSON


def test_a_repair_names_the_record_it_repairs(few_rows: SparkSession, catalog: Catalog) -> None:
    (penalty,) = make_records(few_rows, catalog, PENALTIES, [PENALTY]).collect()
    (repair,) = make_records(few_rows, catalog, "credit_office.repair_decision", [REPAIR]).collect()
    assert repair["outcome"] == "accepted"
    assert repair["target_record_id"] == penalty["record_id"]
    assert repair["record_id"] != penalty["record_id"]


def test_a_courts_number_is_read_by_the_partys_class(few_rows: SparkSession, catalog: Catalog) -> None:
    organisation = {
        **DEFAULTER,
        "party_type": "1",
        "name": "云山商贸有限公司",
        "sex": None,
        "age": "0",
        "legal_rep_name": "林一帆",
        "case_no": "(2026)浙9900执13号",
    }
    cases: list[tuple[Cells, str, list[str]]] = [
        (DEFAULTER, "accepted", []),
        ({**organisation, "party_code": "MA0000007"}, "accepted", []),
        ({**organisation, "party_code": COMPANY}, "accepted", []),
        ({**organisation, "party_code": "MA0000008"}, "held", ["K01 party_code"]),
        ({**DEFAULTER, "party_code": "990000199003070014"}, "held", ["K05 party_code", "P02 party_code"]),
        ({**DEFAULTER, "sex": None}, "rejected", ["M01 sex"]),
    ]
    records = make_records(
        few_rows,
        catalog,
        "court.judgment_defaulter",
        [{**row, "case_no": f"(2026)浙9900执{number}号"} for number, (row, _, _) in enumerate(cases)],
    ).collect()
    found = [(r["outcome"], codes(r)) for r in sorted(records, key=lambda r: r["row_no"])]
    assert found == [(outcome, defects) for _, outcome, defects in cases]


def test_registers_and_taxpayers_without_defects_are_accepted(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    (entity,) = make_records(few_rows, catalog, "market_regulation.entity_register", [ENTITY]).collect()
    (resident,) = make_records(few_rows, catalog, "public_security.population_register", [RESIDENT]).collect()
    (taxpayer,) = make_records(few_rows, catalog, "tax.a_level_taxpayer", [TAXPAYER]).collect()
    assert [(r["outcome"], codes(r)) for r in (entity, resident, taxpayer)] == [("accepted", [])] * 3
    assert (entity["uscc"], entity["reg_capital_cny"], entity["reg_state"]) == (
        COMPANY,
        Decimal("5000000.00"),
        "OPERATING",
    )
    assert {r["change_op"] for r in (entity, resident, taxpayer)} == {"S"}


def test_every_row_ends_in_one_outcome_and_two_runs_agree(few_rows: SparkSession, catalog: Catalog) -> None:
    contract = catalog.contracts[PENALTIES]
    all_cases = [*PENALTY_CASES.values(), *PERSON_CASES.values()]
    rows: list[Cells] = [
        {**(PENALTY if number % 3 else PERSON_PENALTY), **changes, "decision_org_uscc": ORGAN}
        for number, (changes, _, _) in enumerate([*all_cases, *all_cases])
    ]
    cells = make_cells(few_rows, contract, rows)
    batches = make_batches(few_rows, late_before=LATE_BEFORE)
    runs = [
        sorted(standardise(part, contract, catalog, KEY, batches).collect(), key=lambda r: r["row_no"])
        for part in (cells, cells.repartition(3))
    ]
    assert [record["row_no"] for record in runs[0]] == list(range(2, len(rows) + 2))
    assert {record["outcome"] for record in runs[0]} == {"accepted", "held", "rejected", "dropped"}
    assert runs[0] == runs[1]
