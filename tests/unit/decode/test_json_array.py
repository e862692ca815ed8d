"""JSON arrays and the pages of an API: values as they were written, totals that must be right."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from creditlake.decode import decode_waiting, json_array, verified_text
from creditlake.storage import BatchDefect
from tests.deliveries import DAY, Desk, collect, make_contract, put_file
from tests.unit.decode.test_jsonl import CONTRACT as LINES

ONE = {"caseCode": "1", "iname": "甲"}


def make_desk(folder: Path, **delivery: Any) -> Desk:
    """A desk for JSON files in UTF-8, under the fields of the JSON lines' contract."""
    shape = {"format": "json", "file_pattern": "x_*.json"} | delivery
    return Desk(folder, LINES.model_copy(update={"delivery": make_contract(delivery=shape).delivery}))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An array is the whole file."""
    return make_desk(tmp_path)


@pytest.fixture
def api(tmp_path: Path) -> Desk:
    """Pages as the provincial API sends them."""
    return make_desk(tmp_path, records_path="data.list", total_path="data.total")


def page(records: Any, total: Any, **more: Any) -> str:
    """One page of an API."""
    return json.dumps({"code": "00", "data": {"pageNo": 1, "list": records, "total": total}} | more)


def test_elements_are_rows_and_their_values_text_as_written(desk: Desk) -> None:
    manifest = desk.decode(
        '[\n {"caseCode":"（2026）执1号","iname":"甲","age":1.50,"duty":{"数":[1.50,null]}},'
        '{"iname":"乙","caseCode":123456789012345678901,"age":null}\n,{"caseCode":"3","iname":"丙","_id":[{}]}]\n'
    )

    assert desk.values(manifest) == [
        (1, "（2026）执1号", "甲", "1.50", '{"数":[1.50,null]}'),
        (2, "123456789012345678901", "乙", None, None),
        (3, "3", "丙", None, None),
    ]
    assert manifest.columns == ["caseCode", "iname", "age", "duty"]
    assert manifest.counts == {"received": 3, "ragged": 0, "blank": 0}


@pytest.mark.parametrize(
    "bad",
    ["null", "[1]", '"text"', "-1.5e3", '{"iname":"a","iname":"b"}', '{"age":NaN}', '{"iname":"\\ud800"}'],
)
def test_an_element_that_is_no_object_is_kept_whole_as_a_ragged_row(desk: Desk, bad: str) -> None:
    manifest = desk.decode(f"[{json.dumps(ONE)}, {bad} ,{json.dumps(ONE)}]")

    assert manifest.counts == {"received": 3, "ragged": 1, "blank": 0}
    assert [(row["row_no"], row["ragged_line"], row["name"]) for row in desk.rows(manifest)] == [
        (1, None, "甲"),
        (2, bad, None),
        (3, None, "甲"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_pieces_may_end_anywhere_in_any_encoding(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"caseCode": f"〔2026〕{n}号", "iname": "北城，公司 ", "age": n, "duty": "一\n二\\"}
        for n in range(99)
    ]
    text = json.dumps({"data": {"x": [1, [2]], "list": rows, "total": "99"}}, ensure_ascii=False)
    for size in (50, 64, 333):
        monkeypatch.setattr(verified_text, "PIECE_BYTES", size)
        desk = make_desk(
            tmp_path / str(size), encoding=encoding, records_path="data.list", total_path="data.total"
        )
        found = desk.values(desk.decode(text.encode(encoding)))
        assert found == [(n + 1, f"〔2026〕{n}号", "北城，公司 ", str(n), "一\n二\\") for n in range(99)]


def test_every_cut_of_an_array_is_found(desk: Desk) -> None:
    text = json.dumps([ONE, {**ONE, "duty": {"a": [1, "]"]}}], ensure_ascii=False)
    for end in range(1, len(text)):
        (defect,) = desk.decode(text[:end]).defects
        assert (defect.code, defect.level) == ("F05", "B"), text[:end]
    assert desk.decode(text).status == "ok"


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        ('[{"iname":"甲" "caseCode":"1"}]', "F01", "this is no JSON"),
        ('[{"iname":"甲","caseCode":"1"}] [1]', "F01", "this is no JSON"),
        ('[{"iname":"甲","caseCode":"1"},]', "F01", "this is no JSON"),
        ("[" * 100_000 + "]", "F01", "this is no JSON"),
        ('{"iname":"甲"}', "F01", "no array at the root"),
        ("<html></html>", "F05", "the file ends inside a value"),
        ('[{"iname":"甲","caseCode":"1","薪":1}]', "F02", "key '薪' is unknown to the contract"),
        ('[{"caseCode":"1"}]', "F02", "mandatory columns are missing: iname"),
        ("[1,2]", "F01", "no element is an object"),
        ("[]", "F06", "no rows and no nil declaration"),
        (" \n", "F06", "no rows and no nil declaration"),
    ],
)
def test_what_is_no_array_of_the_agreed_objects_is_refused(
    desk: Desk, text: str, code: str, detail: str
) -> None:
    (defect,) = desk.decode(text).defects

    assert (defect.code, detail in defect.message) == (code, True)


def test_a_broken_element_names_its_place(desk: Desk) -> None:
    (defect,) = desk.decode(f'[{json.dumps(ONE)},{{"a"}}]').defects

    assert defect.message == "F01: x_1.json, row 2: this is no JSON"
    assert defect.message_zh == "文件 x_1.json 无法读取或编码错误（不是有效的 JSON，第 2 行）"


def test_an_endless_value_is_refused_in_constant_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "VALUE_MAX", 3_000)
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 1_000)

    (defect,) = desk.decode(f'[{json.dumps(ONE)},{{"duty":"{"a " * 9_000}"}}]').defects
    assert (defect.code, defect.row_no) == ("F01", 2)


# ---- pages of an API


def decode_pages(desk: Desk, *pages: str) -> list[BatchDefect]:
    """Deliver pages as parts of one batch; return its defects."""
    for number, text in enumerate(pages, start=1):
        put_file(desk.inbox, f"x_1_{number}of{len(pages)}.json", text)
    collect(desk.lake, desk.contract, desk.inbox)
    (manifest,) = decode_waiting(desk.lake, desk.catalog, DAY, scratch=desk.scratch)
    return manifest.defects


def test_pages_of_one_batch_are_read_in_order_and_agree_with_their_total(api: Desk) -> None:
    for number in range(1, 12):
        records = [{"caseCode": f"{number}-{n}", "iname": "甲"} for n in range(2)]
        put_file(api.inbox, f"x_1_{number}of11.json", page(records, 22))
    collect(api.lake, api.contract, api.inbox)

    (manifest,) = decode_waiting(api.lake, api.catalog, DAY, scratch=api.scratch)

    assert (manifest.status, manifest.counts["received"], len(manifest.outputs)) == ("ok", 22, 11)
    parts = api.lake.localise(manifest.outputs, api.scratch)
    firsts = [read_first(part) for part in parts]
    assert firsts == [(f"x_1_{number}of11.json", f"{number}-0") for number in range(1, 12)]


def read_first(part: Path) -> tuple[str, str]:
    """File name and document number of a part's first row."""
    row = pq.read_table(part).slice(0, 1).to_pylist()[0]
    return row["file_name"], row["doc_no"]


def test_a_page_that_is_missing_or_another_total_blocks_the_batch(tmp_path: Path) -> None:
    paths = {"records_path": "data.list", "total_path": "data.total"}
    (defect,) = decode_pages(make_desk(tmp_path / "a", **paths), page([ONE] * 2, 5), page([ONE] * 2, 5))
    assert (defect.code, defect.level) == ("F05", "B")
    assert defect.message == "F05: x_1_1of2.json: 4 records in 2 files, but their total is 5"
    assert defect.message_zh == (
        "文件 x_1_1of2.json 不完整，疑似传输中断（2 个文件共 4 条记录，而其标明的总数为 5）"
    )

    (defect,) = decode_pages(make_desk(tmp_path / "b", **paths), page([ONE] * 2, 4), page([ONE] * 2, "5"))
    assert defect.message == "F05: x_1_1of2.json: 4 records in 2 files, but their total is 4, 5"


def test_a_last_empty_page_and_a_total_of_nothing_need_no_nil_declaration(tmp_path: Path) -> None:
    paths = {"records_path": "data.list", "total_path": "data.total"}
    assert decode_pages(make_desk(tmp_path / "a", **paths), page([ONE], 1), page([], 1)) == []
    assert decode_pages(make_desk(tmp_path / "b", **paths), page(None, 0)) == []


@pytest.mark.parametrize(
    ("text", "code", "detail"),
    [
        ('{"code":"500","msg":"denied"}', "F01", "no array at data.list"),
        (page({"a": 1}, 1), "F01", "no array at data.list"),
        (json.dumps([ONE]), "F01", "no array at data.list"),
        ('{"data":{"list":[]}}', "F02", "no total at data.total"),
        (page([], "many"), "F02", "the total is no whole number"),
        (page([], -1), "F02", "the total is no whole number"),
        ('{"data":{"list":[],"list":[],"total":0}}', "F01", "keys twice"),
        (json.dumps({str(n): 1 for n in range(2000)}), "F01", "without end"),
    ],
)
def test_an_answer_of_another_form_is_refused(api: Desk, text: str, code: str, detail: str) -> None:
    (defect,) = api.decode(text).defects

    assert (defect.code, detail in defect.message) == (code, True)
