"""What every application of row work shares: its log and its last word."""

import logging
import sys
from collections.abc import Callable

from creditlake.catalog import CatalogError
from creditlake.logs import start_logging
from creditlake.records import NotSettled
from creditlake.settings import SettingsError
from creditlake.spark_submit import SparkFailed
from creditlake.storage import StorageError

LOG = logging.getLogger("creditlake")


def run_application(run: Callable[[], object]) -> None:
    """Run an application; an error that an operator can act on ends it with one line."""
    start_logging()
    try:
        run()
    except (CatalogError, NotSettled, SettingsError, SparkFailed, StorageError) as error:
        LOG.error("%s", error)
        sys.exit(1)
