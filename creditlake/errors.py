"""The errors an operator can act on: the command line prints their message, not a traceback."""

from creditlake.builds import BuildError
from creditlake.catalog import CatalogError
from creditlake.demo.airflow import AirflowError
from creditlake.release import ReleaseRefused
from creditlake.settings import SettingsError
from creditlake.spark_submit import SparkFailed
from creditlake.steps import GateHeld
from creditlake.storage import StorageError

OPERATOR_ERRORS = (
    AirflowError,
    BuildError,
    CatalogError,
    GateHeld,
    ReleaseRefused,
    SettingsError,
    SparkFailed,
    StorageError,
)
