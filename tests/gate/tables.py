"""Small tables for the gate's tests: healthy rows from YAML, changed as a declaration says."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from creditlake.gate.declaration import ColumnMeaning, Declaration

HEALTHY = Path(__file__).parent / "healthy"
TYPES = {
    ColumnMeaning.DATE: pa.date32(),
    ColumnMeaning.INTEGER: pa.int64(),
    ColumnMeaning.BOOLEAN: pa.bool_(),
    ColumnMeaning.AMOUNT: pa.decimal128(18, 2),
    ColumnMeaning.LIST: pa.list_(pa.string()),
}
Row = dict[str, Any]


def healthy_rows(table: str) -> list[Row]:
    """Return the rows every check accepts."""
    rows: list[Row] = yaml.safe_load((HEALTHY / f"{table}.yml").read_text("utf-8"))
    return rows


def apply_change(rows: list[Row], change: Row) -> list[Row]:
    """Change healthy rows as an expectation's `caught` says."""
    if change.get("empty"):
        return []
    at = change.get("row", 0)
    changed = [dict(row) for row in rows]
    changed[at] |= change.get("set", {})
    return changed + ([rows[at] | change["repeat"]] if "repeat" in change else [])


def write_table(declaration: Declaration, rows: list[Row], path: Path) -> Path:
    """Write rows as Parquet with the declaration's columns, in the grain's order."""
    schema = pa.schema([(name, TYPES.get(kind, pa.string())) for name, kind in declaration.columns.items()])
    amounts = [name for name, kind in declaration.columns.items() if kind is ColumnMeaning.AMOUNT]
    typed = [
        {**row, **{name: Decimal(row[name]) for name in amounts if row.get(name) is not None}} for row in rows
    ]
    typed.sort(key=lambda row: [str(row[name]) for name in declaration.grain])
    pq.write_table(pa.Table.from_pylist(typed, schema=schema), path, compression="zstd")
    return path


def stored_types(path: Path) -> dict[str, str]:
    """Return the columns as a candidate's manifest names them."""
    from creditlake.content_hash import describe_type

    return {field.name: describe_type(field.type) for field in pq.read_schema(path)}
