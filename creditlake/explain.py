"""Defects in words an officer understands: what is wrong with a row, and what to do about it.

The steps say details in short English words that never hold a delivered value; departments read Chinese.
A detail without a translation is shown as it is rather than lost.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from creditlake.catalog import Catalog
from creditlake.contract import Contract

ORDER = "BEHW"  # the defects that decide come first
DETAILS_ZH = {
    "invalid": "位数或字符不符",
    "suspect": "校验码不符",
    "repaired": "有误写的字符，改正后校验通过",
    "masked": "含遮盖符号",
    "placeholder": "为占位代码",
    "precision_loss": "末位被电子表格改为零",
    "the kind needs an amount": "处罚类别含罚没而无金额",
    "an amount without its kind": "有金额而处罚类别不含罚没",
    "off by exactly 10000: wrong unit": "相差一万倍，单位有误",
    "differs from the text": "两处数额不同",
    "name_conflict": "名称与代码不符",
    "wrong_archive": "代码与当事人类别不符",
    "unknown_number": "号码有效，登记簿中没有",
    "damaged_number": "号码校验不通过，登记簿中没有相近且名称一致的",
    "masked_number": "号码已遮盖",
    "no_number": "没有可用的号码",
    "repaired_number": "号码经更正形近字符后才与登记簿一致",
    "several_near": "登记簿中有几个号码与其只差一处",
    "name_alone": "没有可用的号码，只有名称与登记簿一致",
    "unique_name": "未报送号码，名称和法定代表人与登记簿中唯一的主体一致",
    "judged_none": "经人工复核，不归入任何主体",
    "judged_not_this": "经人工复核，不是号码所属的主体",
}
AT_MOST = re.compile(r"at most (\d+) characters")
BEFORE = re.compile(r"before ([a-z_]+)")


@dataclass(frozen=True)
class Explanation:
    """One defect of a row in words; none of them is a delivered value."""

    code: str
    field: str | None  # the contract's field
    message_zh: str
    cure_zh: str


def explain_each(
    catalog: Catalog, contract: Contract, row_no: int, defects: Sequence[Mapping[str, str | None]]
) -> list[Explanation]:
    """Return a row's defects in words, decisive ones first, each once.

    A defect has code, level, field and detail.
    """
    found: dict[Explanation, None] = {}
    for defect in sorted(
        defects, key=lambda d: (ORDER.index(d["level"] or "W"), d["code"], d["field"] or "")
    ):
        entry = catalog.defects[str(defect["code"])]
        field = contract.fields.get(defect["field"] or "")
        words = {
            "row": row_no,
            "file": "",
            "field": field.title if field else defect["field"] or "",
            "detail": translate_detail(contract, defect["detail"] or ""),
        }
        if field and field.code_list and not words["detail"]:
            words["detail"] = "、".join(value.label for value in catalog.code_lists[field.code_list].values)
        message = entry.message.format(**words).replace("（）", "")  # a defect without a detail
        explained = Explanation(entry.code, defect["field"] or None, message, entry.cure.format(**words))
        found[explained] = None
    return list(found)


def join_explanations(explanations: Sequence[Explanation]) -> tuple[str, str]:
    """Return the codes joined by `;` and the defects with their cures, one a line."""
    codes = dict.fromkeys(explained.code for explained in explanations)
    lines = dict.fromkeys(f"{explained.message_zh}。{explained.cure_zh}。" for explained in explanations)
    return ";".join(codes), "\n".join(lines)


def translate_detail(contract: Contract, detail: str) -> str:
    """Return a detail in Chinese, field names as their titles."""
    if found := AT_MOST.fullmatch(detail):
        return f"至多 {found[1]} 字"
    if (found := BEFORE.fullmatch(detail)) and found[1] in contract.fields:
        return f"早于“{contract.fields[found[1]].title}”"
    return DETAILS_ZH.get(detail, detail)
