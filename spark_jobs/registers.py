"""Registers: who exists, under which numbers and names, since when we know it.

Built from the register snapshots and the change log received up to a business date, on top of the parent
build's registers. A subject's id is minted once from its source key and then carried over. What a snapshot
no longer says becomes history (`valid_to`), never disappears: old records still carry old names and numbers.

Two times: `valid_from`/`valid_to` are the source's (half-open), `known_from`/`known_to` ours. A row whose
content changes is closed with `known_to` and a new row opens; at most one row per key is open.
"""

from dataclasses import dataclass, fields
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from creditlake.contract import Contract
from spark_jobs.expressions import hmac_hex, normalise_name
from spark_jobs.history import merge_versions

SUBJECT_ID_HEX = 20
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
SOURCE_KEY_HEX = 32
VERSION_TYPES = "known_from date, known_to date"
SUBJECTS = (
    "subject_id string, archive string, subject_type string, source_key_hash string, source_dataset string, "
    f"current_name string, state string, division_code string, is_listed boolean, {VERSION_TYPES}"
)
IDENTIFIERS = (
    "subject_id string, id_kind string, id_value string, id_status string, valid_from date, valid_to date, source string, "
    f"{VERSION_TYPES}"
)
NAMES = (
    "subject_id string, name string, name_norm string, is_current boolean, valid_from date, valid_to date, "
    f"source string, {VERSION_TYPES}"
)
ROLES = (
    "subject_id string, role string, person_name string, valid_from date, valid_to date, source string, "
    f"{VERSION_TYPES}"
)
CHANGE_LOG = (
    "source_key_hash string, change_item string, before_value string, after_value string, change_date date, "
    "source_dataset string, received_date date"
)
CHANGES = "subject_id string, change string, other_subject_id string, reason string, known_from date"
PLACES = "batch_id string, batch_rank int, received_date date, is_latest boolean"
ALARMS = "code string, alarm string, id_kind string, id_value string, subject_ids array<string>"


@dataclass(frozen=True)
class Registers:
    """The tables of one registers build; grain of each: see the column lists above."""

    subjects: DataFrame
    identifiers: DataFrame
    names: DataFrame
    roles: DataFrame
    subject_changes: DataFrame
    alarms: DataFrame

    def tables(self) -> dict[str, DataFrame]:
        """The tables by name, in the order they are written."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# Columns that not every register has, by our name.
OPTIONAL = {
    "since": "established_date",
    "division_code": "division_code",
    "former_name": "former_name",
    "ent_class": "ent_class",
}
OBSERVED = (
    "batch_id string, source_key string, row_no bigint, archive string, source_dataset string, name string, "
    "uscc string, uscc_status string, reg_no string, reg_no_status string, resident_id string, "
    "resident_id_status string, legal_rep string, since date, division_code string, former_name string, "
    "ent_class string, state string, batch_rank int, received_date date, is_latest boolean, is_now boolean, "
    "first_received date, now_received date"
)
SCHEMAS = {
    "subjects": SUBJECTS,
    "identifiers": IDENTIFIERS,
    "names": NAMES,
    "roles": ROLES,
    "subject_changes": CHANGES,
    "alarms": ALARMS,
}


def empty_registers(spark: SparkSession) -> Registers:
    """The parent of the first build."""
    return Registers(**{name: spark.createDataFrame([], schema) for name, schema in SCHEMAS.items()})


def observed_columns(contract: Contract) -> list[str]:
    """Return the columns of a register's records that registers are built from."""
    subject = contract.subject
    numbers = [name for name in (subject.uscc, subject.reg_no, subject.id_no) if name]
    named = [subject.source_key, subject.name, subject.legal_rep, *OPTIONAL.values(), state_field(contract)]
    fields = dict.fromkeys(name for name in (*numbers, *named) if name in contract.fields)
    return ["batch_id", "row_no", *(str(name) for name in fields), *(f"{name}_status" for name in numbers)]


def change_columns(contract: Contract) -> list[str]:
    """Return the columns of a change log's records that registers are built from."""
    return [
        "batch_id",
        str(contract.subject.source_key),
        "change_item",
        "before_value",
        "after_value",
        "change_date",
    ]


def observe(records: DataFrame, contract: Contract, batches: DataFrame) -> DataFrame:
    """Return one row per register record in one shape for every register.

    `batches` has batch_id, batch_rank (receipt order), received_date and is_latest. Numbers that fail their
    check are kept with that status: such codes were issued and are in force. Two columns more tell the newest record of a subject
    (`is_now`) and the date of that record's batch (`now_received`).
    """
    subject = contract.subject
    assert subject.source_key and subject.name
    archive = "L" if subject.kind == "register_legal" else "N"
    optional = {**OPTIONAL, "state": state_field(contract)}
    columns = [
        F.col(subject.source_key).alias("source_key"),
        "batch_id",
        "row_no",
        F.lit(archive).alias("archive"),
        F.lit(contract.name).alias("source_dataset"),
        F.col(subject.name).alias("name"),
        *(
            column
            for kind, field in (
                ("uscc", subject.uscc),
                ("reg_no", subject.reg_no),
                ("resident_id", subject.id_no),
            )
            for column in number(contract, field, kind)
        ),
        (F.col(subject.legal_rep) if subject.legal_rep else F.lit(None).cast("string")).alias("legal_rep"),
        *(optional_field(contract, field, name) for name, field in optional.items()),
    ]
    known = records.select(*columns).where(F.col("source_key").isNotNull() & F.col("name").isNotNull())
    of_subject = Window.partitionBy("source_key")
    newest = of_subject.orderBy(F.desc("batch_rank"), F.desc("row_no"))
    return (
        known.join(F.broadcast(batches), "batch_id")
        .withColumn("is_now", F.row_number().over(newest) == 1)
        .withColumn("first_received", F.min("received_date").over(of_subject))
        .withColumn("now_received", F.max(F.when(F.col("is_now"), F.col("received_date"))).over(of_subject))
    )


def state_field(contract: Contract) -> str:
    """Return the name of a register's state column."""
    return "reg_state" if "reg_state" in contract.fields else "state"


def number(contract: Contract, field: str | None, kind: str) -> list[Column]:
    """Return a number of the register and its status; null unless it can identify anybody."""
    if field is None:
        return [F.lit(None).cast("string").alias(name) for name in (kind, f"{kind}_status")]
    status = F.col(f"{field}_status")
    value = F.when(status.isin("valid", "repaired", "suspect"), F.col(field))
    return [value.alias(kind), status.alias(f"{kind}_status")]


def optional_field(contract: Contract, field: str, name: str) -> Column:
    """Return a field that not every register has."""
    kind = "date" if name == "since" else "string"
    return (F.col(field) if field in contract.fields else F.lit(None)).cast(kind).alias(name)


def identify(observed: DataFrame, parent: DataFrame | None, key: bytes) -> DataFrame:
    """Add source_key_hash and subject_id: the parent's if it knows the source key, else a new one."""
    source = F.concat_ws("\x1f", "source_dataset", "source_key")
    minted = F.concat(
        "archive", F.substring(hmac_hex(F.concat(F.lit("subject\x1f"), source), key), 1, SUBJECT_ID_HEX)
    )
    hashed = observed.withColumn("source_key_hash", source_hash(source, key))
    if parent is None:
        return hashed.withColumn("subject_id", minted)
    known = open_rows(parent).select("source_key_hash", F.col("subject_id").alias("known_id"))
    return (
        hashed.join(known, "source_key_hash", "left")
        .withColumn("subject_id", F.coalesce("known_id", minted))
        .drop("known_id")
    )


def open_rows(table: DataFrame) -> DataFrame:
    """The versions that are known now."""
    return table.where(F.col("known_to").isNull())


def subjects_now(identified: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per subject with what its newest record says; not listed = absent from the last snapshot."""
    listed = identified.where("is_now").select(
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
        .where(F.col("number.id_value").isNotNull())
        .select(
            "subject_id",
            "number.*",
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
    newest = identified.where("is_now").select("subject_id", "now_received")
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


def roles_now(identified: DataFrame, changes: DataFrame, parent: DataFrame | None) -> DataFrame:
    """Return one row per legal subject and legal representative, present and former."""
    seen = identified.where(F.col("legal_rep").isNotNull()).select(
        "subject_id",
        F.col("legal_rep").alias("person_name"),
        F.lit(None).cast("date").alias("valid_from"),
        ended_unless_now().alias("valid_to"),
        F.col("source_dataset").alias("source"),
        F.col("received_date").alias("known_from"),
        "is_now",
    )
    log = changed_texts(changes, "LEGAL_REP").withColumnRenamed("text", "person_name")
    known = parent.drop("role") if parent is not None else None
    folded = fold_texts(carry_on(seen.unionByName(log), identified, known), "person_name", identified)
    return folded.select(
        "subject_id",
        F.lit("legal_rep").alias("role"),
        "person_name",
        "valid_from",
        "valid_to",
        "source",
        "known_from",
    )


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
        .where(F.col("fact.text").isNotNull())
        .select(
            "subject_id",
            "fact.*",
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
    newest = identified.where("is_now").select("subject_id", "now_received")
    end = F.when(~F.col("is_now"), F.coalesce("valid_to", "now_received", "known_from"))
    return folded.join(newest, "subject_id", "left").withColumn("valid_to", end).drop("now_received")


def build_registers(
    spark: SparkSession,
    observed: DataFrame,
    change_log: DataFrame | None,
    parent: Registers | None,
    key: bytes,
    as_of: date,
) -> Registers:
    """Return the registers as known on `as_of`.

    `observed` is the union of `observe` over all registers, `change_log` has source_key_hash (see
    `prepare_changes`). Rows of `observed` are read several times: they are kept in memory or on disk.
    """
    known = parent.tables() if parent else {}
    identified = identify(observed, known.get("subjects"), key).persist()
    subjects = merge_versions(
        subjects_now(identified, known.get("subjects")), known.get("subjects"), ["subject_id"], as_of
    )
    changes = identify_changes(spark, change_log, subjects)
    identifiers = merge_versions(
        identifiers_now(identified, known.get("identifiers")),
        known.get("identifiers"),
        ["subject_id", "id_kind", "id_value"],
        as_of,
    )
    names = merge_versions(
        names_now(identified, changes, known.get("names")), known.get("names"), ["subject_id", "name"], as_of
    )
    roles = merge_versions(
        roles_now(identified, changes, known.get("roles")),
        known.get("roles"),
        ["subject_id", "role", "person_name"],
        as_of,
    )
    changed = parent.subject_changes if parent else spark.createDataFrame([], CHANGES)
    return Registers(subjects, identifiers, names, roles, changed, find_alarms(identifiers, subjects))


def prepare_changes(
    records: DataFrame, contract: Contract, register: str, batches: DataFrame, key: bytes
) -> DataFrame:
    """Return the change log's entries with the hash by which `register` (a dataset) knows their subject."""
    assert contract.subject.source_key
    source = F.concat_ws("\x1f", F.lit(register), F.col(contract.subject.source_key))
    entries = records.select(
        "batch_id",
        "change_item",
        "before_value",
        "after_value",
        "change_date",
        source_hash(source, key).alias("source_key_hash"),
        F.lit(contract.name).alias("source_dataset"),
    )
    return entries.join(F.broadcast(batches.select("batch_id", "received_date")), "batch_id").drop("batch_id")


def identify_changes(spark: SparkSession, change_log: DataFrame | None, subjects: DataFrame) -> DataFrame:
    """Return the change log with subject_id; entries about subjects that no register has are left out."""
    if change_log is None:
        return spark.createDataFrame([], CHANGE_LOG).withColumnRenamed("source_key_hash", "subject_id")
    return change_log.join(
        open_rows(subjects).select("source_key_hash", "subject_id"), "source_key_hash"
    ).drop("source_key_hash")


def source_hash(source: Column, key: bytes) -> Column:
    """Return the keyed hash of a register's own key; the key itself is in no table of ours."""
    return F.substring(hmac_hex(F.concat(F.lit("source\x1f"), source), key), 1, SOURCE_KEY_HEX)


def find_alarms(identifiers: DataFrame, subjects: DataFrame) -> DataFrame:
    """L02: one USCC with two current names, or two USCC on one organisation code, among numbers in force."""
    codes = open_rows(identifiers).where((F.col("id_kind") == "uscc") & F.col("valid_to").isNull())
    named = codes.join(open_rows(subjects).select("subject_id", "current_name"), "subject_id")
    owners = F.sort_array(F.collect_set("subject_id")).alias("subject_ids")
    two_names = (
        named.groupBy("id_value")
        .agg(owners, F.count_distinct("current_name").alias("different"))
        .where(F.col("different") > 1)
        .select(
            F.lit("L02").alias("code"),
            F.lit("one_uscc_two_names").alias("alarm"),
            F.lit("uscc").alias("id_kind"),
            "id_value",
            "subject_ids",
        )
    )
    two_codes = (
        codes.groupBy(F.substring("id_value", 9, 9).alias("org_code"))
        .agg(owners, F.count_distinct("id_value").alias("different"))
        .where(F.col("different") > 1)
        .select(
            F.lit("L02").alias("code"),
            F.lit("two_uscc_one_org_code").alias("alarm"),
            F.lit("org_code").alias("id_kind"),
            F.col("org_code").alias("id_value"),
            "subject_ids",
        )
    )
    return two_names.unionByName(two_codes)
