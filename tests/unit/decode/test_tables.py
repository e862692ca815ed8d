"""A file of several tables: a build knows each of them by the name that its rows carry."""

from pathlib import Path

from creditlake.marts.inputs import KnownBatch, find_tables
from creditlake.receipts import list_batches
from tests.deliveries import DAY, HEADER, Desk, make_contract
from tests.unit.decode.test_archive import pack

GOOD = ",".join(HEADER) + "\n1,甲,,\n"


def test_every_row_of_an_archive_finds_its_file_in_a_build(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"archive": "zip", "file_pattern": "x_*.zip"}))
    manifest = desk.decode(pack(("a.csv", GOOD), ("b.csv", GOOD)))
    (batch,) = list_batches(desk.lake, desk.contract, DAY)

    for cells in (manifest, None):  # None: the contract was mended since, and the batch waits for decode
        tables = find_tables(desk.lake, batch, cells)
        known = KnownBatch(desk.contract.name, batch, "ok", 2, (), tables=tables)
        assert known.file_names == ["x_1.zip", "x_1.zip/a.csv", "x_1.zip/b.csv"]
    assert {row["file_name"] for row in desk.rows(manifest)} <= set(known.file_names)


def test_a_file_of_one_table_has_its_own_name_and_no_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract())
    manifest = desk.decode(GOOD)
    (batch,) = list_batches(desk.lake, desk.contract, DAY)

    assert "tables" not in manifest.extra
    assert find_tables(desk.lake, batch, manifest) == ()
    assert {row["file_name"] for row in desk.rows(manifest)} == {"x_1.csv"}
