"""`creditlake batch accept|reject`: settle a batch that was blocked, or accepted, wrongly."""

import getpass
from typing import Annotated

import typer

from creditlake import steps
from creditlake.verdicts import Settlement, settle_batch

batch_app = typer.Typer(no_args_is_help=True, help="Settle whole batches; every verdict needs a reason.")

Dataset = Annotated[str, typer.Argument(help="e.g. market_regulation.penalty_decision")]
Batch = Annotated[str, typer.Argument(help="the batch id that `creditlake status` names")]
Reason = Annotated[str, typer.Option("--reason", help="why; kept for ever beside who and when")]
BusinessDate = Annotated[
    str, typer.Option("--business-date", help="from which business date the verdict counts")
]


@batch_app.command()
def accept(dataset: Dataset, batch: Batch, reason: Reason, business_date: BusinessDate) -> None:
    """Let a blocked batch through; the next run decodes it again."""
    settle(dataset, batch, Settlement.ACCEPT, reason, business_date)


@batch_app.command()
def reject(dataset: Dataset, batch: Batch, reason: Reason, business_date: BusinessDate) -> None:
    """Refuse a batch as a whole; its rows leave the next build."""
    settle(dataset, batch, Settlement.REJECT, reason, business_date)


def settle(dataset: str, batch: str, verdict: Settlement, reason: str, business_date: str) -> None:
    """Write the verdict under the user's login name."""
    try:
        decision = settle_batch(
            steps.lake(),
            dataset,
            batch,
            verdict,
            who=getpass.getuser(),
            why=reason,
            business_date=steps.day(business_date),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{batch}: {verdict} from {business_date} (decision {decision.decision_id})")
