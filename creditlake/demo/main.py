"""The whole demo: make the city, play its days, tell what came of it."""

import json
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from creditlake import steps
from creditlake.demo.play import play_days, prepare_home
from creditlake.demo.report import print_summary, write_page
from creditlake.look.day import summarise_day
from creditlake.settings import settings
from creditlake.simulate.scenario import DEMO_DAYS, plan_demo_days
from creditlake.spark_server import running_spark_server

TABLE_WIDTH = 116  # a day's table; a narrower terminal wraps it, a file keeps it


def run_demo(home: Path, *, seed: int, legal: int, natural: int, records: int) -> int:
    """Play the demo under `home`; returns the exit code (0 when every day ended as the scenario says)."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, TABLE_WIDTH)
    start = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the servers are stopped then
    prepare_home(home)
    catalog = steps.read_catalog()
    with running_spark_server(settings(), home / "spark-server.log") as spark:
        console.print(
            f"Simulating a city of {legal:,} legal and {natural:,} natural subjects, {records:,} records …"
        )
        plan_demo_days(
            home / "city", seed=seed, legal=legal, natural=natural, records=records, catalog=catalog
        )
        seconds = play_days(home, list(DEMO_DAYS), catalog, console, spark)
    lake = steps.lake()
    days = [summarise_day(lake, catalog, business_date) for business_date in DEMO_DAYS]
    page = home / "demo.html"
    write_page(page, days, catalog)
    print_summary(console, days, home, page)
    hashes = {day.business_date.isoformat(): day.release.content_hash for day in days if day.release}
    (home / "releases.json").write_text(json.dumps(hashes, indent=1) + "\n")
    total = time.monotonic() - start
    console.print(f"\n{len(days)} days in {total:.0f} s, of which {sum(seconds.values()):.0f} s in Airflow.")
    return 0 if [day.release is not None for day in days] == [True, True, True, False] else 1
