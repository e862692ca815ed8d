"""The files readers open: the portal's SQLite copy and the analysts' DuckDB views, made per release.

Both are derived from the release's Parquet, rebuildable, and outside its content hash. They are made
before the pointer moves, so a reader who follows it finds them. The SQLite file holds public tables only
and is filled in batches: memory does not grow with the table.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.gate.declaration import Rules, read_rules
from creditlake.gate.model import TableEntry
from creditlake.published import ReleaseManifest, serving_key
from creditlake.storage import FolderLake, Lake, ObjectExists, StorageFull

LEVELS = ("public", "gov_shared", "authorised", "internal")  # each file shows its level and the lower ones
PORTAL = "portal.sqlite"
BATCH_ROWS = 20_000
SQLITE_TYPES = {"boolean": "integer", "int8": "integer", "int16": "integer", "int32": "integer", "int64": "integer"}


def serve_release(lake: Lake, release: ReleaseManifest, scratch: Path, rules: Rules | None = None) -> list[str]:
    """Make the serving files that are not there yet; returns the keys of all of them.

    Raises StorageFull when the local disk or the lake has no room; what was half made is removed.
    """
    rules = rules or read_rules()
    scratch.mkdir(parents=True, exist_ok=True)
    keys = []
    with tempfile.TemporaryDirectory(dir=scratch, prefix="serving-") as folder:
        for name in (PORTAL, *(f"{level}.duckdb" for level in LEVELS)):
            key = serving_key(release.release_id, name)
            keys.append(key)
            if lake.exists(key):
                continue
            path = Path(folder) / name
            try:
                if name == PORTAL:
                    build_portal(lake, release, rules, path, scratch)
                else:
                    build_views(lake, release, name.removesuffix(".duckdb"), path)
            except (sqlite3.OperationalError, sqlite3.DatabaseError, duckdb.IOException, OSError) as error:
                raise _explain_full(error, scratch) from error
            _upload(lake, key, path)
    return keys


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
        portal.execute("analyze")


def _load_table(portal: sqlite3.Connection, lake: Lake, name: str, entry: TableEntry, scratch: Path) -> None:
    columns = ", ".join(f'"{column}" {SQLITE_TYPES.get(kind, "text")}' for column, kind in entry.columns)
    portal.execute(f'create table "{name}" ({columns})')
    marks = ", ".join("?" * len(entry.columns))
    for path in lake.localise(entry.files, scratch):
        for rows in read_plain_rows(path, [column for column, _ in entry.columns]):
            portal.executemany(f'insert into "{name}" values ({marks})', rows)


def read_plain_rows(path: Path, columns: list[str]) -> Iterator[Iterator[tuple[object, ...]]]:
    """Yield batches of rows as values that SQLite knows: text, integer, null."""
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            yield zip(*(_plain(batch.column(column)).to_pylist() for column in columns), strict=True)


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_boolean(array.type):
        return pc.cast(array, pa.int8())
    if pa.types.is_string(array.type) or pa.types.is_integer(array.type):
        return array
    if pa.types.is_list(array.type):
        return pc.binary_join(array, ";") if pa.types.is_string(array.type.value_type) else _as_json(array)
    return pc.cast(array, pa.string())


def _as_json(array: pa.Array) -> pa.Array:
    import json

    return pa.array([None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in array.to_pylist()])


def build_views(lake: Lake, release: ReleaseManifest, level: str, path: Path) -> None:
    """Write the DuckDB file of one level: a view per table of this level and the lower ones.

    A view names every column and every file, so neither can appear or vanish in silence.
    """
    allowed = LEVELS[: LEVELS.index(level) + 1]
    with duckdb.connect(str(path)) as views:
        if not isinstance(lake, FolderLake):
            lake.prepare_duckdb(views)
        for name, entry in sorted(release.tables.items()):
            if entry.level in allowed:
                columns = ", ".join(f'"{column}"' for column, _ in entry.columns)
                files = ", ".join(_quote(_place(lake, file.key)) for file in entry.files)
                views.execute(f'create view "{name}" as select {columns} from read_parquet([{files}])')
        views.execute(
            "create table release as select $id as release_id, $day::date as business_date, $level as level",
            {"id": release.release_id, "day": release.business_date.isoformat(), "level": level},
        )


def _place(lake: Lake, key: str) -> str:
    """Return what DuckDB calls a key: a path, or an s3:// address."""
    url = lake.spark_url(key)
    return url.replace("s3a://", "s3://", 1).removeprefix("file://")


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _upload(lake: Lake, key: str, path: Path) -> None:
    try:
        lake.upload_if_absent(key, path, consume=True)
    except ObjectExists:
        pass  # another publisher of the same release was first: the file is as good


def _explain_full(error: Exception, scratch: Path) -> Exception:
    """Tell a full disk from any other fault."""
    text = str(error).lower()
    full = "full" in text or "no space" in text or "could not write" in text or "file too large" in text
    if full or shutil.disk_usage(scratch).free == 0:
        return StorageFull(f"no space left in {scratch} while making serving files; free some and run the step again")
    return error
