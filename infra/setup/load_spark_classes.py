"""Run both Spark steps of a date in one JVM, so that it has loaded every class that they need."""

import sys
from datetime import date

from creditlake import steps
from spark_jobs import link, standardise

business_date = sys.argv[1]
standardise.run(date.fromisoformat(business_date))
link.run(date.fromisoformat(business_date), steps.open_build(business_date))
