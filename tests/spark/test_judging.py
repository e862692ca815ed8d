"""Judgements over links: what people decide outranks the machine, and what contradicts it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from pyspark.sql import Row, SparkSession

from creditlake.catalog import Catalog
from creditlake.judgements import Decision, Judgement, find_rulings
from spark_jobs.judging import CONTRADICTED, apply_judgements, list_rulings, rulings_frame
from spark_jobs.linking import (
    doubt_conditions,
    link_parties,
    number_owners,
)
from spark_jobs.merging import Merges
from spark_jobs.naming import BY_NAME, legal_name_owners
from spark_jobs.parties import select_parties
from spark_jobs.register_facts import SUBJECT_TYPES
from tests.deliveries import DAY
from tests.spark.link_cases import (
    CASES,
    FULL,
    IDENTIFIERS,
    LEGAL,
    NAMED,
    NAMES,
    NATURAL,
    OTHER,
    REGISTERED,
    ROLES,
    SERVING,
    Party,
    make_party_records,
)  # fmt: skip
from tests.spark.rows import COMPANY, KEY, PERSON

NOW = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
CONFLICT = {**LEGAL, "counterpart_name": "远水建材", "uscc": COMPANY}  # L1's code, L2's name
EXACT = {**LEGAL, "uscc": COMPANY}
TWINS = {**LEGAL, "counterpart_name": "双胞胎", "reg_no": "990000000000023"}  # L5 and L6


def judge(
    party: str,
    decision: Decision,
    subject: str | None = None,
    *,
    overrules: str | None = None,
    minute: int = 0,
) -> Judgement:
    """Return a judgement of a party."""
    return Judgement(
        party=party, decision=decision, subject_id=subject, who="林", why="核对档案", seen="20261117-01/0",
        overrules=overrules, entered_by="林", business_date=DAY, decided_at=NOW.replace(minute=minute),
    )  # fmt: skip


class Desk:
    """Parties linked by the machine once, then under any judgements."""

    def __init__(self, spark: SparkSession, catalog: Catalog) -> None:
        self.spark, self.catalog = spark, catalog

    def link(
        self, parties: Sequence[Party], *judgements: Judgement, merges: Merges | None = None
    ) -> list[Row]:
        """Link parties under judgements, in the order of the parties."""
        contract = self.catalog.contracts["market_regulation.penalty_decision"]
        policy: dict[tuple[str, str], str] = {
            (row.tier, row.subject_kind): row.outcome for row in self.catalog.rules.linking
        }
        names = self.spark.createDataFrame(NAMED, NAMES)
        links = link_parties(
            select_parties(make_party_records(self.spark, parties), contract, KEY),
            number_owners(self.spark.createDataFrame(REGISTERED, IDENTIFIERS), names),
            legal_name_owners(
                names, self.spark.createDataFrame(SERVING, ROLES), self.catalog.rules.full_name_endings
            ),
            policy,
        )
        judged = apply_judgements(
            links, rulings_frame(self.spark, list_rulings(find_rulings(judgements), merges or {}))
        )
        return sorted(judged.collect(), key=lambda row: row["row_no"])

    def digest(self, party: Party) -> str:
        """Return a party's digest."""
        contract = self.catalog.contracts["market_regulation.penalty_decision"]
        (row,) = (
            select_parties(make_party_records(self.spark, [party]), contract, KEY).select("party").collect()
        )
        return str(row["party"])


@pytest.fixture
def desk(few_rows: SparkSession, catalog: Catalog) -> Desk:
    return Desk(few_rows, catalog)


def outcome(row: Row) -> tuple[object, ...]:
    """What became of a link."""
    return (
        row["status"],
        row["grade"],
        row["tier"],
        row["subject_id"],
        row["candidates"],
        row["contradicted_by"],
    )


def test_a_judged_party_is_linked_and_its_evidence_names_the_judgement(desk: Desk) -> None:
    judgement = judge(desk.digest(CONFLICT), Decision.LINK, "L2")

    rows = desk.link([CONFLICT, CONFLICT, EXACT], judgement)

    linked = ("judged", "exact", "judgement", "L2", [], None)
    assert [outcome(row) for row in rows] == [linked, linked, ("auto", "exact", "exact_uscc", "L1", [], None)]
    assert rows[0]["evidence"] == f"uscc; name=other; judgement={judgement.judgement_id}"
    assert (rows[0]["reason"], rows[0]["doubts"], rows[0]["judgement_id"]) == (
        None,
        [],
        judgement.judgement_id,
    )
    assert [row["party"] for row in rows] == [judgement.party, judgement.party, None]


def test_a_party_judged_to_be_nobody_stays_unlinked(desk: Desk) -> None:
    judgement = judge(desk.digest(CONFLICT), Decision.NONE)

    (row,) = desk.link([CONFLICT], judgement)

    assert outcome(row) == ("unlinked", None, "judgement", None, [], None)
    assert row["reason"] == "judged_none"
    assert row["evidence"].endswith(f"judgement={judgement.judgement_id}")


def test_an_excluded_candidate_leaves_the_others_in_review_and_none_left_is_unlinked(desk: Desk) -> None:
    party = desk.digest(TWINS)
    first, second = (
        judge(party, Decision.NOT_THIS, "L5"),
        judge(party, Decision.NOT_THIS, "L6", minute=1),
    )

    (one_left,) = desk.link([TWINS], first)
    (none_left,) = desk.link([TWINS], first, second)

    assert outcome(one_left) == ("review", None, "several_owners", None, ["L6"], None)
    assert outcome(none_left) == ("unlinked", None, "judgement", None, [], None)
    assert none_left["reason"] == "judged_not_this"


def test_the_machine_never_links_to_an_excluded_subject_and_says_that_it_would(desk: Desk) -> None:
    (row,) = desk.link([EXACT], judge(desk.digest(EXACT), Decision.NOT_THIS, "L1"))

    assert outcome(row) == ("unlinked", None, "judgement", None, ["L1"], "L1")
    assert row["doubts"] == [CONTRADICTED]


def test_newer_exact_evidence_is_reported_and_does_not_override(desk: Desk) -> None:
    linked = desk.link([EXACT], judge(desk.digest(EXACT), Decision.LINK, "L2"))
    nobody = desk.link([EXACT], judge(desk.digest(EXACT), Decision.NONE))
    agreeing = desk.link([EXACT], judge(desk.digest(EXACT), Decision.LINK, "L1"))
    known = desk.link([EXACT], judge(desk.digest(EXACT), Decision.LINK, "L2", overrules="L1"))

    assert outcome(linked[0]) == ("judged", "exact", "judgement", "L2", ["L1", "L2"], "L1")
    assert outcome(nobody[0]) == ("unlinked", None, "judgement", None, ["L1"], "L1")
    assert outcome(agreeing[0]) == ("judged", "exact", "judgement", "L1", [], None)
    assert outcome(known[0]) == ("judged", "exact", "judgement", "L2", [], None)


def test_a_judgement_about_an_absorbed_subject_speaks_of_the_one_that_stands(desk: Desk) -> None:
    merges = {"L9": "L1", "L7": "L5"}
    (linked,) = desk.link([EXACT], judge(desk.digest(EXACT), Decision.LINK, "L9"), merges=merges)
    (excluded,) = desk.link([TWINS], judge(desk.digest(TWINS), Decision.NOT_THIS, "L7"), merges=merges)

    assert outcome(linked) == ("judged", "exact", "judgement", "L1", [], None)
    assert outcome(excluded) == ("review", None, "several_owners", None, ["L6"], None)


def test_an_inferred_link_is_no_evidence_against_a_judgement(desk: Desk) -> None:
    inferred = CASES["a USCC with a wrong character"][0]
    (row,) = desk.link([inferred], judge(desk.digest(inferred), Decision.LINK, "L2"))

    assert outcome(row) == ("judged", "exact", "judgement", "L2", [], None)


def test_a_party_is_the_same_in_any_spelling_of_its_name_and_another_with_any_other_fact(desk: Desk) -> None:
    same = {**EXACT, "counterpart_name": "云山 商貿"}
    others: list[Party] = [
        CONFLICT, TWINS, {**EXACT, "uscc": OTHER}, {**EXACT, "uscc_status": "repaired"},
        {**EXACT, "counterpart_class": "INDIVIDUAL_BUSINESS"}, {**LEGAL, "tax_id": COMPANY},
        {**NATURAL, "id_no": PERSON}, {**NATURAL, "id_no": PERSON, "id_type": "PASSPORT"},
        FULL, {**FULL, "legal_rep_name": "林一帆"},
    ]  # fmt: skip

    assert desk.digest(same) == desk.digest(EXACT) == desk.digest({**EXACT, "legal_rep_name": "林一帆"})
    assert len({desk.digest(party) for party in [EXACT, *others]}) == 1 + len(others)
    assert all(len(desk.digest(party)) == 20 for party in others)


def test_every_doubt_is_told_the_gravest_first(desk: Desk) -> None:
    parties = {case: party for case, (party, expected) in CASES.items() if expected[0] == "review"}
    found = dict(zip(parties, (row["doubts"] for row in desk.link(list(parties.values()))), strict=True))

    assert found == {
        "a USCC and the name of another": ["name_of_another"],
        "a USCC and a name of nobody": ["name_conflict"],
        "a USCC without a name": ["name_missing"],
        "two numbers of two owners": ["codes_disagree"],
        "a number of two owners": ["several_owners"],
        "a repaired USCC and a name of nobody": ["name_conflict", "repaired_number"],
        "a person by a repaired number": ["repaired_number"],
        "a code one character from two siblings of one name": ["several_near"],
        "a code one character from two siblings of which one has the name": ["several_near"],
        "a registered code that fails its check": ["doubtful_number"],
        "a shop with its operator's number for a code": ["wrong_archive", "document_type"],
        "a person with another name": ["name_conflict"],
        "a person without a document type": ["document_type"],
        "a person with a company's code": ["wrong_archive", "name_conflict"],
        "a full name and another representative": ["name_alone"],
        "a full name without a representative": ["name_alone"],
        "a full name of two subjects and the representative of one": ["name_alone"],
        "a full name and a damaged number": ["name_alone"],
        "a shop of a full name with its representative": ["unique_name"],
    }


def test_every_doubt_and_every_kind_of_subject_has_its_words(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    named = {*doubt_conditions(), "name_of_another", "several_near", *BY_NAME, CONTRADICTED}
    assert {row.doubt for row in catalog.rules.doubts} == named
    assert set(catalog.rules.subject_types) == {*SUBJECT_TYPES.values(), "OTHER_ORG", "NATURAL_PERSON"}
