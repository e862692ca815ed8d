"""Application: standardise the cells of a trial. `spark-submit try_contract.py --contract C --folder F`.

The folder holds cells/ and batch.json and gets records/; nothing of the lake is read or written. Ids are
made with a key of this run only, so no id of a trial can be mistaken for a record's.
"""

import argparse
import logging
import secrets
from pathlib import Path

from creditlake.onboard.trial import load_tried
from creditlake.receipts import Batch
from creditlake.settings import KEY_BYTES, settings
from creditlake.storage import FolderLake
from spark_jobs.commit import describe_batches
from spark_jobs.engine import F, SparkSession, expect_rows, read_parquet, work_session
from spark_jobs.session import run_application
from spark_jobs.standardising import standardise
from spark_jobs.tables import cells_schema, write_table

LOG = logging.getLogger("creditlake.try")


def run(contract: str, folder: str, spark: SparkSession | None = None) -> None:
    """Write the records of a trial's cells; `spark` is the session to work in, else one is opened."""
    chosen = settings()
    catalog, tried = load_tried(Path(contract), chosen.catalog)
    place = Path(folder)
    batch = Batch.model_validate_json((place / "batch.json").read_text(encoding="utf-8"))
    with work_session("creditlake try", chosen, spark) as session:
        expect_rows(session, 0, whole_stage=False)
        cells = read_parquet(session, sorted((place / "cells").iterdir()), cells_schema(tried))
        received = describe_batches(session, tried, [batch])
        placed = cells.withColumn("batch_id", F.lit(batch.batch_id))
        records = standardise(placed, tried, catalog, secrets.token_bytes(KEY_BYTES), received)
        write_table(records, FolderLake(place), "records", place)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", required=True)
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args()
    run_application(lambda: run(arguments.contract, arguments.folder))


if __name__ == "__main__":
    main()
