"""What the tests of the Spark jobs share: the project's own catalogue."""

import pytest

from creditlake.catalog import Catalog, load_catalog
from creditlake.settings import REPOSITORY


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The catalogue as delivered."""
    return load_catalog(REPOSITORY / "catalog")
