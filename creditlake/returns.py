"""Return files: what a department must mend, as it delivered it, with row, code and cure in Chinese.

Refused and held rows go back in the department's own columns and order, every value as the text that
came (the cells room), plus 行号, 错误代码, 错误说明. A blocked batch goes back as one sheet that names file,
row, field and cure. A batch is returned once per step result: `returns/…` in the lake says which files were
written and is the commit; a second run finds it and writes nothing.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode.headers import level_header, map_headers
from creditlake.duck import open_duckdb, quote_name
from creditlake.gate.model import Closed
from creditlake.receipts import Batch, list_batches
from creditlake.settings import Settings
from creditlake.storage import Lake, ObjectExists, StepManifest, list_manifests, now_utc

ROWS_PER_FILE = 100_000
ADDED_COLUMNS = ("行号", "错误代码", "错误说明")
RAGGED_COLUMN = "原始行"  # the line as it came, where it could not be cut into columns
BLOCKED_COLUMNS = ("文件", "行号", "字段", "错误代码", "错误说明", "处理办法")
RETURNED_OUTCOMES = ("held", "rejected")
NOT_IN_XLSX = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
CELL_MAX = 32_767
FETCH_ROWS = 5_000


class ReturnedFile(Closed):
    """One file in a department's outbox; `name` is relative to it."""

    name: str
    bytes: int
    rows: int
    sha256: str


class ReturnRecord(Closed):
    """What went back for one batch."""

    dataset: str
    batch_id: str
    step_key: str
    business_date: date
    rows: int
    files: tuple[ReturnedFile, ...]
    written_at: datetime


@dataclass(frozen=True)
class Settled:
    """A batch whose fate is known: the manifest that decided it, and the cells it came from."""

    batch: Batch
    step_key: str
    manifest: StepManifest
    cells: StepManifest | None
    rejects: StepManifest | None


def write_returns(
    lake: Lake, catalog: Catalog, settings: Settings, business_date: date, build: str = ""
) -> dict[str, int]:
    """Write the return files that are due by a business date; returns the number of files by department.

    `build` is only logged with the record's date: what is returned depends on the batches' own steps.
    """
    written: dict[str, int] = {}
    for contract in catalog.contracts.values():
        for batch in list_batches(lake, contract, business_date):
            settled = find_settled(lake, contract, batch)
            if settled is None:
                continue
            key = record_key(contract, batch.batch_id, settled.step_key)
            if lake.exists(key):
                continue
            record = return_batch(lake, catalog, contract, settled, settings, business_date)
            try:
                lake.put_if_absent(key, record.model_dump_json(indent=1).encode())
            except ObjectExists:
                continue
            if record.files:
                written[contract.department] = written.get(contract.department, 0) + len(record.files)
    return written


def record_key(contract: Contract, batch_id: str, step_key: str) -> str:
    """Return where the record of a batch's return lies."""
    return f"returns/{contract.department}/{contract.dataset}/{batch_id}/{step_key}.json"


def find_settled(lake: Lake, contract: Contract, batch: Batch) -> Settled | None:
    """Return the newest step result that settled a batch, or None while it waits."""
    place = f"{contract.department}/{contract.dataset}/{batch.batch_id}"
    cells = _newest(lake, f"cells/{place}")
    records = _newest(lake, f"records/{place}")
    if records:
        rejects = _newest(lake, f"rejects/{place}")
        return Settled(
            batch, records[0], records[1], cells[1] if cells else None, rejects[1] if rejects else None
        )
    if cells and cells[1].status == "blocked":
        return Settled(batch, cells[0], cells[1], None, None)
    return None


def _newest(lake: Lake, prefix: str) -> tuple[str, StepManifest] | None:
    """Return (step key, manifest) of the step's last result: a mended contract makes a later one."""
    found = [(key.rpartition("/")[2].removesuffix(".json"), m) for key, m in list_manifests(lake, prefix)]
    return max(found, key=lambda pair: (pair[1].ended_at, pair[0]), default=None)


def return_batch(
    lake: Lake,
    catalog: Catalog,
    contract: Contract,
    settled: Settled,
    settings: Settings,
    business_date: date,
) -> ReturnRecord:
    """Write one batch's return files into the department's outbox; none if nothing is wrong with it."""
    folder = settings.outbox / contract.department
    batch_id = settled.batch.batch_id
    if settled.manifest.status == "blocked":
        stem = f"{business_date:%Y%m%d}_整批退回_{contract.title}_{batch_id}"
        rows: Iterable[Sequence[Any]] = _blocked_rows(contract, settled.manifest)
        header: Sequence[str] = BLOCKED_COLUMNS
    else:
        stem = f"{business_date:%Y%m%d}_退回_{contract.title}_{batch_id}"
        header, rows = _returned_rows(lake, catalog, contract, settled, settings)
    files = tuple(write_workbooks(folder, stem, header, rows))
    return ReturnRecord(
        dataset=contract.name,
        batch_id=batch_id,
        step_key=settled.step_key,
        business_date=business_date,
        rows=sum(file.rows for file in files),
        files=files,
        written_at=now_utc(),
    )


def _blocked_rows(contract: Contract, manifest: StepManifest) -> list[tuple[Any, ...]]:
    return [
        (
            defect.file,
            defect.row_no,
            contract.fields[defect.field].title if defect.field else None,
            defect.code,
            defect.message_zh,
            defect.cure_zh,
        )
        for defect in manifest.defects
    ]


def _returned_rows(
    lake: Lake, catalog: Catalog, contract: Contract, settled: Settled, settings: Settings
) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Return the header and, lazily, the rows of refused and held records in file order."""
    cells = settled.cells
    outputs = [*settled.manifest.outputs, *(settled.rejects.outputs if settled.rejects else ())]
    refused = {entry.key: entry for entry in outputs if entry.outcome in RETURNED_OUTCOMES and entry.rows}
    if not refused or cells is None:
        return [], iter(())
    known = map_headers(contract)
    delivered = [text for text in cells.columns if level_header(text) in known]
    fields = [known[level_header(text)] for text in delivered]
    scratch = settings.scratch / "returns"
    header = [*delivered, RAGGED_COLUMN, *ADDED_COLUMNS]
    rows = _join_cells(
        [str(path) for path in lake.localise(cells.outputs, scratch)],
        [str(path) for path in lake.localise(list(refused.values()), scratch)],
        fields,
        scratch,
    )
    return header, (
        (*cell_values, row_no, *_explain(catalog, contract, row_no, defects))
        for *cell_values, row_no, defects in rows
    )


def _join_cells(
    cells: list[str], refused: list[str], fields: Sequence[str], scratch: Path
) -> Iterator[tuple[Any, ...]]:
    """Yield cells, the line if it was ragged, row_no and defects of every refused row, in file order."""
    columns = ", ".join(f"cells.{quote_name(field)}" for field in fields)
    with open_duckdb(scratch) as connection:
        result = connection.execute(
            f"select {columns}, cells.ragged_line, row_no, refused.defects"  # noqa: S608  contract fields
            " from read_parquet($cells) cells join (select row_no, defects from read_parquet($refused)) refused"
            " using (row_no) order by row_no",
            {"cells": cells, "refused": refused},
        )
        while rows := result.fetchmany(FETCH_ROWS):
            yield from rows


def _explain(
    catalog: Catalog, contract: Contract, row_no: int, defects: list[dict[str, str]]
) -> tuple[str, str]:
    """Return the codes and the Chinese text of a row's defects, each with its cure."""
    codes, texts = [], []
    for defect in defects:
        entry = catalog.defects[defect["code"]]
        field = contract.fields.get(defect["field"] or "")
        names = {
            "row": row_no,
            "file": "",
            "field": field.title if field else defect["field"] or "",
            "detail": defect["detail"] or "",
        }
        if defect["code"] not in codes:
            codes.append(defect["code"])
        texts.append(f"{entry.message.format(**names)}。{entry.cure.format(**names)}")
    return ";".join(codes), "；".join(dict.fromkeys(texts))


def write_workbooks(
    folder: Path, stem: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[ReturnedFile]:
    """Write rows as `<stem>_01.xlsx`, `_02` …, at most 100,000 rows each; no rows, no file.

    A column that is empty in a whole file stays: the department's own layout is kept, except 原始行.
    """
    number, sheet_rows = 0, iter(rows)
    while chunk := list(islice(sheet_rows, ROWS_PER_FILE)):
        number += 1
        yield _write_workbook(folder / f"{stem}_{number:02d}.xlsx", header, chunk)


def _write_workbook(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> ReturnedFile:
    """Write one workbook under another name and move it into place, so that nobody fetches half a file."""
    keep = [i for i, text in enumerate(header) if text != RAGGED_COLUMN or any(row[i] for row in rows)]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("退回")
    sheet.freeze_panes = "A2"
    sheet.append([_cell(sheet, header[i]) for i in keep])
    for row in rows:
        sheet.append([_cell(sheet, row[i]) for i in keep])
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        book.save(draft)
        data = draft.read_bytes()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return ReturnedFile(
        name=path.name, bytes=len(data), rows=len(rows), sha256=hashlib.sha256(data).hexdigest()
    )


def _cell(sheet: Any, value: Any) -> Any:
    """Return a cell that Excel shows as it is: text stays text, also `=1+1`, `00123` and 18 digits."""
    if value is None or isinstance(value, int):
        return value
    cell = WriteOnlyCell(sheet)
    cell.value = NOT_IN_XLSX.sub("\ufffd", str(value))[:CELL_MAX]
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
