"""A body that several registers know is one subject, on proof only; its former id leads to it for ever."""

import pytest
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from spark_jobs.linking import number_owners
from spark_jobs.merging import resolve
from spark_jobs.registers import Registers
from tests.spark.rows import COMPANY, SHOP
from tests.spark.test_registers import (
    COMPANY_ROW,
    DAY_1,
    DAY_2,
    DAY_3,
    RENAMING,
    SHOP_ROW,
    Values,
    build,
    open_names,
)

SAME_BODY: Values = {
    "uscc": COMPANY, "ent_name": "云山商贸 有限公司", "legal_rep_name": "周大明", "division_code": "990002",
    "established_date": None, "reg_state": "OPERATING",
}  # fmt: skip
OTHER_NAME: Values = {**SAME_BODY, "ent_name": "青峰医院"}


def open_subjects(registers: Registers) -> dict[str, tuple[str, str, bool]]:
    """Return the subjects known now: name, the register that speaks for them, listed."""
    return {
        row["subject_id"]: (row["current_name"], row["source_dataset"].split(".")[1], row["is_listed"])
        for row in registers.subjects.where("known_to is null").collect()
    }


def merges(registers: Registers) -> list[tuple[str, str, str]]:
    """Return the merges: absorbed, survivor, reason."""
    return sorted(
        (row["subject_id"], row["other_subject_id"], row["reason"])
        for row in registers.subject_changes.where("change = 'merged'").collect()
    )


@pytest.fixture(scope="module")
def first(few_rows: SparkSession, catalog: Catalog) -> Registers:
    return build(few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, SHOP_ROW])], changes=[RENAMING])


@pytest.fixture(scope="module")
def second(few_rows: SparkSession, catalog: Catalog, first: Registers) -> Registers:
    """The institutions' register comes a day later and has the company too."""
    return build(
        few_rows, catalog, DAY_2, [(DAY_2, [COMPANY_ROW, SHOP_ROW])],
        institutions=[(DAY_2, [SAME_BODY])], changes=[RENAMING], parent=first,
    )  # fmt: skip


def test_the_id_that_was_known_first_stays_and_the_merge_is_an_event(
    first: Registers, second: Registers
) -> None:
    assert open_subjects(second) == open_subjects(first)
    ((absorbed, survivor, reason),) = merges(second)
    assert (absorbed in open_subjects(first), survivor in open_subjects(first)) == (False, True)
    assert reason == "same_uscc_and_name"
    assert second.alarms.count() == 0


def test_facts_of_both_registers_are_the_one_subjects(second: Registers) -> None:
    assert open_names(second) == {
        "云山商贸有限公司": (True, RENAMING["change_date"], None),
        "云山商贸 有限公司": (True, None, None),
        "青峰商贸有限公司": (False, None, RENAMING["change_date"]),
        "周明小吃店": (True, None, None),
    }
    roles = second.roles.where("known_to is null and valid_to is null").collect()
    assert sorted(row["holder_name"] for row in roles) == ["周大明", "周明", "林一帆"]
    owners = number_owners(second.identifiers.where("known_to is null"), second.names).collect()
    assert {len(row["owners"]) for row in owners} == {1}


def test_later_builds_and_a_build_from_nothing_give_the_same_subjects(
    few_rows: SparkSession, catalog: Catalog, first: Registers, second: Registers
) -> None:
    legal, institutions = [(DAY_3, [COMPANY_ROW, SHOP_ROW])], [(DAY_3, [SAME_BODY])]
    third = build(few_rows, catalog, DAY_3, legal, institutions=institutions, parent=second)
    anew = build(
        few_rows, catalog, DAY_3, [(DAY_1, [COMPANY_ROW, SHOP_ROW]), *legal],
        institutions=[(DAY_2, [SAME_BODY]), *institutions],
    )  # fmt: skip
    assert open_subjects(third) == open_subjects(anew) == open_subjects(first)
    assert merges(third) == merges(anew) == merges(second)
    assert open_names(third).keys() - open_names(anew).keys() == {"青峰商贸有限公司"}  # the log's, kept


def test_two_subjects_that_turn_out_to_be_one_are_merged_with_their_history(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    apart = build(
        few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW])], institutions=[(DAY_1, [OTHER_NAME])]
    )  # fmt: skip
    assert len(open_subjects(apart)) == 2
    assert [row["alarm"] for row in apart.alarms.collect()] == ["one_uscc_two_names"]
    merged = build(
        few_rows, catalog, DAY_2, [(DAY_2, [COMPANY_ROW])], institutions=[(DAY_2, [SAME_BODY])], parent=apart
    )
    ((absorbed, survivor, _),) = merges(merged)
    assert {absorbed, survivor} == set(open_subjects(apart))
    assert set(open_subjects(merged)) == {survivor}
    assert merged.alarms.count() == 0
    closed = merged.subjects.where(f"subject_id = '{absorbed}'").collect()
    assert [row["known_to"] for row in closed] == [DAY_2]
    assert open_names(merged)["青峰医院"] == (False, None, DAY_2)
    owners = number_owners(merged.identifiers.where("known_to is null"), merged.names).collect()
    assert {tuple(row["owners"]) for row in owners} == {(survivor,)}


@pytest.mark.parametrize(
    "institutions",
    [
        [OTHER_NAME],
        [{**SAME_BODY, "uscc_status": "suspect"}],
        [{**SAME_BODY, "uscc": SHOP}],
    ],
)
def test_without_proof_they_stay_two(
    few_rows: SparkSession, catalog: Catalog, institutions: list[Values]
) -> None:
    registers = build(
        few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, SHOP_ROW])], institutions=[(DAY_1, institutions)]
    )
    assert len(open_subjects(registers)) == 3
    assert merges(registers) == []


def test_a_code_that_one_register_has_twice_merges_nothing(few_rows: SparkSession, catalog: Catalog) -> None:
    twice = {**COMPANY_ROW, "pripid": "9900002026000009", "reg_no": None}
    registers = build(
        few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, twice])], institutions=[(DAY_1, [SAME_BODY])]
    )
    assert merges(registers) == []


def test_an_id_leads_through_all_merges_to_the_subject_that_stands() -> None:
    assert resolve({"a": "b", "b": "c", "x": "c"}) == {"a": "c", "b": "c", "x": "c"}


def test_the_other_register_speaks_for_a_subject_that_the_first_no_longer_lists(
    few_rows: SparkSession, catalog: Catalog, second: Registers
) -> None:
    third = build(
        few_rows, catalog, DAY_3, [(DAY_3, [SHOP_ROW])], institutions=[(DAY_3, [SAME_BODY])], parent=second
    )
    assert ("云山商贸 有限公司", "institution_register", True) in open_subjects(third).values()
    assert len(open_subjects(third)) == 2


def test_ids_of_an_earlier_archive_are_events_once_and_survive_a_build_from_nothing(
    few_rows: SparkSession, catalog: Catalog, first: Registers
) -> None:
    company = next(
        subject for subject, facts in open_subjects(first).items() if facts[0] == "云山商贸有限公司"
    )
    brought = few_rows.createDataFrame(
        [
            ("QY-1", company, "uscc", DAY_2),
            ("QY-1", company, "uscc", DAY_3),
            ("QY-2", company, "reg_no", DAY_3),
        ],
        "subject_id string, other_subject_id string, reason string, known_from date",
    )
    rows = [(DAY_1, [COMPANY_ROW, SHOP_ROW])]
    second = build(few_rows, catalog, DAY_3, rows, parent=first, migrated=brought)
    events = [tuple(row) for row in second.subject_changes.orderBy("subject_id").collect()]
    assert events == [
        ("QY-1", "migrated", company, "uscc", DAY_2), ("QY-2", "migrated", company, "reg_no", DAY_3),
    ]  # fmt: skip
    third = build(few_rows, catalog, DAY_3, rows, parent=second, migrated=brought)
    anew = build(few_rows, catalog, DAY_3, rows, migrated=brought)
    for registers in (third, anew):
        found = [tuple(row) for row in registers.subject_changes.orderBy("subject_id").collect()]
        assert found == events
