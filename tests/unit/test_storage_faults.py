"""A folder lake when things break: full disks, killed writers, changed files, bad settings."""

import hashlib
import itertools
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from creditlake.settings import SettingsError
from creditlake.storage import FileEntry, FolderLake, StorageError, open_lake
from tests.services import folder_settings, on_small_disk, under_file_limit

FILL = """
import os, sys
from pathlib import Path
from creditlake.storage import FolderLake, StorageFull
lake = FolderLake(Path(sys.argv[1]) / "lake")
lake.compare_and_swap("current.json", b"old", None)
_, token = lake.read_versioned("current.json")
big = Path(sys.argv[2])
for what, act in {
    "put": lambda: lake.put_if_absent("raw/a/big", big.read_bytes()),
    "upload": lambda: lake.upload_if_absent("raw/b/big", big),
    "swap": lambda: lake.compare_and_swap("current.json", big.read_bytes(), token),
}.items():
    try:
        act()
    except StorageFull as error:
        print(what, error)
print(*lake.list_keys(), lake.read_bytes("current.json").decode())
print("drafts", os.listdir(lake.root / ".tmp"))
lake.put_if_absent("raw/small", b"fits")
"""


@pytest.mark.parametrize("limit", [on_small_disk, under_file_limit])
def test_a_full_disk_is_a_clear_error_and_nothing_of_the_object_is_visible(
    tmp_path: Path, limit: Callable[[Path, int, str], list[str]]
) -> None:
    if limit is on_small_disk and subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel allows no user namespace; the file limit stands in for the full disk")
    disk = tmp_path / "disk"
    (tmp_path / "big").write_bytes(os.urandom(2 << 20))
    (tmp_path / "fill.py").write_text(FILL)
    command = limit(disk, 1, f"{sys.executable} {tmp_path}/fill.py {disk} {tmp_path}/big")

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])

    assert done.returncode == 0, done.stderr
    place = f"no space left in the folder lake {disk}/lake; free some, then run again"
    assert done.stdout.splitlines() == [
        f"put raw/a/big: {place}",
        f"upload raw/b/big: {place}",
        f"swap current.json: {place}",
        "current.json old",
        "drafts []",
    ]


def write_for_ever(root: Path, name: str, ready: Event) -> None:
    lake = FolderLake(root)
    ready.set()
    for number in itertools.count():
        body = f"{number}:".encode() * 20_000
        lake.put_if_absent(f"raw/{name}/{number}", body)
        _, token = lake.read_versioned("current.json")
        lake.compare_and_swap("current.json", body, token)


def test_a_writer_killed_at_any_moment_leaves_only_whole_objects_and_a_free_lock(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    lake.compare_and_swap("current.json", b"0:" * 20_000, None)
    context = multiprocessing.get_context("fork")
    instants = random.Random(20261120)

    for attempt in range(20):
        ready = context.Event()
        writer = context.Process(target=write_for_ever, args=(lake.root, str(attempt), ready))
        writer.start()
        assert ready.wait(20)
        time.sleep(instants.uniform(0.01, 0.08))
        writer.kill()
        writer.join()

    keys = list(lake.list_keys())
    assert len(keys) > 10
    for key in keys:
        data = lake.read_bytes(key)
        number = data.split(b":")[0]
        assert data == number + b":" + (number + b":") * 19_999, key
        assert key == "current.json" or key.endswith(f"/{number.decode()}")
    _, token = lake.read_versioned("current.json")
    lake.compare_and_swap("current.json", b"after", token)
    assert lake.read_bytes("current.json") == b"after"


def test_a_verified_file_is_hashed_again_only_when_it_changed_or_on_request(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    lake.put_if_absent("cells/a", b"right")
    entry = FileEntry(key="cells/a", bytes=5, sha256=hashlib.sha256(b"right").hexdigest())
    path = lake.localise([entry], tmp_path)[0]
    times = path.stat()
    path.write_bytes(b"wrong")

    with pytest.raises(StorageError, match="cells/a is corrupt"):
        lake.localise([entry], tmp_path)  # size and inode are as before, the time is not

    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert lake.localise([entry], tmp_path) == [path]
    with pytest.raises(StorageError, match="cells/a is corrupt"):
        lake.localise([entry], tmp_path, recheck=True)


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    lake = FolderLake(Path("/proc/lake"))

    with pytest.raises(StorageError, match=r"raw/a.*the folder lake /proc/lake"):
        lake.put_if_absent("raw/a", b"")


def test_a_key_below_an_object_cannot_be_created(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    lake.put_if_absent("raw/a", b"")

    with pytest.raises(StorageError, match=r"raw/a/b: cannot be created in the folder lake .*File exists"):
        lake.put_if_absent("raw/a/b", b"")

    assert lake.exists("raw/a/b") is False


@pytest.mark.parametrize("url", ["", "/var/lake", "file://relative/lake", "s3:///prefix", "hdfs://host/lake"])
def test_an_address_that_names_no_lake_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="CREDITLAKE_LAKE"):
        open_lake(replace(folder_settings(tmp_path), lake_url=url))


@pytest.mark.parametrize("missing", ["s3_endpoint", "s3_access_key", "s3_secret_key"])
def test_a_lake_on_s3_without_its_settings_names_the_variable(tmp_path: Path, missing: str) -> None:
    given = replace(
        folder_settings(tmp_path),
        lake_url="s3://bucket/lake",
        s3_endpoint="127.0.0.1:1",
        s3_access_key="a",
        s3_secret_key="b",
    )

    with pytest.raises(SettingsError, match=f"CREDITLAKE_{missing.upper()}"):
        open_lake(replace(given, **{missing: ""}))
