"""Roles: a name is a name; only a full document leads to a subject, and what was known is never forgotten."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from creditlake.catalog import Catalog
from creditlake.identifiers import resident_check_char
from spark_jobs.observing import PLACES
from spark_jobs.registers import Registers
from spark_jobs.roles import ROLES_BEFORE, DeliveredRoles, prepare_roles, role_columns, upgrade_roles
from tests.spark.rows import COMPANY, KEY, PERSON, SHOP
from tests.spark.test_registers import (
    COMPANY_ROW,
    DAY_1,
    DAY_2,
    DAY_3,
    NEW_REPRESENTATIVE,
    RESIDENT_ROW,
    SHOP_ROW,
    Snapshots,
    Values,
    build,
    make_rows,
)

PERSONS, SHAREHOLDERS = "market_regulation.entity_person", "market_regulation.entity_shareholder"
OTHER_PERSON = "99000019850615002" + resident_check_char("99000019850615002")
DIRECTOR: Values = {
    "pripid": COMPANY_ROW["pripid"], "uscc": COMPANY, "person_name": "周明", "position_name": "董事长",
    "is_legal_rep": False, "id_type": "RESIDENT_ID", "id_no": PERSON, "reg_date": date(2019, 4, 1),
    "is_minor": False,
}  # fmt: skip
OPERATOR: Values = {**DIRECTOR, "pripid": SHOP_ROW["pripid"], "uscc": SHOP, "position_name": "经营者"}
HOLDER: Values = {
    "pripid": COMPANY_ROW["pripid"], "uscc": COMPANY, "shareholder_name": "周明", "id_type": "RESIDENT_ID",
    "id_no": PERSON, "is_minor": False,
}  # fmt: skip
FIRM: Values = {
    **HOLDER, "shareholder_name": "周明小吃店", "shareholder_uscc": SHOP, "id_type": None, "id_no": None,
}  # fmt: skip
Delivery = Mapping[str, Snapshots]


def deliver(spark: SparkSession, catalog: Catalog, delivery: Delivery, seen: int = 0) -> DeliveredRoles:
    """Return what snapshots of the datasets of roles say; the first `seen` of each were read before."""
    rows, gone = [], {}
    sources = {source.dataset: source for source in catalog.rules.roles.sources}
    for dataset, snapshots in delivery.items():
        contract, columns = catalog.contracts[dataset], role_columns(sources[dataset])
        wanted = [*snapshots[seen:]] or [snapshots[-1]]
        records = [make_rows(spark, contract, columns, f"{dataset}{day}", said) for day, said in wanted]
        places = [
            (f"{dataset}{day}", rank, day, rank == len(snapshots) - 1)
            for rank, (day, _) in enumerate(snapshots)
        ]
        found = reduce(DataFrame.unionByName, records)
        rows.append(
            prepare_roles(found, contract, catalog.rules.roles, spark.createDataFrame(places, PLACES), KEY)
        )
        gone[dataset] = wanted[0][0]
    return DeliveredRoles(reduce(DataFrame.unionByName, rows), gone)


def build_with(
    spark: SparkSession, catalog: Catalog, day: date, delivery: Delivery, seen: int = 0, **others: Any
) -> Registers:
    """Build registers of the company, the shop and one resident, with roles."""
    others = {"natural": [(DAY_1, [RESIDENT_ROW])], **others}
    return build(
        spark, catalog, day, [(DAY_1, [COMPANY_ROW, SHOP_ROW])],
        roles=deliver(spark, catalog, delivery, seen), **others,
    )  # fmt: skip


def persons(*rows: Values) -> Delivery:
    """One snapshot of the register's persons."""
    return {PERSONS: [(DAY_1, rows)]}


def documented(registers: Registers) -> list[dict[str, Any]]:
    """The roles known now that datasets of roles say, with the names of organisation and holder."""
    named = registers.subjects.where("known_to is null").select("subject_id", "current_name")
    holders = named.select(F.col("subject_id").alias("holder_id"), F.col("current_name").alias("holder"))
    found = (
        registers.roles.where(f"known_to is null and source in ('{PERSONS}', '{SHAREHOLDERS}')")
        .join(named, "subject_id")
        .join(holders, "holder_id", "left")
    )
    return sorted((row.asDict() for row in found.collect()), key=str)


def only(registers: Registers) -> dict[str, Any]:
    """The one role that a dataset of roles gives."""
    (row,) = documented(registers)
    return row


def test_a_full_document_with_an_agreeing_name_leads_to_the_person(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    registers = build_with(few_rows, catalog, DAY_1, persons(DIRECTOR))
    row = only(registers)
    assert (row["current_name"], row["role"], row["position"], row["holder"], row["doubt"]) == (
        "云山商贸有限公司", "DIRECTOR", "董事长", "周明", None,
    )  # fmt: skip
    assert (row["valid_from"], row["valid_to"]) == (date(2019, 4, 1), None)
    assert (row["known_from"], row["known_to"], row["is_minor"]) == (DAY_1, None, False)
    assert PERSON not in str([found.asDict() for found in registers.roles.collect()])


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"id_no": None}, "no_document"),
        ({"id_no": "E1234", "id_type": "PASSPORT", "id_no_status": "valid"}, "other_document"),
        ({"id_type": None}, "other_document"),
        ({"id_no_status": "invalid"}, "damaged_number"),
        ({"id_no_status": "repaired"}, "damaged_number"),
        ({"id_no": "990000******0013", "id_no_status": "masked"}, "damaged_number"),
        ({"id_no": OTHER_PERSON}, "unknown_number"),
        ({"person_name": "周大力"}, "name_differs"),
    ],
)
def test_without_a_full_document_the_name_stays_a_name(
    few_rows: SparkSession, catalog: Catalog, change: Values, doubt: str
) -> None:
    row = only(build_with(few_rows, catalog, DAY_1, persons({**DIRECTOR, **change})))
    assert (row["holder_id"], row["doubt"]) == (None, doubt)
    assert row["holder_name"] == change.get("person_name", "周明")


def test_a_former_name_of_the_person_agrees(few_rows: SparkSession, catalog: Catalog) -> None:
    row = only(build_with(few_rows, catalog, DAY_1, persons({**DIRECTOR, "person_name": "周大明"})))
    assert (row["holder_name"], row["holder"], row["doubt"]) == ("周大明", "周明", None)


def test_a_number_that_two_subjects_have_proves_neither(few_rows: SparkSession, catalog: Catalog) -> None:
    same_code = {**SHOP_ROW, "pripid": "3"}
    registers = build(
        few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, SHOP_ROW, same_code])],
        roles=deliver(few_rows, catalog, {SHAREHOLDERS: [(DAY_1, [FIRM])]}),
    )  # fmt: skip
    assert (only(registers)["holder_id"], only(registers)["doubt"]) == (None, "several_owners")


def test_the_representatives_flag_gives_a_second_role_and_a_shop_has_an_operator(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    rows = persons({**DIRECTOR, "is_legal_rep": True}, {**OPERATOR, "is_legal_rep": True})
    found = documented(build_with(few_rows, catalog, DAY_1, rows))
    assert sorted((row["current_name"], row["role"], row["holder"]) for row in found) == [
        ("云山商贸有限公司", "DIRECTOR", "周明"),
        ("云山商贸有限公司", "LEGAL_REP", "周明"),
        ("周明小吃店", "OPERATOR", "周明"),
    ]


def test_the_registers_own_representative_is_a_name_without_proof(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    registers = build_with(few_rows, catalog, DAY_1, persons(DIRECTOR), changes=[NEW_REPRESENTATIVE])
    own = registers.roles.where("source not in ('market_regulation.entity_person')").collect()
    assert sorted((row["role"], row["holder_name"], row["holder_id"], row["doubt"]) for row in own) == [
        ("LEGAL_REP", "林一帆", None, "no_document"),
        ("LEGAL_REP", "高远", None, "no_document"),
        ("OPERATOR", "周明", None, "no_document"),
    ]


def test_an_unknown_position_is_kept_as_other(few_rows: SparkSession, catalog: Catalog) -> None:
    row = only(build_with(few_rows, catalog, DAY_1, persons({**DIRECTOR, "position_name": "顾问"})))
    assert (row["role"], row["position"]) == ("OTHER", "顾问")


def test_an_organisation_holds_shares_by_its_intact_code_and_name(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    rows = [
        FIRM,
        {**FIRM, "shareholder_name": "周明大饭店"},
        {**FIRM, "shareholder_name": "远水建材有限公司", "shareholder_uscc": None},
        {**FIRM, "shareholder_name": "青峰小吃店", "id_type": "RESIDENT_ID", "id_no": PERSON},
        {**FIRM, "shareholder_name": "云山商贸有限公司", "shareholder_uscc": COMPANY},
        HOLDER,
    ]
    found = documented(build_with(few_rows, catalog, DAY_1, {SHAREHOLDERS: [(DAY_1, rows)]}))
    assert {(row["holder_name"], row["holder"], row["doubt"]) for row in found} == {
        ("周明小吃店", "周明小吃店", None),
        ("周明大饭店", None, "name_differs"),
        ("远水建材有限公司", None, "no_document"),
        ("青峰小吃店", None, "two_documents"),
        ("云山商贸有限公司", None, "own_number"),
        ("周明", "周明", None),
    }
    assert {row["role"] for row in found} == {"SHAREHOLDER"}
    assert {row["is_minor"] for row in found} == {None}  # nobody asks a shareholder's age


def test_a_row_whose_own_code_is_another_bodys_gives_no_role(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    assert documented(build_with(few_rows, catalog, DAY_1, persons({**DIRECTOR, "uscc": SHOP}))) == []


def test_a_minor_is_kept_and_marked(few_rows: SparkSession, catalog: Catalog) -> None:
    child = {**DIRECTOR, "is_legal_rep": True, "is_minor": True}
    found = documented(build_with(few_rows, catalog, DAY_1, persons(child)))
    assert {(row["role"], row["is_minor"], row["holder"]) for row in found} == {
        ("DIRECTOR", True, "周明"), ("LEGAL_REP", True, "周明"),
    }  # fmt: skip


def test_what_the_next_snapshot_lacks_has_ended_and_stays_ended(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    manager = {**DIRECTOR, "position_name": "总经理"}
    days: list[tuple[date, Sequence[Values]]] = [(DAY_1, [DIRECTOR, manager])]
    first = build_with(few_rows, catalog, DAY_1, {PERSONS: days})
    days.append((DAY_2, [manager]))
    second = build_with(few_rows, catalog, DAY_2, {PERSONS: days}, seen=1, parent=first)
    ends = {row["role"]: row["valid_to"] for row in documented(second)}
    assert ends == {"DIRECTOR": DAY_2, "MANAGER": None}
    versions = second.roles.where("role = 'DIRECTOR'").orderBy("known_from").collect()
    assert [(row["known_from"], row["known_to"], row["valid_to"]) for row in versions] == [
        (DAY_1, DAY_2, None), (DAY_2, None, DAY_2),
    ]  # fmt: skip
    third = build_with(few_rows, catalog, DAY_3, {PERSONS: days}, seen=2, parent=second)
    assert sorted(map(str, third.roles.collect())) == sorted(map(str, second.roles.collect()))
    anew = build_with(few_rows, catalog, DAY_3, {PERSONS: days})
    assert documented(anew) == [
        row | {"known_from": DAY_1} if row["role"] == "DIRECTOR" else row for row in documented(third)
    ]


def test_a_role_that_comes_back_is_in_force_again(few_rows: SparkSession, catalog: Catalog) -> None:
    days: list[tuple[date, Sequence[Values]]] = [(DAY_1, [DIRECTOR]), (DAY_2, [OPERATOR])]
    second = build_with(few_rows, catalog, DAY_2, {PERSONS: days})
    days.append((DAY_3, [DIRECTOR, OPERATOR]))
    third = build_with(few_rows, catalog, DAY_3, {PERSONS: days}, seen=2, parent=second)
    assert {row["role"]: row["valid_to"] for row in documented(second)} == {
        "DIRECTOR": DAY_2, "OPERATOR": None,
    }  # fmt: skip
    assert {row["role"]: row["valid_to"] for row in documented(third)} == {
        "DIRECTOR": None, "OPERATOR": None,
    }  # fmt: skip


def test_a_person_registered_later_is_found_then(few_rows: SparkSession, catalog: Catalog) -> None:
    first = build_with(few_rows, catalog, DAY_1, persons(DIRECTOR), natural=[])
    second = build_with(few_rows, catalog, DAY_2, persons(DIRECTOR), seen=1, parent=first)
    assert (only(first)["doubt"], only(second)["doubt"]) == ("unknown_number", None)
    assert only(second)["holder"] == "周明"


def test_roles_of_an_earlier_version_are_carried_over(few_rows: SparkSession, catalog: Catalog) -> None:
    first = build_with(few_rows, catalog, DAY_1, persons(DIRECTOR))
    before = first.roles.where("doubt = 'no_document'").withColumn("role", F.lit("legal_rep"))
    columns = [name.split()[0] for name in ROLES_BEFORE.split(", ")]
    old = before.withColumnRenamed("holder_name", "person_name").select(*columns)
    upgraded = upgrade_roles(old, first.subjects, KEY)
    own = first.roles.where("doubt = 'no_document'")
    assert sorted(map(str, upgraded.select(*own.columns).collect())) == sorted(map(str, own.collect()))
