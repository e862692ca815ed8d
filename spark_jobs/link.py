"""Application: link every current record. `spark-submit link.py --business-date D --build B`.

Two commits: the registers of the build, then its links. The batches a build works with are fixed by the
first one; a retry after it goes on with exactly those, whatever has been received meanwhile. The judgements
that hold on the business date are inputs of the links; a later one makes the next build (see `open_build`).
"""

import argparse
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import reduce

from creditlake.builds import LINK_VERSION, is_outdated
from creditlake.catalog import Catalog, load_catalog
from creditlake.catalog_model import sha256_of
from creditlake.contract import Contract
from creditlake.judgements import find_rulings, list_judgements
from creditlake.records import RecordBatch, settled_records
from creditlake.settings import settings
from creditlake.steps import day
from creditlake.storage import (
    FileEntry,
    Lake,
    ObjectExists,
    StepManifest,
    build_manifest_key,
    code_version,
    find_manifest,
    now_utc,
    open_lake,
    peak_memory_mb,
    read_manifest,
    write_manifest,
)
from creditlake.storage.places import LINK_JUDGEMENTS
from spark_jobs.carrying import (
    Batches,
    Kept,
    RecordFiles,
    batches_of,
    find_ancestor,
    flatten,
    keep_links,
    read_records,
)
from spark_jobs.commit import StepContext
from spark_jobs.counting import count_links
from spark_jobs.duplicates import PLACE
from spark_jobs.engine import (
    ENGINE,
    DataFrame,
    F,
    SparkSession,
    expect_rows,
    hold,
    make_frame,
    other_processes,
    release,
    work_session,
)
from spark_jobs.history import open_rows
from spark_jobs.judging import apply_judgements, list_rulings, rulings_frame
from spark_jobs.linking import asked_for, link_parties, number_owners
from spark_jobs.merging import read_merges
from spark_jobs.naming import legal_name_owners
from spark_jobs.observing import OBSERVED, PLACES, change_columns, observe, observed_columns, prepare_changes
from spark_jobs.parties import is_linked, party_columns, select_parties
from spark_jobs.registers import SCHEMAS, Registers, build_registers
from spark_jobs.session import run_application
from spark_jobs.tables import columns_schema, read_files, write_table

LOG = logging.getLogger("creditlake.link")
ROWS_A_FILE = 1_000_000


def run(business_date: str, build: str, spark: SparkSession | None = None) -> None:
    """Make the registers and links of a build for a business date (ISO), each unless it is committed.

    `spark` is the session to work in; without one a session is opened.
    """
    chosen, until = settings(), day(business_date)
    lake, catalog = open_lake(chosen), load_catalog(chosen.catalog)
    if find_manifest(lake, build_manifest_key("links", build)):
        if is_outdated(lake, build):
            LOG.warning(
                "build %s was linked before the newest judgements; name no build to make the next", build
            )
        LOG.info("build %s is linked already", build)
        return
    registers = find_manifest(lake, build_manifest_key("registers", build))
    current = {} if registers else settled_records(lake, catalog, until)
    with work_session("creditlake link", chosen, spark) as session:
        context = StepContext(session, lake, catalog, chosen.subject_key(), chosen.scratch)
        if registers is None:
            registers = make_registers(context, until, build, current)
        make_links(context, until, build, registers)


def make_registers(
    context: StepContext, business_date: date, build: str, current: Mapping[str, Sequence[RecordBatch]]
) -> StepManifest:
    """Build, write and commit the registers; the manifest fixes the batches of the whole build."""
    started_at = now_utc()
    parent = find_parent(context.lake, build)
    seen = flatten(batches_of(parent)) if parent else {}
    inputs: list[FileEntry] = list(parent.outputs) if parent else []
    observed: list[DataFrame] = []
    change_logs: list[DataFrame] = []
    received: dict[str, str] = {}
    for name, batches in current.items():
        contract = context.catalog.contracts[name]
        register = register_of(context.catalog, contract)
        if contract.subject.kind.startswith("register_") and batches:
            wanted = [found for found in batches if found.batch.batch_id not in seen or found is batches[-1]]
            records, places = read_register(context, contract, wanted, batches, observed_columns(contract))
            observed.append(observe(records, contract, places))
        elif register and batches:
            wanted = batches
            records, places = read_register(context, contract, wanted, batches, change_columns(contract))
            change_logs.append(prepare_changes(records, contract, register, places, context.key))
        else:
            continue
        inputs += [entry for found in wanted for entry in found.outputs]
        received |= {found.batch.batch_id: found.batch.received_date.isoformat() for found in batches}
    fixed = {
        name: {found.batch.batch_id: found.manifest_key("records") for found in batches}
        for name, batches in current.items()
    }
    extra: dict[str, object] = {
        "build": build,
        "business_date": business_date.isoformat(),
        "parent": parent.extra["build"] if parent else None,
        "batches": fixed,
        "received": received,
    }
    if parent and is_unchanged(parent, fixed, received):
        LOG.info("nothing new in any register: those of build %s stand", parent.extra["build"])
        outputs = parent.outputs
        return commit(context, "registers", build, outputs, outputs, count_rows(outputs), extra, started_at)
    expect_rows(context.spark, sum(entry.rows for entry in inputs))
    written: dict[str, list[FileEntry]] = {}
    attempt = uuid.uuid4().hex[:12]

    def settle(name: str, table: DataFrame) -> DataFrame:
        files = write_table(table, context.lake, f"registers/{build}/{name}/{attempt}", context.scratch)
        written[name] = files
        return read_files(context.spark, context.lake, files, SCHEMAS[name], context.scratch)

    build_registers(
        context.spark,
        reduce(DataFrame.unionByName, observed) if observed else make_frame(context.spark, [], OBSERVED),
        reduce(DataFrame.unionByName, change_logs) if change_logs else None,
        read_registers(context, parent.outputs) if parent else None,
        context.key,
        business_date,
        settle,
    )
    outputs = [entry for name in SCHEMAS for entry in written[name]]
    return commit(context, "registers", build, inputs, outputs, count_rows(outputs), extra, started_at)


def is_unchanged(parent: StepManifest, fixed: Batches, received: Mapping[str, str]) -> bool:
    """Whether registers would come out as the parent's: the same version made them from the same records."""
    before, now = flatten(batches_of(parent)), flatten(fixed)
    return (
        parent.step_version == LINK_VERSION
        and parent.extra["received"] == received
        and all(before[batch] == now[batch] for batch in received)
    )


def register_of(catalog: Catalog, contract: Contract) -> str | None:
    """Return the register whose change log a dataset is: it cites the register's own keys and has no name."""
    subject = contract.subject
    if subject.kind != "legal_entity" or not subject.source_key or subject.name:
        return None
    return next(
        other.name
        for other in catalog.contracts.values()
        if other.department == contract.department and other.subject.kind == "register_legal"
    )


def read_register(
    context: StepContext,
    contract: Contract,
    wanted: Sequence[RecordBatch],
    batches: Sequence[RecordBatch],
    columns: Sequence[str],
) -> tuple[DataFrame, DataFrame]:
    """Return the records of the wanted batches, and the place of every batch in receipt order."""
    files = [entry for found in wanted for entry in found.outputs]
    schema = columns_schema(columns, contract)
    records = read_files(context.spark, context.lake, files, schema, context.scratch)
    places = [
        (found.batch.batch_id, rank, found.batch.received_date, rank == len(batches) - 1)
        for rank, found in enumerate(batches)
    ]
    return records, make_frame(context.spark, places, PLACES)


def read_registers(context: StepContext, files: Sequence[FileEntry]) -> Registers:
    """Read a registers build back from its files."""
    return Registers(
        **{
            name: read_files(context.spark, context.lake, files_of(files, name), schema, context.scratch)
            for name, schema in SCHEMAS.items()
        }
    )


def files_of(files: Sequence[FileEntry], table: str) -> list[FileEntry]:
    """Return the files of one table of a build: `<room>/<build>/<table>/<attempt>/part-…`."""
    return [entry for entry in files if entry.key.split("/")[2] == table]


def find_parent(lake: Lake, build: str) -> StepManifest | None:
    """Return the manifest of the newest registers before this build; build names sort by date and attempt."""
    earlier = [
        key
        for key in lake.list_keys("registers")
        if key.endswith("/_manifest.json") and key.split("/")[1] < build
    ]
    return read_manifest(lake, max(earlier)) if earlier else None


def make_links(
    context: StepContext, business_date: date, build: str, made: StepManifest, *, anew: bool = False
) -> StepManifest:
    """Link the records of the build's batches, write and commit.

    Links of an ancestor that still hold are taken over, unless all are to be made `anew`.
    """
    started_at = now_utc()
    in_force = [row for row in context.catalog.rules.linking if row.in_force(business_date)]
    endings = context.catalog.rules.full_name_endings
    rules = sha256_of([[row.model_dump(mode="json") for row in in_force], endings])
    registers = read_registers(context, made.outputs)
    judgements = list_judgements(context.lake, business_date)
    rulings = list_rulings(find_rulings(judgements), read_merges(registers.subject_changes))
    records = linked_records(context, batches_of(made))
    kept = None
    if not anew and (ancestor := find_ancestor(context.lake, made, rules)):
        used = {entry.key for entry in ancestor.links.inputs}
        old = find_rulings([judgement for judgement in judgements if judgement.key in used])
        before = read_registers(context, ancestor.registers.outputs)
        old_rulings = list_rulings(old, read_merges(before.subject_changes))
        kept = keep_links(context, ancestor, made, registers, records, {*old_rulings} ^ {*rulings})
    files = [entry for of_dataset in records.values() for entries in of_dataset.values() for entry in entries]
    rows = sum(entry.rows for entry in files)
    anew_rows = rows - kept.rows if kept else rows
    expect_rows(context.spark, anew_rows)
    parties = gather_parties(context, records, kept)
    identifiers, names = open_rows(registers.identifiers), open_rows(registers.names)
    if kept:
        parties = hold(parties)
    asked = asked_for(identifiers, parties) if kept else identifiers
    linked = link_parties(
        parties,
        number_owners(asked, names),
        legal_name_owners(names, open_rows(registers.roles), endings),
        {(row.tier, row.subject_kind): row.outcome for row in in_force},
    )
    links = apply_judgements(linked, rulings_frame(context.spark, rulings))
    prefix = f"links/{build}/links/{uuid.uuid4().hex[:12]}"
    outputs = write_table(
        links, context.lake, prefix, context.scratch, files=max(2, anew_rows // ROWS_A_FILE)
    )
    if kept:
        outputs += kept.files or write_table(kept.links, context.lake, f"{prefix}-kept", context.scratch)
        release(kept.places)
        release(parties)
    if sum(entry.rows for entry in outputs) != rows:
        raise RuntimeError(
            f"build {build}: {rows} records became {count_rows(outputs)} links; nothing committed"
        )
    counts, found = count_links(context, outputs)
    extra: dict[str, object] = {
        "build": build,
        "business_date": business_date.isoformat(),
        "rules": rules,
        **found,
    }
    keys = {judgement.key for judgement in judgements}
    read = [entry for entry in context.lake.describe_files(LINK_JUDGEMENTS) if entry.key in keys]
    return commit(context, "links", build, [*made.outputs, *files, *read], outputs, counts, extra, started_at)


def linked_records(context: StepContext, batches: Batches) -> RecordFiles:
    """Return the files of all records that a build links."""
    return {
        name: {batch: read_manifest(context.lake, key).outputs for batch, key in of_dataset.items()}
        for name, of_dataset in batches.items()
        if is_linked(context.catalog.contracts[name])
    }


def gather_parties(context: StepContext, records: RecordFiles, kept: Kept | None) -> DataFrame:
    """Return the parties of the records that are linked anew."""
    parties: list[DataFrame] = []
    for name, of_dataset in records.items():
        contract = context.catalog.contracts[name]
        columns = party_columns(contract)
        new = [files for batch, files in of_dataset.items() if not kept or batch not in kept.batches]
        again = [files for batch, files in of_dataset.items() if kept and batch in kept.places_in]
        if new or not parties:
            rows = read_records(context, contract, new, columns)
            parties.append(select_parties(rows, contract, context.key))
        if kept and again:
            rows = read_records(context, contract, again, columns)
            rows = rows.join(F.broadcast(kept.places), list(PLACE), "left_semi")
            parties.append(select_parties(rows, contract, context.key))
    return reduce(DataFrame.unionByName, parties)


def count_rows(outputs: Sequence[FileEntry]) -> dict[str, int]:
    """Return the rows of each table of a build."""
    counts: dict[str, int] = {}
    for entry in outputs:
        table = entry.key.split("/")[2]
        counts[table] = counts.get(table, 0) + entry.rows
    return counts


def commit(
    context: StepContext,
    room: str,
    build: str,
    inputs: list[FileEntry],
    outputs: list[FileEntry],
    counts: dict[str, int],
    extra: dict[str, object],
    started_at: datetime,
) -> StepManifest:
    """Write a build's manifest; if another run was first, its result stands and is returned."""
    manifest = StepManifest(
        step="link",
        step_version=LINK_VERSION,
        code_version=code_version(),
        contract_digest="",
        status="ok",
        inputs=inputs,
        outputs=outputs,
        counts=counts,
        started_at=started_at,
        ended_at=now_utc(),
        peak_memory_mb=peak_memory_mb(other_processes(context.spark)),
        extra=extra | {"engine": ENGINE},
    )
    key = build_manifest_key(room, build)
    try:
        write_manifest(context.lake, key, manifest)
    except ObjectExists:
        LOG.info("%s of build %s were committed by another run", room, build)
        return read_manifest(context.lake, key)
    LOG.info("%s of build %s: %s", room, build, counts)
    return manifest


def main() -> None:
    """Read the arguments, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--business-date", required=True)
    parser.add_argument("--build", required=True)
    arguments = parser.parse_args()
    run_application(lambda: run(arguments.business_date, arguments.build))


if __name__ == "__main__":
    main()
