"""U01: the same row twice in one batch. Found without moving wide rows.

Two narrow passes: count rows by a 64-bit hash of the natural key's cells, then compare whole contents only
where a key repeats. The rows to drop are few and are broadcast. Rows with one key and different contents
are corrections within a file, not duplicates: all of them stay, and the later one wins downstream.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

PLACE = ("batch_id", "file_name", "row_no")


def find_duplicates(cells: DataFrame, key: list[str], fields: list[str]) -> DataFrame:
    """Return the place of every row whose cells stood in its batch before; the first such row stays.

    Ragged rows have no cells and are no duplicates of one another.
    """
    keyed = cells.where(F.col("ragged_line").isNull()).withColumn("key", F.xxhash64(*key))
    repeated = keyed.groupBy("batch_id", "key").agg(F.count("*").alias("rows")).where(F.col("rows") > 1)
    suspects = keyed.join(F.broadcast(repeated.drop("rows")), ["batch_id", "key"], "left_semi")
    earlier = Window.partitionBy("batch_id", "content").orderBy("file_name", "row_no")
    return (
        suspects.select(*PLACE, content_hash(fields).alias("content"))
        .withColumn("copy", F.row_number().over(earlier))
        .where(F.col("copy") > 1)
        .select(*PLACE)
    )


def mark_duplicates(cells: DataFrame, duplicates: DataFrame) -> DataFrame:
    """Add `_is_duplicate` to every row."""
    marks = duplicates.withColumn("_is_duplicate", F.lit(True))
    marked = cells.join(F.broadcast(marks), list(PLACE), "left")
    return marked.withColumn("_is_duplicate", F.coalesce("_is_duplicate", F.lit(False)))


def content_hash(columns: list[str]) -> Column:
    """Hash the values of columns to 16 hexadecimal digits.

    A hash of columns passes over missing values; the number after each keeps (a, null) and (null, a) apart.
    """
    parts = [part for place, name in enumerate(columns) for part in (F.col(name), F.lit(place))]
    return F.lpad(F.lower(F.hex(F.xxhash64(*parts))), 16, "0")
