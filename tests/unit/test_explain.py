"""Defects in words: each code, the decisive one first, details in Chinese."""

from pathlib import Path

import pytest

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.explain import explain_each, join_explanations, translate_detail
from tests.deliveries import REAL, Desk, make_contract
from tests.gate.tables import Row


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, make_contract())


def explain(catalog: Catalog, contract: Contract, row_no: int, defects: list[Row]) -> tuple[str, str]:
    return join_explanations(explain_each(catalog, contract, row_no, defects))


def test_every_defect_of_the_catalogue_can_be_explained(desk: Desk) -> None:
    assert len(desk.catalog.defects) >= 25
    for code, entry in desk.catalog.defects.items():
        for field, detail in (("name", "细节"), (None, None)):
            found = {"code": code, "level": entry.level, "field": field, "detail": detail}
            codes, text = explain(desk.catalog, desk.contract, 7, [found])
            assert codes == code
            assert "{" not in text
            assert "（）" not in text


def test_the_decisive_defect_comes_first_and_each_once(desk: Desk) -> None:
    late = {"code": "D04", "level": "W", "field": None, "detail": ""}
    wrong = {"code": "K01", "level": "H", "field": "name", "detail": "suspect"}
    refused = {"code": "M01", "level": "E", "field": "doc_no", "detail": ""}

    assert explain(desk.catalog, desk.contract, 7, [late, late, wrong, refused]) == (
        "M01;K01;D04",
        "第 7 行缺少必填项“文号”。请补填后重报该行。\n"
        "第 7 行“名称”不符合统一社会信用代码规则（校验码不符）。"
        "请核对营业执照或登记证书上的18位代码后更正。\n"
        "第 7 行超过决定之日起七个工作日报送。本行已收录，计入迟报；请按时报送。",
    )


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("at most 200 characters", "至多 200 字"),
        ("before doc_no", "早于“文号”"),
        ("masked", "含遮盖符号"),
        ("something new", "something new"),
    ],
)
def test_details_are_said_in_chinese(desk: Desk, detail: str, words: str) -> None:
    assert translate_detail(desk.contract, detail) == words


def test_a_value_outside_its_code_list_is_answered_with_the_list(desk: Desk) -> None:
    contract = REAL.contracts["market_regulation.penalty_decision"]
    found = {"code": "V01", "level": "E", "field": "counterpart_class", "detail": ""}

    _, text = explain(REAL, contract, 7, [found])

    assert text.endswith("请按代码表填报：法人及非法人组织、自然人、个体工商户。")


def test_a_missing_coded_value_is_told_by_its_field_alone() -> None:
    contract = REAL.contracts["court.judgment_defaulter"]
    missing = {"code": "M01", "level": "E", "field": "sex", "detail": ""}
    _, text = explain(REAL, contract, 7, [missing])
    assert text == f"第 7 行缺少必填项“{contract.fields['sex'].title}”。请补填后重报该行。"
