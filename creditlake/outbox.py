"""Outboxes: where departments fetch their return files. A folder each; nobody ever sees half a file.

Everything that writes, lists or looks for such files asks here, so that an SFTP server or a bucket per
department becomes a second class with the same methods.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from creditlake.gate.model import Closed


class WrittenFile(Closed):
    """One file in an outbox; `name` is relative to the department's part of it."""

    name: str
    bytes: int
    rows: int
    sha256: str


class FolderOutbox:
    """`<root>/<department>/` holds that department's files; they stay until the department removes them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, department: str, name: str, rows: int, write: Callable[[Path], object]) -> WrittenFile:
        """Let `write` make the file under a hidden name, then move it into place, over any of its name."""
        path = self.root / department / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{name}.{os.getpid()}")
        try:
            write(draft)
            data = draft.read_bytes()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return WrittenFile(name=name, bytes=len(data), rows=rows, sha256=hashlib.sha256(data).hexdigest())

    def holds(self, department: str, name: str) -> bool:
        """Tell whether the file still lies there."""
        return (self.root / department / name).is_file()
