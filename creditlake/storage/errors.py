"""What can go wrong in a lake or an outbox. Each message names the key or the store, and the cure if any."""

import contextlib
import errno
from collections.abc import Iterator

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageError(Exception):
    """The lake or outbox could not do what was asked; the message names the key or server and the cure."""


class InvalidKey(StorageError):
    """A key that some lake could not hold, or that would leave the lake's root."""


class ObjectExists(StorageError):
    """The key was already written: somebody else was first, and what they wrote stands."""


class ObjectMissing(StorageError):
    """No object under this key."""


class SwapLost(StorageError):
    """The object is no longer the version that was read; read it again and decide again."""


class StorageFull(StorageError):
    """No space left; nothing of the object became visible."""


class StorageUnavailable(StorageError):
    """The store does not answer, also after the retries."""


class StorageRefused(StorageError):
    """The store refused, or was refused: credentials, permissions, a missing bucket, an unknown host key."""


class StorageClosed(StorageRefused):
    """The store lets us in nowhere, or must not be let near: every other request would end the same."""


class UnsafeStore(StorageError):
    """The store ignores conditional writes: two writers could both believe they committed."""


class CorruptObject(StorageError):
    """An object's bytes are not the ones its manifest names."""

    def __init__(self, key: str, expected: str, found: str) -> None:
        super().__init__(
            f"{key} is corrupt: sha256 should be {expected}, found {found}; "
            "restore the object from a backup or rebuild the step that wrote it"
        )
        self.key = key
        self.expected = expected
        self.found = found


@contextlib.contextmanager
def lake_errors(key: str, place: str, *, writing: bool = False) -> Iterator[None]:
    """Turn the operating system's errors about the file behind a key into ours.

    When reading, a path that is not there, or is a folder, is a missing object.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        if writing:
            raise StorageError(f"{key}: cannot be created in the {place}: {error.strerror}") from error
        raise ObjectMissing(f"{key}: no such object in the {place}") from error
    except PermissionError as error:
        raise StorageRefused(f"{key}: this user may not read or write in the {place}") from error
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFull(f"{key}: no space left in the {place}; free some, then run again") from error
        raise StorageError(f"{key}: {error.strerror} in the {place}") from error
