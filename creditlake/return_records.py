"""What has gone back to departments, as the lake keeps it: the commits of return files and of cover sheets.

`returns/<department>/<dataset>/<batch_id>/<number>.json` names the files of one return and its rows with
their receipt numbers; `covers/<department>/<business date>/<number>.json` is one cover sheet. What no such
record names was not returned, whatever lies in an outbox.
"""

from collections.abc import Iterator
from datetime import date, datetime

from creditlake.gate.model import Closed
from creditlake.outbox import WrittenFile
from creditlake.storage import Lake


class ReturnRecord(Closed):
    """One return of one batch. `rows`: the receipt number by row of each delivered file; none in a blocked
    batch's sheet."""

    dataset: str
    batch_id: str
    reason: str  # step key of the step that blocked the batch, or the build that found the rows
    business_date: date
    rows: dict[str, dict[int, str]]
    files: tuple[WrittenFile, ...]
    written_at: datetime

    @property
    def department(self) -> str:
        """The department to which it went."""
        return self.dataset.split(".")[0]

    @property
    def workbooks(self) -> list[str]:
        """Names of the files for people; each has a twin for programs."""
        return [file.name for file in self.files if file.name.endswith(".xlsx")]


def read_returns(lake: Lake) -> list[ReturnRecord]:
    """Return the records of all returns, in key order."""
    return [ReturnRecord.model_validate_json(lake.read_bytes(key)) for key in lake.list_keys("returns")]


class DatasetDay(Closed):
    """Rows of one dataset's batches first received on one business date, from the steps' manifests."""

    dataset: str
    title: str
    received: int
    accepted: int
    held: int
    rejected: int
    dropped: int
    blocked: int
    mistyped: int  # rows that cite a receipt number whose check character is wrong (R01)


class Rate(Closed):
    """One rate with what it is made of; None where it is not known."""

    name_zh: str
    numerator: int | None
    denominator: int | None

    @property
    def share(self) -> float | None:
        """Return the rate in [0, 1], six decimals; None if the denominator is unknown or 0 (domain.md §5)."""
        if self.numerator is None or not self.denominator:
            return None
        return round(self.numerator / self.denominator, 6)


class CoverRecord(Closed):
    """One cover sheet. Another of the same date is written when what it says has changed."""

    department: str
    business_date: date
    datasets: tuple[DatasetDay, ...]
    rates: tuple[Rate, ...]
    returned: tuple[str, ...]  # workbooks of the same date
    files: tuple[WrittenFile, ...]
    written_at: datetime

    def says(self) -> tuple[object, ...]:
        """Return what a reader learns from it."""
        return (self.datasets, self.rates, self.returned)


def read_covers(lake: Lake, department: str = "", day: date | None = None) -> list[CoverRecord]:
    """Return cover records in key order: all, or those of one department and business date."""
    prefix = f"covers/{department}/{day.isoformat()}" if department and day else "covers"
    return [CoverRecord.model_validate_json(lake.read_bytes(key)) for key in lake.list_keys(prefix)]


def list_sent(lake: Lake) -> Iterator[tuple[str, WrittenFile, datetime]]:
    """Yield department, file and time of everything that was put into an outbox."""
    for returned in read_returns(lake):
        for file in returned.files:
            yield returned.department, file, returned.written_at
    for cover in read_covers(lake):
        for file in cover.files:
            yield cover.department, file, cover.written_at
