"""The lake's Parquet as row work reads and writes it: explicit files, a fresh folder per write."""

from collections.abc import Sequence
from pathlib import Path

from creditlake.contract import Contract
from creditlake.receipt_no import RECEIPT_FIELD
from creditlake.storage import FileEntry, Lake
from spark_jobs.engine import DataFrame, F, SparkSession, make_frame, read_parquet, write_parquet


def read_files(
    spark: SparkSession, lake: Lake, files: Sequence[FileEntry], schema: str, scratch: Path
) -> DataFrame:
    """Read exactly these files, verified against their sha256 first; CorruptObject names a damaged one.

    A column of the schema that a file does not have is null.
    """
    paths = lake.localise(files, scratch)
    return read_parquet(spark, paths, schema) if paths else make_frame(spark, [], schema)


def cells_schema(contract: Contract) -> str:
    """The columns of a dataset's cells."""
    names = ["file_name", "ragged_line", RECEIPT_FIELD, *contract.fields]
    return ", ".join(["row_no bigint", *(f"{name} string" for name in names)])


def columns_schema(columns: Sequence[str], contract: Contract) -> str:
    """The schema of some columns of a dataset's records: numbers, statuses, names are text, dates dates."""
    return ", ".join(f"{name} {column_type(name, contract)}" for name in columns)


def column_type(name: str, contract: Contract) -> str:
    """The type of one column of the records; only the types that registers and links read are known here."""
    if name == "row_no":
        return "bigint"
    field = contract.fields.get(name)
    if name == "is_minor" or (field and field.type == "flag"):
        return "boolean"
    return "date" if field and field.type == "date" else "string"


def read_cells(
    spark: SparkSession, lake: Lake, files: Sequence[FileEntry], contract: Contract, scratch: Path
) -> DataFrame:
    """Read cells of any number of batches, with `batch_id` taken from each file's path."""
    paths = lake.localise(files, scratch)
    cells = read_parquet(spark, paths, cells_schema(contract), place="_path")
    batch_id = F.regexp_extract("_path", ".*/cells/[^/]+/[^/]+/([^/]+)/", 1)
    return cells.withColumn("batch_id", batch_id).drop("_path")


def write_table(
    table: DataFrame,
    lake: Lake,
    prefix: str,
    scratch: Path,
    partition_by: Sequence[str] = (),
    files: int | None = None,
) -> list[FileEntry]:
    """Write a table into a folder that nobody has written to, and describe its files from their bytes.

    `files`: at most so many, where the engine would write more.
    """
    return write_parquet(table, lake, prefix, partition_by, scratch, files)
