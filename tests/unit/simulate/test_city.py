"""The city as a whole: deterministic, as its contracts say, with valid and unique codes."""

import random
from datetime import UTC, date, datetime
from fnmatch import fnmatch
from pathlib import Path

import duckdb
import pytest
import yaml

from creditlake.catalog import load_catalog
from creditlake.identifiers import (
    IdentifierStatus,
    check_org_code,
    check_reg_no,
    check_resident_id,
    check_tax_id,
    check_uscc,
)
from creditlake.normalise import is_filler, normalise_doc_no
from creditlake.settings import settings
from creditlake.simulate import PUBLISHED, simulate_city
from creditlake.simulate.codes import declare_codes
from creditlake.simulate.organs import SYSTEMS, with_organs
from creditlake.simulate.rates import read_rates
from creditlake.simulate.run import SHAPES, dataset_rows
from creditlake.simulate.spelling import FILLERS
from creditlake.simulate.words import Words, read_words
from tests.cities import (
    CHANGES,
    DAYS,
    LEGAL,
    LICENCES,
    NATURAL,
    PENALTIES,
    SIZE,
    Delivered,
    contracts,
    digest_files,
)

# Columns that only some departments add to the national template; the simulated ones do not.
ONLY_SOME_SEND = {
    PENALTIES: (
        "case_name second_penalty_kind status division_code power_code access_level collecting_org_name "
        "publicity_date publicity_state annulment_reason is_case_cancelled test_mark"
    ),
    LICENCES: (
        "division_code review_type power_code access_level collecting_org_name publicity_date "
        "publicity_state test_mark"
    ),
}


def test_same_seed_gives_the_same_bytes_and_file_times_also_with_two_threads(
    city: Delivered, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    simulate_city(again, seed=7, days=DAYS, rates=PUBLISHED, threads=2, **SIZE)
    assert digest_files(city.folder) == digest_files(again)


def test_another_seed_gives_other_rows_in_the_same_files(city: Delivered, tmp_path: Path) -> None:
    other = tmp_path / "other"
    simulate_city(other, seed=8, days=DAYS, rates=PUBLISHED, **SIZE)
    first, second = digest_files(city.folder / "inbox_by_day"), digest_files(other / "inbox_by_day")
    assert first.keys() == second.keys()
    assert not {name for name in first if first[name][0] == second[name][0]}


def test_records_count_business_rows_over_all_days(city: Delivered) -> None:
    business = [truth for truth in city.truth if truth["dataset"] not in (LEGAL, NATURAL)]
    assert len(business) == SIZE["records"]
    per_dataset = {dataset: sum(t["dataset"] == dataset for t in business) for dataset in read_rates().mix}
    assert per_dataset == dataset_rows(SIZE["records"], read_rates())


def test_each_day_has_exactly_these_files(city: Delivered) -> None:
    inbox = city.folder / "inbox_by_day" / "2026-11-17"
    assert sorted(str(path.relative_to(inbox)) for path in inbox.rglob("*.*")) == [
        "administrative_approval/xk_20261117_01.xlsx",
        "court/sxbzxr_20261117_01.jsonl",
        "credit_office/repair_20261117_01.csv",
        "market_regulation/cf_20261117_01.csv",
        "market_regulation/reg_change_20261117_01.csv",
        "market_regulation/reg_entity_20261117.csv",
        "public_security/population_20261117.csv",
    ]
    assert [path.name for path in (city.folder / "inbox_by_day").rglob("tax_a_*")] == ["tax_a_20261116.csv"]


def test_files_are_stamped_within_their_day_in_shanghai_in_distinct_order(city: Delivered) -> None:
    stamps = [path.stat().st_mtime for (_, name), path in city.paths.items() if "20261117" in name]
    days = {datetime.fromtimestamp(stamp + 8 * 3600, UTC).date() for stamp in stamps}
    assert len(stamps) == len(set(stamps)) == 7
    assert days == {date(2026, 11, 17)}


def test_long_datasets_are_split_into_files_and_rows_are_numbered_in_each(tmp_path: Path) -> None:
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates["files"][PENALTIES], rates["files"][LICENCES] = 400, 100
    (tmp_path / "rates.yml").write_text(yaml.safe_dump(rates), encoding="utf-8")
    report = simulate_city(
        tmp_path / "city",
        seed=1,
        legal=100,
        natural=320,
        records=2000,
        days=DAYS[:1],
        rates=tmp_path / "rates.yml",
    )
    rows = {file.path: file.rows for file in report.files if file.dataset in (PENALTIES, LICENCES)}
    assert list(rows.values()) == [400, 400, 200, 100, 100, 100]
    split = Delivered(tmp_path / "city")
    names = [truth["file"] for truth in split.truth if truth["dataset"] == LICENCES]
    numbers = [truth["row_no"] for truth in split.truth if truth["dataset"] == LICENCES]
    assert sorted(set(names)) == ["xk_20261116_01.xlsx", "xk_20261116_02.xlsx", "xk_20261116_03.xlsx"]
    assert numbers == [*range(4, 104)] * 3


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("x")
    with pytest.raises(FileExistsError, match="not empty"):
        simulate_city(tmp_path, seed=1, days=DAYS, rates=PUBLISHED, **SIZE)


@pytest.mark.parametrize("days", [[], [DAYS[1], DAYS[0]], [DAYS[0], DAYS[0]]])
def test_days_must_be_distinct_and_in_order(tmp_path: Path, days: list[date]) -> None:
    with pytest.raises(ValueError, match="days must be distinct"):
        simulate_city(tmp_path, seed=1, days=days, rates=PUBLISHED, **SIZE)


def test_days_before_the_city_stood_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="choose later days"):
        simulate_city(tmp_path, seed=1, days=[date(2026, 10, 31)], rates=PUBLISHED, **SIZE)


def test_an_empty_day_is_declared_nil_beside_the_empty_file(tmp_path: Path) -> None:
    simulate_city(tmp_path / "city", seed=1, legal=40, natural=32, records=20, days=DAYS[:2], rates=PUBLISHED)
    day = tmp_path / "city" / "inbox_by_day" / "2026-11-17"
    declared = {path.name for path in day.rglob("*.nil")}
    assert "repair_20261117_01.csv.nil" in declared
    assert len((day / "credit_office" / "repair_20261117_01.csv").read_bytes().splitlines()) == 1


def test_a_city_without_a_whole_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 32 natural and 40 legal"):
        simulate_city(tmp_path, seed=1, legal=39, natural=100, records=100, days=DAYS, rates=PUBLISHED)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("identity_noise", "lower_csae"), "unknown kinds of damage"),
        (("dialects", "dtae"), "Extra inputs are not permitted"),
        (("mix", "court.other"), "mix adds up to"),
    ],
)
def test_a_misspelt_rate_is_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates[change[0]][change[1]] = 0.01
    path = tmp_path / "rates.yml"
    path.write_text(yaml.safe_dump(rates), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        simulate_city(tmp_path / "city", seed=1, days=DAYS[:1], rates=path, **SIZE)


@pytest.mark.parametrize("dataset", sorted(SHAPES))
def test_headers_names_and_encoding_are_the_contracts(city: Delivered, dataset: str) -> None:
    contract = contracts()[dataset]
    names = [name for (d, name) in city.paths if d == dataset]
    assert names
    first = next(iter(city.file(dataset, names[0]).values()))
    left_out = ONLY_SOME_SEND.get(dataset, "").split()
    assert list(first) == [f.source_name for name, f in contract.fields.items() if name not in left_out]
    delivery, shape = contract.delivery, SHAPES[dataset]
    assert all(fnmatch(name, delivery.file_pattern) for name in names)
    assert (delivery.format, delivery.delimiter) == (shape.suffix, shape.delimiter)
    assert delivery.encoding == shape.encoding


def test_department_organs_are_those_of_the_catalogue() -> None:
    connection = duckdb.connect()
    declare_codes(connection)
    words = with_organs(read_words(), connection)
    departments = load_catalog(settings().catalog).departments
    system_of = {
        "market": "market_regulation",
        "approval": "administrative_approval",
        "court": "court",
        "tax": "tax",
    }
    made = {system_of[system]: words.lists[f"organs.{system}_uscc"][0] for system in SYSTEMS}
    assert made == {code: departments[code].organ_uscc for code in system_of.values()}
    organs = {code for system in SYSTEMS for code in words.lists[f"organs.{system}_uscc"]}
    assert len(organs) == 40
    assert {check_uscc(code) for code in organs} == {IdentifierStatus.VALID}


def test_fillers_and_brackets_are_those_that_normalisation_knows(city: Delivered) -> None:
    assert [filler for filler in FILLERS if not is_filler(filler)] == []
    numbers = [row["CF_WSH"] for _, row in city.of(PENALTIES, row_kind="new")]
    assert {character for number in numbers for character in number} >= set("〔〕[]【】（）")
    assert not {c for number in numbers for c in normalise_doc_no(number)} & set("[]【】（）() ")


def test_word_lists_have_no_word_twice_where_names_must_differ() -> None:
    lists = read_words().lists
    for name in (
        "companies.brand_first",
        "companies.brand_second",
        "companies.industries.label",
        "places.county_shorts",
    ):
        assert len(set(lists[name])) == len(lists[name]), name
    slots = Words({"a": ("x {n}", "y {m}")}).filled("a", "i", {"n": "1", "k": "2"})
    assert slots == "replace(getvariable('w_a')[1 + (i)], '{n}', 1)"


def test_registered_codes_are_valid_unique_and_of_divisions_that_nobody_issues(city: Delivered) -> None:
    rows = list(city.file(LEGAL, "reg_entity_20261118.csv").values())
    codes = [row["uscc"].upper() for row in rows]
    assert len(codes) == len(set(codes)) == SIZE["legal"]
    assert {check_uscc(code) for code in codes} == {IdentifierStatus.VALID}
    assert {check_org_code(code[8:17]) for code in codes} == {IdentifierStatus.VALID}
    assert {code[:2] for code in codes} == {"91", "92", "93"}
    assert {code[2:7] for code in codes} == {"99000"}
    numbers = [row["reg_no"] for row in rows if row["reg_no"]]
    assert len(numbers) == len(set(numbers)) > SIZE["legal"] * 0.3
    assert {check_reg_no(number) for number in numbers} == {IdentifierStatus.VALID}


def test_older_subjects_have_a_tax_number_of_their_organisation_code(city: Delivered) -> None:
    subjects = [row for row in city.subjects("legal").values() if row["tax_id"] is not None]
    assert len(subjects) > 100
    assert {check_tax_id(row["tax_id"]) for row in subjects} == {IdentifierStatus.VALID}
    assert all(row["tax_id"][6:] == row["org_code"] == row["uscc"][8:17] for row in subjects)


def test_persons_have_valid_unique_numbers_homonyms_and_minors_among_them(city: Delivered) -> None:
    rows = list(city.file(NATURAL, "population_20261118.csv").values())
    numbers = [row["id_no"] for row in rows]
    assert len(numbers) == len(set(numbers)) == SIZE["natural"]
    assert {check_resident_id(number) for number in numbers} == {IdentifierStatus.VALID}
    assert {number[:5] for number in numbers} == {"99000"}
    assert all(row["birth_date"].replace("-", "") == row["id_no"][6:14] for row in rows)
    assert all((row["sex"] == "男") == (int(row["id_no"][16]) % 2 == 1) for row in rows)
    assert len({row["person_name"] for row in rows}) < len(rows)
    minors = sum(row["birth_date"] >= "2010-01-01" for row in rows)
    assert minors == SIZE["natural"] // 16


def test_snapshots_grow_from_day_to_day_and_lose_nobody(tmp_path: Path) -> None:
    rates = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    rates["registers"]["daily_new"] = 0.05
    (tmp_path / "rates.yml").write_text(yaml.safe_dump(rates), encoding="utf-8")
    simulate_city(
        tmp_path / "city",
        seed=1,
        legal=400,
        natural=320,
        records=400,
        days=DAYS,
        rates=tmp_path / "rates.yml",
    )
    grown = Delivered(tmp_path / "city")
    days = [{row["pripid"] for row in grown.file(LEGAL, f"reg_entity_{d:%Y%m%d}.csv").values()} for d in DAYS]
    assert [len(day) for day in days] == [360, 380, 400]
    assert days[0] < days[1] < days[2]


def test_every_former_name_in_use_stands_in_the_first_days_change_log(city: Delivered) -> None:
    log = city.file(CHANGES, "reg_change_20261116_01.csv").values()
    renamed = {row["pripid"]: row["before_value"] for row in log if row["change_item"] == "名称变更"}
    assert len(renamed) > 5
    used = [t for t in city.truth if t["noise"] == "former_name"]
    subjects = city.subjects("legal")
    assert used
    assert all(
        subjects[t["subject_key"]]["former_name"] == renamed[t["subject_key"]]
        for t in used
        if t["in_register"]
    )


def test_some_enterprises_share_a_name(city: Delivered) -> None:
    names = [row["name"] for row in city.subjects("legal").values() if row["kind"] == "company"]
    assert len(set(names)) < len(names)
    assert len(names) - len(set(names)) < len(names) * 0.05


def test_check_characters_agree_with_the_reference_for_random_bodies() -> None:
    connection = duckdb.connect()
    declare_codes(connection)
    chance = random.Random(5)
    bodies = ["".join(chance.choices("0123456789ABCDEFGHJKLMNPQRTUWXY", k=8)) for _ in range(500)]
    bodies += ["".join(chance.choices("0123456789", k=14)) for _ in range(500)]
    made = connection.execute(
        "select list(b || org_check(b) order by b) from (select unnest($1::varchar[]) as b)", [bodies[:500]]
    ).fetchall()[0][0]
    numbers = connection.execute(
        "select list(b || reg_check(b) order by b) from (select unnest($1::varchar[]) as b)", [bodies[500:]]
    ).fetchall()[0][0]
    assert [code[:8] for code in made] == sorted(bodies[:500])
    assert {check_org_code(code) for code in made} == {IdentifierStatus.VALID}
    assert {check_reg_no(number) for number in numbers} == {IdentifierStatus.VALID}
