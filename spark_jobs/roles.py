"""Roles: who represents, directs, supervises, owns or operates an organisation, and who that provably is.

A row names a holder. Only a full document leads from the name to a subject: an intact resident ID that the
registers have once, whose owner bears the name; of an organisation its intact USCC. Else the name stays a
name, with the `doubt` that keeps it one. No number is stored: `holder_key` is a keyed hash of what the row
says of its holder, so that a role is known again when it comes again.

Datasets of roles come whole: what the newest snapshot no longer says ended when that snapshot came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from creditlake.contract import Contract
from creditlake.role_rules import OTHER_ROLE, RoleFile, RoleSource
from spark_jobs.engine import Column, DataFrame, F, join_hash
from spark_jobs.expressions import hmac_hex, normalise_name
from spark_jobs.history import open_rows
from spark_jobs.merging import Merges, follow
from spark_jobs.observing import source_hash

ROLE_KEY = ("subject_id", "role", "holder_key")
CONTENT = (
    "position",
    "holder_name",
    "name_norm",
    "holder_id",
    "doubt",
    "is_minor",
    "valid_from",
    "valid_to",
    "source",
)
HOLDER_KEY_HEX = 32
REPRESENTATIVE, OPERATOR = "LEGAL_REP", "OPERATOR"
NO_DOCUMENT = "no_document"
ROLES_BEFORE = (
    "subject_id string, role string, person_name string, valid_from date, valid_to date, source string, "
    "known_from date, known_to date"
)
UNPROVEN_NUMBER = ("two_documents", NO_DOCUMENT, "other_document", "damaged_number")


@dataclass(frozen=True)
class DeliveredRoles:
    """What datasets of roles say (`prepare_roles`), and when what a dataset no longer says has ended."""

    rows: DataFrame
    gone: Mapping[str, date]


def role_columns(source: RoleSource) -> list[str]:
    """Return the columns of a dataset's records that roles are made of."""
    numbers = [name for name in (source.uscc, source.id_no, source.holder_uscc) if name]
    fields = dict.fromkeys(source.fields.values())
    return ["batch_id", "row_no", "is_minor", *fields, *(f"{name}_status" for name in numbers)]


def prepare_roles(
    records: DataFrame, contract: Contract, rules: RoleFile, batches: DataFrame, key: bytes
) -> DataFrame:
    """Return one row per delivered role, with hashes in place of the numbers.

    `batches` has the places of all batches of the dataset (`observing.PLACES`).
    """
    source = next(source for source in rules.sources if source.dataset == contract.name)
    following = batches.select(
        (F.col("batch_rank") - 1).alias("batch_rank"), F.col("received_date").alias("next_received")
    )
    number, doubt, document = read_document(source)
    name = F.col(source.name)
    told = F.concat_ws("\x1f", F.lit("holder"), F.lit(source.dataset), document)
    asks_age = any(check.check == "minor" for check in contract.row_checks)
    own_key = F.concat_ws("\x1f", F.lit(source.subjects_of), F.col(source.source_key))
    return records.where(name.isNotNull()).select(
        "batch_id",
        "row_no",
        source_hash(own_key, key).alias("source_key_hash"),
        F.when(F.col(f"{source.uscc}_status") == "valid", join_hash(source.uscc)).alias("own_hash"),
        F.explode(find_roles(source, rules)).alias("role"),
        F.substring(hmac_hex(told, key), 1, HOLDER_KEY_HEX).alias("holder_key"),
        (F.col(source.position) if source.position else F.lit(None).cast("string")).alias("position"),
        name.alias("holder_name"),
        normalise_name(name).alias("name_norm"),
        join_hash(number).alias("number_hash"),
        F.when(number.isNull(), doubt).alias("doubt"),
        (F.col("is_minor") if asks_age else F.lit(None).cast("boolean")).alias("is_minor"),
        (F.col(source.since) if source.since else F.lit(None).cast("date")).alias("valid_from"),
        F.lit(source.dataset).alias("source"),
    ).join(F.broadcast(batches.join(following, "batch_rank", "left")), "batch_id")  # fmt: skip


def read_document(source: RoleSource) -> tuple[Column, Column, Column]:
    """Return the number that may prove the holder, why there is none, and what is said of the holder."""
    id_no, id_type = F.col(source.id_no), F.col(source.id_type)
    is_resident = F.coalesce(id_type == "RESIDENT_ID", F.lit(False))
    is_intact = F.col(f"{source.id_no}_status") == "valid"
    resident = F.when(is_resident & is_intact, id_no)
    code, organisation = F.lit(None).cast("string"), F.lit(None).cast("string")
    if source.holder_uscc:
        code = F.col(source.holder_uscc)
        organisation = F.when(F.col(f"{source.holder_uscc}_status") == "valid", code)
    both = code.isNotNull() & id_no.isNotNull()
    two, none, other, damaged = UNPROVEN_NUMBER
    doubt = (
        F.when(both, two)
        .when(code.isNull() & id_no.isNull(), none)
        .when(id_no.isNotNull() & ~is_resident, other)
        .otherwise(damaged)
    )
    told = F.concat_ws("\x1f", id_type, id_no, code, normalise_name(F.col(source.name)))
    return F.when(~both, F.coalesce(organisation, resident)), doubt, told


def find_roles(source: RoleSource, rules: RoleFile) -> Column:
    """Return the roles that a row gives: its own, and that of the representative where its flag says so."""
    if source.role:
        return F.array(F.lit(source.role))
    assert source.position
    word = F.regexp_replace(F.col(source.position), " ", "")
    role = F.lit(None).cast("string")
    for known in rules.roles:
        if known.positions:
            role = F.coalesce(role, F.when(word.isin(*known.positions), known.code))
    flagged = F.lit(None).cast("string")
    if source.is_legal_rep:
        flagged = F.when(F.col(source.is_legal_rep), REPRESENTATIVE)
    return F.array_distinct(F.array_compact(F.array(F.coalesce(role, F.lit(OTHER_ROLE)), flagged)))


def name_representatives(names: DataFrame, sources: DataFrame, key: bytes, *others: str) -> DataFrame:
    """Return the registers' own representatives as roles: a name, no document; shops have an operator.

    `sources` has the kind of every subject; `others` are columns of `names` to keep.
    """
    kinds = sources.select("subject_id", "subject_type").distinct()
    return names.join(kinds, "subject_id", "left").select(
        "subject_id",
        representing_role().alias("role"),
        representative_key(key).alias("holder_key"),
        F.lit(None).cast("string").alias("position"),
        "holder_name",
        normalise_name(F.col("holder_name")).alias("name_norm"),
        F.lit(None).cast("string").alias("holder_id"),
        F.lit(NO_DOCUMENT).alias("doubt"),
        F.lit(None).cast("boolean").alias("is_minor"),
        "valid_from",
        "valid_to",
        "source",
        "known_from",
        *others,
    )


def representing_role() -> Column:
    """Return who represents a subject of this kind: of an individual business its operator."""
    is_shop = F.coalesce(F.col("subject_type") == "INDIVIDUAL_BUSINESS", F.lit(False))
    return F.when(is_shop, OPERATOR).otherwise(REPRESENTATIVE)


def roles_now(
    representatives: DataFrame,
    delivered: DeliveredRoles | None,
    sources: DataFrame,
    numbers: DataFrame,
    parent: DataFrame | None,
    merges: Merges,
) -> DataFrame:
    """Return one row per organisation, role and holder, present and former.

    `sources` has the registers' own keys with subject_id and subject_type, `numbers` is `number_owners` of
    the registers as they are now, `parent` the roles known so far, absorbed organisations already followed.
    """
    if delivered is None:
        return representatives
    documented = prove_holders(fold_roles(delivered.rows, sources, numbers), numbers)
    if parent is not None:
        documented = documented.unionByName(carry_roles(documented, parent, delivered.gone, merges))
    return representatives.unionByName(documented)


def fold_roles(rows: DataFrame, sources: DataFrame, numbers: DataFrame) -> DataFrame:
    """Return one row per role and holder as its newest row says it; in force if the newest snapshot has it.

    Rows of organisations that no register has are left out, and rows whose own code is another subject's.
    """
    owners = numbers.select(F.col("number_hash").alias("own_hash"), F.col("owners").alias("own_owners"))
    is_own = F.coalesce(F.array_contains("own_owners", F.col("subject_id")), F.lit(True))
    role = F.col("role")
    said = rows.join(sources, "source_key_hash").join(owners, "own_hash", "left").where(is_own)
    newest = ["position", "holder_name", "name_norm", "number_hash", "doubt", "is_minor", "valid_from"]
    return (
        said.withColumn("role", F.when(F.col("role") == REPRESENTATIVE, representing_role()).otherwise(role))
        .groupBy(*ROLE_KEY, "source")
        .agg(
            F.max(F.struct("batch_rank", "row_no", *newest, "next_received")).alias("newest"),
            F.max("is_latest").alias("is_now"),
            F.min("received_date").alias("known_from"),
        )
        .select(
            *ROLE_KEY,
            *(f"newest.{name}" for name in newest),
            F.when(~F.col("is_now"), F.col("newest.next_received")).alias("valid_to"),
            "source",
            "known_from",
        )
    )


def prove_holders(roles: DataFrame, numbers: DataFrame) -> DataFrame:
    """Add holder_id, the one owner of the number who bears the name; without one, say in `doubt` why."""
    owned = numbers.select("number_hash", "owners", "id_kind", "is_intact", "all_names")
    found = roles.join(owned, "number_hash", "left")
    bears_it = F.array_contains("all_names", join_hash("name_norm"))
    is_document = F.col("is_intact") & F.col("id_kind").isin("resident_id", "uscc")
    doubt = (
        F.when(F.col("doubt").isNotNull(), F.col("doubt"))
        .when(F.col("owners").isNull() | ~is_document, "unknown_number")
        .when(F.size("owners") > 1, "several_owners")
        .when(~F.coalesce(bears_it, F.lit(False)), "name_differs")
        # A body cannot hold a role in itself: its own code stands where the holder's should.
        .when(F.array_contains("owners", F.col("subject_id")), "own_number")
    )
    return (
        found.withColumn("doubt", doubt)
        .withColumn("holder_id", F.when(F.col("doubt").isNull(), F.col("owners")[0]))
        .select(*ROLE_KEY, *CONTENT, "known_from")
    )


def carry_roles(now: DataFrame, parent: DataFrame, gone: Mapping[str, date], merges: Merges) -> DataFrame:
    """Return the parent's roles that were not delivered again: ended when their dataset came without them."""
    ended = F.lit(None).cast("date")
    for source, day in gone.items():
        ended = F.when(F.col("source") == source, F.lit(day)).otherwise(ended)
    known = follow(
        open_rows(parent)
        .where(F.col("source").isin(*gone))
        .join(now.select(*ROLE_KEY), [*ROLE_KEY], "left_anti"),
        merges,
        "holder_id",
    )
    # Two organisations that have become one may have had one role each with the same holder.
    once = known.groupBy(*ROLE_KEY).agg(
        F.max(F.struct(*CONTENT)).alias("said"), F.min("known_from").alias("known_from")
    )
    return (
        once.select(*ROLE_KEY, *(F.col("said")[name].alias(name) for name in CONTENT), "known_from")
        .withColumn("valid_to", F.coalesce("valid_to", ended))
        .select(*now.columns)
    )


def representatives_known(parent: DataFrame | None, key: bytes) -> DataFrame | None:
    """Return what the parent knows of the registers' own representatives."""
    if parent is None:
        return None
    return parent.where(F.col("holder_key") == representative_key(key)).select(
        "subject_id", "holder_name", "valid_from", "valid_to", "source", "known_from", "known_to"
    )


def representative_key(key: bytes) -> Column:
    """Return the holder_key of a representative of whom a register says the name and nothing else."""
    told = F.concat_ws("\x1f", F.lit("representative"), "holder_name")
    return F.substring(hmac_hex(told, key), 1, HOLDER_KEY_HEX)


def upgrade_roles(before: DataFrame, subjects: DataFrame, key: bytes) -> DataFrame:
    """Return roles of link versions up to 3, which had names of representatives only, in today's columns."""
    kinds = open_rows(subjects).select("subject_id", "subject_type")
    names = before.withColumnRenamed("person_name", "holder_name")
    return name_representatives(names, kinds, key, "known_to")
