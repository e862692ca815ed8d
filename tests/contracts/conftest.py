"""The repository's own catalogue, and copies of it that a test may damage."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from creditlake.catalog import Catalog, load_catalog

ROOT = Path(__file__).resolve().parents[2] / "catalog"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(ROOT)


@pytest.fixture
def edited_catalog(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Return a function that replaces one text ("*" = all) in one file of a copy and returns its root."""
    root = tmp_path / "catalog"
    shutil.copytree(ROOT, root)

    def edit(file: str, old: str, new: str) -> Path:
        path = root / file
        text = path.read_text(encoding="utf-8")
        if old == "*":
            old = text
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return root

    return edit
