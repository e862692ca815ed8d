"""What has been received, in the order it was received: the only way to ask "which batches are there".

A receipt is written per delivery and never changed. A batch is content: the same bytes delivered
again are the same batch with one more receipt. How a repeated delivery counts depends on the kind of
dataset, so the order of batches does too:

- a full snapshot says what is true now: the batch takes the place of its **last** receipt
  (delivered A, B, A again: the state is A);
- an increment says what happened: the batch keeps the place of its **first** receipt, because sending
  an old file again by mistake must not undo the corrections that came after it.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from creditlake.contract import Contract
from creditlake.storage import FileEntry, Lake

READERS = 8  # receipts are small; on S3 the round trip is the cost


class ReceivedFile(BaseModel):
    """One delivered file. `raw_name` is its name in the raw room: that of the first delivery."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    raw_name: str
    bytes: int
    sha256: str
    mtime_ns: int


class Receipt(BaseModel):
    """One delivery. `received_date` is the business date of the run, `received_at` the real instant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delivery_id: str
    department: str
    dataset: str
    batch_id: str
    received_date: date
    received_at: datetime
    delivered_at: datetime  # newest modification time of the delivered files
    sender: str
    files: tuple[ReceivedFile, ...]
    order: str  # sorts as receipts do

    @property
    def key(self) -> str:
        """Where the receipt lies in the lake."""
        folder = f"receipts/{self.department}/{self.dataset}/{self.received_date.isoformat()}"
        return f"{folder}/{self.delivery_id}.json"


class Batch(BaseModel):
    """Delivered content with its receipts, oldest first (at least one)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_id: str
    department: str
    dataset: str
    receipts: tuple[Receipt, ...]
    repeats_count: bool  # full snapshot: the last receipt decides, else the first

    @property
    def receipt(self) -> Receipt:
        """The receipt that gives the batch its place and its received date."""
        return self.receipts[-1] if self.repeats_count else self.receipts[0]

    @property
    def received_date(self) -> date:
        """Business date under which the batch counts."""
        return self.receipt.received_date

    @property
    def first_received_date(self) -> date:
        """Business date of the first delivery: what timeliness is measured by."""
        return self.receipts[0].received_date

    @property
    def raw_prefix(self) -> str:
        """Folder of the delivered files."""
        return raw_prefix(self.department, self.dataset, self.batch_id)

    @property
    def files(self) -> list[FileEntry]:
        """The delivered files as raw objects, in name order; rows are not known before decoding."""
        return [
            FileEntry(key=f"{self.raw_prefix}/{file.raw_name}", bytes=file.bytes, sha256=file.sha256)
            for file in sorted(self.receipts[0].files, key=lambda file: file.raw_name)
        ]


def raw_prefix(department: str, dataset: str, batch_id: str) -> str:
    """Return the raw folder of a batch, without a slash at the end."""
    return f"raw/{department}/{dataset}/{batch_id}"


def receipt_order(received_date: date, delivered_at: datetime, delivery_id: str) -> str:
    """Return a text that sorts as receipts do: business date, then file time, then delivery."""
    return f"{received_date.isoformat()}|{delivered_at.isoformat(timespec='microseconds')}|{delivery_id}"


def list_receipts(lake: Lake, contract: Contract, until: date) -> list[Receipt]:
    """Return the dataset's receipts with a business date up to `until`, in receipt order."""
    prefix = f"receipts/{contract.department}/{contract.dataset}"
    keys = [key for key in lake.list_keys(prefix) if date.fromisoformat(key.split("/")[3]) <= until]
    with ThreadPoolExecutor(READERS) as pool:
        receipts = [Receipt.model_validate_json(data) for data in pool.map(lake.read_bytes, keys)]
    return sorted(receipts, key=lambda receipt: receipt.order)


def list_batches(lake: Lake, contract: Contract, until: date) -> list[Batch]:
    """Return every batch received up to a business date, once each, in the order it counts."""
    grouped: dict[str, list[Receipt]] = {}
    for receipt in list_receipts(lake, contract, until):
        grouped.setdefault(receipt.batch_id, []).append(receipt)
    batches = [
        Batch(
            batch_id=batch_id,
            department=contract.department,
            dataset=contract.dataset,
            receipts=tuple(receipts),
            repeats_count=contract.delivery.kind == "full_snapshot",
        )
        for batch_id, receipts in grouped.items()
    ]
    return sorted(batches, key=lambda batch: batch.receipt.order)


def current_snapshot(batches: Iterable[Batch], accepted: Iterable[str]) -> Batch | None:
    """Return the batch that is the state of a snapshot dataset: the last accepted in receipt order.

    `accepted` holds batch ids; which step's acceptance is meant is the caller's to say.
    """
    known = set(accepted)
    return next((batch for batch in reversed(list(batches)) if batch.batch_id in known), None)
