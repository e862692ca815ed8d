"""Files of the template of 2016: their rows come out in the template of 2018, and nothing is guessed."""

import io
import zipfile
from pathlib import Path

import pytest

from tests.deliveries import DATASET, REAL, Desk, make_contract

PENALTIES = REAL.contracts["market_regulation.penalty_decision"].model_copy(update={"name": DATASET})
ORGAN = REAL.departments["market_regulation"]
HEADER = [f"CF_{code}" for code in ("WSH", "CFMC", "CFLB1", "CFLB2", "SY", "YJ", "XDR_MC", "XDR_SHXYM")]
HEADER += [f"CF_XDR_{code}" for code in ("ZDM", "GSDJ", "SWDJ", "SFZ")]
HEADER += ["CF_FR", "CF_JG", "CF_JDRQ", "CF_XZJG", "CF_ZT", "DFBM", "SJC", "BZ"]
ROW = dict(zip(HEADER, [""] * len(HEADER), strict=True)) | {
    "CF_WSH": "市监罚〔2017〕1号",
    "CF_CFMC": "虚假宣传",
    "CF_CFLB1": "罚款",
    "CF_SY": "发布虚假广告",
    "CF_YJ": "广告法",
    "CF_XDR_MC": "云山商贸有限公司",
    "CF_JG": "罚款0.5万元",
    "CF_JDRQ": "2017-03-01",
    "CF_XZJG": ORGAN.name_zh,
    "CF_ZT": "0",
}


def deliver(
    desk: Desk, *rows: dict[str, str], header: list[str] = HEADER, tail: str = ""
) -> list[dict[str, str]]:
    """Deliver rows under a header and return their cells."""
    lines = [",".join(header), *(",".join(row.get(name, "") for name in header) for row in rows)]
    manifest = desk.decode(("\n".join(lines) + "\n" + tail).encode("gb18030"), "cf_1.csv")
    assert manifest.defects == []
    assert manifest.extra["older_templates"] == ["2016"]
    return desk.rows(manifest)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The contract of penalties."""
    return Desk(tmp_path, PENALTIES)


def test_columns_that_2016_did_not_have_are_filled_as_the_contract_says(desk: Desk) -> None:
    (row,) = deliver(desk, ROW)
    assert {name: row[name] for name in PENALTIES.older_templates[0].fills} == {
        "counterpart_class": "法人及非法人组织",
        "id_type": None,
        "violation_type": "虚假宣传",
        "penalty_kinds": "罚款",
        "penalty_valid_to": "长期",
        "decision_org_uscc": ORGAN.organ_uscc,
        "source_org_name": ORGAN.name_zh,
        "source_org_uscc": ORGAN.organ_uscc,
    }
    assert (row["penalty_content"], row["status"], row["id_no"]) == ("罚款0.5万元", "0", "")


def test_a_row_with_a_residents_number_is_about_a_person(desk: Desk) -> None:
    person = {**ROW, "CF_XDR_MC": "甲某某", "CF_XDR_SFZ": "x", "CF_CFLB2": "没收违法所得"}
    first, second = deliver(desk, ROW, person)
    assert [(r["counterpart_class"], r["id_type"], r["penalty_kinds"]) for r in (first, second)] == [
        ("法人及非法人组织", None, "罚款"),
        ("自然人", "身份证", "罚款；没收违法所得"),
    ]


def test_an_organ_that_is_no_department_keeps_no_code(desk: Desk) -> None:
    (row,) = deliver(desk, {**ROW, "CF_XZJG": "某某镇人民政府"})
    assert (row["decision_org_uscc"], row["source_org_name"]) == (None, "某某镇人民政府")


def test_a_column_that_is_there_keeps_its_texts(desk: Desk) -> None:
    (row,) = deliver(desk, {**ROW, "CF_YXQ": "2018-03-01"}, header=[*HEADER, "CF_YXQ"])
    assert row["penalty_valid_to"] == "2018-03-01"


def test_a_ragged_row_is_filled_with_nothing(desk: Desk) -> None:
    _, ragged = deliver(desk, ROW, tail="x,y\n")
    assert ragged["ragged_line"] == "x,y"
    assert {ragged[name] for name in PENALTIES.fields} == {None}


def test_a_file_of_2018_that_lacks_a_column_is_still_blocked(desk: Desk) -> None:
    header = [name for name in HEADER if name != "CF_JG"]
    (defect,) = desk.decode(",".join(header).encode(), "cf_1.csv").defects
    assert defect.code == "F02"


def test_an_archive_may_hold_files_of_both_templates(tmp_path: Path) -> None:
    older = [{"version": "1", "marks": ["名称", "WSH"], "fills": {"remarks": [{"text": "旧版"}]}}]
    zipped = {"archive": "zip", "file_pattern": "x_*.zip"}
    desk = Desk(tmp_path, make_contract(delivery=zipped, older_templates=older))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("a.csv", "名称,WSH\n甲,1\n")
        packed.writestr("b.csv", "名称,决定文书号\n乙,2\n")
    manifest = desk.decode(stream.getvalue())
    assert [(row["name"], row["remarks"]) for row in desk.rows(manifest)] == [("甲", "旧版"), ("乙", None)]
