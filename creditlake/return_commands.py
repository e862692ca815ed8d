"""`creditlake returns list|fetched`: what lies in the departments' outboxes, and who has fetched it."""

from datetime import datetime
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from creditlake import steps
from creditlake.settings import settings

returns_app = typer.Typer(no_args_is_help=True, help="Return files (反馈文件): what waits, what was fetched.")


@returns_app.command("list")
def list_files() -> None:
    """Say what lies in each department's outbox, since when, and who has fetched it."""
    from creditlake.fetching import list_lying
    from creditlake.outbox import open_outbox

    with open_outbox(settings()) as outbox:
        lying = list_lying(steps.lake(), outbox)
    for department, files in groupby(lying, key=lambda file: file.department):
        typer.echo(department)
        for file in files:
            note = file.fetched
            state = f"fetched {shown(note.decided_at)} by {note.who}" if note else "not fetched"
            typer.echo(f"  {file.name}  since {shown(file.sent_at)}, {state}")
    if not lying:
        typer.echo("nothing lies in an outbox")


def shown(instant: datetime) -> str:
    """Return an instant as the clock in China shows it."""
    return instant.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M")


@returns_app.command()
def fetched(
    department: Annotated[str, typer.Argument(help="e.g. court")],
    file: Annotated[str, typer.Argument(help="the file's name, as `creditlake returns list` shows it")],
    who: Annotated[str, typer.Option("--who", help="who has the file now")],
    note: Annotated[str, typer.Option("--note", help="how it was fetched")] = "",
) -> None:
    """Note that a department has fetched a file; kept for ever."""
    from creditlake.fetching import note_fetched

    try:
        decision = note_fetched(steps.lake(), department, file, who=who, why=note)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{decision.file}: fetched (decision {decision.decision_id})")
