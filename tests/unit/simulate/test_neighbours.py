"""Subjects that are hard to tell apart, and the records that tell them wrongly."""

from collections import Counter, defaultdict
from itertools import pairwise

from creditlake.identifiers import (
    IdentifierStatus,
    check_org_code,
    check_reg_no,
    check_resident_id,
    check_uscc,
)
from creditlake.names import normalise_name
from tests.cities import LEGAL, NATURAL, PENALTIES, Delivered, Row, true_code


def differing(first: str, second: str) -> list[int]:
    """Places at which two texts differ, from 1."""
    return [place for place, (a, b) in enumerate(zip(first, second, strict=True), start=1) if a != b]


def subjects_of(city: Delivered, case: str) -> list[Row]:
    """Legal subjects of a case, in register order: the two of a pair one after the other."""
    return [row for row in city.subjects("legal").values() if row["hard_case"] == case]


def registered_persons(city: Delivered) -> dict[str, Row]:
    """The last population register by number."""
    return {row["id_no"]: row for row in city.file(NATURAL, "population_20261117.csv").values()}


def test_siblings_have_valid_codes_two_characters_apart(damaged: Delivered) -> None:
    siblings = subjects_of(damaged, "sibling")
    pairs = list(zip(siblings[::2], siblings[1::2], strict=True))
    assert pairs
    for first, second in pairs:
        assert differing(first["uscc"], second["uscc"]) == [16, 18]
        for subject in (first, second):
            assert check_uscc(subject["uscc"]) is IdentifierStatus.VALID
            assert check_org_code(subject["org_code"]) is IdentifierStatus.VALID


def test_one_number_issued_twice_belongs_to_two_subjects_of_different_names(damaged: Delivered) -> None:
    for case, number in (("code_twice", "uscc"), ("number_twice", "reg_no")):
        owners = defaultdict(set)
        for subject in subjects_of(damaged, case):
            owners[subject[number]].add(subject["name"])
        assert owners
        assert {len(names) for names in owners.values()} == {2}
    twice = {subject["reg_no"] for subject in subjects_of(damaged, "number_twice")}
    assert {check_reg_no(number) for number in twice} == {IdentifierStatus.VALID}


def test_no_other_code_is_issued_twice(damaged: Delivered) -> None:
    codes = Counter(row["uscc"].upper() for row in damaged.file(LEGAL, "reg_entity_20261117.csv").values())
    twice = {code for code, times in codes.items() if times > 1}
    assert twice == {subject["uscc"] for subject in subjects_of(damaged, "code_twice")}


def test_a_name_given_up_by_one_is_borne_by_another(damaged: Delivered) -> None:
    recycled = subjects_of(damaged, "recycled_name")
    assert recycled
    for first, second in zip(recycled[::2], recycled[1::2], strict=True):
        assert second["name"] == first["former_name"] != first["name"]
        assert first["uscc"] != second["uscc"]


def test_twins_share_birth_division_and_surname_and_have_consecutive_numbers(damaged: Delivered) -> None:
    persons = list(registered_persons(damaged).values())
    pairs = [
        (first, second) for first, second in pairwise(persons) if first["id_no"][:14] == second["id_no"][:14]
    ]
    twins = [row for row in damaged.subjects("natural").values() if row["hard_case"] == "twin"]
    assert len(pairs) * 2 == len(twins) > 100
    for first, second in pairs:
        assert int(second["id_no"][14:17]) - int(first["id_no"][14:17]) == 1
        assert check_resident_id(second["id_no"]) is IdentifierStatus.VALID
        assert differing(first["person_name"], second["person_name"]) == [len(first["person_name"])]
        assert first["sex"] != second["sex"]
        assert first["address"] == second["address"]


def test_a_number_between_two_siblings_is_one_character_from_each(damaged: Delivered) -> None:
    codes = {subject["uscc"] for subject in subjects_of(damaged, "sibling")}
    rows = damaged.of(PENALTIES, noise="between_neighbours", subject_kind="legal")
    assert rows
    for truth, row in rows:
        delivered = row["CF_XDR_SHXYM"]
        near = {code for code in codes if len(differing(code, delivered)) == 1}
        assert len(near) == 2
        assert true_code(damaged, truth) in near
        assert check_uscc(delivered) is IdentifierStatus.SUSPECT


def test_a_number_of_the_twin_comes_with_the_name_of_the_true_person(damaged: Delivered) -> None:
    persons = registered_persons(damaged)
    rows = damaged.of(PENALTIES, noise="number_of_twin")
    assert rows
    for truth, row in rows:
        assert truth["subject_kind"] == "natural"
        assert persons[row["CF_XDR_ZJHM"]]["person_name"] != row["CF_XDR_MC"]


def test_a_branch_bears_its_own_name_with_the_code_of_its_company(damaged: Delivered) -> None:
    companies = {row["uscc"]: row for row in damaged.subjects("legal").values() if row["kind"] == "company"}
    rows = damaged.of(PENALTIES, noise="parent_code")
    assert rows
    for truth, row in rows:
        branch = damaged.subjects("legal")[truth["subject_key"]]
        assert row["CF_XDR_MC"] == branch["name"]
        assert row["CF_XDR_SHXYM"] != branch["uscc"]
        assert row["CF_XDR_SHXYM"] in companies


def test_a_code_of_another_belongs_to_a_registered_subject_of_another_name(damaged: Delivered) -> None:
    legal = {row["uscc"]: row["name"] for row in damaged.subjects("legal").values()}
    persons = registered_persons(damaged)
    seen = set()
    for truth, row in damaged.of(PENALTIES, noise="code_of_another"):
        seen.add(truth["subject_kind"])
        if truth["subject_kind"] == "legal":
            assert row["CF_XDR_MC"] == damaged.subjects("legal")[truth["subject_key"]]["name"]
            assert row["CF_XDR_SHXYM"] != true_code(damaged, truth)
            assert row["CF_XDR_SHXYM"] in legal
        else:
            assert row["CF_XDR_ZJHM"] in persons
    assert seen == {"legal", "natural"}


def test_some_outsiders_bear_the_name_of_a_registered_enterprise(damaged: Delivered) -> None:
    subjects = [row for row in damaged.subjects("legal").values() if row["kind"] == "company"]
    registered = {row["name"] for row in subjects if row["in_register"]}
    outside = [row["name"] in registered for row in subjects if not row["in_register"]]
    assert 0 < sum(outside) < len(outside)


def test_a_code_of_nobody_is_valid_and_no_subject_has_it(damaged: Delivered) -> None:
    legal = {row["uscc"] for row in damaged.subjects("legal").values()}
    persons = registered_persons(damaged)
    seen = Counter()
    for truth, row in damaged.of(PENALTIES, noise="code_of_nobody"):
        seen[truth["subject_kind"]] += 1
        if truth["subject_kind"] == "legal":
            assert check_uscc(row["CF_XDR_SHXYM"]) is IdentifierStatus.VALID
            assert row["CF_XDR_SHXYM"] not in legal
        else:
            assert check_resident_id(row["CF_XDR_ZJHM"]) is IdentifierStatus.VALID
            assert row["CF_XDR_ZJHM"] not in persons
    assert set(seen) == {"legal", "natural"}


def test_harmless_spellings_of_a_name_compare_as_equal_and_other_forms_do_not(damaged: Delivered) -> None:
    legal = damaged.subjects("legal")
    for noise, same in (
        ("name_traditional", True), ("name_width", True), ("name_form", False), ("name_region", False),
    ):  # fmt: skip
        rows = damaged.of(PENALTIES, noise=noise, subject_kind="legal")
        assert rows, noise
        for truth, row in rows:
            true = legal[truth["subject_key"]]["name"]
            assert row["CF_XDR_MC"] != true
            assert (normalise_name(row["CF_XDR_MC"]) == normalise_name(true)) is same


def test_a_few_subjects_have_many_times_the_records_of_others(damaged: Delivered) -> None:
    legal = [truth["subject_key"] for truth, _ in damaged.of(PENALTIES, subject_kind="legal")]
    ranked = [count for _, count in Counter(legal).most_common()]
    assert ranked[0] > 3 * ranked[len(ranked) // 10]
