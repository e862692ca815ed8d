"""JSON lines: values as they were written, bad lines kept, a cut file refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlake.decode import jsonl, verified_text
from creditlake.decode.cells import FileFacts
from creditlake.decode.jsonl import read_jsonl, read_object, render_json, render_value
from tests.deliveries import Desk, make_contract

CONTRACT = make_contract(
    delivery={"format": "jsonl", "file_pattern": "x_*.jsonl"},
    on_unknown_field="ignore_listed",
    ignored_headers=["_id"],
    fields={
        "doc_no": {"title": "文号", "type": "doc_no", "source_name": "caseCode"},
        "name": {"title": "名称", "type": "name", "source_name": "iname", "required": True},
        "age": {"title": "年龄", "type": "integer", "source_name": "age"},
        "remarks": {"title": "备注", "type": "text", "source_name": "duty"},
    },
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """JSON lines in UTF-8."""
    return Desk(tmp_path, CONTRACT)


def line(**values: Any) -> str:
    """One line with the two mandatory keys."""
    return json.dumps({"caseCode": "1", "iname": "甲"} | values, ensure_ascii=False) + "\n"


def test_values_are_text_as_written_and_absent_ones_null(desk: Desk) -> None:
    manifest = desk.decode(
        '{"caseCode":"（2026）执1号","iname":"甲","age":1.50,"duty":""}\n'
        '{"iname":"乙","caseCode":123456789012345678901,"age":null}\n'
        '{"caseCode":"3","iname":"丙","duty":true,"_id":"x","age":-1e5}\n'
    )

    assert desk.values(manifest) == [
        (1, "（2026）执1号", "甲", "1.50", ""),
        (2, "123456789012345678901", "乙", None, None),
        (3, "3", "丙", "-1e5", "true"),
    ]
    assert manifest.columns == ["caseCode", "iname", "age", "duty"]
    assert manifest.counts == {"received": 3, "ragged": 0, "blank": 0}


def test_nested_values_are_kept_as_json_text(desk: Desk) -> None:
    manifest = desk.decode('{"caseCode":"1","iname":"甲","duty":{"数":[1.50,null,true,"a\\"b"],"o":{}}}\n')

    assert desk.rows(manifest)[0]["remarks"] == '{"数":[1.50,null,true,"a\\"b"],"o":{}}'


def test_line_breaks_inside_values_and_crlf_line_ends_are_read(desk: Desk) -> None:
    manifest = desk.decode(line(duty="a\nb").replace("\n", "\r\n") + "\r\n" + line(duty="\u2028"))

    assert [(row["row_no"], row["remarks"]) for row in desk.rows(manifest)] == [(1, "a\nb"), (3, "\u2028")]
    assert manifest.counts["blank"] == 1


@pytest.mark.parametrize(
    "bad",
    ["{", '{"iname":"甲"', "[1]", '"text"', "甲,乙", '{"iname":"a","iname":"b"}', '{"age":NaN}', '{"age":1,}',
     '{"iname":"\\ud800"}', '{"iname":"a\tb"}', "[" * 100_000],
)  # fmt: skip
def test_a_line_that_is_no_object_is_kept_whole_as_a_ragged_row(desk: Desk, bad: str) -> None:
    manifest = desk.decode(line() + bad + "\n" + line())

    assert manifest.status == "ok"
    assert manifest.counts == {"received": 3, "ragged": 1, "blank": 0}
    assert [(row["row_no"], row["ragged_line"], row["name"]) for row in desk.rows(manifest)] == [
        (1, None, "甲"),
        (2, bad, None),
        (3, None, "甲"),
    ]


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_a_bad_last_line_is_a_cut_file(desk: Desk, end: str) -> None:
    (defect,) = desk.decode(line() + line()[:20] + end).defects

    assert (defect.code, defect.level, defect.file, defect.row_no) == ("F05", "B", "x_1.jsonl", 2)
    assert defect.message == "F05: x_1.jsonl, row 2: the last line is incomplete"
    assert defect.message_zh == (
        "文件 x_1.jsonl 不完整，疑似传输中断（最后一行不是完整的 JSON 对象，第 2 行）"
    )


def test_a_whole_last_line_needs_no_line_break(desk: Desk) -> None:
    assert desk.decode(line() + line().rstrip()).counts["received"] == 2


def test_a_json_array_instead_of_lines_is_refused(desk: Desk) -> None:
    (defect,) = desk.decode("[\n" + line().replace("\n", ",\n") + line() + "]\n").defects
    assert defect.code == "F05"

    (defect,) = desk.decode(json.dumps([{"iname": "甲"}], indent=1)).defects
    assert (defect.code, defect.message_zh) == ("F08", "文件 x_2.jsonl 第 5 行不是完整的 JSON 对象")


def test_an_unknown_key_is_refused_at_its_line(desk: Desk) -> None:
    (defect,) = desk.decode(line() + line(salary=1) + line()).defects

    assert (defect.code, defect.row_no) == ("F02", 2)
    assert defect.message == "F02: x_1.jsonl, row 2: key 'salary' is unknown to the contract"
    assert defect.message_zh == "文件 x_1.jsonl 的表头与约定不符：键“salary”不在目录约定内，第 2 行"


def test_two_keys_of_one_field_are_refused(desk: Desk) -> None:
    assert [defect.field for defect in desk.decode(line(INAME="乙")).defects] == ["name"]


def test_a_mandatory_key_that_no_line_has_is_refused(desk: Desk) -> None:
    (defect,) = desk.decode('{"caseCode":"1"}\n{"caseCode":"2"}\n').defects

    assert (defect.code, defect.field) == ("F02", "name")
    assert defect.message_zh == "文件 x_1.jsonl 的表头与约定不符：缺少必填列：iname"


def test_keys_first_met_late_are_null_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "BATCH_ROWS", 2)
    monkeypatch.setattr(verified_text, "PIECE_BYTES", 64)
    manifest = desk.decode(line() * 7 + line(age=3) + line())

    assert [row["age"] for row in desk.rows(manifest)] == [None] * 7 + ["3", None]
    assert [row["row_no"] for row in desk.rows(manifest)] == list(range(1, 10))


def test_an_empty_file_needs_a_nil_declaration(desk: Desk) -> None:
    assert [defect.code for defect in desk.decode("").defects] == ["F06"]
    assert [defect.code for defect in desk.decode("\n \n").defects] == ["F06"]


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@settings(max_examples=80, deadline=None)
@given(value=VALUES)
def test_nested_json_text_says_what_was_said(value: Any) -> None:
    text = json.dumps({"v": value})
    try:
        read = read_object(text)["v"]
    except ValueError:
        with pytest.raises(UnicodeEncodeError):
            json.dumps(value, ensure_ascii=False).encode()
        return

    assert json.loads(render_json(read) if not isinstance(value, str) else json.dumps(read)) == value


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"iname": st.text(), "caseCode": st.text(), "duty": SCALARS}), min_size=1
    )
)
def test_every_line_that_json_writes_is_one_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "x_1.jsonl"
    lines = [json.dumps(row, ensure_ascii=True) for row in rows]
    path.write_text("\n".join(lines) + "\n")

    facts = FileFacts("x_1.jsonl")
    found = [row for table in read_jsonl(path, CONTRACT, facts) for row in table.to_pylist()]

    assert [(row["row_no"], row["name"], row["doc_no"], row.get("remarks")) for row in found] == [
        (number, row["iname"], row["caseCode"], render_value(json_scalar(row["duty"])))
        for number, row in enumerate(rows, start=1)
    ]


def json_scalar(value: Any) -> Any:
    """The value as our reader holds it: numbers as text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return json.dumps(value)
