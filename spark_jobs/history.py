"""Versions of facts in our own time: what a build knows is compared with what its parent knew."""

from collections.abc import Sequence
from datetime import date

from spark_jobs.engine import Column, DataFrame, F

VERSION = ("known_from", "known_to")


def merge_versions(now: DataFrame, parent: DataFrame | None, key: Sequence[str], as_of: date) -> DataFrame:
    """Return the parent's versions carried on by what is known now.

    `now` has at most one row per key, its content and `known_from` (used for keys the parent does not
    know); `parent` the same plus `known_to`. Unchanged rows stay as they are; a changed one is closed at
    `as_of` and opens anew; a key that `now` does not have stays open. Columns and order are those of `now`
    plus `known_to`.
    """
    content = [name for name in now.columns if name not in (*key, "known_from")]
    order = [*key, *content, *VERSION]
    unclosed = F.lit(None).cast("date")
    if parent is None:
        return now.withColumn("known_to", unclosed).select(*order)
    new = now.select(*key, F.struct(*content).alias("new"), F.col("known_from").alias("new_from"))
    old = open_rows(parent).select(
        *key, F.struct(*content).alias("old"), F.col("known_from").alias("old_from")
    )
    changed = F.col("new").isNotNull() & F.col("old").isNotNull() & ~F.col("new").eqNullSafe(F.col("old"))
    today = F.lit(as_of)
    # A version that would be known for no time (a second build of one date) is no version.
    closed = F.when(changed & (F.col("old_from") < today), version("old", F.col("old_from"), today))
    opened_at = F.when(changed, today).otherwise(F.coalesce("old_from", "new_from"))
    current = F.when(F.col("new").isNotNull(), F.col("new")).otherwise(F.col("old"))
    versions = (
        new.join(old, list(key), "full_outer")
        .select(*key, "old", current.alias("new"), opened_at.alias("opened_at"), closed.alias("closed"))
        .select(
            *key, F.explode(F.array("closed", version("new", F.col("opened_at"), unclosed))).alias("version")
        )
        .where(F.col("version").isNotNull())
        .select(
            *key,
            *(F.col("version")["content"][name].alias(name) for name in content),
            *(F.col("version")[name].alias(name) for name in VERSION),
        )
    )
    return versions.unionByName(parent.where(F.col("known_to").isNotNull()).select(*order)).select(*order)


def open_rows(table: DataFrame) -> DataFrame:
    """The versions that are known now."""
    return table.where(F.col("known_to").isNull())


def version(content: str, known_from: Column, known_to: Column) -> Column:
    """Return one version as a struct."""
    return F.struct(
        F.col(content).alias("content"), known_from.alias("known_from"), known_to.alias("known_to")
    )
