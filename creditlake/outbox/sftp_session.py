"""One connection to an SFTP server: by key only, and only to a server whose host key is known.

An unknown host key is never taken on trust: whoever answers in the server's place would get the return
files, which hold personal data.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import (
    AuthenticationException,
    BadHostKeyException,
    IncompatiblePeer,
    SSHException,
)

from creditlake.settings import Settings, SettingsError, require_settings
from creditlake.storage import StorageClosed, StorageError, StorageFull, StorageRefused
from creditlake.storage.retries import Passing, RetryPolicy

ADDRESS = re.compile(
    r"sftp://(?P<user>[^@/:\s]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s]+)(?::(?P<port>\d{1,5}))?(?P<folder>/.*)"
)
CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
Answer = TypeVar("Answer")

# Its lines name accounts and hold tracebacks; what matters is in the errors raised here.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class SftpAddress:
    """Account, server and folder; `folder` is absolute, without a slash at its end ("" for the root)."""

    user: str
    host: str
    port: int
    folder: str

    @classmethod
    def parse(cls, url: str) -> "SftpAddress":
        """Read sftp://user@host:port/folder; the SettingsError does not repeat it: it may hold a password."""
        found = ADDRESS.fullmatch(url)
        if not found:
            raise SettingsError(
                "CREDITLAKE_OUTBOX is no usable SFTP address; write sftp://user@host:port/folder, without a"
                " password: the key of CREDITLAKE_SFTP_KEY is used"
            )
        return cls(
            found["user"], found["host"].strip("[]"), int(found["port"] or 22), found["folder"].rstrip("/")
        )


class SftpSession:
    """Requests over a connection that is made when first needed, and again after it was lost."""

    def __init__(self, address: SftpAddress, key: Path, known_hosts: Path) -> None:
        self.address = address
        self.retry = RetryPolicy()
        self._key = key
        self._known_hosts = known_hosts
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None

    @classmethod
    def of_settings(cls, settings: Settings, url: str) -> "SftpSession":
        """Return a session that is not connected yet; raises SettingsError for what is missing."""
        require_settings(
            "an outbox on SFTP",
            CREDITLAKE_SFTP_KEY=settings.sftp_key,
            CREDITLAKE_SFTP_KNOWN_HOSTS=settings.sftp_known_hosts,
        )
        return cls(SftpAddress.parse(url), Path(settings.sftp_key), Path(settings.sftp_known_hosts))

    def __str__(self) -> str:
        at = self.address
        return f"SFTP outbox {at.folder or '/'} at {at.host}:{at.port}"

    def ask(
        self, key: str, request: Callable[[paramiko.SFTPClient], Answer], *, writing: bool = False
    ) -> Answer:
        """Return the answer to a request that may be repeated without harm; raises StorageError."""

        def attempt() -> Answer:
            try:
                return request(self._connected(key))
            except (EOFError, SSHException, TimeoutError, ConnectionError) as error:
                self._lose(error)
            except OSError as error:
                if not self.is_alive():
                    self._lose(error)
                self._raise_for(key, error, writing)

        return self.retry.run(f"{key} in the {self}", attempt)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client:
            self._client.close()
        self._client = self._sftp = None

    def is_alive(self) -> bool:
        """Tell whether there is a connection that has not been lost."""
        channel = self._sftp.get_channel() if self._sftp else None
        return channel is not None and not channel.closed

    def _lose(self, error: Exception) -> NoReturn:
        self.close()
        raise Passing(str(error) or type(error).__name__) from error

    def _raise_for(self, key: str, error: OSError, writing: bool) -> NoReturn:
        """Turn the server's refusal into our error; SFTP has no word for a full disk but "failure"."""
        if isinstance(error, PermissionError):
            raise StorageRefused(
                f"{key}: the {self} refuses; give the account the right to list, create, rename and delete"
                " files there"
            ) from error
        if isinstance(error, FileNotFoundError):
            raise StorageRefused(
                f"{key}: no such folder in the {self}; create it, or mend CREDITLAKE_OUTBOX"
            ) from error
        if writing:
            raise StorageFull(
                f"{key}: the {self} could not store it ({error}): most often its disk or the account's"
                " quota is full; the server's log knows. Free some, then run again"
            ) from error
        raise StorageError(f"{key}: the {self} answers: {error}") from error

    def _connected(self, key: str) -> paramiko.SFTPClient:
        """Return the open connection, or a new one."""
        if self._sftp and self.is_alive():
            return self._sftp
        self.close()
        client = self._client = self._new_client()
        private_key = self._read_key()
        with self._closed_doors(key):
            client.connect(
                self.address.host,
                self.address.port,
                self.address.user,
                pkey=private_key,
                look_for_keys=False,
                allow_agent=False,
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                auth_timeout=CONNECT_SECONDS,
            )
        self._sftp = client.open_sftp()
        channel = self._sftp.get_channel()
        if channel:
            channel.settimeout(ANSWER_SECONDS)
        return self._sftp

    @contextmanager
    def _closed_doors(self, key: str) -> Iterator[None]:
        """Turn what keeps us out into our error; none of it passes by itself."""
        try:
            yield
        except BadHostKeyException as error:
            raise StorageClosed(
                f"{key}: the {self} shows another host key ({error.key.fingerprint}) than"
                f" {self._known_hosts} has for it: somebody may be in between. Ask its administrator before"
                " you replace the line"
            ) from error
        except IncompatiblePeer as error:
            raise StorageClosed(
                f"{key}: the {self} offers no cryptography that is accepted here ({error}); its SSH server"
                " has to be newer"
            ) from error
        except AuthenticationException as error:
            raise StorageClosed(
                f"{key}: the {self} does not accept the key of CREDITLAKE_SFTP_KEY for this account; put its"
                " public half into the account's authorized_keys"
            ) from error

    def _new_client(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_RefuseUnknown(self._known_hosts))
        try:
            client.load_host_keys(str(self._known_hosts))
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"CREDITLAKE_SFTP_KNOWN_HOSTS: {self._known_hosts} cannot be read; it must be a file of host"
                " keys as `ssh-keyscan` prints them"
            ) from error
        return client

    def _read_key(self) -> paramiko.PKey:
        try:
            return paramiko.PKey.from_path(self._key)
        except (OSError, ValueError, TypeError, SSHException, UnknownKeyType) as error:
            raise SettingsError(
                f"CREDITLAKE_SFTP_KEY: {self._key} cannot be used; it must be a private key (Ed25519, ECDSA"
                " or RSA) without a passphrase that this user may read"
            ) from error


class _RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Say what the server showed, and how a person may accept it."""

    def __init__(self, known_hosts: Path) -> None:
        self._known_hosts = known_hosts

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Refuse."""
        host, _, port = hostname.strip("[").partition("]:")
        raise StorageClosed(
            f"the host key of {hostname} is not in {self._known_hosts}; nothing was sent. It shows"
            f" {key.get_name()} {key.fingerprint}: if its administrator confirms that, run"
            f" `ssh-keyscan -p {port or 22} {host} >> {self._known_hosts}`"
        )
