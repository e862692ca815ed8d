"""The scan finds a personal number in whatever column of a public table it stands, and explains chance."""

from pathlib import Path

import duckdb
import pytest

from creditlake.gate.declaration import ColumnMeaning, Declaration, read_rules
from creditlake.gate.model import Finding
from creditlake.gate.personal_data import scan_table
from creditlake.identifiers import org_check_char, reg_check_digit, uscc_check_char
from tests.gate.tables import Row, healthy_rows, stored_types, write_table

RULES = read_rules()
PUBLIC = {name: d for name, d in RULES.declarations.items() if d.level == "public"}
NUMBERS = {"resident_id": "990000199003070013", "mobile": "13812345678", "card": "6222021234567890128"}
SAFE = (ColumnMeaning.DATE, ColumnMeaning.BOOLEAN)
NUMERIC = (ColumnMeaning.INTEGER, ColumnMeaning.AMOUNT)


def columns_of(table: str, *, numeric: bool) -> list[str]:
    kinds = PUBLIC[table].columns.items()
    return [column for column, kind in kinds if kind not in SAFE and (kind in NUMERIC) == numeric]


def plant_everywhere(table: str, columns: list[str], value: object) -> list[Row]:
    """Return one row per column, each healthy but for the value planted in its column."""
    template = healthy_rows(table)[0]
    keys = [c for c, kind in PUBLIC[table].columns.items() if kind is ColumnMeaning.HASH and template[c]]
    return [
        {**template, **{key: f"{template[key][:20]}{i:012x}" for key in keys}, column: value}
        for i, column in enumerate(columns)
    ]


def scan(declaration: Declaration, rows: list[Row], folder: Path) -> list[Finding]:
    path = write_table(declaration, rows, folder / "t.parquet")
    with duckdb.connect() as connection:
        return scan_table(connection, declaration, stored_types(path), [path])


def plant(table: str, column: str, value: object) -> list[Row]:
    rows = healthy_rows(table)
    rows[0][column] = value
    return rows


def make_uscc(serial: int) -> str:
    body = f"12{serial % 1_000_000:06d}"
    org = f"{serial * 7919 % 100_000_000:08d}"
    code = body + org + org_check_char(org)
    return code + uscc_check_char(code)


def test_there_are_columns_of_both_kinds() -> None:
    assert sum(len(columns_of(table, numeric=False)) for table in PUBLIC) > 70
    assert sum(len(columns_of(table, numeric=True)) for table in PUBLIC) >= 7


@pytest.mark.parametrize("table", sorted(PUBLIC))
def test_a_healthy_public_table_has_no_finding(table: str, tmp_path: Path) -> None:
    assert scan(PUBLIC[table], healthy_rows(table), tmp_path) == []


@pytest.mark.parametrize("kind", sorted(NUMBERS))
@pytest.mark.parametrize("table", sorted(PUBLIC))
def test_a_number_planted_in_any_text_column_holds_the_release(table: str, kind: str, tmp_path: Path) -> None:
    columns = columns_of(table, numeric=False)

    findings = scan(PUBLIC[table], plant_everywhere(table, columns, NUMBERS[kind]), tmp_path)

    assert [(f.name, f.observed) for f in findings] == [(f"{kind}_in_{column}", 1) for column in columns]
    assert {(f.severity, f.approvable) for f in findings} == {("hold", False)}
    assert not [f.name for f in findings if NUMBERS[kind] in f.model_dump_json()]


@pytest.mark.parametrize("table", sorted(PUBLIC))
def test_a_mobile_number_stored_as_a_number_is_found(table: str, tmp_path: Path) -> None:
    columns = columns_of(table, numeric=True)

    findings = scan(PUBLIC[table], plant_everywhere(table, columns, int(NUMBERS["mobile"])), tmp_path)

    assert [(f.name, f.observed) for f in findings] == [(f"mobile_in_{column}", 1) for column in columns]


def test_the_finding_names_the_record_to_look_at(tmp_path: Path) -> None:
    (finding,) = scan(
        PUBLIC["pub_penalty"], plant("pub_penalty", "violation_facts", "电话13812345678"), tmp_path
    )

    assert finding.message == (
        "pub_penalty.violation_facts: 1 values hold a mobile, e.g. row 00000000000000000000000000000001"
    )


def test_a_resident_id_shaped_like_a_uscc_is_found_in_the_uscc_column(tmp_path: Path) -> None:
    findings = scan(PUBLIC["pub_penalty"], plant("pub_penalty", "uscc", "11010519491231002X"), tmp_path)

    assert [f.name for f in findings] == ["resident_id_in_uscc"]


def test_a_legacy_resident_id_in_the_registration_number_column_is_found(tmp_path: Path) -> None:
    assert reg_check_digit("99000090030700") != "1"
    findings = scan(PUBLIC["pub_penalty"], plant("pub_penalty", "reg_no", "990000900307001"), tmp_path)

    assert [f.name for f in findings] == ["resident_id_in_reg_no"]


def test_a_masked_number_is_no_finding_and_an_unmasked_one_is(tmp_path: Path) -> None:
    assert (
        scan(
            PUBLIC["pub_list_current"],
            plant("pub_list_current", "masked_id_no", "990000********0013"),
            tmp_path,
        )
        == []
    )
    findings = scan(
        PUBLIC["pub_list_current"], plant("pub_list_current", "masked_id_no", "990000199003070013"), tmp_path
    )
    assert [f.name for f in findings] == ["resident_id_in_masked_id_no"]


def test_valid_codes_that_pass_a_card_check_by_chance_are_no_finding(tmp_path: Path) -> None:
    codes = [code for serial in range(1, 4000) if (code := make_uscc(serial)).isdigit()]
    assert len(codes) > 100
    template = healthy_rows("pub_penalty")[0]
    rows = [{**template, "record_id": f"{i:032x}", "uscc": code} for i, code in enumerate(codes)]

    assert scan(PUBLIC["pub_penalty"], rows, tmp_path) == []


def test_more_card_numbers_than_chance_explains_hold_the_release(tmp_path: Path) -> None:
    digits = [code for serial in range(1, 4000) if (code := make_uscc(serial)).isdigit()]
    with duckdb.connect() as connection:
        from creditlake.gate.patterns import add_personal_macros

        add_personal_macros(connection)
        query = "select list(c) from (select unnest($codes) as c) where luhn_ok(c)"
        cards = connection.execute(query, {"codes": digits}).fetchall()[0][0]
    template = healthy_rows("pub_penalty")[0]
    rows = [{**template, "record_id": f"{i:032x}", "uscc": code} for i, code in enumerate(cards)]
    assert len(rows) > 20

    findings = scan(PUBLIC["pub_penalty"], rows, tmp_path)

    assert [f.name for f in findings] == ["card_like_uscc"]
    assert findings[0].observed == len(rows)


def test_a_date_stored_as_text_holds_the_release(tmp_path: Path) -> None:
    declared = PUBLIC["pub_penalty"]
    as_text = declared.model_copy(
        update={"columns": {**declared.columns, "decision_date": ColumnMeaning.TEXT}}
    )
    rows = [{**row, "decision_date": str(row["decision_date"])} for row in healthy_rows("pub_penalty")]
    path = write_table(as_text, rows, tmp_path / "t.parquet")

    with duckdb.connect() as connection:
        findings = scan_table(connection, declared, stored_types(path), [path])

    assert [(f.name, f.message) for f in findings] == [
        ("stored_type", "decision_date is declared date but stored as text")
    ]


def test_a_column_nobody_declared_is_scanned_all_the_same(tmp_path: Path) -> None:
    declared = PUBLIC["pub_penalty"]
    wider = declared.model_copy(update={"columns": {**declared.columns, "contact_tel": ColumnMeaning.TEXT}})
    rows = [{**row, "contact_tel": "13812345678"} for row in healthy_rows("pub_penalty")]
    path = write_table(wider, rows, tmp_path / "t.parquet")

    with duckdb.connect() as connection:
        findings = scan_table(connection, declared, stored_types(path), [path])

    assert [(f.name, f.observed) for f in findings] == [("mobile_in_contact_tel", 3)]
