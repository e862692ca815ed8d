"""`creditlake catalog …`: check the catalogue, show it, and bring new datasets into it without code."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from creditlake.catalog import check_catalog, json_schema, load_drafted
from creditlake.settings import settings

catalog_app = typer.Typer(
    no_args_is_help=True, help="The catalogue (信用信息目录): what may be collected and by which rules."
)


@catalog_app.command()
def check() -> None:
    """Check every file of the catalogue; each problem with file, line and cure."""
    problems = check_catalog(settings().catalog)
    for problem in problems:
        typer.echo(f"{settings().catalog.name}/{problem}")
    if problems:
        raise typer.Exit(1)
    typer.echo("The catalogue is sound.")


@catalog_app.command()
def schema() -> None:
    """Print the JSON Schema of a contract, for editors and officers' tools."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@catalog_app.command()
def draft(
    sample: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="a department's files")],
    name: Annotated[
        str, typer.Option(help="department.dataset: write the draft into the catalogue; without: print it")
    ] = "",
) -> None:
    """Draft a contract from sample files (起草目录): what is found is written, what is not is asked."""
    from creditlake.onboard.draft import UNNAMED, draft_contract
    from creditlake.onboard.writer import check_name, render_code_list, render_contract, write_draft

    root = settings().catalog
    catalog = load_drafted(root)
    if name:
        check_name(name, catalog)
    drafted = draft_contract(sample, name or UNNAMED, catalog)
    if not name:
        texts = [render_contract(drafted), *map(render_code_list, drafted.drafts.code_lists)]
        typer.echo("---\n".join(texts), nl=False)
        return
    for path in write_draft(drafted, root):
        typer.echo(path)
    typer.echo(f"next: creditlake catalog check; creditlake catalog try {path_of(name)} {sample[0]}")


def path_of(name: str) -> Path:
    """Return the contract's file of a dataset of this installation's catalogue."""
    from creditlake.onboard.writer import contract_path

    return contract_path(settings().catalog, name)


@catalog_app.command("try")
def try_(
    contract: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a contract or a draft")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a delivered file")],
    rows: Annotated[int, typer.Option(min=0, help="rows to show")] = 3,
    few: Annotated[int, typer.Option(min=1, help="row numbers to show of each defect")] = 5,
    received: Annotated[str, typer.Option(help="the day of receipt; default: today")] = "",
    show_personal: Annotated[
        bool, typer.Option("--show-personal", help="show personal values unmasked")
    ] = False,
) -> None:
    """Decode and standardise one file by a contract (试报), without touching the lake; 1 if it is blocked."""
    from creditlake.onboard.show import print_trial
    from creditlake.onboard.trial import try_contract
    from creditlake.steps import today

    day = date.fromisoformat(received or today())
    trial = try_contract(contract, file, day, settings(), rows=rows, few=few)
    print_trial(Console(), trial, show_personal=show_personal)
    if trial.is_blocked:
        raise typer.Exit(1)


@catalog_app.command()
def docs(
    target: Annotated[Path | None, typer.Argument(help="default: catalog.html in the home folder")] = None,
) -> None:
    """Write the catalogue as one printable page (信用信息目录), in Chinese and English."""
    from creditlake.catalog_page import write_page

    path = target or settings().home / "catalog.html"
    write_page(path, load_drafted(settings().catalog))
    typer.echo(path)
