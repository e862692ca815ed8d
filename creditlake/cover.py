"""The cover sheet (封面) of a department's day: what came, what became of it, and the three rates so far.

One a department and business date; a second only if what it says has changed, because a later run returned
more rows or settled a batch. A department that delivered nothing and gets nothing back gets none.
"""

import logging
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb

from creditlake.catalog import Catalog
from creditlake.decode import list_decoded
from creditlake.outbox import Outbox
from creditlake.rates import three_rates
from creditlake.records import list_records
from creditlake.return_records import CoverRecord, DatasetDay, Rate, ReturnRecord, read_covers
from creditlake.storage import Lake, ObjectExists, now_utc
from creditlake.workbook import SheetRow, write_workbook

LOG = logging.getLogger(__name__)
UNKNOWN = "未知"
HEADER = ("数据集", "收到", "收录", "挂起", "退回", "剔除", "整批退回", "回执号有误")
COUNTS = ("received", "accepted", "held", "rejected", "dropped", "blocked", "mistyped")
RATES_HEADER = ("本月至今", "分子", "分母", "比率", "口径")
FORMULAS = {
    "上报率": "已报送的决定 / 应报送的决定；应报送数未掌握的为未知",
    "合规率": "首次报送即无退回、挂起的记录 / 收到的记录",
    "及时率": "在规定工作日内收录的记录 / 有时限的数据集收到的记录",
}


def write_cover(
    lake: Lake,
    catalog: Catalog,
    outbox: Outbox,
    department: str,
    business_date: date,
    returns: list[ReturnRecord],
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
) -> CoverRecord | None:
    """Write a department's cover sheet if one is due; returns its record. `connection` has `receipt_no`."""
    datasets = count_day(lake, catalog, department, business_date)
    returned = tuple(
        sorted(
            name
            for record in returns
            if record.department == department and record.business_date == business_date
            for name in record.workbooks
        )
    )
    if not datasets and not returned:
        return None
    rates = three_rates(connection, lake, catalog, department, business_date, scratch)
    return make_cover(lake, outbox, catalog, department, business_date, datasets, rates, returned)


def count_day(lake: Lake, catalog: Catalog, department: str, day: date) -> tuple[DatasetDay, ...]:
    """Return the counts of the datasets that delivered something new on a business date."""
    days = []
    for contract in catalog.contracts.values():
        if contract.department != department:
            continue
        records = {found.batch.batch_id: found for found in list_records(lake, catalog, contract, day)}
        counts = dict.fromkeys(COUNTS, 0)
        delivered = 0
        for batch, _, cells in list_decoded(lake, catalog, contract, day):
            if batch.first_received_date != day:
                continue
            delivered += 1
            received = cells.counts["received"] if cells else 0
            counts["received"] += received
            found = records.get(batch.batch_id)
            manifest = found.manifest if found else None
            if (cells and cells.status == "blocked") or (manifest and manifest.status == "blocked"):
                counts["blocked"] += received
            elif manifest:
                for outcome in ("accepted", "held", "rejected", "dropped"):
                    counts[outcome] += manifest.counts[outcome]
                counts["mistyped"] += manifest.counts.get("R01", 0)
        if delivered:
            days.append(DatasetDay(dataset=contract.name, title=contract.title, **counts))
    return tuple(days)


def make_cover(
    lake: Lake,
    outbox: Outbox,
    catalog: Catalog,
    department: str,
    business_date: date,
    datasets: tuple[DatasetDay, ...],
    rates: tuple[Rate, ...],
    returned: tuple[str, ...],
) -> CoverRecord | None:
    """Write one cover sheet, then its record; None if the newest one of that date says the same."""
    earlier = read_covers(lake, department, business_date)
    if earlier and earlier[-1].says() == (datasets, rates, returned):
        return None
    number = len(earlier) + 1
    name_zh = catalog.departments[department].name_zh
    rows = cover_rows(datasets, rates, returned)
    name = f"{business_date:%Y%m%d}_封面_{number}.xlsx"
    file = write_workbook(outbox, department, name, "封面", (name_zh, business_date.isoformat()), rows)
    cover = CoverRecord(
        department=department,
        business_date=business_date,
        datasets=datasets,
        rates=rates,
        returned=returned,
        files=(file,),
        written_at=now_utc(),
    )
    with suppress(ObjectExists):  # another run wrote the same sheet
        key = f"covers/{department}/{business_date.isoformat()}/{number:03d}.json"
        lake.put_if_absent(key, cover.model_dump_json().encode())
    return cover


def cover_rows(
    datasets: tuple[DatasetDay, ...], rates: tuple[Rate, ...], returned: tuple[str, ...]
) -> list[SheetRow]:
    """Return the sheet below its title row: counts by dataset, their sum, the rates, the files."""
    counted = [(day.title, *(getattr(day, name) for name in COUNTS)) for day in datasets]
    total = ("合计", *(sum(getattr(day, name) for day in datasets) for name in COUNTS))
    shown = [
        (rate.name_zh, known(rate.numerator), known(rate.denominator), percent(rate), FORMULAS[rate.name_zh])
        for rate in rates
    ]
    files = [("退回文件" if returned else "无退回文件",), *((name,) for name in returned)]
    return [SheetRow(values) for values in (HEADER, *counted, total, (), RATES_HEADER, *shown, (), *files)]


def known(count: int | None) -> int | str:
    """Return a count, or 未知."""
    return UNKNOWN if count is None else count


def percent(rate: Rate) -> str:
    """Return a rate as people read it, or 未知."""
    return UNKNOWN if rate.share is None else f"{rate.share:.2%}"
