"""Cells that no department should send: both engines make the same records and defects of them."""

import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from creditlake.onboard.trial import make_batch
from creditlake.receipt_no import RECEIPT_FIELD
from creditlake.settings import REPOSITORY
from spark_jobs import try_contract
from tests.samples import make_uscc

pytestmark = [pytest.mark.spark, pytest.mark.slow]
ROWS = 1_500
KEYED = ("record_id", "target_record_id")  # a trial's key is of its run only
ODD = [
    None, "", " ", "无", "/", "—", "0", "　", "NULL", "null",
    # dates
    "0000-01-01", "0000-02-29", "0001-1-1", "9999-9-9", "9999-12-31", "2019-02-30", "2019/1/9",
    "20190109",
    "2019年10月10日", "2019年1月9", "43000", "99999", "00001", "1546300800000", "999999999999",
    "2019-10-10 12:30:00",
    "2019-1-9T08:00", "1900-1-1", "1900年01月01日", "1582-10-10", "2019-13-01", "２０１９-１０-１０",
    "2019-10-10.5",
    # numbers
    "1,234.5", "5,000000", "1e-5", "1E+3", "-0.00001", "-0.0001", "-3", "99999999999999999999",
    "9999999999999.995",
    ".5", "+7", "0.005", "1.005", "2.675", "12.5", "1e3", "1_000", " 7", "１２", "1,0", "００１", "0x10",
    "NaN", "Infinity",
    # codes and names
    make_uscc(1), make_uscc(1).lower(), f"'{make_uscc(2)}", f"=\"{make_uscc(3)}\"", make_uscc(4)[:17],
    "0" * 18,
    make_uscc(1).replace("0", "O"), "91990000MA000000*", "9.19E+17", "990000199001010017",
    "99000019900101001X",
    "990000900101001", "990000850101999", "99000019900231001X", "123456789", "12345678X",
    "990000000000031",
    "企合粤深总字第1号", "****", "9199********0000", "护照E1234567", "阿.不.都", "阿·不都", "张*",
    "李××", "\ue000甲",
    "ＡＢＣ（中国）有限公司", "abc (中国)", "甲\\乙'丙\"", "甲\n乙", "甲\t乙", "國際貿易", "罚款",
    "罚款;警告", "警告、罚款、没收",
    "1", "2", "Y", "是", "否", "LEGAL", "NATURAL", "法人", "自然人", "个体工商户",
    "市场【二〇一九】第1号", "第号", "罚款人民币5万元",
    "罚款１，０００元", "😀", "e\u0301", "ß", "İ",
]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["market_regulation.penalty_decision", "court.judgment_defaulter", "market_regulation.entity_register"],
)
def test_odd_cells_become_equal_records(
    name: str, catalog: Catalog, few_rows: SparkSession, tmp_path: Path
) -> None:
    contract = catalog.contracts[name]
    path = REPOSITORY / "catalog" / "datasets" / f"{name.replace('.', '/')}.yml"
    draw = random.Random(name)
    columns: dict[str, list[object]] = {
        "row_no": [*range(2, ROWS + 2)],
        "file_name": ["f.csv"] * ROWS,
        "ragged_line": [None] * ROWS,
        RECEIPT_FIELD: [draw.choice(ODD) for _ in range(ROWS)],
        **{field: [draw.choice(ODD) for _ in range(ROWS)] for field in contract.fields},
    }
    types = {"row_no": pa.int64()}
    cells = pa.table({name: pa.array(found, types.get(name, pa.string())) for name, found in columns.items()})
    folders = {engine: tmp_path / engine for engine in ("spark", "duckdb")}
    sample = tmp_path / "f.csv"
    sample.write_bytes(b"")
    batch = make_batch(contract, sample, date(2026, 11, 16))
    for folder in folders.values():
        (folder / "cells").mkdir(parents=True)
        pq.write_table(cells, folder / "cells" / "part.parquet")
        (folder / "batch.json").write_text(batch.model_dump_json(), encoding="utf-8")

    try_contract.run(str(path), str(folders["spark"]), few_rows)
    script = REPOSITORY / "spark_jobs" / "try_contract.py"
    done = subprocess.run(
        [sys.executable, str(script), "--contract", str(path), "--folder", str(folders["duckdb"])],
        env=os.environ
        | {"CREDITLAKE_ENGINE": "duckdb", "PYTHONPATH": str(REPOSITORY), "CREDITLAKE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    expected, found = (read_records(folder / "records") for folder in folders.values())
    assert len(expected) == ROWS
    different = {
        (
            column,
            str(columns.get(column, ["-"] * ROWS)[row]),
            str(expected[row][column]),
            str(found[row][column]),
        )
        for row in range(ROWS)
        for column in expected[row]
        if expected[row][column] != found[row][column]
    }
    assert sorted(different)[:20] == []


def read_records(folder: Path) -> list[dict[str, object]]:
    """Return the records in the order of their rows, without what a run names anew."""
    table = pa.concat_tables(pq.ParquetFile(path).read() for path in sorted(folder.glob("*.parquet")))
    for place, field in enumerate(table.schema):
        if pa.types.is_date32(field.type):  # the year 0000 is a date, though not for Python
            table = table.set_column(place, field.name, table.column(place).cast(pa.int32()))
    rows = table.to_pylist()
    return [
        {name: value for name, value in row.items() if name not in KEYED}
        for row in sorted(rows, key=lambda row: row["row_no"])
    ]
