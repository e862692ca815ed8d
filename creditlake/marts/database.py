"""The private database of one build: views over verified files, small tables of rules and batches.

Every view names its files one by one and every column with its type. A file that lacks a column stops the
build instead of filling it with nulls. `row_key` gives each row one number: file number × 2³¹ + row of the
file; it orders rows as they were received and finds a row again, and it means nothing outside the build.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from creditlake.builds import BuildError
from creditlake.catalog import Catalog
from creditlake.contract import IDENTIFIER_TYPES, KEEPS_DELIVERED, Contract, FieldContract
from creditlake.duck import quote_name, quote_text
from creditlake.gate.patterns import add_personal_macros
from creditlake.marts.corrections import create_correction_views
from creditlake.marts.inputs import BuildInputs, KnownBatch
from creditlake.marts.rule_tables import RULE_TABLES, rule_rows
from creditlake.receipt_no import RECEIPT_FIELD
from creditlake.settings import Settings
from creditlake.storage import FileEntry, Lake

FILE_ROWS = 2**31
# The text with every `found` of the pairs replaced by its `shown`, in the pairs' order.
REPLACE_ALL = """replace_all(text, pairs) as list_reduce(
    list_prepend({found: '', shown: text}, pairs),
    lambda so_far, pair: {found: '', shown: replace(so_far.shown, pair.found, pair.shown)}
).shown"""
DEFECTS_TYPE = "struct(code varchar, level varchar, field varchar, detail varchar)[]"
COMMON = (
    "record_id",
    "row_key",
    "content_hash",
    "change_op",
    "outcome",
    "is_held",
    "is_minor",
    "defects",
    "received_date",
    "snapshot_no",
    "is_current_snapshot",
)
LINKING = {
    "links": {
        "dataset": "varchar",
        "batch_id": "varchar",
        "file_name": "varchar",
        "row_no": "bigint",
        "record_id": "varchar",
        "status": "varchar",
        "grade": "varchar",
        "tier": "varchar",
        "subject_id": "varchar",
        "reason": "varchar",
        "subject_kind": "varchar",
        "party": "varchar",
        "evidence": "varchar",
        "candidates": "varchar[]",
        "doubts": "varchar[]",
        "judgement_id": "varchar",
        "contradicted_by": "varchar",
    },
    "subjects": {
        "subject_id": "varchar",
        "archive": "varchar",
        "subject_type": "varchar",
        "source_dataset": "varchar",
        "current_name": "varchar",
        "state": "varchar",
        "division_code": "varchar",
        "is_listed": "boolean",
        "known_to": "date",
    },
    "identifiers": {
        "subject_id": "varchar",
        "id_kind": "varchar",
        "id_value": "varchar",
        "valid_to": "date",
        "known_to": "date",
    },
    "names": {
        "subject_id": "varchar",
        "name": "varchar",
        "name_norm": "varchar",
        "is_current": "boolean",
        "known_to": "date",
    },
    "roles": {
        "subject_id": "varchar",
        "role": "varchar",
        "holder_key": "varchar",
        "position": "varchar",
        "holder_name": "varchar",
        "name_norm": "varchar",
        "holder_id": "varchar",
        "doubt": "varchar",
        "is_minor": "boolean",
        "valid_from": "date",
        "valid_to": "date",
        "source": "varchar",
        "known_from": "date",
        "known_to": "date",
    },
    "subject_changes": {
        "subject_id": "varchar",
        "change": "varchar",
        "other_subject_id": "varchar",
        "reason": "varchar",
        "known_from": "date",
    },
}
PLATFORM = {
    "files": "file_no bigint, dataset varchar, batch_id varchar, file_name varchar, received_date date,"
    " replaced_date date, snapshot_no integer, is_current_snapshot boolean",
    "batches": "batch_no integer, dataset varchar, batch_id varchar, status varchar, received_rows bigint,"
    " received_date date, is_current_snapshot boolean",
    "batch_defects": "dataset varchar, batch_id varchar, file_name varchar, row_no bigint, code varchar,"
    " level varchar, field varchar, message varchar, received_date date",
    "defect_levels": "code varchar, level varchar",
    "codes": "code_list varchar, code varchar, label varchar",
    **RULE_TABLES,
}


def record_columns(contract: Contract, catalog: Catalog) -> dict[str, str]:
    """Return the columns of a dataset's records and rejects with their DuckDB types."""
    columns = {
        "record_id": "varchar",
        "content_hash": "varchar",
        "batch_id": "varchar",
        "file_name": "varchar",
        "row_no": "bigint",
        RECEIPT_FIELD: "varchar",
        "change_op": "varchar",
        "outcome": "varchar",
        "is_held": "boolean",
        "defects": DEFECTS_TYPE,
        "is_minor": "boolean",
    }
    if contract.references:
        columns["target_record_id"] = "varchar"
    fields = {name: field for name, field in contract.fields.items() if name not in columns}
    columns |= {name: field_type(field) for name, field in fields.items()}
    columns |= {f"{name}_delivered": "varchar" for name, f in fields.items() if f.type in KEEPS_DELIVERED}
    return columns | {f"{name}_status": "varchar" for name, f in fields.items() if f.type in IDENTIFIER_TYPES}


def field_type(field: FieldContract) -> str:
    """Return the DuckDB type of a contract's field."""
    if field.decimal:
        return f"decimal({field.decimal[0]},{field.decimal[1]})"
    return {"date": "date", "integer": "bigint", "flag": "boolean", "multi_enum": "varchar[]"}.get(
        field.type, "varchar"
    )


def prepare_database(
    path: Path, lake: Lake, catalog: Catalog, settings: Settings, inputs: BuildInputs
) -> None:
    """Make the build's database anew at `path`; raises CorruptObject for a damaged file."""
    path.unlink(missing_ok=True)
    localised = settings.scratch / inputs.build / "lake"
    with duckdb.connect(str(path)) as connection:
        add_personal_macros(connection, temporary=False)
        connection.execute(f"create macro {REPLACE_ALL}")
        fill_platform(connection, catalog, inputs)
        for schema in ("records", "rejects", "rooms", "linking"):
            connection.execute(f"create schema {schema}")
        for name, batches in inputs.batches.items():
            contract = catalog.contracts[name]
            for schema, entries in (
                ("records", [entry for known in batches for entry in known.records]),
                ("rejects", [entry for known in batches for entry in known.rejects]),
            ):
                files = lake.localise(entries, localised)
                create_rows_view(
                    connection, schema, contract, catalog, batches, list(zip(entries, files, strict=True))
                )
        for room in ("records", "rejects"):
            create_room_view(connection, room, [catalog.contracts[name] for name in inputs.batches])
        create_correction_views(connection, [catalog.contracts[name] for name in inputs.batches])
        for table, columns in LINKING.items():
            entries = list(inputs.links if table == "links" else inputs.registers.get(table, ()))
            create_linking_view(connection, table, columns, lake.localise(entries, localised))


def create_rows_view(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    contract: Contract,
    catalog: Catalog,
    batches: Sequence[KnownBatch],
    files: Sequence[tuple[FileEntry, Path]],
) -> None:
    """Make the view over one dataset's rows in one room.

    The current snapshot is a branch of its own, so that a model which wants only that reads only that.
    """
    columns = record_columns(contract, catalog)
    for entry, path in files:
        check_columns(entry, path, columns)
    current = {
        entry.key for known in batches if known.is_current for entry in (*known.records, *known.rejects)
    }
    branches = []
    for is_current in (False, True):
        paths = [path for entry, path in files if (entry.key in current) is is_current]
        if paths:
            branches.append(
                f"select files.file_no * {FILE_ROWS} + rows.row_no as row_key, files.received_date,"  # noqa: S608
                f" files.snapshot_no, {is_current} as is_current_snapshot, {select_columns(columns, 'rows.')}"
                f" from {read_parquet(paths)} as rows inner join platform.files as files"
                f" on files.batch_id = rows.batch_id and files.file_name = rows.file_name"
                f" and files.dataset = {quote_text(contract.name)}"
            )
    extra = {
        "row_key": "bigint",
        "received_date": "date",
        "snapshot_no": "integer",
        "is_current_snapshot": "boolean",
    }
    branches.append(empty_select({**extra, **columns}))
    connection.execute(f"create view {schema}.{quote_name(contract.table)} as {' union all '.join(branches)}")


def create_room_view(connection: duckdb.DuckDBPyConnection, room: str, contracts: Sequence[Contract]) -> None:
    """Make the view over a whole room: what all datasets have in common."""
    branches = [
        f"select {quote_text(contract.name)} as dataset,"  # noqa: S608
        f" {contract.delivery.kind == 'full_snapshot'} as is_full_snapshot, {', '.join(COMMON)}"
        f" from {room}.{quote_name(contract.table)}"
        for contract in contracts
    ]
    connection.execute(f"create view rooms.{room} as {' union all '.join(branches)}")


def check_columns(entry: FileEntry, path: Path, columns: dict[str, str]) -> None:
    """Refuse a file with other columns than the contract gives: a missing one would be filled with nulls."""
    found = set(pq.read_schema(path).names)
    missing, unknown = sorted(set(columns) - found), sorted(found - set(columns))
    if missing or unknown:
        raise BuildError(
            f"{entry.key}: columns missing {missing}, unknown {unknown}; the batch was standardised under "
            "another contract or step, run `creditlake standardise` again"
        )


def create_linking_view(
    connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], paths: Sequence[Path]
) -> None:
    """Make the view over a table of the registers or over the links; a link gets its row's row_key.

    Raises BuildError for registers of an earlier version, whose columns were others.
    """
    if paths and table != "links" and not set(columns) <= set(pq.read_schema(paths[0]).names):
        raise BuildError(
            f"the {table} of this build are of an earlier version; run `creditlake link` for the next"
        )
    if table == "links":
        body = empty_select({"row_key": "bigint", **columns})
        if paths:
            body = (
                f"select files.file_no * {FILE_ROWS} + links.row_no as row_key,"  # noqa: S608
                f" {select_columns(columns, 'links.')} from {read_parquet(paths)} as links"
                " inner join platform.files as files on files.dataset = links.dataset"
                " and files.batch_id = links.batch_id and files.file_name = links.file_name"
            )
    else:
        body = empty_select(columns)
        if paths:
            body = f"select {select_columns(columns)} from {read_parquet(paths)}"  # noqa: S608
    connection.execute(f"create view linking.{table} as {body}")


def select_columns(columns: dict[str, str], source: str = "") -> str:
    """Return a select list that casts every column to its declared type."""
    return ", ".join(
        f"cast({source}{quote_name(c)} as {kind}) as {quote_name(c)}" for c, kind in columns.items()
    )


def empty_select(columns: dict[str, str]) -> str:
    """Return a query of no rows with these columns."""
    nulls = ", ".join(f"cast(null as {kind}) as {quote_name(name)}" for name, kind in columns.items())
    return f"select {nulls} where false"


def read_parquet(paths: Sequence[Path]) -> str:
    """Return a table function call over exactly these files."""
    return f"read_parquet([{', '.join(quote_text(str(path)) for path in paths)}], hive_partitioning = false)"


def fill_platform(connection: duckdb.DuckDBPyConnection, catalog: Catalog, inputs: BuildInputs) -> None:
    """Make the small tables: batches and their files, defects, code lists, rules."""
    connection.execute("create schema platform")
    rows = platform_rows(catalog, inputs) | rule_rows(catalog.rules)
    for table, columns in PLATFORM.items():
        connection.execute(f"create table platform.{table} ({columns})")
        insert_rows(connection, f"platform.{table}", rows[table])


def insert_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]) -> None:
    """Insert a few rows, one value per column in the table's order."""
    content = [tuple(row) for row in rows]
    if content:
        marks = ", ".join("?" * len(content[0]))
        connection.executemany(f"insert into {table} values ({marks})", content)  # noqa: S608


def platform_rows(catalog: Catalog, inputs: BuildInputs) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows about batches and the catalogue, by table."""
    files: list[tuple[Any, ...]] = []
    batches: list[tuple[Any, ...]] = []
    defects: list[tuple[Any, ...]] = []
    for dataset, known_batches in inputs.batches.items():
        for snapshot_no, known in enumerate(known_batches):
            batch_id, received = known.batch.batch_id, known.batch.first_received_date
            for name in known.file_names:
                files.append(
                    (
                        len(files),
                        dataset,
                        batch_id,
                        name,
                        received,
                        known.replaced_date,
                        snapshot_no,
                        known.is_current,
                    )
                )
            batches.append(
                (
                    len(batches),
                    dataset,
                    batch_id,
                    known.status,
                    known.received_rows,
                    received,
                    known.is_current,
                )
            )
            defects += [
                (dataset, batch_id, d.file, d.row_no, d.code, d.level, d.field, d.message, received)
                for d in known.defects
            ]
    return {
        "files": files,
        "batches": batches,
        "batch_defects": defects,
        "defect_levels": [(defect.code, defect.level) for defect in catalog.defects.values()],
        "codes": [
            (name, value.code, value.label)
            for name, code_list in catalog.code_lists.items()
            for value in code_list.values
        ],
    }
