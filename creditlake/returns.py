"""Return files: what a department must mend, as it delivered it, with row, code and cure in Chinese.

Refused and held rows go back in the department's own columns and order, every value as the text that came
(the cells room), plus 回执号, 行号, 错误代码, 错误说明; the offending cells are coloured, and a file of JSON
lines says the same to a program, without the values. Which rows those are is asked of the build's `defects`
table, since linking and the build find defects too. A blocked batch goes back as one sheet that names file,
row, field and cure; if it is blocked for its share of refused rows, those rows go back as well.

Each row goes back once: its record (`return_records`) is the commit. What no record names is due, however
old it is.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from creditlake.candidate import CandidateManifest, read_candidate
from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.cover import write_cover
from creditlake.decode import list_decoded
from creditlake.decode.headers import (
    FILE_COLUMN,
    RAGGED_COLUMN,
    RETURN_HEADERS,
    level_header,
    map_headers,
)
from creditlake.duck import open_duckdb, quote_name, quote_text
from creditlake.outbox import Outbox, open_outbox
from creditlake.receipt_no import RECEIPT_FIELD, RECEIPT_HEADER, add_receipt_macros
from creditlake.records import list_records, rejects_of
from creditlake.return_records import ReturnRecord, read_returns
from creditlake.return_sheet import ReturnSheet, blocked_row
from creditlake.settings import Settings
from creditlake.storage import (
    FileEntry,
    Lake,
    ObjectExists,
    ObjectMissing,
    StepManifest,
    StorageClosed,
    StorageError,
    StorageUnavailable,
    now_utc,
)
from creditlake.workbook import SheetRow, write_workbooks

LOG = logging.getLogger(__name__)
ADDED_COLUMNS = (RECEIPT_HEADER, *RETURN_HEADERS)
BLOCKED_COLUMNS = ("文件", "行号", "字段", "错误代码", "错误说明", "处理办法")
FETCH_ROWS = 5_000
RETURNED: dict[str, pa.DataType] = {"batch_id": pa.string(), "file_name": pa.string(), "row_no": pa.int64()}
DUE = "dataset varchar, batch_id varchar, file_name varchar, row_no bigint"
DEFECTS = "struct(code varchar, level varchar, field varchar, detail varchar)[]"


@dataclass(frozen=True)
class Decoded:
    """One batch of a dataset as decode left it, and what standardise said of it."""

    contract: Contract
    batch_id: str
    cells_key: str
    cells: StepManifest
    blocked_by: StepManifest | None  # the manifest of the step that blocked it
    refused: tuple[FileEntry, ...]  # rows of a batch that is blocked for their number

    @property
    def place(self) -> str:
        """Folder of the batch's return records."""
        return f"returns/{self.contract.department}/{self.contract.dataset}/{self.batch_id}"


class Returns:
    """One run: the earlier returns are read once, and every due row is in the temporary table `due`."""

    def __init__(
        self,
        lake: Lake,
        catalog: Catalog,
        settings: Settings,
        business_date: date,
        outbox: Outbox,
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self.lake, self.catalog = lake, catalog
        self.business_date, self.outbox, self.connection = business_date, outbox, connection
        self.scratch = settings.scratch / "returns"
        self.records = read_returns(lake)
        add_receipt_macros(connection)
        connection.register("returned", self._returned())
        connection.execute(f"create temp table due ({DUE}, defects {DEFECTS})")

    def _returned(self) -> pa.Table:
        """Return the rows of all earlier returns."""
        rows = [
            {"batch_id": record.batch_id, "file_name": file, "row_no": row}
            for record in self.records
            for file, numbers in record.rows.items()
            for row in numbers
        ]
        return pa.Table.from_pylist(rows, schema=pa.schema(RETURNED))

    def collect_due(self, query: str, files: Sequence[FileEntry]) -> None:
        """Add the refused and held rows of a query over $files to `due`, each with all its defects.

        The query yields dataset, batch_id, file_name, row_no, code, level, field, detail. Only the defects of
        due rows are gathered: ten million records have twenty times as many with mere warnings.
        """
        paths = [str(path) for path in self.lake.localise(files, self.scratch)]
        grouped = f"""
            with found as ({query}), due_rows as (
                select distinct batch_id, file_name, row_no
                from found anti join returned using (batch_id, file_name, row_no) where level in ('E', 'H')
            )
            select dataset, batch_id, file_name, row_no,
                list({{code: code, level: level, field: field, detail: detail}} order by code, field, detail)
            from found semi join due_rows using (batch_id, file_name, row_no)
            group by dataset, batch_id, file_name, row_no"""  # noqa: S608  ours
        if paths:
            self.connection.execute(f"insert into due {grouped}", {"files": paths})

    def serve(self, department: str, build: str) -> int:
        """Write what is due to a department, the cover sheet last; returns the number of return files."""
        files = 0
        for contract in self.catalog.contracts.values():
            if contract.department == department:
                for decoded in list_settled(self.lake, self.catalog, contract, self.business_date):
                    files += self.return_blocked(decoded) + self.return_rows(decoded, build)
        write_cover(
            self.lake, self.catalog, self.outbox, department, self.business_date, self.records,
            self.connection, self.scratch,
        )  # fmt: skip
        return files

    def return_blocked(self, decoded: Decoded) -> int:
        """Write the sheet of a blocked batch; returns the number of files, 0 if it went back already."""
        blocked = decoded.blocked_by
        if blocked is None:
            return 0
        reason = f"{decoded.cells_key}:{blocked.step}"
        if any(r.batch_id == decoded.batch_id and r.reason == reason for r in self.records):
            return 0
        fields = decoded.contract.fields
        rows = [blocked_row(d, fields.get(d.field or "")) for d in blocked.defects]
        if decoded.refused:
            columns = "batch_id, file_name, row_no, unnest(defects, recursive := true)"
            query = (
                f"select {quote_text(decoded.contract.name)} as dataset, {columns} from read_parquet($files)"  # noqa: S608
            )
            self.collect_due(query, decoded.refused)
        return self._write(decoded, "整批退回", BLOCKED_COLUMNS, rows, {}, reason)

    def return_rows(self, decoded: Decoded, build: str) -> int:
        """Write the due rows of one batch; returns the number of files."""
        where = {"batch": decoded.batch_id}
        keys: dict[str, dict[int, str]] = {}
        for file, row, receipt_no in self.connection.execute(
            "select file_name, row_no, receipt_no(batch_id, file_name, row_no) from due"
            " where batch_id = $batch order by all",
            where,
        ).fetchall():
            keys.setdefault(file, {})[row] = receipt_no
        if not keys:
            return 0
        header, rows = self._as_delivered(decoded)
        return self._write(decoded, "退回", header, rows, keys, build)

    def _write(
        self,
        decoded: Decoded,
        kind: str,
        header: Sequence[str],
        rows: Iterable[SheetRow],
        keys: dict[str, dict[int, str]],
        reason: str,
    ) -> int:
        """Write the workbooks, then the record; a record that is there already was another run's."""
        number = 1 + sum(record.batch_id == decoded.batch_id for record in self.records)
        contract = decoded.contract
        stem = f"{self.business_date:%Y%m%d}_{kind}_{contract.title}_{decoded.batch_id}_{number}"
        files = tuple(write_workbooks(self.outbox, contract.department, stem, header, rows))
        record = ReturnRecord(
            dataset=contract.name,
            batch_id=decoded.batch_id,
            reason=reason,
            business_date=self.business_date,
            rows=keys,
            files=files,
            written_at=now_utc(),
        )
        try:
            self.lake.put_if_absent(f"{decoded.place}/{number}.json", record.model_dump_json().encode())
        except ObjectExists:
            return 0
        self.records.append(record)
        return len(record.workbooks)

    def _as_delivered(self, decoded: Decoded) -> tuple[list[str], Iterator[SheetRow]]:
        """Return the header and, lazily, the due rows of a batch with their cells, in file order.

        A receipt number that was cited is left out: the row has got a new one.
        """
        contract = decoded.contract
        known = map_headers(contract)
        delivered = {text: known.get(level_header(text)) for text in decoded.cells.columns}
        fields = {text: field for text, field in delivered.items() if field and field != RECEIPT_FIELD}
        paths = [str(path) for path in self.lake.localise(decoded.cells.outputs, self.scratch)]
        source = (
            "(select * from due where batch_id = $batch) due"
            " join read_parquet($cells) cells using (file_name, row_no)"
        )
        arguments = {"batch": decoded.batch_id, "cells": paths}
        extras = {FILE_COLUMN: "file_name", RAGGED_COLUMN: "cells.ragged_line"}
        facts = "count(distinct file_name) > 1, count(cells.ragged_line) > 0"
        counted = self.connection.execute(f"select {facts} from {source}", arguments).fetchone()  # noqa: S608
        assert counted is not None
        shown = [name for name, is_needed in zip(extras, counted, strict=True) if is_needed]
        cells = [f"cells.{quote_name(field)}" for field in fields.values()] + [extras[name] for name in shown]
        receipt = "receipt_no(due.batch_id, file_name, row_no)"
        columns = ", ".join([*cells, "file_name", receipt, "row_no", "due.defects"])
        query = f"select {columns} from {source} order by file_name, row_no"  # noqa: S608  contract fields
        result = self.connection.execute(query, arguments)
        sheet = ReturnSheet(self.catalog, contract, [*fields.values(), *shown])
        return [*fields, *shown, *ADDED_COLUMNS], sheet.rows(fetch_all(result))


def fetch_all(result: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a result, a few thousand at a time."""
    while rows := result.fetchmany(FETCH_ROWS):
        yield from rows


def write_returns(
    lake: Lake, catalog: Catalog, settings: Settings, business_date: date, build: str
) -> dict[str, int]:
    """Write the return files and cover sheets that are due; returns the workbooks of rows by department.

    Blocked batches need no build; without a candidate the refused rows wait for the next build. A department
    whose files cannot be stored keeps no other from its files, unless nobody gets in at all; the first such
    StorageError is raised at the end. What was not stored has no record and is due at the next run.
    """
    written: Counter[str] = Counter()
    failures: dict[str, StorageError] = {}
    with open_outbox(settings) as outbox, open_duckdb(settings.scratch / "returns") as connection:
        run = Returns(lake, catalog, settings, business_date, outbox, connection)
        candidate = find_candidate(lake, build)
        if candidate:
            run.collect_due(
                "select dataset, batch_id, file_name, row_no, code, level, field, detail"
                " from read_parquet($files) where found_by <> 'batch'",
                candidate.tables["defects"].files,
            )
        for department in catalog.departments:
            try:
                written[department] = run.serve(department, build)
            except (StorageClosed, StorageUnavailable):
                raise
            except StorageError as error:
                LOG.error("%s gets no return files in this run: %s", department, error)
                failures[department] = error
    if failures:
        raise next(iter(failures.values()))
    return {department: files for department, files in written.items() if files}


def find_candidate(lake: Lake, build: str) -> CandidateManifest | None:
    """Return a build's candidate, or None if the build did not come so far."""
    try:
        return read_candidate(lake, build)
    except ObjectMissing:
        LOG.warning("build %s has no candidate: its refused rows are returned after the next build", build)
        return None


def list_settled(lake: Lake, catalog: Catalog, contract: Contract, until: date) -> Iterator[Decoded]:
    """Yield the batches of a dataset that decode has read or blocked, in receipt order."""
    records = {found.batch.batch_id: found for found in list_records(lake, catalog, contract, until)}
    for batch, key, cells in list_decoded(lake, catalog, contract, until):
        if cells is None:
            continue
        found = records.get(batch.batch_id)
        blocked_by = cells if cells.status == "blocked" else None
        refused: tuple[FileEntry, ...] = ()
        if found and found.manifest and found.manifest.status == "blocked":
            blocked_by = found.manifest
            lost = rejects_of(lake, found)
            refused = tuple(e for e in lost.outputs if e.outcome == "rejected") if lost else ()
        yield Decoded(contract, batch.batch_id, key, cells, blocked_by, refused)
