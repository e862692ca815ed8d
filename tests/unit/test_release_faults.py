"""Publishing under kill -9 and on a full disk: readers keep the old release, and a rerun finishes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from creditlake.published import read_current
from creditlake.release import Publication, judge_candidate, publish_build
from creditlake.storage import FolderLake
from tests.releases import many_penalties, narrow_rules, publish_penalties, store_candidate
from tests.services import on_small_disk

PENALTY = narrow_rules()
DAY1, DAY2 = "20261116-01", "20261117-01"


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


KILLED_STEPS = """
import os, signal, sys
from pathlib import Path
from creditlake.release import publish_build
from creditlake.storage import FolderLake
from tests.releases import narrow_rules

class DyingLake(FolderLake):
    left = int(sys.argv[2])
    def _count(self):
        if DyingLake.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        DyingLake.left -= 1
    def put_if_absent(self, *a, **k):
        self._count(); super().put_if_absent(*a, **k)
    def upload_if_absent(self, *a, **k):
        self._count(); super().upload_if_absent(*a, **k)
    def compare_and_swap(self, *a, **k):
        self._count(); super().compare_and_swap(*a, **k)

publish_build(DyingLake(Path(sys.argv[1])), sys.argv[3], Path(sys.argv[4]), narrow_rules())
"""


def with_repository() -> dict[str, str]:
    """Return an environment in which another process finds creditlake and tests."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def publish_dying(lake: FolderLake, scratch: Path, writes: int) -> int:
    """Publish in another process that is killed before its write number `writes`; returns its exit code."""
    command = [sys.executable, "-c", KILLED_STEPS, str(lake.root), str(writes), DAY2, str(scratch)]
    return subprocess.run(command, check=False, env=with_repository()).returncode


@pytest.mark.slow
def test_killed_before_any_write_readers_keep_the_old_release_and_a_rerun_finishes(
    lake: FolderLake, scratch: Path
) -> None:
    first = publish_penalties(lake, DAY1, scratch, many_penalties(3)).release_id
    store_candidate(lake, DAY2, scratch, {"pub_penalty": many_penalties(4)}, PENALTY)
    judge_candidate(lake, DAY2, scratch, PENALTY)

    writes = 0
    while publish_dying(lake, scratch, writes) == -signal.SIGKILL:
        current = read_current(lake)
        assert current is not None
        assert current.release_id == first
        writes += 1

    assert (
        writes >= 1
    )  # each run begins where the one before died, so it dies at its own first or later write
    current = read_current(lake)
    assert current is not None
    assert current.build == DAY2
    assert publish_build(lake, DAY2, scratch, PENALTY) == Publication("unchanged", current.release_id)
    assert len(list(lake.list_keys("serving"))) == 10
    assert len(list(lake.list_keys("releases"))) == 10


FULL_DISK = """
import sys
from pathlib import Path
from creditlake.published import read_pointer
from creditlake.release import judge_candidate, publish_build
from creditlake.storage import FolderLake, StorageFull
from tests.releases import many_penalties, narrow_rules, store_candidate

disk, rules = Path(sys.argv[1]), narrow_rules()
lake, scratch, ballast = FolderLake(disk / "lake"), disk / "scratch", disk / "ballast"
for build, count in (("20261116-01", 3), ("20261117-01", 4)):
    store_candidate(lake, build, scratch, {"pub_penalty": many_penalties(count)}, rules)
    judge_candidate(lake, build, scratch, rules)
    if count == 3:
        publish_build(lake, build, scratch, rules)
first = read_pointer(lake)
for left_kb in (0, 50, 100, 200, 400, 800, 1600, 3200, 6400):
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - left_kb * 1024))
    try:
        done = publish_build(lake, "20261117-01", scratch, rules)
        print(done.outcome, left_kb > 0)
        break
    except StorageFull as error:
        print("full", "no space left in" in str(error), read_pointer(lake) == first)
"""


@pytest.mark.slow
def test_a_disk_that_fills_anywhere_in_publish_is_said_and_leaves_the_old_release(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel allows no user namespace, so no small disk can be mounted")
    (tmp_path / "full.py").write_text(FULL_DISK)
    command = on_small_disk(tmp_path / "disk", 8, f"{sys.executable} {tmp_path}/full.py {tmp_path}/disk")

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=with_repository())

    assert done.returncode == 0, done.stderr
    *failures, last = done.stdout.splitlines()
    assert len(failures) >= 3
    assert set(failures) == {"full True True"}
    assert last == "published True"
