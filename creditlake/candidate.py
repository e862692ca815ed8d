"""What a build hands to the gate: the tables of one candidate and everything needed to judge them.

`candidates/<build>/manifest.json` is written last and only once: without it the build did not happen,
and its table versions, if any, belong to nobody. Readers never see a candidate.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from creditlake.gate.model import TableEntry
from creditlake.storage import FileEntry, Lake

Status = Literal["success", "pass", "warn", "fail", "error", "skipped"]
BatchStatus = Literal["ok", "blocked", "waiting", "refused"]


class Closed(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelRun(Closed):
    """How one dbt model went."""

    name: str
    layer: Literal["staging", "intermediate", "marts"]
    status: Status
    seconds: float
    message: str = ""  # only when it failed


class TestRun(Closed):
    """How one dbt test went; `failures` counts the rows that break it."""

    name: str
    model: str | None
    severity: Literal["error", "warn"]
    status: Status
    failures: int
    message: str = ""


class LedgerRow(Closed):
    """Grain: a batch. received = accepted + held + rejected + dropped + blocked, or rows were lost.

    `received` comes from decode's count of the file, the others from the rows found in the lake.
    """

    dataset: str
    batch_id: str
    status: BatchStatus
    received: int | None  # null where the file could not be read at all
    accepted: int
    held: int
    rejected: int
    dropped_in_file: int  # U01, by standardise
    dropped_stored: int  # U02, by the build: standardise had accepted or held them
    blocked: int  # rows of a batch that is blocked, refused or still waiting

    @property
    def difference(self) -> int:
        """Rows received and not accounted for; anything but 0 stops the release."""
        counted = self.accepted + self.held + self.rejected + self.dropped_in_file + self.dropped_stored
        return (self.received or 0) - counted - self.blocked


class PublicationRow(Closed):
    """Grain: dataset × outcome. Current records that are published, or the one reason why not."""

    dataset: str
    outcome: str
    records: int


class BatchInput(Closed):
    """One batch that the build knew on its business date."""

    dataset: str
    batch_id: str
    received_date: date
    status: BatchStatus
    is_current: bool  # false for a snapshot that a later one replaced


class CandidateManifest(Closed):
    """One build's result. A build in which a model failed leaves none."""

    build: str
    business_date: date
    status: Literal["ok", "failed"]
    code_version: str
    catalog_digest: str
    inputs: tuple[FileEntry, ...]  # every Parquet file the build read
    batches: tuple[BatchInput, ...]
    tables: dict[str, TableEntry]
    models: tuple[ModelRun, ...]
    tests: tuple[TestRun, ...]
    ledger: tuple[LedgerRow, ...]
    publication: tuple[PublicationRow, ...]
    started_at: datetime
    ended_at: datetime
    peak_memory_mb: int


def candidate_key(build: str) -> str:
    """Return where a candidate's manifest lies."""
    return f"candidates/{build}/manifest.json"


def read_candidate(lake: Lake, build: str) -> CandidateManifest:
    """Return a candidate; raises ObjectMissing if the build was not finished."""
    return CandidateManifest.model_validate_json(lake.read_bytes(candidate_key(build)))
