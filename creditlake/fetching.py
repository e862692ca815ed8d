"""Who fetched which return file: noted as a decision, because a file that nobody fetches mends nothing.

`decisions/return_fetched/<id>.json`, append-only. A workbook and its JSON lines are one: whoever took either
has what it says.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import PurePath

from creditlake.gate.model import Closed
from creditlake.outbox import Outbox
from creditlake.return_records import list_sent
from creditlake.storage import Lake

PREFIX = "decisions/return_fetched"
OVERDUE = timedelta(days=3)


class Fetched(Closed):
    """One note: somebody of a department, or somebody for it, has a file."""

    decision_id: str
    department: str
    file: str  # the workbook's name
    who: str
    why: str  # how it was fetched; may be empty
    decided_at: datetime


@dataclass(frozen=True)
class SentFile:
    """A workbook that was put into an outbox; `fetched` is the first note about it."""

    department: str
    name: str
    sent_at: datetime
    fetched: Fetched | None

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether nobody has fetched it for more than three days."""
        return self.fetched is None and now - self.sent_at > OVERDUE


def list_sent_files(lake: Lake) -> list[SentFile]:
    """Return every workbook that went to a department, by department, oldest first."""
    notes = [Fetched.model_validate_json(lake.read_bytes(key)) for key in lake.list_keys(PREFIX)]
    first: dict[tuple[str, str], Fetched] = {}
    for note in sorted(notes, key=lambda note: (note.decided_at, note.decision_id)):
        first.setdefault((note.department, note.file), note)
    sent = [
        SentFile(department, file.name, at, first.get((department, file.name)))
        for department, file, at in list_sent(lake)
        if file.name.endswith(".xlsx")
    ]
    return sorted(sent, key=lambda file: (file.department, file.sent_at, file.name))


def list_lying(lake: Lake, outbox: Outbox) -> list[SentFile]:
    """Return the workbooks that lie in the outboxes now; raises StorageError if they cannot be asked."""
    found = []
    for department, files in groupby(list_sent_files(lake), key=lambda file: file.department):
        sent = list(files)
        lying = outbox.list_lying(department, [file.name for file in sent])
        found += [file for file in sent if file.name in lying]
    return found


def note_fetched(lake: Lake, department: str, file: str, *, who: str, why: str = "") -> Fetched:
    """Note that a file was fetched; raises ValueError for a file that was never sent, or an empty name."""
    if not who.strip():
        raise ValueError("say who fetched the file")
    workbook = PurePath(file).with_suffix(".xlsx").name
    if (department, workbook) not in {(sent.department, sent.name) for sent in list_sent_files(lake)}:
        raise ValueError(f"no file {file} was sent to {department}; see `creditlake returns list`")
    decided_at = datetime.now(UTC)
    identity = "\x1f".join([department, workbook, who, why, decided_at.isoformat()])
    note = Fetched(
        decision_id=hashlib.sha256(identity.encode()).hexdigest()[:20],
        department=department,
        file=workbook,
        who=who,
        why=why,
        decided_at=decided_at,
    )
    lake.put_if_absent(f"{PREFIX}/{note.decision_id}.json", note.model_dump_json(indent=1).encode())
    return note
