"""Whatever is delivered is read or refused with a code: no other exception, no crash, no file elsewhere."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditlake.contract import Contract
from creditlake.decode.cells import CellsWriter, FileFacts
from creditlake.decode.decode import read_file
from creditlake.decode.defects import FileDefect
from tests.deliveries import HEADER, make_catalog, make_contract
from tests.unit.decode.test_archive import pack
from tests.unit.decode.test_workbook import make_workbook, save, save_old

pytestmark = pytest.mark.slow
ROWS = [
    [f"〔2026〕{n}号", "北城区安康食品有限公司", "0.5", "未取得许可，“擅自”经营|\t^"] for n in range(2, 12)
]
PAGE = "<table><tr>{}</tr>{}</table>".format(
    "".join(f"<th>{text}</th>" for text in HEADER),
    "".join("<tr>" + "".join(f"<td rowspan=1>{text}</td>" for text in row) + "</tr>" for row in ROWS),
)
RECORDS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
KEYS = {"doc_no": "CF_WSH", "name": "CF_XDR_MC", "fine_cny": "CF_NR_FK", "remarks": "BZ"}


def csv_text(delimiter: str) -> str:
    """The table as text."""
    rows = ([text.replace(delimiter, "") for text in cells] for cells in [HEADER, *ROWS])
    return "\n".join(map(delimiter.join, rows)) + "\n"


def xml_text() -> str:
    """The table as a message."""
    rows = (dict(zip(KEYS.values(), row, strict=True)) for row in ROWS)
    body = "".join(
        "<fields>" + "".join(f"<{k}>{v}</{k}>" for k, v in row.items()) + "</fields>" for row in rows
    )
    return f'<?xml version="1.0"?><M><Header/><Body>{body}</Body></M>'


def shape(format: str, **delivery: Any) -> Contract:
    """A contract for one form of delivery; XML has the tags of the 2018 template."""
    fields = make_contract().model_dump(mode="json")["fields"]
    for name, key in KEYS.items():
        fields[name]["aliases"] = [key]
    return make_contract(fields=fields, delivery={"format": format} | delivery)


SPREADSHEET = {"also_accepts": ["xls", "html"], "sheets": "all"}
# What is agreed, and a right file.
TEXTS: dict[str, tuple[Contract, bytes]] = {
    "csv": (shape("csv"), csv_text(",").encode()),
    "csv gb18030": (shape("csv", encoding="gb18030", delimiter="|"), csv_text("|").encode("gb18030")),
    "csv utf-16": (shape("csv", encoding="utf-16", delimiter="\t"), csv_text("\t").encode("utf-16")),
    "csv without quoting": (shape("csv", quoting="none", delimiter="^"), csv_text("^").encode()),
    "jsonl": (shape("jsonl"), "\n".join(map(json.dumps, RECORDS)).encode()),
    "json": (shape("json"), json.dumps(RECORDS, ensure_ascii=False).encode()),
    "json page": (
        shape("json", records_path="data.list", total_path="data.total", encoding="gb18030"),
        json.dumps({"data": {"list": RECORDS, "total": 10}}, ensure_ascii=False).encode("gb18030"),
    ),
    "xml": (shape("xml", record_element="fields"), xml_text().encode()),
    "html": (shape("xlsx", **SPREADSHEET), PAGE.encode()),
    "zip of csv": (shape("csv", archive="zip"), pack(("a.csv", csv_text(",")), ("乙.csv", csv_text(",")))),
    "zip of json": (shape("json", archive="zip"), pack(("a.json", json.dumps(RECORDS)))),
}
WORKBOOKS: dict[str, tuple[Contract, bytes]] = {
    "xlsx": (shape("xlsx", **SPREADSHEET), save(make_workbook(ROWS, title=False))),
    "xls": (shape("xlsx", **SPREADSHEET, header_row=3), save_old(ROWS)),
}
ALL = TEXTS | WORKBOOKS
SPOILS = [
    *(b"\0", b"\0" * 9, b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b'"', b"'", b"<", b">", b"<!--", b"</"),
    *(
        b"&a;",
        b"<![CDATA[",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
        b"<table>" * 40,
        b"<td colspan=99999 rowspan=99999>",
    ),
    *(b"{", b"[", b'{"a":', b"\\ud800", b"NaN", b"1e999", b"9" * 5000, b"[" * 5000, b"(" * 99, b"\x1a"),
    *(text.encode("gb18030") for text in ("锟斤拷", "北城区食品")),
    *("北城食品".encode(encoding) for encoding in ("utf-8", "utf-16-le", "big5")),
    *(b"\x81\x30", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
]


def read(folder: Path, contract: Contract, data: bytes) -> str:
    """Read one delivered file as the step does; return the code of its defect, or "" and check its cells."""
    path = folder / "raw.bin"
    path.write_bytes(data)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    facts = FileFacts("x_1.bin")
    codes: list[str] = []
    try:
        with CellsWriter(folder / "part.parquet", contract) as writer:
            for rows in read_file(path, contract, facts, work):
                writer.write(rows, facts.place)
    except FileDefect as defect:
        facts.defects.append(defect)
    for found in facts.defects:
        found.file = found.file or facts.name
        codes.append(found.describe(make_catalog(contract), contract).code)
    if not codes:
        check_cells(folder / "part.parquet", facts)
    assert list(work.iterdir()) == []
    assert {entry.name for entry in folder.iterdir()} == {"raw.bin", "work", "part.parquet"}
    return " ".join(codes)


def check_cells(part: Path, facts: FileFacts) -> None:
    """Every counted record is there once, under a row number of its table."""
    rows = pq.read_table(part, columns=["file_name", "row_no"]).to_pylist()
    assert len(rows) == facts.received
    assert len({(row["file_name"], row["row_no"]) for row in rows}) == len(rows)
    assert all(row["row_no"] >= 1 for row in rows)


@st.composite
def spoilt(draw: st.DrawFn, right: bytes) -> bytes:
    """A right file after some damage: cut, spliced, overwritten, doubled."""
    data = bytearray(right)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["cut", "insert", "overwrite", "remove", "double", "bits"]))
        piece = draw(st.sampled_from(SPOILS) | st.binary(max_size=6))
        if kind == "cut":
            del data[place:]
        elif kind == "insert":
            data[place:place] = piece
        elif kind == "overwrite":
            data[place : place + len(piece)] = piece
        elif kind == "remove":
            del data[place : place + draw(st.integers(1, 60))]
        elif kind == "double":
            data += data[place:]
        elif data:
            data[min(place, len(data) - 1)] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@pytest.mark.parametrize("form", ALL)
def test_the_right_file_of_every_form_is_read(form: str, tmp_path: Path) -> None:
    contract, data = ALL[form]

    assert read(tmp_path, contract, data) == ""
    cells = pq.read_table(tmp_path / "part.parquet", columns=["ragged_line", "doc_no"])
    assert cells.num_rows == (20 if form == "zip of csv" else 10)
    assert cells["ragged_line"].null_count == cells.num_rows
    assert cells["doc_no"].to_pylist()[:10] == [row[0] for row in ROWS]


def fuzz(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Settings for tests that share a folder over their examples: each example begins by clearing it."""
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def clear(folder: Path) -> Path:
    """Return an empty folder."""
    for path in folder.glob("*.*"):
        path.unlink()
    return folder


@pytest.mark.parametrize("form", TEXTS)
@fuzz(60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_with_a_code(
    form: str, tmp_path: Path, data: st.DataObject
) -> None:
    contract, right = TEXTS[form]
    read(clear(tmp_path), contract, data.draw(spoilt(right)))


@pytest.mark.parametrize("form", WORKBOOKS)
@fuzz(12)
@given(data=st.data())
def test_a_damaged_workbook_is_read_or_refused(form: str, tmp_path: Path, data: st.DataObject) -> None:
    contract, right = WORKBOOKS[form]
    read(clear(tmp_path), contract, data.draw(spoilt(right)))


@pytest.mark.parametrize("form", TEXTS)
@fuzz(25)
@given(
    data=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_random_bytes_are_refused_with_a_code(form: str, tmp_path: Path, data: bytes) -> None:
    read(clear(tmp_path), TEXTS[form][0], data)


@pytest.mark.parametrize("form", TEXTS)
def test_a_file_of_another_form_is_refused_with_a_code(form: str, tmp_path: Path) -> None:
    contract = TEXTS[form][0]
    others = [other for other in ALL if other.split()[0] != form.split()[0]]
    if contract.delivery.format == "xlsx":
        others = [other for other in others if other not in WORKBOOKS]
    for other in others:
        assert read(clear(tmp_path), contract, ALL[other][1]).startswith("F"), other


@pytest.mark.parametrize("seed", range(6))
def test_an_old_workbook_with_many_wrong_bytes_is_refused_with_a_code(seed: int, tmp_path: Path) -> None:
    """calamine ends its process for some of these."""
    contract, right = WORKBOOKS["xls"]
    chooser = random.Random(seed)
    data = bytearray(right)
    for _ in range(200):
        data[chooser.randrange(len(data))] = chooser.randrange(256)

    assert read(tmp_path, contract, bytes(data)) in {"F01", "F02", "F05"}


@pytest.mark.parametrize("form", ["csv", "csv utf-16", "jsonl", "json", "xml", "html", "zip of csv"])
def test_nul_bytes_alone_are_refused_with_a_code(form: str, tmp_path: Path) -> None:
    assert read(tmp_path, TEXTS[form][0], b"\0" * 100_000).startswith("F")


# ---- large on purpose


def wide(form: str, columns: int) -> bytes:
    """A file of `columns` columns, the agreed ones first."""
    names = [*HEADER, *(f"c{n}" for n in range(columns - len(HEADER)))]
    if form == "csv":
        return (",".join(names) + "\n" + ",".join("1" * columns) + "\n").encode()
    if form == "json":
        return json.dumps([dict.fromkeys(names, 1)]).encode()
    if form == "xml":
        fields = "".join(f"<{name}>1</{name}>" for name in ["CF_WSH", "CF_XDR_MC", *names[4:]])
        return f"<a><fields>{fields}</fields></a>".encode()
    if form == "html":
        cells = "".join(f"<td>{name}</td>" for name in names)
        return f"<table><tr>{cells}</tr><tr>{cells}</tr></table>".encode()
    workbook = make_workbook([], title=False)
    workbook.worksheets[0].delete_rows(1)
    for row in (names, ["1"] * columns):
        workbook.worksheets[0].append(row)
    return save(workbook)


@pytest.mark.parametrize("form", ["csv", "json", "xml", "html", "xlsx"])
def test_five_thousand_columns_are_unknown_or_ignored_as_the_contract_says(form: str, tmp_path: Path) -> None:
    contract = ALL[form][0]
    data = wide(form, 5_000)
    assert read(clear(tmp_path), contract, data) == "F02"

    ignoring = contract.model_copy(
        update={"on_unknown_field": "ignore_listed", "ignored_headers": tuple(f"c{n}" for n in range(5_000))}
    )
    assert read(clear(tmp_path), ignoring, data) == ""


@pytest.mark.parametrize("form", ["csv", "csv without quoting", "jsonl", "json", "xml", "html"])
def test_a_cell_of_ten_megabytes_is_kept(form: str, tmp_path: Path) -> None:
    contract, right = TEXTS[form]
    cell = "未取得许可 " * 700_000
    known = json.dumps("未取得许可")[1:-1] if form == "jsonl" else "未取得许可"
    data = right.replace(known.encode(), cell.encode(), 1)
    assert len(data) > 10 << 20

    assert read(tmp_path, contract, data) == ""
    found = pq.read_table(tmp_path / "part.parquet")["remarks"].to_pylist()
    assert max(map(len, found)) >= len(cell)


@pytest.mark.parametrize("form", ["csv", "csv without quoting", "jsonl", "json", "xml", "html"])
def test_a_cell_of_a_hundred_megabytes_is_refused_with_a_code(form: str, tmp_path: Path) -> None:
    contract, right = TEXTS[form]
    known = json.dumps("未取得许可")[1:-1] if form == "jsonl" else "未取得许可"
    data = right.replace(known.encode(), b"x " * (50 << 20), 1)

    assert read(tmp_path, contract, data) in ("F01", "F05")


def test_formula_cells_are_their_results(tmp_path: Path) -> None:
    rows = [
        ["1", '=HYPERLINK("http://127.0.0.1/","甲")', "=1/0", "=cmd|'/C calc'!A0"],
        ["2", "+1", "@x", "-2"],
    ]
    contract = shape("xlsx")

    assert read(tmp_path, contract, save(make_workbook(rows, title=False))) == ""
    found = pq.read_table(tmp_path / "part.parquet").to_pylist()
    assert [row["doc_no"] for row in found] == ["1", "2"]
    assert [row["name"] for row in found] == ["", "+1"]  # a formula that was never calculated has no result


# ---- path tricks


NAMES = st.text(st.sampled_from("ab./\\:~%\0\n甲\u202e"), min_size=1, max_size=12)


@fuzz(60)
@given(names=st.lists(NAMES, min_size=1, max_size=4))
def test_no_name_in_an_archive_writes_outside_the_scratch_folder(tmp_path: Path, names: list[str]) -> None:
    stream = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch, zipfile.ZipFile(stream, "w") as archive:
        patch.setattr("warnings.warn", lambda *_args, **_options: None)
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), csv_text(","))

    read(clear(tmp_path), TEXTS["zip of csv"][0], stream.getvalue())
