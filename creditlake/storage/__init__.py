"""The lake: bytes in rooms, on a folder or on S3. Everything else imports from here."""

from creditlake.storage.errors import (
    CorruptObject,
    InvalidKey,
    ObjectExists,
    ObjectMissing,
    StorageError,
    StorageFull,
    StorageRefused,
    StorageUnavailable,
    SwapLost,
    UnsafeStore,
)
from creditlake.storage.folder import FolderLake
from creditlake.storage.lake import FileEntry, Lake, hash_stream
from creditlake.storage.manifest import (
    BatchDefect,
    InvalidManifest,
    StepManifest,
    batch_manifest_key,
    build_manifest_key,
    code_version,
    find_manifest,
    list_manifests,
    make_step_key,
    now_utc,
    peak_memory_mb,
    read_manifest,
    write_manifest,
)
from creditlake.storage.places import open_lake

__all__ = [
    "BatchDefect",
    "CorruptObject",
    "FileEntry",
    "FolderLake",
    "InvalidKey",
    "InvalidManifest",
    "Lake",
    "ObjectExists",
    "ObjectMissing",
    "StepManifest",
    "StorageError",
    "StorageFull",
    "StorageRefused",
    "StorageUnavailable",
    "SwapLost",
    "UnsafeStore",
    "batch_manifest_key",
    "build_manifest_key",
    "code_version",
    "find_manifest",
    "hash_stream",
    "list_manifests",
    "make_step_key",
    "now_utc",
    "open_lake",
    "peak_memory_mb",
    "read_manifest",
    "write_manifest",
]
