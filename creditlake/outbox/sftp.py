"""An outbox on an SFTP server, as most departments know it.

A file is written under a hidden name and gets its own by `posix-rename@openssh.com`, which replaces in one
step; the plain rename of SFTP refuses a name that is taken.
"""

import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from paramiko import SFTPClient, SSHException

from creditlake.outbox.outbox import Outbox, is_left_behind, make_draft_name
from creditlake.outbox.sftp_session import SftpSession
from creditlake.storage import StorageRefused


class SftpOutbox(Outbox):
    """Files lie in `<folder of the address>/<department>/`; the folder must be there, its parts are made."""

    def __init__(self, session: SftpSession, scratch: Path) -> None:
        super().__init__(scratch)
        self.session = session
        self._swept: set[str] = set()

    def __str__(self) -> str:
        return str(self.session)

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        self.session.close()

    def list_lying(self, department: str, names: Iterable[str]) -> set[str]:
        """See Outbox."""
        folder, wanted = self._path(department), set(names)

        def request(sftp: SFTPClient) -> set[str]:
            try:
                return wanted & {
                    entry.filename for entry in sftp.listdir_attr(folder) if stat.S_ISREG(entry.st_mode or 0)
                }
            except FileNotFoundError:
                return set()
            except UnicodeDecodeError:  # a name in GBK, put there by somebody else, ends the client's listing
                return {name for name in wanted if _is_file(sftp, f"{folder}/{name}")}

        return self.session.ask(department, request)

    def _send(self, key: str, path: Path) -> None:
        """See Outbox; an answer that was lost means that the same bytes are sent again."""
        folder = self._path(key.partition("/")[0])

        def request(sftp: SFTPClient) -> None:
            self._prepare(sftp, folder)
            draft = f"{folder}/{make_draft_name()}"
            try:
                with path.open("rb") as handle:
                    sftp.putfo(handle, draft)
                self._show(sftp, draft, key)
            except BaseException:
                with suppress(OSError, EOFError, SSHException):
                    sftp.remove(draft)
                raise

        self.session.ask(key, request, writing=True)

    def _show(self, sftp: SFTPClient, draft: str, key: str) -> None:
        """Give a finished draft its name."""
        try:
            sftp.posix_rename(draft, self._path(key))
        except OSError as error:
            if type(error) is not OSError or error.errno is not None or not self.session.is_alive():
                raise  # the client has no type of its own for "failure"
            raise StorageRefused(
                f"{key}: the {self} could not rename the finished draft ({error}); its server must know"
                " posix-rename@openssh.com, and no folder may have the file's name"
            ) from error

    def _path(self, key: str) -> str:
        return f"{self.session.address.folder}/{key}"

    def _prepare(self, sftp: SFTPClient, folder: str) -> None:
        """Make a department's folder, or remove the old drafts in it."""
        try:
            sftp.stat(folder)
        except FileNotFoundError:
            sftp.mkdir(folder)
        if folder in self._swept:
            return
        self._swept.add(folder)
        with suppress(UnicodeDecodeError, PermissionError):  # an account may write without listing
            for entry in sftp.listdir_attr(folder):
                if is_left_behind(entry.filename, entry.st_mtime or 0):
                    with suppress(FileNotFoundError):
                        sftp.remove(f"{folder}/{entry.filename}")


def _is_file(sftp: SFTPClient, path: str) -> bool:
    try:
        return stat.S_ISREG(sftp.stat(path).st_mode or 0)
    except FileNotFoundError:
        return False
