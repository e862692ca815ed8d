"""Which subject an id stands for today: an id of ours, one that a merge absorbed, one of an earlier archive.

An id leads somewhere for ever. Merges are in the registers of the newest linked build, brought-in ids in the
decisions, so that one is found before the next build has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

from creditlake.catalog import Catalog
from creditlake.duck import open_duckdb
from creditlake.marts.database import LINKING, create_linking_view
from creditlake.marts.inputs import by_table
from creditlake.migration.store import list_migrations, read_pairs
from creditlake.settings import Settings
from creditlake.storage import Lake, ObjectMissing, build_manifest_key, read_manifest

TABLES = ("subjects", "identifiers", "names", "subject_changes")


@dataclass(frozen=True)
class Event:
    """An id that leads to another since a day."""

    day: date
    change: str
    subject_id: str
    other_subject_id: str
    told: str  # what proved it; of a migration also which one, and who brought it


@dataclass(frozen=True)
class Standing:
    """Where an id leads, and every event that ends at the same subject, oldest first."""

    asked: str
    subject_id: str
    told: str  # name and kind; of a natural person the kind alone
    events: tuple[Event, ...]


@contextmanager
def open_registers(lake: Lake, chosen: Settings, build: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the subjects, numbers, names and subject changes of a build as views of the schema `linking`."""
    files = by_table(read_manifest(lake, build_manifest_key("registers", build)))
    with open_duckdb(chosen.scratch / "subjects") as connection:
        connection.execute("create schema linking")
        for table in TABLES:
            paths = lake.localise(files.get(table, ()), chosen.scratch)
            create_linking_view(connection, table, LINKING[table], paths)
        yield connection


def read_merges(connection: duckdb.DuckDBPyConnection) -> dict[str, Event]:
    """Return every merge by the absorbed id; they are few."""
    rows = connection.execute(
        "select known_from, change, subject_id, other_subject_id, reason from linking.subject_changes"
        " where change = 'merged'"
    ).fetchall()
    return {row[2]: Event(*row) for row in rows}


def read_migrated(lake: Lake, chosen: Settings) -> list[Event]:
    """Return every brought-in id, oldest migration first."""
    return [
        Event(
            one.business_date,
            "migrated",
            pair.old_id,
            pair.subject_id,
            f"{pair.proven_by}; {one.migration_id} row {pair.row_no}, by {one.who}: {one.why}",
        )
        for one in list_migrations(lake)
        for pair in read_pairs(lake, chosen.scratch, [one])
    ]


def end_of(subject_id: str, merges: Mapping[str, Event]) -> str:
    """Return the subject that stands for one of our own ids."""
    passed = {subject_id}
    while subject_id in merges:
        subject_id = merges[subject_id].other_subject_id
        if subject_id in passed:
            raise ObjectMissing("the merges of this id go round in a circle; the registers are damaged")
        passed.add(subject_id)
    return subject_id


def find_own_ids(
    connection: duckdb.DuckDBPyConnection, merges: Mapping[str, Event], asked: Sequence[str]
) -> dict[str, str]:
    """Return those of some ids that are or were ours, with the subject that stands."""
    found = connection.execute(
        "select distinct subject_id from linking.subjects where subject_id in (select unnest($asked))",
        {"asked": list(asked)},
    ).fetchall()
    ours = {subject for (subject,) in found} | (set(asked) & set(merges))
    return {subject: end_of(subject, merges) for subject in ours}


def find_standing(lake: Lake, catalog: Catalog, chosen: Settings, build: str, asked: str) -> Standing:
    """Return where an id leads; raises ObjectMissing for one that never was an id here.

    The message does not repeat what was asked: it may be a person's number.
    """
    with open_registers(lake, chosen, build) as connection:
        merges, migrated = read_merges(connection), read_migrated(lake, chosen)
        own = find_own_ids(connection, merges, [asked])
        brought = next((one.other_subject_id for one in migrated if one.subject_id == asked), None)
        if asked not in own and brought is None:
            raise ObjectMissing(
                f"no subject, no merged id and no id of an earlier archive is written so in build {build};"
                " ask with the id, not with a number or a name"
            )
        stands = own.get(asked) or end_of(str(brought), merges)
        told = describe(connection, catalog, stands)
    events = [
        event for event in (*merges.values(), *migrated) if end_of(event.other_subject_id, merges) == stands
    ]
    return Standing(asked, stands, told, tuple(sorted(events, key=lambda e: (e.day, e.change, e.subject_id))))


def describe(connection: duckdb.DuckDBPyConnection, catalog: Catalog, subject_id: str) -> str:
    """Return name, kind and division of an organisation; a person's name is for authorised queries."""
    row = connection.execute(
        "select archive, current_name, subject_type, division_code, is_listed from linking.subjects"
        " where known_to is null and subject_id = $subject",
        {"subject": subject_id},
    ).fetchone()
    if row is None:
        return "not in the registers of this build"
    archive, name, kind, division, is_listed = row
    label = catalog.rules.subject_types.get(kind, kind)
    listed = "" if is_listed else ", no longer in its register"
    return f"{name}（{label}，{division}）{listed}" if archive == "L" else f"{label}{listed}"


def standing_lines(standing: Standing) -> Iterator[str]:
    """Yield what `creditlake subject` prints."""
    yield f"{standing.asked} stands for {standing.subject_id}: {standing.told}"
    yield "events 主体变更" if standing.events else "no event: the id was never merged or brought in"
    for event in standing.events:
        yield f"  {event.day} {event.change} {event.subject_id} → {event.other_subject_id} ({event.told})"
