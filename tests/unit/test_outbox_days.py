"""Days on which the outbox fails: what is published stays, and the next run sends what is missing."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from creditlake import steps
from creditlake.fetching import list_lying
from creditlake.look.status import print_status
from creditlake.outbox import open_outbox
from creditlake.return_records import list_sent
from creditlake.returns import write_returns
from creditlake.settings import Settings
from creditlake.storage import FolderLake, StorageClosed, StorageError, StorageRefused, StorageUnavailable
from creditlake.storage.retries import RetryPolicy
from tests.deliveries import DAY, Desk, make_catalog, make_contract
from tests.services import folder_settings
from tests.sftp_server import SftpServer, make_key

BUILD = "20261117-01"
STEPS_BEFORE = ("decode", "standardise", "open_build", "link", "build_marts")
BLOCKED = "名称,工资\n甲,1\n"
ALL_TRIES = "creditlake.outbox.sftp_session.RetryPolicy"


class Offices:
    """Two departments, each with a delivery that was blocked and goes back."""

    def __init__(self, folder: Path) -> None:
        contracts = [make_contract("court.example"), make_contract("tax.example")]
        self.lake = FolderLake(folder / "lake")
        self.catalog = make_catalog(*contracts)
        for contract in contracts:
            Desk(folder, contract).decode(BLOCKED)

    def run(self, settings: Settings) -> dict[str, int]:
        return write_returns(self.lake, self.catalog, settings, DAY, BUILD)

    def sent(self) -> list[tuple[str, str]]:
        """Return department and name of everything that has a record."""
        return sorted((department, file.name) for department, file, _ in list_sent(self.lake))


@pytest.fixture
def offices(tmp_path: Path) -> Offices:
    return Offices(tmp_path)


def files_below(folder: Path) -> list[tuple[str, str]]:
    """Return department and name of everything in an outbox, hidden files too."""
    return sorted((p.parent.name, p.name) for p in folder.glob("*/*") if p.is_file())


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ALL_TRIES, lambda: RetryPolicy(attempts=1))


def test_a_department_whose_files_cannot_be_stored_keeps_no_other_from_its_files(
    offices: Offices, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "court").write_text("no folder")

    with pytest.raises(StorageError, match="court/20261117_整批退回"):
        offices.run(folder_settings(tmp_path))

    assert {department for department, _ in offices.sent()} == {"tax"}
    assert [r.getMessage().split(":")[0] for r in caplog.records if r.levelno == logging.ERROR] == [
        "court gets no return files in this run"
    ]
    (outbox / "court").unlink()
    assert offices.run(folder_settings(tmp_path)) == {"court": 1}
    assert {department for department, _ in offices.sent()} == {"court", "tax"}
    assert files_below(outbox) == offices.sent()
    assert offices.run(folder_settings(tmp_path)) == {}
    assert files_below(outbox) == offices.sent()


def test_a_return_of_which_one_file_was_stored_is_sent_again_under_the_same_names(
    offices: Offices, tmp_path: Path
) -> None:
    settings = folder_settings(tmp_path)
    offices.run(settings)
    expected = offices.sent()
    again = Offices(tmp_path / "again")
    outbox = tmp_path / "again" / "outbox"
    (twin,) = (name for department, name in expected if department == "court" and name.endswith(".jsonl"))
    (outbox / "court" / twin).mkdir(parents=True)

    with pytest.raises(StorageError, match=r"court/.*jsonl: cannot be created"):
        again.run(folder_settings(tmp_path / "again"))
    assert ("court", twin.replace(".jsonl", ".xlsx")) in files_below(outbox)
    assert {department for department, _ in again.sent()} == {"tax"}
    (outbox / "court" / twin).rmdir()
    again.run(folder_settings(tmp_path / "again"))

    assert again.sent() == expected
    assert files_below(outbox) == expected


@pytest.mark.service
def test_a_run_while_the_sftp_server_is_down_records_nothing_and_the_next_sends_all(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    server = SftpServer()
    settings = server.settings(tmp_path)
    try:
        with pytest.raises(StorageUnavailable, match="run the same command again"):
            offices.run(settings)
        assert offices.sent() == []

        server.start()
        assert offices.run(settings) == {"court": 1, "tax": 1}
        assert len(offices.sent()) == 6  # per department a workbook, its twin and the cover
        assert files_below(server.files) == offices.sent()
        assert offices.run(settings) == {}
        assert files_below(server.files) == offices.sent()
        with open_outbox(settings) as outbox:
            assert [file.department for file in list_lying(offices.lake, outbox)] == ["court"] * 2 + [
                "tax"
            ] * 2
    finally:
        server.remove()


@pytest.mark.service
def test_a_refused_key_is_tried_once_and_not_for_every_department(
    offices: Offices, sftp_settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_key(tmp_path / "another")

    with pytest.raises(StorageClosed, match=r"^court/"):
        offices.run(replace(sftp_settings, sftp_key=str(tmp_path / "another")))

    assert [record for record in caplog.records if record.levelno == logging.ERROR] == []
    assert offices.sent() == []


@pytest.mark.service
def test_status_says_why_nobody_can_look_into_the_outboxes(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offices.run(folder_settings(tmp_path))
    impatient(monkeypatch)
    server = SftpServer()
    try:
        with open_outbox(server.settings(tmp_path)) as outbox:
            print_status(offices.lake, offices.catalog, outbox)
    finally:
        server.remove()

    said = " ".join(capsys.readouterr().out.split())
    assert "published: nothing yet" in said
    assert "outbox: cannot be looked at: court in the SFTP outbox" in said


class Day:
    """The steps of a day, each only noting its name, some of them failing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **failures: Exception) -> None:
        self.done: list[str] = []
        monkeypatch.setattr(steps, "read_catalog", lambda: make_catalog())
        for name in (*STEPS_BEFORE, "gate", "serve", "publish", "feedback"):
            monkeypatch.setattr(steps, name, self._step(name, failures.get(name)))

    def _step(self, name: str, failure: Exception | None) -> Callable[..., str]:
        def step(*_: object) -> str:
            if failure:
                raise failure
            self.done.append(name)
            return name

        return step


def test_an_outbox_that_fails_is_said_after_the_release_was_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = Day(monkeypatch, feedback=StorageUnavailable("no answer"))

    with pytest.raises(StorageUnavailable, match="no answer"):
        steps.run_day("2026-11-17")

    assert day.done[-1] == "publish"


def test_a_held_gate_is_said_also_when_the_outbox_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    day = Day(monkeypatch, gate=steps.GateHeld("held"), feedback=StorageRefused("no right"))

    with pytest.raises(steps.GateHeld, match="held"):
        steps.run_day("2026-11-17")

    assert day.done[-1] == "build_marts"
    assert "the return files wait for the next run: no right" in caplog.text


def test_return_files_are_written_when_the_gate_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    day = Day(monkeypatch, gate=steps.GateHeld("held"))

    with pytest.raises(steps.GateHeld):
        steps.run_day("2026-11-17")

    assert day.done[-2:] == ["build_marts", "feedback"]
