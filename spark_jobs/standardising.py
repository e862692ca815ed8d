"""Cells to records: typed, normalised, judged row by row. Pure DataFrame functions.

Grain in and out: one row per row of a delivered file, so that received = accepted + held + rejected +
dropped. The strictest defect decides the outcome. The work is laid out in stages, each a projection over
the columns of the one before: text, typed values, values that depend on several fields, defects, ids.
"""

from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from spark_jobs import expressions as ex
from spark_jobs.defects import HOLDING, REJECTING, DefectRules, has_level
from spark_jobs.duplicates import PLACE, content_hash, find_duplicates, mark_duplicates
from spark_jobs.field_rules import (
    check_fields,
    delivered_fields,
    dependent_columns,
    filled_columns,
    form_columns,
    identifier_fields,
    moved_columns,
    text_columns,
    typed_columns,
)
from spark_jobs.row_checks import check_rows, is_minor

OUTCOMES = ("accepted", "held", "rejected", "dropped")
RECORD_ID_HEX = 32


def standardise(
    cells: DataFrame, contract: Contract, catalog: Catalog, key: bytes, received: DataFrame
) -> DataFrame:
    """Return one record per row of cells; `outcome` says what becomes of it.

    `cells` has batch_id, file_name, row_no, ragged_line and a text column per field. `received` has one row
    per batch: batch_id, _received_date and _late_before (see `row_checks`).
    """
    duplicates = find_duplicates(cells, list(contract.natural_key), list(contract.fields))
    rows = mark_duplicates(cells, duplicates).join(F.broadcast(received), "batch_id", "left")
    raw = rows.select(
        *PLACE,
        "_is_duplicate",
        "_received_date",
        "_late_before",
        F.col("ragged_line").isNotNull().alias("_is_ragged"),
        *(F.col(name).alias(f"raw_{name}") for name in contract.fields),
    )
    typed = raw
    for stage in (
        text_columns(contract),
        filled_columns(contract),
        form_columns(contract),
        typed_columns(contract, catalog),
        dependent_columns(contract),
    ):
        typed = typed.withColumns(stage)
    whole = reroute(typed, contract).withColumns(remapped_class(contract))
    rules = collect_rules(contract, catalog)
    judged = (
        whole.withColumns({"_found": rules.found(), "is_minor": is_minor(contract)})
        .withColumn("defects", rules.defects("_found"))
        .withColumn("outcome", outcome())
    )
    return judged.select(*record_columns(contract, catalog, key))


def collect_rules(contract: Contract, catalog: Catalog) -> DefectRules:
    """Return all rules of a dataset. Of a ragged row nothing can be said but that it is ragged."""
    rules = DefectRules(catalog)
    rules.add(F.col("_is_duplicate"), "U01", "")
    check_fields(contract, rules)
    check_rows(contract, rules)
    whole = [replace(rule, condition=~F.col("_is_ragged") & rule.condition) for rule in rules.rules]
    rules = DefectRules(catalog, whole)
    rules.add(F.col("_is_ragged"), "F04", "")
    return rules


def outcome() -> Column:
    """Return where a row goes; a duplicate is dropped whatever else is wrong with it."""
    return (
        F.when(F.col("_is_duplicate"), "dropped")
        .when(has_level(REJECTING), "rejected")
        .when(has_level(HOLDING), "held")
        .otherwise("accepted")
    )


def reroute(typed: DataFrame, contract: Contract) -> DataFrame:
    """Move a person's intact resident number out of the USCC column, where the number column is empty."""
    moved = moved_columns(contract)
    if not moved:
        return typed
    uscc, id_no = str(contract.subject.uscc), str(contract.subject.id_no)
    is_moved = F.col(f"moved_{id_no}")
    return typed.withColumns(moved).withColumns(
        {
            id_no: F.when(is_moved, F.col(uscc)).otherwise(F.col(id_no)),
            f"{id_no}_status": F.when(is_moved, "valid").otherwise(F.col(f"{id_no}_status")),
            uscc: F.when(~is_moved, F.col(uscc)),
            f"{uscc}_status": F.when(is_moved, "missing").otherwise(F.col(f"{uscc}_status")),
        }
    )


def remapped_class(contract: Contract) -> dict[str, Column]:
    """Return the party's class after the contract's remaps, e.g. (NATURAL, 92…) to INDIVIDUAL_BUSINESS."""
    subject = contract.subject
    if not subject.class_remap:
        return {}
    assert subject.class_field
    assert subject.uscc
    result = F.col(subject.class_field)
    code = F.when(F.col(f"{subject.uscc}_status").isin("valid", "repaired"), F.col(subject.uscc))
    for remap in subject.class_remap:
        applies = (F.col(subject.class_field) == remap.when) & code.startswith(remap.uscc_prefix)
        result = F.when(applies, remap.becomes).otherwise(result)
    return {subject.class_field: result}


def record_columns(contract: Contract, catalog: Catalog, key: bytes) -> list[Column]:
    """Return the columns of a record, in their order on disk."""
    fields = list(contract.fields)
    columns = [
        record_id(contract, contract.name, contract.natural_key, key).alias("record_id"),
        content_hash(fields).alias("content_hash"),
        *map(F.col, PLACE),
        change_op(contract).alias("change_op"),
        F.col("outcome"),
        (F.col("outcome") == "held").alias("is_held"),
        F.col("defects"),
        F.col("is_minor"),
    ]
    if contract.references:
        target = catalog.contracts[contract.references.dataset]
        columns.append(
            record_id(contract, target.name, contract.references.key, key).alias("target_record_id")
        )
    columns += [F.col(name) for name in fields if name != "change_op"]
    columns += [F.col(f"raw_{name}").alias(f"{name}_delivered") for name in delivered_fields(contract)]
    columns += [F.col(f"{name}_status") for name in identifier_fields(contract)]
    return columns


def change_op(contract: Contract) -> Column:
    """Return I, U, D or, for a dataset without change flags, S for a snapshot and I for an increment."""
    if contract.change_field:
        return F.col(contract.change_field)
    return F.lit("S" if contract.delivery.kind == "full_snapshot" else "I")


def record_id(contract: Contract, dataset: str, parts: tuple[str, ...], key: bytes) -> Column:
    """Return the keyed hash of a natural key; names and document numbers count in their comparison form.

    A reference to another dataset's record is made the same way, from this row's fields.
    """
    forms = [F.coalesce(key_form(name, contract), F.lit("")) for name in parts]
    return F.substring(ex.hmac_hex(F.concat_ws("\x1f", F.lit(dataset), *forms), key), 1, RECORD_ID_HEX)


def key_form(name: str, contract: Contract) -> Column:
    """Return a field as a part of a key."""
    column = F.col(name)
    if contract.fields[name].type in ("name", "person_name"):
        return ex.normalise_name(column)
    return column.cast("string")
