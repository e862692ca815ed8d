"""Import what the steps of a day import on first use: dbt, Great Expectations, pyarrow, the Spark provider.

Airflow's fork server loads this module once, and every task is forked from it with the imports done: 15
CPU seconds a day less (infra/airflow/env.sh, `mp_forkserver_preload`). Nothing else imports it.
"""

from contextlib import suppress

import airflow.providers.apache.spark.operators.spark_pyspark
import airflow.providers.apache.spark.operators.spark_submit
import dbt.adapters.duckdb.impl
import dbt.cli.main
import pyspark.sql.connect.session

import creditlake.build
import creditlake.collect
import creditlake.decode.decode
import creditlake.release
import creditlake.returns
import creditlake.spark_submit
import spark_jobs.link
import spark_jobs.standardise
from creditlake.catalog import CatalogError
from creditlake.gate.suites import prepare_expectations
from creditlake.steps import read_catalog

__all__ = ["airflow", "creditlake", "dbt", "pyspark", "spark_jobs"]

prepare_expectations()
with suppress(CatalogError):  # who works with it says what is wrong with it
    read_catalog()
