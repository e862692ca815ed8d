"""Cover sheets: what came and what became of it, the three rates of the month so far, one a day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditlake.rates import three_rates
from creditlake.receipt_no import add_receipt_macros
from creditlake.records import list_records
from creditlake.return_records import Rate, read_covers
from creditlake.returns import write_returns
from creditlake.settings import Settings
from creditlake.storage import StepManifest, now_utc, write_manifest
from tests.deliveries import DAY, NEXT_DAY, Desk, make_contract
from tests.services import folder_settings

BUILD = f"{DAY:%Y%m%d}-01"
DEFECT = pa.struct([(name, pa.string()) for name in ("code", "level", "field", "detail")])
SCHEMA = pa.schema(
    {"record_id": pa.string(), "batch_id": pa.string(), "file_name": pa.string(), "row_no": pa.int64()}
    | {"receipt_no": pa.string(), "outcome": pa.string(), "defects": pa.list_(DEFECT)}
)
TERM = {"check": "within_working_days", "code": "D04", "fields": {"date": "doc_no"}}


@dataclass
class Row:
    """One delivered row and what standardise says of it; the document number is its record id."""

    record: str
    outcome: str = "accepted"
    codes: str = ""
    cites: str | None = None


class Office:
    """A department's desk where files are delivered, decoded and standardised."""

    def __init__(self, folder: Path, **contract: Any) -> None:
        self.desk = Desk(folder, make_contract(**{"row_checks": [TERM], **contract}))
        self.settings = folder_settings(folder)

    def deliver(self, day: date, *rows: Row) -> dict[str, str]:
        """Deliver rows on a business date; returns the receipt number by record."""
        self.desk.decode(
            "名称,决定文书号\n" + "".join(f"甲{self.desk.delivered},{r.record}\n" for r in rows), day=day
        )
        found = [
            b
            for b in list_records(self.desk.lake, self.desk.catalog, self.desk.contract, day)
            if not b.manifest
        ]
        (waiting,) = found
        batch, file = waiting.batch.batch_id, waiting.batch.receipt.files[0].name
        folder = f"records/court/example/{batch}/attempt"
        outputs = []
        for outcome in dict.fromkeys(row.outcome for row in rows):
            key = f"{folder}/_batch={batch}/_outcome={outcome}/part-0.parquet"
            table = [
                {
                    "record_id": row.record, "batch_id": batch, "file_name": file, "row_no": number,
                    "receipt_no": row.cites, "outcome": outcome,
                    "defects": [{"code": code} for code in row.codes.split()],
                }
                for number, row in enumerate(rows, start=2)
                if row.outcome == outcome
            ]  # fmt: skip
            path = self.desk.scratch / "part.parquet"
            pq.write_table(pa.Table.from_pylist(table, SCHEMA), path)
            self.desk.lake.upload_if_absent(key, path, consume=True)
            outputs.append(self.desk.lake.describe_file(key))
        counts = {
            outcome: sum(r.outcome == outcome for r in rows)
            for outcome in ("accepted", "held", "rejected", "dropped")
        }
        counts |= {code: sum(code in row.codes for row in rows) for code in ("D04", "R01")}
        for room, kept in (("rejects", ("rejected", "dropped")), ("records", ("accepted", "held"))):
            manifest = StepManifest(
                step="standardise", step_version="t", code_version="t", contract_digest="t", status="ok",
                inputs=[], outputs=[entry for entry in outputs if entry.outcome in kept], counts=counts,
                started_at=now_utc(), ended_at=now_utc(), peak_memory_mb=1,
            )  # fmt: skip
            write_manifest(self.desk.lake, waiting.manifest_key(room), manifest)
        with duckdb.connect() as connection:
            add_receipt_macros(connection)
            query = "select receipt_no(?, ?, unnest(range(2, ?)))"
            numbers = connection.execute(query, [batch, file, len(rows) + 2]).fetchall()
        return {row.record: number for row, (number,) in zip(rows, numbers, strict=True)}

    def run(self, day: date = DAY) -> dict[str, int]:
        return write_returns(self.desk.lake, self.desk.catalog, self.settings, day, BUILD)

    def rates(self, day: date) -> list[tuple[int | None, int | None]]:
        """Return (numerator, denominator) of the three rates."""
        with duckdb.connect() as connection:
            add_receipt_macros(connection)
            found = three_rates(
                connection, self.desk.lake, self.desk.catalog, "court", day, self.desk.scratch / "rates"
            )
        assert [rate.name_zh for rate in found] == ["上报率", "合规率", "及时率"]
        return [(rate.numerator, rate.denominator) for rate in found]

    def covers(self) -> list[str]:
        return sorted(path.name for path in (self.settings.home / "outbox" / "court").glob("*封面*"))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def read_sheet(settings: Settings, name: str) -> list[list[Any]]:
    book = openpyxl.load_workbook(settings.home / "outbox" / "court" / name)
    return [[cell.value for cell in row if cell.value is not None] for row in book.active.iter_rows()]


def test_a_cover_says_what_came_what_became_of_it_and_the_rates(office: Office) -> None:
    office.deliver(
        DAY, Row("1"), Row("2", codes="D04"), Row("3", "held", "K01"), Row("4", "rejected", "V01"),
        Row("5", "dropped", "U01"), Row("6", codes="R01"),
    )  # fmt: skip
    office.desk.decode("名称,工资\n甲,1\n")

    office.run()

    (name,) = office.covers()
    assert name == "20261117_封面_1.xlsx"
    (blocked,) = (path.name for path in (office.settings.home / "outbox" / "court").glob("*整批退回*.xlsx"))
    formula = "/ 应报送的决定；应报送数未掌握的为未知"
    assert read_sheet(office.settings, name) == [
        ["市中级人民法院", "2026-11-17"],
        ["数据集", "收到", "收录", "挂起", "退回", "剔除", "整批退回", "回执号有误"],
        ["示例", 6, 3, 1, 1, 1, 0, 1],
        ["合计", 6, 3, 1, 1, 1, 0, 1],
        [],
        ["本月至今", "分子", "分母", "比率", "口径"],
        ["上报率", "未知", "未知", "未知", f"已报送的决定 {formula}"],
        ["合规率", 3, 5, "60.00%", "首次报送即无退回、挂起的记录 / 收到的记录"],
        ["及时率", 2, 5, "40.00%", "在规定工作日内收录的记录 / 有时限的数据集收到的记录"],
        [],
        ["退回文件"],
        [blocked],
    ]


def test_a_second_run_writes_no_cover_and_a_changed_day_a_second_one(office: Office) -> None:
    office.deliver(DAY, Row("1"))
    office.run()
    office.run()
    assert office.covers() == ["20261117_封面_1.xlsx"]

    office.deliver(DAY, Row("2", "held", "K01"))
    office.run()

    assert office.covers() == ["20261117_封面_1.xlsx", "20261117_封面_2.xlsx"]
    assert [cover.datasets[0].received for cover in read_covers(office.desk.lake)] == [1, 2]


def test_a_day_without_deliveries_and_returns_has_no_cover(office: Office) -> None:
    office.deliver(DAY, Row("1"))

    office.run(NEXT_DAY)

    assert office.covers() == []


def test_a_correction_is_no_second_record_and_does_not_make_the_first_submission_right(
    office: Office,
) -> None:
    numbers = office.deliver(
        DAY, Row("wrong key", "rejected", "M01"), Row("same key", "rejected", "M01"), Row("good")
    )
    again = office.deliver(
        NEXT_DAY, Row("right key", "rejected", "V01", cites=numbers["wrong key"]), Row("same key")
    )
    office.deliver(NEXT_DAY, Row("third key", cites=again["right key"]))

    assert office.rates(DAY) == [(None, None), (1, 3), (1, 3)]
    assert office.rates(NEXT_DAY) == [(None, None), (1, 3), (3, 3)]  # accepted in time, if by a correction


def test_late_rows_and_rows_not_yet_accepted_are_not_in_time(office: Office) -> None:
    office.deliver(DAY, Row("late", codes="D04"), Row("held", "held", "K01"), Row("good"))

    assert office.rates(DAY) == [(None, None), (2, 3), (1, 3)]


def test_a_month_begins_anew_and_a_cited_row_of_an_earlier_month_is_not_counted_again(office: Office) -> None:
    numbers = office.deliver(date(2026, 10, 30), Row("old", "rejected", "M01"), Row("good"))
    office.deliver(DAY, Row("new key", cites=numbers["old"]), Row("fresh"))

    assert office.rates(date(2026, 10, 31)) == [(None, None), (1, 2), (1, 2)]
    assert office.rates(DAY) == [(None, None), (1, 1), (1, 1)]


def test_a_mistyped_number_cites_nothing(office: Office) -> None:
    office.deliver(DAY, Row("new", codes="R01", cites="HHHHHHHHHHHH"))

    assert office.rates(DAY) == [(None, None), (1, 1), (1, 1)]


def test_of_full_snapshots_the_last_of_the_month_counts(tmp_path: Path) -> None:
    office = Office(tmp_path, delivery={"kind": "full_snapshot"})
    office.deliver(DAY, Row("1", "rejected", "M01"), Row("2"))
    office.deliver(NEXT_DAY, Row("1"), Row("2"), Row("3"))

    assert office.rates(NEXT_DAY) == [(None, None), (3, 3), (3, 3)]


def test_a_rate_without_records_or_without_a_term_is_unknown(tmp_path: Path) -> None:
    office = Office(tmp_path, row_checks=[])
    assert office.rates(DAY) == [(None, None), (0, 0), (0, 0)]

    office.deliver(DAY, Row("1"))

    assert office.rates(DAY) == [(None, None), (1, 1), (0, 0)]
    assert Rate(name_zh="及时率", numerator=0, denominator=0).share is None
    assert Rate(name_zh="及时率", numerator=1, denominator=3).share == 0.333333
