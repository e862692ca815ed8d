"""Step manifests: what a step read, wrote and found, written last by an exclusive create.

That create is the commit. No manifest means it did not happen: readers ignore such folders and a
retry writes beside them. The key of a manifest is made from the step's inputs, the contract's digest
and the step's version, so the work list is "inputs without a manifest under the current key", and a
mended contract makes its batches waiting again (architecture.md §3).
"""

import hashlib
import re
import resource
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

import creditlake
from creditlake.storage.errors import ObjectMissing, StorageError
from creditlake.storage.lake import FileEntry, Lake

STEP_KEY_HEX = 16
MANIFEST_NAME = re.compile(rf"(?:.*/)?(?:[0-9a-f]{{{STEP_KEY_HEX}}}|_manifest)\.json")
CODE_FOLDERS = ("creditlake", "spark_jobs", "dbt_project", "expectations", "catalog")
CODE_SUFFIXES = frozenset({".py", ".sql", ".yml", ".yaml"})


class InvalidManifest(StorageError):
    """A manifest that does not fit the model: written by other code, or damaged."""


class BatchDefect(BaseModel):
    """A defect of a whole batch or file; never holds a personal value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    level: str
    file: str
    row_no: int | None = None
    field: str | None = None
    message: str
    message_zh: str
    cure_zh: str


class StepManifest(BaseModel):
    """One run of one step over one input; `blocked` means settled too, until the contract changes."""

    model_config = ConfigDict(extra="forbid")

    step: str
    step_version: str
    code_version: str
    contract_digest: str
    status: Literal["ok", "blocked"]
    inputs: list[FileEntry]
    outputs: list[FileEntry]
    counts: dict[str, int]
    defects: list[BatchDefect] = []
    columns: list[str] = []  # delivered header, in order; return files repeat it
    started_at: datetime
    ended_at: datetime
    peak_memory_mb: int
    extra: dict[str, object] = {}


def make_step_key(contract_digest: str, step_version: str, inputs: Iterable[FileEntry]) -> str:
    """Return the key of a step's result: content decides, neither paths nor input order do."""
    parts = [contract_digest, step_version, *sorted(entry.sha256 for entry in inputs)]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:STEP_KEY_HEX]


def batch_manifest_key(room: str, department: str, dataset: str, batch_id: str, step_key: str) -> str:
    """Return where a batch's manifest lies in the rooms cells, records and rejects."""
    return f"{room}/{department}/{dataset}/{batch_id}/{step_key}.json"


def build_manifest_key(room: str, build: str) -> str:
    """Return where a build's manifest lies in the rooms registers, links and candidates."""
    return f"{room}/{build}/_manifest.json"


def write_manifest(lake: Lake, key: str, manifest: StepManifest) -> None:
    """Commit a step; raises ObjectExists if another attempt committed first, whose result stands."""
    lake.put_if_absent(key, manifest.model_dump_json(indent=1).encode())


def read_manifest(lake: Lake, key: str) -> StepManifest:
    """Return a manifest; raises ObjectMissing if the step did not happen."""
    try:
        return StepManifest.model_validate_json(lake.read_bytes(key))
    except ValidationError as error:
        raise InvalidManifest(f"{key}: not a step manifest: {error.errors()[0]['msg']}") from error


def find_manifest(lake: Lake, key: str) -> StepManifest | None:
    """Return a manifest, or None if the step did not happen."""
    try:
        return read_manifest(lake, key)
    except ObjectMissing:
        return None


def list_manifests(lake: Lake, prefix: str) -> Iterator[tuple[str, StepManifest]]:
    """Yield (key, manifest) of every step manifest under a prefix, in key order."""
    for key in lake.list_keys(prefix):
        if MANIFEST_NAME.fullmatch(key):
            yield key, read_manifest(lake, key)


def now_utc() -> datetime:
    """Return the instant, for a manifest's start and end; never part of a content hash."""
    return datetime.now(UTC).replace(microsecond=0)


@cache
def code_version() -> str:
    """Return package version, git commit and a digest of the sources and rules as they are on disk.

    The digest tells apart two runs from edited working copies of one commit; without git the commit
    reads `nogit`.
    """
    repository = Path(creditlake.__file__).resolve().parent.parent
    git = (
        subprocess.run(
            ["git", "-C", str(repository), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
        if (repository / ".git").exists()
        else None
    )
    commit = git.stdout.strip() if git and git.returncode == 0 else "nogit"
    digest = hashlib.sha256()
    for folder in CODE_FOLDERS:
        for path in sorted((repository / folder).rglob("*")):
            if path.suffix in CODE_SUFFIXES and "target" not in path.parts:
                digest.update(path.relative_to(repository).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{version('creditlake')}+{commit}.{digest.hexdigest()[:8]}"


def peak_memory_mb(pids: Iterable[int] = ()) -> int:
    """Return the peak resident memory of this process plus the given live ones (a Spark JVM), in MB.

    The sum of peaks is an upper bound: they need not have come together.
    """
    total = _peak_kb("self") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (total + sum(_peak_kb(str(pid)) for pid in pids)) // 1024


def _peak_kb(process: str) -> int:
    """Read VmHWM; unlike ru_maxrss it does not begin with the parent's memory. 0 if unknown."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) if found else 0
