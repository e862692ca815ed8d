"""The decode step: the work list, one batch, its manifest.

A file that cannot be read as agreed blocks its batch with a code and the other batches go on. What is our
own failure (store, disk, a bug) is no verdict about the file: nothing is written for that batch, the others
are decoded, and the step ends in DecodeError, so that the next run takes it up again.
"""

import logging
import tempfile
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode.archive import read_archive
from creditlake.decode.cells import CellsWriter, FileFacts, Rows
from creditlake.decode.csv import read_csv
from creditlake.decode.defects import FileDefect, no_rows
from creditlake.decode.envelope import check_rows, check_totals
from creditlake.decode.json_array import read_json
from creditlake.decode.jsonl import read_jsonl
from creditlake.decode.older_template import fill_older
from creditlake.decode.spreadsheet import read_spreadsheet
from creditlake.decode.xml import read_xml
from creditlake.inbox import part_order
from creditlake.receipts import Batch, list_batches
from creditlake.settings import settings
from creditlake.storage import (
    BatchDefect,
    FileEntry,
    Lake,
    ObjectExists,
    StepManifest,
    batch_manifest_key,
    code_version,
    find_manifest,
    make_step_key,
    now_utc,
    peak_memory_mb,
    read_manifest,
    write_manifest,
)
from creditlake.verdicts import Settlement, Verdict, list_verdicts

LOG = logging.getLogger("creditlake.decode")
DECODE_STEP = "decode"
DECODE_VERSION = "3"
GROUPS = 4  # of datasets that are decoded at the same time
WORK_PER_BYTE = {"csv": 1, "jsonl": 3, "json": 5, "xml": 5, "xlsx": 20}  # a workbook is packed
READERS = {"csv": read_csv, "xlsx": read_spreadsheet, "jsonl": read_jsonl, "json": read_json, "xml": read_xml}


class DecodeError(Exception):
    """Batches could not be decoded through no fault of their files; the other batches were."""


@dataclass
class Decoded:
    """What reading a batch's files gave; `defects` of level B block it."""

    facts: list[FileFacts] = field(default_factory=list)
    defects: list[BatchDefect] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)  # versions of older templates that files follow
    tables: list[str] = field(default_factory=list)  # `file_name` of the cells, in the order of reading

    @property
    def received(self) -> int:
        """Records of all files, ragged ones included."""
        return sum(facts.received for facts in self.facts)

    @property
    def is_blocked(self) -> bool:
        """Whether the batch stops here."""
        return any(defect.level == "B" for defect in self.defects)

    def counts(self) -> dict[str, int]:
        """Return rows by kind, and defects by code."""
        counts = {
            "received": self.received,
            "ragged": sum(facts.ragged for facts in self.facts),
            "blank": sum(facts.blank for facts in self.facts),
        }
        for defect in self.defects:
            counts[defect.code] = counts.get(defect.code, 0) + 1
        return counts


def decode_step_key(catalog: Catalog, contract: Contract, batch: Batch, verdict: Verdict | None) -> str:
    """Return the key of the batch's current cells; a verdict makes the batch waiting again."""
    version = f"{DECODE_VERSION}+{verdict.decision_id}" if verdict else DECODE_VERSION
    return make_step_key(catalog.digest(contract), version, batch.files)


def cells_manifest_key(catalog: Catalog, contract: Contract, batch: Batch, verdict: Verdict | None) -> str:
    """Return where the manifest of the batch's current cells lies or will lie."""
    step_key = decode_step_key(catalog, contract, batch, verdict)
    return batch_manifest_key("cells", batch.department, batch.dataset, batch.batch_id, step_key)


def list_decoded(
    lake: Lake, catalog: Catalog, contract: Contract, until: date
) -> Iterator[tuple[Batch, str, StepManifest | None]]:
    """Yield (batch, manifest key, manifest) in receipt order; no manifest means: waiting for decode."""
    verdicts = list_verdicts(lake, until)
    for batch in list_batches(lake, contract, until):
        key = cells_manifest_key(catalog, contract, batch, verdicts.get(batch.batch_id))
        yield batch, key, find_manifest(lake, key)


def weigh_waiting(lake: Lake, catalog: Catalog, until: date) -> dict[str, int]:
    """Return the datasets with batches that wait for decode, and how much work they are, in bytes of CSV."""
    waiting: dict[str, int] = {}
    for name, contract in sorted(catalog.contracts.items()):
        sizes = [
            sum(entry.bytes for entry in batch.files)
            for batch, _, cells in list_decoded(lake, catalog, contract, until)
            if cells is None
        ]
        if sizes:
            waiting[name] = sum(sizes) * WORK_PER_BYTE[contract.delivery.format]
    return waiting


def share_waiting(waiting: Mapping[str, int], groups: int = GROUPS) -> list[list[str]]:
    """Return datasets in at most so many groups of like work, the largest first.

    Small ones share a group, because starting a task costs more than decoding them.
    """
    shares: list[tuple[int, list[str]]] = [(0, []) for _ in range(min(groups, len(waiting)))]
    for name, size in sorted(waiting.items(), key=lambda item: -item[1]):
        lightest = min(range(len(shares)), key=lambda place: shares[place][0])
        shares[lightest] = (shares[lightest][0] + size, [*shares[lightest][1], name])
    return [names for _, names in shares]


def decode_waiting(
    lake: Lake,
    catalog: Catalog,
    business_date: date,
    only: str | Collection[str] | None = None,
    *,
    scratch: Path | None = None,
) -> list[StepManifest]:
    """Decode every batch received up to the business date without current cells, of `only` these datasets.

    Returns the manifests written by this call. Raises DecodeError at the end if some batch failed.
    """
    scratch = scratch or settings().scratch
    written: list[StepManifest] = []
    failures: list[tuple[Batch, Exception]] = []
    verdicts = list_verdicts(lake, business_date)
    names = catalog.contracts if only is None else [only] if isinstance(only, str) else only
    for contract in [catalog.contracts[name] for name in names]:
        last_rows: int | None = None
        for batch, _, manifest in list_decoded(lake, catalog, contract, business_date):
            if manifest is None:
                try:
                    manifest = decode_batch(
                        lake,
                        catalog,
                        batch,
                        verdict=verdicts.get(batch.batch_id),
                        last_rows=last_rows,
                        scratch=scratch,
                    )
                except Exception as error:  # whatever it is, the other batches go on
                    LOG.exception("%s %s: decode failed", contract.name, batch.batch_id)
                    failures.append((batch, error))
                    continue
                written.append(manifest)
            if manifest.status == "ok":
                last_rows = manifest.counts["received"]
    if failures:
        names = "; ".join(f"{b.department}.{b.dataset} {b.batch_id}: {error}" for b, error in failures)
        raise DecodeError(f"{len(failures)} batches could not be decoded: {names}") from failures[0][1]
    return written


def decode_batch(
    lake: Lake,
    catalog: Catalog,
    batch: Batch,
    *,
    verdict: Verdict | None = None,
    last_rows: int | None = None,
    scratch: Path,
) -> StepManifest:
    """Decode one batch and commit its manifest: status ok with cells, or blocked with the defects.

    `last_rows` is the size of the dataset's last accepted batch before this one, for the row envelope.
    Raises StorageError (CorruptObject for a raw file that changed in the lake) and OSError.
    """
    started_at = now_utc()
    contract = catalog.contracts[f"{batch.department}.{batch.dataset}"]
    key = cells_manifest_key(catalog, contract, batch, verdict)
    attempt = f"cells/{batch.department}/{batch.dataset}/{batch.batch_id}/{uuid.uuid4().hex[:12]}"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="decode-", dir=scratch) as folder:
        parts = Path(folder) / "parts"
        parts.mkdir()
        if verdict and verdict.verdict is Settlement.REJECT:
            decoded = Decoded(defects=[refused_by(verdict, batch).describe(catalog, contract)])
        else:
            paths = lake.localise(batch.files, Path(folder) / "raw")
            decoded = read_files(catalog, contract, batch, paths, parts)
            decoded.defects += (
                check_rows(
                    catalog,
                    contract,
                    decoded.received,
                    last_rows,
                    file=batch.files[0].key.rpartition("/")[2],
                    accepted=verdict is not None and verdict.verdict is Settlement.ACCEPT,
                )
                if not decoded.is_blocked
                else []
            )
        if not decoded.is_blocked:
            for part in sorted(parts.iterdir()):
                lake.upload_if_absent(f"{attempt}/{part.name}", part, consume=True)
    outputs = [] if decoded.is_blocked else lake.describe_files(attempt)
    manifest = make_manifest(catalog, contract, batch, decoded, outputs, started_at, verdict, last_rows)
    return commit(lake, key, manifest)


def read_files(catalog: Catalog, contract: Contract, batch: Batch, paths: list[Path], parts: Path) -> Decoded:
    """Read every file of a batch into parts; a file's defect is noted and the next file is read."""
    decoded = Decoded()
    suffix = contract.delivery.nil_suffix
    names = [entry.key.rpartition("/")[2] for entry in batch.files]
    named = sorted(zip(names, paths, strict=True), key=lambda item: part_order(item[0]))
    organs = {department.name_zh: department.organ_uscc for department in catalog.departments.values()}
    declared_nil = {name.removesuffix(suffix) for name, _ in named if name.endswith(suffix)}
    for number, (name, path) in enumerate(item for item in named if not item[0].endswith(suffix)):
        facts = FileFacts(name)
        try:
            with CellsWriter(parts / f"part-{number:05}.parquet", contract) as writer:
                for rows in read_file(path, contract, facts, parts.parent):
                    if facts.template:
                        rows = fill_older(rows, facts.template, organs)
                        decoded.templates.add(facts.template.version)
                    writer.write(rows, facts.place)
            if not facts.received and not facts.says_nil and name not in declared_nil:
                raise no_rows()
        except FileDefect as defect:
            defect.file = defect.file or facts.place
            facts.defects.append(defect)
        for found in facts.defects:
            found.file = found.file or name
            decoded.defects.append(found.describe(catalog, contract))
        decoded.tables += writer.places
        if not facts.received:
            (parts / f"part-{number:05}.parquet").unlink()
        decoded.facts.append(facts)
    wrong_total = None if decoded.is_blocked else check_totals(decoded.facts)
    if wrong_total:
        decoded.defects.append(wrong_total.describe(catalog, contract))
    return decoded


def read_file(path: Path, contract: Contract, facts: FileFacts, folder: Path) -> Iterator[Rows]:
    """Yield the rows of one delivered file; `folder` is for unpacking."""
    read = READERS[contract.delivery.format]
    if contract.delivery.archive:
        return read_archive(path, contract, facts, folder, read)
    return read(path, contract, facts)


def refused_by(verdict: Verdict, batch: Batch) -> FileDefect:
    """Return the defect of a batch that a person refused."""
    name = batch.files[0].key.rpartition("/")[2]
    return FileDefect("F09", f"refused by {verdict.who}: {verdict.why}", verdict.why, file=name)


def make_manifest(
    catalog: Catalog,
    contract: Contract,
    batch: Batch,
    decoded: Decoded,
    outputs: list[FileEntry],
    started_at: datetime,
    verdict: Verdict | None,
    last_rows: int | None,
) -> StepManifest:
    """Return the manifest of one decoded batch."""
    headers = [facts.header for facts in decoded.facts if facts.header]
    has_inner = any(facts.inner for facts in decoded.facts)
    return StepManifest(
        step=DECODE_STEP,
        step_version=DECODE_VERSION,
        code_version=code_version(),
        contract_digest=catalog.digest(contract),
        status="blocked" if decoded.is_blocked else "ok",
        inputs=batch.files,
        outputs=outputs,
        counts=decoded.counts(),
        defects=decoded.defects,
        columns=list(headers[0]) if headers else [],
        started_at=started_at,
        ended_at=now_utc(),
        peak_memory_mb=peak_memory_mb(),
        extra={
            "dataset": contract.name,
            "batch_id": batch.batch_id,
            "received": decoded.received,
            "received_date": batch.received_date.isoformat(),
            "last_rows": last_rows,
            "verdict": verdict.decision_id if verdict else None,
        }
        | ({"tables": decoded.tables} if has_inner else {})
        | ({"older_templates": sorted(decoded.templates)} if decoded.templates else {}),
    )


def commit(lake: Lake, key: str, manifest: StepManifest) -> StepManifest:
    """Write the manifest; if another run was first, drop our cells and return theirs."""
    try:
        write_manifest(lake, key, manifest)
    except ObjectExists:
        for entry in manifest.outputs:
            lake.delete(entry.key)
        return read_manifest(lake, key)
    if manifest.status == "ok":
        LOG.info("%s: decoded %s", manifest.extra["dataset"], manifest.counts)
    for defect in manifest.defects:
        log = LOG.error if defect.level == "B" else LOG.warning
        log("%s %s: %s", manifest.extra["dataset"], manifest.extra["batch_id"], defect.message)
    return manifest
