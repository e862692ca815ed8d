"""What one build reads: every batch it knows, in order, with exactly the files its links were made from.

The registers' manifest fixes the batches of a build. Whatever was received by the business date and is not
among them is listed too, as blocked, refused or waiting, because the ledger accounts for every delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from creditlake.builds import BuildError, business_date_of
from creditlake.candidate import BatchInput, BatchStatus
from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode.decode import list_decoded
from creditlake.receipts import Batch
from creditlake.storage import (
    BatchDefect,
    FileEntry,
    Lake,
    StepManifest,
    build_manifest_key,
    find_manifest,
    list_manifests,
    read_manifest,
)
from creditlake.verdicts import Settlement, list_verdicts


@dataclass(frozen=True)
class KnownBatch:
    """One received batch. `received_rows` is decode's count, None where the file could not be read."""

    dataset: str
    batch: Batch
    status: BatchStatus
    received_rows: int | None
    defects: tuple[BatchDefect, ...]
    records: tuple[FileEntry, ...] = ()
    rejects: tuple[FileEntry, ...] = ()
    is_current: bool = False  # the state of a snapshot dataset; false for increments
    replaced_date: date | None = None  # when the next snapshot took its place
    tables: tuple[str, ...] = ()  # the tables inside its files, where those hold several

    @property
    def file_names(self) -> list[str]:
        """Names of the delivered files and of the tables in them, as `file_name` of records has them."""
        delivered = [entry.key.rpartition("/")[2] for entry in self.batch.files]
        return list(dict.fromkeys([*delivered, *self.tables]))


@dataclass(frozen=True)
class BuildInputs:
    """Everything a build reads; batches are in the order they count, by dataset."""

    build: str
    business_date: date
    batches: Mapping[str, tuple[KnownBatch, ...]]
    links: tuple[FileEntry, ...]
    registers: Mapping[str, tuple[FileEntry, ...]] = field(default_factory=dict)

    @property
    def files(self) -> list[FileEntry]:
        """Every Parquet file that is read, in key order."""
        of_batches = [e for known in self.batches.values() for b in known for e in (*b.records, *b.rejects)]
        of_registers = [entry for entries in self.registers.values() for entry in entries]
        return sorted([*of_batches, *of_registers, *self.links], key=lambda entry: entry.key)

    def summarise(self) -> tuple[BatchInput, ...]:
        """Return the batches as the candidate's manifest lists them."""
        return tuple(
            BatchInput(
                dataset=known.dataset,
                batch_id=known.batch.batch_id,
                received_date=known.batch.received_date,
                status=known.status,
                is_current=known.is_current if known.batch.repeats_count else known.status == "ok",
            )
            for batches in self.batches.values()
            for known in batches
        )


def read_inputs(lake: Lake, catalog: Catalog, business_date: date, build: str) -> BuildInputs:
    """Return what a build reads; raises BuildError when it was not linked, or for another business date."""
    if business_date_of(build) != business_date:
        raise BuildError(f"build {build} stands for {business_date_of(build)}, not for {business_date}")
    registers = find_manifest(lake, build_manifest_key("registers", build))
    links = find_manifest(lake, build_manifest_key("links", build))
    if registers is None or links is None:
        raise BuildError(
            f"build {build} is not linked; run `creditlake link --business-date {business_date}` first"
        )
    fixed: Mapping[str, Mapping[str, str]] = registers.extra["batches"]  # type: ignore[assignment]
    return BuildInputs(
        build=build,
        business_date=business_date,
        batches={
            name: know_batches(lake, catalog, contract, business_date, fixed.get(name, {}))
            for name, contract in sorted(catalog.contracts.items())
        },
        links=tuple(links.outputs),
        registers=by_table(registers),
    )


def by_table(manifest: StepManifest) -> dict[str, tuple[FileEntry, ...]]:
    """Return a registers manifest's files by table, the folder under the build."""
    tables: dict[str, tuple[FileEntry, ...]] = {}
    for entry in manifest.outputs:
        name = entry.key.split("/")[2]
        tables[name] = (*tables.get(name, ()), entry)
    return tables


def know_batches(
    lake: Lake, catalog: Catalog, contract: Contract, business_date: date, fixed: Mapping[str, str]
) -> tuple[KnownBatch, ...]:
    """Return a dataset's batches in the order they count; `fixed` maps batch id to its records manifest."""
    refused = {
        batch_id
        for batch_id, verdict in list_verdicts(lake, business_date).items()
        if verdict.verdict is Settlement.REJECT
    }
    found = [
        know_batch(lake, contract, batch, cells, fixed.get(batch.batch_id), batch.batch_id in refused)
        for batch, _, cells in list_decoded(lake, catalog, contract, business_date)
    ]
    missing = set(fixed) - {known.batch.batch_id for known in found if known.status == "ok"}
    if missing:
        raise BuildError(
            f"{contract.name}: the links were made with batches {sorted(missing)}, which are gone"
        )
    return mark_snapshots(found) if contract.delivery.kind == "full_snapshot" else tuple(found)


def know_batch(
    lake: Lake,
    contract: Contract,
    batch: Batch,
    cells: StepManifest | None,
    records_key: str | None,
    is_refused: bool,
) -> KnownBatch:
    """Return what became of one batch."""
    received = cells.counts["received"] if cells else None
    if records_key:
        records = read_manifest(lake, records_key)
        rejects = read_manifest(lake, "rejects" + records_key.removeprefix("records"))
        defects = (*(cells.defects if cells else ()), *records.defects)
        return KnownBatch(
            contract.name,
            batch,
            "ok",
            records.counts["received"] if received is None else received,
            defects,
            tuple(records.outputs),
            tuple(rejects.outputs),
            tables=find_tables(lake, batch, cells),
        )
    if is_refused:
        return KnownBatch(contract.name, batch, "refused", received, tuple(cells.defects if cells else ()))
    if cells and cells.status == "blocked":
        return KnownBatch(contract.name, batch, "blocked", received, tuple(cells.defects))
    prefix = f"records/{contract.department}/{contract.dataset}/{batch.batch_id}"
    later = max((m for _, m in list_manifests(lake, prefix)), key=lambda m: m.ended_at, default=None)
    if later and later.status == "blocked":
        return KnownBatch(contract.name, batch, "blocked", received, tuple(later.defects))
    return KnownBatch(contract.name, batch, "waiting", received, ())


def find_tables(lake: Lake, batch: Batch, cells: StepManifest | None) -> tuple[str, ...]:
    """Return the tables inside a batch's files, as its cells name them."""
    if cells is None:  # a mended contract waits for new ones; the records are of the last
        prefix = f"cells/{batch.department}/{batch.dataset}/{batch.batch_id}"
        manifests = (manifest for _, manifest in list_manifests(lake, prefix))
        cells = max(manifests, key=lambda manifest: manifest.ended_at, default=None)
    tables = cells.extra.get("tables", []) if cells else []
    assert isinstance(tables, list), "decode writes the names of a file's tables as a list"
    return tuple(map(str, tables))


def mark_snapshots(batches: list[KnownBatch]) -> tuple[KnownBatch, ...]:
    """Say of each usable snapshot when the next one replaced it; the last is the state."""
    following: date | None = None
    marked: list[KnownBatch] = []
    for known in reversed(batches):
        if known.status == "ok":
            known = replace(known, is_current=following is None, replaced_date=following)
            following = known.batch.received_date
        marked.append(known)
    return tuple(reversed(marked))
