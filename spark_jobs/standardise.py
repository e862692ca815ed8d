"""Application: standardise every batch that waits. `spark-submit standardise.py --business-date D`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from creditlake.catalog import load_catalog
from creditlake.records import RecordBatch
from creditlake.settings import settings
from creditlake.storage import open_lake
from spark_jobs.commit import StepContext, list_waiting, standardise_batches
from spark_jobs.session import expect_rows, open_session

DATASETS_AT_ONCE = 3
LOG = logging.getLogger("creditlake.standardise")


def run(business_date: date) -> dict[str, int]:
    """Standardise what waits; batches by status. Without work no Spark is started."""
    chosen = settings()
    lake, catalog = open_lake(chosen), load_catalog(chosen.catalog)
    waiting = list_waiting(lake, catalog, business_date)
    counts = {"ok": 0, "blocked": 0}
    if not waiting:
        return counts
    spark = open_session("creditlake standardise", chosen)
    expect_rows(spark, max(map(count_cells, waiting.values())), whole_stage=False)
    context = StepContext(spark, lake, catalog, chosen.subject_key(), chosen.scratch)
    # While one dataset is being planned another runs; the largest come first.
    largest_first = sorted(waiting.values(), key=count_cells, reverse=True)
    with ThreadPoolExecutor(DATASETS_AT_ONCE) as pool:
        for manifests in pool.map(lambda batches: standardise_batches(context, batches), largest_first):
            for manifest in manifests:
                counts[manifest.status] += 1
    spark.stop()
    return counts


def count_cells(batches: Sequence[RecordBatch]) -> int:
    """Return the rows that wait in some batches."""
    return sum(entry.rows for batch in batches for entry in batch.cells.outputs)


def main() -> None:
    """Read the arguments, run, log the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--business-date", type=date.fromisoformat, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    LOG.info("standardise %s: %s", arguments.business_date, run(arguments.business_date))


if __name__ == "__main__":
    main()
