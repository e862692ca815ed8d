"""The content hash: the same for every engine and layout, different for every difference that matters."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from creditlake.content_hash import NotHashable, hash_table

ROWS = {
    "record_id": ["a", "b", "c", "d"],
    "name": ["甲", None, "", "乙丙"],
    "fine_cny": [Decimal("1.50"), None, Decimal("-0.01"), Decimal("99999999.00")],
    "decision_date": [date(2026, 11, 17), None, date(1949, 10, 1), date(2024, 2, 29)],
    "is_held": [True, False, None, True],
    "record_version": [1, 2, None, 4],
    "tables": [["pub_penalty", "x"], [], None, ["y", None]],
}
SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("name", pa.string()),
        ("fine_cny", pa.decimal128(18, 2)),
        ("decision_date", pa.date32()),
        ("is_held", pa.bool_()),
        ("record_version", pa.int64()),
        ("tables", pa.list_(pa.string())),
    ]
)


def write(path: Path, rows: dict | None = None, schema: pa.Schema = SCHEMA, **options: object) -> Path:
    pq.write_table(pa.table(rows or ROWS, schema=schema), path, **options)
    return path


def test_files_row_groups_compression_and_engine_do_not_change_the_hash(tmp_path: Path) -> None:
    plain = hash_table([write(tmp_path / "plain.parquet")], ["record_id"])
    tight = write(tmp_path / "tight.parquet", compression="zstd", row_group_size=1, use_dictionary=False)
    table = pa.table(ROWS, schema=SCHEMA)
    pieces = [tmp_path / "1.parquet", tmp_path / "2.parquet", tmp_path / "3.parquet"]
    for path, part in zip(pieces, [table.slice(0, 1), table.slice(1, 0), table.slice(1)], strict=True):
        pq.write_table(part, path)
    by_duckdb = tmp_path / "duckdb.parquet"
    duckdb.sql(f"copy (select * from '{tmp_path}/plain.parquet') to '{by_duckdb}' (format parquet)")

    assert hash_table([tight], ["record_id"]) == plain
    assert hash_table(pieces, ["record_id"], threads=1) == plain
    assert hash_table([by_duckdb], ["record_id"]) == plain
    assert plain.rows == 4
    assert plain.schema[2:5] == (
        ("fine_cny", "decimal(18,2)"),
        ("decision_date", "date"),
        ("is_held", "boolean"),
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", ["甲", "", "", "乙丙"]),  # a missing value is not an empty one
        ("name", ["甲", None, "乙", "丙"]),  # the same bytes cut elsewhere
        ("fine_cny", [Decimal("1.51"), None, Decimal("-0.01"), Decimal("99999999.00")]),
        ("is_held", [True, None, False, True]),
        ("tables", [["pub_penalty"], ["x"], None, ["y", None]]),
        ("tables", [["pub_penalty", "x"], None, [], ["y", None]]),
    ],
)
def test_one_changed_value_changes_the_hash(tmp_path: Path, column: str, value: list) -> None:
    before = hash_table([write(tmp_path / "before.parquet")], ["record_id"])
    after = hash_table([write(tmp_path / "after.parquet", ROWS | {column: value})], ["record_id"])
    assert before.digest != after.digest


def test_name_type_and_order_of_columns_are_part_of_the_hash(tmp_path: Path) -> None:
    plain = hash_table([write(tmp_path / "plain.parquet")], ["record_id"]).digest
    narrow = SCHEMA.set(5, pa.field("record_version", pa.int32()))
    renamed = ["record_id", "title", *[*ROWS][2:]]
    table = pa.table(ROWS, schema=SCHEMA)
    variants = {
        "narrow": table.cast(narrow),
        "renamed": table.rename_columns(renamed),
        "moved": table.select([*reversed(SCHEMA.names)]),
    }
    for name, variant in variants.items():
        pq.write_table(variant, tmp_path / f"{name}.parquet")
        assert hash_table([tmp_path / f"{name}.parquet"], ["record_id"]).digest != plain


def test_an_empty_table_has_a_hash_of_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    pq.write_table(SCHEMA.empty_table(), path)
    assert hash_table([path], ["record_id"]).rows == 0


@pytest.mark.parametrize(("keys", "row"), [(["a", "c", "b", "d"], 3), (["a", "b", "b", "d"], 3)])
@pytest.mark.parametrize("row_group", [1, 4])
def test_rows_out_of_order_or_repeated_are_refused_with_their_place(
    tmp_path: Path, keys: list[str], row: int, row_group: int
) -> None:
    path = write(tmp_path / "x.parquet", ROWS | {"record_id": keys}, row_group_size=row_group)
    with pytest.raises(NotHashable, match=f"row {row} is not greater"):
        hash_table([path], ["record_id"])


def test_a_second_order_column_decides_between_equal_first_ones(tmp_path: Path) -> None:
    rows = ROWS | {"record_id": ["a", "a", "b", "b"], "record_version": [1, 2, 1, 2]}
    assert hash_table([write(tmp_path / "x.parquet", rows)], ["record_id", "record_version"]).rows == 4
    rows |= {"record_version": [1, 2, 2, 1]}
    with pytest.raises(NotHashable, match="row 4"):
        hash_table([write(tmp_path / "y.parquet", rows)], ["record_id", "record_version"])


def test_floats_instants_and_nulls_in_the_order_are_refused(tmp_path: Path) -> None:
    for kind in (pa.float64(), pa.timestamp("us")):
        path = tmp_path / "odd.parquet"
        pq.write_table(pa.table({"record_id": ["a"], "x": pa.array([None], kind)}), path)
        with pytest.raises(NotHashable, match="no place in a published table"):
            hash_table([path], ["record_id"])
    unkeyed = write(tmp_path / "x.parquet", ROWS | {"record_id": ["a", "b", None, "d"]})
    with pytest.raises(NotHashable, match="a null in the order columns"):
        hash_table([unkeyed], ["record_id"])
    with pytest.raises(NotHashable, match="order column"):
        hash_table([write(tmp_path / "y.parquet")], ["subject_id"])


def test_files_of_two_schemas_are_refused(tmp_path: Path) -> None:
    first = write(tmp_path / "1.parquet")
    second = tmp_path / "2.parquet"
    pq.write_table(pa.table({"record_id": ["e"]}), second)
    with pytest.raises(NotHashable, match=r"2\.parquet has another schema"):
        hash_table([first, second], ["record_id"])
