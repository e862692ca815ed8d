"""A lake in a folder: the embedded default.

Nothing half-written is ever visible: bytes go to the lake's own `.tmp/`, are flushed to the disk, and
only then get their name by `link`, which fails if the name is taken. The pointer is swapped under a
lock file, by rename. A crash leaves at most a file in `.tmp/`.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from creditlake.storage.errors import CorruptObject, ObjectExists, ObjectMissing, SwapLost, lake_errors
from creditlake.storage.lake import (
    FileEntry,
    Lake,
    check_key,
    folder_prefix,
    hash_stream,
    is_visible,
    verification_mark,
)

DRAFTS = ".tmp"
LOCKS = ".locks"


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a name survives a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderLake(Lake):
    """Objects are files under `root`; the token of a version is the sha256 of its bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._verified: set[tuple[str, str, int, int, int]] = set()
        self._made_folders: set[Path] = set()

    def __str__(self) -> str:
        return f"folder lake {self.root}"

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def read_bytes(self, key: str) -> bytes:
        """See Lake."""
        with lake_errors(key, str(self)):
            return self._path(key).read_bytes()

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """See Lake."""
        data = self.read_bytes(key)
        return data, hashlib.sha256(data).hexdigest()

    def put_if_absent(self, key: str, data: bytes) -> None:
        """See Lake."""
        target = self._path(key)
        with lake_errors(key, str(self), writing=True), self._draft() as draft:
            self._write_draft(draft, data)
            self._name_draft(draft, target, key)

    def upload_if_absent(self, key: str, path: Path, *, consume: bool = False) -> None:
        """See Lake."""
        target = self._path(key)
        device = path.stat().st_dev  # a missing source is the caller's FileNotFoundError
        if target.exists():  # cheaper than copying first; the link below decides
            raise ObjectExists(f"{key} exists already")
        with lake_errors(key, str(self), writing=True), self._draft() as draft:
            if consume and device == self.root.stat().st_dev:
                os.link(path, draft)
            else:
                shutil.copyfile(path, draft)
            with draft.open("rb") as handle:
                os.fsync(handle.fileno())
            self._name_draft(draft, target, key)
        if consume:
            path.unlink()

    def compare_and_swap(self, key: str, data: bytes, token: str | None) -> None:
        """See Lake; the lock file orders the swaps of all processes on this machine."""
        target = self._path(key)
        with lake_errors(key, str(self), writing=True), self._draft() as draft, self._swap_lock(key):
            try:
                found = hashlib.sha256(target.read_bytes()).hexdigest()
            except FileNotFoundError:
                found = None
            if found != token:
                raise SwapLost(f"{key} was changed by somebody else since it was read")
            self._write_draft(draft, data)
            if token is None:
                try:
                    self._name_draft(draft, target, key)  # a put_if_absent does not ask for the lock
                except ObjectExists as error:
                    raise SwapLost(f"{key} was created by somebody else") from error
            else:
                draft.replace(target)
                sync_folder(target.parent)

    @contextlib.contextmanager
    def _draft(self) -> Iterator[Path]:
        """Yield a free name in the lake's own temporary folder; what is left there is removed."""
        folder = self.root / DRAFTS
        self._make_folder(folder)
        draft = folder / uuid.uuid4().hex
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _swap_lock(self, key: str) -> Iterator[None]:
        """Hold this key's lock; the operating system frees it when the process dies."""
        folder = self.root / LOCKS
        self._make_folder(folder)
        with (folder / hashlib.sha256(key.encode()).hexdigest()).open("wb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @staticmethod
    def _write_draft(draft: Path, data: bytes) -> None:
        with draft.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())

    def _name_draft(self, draft: Path, target: Path, key: str) -> None:
        """Give a finished draft its name; this is the commit."""
        self._make_folder(target.parent)
        try:
            os.link(draft, target)
        except FileExistsError as error:
            raise ObjectExists(f"{key} exists already") from error
        sync_folder(target.parent)

    def _make_folder(self, folder: Path) -> None:
        """Create a folder and its parents and flush their names too."""
        if folder in self._made_folders and folder.is_dir():
            return
        missing = [folder, *folder.parents]
        missing = missing[: next(i for i, path in enumerate(missing) if path.is_dir())]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)
        self._made_folders.add(folder)

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """See Lake; hidden files are left out."""
        top = self.root / folder_prefix(prefix)
        keys = []
        for folder, subfolders, names in os.walk(top):
            subfolders[:] = [name for name in subfolders if is_visible(name)]
            at = Path(folder).relative_to(self.root)
            keys += [(at / name).as_posix() for name in names if is_visible(name)]
        yield from sorted(keys)

    def exists(self, key: str) -> bool:
        """See Lake."""
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """See Lake."""
        with contextlib.suppress(ObjectMissing), lake_errors(key, str(self)):
            self._path(key).unlink()

    def size(self, key: str) -> int:
        """See Lake."""
        with lake_errors(key, str(self)):
            return self._path(key).stat().st_size

    def open(self, key: str) -> BinaryIO:
        """See Lake."""
        with lake_errors(key, str(self)):
            return self._path(key).open("rb")

    def spark_url(self, key: str) -> str:
        """Return the absolute path."""
        return str(self._path(key))

    def spark_conf(self) -> dict[str, str]:
        """Keep Spark from writing a hidden .crc file beside each file.

        Only for a folder: Spark's S3 client needs the other local file system for its buffers.
        """
        return {"spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem"}

    def spark_env(self) -> dict[str, str]:
        """A folder needs nothing."""
        return {}

    def _local_copy(self, entry: FileEntry, scratch: Path, recheck: bool) -> Path:
        """Return the lake's own file."""
        path = self._path(entry.key)
        with lake_errors(entry.key, str(self)), path.open("rb") as handle:
            mark = verification_mark(path, entry)
            if recheck or mark not in self._verified:
                found, _ = hash_stream(handle)
                if found != entry.sha256:
                    raise CorruptObject(entry.key, entry.sha256, found)
                self._verified.add(mark)
        return path
