"""A real OpenSSH server on a free loopback port, run by an ordinary user, stopped by its own process id."""

import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from creditlake.loopback import free_port
from creditlake.settings import Settings
from tests.services import START_SECONDS, folder_settings, tools_folder, under_file_limit

CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp {flags}
LogLevel ERROR
"""
NEWER_PROGRAMS = {"sshd-session": "SshdSessionPath", "sshd-auth": "SshdAuthPath"}  # OpenSSH 9.8 and 10


def find_openssh() -> tuple[Path, list[Path]]:
    """Return sshd and the folders of its libraries; a missing one is an error, never a skipped test."""
    unpacked = tools_folder() / "openssh"
    program = unpacked / "usr/sbin/sshd"
    if program.exists():
        return program, sorted({path.parent for path in unpacked.rglob("*.so*")})
    program = Path("/usr/sbin/sshd")
    if not program.exists():
        raise FileNotFoundError("no OpenSSH server program; run infra/setup/sshd.sh (once, seconds)")
    return program, []


def make_key(path: Path) -> str:
    """Write a private key; returns its public half as authorized_keys and known_hosts have it."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def list_children(pid: int) -> list[int]:
    """Return the processes below one, the nearest first."""
    children: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [below for child in children for below in list_children(child)]


@dataclass
class SftpServer:
    """One sshd over `files`; it can be stopped and started again on its port.

    sshd as root would need an account and a folder of its own in the system, so root hands it to `daemon`
    (`nobody` counts as locked where systemd answers for it).
    """

    flags: str = ""  # of internal-sftp: "-R" is read-only, "-P posix-rename" refuses that request
    file_megabytes: int = 0  # no file may grow beyond this, like a disk that is full
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="creditlake-sftp-")))
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        is_root = os.getuid() == 0
        self.account = pwd.getpwnam("daemon") if is_root else pwd.getpwuid(os.getuid())
        self.files.mkdir()
        self.key.parent.mkdir()
        host = make_key(self.folder / "host_key")
        (self.folder / "authorized_keys").write_text(make_key(self.key))
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {host}\n")
        program, libraries = find_openssh()
        self._program, self._libraries = self._copy(program, libraries)
        (self.folder / "config").write_text(
            CONFIG.format(port=self.port, folder=self.folder, flags=self.flags)
            + self._newer_settings(program)
        )
        for path in (self.folder, *self.folder.iterdir()):
            self.give(path)

    @property
    def files(self) -> Path:
        """What the server serves."""
        return self.folder / "files"

    @property
    def key(self) -> Path:
        """The key that the server accepts."""
        return self.folder / "client" / "key"

    @property
    def known_hosts(self) -> Path:
        """A file that names the server's host key."""
        return self.folder / "client" / "known_hosts"

    def give(self, path: Path) -> None:
        """Make a file the server's own."""
        os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _copy(self, program: Path, libraries: list[Path]) -> tuple[Path, str]:
        """Copy what was unpacked to where every user may read it."""
        if not libraries:
            return program, ""
        copies = self.folder / "program"
        copies.mkdir()
        for path in (program, *program.parent.parent.glob("lib/openssh/sshd-*")):
            shutil.copy(path, copies)
        for folder in libraries:
            for path in folder.glob("*.so*"):
                shutil.copy(path, copies)
        return copies / program.name, str(copies)

    def _newer_settings(self, program: Path) -> str:
        """Return what OpenSSH 9.8 and later want to be told; earlier ones do not know the words."""
        found = {
            name: next(iter(program.parent.parent.glob(f"lib*/**/{name}")), None) for name in NEWER_PROGRAMS
        }
        lines = [f"{NEWER_PROGRAMS[name]} {self._program.parent / name}" for name in found if found[name]]
        if not lines:
            return ""
        return "\n".join([*(lines if self._libraries else []), "PerSourcePenalties no"]) + "\n"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        identity = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        command = [str(self._program), "-D", "-e", "-f", str(self.folder / "config")]
        if self.file_megabytes:
            command = under_file_limit(self.files, self.file_megabytes, f"exec {shlex.join(command)}")
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={"LD_LIBRARY_PATH": self._libraries},
                stderr=log,
                cwd="/",
                restore_signals=False,  # SIGXFSZ stays ignored: a write beyond the limit is an error, no end
                **(identity if os.getuid() == 0 else {}),
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"sshd ended at once:\n{(self.folder / 'sshd.log').read_text()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                if line.recv(4) == b"SSH-":
                    return
            time.sleep(0.02)  # sshd tells nobody when it listens: it is asked
        raise TimeoutError(f"sshd not ready:\n{(self.folder / 'sshd.log').read_text()}")

    def end_sessions(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Cut every connection; SIGSTOP leaves them there, without an answer."""
        assert self.process is not None
        for pid in list_children(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, how)

    def stop(self) -> None:
        """Stop this server's processes and wait for the end of the first."""
        if self.process is None:
            return
        self.end_sessions()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process = None

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def settings(self, home: Path, part: str = "") -> Settings:
        """Return settings whose outbox is a folder of this server, which is made."""
        folder = self.files / part if part else self.files
        folder.mkdir(exist_ok=True)
        self.give(folder)
        return replace(
            folder_settings(home),
            outbox_url=f"sftp://{self.account.pw_name}@127.0.0.1:{self.port}{folder}",
            sftp_key=str(self.key),
            sftp_known_hosts=str(self.known_hosts),
        )
