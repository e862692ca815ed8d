"""Working days: the seven-day deadline, and the honest end of what is known."""

import datetime as dt
from pathlib import Path

import chinese_calendar
import pytest
import yaml

from creditlake.calendar import FILE, CalendarError, load_calendar
from creditlake.settings import REPOSITORY

PATH = REPOSITORY / "catalog" / FILE
CALENDAR = load_calendar(PATH)


@pytest.mark.parametrize(
    ("decided", "deadline"),
    [
        ("2024-03-01", "2024-03-12"),  # plain
        ("2024-09-14", "2024-09-26"),  # a worked Saturday before Mid-Autumn
        ("2024-09-30", "2024-10-15"),  # National Day and swapped weekends; counting weekdays says 10-09
        ("2025-01-26", "2025-02-11"),  # a worked Sunday before the Spring Festival
        ("2025-09-30", "2025-10-16"),
        ("2026-02-13", "2026-03-02"),  # 14 and 28 February are worked
        ("2026-09-30", "2026-10-15"),
        ("2026-12-22", "2026-12-31"),  # the last that can be known
    ],
)
def test_deadline_is_the_seventh_working_day_after_the_decision(decided: str, deadline: str) -> None:
    assert CALENDAR.deadline(dt.date.fromisoformat(decided)) == dt.date.fromisoformat(deadline)


@pytest.mark.parametrize("decided", ["2026-12-23", "2026-12-31", "2027-03-01", "2003-12-31"])
def test_deadline_beyond_the_calendar_is_none_and_not_a_guess(decided: str) -> None:
    assert CALENDAR.deadline(dt.date.fromisoformat(decided)) is None


def test_day_of_an_unknown_year_is_neither_worked_nor_off() -> None:
    assert CALENDAR.is_working_day(dt.date(2027, 1, 4)) is None


def test_every_day_is_as_the_package_that_transcribes_the_notices_says() -> None:
    days = list(CALENDAR.days())
    assert (days[0][0], days[-1][0]) == (dt.date(2004, 1, 1), dt.date(2026, 12, 31))
    assert len(days) == (dt.date(2027, 1, 1) - dt.date(2004, 1, 1)).days
    assert [day for day, worked in days if worked != chinese_calendar.is_workday(day)] == []


def write(path: Path, years: dict[int, dict[str, list[dt.date]]]) -> Path:
    path.write_text(yaml.safe_dump({"years": years}), encoding="utf-8")
    return path


def test_gap_between_years_is_refused(tmp_path: Path) -> None:
    years: dict[int, dict[str, list[dt.date]]] = {year: {"closed": [], "worked": []} for year in (2024, 2026)}
    with pytest.raises(CalendarError, match=r"without a gap, found \[2024, 2026\]"):
        load_calendar(write(tmp_path / FILE, years))


@pytest.mark.parametrize("content", ["x", "years: {}", "years: {2024: {closed: []}}", "years: {a: {}}"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(CalendarError, match=r"years: |must have the lists"):
        load_calendar(tmp_path / FILE)


@pytest.mark.parametrize(
    ("closed", "worked", "day"),
    [
        ([dt.date(2024, 6, 8)], [], "2024-06-08"),  # a Saturday needs no mention
        ([], [dt.date(2024, 6, 7)], "2024-06-07"),  # nor does a Friday that is worked
        ([dt.date(2025, 6, 9)], [], "2025-06-09"),  # another year
    ],
)
def test_day_in_the_wrong_list_or_year_is_refused(
    tmp_path: Path, closed: list[dt.date], worked: list[dt.date], day: str
) -> None:
    with pytest.raises(CalendarError, match=f"2024: {day} is of another year or ordinary; remove it"):
        load_calendar(write(tmp_path / FILE, {2024: {"closed": closed, "worked": worked}}))
