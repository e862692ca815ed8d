"""CSV: what the department sent is what the cells hold, under the row numbers a spreadsheet shows."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from creditlake.decode import csv as csv_module
from creditlake.decode import verified_text
from creditlake.decode.cells import CellsWriter, FileFacts
from creditlake.decode.csv import read_csv
from creditlake.decode.defects import FileDefect
from tests.deliveries import HEADER, Desk, make_contract

HEAD = ",".join(HEADER) + "\n"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Plain UTF-8 CSV."""
    return Desk(tmp_path, make_contract())


def read_rows(path: Path, contract: Any) -> tuple[list[dict[str, Any]], FileFacts]:
    """Every row that the reader yields, as Python values, in row order."""
    facts = FileFacts(path.name)
    rows = [row for table in read_csv(path, contract, facts) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row["row_no"]), facts


def test_cells_are_text_as_delivered_and_the_header_is_row_one(desk: Desk) -> None:
    manifest = desk.decode(HEAD + '〔2026〕1号, 甲公司 ,0.50,\n007,乙公司,1e3,"说 ""是"""\n')

    assert manifest.status == "ok"
    assert desk.values(manifest) == [
        (2, "〔2026〕1号", " 甲公司 ", "0.50", ""),
        (3, "007", "乙公司", "1e3", '说 "是"'),
    ]
    assert manifest.columns == HEADER
    assert manifest.counts == {"received": 2, "ragged": 0, "blank": 0}
    assert manifest.extra["received"] == 2
    assert manifest.defects == []


def test_the_parts_have_one_schema_and_no_statistics(desk: Desk) -> None:
    manifest = desk.decode("名称,决定文书号\n甲,1\n")

    (path,) = desk.lake.localise(manifest.outputs, desk.scratch)
    metadata = pq.read_metadata(path)
    assert pq.read_schema(path).names == [
        "row_no", "ragged_line", "file_name", "receipt_no", "doc_no", "name", "fine_cny", "remarks"
    ]  # fmt: skip
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert metadata.row_group(0).column(3).statistics is None
    assert desk.rows(manifest) == [
        {
            "row_no": 2, "ragged_line": None, "file_name": "x_1.csv", "receipt_no": None,
            "doc_no": "1", "name": "甲", "fine_cny": None, "remarks": None,
        }
    ]  # fmt: skip


def test_a_cited_receipt_number_lands_in_the_cells(desk: Desk) -> None:
    manifest = desk.decode("名称,决定文书号,回执号,行号\n甲,1,HMW78174URPT,7\n乙,2,,\n")

    assert [(row["name"], row["receipt_no"]) for row in desk.rows(manifest)] == [
        ("甲", "HMW78174URPT"), ("乙", ""),
    ]  # fmt: skip
    assert manifest.columns == ["名称", "决定文书号", "回执号", "行号"]


def test_a_record_with_line_breaks_is_one_row(desk: Desk) -> None:
    manifest = desk.decode(HEAD + '1,"甲\n公司\r\n(分店)",,\n2,乙,,\n')

    assert desk.values(manifest) == [(2, "1", "甲\n公司\r\n(分店)", "", ""), (3, "2", "乙", "", "")]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(desk: Desk, newline: str) -> None:
    manifest = desk.decode((HEAD + "1,甲,,\n2,乙,,").replace("\n", newline))

    assert desk.values(manifest) == [(2, "1", "甲", "", ""), (3, "2", "乙", "", "")]


def test_blank_records_count_as_rows_of_the_sheet_and_not_as_records(desk: Desk) -> None:
    manifest = desk.decode(HEAD + "1,甲,,\n\n,,,\n   \n, ,,\n2,乙,,\n\n")

    assert desk.values(manifest) == [(2, "1", "甲", "", ""), (7, "2", "乙", "", "")]
    assert manifest.counts == {"received": 2, "ragged": 0, "blank": 5}


def test_rows_with_a_wrong_number_of_cells_are_kept_whole(desk: Desk) -> None:
    manifest = desk.decode(HEAD + '1,甲,,\n2,乙\n3,丙,,\n4,丁,,,,多\n5,"戊\n戊",,\n6\n7,庚,,\n')

    assert manifest.status == "ok"
    assert manifest.counts == {"received": 7, "ragged": 3, "blank": 0}
    assert [(row["row_no"], row["ragged_line"], row["name"]) for row in desk.rows(manifest)] == [
        (2, None, "甲"),
        (3, "2,乙", None),
        (4, None, "丙"),
        (5, "4,丁,,,,多", None),
        (6, None, "戊\n戊"),
        (7, "6", None),
        (8, None, "庚"),
    ]


def test_row_numbers_hold_across_blocks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 100)
    lines = [f"{n},甲,," if n % 3 else f"{n},甲" for n in range(2, 600)]
    manifest = desk.decode(HEAD + "\n".join(lines) + "\n")

    rows = desk.rows(manifest)
    assert [row["row_no"] for row in rows] == list(range(2, 600))
    assert all((row["ragged_line"] or row["doc_no"]).startswith(f"{row['row_no']}") for row in rows)
    assert manifest.counts["ragged"] == 199


def test_more_rows_than_a_row_group_stay_in_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditlake.decode.cells.ROW_GROUP_ROWS", 50)
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 512)
    manifest = desk.decode(HEAD + "".join(f"{n},甲,,\n" for n in range(2, 1002)))

    (path,) = desk.lake.localise(manifest.outputs, desk.scratch)
    assert pq.read_metadata(path).num_row_groups > 5
    assert pq.read_table(path)["doc_no"].to_pylist() == [str(n) for n in range(2, 1002)]


def test_another_delimiter_is_the_contracts(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"delimiter": "|"}))
    manifest = desk.decode("决定文书号|名称|备注\n1|甲,乙|\n")

    assert desk.values(manifest) == [(2, "1", "甲,乙", None, "")]


@pytest.mark.parametrize("delimiter", ["\t", "|", "^", ";", "~", "\x01"])
def test_any_ascii_character_may_be_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"delimiter": delimiter}))
    manifest = desk.decode(delimiter.join(HEADER) + f"\n1{delimiter}甲,乙{delimiter * 2}\n2{delimiter}丙\n")

    assert desk.values(manifest)[0] == (2, "1", "甲,乙", "", "")
    assert desk.rows(manifest)[1]["ragged_line"] == f"2{delimiter}丙"


@pytest.mark.parametrize("delimiter", ["", ",,", "，", '"', "a", " ", "\n", "\r", "\0"])
def test_what_cannot_delimit_is_no_delimiter(delimiter: str) -> None:
    with pytest.raises(ValidationError, match="delimiter"):
        make_contract(delivery={"delimiter": delimiter})


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_without_quoting_a_quote_is_a_character(tmp_path: Path, newline: str) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"delimiter": "|", "quoting": "none"}))
    lines = ["|".join(HEADER), '1|"甲||6寸"', '2|乙"|0.5|"x"', "3|丙", '4|"|']

    manifest = desk.decode("".join(line + newline for line in lines))

    assert [
        (row["row_no"], row["name"], row["remarks"], row["ragged_line"]) for row in desk.rows(manifest)
    ] == [
        (2, '"甲', '6寸"', None),
        (3, '乙"', '"x"', None),
        (4, None, None, "3|丙"),
        (5, None, None, '4|"|'),
    ]


def test_without_quoting_a_cut_file_and_an_endless_line_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"quoting": "none"}))
    (cut,) = desk.decode(HEAD + '1,"甲,,\n2,乙').defects
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 1000)
    (endless,) = desk.decode(HEAD + "1,甲,," + "x" * 5000 + "\n").defects

    assert (cut.code, cut.row_no) == ("F05", 3)
    assert (endless.code, endless.row_no) == ("F01", 2)


def test_a_large_file_with_bare_carriage_returns_is_read_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 50)
    monkeypatch.setattr(verified_text, "LINE_MAX_BYTES", 500)
    desk = Desk(tmp_path, make_contract())
    text = HEAD + "".join(f"{n},甲,,\n" for n in range(2, 500)) + "500,\ufffd,,\n"
    (defect,) = desk.decode(text.replace("\n", "\r")).defects
    assert defect.row_no == 500

    manifest = desk.decode(text.replace("\ufffd", "乙").replace("\n", "\r"))
    assert [row["row_no"] for row in desk.rows(manifest)] == list(range(2, 501))


def test_a_header_with_an_endless_cell_is_refused(desk: Desk) -> None:
    assert [d.code for d in desk.decode("x" * 200_000 + "\n1\n").defects] == ["F02"]


def test_a_header_below_title_rows_is_found_by_its_row(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"header_row": 3}))
    manifest = desk.decode("处罚清单\n制表：2026年,,,\n" + HEAD + "1,甲,,\n")

    assert desk.values(manifest) == [(4, "1", "甲", "", "")]
    assert manifest.counts["received"] == 1


def test_a_file_of_one_column_is_read(tmp_path: Path) -> None:
    fields = {"doc_no": {"title": "文号", "type": "doc_no", "source_name": "文号"}}
    desk = Desk(tmp_path, make_contract(fields=fields))

    manifest = desk.decode('文号\n1\n\n"2\n2"\n3')
    assert desk.values(manifest) == [(2, "1"), (4, "2\n2"), (5, "3")]


# ---- files that were cut off


def test_a_last_record_with_too_few_cells_and_no_line_break_is_a_cut_file(desk: Desk) -> None:
    manifest = desk.decode(HEAD + "1,甲,,\n2,乙")

    (defect,) = manifest.defects
    assert manifest.status == "blocked"
    assert manifest.outputs == []
    assert (defect.code, defect.level, defect.file, defect.row_no) == ("F05", "B", "x_1.csv", 3)
    assert defect.message == "F05: x_1.csv, row 3: the last record has too few cells and no line break"
    assert defect.message_zh == (
        "文件 x_1.csv 不完整，疑似传输中断（最后一行只有 2 列（应为 4 列），且没有换行符，第 3 行）"
    )
    assert defect.cure_zh == "请重新生成并完整传输该文件"


def test_a_last_record_without_a_line_break_is_whole_if_its_cells_are(desk: Desk) -> None:
    assert desk.values(desk.decode(HEAD + "1,甲,,")) == [(2, "1", "甲", "", "")]


def test_a_short_last_record_with_a_line_break_is_only_ragged(desk: Desk) -> None:
    manifest = desk.decode(HEAD + "1,甲,,\n2,乙\n")

    assert (manifest.status, manifest.counts["ragged"]) == ("ok", 1)


def test_blanks_after_the_last_line_break_are_no_cut_record(desk: Desk) -> None:
    assert desk.decode(HEAD + "1,甲,,\n  ").counts == {"received": 1, "ragged": 0, "blank": 1}


@pytest.mark.parametrize("tail", ['2,"乙,,\n3,丙,,\n', '2,乙,,"', '2,乙,,"abc', '2,乙,,"abc\n'])
def test_a_quote_that_is_never_closed_is_a_cut_file(desk: Desk, tail: str) -> None:
    manifest = desk.decode(HEAD + "1,甲,,\n" + tail)

    (defect,) = manifest.defects
    assert (manifest.status, defect.code, defect.row_no) == ("blocked", "F05", 3)
    assert defect.message_zh == (
        "文件 x_1.csv 不完整，疑似传输中断（引号没有成对，文件被截断或缺少引号，第 3 行）"
    )


def test_a_quote_open_over_more_than_a_block_is_found_in_constant_memory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 1000)
    manifest = desk.decode(HEAD + "1,甲,,\n" * 500 + '2,"乙,,\n' + "3,丙,,\n" * 5000)

    (defect,) = manifest.defects
    assert (defect.code, defect.row_no) == ("F05", 502)


def test_every_cut_of_a_small_file_is_found_or_cuts_between_records(tmp_path: Path) -> None:
    contract = make_contract(delivery={"encoding": "gb18030"})
    data = (HEAD + '1,甲公司,0.5,"好\n的"\n2,乙公司,0.6,备注\n').encode("gb18030")
    header = len(HEAD.encode("gb18030"))
    path = tmp_path / "x_1.csv"
    undetected = []
    for cut in range(header, len(data)):
        path.write_bytes(data[:cut])
        try:
            read_rows(path, contract)
        except FileDefect as defect:
            assert defect.code == "F05"  # noqa: PT017  both outcomes are right, at the right places
        else:
            undetected.append(data[:cut].decode("gb18030").removeprefix(HEAD))

    # what is left cannot be told from a whole file: all cells of the last record are there
    first = '1,甲公司,0.5,"好\n的"'
    assert undetected == [
        "", "1,甲公司,0.5,", first, f"{first}\n",
        *(f"{first}\n2,乙公司,0.6,{rest}" for rest in ("", "备", "备注")),
    ]  # fmt: skip


# ---- the oracle: Python's csv module

CELL = st.text(st.sampled_from("ab,|\"\n\r 甲乙\t;'\u3000𬭎"), max_size=6)
# With "\n" and minimal quoting Python 3.11 leaves a lone "\r" unquoted, and does not read it back itself.
STYLES = [("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]
TABLE = st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=12)


@settings(max_examples=120, deadline=None)
@given(table=TABLE, style=st.sampled_from(STYLES))
def test_what_pythons_csv_module_writes_and_reads_is_what_we_read(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], style: tuple[str, Any]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=style[0], quoting=style[1])
    writer.writerows([HEADER, *table])
    assume(text.getvalue().count("𬭎") <= 10)  # more rare characters are taken for a wrong encoding, rightly
    path = tmp_path_factory.mktemp("csv") / "x_1.csv"
    path.write_bytes(text.getvalue().encode("gb18030"))
    expected = [
        (number, *record)
        for number, record in enumerate(csv.reader(io.StringIO(text.getvalue(), newline="")), start=1)
        if number > 1 and any(cell.strip() for cell in record)
    ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_module, "BLOCK_BYTES", 160)  # some records are longer than half a block
        rows, facts = read_rows(path, make_contract(delivery={"encoding": "gb18030"}))

    names = ["row_no", "doc_no", "name", "fine_cny", "remarks"]
    assert [tuple(row[name] for name in names) for row in rows] == expected
    assert (facts.received, facts.ragged, facts.blank) == (len(expected), 0, len(table) - len(expected))


@settings(max_examples=80, deadline=None)
@given(
    lines=st.lists(
        st.lists(st.text(st.sampled_from("ab甲 "), max_size=3), min_size=1, max_size=7), max_size=30
    )
)
def test_ragged_rows_have_the_numbers_that_pythons_csv_module_gives(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]]
) -> None:
    text = HEAD + "".join(",".join(cells) + "\n" for cells in lines)
    path = tmp_path_factory.mktemp("csv") / "x_1.csv"
    path.write_text(text, newline="")
    records = list(csv.reader(io.StringIO(text, newline="")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_module, "BLOCK_BYTES", 120)
        rows, facts = read_rows(path, make_contract())

    filled = {n: record for n, record in enumerate(records, 1) if n > 1 and any(c.strip() for c in record)}
    found = {row["row_no"]: row for row in rows}
    ragged = {n: row["ragged_line"] for n, row in found.items() if row.get("ragged_line")}
    assert found.keys() - ragged.keys() == {n for n, record in filled.items() if len(record) == 4}
    assert ragged == {
        n: ",".join(record)
        for n, record in enumerate(records, 1)
        if n > 1 and len(record) not in (0, 4) and ",".join(record).strip()
    }
    assert facts.received == len(found)


def test_a_failed_part_leaves_no_thread_and_no_open_file(tmp_path: Path) -> None:
    contract = make_contract()
    with pytest.raises(FileDefect), CellsWriter(tmp_path / "part.parquet", contract) as writer:
        raise FileDefect("F05", "cut", "断")

    assert writer._writer.is_open is False
