"""Registers over several days: what is known, what it was called before, and that nothing is forgotten."""

from collections.abc import Sequence
from datetime import date
from functools import reduce

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.identifiers import uscc_check_char
from spark_jobs.history import merge_versions
from spark_jobs.linking import number_owners
from spark_jobs.observing import PLACES, change_columns, observe, observed_columns, prepare_changes
from spark_jobs.registers import Registers, build_registers
from spark_jobs.roles import DeliveredRoles
from spark_jobs.tables import columns_schema
from tests.spark.rows import COMPANY, KEY, PERSON, REG_NO, SHOP

LEGAL_REGISTER = "market_regulation.entity_register"
NATURAL_REGISTER = "public_security.population_register"
INSTITUTION_REGISTER = "establishment_office.institution_register"
CHANGE_LOG = "market_regulation.entity_change"
DAY_1, DAY_2, DAY_3 = date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)
Values = dict[str, object]
Snapshots = Sequence[tuple[date, Sequence[Values]]]
COMPANY_ROW: Values = {
    "pripid": "9900002026000001", "ent_name": "云山商贸有限公司", "uscc": COMPANY, "reg_no": REG_NO,
    "legal_rep_name": "林一帆", "established_date": date(2016, 3, 7), "division_code": "990001",
    "ent_class": "E", "reg_state": "OPERATING",
}  # fmt: skip
SHOP_ROW: Values = {
    **COMPANY_ROW, "pripid": "9900002026000002", "uscc": SHOP, "reg_no": None, "ent_name": "周明小吃店",
    "ent_class": "P", "legal_rep_name": "周明",
}  # fmt: skip
RESIDENT_ROW: Values = {
    "id_no": PERSON, "person_name": "周明", "former_name": "周大明", "division_code": "990001",
    "state": "NORMAL",
}  # fmt: skip
RENAMING: Values = {
    "pripid": COMPANY_ROW["pripid"], "change_item": "NAME", "before_value": "青峰商贸有限公司",
    "after_value": "云山商贸有限公司", "change_date": date(2020, 5, 6),
}  # fmt: skip
NEW_REPRESENTATIVE: Values = {
    **RENAMING, "change_item": "LEGAL_REP", "before_value": "高远", "after_value": "林一帆",
    "change_date": date(2021, 1, 2),
}  # fmt: skip


def make_rows(
    spark: SparkSession, contract: Contract, columns: Sequence[str], batch_id: str, rows: Sequence[Values]
) -> DataFrame:
    """Return records with some columns; a number that is there is valid unless the row says otherwise."""
    table = []
    for number, row in enumerate(rows, start=2):
        values = {"batch_id": batch_id, "row_no": number, **row}
        for name in columns:
            if name.endswith("_status"):
                values.setdefault(name, "valid" if row.get(name.removesuffix("_status")) else "missing")
        table.append([values.get(name) for name in columns])
    return spark.createDataFrame(table, columns_schema(columns, contract))


def observe_snapshots(spark: SparkSession, catalog: Catalog, dataset: str, snapshots: Snapshots) -> DataFrame:
    """Return what the snapshots of one register say; the last one is the state."""
    contract = catalog.contracts[dataset]
    columns = observed_columns(contract)
    records = [
        make_rows(spark, contract, columns, f"{dataset}-{received}", rows) for received, rows in snapshots
    ]
    places = [
        (f"{dataset}-{received}", rank, received, rank == len(snapshots) - 1)
        for rank, (received, _) in enumerate(snapshots)
    ]
    return observe(reduce(DataFrame.unionByName, records), contract, spark.createDataFrame(places, PLACES))


def build(
    spark: SparkSession, catalog: Catalog, as_of: date, legal: Snapshots, *, natural: Snapshots = (),
    institutions: Snapshots = (), changes: Sequence[Values] = (), parent: Registers | None = None,
    roles: DeliveredRoles | None = None, migrated: DataFrame | None = None,
) -> Registers:  # fmt: skip
    """Build registers; finished tables are kept in memory instead of in files."""
    observed = observe_snapshots(spark, catalog, LEGAL_REGISTER, legal)
    for register, snapshots in ((NATURAL_REGISTER, natural), (INSTITUTION_REGISTER, institutions)):
        if snapshots:
            observed = observed.unionByName(observe_snapshots(spark, catalog, register, snapshots))
    change_log = None
    if changes:
        contract = catalog.contracts[CHANGE_LOG]
        log = make_rows(spark, contract, change_columns(contract), "log", changes)
        places = spark.createDataFrame([("log", 0, legal[0][0], True)], PLACES)
        change_log = prepare_changes(log, contract, LEGAL_REGISTER, places, KEY)
    return build_registers(
        spark, observed, change_log, parent, KEY, as_of,
        lambda _, table: spark.createDataFrame(table.collect(), table.schema), roles, migrated,
    )  # fmt: skip


def open_names(registers: Registers) -> dict[str, tuple[bool, date | None, date | None]]:
    """Return the names known now: current, valid from, valid to."""
    return {
        row["name"]: (row["is_current"], row["valid_from"], row["valid_to"])
        for row in registers.names.where("known_to is null").collect()
    }


@pytest.fixture(scope="module")
def first(few_rows: SparkSession, catalog: Catalog) -> Registers:
    return build(
        few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, SHOP_ROW])], natural=[(DAY_1, [RESIDENT_ROW])],
        changes=[RENAMING, NEW_REPRESENTATIVE],
    )  # fmt: skip


def test_a_subject_is_made_of_each_register_row(first: Registers) -> None:
    subjects = {row["current_name"]: row for row in first.subjects.collect()}
    assert {name: (row["archive"], row["subject_type"]) for name, row in subjects.items()} == {
        "云山商贸有限公司": ("L", "ENTERPRISE"),
        "周明小吃店": ("L", "INDIVIDUAL_BUSINESS"),
        "周明": ("N", "NATURAL_PERSON"),
    }
    company = subjects["云山商贸有限公司"]
    assert (company["state"], company["division_code"], company["is_listed"]) == ("OPERATING", "990001", True)
    assert (company["known_from"], company["known_to"]) == (DAY_1, None)
    for row in subjects.values():
        assert row["subject_id"][0] == row["archive"]
        assert len(row["subject_id"]) == 21
        assert PERSON not in str(row)


def test_numbers_of_a_subject_include_the_organisation_code(first: Registers) -> None:
    (company,) = first.subjects.where("current_name = '云山商贸有限公司'").collect()
    numbers = first.identifiers.where(f"subject_id = '{company['subject_id']}'").collect()
    assert {(row["id_kind"], row["id_value"], row["id_status"]) for row in numbers} == {
        ("uscc", COMPANY, "valid"), ("org_code", COMPANY[8:17], "valid"), ("reg_no", REG_NO, "valid"),
    }  # fmt: skip
    assert {(row["valid_from"], row["valid_to"]) for row in numbers} == {(date(2016, 3, 7), None)}
    persons = first.identifiers.where("id_kind = 'resident_id'").collect()
    assert [row["id_value"] for row in persons] == [PERSON]


def test_the_change_log_gives_former_names_and_representatives(first: Registers) -> None:
    names = open_names(first)
    assert names["云山商贸有限公司"] == (True, date(2020, 5, 6), None)
    assert names["青峰商贸有限公司"] == (False, None, date(2020, 5, 6))
    assert names["周大明"][0] is False
    roles = {row["holder_name"]: (row["valid_from"], row["valid_to"]) for row in first.roles.collect()}
    assert roles["高远"] == (None, date(2021, 1, 2))
    assert roles["林一帆"] == (date(2021, 1, 2), None)


def test_a_second_build_without_news_changes_nothing(
    few_rows: SparkSession, catalog: Catalog, first: Registers
) -> None:
    second = build(
        few_rows, catalog, DAY_2, [(DAY_1, [COMPANY_ROW, SHOP_ROW])], natural=[(DAY_1, [RESIDENT_ROW])],
        changes=[RENAMING, NEW_REPRESENTATIVE], parent=first,
    )  # fmt: skip
    for name, table in first.tables().items():
        again: list[Row] = second.tables()[name].collect()
        assert sorted(map(str, again)) == sorted(map(str, table.collect())), name


def test_a_new_name_and_code_end_the_old_ones_and_keep_them(
    few_rows: SparkSession, catalog: Catalog, first: Registers
) -> None:
    renamed = {**COMPANY_ROW, "ent_name": "白石商贸有限公司", "uscc": "91990000MA0000031Q"}
    second = build(few_rows, catalog, DAY_2, [(DAY_2, [renamed, SHOP_ROW])], parent=first)
    before = {row["source_key_hash"]: row["subject_id"] for row in first.subjects.collect()}
    after = {row["source_key_hash"]: row["subject_id"] for row in second.subjects.collect()}
    assert after == before
    names = open_names(second)
    assert names["白石商贸有限公司"] == (True, None, None)
    assert names["云山商贸有限公司"] == (False, date(2020, 5, 6), DAY_2)
    assert names["青峰商贸有限公司"] == (False, None, date(2020, 5, 6))
    codes = second.identifiers.where("id_kind = 'uscc' and known_to is null").collect()
    assert {row["id_value"]: row["valid_to"] for row in codes} == {
        COMPANY: DAY_2, "91990000MA0000031Q": None, SHOP: None,
    }  # fmt: skip
    versions = second.identifiers.where(f"id_value = '{COMPANY}'").orderBy("known_from").collect()
    assert [(row["known_from"], row["known_to"], row["valid_to"]) for row in versions] == [
        (DAY_1, DAY_2, None), (DAY_2, None, DAY_2),
    ]  # fmt: skip


def test_a_subject_absent_from_the_snapshot_is_unlisted_not_forgotten(
    few_rows: SparkSession, catalog: Catalog, first: Registers
) -> None:
    second = build(few_rows, catalog, DAY_2, [(DAY_2, [COMPANY_ROW])], parent=first)
    listed = {
        row["current_name"]: row["is_listed"] for row in second.subjects.where("known_to is null").collect()
    }
    assert listed == {"云山商贸有限公司": True, "周明小吃店": False, "周明": False}
    assert second.identifiers.where(f"id_value = '{SHOP}' and valid_to is null").count() == 1
    third = build(few_rows, catalog, DAY_3, [(DAY_3, [COMPANY_ROW, SHOP_ROW])], parent=second)
    shop = third.subjects.where("current_name = '周明小吃店'").orderBy("known_from").collect()
    assert [row["is_listed"] for row in shop] == [True, False, True]
    assert len({row["subject_id"] for row in shop}) == 1


def test_two_snapshots_in_one_build_leave_the_name_between_as_a_former_one(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    snapshots = [(DAY_1, [{**COMPANY_ROW, "ent_name": "旧名商贸有限公司"}]), (DAY_2, [COMPANY_ROW])]
    names = open_names(build(few_rows, catalog, DAY_2, snapshots))
    assert names == {
        "云山商贸有限公司": (True, None, None), "旧名商贸有限公司": (False, None, DAY_2),
    }  # fmt: skip


def test_the_last_row_of_a_subject_in_one_snapshot_counts(few_rows: SparkSession, catalog: Catalog) -> None:
    twice = [(DAY_1, [COMPANY_ROW, {**COMPANY_ROW, "ent_name": "更正商贸有限公司"}])]
    registers = build(few_rows, catalog, DAY_1, twice)
    assert [row["current_name"] for row in registers.subjects.collect()] == ["更正商贸有限公司"]


def test_one_code_with_two_names_and_two_codes_on_one_organisation_raise_alarms(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    same_code = {**COMPANY_ROW, "pripid": "3", "ent_name": "冒名商贸有限公司", "reg_no": None}
    part = f"91990001{COMPANY[8:17]}"
    same_part = {**COMPANY_ROW, "pripid": "4", "ent_name": "同码建材有限公司", "reg_no": None,
                 "uscc": part + uscc_check_char(part)}  # fmt: skip
    registers = build(few_rows, catalog, DAY_1, [(DAY_1, [COMPANY_ROW, same_code, same_part])])
    alarms = {(row["alarm"], row["id_value"], len(row["subject_ids"])) for row in registers.alarms.collect()}
    assert alarms == {
        ("one_uscc_two_names", COMPANY, 2), ("two_uscc_one_org_code", COMPANY[8:17], 3),
    }  # fmt: skip
    owners = number_owners(registers.identifiers, registers.names).collect()
    assert max(len(row["owners"]) for row in owners) == 3


def test_a_version_that_was_known_for_no_time_is_none(few_rows: SparkSession) -> None:
    parent = few_rows.createDataFrame(
        [("a", 1, DAY_1, None), ("b", 1, DAY_2, None)], "k string, v int, known_from date, known_to date"
    )
    now = few_rows.createDataFrame(
        [("a", 2, DAY_2), ("b", 2, DAY_2), ("c", 1, DAY_2)], "k string, v int, known_from date"
    )
    merged = sorted(
        tuple(row) for row in merge_versions(now, parent, ["k"], DAY_2).collect() if row["k"] != "a"
    )
    assert merged == [("b", 2, DAY_2, None), ("c", 1, DAY_2, None)]
    changed = [tuple(row) for row in merge_versions(now, parent, ["k"], DAY_2).orderBy("v").collect()]
    assert [row for row in changed if row[0] == "a"] == [("a", 1, DAY_1, DAY_2), ("a", 2, DAY_2, None)]
