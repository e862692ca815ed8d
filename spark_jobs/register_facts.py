"""The facts of registers as of now: subjects, numbers, names and roles, present and former.

Each function returns one row per key from what the registers' records say (`identified`: all records read,
the newest of each subject flagged `is_now`), the change log, and what the parent build knew. A fact that the
newest record no longer has ended when that record came, or earlier if the change log says so.
"""

from spark_jobs.engine import Column, DataFrame, F
from spark_jobs.expressions import normalise_name
from spark_jobs.history import open_rows

# USCC's first two characters (domain.md §1.3), else its first alone.
SUBJECT_TYPES = {
    "91": "ENTERPRISE",
    "92": "INDIVIDUAL_BUSINESS",
    "93": "FARMER_COOP",
    "11": "GOV_ORGAN",
    "12": "PUBLIC_INSTITUTION",
    "13": "MASS_ORG",
    "51": "SOCIAL_GROUP",
    "52": "PRIVATE_NONPROFIT",
    "53": "FOUNDATION",
    "31": "LAW_FIRM",
    "7": "RELIGIOUS_VENUE",
    "8": "TRADE_UNION",
    "N": "RURAL_COLLECTIVE",
}


def subjects_now(identified: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per subject from its newest record; not listed = absent from the last snapshot."""
    listed = identified.where("is_now and is_lead").select(
        "subject_id",
        "archive",
        subject_type().alias("subject_type"),
        "source_key_hash",
        "source_dataset",
        F.col("name").alias("current_name"),
        "state",
        "division_code",
        F.col("is_latest").alias("is_listed"),
        F.col("first_received").alias("known_from"),
    )
    if parent is None:
        return listed
    absent = open_rows(parent).drop("known_to").join(listed.select("subject_id"), "subject_id", "left_anti")
    return listed.unionByName(absent.withColumn("is_listed", F.lit(False)))


def subject_type() -> Column:
    """Return the kind of subject: by USCC prefix, else by the register's own class."""
    prefixes = F.create_map(*(F.lit(part) for pair in SUBJECT_TYPES.items() for part in pair))
    by_code = F.coalesce(prefixes[F.substring("uscc", 1, 2)], prefixes[F.substring("uscc", 1, 1)])
    by_class = F.when(F.col("ent_class") == "P", "INDIVIDUAL_BUSINESS").otherwise("OTHER_ORG")
    return F.when(F.col("archive") == "N", "NATURAL_PERSON").otherwise(F.coalesce(by_code, by_class))


def identifiers_now(identified: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per subject and number; a number that its newest record no longer has is ended.

    The organisation code is read out of the USCC (characters 9 to 17).
    """
    org_status = F.when(F.col("uscc_status") == "suspect", "suspect").otherwise("valid")
    kinds = {
        "uscc": (F.col("uscc"), F.col("uscc_status")),
        "org_code": (F.substring("uscc", 9, 9), org_status),
        "reg_no": (F.col("reg_no"), F.col("reg_no_status")),
        "resident_id": (F.col("resident_id"), F.col("resident_id_status")),
    }
    numbers = [
        F.struct(F.lit(kind).alias("id_kind"), value.alias("id_value"), status.alias("id_status"))
        for kind, (value, status) in kinds.items()
    ]
    seen = (
        identified.select("*", F.explode(F.array(*numbers)).alias("number"))
        .where(F.col("number")["id_value"].isNotNull())
        .select(
            "subject_id",
            *(F.col("number")[name].alias(name) for name in ("id_kind", "id_value", "id_status")),
            F.col("since").alias("valid_from"),
            ended_unless_now().alias("valid_to"),
            F.col("source_dataset").alias("source"),
            F.col("received_date").alias("known_from"),
            "is_now",
        )
    )
    facts = carry_on(seen, identified, parent)
    return fold_numbers(facts, ["subject_id", "id_kind", "id_value"]).select(
        "subject_id", "id_kind", "id_value", "id_status", "valid_from", "valid_to", "source", "known_from"
    )


def ended_unless_now() -> Column:
    """A fact of an older record ended when the newest one came."""
    return F.when(~F.col("is_now"), F.col("now_received"))


def carry_on(seen: DataFrame, identified: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Add the parent's facts: ended where the subject's newest record no longer has them."""
    if parent is None:
        return seen
    newest = identified.where("is_now and is_lead").select("subject_id", "now_received")
    known = open_rows(parent).drop("known_to").join(newest, "subject_id", "left")
    return seen.unionByName(
        known.withColumn("is_now", F.col("valid_to").isNull() & F.col("now_received").isNull())
        .withColumn("valid_to", F.coalesce("valid_to", "now_received"))
        .select(*seen.columns)
    )


def fold_numbers(facts: DataFrame, key: list[str]) -> DataFrame:
    """Return one row per key: in force if any of its facts is, else ended at the first end we know of."""
    return facts.groupBy(*key).agg(
        F.min("valid_from").alias("valid_from"),
        F.when(~F.max("is_now"), F.min("valid_to")).alias("valid_to"),
        F.max("id_status").alias("id_status"),
        F.min("source").alias("source"),
        F.min("known_from").alias("known_from"),
    )


def names_now(identified: DataFrame, changes: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per subject and name: current, former by the change log, former by the register."""
    seen = identified.select(
        "subject_id",
        "name",
        F.lit(None).cast("date").alias("valid_from"),
        ended_unless_now().alias("valid_to"),
        F.col("source_dataset").alias("source"),
        F.col("received_date").alias("known_from"),
        "is_now",
    )
    former = identified.where(F.col("former_name").isNotNull()).select(
        "subject_id",
        F.col("former_name").alias("name"),
        F.lit(None).cast("date").alias("valid_from"),
        F.lit(None).cast("date").alias("valid_to"),
        F.col("source_dataset").alias("source"),
        F.col("received_date").alias("known_from"),
        F.lit(False).alias("is_now"),
    )
    facts = seen.unionByName(former).unionByName(
        changed_texts(changes, "NAME").withColumnRenamed("text", "name")
    )
    known = parent.drop("name_norm", "is_current") if parent is not None else None
    folded = fold_texts(carry_on(facts, identified, known), "name", identified)
    return folded.select(
        "subject_id",
        "name",
        normalise_name(F.col("name")).alias("name_norm"),
        F.col("is_now").alias("is_current"),
        "valid_from",
        "valid_to",
        "source",
        "known_from",
    )


def representatives_now(identified: DataFrame, changes: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per legal subject and name of a representative, present and former.

    `parent` has subject_id, holder_name, the dates and source.
    """
    seen = identified.where(F.col("legal_rep").isNotNull()).select(
        "subject_id",
        F.col("legal_rep").alias("holder_name"),
        F.lit(None).cast("date").alias("valid_from"),
        ended_unless_now().alias("valid_to"),
        F.col("source_dataset").alias("source"),
        F.col("received_date").alias("known_from"),
        "is_now",
    )
    log = changed_texts(changes, "LEGAL_REP").withColumnRenamed("text", "holder_name")
    facts = carry_on(seen.unionByName(log), identified, parent)
    return fold_texts(facts, "holder_name", identified).drop("is_now")


def changed_texts(changes: DataFrame, item: str) -> DataFrame:
    """Return two facts per change: the old text ended that day, the new one began."""
    of_item = changes.where(F.col("change_item") == item)
    empty = F.lit(None).cast("date")
    return (
        of_item.select(
            "*",
            F.explode(
                F.array(
                    F.struct(
                        F.col("before_value").alias("text"),
                        empty.alias("valid_from"),
                        F.col("change_date").alias("valid_to"),
                    ),
                    F.struct(
                        F.col("after_value").alias("text"),
                        F.col("change_date").alias("valid_from"),
                        empty.alias("valid_to"),
                    ),
                )
            ).alias("fact"),
        )
        .where(F.col("fact")["text"].isNotNull())
        .select(
            "subject_id",
            *(F.col("fact")[name].alias(name) for name in ("text", "valid_from", "valid_to")),
            F.col("source_dataset").alias("source"),
            F.col("received_date").alias("known_from"),
            F.lit(False).alias("is_now"),
        )
    )


def fold_texts(facts: DataFrame, text: str, identified: DataFrame) -> DataFrame:
    """Return one row per subject and text, in force or ended; a current text's own end is forgotten.

    A former text without a known end keeps `valid_to` null only while it is in force, so it ends where the
    subject's newest record was received.
    """
    folded = facts.groupBy("subject_id", text).agg(
        F.max("is_now").alias("is_now"),
        F.max("valid_from").alias("valid_from"),
        F.min("valid_to").alias("valid_to"),
        F.min("source").alias("source"),
        F.min("known_from").alias("known_from"),
    )
    newest = identified.where("is_now and is_lead").select("subject_id", "now_received")
    end = F.when(~F.col("is_now"), F.coalesce("valid_to", "now_received", "known_from"))
    return folded.join(newest, "subject_id", "left").withColumn("valid_to", end).drop("now_received")
