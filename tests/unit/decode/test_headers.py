"""Every delivered column is a known field, an agreed exception, or a defect (F02)."""

import pytest

from creditlake.contract import Contract
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import level_header, match_header
from tests.deliveries import HEADER, REAL, make_catalog, make_contract

CONTRACT = make_contract()


def refuse(contract: Contract, header: list[str]) -> FileDefect:
    """Return the defect of a header."""
    with pytest.raises(FileDefect) as caught:
        match_header(contract, header, 1)
    caught.value.file = "x_1.csv"
    return caught.value


SPELLINGS = [
    "罚款金额（万元）", "罚款金额(万元)", "罚款金额 (万元)", " 罚款金额　（万元） ",
    "\ufeff罚款金额（万元）*", "*罚款金额【万元】", "罚款\n金额（万元）", "罚款",
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_header_is_known_in_its_usual_spellings(text: str) -> None:
    assert match_header(CONTRACT, ["决定文书号", "名称", text], 1).fields == ("doc_no", "name", "fine_cny")


def test_aliases_and_letter_case_do_not_matter() -> None:
    assert match_header(CONTRACT, ["wsh", "名称"], 1).fields == ("doc_no", "name")
    assert level_header("ＣＦ＿ＷＳＨ") == "cf_wsh"


def test_an_unknown_column_is_refused_by_name() -> None:
    defect = refuse(CONTRACT, [*HEADER, "工资"])
    described = defect.describe(make_catalog(CONTRACT), CONTRACT)

    assert (described.code, described.level, described.row_no, described.field) == ("F02", "B", 1, None)
    assert described.message == "F02: x_1.csv, row 1: column 5 is unknown to the contract: 工资"
    assert described.message_zh == "文件 x_1.csv 的表头与约定不符：第 5 列“工资”不在目录约定内，第 1 行"
    assert described.cure_zh.startswith("请按目录约定的模板补齐或更正列名后整批重报")


def test_digits_of_what_may_be_data_are_not_repeated() -> None:
    assert "19900101" not in str(refuse(CONTRACT, [*HEADER, "990001199001011234"]))


def test_a_missing_mandatory_column_is_refused_with_its_field() -> None:
    defect = refuse(CONTRACT, ["决定文书号", "备注"])
    described = defect.describe(make_catalog(CONTRACT), CONTRACT)

    assert (described.code, described.field) == ("F02", "name")
    assert described.message == "F02: x_1.csv, row 1, field name: mandatory columns are missing: 名称"
    assert described.message_zh == "文件 x_1.csv 的表头与约定不符：缺少必填列：名称，第 1 行"


def test_a_missing_key_column_is_refused_although_no_cell_of_it_is_mandatory() -> None:
    assert "决定文书号" in refuse(CONTRACT, ["名称"]).detail


def test_two_columns_of_one_field_are_refused() -> None:
    defect = refuse(CONTRACT, ["决定文书号", "名称", "WSH"])

    assert (defect.detail_zh, defect.field) == ("第 1 列与第 3 列重复", "doc_no")


def test_listed_headers_are_left_out_and_no_others() -> None:
    contract = make_contract(on_unknown_field="ignore_listed", ignored_headers=["序号"])

    assert match_header(contract, ["序 号", *HEADER[:2]], 1).fields == (None, "doc_no", "name")
    assert "工资" in refuse(contract, ["工资", *HEADER[:2]]).detail
    stopped = make_contract(ignored_headers=["序号"])
    assert "序号" in refuse(stopped, ["序号", *HEADER[:2]]).detail


@pytest.mark.parametrize("text", ["回执号", "数据回执号", " 回执号*", "RECEIPT_NO"])
def test_every_file_may_cite_receipt_numbers(text: str) -> None:
    assert match_header(CONTRACT, [*HEADER[:2], text], 1).fields == ("doc_no", "name", "receipt_no")
    twice = refuse(CONTRACT, [*HEADER[:2], "回执号", text]).describe(make_catalog(CONTRACT), CONTRACT)
    assert (twice.field, twice.message_zh) == (
        "receipt_no", "文件 x_1.csv 的表头与约定不符：第 3 列与第 4 列重复，第 1 行",
    )  # fmt: skip


def test_a_return_file_mended_and_sent_back_is_read_without_our_columns() -> None:
    ours = ["行号", "错误代码", "错误说明", "文件", "原始行"]

    assert match_header(CONTRACT, [*HEADER[:2], "回执号", *ours], 1).fields == (
        "doc_no", "name", "receipt_no", None, None, None, None, None,
    )  # fmt: skip
    assert "行号" in refuse(CONTRACT, [*HEADER[:2], *ours]).detail


def test_a_field_of_a_contract_that_is_called_回执号_is_that_field() -> None:
    fields = {"doc_no": {"title": "文号", "type": "doc_no", "source_name": "回执号"}}

    assert match_header(make_contract(fields=fields), ["回执号"], 1).fields == ("doc_no",)


def test_every_contract_of_the_catalogue_knows_its_own_template() -> None:
    assert len(REAL.contracts) >= 8
    for contract in REAL.contracts.values():
        header = [field.source_name for field in contract.fields.values()]
        assert match_header(contract, header, 1).fields == tuple(contract.fields)
