"""What every outbox promises: a file is there whole or not at all, and a second put replaces the first.

A department may list its part of the outbox at any moment, so a file is made in the local scratch folder
and gets its name only when all of it has arrived. Whoever is killed on the way leaves a hidden draft at most;
a later put to the same department removes drafts older than a day.
"""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from creditlake.gate.model import Closed
from creditlake.storage import check_key, hash_stream, lake_errors

DRAFT_LIFETIME_S = 24 * 3600


class WrittenFile(Closed):
    """One file in an outbox; `name` is relative to the department's part of it."""

    name: str
    bytes: int
    rows: int
    sha256: str


class Outbox(ABC):
    """`<outbox>/<department>/` holds that department's files; they stay until the department removes them."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch / "outbox"

    def put(self, department: str, name: str, rows: int, write: Callable[[Path], object]) -> WrittenFile:
        """Let `write` make the file and send it, over any of its name; returns what lies there now.

        Raises a StorageError that says what to do; the file of that name is then the one before, or none.
        """
        key = check_key(f"{department}/{name}")
        with lake_errors(key, f"scratch folder {self._scratch}", writing=True):
            self._scratch.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self._scratch) as folder:
                path = Path(folder) / "file"
                write(path)
                with path.open("rb") as handle:
                    sha256, length = hash_stream(handle)
                self._send(key, path)
        return WrittenFile(name=name, bytes=length, rows=rows, sha256=sha256)

    @abstractmethod
    def list_lying(self, department: str, names: Iterable[str]) -> set[str]:
        """Return those of the names that lie there; raises StorageError if the outbox cannot be asked.

        What else a department keeps in its part, under whatever names, does not matter.
        """

    @abstractmethod
    def _send(self, key: str, path: Path) -> None:
        """Make `<department>/<name>` a copy of a local file, in one step for whoever looks."""

    def close(self) -> None:  # noqa: B027  most kinds hold nothing
        """Give back what the outbox holds open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_draft_name() -> str:
    """Return a name under which nobody looks for a file."""
    return f".{uuid.uuid4().hex}.part"


def is_left_behind(name: str, changed_at: float) -> bool:
    """Tell whether a file is a draft that its writer will not finish any more."""
    return name.startswith(".") and name.endswith(".part") and time.time() - changed_at > DRAFT_LIFETIME_S
