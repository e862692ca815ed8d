"""Try a contract on a file: what decode and standardise would make of it, without touching the lake.

The same readers and the same function of row work as on a real day, in a scratch folder that is removed
afterwards: cells/ from decode, records/ from the application `try_contract`, batch.json between the two.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from creditlake.catalog import Catalog, CatalogError, Reader, load_drafted
from creditlake.catalog_check import file_of, find_problems
from creditlake.contract import Contract
from creditlake.decode.decode import read_files
from creditlake.decode.envelope import check_rows
from creditlake.duck import open_duckdb, quote_text
from creditlake.receipts import Batch, Receipt, ReceivedFile
from creditlake.records import check_share
from creditlake.settings import Settings
from creditlake.steps import run_application
from creditlake.storage import BatchDefect, now_utc

BATCH_ID = "trial"
OUTCOMES = ("accepted", "held", "rejected", "dropped")
DEFECTS = """
    select code, level, field, detail, count(*) as rows, list(row_no order by row_no)[:$few] as first_rows
    from (select row_no, unnest(defects, recursive := true) from {records})
    group by all order by rows desc, code, field, detail"""
LEVELS = {"B": "整批拦截", "E": "退回", "H": "暂存", "W": "提示"}


@dataclass(frozen=True)
class FoundDefect:
    """One kind of defect of the rows: how often it comes, and in which rows first."""

    code: str
    level: str
    field: str
    detail: str
    rows: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True)
class TriedRow:
    """One row: cells as delivered and the record made of them, both by field."""

    row_no: int
    outcome: str
    delivered: dict[str, str | None]
    record: dict[str, Any]


@dataclass
class Trial:
    """What became of the file; without rows where it could not be decoded."""

    catalog: Catalog
    contract: Contract
    batch_defects: list[BatchDefect]
    counts: dict[str, int]
    defects: list[FoundDefect]
    rows: list[TriedRow]

    @property
    def is_blocked(self) -> bool:
        """Whether the batch would be blocked."""
        return any(defect.level == "B" for defect in self.batch_defects)


def load_tried(path: Path, root: Path) -> tuple[Catalog, Contract]:
    """Return the catalogue and the contract at `path`, inside it or not; drafts may have open questions.

    Raises CatalogError with what is wrong with the contract or the catalogue.
    """
    catalog = load_drafted(root)
    reader = Reader(path.resolve().parent)
    contract = reader.read(path.name, Contract)
    if contract is None:
        raise CatalogError(reader.problems)
    catalog = replace(catalog, contracts={**catalog.contracts, contract.name: contract})
    for found in find_problems(catalog):
        if found.file == file_of(contract):
            reader.report(path.name, found.location, found.message, found.cure)
    if reader.problems:
        raise CatalogError(reader.problems)
    return catalog, contract


def make_batch(contract: Contract, file: Path, received: date) -> Batch:
    """Return the batch that collect would make of one file, as far as the steps after it look."""
    delivered = ReceivedFile(name=file.name, raw_name=file.name, bytes=0, sha256="", mtime_ns=0)
    receipt = Receipt(
        delivery_id=BATCH_ID,
        department=contract.department,
        dataset=contract.dataset,
        batch_id=BATCH_ID,
        received_date=received,
        received_at=now_utc(),
        delivered_at=now_utc(),
        sender=contract.department,
        files=(delivered,),
        order="",
    )
    return Batch(
        batch_id=BATCH_ID,
        department=contract.department,
        dataset=contract.dataset,
        receipts=(receipt,),
        repeats_count=contract.delivery.kind == "full_snapshot",
    )


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """Give a private folder for one trial; what stood in the file is gone with it."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="try-", dir=settings.scratch) as folder:
        yield Path(folder)


def decode_trial(catalog: Catalog, contract: Contract, batch: Batch, file: Path, folder: Path) -> Trial:
    """Decode the file into `folder`/cells; a trial with file defects only, and the count of rows."""
    cells = folder / "cells"
    cells.mkdir()
    decoded = read_files(catalog, contract, batch, [file], cells)
    defects = list(decoded.defects)
    if not decoded.is_blocked:
        defects += check_rows(catalog, contract, decoded.received, None, file=file.name, accepted=False)
    return Trial(catalog, contract, defects, {"received": decoded.received}, [], [])


def read_records(trial: Trial, batch: Batch, folder: Path, rows: int, few: int) -> None:
    """Complete a trial from what the application wrote: counts, defects, the first rows."""
    records = f"read_parquet({quote_text(f'{folder}/records/*.parquet')})"
    cells = f"read_parquet({quote_text(f'{folder}/cells/*.parquet')})"
    with open_duckdb(folder / "duckdb") as connection:
        counted = dict(
            connection.execute(f"select outcome, count(*) from {records} group by 1").fetchall()  # noqa: S608
        )
        outcomes = {outcome: counted.get(outcome, 0) for outcome in OUTCOMES}
        trial.counts |= outcomes
        query = DEFECTS.format(records=records)
        found = connection.execute(query, {"few": few}).fetchall()
        trial.defects = [
            FoundDefect(code, level, field, detail, count, tuple(first))
            for code, level, field, detail, count, first in found
        ]
        delivered = fetch_first(connection, cells, rows)
        made = {row["row_no"]: row for row in fetch_first(connection, records, rows)}
        for row in delivered:
            record = made[row["row_no"]]
            trial.rows.append(TriedRow(row["row_no"], record["outcome"], row, record))
    trial.batch_defects += check_share(trial.catalog, trial.contract, batch, outcomes, accepted=False)


def fetch_first(connection: duckdb.DuckDBPyConnection, table: str, rows: int) -> list[dict[str, Any]]:
    """Return the first rows of a table in file order."""
    result = connection.execute(f"select * from {table} order by row_no limit {rows}")  # noqa: S608
    names = [column[0] for column in result.description]
    return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def try_contract(
    contract_path: Path, file: Path, received: date, settings: Settings, *, rows: int, few: int
) -> Trial:
    """Return what would become of a file; raises CatalogError for the contract, SparkFailed for our own.

    `rows` is how many rows are shown, `few` how many row numbers of each defect.
    """
    catalog, contract = load_tried(contract_path, settings.catalog)
    batch = make_batch(contract, file, received)
    with scratch_folder(settings) as folder:
        trial = decode_trial(catalog, contract, batch, file, folder)
        if not trial.is_blocked and trial.counts["received"]:
            (folder / "batch.json").write_text(batch.model_dump_json(), encoding="utf-8")
            run_application("try_contract", contract=str(contract_path.resolve()), folder=str(folder))
            read_records(trial, batch, folder, rows, few)
    return trial
