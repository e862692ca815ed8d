"""Web pages saved as .xls: the table that Excel shows."""

from pathlib import Path
from typing import Any

import pytest

from creditlake.decode import html as html_module
from creditlake.decode import verified_text
from tests.deliveries import HEADER, Desk, make_contract

HEAD = "<tr>" + "".join(f"<th>{text}</th>" for text in HEADER) + "</tr>"
PAGE = (
    '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta charset=gb2312>'
    "<!--[if gte mso 9]><xml><table></xml><![endif]--><style>td > b {{mso-number-format:'<table>'}}</style>"
    "<script>if (a<b) document.write('<table><tr><td>x')</script></head><body>{}</body></html>"
)


def make_desk(folder: Path, **delivery: Any) -> Desk:
    """A desk that takes workbooks and web pages."""
    shape = {"format": "xlsx", "also_accepts": ["html"], "file_pattern": "x_*.xls", "encoding": "gb18030"}
    return Desk(folder, make_contract(delivery=shape | delivery))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Pages in GB 18030 with the header in row 1."""
    return make_desk(tmp_path)


def page(rows: str, head: str = HEAD) -> bytes:
    """A page with one table."""
    return PAGE.format(f"<table border=1>{head}{rows}</table>").encode("gb18030")


def test_the_table_is_read_as_excel_shows_it(desk: Desk) -> None:
    manifest = desk.decode(
        page(
            "<tr><td x:str>007</td><td>甲&amp;乙\n   公司</td><td>0.50</td><td>一<br/>二&nbsp;"
            "<p>三</p></td></tr>\n"
            "<tr><td></td><td>&nbsp;</td><td></td><td></td></tr>"
            "<TR><TD>2<TD>㛃䶮𬭎<TD>&lt;1&#x4E00;<TD title='a>b'>1 < 2"
        )
    )

    assert desk.values(manifest) == [
        (2, "007", "甲&乙 公司", "0.50", "一\n二\n三"),
        (4, "2", "㛃䶮𬭎", "<1一", "1 < 2"),
    ]
    assert manifest.counts == {"received": 2, "ragged": 0, "blank": 1}
    assert manifest.columns == HEADER


def test_titles_and_notes_that_span_columns_surround_the_table(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, header_row=3, footer_markers=["填表人"])
    title = "<tr><td colspan=4 rowspan='2'>行政许可信息</td></tr><tr></tr>"
    rows = "<tr><td>1</td><td>甲</td><td></td><td></td></tr><tr><td colspan=4>填表人：王</td></tr>"

    assert desk.values(desk.decode(page(rows, title + HEAD))) == [(4, "1", "甲", "", "")]


def test_a_cell_that_spans_rows_is_blank_below(desk: Desk) -> None:
    manifest = desk.decode(
        page(
            "<tr><td>1</td><td>甲</td><td>1</td><td rowspan=2>x</td></tr>"
            "<tr><td>2</td><td>乙</td><td>1</td></tr>"
            "<tr><td>3</td><td>丙</td><td>1</td><td>y</td></tr>"
        )
    )

    assert [values[4] for values in desk.values(manifest)] == ["x", "", "y"]


def test_rows_with_a_wrong_number_of_cells_are_kept_whole(desk: Desk) -> None:
    manifest = desk.decode(
        page(
            "<tr><td>1</td><td>甲</td></tr><tr><td>2</td><td>乙</td><td></td><td></td><td></td></tr>"
            "<tr><td>3</td><td>丙</td><td></td><td></td><td>多</td></tr>"
        )
    )

    assert manifest.counts == {"received": 3, "ragged": 2, "blank": 0}
    assert [(row["row_no"], row["ragged_line"], row["name"]) for row in desk.rows(manifest)] == [
        (2, "1\t甲", None),
        (3, None, "乙"),
        (4, "3\t丙\t\t\t多", None),
    ]


def test_a_table_for_layout_is_passed_over_and_a_table_in_a_cell_refused(desk: Desk) -> None:
    row = "<tr><td>1</td><td>甲</td><td></td><td></td></tr>"
    layout = f"<table><tr><td> </td></tr><tr><td><table>{HEAD}{row}</table></td><td>版权</td></tr></table>"
    assert desk.values(desk.decode(PAGE.format(layout).encode("gb18030"))) == [(2, "1", "甲", "", "")]

    (defect,) = desk.decode(page("<tr><td>1</td><td><table><tr><td>x</table></td></tr>")).defects
    assert (defect.code, "嵌套了表格" in defect.message_zh) == ("F02", True)


def test_a_second_table_is_refused_and_other_text_a_warning(desk: Desk) -> None:
    row = "<tr><td>1</td><td>甲</td><td></td><td></td></tr>"
    table = f"<table>{HEAD}{row}</table>"
    (defect,) = desk.decode(PAGE.format(table * 2).encode("gb18030")).defects
    assert (defect.code, defect.level) == ("F02", "B")

    blank, notes = "<table><tr><td></td></tr></table>", "<table><tr><td>说明</td></tr></table>"
    manifest = desk.decode(PAGE.format(blank + table + blank + notes).encode("gb18030"))
    assert [(d.code, d.message) for d in manifest.defects] == [("F10", "F10: x_2.xls: sheet 2 was not read")]
    assert len(desk.rows(manifest)) == 1


def test_all_tables_are_read_if_the_contract_says_so(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, sheets="all")
    row = "<tr><td>1</td><td>甲</td><td></td><td></td></tr>"

    manifest = desk.decode(PAGE.format(f"<table>{HEAD}{row}</table>" * 2).encode("gb18030"))

    assert manifest.extra["tables"] == ["x_1.xls#1", "x_1.xls#2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_contracts_encoding_is_verified_not_the_pages_believed(tmp_path: Path, encoding: str) -> None:
    text = page("<tr><td>1</td><td>北城区安康食品有限公司</td><td></td><td></td></tr>").decode("gb18030")

    desk = make_desk(tmp_path / "right", encoding=encoding)
    assert len(desk.rows(desk.decode(text.encode(encoding)))) == 1
    (defect,) = make_desk(tmp_path / "wrong").decode(text.encode(encoding)).defects
    assert defect.code == "F01"


@pytest.mark.parametrize("end", range(-60, -14))
def test_a_page_that_ends_inside_its_table_was_cut_off(desk: Desk, end: int) -> None:
    data = page("<tr><td>1</td><td>甲</td><td></td><td><!-- x --></td></tr><tr><td a='>'></td></tr>")

    (defect,) = desk.decode(data[: data.index(b"</table>") + 8 + end + 14]).defects
    assert (defect.code, defect.level) == ("F05", "B")


def test_pieces_may_end_anywhere(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(
        f"<tr><td a='>'>{n}</td><td>甲 &amp; 乙</td><td><!-- <td> --></td><td>x<br>y</td></tr>"
        for n in range(40)
    )
    for size in (7, 16, 33, 64):
        monkeypatch.setattr(verified_text, "PIECE_BYTES", size)
        found = desk.values(desk.decode(page(rows + f"<tr><td>{size}</td><td></td><td></td><td></td></tr>")))
        assert found == [
            *((n + 2, str(n), "甲 & 乙", "", "x\ny") for n in range(40)),
            (42, str(size), "", "", ""),
        ]


def test_endless_tags_cells_and_rows_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_module, "TOKEN_MAX", 5_000)
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 1_000)
    endless = ["<td " + "a " * 9_000 + ">", "<td>" + "b " * 9_000, "<!-- " + "c " * 9_000 + "-->"]
    monkeypatch.setattr(html_module, "SPANNED_MAX", 50_000)
    spans = ["<td colspan=9999>" * 3, "<tr><td colspan=9000 rowspan=99999></tr>" + "<tr>" * 20]
    for rows in [*endless, *spans, "<table>" * 40]:
        assert [d.code for d in desk.decode(page(rows)).defects] in (["F01"], ["F02"])


def test_a_page_without_a_table_or_one_not_agreed_is_refused(desk: Desk, tmp_path: Path) -> None:
    (defect,) = desk.decode("<html><body>会话已过期，请重新登录</body></html>".encode("gb18030")).defects
    assert (defect.code, "网页中没有表格" in defect.message_zh) == ("F01", True)

    (defect,) = make_desk(tmp_path / "x", also_accepts=["xls"]).decode(page("")).defects
    assert (defect.code, "文件不是 xlsx 格式" in defect.message_zh) == ("F01", True)
