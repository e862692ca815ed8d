"""The one place that knows where bytes live: what every lake promises.

Two promises carry the whole system and are tested on every kind of lake by the same tests:
`put_if_absent` creates a key for exactly one of any number of writers (a manifest written so is a
commit), and `compare_and_swap` replaces the release pointer only from the version it was read at.
Objects are otherwise immutable. Keys are relative to the lake's root, "/" separated, and never hold
personal data.
"""

import hashlib
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from creditlake.storage.errors import CorruptObject, InvalidKey, ObjectExists, SwapLost, UnsafeStore

CHUNK_BYTES = 1 << 20
KEY_MAX_BYTES = 1024  # S3's limit
SEGMENT_MAX_BYTES = 255  # a file system's limit
HASHING_THREADS = 4  # hashlib releases the interpreter lock
OUTCOME_IN_KEY = re.compile(r"/_outcome=([a-z]+)/")


class FileEntry(BaseModel):
    """One object as a manifest names it; `rows` is 0 for a file that is not Parquet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    bytes: int
    rows: int = 0
    sha256: str
    outcome: str | None = None  # accepted, held, rejected or dropped, where the key says so


def check_key(key: str) -> str:
    """Return the key if every kind of lake can hold it, else raise InvalidKey.

    A part may not begin with a dot: those names are the lake's own (and Spark's checksums), and
    listing leaves them out.
    """
    parts = key.split("/")
    if not all(parts) or any(part.startswith(".") for part in parts):
        raise InvalidKey(f"{key!r}: a key is relative, without empty parts and parts that begin with a dot")
    if "\\" in key or not key.isprintable():
        raise InvalidKey(f"{key!r}: a key has no backslash and no control character")
    if len(key.encode()) > KEY_MAX_BYTES or any(len(part.encode()) > SEGMENT_MAX_BYTES for part in parts):
        raise InvalidKey(f"{key!r}: at most {KEY_MAX_BYTES} bytes, {SEGMENT_MAX_BYTES} between two slashes")
    return key


def folder_prefix(prefix: str) -> str:
    """Return the prefix as a folder: "" for the whole lake, else ending in exactly one slash."""
    stripped = prefix.rstrip("/")
    return f"{check_key(stripped)}/" if stripped else ""


def is_visible(key: str) -> bool:
    """Tell keys from the hidden files that a lake or Spark keeps beside them."""
    return not any(part.startswith(".") for part in key.split("/"))


def hash_stream(stream: BinaryIO) -> tuple[str, int]:
    """Return sha256 (hex) and length of a stream, read in pieces."""
    digest = hashlib.sha256()
    length = 0
    while piece := stream.read(CHUNK_BYTES):
        digest.update(piece)
        length += len(piece)
    return digest.hexdigest(), length


def verification_mark(path: Path, entry: FileEntry) -> tuple[str, str, int, int, int]:
    """Return what must be unchanged for a verified file to need no second look."""
    stat = path.stat()
    return (entry.key, entry.sha256, stat.st_ino, stat.st_size, stat.st_mtime_ns)


class Lake(ABC):
    """A store of immutable objects with one exclusive create and one compare-and-swap."""

    @abstractmethod
    def read_bytes(self, key: str) -> bytes:
        """Return the whole object; raises ObjectMissing."""

    @abstractmethod
    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Return the object and the token of exactly these bytes, for compare_and_swap."""

    @abstractmethod
    def put_if_absent(self, key: str, data: bytes) -> None:
        """Create the object whole or not at all; raises ObjectExists if the key is taken."""

    @abstractmethod
    def upload_if_absent(self, key: str, path: Path, *, consume: bool = False) -> None:
        """Create the object from a local file, like put_if_absent.

        With `consume` the caller gives the file away (it is gone on success): a folder lake on the
        same file system then links it instead of copying.
        """

    @abstractmethod
    def compare_and_swap(self, key: str, data: bytes, token: str | None) -> None:
        """Replace the version named by the token, or create if the token is None; else SwapLost."""

    @abstractmethod
    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys in the folder `prefix` and below, in code point order."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Tell whether the key holds an object."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object; no error if there is none."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Return the object's bytes; raises ObjectMissing."""

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Open the object for reading; seekable; the caller closes it."""

    @abstractmethod
    def spark_url(self, key: str) -> str:
        """Return what Spark calls this key."""

    @abstractmethod
    def spark_conf(self) -> dict[str, str]:
        """Return what a Spark session needs to reach the lake; holds no secret."""

    @abstractmethod
    def spark_env(self) -> dict[str, str]:
        """Return environment variables for the Spark JVM; secrets go here, never on a command line."""

    @abstractmethod
    def _local_copy(self, entry: FileEntry, scratch: Path, recheck: bool) -> Path:
        """Return a local path whose bytes have the entry's sha256; raises CorruptObject."""

    def localise(self, entries: Sequence[FileEntry], scratch: Path, *, recheck: bool = False) -> list[Path]:
        """Return one verified local path per entry, in order; read them, never write them.

        A file that this process verified before and whose inode, size and time are unchanged is not
        hashed again, unless `recheck`.
        """
        if not entries:
            return []
        with ThreadPoolExecutor(HASHING_THREADS) as pool:
            return list(pool.map(lambda entry: self._local_copy(entry, scratch, recheck), entries))

    def describe_files(self, prefix: str) -> list[FileEntry]:
        """Describe the data files under a prefix from their stored bytes, in key order.

        Names that begin with an underscore (`_SUCCESS`, `_batch.json`, `_temporary/…`) are not data.
        A Parquet file whose footer cannot be read raises CorruptObject: it must not enter a manifest.
        """
        start = len(folder_prefix(prefix))
        keys = [key for key in self.list_keys(prefix) if self._is_data(key[start:])]
        if not keys:
            return []
        with ThreadPoolExecutor(HASHING_THREADS) as pool:
            return list(pool.map(self.describe_file, keys))

    def describe_file(self, key: str) -> FileEntry:
        """Describe one object from its stored bytes: sha256 in streaming, rows from the footer."""
        outcome = OUTCOME_IN_KEY.search(key)
        with self.open(key) as stream:
            sha256, length = hash_stream(stream)
            rows = 0
            if key.endswith(".parquet"):
                try:
                    stream.seek(0)
                    rows = pq.read_metadata(stream).num_rows
                except pa.ArrowInvalid as error:
                    raise CorruptObject(key, "that of a whole Parquet file", sha256) from error
        return FileEntry(
            key=key, bytes=length, rows=rows, sha256=sha256, outcome=outcome[1] if outcome else None
        )

    @staticmethod
    def _is_data(relative_key: str) -> bool:
        """A partition folder `_batch=…` is data, `_temporary` and `_SUCCESS` are not."""
        return not any(part.startswith("_") and "=" not in part for part in relative_key.split("/"))

    def self_test(self) -> None:
        """Prove on this store that both conditional writes refuse the second writer, else UnsafeStore."""
        key = f"self_test/{uuid.uuid4().hex}"
        try:
            self._self_test(key)
        finally:
            self.delete(key)

    def _self_test(self, key: str) -> None:
        self.put_if_absent(key, b"first")
        try:
            self.put_if_absent(key, b"second")
        except ObjectExists:
            pass
        else:
            raise UnsafeStore(f"{self}: the store overwrote an object although told If-None-Match: *")
        _, stale = self.read_versioned(key)
        self.compare_and_swap(key, b"third", stale)
        try:
            self.compare_and_swap(key, b"fourth", stale)
        except SwapLost:
            pass
        else:
            raise UnsafeStore(f"{self}: the store replaced an object although told If-Match: <old version>")
