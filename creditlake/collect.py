"""Bring what departments delivered into the raw room, byte for byte. Connector: the folder drop.

`<inbox>/<department>/` is written by the department alone; nothing in it is changed or removed here.
Order of writing, so that a kill at any instant loses and doubles nothing: the files, `_batch.json`,
the receipt. A batch is named by its content, a receipt by the delivered file (name, time, size, hash),
so running again finds both and stops. What no contract names stays where it is and gives a notice (C01).
"""

import hashlib
import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.inbox import (
    Delivery,
    InboxFile,
    group_deliveries,
    list_folder,
)
from creditlake.notices import Notice
from creditlake.receipts import Receipt, ReceivedFile, list_receipts, raw_prefix, receipt_order
from creditlake.settings import settings
from creditlake.storage import Lake, ObjectExists
from creditlake.strays import notice_strays

LOG = logging.getLogger("creditlake.collect")
COPY_BYTES = 1 << 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ID_HEX = 20


class StillBeingWritten(Exception):
    """The file changed while it was read; the next run takes it."""


class BatchFile(BaseModel):
    """One file of a batch as `_batch.json` names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    bytes: int
    sha256: str


class BatchRecord(BaseModel):
    """`_batch.json`, written last: without it the folder is not a batch. Facts of the first delivery."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_id: str
    department: str
    dataset: str
    files: tuple[BatchFile, ...]
    received_date: date
    received_at: datetime
    delivered_at: datetime
    format: str
    encoding: str
    template_version: str


@dataclass
class Collected:
    """What one run did for one dataset."""

    new_batches: list[Receipt] = field(default_factory=list)
    repeated: list[Receipt] = field(default_factory=list)  # known content delivered again
    known: int = 0  # deliveries that had their receipt before
    waiting: list[str] = field(default_factory=list)  # why, one line per delivery
    notices: list[Notice] = field(default_factory=list)  # new ones of this run

    def counts(self) -> dict[str, int]:
        """Return the figures of a log line."""
        return {
            "new_batches": len(self.new_batches),
            "repeated": len(self.repeated),
            "known": self.known,
            "waiting": len(self.waiting),
            "notices": len(self.notices),
        }


@dataclass(frozen=True)
class Copy:
    """A file's bytes as they were read once, with their hash; uploading the copy keeps the two together."""

    file: InboxFile
    path: Path
    sha256: str


def collect_dataset(
    lake: Lake, catalog: Catalog, contract: Contract, inbox: Path, business_date: date
) -> dict[str, int]:
    """Collect one dataset now and return counts by outcome; also notices strays in the inbox."""
    now = datetime.now(UTC)
    collected = collect_deliveries(lake, contract, inbox, business_date, now=now, scratch=settings().scratch)
    collected.notices = notice_strays(lake, catalog, inbox, business_date, now=now)
    LOG.info("%s: %s", contract.name, collected.counts())
    return collected.counts()


def collect_deliveries(
    lake: Lake, contract: Contract, inbox: Path, business_date: date, *, now: datetime, scratch: Path
) -> Collected:
    """Take every complete delivery of the dataset that has no receipt yet."""
    known = {
        (file.name, file.mtime_ns, file.bytes)
        for receipt in list_receipts(lake, contract, until=date.max)
        for file in receipt.files
    }
    collected = Collected()
    for delivery in group_deliveries(list_folder(inbox / contract.department).files, contract, now):
        if all(file.version in known for file in delivery.files):
            collected.known += 1
        elif delivery.waiting_for:
            collected.waiting.append(delivery.waiting_for)
        else:
            _take(lake, contract, delivery, business_date, now, scratch, collected)
    for reason in collected.waiting:
        LOG.warning("%s: left in the inbox: %s", contract.name, reason)
    return collected


def _take(
    lake: Lake,
    contract: Contract,
    delivery: Delivery,
    business_date: date,
    now: datetime,
    scratch: Path,
    collected: Collected,
) -> None:
    """Take one delivery and note the outcome; a file that cannot be read now waits for the next run."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="collect-", dir=scratch) as folder:
        try:
            copies = [
                copy_file(file, Path(folder) / f"{number}.copy") for number, file in enumerate(delivery.files)
            ]
        except (StillBeingWritten, FileNotFoundError, PermissionError) as error:
            collected.waiting.append(f"{error.__class__.__name__}: {error}")
            return
        receipt, is_new = receive(lake, contract, copies, business_date, now)
    (collected.new_batches if is_new else collected.repeated).append(receipt)


def copy_file(file: InboxFile, target: Path) -> Copy:
    """Copy one file while hashing it; raises StillBeingWritten if it changed meanwhile.

    Stops as soon as there is more than was listed: a file may grow as fast as it is read.
    """
    digest = hashlib.sha256()
    with open(file.path, "rb", opener=_open_no_follow) as source, target.open("wb") as copy:
        while copy.tell() <= file.bytes and (piece := source.read(COPY_BYTES)):
            digest.update(piece)
            copy.write(piece)
        after = os.fstat(source.fileno())
    read = (target.stat().st_size, after.st_size, after.st_mtime_ns)
    if read != (file.bytes, file.bytes, file.mtime_ns):
        raise StillBeingWritten(f"{file.name} changed while it was read")
    return Copy(file, target, digest.hexdigest())


def _open_no_follow(path: str, flags: int) -> int:
    """Refuse a link put in the place of the file since it was listed."""
    return os.open(path, flags | os.O_NOFOLLOW)


def receive(
    lake: Lake, contract: Contract, copies: list[Copy], business_date: date, now: datetime
) -> tuple[Receipt, bool]:
    """Store one delivery; return its receipt and whether the content is new. Consumes the copies."""
    batch_id = "b" + _digest([contract.name, *sorted(copy.sha256 for copy in copies)])
    delivered_at = max(_instant(copy.file.mtime_ns) for copy in copies)
    record_key = f"{raw_prefix(contract.department, contract.dataset, batch_id)}/_batch.json"
    is_new = not lake.exists(record_key)
    if is_new:
        record = BatchRecord(
            batch_id=batch_id,
            department=contract.department,
            dataset=contract.dataset,
            files=tuple(BatchFile(name=c.file.name, bytes=c.file.bytes, sha256=c.sha256) for c in copies),
            received_date=business_date,
            received_at=now,
            delivered_at=delivered_at,
            format=contract.delivery.format,
            encoding=contract.delivery.encoding,
            template_version=contract.template_version,
        )
        _store_batch(lake, contract, copies, record, record_key)
    stored = BatchRecord.model_validate_json(lake.read_bytes(record_key))
    delivery_id = _digest(
        [contract.name, *(f"{c.file.name},{c.file.mtime_ns},{c.file.bytes},{c.sha256}" for c in copies)]
    )
    receipt = Receipt(
        delivery_id=delivery_id,
        department=contract.department,
        dataset=contract.dataset,
        batch_id=batch_id,
        received_date=business_date,
        received_at=now,
        delivered_at=delivered_at,
        sender=contract.department,
        files=_pair_names(copies, stored),
        order=receipt_order(business_date, delivered_at, delivery_id),
    )
    with suppress(ObjectExists):  # a collect running at the same time took the same delivery
        lake.put_if_absent(receipt.key, receipt.model_dump_json(indent=1).encode())
    return receipt, is_new


def _store_batch(
    lake: Lake, contract: Contract, copies: list[Copy], record: BatchRecord, record_key: str
) -> None:
    """Upload the files, then `_batch.json`. What a killed run left has the same content and stands."""
    folder = raw_prefix(contract.department, contract.dataset, record.batch_id)
    for copy in copies:
        with suppress(ObjectExists):
            lake.upload_if_absent(f"{folder}/{copy.file.name}", copy.path, consume=True)
    with suppress(ObjectExists):
        lake.put_if_absent(record_key, record.model_dump_json(indent=1).encode())


def _pair_names(copies: list[Copy], stored: BatchRecord) -> tuple[ReceivedFile, ...]:
    """Give each delivered file the name under which its content lies in the raw room."""
    by_content = sorted(copies, key=lambda copy: (copy.sha256, copy.file.name))
    in_raw = sorted(stored.files, key=lambda file: (file.sha256, file.name))
    return tuple(
        ReceivedFile(
            name=copy.file.name,
            raw_name=raw.name,
            bytes=raw.bytes,
            sha256=raw.sha256,
            mtime_ns=copy.file.mtime_ns,
        )
        for copy, raw in zip(by_content, in_raw, strict=True)
    )


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:ID_HEX]


def _instant(mtime_ns: int) -> datetime:
    """Return a file time as an instant; exact, as a float would not be."""
    return EPOCH + timedelta(microseconds=mtime_ns // 1000)
