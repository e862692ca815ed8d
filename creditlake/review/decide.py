"""Take a reviewed workbook back: every good row becomes a judgement, every bad one is named with its cure.

A row that was taken before is known by its words, so a file read twice changes nothing, whatever has been
decided or linked in between.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from creditlake.builds import BUILD_NAME
from creditlake.catalog import Catalog
from creditlake.duck import open_duckdb
from creditlake.judgements import Decision, Judgement, list_known_ids, write_judgements
from creditlake.marts.database import read_parquet
from creditlake.review.queue import ReviewItem, read_queue
from creditlake.review.sheet import DECISION, DECISIONS, NUMBER, REASON, STATE, SUBJECT, DecidedRow
from creditlake.settings import Settings
from creditlake.storage import FileEntry, Lake, build_manifest_key, find_manifest

SUBJECT_ID = re.compile(r"[LN][0-9A-Za-z]+")
PARTY = re.compile(r"[0-9a-f]{20}")
STATE_SHAPE = re.compile(rf"({BUILD_NAME.pattern})/[0-9a-f]+")
EXPORT_AGAIN = "export the queue again and decide on what it says now"


class BadRow(Exception):
    """A row that cannot be taken; the message says why and what to do, without a delivered value."""


@dataclass(frozen=True)
class Imported:
    """What became of a workbook. `errors` name row and cure."""

    taken: tuple[Judgement, ...]
    known: int
    undecided: int
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Clerk:
    """Who brings a workbook back, and when."""

    name: str
    business_date: date
    now: datetime


def import_rows(
    lake: Lake, catalog: Catalog, chosen: Settings, build: str, rows: Sequence[DecidedRow], clerk: Clerk
) -> Imported:
    """Judge the rows against the queue of a build and write what is good; bad rows are not written.

    A group may stand in several rows only to exclude several subjects.
    """
    items = {item.party: item for item in read_queue(lake, catalog, chosen, build)}
    subjects = find_subjects(lake, chosen, build, rows)
    gone = find_gone(lake, chosen, {row.number: row.state for row in rows if row.number not in items})
    known_ids = list_known_ids(lake)
    judgements: list[Judgement] = []
    decided: dict[str, Decision] = {}
    known, undecided, errors = 0, 0, []
    for row in rows:
        if row.is_open:
            undecided += 1
            continue
        try:
            item = items.get(row.number)
            judgement = judge_row(row, item, subjects, clerk)
            is_known = judgement.judgement_id in known_ids
            if not is_known:
                check_current(judgement, item, gone)
            check_alone(judgement, decided)
            known += is_known
            if not is_known:
                known_ids.add(judgement.judgement_id)
                judgements.append(judgement)
        except BadRow as error:
            errors.append(f"row {row.row_no}: {error}")
    return Imported(tuple(write_judgements(lake, judgements)), known, undecided, tuple(errors))


def judge_row(row: DecidedRow, item: ReviewItem | None, subjects: set[str], clerk: Clerk) -> Judgement:
    """Return what a row says as a judgement; raises BadRow for one that says nothing clear."""
    decision = DECISIONS.get(row.decision)
    if decision is None:
        found = "not one of the decisions" if row.decision else "the decision is missing"
        raise BadRow(f"{DECISION}: {found}; write one of {'、'.join(DECISIONS)}")
    if not row.reason:
        raise BadRow(f"the reason ({REASON}) is missing; say why, it is kept beside the decision")
    if not STATE_SHAPE.fullmatch(row.state):
        raise BadRow(f"{STATE} has been altered; {EXPORT_AGAIN}")
    return Judgement(
        party=row.number,
        decision=decision,
        subject_id=find_subject(row, decision, subjects),
        who=row.reviewer or clerk.name,
        why=row.reason,
        seen=row.state,
        overrules=item.contradicted_by if item else None,
        entered_by=clerk.name,
        business_date=clerk.business_date,
        decided_at=clerk.now,
    )


def find_subject(row: DecidedRow, decision: Decision, subjects: set[str]) -> str | None:
    """Return the subject that a row names, alone or with its name behind it as the candidates show it."""
    if decision is Decision.NONE:
        if row.subject:
            raise BadRow(
                f"{row.decision} goes with no subject ({SUBJECT}); empty the cell, or decide otherwise"
            )
        return None
    if not row.subject:
        raise BadRow(f"{row.decision} needs the subject ({SUBJECT}); copy its id from 候选主体")
    found = SUBJECT_ID.match(row.subject)
    if not found or found[0] not in subjects:
        raise BadRow(f"unknown subject id ({SUBJECT}); copy it whole from 候选主体")
    return found[0]


def check_current(judgement: Judgement, item: ReviewItem | None, gone: set[str]) -> None:
    """Raise BadRow unless the queue still shows what was decided on, and the subject fits it."""
    number = f"{NUMBER} {judgement.party}"
    if item is None and judgement.party in gone:
        raise BadRow(f"{number} has left the queue: its records changed or link now; {EXPORT_AGAIN}")
    if item is None:
        raise BadRow(f"unknown review number ({NUMBER}); copy it whole from the exported workbook")
    if judgement.seen.partition("/")[2] != item.state.partition("/")[2]:
        raise BadRow(f"{number} has changed since the export (疑点、候选主体); {EXPORT_AGAIN}")
    subject = judgement.subject_id
    if subject is None or subject in {candidate.subject_id for candidate in item.candidates}:
        return
    if judgement.decision is Decision.NOT_THIS:
        raise BadRow(f"the subject is no candidate of {number}; copy the id ({SUBJECT}) from 候选主体")
    if subject.startswith("N") != (item.kind == "NATURAL"):
        raise BadRow(f"the subject is of another kind than {number} (当事人类别); choose one that fits it")


def check_alone(judgement: Judgement, decided: dict[str, Decision]) -> None:
    """Raise BadRow for a second decision about a group in one workbook, but for further subjects excluded."""
    before = decided.get(judgement.party)
    if before and not (before is judgement.decision is Decision.NOT_THIS):
        raise BadRow(f"{NUMBER} {judgement.party} is decided twice; keep one of the rows")
    decided[judgement.party] = judgement.decision


def find_subjects(lake: Lake, chosen: Settings, build: str, rows: Sequence[DecidedRow]) -> set[str]:
    """Return those subjects the rows name that a build's registers have."""
    named = {found[0] for row in rows if (found := SUBJECT_ID.match(row.subject))}
    registers = find_manifest(lake, build_manifest_key("registers", build))
    if registers is None or not named:
        return set()
    entries = [entry for entry in registers.outputs if entry.key.split("/")[2] == "subjects"]
    return set(read_column(lake, chosen, entries, "subject_id", named))


def find_gone(lake: Lake, chosen: Settings, states: Mapping[str, str]) -> set[str]:
    """Return those review numbers that were in the queue of the build their row was exported from."""
    builds: dict[str, list[str]] = {}
    for party, state in states.items():
        if PARTY.fullmatch(party) and (found := STATE_SHAPE.fullmatch(state)):
            builds.setdefault(found[1], []).append(party)
    gone: set[str] = set()
    for build, parties in builds.items():
        links = find_manifest(lake, build_manifest_key("links", build))
        if links:
            gone |= set(read_column(lake, chosen, links.outputs, "party", parties))
    return gone


def read_column(
    lake: Lake, chosen: Settings, entries: Sequence[FileEntry], column: str, wanted: Iterable[str]
) -> list[str]:
    """Return which of the wanted values one column of some files has."""
    paths = lake.localise(entries, chosen.scratch)
    if not paths:
        return []
    with open_duckdb(chosen.scratch / "review") as connection:
        query = (
            f"select distinct {column} from {read_parquet(paths)} where {column} in (select unnest($wanted))"  # noqa: S608
        )
        return [value for (value,) in connection.execute(query, {"wanted": sorted(wanted)}).fetchall()]
