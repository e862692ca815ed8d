"""An outbox in a bucket: each file is one PUT, which the store shows when all of it has arrived."""

import io
from collections.abc import Iterable
from pathlib import Path

from creditlake.outbox.outbox import Outbox
from creditlake.settings import Settings
from creditlake.storage.s3_place import S3Place

SMALLEST_PART_BYTES = 5 << 20  # the client's own bound


class S3Outbox(S3Place, Outbox):
    """Files are the objects `<prefix>/<department>/<name>` of one bucket."""

    kind = "S3 outbox"

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        S3Place.__init__(self, settings, bucket, prefix)
        Outbox.__init__(self, settings.scratch)

    def list_lying(self, department: str, names: Iterable[str]) -> set[str]:
        """See Outbox."""
        start = f"{self._name(department)}/"

        def request() -> set[str]:
            listing = self._client.list_objects(self.bucket, start)
            return {(item.object_name or "").removeprefix(start) for item in listing}

        return self._ask(department, request) & set(names)

    def _send(self, key: str, path: Path) -> None:
        """See Outbox."""
        name, data = self._name(key), path.read_bytes()
        whole = max(len(data), SMALLEST_PART_BYTES)
        self._ask(
            key,
            lambda: self._client.put_object(self.bucket, name, io.BytesIO(data), len(data), part_size=whole),
        )
