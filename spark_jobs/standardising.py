"""Cells to records: typed, normalised, judged row by row. Pure DataFrame functions.

Grain in and out: one row per row of a delivered file, so that received = accepted + held + rejected +
dropped. The strictest defect decides the outcome. The work is laid out in stages, each a projection over
the columns of the one before: text, typed values, grades, values that depend on several fields, defects, ids.
"""

from dataclasses import replace

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.receipt_no import RECEIPT_FIELD
from spark_jobs import expressions as ex
from spark_jobs.defects import DROPPING, HOLDING, REJECTING, DefectRules, has_level
from spark_jobs.duplicates import PLACE, find_repeated, mark_repeated
from spark_jobs.engine import Column, DataFrame, F, row_hash
from spark_jobs.field_rules import (
    check_fields,
    delivered_fields,
    filled_columns,
    form_columns,
    graded_columns,
    identifier_fields,
    typed_columns,
    valued_columns,
)
from spark_jobs.row_checks import check_rows, is_minor

FOUND = "_found"
OUTCOMES = ("accepted", "held", "rejected", "dropped")
RECORD_ID_HEX = 32


def standardise(
    cells: DataFrame,
    contract: Contract,
    catalog: Catalog,
    key: bytes,
    received: DataFrame,
    *,
    placed: bool = False,
) -> DataFrame:
    """Return one record per row of cells; `outcome` says what becomes of it.

    `cells` has batch_id, file_name, row_no, ragged_line, receipt_no and a text column per field. `received`
    has one row per batch: batch_id, _received_date and _late_before (see `row_checks`). `placed` adds the
    columns by which the step lays its files out: `_batch` and `_outcome`.
    """
    repeated = find_repeated(cells, repeat_key(contract), list(contract.fields))
    rows = mark_repeated(cells, repeated).join(F.broadcast(received), "batch_id", "left")
    raw = rows.select(
        *PLACE,
        "_is_duplicate",
        "_is_disputed",
        "_received_date",
        "_late_before",
        F.col("ragged_line").isNotNull().alias("_is_ragged"),
        ex.clean_receipt_no(F.col(RECEIPT_FIELD)).alias(RECEIPT_FIELD),
        *(F.col(name).alias(f"raw_{name}") for name in contract.fields),
    )
    worked = raw
    for stage in (
        filled_columns(contract),
        form_columns(contract),
        typed_columns(contract, catalog),
        graded_columns(contract),
        valued_columns(contract),
    ):
        worked = worked.withColumns(stage) if stage else worked
    rules = collect_rules(contract, catalog)
    judged = worked.withColumns({FOUND: rules.found(), "is_minor": is_minor(contract)})
    columns = record_columns(contract, catalog, key, rules.defects(FOUND))
    if placed:
        columns += [F.col("batch_id").alias("_batch"), outcome().alias("_outcome")]
    return judged.select(*columns)


def collect_rules(contract: Contract, catalog: Catalog) -> DefectRules:
    """Return all rules of a dataset. Of a ragged row nothing can be said but that it is ragged."""
    rules = DefectRules(catalog)
    rules.add(F.col("_is_duplicate"), "U01", "")
    rules.add(F.col("_is_disputed") & ~F.col("_is_duplicate"), "U03", "")
    check_fields(contract, rules)
    check_rows(contract, rules)
    rules.add(~ex.is_receipt_no(F.col(RECEIPT_FIELD)), "R01", "")
    whole = [replace(rule, condition=~F.col("_is_ragged") & rule.condition) for rule in rules.rules]
    rules = DefectRules(catalog, whole)
    rules.add(F.col("_is_ragged"), "F04", "")
    return rules


def repeat_key(contract: Contract) -> list[str]:
    """Return the fields in which two rows of a batch speak of one thing: an insert and its update do not."""
    return [*contract.natural_key, *([contract.change_field] if contract.change_field else [])]


def outcome() -> Column:
    """Return where a row goes; a duplicate or a test row is dropped."""
    return (
        F.when(has_level(FOUND, DROPPING), "dropped")
        .when(has_level(FOUND, REJECTING), "rejected")
        .when(has_level(FOUND, HOLDING), "held")
        .otherwise("accepted")
    )


def record_columns(contract: Contract, catalog: Catalog, key: bytes, defects: Column) -> list[Column]:
    """Return the columns of a record, in their order on disk."""
    fields = list(contract.fields)
    columns = [
        record_id(contract, contract.name, contract.natural_key, key).alias("record_id"),
        row_hash(fields).alias("content_hash"),
        *map(F.col, PLACE),
        F.col(RECEIPT_FIELD),
        change_op(contract).alias("change_op"),
        outcome().alias("outcome"),
        (outcome() == "held").alias("is_held"),
        defects.alias("defects"),
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
