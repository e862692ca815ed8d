"""A department's three rates of the month so far: 上报率, 合规率, 及时率 (domain.md §4.1, design).

Grain: records first submitted in the month. A row that cites a receipt number speaks for the record of the
row it cites, so a correction is no second record and does not make the first submission right; but what is
accepted in time by a correction is in time, because the clock neither stops nor starts anew.

- 上报率: reported decisions / decisions taken. What was decided and not delivered no one sees here: unknown.
- 合规率: records whose first submission had nothing to return (no E, no H) / records.
- 及时率: records accepted without D04 / records, over the datasets that have a term of working days.

Of a full snapshot only the last of the month counts. Blocked batches came to no row and are not counted. A
record of an earlier month that is delivered again without citing a receipt number counts as this month's.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import duckdb

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.records import RecordBatch, list_records, rejects_of
from creditlake.return_records import Rate
from creditlake.storage import FileEntry, Lake

REPORTING, COMPLIANCE, TIMELINESS = "上报率", "合规率", "及时率"
RECORDS = """
with recursive submitted as (
    select
        batches.place, rows.row_no, rows.file_name, batches.has_term, batches.dataset, record_id, receipt_no,
        receipt_no(batch_id, file_name, row_no) as own_no, outcome,
        list_contains(list_transform(defects, lambda d: d.code), 'D04') as is_late,
        list_contains(list_transform(defects, lambda d: d.code), 'R01') as is_mistyped
    from read_parquet($files, union_by_name = true, hive_partitioning = false) as rows
    inner join month_batches as batches using (batch_id)
    where outcome <> 'dropped'
),
spoken_for as (
    select own_no, record_id as first_id from submitted where receipt_no is null or is_mistyped
    union all
    select submitted.own_no, spoken_for.first_id
    from submitted
    inner join spoken_for on submitted.receipt_no = spoken_for.own_no and not submitted.is_mistyped
),
records as (
    select
        bool_or(has_term) as has_term,
        arg_min(outcome, (place, file_name, row_no)) = 'accepted' as was_right,
        bool_or(outcome = 'accepted' and not is_late) as is_on_time
    from submitted
    inner join spoken_for using (own_no)
    group by dataset, first_id
)
select
    count(*),
    count(*) filter (was_right),
    count(*) filter (has_term),
    count(*) filter (has_term and is_on_time)
from records
"""


def three_rates(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    catalog: Catalog,
    department: str,
    business_date: date,
    scratch: Path,
) -> tuple[Rate, Rate, Rate]:
    """Return the rates of the month up to a business date. `connection` has the macro `receipt_no`."""
    batches = list(month_batches(lake, catalog, department, business_date))
    files = [entry for batch in batches for entry in files_of(lake, batch)]
    paths = [str(path) for path in lake.localise(files, scratch)]
    records, right, with_term, on_time = count_records(connection, batches, paths) if paths else (0,) * 4
    return (
        Rate(name_zh=REPORTING, numerator=None, denominator=None),
        Rate(name_zh=COMPLIANCE, numerator=right, denominator=records),
        Rate(name_zh=TIMELINESS, numerator=on_time, denominator=with_term),
    )


def count_records(
    connection: duckdb.DuckDBPyConnection, batches: Sequence[RecordBatch], paths: Sequence[str]
) -> tuple[int, ...]:
    """Return the records of some batches: all, right at once, those with a term, in time among these."""
    connection.execute(
        "create or replace temp table month_batches"
        " (batch_id varchar, dataset varchar, place integer, has_term boolean)"
    )
    connection.executemany(
        "insert into month_batches values (?, ?, ?, ?)",
        [
            (batch.batch.batch_id, batch.contract.name, place, has_term(batch.contract))
            for place, batch in enumerate(batches)
        ],
    )
    found = connection.execute(RECORDS, {"files": paths}).fetchone()
    assert found is not None
    return found


def month_batches(lake: Lake, catalog: Catalog, department: str, until: date) -> Iterator[RecordBatch]:
    """Yield the usable batches of the month in receipt order; of a full snapshot the last one only."""
    for contract in catalog.contracts.values():
        if contract.department != department:
            continue
        usable = [
            found
            for found in list_records(lake, catalog, contract, until)
            if found.manifest and found.manifest.status == "ok"
        ]
        month = [found for found in usable if found.batch.received_date >= until.replace(day=1)]
        yield from month[-1:] if contract.delivery.kind == "full_snapshot" else month


def files_of(lake: Lake, batch: RecordBatch) -> Sequence[FileEntry]:
    """Return the files of a batch in both rooms."""
    lost = rejects_of(lake, batch)
    return [*batch.outputs, *(lost.outputs if lost else [])]


def has_term(contract: Contract) -> bool:
    """Tell whether a dataset's rows have to come within a number of working days."""
    return any(check.check == "within_working_days" for check in contract.row_checks)
