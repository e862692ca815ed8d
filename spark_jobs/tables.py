"""The lake's Parquet as Spark reads and writes it: explicit files and schemas, a fresh folder per write."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType, DataType, DateType, LongType, StringType, StructField, StructType

from creditlake.contract import Contract
from creditlake.receipt_no import RECEIPT_FIELD
from creditlake.storage import FileEntry, Lake
from spark_jobs.defects import sql_text


def make_frame(spark: SparkSession, rows: Sequence[Sequence[object]], schema: StructType | str) -> DataFrame:
    """Return a small table from Python values: text, whole numbers, truth values, dates, None.

    Made of SQL literals: `createDataFrame` would start Python workers for a handful of rows.
    """
    columns = StructType.fromDDL(schema) if isinstance(schema, str) else schema
    assert isinstance(columns, StructType)
    if not rows:
        empty = [F.lit(None).cast(field.dataType).alias(field.name) for field in columns.fields]
        return spark.range(0).select(*empty)
    values = ", ".join(f"({', '.join(map(sql_literal, row))})" for row in rows)
    table = spark.sql(f"values {values}").toDF(*columns.names)
    return table.select(*(F.col(field.name).cast(field.dataType) for field in columns.fields))


def sql_literal(value: object) -> str:
    """Return a value as a SQL literal."""
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value).lower()
        case date():
            return f"date'{value.isoformat()}'"
        case str():
            return sql_text(value)
    raise TypeError(f"no literal for {type(value).__name__}")


def read_files(
    spark: SparkSession, lake: Lake, files: Sequence[FileEntry], schema: StructType | str, scratch: Path
) -> DataFrame:
    """Read exactly these files, verified against their sha256 first; CorruptObject names a damaged one.

    A column of the schema that a file does not have is null.
    """
    paths = [str(path) for path in lake.localise(files, scratch)]
    if not paths:
        return make_frame(spark, [], schema)
    return spark.read.schema(schema).parquet(*paths)


def cells_schema(contract: Contract) -> StructType:
    """The columns of a dataset's cells."""
    names = ["file_name", "ragged_line", RECEIPT_FIELD, *contract.fields]
    return StructType(
        [StructField("row_no", LongType()), *(StructField(name, StringType()) for name in names)]
    )


def columns_schema(columns: Sequence[str], contract: Contract) -> StructType:
    """The schema of some columns of a dataset's records: numbers, statuses, names are text, dates dates."""
    return StructType([StructField(name, column_type(name, contract)) for name in columns])


def column_type(name: str, contract: Contract) -> DataType:
    """The type of one column of the records; only the types that registers and links read are known here."""
    if name == "row_no":
        return LongType()
    field = contract.fields.get(name)
    if name == "is_minor" or (field and field.type == "flag"):
        return BooleanType()
    return DateType() if field and field.type == "date" else StringType()


def read_cells(
    spark: SparkSession, lake: Lake, files: Sequence[FileEntry], contract: Contract, scratch: Path
) -> DataFrame:
    """Read cells of any number of batches, with `batch_id` taken from each file's path."""
    cells = read_files(spark, lake, files, cells_schema(contract), scratch)
    batch_id = F.regexp_extract(F.col("_metadata.file_path"), ".*/cells/[^/]+/[^/]+/([^/]+)/", 1)
    return cells.select("*", batch_id.alias("batch_id"))


def write_table(
    table: DataFrame, lake: Lake, prefix: str, partition_by: Sequence[str] = ()
) -> list[FileEntry]:
    """Write a table into a folder that nobody has written to, and describe its files from their bytes."""
    table.write.partitionBy(*partition_by).parquet(lake.spark_url(prefix))
    return lake.describe_files(prefix)
