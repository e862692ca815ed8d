"""What registers and records should not contain, and what becomes of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from creditlake.contract import NUMBER_SLOTS
from creditlake.identifiers import uscc_check_char
from spark_jobs.linking import link_parties, number_owners
from spark_jobs.naming import legal_name_owners
from spark_jobs.parties import select_parties
from tests.deliveries import DAY
from tests.spark.link_cases import IDENTIFIERS, NAMED, NAMES, REGISTERED, ROLES, SERVING
from tests.spark.room import LISTED, REGISTER, Room
from tests.spark.rows import COMPANY, ENTITY, KEY, PENALTY, SHOP, codes, make_records

PLACEHOLDER = "00000000000000000X"
LONG_NAME = "云山" * 248 + "有限公司"
MANY = 3000


def link_rows(
    room: Room, register: list[list[str]], listed: list[list[str]]
) -> dict[str, list[dict[str, Any]]]:
    """Deliver a register and a list, and return the tables of the registers and the links in row order."""
    room.deliver(REGISTER, register)
    room.deliver(LISTED, listed)
    room.standardise()
    registers, links = room.link(DAY, "20261117-01")
    tables: dict[str, list[dict[str, Any]]] = {"subjects": [], "identifiers": [], "alarms": []}
    for row in room.rows(registers):
        for name, column in (("alarms", "alarm"), ("identifiers", "id_kind"), ("subjects", "archive")):
            if column in row:
                tables[name].append(row)
                break
    return tables | {"links": sorted(room.rows(links), key=lambda row: row["row_no"])}


@pytest.fixture
def room(tmp_path: Path, few_rows: SparkSession) -> Room:
    return Room(tmp_path, few_rows)


def test_a_code_that_a_register_has_twice_is_an_alarm_and_goes_to_review_with_both(room: Room) -> None:
    found = link_rows(
        room,
        [["1", COMPANY, "云山商贸"], ["2", COMPANY, "云山商贸"], ["3", SHOP, "周明小吃店"]],
        [["甲1号", "云山商贸", COMPANY], ["甲2号", "周明小吃店", SHOP]],
    )
    alarm, link = found["alarms"][0], found["links"][0]
    assert [(row["code"], row["alarm"], row["id_value"]) for row in found["alarms"]] == [
        ("L02", "one_uscc_two_subjects", COMPANY)
    ]
    assert (link["status"], link["tier"]) == ("review", "several_owners")
    assert sorted(link["candidates"]) == sorted(alarm["subject_ids"])
    assert found["links"][1]["status"] == "auto"


def test_two_codes_on_one_organisation_code_are_an_alarm_and_each_code_still_proves_its_own(
    room: Room,
) -> None:
    other = f"91990001{COMPANY[8:17]}"
    other += uscc_check_char(other)
    found = link_rows(
        room,
        [["1", COMPANY, "云山商贸"], ["2", other, "远水建材"]],
        [["甲1号", "云山商贸", COMPANY], ["甲2号", "远水建材", other], ["甲3号", "远水建材", COMPANY[8:17]]],
    )
    assert [(row["alarm"], row["id_value"]) for row in found["alarms"]] == [
        ("two_uscc_one_org_code", COMPANY[8:17])
    ]
    assert [(row["status"], row["tier"]) for row in found["links"]] == [
        ("auto", "exact_uscc"), ("auto", "exact_uscc"), ("review", "several_owners"),
    ]  # fmt: skip


def test_a_placeholder_in_a_register_is_nobodys_number(room: Room) -> None:
    found = link_rows(
        room,
        [["1", PLACEHOLDER, "云山商贸"], ["2", PLACEHOLDER, "远水建材"], ["3", SHOP, "周明小吃店"]],
        [["甲1号", "云山商贸", PLACEHOLDER], ["甲2号", "周明小吃店", SHOP]],
    )
    assert {row["id_value"] for row in found["identifiers"]} == {SHOP, SHOP[8:17]}
    assert len(found["subjects"]) == 3
    assert found["alarms"] == []
    assert [(row["status"], row["subject_id"] is None) for row in found["links"]] == [
        ("unlinked", True), ("auto", False),
    ]  # fmt: skip


def test_a_name_of_five_hundred_characters_links_where_its_length_is_allowed(room: Room) -> None:
    found = link_rows(
        room,
        [["1", COMPANY, LONG_NAME]],
        [["甲1号", LONG_NAME, COMPANY], ["甲2号", LONG_NAME[:-1], COMPANY]],
    )
    assert len(LONG_NAME) == 500
    assert [(row["status"], row["tier"]) for row in found["links"]] == [
        ("auto", "exact_uscc"), ("review", "name_disagrees"),
    ]  # fmt: skip


def test_a_register_row_without_a_name_is_refused_and_makes_no_subject(room: Room) -> None:
    found = link_rows(
        room,
        [["1", COMPANY, ""], ["2", SHOP, "周明小吃店"], ["3", "", "远水建材"], ["4", "", "高山建材"]],
        [["甲1号", "云山商贸", COMPANY], ["甲2号", "周明小吃店", SHOP]],
    )
    assert {row["current_name"] for row in found["subjects"]} == {"周明小吃店", "远水建材", "高山建材"}
    assert [(row["status"], row["tier"]) for row in found["links"]] == [
        ("unlinked", "register_absent"), ("auto", "exact_uscc"),
    ]  # fmt: skip


def test_the_legal_register_refuses_names_beyond_its_length_and_empty_ones(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    rows = [{**ENTITY, "pripid": "1", "ent_name": LONG_NAME}, {**ENTITY, "pripid": "2", "ent_name": " "}]
    found = (
        make_records(few_rows, catalog, "market_regulation.entity_register", rows).orderBy("row_no").collect()
    )
    assert [(row["outcome"], codes(row)) for row in found] == [
        ("rejected", ["T01 ent_name"]), ("rejected", ["M01 ent_name"]),
    ]  # fmt: skip


def test_a_code_on_many_records_links_every_one(room: Room) -> None:
    found = link_rows(
        room,
        [["1", COMPANY, "云山商贸"], ["2", SHOP, "周明小吃店"]],
        [[f"甲{number}号", "云山商贸", COMPANY] for number in range(MANY)],
    )
    assert len(found["links"]) == MANY
    assert {(row["status"], row["tier"]) for row in found["links"]} == {("auto", "exact_uscc")}
    assert len({row["subject_id"] for row in found["links"]}) == 1


def test_records_are_never_gathered_by_their_number(few_rows: SparkSession, catalog: Catalog) -> None:
    """So a number on many records is no heavier than many numbers on one record each."""
    contract = catalog.contracts["market_regulation.penalty_decision"]
    names = few_rows.createDataFrame(NAMED, NAMES)
    numbers = number_owners(few_rows.createDataFrame(REGISTERED, IDENTIFIERS), names)
    records = make_records(few_rows, catalog, contract.name, [PENALTY])
    policy = {(rule.tier, rule.subject_kind): rule.outcome for rule in catalog.rules.linking}
    parties = select_parties(records, contract, KEY)
    roles = few_rows.createDataFrame(SERVING, ROLES)
    names_borne = legal_name_owners(names, roles, catalog.rules.full_name_endings)
    links = link_parties(parties, numbers, names_borne, policy)
    plan = links._jdf.queryExecution().executedPlan().toString()
    of_records = re.compile(r"Join \[(?:\w+_hash|damaged|archive|asked_name)#")
    joins = [line.strip(" +-:") for line in plan.splitlines() if of_records.search(line)]
    assert len(joins) >= len(NUMBER_SLOTS) + 2  # each column, numbers one edit away, bearers of the name
    assert [join for join in joins if not join.startswith("BroadcastHashJoin")] == []
