"""`creditlake review export|import` and `creditlake explain-link`: doubtful links, decided by people."""

from pathlib import Path
from typing import Annotated

import typer

from creditlake import steps
from creditlake.settings import settings

review_app = typer.Typer(no_args_is_help=True, help="Doubtful links (人工复核): export, decide, import.")

BusinessDate = Annotated[
    str,
    typer.Option("--business-date", help="the queue of this day's newest build; default: the newest of all"),
]
Settled = Annotated[bool, typer.Option("--settled", help="also groups that a judgement has settled")]


@review_app.command("export")
def export_queue(
    business_date: BusinessDate = "",
    out: Annotated[Path | None, typer.Option("--out", help="default: review_<build>.xlsx here")] = None,
    settled: Settled = False,
) -> None:
    """Write the queue as a workbook, most urgent first; one row settles all its records."""
    from creditlake.builds import newest_linked
    from creditlake.review.queue import read_queue
    from creditlake.review.sheet import write_sheet

    lake, catalog = steps.lake(), steps.read_catalog()
    build = newest_linked(lake, steps.day(business_date) if business_date else None)
    items = [item for item in read_queue(lake, catalog, settings(), build) if item.is_open or settled]
    path = out or Path(f"review_{build}.xlsx")
    write_sheet(path, catalog, items)
    typer.echo(
        f"{path}: {len(items)} rows for {sum(item.records for item in items)} records of build {build}"
    )


@review_app.command("page")
def print_pages(
    numbers: Annotated[list[str], typer.Argument(help="复核编号, as the exported workbook has them")],
    build: Annotated[str, typer.Option("--build", help="default: the newest linked build")] = "",
    out: Annotated[Path, typer.Option("--out", help="folder of the pages; default: here")] = Path(),
) -> None:
    """Write a page per group (人工复核单): what was delivered, whom it may mean, what is against it."""
    from creditlake.builds import newest_linked
    from creditlake.review.page import make_page

    lake, catalog = steps.lake(), steps.read_catalog()
    chosen_build = build or newest_linked(lake)
    out.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        page = make_page(lake, catalog, settings(), chosen_build, number)
        path = out / f"review_{number}.html"
        path.write_text(page, encoding="utf-8")
        typer.echo(str(path))


@review_app.command("import")
def import_decisions(
    file: Annotated[Path, typer.Argument(help="the exported workbook with decisions filled in")],
    by: Annotated[str, typer.Option("--by", help="who brings it; also the reviewer where 复核人 is empty")],
    business_date: Annotated[
        str,
        typer.Option("--business-date", help="from which business date the decisions count; default: today"),
    ] = "",
) -> None:
    """Take decisions back; bad rows are listed with their cure and exit with 1, the others are taken."""
    from creditlake.builds import newest_linked
    from creditlake.review.decide import Clerk, import_rows
    from creditlake.review.sheet import read_sheet
    from creditlake.storage import now_utc

    if not by.strip():
        raise typer.BadParameter("say who brings the decisions", param_hint="--by")
    lake, catalog = steps.lake(), steps.read_catalog()
    clerk = Clerk(by.strip(), steps.day(business_date or steps.today()), now_utc())
    done = import_rows(lake, catalog, settings(), newest_linked(lake), read_sheet(file), clerk)
    typer.echo(
        f"{file.name}: {len(done.taken)} decisions taken, {done.known} known already,"
        f" {done.undecided} rows open, {len(done.errors)} refused"
    )
    for error in done.errors:
        typer.echo(f"  {error}", err=True)
    if done.taken:
        typer.echo(f"they count from {clerk.business_date}; the next `creditlake link` applies them")
    raise typer.Exit(1 if done.errors else 0)


def explain_link(
    record_id: Annotated[str, typer.Argument(help="a record_id, as `trace` and the marts have it")],
    build: Annotated[str, typer.Option("--build", help="default: the newest linked build")] = "",
) -> None:
    """Say what was delivered, whom it may mean, and why the record is linked or not (关联说明)."""
    from creditlake.builds import newest_linked
    from creditlake.review import explain

    lake, catalog = steps.lake(), steps.read_catalog()
    chosen_build = build or newest_linked(lake)
    for line in explain.explain_link(lake, catalog, settings(), chosen_build, record_id):
        typer.echo(line)
