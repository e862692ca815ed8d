"""What readers open: the portal gets public tables only, a level's DuckDB file the lower levels too."""

import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from creditlake.gate.declaration import Rules
from creditlake.published import ReleaseManifest, read_current, serving_key
from creditlake.release import judge_candidate, publish_build
from creditlake.serve import LEVELS, PORTAL, serve_release
from creditlake.storage import FolderLake
from tests.gate.tables import healthy_rows
from tests.releases import RULES, store_candidate

BUILD = "20261116-01"
TABLES = ("archive_legal_entities", "archive_natural_persons", "pub_list_current", "pub_penalty")
SERVED = Rules(declarations={name: RULES.declarations[name] for name in TABLES}, envelopes={})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[FolderLake, ReleaseManifest]:
    """A release with tables of three levels."""
    folder = tmp_path_factory.mktemp("served")
    lake = FolderLake(folder / "lake")
    store_candidate(lake, BUILD, folder / "scratch", {name: healthy_rows(name) for name in TABLES})
    judge_candidate(lake, BUILD, folder / "scratch", SERVED)
    publish_build(lake, BUILD, folder / "scratch", SERVED)
    release = read_current(lake)
    assert release is not None
    return lake, release


def open_portal(lake: FolderLake, release: ReleaseManifest) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{lake.root / serving_key(release.release_id, PORTAL)}?mode=ro", uri=True)


def open_views(lake: FolderLake, release: ReleaseManifest, level: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(lake.root / serving_key(release.release_id, f"{level}.duckdb")), read_only=True)


def test_the_portal_holds_the_public_tables_and_the_release_and_nothing_else(
    published: tuple[FolderLake, ReleaseManifest],
) -> None:
    lake, release = published
    portal = open_portal(lake, release)

    names = {name for (name,) in portal.execute("select name from sqlite_master where type = 'table'")}
    assert names == {"pub_list_current", "pub_penalty", "release"}
    assert portal.execute("select release_id, business_date, content_hash from release").fetchall() == [
        (release.release_id, "2026-11-16", release.content_hash)
    ]


def test_the_portal_holds_every_value_exactly(published: tuple[FolderLake, ReleaseManifest]) -> None:
    lake, release = published
    portal = open_portal(lake, release)
    portal.row_factory = sqlite3.Row
    expected = sorted(healthy_rows("pub_penalty"), key=lambda row: row["record_id"])

    found = [dict(row) for row in portal.execute("select * from pub_penalty order by record_id")]

    assert found == [
        {
            column: None
            if row[column] is None
            else row[column]
            if isinstance(row[column], int)
            else str(row[column])
            for column in SERVED.declarations["pub_penalty"].columns
        }
        for row in expected
    ]
    assert found[0]["fine_cny"] == "2000.00"
    assert found[0]["decision_date"] == "2026-01-05"


@pytest.mark.parametrize(
    ("table", "column"),
    [(t, c) for t in ("pub_list_current", "pub_penalty") for c in RULES.declarations[t].lookup],
)
def test_a_point_look_up_uses_an_index(
    published: tuple[FolderLake, ReleaseManifest], table: str, column: str
) -> None:
    lake, release = published

    plan = open_portal(lake, release).execute(
        f"explain query plan select * from {table} where {column} = 'x'"
    )

    assert [step[3] for step in plan] == [f"SEARCH {table} USING INDEX ix_{table}_{column} ({column}=?)"]


def test_each_level_shows_its_own_tables_and_those_below(
    published: tuple[FolderLake, ReleaseManifest],
) -> None:
    lake, release = published
    views = "select view_name from duckdb_views() where not internal order by 1"

    shown = {
        level: [name for (name,) in open_views(lake, release, level).execute(views).fetchall()]
        for level in LEVELS
    }

    public = ["pub_list_current", "pub_penalty"]
    assert shown == {
        "public": public,
        "gov_shared": public,
        "authorised": ["archive_natural_persons", *public],
        "internal": ["archive_legal_entities", "archive_natural_persons", *public],
    }


def test_a_view_shows_the_releases_rows_with_their_types(
    published: tuple[FolderLake, ReleaseManifest],
) -> None:
    lake, release = published
    query = "select count(*), sum(fine_cny) from pub_penalty"

    assert open_views(lake, release, "public").execute(query).fetchone() == (3, Decimal("4000.00"))


def test_a_file_laid_beside_a_releases_files_is_not_seen(
    published: tuple[FolderLake, ReleaseManifest],
) -> None:
    lake, release = published
    key = release.tables["pub_penalty"].files[0].key
    intruder = (lake.root / key).with_name("part-99999.parquet")
    intruder.write_bytes((lake.root / key).read_bytes())

    count = open_views(lake, release, "public").execute("select count(*) from pub_penalty").fetchone()
    intruder.unlink()

    assert count == (3,)


def test_making_the_files_again_makes_nothing(
    published: tuple[FolderLake, ReleaseManifest], tmp_path: Path
) -> None:
    lake, release = published
    before = {key: (lake.root / key).stat().st_mtime_ns for key in lake.list_keys("serving")}

    keys = serve_release(lake, release, tmp_path, SERVED)

    assert sorted(keys) == sorted(before)
    assert {key: (lake.root / key).stat().st_mtime_ns for key in lake.list_keys("serving")} == before
    assert list(tmp_path.iterdir()) == []


FILL = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from creditlake.serve import read_plain_rows
import sqlite3
from creditlake.storage import peak_memory_mb

rows, folder = int(sys.argv[1]), Path(sys.argv[2])
path = folder / f"{rows}.parquet"
names = [f"c{i}" for i in range(20)]
with pq.ParquetWriter(path, pa.schema([(n, pa.string()) for n in names])) as writer:
    for start in range(0, rows, 20_000):
        text = pa.array([f"value {i} of a column with some length" for i in range(start, start + 20_000)])
        writer.write_table(pa.table({n: text for n in names}))
portal = sqlite3.connect(folder / f"{rows}.sqlite", isolation_level=None)
portal.execute(f"create table t ({', '.join(names)})")
portal.execute("begin")
for batch in read_plain_rows(path, names):
    portal.executemany(f"insert into t values ({','.join('?' * 20)})", batch)
portal.execute("commit")
print(peak_memory_mb())
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    peaks = []
    for rows in (40_000, 320_000):  # the larger one is 250 MB of text, 450 MB as Python objects
        command = [sys.executable, "-c", FILL, str(rows), str(tmp_path)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
        )
        peaks.append(int(done.stdout))

    assert peaks[1] - peaks[0] < 60
