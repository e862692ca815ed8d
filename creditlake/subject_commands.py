"""`creditlake subject` and `creditlake migrate`: where an id leads; ids of an earlier archive."""

from pathlib import Path
from typing import Annotated

import typer

from creditlake import steps
from creditlake.migration.bring import bring_mapping, write_problems
from creditlake.migration.mapping import read_old_archive
from creditlake.migration.matching import Matched
from creditlake.migration.parity import compare_archives, summary_lines, write_parity
from creditlake.migration.store import Signature
from creditlake.settings import settings
from creditlake.subjects import (
    end_of,
    find_standing,
    open_registers,
    read_merges,
    read_migrated,
    standing_lines,
)

ERRORS_SHOWN = 20


def subject(
    subject_id: Annotated[
        str, typer.Argument(help="an id: ours, a merged one, or one of an earlier archive")
    ],
    build: Annotated[str, typer.Option("--build", help="default: the newest linked build")] = "",
) -> None:
    """Say which subject an id stands for today, and every event that led there (主体变更)."""
    from creditlake.builds import newest_linked

    lake, catalog = steps.lake(), steps.read_catalog()
    standing = find_standing(lake, catalog, settings(), build or newest_linked(lake), subject_id)
    for line in standing_lines(standing):
        typer.echo(line)


def migrate(
    mapping: Annotated[
        Path, typer.Argument(help="old ids with official numbers and names: csv, xlsx, jsonl, parquet")
    ],
    by: Annotated[str, typer.Option("--by", help="who brings it; kept for ever")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept for ever beside who and when")],
    archive: Annotated[
        Path | None,
        typer.Option("--archive", help="what the old archive held, for the parity report (新旧档案对照)"),
    ] = None,
    business_date: Annotated[
        str, typer.Option("--business-date", help="from which business date the ids count; default: today")
    ] = "",
    out: Annotated[Path, typer.Option("--out", help="folder of the reports")] = Path(),
) -> None:
    """Bring in the ids of an earlier archive (旧标识迁移); rows without proof are reported, exit 1."""
    from creditlake.builds import newest_linked
    from creditlake.storage import now_utc

    if not by.strip() or not reason.strip():
        raise typer.BadParameter("say who brings the ids and why", param_hint="--by, --reason")
    lake = steps.lake()
    signature = Signature(by.strip(), reason.strip(), steps.day(business_date or steps.today()), now_utc())
    build = newest_linked(lake)
    matched, ignored = bring_mapping(lake, settings(), build, mapping, signature)
    show_matched(mapping, matched, ignored, out / f"{mapping.stem}_未迁移.xlsx")
    if matched.pairs:
        typer.echo(f"they count from {signature.business_date}; `creditlake subject` knows them now")
    failed = bool(matched.refused)
    if archive:
        failed |= show_parity(build, archive, out / f"{archive.stem}_新旧对照.xlsx")
    raise typer.Exit(1 if failed else 0)


def show_matched(mapping: Path, matched: Matched, ignored: tuple[str, ...], report: Path) -> None:
    """Print what became of a mapping, and write the rows that were refused into a workbook."""
    typer.echo(
        f"{mapping.name}: {len(matched.pairs):,} old ids taken, {matched.known:,} known already,"
        f" {len(matched.refused):,} refused; {matched.shared:,} subjects have several old ids"
    )
    if ignored:
        typer.echo(f"  columns left alone: {'、'.join(ignored)}")
    if not matched.refused:
        return
    write_problems(report, matched.refused)
    for row_no, problem in matched.refused[:ERRORS_SHOWN]:
        typer.echo(f"  row {row_no}: {problem.field}: {problem.reason} ({problem.reason_zh})", err=True)
    typer.echo(f"  all of them with what to do: {report}", err=True)


def show_parity(build: str, archive: Path, report: Path) -> bool:
    """Print the parity report and write what is not equal; return whether rows could not be read."""
    from creditlake.look.query import connect_release

    lake, catalog = steps.lake(), steps.read_catalog()
    old = read_old_archive(archive)
    with open_registers(lake, settings(), build) as connection:
        merges = read_merges(connection)
    subjects = {
        event.subject_id: end_of(event.other_subject_id, merges) for event in read_migrated(lake, settings())
    }
    parity = compare_archives(connect_release(lake, "internal"), catalog, old, subjects)
    typer.echo(f"parity 新旧档案对照 of {archive.name}")
    for line in summary_lines(catalog, parity):
        typer.echo(line)
    typer.echo(f"  {write_parity(report, parity.compared):,} rows differ: {report}")
    for error in parity.errors[:ERRORS_SHOWN]:
        typer.echo(f"  {error}", err=True)
    if len(parity.errors) > ERRORS_SHOWN:
        typer.echo(f"  and {len(parity.errors) - ERRORS_SHOWN:,} rows more", err=True)
    return bool(parity.errors)
