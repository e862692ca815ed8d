"""Zip archives: their members are read as if delivered by themselves; nothing unsafe is unpacked."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditlake.decode import archive as archive_module
from creditlake.decode import decode_waiting
from tests.deliveries import DAY, HEADER, Desk, collect, make_contract, put_file
from tests.unit.decode.test_workbook import make_workbook, save, with_sheets

HEAD = ",".join(HEADER) + "\n"
GOOD = HEAD + "1,甲,,\n"


def make_desk(folder: Path, **delivery: Any) -> Desk:
    """A desk for archives of CSV files."""
    return Desk(folder, make_contract(delivery={"archive": "zip", "file_pattern": "x_*.zip"} | delivery))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Archives of UTF-8 CSV files."""
    return make_desk(tmp_path)


def pack(*members: tuple[str | zipfile.ZipInfo, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members; a name of bytes beyond ASCII is marked as UTF-8."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return stream.getvalue()


def test_members_are_read_in_order_each_with_its_own_row_numbers(desk: Desk) -> None:
    data = pack(
        ("cf_2of10.csv", "名称,WSH\n乙,2\n"),
        ("cf_10of10.csv", GOOD.replace("甲", "丁") + "x\n"),
        ("子目录/", b""),
        ("子目录/cf_1of10.csv", GOOD),
        ("__MACOSX/._cf.csv", b"\0\1"),
        ("Thumbs.db", b"\0"),
    )

    manifest = desk.decode(data)

    assert manifest.counts == {"received": 4, "ragged": 1, "blank": 0}
    assert manifest.extra["tables"] == [
        "x_1.zip/cf_2of10.csv",
        "x_1.zip/cf_10of10.csv",
        "x_1.zip/子目录/cf_1of10.csv",
    ]
    assert [(row["file_name"], row["row_no"], row["name"]) for row in desk.rows(manifest)] == [
        ("x_1.zip/cf_10of10.csv", 2, "丁"),
        ("x_1.zip/cf_10of10.csv", 3, None),
        ("x_1.zip/cf_2of10.csv", 2, "乙"),
        ("x_1.zip/子目录/cf_1of10.csv", 2, "甲"),
    ]
    assert manifest.columns == ["名称", "WSH"]
    assert list(desk.scratch.glob("decode-*")) == []


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_names_are_gb18030_unless_marked_as_utf8(desk: Desk, encoding: str) -> None:
    data = pack(("处罚㛃.csv", GOOD))
    if encoding == "gb18030":  # as Windows packs: the name's bytes, and no mark
        name = "处罚㛃.csv"
        data = pack(("x" * len(name.encode("gb18030")), GOOD))
        data = data.replace(b"x" * len(name.encode("gb18030")), name.encode("gb18030"))

    assert [row["file_name"] for row in desk.rows(desk.decode(data))] == ["x_1.zip/处罚㛃.csv"]


def test_every_bad_member_is_named_and_the_batch_blocked(desk: Desk) -> None:
    manifest = desk.decode(
        pack(("a.csv", "工资\n1\n"), ("b.csv", GOOD), ("c.csv", HEAD), ("d.csv", HEAD), ("d.csv.nil", ""))
    )

    assert (manifest.status, manifest.outputs) == ("blocked", [])
    assert [(d.code, d.file) for d in manifest.defects] == [
        ("F02", "x_1.zip/a.csv"),
        ("F06", "x_1.zip/c.csv"),
    ]


def test_an_archive_of_nothing_needs_a_nil_declaration(desk: Desk) -> None:
    for data in (b"", pack(), pack(("a/", b""))):
        assert [(d.code, d.file) for d in desk.decode(data).defects] == [("F06", f"x_{desk.delivered}.zip")]
    assert desk.decode(pack(("a.csv", HEAD), ("a.csv.nil", b""))).status == "ok"


def test_other_formats_are_unpacked_too(tmp_path: Path) -> None:
    single = make_desk(tmp_path / "x", format="xlsx")
    manifest = single.decode(pack(("a.xlsx", save(make_workbook([["1", "甲", 1, None]], title=False)))))
    assert [row["file_name"] for row in single.rows(manifest)] == ["x_1.zip/a.xlsx"]

    several = make_desk(tmp_path / "s", format="xlsx", sheets="all", header_row=3, footer_markers=["合计"])
    manifest = several.decode(pack(("a.xlsx", save(with_sheets("法人", "自然人")))))
    assert manifest.extra["tables"] == ["x_1.zip/a.xlsx#1", "x_1.zip/a.xlsx#2"]

    pages = make_desk(tmp_path / "p", format="json", records_path="list", total_path="total")
    page = '{"list":[{"WSH":"%s","名称":"甲"}],"total":3}'
    manifest = pages.decode(pack(("1.json", page % 1), ("2.json", page % 2)))
    assert [(d.code, d.file) for d in manifest.defects] == [("F05", "x_1.zip")]


def test_archives_that_come_in_parts_are_one_batch(desk: Desk) -> None:
    put_file(desk.inbox, "x_1_1of2.zip", pack(("a.csv", GOOD)))
    put_file(desk.inbox, "x_1_2of2.zip", pack(("a.csv", GOOD)))
    collect(desk.lake, desk.contract, desk.inbox)

    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)

    assert manifest.extra["tables"] == ["x_1_1of2.zip/a.csv", "x_1_2of2.zip/a.csv"]


# ---- what is refused


@pytest.mark.parametrize(
    "name",
    ["../x.csv", "a/../../x.csv", "/etc/x.csv", "C:/x.csv", "..\\x.csv", "a\\b.csv", "./x.csv", "a//x.csv",
     "a\x01.csv", "a\u202evsc.exe", "n" * 256 + ".csv", "../a/"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(desk: Desk, tmp_path: Path, name: str) -> None:
    (defect,) = desk.decode(pack(("good.csv", GOOD), (name, GOOD))).defects

    assert (defect.code, defect.level, defect.message) == (
        "F11", "B", "F11: x_1.zip: a name that leads elsewhere",
    )  # fmt: skip
    assert defect.message_zh == "文件 x_1.zip 含有不予接收的内容（压缩包内文件名含有非法路径或字符）"
    outside = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert outside == {"lake", "inbox", "scratch"}
    assert list(desk.scratch.iterdir()) == []


def test_a_name_with_a_nul_is_refused(desk: Desk) -> None:
    data = pack(("a.csvXb.exe", GOOD)).replace(b"a.csvXb.exe", b"a.csv\0b.exe")

    assert [d.code for d in desk.decode(data).defects] == ["F11"]


def test_links_locked_members_and_double_names_are_refused(desk: Desk) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    locked = pack(("a.csv", GOOD))
    place = locked.index(b"PK\x01\x02") + 8
    locked = locked[:6] + b"\x01" + locked[7:place] + b"\x01" + locked[place + 1 :]
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = pack(("a.csv", GOOD), ("a.csv", GOOD))

    found = [desk.decode(data).defects[0].message for data in (pack((link, "/etc/passwd")), locked, double)]
    assert found == [
        "F11: x_1.zip: a link or device",
        "F11: x_2.zip: a locked member",
        "F11: x_3.zip: two members of one name",
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("b.zip", pack(("a.csv", GOOD))), ("b.csv", pack(("a.csv", GOOD))), ("b.RAR", b"x"),
        ("b.csv", b"Rar!\x1a\x07"), ("b.csv", b"7z\xbc\xaf\x27\x1c"), ("b.csv", b"\x1f\x8b\x08"),
    ],
)  # fmt: skip
def test_an_archive_within_the_archive_is_refused(desk: Desk, name: str, data: bytes) -> None:
    defects = desk.decode(pack(("a.csv", GOOD), (name, data))).defects

    assert [(d.code, d.level) for d in defects] == [("F11", "B")]


def test_bombs_are_refused_before_they_unpack(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "unpack", no_unpacking)
    monkeypatch.setattr(archive_module, "RATIO_FROM_BYTES", 1 << 20)
    (ratio,) = desk.decode(pack(("a.csv", b"\0" * (2 << 20)))).defects
    monkeypatch.setattr(archive_module, "UNPACKED_MAX_BYTES", 1 << 19)
    (size,) = desk.decode(pack(("a.csv", b"\0" * (1 << 20)), method=zipfile.ZIP_STORED)).defects
    monkeypatch.setattr(archive_module, "MEMBERS_MAX", 3)
    (number,) = desk.decode(pack(*((f"{n}.csv", b"") for n in range(4)))).defects

    assert [d.code for d in (ratio, size, number)] == ["F11"] * 3
    assert ratio.message.startswith("F11: x_1.zip: it would unpack to 2 MB, ")
    assert number.message_zh == "文件 x_3.zip 含有不予接收的内容（压缩包内文件超过 3 个）"


def no_unpacking(*_arguments: object) -> None:
    """Fail where nothing may be unpacked."""
    raise AssertionError("unpacked")


def test_a_member_that_unpacks_to_more_than_it_says_is_damaged(desk: Desk) -> None:
    data = pack(("a.csv", GOOD * 5_000))
    size = len(GOOD.encode() * 5_000).to_bytes(4, "little")
    assert data.count(size) == 2

    (defect,) = desk.decode(data.replace(size, (100).to_bytes(4, "little"))).defects
    assert (defect.code, defect.file) == ("F05", "x_1.zip/a.csv")


def flip(data: bytes) -> bytes:
    """Damage the packed bytes of the first member."""
    middle = data.index(b"a.csv") + 20
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 4]) + data[middle + 4 :]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[: len(data) // 2], "F05"),
        (flip, "F05"),
        (lambda data: b"x" + data[1:40], "F01"),
        (lambda _: GOOD.encode(), "F01"),
    ],
)
def test_a_damaged_archive_is_found(desk: Desk, change: Callable[[bytes], bytes], code: str) -> None:
    assert [d.code for d in desk.decode(change(pack(("a.csv", GOOD * 50)))).defects] == [code]


def test_an_unknown_way_of_packing_is_refused(desk: Desk) -> None:
    data = pack(("a.csv", GOOD), method=zipfile.ZIP_LZMA)

    assert [d.message for d in desk.decode(data).defects] == ["F01: x_1.zip: an unknown way of packing"]
