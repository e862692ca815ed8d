"""What a legal name may say by itself: who bears it, and whether the representative is the same.

A name proves nothing. A full enterprise name (企业名称: region, trade name, trade and legal form) that one
registered subject bears, with that subject's representative, makes an inferred link; without the
representative a person is asked. A shop's name is asked about and never linked.
"""

from collections.abc import Sequence

from spark_jobs.engine import Column, DataFrame, F, join_hash
from spark_jobs.roles import OPERATOR, REPRESENTATIVE

MAX_CANDIDATES = 20
BY_NAME = ("unique_name", "name_alone")
ALONE = ("no_number", "damaged_number")  # reasons that leave nothing but the name


def legal_name_owners(names: DataFrame, roles: DataFrame, full_name_endings: Sequence[str]) -> DataFrame:
    """Return one row per hash of a legal name (`asked_name`), present or former.

    `namesakes`: its bearers, at most MAX_CANDIDATES, the first by id. `is_full`: it ends like a full
    enterprise name. `representatives`: hashes of its sole bearer's, present and former.
    """
    people = (
        roles.where(F.col("role").isin(REPRESENTATIVE, OPERATOR))
        .groupBy("subject_id")
        .agg(F.collect_set(join_hash("name_norm")).alias("people"))
    )
    is_full = F.lit(False)
    for ending in full_name_endings:
        is_full |= F.endswith(F.col("name_norm"), F.lit(ending))
    return (
        names.where(F.col("subject_id").startswith("L"))
        .join(people, "subject_id", "left")
        .groupBy(join_hash("name_norm").alias("asked_name"))
        .agg(
            F.slice(F.sort_array(F.collect_set("subject_id")), 1, MAX_CANDIDATES).alias("namesakes"),
            F.max(is_full).alias("is_full"),
            F.flatten(F.collect_set("people")).alias("people"),
        )
        .withColumn("representatives", F.when(F.size("namesakes") == 1, F.col("people")))
        .drop("people")
    )


def asked_name() -> Column:
    """Return the hash of the name to look up: of a legal party whose number is another's or nobody's."""
    asks = (F.col("archive") == "L") & F.col("has_name") & F.col("reason").isin("name_conflict", *ALONE)
    return F.when(asks, F.col("name_hash"))


def judge_name() -> Column:
    """Return the reason anew for a party that has but a full name: `unique_name` with the representative of
    its sole bearer, else `name_alone` if it has a bearer at all."""
    borne = F.col("reason").isin(*ALONE) & F.coalesce(F.col("is_full"), F.lit(False))
    proven = F.array_contains("representatives", F.col("representative_hash"))
    unique = borne & (F.col("reason") == "no_number") & F.coalesce(proven, F.lit(False))
    return F.when(unique, "unique_name").when(borne, "name_alone").otherwise(F.col("reason"))


def name_evidence() -> dict[str, Column]:
    """Return owners and evidence, for parties that have but a name its bearers."""
    by_name = F.col("reason").isin(*BY_NAME)
    facts = F.when(F.col("reason") == "unique_name", "name=agrees; legal_rep=agrees").otherwise("name=agrees")
    return {
        "owners": F.when(by_name, F.col("namesakes")).otherwise(F.col("owners")),
        "evidence": F.when(by_name, facts).otherwise(F.col("evidence")),
    }
