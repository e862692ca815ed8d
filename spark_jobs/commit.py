"""Standardise as a step: waiting batches in, one attempt folder per dataset, one commit per batch.

All waiting batches of a dataset go through Spark in one pass into `records/…/<attempt>/`. What was written
is then counted and described from its bytes, and each batch gets its manifests: rejects first, records last;
that exclusive create is the commit. A batch whose share of refused rows is out of bounds is blocked: its
manifest lists no records.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.calendar import work_calendar
from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.receipts import Batch
from creditlake.records import (
    STANDARDISE_STEP,
    STANDARDISE_VERSION,
    RecordBatch,
    check_share,
    list_records,
)
from creditlake.storage import (
    FileEntry,
    Lake,
    ObjectExists,
    StepManifest,
    code_version,
    now_utc,
    peak_memory_mb,
    write_manifest,
)
from spark_jobs.engine import ENGINE, DataFrame, SparkSession, make_frame, other_processes
from spark_jobs.standardising import OUTCOMES, standardise
from spark_jobs.tables import read_cells, write_table

LOG = logging.getLogger("creditlake.standardise")
KEPT = ("accepted", "held")
LOST = ("rejected", "dropped")


@dataclass(frozen=True)
class StepContext:
    """What a run of the step works with."""

    spark: SparkSession
    lake: Lake
    catalog: Catalog
    key: bytes
    scratch: Path


def list_waiting(lake: Lake, catalog: Catalog, until: date) -> dict[str, list[RecordBatch]]:
    """Return the batches with cells and without current records, by dataset."""
    found = {
        name: [batch for batch in list_records(lake, catalog, contract, until) if batch.manifest is None]
        for name, contract in catalog.contracts.items()
    }
    return {name: batches for name, batches in found.items() if batches}


def standardise_batches(context: StepContext, batches: Sequence[RecordBatch]) -> list[StepManifest]:
    """Standardise batches of one dataset in one pass and commit each; returns their records manifests."""
    started_at = now_utc()
    contract = batches[0].contract
    attempt = f"records/{contract.department}/{contract.dataset}/{uuid.uuid4().hex[:12]}"
    files = [entry for batch in batches for entry in batch.cells.outputs]
    written: list[FileEntry] = []
    if files:
        cells = read_cells(context.spark, context.lake, files, contract, context.scratch)
        received = describe_batches(context.spark, contract, [found.batch for found in batches])
        records = standardise(cells, contract, context.catalog, context.key, received, placed=True)
        written = write_table(records, context.lake, attempt, context.scratch, ("_batch", "_outcome"))
    return [commit_batch(context, batch, written, started_at) for batch in batches]


def describe_batches(spark: SparkSession, contract: Contract, batches: Sequence[Batch]) -> DataFrame:
    """Return batch_id, _received_date and _late_before of each batch."""
    deadline = contract.reporting_deadline
    rows = [
        (
            batch.batch_id,
            first := batch.first_received_date,
            late_before(first, deadline[1]) if deadline else None,
        )
        for batch in batches
    ]
    return make_frame(spark, rows, "batch_id string, _received_date date, _late_before date")


def late_before(received: date, days: int) -> date | None:
    """Return the first decision date that is not certainly late on `received`; None where nothing is known.

    Deadlines never come earlier for later decisions, so a decision is late if and only if it lies before. A
    deadline beyond the calendar's end is unknown, and unknown is not late.
    """
    calendar = work_calendar()
    decided = received
    while decided.year >= calendar.first_year:
        deadline = calendar.deadline(decided - timedelta(days=1), days)
        if deadline is not None and deadline < received:
            return decided
        decided -= timedelta(days=1)
    return None


def count_defects(lake: Lake, files: Sequence[FileEntry]) -> dict[str, int]:
    """Return the rows that have each code, by code; read back from written files, the codes only."""
    counts: Counter[str] = Counter()
    for entry in files:
        with lake.open(entry.key) as stream:
            for part in pq.ParquetFile(stream).iter_batches(columns=["defects.list.element.code"]):
                defects = part.column("defects")
                found = pa.table(
                    {
                        "row": pc.list_parent_indices(defects),
                        "code": pc.struct_field(pc.list_flatten(defects), "code"),
                    }
                )
                for pair in found.group_by(["row", "code"]).aggregate([])["code"].value_counts():
                    counts[pair["values"].as_py()] += pair["counts"].as_py()
    return dict(sorted(counts.items()))


def commit_batch(
    context: StepContext,
    batch: RecordBatch,
    written: Sequence[FileEntry],
    started_at: datetime,
) -> StepManifest:
    """Write the rejects manifest, then the records manifest; if another run was first, its result stands."""
    own = [entry for entry in written if f"/_batch={batch.batch.batch_id}/" in entry.key]
    rows = {outcome: sum(entry.rows for entry in own if entry.outcome == outcome) for outcome in OUTCOMES}
    expected = sum(entry.rows for entry in batch.cells.outputs)
    if sum(rows.values()) != expected:
        name = f"{batch.contract.name} {batch.batch.batch_id}"
        raise RuntimeError(f"{name}: {expected} rows of cells became {rows}; nothing committed")
    defects = check_share(
        context.catalog, batch.contract, batch.batch, rows, accepted=batch.is_accepted_by_verdict
    )
    blocked = any(defect.level == "B" for defect in defects)
    manifest = StepManifest(
        step=STANDARDISE_STEP,
        step_version=STANDARDISE_VERSION,
        code_version=code_version(),
        contract_digest=context.catalog.digest(batch.contract),
        status="blocked" if blocked else "ok",
        inputs=batch.cells.outputs,
        outputs=[] if blocked else [entry for entry in own if entry.outcome in KEPT],
        counts={"received": expected, **rows, **count_defects(context.lake, own)},
        defects=defects,
        columns=batch.cells.columns,
        started_at=started_at,
        ended_at=now_utc(),
        peak_memory_mb=peak_memory_mb(other_processes(context.spark)),
        extra={"dataset": batch.contract.name, "batch_id": batch.batch.batch_id, "engine": ENGINE},
    )
    lost = manifest.model_copy(update={"outputs": [entry for entry in own if entry.outcome in LOST]})
    for room, content in (("rejects", lost), ("records", manifest)):
        try:
            write_manifest(context.lake, batch.manifest_key(room), content)
        except ObjectExists:
            LOG.info(
                "%s %s: %s were committed by another run", batch.contract.name, batch.batch.batch_id, room
            )
    LOG.info("%s %s: %s %s", batch.contract.name, batch.batch.batch_id, manifest.status, manifest.counts)
    return manifest
