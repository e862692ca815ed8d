"""`creditlake trace`: from a published row back to the files and row numbers it came from (溯源)."""

from dataclasses import dataclass
from datetime import date

from rich.console import Console

from creditlake.look.query import connect_release
from creditlake.published import read_current
from creditlake.receipts import raw_prefix
from creditlake.storage import Lake, ObjectMissing

QUERY = """
    select dataset, batch_id, file_name, row_no, received_date, record_version, state, is_current,
        hidden_reason, published_in, link_status, grade, tier, subject_id
    from records_index
    where record_id = $record_id
    order by record_version, received_date, batch_id, row_no
"""


@dataclass(frozen=True)
class Version:
    """One delivered version of a record, and what became of it in the published release."""

    dataset: str
    batch_id: str
    file_name: str
    row_no: int  # as a spreadsheet or editor shows it: the header of a CSV is row 1
    received_date: date
    record_version: int
    state: str
    is_current: bool
    hidden_reason: str | None
    published_in: str | None
    link_status: str
    grade: str | None
    tier: str | None
    subject_id: str | None


def trace_record(lake: Lake, record_id: str) -> list[Version]:
    """Return every delivered version of a record, oldest first; raises ObjectMissing for an unknown one."""
    connection = connect_release(lake, "internal")
    versions = [Version(*row) for row in connection.execute(QUERY, {"record_id": record_id}).fetchall()]
    if not versions:
        raise ObjectMissing(f"the published release has no record {record_id}")
    return versions


def print_trace(lake: Lake, record_id: str) -> None:
    """Print where each version of a record came from."""
    console = Console(highlight=False, soft_wrap=True)
    versions = trace_record(lake, record_id)
    release = read_current(lake)
    assert release is not None  # trace_record read it
    console.print(f"record {record_id} in release {release.release_id}")
    for version in versions:
        department, dataset = version.dataset.split(".")
        raw = f"{raw_prefix(department, dataset, version.batch_id)}/{version.file_name}"
        console.print(f"  version {version.record_version}: {version.dataset}, row {version.row_no} of {raw}")
        current = "current" if version.is_current else "not current"
        shown = f"published in {version.published_in}" if version.published_in else "not published"
        reason = f" ({version.hidden_reason})" if version.hidden_reason else ""
        console.print(f"    received {version.received_date}, {version.state}, {current}, {shown}{reason}")
        link = f"{version.link_status} {version.grade or ''} {version.tier or ''}".rstrip()
        console.print(f"    link: {link}; subject {version.subject_id or 'none'}")
