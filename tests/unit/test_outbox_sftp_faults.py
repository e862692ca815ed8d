"""An outbox on SFTP when things break: each error says what to do, and nobody unknown gets a file.

The server is a real sshd; what breaks is its disk, its keys, its permissions or the line to it.
"""

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from creditlake.loopback import free_port
from creditlake.outbox import open_outbox, sftp_session
from creditlake.outbox.sftp import SftpOutbox
from creditlake.settings import Settings, SettingsError
from creditlake.storage import StorageClosed, StorageFull, StorageRefused, StorageUnavailable
from tests.outboxes import IMPATIENT, bytes_of, holds
from tests.services import folder_settings
from tests.sftp_server import SftpServer, list_children, make_key

small, big = bytes_of(b"small"), bytes_of(bytes(3 << 20))


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
def test_a_session_that_gives_no_answer_any_more_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp_session, "ANSWER_SECONDS", 0.5)
    with running(SftpServer()) as server, open_sftp(server.settings(tmp_path)) as outbox:
        outbox.put("court", "a.xlsx", 1, small)
        server.end_sessions(signal.SIGSTOP)

        outbox.put("court", "b.xlsx", 1, small)

        assert seen(server) == ["court/a.xlsx", "court/b.xlsx"]


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
            holds(outbox, "court", "a.xlsx")


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
        assert holds(outbox, "tax", "a.xlsx")


@pytest.mark.service
def test_a_folder_in_the_place_of_a_file_is_named_and_stays(
    sftp_server: SftpServer, sftp_settings: Settings
) -> None:
    folder = Path(sftp_settings.outbox_url.partition(f":{sftp_server.port}")[2])
    with open_sftp(sftp_settings) as outbox:
        outbox.put("court", "b.xlsx", 1, small)
        (folder / "court" / "a.xlsx").mkdir()

        with pytest.raises(StorageRefused, match=r"court/a\.xlsx.*no folder may have the file's name"):
            outbox.put("court", "a.xlsx", 1, small)

    assert sorted(path.name for path in (folder / "court").iterdir()) == ["a.xlsx", "b.xlsx"]


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

    (folder / "court").chmod(0o700)
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
        holds(outbox, "court", "a.xlsx")


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
        holds(outbox, "court", "a.xlsx")
