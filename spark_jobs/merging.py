"""One subject for a body that several registers know: merged on proof, as an event, never taken back.

Proof: the registers give one intact USCC and, in comparison form, one current name, each register once. A
code that a register has twice, or under two names, proves nothing: it is an alarm (L02). The id that was
known first stays; the other is resolvable for ever through `subject_changes`. Merges are few and kept in
memory.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from spark_jobs.engine import DataFrame, F, SparkSession, make_frame
from spark_jobs.expressions import normalise_name

MERGED, MIGRATED = "merged", "migrated"
REASON = "same_uscc_and_name"
Merges = Mapping[str, str]  # absorbed -> survivor


def read_merges(subject_changes: DataFrame) -> Merges:
    """Return every merge so far; an id leads to the subject that stands today."""
    events = subject_changes.where(F.col("change") == MERGED).select("subject_id", "other_subject_id")
    return resolve(dict(events.collect()))


def resolve(merges: Merges) -> Merges:
    """Return merges with every chain followed to its end."""

    def end_of(subject: str) -> str:
        return end_of(merges[subject]) if subject in merges else subject

    return {absorbed: end_of(absorbed) for absorbed in merges}


def find_merges(named: DataFrame) -> Merges:
    """Return the merges that codes prove, from rows as `observe` gives them.

    `named` also has subject_id, as known so far, and first_known, the day since when it is.
    """
    now = named.where("is_now and archive = 'L' and uscc_status = 'valid'")
    proven = (
        now.groupBy("uscc")
        .agg(
            F.count("*").alias("rows"),
            F.count_distinct("source_dataset").alias("registers"),
            F.count_distinct(normalise_name(F.col("name"))).alias("names"),
            F.sort_array(F.collect_set(F.struct("first_known", "subject_id"))).alias("subjects"),
            F.count_distinct("subject_id").alias("ids"),
        )
        .where("ids > 1 and names = 1 and rows = registers")
        .select(F.transform("subjects", lambda subject: subject["subject_id"]).alias("subject_ids"))
    )
    ways = {
        (absorbed, subjects[0])
        for (subjects,) in proven.collect()
        for absorbed in subjects
        if absorbed != subjects[0]
    }
    # Two codes of one subject that lead to two others prove nothing.
    times = Counter(absorbed for absorbed, _ in ways)
    return {
        absorbed: survivor for absorbed, survivor in ways if times[absorbed] == 1 and survivor not in times
    }


def follow(table: DataFrame, merges: Merges, column: str = "subject_id") -> DataFrame:
    """Return a table with the ids of absorbed subjects in `column` replaced by those of their survivors."""
    if not merges:
        return table
    steps = make_frame(table.sparkSession, list(merges.items()), f"{column} string, survivor string")
    survivor = F.coalesce("survivor", column)
    return (
        table.join(F.broadcast(steps), column, "left")
        .withColumn(column, survivor)
        .drop("survivor")
        .select(*table.columns)
    )


def mark_lead(identified: DataFrame, merges: Merges) -> DataFrame:
    """Add is_lead: whether the row's register speaks for its subject; the survivor's own comes first."""
    if not merges:
        return identified.withColumn("is_lead", F.lit(True))
    survivors = [(subject,) for subject in sorted(set(merges.values()))]
    lead = (
        identified.where("is_now")
        .join(F.broadcast(make_frame(identified.sparkSession, survivors, "subject_id string")), "subject_id")
        .groupBy("subject_id")
        .agg(F.min(F.struct(F.col("own_id") != F.col("subject_id"), "source_dataset")).alias("first"))
        .select("subject_id", F.col("first")["source_dataset"].alias("lead_dataset"))
    )
    is_lead = F.coalesce(F.col("lead_dataset") == F.col("source_dataset"), F.lit(True))
    return (
        identified.join(F.broadcast(lead), "subject_id", "left")
        .withColumn("is_lead", is_lead)
        .drop("lead_dataset")
    )


def end_absorbed(table: DataFrame, merges: Merges, as_of: date) -> DataFrame:
    """Return a parent's table with the open versions of newly absorbed subjects closed."""
    if not merges:
        return table
    ended = F.coalesce("known_to", F.lit(as_of))
    absorbed = F.col("subject_id").isin(*merges)
    return table.withColumn("known_to", F.when(absorbed, ended).otherwise(F.col("known_to")))


def migration_events(migrated: DataFrame, history: DataFrame) -> DataFrame:
    """Return the brought-in ids that `history` does not have; of an id brought in twice the first counts.

    `migrated` has subject_id (the old id), other_subject_id, reason and known_from.
    """
    first = migrated.groupBy("subject_id").agg(
        F.min(F.struct("known_from", "other_subject_id", "reason")).alias("first")
    )
    events = first.select(
        "subject_id",
        F.lit(MIGRATED).alias("change"),
        "first.other_subject_id",
        "first.reason",
        "first.known_from",
    )
    return events.join(history.select("subject_id", "change"), ["subject_id", "change"], "left_anti").select(
        *history.columns
    )


def merge_events(spark: SparkSession, merges: Merges, as_of: date, schema: str) -> DataFrame:
    """Return the events of newly proven merges, one row per absorbed subject."""
    rows = [(absorbed, MERGED, survivor, REASON, as_of) for absorbed, survivor in sorted(merges.items())]
    return make_frame(spark, rows, schema)
