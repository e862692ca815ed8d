"""Small files that unfold to more than a machine has: refused with a code, in bounded memory.

Each is read in a process of its own whose address space is limited, as the step reads it. Without its guard
each of these would end that process.
"""

import io
import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.deliveries import make_contract
from tests.unit.decode.test_archive import pack
from tests.unit.decode.test_workbook import make_workbook, save

pytestmark = pytest.mark.slow
MORE_BYTES = 700 << 20  # than Python with its libraries has at rest
READ = """
    import json, resource, sys
    from pathlib import Path
    from creditlake.contract import Contract
    from creditlake.decode.cells import CellsWriter, FileFacts
    from creditlake.decode.decode import read_file
    from creditlake.decode.defects import FileDefect
    status = Path("/proc/self/status").read_text()
    at_rest = int(status.split("VmSize:")[1].split()[0]) << 10
    limit = at_rest + int(sys.argv[2])
    folder, contract = Path(sys.argv[1]), Contract.model_validate_json(sys.stdin.read())
    facts = FileFacts("x")
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
    try:
        with CellsWriter(folder / "part.parquet", contract) as writer:
            for rows in read_file(folder / "raw.bin", contract, facts, folder):
                writer.write(rows, facts.place)
    except FileDefect as defect:
        facts.defects.append(defect)
    print(json.dumps([[defect.code, defect.detail] for defect in facts.defects]))
"""


def read_limited(folder: Path, data: bytes, more: int = MORE_BYTES, **delivery: Any) -> list[list[str]]:
    """Read one file in a limited process; return [code, detail] of its defects."""
    (folder / "raw.bin").write_bytes(data)
    contract = make_contract(delivery=delivery)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READ), str(folder), str(more)],
        input=contract.model_dump_json(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str]] = json.loads(done.stdout)
    return found


def codes(found: list[list[str]]) -> list[str]:
    """The codes alone."""
    return [code for code, _ in found]


def zip_of_zeros(name: str, size: int) -> bytes:
    """A zip whose one member unfolds to `size` bytes."""
    stream = io.BytesIO()
    piece = b"\0" * (8 << 20)
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w") as member,
    ):
        for _ in range(size // len(piece)):
            member.write(piece)
    return stream.getvalue()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    data = zip_of_zeros("a.csv", 1 << 30)
    assert len(data) < 6 << 20

    ((code, detail),) = read_limited(tmp_path, data, format="csv", archive="zip")
    assert (code, detail.startswith("it would unpack to 1024 MB, ")) == ("F11", True)


def test_a_zip_that_lies_about_its_size_is_not_believed(tmp_path: Path) -> None:
    size = 256 << 20
    data = zip_of_zeros("a.csv", size).replace(size.to_bytes(4, "little"), (1 << 20).to_bytes(4, "little"))

    assert codes(read_limited(tmp_path, data, format="csv", archive="zip")) == ["F05"]


def test_members_that_lie_over_each_other_are_counted_by_what_they_unfold_to(tmp_path: Path) -> None:
    """One packed member, named five hundred times in the directory."""
    single = zip_of_zeros("a00.csv", 8 << 20)
    start = single.index(b"PK\x01\x02")
    end = single.index(b"PK\x05\x06")
    entries = [single[start:end].replace(b"a00", f"{n:03}".encode()) for n in range(500)]
    directory = b"".join(entries)
    tail = bytearray(single[end:])
    tail[8:12] = len(entries).to_bytes(2, "little") * 2
    tail[12:16] = len(directory).to_bytes(4, "little")

    found = read_limited(tmp_path, single[:start] + directory + bytes(tail), format="csv", archive="zip")
    assert codes(found) == ["F11"]


@pytest.mark.parametrize(
    ("entities", "use"),
    [
        ("".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12)), "&a12;"),
        ('<!ENTITY big "' + "x" * 100_000 + '">', "&big;" * 20_000),
    ],
)
def test_an_entity_bomb_is_refused_at_its_declaration(tmp_path: Path, entities: str, use: str) -> None:
    text = f'<!DOCTYPE x [<!ENTITY a0 "x">{entities}]><x><fields><a>{use}</a></fields></x>'

    found = read_limited(tmp_path, text.encode(), format="xml", record_element="fields")
    assert found == [["F11", "the file has a DTD"]]


def test_a_workbook_bomb_ends_its_own_process(tmp_path: Path) -> None:
    """A table of 17 thousand million cells in a workbook of 5 KB."""
    corner = make_workbook([["1", "甲", 1, None]], title=False)
    corner.worksheets[0]["XFD1048576"] = "x"

    assert codes(read_limited(tmp_path, save(corner), format="xlsx")) == ["F01"]


def test_a_sheet_that_unfolds_a_thousandfold_takes_the_memory_of_its_own_process(tmp_path: Path) -> None:
    """400 MB of rows in a workbook of half a megabyte are read, past a reader that may not hold them."""
    stream = io.BytesIO()
    right = io.BytesIO(save(make_workbook([["1", "甲", 1, None]], title=False)))
    with zipfile.ZipFile(right) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                row = b'<row><c t="inlineStr"><is><t>' + b"x" * 1000 + b"</t></is></c></row>"
                part = part.replace(b"</sheetData>", row * 400_000 + b"</sheetData>")
            target.writestr(name, part)
    assert len(stream.getvalue()) < 4 << 20

    assert read_limited(tmp_path, stream.getvalue(), 500 << 20, format="xlsx") == []


PAGE = {"format": "xlsx", "also_accepts": ["html"]}
MESSAGE = {"format": "xml", "record_element": "x"}
ENDLESS: list[tuple[dict[str, Any], bytes]] = [
    ({"format": "json"}, b"[" * (64 << 20)),
    ({"format": "json"}, b'["' + b"a" * (300 << 20)),
    ({"format": "json"}, b"[" + b"[]," * (1 << 20) + b"1]"),
    ({"format": "json", "records_path": "a"}, b"{" + b",".join(b'"%d":1' % n for n in range(2_000_000))),
    ({"format": "jsonl"}, b'{"a":"' + b"a" * (300 << 20)),
    ({"format": "csv"}, b'"' + b"a,\n" * (100 << 20)),
    ({"format": "csv", "quoting": "none"}, b"a" * (300 << 20)),
    ({"format": "csv", "encoding": "utf-16"}, b"\xff\xfe" + b"a\0" * (150 << 20)),
    (MESSAGE, b"<x>" * (8 << 20)),
    (MESSAGE, b"<x><a>" + b"<b/>" * (8 << 20)),
    (MESSAGE, b"<x>" + b"<b/>" * (8 << 20)),
    (MESSAGE, b"<x a='" + b"a \n" * (20 << 20)),
    (PAGE, b"<table>" * (8 << 20)),
    (PAGE, b"<table><tr>" + b"<td>" * (8 << 20)),
    (PAGE, b"<table><td>" + b"a <br>" * (8 << 20)),
    (PAGE, b"<table " + b"a='>' " * (7 << 20)),
    (PAGE, b"<table>" + b"<tr><td rowspan=9999 colspan=9999>" * 9999),
]


@pytest.mark.parametrize(
    ("shape", "data"), ENDLESS, ids=[f"{n}-{shape['format']}" for n, (shape, _) in enumerate(ENDLESS)]
)
def test_a_value_without_end_is_refused_in_bounded_memory(
    tmp_path: Path, shape: dict[str, Any], data: bytes
) -> None:
    (code,) = codes(read_limited(tmp_path, data, **shape))

    assert code in {"F01", "F02", "F05"}


def test_the_limit_of_these_tests_is_felt(tmp_path: Path) -> None:
    """The same process without room cannot even read a right file."""
    with pytest.raises(AssertionError, match="emory"):
        read_limited(tmp_path, pack(("a.csv", "名称,WSH\n甲,1\n")), 1 << 20, format="csv", archive="zip")
