"""A prefix of an S3 bucket: the client, what is asked again, and the store's refusals as our errors."""

from collections.abc import Callable
from typing import NoReturn, TypeVar

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3.exceptions import HTTPError

from creditlake.settings import Settings, require_settings
from creditlake.storage.errors import (
    ObjectMissing,
    StorageClosed,
    StorageError,
    StorageFull,
    StorageRefused,
)
from creditlake.storage.lake import check_key
from creditlake.storage.retries import Passing, RetryPolicy

FULL_CODES = frozenset({"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"})
REFUSED_CODES = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "RequestTimeTooSkewed"}
)
PASSING_STATUSES = frozenset({408, 409, 429})

Answer = TypeVar("Answer")


class S3Place:
    """What a lake and an outbox on S3 have in common; `kind` names which of them in messages."""

    kind = "S3 place"

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        """Make no request yet; raises SettingsError if a setting is missing."""
        require_settings(
            f"an {self.kind}",
            CREDITLAKE_S3_ENDPOINT=settings.s3_endpoint,
            CREDITLAKE_S3_ACCESS_KEY=settings.s3_access_key,
            CREDITLAKE_S3_SECRET_KEY=settings.s3_secret_key,
        )
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.retry = RetryPolicy()
        self._settings = settings
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=60), maxsize=16, retries=False, cert_reqs="CERT_REQUIRED"
        )
        self._client = Minio(
            settings.s3_endpoint,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key,
            secure=settings.s3_secure,
            http_client=self._pool,
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.bucket}/{self.prefix} at {self._settings.s3_endpoint}"

    def _name(self, key: str) -> str:
        return self.prefix + check_key(key)

    def _ask(self, key: str, request: Callable[[], Answer]) -> Answer:
        """Make a request that may be repeated without harm."""

        def attempt() -> Answer:
            try:
                return request()
            except S3Error as error:
                self._raise_for(key, error.response.status, error.code or "")
            except (HTTPError, ServerError, InvalidResponseError) as error:
                raise Passing(str(error)) from error

        return self.retry.run(f"{key} in the {self}", attempt)

    def _raise_for(self, key: str, status: int, code: str) -> NoReturn:
        """Turn the store's refusal into our error."""
        if code == "NoSuchKey":
            raise ObjectMissing(f"{key}: no such object in the {self}")
        if code in FULL_CODES or status == 507:
            raise StorageFull(f"{key}: no space left in the {self}; free some, then run again")
        if code in REFUSED_CODES or status in {401, 403}:
            kind = StorageRefused if code == "AccessDenied" else StorageClosed
            raise kind(
                f"{key}: the {self} refuses ({code}); check the bucket and the CREDITLAKE_S3_* settings"
            )
        if status in PASSING_STATUSES or status >= 500:
            raise Passing(f"HTTP {status} {code}")
        raise StorageError(f"{key}: the {self} answers HTTP {status} {code}")
