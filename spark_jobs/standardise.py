"""Application: standardise every batch that waits. `spark-submit standardise.py --business-date D`."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from creditlake.catalog import load_catalog
from creditlake.records import RecordBatch
from creditlake.settings import settings
from creditlake.steps import day
from creditlake.storage import CorruptObject, Lake, open_lake
from spark_jobs.commit import StepContext, list_waiting, standardise_batches
from spark_jobs.engine import SparkSession, expect_rows, work_session, workers
from spark_jobs.session import run_application

DATASETS_AT_ONCE = 3
LOG = logging.getLogger("creditlake.standardise")


def run(business_date: str, spark: SparkSession | None = None) -> dict[str, int]:
    """Standardise what waits until a business date (ISO); batches by status.

    `spark` is the session to work in; without one a session is opened, but only if there is work.

    A batch whose cells are corrupt stays waiting; the others go on, then CorruptObject is raised.
    """
    chosen = settings()
    lake, catalog = open_lake(chosen), load_catalog(chosen.catalog)
    waiting = list_waiting(lake, catalog, day(business_date))
    waiting, corrupt = set_aside_corrupt(lake, waiting, chosen.scratch)
    counts = {"ok": 0, "blocked": 0}
    if not waiting and corrupt:
        raise corrupt[0]
    if not waiting:
        return counts
    with work_session("creditlake standardise", chosen, spark) as session:
        expect_rows(session, max(map(count_cells, waiting.values())), whole_stage=False)
        context = StepContext(session, lake, catalog, chosen.subject_key(), chosen.scratch)
        # While one dataset is being planned another runs; the largest come first.
        largest_first = sorted(waiting.values(), key=count_cells, reverse=True)
        with workers(DATASETS_AT_ONCE) as pool:
            done = [pool.submit(standardise_batches, context, batches) for batches in largest_first]
        for future in done:
            for manifest in future.result():
                counts[manifest.status] += 1
    if corrupt:
        raise corrupt[0]
    return counts


def set_aside_corrupt(
    lake: Lake, waiting: dict[str, list[RecordBatch]], scratch: Path
) -> tuple[dict[str, list[RecordBatch]], list[CorruptObject]]:
    """Return the batches whose cells are as their manifests say, and the errors of the others."""
    sound: dict[str, list[RecordBatch]] = {}
    errors: list[CorruptObject] = []
    for name, batches in waiting.items():
        for batch in batches:
            try:
                lake.localise(batch.cells.outputs, scratch)
            except CorruptObject as error:
                LOG.error("%s %s is left waiting: %s", name, batch.batch.batch_id, error)
                errors.append(error)
            else:
                sound.setdefault(name, []).append(batch)
    return sound, errors


def count_cells(batches: Sequence[RecordBatch]) -> int:
    """Return the rows that wait in some batches."""
    return sum(entry.rows for batch in batches for entry in batch.cells.outputs)


def main() -> None:
    """Read the arguments, run, log the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--business-date", required=True)
    arguments = parser.parse_args()
    run_application(
        lambda: LOG.info("standardise %s: %s", arguments.business_date, run(arguments.business_date))
    )


if __name__ == "__main__":
    main()
