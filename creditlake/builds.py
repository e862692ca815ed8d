"""Builds: one attempt each at turning a business date into a release.

A build is named `<YYYYMMDD>-<attempt>`. Its record is made by exclusive create, so two openers get the
same build or two different ones, never half of one. A build without a verdict is unfinished and goes on
where it stopped: every step's manifest is its commit.
"""

import json
import re
from datetime import date

from creditlake.storage import Lake, ObjectExists
from creditlake.storage.manifest import now_utc

BUILD_NAME = re.compile(r"(\d{8})-(\d{2})")


class BuildError(Exception):
    """There is no such build, or it is not far enough; the message says which step to run."""


def open_build(lake: Lake, business_date: date) -> str:
    """Return the newest unfinished build of a date, or a new one."""
    builds = list_builds(lake, business_date)
    if builds and not is_judged(lake, builds[-1]):
        return builds[-1]
    attempt = attempt_of(builds[-1]) + 1 if builds else 1
    build = f"{business_date:%Y%m%d}-{attempt:02d}"
    record = {"build": build, "business_date": business_date.isoformat(), "opened_at": now_utc().isoformat()}
    try:
        lake.put_if_absent(f"builds/{build}.json", json.dumps(record).encode())
    except ObjectExists:
        return build  # another opener was first: the build is the same
    return build


def list_builds(lake: Lake, business_date: date | None = None) -> list[str]:
    """Return the builds, of one date or all, oldest first."""
    names = (key.split("/")[-1].removesuffix(".json") for key in lake.list_keys("builds/"))
    wanted = f"{business_date:%Y%m%d}-" if business_date else ""
    return sorted(name for name in names if BUILD_NAME.fullmatch(name) and name.startswith(wanted))


def newest_build(lake: Lake, business_date: date) -> str:
    """Return the newest build of a date; raises BuildError when none was opened."""
    builds = list_builds(lake, business_date)
    if not builds:
        raise BuildError(
            f"no build was opened for {business_date}; run `creditlake link --business-date …` first"
        )
    return builds[-1]


def is_judged(lake: Lake, build: str) -> bool:
    """Tell whether the gate has given its verdict."""
    return lake.exists(f"candidates/{build}/gate.json")


def attempt_of(build: str) -> int:
    """Return the attempt in a build's name; raises BuildError for a name that is none."""
    found = BUILD_NAME.fullmatch(build)
    if not found:
        raise BuildError(f"{build!r} is not a build; builds are named like 20261116-01")
    return int(found[2])


def business_date_of(build: str) -> date:
    """Return the business date in a build's name."""
    attempt_of(build)
    return date(int(build[:4]), int(build[4:6]), int(build[6:8]))
