"""What the tests of outboxes put into them."""

from collections.abc import Callable
from pathlib import Path

from creditlake.outbox import Outbox
from creditlake.storage.retries import RetryPolicy

IMPATIENT = RetryPolicy(attempts=2, first_wait_s=0.01)


def bytes_of(data: bytes) -> Callable[[Path], object]:
    """Return a writer of these bytes."""
    return lambda path: path.write_bytes(data)


def holds(outbox: Outbox, department: str, name: str) -> bool:
    """Tell whether one file lies there."""
    return outbox.list_lying(department, [name]) == {name}
