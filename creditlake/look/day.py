"""What became of one business date: deliveries, rows by department, the gate, the release.

Everything is read from receipts, manifests and reports; nothing is counted twice, because a batch belongs
to the business date of the receipt that gives it its place.
"""

import json
from dataclasses import dataclass, field
from datetime import date

from creditlake.builds import list_builds
from creditlake.candidate import CandidateManifest, LedgerRow, read_candidate
from creditlake.catalog import Catalog
from creditlake.gate.model import Verdict
from creditlake.published import ReleaseManifest, find_release, release_key
from creditlake.receipts import list_batches, list_receipts
from creditlake.storage import BatchDefect, Lake, ObjectMissing, list_manifests


@dataclass(frozen=True)
class Blocked:
    """A batch that did not go on, and why."""

    dataset: str
    batch_id: str
    files: tuple[str, ...]
    defects: tuple[BatchDefect, ...]


@dataclass(frozen=True)
class DepartmentDay:
    """One department's deliveries of one business date; rows are those of batches first counted that day."""

    code: str
    name_zh: str
    deliveries: int = 0
    repeated: int = 0  # deliveries of content that had come before
    received: int = 0
    accepted: int = 0
    held: int = 0
    rejected: int = 0
    dropped: int = 0
    blocked: tuple[Blocked, ...] = ()


@dataclass(frozen=True)
class DaySummary:
    """One business date as an office head asks for it. `release` is None when the gate held the build."""

    business_date: date
    build: str
    departments: tuple[DepartmentDay, ...]
    verdict: Verdict | None
    release: ReleaseManifest | None
    candidate: CandidateManifest
    changes: dict[str, dict[str, int]] = field(default_factory=dict)  # table: added, changed, removed

    @property
    def delivering(self) -> list[DepartmentDay]:
        """The departments that delivered something."""
        return [department for department in self.departments if department.deliveries]

    @property
    def silent(self) -> list[str]:
        """Names of the departments that delivered nothing."""
        return [department.name_zh for department in self.departments if not department.deliveries]

    def published(self, dataset: str) -> dict[str, int]:
        """Current records of a dataset: published, or held back by the one reason named."""
        return {row.outcome: row.records for row in self.candidate.publication if row.dataset == dataset}


def summarise_day(lake: Lake, catalog: Catalog, business_date: date) -> DaySummary:
    """Return what became of a business date's newest build; raises ObjectMissing if no build finished."""
    build = list_builds(lake, business_date)[-1]
    candidate = read_candidate(lake, build)
    verdict = find_verdict(lake, build)
    release = find_release(lake, build)
    return DaySummary(
        business_date=business_date,
        build=build,
        departments=tuple(summarise_departments(lake, catalog, candidate)),
        verdict=verdict,
        release=release,
        candidate=candidate,
        changes=read_changes(lake, release),
    )


def summarise_departments(lake: Lake, catalog: Catalog, candidate: CandidateManifest) -> list[DepartmentDay]:
    """Return each department's share of the candidate's business date, in catalogue order."""
    today = candidate.business_date
    ledger = {(row.dataset, row.batch_id): row for row in candidate.ledger}
    days = []
    for department in catalog.departments.values():
        contracts = [c for c in catalog.contracts.values() if c.department == department.code]
        if not contracts:
            continue
        receipts = repeated = 0
        rows: list[LedgerRow] = []
        blocked: list[Blocked] = []
        for contract in contracts:
            seen = set()
            for receipt in list_receipts(lake, contract, today):
                receipts += receipt.received_date == today
                repeated += receipt.received_date == today and receipt.batch_id in seen
                seen.add(receipt.batch_id)
            for batch in list_batches(lake, contract, today):
                row = ledger.get((contract.name, batch.batch_id))
                if batch.first_received_date == today and row:
                    rows.append(row)
                    if row.status == "blocked":
                        names = tuple(file.name for file in batch.receipts[0].files)
                        defects = find_batch_defects(
                            lake, contract.department, contract.dataset, batch.batch_id
                        )
                        blocked.append(Blocked(contract.name, batch.batch_id, names, defects))
        days.append(
            DepartmentDay(
                department.code,
                department.name_zh,
                receipts,
                repeated,
                received=sum(row.received or 0 for row in rows),
                accepted=sum(row.accepted for row in rows),
                held=sum(row.held for row in rows),
                rejected=sum(row.rejected for row in rows),
                dropped=sum(row.dropped_in_file + row.dropped_stored for row in rows),
                blocked=tuple(blocked),
            )
        )
    return days


def find_batch_defects(lake: Lake, department: str, dataset: str, batch_id: str) -> tuple[BatchDefect, ...]:
    """Return why a batch is blocked, from the step that blocked it."""
    for room in ("cells", "records"):
        for _, manifest in list_manifests(lake, f"{room}/{department}/{dataset}/{batch_id}/"):
            if manifest.status == "blocked":
                return tuple(manifest.defects)
    return ()


def find_verdict(lake: Lake, build: str) -> Verdict | None:
    """Return the gate's verdict on a build, or None before the gate."""
    try:
        return Verdict.model_validate_json(lake.read_bytes(f"candidates/{build}/gate.json"))
    except ObjectMissing:
        return None


def read_changes(lake: Lake, release: ReleaseManifest | None) -> dict[str, dict[str, int]]:
    """Return added, changed and removed rows per table against the parent release."""
    if release is None:
        return {}
    diff = json.loads(lake.read_bytes(release_key(release.release_id, "diff.json")))
    return {
        name: {kind: int(table[kind]) for kind in ("added", "changed", "removed")}
        for name, table in diff["tables"].items()
    }
