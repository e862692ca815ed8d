"""The exact tiers, one hand-written party each, and the whole of linking against an independent oracle."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import networkx
import pytest
from pyspark.sql import Row, SparkSession

from creditlake.catalog import Catalog
from creditlake.contract import NUMBER_SLOTS as SLOTS
from spark_jobs.linking import link_parties, number_owners
from spark_jobs.naming import legal_name_owners
from spark_jobs.parties import select_parties
from tests.spark.link_cases import (
    CASES,
    IDENTIFIERS,
    LEGAL,
    NAMED,
    NAMES,
    REGISTERED,
    ROLES,
    SERVING,
    Party,
    make_party_records,
)
from tests.spark.rows import COMPANY, KEY


def link(
    spark: SparkSession,
    catalog: Catalog,
    parties: Sequence[Party],
    registered: Sequence[tuple[str, ...]] = REGISTERED,
    named: Sequence[tuple[str, str, bool]] = NAMED,
) -> list[Row]:
    """Link parties as penalties under the catalogue's policy; in the order of the parties."""
    contract = catalog.contracts["market_regulation.penalty_decision"]
    policy: dict[tuple[str, str], str] = {
        (row.tier, row.subject_kind): row.outcome for row in catalog.rules.linking
    }
    identifiers = spark.createDataFrame(registered, IDENTIFIERS)
    names = spark.createDataFrame(named, NAMES)
    links = link_parties(
        select_parties(make_party_records(spark, parties), contract, KEY),
        number_owners(identifiers, names),
        legal_name_owners(names, spark.createDataFrame(SERVING, ROLES), catalog.rules.full_name_endings),
        policy,
    )
    return sorted(links.collect(), key=lambda row: row["row_no"])


@pytest.fixture(scope="module")
def links(few_rows: SparkSession, catalog: Catalog) -> dict[str, Row]:
    rows = link(few_rows, catalog, [party for party, _ in CASES.values()])
    assert len(rows) == len(CASES)
    return dict(zip(CASES, rows, strict=True))


@pytest.mark.parametrize("case", CASES)
def test_a_party_is_linked_by_its_evidence_and_by_nothing_else(links: dict[str, Row], case: str) -> None:
    row, (status, tier, subject, reason, candidates) = links[case], CASES[case][1]
    assert (row["status"], row["tier"], row["subject_id"], row["reason"], row["candidates"]) == (
        status, tier, subject, reason, candidates,
    )  # fmt: skip
    grade = "inferred" if tier in ("repaired_number", "one_edit_away", "unique_name") else "exact"
    assert row["grade"] == (grade if status == "auto" else None)


def test_evidence_names_columns_and_the_kind_of_name_but_no_value(links: dict[str, Row]) -> None:
    assert links["two numbers of one owner"]["evidence"] == "uscc+reg_no; name=current"
    assert links["a USCC and a former name"]["evidence"] == "uscc; name=former"
    assert links["a USCC with a wrong character"]["evidence"] == "uscc~1; name=agrees"
    assert links["a person by a number with a wrong digit"]["evidence"] == "id_no~1; name=agrees"
    assert links["a short unique name alone"]["evidence"] is None
    found = links["a full name of one subject and its representative"]
    assert found["evidence"] == "name=agrees; legal_rep=agrees"


def test_a_tier_that_policy_sends_to_review_or_off_links_nobody(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    contract = catalog.contracts["market_regulation.penalty_decision"]
    identifiers = few_rows.createDataFrame(REGISTERED, IDENTIFIERS)
    names = few_rows.createDataFrame(NAMED, NAMES)
    found = {}
    for outcome in ("auto", "review", "off"):
        policy = {("exact_uscc", "LEGAL"): outcome, ("name_code_conflict", "LEGAL"): "auto"}
        parties = make_party_records(
            few_rows, [{**LEGAL, "uscc": COMPANY}, {**LEGAL, "counterpart_name": "远水建材", "uscc": COMPANY}]
        )
        links = link_parties(
            select_parties(parties, contract, KEY),
            number_owners(identifiers, names),
            legal_name_owners(names, few_rows.createDataFrame(SERVING, ROLES), ()),
            policy,
        )
        found[outcome] = [row["status"] for row in sorted(links.collect(), key=lambda row: row["row_no"])]
    # a contradiction stays for people even where somebody wrote `auto` into the policy
    assert found == {
        "auto": ["auto", "review"],
        "review": ["review", "review"],
        "off": ["unlinked", "review"],
    }


@dataclass
class RandomCity:
    """Subjects with numbers and names, and parties that carry some of them, mixed at random."""

    registered: list[tuple[str, ...]] = field(default_factory=list)
    named: list[tuple[str, str, bool]] = field(default_factory=list)
    parties: list[Party] = field(default_factory=list)

    @classmethod
    def of_seed(cls, seed: int) -> "RandomCity":
        """Draw a city; numbers are few enough to be shared and confused."""
        draw = random.Random(seed)
        city = cls()
        for number in range(60):
            subject = f"L{number:02}"
            code = f"91990000MA{draw.randrange(50):07}"
            city.registered += [
                (subject, "uscc", f"{code}X", "valid"),
                (subject, "org_code", f"{code}X"[8:17], "valid"),
            ]
            if draw.random() < 0.5:
                city.registered.append(
                    (subject, "reg_no", f"99000000000{draw.randrange(1000, 1040)}", "valid")
                )
            city.named.append((subject, f"商号{draw.randrange(40)}", True))
            if draw.random() < 0.4:
                city.named.append((subject, f"旧号{draw.randrange(20)}", False))
        for _ in range(400):
            party = {"counterpart_class": "LEGAL"}
            if draw.random() < 0.95:
                party["counterpart_name"] = draw.choice(city.named)[1]
            for slot, kind in (
                ("uscc", "uscc"),
                ("org_code", "org_code"),
                ("reg_no", "reg_no"),
                ("tax_id", "uscc"),
            ):
                if draw.random() < 0.4:
                    numbers = [value for _, other, value, _ in city.registered if other == kind]
                    party[slot] = draw.choice([*numbers, "99990000ZZ00000000"])
                    if draw.random() < 0.15:
                        party[f"{slot}_status"] = "repaired"
            city.parties.append(party)
        return city

    def judge(self, party: Party) -> tuple[str, str | None]:
        """Link one party by walking a graph of numbers, subjects and names."""
        graph = networkx.Graph()
        graph.add_edges_from(
            (("number", value), ("subject", subject)) for subject, _, value, _ in self.registered
        )
        graph.add_edges_from((("name", name), ("subject", subject)) for subject, name, _ in self.named)
        numbers = {slot: ("number", party[slot]) for slot in SLOTS if slot in party}
        known = {slot: number for slot, number in numbers.items() if number in graph}
        owners = {owner for number in known.values() for owner in graph.neighbors(number)}
        if not owners:
            return "unlinked", None
        name = ("name", party.get("counterpart_name"))
        if len(owners) == 1 and name in graph and graph.has_edge(name, next(iter(owners))):
            return "auto", str(next(iter(owners))[1])
        return "review", None


def test_a_random_city_links_as_a_graph_says(few_rows: SparkSession, catalog: Catalog) -> None:
    city = RandomCity.of_seed(3)
    expected = [city.judge(party) for party in city.parties]
    assert {status for status, _ in expected} == {"auto", "review", "unlinked"}
    runs = [link(few_rows, catalog, city.parties, city.registered, city.named) for _ in range(2)]
    assert [(row["status"], row["subject_id"]) for row in runs[0]] == expected
    assert runs[0] == runs[1]
