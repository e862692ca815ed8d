"""Gate, release and serving on a real MinIO: the same promises as on a folder, and views over s3://."""

from pathlib import Path

import duckdb
import pytest

import creditlake.duck
from creditlake.duck import allow_s3
from creditlake.published import check_chain, read_current, read_pointer, serving_key
from creditlake.release import Publication, ReleaseHeld, judge_candidate, publish_build
from creditlake.settings import Settings
from creditlake.storage import CorruptObject, Lake, open_lake
from tests.releases import many_penalties, small_rules, store_candidate

pytestmark = pytest.mark.service
PENALTY = small_rules("pub_penalty")
DAY1, DAY2 = "20261116-01", "20261117-01"


@pytest.fixture
def lake(s3_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setattr(creditlake.duck, "settings", lambda: s3_settings)
    return open_lake(s3_settings)


def publish_penalties(lake: Lake, build: str, scratch: Path, count: int) -> Publication:
    store_candidate(lake, build, scratch, {"pub_penalty": many_penalties(count)})
    judge_candidate(lake, build, scratch, PENALTY)
    return publish_build(lake, build, scratch, PENALTY)


def test_two_days_are_published_as_a_chain(lake: Lake, tmp_path: Path) -> None:
    publish_penalties(lake, DAY1, tmp_path, 3)
    second = publish_penalties(lake, DAY2, tmp_path, 4)

    release = read_current(lake)
    assert release is not None
    assert second == Publication("published", release.release_id)
    assert check_chain(lake, release) == 1
    assert publish_build(lake, DAY2, tmp_path, PENALTY) == Publication("unchanged", release.release_id)


def test_the_analysts_file_reads_the_releases_objects(lake: Lake, tmp_path: Path) -> None:
    release_id = publish_penalties(lake, DAY1, tmp_path, 3).release_id
    path = tmp_path / "public.duckdb"
    path.write_bytes(lake.read_bytes(serving_key(release_id, "public.duckdb")))

    with duckdb.connect(str(path), read_only=True) as analyst:
        allow_s3(analyst)
        assert analyst.execute("select count(distinct record_id) from pub_penalty").fetchone() == (3,)


def test_the_analysts_file_holds_no_credentials(lake: Lake, s3_settings: Settings, tmp_path: Path) -> None:
    release_id = publish_penalties(lake, DAY1, tmp_path, 3).release_id

    content = lake.read_bytes(serving_key(release_id, "public.duckdb"))

    assert s3_settings.s3_secret_key.encode() not in content


def test_an_object_replaced_after_the_gate_is_never_published(lake: Lake, tmp_path: Path) -> None:
    candidate = store_candidate(lake, DAY1, tmp_path, {"pub_penalty": many_penalties(3)})
    judge_candidate(lake, DAY1, tmp_path, PENALTY)
    key = candidate.tables["pub_penalty"].files[0].key
    data = bytearray(lake.read_bytes(key))
    data[len(data) // 2] ^= 1
    lake.delete(key)
    lake.put_if_absent(key, bytes(data))

    with pytest.raises(CorruptObject, match="is corrupt"):
        publish_build(lake, DAY1, tmp_path / "elsewhere", PENALTY)

    assert read_pointer(lake) == (None, None)


def test_a_held_candidate_leaves_the_pointer(lake: Lake, tmp_path: Path) -> None:
    first = publish_penalties(lake, DAY1, tmp_path, 3).release_id
    broken = [{**row, "counterpart_class": "NATURAL"} for row in many_penalties(4)]
    store_candidate(lake, DAY2, tmp_path, {"pub_penalty": broken})
    judge_candidate(lake, DAY2, tmp_path, PENALTY)

    with pytest.raises(ReleaseHeld):
        publish_build(lake, DAY2, tmp_path, PENALTY)

    release = read_current(lake)
    assert release is not None
    assert release.release_id == first
