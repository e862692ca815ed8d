"""Outboxes when things break: servers that are down, full, strange or strict; each error says what to do.

The servers are real; what breaks is their disk, their keys, their permissions or the line to them.
"""

import contextlib
import multiprocessing
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from minio import MinioAdmin
from minio.credentials import StaticProvider

from creditlake.loopback import free_port
from creditlake.outbox import open_outbox, sftp_session
from creditlake.outbox.s3 import S3Outbox
from creditlake.outbox.sftp import SftpOutbox
from creditlake.settings import Settings, SettingsError
from creditlake.storage import (
    StorageClosed,
    StorageError,
    StorageFull,
    StorageRefused,
    StorageUnavailable,
)
from creditlake.storage.retries import RetryPolicy
from tests.services import MinioServer, folder_settings, on_small_disk, under_file_limit
from tests.sftp_server import SftpServer, list_children, make_key

IMPATIENT = RetryPolicy(attempts=2, first_wait_s=0.01)
REPOSITORY = Path(__file__).parents[2]


def small(path: Path) -> object:
    return path.write_bytes(b"small")


def big(path: Path) -> object:
    return path.write_bytes(bytes(3 << 20))


@contextlib.contextmanager
def running(server: SftpServer) -> Iterator[SftpServer]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


def open_sftp(settings: Settings) -> SftpOutbox:
    """Return an outbox on SFTP that soon gives up."""
    outbox = open_outbox(settings)
    assert isinstance(outbox, SftpOutbox)
    outbox.session.retry = IMPATIENT
    return outbox


def seen(server: SftpServer) -> list[str]:
    """Return every file on the server, hidden ones too."""
    return sorted(p.relative_to(server.files).as_posix() for p in server.files.rglob("*") if p.is_file())


# ---- folder

FILL = """
import sys
from dataclasses import replace
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
    for act in (lambda o: o.put("court", "a.xlsx", 1, small), lambda o: o.holds("court", "a.xlsx")):
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


# ---- SFTP


@pytest.mark.service
def test_a_stopped_sftp_server_is_a_clear_error_and_a_restart_mends_it(tmp_path: Path) -> None:
    with running(SftpServer()) as server, open_sftp(server.settings(tmp_path)) as outbox:
        outbox.put("court", "a.xlsx", 1, small)
        server.stop()

        for request in (
            lambda: outbox.put("court", "b.xlsx", 1, small),
            lambda: outbox.list_lying("court", ["a.xlsx"]),
        ):
            with pytest.raises(StorageUnavailable, match=f"at 127.0.0.1:{server.port}.*run the same command"):
                request()

        server.start()
        assert outbox.list_lying("court", ["a.xlsx", "b.xlsx"]) == {"a.xlsx"}
        outbox.put("court", "b.xlsx", 1, small)
        assert seen(server) == ["court/a.xlsx", "court/b.xlsx"]


@pytest.mark.service
def test_a_put_waits_for_an_sftp_server_that_restarts(tmp_path: Path) -> None:
    with running(SftpServer()) as server, open_outbox(server.settings(tmp_path)) as outbox:
        outbox.put("court", "a.xlsx", 1, small)
        server.stop()
        restart = threading.Timer(1.0, server.start)
        restart.start()

        outbox.put("court", "b.xlsx", 1, small)

        restart.join()
        assert seen(server) == ["court/a.xlsx", "court/b.xlsx"]


@pytest.mark.service
def test_a_connection_that_is_cut_in_the_middle_of_a_put_is_made_again(tmp_path: Path) -> None:
    with running(SftpServer()) as server, open_outbox(server.settings(tmp_path)) as outbox:
        outbox.put("court", "a.xlsx", 1, small)

        def cut() -> None:
            while not list(server.files.glob("court/.*.part")):
                pass
            server.end_sessions()

        cutter = threading.Thread(target=cut)
        cutter.start()
        written = outbox.put("court", "b.xlsx", 1, lambda path: path.write_bytes(bytes(30 << 20)))
        cutter.join()

        assert (server.files / "court/b.xlsx").stat().st_size == written.bytes
        assert len([name for name in seen(server) if name.endswith(".part")]) == 1  # what was cut off


@pytest.mark.service
def test_a_closed_outbox_leaves_no_connection(tmp_path: Path) -> None:
    with running(SftpServer()) as server:
        with open_outbox(server.settings(tmp_path)) as outbox:
            outbox.put("court", "a.xlsx", 1, small)
            assert server.process is not None
            assert list_children(server.process.pid)
        for _ in range(500):
            if not list_children(server.process.pid):
                break
            threading.Event().wait(0.01)
        assert list_children(server.process.pid) == []


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sftp_session, "CONNECT_SECONDS", 0.2)
    make_key(tmp_path / "key")
    (tmp_path / "known_hosts").touch()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = sftp_settings_of(tmp_path, mute.getsockname()[1])
        with (
            open_sftp(settings) as outbox,
            pytest.raises(StorageUnavailable, match="no usable answer in 2 attempts"),
        ):
            outbox.holds("court", "a.xlsx")


def sftp_settings_of(folder: Path, port: int) -> Settings:
    return replace(
        folder_settings(folder),
        outbox_url=f"sftp://somebody@127.0.0.1:{port}/out",
        sftp_key=str(folder / "key"),
        sftp_known_hosts=str(folder / "known_hosts"),
    )


@pytest.mark.service
def test_a_key_that_the_account_does_not_have_is_refused_once(
    sftp_server: SftpServer, sftp_settings: Settings, tmp_path: Path
) -> None:
    make_key(tmp_path / "another")
    before = seen(sftp_server)

    with (
        open_sftp(replace(sftp_settings, sftp_key=str(tmp_path / "another"))) as outbox,
        pytest.raises(
            StorageClosed, match=r"does not accept the key of CREDITLAKE_SFTP_KEY.*authorized_keys"
        ),
    ):
        outbox.put("court", "a.xlsx", 1, small)

    assert seen(sftp_server) == before


@pytest.mark.service
@pytest.mark.parametrize("other_hosts", ["", "# none yet\n", "[127.0.0.1]:1 {key}\n", "127.0.0.1 {key}\n"])
def test_an_unknown_host_key_is_refused_and_never_added(
    sftp_server: SftpServer, sftp_settings: Settings, tmp_path: Path, other_hosts: str
) -> None:
    known = tmp_path / "known_hosts"
    key = sftp_server.known_hosts.read_text().partition(" ")[2].strip()
    known.write_text(other_hosts.format(key=key))
    before = seen(sftp_server), known.read_bytes()

    with (
        open_sftp(replace(sftp_settings, sftp_known_hosts=str(known))) as outbox,
        pytest.raises(StorageClosed) as caught,
    ):
        outbox.put("court", "a.xlsx", 1, small)

    assert f"the host key of [127.0.0.1]:{sftp_server.port} is not in {known}" in str(caught.value)
    assert "ssh-ed25519 SHA256:" in str(caught.value)
    assert f"ssh-keyscan -p {sftp_server.port} 127.0.0.1 >> {known}" in str(caught.value)
    assert (seen(sftp_server), known.read_bytes()) == before


@pytest.mark.service
def test_a_host_key_that_has_changed_is_refused(
    sftp_server: SftpServer, sftp_settings: Settings, tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {make_key(tmp_path / 'host')}\n")

    with (
        open_sftp(replace(sftp_settings, sftp_known_hosts=str(known))) as outbox,
        pytest.raises(StorageClosed, match=r"another host key \(SHA256:.*somebody may be in between"),
    ):
        outbox.put("court", "a.xlsx", 1, small)


@pytest.mark.service
def test_a_full_sftp_server_is_a_clear_error_and_the_file_before_stands(tmp_path: Path) -> None:
    server = SftpServer(file_megabytes=1)
    with running(server), open_sftp(server.settings(tmp_path)) as outbox:
        outbox.put("court", "a.xlsx", 1, small)

        with pytest.raises(StorageFull, match=r"court/a\.xlsx.*could not store it.*quota is full"):
            outbox.put("court", "a.xlsx", 1, big)

        assert seen(server) == ["court/a.xlsx"]
        assert (server.files / "court/a.xlsx").read_bytes() == b"small"
        outbox.put("court", "b.xlsx", 1, small)


@pytest.mark.service
def test_a_department_folder_that_the_account_may_not_write_keeps_no_other(
    sftp_server: SftpServer, sftp_settings: Settings
) -> None:
    folder = Path(sftp_settings.outbox_url.partition(f":{sftp_server.port}")[2])
    (folder / "court").mkdir(mode=0o555)
    with open_sftp(sftp_settings) as outbox:
        with pytest.raises(
            StorageRefused, match=r"court/a\.xlsx.*give the account the right to list, create"
        ):
            outbox.put("court", "a.xlsx", 1, small)
        outbox.put("tax", "a.xlsx", 1, small)

        assert outbox.list_lying("court", ["a.xlsx"]) == set()
        assert outbox.holds("tax", "a.xlsx")


@pytest.mark.service
def test_an_account_that_may_write_and_not_list_gets_its_files_out(
    sftp_server: SftpServer, sftp_settings: Settings
) -> None:
    folder = Path(sftp_settings.outbox_url.partition(f":{sftp_server.port}")[2])
    (folder / "court").mkdir()
    sftp_server.give(folder / "court")
    (folder / "court").chmod(0o300)
    with open_sftp(sftp_settings) as outbox:
        outbox.put("court", "a.xlsx", 1, small)

        with pytest.raises(StorageRefused, match=r"^court: the SFTP outbox .* refuses"):
            outbox.list_lying("court", ["a.xlsx"])

    assert (folder / "court" / "a.xlsx").read_bytes() == b"small"


@pytest.mark.service
@pytest.mark.parametrize("flags", ["-R", "-P posix-rename"])
def test_an_account_that_may_not_create_or_rename_leaves_nothing_behind(tmp_path: Path, flags: str) -> None:
    with running(SftpServer(flags)) as server, open_sftp(server.settings(tmp_path)) as outbox:
        with pytest.raises(StorageRefused, match="the right to list, create, rename and delete files"):
            outbox.put("court", "a.xlsx", 1, small)
        assert seen(server) == []


@pytest.mark.service
def test_a_folder_of_the_address_that_is_not_there_is_named_and_not_made(
    sftp_server: SftpServer, sftp_settings: Settings
) -> None:
    with open_sftp(replace(sftp_settings, outbox_url=f"{sftp_settings.outbox_url}/typo")) as outbox:
        with pytest.raises(
            StorageRefused, match=r"no such folder in the SFTP outbox .*/typo.*CREDITLAKE_OUTBOX"
        ):
            outbox.put("court", "a.xlsx", 1, small)
        assert outbox.list_lying("court", ["a.xlsx"]) == set()


def write_key_with_passphrase(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"x")))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: None,
        lambda path: path.mkdir(),
        lambda path: path.write_text("no key"),
        lambda path: path.write_bytes(b"\xff" * 100),
        write_key_with_passphrase,
    ],
)
def test_a_key_file_that_cannot_be_used_names_the_variable(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    write(tmp_path / "key")
    (tmp_path / "known_hosts").touch()

    with (
        open_sftp(sftp_settings_of(tmp_path, free_port())) as outbox,
        pytest.raises(SettingsError, match=r"CREDITLAKE_SFTP_KEY: .*without a passphrase"),
    ):
        outbox.holds("court", "a.xlsx")


@pytest.mark.parametrize("write", [lambda path: None, lambda path: path.write_bytes(b"\xff\xfe")])
def test_a_file_of_host_keys_that_cannot_be_read_names_the_variable(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    make_key(tmp_path / "key")
    write(tmp_path / "known_hosts")

    with (
        open_sftp(sftp_settings_of(tmp_path, free_port())) as outbox,
        pytest.raises(SettingsError, match="CREDITLAKE_SFTP_KNOWN_HOSTS"),
    ):
        outbox.holds("court", "a.xlsx")


# ---- S3


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

        assert (
            outbox._ask("a", lambda: outbox._client.get_object("returns", "out/court/a.xlsx").data)
            == b"small"
        )


# ---- addresses


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
