"""Drafting a contract from sample files: found is what every existing contract says, and nothing leaks."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import xlwt
import yaml
from typer.testing import CliRunner

from creditlake.catalog import CatalogError, check_catalog, load_catalog, load_drafted
from creditlake.catalog_commands import catalog_app
from creditlake.contract import IDENTIFIER_TYPES, AccessLevel, Contract
from creditlake.onboard import words
from creditlake.onboard.draft import Draft, draft_contract
from creditlake.onboard.guess import PERSONAL_TYPES
from creditlake.onboard.sample import READERS, SampleProblem, read_sample
from creditlake.onboard.table import find_table
from creditlake.onboard.writer import DraftRefused, check_name, flow, render_contract, scalar, write_draft
from creditlake.settings import REPOSITORY, settings
from tests.samples import PERSONS, make_resident_id, make_rows, make_uscc, write_sample

pytestmark = pytest.mark.slow
CATALOG = load_catalog(REPOSITORY / "catalog")
ENCODINGS = ("gb18030", "utf-8", "utf-8-sig", "utf-16")
CONTRACTS = {
    name: contract
    for name, contract in CATALOG.contracts.items()
    if contract.delivery.format in READERS and contract.delivery.encoding in ENCODINGS
}
CHECKED_TYPES = IDENTIFIER_TYPES | {"date", "phone"}  # what is told by its values alone
MEANING_NEEDED = frozenset({"tax_id", "party_code"})  # told by the header, or by the column beside


def draft_of(contract: Contract, folder: Path, headers: dict[str, str] | None = None) -> Draft:
    """Draft a sample of a contract with a catalogue that does not know the contract."""
    others = {name: other for name, other in CATALOG.contracts.items() if name != contract.name}
    path = write_sample(folder, contract, make_rows(contract, CATALOG), headers)
    return draft_contract([path], contract.name, replace(CATALOG, contracts=others))


def types_by_header(draft: Draft) -> dict[str, str]:
    return {field.column.header: field.type for field in draft.drafts.fields}


def test_there_are_contracts_to_try() -> None:
    assert len(CONTRACTS) >= 8


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_shape_of_a_sample_is_that_of_its_contract(name: str, tmp_path: Path) -> None:
    delivery = CONTRACTS[name].delivery
    draft = draft_of(CONTRACTS[name], tmp_path)
    assert draft.shape.format == delivery.format
    assert draft.header_row == (1 if delivery.format == "jsonl" else delivery.header_row)
    assert draft.notes == delivery.footer_markers[:1]
    if delivery.format != "xlsx":
        assert draft.shape.encoding == delivery.encoding
    if delivery.format == "csv":
        assert draft.shape.delimiter == delivery.delimiter


@pytest.mark.parametrize("name", CONTRACTS)
def test_identifiers_dates_and_amounts_have_their_types(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    found = types_by_header(draft_of(contract, tmp_path))
    for field in contract.fields.values():
        if field.decimal:
            assert found[field.source_name].startswith("decimal"), field.source_name
        elif field.type in CHECKED_TYPES:
            assert found[field.source_name] == field.type, field.source_name


@pytest.mark.parametrize("name", CONTRACTS)
def test_types_are_found_by_values_where_no_header_is_known(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    headers = {field: f"栏{number}" for number, field in enumerate(contract.fields)}
    draft = draft_of(contract, tmp_path, headers)
    found = types_by_header(draft)
    for code, field in contract.fields.items():
        if field.type in CHECKED_TYPES - MEANING_NEEDED:
            assert found[headers[code]] == field.type, code
        elif field.decimal:
            assert found[headers[code]].startswith("decimal"), code
    assert [field.code for field in draft.drafts.fields] == [f"f{n + 1}" for n in range(len(headers))]


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_natural_key_is_among_the_candidates(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    draft = draft_of(contract, tmp_path)
    columns = {field.code: field.column for field in draft.drafts.fields}
    candidates = [{columns[code].header for code in key} for key in draft.keys]
    constant = {column.header for column in columns.values() if len(column.distinct) == 1}
    key = {contract.fields[code].source_name for code in contract.natural_key}
    assert key - constant in candidates or key in candidates


@pytest.mark.parametrize("name", CONTRACTS)
def test_personal_columns_get_the_strictest_level_and_nothing_is_public(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    draft = draft_of(contract, tmp_path)
    levels = {field.column.header: field.level for field in draft.drafts.fields}
    for field in contract.fields.values():
        if field.type in PERSONAL_TYPES:
            assert levels[field.source_name] is AccessLevel.AUTHORISED, field.source_name
    assert AccessLevel.PUBLIC not in levels.values()
    text = render_contract(draft)
    assert "publish: true}" not in text
    assert "access_level: public}" not in text


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_delivered_value_stands_in_a_draft_but_labels_of_code_lists(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    draft = draft_of(contract, tmp_path)
    proposed = {value.label for known in draft.drafts.code_lists for value in known.values}
    text = render_contract(draft)
    titles = {title for field in contract.fields.values() for title in (field.source_name, field.title)}
    for title in sorted(titles, key=len, reverse=True):  # a value may be a part of a header
        text = text.replace(title, "")
    values = {cell for row in make_rows(contract, CATALOG) for cell in row.values() if len(cell) > 3}
    assert len(values) > 10
    labels = {value.label for known in CATALOG.code_lists.values() for value in known.values}
    told = proposed | titles | labels | set(words.OPEN_ENDED)
    assert [value for value in values - told if value in text] == []
    assert not proposed & set(PERSONS)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the catalogue that the commands work on."""
    root = tmp_path / "catalog"
    shutil.copytree(REPOSITORY / "catalog", root)
    monkeypatch.setenv("CREDITLAKE_CATALOG", str(root))
    settings.cache_clear()
    yield root
    settings.cache_clear()


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_draft_loads_and_only_its_questions_are_left(name: str, root: Path, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    path = write_sample(tmp_path, contract, make_rows(contract, CATALOG))
    new = f"{contract.name}_again"
    write_draft(draft_contract([path], new, load_drafted(root)), root)
    problems = check_catalog(root)
    assert [str(problem) for problem in problems if not problem.is_question] == []
    assert any("法律依据" in p.message or "依据哪部" in p.message for p in problems)
    assert new in load_drafted(root).contracts
    with pytest.raises(CatalogError):
        load_catalog(root)


def test_known_headers_keep_their_codes_and_others_ask(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "check_1.csv"
    rows = [f"{make_uscc(n)},2026-11-0{n % 9 + 1},场地{n % 4}\r\n" for n in range(40)]
    path.write_text("统一社会信用代码,去看的日子,检查场地\r\n" + "".join(rows), encoding="utf-8")
    draft = draft_contract([path], "tax.check", load_drafted(root))
    assert [field.code for field in draft.drafts.fields] == ["uscc", "f2", "f3"]
    asked = [question for field in draft.drafts.fields for question in field.questions]
    assert [question.partition("：")[0] for question in asked] == ["f2", "f3", "f3"]
    assert [value.label for value in draft.drafts.code_lists[0].values] == [
        "场地0",
        "场地1",
        "场地2",
        "场地3",
    ]
    assert draft.pattern == "check_*.csv"


def test_an_answered_draft_is_an_ordinary_contract(root: Path, tmp_path: Path) -> None:
    contract = CONTRACTS["tax.a_level_taxpayer"]
    path = write_sample(tmp_path, contract, make_rows(contract, CATALOG))
    written = write_draft(draft_contract([path], "tax.b_level", load_drafted(root)), root)
    for file in written:
        lines = [line for line in file.read_text().splitlines() if not line.strip().startswith("# ?")]
        file.write_text("\n".join(lines) + "\n")
    assert check_catalog(root) == []
    assert "tax.b_level" in load_catalog(root).contracts


def test_a_draft_overwrites_nothing(root: Path, tmp_path: Path) -> None:
    contract = CONTRACTS["tax.a_level_taxpayer"]
    path = write_sample(tmp_path, contract, make_rows(contract, CATALOG))
    before = {file: file.read_bytes() for file in root.rglob("*.yml")}
    with pytest.raises(DraftRefused, match="exists"):
        write_draft(draft_contract([path], contract.name, load_drafted(root)), root)
    assert {file: file.read_bytes() for file in root.rglob("*.yml")} == before


@pytest.mark.parametrize("name", ["tax", "Tax.list", "weather.report", "tax.a.b"])
def test_a_name_without_department_is_refused(name: str) -> None:
    with pytest.raises(DraftRefused):
        check_name(name, CATALOG)


def test_the_command_prints_a_draft_and_writes_one_with_a_name(root: Path, tmp_path: Path) -> None:
    contract = CONTRACTS["tax.a_level_taxpayer"]
    path = write_sample(tmp_path, contract, make_rows(contract, CATALOG))
    printed = CliRunner().invoke(catalog_app, ["draft", str(path)])
    assert printed.exit_code == 0
    assert yaml.safe_load(printed.output)["name"] == "department.dataset"
    written = CliRunner().invoke(catalog_app, ["draft", str(path), "--name", "tax.b_level"])
    assert written.exit_code == 0
    assert (root / "datasets" / "tax" / "b_level.yml").is_file()
    checked = CliRunner().invoke(catalog_app, ["check"])
    assert checked.exit_code == 1
    assert "open question" in checked.output


# ---- samples nobody has agreed


def write_table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", "\t", "|", ";", "^", "~", "\x01", "#"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_delimiter_and_encoding_is_found(delimiter: str, encoding: str, tmp_path: Path) -> None:
    rows = "".join(f"甲企业{n}{delimiter}某地某路，{n}号{delimiter}无\n" for n in range(30))
    path = write_table(tmp_path / "x.txt", f"名称{delimiter}地址{delimiter}备注\n{rows}", encoding)
    shape = read_sample(path).shape
    assert (shape.delimiter, shape.encoding, shape.format) == (delimiter, encoding, "csv")


def test_an_old_workbook_is_drafted_as_a_spreadsheet_that_accepts_it(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("名单")
    for row in range(12):
        for column, text in enumerate((f"云山{row}公司", make_uscc(row)) if row else ("企业名称", "代码")):
            sheet.write(row, column, text)
    path = tmp_path / "x_1.xls"
    book.save(str(path))
    drafted = render_contract(draft_contract([path], "tax.x", CATALOG))
    assert "  format: xlsx\n  also_accepts: [xls]\n" in drafted


BAD_SAMPLES = {
    "empty": (b" \n", "empty"),
    "half a character": ("名称,地址\n".encode("utf-16")[:-1], "utf-16 to its end"),
    "a damaged old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "damaged"),
    "a web page": (b"<html><table>", "HTML"),
    "an archive": (b"PK\x05\x06" + b"\0" * 18, "zip"),
    "lost characters": ("名称,地址\n锟斤拷,x\n".encode(), "conversion"),
    "no text encoding": ("繁體中文資料庫".encode("big5") * 20 + b",\xff\xff\n", "neither"),
    "no header": (b"91990000MA0000007X,2026-11-01\n91990000MA0000015M,2026-11-02\n", "no header"),
    "a first row of values": ("甲,男\n乙,男\n丙,女\n丁,男\n".encode(), "holds values"),
    "no rows": ("名称,地址\n".encode(), "no rows"),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_what_is_no_table_is_refused_with_its_reason(case: str, tmp_path: Path) -> None:
    data, reason = BAD_SAMPLES[case]
    path = tmp_path / "x_1.csv"
    path.write_bytes(data)
    with pytest.raises(SampleProblem, match=reason):
        draft_contract([path], "tax.x", CATALOG)


def test_the_header_lies_between_titles_groups_and_rows_and_notes_end_the_table(tmp_path: Path) -> None:
    text = (
        "检查信息汇总表,,,\n填报单位：某局（2026年11月）,,,\n基本信息,,检查信息,\n"
        "企业名称,统一社会信用代码,检查日期,结论\n"
        + "".join(f"云山{n}公司,{make_uscc(n)},2026-11-01,合格\n" for n in range(12))
        + "企业名称,统一社会信用代码,检查日期,结论\n"  # the header again, as on a second page
        + "云山九九公司,x,2026-11-01,合格\n短行,x\n,,,\n填表人：王小明,,,\n其他文字,,,\n"
    )
    table = find_table(read_sample(write_table(tmp_path / "x.csv", text)), frozenset())
    assert table.header_row == 4
    assert table.header == ("企业名称", "统一社会信用代码", "检查日期", "结论")
    assert len(table.rows) == 13
    assert table.ragged == 1
    assert table.notes == ("填表人：王小明", "其他文字")
    assert table.titles[0] == "检查信息汇总表"


def test_samples_of_two_shapes_are_not_joined(tmp_path: Path) -> None:
    first = write_table(tmp_path / "a_1.csv", "名称,地址\n甲企业,x路\n")
    second = write_table(tmp_path / "a_2.csv", "名称|地址\n甲企业|x路\n")
    with pytest.raises(SampleProblem, match="differ in shape"):
        draft_contract([first, second], "tax.x", CATALOG)


def test_columns_of_several_samples_are_joined_by_header(tmp_path: Path) -> None:
    first = write_table(tmp_path / "a_1.csv", "检查编号,结论\nA1,好\n")
    second = write_table(tmp_path / "a_2.csv", "结论,检查编号,建议\n差,A2,整改\n")
    draft = draft_contract([first, second], "tax.x", CATALOG)
    cells = {field.column.header: field.column.cells for field in draft.drafts.fields}
    assert cells == {"检查编号": ("A1", "A2"), "结论": ("好", "差"), "建议": ("", "整改")}
    assert (draft.rows, draft.pattern) == (2, "a_*.csv")


def draft_column(tmp_path: Path, header: str, values: list[str]) -> Draft:
    """Draft a sample with one column of interest beside a numbered one."""
    rows = "".join(f"NO-{n:04d}|{value}\n" for n, value in enumerate(values))
    path = write_table(tmp_path / "x_1.csv", f"内部编码|{header}\n{rows}")
    return draft_contract([path], "tax.x", CATALOG)


COLUMNS = {
    "动态甲": (["2019-10-10", "2019/1/9", "20191010", "2019年10月10日"] * 5, "date"),
    "更新时间": (["1541952000000", "43800"] * 10, "date"),  # numbers are dates where the header says so
    "指标甲": (["43800", "43801"] * 10, "text"),
    "年月": (["202011", "202012"] * 10, "text"),
    "罚没金额（万元）": (["0.2", "3"] * 10, "decimal(18,2)"),
    "出资金额": (["1,000.123", "5"] * 10, "decimal(18,3)"),
    "人数": ([str(n) for n in range(20)], "integer"),
    "网点编码": ([f"{n:06d}" for n in range(20)], "text"),
    "户籍区划": (["990001", "990002"] * 10, "division"),
    "是否整改": (["1", "0"] * 10, "flag"),
    "办理文书": ([f"某监〔2026〕{n}号" for n in range(20)], "doc_no"),
    "值班人员": (PERSONS * 3, "person_name"),
    "服务热线": ([f"0571-8888{n:04d}" for n in range(20)], "phone"),
    "主办科室": (["信用监管科", "登记注册科"] * 10, "text"),
    "经办情况": (["已办", "未办", "在办"] * 10, "enum"),
}


@pytest.mark.parametrize("header", COLUMNS)
def test_a_column_is_told_by_its_values_and_header(header: str, tmp_path: Path) -> None:
    values, expected = COLUMNS[header]
    assert types_by_header(draft_column(tmp_path, header, values))[header] == expected


def test_a_column_of_test_marks_brings_its_check(tmp_path: Path) -> None:
    assert [check["check"] for check in draft_column(tmp_path, "istestdata", ["0", "1"] * 15).checks] == [
        "is_test_data"
    ]


def test_an_amount_in_wan_is_converted_and_asked(tmp_path: Path) -> None:
    field = draft_column(tmp_path, "出资额（万元）", ["0.2", "3"] * 10).drafts.fields[1]
    assert (field.guess.multiply_by, field.title) == (10_000, "出资额（元）")
    assert any("万元" in question for question in field.questions)


def test_a_number_of_a_person_in_a_text_makes_it_a_suspect(tmp_path: Path) -> None:
    values = ["已告知当事人"] * 19 + [f"当事人{make_resident_id(3)}已签收"]
    field = draft_column(tmp_path, "办理经过", values).drafts.fields[1]
    assert field.level is AccessLevel.AUTHORISED


def test_names_of_persons_never_become_a_code_list(tmp_path: Path) -> None:
    draft = draft_column(tmp_path, "窗口", ["王小明", "李芳"] * 20)
    assert draft.drafts.code_lists == []
    assert "王小明" not in render_contract(draft)


def test_a_column_named_twice_is_a_question_and_no_field(tmp_path: Path) -> None:
    path = write_table(tmp_path / "x_1.csv", "编码,结论,结论\n" + "A1,好,坏\nA2,坏,好\n")
    draft = draft_contract([path], "tax.x", CATALOG)
    assert [field.column.header for field in draft.drafts.fields] == ["编码", "结论"]
    assert any("重复" in question for question in draft.questions["fields"])


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "06:30",
        "a: b",
        "# x",
        "是，否",
        "[x]",
        "1e3",
        "~",
        "2026-01-01",
        "0012",
        "x ",
        "罚款（元）",
        "a,b",
        '"',
    ],
)
def test_any_text_reads_back_from_its_yaml(text: str) -> None:
    assert yaml.safe_load(f"{{a: {scalar(text)}}}") == {"a": text}
    assert yaml.safe_load(flow([text, {"k": text}])) == [text, {"k": text}]
