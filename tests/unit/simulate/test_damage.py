"""Every kind of damage occurs, is what it is called, and is told by the truth."""

from datetime import date
from pathlib import Path

import pytest

from creditlake.identifiers import (
    IdentifierStatus,
    check_resident_id,
    check_uscc,
    repair_uscc,
)
from creditlake.normalise import clean_identifier, is_filler
from creditlake.simulate import PUBLISHED, simulate_city
from creditlake.simulate.noise import IDENTITY, ROW
from tests.cities import (
    CHANGES,
    DAYS,
    LEGAL,
    LICENCES,
    PENALTIES,
    Delivered,
    true_code,
)


def test_every_kind_of_damage_occurs_and_nothing_else(damaged: Delivered) -> None:
    kinds = {truth["noise"] for truth in damaged.truth}
    register_dialects = {"lower_case", "code_in_industry_name", "capital_with_comma"}
    assert kinds == {"none", *IDENTITY, *ROW} | register_dialects


@pytest.mark.parametrize(
    ("noise", "status"),
    [
        ("wrong_char", IdentifierStatus.SUSPECT),
        ("transposed", IdentifierStatus.SUSPECT),
        ("truncated", IdentifierStatus.INVALID),
        ("masked", IdentifierStatus.INVALID),
        ("scientific", IdentifierStatus.INVALID),
    ],
)
def test_a_damaged_code_fails_its_check_and_differs_from_the_true_one(
    damaged: Delivered, noise: str, status: IdentifierStatus
) -> None:
    rows = damaged.of(PENALTIES, noise=noise, subject_kind="legal")
    assert rows
    for truth, row in rows:
        code, true = row["CF_XDR_SHXYM"], true_code(damaged, truth)
        assert check_uscc(code) is status
        assert code != true
        differing = [place for place in range(min(len(code), 18)) if code[place] != true[place]]
        assert len(differing) == {"wrong_char": 1, "transposed": 2, "truncated": 0}.get(noise, len(differing))


@pytest.mark.parametrize("noise", ["lower_case", "full_width", "inner_space", "apostrophe"])
def test_harmless_spellings_clean_to_the_true_code(damaged: Delivered, noise: str) -> None:
    rows = damaged.of(PENALTIES, noise=noise, subject_kind="legal")
    assert rows
    for truth, row in rows:
        assert row["CF_XDR_SHXYM"] != true_code(damaged, truth)
        assert clean_identifier(row["CF_XDR_SHXYM"]) == true_code(damaged, truth)


def test_a_lookalike_is_mended_to_the_true_code(damaged: Delivered) -> None:
    rows = damaged.of(PENALTIES, noise="lookalike")
    assert rows
    assert {repair_uscc(row["CF_XDR_SHXYM"]) == true_code(damaged, truth) for truth, row in rows} == {True}


def test_a_damaged_row_links_exactly_only_by_another_intact_number(damaged: Delivered) -> None:
    rows = [
        pair
        for noise in ("wrong_char", "masked", "truncated")
        for pair in damaged.of(PENALTIES, noise=noise, subject_kind="legal")
    ]
    assert {truth["expected_link"] for truth, _ in rows} == {"exact", "inferred", "review"}
    for truth, row in rows:
        others = [row["CF_XDR_GSZC"], row["CF_XDR_ZZJG"], row["CF_XDR_SWDJ"]]
        intact = [code for code in others if code and not is_filler(code) and len(code) in (9, 15)]
        assert bool(intact) == (truth["expected_link"] == "exact")


def test_a_contradicting_row_bears_the_name_of_somebody_else(damaged: Delivered) -> None:
    rows = damaged.of(PENALTIES, noise="name_mismatch", subject_kind="legal")
    names = {row["name"] for row in damaged.subjects("legal").values()}
    assert rows
    for truth, row in rows:
        assert row["CF_XDR_SHXYM"] == true_code(damaged, truth)
        assert row["CF_XDR_MC"] != damaged.subjects("legal")[truth["subject_key"]]["name"]
        assert row["CF_XDR_MC"] in names


def test_persons_numbers_lose_digits_only_where_the_check_shows_it(damaged: Delivered) -> None:
    rows = damaged.of(PENALTIES, noise="precision_loss", subject_kind="natural")
    assert rows
    assert {(row["CF_XDR_ZJHM"][15:], check_resident_id(row["CF_XDR_ZJHM"])) for _, row in rows} == {
        ("000", IdentifierStatus.SUSPECT)
    }


def test_outsiders_have_valid_codes_and_stand_in_no_register(damaged: Delivered) -> None:
    registered = {row["uscc"].upper() for row in damaged.file(LEGAL, "reg_entity_20261117.csv").values()}
    rows = damaged.of(PENALTIES, noise="outsider", subject_kind="legal")
    codes = {row["CF_XDR_SHXYM"] for _, row in rows}
    assert len(codes) > 20
    assert {check_uscc(code) for code in codes} == {IdentifierStatus.VALID}
    assert not codes & registered
    assert {code[:2] for code in codes} >= {"91", "92", "12", "51", "52"}
    assert {truth["in_register"] for truth, _ in rows} == {False}


def test_amounts_are_damaged_as_said(damaged: Delivered) -> None:
    for noise, damage in (("fine_missing", None), ("fine_times_10000", 10000), ("fine_negative", -1)):
        rows = damaged.of(PENALTIES, noise=noise)
        assert rows
        for _, row in rows:
            yuan = int(row["CF_NR"].split("罚款人民币")[1].split("元")[0])
            if damage is None:
                assert not row["CF_NR_FK"] or is_filler(row["CF_NR_FK"])
            else:
                assert round(float(row["CF_NR_FK"]) * 10000) == yuan * damage


def test_personal_data_in_free_text_are_synthetic(damaged: Delivered) -> None:
    texts = [row["CF_SY"] for _, row in damaged.of(PENALTIES, noise="personal_data")]
    assert texts
    assert all("1990000" in text and "身份证号码：99000" in text for text in texts)


def test_all_date_dialects_occur(damaged: Delivered) -> None:
    dates = {row["CF_JDRQ"] for _, row in damaged.of(PENALTIES)} | {
        row["CF_YXQ"] for _, row in damaged.of(PENALTIES)
    }
    shapes = {"".join("9" if c.isdigit() else c for c in text) for text in dates}
    assert shapes >= {
        "9999/99/99",
        "9999-99-99",
        "99999999",
        "9999年99月99日",
        "9999999999999",
        "99999",
        "无处罚期限",
    }
    months = {row["entry_date"] for _, row in damaged.of(CHANGES, noise="month_date")}
    assert {len(month) for month in months} == {6}


def test_sheets_hold_some_real_date_cells(damaged: Delivered) -> None:
    cells = [row["许可决定日期"] for _, row in damaged.of(LICENCES)]
    assert {type(cell) for cell in cells} == {str, date}


def test_names_have_characters_that_only_gb18030_can_write(tmp_path: Path) -> None:
    simulate_city(
        tmp_path / "city", seed=3, legal=40, natural=16_000, records=100, days=DAYS[:1], rates=PUBLISHED
    )
    text = next((tmp_path / "city").rglob("population_*.csv")).read_text(encoding="utf-8")
    assert {len(character.encode("gb18030")) for character in text} == {1, 2, 4}
