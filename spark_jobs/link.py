"""Application: link every current record. `spark-submit link.py --business-date D --build B`.

Two commits: the registers of the build, then its links. The batches a build works with are fixed by the
first one; a retry after it goes on with exactly those, whatever has been received meanwhile. The judgements
that hold on the business date are inputs of the links; a later one makes the next build (see `open_build`).
"""

import argparse
import logging
import uuid
from datetime import date
from functools import reduce

from creditlake.builds import is_outdated
from creditlake.catalog import load_catalog
from creditlake.catalog_model import sha256_of
from creditlake.judgements import find_rulings, list_judgements
from creditlake.records import settled_records
from creditlake.settings import settings
from creditlake.steps import day
from creditlake.storage import (
    StepManifest,
    build_manifest_key,
    find_manifest,
    now_utc,
    open_lake,
    read_manifest,
)
from creditlake.storage.places import LINK_JUDGEMENTS
from spark_jobs.build_commit import commit_build, count_rows
from spark_jobs.carrying import (
    Batches,
    Kept,
    RecordFiles,
    batches_of,
    find_ancestor,
    keep_links,
    read_records,
)
from spark_jobs.commit import StepContext
from spark_jobs.counting import count_links
from spark_jobs.duplicates import PLACE
from spark_jobs.engine import DataFrame, F, SparkSession, expect_rows, hold, release, work_session
from spark_jobs.history import open_rows
from spark_jobs.judging import apply_judgements, list_rulings, rulings_frame
from spark_jobs.linking import asked_for, link_parties, number_owners
from spark_jobs.merging import read_merges
from spark_jobs.naming import legal_name_owners
from spark_jobs.parties import is_linked, party_columns, select_parties
from spark_jobs.registering import make_registers, read_registers
from spark_jobs.session import run_application
from spark_jobs.tables import write_table

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
    return commit_build(
        context, "links", build, [*made.outputs, *files, *read], outputs, counts, extra, started_at
    )


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


def main() -> None:
    """Read the arguments, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--business-date", required=True)
    parser.add_argument("--build", required=True)
    arguments = parser.parse_args()
    run_application(lambda: run(arguments.business_date, arguments.build))


if __name__ == "__main__":
    main()
