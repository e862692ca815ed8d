"""The `creditlake` command: every step of a day by hand, and the tools to look at what happened.

Each command does what the DAG task of the same name does. An error the operator can act on is one line
on standard error and exit code 1; anything else keeps its traceback.
"""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from creditlake import steps
from creditlake.batch_commands import batch_app
from creditlake.catalog_commands import catalog_app
from creditlake.errors import OPERATOR_ERRORS
from creditlake.logs import start_logging
from creditlake.release_commands import approve
from creditlake.return_commands import returns_app
from creditlake.review_commands import explain_link, review_app
from creditlake.settings import settings
from creditlake.subject_commands import migrate, subject

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A lakehouse of public credit information (公共信用信息).",
)
app.add_typer(catalog_app, name="catalog")
app.add_typer(batch_app, name="batch")
app.add_typer(returns_app, name="returns")
app.add_typer(review_app, name="review")
app.command()(approve)
app.command("explain-link")(explain_link)
app.command()(subject)
app.command()(migrate)

BusinessDate = Annotated[
    str, typer.Option("--business-date", help="the day the run stands for, e.g. 2026-11-16 (Asia/Shanghai)")
]
Build = Annotated[
    str, typer.Option("--build", help="a build such as 20261116-01; default: the date's newest")
]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", help="only these datasets; may be repeated")]


@app.command()
def collect(business_date: BusinessDate, dataset: Datasets = None) -> None:
    """Bring deliveries from the inbox into the raw room (归集)."""
    for name in dataset or sorted(steps.read_catalog().contracts):
        show(name, steps.collect(name, business_date))


@app.command()
def decode(business_date: BusinessDate, dataset: Datasets = None) -> None:
    """Turn waiting raw batches into cells: every cell as text."""
    show("decode", steps.decode(business_date, dataset))


@app.command()
def standardise(business_date: BusinessDate) -> None:
    """Make typed records of waiting cells (Spark); refused rows become rejects (退回)."""
    steps.standardise(business_date)


@app.command("open-build")
def open_build(business_date: BusinessDate) -> None:
    """Name the build of a date; an unfinished one goes on."""
    typer.echo(steps.open_build(business_date))


@app.command()
def link(business_date: BusinessDate, build: Build = "") -> None:
    """Link each record to the archive (信用档案) of a subject (Spark)."""
    steps.link(business_date, build or steps.open_build(business_date))


@app.command("build-marts")
def build_marts(business_date: BusinessDate, build: Build = "") -> None:
    """Build archives, lists and public tables in one dbt process."""
    show("build_marts", steps.build_marts(business_date, steps.named_build(business_date, build)))


@app.command()
def gate(business_date: BusinessDate, build: Build = "") -> None:
    """Judge a candidate; exits with 1 and the reasons when it is held (拦截)."""
    show("gate", steps.gate(steps.named_build(business_date, build)))


@app.command()
def serve(business_date: BusinessDate, build: Build = "") -> None:
    """Make the portal's and the analysts' files of a candidate that passed."""
    typer.echo(steps.serve(steps.named_build(business_date, build)))


@app.command()
def publish(business_date: BusinessDate, build: Build = "") -> None:
    """Verify every file and move the pointer to the release (发布)."""
    typer.echo(steps.publish(steps.named_build(business_date, build)))


@app.command()
def feedback(business_date: BusinessDate, build: Build = "") -> None:
    """Write the departments' return files (反馈文件)."""
    show("feedback", steps.feedback(business_date, steps.named_build(business_date, build)))


@app.command()
def run(business_date: BusinessDate) -> None:
    """Run a whole day by hand, collect to feedback, without Airflow."""
    steps.run_day(business_date)


@app.command()
def simulate(
    target: Annotated[Path, typer.Argument(help="an empty folder for the city's deliveries and the truth")],
    seed: int = 1,
    legal: int = 20_000,
    natural: int = 60_000,
    records: int = 150_000,
    day: Annotated[list[str] | None, typer.Option(help="a business date; may be repeated")] = None,
    plain: Annotated[
        bool, typer.Option(help="also datasets without a simulator, each on one day in twelve")
    ] = True,
) -> None:
    """Write a synthetic city's deliveries and the truth about them."""
    days = [date.fromisoformat(text) for text in day or [steps.today()]]
    show(
        "simulate",
        steps.simulate(
            target, seed=seed, legal=legal, natural=natural, records=records, days=days, plain=plain
        ),
    )


@app.command()
def status() -> None:
    """Say what is published, what waits, what is blocked, what nobody fetched."""
    from creditlake.look.status import print_status
    from creditlake.outbox import open_outbox

    with open_outbox(settings()) as outbox:
        print_status(steps.lake(), steps.read_catalog(), outbox)


@app.command()
def sql(
    query: Annotated[
        str, typer.Argument(help='e.g. "select list_code, count(*) from pub_list_current group by 1"')
    ],
    level: Annotated[str, typer.Option(help="public, gov_shared, authorised or internal")] = "public",
) -> None:
    """Query the published release."""
    from creditlake.look.query import print_query

    print_query(steps.lake(), query, level)


@app.command()
def trace(record_id: Annotated[str, typer.Argument(help="a record_id of a published row")]) -> None:
    """Follow a published row back to its files and row numbers (溯源)."""
    from creditlake.look.trace import print_trace

    print_trace(steps.lake(), record_id)


@app.command()
def demo(
    home: Annotated[Path, typer.Option(help="the demo's own folder; emptied at the start")] = Path(
        "var/demo"
    ),
    seed: int = 1,
    legal: int = 20_000,
    natural: int = 60_000,
    records: int = 150_000,
) -> None:
    """Play four business dates of a synthetic city through Airflow, and show what came of it."""
    from creditlake.demo.main import run_demo

    raise typer.Exit(run_demo(home.resolve(), seed=seed, legal=legal, natural=natural, records=records))


def show(step: str, counts: dict[str, int]) -> None:
    """Print a step's counts on one line."""
    typer.echo(
        f"{step}: " + (", ".join(f"{name} {count:,}" for name, count in counts.items()) or "nothing to do")
    )


def main() -> None:
    """Run the command line."""
    start_logging()
    try:
        app()
    except OPERATOR_ERRORS as error:
        typer.echo(f"creditlake: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
