"""The commit of one half of `link`: the registers of a build, or its links."""

import logging
from collections.abc import Sequence
from datetime import datetime

from creditlake.builds import LINK_VERSION
from creditlake.storage import (
    FileEntry,
    ObjectExists,
    StepManifest,
    build_manifest_key,
    code_version,
    now_utc,
    peak_memory_mb,
    read_manifest,
    write_manifest,
)
from spark_jobs.commit import StepContext
from spark_jobs.engine import ENGINE, other_processes

LOG = logging.getLogger("creditlake.link")


def count_rows(outputs: Sequence[FileEntry]) -> dict[str, int]:
    """Return the rows of each table of a build."""
    counts: dict[str, int] = {}
    for entry in outputs:
        table = entry.key.split("/")[2]
        counts[table] = counts.get(table, 0) + entry.rows
    return counts


def commit_build(
    context: StepContext,
    room: str,
    build: str,
    inputs: list[FileEntry],
    outputs: list[FileEntry],
    counts: dict[str, int],
    extra: dict[str, object],
    started_at: datetime,
) -> StepManifest:
    """Write a build's manifest; if another run was first, its result stands and is returned."""
    manifest = StepManifest(
        step="link",
        step_version=LINK_VERSION,
        code_version=code_version(),
        contract_digest="",
        status="ok",
        inputs=inputs,
        outputs=outputs,
        counts=counts,
        started_at=started_at,
        ended_at=now_utc(),
        peak_memory_mb=peak_memory_mb(other_processes(context.spark)),
        extra=extra | {"engine": ENGINE},
    )
    key = build_manifest_key(room, build)
    try:
        write_manifest(context.lake, key, manifest)
    except ObjectExists:
        LOG.info("%s of build %s were committed by another run", room, build)
        return read_manifest(context.lake, key)
    LOG.info("%s of build %s: %s", room, build, counts)
    return manifest
