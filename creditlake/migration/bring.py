"""Take a mapping in, and write down what could not be taken."""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from creditlake.migration.mapping import HEADERS, NAME, OLD_ID, read_mapping
from creditlake.migration.matching import NUMBER, Known, Matched, Problem, match_rows
from creditlake.migration.store import Signature, write_migration
from creditlake.settings import Settings
from creditlake.storage import Lake
from creditlake.subjects import end_of, find_own_ids, open_registers, read_merges, read_migrated
from creditlake.workbook import SheetRow, make_workbook

FIELDS_ZH = {OLD_ID: HEADERS[OLD_ID][0], NAME: HEADERS[NAME][0], NUMBER: "官方号码"}
REPORT_HEADER = ("行号", "字段", "原因", "处理办法")


def bring_mapping(
    lake: Lake, chosen: Settings, build: str, path: Path, by: Signature
) -> tuple[Matched, tuple[str, ...]]:
    """Take the proven rows of a mapping; return what became of it, and the headers that nobody asked for.

    Only what is new is written: the same file a second time writes nothing.
    """
    mapping = read_mapping(path)
    with open_registers(lake, chosen, build) as connection:
        merges = read_merges(connection)
        before = {
            event.subject_id: end_of(event.other_subject_id, merges) for event in read_migrated(lake, chosen)
        }
        known = Known(before, partial(find_own_ids, connection, merges))
        matched = match_rows(connection, mapping.rows, known)
    if matched.pairs:
        digest = sha256(path.read_bytes()).hexdigest()
        write_migration(lake, chosen.scratch, matched.pairs, digest, build, by)
    return matched, mapping.ignored


def write_problems(path: Path, refused: Sequence[tuple[int, Problem]]) -> None:
    """Write the report of rows that were not taken; it holds no value of the file."""
    rows = [
        SheetRow((row_no, FIELDS_ZH[problem.field], problem.reason_zh, problem.cure_zh))
        for row_no, problem in refused
    ]
    make_workbook("未迁移", REPORT_HEADER, rows).save(path)
