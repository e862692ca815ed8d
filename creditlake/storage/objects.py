"""The body of one S3 object: sent with its length and MD5, read from any place."""

import base64
import hashlib
import io
from collections.abc import Callable
from typing import BinaryIO

from creditlake.storage.errors import StorageError
from creditlake.storage.lake import CHUNK_BYTES

PUT_MAX_BYTES = 5 << 30  # one PUT request; a part file is far smaller


def content_headers(key: str, open_body: Callable[[], BinaryIO]) -> dict[str, str]:
    """Return length and MD5, by which the store refuses a body that was damaged on the way."""
    digest = hashlib.md5(usedforsecurity=False)
    length = 0
    with open_body() as body:
        while piece := body.read(CHUNK_BYTES):
            digest.update(piece)
            length += len(piece)
    if length > PUT_MAX_BYTES:
        raise StorageError(
            f"{key}: {length} bytes; one object is at most {PUT_MAX_BYTES} bytes, write more parts"
        )
    return {"Content-Length": str(length), "Content-MD5": base64.b64encode(digest.digest()).decode()}


class ObjectReader(io.RawIOBase):
    """A seekable view of one object, read by range requests."""

    def __init__(self, read_range: Callable[[int, int], bytes], size: int) -> None:
        self._read_range = read_range
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("cannot seek before the start of an object")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # the buffer protocol has no name before 3.12
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        buffer[:length] = self._read_range(self._at, length)
        self._at += length
        return length
