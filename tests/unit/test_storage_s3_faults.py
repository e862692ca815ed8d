"""A lake on S3 when things break: lost answers, damaged bodies, stopped servers, unsafe stores.

The server is a real MinIO; what breaks is the line to it.
"""

import hashlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from creditlake.settings import Settings
from creditlake.storage import (
    FileEntry,
    ObjectExists,
    StorageError,
    StorageRefused,
    StorageUnavailable,
    SwapLost,
    UnsafeStore,
    open_lake,
)
from creditlake.storage.retries import RetryPolicy
from creditlake.storage.s3 import S3Lake
from tests.services import MinioServer

pytestmark = pytest.mark.service
IMPATIENT = RetryPolicy(attempts=2, first_wait_s=0.01)


Relay = Callable[[bytes], bytes]


class BadLine(socketserver.ThreadingTCPServer):
    """A line to a real server that changes requests or loses answers as it is told."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target = ("127.0.0.1", port)
        self.change: Relay = lambda request: request
        self.answers_to_lose = 0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Connection(socketserver.BaseRequestHandler):
    """One request and one answer, then the line is closed."""

    server: BadLine

    def handle(self) -> None:
        request = self.read_request()
        with socket.create_connection(self.server.target, timeout=20) as upstream:
            head, _, body = request.partition(b"\r\n\r\n")
            upstream.sendall(self.server.change(head) + b"\r\nConnection: close\r\n\r\n" + body)
            answer = b""
            while piece := upstream.recv(65536):
                answer += piece
        if request.startswith(b"PUT") and self.server.answers_to_lose > 0:
            self.server.answers_to_lose -= 1
            return  # the server has written; the client never learns it
        self.request.sendall(answer)

    def read_request(self) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = self.request.recv(65536)
            if not piece:
                return request
            request += piece
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [
            line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        wanted = int(lengths[0]) if lengths else 0
        while len(body) < wanted:
            body += self.request.recv(65536)
        return head + b"\r\n\r\n" + body


@pytest.fixture
def bad_line(minio_server: MinioServer) -> Iterator[BadLine]:
    with running(BadLine(minio_server.port)) as line:
        yield line


@contextmanager
def running(line: BadLine) -> Iterator[BadLine]:
    thread = threading.Thread(target=line.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield line
    finally:
        line.shutdown()
        thread.join()
        line.server_close()


@pytest.fixture
def far_lake(s3_settings: Settings, bad_line: BadLine) -> S3Lake:
    """A lake whose requests go over the bad line; its self-test has already passed."""
    lake = open_lake(replace(s3_settings, s3_endpoint=bad_line.endpoint))
    assert isinstance(lake, S3Lake)
    lake.put_if_absent("proof", b"")
    return lake


def without(*names: bytes) -> Relay:
    """Drop request headers on the way."""
    return lambda head: b"\r\n".join(
        line for line in head.split(b"\r\n") if line.split(b":")[0].lower() not in names
    )


@pytest.mark.parametrize("ignored", [b"if-none-match", b"if-match"])
def test_a_store_that_ignores_a_condition_is_refused_before_the_first_write(
    s3_settings: Settings, bad_line: BadLine, ignored: bytes
) -> None:
    bad_line.change = without(ignored)
    lake = open_lake(replace(s3_settings, s3_endpoint=bad_line.endpoint))

    for _ in range(2):  # it stays refused
        with pytest.raises(UnsafeStore, match="although told"):
            lake.put_if_absent("current.json", b"x")

    assert list(lake.list_keys()) == []


def test_a_create_whose_answer_is_lost_is_still_ours(far_lake: S3Lake, bad_line: BadLine) -> None:
    bad_line.answers_to_lose = 2

    far_lake.put_if_absent("cells/m.json", b"ours")

    assert far_lake.read_bytes("cells/m.json") == b"ours"
    with pytest.raises(ObjectExists):
        far_lake.put_if_absent("cells/m.json", b"ours")  # the same bytes, but another writer's


def test_a_swap_whose_answer_is_lost_is_still_ours(far_lake: S3Lake, bad_line: BadLine) -> None:
    far_lake.compare_and_swap("current.json", b"1", None)
    _, token = far_lake.read_versioned("current.json")
    bad_line.answers_to_lose = 1

    far_lake.compare_and_swap("current.json", b"2", token)

    assert far_lake.read_bytes("current.json") == b"2"


def test_a_lost_answer_to_a_lost_swap_is_no_win(far_lake: S3Lake, bad_line: BadLine) -> None:
    far_lake.compare_and_swap("current.json", b"1", None)
    _, old = far_lake.read_versioned("current.json")
    far_lake.compare_and_swap("current.json", b"2", old)
    bad_line.answers_to_lose = 1

    with pytest.raises(SwapLost):
        far_lake.compare_and_swap("current.json", b"2", old)


def test_a_body_damaged_on_the_way_is_not_stored(far_lake: S3Lake, bad_line: BadLine) -> None:
    md5_of_other_bytes = b"Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="
    bad_line.change = lambda head: without(b"content-md5")(head) + b"\r\n" + md5_of_other_bytes

    with pytest.raises(StorageError, match=r"cells/a.*BadDigest"):
        far_lake.put_if_absent("cells/a", b"damaged")

    assert far_lake.exists("cells/a") is False


def test_a_stopped_server_is_a_clear_error_and_a_restart_mends_it(tmp_path: Path) -> None:
    server = MinioServer.in_folder(tmp_path / "minio")
    server.folder.mkdir()
    try:
        server.start()
        server.make_bucket("lake")
        lake = open_lake(server.settings("lake", tmp_path))
        assert isinstance(lake, S3Lake)
        lake.put_if_absent("raw/a", b"a")
        lake.retry = IMPATIENT
        server.stop()

        for request in (
            lambda: lake.read_bytes("raw/a"),
            lambda: lake.put_if_absent("raw/b", b"b"),
            lambda: list(lake.list_keys("raw")),
            lambda: lake.localise([FileEntry(key="raw/a", bytes=1, sha256="")], tmp_path / "scratch"),
        ):
            with pytest.raises(StorageUnavailable, match=f"{server.endpoint}.*run the same command again"):
                request()

        server.start()
        assert lake.read_bytes("raw/a") == b"a"
        lake.put_if_absent("raw/b", b"b")
        assert list(lake.list_keys()) == ["raw/a", "raw/b"]
    finally:
        server.stop()


def test_a_writer_waits_for_a_server_that_restarts(tmp_path: Path) -> None:
    server = MinioServer.in_folder(tmp_path / "minio")
    server.folder.mkdir()
    try:
        server.start()
        server.make_bucket("lake")
        lake = open_lake(server.settings("lake", tmp_path))
        server.stop()
        restart = threading.Timer(1.0, server.start)
        restart.start()

        lake.put_if_absent("raw/a", b"a")

        restart.join()
        assert lake.read_bytes("raw/a") == b"a"
    finally:
        server.stop()


def test_wrong_credentials_and_a_missing_bucket_are_refusals_without_retry(s3_settings: Settings) -> None:
    stranger = open_lake(replace(s3_settings, s3_secret_key="wrong-secret-key"))
    homeless = open_lake(replace(s3_settings, lake_url="s3://no-such-bucket/lake"))

    started = time.monotonic()
    with pytest.raises(StorageRefused, match=r"SignatureDoesNotMatch.*CREDITLAKE_S3_"):
        stranger.read_bytes("raw/a")
    with pytest.raises(StorageRefused, match="NoSuchBucket"):
        homeless.put_if_absent("raw/a", b"")
    assert time.monotonic() - started < 5


def test_a_whole_scratch_copy_is_used_again_and_a_damaged_one_is_fetched_again(
    s3_settings: Settings, tmp_path: Path
) -> None:
    lake = open_lake(s3_settings)
    lake.put_if_absent("cells/a", b"right")
    entry = FileEntry(key="cells/a", bytes=5, sha256=hashlib.sha256(b"right").hexdigest())
    path = lake.localise([entry], tmp_path / "scratch")[0]
    first = path.stat().st_ino
    assert lake.localise([entry], tmp_path / "scratch")[0].stat().st_ino == first

    path.write_bytes(b"wrong")

    assert lake.localise([entry], tmp_path / "scratch") == [path]
    assert path.read_bytes() == b"right"
    assert [p for p in (tmp_path / "scratch").rglob("*") if p.is_file()] == [path]
