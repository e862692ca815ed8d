"""What row work runs on: Spark, or DuckDB through SQLFrame (`CREDITLAKE_ENGINE`), under the same names.

The functions over DataFrames are plain PySpark and import its names from here. Where the engines differ, the
difference is met in `on_spark` and `on_duckdb`, which offer the same functions, and nowhere else. One process
works with one engine: it is chosen when this module is first imported.
"""

from typing import TYPE_CHECKING

from creditlake.settings import settings

ENGINE = settings().engine

if TYPE_CHECKING or ENGINE == "spark":
    from spark_jobs.on_spark import *  # noqa: F403 - the engine is all that the chosen module offers
else:
    from spark_jobs.on_duckdb import *  # noqa: F403 - the same
