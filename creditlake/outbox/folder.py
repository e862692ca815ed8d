"""An outbox in a folder: the embedded default, or a mounted share."""

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from creditlake.outbox.outbox import Outbox, is_left_behind, make_draft_name
from creditlake.storage import lake_errors
from creditlake.storage.folder import sync_folder


class FolderOutbox(Outbox):
    """Files lie in `<root>/<department>/`."""

    def __init__(self, root: Path, scratch: Path) -> None:
        super().__init__(scratch)
        self.root = root

    def __str__(self) -> str:
        return f"outbox {self.root}"

    def list_lying(self, department: str, names: Iterable[str]) -> set[str]:
        """See Outbox."""
        with lake_errors(department, str(self)):
            return {name for name in names if (self.root / department / name).is_file()}

    def _send(self, key: str, path: Path) -> None:
        """See Outbox; the rename shows the file."""
        target = self.root / key
        with lake_errors(key, str(self), writing=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            for old in target.parent.glob(".*.part"):
                with suppress(FileNotFoundError, PermissionError):
                    if is_left_behind(old.name, old.stat().st_mtime):
                        old.unlink()
            draft = target.with_name(make_draft_name())
            try:
                shutil.copyfile(path, draft)
                with draft.open("rb") as handle:
                    os.fsync(handle.fileno())
                draft.replace(target)
                sync_folder(target.parent)
            finally:
                draft.unlink(missing_ok=True)
