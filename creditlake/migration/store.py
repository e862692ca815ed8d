"""Where brought-in ids are kept: one record per migration and its rows, never changed and never deleted.

`decisions/migration/<business date>/<migration id>.json` says who, when, why; beside it lie the rows as
Parquet. The id is a hash of the pairs, so one file read twice by two people at once is one migration. The
record is written last, by exclusive create: rows without a record do not count.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from creditlake.storage import FileEntry, Lake, ObjectExists
from creditlake.storage.places import MIGRATIONS

COLUMNS: dict[str, pa.DataType] = {
    "old_id": pa.string(),
    "subject_id": pa.string(),
    "proven_by": pa.string(),
    "row_no": pa.int64(),
}
ROWS = pa.schema(COLUMNS)


class Migration(BaseModel):
    """One mapping taken in; `rows` are its pairs of old id and subject."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    migration_id: str
    who: str
    why: str
    mapping_sha256: str
    business_date: date
    decided_at: datetime
    build: str  # the registers in which the subjects were found
    rows: FileEntry

    @property
    def key(self) -> str:
        """Where the record lies in the lake."""
        return f"{MIGRATIONS}/{self.business_date.isoformat()}/{self.migration_id}.json"


@dataclass(frozen=True)
class Pair:
    """An old id and the subject it is an id of; `proven_by` names the numbers that say so."""

    old_id: str
    subject_id: str
    proven_by: str
    row_no: int


@dataclass(frozen=True)
class Signature:
    """Who brings a mapping, why, from which business date it counts, and when it was read."""

    who: str
    why: str
    business_date: date
    now: datetime


def list_migrations(lake: Lake, until: date = date.max) -> list[Migration]:
    """Return the migrations that count on a business date, oldest first."""
    found = [
        Migration.model_validate_json(lake.read_bytes(key))
        for key in lake.list_keys(MIGRATIONS)
        if key.endswith(".json") and date.fromisoformat(key.split("/")[2]) <= until
    ]
    return sorted(found, key=lambda one: (one.business_date, one.decided_at, one.migration_id))


def list_row_keys(lake: Lake, until: date) -> list[str]:
    """Return the keys of the rows of the migrations that count on a business date, in key order."""
    return [
        f"{key.removesuffix('.json')}.parquet"
        for key in lake.list_keys(MIGRATIONS)
        if key.endswith(".json") and date.fromisoformat(key.split("/")[2]) <= until
    ]


def read_pairs(lake: Lake, scratch: Path, migrations: Sequence[Migration]) -> list[Pair]:
    """Return the pairs of some migrations, verified against their sha256."""
    paths = lake.localise([one.rows for one in migrations], scratch)
    return [Pair(**row) for path in paths for row in pq.read_table(path).to_pylist()]


def write_migration(
    lake: Lake, scratch: Path, pairs: Sequence[Pair], mapping_sha256: str, build: str, by: Signature
) -> Migration:
    """Write pairs and their record; the same pairs on the same business date are the same migration."""
    ordered = sorted(pairs, key=lambda pair: (pair.old_id, pair.subject_id))
    told = "\x1e".join(f"{pair.old_id}\x1f{pair.subject_id}" for pair in ordered)
    migration_id = f"m{hashlib.sha256(told.encode()).hexdigest()[:20]}"
    rows_key = f"{MIGRATIONS}/{by.business_date.isoformat()}/{migration_id}.parquet"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / "rows.parquet"
        pq.write_table(pa.Table.from_pylist([vars(pair) for pair in ordered], ROWS), path, compression="zstd")
        with suppress(
            ObjectExists
        ):  # another reader of the same file was first, or was killed before its record
            lake.upload_if_absent(rows_key, path)
    migration = Migration(
        migration_id=migration_id,
        who=by.who,
        why=by.why,
        mapping_sha256=mapping_sha256,
        business_date=by.business_date,
        decided_at=by.now,
        build=build,
        rows=lake.describe_file(rows_key),
    )
    with suppress(ObjectExists):
        lake.put_if_absent(migration.key, migration.model_dump_json(indent=1).encode())
    return migration
