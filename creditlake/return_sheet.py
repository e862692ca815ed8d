"""The rows of a return file: the delivered cells, what is wrong in words, which cells are coloured.

Coloured is the cell of the field a defect names; of a row that could not be cut, the line; of a name and a
code that do not fit each other, both and the other identifiers. A defect that no cell shows (of a column
that was not delivered) colours its code, so that every returned row has a place to look at.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from creditlake.catalog import Catalog
from creditlake.contract import Contract, FieldContract
from creditlake.decode.headers import RAGGED_COLUMN
from creditlake.explain import Explanation, explain_each, join_explanations
from creditlake.storage import BatchDefect
from creditlake.workbook import DECISIVE, NOTED, SheetRow

OF_IDENTITY = frozenset({"K08", "L01"})  # found while linking: about name and numbers together
IDENTITY_ROLES = ("name", "uscc", "org_code", "reg_no", "tax_id", "id_no", "party_code")


def blocked_row(defect: BatchDefect, field: FieldContract | None) -> SheetRow:
    """Return a row of a blocked batch's sheet: file, row, field, code, message, cure."""
    title = field.title if field else None
    values = (defect.file, defect.row_no, title, defect.code, defect.message_zh, defect.cure_zh)
    line = {
        "receipt_no": None,
        "file": defect.file,
        "row_no": defect.row_no,
        "field": field.source_name if field else None,
        "code": defect.code,
        "message_zh": defect.message_zh,
        "cure_zh": defect.cure_zh,
    }
    return SheetRow(values, lines=[line])


class ReturnSheet:
    """Makes sheet rows of one batch; `columns` names the cells: fields, then what stands beside them."""

    def __init__(self, catalog: Catalog, contract: Contract, columns: Sequence[str]) -> None:
        self.catalog, self.contract = catalog, contract
        self.places = {name: place for place, name in enumerate(columns)}
        self.code_place = len(columns) + 2  # after 回执号 and 行号
        subject = contract.subject.model_dump(include=set(IDENTITY_ROLES))
        self.identity = [subject[role] for role in IDENTITY_ROLES if subject[role]]

    def rows(self, found: Iterable[Sequence[Any]]) -> Iterator[SheetRow]:
        """Yield a sheet row for each (*cells, file name, receipt number, row number, defects)."""
        for *cells, file, receipt_no, row_no, defects in found:
            explained = explain_each(self.catalog, self.contract, row_no, defects)
            values = (*cells, receipt_no, row_no, *join_explanations(explained))
            lines = [self.line(one, file, receipt_no, row_no) for one in explained]
            yield SheetRow(values, self.marks(cells, defects), lines)

    def line(self, one: Explanation, file: str, receipt_no: str, row_no: int) -> dict[str, Any]:
        """Return a defect as the twin says it: the field by its template's header, no delivered value."""
        field = self.contract.fields.get(one.field or "")
        return {
            "receipt_no": receipt_no,
            "file": file,
            "row_no": row_no,
            "field": field.source_name if field else None,
            "code": one.code,
            "message_zh": one.message_zh,
            "cure_zh": one.cure_zh,
        }

    def marks(self, cells: Sequence[Any], defects: Iterable[dict[str, Any]]) -> dict[int, str]:
        """Return the colour of each offending cell by its place; a decisive defect outranks a warning."""
        marks: dict[int, str] = {}
        for defect in defects:
            colour = DECISIVE if defect["level"] in ("E", "H") else NOTED
            for place in self.offending(cells, defect):
                marks[place] = DECISIVE if DECISIVE in (colour, marks.get(place)) else NOTED
        return marks

    def offending(self, cells: Sequence[Any], defect: dict[str, Any]) -> list[int]:
        """Return the places of the cells that a defect is about; the code's where there is none."""
        names = self.identity if defect["code"] in OF_IDENTITY else [defect["field"]]
        if not defect["field"] and RAGGED_COLUMN in self.places and cells[self.places[RAGGED_COLUMN]]:
            names = [RAGGED_COLUMN]
        return [self.places[name] for name in names if name in self.places] or [self.code_place]
