"""XML messages: the records of the body, without a DTD, however long."""

from pathlib import Path
from typing import Any

import pytest

from creditlake.decode import verified_text
from creditlake.decode import xml as xml_module
from tests.deliveries import Desk, make_contract

FIELDS = {
    "doc_no": {"title": "文号", "type": "doc_no", "source_name": "CF_WSH"},
    "name": {"title": "名称", "type": "name", "source_name": "CF_XDR_MC", "required": True},
    "facts": {"title": "事由", "type": "free_text", "source_name": "CF_SY"},
    "flag": {"title": "标志", "type": "text", "source_name": "op"},
}
HEADER = (
    "<Header><sender>33</sender><receiver>267255</receiver><cc></cc><flow>2b2d</flow><item>9ae3</item><sn/>"
    "<securityType>1</securityType><operator>op</operator><contacts>x</contacts></Header>"
)


def make_desk(folder: Path, **delivery: Any) -> Desk:
    """A desk for messages."""
    shape = {"format": "xml", "file_pattern": "x_*.xml", "record_element": "fields"} | delivery
    return Desk(folder, make_contract(fields=FIELDS, delivery=shape))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Messages in UTF-8."""
    return make_desk(tmp_path)


def message(body: str, encoding: str = "utf-8") -> str:
    """A message as a department sends it."""
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<ExchangeMessage>{HEADER}\n<Body>\n{body}</Body>\n'
        "</ExchangeMessage>\n"
    )


def record(number: int, name: str = "甲", more: str = "") -> str:
    """One record."""
    return f"<fields>\n <CF_WSH>{number}</CF_WSH><CF_XDR_MC>{name}</CF_XDR_MC>{more}</fields>\n"


def test_every_record_of_the_body_is_a_row_and_the_header_is_none(desk: Desk) -> None:
    manifest = desk.decode(
        message(
            record(1, "甲&amp;乙&#x4E00;", "<CF_SY><![CDATA[a<b>\n]]> c</CF_SY>")
            + record(2, " 乙 ", "<CF_SY/>")
            + '<f:fields xmlns:f="urn:f" op="D"><f:CF_WSH>3</f:CF_WSH>'
            + "<f:CF_XDR_MC>丙</f:CF_XDR_MC></f:fields>"
        )
    )

    assert desk.values(manifest) == [
        (1, "1", "甲&乙一", "a<b>\n c", None),
        (2, "2", " 乙 ", "", None),
        (3, "3", "丙", None, "D"),
    ]
    assert manifest.columns == ["CF_WSH", "CF_XDR_MC", "CF_SY", "op"]
    assert manifest.counts == {"received": 3, "ragged": 0, "blank": 0}


def test_blank_records_are_counted_and_doubtful_ones_kept_whole(desk: Desk) -> None:
    manifest = desk.decode(
        message(
            "<fields/><fields> <CF_WSH> </CF_WSH></fields>"
            + record(1, "甲", "<CF_WSH>2&lt;</CF_WSH>")
            + record(2, "乙", "散落")
            + record(3, "丙")
        )
    )

    assert manifest.counts == {"received": 3, "ragged": 2, "blank": 2}
    assert [(row["row_no"], row["ragged_line"], row["name"]) for row in desk.rows(manifest)] == [
        (3, "<fields><CF_WSH>1</CF_WSH><CF_XDR_MC>甲</CF_XDR_MC><CF_WSH>2&lt;</CF_WSH></fields>", None),
        (4, "<fields><CF_WSH>2</CF_WSH><CF_XDR_MC>乙</CF_XDR_MC>散落</fields>", None),
        (5, None, "丙"),
    ]


def test_elements_in_a_field_are_kept_as_markup_and_nil_is_null(desk: Desk) -> None:
    nil = '<CF_WSH xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
    manifest = desk.decode(
        message(f"<fields>{nil}<CF_XDR_MC>甲</CF_XDR_MC><CF_SY>a&lt;<p n='1'>b</p><br/></CF_SY></fields>")
    )

    assert desk.values(manifest) == [(1, None, "甲", 'a&lt;<p n="1">b</p><br></br>', None)]


@pytest.mark.parametrize(
    ("declared", "written", "said"),
    [("gb18030", "gb18030", "GBK"), ("utf-16", "utf-16", "UTF-16"), ("utf-8-sig", "utf-8-sig", "UTF-8"),
     ("gb18030", "gb18030", "UTF-8")],
)  # fmt: skip
def test_the_contracts_encoding_counts_not_the_files_word(
    tmp_path: Path, declared: str, written: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 46)
    monkeypatch.setattr(xml_module, "FEED_BYTES", 7)
    desk = make_desk(tmp_path, encoding=declared)
    text = message("".join(record(n, "㛃䶮𬭎") for n in range(1, 40)), said)

    assert desk.values(desk.decode(text.encode(written))) == [
        (n, str(n), "㛃䶮𬭎", None, None) for n in range(1, 40)
    ]


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    (defect,) = make_desk(tmp_path).decode(message(record(1, "北城食品"), "GBK").encode("gb18030")).defects

    assert (defect.code, "not utf-8; it reads as gb18030" in defect.message) == ("F01", True)


BOMB = (
    '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 12)
    ) + "]>"
)  # fmt: skip


@pytest.mark.parametrize(
    "dtd",
    [
        BOMB,
        '<!DOCTYPE b SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        "<!DOCTYPE b>",
    ],
)
def test_a_dtd_is_refused_where_it_begins(desk: Desk, dtd: str) -> None:
    body = record(1, "&a11;" if "a11" in dtd else "甲")
    (defect,) = desk.decode(message(body).replace("?>\n", f"?>\n{dtd}\n", 1)).defects

    assert (defect.code, defect.level, defect.message) == ("F11", "B", "F11: x_1.xml: the file has a DTD")
    assert defect.message_zh == "文件 x_1.xml 含有不予接收的内容（含有 DTD 或实体声明）"


@pytest.mark.parametrize("end", [30, 60, 300, 345, 375, -2, -15, -30])
def test_a_cut_message_is_found(desk: Desk, end: int) -> None:
    (defect,) = desk.decode(message(record(1) + record(2))[:end]).defects

    assert (defect.code, defect.level) == ("F05", "B")


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        (message(record(1, "&nbsp;")), "F01", "this is no XML: undefined entity"),
        (message(record(1, "\x01")), "F01", "this is no XML: not well-formed (invalid token)"),
        (message(record(1)) + "<x/>", "F01", "this is no XML: junk after document element"),
        (message(record(1, more="</CF_SY>")), "F01", "this is no XML: mismatched tag"),
        ("决定文书号,名称\n", "F01", "this is no XML: syntax error"),
        (message("<row/>"), "F02", "no element fields"),
        (message(record(1, more="<GZ>1</GZ>")), "F02", "key 'GZ' is unknown to the contract"),
        (message(record(1, more="<CF_SY unit='万元'>1</CF_SY>")), "F02", "attributes of CF_SY"),
        (message("<fields><CF_WSH>1</CF_WSH></fields>"), "F02", "mandatory columns are missing: CF_XDR_MC"),
        (message("<x>" * 100 + "</x>" * 100), "F01", "elements 64 deep"),
        (message("<fields/>"), "F06", "no rows"),
        ("\n ", "F06", "no rows"),
    ],
)
def test_what_is_no_agreed_message_is_refused(desk: Desk, text: str, code: str, detail: str) -> None:
    (defect,) = desk.decode(text).defects

    assert (defect.code, detail in defect.message) == (code, True)


def test_endless_records_and_tags_are_refused_in_constant_memory(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_module, "RECORD_MAX", 4_000)
    monkeypatch.setattr(xml_module, "FEED_BYTES", 500)
    for name in ("甲 " * 3_000, f"<a b='{'c ' * 3_000}'/>", f"<!-- {'c ' * 3_000} -->"):
        (defect,) = desk.decode(message(record(1) + record(2, name))).defects
        assert (defect.code, defect.row_no) == ("F01", 2)
