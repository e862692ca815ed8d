"""Registers: who exists, under which numbers and names, since when we know it.

Built from the register snapshots and the change log received up to a business date, on top of the parent
build's registers. A subject's id is minted once from its source key and then carried over. What a snapshot
no longer says becomes history (`valid_to`), never disappears: old records still carry old names and numbers.

Two times: `valid_from`/`valid_to` are the source's (half-open), `known_from`/`known_to` ours. A row whose
content changes is closed with `known_to` and a new row opens; at most one row per key is open.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date

from spark_jobs.engine import DataFrame, F, SparkSession, hold, make_frame, release, workers
from spark_jobs.expressions import hmac_hex
from spark_jobs.history import merge_versions, open_rows
from spark_jobs.linking import number_owners
from spark_jobs.merging import (
    Merges,
    end_absorbed,
    find_merges,
    follow,
    mark_lead,
    merge_events,
    migration_events,
    read_merges,
    resolve,
)
from spark_jobs.observing import CHANGE_LOG, source_hash
from spark_jobs.register_facts import identifiers_now, names_now, representatives_now, subjects_now
from spark_jobs.roles import ROLE_KEY, DeliveredRoles, name_representatives, representatives_known, roles_now

SUBJECT_ID_HEX = 20
TABLES_AT_ONCE = 2
VERSION_TYPES = "known_from date, known_to date"
SUBJECTS = (
    "subject_id string, archive string, subject_type string, source_key_hash string, source_dataset string, "
    f"current_name string, state string, division_code string, is_listed boolean, {VERSION_TYPES}"
)
IDENTIFIERS = (
    "subject_id string, id_kind string, id_value string, id_status string, valid_from date, "
    f"valid_to date, source string, {VERSION_TYPES}"
)
NAMES = (
    "subject_id string, name string, name_norm string, is_current boolean, valid_from date, valid_to date, "
    f"source string, {VERSION_TYPES}"
)
ROLES = (
    "subject_id string, role string, holder_key string, position string, holder_name string, "
    "name_norm string, holder_id string, doubt string, is_minor boolean, valid_from date, valid_to date, "
    f"source string, {VERSION_TYPES}"
)
CHANGES = "subject_id string, change string, other_subject_id string, reason string, known_from date"
ALARMS = "code string, alarm string, id_kind string, id_value string, subject_ids array<string>"


SCHEMAS = {
    "subjects": SUBJECTS,
    "identifiers": IDENTIFIERS,
    "names": NAMES,
    "roles": ROLES,
    "subject_changes": CHANGES,
    "alarms": ALARMS,
}


# What a table has at most one open version of.
KEYS = {
    "subjects": ["subject_id"],
    "identifiers": ["subject_id", "id_kind", "id_value"],
    "names": ["subject_id", "name"],
    "roles": list(ROLE_KEY),
}


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
        """The tables by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def identify(observed: DataFrame, parent: Registers | None, key: bytes) -> tuple[DataFrame, Merges]:
    """Add source_key_hash, subject_id and is_lead; also return the merges newly proven.

    A source key keeps the id under which the parent knows it, else it makes one; then registers that speak
    of one body are brought together (`merging`).
    """
    source = F.concat_ws("\x1f", "source_dataset", "source_key")
    minted = F.concat(
        "archive", F.substring(hmac_hex(F.concat(F.lit("subject\x1f"), source), key), 1, SUBJECT_ID_HEX)
    )
    own = observed.withColumns(
        {
            "source_key_hash": source_hash(source, key),
            "own_id": minted,
            "first_known": F.col("first_received"),
        }
    )
    merges: Merges = {}
    if parent is not None:
        known = parent.subjects.groupBy("source_key_hash").agg(
            F.min("subject_id").alias("known_id"), F.min("known_from").alias("known_since")
        )
        own = own.join(known, "source_key_hash", "left").withColumns(
            {
                "own_id": F.coalesce("known_id", "own_id"),
                "first_known": F.least("first_known", "known_since"),
            }
        )
        merges = read_merges(parent.subject_changes)
    named = follow(own.withColumn("subject_id", F.col("own_id")), merges)
    new = find_merges(named)
    identified = mark_lead(follow(named, new), resolve({**merges, **new}))
    return identified.drop("own_id", "first_known"), new


def build_registers(
    spark: SparkSession,
    observed: DataFrame,
    change_log: DataFrame | None,
    parent: Registers | None,
    key: bytes,
    as_of: date,
    settle: Callable[[str, DataFrame], DataFrame],
    delivered: DeliveredRoles | None = None,
    migrated: DataFrame | None = None,
) -> Registers:
    """Return the registers as known on `as_of`.

    `observed` is the union of `observe` over all registers; its rows are read several times and kept in
    memory or on disk. `change_log` has source_key_hash (see `prepare_changes`), `delivered` what datasets of
    roles say, `migrated` the ids of earlier archives (see `migration_events`). `settle(name, table)` stores
    a finished table and returns it as read back: later tables are made from the stored ones. It is
    called from several threads at once.
    """
    identified, merges = identify(observed, parent, key)
    identified = hold(identified)
    known = {name: end_absorbed(table, merges, as_of) for name, table in versions_of(parent).items()}
    carried = {name: follow(table, merges) for name, table in versions_of(parent).items()}

    def finish(name: str, now: DataFrame) -> DataFrame:
        return settle(name, merge_versions(now, known.get(name), KEYS[name], as_of))

    subjects = finish("subjects", subjects_now(identified, known.get("subjects")))
    sources = subject_sources(subjects, identified)
    changes = identify_changes(spark, change_log, sources)
    history = parent.subject_changes if parent else make_frame(spark, [], CHANGES)
    history = history.unionByName(merge_events(spark, merges, as_of, CHANGES))
    if migrated is not None:
        history = history.unionByName(migration_events(migrated, history))
    with workers(TABLES_AT_ONCE) as pool:  # while one table is planned another is written
        identifiers = pool.submit(
            lambda: finish("identifiers", identifiers_now(identified, carried.get("identifiers")))
        )
        names = pool.submit(lambda: finish("names", names_now(identified, changes, carried.get("names"))))
        roles = pool.submit(
            lambda: finish(
                "roles",
                roles_now(
                    name_representatives(
                        representatives_now(
                            identified, changes, representatives_known(carried.get("roles"), key)
                        ),
                        sources,
                        key,
                    ),
                    delivered,
                    sources,
                    number_owners(open_rows(identifiers.result()), open_rows(names.result())),
                    carried.get("roles"),
                    merges,
                ),
            )
        )
        changed = pool.submit(lambda: settle("subject_changes", history))
        alarms = settle("alarms", find_alarms(identifiers.result(), subjects))
    registers = Registers(
        subjects=subjects,
        identifiers=identifiers.result(),
        names=names.result(),
        roles=roles.result(),
        subject_changes=changed.result(),
        alarms=alarms,
    )
    release(identified)
    return registers


def versions_of(registers: Registers | None) -> dict[str, DataFrame]:
    """Return the tables that have versions, by name."""
    return {name: table for name, table in registers.tables().items() if name in KEYS} if registers else {}


def subject_sources(subjects: DataFrame, identified: DataFrame) -> DataFrame:
    """Return the hashes of registers' own keys with the subject and its kind."""
    # An absorbed subject's source key is in no table of subjects.
    known = open_rows(subjects)
    other = identified.where("is_now and not is_lead").select("source_key_hash", "subject_id")
    keys = known.select("source_key_hash", "subject_id").unionByName(other)
    return keys.join(known.select("subject_id", "subject_type"), "subject_id")


def identify_changes(spark: SparkSession, change_log: DataFrame | None, sources: DataFrame) -> DataFrame:
    """Return the change log with subject_id; entries about subjects that no register has are left out."""
    if change_log is None:
        return make_frame(spark, [], CHANGE_LOG).withColumnRenamed("source_key_hash", "subject_id")
    keys = sources.select("source_key_hash", "subject_id")
    return change_log.join(keys, "source_key_hash").drop("source_key_hash")


def find_alarms(identifiers: DataFrame, subjects: DataFrame) -> DataFrame:
    """L02: one USCC with two subjects, or two USCC on one organisation code, among numbers in force.

    Registers that know one body under one name have been brought together before; two subjects that remain
    differ in their names, or one register has the code twice.
    """
    codes = open_rows(identifiers).where((F.col("id_kind") == "uscc") & F.col("valid_to").isNull())
    named = codes.join(open_rows(subjects).select("subject_id", "current_name"), "subject_id")
    owners = F.sort_array(F.collect_set("subject_id")).alias("subject_ids")
    several_names = F.count_distinct("current_name") > 1
    two_subjects = (
        named.groupBy("id_value")
        .agg(owners, F.when(several_names, "names").otherwise("subjects").alias("differing"))
        .where(F.size("subject_ids") > 1)
        .select(
            F.lit("L02").alias("code"),
            F.concat(F.lit("one_uscc_two_"), "differing").alias("alarm"),
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
    return two_subjects.unionByName(two_codes)
