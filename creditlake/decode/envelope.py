"""Is the number of rows plausible (F03), and is it what the files themselves say (F05)?

A register with a tenth of its rows would close most archives. For a full snapshot a count outside the
contract's `block` bounds blocks the batch until a person accepts it; for an increment it is a warning,
because a quiet day is no error.
"""

from collections.abc import Sequence

from creditlake.catalog import Catalog
from creditlake.contract import Blocks, Bounds, Contract
from creditlake.decode.cells import FileFacts
from creditlake.decode.defects import FileDefect
from creditlake.storage import BatchDefect


def check_rows(
    catalog: Catalog, contract: Contract, received: int, last_rows: int | None, *, file: str, accepted: bool
) -> list[BatchDefect]:
    """Return at most one F03: the blocking bound that is broken, else the warning one.

    `accepted`: a person let the batch pass; what would block is noted as a warning.
    """
    is_snapshot = contract.delivery.kind == "full_snapshot"
    blocks = is_snapshot and not accepted
    for bounds, level in ((contract.block, "B" if blocks else "W"), (contract.warn, "W")):
        defect = find_breach(bounds, received, last_rows if is_snapshot else None)
        if defect:
            defect.file = file
            return [defect.describe(catalog, contract, level)]
    return []


def check_totals(files: Sequence[FileFacts]) -> FileDefect | None:
    """Return F05 if the pages of a batch disagree about their total, or do not hold as many records."""
    totals = {total for facts in files for total in facts.totals}
    received = sum(facts.received for facts in files)
    if not totals or totals == {received}:
        return None
    said = ", ".join(map(str, sorted(totals)))
    return FileDefect(
        "F05",
        f"{received} records in {len(files)} files, but their total is {said}",
        f"{len(files)} 个文件共 {received} 条记录，而其标明的总数为 {said}",
        file=files[0].name,
    )


def find_breach(bounds: Blocks, received: int, last_rows: int | None) -> FileDefect | None:
    """Return the first broken bound as a defect, or None."""
    if not is_within(received, bounds.rows):
        return FileDefect(
            "F03",
            f"{received} rows, agreed {show_bounds(bounds.rows)}",
            f"共 {received} 行，约定 {show_bounds(bounds.rows)} 行",
        )
    if not last_rows:
        return None
    ratio = received / last_rows
    if not is_within(ratio, bounds.rows_vs_last):
        return FileDefect(
            "F03",
            f"{received} rows are {ratio:.1%} of the last accepted {last_rows}, "
            f"agreed {show_bounds(bounds.rows_vs_last, '.0%')}",
            f"共 {received} 行，为上一批 {last_rows} 行的 {ratio:.1%}，"
            f"约定 {show_bounds(bounds.rows_vs_last, '.0%')}",
        )
    return None


def is_within(value: float, bounds: Bounds) -> bool:
    """Tell whether a value keeps both bounds; both ends belong."""
    return (bounds.min is None or value >= bounds.min) and (bounds.max is None or value <= bounds.max)


def show_bounds(bounds: Bounds, form: str = ".0f") -> str:
    """Return bounds as people read them."""
    low = format(bounds.min, form) if bounds.min is not None else "0"
    return f"{low}–{format(bounds.max, form)}" if bounds.max is not None else f"≥ {low}"
