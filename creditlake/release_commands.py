"""`creditlake approve`: a person's decision about a held candidate."""

import getpass
from typing import Annotated

import typer

from creditlake import steps


def approve(
    build: Annotated[str, typer.Argument(help="the held build, e.g. 20261119-01")],
    reason: Annotated[
        str, typer.Option(help="why this content is true, with the letter or call it rests on")
    ],
    who: Annotated[str, typer.Option(help="who decides; default: the user who runs the command")] = "",
) -> None:
    """Release a held candidate as it stands (批准放行); personal data and lost rows cannot be approved."""
    from creditlake.release import approve_build

    approval = approve_build(steps.lake(), build, who or getpass.getuser(), reason)
    typer.echo(
        f"approved {build} ({approval.decision_id}); now run `creditlake serve` and `creditlake publish`"
    )
