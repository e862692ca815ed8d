"""U01 and U03: the same row twice in one batch, one key with two contents. Found without moving wide rows.

Two narrow passes: count rows by a 64-bit hash of the natural key's cells, then compare whole contents only
where a key repeats. The rows found are few and are broadcast. Rows with one key and different contents are
taken for corrections within a file: all of them stay, the later one wins downstream, and each is counted.
"""

from spark_jobs.engine import DataFrame, F, Window, join_hash, row_hash

PLACE = ("batch_id", "file_name", "row_no")


def find_repeated(cells: DataFrame, key: list[str], fields: list[str]) -> DataFrame:
    """Return the place of every row that repeats another of its batch, and how.

    `_is_duplicate`: its cells stood there before, the first such row stays. `_is_disputed`: another row has
    its natural key and other cells. Ragged rows have no cells and repeat nothing.
    """
    keyed = cells.where(F.col("ragged_line").isNull()).withColumn("key", join_hash(*key))
    repeated = keyed.groupBy("batch_id", "key").agg(F.count("*").alias("rows")).where(F.col("rows") > 1)
    suspects = keyed.join(F.broadcast(repeated.drop("rows")), ["batch_id", "key"], "left_semi")
    of_key = Window.partitionBy("batch_id", "key")
    earlier = Window.partitionBy("batch_id", "key", "content").orderBy("file_name", "row_no")
    return (
        suspects.select(*PLACE, "key", row_hash(fields).alias("content"))
        .select(
            *PLACE,
            (F.row_number().over(earlier) > 1).alias("_is_duplicate"),
            (F.min("content").over(of_key) != F.max("content").over(of_key)).alias("_is_disputed"),
        )
        .where("_is_duplicate or _is_disputed")
    )


def mark_repeated(cells: DataFrame, repeated: DataFrame) -> DataFrame:
    """Add `_is_duplicate` and `_is_disputed` to every row."""
    marked = cells.join(F.broadcast(repeated), list(PLACE), "left")
    marks = ("_is_duplicate", "_is_disputed")
    return marked.withColumns({name: F.coalesce(name, F.lit(False)) for name in marks})
