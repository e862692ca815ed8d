"""The errors an operator can act on: the command line prints their message, not a traceback."""

from creditlake.approval import NotApprovable
from creditlake.builds import BuildError
from creditlake.catalog import CatalogError
from creditlake.decode.decode import DecodeError
from creditlake.demo.airflow import AirflowError
from creditlake.gate.declaration import InvalidDeclaration
from creditlake.marts.dbt import DbtFailed
from creditlake.migration.mapping import MigrationRefused
from creditlake.onboard.sample import SampleProblem
from creditlake.onboard.writer import DraftRefused
from creditlake.records import NotSettled
from creditlake.release import ReleaseRefused
from creditlake.review.sheet import ReviewRefused
from creditlake.settings import SettingsError
from creditlake.spark_submit import SparkFailed
from creditlake.steps import GateHeld
from creditlake.storage import StorageError

OPERATOR_ERRORS = (
    AirflowError,
    BuildError,
    CatalogError,
    DbtFailed,
    DecodeError,
    DraftRefused,
    GateHeld,
    InvalidDeclaration,
    MigrationRefused,
    NotApprovable,
    NotSettled,
    ReleaseRefused,
    ReviewRefused,
    SampleProblem,
    SettingsError,
    SparkFailed,
    StorageError,
)
