"""What a candidate changes against the published release, counted from the Parquet bytes of both.

Rows are matched by the table's grain. A row counts as changed if any column that both versions have
differs; added and removed columns are named, and do not make every row "changed".
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from creditlake.duck import quote_name
from creditlake.gate.model import Closed, TableEntry
from creditlake.storage import Lake

SAMPLE_KEYS = 5


class TableDiff(Closed):
    """The change of one table. Samples are keys of a public table only, in key order."""

    table: str
    rows_before: int
    rows_after: int
    added: int
    changed: int
    removed: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_retyped: tuple[str, ...] = ()
    sample: dict[str, tuple[tuple[str, ...], ...]] = {}


def diff_releases(
    lake: Lake,
    before: Mapping[str, TableEntry],
    after: Mapping[str, TableEntry],
    scratch: Path,
    connection: duckdb.DuckDBPyConnection,
) -> list[TableDiff]:
    """Return one diff per table of either side; a table with equal content hash and schema is not read."""
    return [
        _diff_table(lake, name, before.get(name), after.get(name), scratch, connection)
        for name in sorted(set(before) | set(after))
    ]


def _diff_table(
    lake: Lake,
    name: str,
    before: TableEntry | None,
    after: TableEntry | None,
    scratch: Path,
    connection: duckdb.DuckDBPyConnection,
) -> TableDiff:
    rows_before, rows_after = (entry.rows if entry else 0 for entry in (before, after))
    whole = TableDiff(
        table=name,
        rows_before=rows_before,
        rows_after=rows_after,
        added=rows_after,
        changed=0,
        removed=rows_before,
    )
    if before is None or after is None:
        return whole
    old, new = dict(before.columns), dict(after.columns)
    shared = [c for c in new if c in old]
    schema = {
        "columns_added": tuple(c for c in new if c not in old),
        "columns_removed": tuple(c for c in old if c not in new),
        "columns_retyped": tuple(c for c in shared if old[c] != new[c]),
    }
    if before.content_hash == after.content_hash and not any(schema.values()):
        return whole.model_copy(update={"added": 0, "removed": 0})
    if before.grain != after.grain:  # another grain is another table: nothing can be matched
        return whole.model_copy(update=schema)
    paths = [[str(p) for p in lake.localise(entry.files, scratch)] for entry in (before, after)]
    counts = _match_rows(connection, after.grain, [c for c in shared if old[c] == new[c]], *paths)
    sample = _sample_keys(connection, after.grain) if after.level == before.level == "public" else {}
    connection.execute("drop table matched")
    return whole.model_copy(update={**counts, **schema, "sample": sample})


def _match_rows(
    connection: duckdb.DuckDBPyConnection,
    grain: tuple[str, ...],
    columns: list[str],
    before: list[str],
    after: list[str],
) -> dict[str, int]:
    """Put every key whose row differs into the temporary table `matched`, and count by kind."""
    keys = ", ".join(quote_name(c) for c in grain)
    values = ", ".join(quote_name(c) for c in columns)
    side = f"select {keys}, hash({values}) as row_hash from read_parquet({{}})"  # noqa: S608  quoted manifest columns
    matched = f"""
        select {keys}, case when old.row_hash is null then 'added' when new.row_hash is null then 'removed'
               else 'changed' end as kind
        from ({side.format("$before")}) old full join ({side.format("$after")}) new using ({keys})
        where old.row_hash is distinct from new.row_hash"""  # noqa: S608  quoted manifest columns
    connection.execute(
        f"create or replace temp table matched as {matched}", {"before": before, "after": after}
    )
    found = dict(connection.execute("select kind, count(*) from matched group by kind").fetchall())
    return {kind: found.get(kind, 0) for kind in ("added", "changed", "removed")}


def _sample_keys(
    connection: duckdb.DuckDBPyConnection, grain: tuple[str, ...]
) -> dict[str, tuple[tuple[str, ...], ...]]:
    keys = ", ".join(f"{quote_name(c)}::varchar" for c in grain)
    query = f"select {keys} from matched where kind = $kind order by all limit {SAMPLE_KEYS}"  # noqa: S608
    sample = {}
    for kind in ("added", "changed", "removed"):
        rows = connection.execute(query, {"kind": kind}).fetchall()
        if rows:
            sample[kind] = tuple(rows)
    return sample
