"""Defects in words an officer understands: what is wrong with a row, and what to do about it.

The steps say details in short English words that never hold a delivered value; departments read Chinese.
A detail without a translation is shown as it is rather than lost.
"""

import re
from collections.abc import Mapping, Sequence

from creditlake.catalog import Catalog
from creditlake.contract import Contract

ORDER = "BEHW"  # the defects that decide come first
DETAILS_ZH = {
    "invalid": "位数或字符不符",
    "suspect": "校验码不符",
    "masked": "含遮盖符号",
    "placeholder": "为占位代码",
    "precision_loss": "末位被电子表格改为零",
    "the kind needs an amount": "处罚类别含罚没而无金额",
    "an amount without its kind": "有金额而处罚类别不含罚没",
    "off by exactly 10000: wrong unit": "相差一万倍，单位有误",
    "differs from the text": "两处数额不同",
    "name_conflict": "名称与代码不符",
    "wrong_archive": "代码与当事人类别不符",
}
AT_MOST = re.compile(r"at most (\d+) characters")
BEFORE = re.compile(r"before ([a-z_]+)")


def explain_defects(
    catalog: Catalog, contract: Contract, row_no: int, defects: Sequence[Mapping[str, str | None]]
) -> tuple[str, str]:
    """Return a row's codes joined by `;` and its defects with their cures, one a line, decisive ones first.

    A defect has code, level, field and detail.
    """
    codes: dict[str, None] = {}
    lines: dict[str, None] = {}
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
        codes[entry.code] = None
        lines[f"{message}。{entry.cure.format(**words)}。"] = None
    return ";".join(codes), "\n".join(lines)


def translate_detail(contract: Contract, detail: str) -> str:
    """Return a detail in Chinese, field names as their titles."""
    if found := AT_MOST.fullmatch(detail):
        return f"至多 {found[1]} 字"
    if (found := BEFORE.fullmatch(detail)) and found[1] in contract.fields:
        return f"早于“{contract.fields[found[1]].title}”"
    return DETAILS_ZH.get(detail, detail)
