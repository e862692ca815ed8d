"""Outboxes: what lies there since when, who fetched it, and what nobody fetched in time."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from creditlake import cli, return_commands, steps
from creditlake.fetching import list_lying, list_sent_files, note_fetched
from creditlake.look.status import overdue_files, print_status
from creditlake.outbox import Outbox, open_outbox
from creditlake.return_records import read_returns
from creditlake.returns import write_returns
from creditlake.settings import Settings
from tests.deliveries import DAY, Desk, make_contract
from tests.services import folder_settings


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A department whose one delivery was blocked and went back."""
    desk = Desk(tmp_path, make_contract())
    desk.decode("名称,工资\n甲,1\n")
    write_returns(desk.lake, desk.catalog, folder_settings(tmp_path), DAY, "20261117-01")
    return desk


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path)


@pytest.fixture
def outbox(settings: Settings) -> Outbox:
    return open_outbox(settings)


def names(desk: Desk) -> list[str]:
    return [file.name for file in list_sent_files(desk.lake)]


def test_a_cover_and_a_return_file_lie_in_the_outbox_until_they_are_taken_away(
    desk: Desk, outbox: Outbox, settings: Settings
) -> None:
    returned, cover = sorted(names(desk), key=lambda name: "封面" in name)
    assert sorted(path.name for path in (settings.home / "outbox" / "court").iterdir()) == sorted(
        [returned, returned.replace(".xlsx", ".jsonl"), cover]
    )
    (settings.home / "outbox" / "court" / returned).unlink()

    assert [file.name for file in list_lying(desk.lake, outbox)] == [cover]


def test_the_first_note_stays_and_notes_are_only_added(desk: Desk) -> None:
    file = names(desk)[0]

    first = note_fetched(desk.lake, "court", file, who="王", why="U盘")
    note_fetched(desk.lake, "court", file, who="李")

    assert {sent.name: sent.fetched for sent in list_sent_files(desk.lake)} == {
        file: first, names(desk)[1]: None,
    }  # fmt: skip
    assert len(list(desk.lake.list_keys("decisions/return_fetched"))) == 2


def test_who_takes_the_twin_has_the_workbook(desk: Desk) -> None:
    (returned,) = (name for name in names(desk) if "退回" in name)

    assert note_fetched(desk.lake, "court", returned.replace(".xlsx", ".jsonl"), who="王").file == returned


@pytest.mark.parametrize(
    ("department", "file", "who", "message"),
    [
        ("court", "x.xlsx", "王", "no file x.xlsx was sent to court"),
        ("tax", "", "王", "was sent to tax"),
        ("court", "", " ", "say who"),
    ],
)
def test_a_file_that_was_never_sent_and_a_nobody_are_refused(
    desk: Desk, department: str, file: str, who: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        note_fetched(desk.lake, department, file or names(desk)[0], who=who)
    assert list(desk.lake.list_keys("decisions")) == []


def test_a_file_is_overdue_after_three_days_unless_it_was_fetched_or_is_gone(
    desk: Desk, outbox: Outbox, settings: Settings
) -> None:
    sent = min(file.sent_at for file in list_sent_files(desk.lake))
    assert overdue_files(desk.lake, outbox, sent + timedelta(days=3)) == []
    later = sent + timedelta(days=3, minutes=1)
    assert overdue_files(desk.lake, outbox, later) == [("court", 2, sent)]

    note_fetched(desk.lake, "court", names(desk)[0], who="王")
    ((_, count, _),) = overdue_files(desk.lake, outbox, later)
    assert count == 1
    (settings.home / "outbox" / "court" / names(desk)[1]).unlink()
    assert overdue_files(desk.lake, outbox, later) == []


def test_status_names_the_department_whose_files_lie_unfetched(
    desk: Desk, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("creditlake.fetching.OVERDUE", timedelta(seconds=-1))

    print_status(desk.lake, desk.catalog, outbox)

    said = " ".join(capsys.readouterr().out.split())
    assert "outbox court: 2 return files not fetched for more than 3 days, the oldest since 20" in said


def test_the_commands_list_the_files_and_note_who_fetched_one(
    desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "lake", lambda: desk.lake)
    monkeypatch.setattr(return_commands, "settings", lambda: settings)
    file = names(desk)[0]

    before = CliRunner().invoke(cli.app, ["returns", "list"]).output.splitlines()
    noted = CliRunner().invoke(cli.app, ["returns", "fetched", "court", file, "--who", "王"])
    after = CliRunner().invoke(cli.app, ["returns", "list"]).output.splitlines()
    refused = CliRunner().invoke(cli.app, ["returns", "fetched", "court", "x.xlsx", "--who", "王"])

    assert before[0] == "court"
    assert [line.rpartition(", ")[2] for line in before[1:]] == ["not fetched", "not fetched"]
    assert before[1].startswith(f"  {file}  since 20")
    assert noted.exit_code == 0
    assert "by 王" in after[1]
    assert "not fetched" in after[2]
    assert refused.exit_code == 2
    assert len(read_returns(desk.lake)) == 1
