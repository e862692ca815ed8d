"""Identifier checks: known codes, laws that hold for every code, and python-stdnum where it is right."""

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc
from stdnum.iso7064 import mod_11_2, mod_11_10

from creditlake.identifiers import (
    ORG_SHAPE,
    USCC_ALPHABET,
    Graded,
    IdentifierStatus,
    check_org_code,
    check_reg_no,
    check_resident_id,
    check_uscc,
    convert_resident_id15,
    extract_birth_date,
    grade_org_code,
    grade_other_document,
    grade_party_code,
    grade_reg_no,
    grade_resident_id,
    grade_tax_id,
    grade_uscc,
    org_check_char,
    reg_check_digit,
    resident_check_char,
    uscc_check_char,
)
from tests.identifier_vectors import CELLS, VALID_REG_NO, VALID_RESIDENT_ID, VALID_USCC

VALID, SUSPECT = IdentifierStatus.VALID, IdentifierStatus.SUSPECT
GRADES: dict[str, Callable[[str | None], Graded]] = {
    "uscc": grade_uscc,
    "org_code": grade_org_code,
    "reg_no": grade_reg_no,
    "tax_id": grade_tax_id,
    "id_no": grade_resident_id,
    "document": grade_other_document,
    "person": lambda text: grade_party_code(text, is_person=True),
    "organisation": lambda text: grade_party_code(text, is_person=False),
}

digits = st.text("0123456789")
uscc_bodies = st.builds(
    "".join,
    st.tuples(
        st.sampled_from("123456789ANY"),
        st.text("0123456789", min_size=7, max_size=7),
        st.text(USCC_ALPHABET, min_size=9, max_size=9),
    ),
)
birth_dates = st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31))
resident_bodies = st.builds(
    lambda division, born, sequence: f"{division:06}{born:%Y%m%d}{sequence:03}",
    st.integers(0, 999999),
    birth_dates,
    st.integers(0, 999),
)


@pytest.mark.parametrize(("kind", "cell", "status", "value"), CELLS)
def test_cell_gets_its_grade_and_value(kind: str, cell: str | None, status: str, value: str | None) -> None:
    assert GRADES[kind](cell) == (value, status)


def test_every_status_occurs_among_the_known_cells() -> None:
    assert {status for _, _, status, _ in CELLS} == set(IdentifierStatus)


@given(uscc_bodies)
def test_exactly_one_check_character_makes_a_uscc_valid(body: str) -> None:
    valid = [char for char in USCC_ALPHABET if check_uscc(body + char) is VALID]
    assert valid == [uscc_check_char(body)]


@given(uscc_bodies)
def test_stdnum_agrees_on_uscc_with_eight_leading_digits(body: str) -> None:
    assume(body[:8].isdigit())
    code = body + uscc_check_char(body)
    assert stdnum_uscc.is_valid(code)
    assert check_uscc(code) is VALID


def test_stdnum_refuses_letter_prefixes_that_the_standard_has() -> None:
    refused = [code for code in VALID_USCC if not stdnum_uscc.is_valid(code)]
    assert refused == ["N2370102MF0000056B", "A1110000PT00000674", "Y1120113000000078W"]
    assert {check_uscc(code) for code in refused} == {VALID}


@given(uscc_bodies, st.integers(0, 17), st.sampled_from(USCC_ALPHABET))
def test_one_changed_character_never_keeps_a_uscc_valid(body: str, position: int, char: str) -> None:
    code = body + uscc_check_char(body)
    assume(code[position] != char)
    assert check_uscc(code[:position] + char + code[position + 1 :]) is not VALID


@given(uscc_bodies, st.data())
def test_repair_restores_letters_typed_for_digits(body: str, data: st.DataObject) -> None:
    code = body + uscc_check_char(body)
    letters = dict(zip("0125", "OIZS", strict=True))
    positions = [position for position, char in enumerate(code) if char in letters]
    assume(positions)
    wrong = data.draw(st.sets(st.sampled_from(positions), min_size=1))
    typed = "".join(letters[char] if at in wrong else char for at, char in enumerate(code))
    graded = grade_uscc(typed)
    assert (graded.value, graded.status, graded.repaired) == (code, "repaired", True)


@given(st.from_regex(ORG_SHAPE, fullmatch=True))
def test_exactly_one_check_character_makes_an_org_code_valid(code: str) -> None:
    assume(code[:8] != "00000000")
    valid = [char for char in "0123456789X" if check_org_code(code[:8] + char) is VALID]
    assert valid == [org_check_char(code[:8])]


@given(st.text("0123456789", min_size=14, max_size=14))
def test_stdnum_agrees_on_registration_numbers(body: str) -> None:
    assert reg_check_digit(body) == mod_11_10.calc_check_digit(body)
    assert body == "0" * 14 or check_reg_no(body + reg_check_digit(body)) is VALID


@given(resident_bodies)
def test_stdnum_agrees_on_the_check_character_of_resident_numbers(body: str) -> None:
    assert resident_check_char(body) == mod_11_2.calc_check_digit(body)
    assert check_resident_id(body + resident_check_char(body)) is VALID


@given(st.integers(0, 99999999), st.text("0123456789", min_size=6, max_size=6))
def test_resident_number_is_refused_exactly_when_its_birth_date_is_not_real(day: int, division: str) -> None:
    body = f"{division}{day:08}001"
    try:
        real = dt.date(1880, 1, 1) <= dt.date(day // 10000, day // 100 % 100, day % 100) < dt.date(3000, 1, 1)
    except ValueError:
        real = False
    assert (check_resident_id(body + resident_check_char(body)) is VALID) == real


@given(resident_bodies)
def test_birth_date_is_the_one_in_the_number(body: str) -> None:
    assert extract_birth_date(body + "0") == dt.date(int(body[6:10]), int(body[10:12]), int(body[12:14]))


def test_birth_date_of_a_number_without_a_real_date_is_none() -> None:
    assert extract_birth_date("990000199002300013") is None
    assert extract_birth_date("91990000MA0000007X") is None


def test_fifteen_digit_number_of_a_centenarian_is_of_the_nineteenth_century() -> None:
    assert convert_resident_id15("990000900307996")[:17] == "99000018900307996"
    assert extract_birth_date("990000900307996") == dt.date(1890, 3, 7)
    assert extract_birth_date("990000900307995") == dt.date(1990, 3, 7)


def test_leap_days_of_every_year_follow_the_calendar() -> None:
    for year in range(1880, 3000):
        body = f"990000{year}0229001"
        is_leap = (dt.date(year, 3, 1) - dt.timedelta(days=1)).day == 29
        assert (check_resident_id(body + resident_check_char(body)) is VALID) == is_leap, year


def test_resident_ids_can_look_like_uscc() -> None:
    """Why a contract, and never the look of a value, decides what it is."""
    numbers = [
        body + resident_check_char(body)
        for body in (
            f"{990001 + at % 9}{1950 + at % 60}0{at % 9 + 1}15{at % 1000:03}" for at in range(20_000)
        )
    ]
    assert {check_resident_id(number) for number in numbers} == {VALID}
    share = sum(check_uscc(number) is VALID for number in numbers) / len(numbers)
    assert 0.025 < share < 0.045


@given(st.text())
def test_no_text_makes_a_grade_fail_and_only_missing_and_placeholder_have_no_value(text: str) -> None:
    for grade in GRADES.values():
        graded = grade(text)
        assert (graded.value is None) == (graded.status in {"missing", "placeholder"})


@given(st.sampled_from(VALID_USCC + VALID_REG_NO + VALID_RESIDENT_ID), st.integers(0, 3))
def test_a_value_is_graded_as_itself_again(code: str, kind: int) -> None:
    grade = (grade_uscc, grade_reg_no, grade_resident_id, grade_tax_id)[kind]
    once = grade(code)
    assert grade(once.value) == once


def test_uscc_shape_is_no_promise_about_a_suspect_code() -> None:
    assert check_uscc("914403001922038215") is SUSPECT
    assert not grade_uscc("914403001922038215").repaired
