"""Parquet files of a table that comes in Arrow batches, laid out in folders by some of its columns."""

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from creditlake.storage import Lake

ROWS_A_FILE = 1_000_000


@dataclass
class Part:
    """One file that is being written."""

    writer: pq.ParquetWriter
    path: Path
    key: str
    rows: int = 0


class PartFiles:
    """Writes files in a scratch folder and moves them into the lake at the end.

    Without columns to lay out by, there is a file even of a table without rows.
    """

    def __init__(
        self, lake: Lake, prefix: str, schema: pa.Schema, partition_by: Sequence[str], scratch: Path
    ) -> None:
        """Nothing is written yet."""
        self.lake, self.prefix, self.partition_by = lake, prefix, list(partition_by)
        self.schema = pa.schema([field for field in schema if field.name not in partition_by])
        self.folder = scratch / f"parts-{uuid.uuid4().hex[:12]}"
        self.open_parts: dict[str, Part] = {}
        self.written: list[Part] = []

    def __enter__(self) -> Self:
        """Make the scratch folder."""
        self.folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the files; those of a table that is whole go into the lake."""
        try:
            if kind is None and not self.partition_by and not self.written:
                self.part("")
            for part in self.written:
                part.writer.close()
            if kind is None:
                for part in self.written:
                    self.lake.upload_if_absent(part.key, part.path, consume=True)
        finally:
            shutil.rmtree(self.folder)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows, each to the file of its folder."""
        if not batch.num_rows:
            return
        places = [
            pc.binary_join_element_wise(pa.scalar(name), batch.column(name), "=")
            for name in self.partition_by
        ]
        content = batch.select(self.schema.names)
        if not places:
            self.append("", content)
            return
        place = pc.binary_join_element_wise(*places, "/") if len(places) > 1 else places[0]
        for folder in pc.unique(place).to_pylist():
            self.append(f"{folder}/", content.filter(pc.equal(place, folder)))

    def append(self, folder: str, rows: pa.RecordBatch) -> None:
        """Add rows to the open file of a folder; a full file is followed by another."""
        part = self.part(folder)
        part.writer.write_batch(rows)
        part.rows += rows.num_rows
        if part.rows >= ROWS_A_FILE:
            del self.open_parts[folder]

    def part(self, folder: str) -> Part:
        """Return the open file of a folder."""
        if folder not in self.open_parts:
            name = f"part-{len(self.written):05}.parquet"
            writer = pq.ParquetWriter(
                self.folder / name,
                self.schema,
                compression="zstd",
                compression_level=1,
                write_statistics=False,  # they would hold personal values
            )
            part = Part(writer, self.folder / name, f"{self.prefix}/{folder}{name}")
            self.open_parts[folder] = part
            self.written.append(part)
        return self.open_parts[folder]
