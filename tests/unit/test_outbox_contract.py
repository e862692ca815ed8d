"""What every outbox promises. The same tests run against a folder, a real SFTP server and a real MinIO."""

import hashlib
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio import Minio

from creditlake.outbox import Outbox, open_outbox
from creditlake.outbox.outbox import DRAFT_LIFETIME_S
from creditlake.settings import Settings
from creditlake.storage import InvalidKey
from tests.outboxes import bytes_of, holds
from tests.services import folder_settings

KINDS = [
    "folder",
    pytest.param("sftp", marks=pytest.mark.service),
    pytest.param("minio", marks=pytest.mark.service),
]
NAME = "20261117_退回_示例_b1_1_01.xlsx"
KILLS = 5


@dataclass
class Place:
    """An empty outbox of one kind; `folder` is where its files lie on this machine, if they do."""

    settings: Settings
    folder: Path | None = None

    def see(self, department: str = "court") -> dict[str, bytes]:
        """Return what a department sees, by name."""
        if self.folder:
            top = self.folder / department
            shown = [p for p in top.rglob("*") if p.is_file() and not p.name.startswith(".")]
            return {path.relative_to(top).as_posix(): path.read_bytes() for path in shown}
        bucket, prefix = urlsplit(self.settings.outbox_url)[1:3]
        start = f"{prefix.strip('/')}/{department}/"
        client = self.client()
        names = [item.object_name for item in client.list_objects(bucket, start, recursive=True)]
        return {name.removeprefix(start): client.get_object(bucket, name).data for name in names}

    def client(self) -> Minio:
        given = self.settings
        return Minio(given.s3_endpoint, given.s3_access_key, given.s3_secret_key, secure=False)

    def drafts(self) -> list[Path]:
        """Return the hidden files of all departments."""
        return list(self.folder.glob("*/.*")) if self.folder else []

    def take(self, name: str) -> None:
        """Remove a file, as a department does that has fetched it."""
        if self.folder:
            (self.folder / "court" / name).unlink()
            return
        bucket, prefix = urlsplit(self.settings.outbox_url)[1:3]
        self.client().remove_object(bucket, f"{prefix.strip('/')}/court/{name}")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty outbox of each kind."""
    if request.param == "folder":
        return Place(folder_settings(tmp_path), tmp_path / "outbox")
    if request.param == "sftp":
        settings: Settings = request.getfixturevalue("sftp_settings")
        return Place(settings, Path(urlsplit(settings.outbox_url).path))
    settings = request.getfixturevalue("s3_settings")
    bucket = urlsplit(settings.lake_url).netloc
    return Place(replace(settings, outbox_url=f"s3://{bucket}/outbox"))


@pytest.fixture
def outbox(place: Place) -> Iterator[Outbox]:
    with open_outbox(place.settings) as opened:
        yield opened


def test_a_file_that_was_put_lies_there_whole_with_its_own_figures(place: Place, outbox: Outbox) -> None:
    data = bytes(range(256)) * 50_000

    written = outbox.put("court", NAME, 7, bytes_of(data))

    assert place.see() == {NAME: data}
    assert written.model_dump() == {
        "name": NAME, "bytes": len(data), "rows": 7, "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    assert place.drafts() == []
    assert [path for path in place.settings.scratch.rglob("*") if path.is_file()] == []


def test_a_second_put_changes_nothing_and_one_of_other_bytes_replaces(place: Place, outbox: Outbox) -> None:
    first = outbox.put("court", NAME, 1, bytes_of(b"first"))
    assert outbox.put("court", NAME, 1, bytes_of(b"first")) == first
    assert place.see() == {NAME: b"first"}

    outbox.put("court", NAME, 1, bytes_of(b"2"))

    assert place.see() == {NAME: b"2"}


def test_an_empty_file_is_a_file(place: Place, outbox: Outbox) -> None:
    outbox.put("court", "empty.jsonl", 0, bytes_of(b""))

    assert place.see() == {"empty.jsonl": b""}
    assert holds(outbox, "court", "empty.jsonl")


def test_each_department_has_a_part_of_its_own(place: Place, outbox: Outbox) -> None:
    outbox.put("court", "a.xlsx", 1, bytes_of(b"court"))
    outbox.put("tax", "a.xlsx", 1, bytes_of(b"tax"))
    outbox.put("tax", "b.xlsx", 1, bytes_of(b"tax"))

    assert (place.see("court"), sorted(place.see("tax"))) == ({"a.xlsx": b"court"}, ["a.xlsx", "b.xlsx"])
    assert holds(outbox, "tax", "b.xlsx")
    assert holds(outbox, "court", "b.xlsx") is False


def test_of_the_names_asked_for_those_are_listed_that_lie_there(place: Place, outbox: Outbox) -> None:
    names = [f"{number}_封面.xlsx" for number in range(5)]
    for name in names:
        outbox.put("court", name, 1, bytes_of(b"x"))
    place.take(names[3])

    assert outbox.list_lying("court", [*names[1:], "never.xlsx"]) == {names[1], names[2], names[4]}
    assert outbox.list_lying("court", []) == set()
    assert outbox.list_lying("tax", names) == set()
    assert holds(outbox, "court", names[3]) is False


def test_listing_goes_on_after_a_thousand_files(place: Place, outbox: Outbox) -> None:
    names = [f"{number:04d}.xlsx" for number in range(1010)]
    outbox.put("court", names[0], 1, bytes_of(b"x"))
    if place.folder:
        for name in names[1:]:
            (place.folder / "court" / name).touch()
    else:
        for name in names[1:]:
            outbox.put("court", name, 1, bytes_of(b""))

    assert outbox.list_lying("court", names) == set(names)


def test_a_name_that_leaves_its_part_or_hides_is_refused(place: Place, outbox: Outbox) -> None:
    for name in ("../tax/a.xlsx", "/a.xlsx", ".a.xlsx", "", "a\nb"):
        with pytest.raises(InvalidKey):
            outbox.put("court", name, 1, bytes_of(b"x"))

    assert place.see() == {}


def test_a_file_that_cannot_be_made_is_not_sent(place: Place, outbox: Outbox) -> None:
    outbox.put("court", NAME, 1, bytes_of(b"before"))

    def fail_half_way(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("no more rows")

    with pytest.raises(ValueError, match="no more rows"):
        outbox.put("court", NAME, 1, fail_half_way)

    assert place.see() == {NAME: b"before"}


def body(number: int) -> bytes:
    return f"{number}:".encode() * 500_000


def put_for_ever(settings: Settings, ready: Event) -> None:
    with open_outbox(settings) as outbox:
        ready.set()
        for number in count(1):
            outbox.put("court", NAME, number, bytes_of(body(number)))


def assert_whole(seen: dict[str, bytes]) -> None:
    assert list(seen) == [NAME]
    data = seen[NAME]
    assert data == body(int(data.split(b":")[0]))


def test_a_writer_killed_in_the_middle_of_a_put_shows_nobody_half_a_file(place: Place) -> None:
    with open_outbox(place.settings) as outbox:
        outbox.put("court", NAME, 0, bytes_of(body(0)))
    context = multiprocessing.get_context("fork")
    instants = random.Random(20261120)

    for _ in range(KILLS):
        ready = context.Event()
        writer = context.Process(target=put_for_ever, args=(place.settings, ready))
        writer.start()
        assert ready.wait(60)
        until = time.monotonic() + instants.uniform(0.1, 0.4)
        while time.monotonic() < until or (place.folder and not place.drafts()):
            assert_whole(place.see())
        writer.kill()
        writer.join()
        assert_whole(place.see())

    left = len(place.drafts())
    assert left > 0 or not place.folder  # the kills did hit the middle
    with open_outbox(place.settings) as outbox:
        outbox.put("court", NAME, 0, bytes_of(b"0:"))
    assert place.see() == {NAME: b"0:"}
    assert len(place.drafts()) == left  # they may be another's who still writes


@pytest.mark.parametrize("place", KINDS[:2], indirect=True)
def test_a_draft_left_behind_is_removed_after_a_day(place: Place, outbox: Outbox) -> None:
    outbox.put("court", NAME, 1, bytes_of(b"x"))
    assert place.folder is not None
    names = (".0123.part", ".4567.part", "0123.part")
    for name in names:
        (place.folder / "court" / name).write_bytes(b"half")
    long_ago = time.time() - DRAFT_LIFETIME_S - 60
    for name in (names[0], names[2]):
        os.utime(place.folder / "court" / name, (long_ago, long_ago))

    with open_outbox(place.settings) as another:
        another.put("court", NAME, 1, bytes_of(b"x"))

    assert sorted(p.name for p in (place.folder / "court").iterdir()) == sorted([*names[1:], NAME])


@pytest.mark.parametrize("place", KINDS[:2], indirect=True)
def test_a_name_in_gbk_among_a_departments_files_harms_nothing(place: Place, outbox: Outbox) -> None:
    outbox.put("court", "a.xlsx", 1, bytes_of(b"x"))
    assert place.folder is not None
    (place.folder / "court" / os.fsdecode("已处理.txt".encode("gbk"))).touch()

    assert outbox.list_lying("court", ["a.xlsx", "b.xlsx"]) == {"a.xlsx"}
    with open_outbox(place.settings) as another:
        another.put("court", "b.xlsx", 1, bytes_of(b"x"))
    assert holds(outbox, "court", "b.xlsx")


@pytest.mark.parametrize("place", KINDS[:2], indirect=True)
def test_a_folder_of_that_name_is_no_file(place: Place, outbox: Outbox) -> None:
    outbox.put("court", "a.xlsx", 1, bytes_of(b"x"))
    assert place.folder is not None
    (place.folder / "court" / NAME).mkdir()

    assert outbox.list_lying("court", ["a.xlsx", NAME]) == {"a.xlsx"}
