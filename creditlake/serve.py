"""The files readers open: the portal's SQLite copy and the analysts' DuckDB views, made per release.

Both are derived from the release's Parquet, rebuildable, and outside its content hash. They are made
before the pointer moves, so a reader who follows it finds them. The SQLite file holds public tables only
and is filled in batches: memory does not grow with the table.
"""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.duck import allow_s3, parquet_place, quote_name, quote_text
from creditlake.gate.declaration import Rules, read_rules
from creditlake.gate.model import TableEntry
from creditlake.published import ReleaseManifest, serving_key
from creditlake.storage import FolderLake, Lake, ObjectExists, StorageFull

LEVELS = ("public", "gov_shared", "authorised", "internal")  # each file shows its level and the lower ones
PORTAL = "portal.sqlite"
BATCH_ROWS = 20_000
SQLITE_TYPES = {
    "boolean": "integer",
    "int8": "integer",
    "int16": "integer",
    "int32": "integer",
    "int64": "integer",
}


def serve_release(
    lake: Lake, release: ReleaseManifest, scratch: Path, rules: Rules | None = None
) -> list[str]:
    """Make the serving files that are not there yet; returns the keys of all of them.

    Raises StorageFull when the local disk or the lake has no room; what was half made is removed.
    """
    rules = rules or read_rules()
    keys = {
        name: serving_key(release.release_id, name) for name in (PORTAL, *(f"{v}.duckdb" for v in LEVELS))
    }
    missing = [name for name, key in keys.items() if not lake.exists(key)]
    with say_full_disk(scratch), scratch_folder(scratch) as folder:
        for name in missing:
            if name == PORTAL:
                build_portal(lake, release, rules, folder / name, scratch)
            else:
                build_views(lake, release, name.removesuffix(".duckdb"), folder / name)
            with suppress(ObjectExists):  # another publisher of the same release was first
                lake.upload_if_absent(keys[name], folder / name, consume=True)
    return list(keys.values())


@contextmanager
def scratch_folder(scratch: Path) -> Iterator[Path]:
    """Give a private folder that is gone afterwards."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="serving-") as folder:
        yield Path(folder)


@contextmanager
def say_full_disk(scratch: Path) -> Iterator[None]:
    """Turn what SQLite, DuckDB and the system say of a full disk into StorageFull."""
    try:
        yield
    except (sqlite3.Error, duckdb.Error, OSError) as error:
        text = str(error).lower()
        if any(sign in text for sign in ("disk is full", "no space left", "not enough space")):
            raise StorageFull(
                f"no space left in {scratch} for serving files; free some, then run again"
            ) from error
        raise


def build_portal(lake: Lake, release: ReleaseManifest, rules: Rules, path: Path, scratch: Path) -> None:
    """Write the portal's SQLite file: every public table, indexed for its declared look-ups.

    Dates are ISO text and decimals exact text, because SQLite has neither type.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as portal:
        portal.execute("pragma journal_mode = off")  # a half-made file is thrown away, never mended
        portal.execute("pragma synchronous = off")
        portal.execute("begin")
        for name, entry in sorted(release.tables.items()):
            if entry.level == "public":
                _load_table(portal, lake, name, entry, scratch)
                for column in rules.declarations[name].lookup:
                    portal.execute(f'create index "ix_{name}_{column}" on "{name}" ("{column}")')
        portal.execute(
            "create table release (release_id text, business_date text, parent text, content_hash text)"
        )
        portal.execute(
            "insert into release values (?, ?, ?, ?)",
            (release.release_id, release.business_date.isoformat(), release.parent, release.content_hash),
        )
        portal.execute("commit")


def _load_table(portal: sqlite3.Connection, lake: Lake, name: str, entry: TableEntry, scratch: Path) -> None:
    columns = ", ".join(
        f"{quote_name(column)} {SQLITE_TYPES.get(kind, 'text')}" for column, kind in entry.columns
    )
    portal.execute(f"create table {quote_name(name)} ({columns})")
    marks = ", ".join("?" * len(entry.columns))
    insert = f"insert into {quote_name(name)} values ({marks})"  # noqa: S608  quoted manifest name
    for path in lake.localise(entry.files, scratch):
        for rows in read_plain_rows(path, [column for column, _ in entry.columns]):
            portal.executemany(insert, rows)


def read_plain_rows(path: Path, columns: list[str]) -> Iterator[Iterator[tuple[object, ...]]]:
    """Yield batches of rows as values that SQLite knows: text, integer, null."""
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            yield zip(*(_plain(batch.column(column)).to_pylist() for column in columns), strict=True)


def _plain(array: Any) -> Any:
    """Bring one Arrow column to such values; a list of texts is joined, other nested values are JSON."""
    if pa.types.is_boolean(array.type):
        return pc.cast(array, pa.int8())
    if pa.types.is_string(array.type) or pa.types.is_integer(array.type):
        return array
    if pa.types.is_list(array.type):
        return pc.binary_join(array, ";") if pa.types.is_string(array.type.value_type) else _as_json(array)
    return pc.cast(array, pa.string())


def _as_json(array: Any) -> Any:
    return pa.array(
        [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()]
    )


def build_views(lake: Lake, release: ReleaseManifest, level: str, path: Path) -> None:
    """Write the DuckDB file of one level: a view per table of this level and the lower ones.

    A view names every column and every file, so neither can appear or vanish in silence.
    """
    allowed = LEVELS[: LEVELS.index(level) + 1]
    with duckdb.connect(str(path)) as views:
        if not isinstance(lake, FolderLake):  # a view is bound to its files when it is created
            allow_s3(views)
        for name, entry in sorted(release.tables.items()):
            if entry.level in allowed:
                columns = ", ".join(quote_name(column) for column, _ in entry.columns)
                files = ", ".join(quote_text(parquet_place(lake, file.key)) for file in entry.files)
                body = f"select {columns} from read_parquet([{files}])"  # noqa: S608  quoted manifest names
                views.execute(f"create view {quote_name(name)} as {body}")
        views.execute(
            "create table release as select $id as release_id, $day::date as business_date, $level as level",
            {"id": release.release_id, "day": release.business_date.isoformat(), "level": level},
        )
