"""Run both Spark steps of a date on one server, so that its JVM has loaded every class that they need."""

import os
import sys
from pathlib import Path

from creditlake import steps
from creditlake.settings import settings
from creditlake.spark_server import running_spark_server

log, business_date = sys.argv[1:]
with running_spark_server(settings(), Path(log)) as server:
    os.environ |= server.environment()
    settings.cache_clear()
    steps.standardise(business_date)
    steps.link(business_date, steps.open_build(business_date))
