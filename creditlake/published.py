"""What is published: the release manifests, their chain, and the pointer that readers follow.

A release is visible if and only if `current.json` names it. A reader reads the pointer once and stays
with that release. Each manifest carries the sha256 of its parent's, so a changed manifest breaks the chain.
"""

import hashlib
from datetime import date, datetime

from creditlake.candidate import BatchInput
from creditlake.gate.model import Closed, TableEntry
from creditlake.storage import Lake, ObjectMissing, StorageError

CURRENT = "current.json"


class BrokenChain(StorageError):
    """A release manifest is not the one its child or the pointer was made with."""


class ReleaseManifest(Closed):
    """One release: which table versions it consists of and what it came from."""

    release_id: str
    business_date: date
    build: str
    content_hash: str
    verdict_key: str
    approval: str | None  # decision id, when a person released a held candidate
    parent: str | None
    parent_manifest_sha256: str | None
    code_version: str
    catalog_digest: str
    created_at: datetime
    batches: tuple[BatchInput, ...]
    tables: dict[str, TableEntry]


class Pointer(Closed):
    """The content of current.json, the only mutable object of the lake."""

    release_id: str
    business_date: date
    content_hash: str
    manifest_sha256: str
    published_at: datetime


def release_key(release_id: str, name: str = "manifest.json") -> str:
    """Return where a file of a release lies."""
    return f"releases/{release_id}/{name}"


def serving_key(release_id: str, name: str) -> str:
    """Return where a file derived from a release for readers lies."""
    return f"serving/{release_id}/{name}"


def read_pointer(lake: Lake) -> tuple[Pointer | None, str | None]:
    """Return the pointer and its swap token; (None, None) before the first release."""
    try:
        data, token = lake.read_versioned(CURRENT)
    except ObjectMissing:
        return None, None
    return Pointer.model_validate_json(data), token


def read_release(lake: Lake, release_id: str, manifest_sha256: str | None = None) -> ReleaseManifest:
    """Return a release's manifest; raises BrokenChain if it is not the one with this sha256."""
    data = lake.read_bytes(release_key(release_id))
    if manifest_sha256 and hashlib.sha256(data).hexdigest() != manifest_sha256:
        raise BrokenChain(
            f"{release_key(release_id)} was changed after it was published; restore it from a backup, "
            "do not publish on top of it"
        )
    return ReleaseManifest.model_validate_json(data)


def read_current(lake: Lake) -> ReleaseManifest | None:
    """Return the release that readers see, or None before the first."""
    pointer, _ = read_pointer(lake)
    return read_release(lake, pointer.release_id, pointer.manifest_sha256) if pointer else None


def find_release(lake: Lake, build: str) -> ReleaseManifest | None:
    """Return the newest release made of a build, published or only prepared, or None."""
    made = [key.split("/")[1] for key in lake.list_keys("releases") if key.endswith("/manifest.json")]
    ids = sorted((name for name in made if name.startswith(f"{build}-")), key=lambda name: (len(name), name))
    return read_release(lake, ids[-1]) if ids else None


def check_chain(lake: Lake, release: ReleaseManifest) -> int:
    """Follow the parents to the first release and return how many there are; raises BrokenChain."""
    links = 0
    while release.parent is not None:
        release = read_release(lake, release.parent, release.parent_manifest_sha256)
        links += 1
    return links
