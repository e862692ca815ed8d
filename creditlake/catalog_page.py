"""The catalogue as one page (信用信息目录): what an office prints, signs and hands to a department.

Everything on it comes from the catalogue, nothing from a clock or a lake: the same catalogue, the same page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from creditlake.catalog import Catalog, open_questions
from creditlake.catalog_check import RULE_FILES, file_of
from creditlake.contract import Bounds, Contract, Delivery, FieldContract, RowCheck
from creditlake.rules import RuleRow

TEMPLATES = Path(__file__).parent
LEVELS = {"public": "社会公开", "gov_shared": "政务共享", "authorised": "授权查询"}
KINDS = {"full_snapshot": "全量", "increment": "增量"}
CYCLES = {
    "daily": "每日",
    "weekly": "每周",
    "monthly": "每月",
    "quarterly": "每季度",
    "half_yearly": "每半年",
    "yearly": "每年",
}
SCOPES = {"national": "国家目录", "local": "地方目录"}
SUBJECTS = {
    "register_legal": "法人登记（产生主体）",
    "register_natural": "自然人登记（产生主体）",
    "legal_entity": "法人及非法人组织",
    "natural_person": "自然人",
    "counterpart": "按类别字段判定",
    "none": "不指向主体",
}
DEFECT_LEVELS = {"B": "整批拦截", "E": "退回", "H": "暂存", "W": "提示"}
TYPES = {
    "text": "文本",
    "free_text": "长文本",
    "name": "名称",
    "person_name": "姓名",
    "doc_no": "文书号",
    "uscc": "统一社会信用代码",
    "organ_uscc": "机关统一社会信用代码",
    "org_code": "组织机构代码",
    "reg_no": "注册号",
    "tax_id": "纳税人识别号",
    "id_type": "证件类型",
    "id_no": "证件号码",
    "party_code": "身份证号码或机构代码",
    "division": "行政区划",
    "enum": "枚举",
    "multi_enum": "多值枚举",
    "date": "日期",
    "integer": "整数",
    "flag": "是否",
    "phone": "电话",
    "change_flag": "变更标志",
}
RULE_TITLES = {
    "publication_windows": "公示期限 publication windows",
    "transitions": "新旧规则衔接 transitions",
    "derived_severity": "失信程度推定 derived severity",
    "list_terms": "名单期限 list terms",
    "masking": "遮盖 masking",
    "redaction": "文本去标识 redaction",
    "linking": "主体匹配 linking",
}
RULE_FACTS = ("rule_id", "effective_from", "effective_to", "source", "verified")  # columns of their own


@dataclass(frozen=True)
class ShapeTable:
    """Which dataset is delivered in which shape: column titles, and a truth value per column and dataset."""

    columns: list[str]
    rows: list[tuple[Contract, list[bool]]]


def shape_of(delivery: Delivery) -> str:
    """Return a delivery's shape in a few words: kind, format, encoding, an unusual delimiter."""
    parts = [KINDS[delivery.kind], delivery.format]
    if delivery.format != "xlsx":
        parts.append(delivery.encoding)
    if delivery.format == "csv" and delivery.delimiter != ",":
        parts.append(f"“{delivery.delimiter}”")
    return " ".join(parts)


def shape_table(contracts: Iterable[Contract]) -> ShapeTable:
    """Return the table dataset × shape, shapes in alphabetical order."""
    shapes = {contract.name: (contract, shape_of(contract.delivery)) for contract in contracts}
    columns = sorted({shape for _, shape in shapes.values()})
    return ShapeTable(columns, [(c, [shape == column for column in columns]) for c, shape in shapes.values()])


def describe_type(field: FieldContract) -> str:
    """Return a field's type in Chinese; a decimal with its digits, a converted one with its factor."""
    if field.decimal:
        precision, scale = field.decimal
        factor = f"，报送值×{field.multiply_by}" if field.multiply_by > 1 else ""
        return f"数值（{precision},{scale}{factor}）"
    return TYPES[field.type]


def describe_mandatory(contract: Contract, field: FieldContract, catalog: Catalog) -> str:
    """Return when a field must be filled, in Chinese; empty if never."""
    if field.required:
        return "必填"
    conditions = []
    for verb, given in (("为", field.required_when), ("不为", field.required_unless)):
        for other, values in given.items():
            labels = "、".join(label_codes(contract, other, values, catalog))
            conditions.append(f"“{contract.fields[other].title}”{verb}{labels}时必填")
    return "；".join(conditions)


def label_codes(contract: Contract, name: str, codes: Iterable[str], catalog: Catalog) -> list[str]:
    """Return the labels of a field's codes; a field without a code list keeps its values."""
    code_list = contract.fields[name].code_list
    labels = {value.code: value.label for value in catalog.code_lists[code_list].values} if code_list else {}
    return [labels.get(code, code) for code in codes]


def describe_length(field: FieldContract) -> str:
    """Return the agreed length; a recalled one only warns, and has a mark."""
    if field.length is None:
        return ""
    return f"≤{field.length.max}" if field.length.sourced else f"≤{field.length.max}†"


def describe_bounds(bounds: Bounds, *, percent: bool) -> str:
    """Return an envelope as people read it; empty without bounds."""
    form = ".0%" if percent else ",.0f"
    parts = [
        f"{sign}{format(value, form)}"
        for sign, value in (("≥", bounds.min), ("≤", bounds.max))
        if value is not None
    ]
    return " ".join(parts)


def describe_check(contract: Contract, check: RowCheck) -> str:
    """Return the fields and parameters of a row check."""
    fields = "、".join(f"{role}={contract.fields[name].title}" for role, name in check.fields.items())
    given = [
        ("", "、".join(check.values)),
        ("≥", check.minimum),
        ("≤", check.maximum),
        ("±", check.tolerance),
    ]
    return "；".join([fields, *(f"{sign}{value}" for sign, value in given if value)])


def describe_rule(row: RuleRow) -> list[tuple[str, str]]:
    """Return what a rule row says besides its dates and source; what is left empty is left out."""
    said = row.model_dump(mode="json", exclude=set(RULE_FACTS))
    return [(key, show(value)) for key, value in said.items() if value not in (None, [], "")]


def show(value: Any) -> str:
    """Return a value of a rule on one line."""
    if isinstance(value, dict):
        return "；".join(f"{key} {show(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "、".join(map(show, value))
    return {True: "是", False: "否"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def question_counts(catalog: Catalog) -> dict[str, int]:
    """Return how many questions each draft has left open, by dataset."""
    files = [problem.file for problem in open_questions(catalog.root)]
    counts = {name: files.count(file_of(contract)) for name, contract in catalog.contracts.items()}
    return {name: count for name, count in counts.items() if count}


def render_page(catalog: Catalog) -> str:
    """Return the page; everything the catalogue says is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "describe_bounds": describe_bounds,
        "describe_check": describe_check,
        "describe_length": describe_length,
        "describe_mandatory": describe_mandatory,
        "describe_rule": describe_rule,
        "describe_type": describe_type,
        "shape_of": shape_of,
    }
    return environment.get_template("catalog_page.html.j2").render(
        catalog=catalog,
        departments=[
            (department, catalog.department_contracts(code))
            for code, department in catalog.departments.items()
        ],
        shapes=shape_table(catalog.contracts.values()),
        rules=[(name, RULE_TITLES[name], getattr(catalog.rules, name)) for name in RULE_FILES],
        questions=question_counts(catalog),
        levels=LEVELS,
        kinds=KINDS,
        cycles=CYCLES,
        scopes=SCOPES,
        subjects=SUBJECTS,
        defect_levels=DEFECT_LEVELS,
    )


def write_page(path: Path, catalog: Catalog) -> None:
    """Write the page; it needs nothing from the network. A page of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(catalog), encoding="utf-8")
