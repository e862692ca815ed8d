"""Run a simulation: build the city, then deliver every dataset day by day, with the truth beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path

import duckdb

from creditlake.simulate.city import City, build_city
from creditlake.simulate.codes import declare_codes
from creditlake.simulate.draws import Draws
from creditlake.simulate.files import (
    Column,
    SheetFile,
    Sink,
    TextFile,
    csv_line,
    json_line,
    sheet_line,
    stamp_file,
    stream_lines,
)
from creditlake.simulate.organs import with_organs
from creditlake.simulate.rates import Rates
from creditlake.simulate.words import Words, read_words

CHUNK_ROWS = 100_000
MEMORY = "3GB"
THREADS = 1  # two need 60 % more CPU seconds for the same rows: the ordered stream makes them wait
NIL_SUFFIX = ".nil"
TRUTH_COLUMNS = (
    "subject_kind",
    "subject_key",
    "in_register",
    "noise",
    "defects",
    "expected_outcome",
    "expected_link",
)


@dataclass(frozen=True)
class Shape:
    """How a department sends a dataset's files. `name` has a place for the day and, in increments, a
    serial number."""

    dataset: str
    name: str
    delivered: time
    encoding: str = "utf-8"
    delimiter: str = ","

    @property
    def first_row(self) -> int:
        """Number of the first data row: sheet row, or the file's record counted from 1 with the header."""
        return {"xlsx": 4, "jsonl": 1}.get(self.suffix, 2)

    @property
    def suffix(self) -> str:
        """File type."""
        return self.name.rsplit(".", 1)[1]

    def file_name(self, day: date, serial: int) -> str:
        """Name of the serial-th file of a day (a snapshot's name has no serial)."""
        return self.name.format(day=f"{day:%Y%m%d}", serial=f"{serial:02d}")


@dataclass(frozen=True)
class DeliveredFile:
    """One delivered file; rows without header, titles and notes."""

    day: date
    dataset: str
    path: str  # relative to the day's folder: <department>/<file>
    rows: int
    bytes: int


@dataclass
class SimulationReport:
    """What a simulation wrote."""

    seed: int
    legal: int
    natural: int
    records: int
    days: list[date]
    rates_version: str
    files: list[DeliveredFile] = field(default_factory=list)

    @property
    def rows_by_dataset(self) -> dict[str, int]:
        """Delivered rows of all days."""
        totals: dict[str, int] = {}
        for file in self.files:
            totals[file.dataset] = totals.get(file.dataset, 0) + file.rows
        return totals


@dataclass
class Simulation:
    """One running simulation: its connection, its place and what it has written so far."""

    target: Path
    city: City
    days: list[date]
    draws: Draws
    rates: Rates
    words: Words
    connection: duckdb.DuckDBPyConnection
    report: SimulationReport
    progress: Callable[[str], None]

    def day_folder(self, day: date, dataset: str) -> Path:
        """The department's folder of a day, made if missing."""
        folder = self.target / "inbox_by_day" / day.isoformat() / dataset.split(".")[0]
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def deliver(
        self,
        shape: Shape,
        day: date,
        rows_sql: str,
        columns: list[Column],
        truth: dict[str, str],
        rows: int,
        file_rows: int | None = None,
        *,
        texts: tuple[tuple[str, str], list[str]] | None = None,
        serial: int = 1,
    ) -> None:
        """Write a dataset's files of one day and their truth.

        `rows_sql` selects the rows of a chunk between the variables chunk_from and chunk_to, ordered by
        `pos`. `texts`: titles and notes of a workbook. `file_rows`: most rows of one file.
        """
        self.progress(f"{day} {shape.dataset}: {rows:,} rows")
        size = file_rows or max(rows, 1)
        for number, start in enumerate(range(0, max(rows, 1), size)):
            end = min(start + size, rows)
            name = shape.file_name(day, serial + number)
            path = self.day_folder(day, shape.dataset) / name
            with open_sink(shape, path, columns, end - start, texts) as sink:
                for chunk_start in range(start, end, CHUNK_ROWS):
                    chunk_end = min(chunk_start + CHUNK_ROWS, end)
                    self.make_chunk(shape, rows_sql, chunk_start, chunk_end, chunk_start - start)
                    for block in stream_lines(self.connection, line_sql(shape, columns), "chunk"):
                        sink.write(block)
                    self.write_truth(shape, day, name, truth, chunk_start)
            stamp_file(path, day, shape.delivered, serial - 1 + number)
            if end == start:  # nothing to report is said in so many words
                declaration = path.with_name(path.name + NIL_SUFFIX)
                declaration.touch()
                stamp_file(declaration, day, shape.delivered, serial - 1 + number)
            relative = f"{path.parent.name}/{name}"
            self.report.files.append(
                DeliveredFile(day, shape.dataset, relative, end - start, path.stat().st_size)
            )

    def make_chunk(self, shape: Shape, rows_sql: str, start: int, end: int, rows_above: int) -> None:
        """Create the table `chunk` with its rows' file row numbers."""
        self.connection.execute(f"set variable chunk_from = {start}")
        self.connection.execute(f"set variable chunk_to = {end}")
        first = shape.first_row + rows_above
        self.connection.execute(
            f"create or replace temp table chunk as select *, pos - {start} + {first} as row_no "
            f"from ({rows_sql}) order by pos"
        )

    def write_truth(self, shape: Shape, day: date, name: str, truth: dict[str, str], start: int) -> None:
        """Write the truth of the current chunk."""
        folder = self.target / "truth"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{shape.dataset}.{name}.{start // CHUNK_ROWS:03d}.parquet"
        columns = ", ".join(f"{truth[column]} as {column}" for column in TRUTH_COLUMNS)
        self.connection.execute(
            f"copy (select '{shape.dataset}' as dataset, date '{day}' as delivered_date, '{name}' as file, "
            "row_no, i as record, "
            f"row_kind, {columns} from chunk) to '{path}' (format parquet, compression zstd)"
        )


def line_sql(shape: Shape, columns: list[Column]) -> str:
    """SQL: one line of the file."""
    if shape.suffix == "csv":
        return csv_line(columns, shape.delimiter)
    return json_line(columns) if shape.suffix == "jsonl" else sheet_line(columns)


def open_sink(
    shape: Shape,
    path: Path,
    columns: list[Column],
    rows: int,
    texts: tuple[tuple[str, str], list[str]] | None,
) -> Sink:
    """Open the file of a shape."""
    headers = [column.header for column in columns]
    if shape.suffix == "csv":
        return TextFile(path, shape.encoding, shape.delimiter.join(headers) + "\r\n")
    if shape.suffix == "jsonl":
        return TextFile(path, shape.encoding)
    if texts is None:
        raise ValueError(f"{shape.dataset}: a workbook needs titles and notes")
    return SheetFile(path, texts[0], headers, texts[1], rows)


def open_simulation(
    target: Path,
    *,
    seed: int,
    legal: int,
    natural: int,
    records: int,
    days: list[date],
    rates: Rates,
    threads: int,
    progress: Callable[[str], None],
) -> Simulation:
    """Connect, declare words and codes, and build the city."""
    scratch = target / ".scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={"threads": threads, "memory_limit": MEMORY, "temp_directory": str(scratch)}
    )
    connection.execute("set preserve_insertion_order = true")
    declare_codes(connection)
    words = with_organs(read_words(), connection)
    words.declare(connection)
    city = City(natural, legal, rates.registers.outsiders)
    draws = Draws(seed)
    progress(f"city of {legal:,} legal and {natural:,} natural subjects")
    build_city(connection, city, draws, words, rates)
    report = SimulationReport(seed, legal, natural, records, days, rates.version)
    return Simulation(target, city, days, draws, rates, words, connection, report, progress)
