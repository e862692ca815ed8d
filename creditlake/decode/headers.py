"""Which field each delivered column is. Departments write a header in several ways; none is guessed.

Compared are the contract's `source_name`, `aliases` and `title`, after width, blanks, brackets and the
asterisk of mandatory columns are levelled: `罚款金额 (万元)` and `罚款金额（万元）*` are the same.

Every dataset may have one column more: 回执号, in which a corrected row cites the number under which the
earlier one went back. A file that cites it may be the return file itself, mended: our columns are left out.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from creditlake.contract import Contract, FieldContract, OlderTemplate
from creditlake.decode.defects import FileDefect
from creditlake.receipt_no import RECEIPT_FIELD, RECEIPT_SPELLINGS

INVISIBLE = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
# What a return file adds to the delivered columns: always, and where it is needed.
RETURN_HEADERS = ("行号", "错误代码", "错误说明")
FILE_COLUMN = "文件"  # only where a batch has several files
RAGGED_COLUMN = "原始行"  # the line as it came, only where one could not be cut into columns
BRACKETS = str.maketrans("【】〔〕[]{}", "()()()()")


@dataclass(frozen=True)
class Columns:
    """A file's header: delivered texts, and per column the field, or None for a column not taken."""

    delivered: tuple[str, ...]
    fields: tuple[str | None, ...]
    unnamed: tuple[int, ...]  # columns without a header text: they must stay empty
    template: OlderTemplate | None = None  # None: the present one


def level_header(text: str) -> str:
    """Return the form in which headers are compared."""
    folded = unicodedata.normalize("NFKC", INVISIBLE.sub("", text)).translate(BRACKETS)
    return INVISIBLE.sub("", folded).casefold().strip("*")


def map_headers(contract: Contract) -> dict[str, str]:
    """Return levelled header → field; the template's own name outranks aliases, these the title.

    Where no field is called 回执号, that is the receipt number a corrected row cites.
    """
    known: dict[str, str] = {}
    for texts_of in (_source_name, _aliases, _title):
        for name, field in contract.fields.items():
            for text in texts_of(field):
                known.setdefault(level_header(text), name)
    for text in RECEIPT_SPELLINGS:
        known.setdefault(level_header(text), RECEIPT_FIELD)
    return known


def _source_name(field: FieldContract) -> Sequence[str]:
    return (field.source_name,)


def _aliases(field: FieldContract) -> Sequence[str]:
    return field.aliases


def _title(field: FieldContract) -> Sequence[str]:
    return (field.title,)


def mandatory_fields(contract: Contract) -> list[str]:
    """Return the fields whose column must be there; conditional ones may be absent (person templates)."""
    keys = set(contract.natural_key)
    return [
        name
        for name, field in contract.fields.items()
        if (field.required or name in keys) and field.default is None
    ]


def match_header(contract: Contract, delivered: Sequence[str], row_no: int | None) -> Columns:
    """Return the columns of a header row; raises F02 for unknown, repeated and missing ones."""
    known = map_headers(contract)
    ignored = ignored_headers(contract)
    if any(known.get(level_header(text)) == RECEIPT_FIELD for text in delivered):
        ignored |= {level_header(text) for text in (*RETURN_HEADERS, FILE_COLUMN, RAGGED_COLUMN)}
    fields: list[str | None] = []
    for number, text in enumerate(delivered, start=1):
        levelled = level_header(text)
        field = known.get(levelled)
        if field is None and levelled and levelled not in ignored:
            raise FileDefect(
                "F02",
                f"column {number} is unknown to the contract: {_shown(text)}",
                f"第 {number} 列“{_shown(text)}”不在目录约定内",
                row_no=row_no,
            )
        if field is not None and field in fields:
            first = fields.index(field) + 1
            raise FileDefect(
                "F02",
                f"columns {first} and {number} are the same field",
                f"第 {first} 列与第 {number} 列重复",
                row_no=row_no,
                field=field,
            )
        fields.append(field)
    template = older_template(contract, delivered)
    present = {field for field in fields if field} | (set(template.fills) if template else set())
    check_mandatory(contract, present, row_no)
    unnamed = tuple(index for index, text in enumerate(delivered) if not level_header(text))
    return Columns(tuple(delivered), tuple(fields), unnamed, template)


def older_template(contract: Contract, header: Sequence[str]) -> OlderTemplate | None:
    """Return the older template that a file with this header follows, or None for the present one."""
    delivered = {level_header(text) for text in header}
    for template in contract.older_templates:
        if {level_header(mark) for mark in template.marks} <= delivered:
            return template
    return None


def check_mandatory(contract: Contract, present: set[str], row_no: int | None) -> None:
    """Raise F02 naming every mandatory field that is not there."""
    missing = [name for name in mandatory_fields(contract) if name not in present]
    if missing:
        expected = [contract.fields[name].source_name for name in missing]
        raise FileDefect(
            "F02",
            f"mandatory columns are missing: {', '.join(expected)}",
            f"缺少必填列：{'、'.join(expected)}",
            row_no=row_no,
            field=missing[0],
        )


def ignored_headers(contract: Contract) -> set[str]:
    """Return the levelled headers that may be there and are not taken."""
    listed = contract.ignored_headers if contract.on_unknown_field == "ignore_listed" else ()
    return {level_header(text) for text in listed}


def _shown(text: str) -> str:
    """A header in a message: short, and without what might be data in a file that has no header."""
    return re.sub(r"\d{4,}", "…", text.strip())[:30]
