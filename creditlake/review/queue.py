"""The review queue (人工复核清单): records that no machine may link, in groups that one decision settles.

A group is one party as delivered: kind, name in its comparison form, numbers and how sound they are, whatever
dataset they came in. Its state is a hash of what a reviewer is shown: when a doubt or a candidate has changed
since, the decision was about something else and is not taken.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from creditlake.builds import business_date_of
from creditlake.catalog import Catalog
from creditlake.contract import NUMBER_SLOTS, Contract
from creditlake.duck import quote_name
from creditlake.review.masked import mask_number, mask_text, review_mask
from creditlake.review.rows import QUEUED, current_rows, linked_datasets, open_rows, party_columns
from creditlake.settings import Settings
from creditlake.storage import Lake

STATE_HEX = 8


@dataclass(frozen=True)
class Candidate:
    """A subject that the machine found and may not choose."""

    subject_id: str
    name: str
    subject_type: str
    division: str


@dataclass(frozen=True)
class ReviewItem:
    """One group of records. Numbers and name are as delivered, a person's documents masked."""

    party: str
    build: str
    status: str
    kind: str | None
    name: str | None
    numbers: Mapping[str, tuple[str, str]]  # slot → number, status; without what was not delivered
    doubts: tuple[str, ...]  # in the order of catalog/rules/linking.yml
    candidates: tuple[Candidate, ...]
    records: int
    datasets: tuple[str, ...]
    deadline: date | None  # the earliest legal deadline of publication; None if none is known
    received: date
    judgement_id: str | None = None
    contradicted_by: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether a person has to decide: nobody has, or newer exact evidence contradicts who has."""
        return self.status == "review" or self.contradicted_by is not None

    @property
    def state(self) -> str:
        """The build and a hash of doubts and candidates: what the decision was made on."""
        shown = repr((self.doubts, self.candidates, self.judgement_id)).encode()
        return f"{self.build}/{hashlib.sha256(shown).hexdigest()[:STATE_HEX]}"

    def sort_key(self) -> tuple[date, int, str]:
        """The oldest deadline first, then what settles most records."""
        return self.deadline or self.received, -self.records, self.party


@dataclass
class Group:
    """A party's rows of all datasets while they are added up."""

    link: Mapping[str, Any]
    records: int = 0
    datasets: list[str] = field(default_factory=list)
    deadlines: list[date] = field(default_factory=list)
    received: list[date] = field(default_factory=list)


def read_queue(lake: Lake, catalog: Catalog, chosen: Settings, build: str) -> list[ReviewItem]:
    """Return every group that a person has to decide or has decided, in the order of urgency.

    Raises BuildError when the build is not linked, CorruptObject for a damaged file.
    """
    datasets = linked_datasets(lake, chosen, build, QUEUED)
    if not datasets:
        return []
    groups: dict[str, Group] = {}
    with open_rows(lake, catalog, chosen, build, datasets) as connection:
        # Once for all datasets: the links of a city are millions, those in the queue few.
        connection.execute(f"create temp table queued as select * from linking.links where {QUEUED}")  # noqa: S608
        for name in datasets:
            add_dataset(groups, connection, catalog, catalog.contracts[name])
        wanted = {subject for group in groups.values() for subject in group.link["candidates"]}
        subjects = read_subjects(connection, catalog, wanted)
    items = [make_item(catalog, build, party, group, subjects) for party, group in groups.items()]
    return sorted(items, key=ReviewItem.sort_key)


def add_dataset(
    groups: dict[str, Group], connection: duckdb.DuckDBPyConnection, catalog: Catalog, contract: Contract
) -> None:
    """Add the groups of one dataset's current rows."""
    links = ("status", "subject_kind", "candidates", "doubts", "judgement_id", "contradicted_by")
    columns = party_columns(contract) | {name: f"links.{name}" for name in links}
    fields = ", ".join(f"{quote_name(name)} := {text}" for name, text in columns.items())
    decided = contract.reporting_deadline
    first_decided = f"min(rows.{quote_name(decided[0])})" if decided else "null"
    query = (
        f"select links.party, arg_min(struct_pack({fields}), rows.row_key), count(*),"
        f" min(rows.received_date), {first_decided} {current_rows(contract)} group by links.party"
    )
    for party, link, records, received, decision_date in connection.execute(query).fetchall():
        group = groups.setdefault(party, Group(link))
        group.records += records
        group.datasets.append(contract.name)
        group.received.append(received)
        deadline = catalog.calendar.deadline(decision_date, decided[1]) if decided and decision_date else None
        group.deadlines += [deadline] if deadline else []


def read_subjects(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, wanted: Iterable[str]
) -> dict[str, Candidate]:
    """Return subjects by id, as the registers know them now."""
    labels = catalog.rules.subject_types
    rows = connection.execute(
        "select subject_id, current_name, subject_type, division_code from linking.subjects"
        " where known_to is null and subject_id in (select unnest($wanted))",
        {"wanted": sorted(wanted)},
    ).fetchall()
    return {
        subject_id: Candidate(subject_id, name or "", labels.get(kind, kind or ""), division or "")
        for subject_id, name, kind, division in rows
    }


def make_item(
    catalog: Catalog, build: str, party: str, group: Group, subjects: Mapping[str, Candidate]
) -> ReviewItem:
    """Return a group as a reviewer sees it."""
    link, mask = group.link, review_mask(catalog.rules, business_date_of(build))
    is_person = link["subject_kind"] == "NATURAL"
    numbers = {
        slot: (mask_number(mask, slot, link[slot], is_person=is_person) or "", link[f"{slot}_status"] or "")
        for slot in NUMBER_SLOTS
        if link[slot] is not None
    }
    rank = {row.doubt: row.order for row in catalog.rules.doubts}
    unknown = [Candidate(subject, "", "", "") for subject in link["candidates"] if subject not in subjects]
    known = [subjects[subject] for subject in link["candidates"] if subject in subjects]
    return ReviewItem(
        party=party,
        build=build,
        status=link["status"],
        kind=link["subject_kind"],
        name=mask_text(mask, link["name"]),
        numbers=numbers,
        doubts=tuple(sorted(link["doubts"], key=lambda doubt: rank[doubt])),
        candidates=(*known, *unknown),
        records=group.records,
        datasets=tuple(group.datasets),
        deadline=min(group.deadlines, default=None),
        received=min(group.received),
        judgement_id=link["judgement_id"],
        contradicted_by=link["contradicted_by"],
    )
