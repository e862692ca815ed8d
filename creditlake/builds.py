"""Builds: one attempt each at turning a business date into a release.

A build is named `<YYYYMMDD>-<attempt>`. Its record is made by exclusive create, so two openers get the
same build or two different ones, never half of one. A build without a verdict is unfinished and goes on
where it stopped: every step's manifest is its commit. Only when people have judged doubtful links, or
brought in ids of an earlier archive, since it was linked does the next attempt begin instead: what a build
was made from does not change.
"""

import json
import re
from datetime import date

from creditlake.judgements import list_judgement_keys
from creditlake.migration.store import list_row_keys
from creditlake.storage import Lake, ObjectExists, build_manifest_key, find_manifest
from creditlake.storage.manifest import now_utc
from creditlake.storage.places import LINK_JUDGEMENTS, MIGRATIONS

LINK_VERSION = "4"
BUILD_NAME = re.compile(r"(\d{8})-(\d{2})")


class BuildError(Exception):
    """There is no such build, or it is not far enough; the message says which step to run."""


def open_build(lake: Lake, business_date: date) -> str:
    """Return the newest unfinished build of a date, or a new one; also if its links are out of date."""
    builds = list_builds(lake, business_date)
    if builds and not is_judged(lake, builds[-1]) and not is_outdated(lake, builds[-1]):
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


def is_outdated(lake: Lake, build: str) -> bool:
    """Tell whether a build was linked by an earlier version, or with other judgements or migrations."""
    links = find_manifest(lake, build_manifest_key("links", build))
    registers = find_manifest(lake, build_manifest_key("registers", build))
    if links is None or registers is None:
        return False
    rooms = (f"{LINK_JUDGEMENTS}/", f"{MIGRATIONS}/")
    used = {entry.key for made in (links, registers) for entry in made.inputs if entry.key.startswith(rooms)}
    day = business_date_of(build)
    valid = {*list_judgement_keys(lake, day), *list_row_keys(lake, day)}
    return links.step_version != LINK_VERSION or used != valid


def newest_linked(lake: Lake, business_date: date | None = None) -> str:
    """Return the newest linked build, of one date or of all; raises BuildError when there is none."""
    wanted = f"links/{business_date:%Y%m%d}-" if business_date else "links/"
    keys = [key for key in lake.list_keys("links") if key.endswith("/_manifest.json")]
    builds = [key.split("/")[1] for key in keys if key.startswith(wanted)]
    if not builds:
        day = f" of {business_date}" if business_date else ""
        raise BuildError(f"no build{day} is linked; run `creditlake link --business-date …` first")
    return max(builds)


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
