"""`creditlake status`: what is published, what waits and what is blocked, on one screen."""

from datetime import date, datetime

from rich.console import Console

from creditlake.builds import BuildError, list_builds, newest_linked
from creditlake.catalog import Catalog
from creditlake.fetching import OVERDUE, list_lying
from creditlake.look.day import find_verdict
from creditlake.notices import list_notices
from creditlake.outbox import Outbox
from creditlake.published import find_release, read_pointer
from creditlake.receipts import list_batches
from creditlake.settings import SettingsError
from creditlake.storage import (
    Lake,
    StorageError,
    build_manifest_key,
    list_manifests,
    now_utc,
    read_manifest,
)

BUILDS_SHOWN = 8
LARGE_GROUP = 100  # records of one review group: one decision about it settles much, or something is wrong


def print_status(lake: Lake, catalog: Catalog, outbox: Outbox) -> None:
    """Print the published release, the batches by state, the newest builds, the open notices and the
    return files that lie unfetched."""
    console = Console(highlight=False)
    pointer, _ = read_pointer(lake)
    if pointer:
        console.print(
            f"published: {pointer.release_id} for {pointer.business_date}, since {pointer.published_at}"
        )
    else:
        console.print("published: nothing yet")
    for contract in catalog.contracts.values():
        states = [
            batch_state(lake, contract.department, contract.dataset, b.batch_id)
            for b in list_batches(lake, contract, date.max)
        ]
        counts = (
            ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no batches"
        )
        console.print(f"  {contract.name:<42} {contract.title}: {counts}")
    for build in list_builds(lake)[-BUILDS_SHOWN:]:
        verdict, release = find_verdict(lake, build), find_release(lake, build)
        outcome = release.release_id if release else verdict.verdict if verdict else "unfinished"
        console.print(f"  build {build}: {outcome}")
    for line in review_lines(lake):
        console.print(f"  {line}")
    for notice in list_notices(lake, date.max):
        console.print(
            f"  notice {notice.received_date} {notice.sender}/{notice.file}: {notice.code} {notice.message}"
        )
    print_overdue(console, lake, outbox)


def print_overdue(console: Console, lake: Lake, outbox: Outbox) -> None:
    """Print the departments whose return files lie unfetched, or why nobody knows."""
    try:
        overdue = overdue_files(lake, outbox, now_utc())
    except (SettingsError, StorageError) as error:
        console.print(f"  outbox: cannot be looked at: {error}", markup=False)
        return
    for department, count, since in overdue:
        console.print(
            f"  outbox {department}: {count} return files not fetched for more than {OVERDUE.days} days,"
            f" the oldest since {since:%Y-%m-%d}; see `creditlake returns list`"
        )


def review_lines(lake: Lake) -> list[str]:
    """Return what waits for reviewers in the newest links, and the judgements that evidence contradicts."""
    try:
        links = read_manifest(lake, build_manifest_key("links", newest_linked(lake)))
    except BuildError:
        return []
    lines = []
    if waiting := links.counts.get("review", 0):
        lines.append(f"review: {waiting:,} records wait for a person; see `creditlake review export`")
        groups = links.extra.get("largest_groups", [])
        assert isinstance(groups, list), "link writes them as a list"
        lines += [
            f"  复核编号 {group['party']}: {group['records']:,} records, {group['candidates']} candidates"
            for group in groups
            if group["records"] >= LARGE_GROUP
        ]
    contradictions = links.extra.get("contradicted_judgements", [])
    assert isinstance(contradictions, list), "link writes them as a list"
    for found in contradictions:
        lines.append(
            f"judgement {found['judgement_id']}: exact evidence points to {found['subject_id']} for"
            f" {found['records']} records; it stands until `creditlake review export` is decided anew"
        )
    return lines


def overdue_files(lake: Lake, outbox: Outbox, now: datetime) -> list[tuple[str, int, datetime]]:
    """Return department, number and oldest time of the return files that nobody has fetched in time."""
    overdue: dict[str, list[datetime]] = {}
    for file in list_lying(lake, outbox):
        if file.is_overdue(now):
            overdue.setdefault(file.department, []).append(file.sent_at)
    return [(department, len(times), min(times)) for department, times in overdue.items()]


def batch_state(lake: Lake, department: str, dataset: str, batch_id: str) -> str:
    """Return how far a batch came: standardised, decoded, blocked or waiting."""
    for room, state in (("records", "standardised"), ("cells", "decoded")):
        manifests = [m for _, m in list_manifests(lake, f"{room}/{department}/{dataset}/{batch_id}/")]
        if manifests:
            newest = max(manifests, key=lambda manifest: manifest.ended_at)
            return state if newest.status == "ok" else f"blocked ({batch_id}: {newest.defects[0].code})"
    return "waiting"
