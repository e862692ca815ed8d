"""Rows of an older template are brought into the present one.

What stands for a column that the older template did not have is said in the contract; nothing is guessed.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from creditlake.contract import Fill, OlderTemplate
from creditlake.decode.cells import Column, Rows, is_filled

BETWEEN = "；"
MISSING = pa.scalar(None, pa.string())


def fill_older(rows: Rows, template: OlderTemplate, organs: Mapping[str, str]) -> Rows:
    """Return rows with what stands for the columns that an older template does not have.

    `organs` maps a department's name to its USCC; the code of an organ that is none of them stays missing.
    A ragged row has no cells and gets none.
    """
    if not rows.num_rows:
        return rows
    if "ragged_line" in rows.column_names:
        whole = pc.is_null(rows["ragged_line"])
    else:
        whole = pa.array([True] * rows.num_rows)
    filled = rows
    for name, fills in template.fills.items():
        delivered = name in rows.column_names
        if delivered and not any(name in fill.join for fill in fills):
            continue
        text: Column = pa.nulls(rows.num_rows, pa.string())
        for fill in reversed(fills):
            text = pc.if_else(applies(fill, rows), text_of(fill, rows, organs), text)
        text = pc.if_else(whole, text, MISSING)
        filled = filled.drop_columns([name]) if delivered else filled
        filled = filled.append_column(name, text)
    return filled


def applies(fill: Fill, rows: Rows) -> Column:
    """Tell per row whether a fill is meant for it."""
    if fill.when_filled is None:
        return pa.array([True] * rows.num_rows)
    return is_filled(cells(fill.when_filled, rows))


def text_of(fill: Fill, rows: Rows, organs: Mapping[str, str]) -> Column:
    """Return what a fill says, per row."""
    if fill.organ_of is not None:
        name = pc.utf8_trim_whitespace(cells(fill.organ_of, rows))
        place = pc.index_in(name, pa.array(list(organs), pa.string()))
        return pc.take(pa.array(list(organs.values()), pa.string()), place)
    if fill.join:
        columns = [cells(name, rows) for name in fill.join]
        texts = [pc.if_else(is_filled(column), column, MISSING) for column in columns]
        # a scalar here makes pyarrow lose rows where every text is missing
        between = pa.repeat(pa.scalar(BETWEEN), rows.num_rows)
        joined: Column = texts[0]
        for text in texts[1:]:
            joined = pc.coalesce(pc.binary_join_element_wise(joined, text, between), joined, text)
        return joined
    return pa.repeat(pa.scalar(str(fill.text)), rows.num_rows)


def cells(name: str, rows: Rows) -> Column:
    """Return a field's cells, missing ones where the file has no such column."""
    return rows[name] if name in rows.column_names else pa.nulls(rows.num_rows, pa.string())
