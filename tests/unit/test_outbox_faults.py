"""Outboxes in a folder and in a bucket when things break, and addresses that name none.

Disks and servers are real. What breaks on SFTP is in test_outbox_sftp_faults.py.
"""

import contextlib
import multiprocessing
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider

from creditlake.outbox import open_outbox
from creditlake.outbox.s3 import S3Outbox
from creditlake.settings import REPOSITORY, Settings, SettingsError
from creditlake.storage import (
    StorageClosed,
    StorageError,
    StorageFull,
    StorageRefused,
    StorageUnavailable,
)
from tests.outboxes import IMPATIENT, bytes_of, holds
from tests.services import MinioServer, folder_settings, on_small_disk, under_file_limit

small = bytes_of(b"small")

FILL = """
import sys
from pathlib import Path
from creditlake.outbox import FolderOutbox
from creditlake.storage import StorageFull
disk, scratch = Path(sys.argv[1]), Path(sys.argv[2])
outbox = FolderOutbox(disk / "outbox", scratch)
outbox.put("court", "a.xlsx", 1, lambda path: path.write_bytes(b"before"))
try:
    outbox.put("court", "a.xlsx", 1, lambda path: path.write_bytes(bytes(2 << 20)))
except StorageFull as error:
    print(error)
folder = disk / "outbox" / "court"
print([path.name for path in folder.iterdir()], (folder / "a.xlsx").read_bytes())
outbox.put("court", "b.xlsx", 1, lambda path: path.write_bytes(b"fits"))
"""


@pytest.mark.parametrize(("limit", "full"), [(on_small_disk, "outbox"), (under_file_limit, "scratch")])
def test_a_full_disk_is_a_clear_error_and_the_file_before_stands(
    tmp_path: Path, limit: Callable[[Path, int, str], list[str]], full: str
) -> None:
    if limit is on_small_disk and subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel allows no user namespace; the file limit stands in for the full disk")
    disk, scratch = tmp_path / "disk", tmp_path / "scratch"
    (tmp_path / "fill.py").write_text(FILL)
    command = limit(disk, 1, f"{sys.executable} {tmp_path}/fill.py {disk} {scratch}")

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)

    assert done.returncode == 0, done.stderr
    place = {"outbox": f"outbox {disk}/outbox", "scratch": f"scratch folder {scratch}/outbox"}[full]
    assert done.stdout.splitlines() == [
        f"court/a.xlsx: no space left in the {place}; free some, then run again",
        "['a.xlsx'] b'before'",
    ]


def put_as_ordinary_user(settings: Settings, said: "SimpleQueue[str]") -> None:
    """Try a put and a listing; root first becomes somebody else."""
    if os.getuid() == 0:
        account = pwd.getpwnam("daemon")
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    for act in (lambda o: o.put("court", "a.xlsx", 1, small), lambda o: holds(o, "court", "a.xlsx")):
        try:
            act(open_outbox(settings))
        except StorageError as error:
            said.put(f"{type(error).__name__}: {error}")


def test_a_folder_that_this_user_may_not_enter_is_named() -> None:
    home = Path(tempfile.mkdtemp(prefix="creditlake-outbox-"))
    try:
        for path, mode in ((home, 0o755), (home / "scratch", 0o777), (home / "outbox", 0o755)):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
        (home / "outbox" / "court").mkdir(mode=0o700)
        if os.getuid() != 0:
            (home / "outbox" / "court").chmod(0)
        context = multiprocessing.get_context("fork")
        said: SimpleQueue[str] = context.SimpleQueue()
        other = context.Process(target=put_as_ordinary_user, args=(folder_settings(home), said))
        other.start()
        other.join(60)
        assert other.exitcode == 0
        message = f"this user may not read or write in the outbox {home}/outbox"
        assert said.get() == f"StorageRefused: court/a.xlsx: {message}"
        assert said.get() == f"StorageRefused: court: {message}"
        assert said.empty()
    finally:
        (home / "outbox" / "court").chmod(0o700)
        shutil.rmtree(home)


def test_a_file_where_a_departments_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "court").write_text("no folder")

    with pytest.raises(StorageError, match=r"court/a\.xlsx: cannot be created in the outbox .*File exists"):
        open_outbox(folder_settings(tmp_path)).put("court", "a.xlsx", 1, small)


def open_s3(settings: Settings) -> S3Outbox:
    """Return an outbox on S3 that soon gives up."""
    outbox = open_outbox(settings)
    assert isinstance(outbox, S3Outbox)
    outbox.retry = IMPATIENT
    return outbox


@contextlib.contextmanager
def running_minio(folder: Path, disk_megabytes: int = 0) -> Iterator[MinioServer]:
    server = MinioServer.in_folder(folder)
    folder.mkdir()
    try:
        server.start(disk_megabytes)
        server.make_bucket("returns")
        yield server
    finally:
        server.stop()


@pytest.mark.service
def test_a_stopped_s3_server_is_a_clear_error_and_a_restart_mends_it(tmp_path: Path) -> None:
    with running_minio(tmp_path / "minio") as server:
        settings = replace(server.settings("lake", tmp_path), outbox_url="s3://returns/out")
        outbox = open_s3(settings)
        outbox.put("court", "a.xlsx", 1, small)
        server.stop()

        for request in (
            lambda: outbox.put("court", "b.xlsx", 1, small),
            lambda: outbox.list_lying("court", ["a.xlsx"]),
        ):
            with pytest.raises(StorageUnavailable, match=f"S3 outbox returns/out/ at {server.endpoint}"):
                request()

        server.start()
        outbox.put("court", "b.xlsx", 1, small)
        assert outbox.list_lying("court", ["a.xlsx", "b.xlsx"]) == {"a.xlsx", "b.xlsx"}


@pytest.mark.service
def test_wrong_s3_keys_and_a_missing_bucket_let_nobody_in(s3_settings: Settings) -> None:
    bucket = s3_settings.lake_url.split("/")[2]
    ours = replace(s3_settings, outbox_url=f"s3://{bucket}/outbox")

    with pytest.raises(StorageClosed, match=r"SignatureDoesNotMatch.*CREDITLAKE_S3_") as caught:
        open_s3(replace(ours, s3_secret_key="wrong-secret-key")).put("court", "a.xlsx", 1, small)
    assert "wrong-secret-key" not in str(caught.value)
    with pytest.raises(StorageClosed, match="NoSuchBucket"):
        open_s3(replace(ours, outbox_url="s3://no-such-bucket/outbox")).put("court", "a.xlsx", 1, small)


@pytest.mark.service
def test_an_s3_account_that_may_only_read_is_refused(
    minio_server: MinioServer, s3_settings: Settings
) -> None:
    bucket = s3_settings.lake_url.split("/")[2]
    reader, secret = secrets.token_hex(8), secrets.token_urlsafe(24)
    root = StaticProvider(minio_server.access_key, minio_server.secret_key)
    admin = MinioAdmin(endpoint=minio_server.endpoint, credentials=root, secure=False)
    admin.user_add(reader, secret)
    admin.policy_set("readonly", user=reader)
    outbox = open_s3(
        replace(s3_settings, outbox_url=f"s3://{bucket}/out", s3_access_key=reader, s3_secret_key=secret)
    )

    with pytest.raises(StorageRefused, match=r"court/a\.xlsx.*refuses \(AccessDenied\)") as caught:
        outbox.put("court", "a.xlsx", 1, small)

    assert not isinstance(caught.value, StorageClosed)
    assert secret not in str(caught.value)


@pytest.mark.service
def test_a_full_s3_server_is_a_clear_error_and_the_file_before_stands(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("this kernel allows no user namespace, so a small disk cannot be mounted")
    with running_minio(tmp_path / "minio", disk_megabytes=64) as server:
        outbox = open_s3(replace(server.settings("lake", tmp_path), outbox_url="s3://returns/out"))
        outbox.put("court", "a.xlsx", 1, small)

        with pytest.raises(StorageFull, match=r"court/a\.xlsx: no space left in the S3 outbox"):
            outbox.put("court", "a.xlsx", 1, lambda path: path.write_bytes(bytes(70 << 20)))

        reader = Minio(server.endpoint, server.access_key, server.secret_key, secure=False)
        assert reader.get_object("returns", "out/court/a.xlsx").data == b"small"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "names no outbox"),
        ("file://relative/outbox", "names no outbox"),
        ("ftp://host/outbox", "names no outbox"),
        ("s3:///prefix", "names no outbox"),
        ("sftp://host/out", "no usable SFTP address"),
        ("sftp://user@host", "no usable SFTP address"),
        ("sftp://user:hunter2@host/out", "without a password"),
        ("sftp://user@host:port/out", "no usable SFTP address"),
    ],
)
def test_an_address_that_names_no_outbox_is_refused_and_not_repeated(
    tmp_path: Path, url: str, message: str
) -> None:
    settings = replace(
        folder_settings(tmp_path), outbox_url=url, sftp_key="key", sftp_known_hosts="known_hosts"
    )

    with pytest.raises(SettingsError, match="CREDITLAKE_OUTBOX") as caught:
        open_outbox(settings)

    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("lake", "outbox"),
    [
        ("s3://bucket/lake", "s3://bucket/lake"),
        ("s3://bucket/lake", "s3://bucket/lake/out/"),
        ("s3://bucket/lake", "s3://bucket"),
        ("file:///data/lake", "/data/lake/outbox"),
    ],
)
def test_an_outbox_that_shares_its_place_with_the_lake_is_refused(
    tmp_path: Path, lake: str, outbox: str
) -> None:
    with pytest.raises(SettingsError, match="share a place"):
        open_outbox(replace(folder_settings(tmp_path), lake_url=lake, outbox_url=outbox))


@pytest.mark.parametrize("missing", ["sftp_key", "sftp_known_hosts", "s3_endpoint", "s3_secret_key"])
def test_an_outbox_without_its_settings_names_the_variable(tmp_path: Path, missing: str) -> None:
    given = replace(
        folder_settings(tmp_path),
        outbox_url="sftp://user@host/out" if missing.startswith("sftp") else "s3://bucket/out",
        sftp_key="key",
        sftp_known_hosts="known_hosts",
        s3_endpoint="127.0.0.1:1",
        s3_access_key="a",
        s3_secret_key="b",
    )

    with pytest.raises(SettingsError, match=f"CREDITLAKE_{missing.upper()} is not set"):
        open_outbox(replace(given, **{missing: ""}))
