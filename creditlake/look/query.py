"""`creditlake sql`: one query over the views of the published release."""

import duckdb
from rich.console import Console
from rich.table import Table

from creditlake.published import read_current
from creditlake.settings import settings
from creditlake.storage import Lake, ObjectMissing

ROWS_SHOWN = 200


def connect_release(lake: Lake, level: str) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view per table of the published release up to a level.

    Views are made over verified files, so that a query never reads a damaged one; raises ObjectMissing
    before the first release and ValueError for an unknown level.
    """
    from creditlake.serve import LEVELS

    release = read_current(lake)
    if release is None:
        raise ObjectMissing("nothing is published yet; `creditlake status` says how far the builds are")
    if level not in LEVELS:
        raise ValueError(f"unknown level {level!r}; use one of {', '.join(LEVELS)}")
    visible = LEVELS[: LEVELS.index(level) + 1]
    connection = duckdb.connect()
    connection.execute("set timezone = 'Asia/Shanghai'")
    for name, table in release.tables.items():
        if table.level in visible and table.files:
            paths = [str(path) for path in lake.localise(table.files, settings().scratch)]
            connection.read_parquet(paths).create_view(name)
    return connection


def print_query(lake: Lake, query: str, level: str) -> None:
    """Print a query's rows as a table; at most ROWS_SHOWN, and it says so when there are more."""
    console = Console(highlight=False)
    connection = connect_release(lake, level)
    found = connection.execute(query)
    table = Table(*[column[0] for column in found.description or []])
    rows = found.fetchmany(ROWS_SHOWN + 1)
    for row in rows[:ROWS_SHOWN]:
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    if len(rows) > ROWS_SHOWN:
        console.print(f"only the first {ROWS_SHOWN} rows are shown; add a limit or aggregate")
