"""Notes and totals below a table: where they begin, and that no data lies beneath them.

A name may begin like a note (`合计商贸有限公司`): a row that fills every mandatory column is data, wherever
it stands. Below the notes such a row would be lost, so it blocks the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from creditlake.contract import Contract
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import Columns, mandatory_fields


@dataclass
class Footer:
    """The notes below one table; `row_no` is where they begin, as far as known."""

    markers: tuple[str, ...]
    mandatory: tuple[int, ...]  # places of the mandatory columns
    row_no: int | None = None

    def note(self, row_no: int, cells: Sequence[str]) -> bool:
        """Remember the row if notes begin there, and tell whether they do."""
        first = next(filter(None, map(str.strip, cells)), "")
        begins = first.startswith(self.markers) and not self._is_data(cells)
        if begins:
            self.row_no = min(row_no, self.row_no or row_no)
        return begins

    def holds(self, row_no: int, cells: Sequence[str]) -> bool:
        """Tell whether a row is one of the notes; raises F12 for data beneath them."""
        if self.row_no is None or row_no < self.row_no:
            return False
        if self._is_data(cells):
            raise FileDefect(
                "F12", f"the notes begin in row {self.row_no}", f"说明始于第 {self.row_no} 行", row_no=row_no
            )
        return True

    def _is_data(self, cells: Sequence[str]) -> bool:
        return all(place < len(cells) and cells[place].strip() for place in self.mandatory)


def expect_footer(contract: Contract, columns: Columns) -> Footer:
    """Return the notes to look for below one table; none where the contract names no marker."""
    mandatory = mandatory_fields(contract)
    places = tuple(place for place, field in enumerate(columns.fields) if field in mandatory)
    return Footer(contract.delivery.footer_markers, places)
