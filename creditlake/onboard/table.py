"""Find the table in a sample: titles above the header, the header row, the rows, the notes at the bottom.

A file without a header is refused, because its first row of data would be taken for one and its values
would stand in the draft. Notes are known by their first word; an unknown one is a question.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from creditlake.decode.headers import level_header
from creditlake.onboard import words
from creditlake.onboard.sample import Grid, SampleProblem

HEADER_ROWS = 20  # a header further down is none
LABEL_MAX = 60
LABELS_MIN = 0.9  # share of a header's cells that must read as labels
WIDTH_MIN = 0.6  # share of the widest row that a header fills
# A number or date as a whole, or a text with a code or date in it.
VALUE = re.compile(
    r"(?=.*\d)[\d\s.,:/\\+%年月日号￥¥()*-]+|.*(?:\d{6,}|\d{4}[-/年]\d{1,2}[-/月]\d{1,2}).*",
    re.DOTALL,
)


@dataclass(frozen=True)
class Table:
    """The table of one sample. `rows` have as many cells as the header; ragged ones are only counted."""

    titles: tuple[str, ...]
    header_row: int
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...]  # first filled cell of each row below the table
    ragged: int


def find_table(grid: Grid, known: Collection[str]) -> Table:
    """Return the table of a sample; `known` are levelled headers of the catalogue. Raises SampleProblem."""
    place = 0 if grid.shape.format == "jsonl" else find_header(grid.rows, known)
    if place is None:
        raise SampleProblem(f"{grid.name}: no header row found in the first {HEADER_ROWS} rows (没有表头)")
    header = tuple(text.strip() for text in trim_right(grid.rows[place]))
    body = grid.rows[place + 1 :]
    width = len(header)
    end = len(body)
    while end and is_note(body[end - 1], width):
        end -= 1
    filled = [row for row in body[:end] if any(cell.strip() for cell in row)]
    rows = [cells for row in filled if (cells := fit_width(row, width)) is not None]
    kept = [cells for cells in rows if cells != header]  # exported page by page: the header comes again
    refuse_data_as_header(grid.name, header, kept, known)
    notes = [first_filled(row) for row in body[end:] if any(cell.strip() for cell in row)]
    titles = [text for row in grid.rows[:place] if (text := first_filled(row))]
    return Table(tuple(titles), place + 1, header, kept, tuple(notes), len(filled) - len(rows))


def find_header(rows: Sequence[Sequence[str]], known: Collection[str]) -> int | None:
    """Return the index of the header row: wide, of distinct labels, above every row of data.

    Where several rows qualify (a group row over the names), the one whose cells the catalogue knows is it.
    """
    width = max((count_filled(row) for row in rows[:500]), default=0)
    found: list[tuple[int, int]] = []
    for index, row in enumerate(rows[:HEADER_ROWS]):
        texts = [cell.strip() for cell in row if cell.strip()]
        if len(texts) < max(1, WIDTH_MIN * width):
            continue
        labels = sum(is_label(text) for text in texts)
        if labels < LABELS_MIN * len(texts) or len(set(texts)) < WIDTH_MIN * len(texts):
            break
        found.append((sum(level_header(text) in known for text in texts), -index))
    return -max(found)[1] if found else None


def is_label(text: str) -> bool:
    """Whether a cell may be a column's name: short, and neither a number, nor a date, nor a code."""
    return len(text) <= LABEL_MAX and not VALUE.fullmatch(text)


def is_note(row: Sequence[str], width: int) -> bool:
    """Whether a row below the table is blank, nearly blank, or begins as notes do."""
    text = first_filled(row)
    sparse = width >= 4 and count_filled(row) <= max(1, width // 5)
    return not text or sparse or text.startswith(words.NOTES)


def fit_width(row: Sequence[str], width: int) -> tuple[str, ...] | None:
    """Return the trimmed cells of a row, or None where their number is not the header's."""
    cells = [cell.strip() for cell in row]
    if len(cells) > width and not any(cells[width:]):
        cells = cells[:width]
    return tuple(cells) if len(cells) == width else None


def trim_right(row: Sequence[str]) -> list[str]:
    """Return a row without the blank cells at its end."""
    cells = list(row)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def refuse_data_as_header(
    name: str, header: Sequence[str], rows: Sequence[Sequence[str]], known: Collection[str]
) -> None:
    """Raise SampleProblem if header texts stand as values in their own columns."""
    repeated = sum(
        bool(text) and any(row[index] == text for row in rows) for index, text in enumerate(header)
    )
    foreign = not any(level_header(text) in known for text in header)
    if repeated >= 2 or (repeated and foreign):
        raise SampleProblem(f"{name}: the row taken for a header holds values: the file has none (没有表头)")
    if not rows:
        raise SampleProblem(f"{name}: no rows below the header (没有数据行)")


def count_filled(row: Sequence[str]) -> int:
    """Return how many cells of a row hold something."""
    return sum(bool(cell.strip()) for cell in row)


def first_filled(row: Sequence[str]) -> str:
    """Return the first cell that holds something, "" for a blank row."""
    return next((cell.strip() for cell in row if cell.strip()), "")
