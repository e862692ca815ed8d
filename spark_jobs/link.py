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
from spark_jobs.commit import StepContext
from spark_jobs.engine import (
    ENGINE,
    DataFrame,
    F,
    SparkSession,
    expect_rows,
    make_frame,
    other_processes,
    work_session,
)
from spark_jobs.judging import apply_judgements, rulings_frame
from spark_jobs.linking import legal_name_owners, link_parties, number_owners
from spark_jobs.merging import read_merges
from spark_jobs.observing import OBSERVED, PLACES, change_columns, observe, observed_columns, prepare_changes
from spark_jobs.parties import party_columns, select_parties
from spark_jobs.registers import SCHEMAS, Registers, build_registers
from spark_jobs.session import run_application
from spark_jobs.tables import columns_schema, read_files, write_table

LOG = logging.getLogger("creditlake.link")
ROWS_A_FILE = 1_000_000
CONTRADICTIONS_LISTED = 100


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
    seen = {batch for batches in batches_of(parent).values() for batch in batches} if parent else set()
    inputs: list[FileEntry] = list(parent.outputs) if parent else []
    observed: list[DataFrame] = []
    change_logs: list[DataFrame] = []
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
    extra: dict[str, object] = {
        "build": build,
        "business_date": business_date.isoformat(),
        "parent": parent.extra["build"] if parent else None,
        "batches": {
            name: {found.batch.batch_id: found.manifest_key("records") for found in batches}
            for name, batches in current.items()
        },
    }
    return commit(context, "registers", build, inputs, outputs, count_rows(outputs), extra, started_at)


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


def batches_of(registers: StepManifest) -> dict[str, dict[str, str]]:
    """Return the batches a build works with: dataset, batch id, key of the records manifest."""
    found = registers.extra["batches"]
    assert isinstance(found, dict)
    return found


def make_links(context: StepContext, business_date: date, build: str, made: StepManifest) -> StepManifest:
    """Link the records of the build's batches, write and commit."""
    started_at = now_utc()
    parties: list[DataFrame] = []
    inputs = list(made.outputs)
    for name, batches in batches_of(made).items():
        contract = context.catalog.contracts[name]
        if contract.subject.name is None or contract.subject.kind.startswith("register_"):
            continue
        files = [entry for key in batches.values() for entry in read_manifest(context.lake, key).outputs]
        inputs += files
        schema = columns_schema(party_columns(contract), contract)
        records = read_files(context.spark, context.lake, files, schema, context.scratch)
        parties.append(select_parties(records, contract, context.key))
    rows = sum(entry.rows for entry in inputs) - sum(entry.rows for entry in made.outputs)
    expect_rows(context.spark, rows)
    registers = read_registers(context, made.outputs)
    policy: dict[tuple[str, str], str] = {
        (row.tier, row.subject_kind): row.outcome
        for row in context.catalog.rules.linking
        if row.in_force(business_date)
    }
    judgements = list_judgements(context.lake, business_date)
    keys = {judgement.key for judgement in judgements}
    inputs += [entry for entry in context.lake.describe_files(LINK_JUDGEMENTS) if entry.key in keys]
    linked = link_parties(
        reduce(DataFrame.unionByName, parties),
        number_owners(registers.identifiers, registers.names),
        legal_name_owners(registers.names),
        policy,
    )
    merges = read_merges(registers.subject_changes)
    links = apply_judgements(linked, rulings_frame(context.spark, find_rulings(judgements), merges))
    outputs = write_table(
        links,
        context.lake,
        f"links/{build}/links/{uuid.uuid4().hex[:12]}",
        context.scratch,
        files=max(2, rows // ROWS_A_FILE),
    )
    if sum(entry.rows for entry in outputs) != rows:
        raise RuntimeError(
            f"build {build}: {rows} records became {count_rows(outputs)} links; nothing committed"
        )
    counts, contradictions = count_links(context, outputs)
    extra: dict[str, object] = {
        "build": build,
        "business_date": business_date.isoformat(),
        "contradicted_judgements": contradictions,
    }
    return commit(context, "links", build, inputs, outputs, counts, extra, started_at)


def count_links(
    context: StepContext, outputs: Sequence[FileEntry]
) -> tuple[dict[str, int], list[dict[str, object]]]:
    """Return what was written, read back: the links by status, and by status and tier, with those that
    contradict a judgement; and the contradicted judgements with the subject that evidence points to, at most
    CONTRADICTIONS_LISTED."""
    schema = "status string, tier string, judgement_id string, contradicted_by string"
    links = read_files(context.spark, context.lake, outputs, schema, context.scratch)
    against = F.when(F.col("contradicted_by").isNotNull(), F.col("judgement_id"))
    found = links.groupBy("status", "tier", against.alias("against"), "contradicted_by").count().collect()
    counts: dict[str, int] = {}
    contradictions: list[dict[str, object]] = []
    for status, tier, judgement, subject, count in sorted(found, key=str):
        for name in (status, f"{status}/{tier}"):
            counts[name] = counts.get(name, 0) + count
        if judgement:
            counts["contradicted"] = counts.get("contradicted", 0) + count
            contradictions.append({"judgement_id": judgement, "subject_id": subject, "records": count})
    return counts, contradictions[:CONTRADICTIONS_LISTED]


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
