"""A declared encoding is proved, not believed: wrong encodings and mojibake block the batch (F01)."""

import random
from pathlib import Path

import pytest

from creditlake.decode import verified_text
from creditlake.decode.defects import FileDefect
from creditlake.decode.verified_text import VerifiedText, rare_share
from creditlake.storage import BatchDefect
from tests.deliveries import HEADER, Desk, make_contract

HEAD = ",".join(HEADER) + "\n"
TEXT = "当事人未取得食品经营许可擅自从事经营活动，违反食品安全法第三十五条，罚款人民币伍仟元整"
ROWS = "".join(f"〔2026〕{n}号,北城区安康食品有限公司,0.5,{TEXT}\n" for n in range(2, 40))
TRADITIONAL = "當事人未取得許可擅自從事食品經營活動違反安全法第條規定處罰款人民幣元整"


def block(tmp_path: Path, encoding: str, data: bytes) -> BatchDefect:
    """Deliver a CSV under a declared encoding; return the one defect that blocks it."""
    desk = Desk(tmp_path, make_contract(delivery={"encoding": encoding}))
    manifest = desk.decode(data)
    assert (manifest.status, manifest.outputs) == ("blocked", [])
    (defect,) = manifest.defects
    return defect


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("gb18030", "gbk"), ("gb18030", "gb18030"), ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"), ("utf-8", "utf-8-sig"), ("utf-8-sig", "utf-8"),
    ],
)  # fmt: skip
def test_the_declared_encoding_is_read_with_and_without_a_byte_order_mark(
    tmp_path: Path, declared: str, written: str
) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"encoding": declared}))
    manifest = desk.decode((HEAD + ROWS).encode(written))

    assert manifest.counts["received"] == 38
    assert desk.values(manifest)[0] == (2, "〔2026〕2号", "北城区安康食品有限公司", "0.5", TEXT)


def test_rare_characters_of_names_survive(tmp_path: Path) -> None:
    desk = Desk(tmp_path, make_contract(delivery={"encoding": "gb18030"}))

    assert desk.values(desk.decode((HEAD + "1,㛃䶮𬭎,,\n").encode("gb18030")))[0][2] == "㛃䶮𬭎"


def test_a_gbk_file_declared_utf8_is_refused_at_its_first_row(tmp_path: Path) -> None:
    defect = block(tmp_path, "utf-8", ("a,b\n" + ROWS).encode("gbk"))

    assert (defect.code, defect.level, defect.row_no) == ("F01", "B", 2)
    assert defect.message == "F01: x_1.csv, row 2: not utf-8; it reads as gb18030"
    assert defect.message_zh == (
        "文件 x_1.csv 无法读取或编码错误（不是约定的 UTF-8 编码，可能为 GB18030，第 2 行）"
    )
    assert defect.cure_zh == "请按约定的编码和格式重新导出并整批重报"


def test_a_utf8_file_declared_gb18030_is_refused(tmp_path: Path) -> None:
    defect = block(tmp_path, "gb18030", (HEAD + ROWS).encode())

    assert defect.code == "F01"
    assert defect.message == "F01: x_1.csv, row 1: not gb18030; it reads as utf-8"


def test_a_utf8_file_that_happens_to_be_gb18030_is_refused_too(tmp_path: Path) -> None:
    data = ("WSH,名称\n" + "".join(f"{n},北城食品公司\n" for n in range(2, 9))).encode()
    data.decode("gb18030")  # decodes, to nonsense

    defect = block(tmp_path, "gb18030", data)

    assert defect.code == "F01"
    assert "生僻字占" in defect.message_zh or "实际为 UTF-8" in defect.message_zh


def test_utf8_rows_appended_to_a_gb18030_file_are_found_far_behind_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 4096)
    row = "1,北城食品公司,,\n"
    data = (HEAD + ROWS * 3).encode("gb18030") + (row * 800).encode()
    row.encode().decode("gb18030")

    defect = block(tmp_path, "gb18030", data)

    assert defect.code == "F01"
    assert defect.row_no is not None
    assert 115 < defect.row_no < 300


def test_short_gbk_words_that_are_also_utf8_are_read(tmp_path: Path) -> None:
    words = "莫牵"
    words.encode("gb18030").decode("utf-8")  # the same bytes are UTF-8

    desk = Desk(tmp_path, make_contract(delivery={"encoding": "gb18030"}))
    manifest = desk.decode("WSH,名称\n".encode("gb18030") + f"1,{words}\n".encode("gb18030"))
    assert desk.values(manifest) == [(2, "1", words, None, None)]


def test_big5_declared_gb18030_is_refused(tmp_path: Path) -> None:
    lines = "".join(f"{n},{TRADITIONAL},,\n" for n in range(2, 20))

    defect = block(tmp_path, "gb18030", ("a,b,c,d\n" + lines).encode("big5"))

    assert defect.code == "F01"
    assert "编码应不是约定的 GB18030" in defect.message_zh


def test_utf8_that_was_converted_twice_is_refused(tmp_path: Path) -> None:
    twice = (HEAD + ROWS).encode().decode("latin-1").encode()

    assert "rare characters: the encoding is not utf-8" in block(tmp_path, "utf-8", twice).message


def utf16(text: str, order: str) -> bytes:
    """UTF-16 in one byte order, with its mark."""
    return f"\ufeff{text}".encode(f"utf-16-{order}")


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_is_read_in_either_byte_order(
    tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 62)
    desk = Desk(tmp_path, make_contract(delivery={"encoding": "utf-16", "delimiter": "\t"}))
    rows = "".join(f"{n}\t〔2026〕਀਍ਊ㛃𬭎\t0.5\t{TEXT}\r\n" for n in range(2, 40))  # bytes 0x0A in characters

    manifest = desk.decode(utf16("\t".join(HEADER) + "\r\n" + rows, order))

    assert desk.values(manifest) == [(n, str(n), "〔2026〕਀਍ਊ㛃𬭎", "0.5", TEXT) for n in range(2, 40)]


@pytest.mark.parametrize(
    ("data", "found", "row"),
    [
        ((HEAD + ROWS).encode(), "not utf-16: it has no byte order mark; it reads as utf-8", 1),
        ((HEAD + ROWS).encode("gbk"), "not utf-16: it has no byte order mark; it reads as gb18030", 1),
        ((HEAD + ROWS).encode("utf-16-le"), "not utf-16: it has no byte order mark", 1),
        (b"\xff\xfe" + (HEAD + ROWS).encode("utf-16-be"), "not utf-16", 1),
        (utf16(HEAD + ROWS, "le") + b"\x00\xdc\n\x00", "not utf-16", 40),
        (utf16(HEAD + ROWS + "1,\ufffd,,\n", "be"), "mojibake", 40),
    ],
)
def test_what_is_not_the_declared_utf16_is_refused(tmp_path: Path, data: bytes, found: str, row: int) -> None:
    defect = block(tmp_path, "utf-16", data)

    assert (defect.code, defect.row_no, found in defect.message) == ("F01", row, True)


def test_a_utf16_file_that_ends_inside_a_character_was_cut_off(tmp_path: Path) -> None:
    defect = block(tmp_path, "utf-16", utf16(HEAD + ROWS + "41,甲", "le")[:-1])

    assert (defect.code, defect.row_no) == ("F05", 40)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_that_was_not_agreed_is_refused(tmp_path: Path, encoding: str) -> None:
    assert block(tmp_path, "utf-8", (HEAD + ROWS).encode(encoding)).code == "F01"


@pytest.mark.parametrize(
    ("encoding", "cell"),
    [("gb18030", "锟斤拷锟斤拷"), ("utf-8", "锟斤拷"), ("utf-8", "公\ufffd司"), ("gb18030", "\ufffd")],
)
def test_mojibake_blocks_and_names_its_row(tmp_path: Path, encoding: str, cell: str) -> None:
    data = HEAD + ROWS + f'41,"甲\n公司",,\n42,{cell},,\n43,乙,,\n'

    defect = block(tmp_path, encoding, data.encode(encoding))

    assert (defect.code, defect.row_no) == ("F01", 41)
    assert defect.message_zh == ("文件 x_1.csv 无法读取或编码错误（含有乱码（锟斤拷或 U+FFFD），第 41 行）")


def test_a_broken_byte_names_its_row(tmp_path: Path) -> None:
    data = (HEAD + ROWS).encode() + b"9,\xff\xfe,,\n"

    assert block(tmp_path, "utf-8", data).row_no == 40


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_a_file_that_ends_inside_a_character_was_cut_off(tmp_path: Path, encoding: str) -> None:
    defect = block(tmp_path, encoding, (HEAD + ROWS + "41,甲").encode(encoding)[:-1])

    assert (defect.code, defect.row_no) == ("F05", 40)
    assert "文件在一个汉字中间结束" in defect.message_zh


def test_a_binary_file_without_line_breaks_is_refused_in_constant_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 1000)
    monkeypatch.setattr(verified_text, "LINE_MAX_BYTES", 5000)

    assert "no line break" in block(tmp_path, "utf-8", b"a" * 20_000).message


def test_pieces_never_cut_a_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + ROWS
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode("gb18030"))
    for size in (64, 101, 333):
        monkeypatch.setattr(verified_text, "PIECE_BYTES", size)
        assert VerifiedText(path, "gb18030").read().decode() == text


def test_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    half = b"\x83\x36\xc7\x39"
    try:
        character = half.decode("gb18030")
    except UnicodeDecodeError:
        character = ""
    path = tmp_path / "x.csv"
    path.write_bytes(half + b"\n")

    if "\ud800" <= character <= "\udfff":
        with pytest.raises(FileDefect, match="F01"):
            VerifiedText(path, "gb18030").read()
    else:
        assert character == "" or VerifiedText(path, "gb18030").read().decode() == f"{character}\n"


def test_the_share_of_rare_characters_tells_right_from_wrong() -> None:
    assert rare_share("abc") == (0.0, 0)
    assert rare_share(TEXT)[0] < 0.05
    assert rare_share(TEXT.encode().decode("gb18030", errors="ignore"))[0] > 0.5
    assert rare_share(TRADITIONAL.encode("big5").decode("gb18030", errors="ignore"))[0] > 0.4


def test_random_gbk_text_is_never_taken_for_utf8(tmp_path: Path) -> None:
    """Common characters, many short files: the check of UTF-8 must not block a right file."""
    common = [bytes([high, low]).decode("gb2312") for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)]
    chooser = random.Random(3)
    path = tmp_path / "x.csv"
    for _ in range(300):
        text = "".join(chooser.choices(common, k=chooser.randint(5, 60))) + "\n"
        path.write_bytes(text.encode("gb18030"))
        assert VerifiedText(path, "gb18030").read().decode() == text
