"""Working days in China, and the seven-working-day deadline of publication.

Statutory holidays and swapped weekends follow a notice that the State Council issues each November, so days
cannot be computed: they are data (`catalog/calendar.yml`). A day outside that data is unknown. A deadline
that would need one is None (`calendar_missing`), never a guess by weekday.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from creditlake.marked_yaml import read_document
from creditlake.settings import settings

FILE = "calendar.yml"
DEADLINE_DAYS = 7
ONE_DAY = dt.timedelta(days=1)


class CalendarError(Exception):
    """The calendar file cannot be used; the message names the year, the day and the cure."""


@dataclass(frozen=True)
class WorkCalendar:
    """Whole years `first_year` to `last_year`, both known."""

    first_year: int
    last_year: int
    closed: frozenset[dt.date]  # Monday to Friday, not worked
    worked: frozenset[dt.date]  # Saturday or Sunday, worked

    def is_working_day(self, day: dt.date) -> bool | None:
        """Return whether the day is worked; None when its year's notice is not known."""
        if not self.first_year <= day.year <= self.last_year:
            return None
        return day in self.worked or (day.weekday() < 5 and day not in self.closed)

    def deadline(self, decision_date: dt.date, days: int = DEADLINE_DAYS) -> dt.date | None:
        """Return the last day on time, inclusive; None when the calendar does not reach that far.

        Day 1 is the first working day after the decision, whatever day the decision was made on.
        """
        if self.is_working_day(decision_date) is None:
            return None
        day = decision_date
        for _ in range(days):
            day += ONE_DAY
            while (worked := self.is_working_day(day)) is False:
                day += ONE_DAY
            if worked is None:
                return None
        return day

    def days(self) -> Iterator[tuple[dt.date, bool]]:
        """Yield every known day with whether it is worked, in order."""
        day = dt.date(self.first_year, 1, 1)
        while (worked := self.is_working_day(day)) is not None:
            yield day, worked
            day += ONE_DAY


def load_calendar(path: Path) -> WorkCalendar:
    """Read and check the calendar; CalendarError on a gap between years or a day in the wrong place.

    YamlProblem: the file is no YAML.
    """
    document = read_document(path).data
    years = document.get("years") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(years, dict) or not years:
        raise CalendarError(f"{path}: years: the file must hold nothing but years")
    for year, lists in years.items():
        if not is_year(year, lists):
            raise CalendarError(f"{path}: {year}: a year must have the lists closed and worked, of days")
    if list(years) != list(range(min(years), max(years) + 1)):
        raise CalendarError(f"{path}: the years must follow one another without a gap, found {list(years)}")
    for year, lists in years.items():
        wrong = [day for day in lists["closed"] if day.year != year or day.weekday() >= 5]
        wrong += [day for day in lists["worked"] if day.year != year or day.weekday() < 5]
        if wrong:
            raise CalendarError(f"{path}: {year}: {wrong[0]} is of another year or ordinary; remove it")
    return WorkCalendar(
        first_year=min(years),
        last_year=max(years),
        closed=frozenset(day for lists in years.values() for day in lists["closed"]),
        worked=frozenset(day for lists in years.values() for day in lists["worked"]),
    )


def is_year(year: Any, lists: Any) -> bool:
    """Tell whether a year of the file is a number with its two lists of days."""
    return (
        type(year) is int
        and dt.MINYEAR <= year <= dt.MAXYEAR
        and isinstance(lists, dict)
        and set(lists) == {"closed", "worked"}
        and all(isinstance(days, list) for days in lists.values())
        and all(type(day) is dt.date for days in lists.values() for day in days)
    )


@cache
def work_calendar() -> WorkCalendar:
    """Return this process's calendar."""
    return load_calendar(settings().catalog / FILE)
