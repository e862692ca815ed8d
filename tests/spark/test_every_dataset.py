"""Every contract of the catalogue, with plain rows: Spark accepts each of them and finds the key of each."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from creditlake.catalog import Catalog, load_catalog
from creditlake.decode.cells import CellsWriter, FileFacts
from creditlake.decode.decode import read_file
from creditlake.settings import REPOSITORY
from creditlake.simulate.plain import PlainDraws
from creditlake.simulate.plain_files import write_plain
from spark_jobs.engine import make_frame
from spark_jobs.standardising import standardise
from spark_jobs.tables import cells_schema
from tests.parties import LEGAL, NATURAL

pytestmark = pytest.mark.spark
DAY = date(2026, 11, 16)
ROWS = 30
NAMES = sorted(load_catalog(REPOSITORY / "catalog").contracts)


@pytest.mark.parametrize("name", NAMES)
def test_plain_rows_are_accepted_without_a_defect(
    name: str, catalog: Catalog, few_rows: SparkSession, tmp_path: Path
) -> None:
    contract = catalog.contracts[name]
    path = write_plain(PlainDraws(contract, catalog, LEGAL, NATURAL, DAY, seed=7), tmp_path, 0, ROWS)
    part, facts = tmp_path / "part.parquet", FileFacts(path.name)
    with CellsWriter(part, contract) as writer:
        for rows in read_file(path, contract, facts, tmp_path):
            writer.write(rows, facts.place)
    cells = (
        few_rows.read.schema(cells_schema(contract)).parquet(str(part)).withColumn("batch_id", F.lit("b1"))
    )
    received = make_frame(
        few_rows, [("b1", DAY, None)], "batch_id string, _received_date date, _late_before date"
    )
    records = standardise(cells, contract, catalog, b"key", received)
    found = records.select("row_no", "outcome", "defects", "record_id").collect()
    wrong = {(d.code, d.field) for row in found for d in row.defects}
    assert wrong == set()
    assert [row.outcome for row in found] == ["accepted"] * ROWS
    assert len({row.record_id for row in found}) == ROWS
