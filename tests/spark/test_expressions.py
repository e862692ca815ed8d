"""The Spark columns say what the Python functions say: known cells, odd cells, a million generated ones."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from creditlake import identifiers as ids
from creditlake import names, normalise
from creditlake.identifiers import Graded
from spark_jobs import expressions as ex
from tests.identifier_vectors import CELLS
from tests.spark.generated_codes import GENERATED_ROWS, generate_codes

pytestmark = pytest.mark.spark

# kind of the vectors → contract type, what the row says of it, Python reference
KINDS: dict[str, tuple[str, bool | None, Callable[[str | None], Graded]]] = {
    "uscc": ("uscc", None, ids.grade_uscc),
    "org_code": ("org_code", None, ids.grade_org_code),
    "reg_no": ("reg_no", None, ids.grade_reg_no),
    "tax_id": ("tax_id", None, ids.grade_tax_id),
    "id_no": ("id_no", None, ids.grade_resident_id),
    "document": ("id_no", False, ids.grade_other_document),
    "person": ("party_code", True, lambda text: ids.grade_party_code(text, is_person=True)),
    "organisation": ("party_code", False, lambda text: ids.grade_party_code(text, is_person=False)),
}
ODD_TEXTS = (
    None, "", " ", "\t\n", "无", "暫無", "null", "\\n", "0", "０", "-", "Ⅷ", "ß", "ſ", "İ", "𬭎䶮", "a\u0301",
    "\u200b", "绍兴（越城）商贸 有限公司", "阿卜杜拉·买买提", "阿.里.木", "张*", "李××", "MAX  LEE", "乾隆",
    "張國強", "市场【2019】第1号", "市场〔二〇一九〕1号", "（2022）豫0724执恢54號之一", "第第1号号", "〔〕",
    "1號2号", "$1\\2", "９１４４０３００１９２２０３８２１６", "33060219491231002*", "*", "'\"=x'", "1.5.;",
    "\ud7ff", "龘\u3000\u3000龘",
)  # fmt: skip


def evaluate(spark: SparkSession, texts: list[str | None], **columns: Column) -> list[tuple]:
    """Return the columns over a table of texts named `text`, in order."""
    table = spark.createDataFrame(list(enumerate(texts)), "at int, text string")
    rows = (
        table.select("at", *(column.alias(name) for name, column in columns.items())).orderBy("at").collect()
    )
    return [tuple(row)[1:] for row in rows]


def graded_columns(kind: str, text: Column) -> tuple[Column, Column]:
    """Return value and status of a kind of the vectors."""
    field_type, says, _ = KINDS[kind]
    applies = None if says is None else F.lit(says)
    code = ex.clean_identifier(text)
    status = ex.status_of_code(field_type, code, applies)
    return ex.value_of_code(field_type, code, status, applies), status


@pytest.mark.parametrize("kind", KINDS)
def test_known_cells_get_their_grade_and_value(spark: SparkSession, kind: str) -> None:
    cells = [cell for cell in CELLS if cell[0] == kind]
    assert len(cells) >= 3
    value, status = graded_columns(kind, F.col("text"))
    found = evaluate(spark, [text for _, text, _, _ in cells], value=value, status=status)
    assert found == [(value, status) for _, _, status, value in cells]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_other_kinds_and_odd_texts_get_the_grade_of_python(spark: SparkSession, kind: str) -> None:
    texts = [text for _, text, _, _ in CELLS] + list(ODD_TEXTS)
    value, status = graded_columns(kind, F.col("text"))
    found = evaluate(spark, texts, value=value, status=status)
    assert found == [tuple(KINDS[kind][2](text)) for text in texts]


def test_a_million_generated_codes_get_the_grade_of_python(spark: SparkSession, tmp_path: Path) -> None:
    """Half valid, a quarter one edit away, a quarter noise; every kind of identifier."""
    counts: dict[str, int] = {}
    disagreements = []
    rows = 0
    for kind, codes in generate_codes(seed=20261122):
        expected = [KINDS[kind][2](code) for code in codes]
        path = tmp_path / f"{kind}.parquet"
        table = pa.table(
            {
                "text": codes,
                "value": [graded.value for graded in expected],
                "status": [graded.status.value for graded in expected],
            }
        )
        pq.write_table(table, path)
        cleaned = spark.read.parquet(str(path)).withColumn("code", ex.clean_identifier(F.col("text")))
        field_type, says, _ = KINDS[kind]
        applies = None if says is None else F.lit(says)
        status = ex.status_of_code(field_type, F.col("code"), applies)
        same_value = ex.value_of_code(field_type, F.col("code"), status, applies).eqNullSafe(F.col("value"))
        same_status = status.eqNullSafe(F.col("status"))
        disagreements += cleaned.where(~(same_value & same_status)).select("text", "value", "status").take(5)
        rows += len(codes)
        for graded in expected:
            counts[graded.status.value] = counts.get(graded.status.value, 0) + 1
    assert disagreements == []
    assert rows == GENERATED_ROWS == 1_000_000
    assert 0.49 < counts["valid"] / rows < 0.55
    assert set(counts) == set(ids.IdentifierStatus)
    assert min(counts.values()) > 100


def test_comparison_forms_are_those_of_python(spark: SparkSession) -> None:
    texts = [text for text in ODD_TEXTS if text is not None] + [text for _, text, _, _ in CELLS if text]
    text = F.col("text")
    found = evaluate(
        spark, texts,
        text=ex.normalise_text(text), code=ex.clean_identifier(text), name=ex.normalise_name(text),
        number=ex.normalise_doc_no(text), filler=ex.is_filler(text), masked=ex.is_masked_name(text),
    )  # fmt: skip
    assert found == [
        (
            normalise.normalise_text(one), normalise.clean_identifier(one), names.normalise_name(one),
            normalise.normalise_doc_no(one), normalise.is_filler(one), names.is_masked_name(one),
        )
        for one in texts
    ]  # fmt: skip


def test_every_mapped_character_becomes_the_same_in_spark(spark: SparkSession) -> None:
    texts = [f"a{char}b{char}" for char in normalise.normalisation().mapping]
    assert len(texts) > 1500
    text = F.col("text")
    found = evaluate(spark, texts, text=ex.normalise_text(text), code=ex.clean_identifier(text))
    assert found == [(normalise.normalise_text(one), normalise.clean_identifier(one)) for one in texts]


def test_comparison_forms_of_null_are_null_and_null_is_filler(spark: SparkSession) -> None:
    text = F.col("text")
    forms = [ex.normalise_text, ex.clean_identifier, ex.normalise_name, ex.normalise_doc_no, ex.is_filler]
    found = evaluate(spark, [None], **{form.__name__: form(text) for form in forms})
    assert found == [(None, None, None, None, True)]


DATES = {
    "2019-10-10": dt.date(2019, 10, 10),
    "2019-1-9": dt.date(2019, 1, 9),
    "2019/10/10": dt.date(2019, 10, 10),
    "2019/1/9": dt.date(2019, 1, 9),
    "20191010": dt.date(2019, 10, 10),
    "2019年10月10日": dt.date(2019, 10, 10),
    "2019年1月9日": dt.date(2019, 1, 9),
    "２０１９年１月９日": dt.date(2019, 1, 9),
    "2019 年 1 月 9 日": dt.date(2019, 1, 9),
    "2019-10-10 23:59:59": dt.date(2019, 10, 10),
    "2019-10-10T00:00:00.000": dt.date(2019, 10, 10),
    " 2019-10-10 ": dt.date(2019, 10, 10),
    "1570636800000": dt.date(2019, 10, 10),  # midnight in China, still the 9th in UTC
    "1570723199999": dt.date(2019, 10, 10),  # its last millisecond
    "43748": dt.date(2019, 10, 10),
    "43748.0": dt.date(2019, 10, 10),
    "9999-9-9": dt.date(9999, 9, 9),
    "2099-12-31": dt.date(2099, 12, 31),
    "2024-02-29": dt.date(2024, 2, 29),
    "1900-1-1": None,
    "1900-01-01": None,
    "19000101": None,
    "2023-02-29": None,
    "20230229": None,
    "2019-13-01": None,
    "2019-00-10": None,
    "0000-00-00": None,
    "202011": None,  # a month is no day
    "2019-10": None,
    "2019-10-10 junk": None,
    "12019-10-10": None,
    "无处罚期限": None,
    "长期": None,
    "": None,
    "99999999999999999999": None,
    None: None,
}


def test_dates_of_every_dialect_are_read(spark: SparkSession) -> None:
    found = evaluate(spark, list(DATES), date=ex.parse_date(F.col("text")))
    assert dict(zip(DATES, [date for (date,) in found], strict=True)) == DATES


def test_excel_serials_and_epochs_are_the_days_they_stand_for(spark: SparkSession) -> None:
    days = [dt.date(1990, 1, 1) + dt.timedelta(days=at) for at in range(0, 20_000, 37)]
    midnight = dt.datetime(1970, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    serials = [str((day - dt.date(1899, 12, 30)).days) for day in days]
    stamps = [
        str(int((dt.datetime(day.year, day.month, day.day, tzinfo=midnight.tzinfo)).timestamp()) * 1000)
        for day in days
    ]
    late = [text for text in stamps if len(text) >= 12]
    assert len(late) > 400
    expected = days + [day for day, text in zip(days, stamps, strict=True) if len(text) >= 12]
    assert [
        date for (date,) in evaluate(spark, serials + late, date=ex.parse_date(F.col("text")))
    ] == expected


AMOUNTS = {
    "5": Decimal("50000.00"),
    "0.5": Decimal("5000.00"),
    ".5": Decimal("5000.00"),
    "-1": Decimal("-10000.00"),
    "1,234.567890": Decimal("12345678.90"),
    "１，２３４．５": Decimal("12345000.00"),
    " 3 ": Decimal("30000.00"),
    "0.0000005": Decimal("0.01"),  # half a fen rounds up
    "0.0000004": Decimal("0.00"),
    "-0.00001": Decimal("0.00"),  # dust
    "-1E-05": Decimal("0.00"),
    "-0.0001": Decimal("-1.00"),
    "1E-04": Decimal("1.00"),
    "99999999999.99": Decimal("999999999999900.00"),
    "5,000000": None,  # five, or five million
    "1,23": None,
    "1.5E+8": None,  # digits are lost
    "暂无": None,
    "5万元": None,
    "": None,
    "-": None,
    ".": None,
    "1.2.3": None,
    "NaN": None,
    "Infinity": None,
    "9999999999999999": None,  # more than decimal(18,2) holds
    "9" * 50: None,
    None: None,
}


def test_amounts_are_read_in_their_unit(spark: SparkSession) -> None:
    found = evaluate(spark, list(AMOUNTS), amount=ex.parse_decimal(F.col("text"), 18, 2, multiply=10_000))
    assert dict(zip(AMOUNTS, [amount for (amount,) in found], strict=True)) == AMOUNTS


def test_amount_has_the_type_of_the_contract(spark: SparkSession) -> None:
    table = spark.createDataFrame([("1",)], "text string")
    assert table.select(ex.parse_decimal(F.col("text"), 12, 4)).dtypes[0][1] == "decimal(12,4)"


def test_birth_date_is_read_from_a_resident_number(spark: SparkSession) -> None:
    texts = ["990000199003070013", "990000202402290014", "990000199002300013", "91990000MA0000007X", None]
    found = evaluate(spark, texts, born=ex.resident_birth_date(F.col("text")))
    assert found == [(dt.date(1990, 3, 7),), (dt.date(2024, 2, 29),), (None,), (None,), (None,)]


@pytest.mark.parametrize("size", [1, 32, 64, 65, 200])
def test_keyed_hash_is_that_of_python(spark: SparkSession, size: int) -> None:
    key = bytes((7 * at + 3) % 256 for at in range(size))
    texts = ["", "a", "绍兴\x1f市场〔2019〕1\x1f张三", "x" * 1000]
    found = evaluate(spark, [*texts, None], digest=ex.hmac_hex(F.col("text"), key))
    assert found == [
        *((hmac.new(key, text.encode(), hashlib.sha256).hexdigest(),) for text in texts),
        (None,),
    ]


def test_checks_are_compiled_and_call_no_python(spark: SparkSession) -> None:
    """One whole-stage program and no interpreter: what keeps ten million rows affordable.

    Registration numbers are the exception: their check carries a remainder from digit to digit.
    """
    table = spark.createDataFrame([("1",)], "text string").withColumn(
        "code", ex.clean_identifier(F.col("text"))
    )
    for kind, (field_type, says, _) in KINDS.items():
        if field_type == "reg_no":
            continue
        applies = None if says is None else F.lit(says)
        table = table.withColumn(kind, ex.status_of_code(field_type, F.col("code"), applies))
    plan = table._jdf.queryExecution().executedPlan().toString()
    assert "Python" not in plan
    assert "lambdafunction" not in plan
    assert "*(1) Project" in plan
