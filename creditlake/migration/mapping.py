"""Read the files of an earlier archive: which old id has which official numbers and name, and what it held.

A file is a table whose first row names its columns, as text (any usual delimiter and encoding), workbook,
JSON lines or Parquet. A column that nobody asks for is left alone and named: a misspelt one is noticed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from creditlake.onboard.sample import SampleProblem, read_sample

MAX_BYTES = 1 << 30  # of a text file or workbook; larger ones come as Parquet
OLD_ID, NAME = "old_id", "name"
NUMBERS = ("uscc", "org_code", "reg_no", "resident_id")
DATASET, RECORDS = "dataset", "records"
HEADERS = {
    OLD_ID: ("旧主体标识", "旧标识", "原主体标识", "old_id"),
    NAME: ("名称", "主体名称", "姓名", "name"),
    "uscc": ("统一社会信用代码", "uscc"),
    "org_code": ("组织机构代码", "org_code"),
    "reg_no": ("工商注册号", "注册号", "reg_no"),
    "resident_id": ("公民身份号码", "身份证号码", "resident_id"),
    DATASET: ("数据集", "dataset"),
    RECORDS: ("记录数", "records"),
}


class MigrationRefused(Exception):
    """A file as a whole cannot be taken; the message says why and what to do."""


@dataclass(frozen=True)
class OldTable:
    """A file's rows as text by column, numbered as a spreadsheet shows them; headers of others."""

    rows: list[tuple[int, dict[str, str]]]
    ignored: tuple[str, ...]


def read_mapping(path: Path) -> OldTable:
    """Return a mapping: old id, name and at least one number column; raises MigrationRefused."""
    table = read_table(path, (OLD_ID, NAME, *NUMBERS), required=(OLD_ID, NAME))
    if not any(number in row for _, row in table.rows[:1] for number in NUMBERS):
        told = "、".join(HEADERS[number][0] for number in NUMBERS)
        raise MigrationRefused(f"{path.name}: no column of official numbers; add one of {told}")
    return table


def read_old_archive(path: Path) -> OldTable:
    """Return what an old archive held: old id, dataset, and records (one a row without that column)."""
    return read_table(path, (OLD_ID, DATASET, RECORDS), required=(OLD_ID, DATASET))


def read_table(path: Path, wanted: Sequence[str], required: Sequence[str]) -> OldTable:
    """Return the rows of a file that are not blank; raises MigrationRefused for another table."""
    try:
        grid = list(read_grid(path))
    except SampleProblem as problem:
        raise MigrationRefused(str(problem)) from problem
    except OSError as error:
        raise MigrationRefused(f"{path.name} cannot be read: {error.strerror}") from error
    except pa.ArrowInvalid as error:
        raise MigrationRefused(f"{path.name} is no whole Parquet file; export it again") from error
    header = [cell.strip() for cell in grid[0]] if grid else []
    places = find_columns(path, header, wanted, required)
    rows = [
        (row_no, {name: row[place].strip() if place < len(row) else "" for name, place in places.items()})
        for row_no, row in enumerate(grid[1:], start=2)
    ]
    filled = [(row_no, row) for row_no, row in rows if any(row.values())]
    if not filled:
        raise MigrationRefused(f"{path.name}: there is no row below the header; nothing was taken")
    used = set(places.values())
    return OldTable(filled, tuple(name for place, name in enumerate(header) if name and place not in used))


def read_grid(path: Path) -> Iterator[Sequence[str]]:
    """Yield the header and the rows of a file as text."""
    if path.suffix.lower() != ".parquet":
        yield from read_sample(path, MAX_BYTES).rows
        return
    table = pq.read_table(path)
    yield table.column_names
    for batch in table.to_batches():
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield ["" if value is None else str(value) for value in row]


def find_columns(
    path: Path, header: Sequence[str], wanted: Sequence[str], required: Sequence[str]
) -> Mapping[str, int]:
    """Return the place of each column that is there; each may be there once, and the required ones must."""
    known = [header_name.removeprefix("\ufeff") for header_name in header]
    places = {}
    for name in wanted:
        found = [place for place, text in enumerate(known) if text in HEADERS[name]]
        if len(found) > 1 or (not found and name in required):
            problem = "twice" if found else "nowhere"
            told = " or ".join(HEADERS[name])
            raise MigrationRefused(
                f"{path.name}: the column {told} is {problem} in row 1; it must be there once"
            )
        if found:
            places[name] = found[0]
    return places
