"""Small tables from Python values, and the choice between compiled and interpreted expressions."""

from datetime import date

import pytest
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from spark_jobs.on_spark import COMPILE_FROM_ROWS, expect_rows, make_frame
from tests.spark.rows import PENALTY, PERSON_PENALTY, make_records

SCHEMA = "name string, n bigint, day date, is_latest boolean"


def test_a_small_table_holds_what_it_was_given(spark: SparkSession) -> None:
    rows = [("it's \\ 云", 1, date(2026, 11, 16), True), (None, None, None, None)]
    table = make_frame(spark, rows, SCHEMA)
    assert [tuple(row) for row in table.collect()] == rows
    assert table.schema.simpleString() == "struct<name:string,n:bigint,day:date,is_latest:boolean>"
    empty = make_frame(spark, [], SCHEMA)
    assert (empty.collect(), empty.schema) == ([], table.schema)
    with pytest.raises(TypeError, match="no literal for float"):
        make_frame(spark, [(1.5,)], "x double")


@pytest.mark.slow
def test_compiled_and_interpreted_expressions_give_equal_records(
    spark: SparkSession, catalog: Catalog
) -> None:
    rows = [PENALTY, PERSON_PENALTY, {**PENALTY, "uscc": "9199OOOOMA0000007X"}, {"ragged_line": "x"}]
    found = {}
    for expected in (COMPILE_FROM_ROWS, COMPILE_FROM_ROWS - 1):
        session = spark.newSession()
        expect_rows(session, expected, whole_stage=False)
        records = make_records(session, catalog, "market_regulation.penalty_decision", rows)
        found[session.conf.get("spark.sql.codegen.factoryMode")] = sorted(records.collect(), key=str)
    assert set(found) == {"FALLBACK", "NO_CODEGEN"}
    assert found["FALLBACK"] == found["NO_CODEGEN"]
