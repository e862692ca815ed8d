"""Sample files made from a contract, with every column filled, as an officer would hand them over.

Rows are told apart by the natural key and by nothing less: part k of the key is digit k of the row's number,
and all other columns repeat a few values that say less than one part of the key does.
Synthetic throughout: divisions 9900xx, which no authority issues.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import openpyxl

from creditlake.catalog import Catalog
from creditlake.contract import Contract, FieldContract
from creditlake.identifiers import org_check_char, reg_check_digit, resident_check_char, uscc_check_char

ROWS = 60
OTHERS = 3  # values of a column that is no part of the key
TITLE = "市级部门信息汇总表"
TOLD = "填报单位：某局（2026年11月）"
PERSONS = ["王小伟", "李芳", "张强", "刘静", "陈磊", "杨敏", "黄勇", "赵丽", "吴涛"]
DATES = ("2026-11-0{}", "2026/11/{}", "2026110{}", "2026年11月{}日")


def make_uscc(number: int, prefix: str = "91") -> str:
    """A valid code; its organisation part is valid too."""
    body = f"{prefix}990000{make_org_code(number)}"
    return body + uscc_check_char(body)


def make_org_code(number: int) -> str:
    """A valid organisation code."""
    body = f"MA{number:06d}"
    return body + org_check_char(body)


def make_resident_id(number: int) -> str:
    """A valid number of an adult."""
    body = f"990000{1960 + number % 40}{number % 12 + 1:02d}{number % 28 + 1:02d}{number % 999:03d}"
    return body + resident_check_char(body)


def make_reg_no(number: int) -> str:
    """A valid registration number."""
    body = f"990000{number:08d}"
    return body + reg_check_digit(body)


def make_tax_id(number: int) -> str:
    """A tax number in one of its forms."""
    return make_uscc(number) if number % 3 else f"990000{make_org_code(number)}"


def make_date(number: int) -> str:
    """A date in one of four dialects."""
    return DATES[number % 4].format(number % 9 + 1)


def make_value(name: str, field: FieldContract, number: int, catalog: Catalog) -> str:
    """The number-th value of a field; different numbers give different values."""
    if field.code_list:
        values = catalog.code_lists[field.code_list].values
        return values[number % len(values)].label
    if field.decimal:
        return ("0.2", "1500.50", "3")[number % 3] if number < 3 else f"{number}.5"
    makers = {
        "uscc": make_uscc(number),
        "organ_uscc": make_uscc(number, "11"),
        "org_code": make_org_code(number),
        "reg_no": make_reg_no(number),
        "tax_id": make_tax_id(number),
        "id_no": make_resident_id(number),
        "party_code": make_uscc(number) if number % 2 else make_resident_id(number),
        "date": make_date(number),
        "integer": str(number + 1),
        "flag": "是否"[number % 2],
        "phone": f"1380000{number:04d}",
        "change_flag": "iud"[number % 3],
        "division": f"9900{number + 1:02d}",
        "doc_no": f"某监决〔2026〕{number + 101}号",
        "person_name": PERSONS[number % len(PERSONS)],
        "name": PERSONS[0] if number == 0 else f"云山第{number:03d}贸易有限公司",
        "free_text": f"当事人存在第{number:03d}类情形，经查属实。依法作出处理，并已告知权利。",
    }
    return makers.get(field.type, f"{name}之{number:03d}")


def count_values(field: FieldContract, catalog: Catalog) -> int:
    """How many different values `make_value` has for a field."""
    if field.code_list:
        return len(catalog.code_lists[field.code_list].values)
    return {"flag": 2, "change_flag": 3, "person_name": len(PERSONS), "date": 9}.get(field.type, ROWS)


def split_number(number: int, bases: Sequence[int]) -> list[int]:
    """The digits of a number, the last one first, each in its own base."""
    digits = []
    for base in bases:
        digits.append(number % base)
        number //= base
    return digits


def make_rows(contract: Contract, catalog: Catalog, rows: int = ROWS) -> list[dict[str, str]]:
    """Rows by field; the natural key alone tells them apart."""
    most = [count_values(contract.fields[part], catalog) for part in contract.natural_key]
    base = next(b for b in range(2, rows + 1) if prod(min(b, most_) for most_ in most) >= rows)
    bases = [min(base, most_) for most_ in most]
    widest = bases.index(max(bases))
    made = []
    for number in range(rows):
        digits = split_number(number, bases)
        parts = dict(zip(contract.natural_key, digits, strict=True))
        other = digits[widest] % min(OTHERS, max(bases) - 1)
        made.append(
            {
                name: make_value(name, field, parts.get(name, other), catalog)
                for name, field in contract.fields.items()
            }
        )
    return made


def write_sample(
    folder: Path,
    contract: Contract,
    rows: Sequence[Mapping[str, str]],
    headers: Mapping[str, str] | None = None,
) -> Path:
    """Write rows in the contract's shape: titles above the header, notes below. `headers` by field."""
    delivery = contract.delivery
    path = folder / delivery.file_pattern.replace("*", "20261117")
    named = headers or {name: field.source_name for name, field in contract.fields.items()}
    if delivery.format == "jsonl":
        lines = [json.dumps({named[n]: v for n, v in row.items()}, ensure_ascii=False) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines), encoding=delivery.encoding)
        return path
    width = len(named)
    above = [[TITLE], [TOLD], *([[]] * delivery.header_row)][: delivery.header_row - 1]
    notes = [[f"{mark}：据实填写"] for mark in delivery.footer_markers[:1]]
    table = [*above, list(named.values()), *(list(row.values()) for row in rows), *notes]
    padded = [[*cells, *[""] * (width - len(cells))] for cells in table]
    if delivery.format == "xlsx":
        workbook = openpyxl.Workbook()
        for cells in padded:
            workbook.active.append([cell or None for cell in cells])
        if delivery.header_row > 1:
            workbook.active.merge_cells(start_row=1, end_row=1, start_column=1, end_column=width)
        workbook.save(path)
        return path
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delivery.delimiter).writerows(padded)
    path.write_bytes(text.getvalue().encode(delivery.encoding))
    return path
