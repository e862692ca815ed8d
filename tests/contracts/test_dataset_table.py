"""docs/datasets.md: every dataset, its shape, and tests that exist and run for it."""

import ast

from creditlake.catalog import Catalog
from creditlake.settings import REPOSITORY
from tests.dataset_table import DECODE, EVERY_DATASET, PAGE, READER_TESTS, render


def test_the_page_is_that_of_the_catalogue(catalog: Catalog) -> None:
    assert PAGE.read_text() == render(catalog), "run: python -m tests.dataset_table"
    assert PAGE.read_text().count("\n| ") == len(catalog.contracts) + 1


def test_the_tests_it_names_exist() -> None:
    for test in EVERY_DATASET:
        file, _, name = test.partition("::")
        tree = ast.parse((REPOSITORY / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for files in READER_TESTS.values():
        assert all((REPOSITORY / DECODE / file).exists() for file in files)
