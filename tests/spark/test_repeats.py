"""Rows that repeat others of their batch, and rows that do not count."""

from pyspark.sql import Row, SparkSession

from creditlake.catalog import Catalog
from spark_jobs.standardising import standardise
from tests.spark.rows import KEY, PENALTY, codes, make_batches, make_cells, make_records

PENALTIES = "market_regulation.penalty_decision"


def test_spellings_of_one_document_number_and_name_make_one_record(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    spelled = {**PENALTY, "decision_no": "市监罚(2026)第15号", "counterpart_name": "云山商贸有限公司 "}
    other = {**PENALTY, "decision_no": "市监罚〔2026〕16号"}
    records = make_records(few_rows, catalog, PENALTIES, [PENALTY, spelled, other]).collect()
    ids = {record["row_no"]: record["record_id"] for record in records}
    assert ids[2] == ids[3] != ids[4]
    assert all(len(found) == 32 for found in ids.values())
    assert len({record["content_hash"] for record in records}) == 2


def test_the_same_row_twice_in_a_batch_is_dropped_once(few_rows: SparkSession, catalog: Catalog) -> None:
    contract = catalog.contracts[PENALTIES]
    corrected = {**PENALTY, "violation_type": "误导宣传"}
    first = make_cells(
        few_rows, contract, [PENALTY, PENALTY, corrected, {"ragged_line": "x"}, {"ragged_line": "x"}]
    )
    again = make_cells(few_rows, contract, [PENALTY], batch_id="b2")
    records = standardise(
        first.unionByName(again), contract, catalog, KEY, make_batches(few_rows, ["b1", "b2"])
    ).collect()
    found = {(r["batch_id"], r["row_no"]): (r["outcome"], repeats(r)) for r in records}
    assert found == {
        ("b1", 2): ("accepted", ["U03"]),  # the fourth row has its key and other cells
        ("b1", 3): ("dropped", ["U01"]),
        ("b1", 4): ("accepted", ["U03"]),
        ("b1", 5): ("rejected", []),
        ("b1", 6): ("rejected", []),
        ("b2", 2): ("accepted", []),
    }


def repeats(record: Row) -> list[str]:
    """Return a record's defects of repetition."""
    return [code for code in codes(record) if code.startswith("U")]


def test_a_row_marked_as_test_data_is_dropped_and_judged_no_further(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    rows = [{**PENALTY, "test_mark": mark, "violation_facts": None} for mark in ("1", "TEST", "是")]
    records = make_records(few_rows, catalog, PENALTIES, rows).collect()
    assert [(r["outcome"], codes(r)) for r in records] == [("dropped", ["T02 test_mark"])] * 3


def test_a_row_marked_as_no_test_is_judged_like_any_other(few_rows: SparkSession, catalog: Catalog) -> None:
    rows = [{**PENALTY, "test_mark": mark, "violation_facts": None} for mark in ("0", "prod", "否")]
    records = make_records(few_rows, catalog, PENALTIES, rows).collect()
    for record in records:
        assert record["outcome"] == "rejected"
        assert "M01 violation_facts" in codes(record)
        assert "T02 test_mark" not in codes(record)


def test_rows_of_two_batches_and_of_two_decisions_repeat_nothing(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    contract = catalog.contracts[PENALTIES]
    cells = make_cells(few_rows, contract, [PENALTY, {**PENALTY, "decision_no": "市监罚〔2026〕16号"}])
    again = make_cells(few_rows, contract, [PENALTY], batch_id="b2")
    received = make_batches(few_rows, ["b1", "b2"])
    records = standardise(cells.unionByName(again), contract, catalog, KEY, received).collect()
    assert [repeats(record) for record in records] == [[], [], []]


def test_an_insert_and_its_update_in_one_batch_are_no_dispute(
    few_rows: SparkSession, catalog: Catalog
) -> None:
    update = {**PENALTY, "violation_type": "误导宣传", "change_op": "u"}
    records = make_records(few_rows, catalog, PENALTIES, [{**PENALTY, "change_op": "i"}, update]).collect()
    assert [repeats(record) for record in records] == [[], []]
