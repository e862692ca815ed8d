"""Read a simulated city back, by other means than the product's, with its truth beside it."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import date
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineWorkbook

from creditlake.catalog import load_catalog
from creditlake.contract import Contract
from creditlake.settings import settings
from creditlake.simulate.run import SHAPES

PENALTIES, LICENCES = "market_regulation.penalty_decision", "administrative_approval.licence_decision"
DEFAULTERS, REPAIRS = "court.judgment_defaulter", "credit_office.repair_decision"
LEGAL, NATURAL = "market_regulation.entity_register", "public_security.population_register"
CHANGES, RATINGS = "market_regulation.entity_change", "tax.a_level_taxpayer"
DAYS = [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)]
SIZE = {"legal": 400, "natural": 960, "records": 4000}
Row = dict[str, Any]


def digest_files(folder: Path) -> dict[str, tuple[str, int]]:
    """Content hash and modification time of every delivered file, content hash of every truth file."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            0 if path.suffix == ".parquet" else path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_rows(path: Path, dataset: str) -> dict[int, Row]:
    """A delivered file's rows by row number, read by other means than the product's."""
    shape = SHAPES[dataset]
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines()
        return {number: json.loads(line) for number, line in enumerate(lines, start=1)}
    if path.suffix == ".xlsx":
        table = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
        return {
            number: dict(zip(table[2], row, strict=True)) for number, row in enumerate(table[3:-2], start=4)
        }
    text = path.read_bytes().decode(shape.encoding)
    records = list(csv.reader(io.StringIO(text, newline=""), delimiter=shape.delimiter))
    return {
        number: dict(zip(records[0], record, strict=True))
        for number, record in enumerate(records[1:], start=2)
    }


class Delivered:
    """A simulated city read back: files, their rows and the truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[tuple[str, str], dict[int, Row]] = {}
        self.paths: dict[tuple[str, str], Path] = {}
        for path in sorted((folder / "inbox_by_day").rglob("*.*")):
            if path.suffix == ".nil":
                continue
            dataset = next(d for d in SHAPES if fnmatch(path.name, pattern(d)))
            self.paths[dataset, path.name] = path
        self.truth: list[Row] = (
            duckdb.sql(f"select * from '{folder}/truth/*.parquet' order by dataset, file, row_no")
            .df()
            .to_dict("records")
        )

    def file(self, dataset: str, name: str) -> dict[int, Row]:
        """Rows of a file, read once."""
        if (dataset, name) not in self.rows:
            self.rows[dataset, name] = read_rows(self.paths[dataset, name], dataset)
        return self.rows[dataset, name]

    def of(self, dataset: str, **wanted: str) -> list[tuple[Row, Row]]:
        """(truth, row) of a dataset's rows whose truth has the wanted values."""
        return [
            (truth, self.file(dataset, truth["file"])[truth["row_no"]])
            for truth in self.truth
            if truth["dataset"] == dataset and all(truth[key] == value for key, value in wanted.items())
        ]

    @cache  # noqa: B019 - lives as long as its fixture
    def subjects(self, kind: str) -> dict[str, Row]:
        """Subjects by key."""
        table = duckdb.sql(f"select * from '{self.folder}/truth/subjects/{kind}.parquet'").df()
        return {row["subject_key"]: row for row in table.to_dict("records")}


@cache
def contracts() -> Mapping[str, Contract]:
    """The catalogue's contracts."""
    return load_catalog(settings().catalog).contracts


def pattern(dataset: str) -> str:
    """File pattern of a dataset's contract."""
    return contracts()[dataset].delivery.file_pattern


def true_code(city: Delivered, truth: Row) -> str:
    """The code of a legal row's subject."""
    return str(city.subjects("legal")[truth["subject_key"]]["uscc"])
