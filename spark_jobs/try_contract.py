"""Application: standardise the cells of a trial. `spark-submit try_contract.py --contract C --folder F`.

The folder holds cells/ and batch.json and gets records/; nothing of the lake is read or written. Ids are
made with a key of this run only, so no id of a trial can be mistaken for a record's.
"""

import argparse
import logging
import secrets
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from creditlake.onboard.trial import load_tried
from creditlake.receipts import Batch
from creditlake.settings import KEY_BYTES, settings
from spark_jobs.commit import describe_batches
from spark_jobs.session import expect_rows, run_application, spark_session
from spark_jobs.standardising import standardise
from spark_jobs.tables import cells_schema

LOG = logging.getLogger("creditlake.try")


def run(contract_path: Path, folder: Path, spark: SparkSession | None = None) -> None:
    """Write the records of a trial's cells; `spark` is the session to work in, else one is opened."""
    chosen = settings()
    catalog, contract = load_tried(contract_path, chosen.catalog)
    batch = Batch.model_validate_json((folder / "batch.json").read_text(encoding="utf-8"))
    with spark_session("creditlake try", chosen, spark) as session:
        expect_rows(session, 0, whole_stage=False)
        cells = session.read.schema(cells_schema(contract)).parquet(f"file://{folder}/cells")
        received = describe_batches(session, contract, [batch])
        placed = cells.withColumn("batch_id", F.lit(batch.batch_id))
        records = standardise(placed, contract, catalog, secrets.token_bytes(KEY_BYTES), received)
        records.write.parquet(f"file://{folder}/records")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contract", required=True, type=Path)
    parser.add_argument("--folder", required=True, type=Path)
    arguments = parser.parse_args()
    run_application(lambda: run(arguments.contract, arguments.folder))


if __name__ == "__main__":
    main()
