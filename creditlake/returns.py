"""Return files: what a department must mend, as it delivered it, with row, code and cure in Chinese.

Refused and held rows go back in the department's own columns and order, every value as the text that came
(the cells room), plus 行号, 错误代码, 错误说明. Which rows those are is asked of the build's `defects`
table, since linking and the build find defects too. A blocked batch goes back as one sheet that names file,
row, field and cure; if it is blocked for its share of refused rows, those rows go back as well.

Each row goes back once: `returns/<department>/<dataset>/<batch_id>/<number>.json` names the files and the
rows, and is the commit. What no such record names is due, however old it is.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from creditlake.candidate import CandidateManifest, read_candidate
from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode import list_decoded
from creditlake.decode.headers import level_header, map_headers
from creditlake.duck import open_duckdb, quote_name, quote_text
from creditlake.explain import explain_defects
from creditlake.gate.model import Closed
from creditlake.records import list_records, rejects_of
from creditlake.settings import Settings
from creditlake.storage import FileEntry, Lake, ObjectExists, ObjectMissing, StepManifest, now_utc
from creditlake.workbook import WrittenFile, write_workbooks

LOG = logging.getLogger(__name__)
FILE_COLUMN = "文件"  # only where a batch has several files
RAGGED_COLUMN = "原始行"  # the line as it came, only where one could not be cut into columns
ADDED_COLUMNS = ("行号", "错误代码", "错误说明")
BLOCKED_COLUMNS = ("文件", "行号", "字段", "错误代码", "错误说明", "处理办法")
FETCH_ROWS = 5_000
RETURNED: dict[str, pa.DataType] = {"batch_id": pa.string(), "file_name": pa.string(), "row_no": pa.int64()}
DUE = "dataset varchar, batch_id varchar, file_name varchar, row_no bigint"
DEFECTS = "struct(code varchar, level varchar, field varchar, detail varchar)[]"


class ReturnRecord(Closed):
    """One return of one batch. `rows`: the row numbers by delivered file; none in a blocked batch's sheet."""

    dataset: str
    batch_id: str
    reason: str  # step key of the step that blocked the batch, or the build that found the rows
    business_date: date
    rows: dict[str, tuple[int, ...]]
    files: tuple[WrittenFile, ...]
    written_at: datetime


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
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self.lake, self.catalog, self.settings = lake, catalog, settings
        self.business_date, self.connection = business_date, connection
        self.scratch = settings.scratch / "returns"
        self.records = [
            (key, ReturnRecord.model_validate_json(lake.read_bytes(key))) for key in lake.list_keys("returns")
        ]
        connection.register("returned", self._returned())
        connection.execute(f"create temp table due ({DUE}, defects {DEFECTS})")

    def _returned(self) -> pa.Table:
        """Return the rows of all earlier returns."""
        rows = [
            {"batch_id": record.batch_id, "file_name": file, "row_no": row}
            for _, record in self.records
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

    def return_blocked(self, decoded: Decoded) -> int:
        """Write the sheet of a blocked batch; returns the number of files, 0 if it went back already."""
        blocked = decoded.blocked_by
        if blocked is None:
            return 0
        reason = f"{decoded.cells_key}:{blocked.step}"
        if any(r.batch_id == decoded.batch_id and r.reason == reason for _, r in self.records):
            return 0
        fields = decoded.contract.fields
        rows = [
            (d.file, d.row_no, fields[d.field].title if d.field else None, d.code, d.message_zh, d.cure_zh)
            for d in blocked.defects
        ]
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
        keys: dict[str, list[int]] = {}
        for file, row in self.connection.execute(
            "select file_name, row_no from due where batch_id = $batch order by all", where
        ).fetchall():
            keys.setdefault(file, []).append(row)
        if not keys:
            return 0
        header, rows = self._as_delivered(decoded)
        return self._write(decoded, "退回", header, rows, keys, build)

    def _write(
        self,
        decoded: Decoded,
        kind: str,
        header: Sequence[str],
        rows: Any,
        keys: dict[str, list[int]],
        reason: str,
    ) -> int:
        """Write the workbooks, then the record; a record that is there already was another run's."""
        number = 1 + sum(record.batch_id == decoded.batch_id for _, record in self.records)
        contract = decoded.contract
        stem = f"{self.business_date:%Y%m%d}_{kind}_{contract.title}_{decoded.batch_id}_{number}"
        files = tuple(write_workbooks(self.settings.outbox / contract.department, stem, header, rows))
        record = ReturnRecord(
            dataset=contract.name,
            batch_id=decoded.batch_id,
            reason=reason,
            business_date=self.business_date,
            rows={file: tuple(numbers) for file, numbers in keys.items()},
            files=files,
            written_at=now_utc(),
        )
        key = f"{decoded.place}/{number}.json"
        try:
            self.lake.put_if_absent(key, record.model_dump_json().encode())
        except ObjectExists:
            return 0
        self.records.append((key, record))
        return len(files)

    def _as_delivered(self, decoded: Decoded) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Return the header and, lazily, the due rows of a batch with their cells, in file order."""
        contract = decoded.contract
        known = map_headers(contract)
        delivered = [text for text in decoded.cells.columns if level_header(text) in known]
        chosen = [f"cells.{quote_name(known[level_header(text)])}" for text in delivered]
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
        columns = ", ".join([*chosen, *(extras[name] for name in shown), "row_no", "due.defects"])
        query = f"select {columns} from {source} order by file_name, row_no"  # noqa: S608  contract fields
        result = self.connection.execute(query, arguments)
        return [*delivered, *shown, *ADDED_COLUMNS], self._explained(contract, result)

    def _explained(self, contract: Contract, result: Any) -> Iterator[tuple[Any, ...]]:
        while rows := result.fetchmany(FETCH_ROWS):
            for *values, row_no, defects in rows:
                yield *values, row_no, *explain_defects(self.catalog, contract, row_no, defects)


def write_returns(
    lake: Lake, catalog: Catalog, settings: Settings, business_date: date, build: str
) -> dict[str, int]:
    """Write the return files that are due; returns their number by department.

    Blocked batches need no build; without a candidate the refused rows wait for the next build.
    """
    written: Counter[str] = Counter()
    with open_duckdb(settings.scratch / "returns") as connection:
        run = Returns(lake, catalog, settings, business_date, connection)
        candidate = find_candidate(lake, build)
        if candidate:
            run.collect_due(
                "select dataset, batch_id, file_name, row_no, code, level, field, detail"
                " from read_parquet($files) where found_by <> 'batch'",
                candidate.tables["defects"].files,
            )
        for contract in catalog.contracts.values():
            for decoded in list_settled(lake, catalog, contract, business_date):
                files = run.return_blocked(decoded) + run.return_rows(decoded, build)
                if files:
                    written[contract.department] += files
    return dict(written)


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
