"""Registered numbers one edit away from a number that fails its check.

An edit: a wrong character, two neighbours swapped, a lost character, one too many.
Only damaged numbers are spelled out in all their neighbours, a few hundred each, and looked up; the registers
are never compared with each other. Half a per cent of real records carry such a number.
"""

from creditlake.identifiers import USCC_ALPHABET
from spark_jobs.engine import Column, DataFrame, F, distinct_items, join_hash, make_frame

ALPHABETS = {"L": USCC_ALPHABET, "N": "0123456789X"}
KINDS = {"L": "uscc", "N": "resident_id"}
LENGTH = 18  # of registered numbers
EDITS = "length int, at int, removed int"


def list_edits() -> list[tuple[int, int, int]]:
    """Return every edit: the damaged number's length, the place from 1, and how many characters go there.

    One goes for a wrong character, also of a number with one too many; none for a lost one; two that swapped.
    """
    wrong = [(LENGTH, at, 1) for at in range(1, LENGTH + 1)]
    swapped = [(LENGTH, at, 2) for at in range(1, LENGTH)]
    lost = [(LENGTH - 1, at, 0) for at in range(1, LENGTH + 1)]
    too_many = [(LENGTH + 1, at, 1) for at in range(1, LENGTH + 2)]
    return wrong + swapped + lost + too_many


def is_damaged(value: Column, status: Column) -> Column:
    """Whether a number fails its check and is as long as a number with one edit may be."""
    return status.isin("suspect", "invalid") & F.length(value).isin(LENGTH - 1, LENGTH, LENGTH + 1)


def find_near_numbers(parties: DataFrame, numbers: DataFrame) -> DataFrame:
    """Return the registered numbers one edit away; one row per archive and damaged number that has any.

    `near_numbers` counts them; `near_owners` are their owners by id; `near_names` hashes of the names of
    those numbers that have one owner. A number that is registered in spite of its check is not looked up.
    """
    registered = numbers.where("is_intact").select("number_hash", "id_kind", "owners", "all_names")
    found = damaged_neighbours(parties).join(F.broadcast(registered), "number_hash")
    of_kind = F.lit(False)
    for archive, kind in KINDS.items():
        of_kind |= (F.col("archive") == archive) & (F.col("id_kind") == kind)
    return (
        found.where(of_kind)
        .distinct()  # two edits may lead to one number
        .groupBy("archive", "damaged")
        .agg(
            F.count("*").alias("near_numbers"),
            F.sort_array(distinct_items(F.flatten(F.collect_list("owners")))).alias("near_owners"),
            F.flatten(F.collect_list("all_names")).alias("near_names"),
        )
    )


def damaged_neighbours(parties: DataFrame) -> DataFrame:
    """Return damaged numbers and hashes of all texts one edit away (`number_hash`), some of them twice."""
    damaged = parties.where(F.col("damaged").isNotNull()).select("archive", "damaged").distinct()
    near = spell_neighbours(damaged)
    return near.select("archive", "damaged", join_hash("neighbour").alias("number_hash"))


def spell_neighbours(damaged: DataFrame) -> DataFrame:
    """Return archive, damaged and neighbour: all texts one edit away, some of them twice."""
    edits = make_frame(damaged.sparkSession, list_edits(), EDITS)
    alphabet = F.when(F.col("archive") == "L", ALPHABETS["L"]).otherwise(ALPHABETS["N"])
    takes_a_character = (F.col("length") < LENGTH) | ((F.col("length") == LENGTH) & (F.col("removed") == 1))
    characters = F.when(takes_a_character, F.split(alphabet, "")).otherwise(F.array(F.lit("")))
    edited = (
        damaged.withColumn("length", F.length("damaged"))
        .join(F.broadcast(edits), "length")
        .select("archive", "damaged", "at", "removed", F.explode(characters).alias("character"))
    )
    at = F.col("at")
    first, second = (F.substring(F.col("damaged"), place, F.lit(1)) for place in (at, at + 1))
    put = F.when(F.col("removed") == 2, F.concat(second, first)).otherwise(F.col("character"))
    before = F.substring(F.col("damaged"), F.lit(1), at - 1)
    after = F.substring(F.col("damaged"), at + F.col("removed"), F.lit(LENGTH))
    return edited.select("archive", "damaged", F.concat(before, put, after).alias("neighbour"))
