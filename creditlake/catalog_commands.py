"""`creditlake catalog …`: check the catalogue, export the contract's JSON Schema."""

import json

import typer

from creditlake.catalog import check_catalog, json_schema
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
