"""Registered numbers one edit away from a number that fails its check.

An edit: a wrong character, two neighbours swapped, a lost character, one too many.
Only damaged numbers are spelled out in all their neighbours, a few hundred each, and looked up; the registers
are never compared with each other. Half a per cent of real records carry such a number.
"""

from creditlake.identifiers import USCC_ALPHABET
from spark_jobs.engine import Column, DataFrame, F, distinct_items, join_hash

ALPHABETS = {"L": USCC_ALPHABET, "N": "0123456789X"}
KINDS = {"L": "uscc", "N": "resident_id"}
# By the length of the damaged number; registered ones have 18 characters, counted from 1.
EDITS = {
    18: (
        # a wrong character
        "flatten(transform(sequence(1, 18), i -> transform(split('{alphabet}', ''), c -> "
        "concat(substring(damaged, 1, i - 1), c, substring(damaged, i + 1)))))",
        # two neighbours swapped
        "transform(sequence(1, 17), i -> concat(substring(damaged, 1, i - 1), "
        "substring(damaged, i + 1, 1), substring(damaged, i, 1), substring(damaged, i + 2)))",
    ),
    17: (  # a lost character
        "flatten(transform(sequence(1, 18), i -> transform(split('{alphabet}', ''), c -> "
        "concat(substring(damaged, 1, i - 1), c, substring(damaged, i)))))",
    ),
    19: (  # a character too many
        "transform(sequence(1, 19), i -> concat(substring(damaged, 1, i - 1), substring(damaged, i + 1)))",
    ),
}


def is_damaged(value: Column, status: Column) -> Column:
    """Whether a number fails its check and is as long as a number with one edit may be."""
    return status.isin("suspect", "invalid") & F.length(value).isin(*EDITS)


def find_near_numbers(parties: DataFrame, numbers: DataFrame) -> DataFrame:
    """Return the registered numbers one edit away; one row per archive and damaged number that has any.

    `near_numbers` counts them; `near_owners` are their owners by id; `near_names` hashes of the names of
    those numbers that have one owner. A number that is registered in spite of its check is not looked up.
    """
    damaged = parties.where(F.col("damaged").isNotNull()).select("archive", "damaged").distinct()
    near = damaged.select("*", F.explode(distinct_items(neighbours())).alias("neighbour"))
    registered = numbers.where("is_intact").select("number_hash", "id_kind", "owners", "all_names")
    found = near.withColumn("number_hash", join_hash("neighbour")).join(
        F.broadcast(registered), "number_hash"
    )
    of_kind = F.lit(False)
    for archive, kind in KINDS.items():
        of_kind |= (F.col("archive") == archive) & (F.col("id_kind") == kind)
    return (
        found.where(of_kind)
        .groupBy("archive", "damaged")
        .agg(
            F.count("*").alias("near_numbers"),
            F.sort_array(F.array_distinct(F.flatten(F.collect_list("owners")))).alias("near_owners"),
            F.flatten(F.collect_list("all_names")).alias("near_names"),
        )
    )


def neighbours() -> Column:
    """Return all texts one edit away from a damaged number."""
    cases = F.when(F.lit(False), F.array().cast("array<string>"))
    for archive, alphabet in ALPHABETS.items():
        for length, edits in EDITS.items():
            here = (F.col("archive") == archive) & (F.length("damaged") == length)
            cases = cases.when(here, F.expr(f"concat({', '.join(edits)})".format(alphabet=alphabet)))
    return cases
