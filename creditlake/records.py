"""The records room as other steps see it: which batches have current records, which still wait.

A batch's records are keyed by its cells, the contract's digest, the step's version and a person's verdict
about the batch; so a mended contract, other cells or a new verdict make it waiting again, and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode import list_decoded
from creditlake.receipts import Batch
from creditlake.storage import (
    BatchDefect,
    FileEntry,
    Lake,
    StepManifest,
    batch_manifest_key,
    find_manifest,
    make_step_key,
)
from creditlake.verdicts import Settlement, Verdict, list_verdicts

STANDARDISE_STEP = "standardise"
STANDARDISE_VERSION = "4"


class NotSettled(Exception):
    """Batches wait for an earlier step; the message names them and the step."""


@dataclass(frozen=True)
class RecordBatch:
    """A batch with cells; `manifest` is that of its current records, None while it waits for standardise."""

    contract: Contract
    batch: Batch
    cells: StepManifest
    step_key: str
    manifest: StepManifest | None
    verdict: Verdict | None

    @property
    def is_accepted_by_verdict(self) -> bool:
        """Whether a person let the batch pass: no share of refused rows blocks it then."""
        return self.verdict is not None and self.verdict.verdict is Settlement.ACCEPT

    def manifest_key(self, room: str) -> str:
        """Return where the batch's manifest lies in `records` or `rejects`."""
        return batch_manifest_key(
            room, self.contract.department, self.contract.dataset, self.batch.batch_id, self.step_key
        )

    @property
    def outputs(self) -> list[FileEntry]:
        """The files of its accepted and held records; none while it waits or is blocked."""
        return self.manifest.outputs if self.manifest and self.manifest.status == "ok" else []


def list_records(lake: Lake, catalog: Catalog, contract: Contract, until: date) -> Iterator[RecordBatch]:
    """Yield every batch of a dataset that has cells, in receipt order, as of a business date."""
    verdicts = list_verdicts(lake, until)
    for batch, _, cells in list_decoded(lake, catalog, contract, until):
        if cells is None or cells.status != "ok":
            continue
        verdict = verdicts.get(batch.batch_id)
        version = f"{STANDARDISE_VERSION}+{verdict.decision_id}" if verdict else STANDARDISE_VERSION
        step_key = make_step_key(catalog.digest(contract), version, cells.outputs)
        place = batch_manifest_key("records", contract.department, contract.dataset, batch.batch_id, step_key)
        yield RecordBatch(contract, batch, cells, step_key, find_manifest(lake, place), verdict)


def settled_records(lake: Lake, catalog: Catalog, until: date) -> dict[str, list[RecordBatch]]:
    """Return the batches a build may use, by dataset, in receipt order; a snapshot's last is its state.

    Raises NotSettled if a batch waits for decode or standardise: a build without it would lose its rows.
    """
    usable: dict[str, list[RecordBatch]] = {}
    waiting: list[str] = []
    for name, contract in catalog.contracts.items():
        decoded = {batch.batch_id: cells for batch, _, cells in list_decoded(lake, catalog, contract, until)}
        waiting += [f"{name} {batch_id}: decode" for batch_id, cells in decoded.items() if cells is None]
        records = list(list_records(lake, catalog, contract, until))
        waiting += [f"{name} {one.batch.batch_id}: standardise" for one in records if one.manifest is None]
        usable[name] = [one for one in records if one.manifest is not None and one.manifest.status == "ok"]
    if waiting:
        raise NotSettled(f"{len(waiting)} batches wait, run their step first: {'; '.join(waiting[:10])}")
    return usable


def rejects_of(lake: Lake, batch: RecordBatch) -> StepManifest | None:
    """Return the manifest of the rows a batch lost: refused and dropped ones; also of a blocked batch."""
    return find_manifest(lake, batch.manifest_key("rejects"))


def check_share(
    catalog: Catalog, contract: Contract, batch: Batch, rows: Mapping[str, int], *, accepted: bool
) -> list[BatchDefect]:
    """Return F07 if the share of refused rows is out of bounds: blocking, or a warning.

    `rows` are by outcome; `accepted`: a person let the batch pass.
    """
    total = sum(rows.values())
    if total == 0:
        return []
    share = rows["rejected"] / total
    for bounds, level in ((contract.block, "B"), (contract.warn, "W")):
        limit = bounds.rejected_share.max
        if limit is None or share <= limit or total < bounds.share_from_rows:
            continue
        if level == "B" and accepted:
            continue
        detail = f"{rows['rejected']} / {total} = {share:.1%}, > {limit:.0%}"
        known = catalog.defects["F07"]
        return [
            BatchDefect(
                code="F07",
                level=level,
                file=batch.receipt.files[0].name,
                message=f"{known.english}: {detail}",
                message_zh=known.message.format(detail=detail),
                cure_zh=known.cure,
            )
        ]
    return []
