"""Notices about what stands in an inbox and cannot be taken: unknown senders, files no contract names.

What is outside the catalogue must not be collected (C01), so the file stays where it is and the lake
keeps only its name, size and time. One notice per file version, dated by the run that first saw it.
"""

import hashlib
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from creditlake.storage import Lake, ObjectExists

PREFIX = "notices"


class Notice(BaseModel):
    """Somebody must act: the sender, or whoever keeps the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notice_id: str
    code: str
    sender: str  # the inbox folder, whether the catalogue knows it or not
    file: str  # "" when the whole folder is meant
    message: str
    message_zh: str
    cure_zh: str
    received_date: date
    noticed_at: datetime

    @classmethod
    def of_file(
        cls,
        sender: str,
        file: str,
        version: str,
        business_date: date,
        message: str,
        message_zh: str,
        cure_zh: str,
    ) -> Self:
        """Make a C01 notice; `version` tells two files of one name apart (size and time)."""
        identity = "\x1f".join([sender, file, version])
        return cls(
            notice_id=hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:20],
            code="C01",
            sender=_printable(sender),
            file=_printable(file),
            message=message,
            message_zh=message_zh,
            cure_zh=cure_zh,
            received_date=business_date,
            noticed_at=datetime.now(UTC),
        )


def _printable(name: str) -> str:
    """Return a file name as text that can be stored; one with undecodable bytes is escaped whole."""
    return name if name.isprintable() else ascii(name)[1:-1]


def write_notices(lake: Lake, notices: list[Notice]) -> list[Notice]:
    """Write the notices that are new; return those."""
    if not notices:
        return []
    known = {key.rpartition("/")[2].removesuffix(".json") for key in lake.list_keys(PREFIX)}
    fresh = [notice for notice in notices if notice.notice_id not in known]
    for notice in fresh:
        key = f"{PREFIX}/{notice.received_date.isoformat()}/{notice.notice_id}.json"
        with suppress(ObjectExists):  # another collect of the same day saw it too
            lake.put_if_absent(key, notice.model_dump_json(indent=1).encode())
    return fresh


def list_notices(lake: Lake, until: date) -> list[Notice]:
    """Return the notices up to a business date, oldest first."""
    keys = [key for key in lake.list_keys(PREFIX) if date.fromisoformat(key.split("/")[1]) <= until]
    return [Notice.model_validate_json(lake.read_bytes(key)) for key in keys]
