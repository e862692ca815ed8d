"""A lake on S3: MinIO, or any store that honours conditional writes.

Creation and swap are single PUT requests with `If-None-Match: *` or `If-Match: <etag>`; a loser gets a
clean 412. The client library cannot send these headers, a presigned URL with the header added can.
The first write of a process proves that the store honours them (Lake.self_test), because a store that
ignores them would let two writers commit.
"""

import contextlib
import hashlib
import io
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from urllib3.exceptions import HTTPError

from creditlake.settings import Settings
from creditlake.storage.errors import (
    CorruptObject,
    ObjectExists,
    ObjectMissing,
    StorageError,
    SwapLost,
    lake_errors,
)
from creditlake.storage.lake import (
    CHUNK_BYTES,
    FileEntry,
    Lake,
    check_key,
    folder_prefix,
    hash_stream,
    is_visible,
    verification_mark,
)
from creditlake.storage.objects import ObjectReader, content_headers
from creditlake.storage.retries import Passing
from creditlake.storage.s3_place import S3Place

READ_BUFFER_BYTES = 8 << 20
URL_LIFETIME = timedelta(hours=1)
ERROR_CODE = re.compile(rb"<Code>(\w+)</Code>")


class S3Lake(S3Place, Lake):
    """Objects under `prefix` of one bucket; the token of a version is its ETag."""

    kind = "S3 lake"

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        super().__init__(settings, bucket, prefix)
        self._is_proven = False
        self._verified: set[tuple[str, str, int, int, int]] = set()

    def read_bytes(self, key: str) -> bytes:
        """See Lake."""
        return self.read_versioned(key)[0]

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """See Lake; bytes and ETag come from one answer, so they belong together."""
        name = self._name(key)

        def request() -> tuple[bytes, str]:
            with contextlib.closing(self._client.get_object(self.bucket, name)) as response:
                return response.read(), response.headers["ETag"].strip('"')

        return self._ask(key, request)

    def put_if_absent(self, key: str, data: bytes) -> None:
        """See Lake."""
        try:
            self._put(key, lambda: io.BytesIO(data), {"If-None-Match": "*"})
        except SwapLost as error:
            raise ObjectExists(f"{key} exists already") from error

    def upload_if_absent(self, key: str, path: Path, *, consume: bool = False) -> None:
        """See Lake."""
        path.stat()  # a missing source is the caller's FileNotFoundError
        if self.exists(key):  # cheaper than sending first; the PUT below decides
            raise ObjectExists(f"{key} exists already")
        try:
            self._put(key, lambda: path.open("rb"), {"If-None-Match": "*"})
        except SwapLost as error:
            raise ObjectExists(f"{key} exists already") from error
        if consume:
            path.unlink()

    def compare_and_swap(self, key: str, data: bytes, token: str | None) -> None:
        """See Lake."""
        condition = {"If-None-Match": "*"} if token is None else {"If-Match": f'"{token}"'}
        self._put(key, lambda: io.BytesIO(data), condition)

    def _put(self, key: str, open_body: Callable[[], BinaryIO], condition: dict[str, str]) -> None:
        """Make the conditional PUT; SwapLost if the condition does not hold.

        An answer may be lost after the store has written, and the repeated request then meets its own
        object. Each call therefore marks its object (in the content type: no further header may be
        added to a presigned URL) and recognises its mark. If somebody else swapped in between, a won
        swap is reported as lost: the caller reads again, so that is the safe side.
        """
        name = self._name(key)
        self._prove_conditions()
        mark = f"application/octet-stream; write={uuid.uuid4().hex}"
        headers = {"Content-Type": mark, **content_headers(key, open_body), **condition}
        is_uncertain = False

        def attempt() -> None:
            nonlocal is_uncertain
            url = self._ask(
                key,
                lambda: self._client.get_presigned_url("PUT", self.bucket, name, expires=URL_LIFETIME),
            )
            try:
                with open_body() as body:
                    response = self._pool.request("PUT", url, body=body, headers=headers, retries=False)
            except HTTPError as error:
                is_uncertain = True
                raise Passing(str(error)) from error
            if response.status == 200:
                return
            code = ERROR_CODE.search(response.data)
            if response.status == 412 or (response.status == 404 and code and code[1] == b"NoSuchKey"):
                if is_uncertain and self._has_mark(key, mark):
                    return
                raise SwapLost(f"{key} was changed by somebody else since it was read")
            is_uncertain = is_uncertain or response.status >= 500
            self._raise_for(key, response.status, code[1].decode() if code else "")

        self.retry.run(f"{key} in the {self}", attempt)

    def _has_mark(self, key: str, mark: str) -> bool:
        """Tell whether the object is the one this call wrote."""
        try:
            found = self._ask(key, lambda: self._client.stat_object(self.bucket, self._name(key)))
        except ObjectMissing:
            return False
        return found.content_type == mark

    def _prove_conditions(self) -> None:
        """Run the self-test once, before the first write of this process."""
        if not self._is_proven:
            self._is_proven = True  # the self-test writes too
            try:
                self.self_test()
            except StorageError:
                self._is_proven = False
                raise

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """See Lake; the empty objects that Spark leaves for folders are left out."""
        start = self.prefix + folder_prefix(prefix)
        last = ""
        objects: Iterator[str] | None = None

        def next_name() -> str | None:
            nonlocal objects
            if objects is None:  # at the start, and after an error: from the last name on
                listing = self._client.list_objects(self.bucket, start, recursive=True, start_after=last)
                objects = (item.object_name or "" for item in listing)
            try:
                return next(objects, None)
            except Exception:
                objects = None
                raise

        while (name := self._ask(start, next_name)) is not None:
            last = name
            key = name.removeprefix(self.prefix)
            if not name.endswith("/") and is_visible(key):
                yield key

    def exists(self, key: str) -> bool:
        """See Lake."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    def delete(self, key: str) -> None:
        """See Lake."""
        name = self._name(key)
        self._ask(key, lambda: self._client.remove_object(self.bucket, name))

    def size(self, key: str) -> int:
        """See Lake."""
        name = self._name(key)
        return self._ask(key, lambda: self._client.stat_object(self.bucket, name)).size or 0

    def open(self, key: str) -> BinaryIO:
        """See Lake; reads in pieces of 8 MB, so a footer costs one small request."""
        name = self._name(key)
        found = self._ask(key, lambda: self._client.stat_object(self.bucket, name))
        return io.BufferedReader(
            ObjectReader(partial(self.read_range, key), found.size or 0), READ_BUFFER_BYTES
        )

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Return `length` bytes from `start` of an object."""
        name = self._name(key)

        def request() -> bytes:
            with contextlib.closing(
                self._client.get_object(self.bucket, name, offset=start, length=length)
            ) as response:
                return response.read()

        return self._ask(key, request)

    def spark_url(self, key: str) -> str:
        """Return the s3a:// address."""
        return f"s3a://{self.bucket}/{self._name(key)}"

    def spark_conf(self) -> dict[str, str]:
        """Return endpoint and jars; the credentials are in spark_env, since `ps` shows a command line."""
        jars = sorted(self._settings.s3_jars.glob("*.jar"))
        if not jars:
            raise StorageError(
                f"no S3 jars for Spark in {self._settings.s3_jars}; run infra/setup/s3_jars.sh"
            )
        scheme = "https" if self._settings.s3_secure else "http"
        return {
            "spark.jars": ",".join(str(jar) for jar in jars),
            "spark.hadoop.fs.s3a.endpoint": f"{scheme}://{self._settings.s3_endpoint}",
            "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(self._settings.s3_secure).lower(),
            "spark.hadoop.fs.s3a.buffer.dir": str(self._settings.scratch / "s3a"),
            "spark.hadoop.fs.s3a.aws.credentials.provider": (
                "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
            ),
        }

    def spark_env(self) -> dict[str, str]:
        """Return the credentials as the AWS SDK reads them."""
        return {
            "AWS_ACCESS_KEY_ID": self._settings.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": self._settings.s3_secret_key,
        }

    def _local_copy(self, entry: FileEntry, scratch: Path, recheck: bool) -> Path:
        """Download under `scratch`; a whole copy from an earlier call is used again."""
        target = scratch / check_key(entry.key)
        with lake_errors(entry.key, f"scratch folder {scratch}", writing=True):
            if target.exists() and self._is_whole(target, entry, recheck):
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{uuid.uuid4().hex}")
            try:
                found = self._ask(entry.key, lambda: self._download(entry.key, draft))
                if found != entry.sha256:
                    raise CorruptObject(entry.key, entry.sha256, found)
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
            self._verified.add(verification_mark(target, entry))
        return target

    def _is_whole(self, path: Path, entry: FileEntry, recheck: bool) -> bool:
        """Tell whether a local copy has the entry's bytes."""
        mark = verification_mark(path, entry)
        if mark in self._verified and not recheck:
            return True
        with path.open("rb") as handle:
            is_whole = hash_stream(handle)[0] == entry.sha256
        if is_whole:
            self._verified.add(mark)
        return is_whole

    def _download(self, key: str, draft: Path) -> str:
        """Write the object to a file and return its sha256."""
        digest = hashlib.sha256()
        with (
            contextlib.closing(self._client.get_object(self.bucket, self._name(key))) as response,
            draft.open("wb") as handle,
        ):
            for piece in response.stream(CHUNK_BYTES):
                digest.update(piece)
                handle.write(piece)
        return digest.hexdigest()
