"""Ask a store again when it may answer differently, and give up with a clear error.

Only what passes is retried: no connection, a broken answer, "slow down", a server error, and 409 on a
conditional write (two writers met; S3 asks both to repeat). A refusal is not retried.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from creditlake.storage.errors import StorageUnavailable

Answer = TypeVar("Answer")


class Passing(Exception):
    """This attempt failed for a reason that may pass."""


@dataclass(frozen=True)
class RetryPolicy:
    """The default waits 11 seconds in all: a server restart fits, a lost server is noticed soon."""

    attempts: int = 7
    first_wait_s: float = 0.2
    longest_wait_s: float = 5.0

    def run(self, what: str, attempt: Callable[[], Answer]) -> Answer:
        """Return the first answer; StorageUnavailable after the last attempt."""
        wait_s = self.first_wait_s
        for number in range(1, self.attempts + 1):
            try:
                return attempt()
            except Passing as error:
                if number == self.attempts:
                    raise StorageUnavailable(
                        f"{what}: no usable answer in {number} attempts ({error}); "
                        "see that the server runs, then run the same command again"
                    ) from error
            time.sleep(wait_s * random.uniform(0.5, 1.0))  # writers that met should not meet again
            wait_s = min(2 * wait_s, self.longest_wait_s)
        raise AssertionError("a policy has at least one attempt")
