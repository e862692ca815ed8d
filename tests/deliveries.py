"""Small contracts, deliveries and readings that the tests of collect and decode share."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from creditlake.catalog import Catalog, load_catalog
from creditlake.collect import Collected, collect_deliveries
from creditlake.contract import Contract
from creditlake.decode import decode_waiting
from creditlake.settings import REPOSITORY
from creditlake.storage import FolderLake, Lake, StepManifest

DAY = date(2026, 11, 17)
NEXT_DAY = date(2026, 11, 18)
NOW = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
OLD = datetime(2026, 11, 17, 4, 0, tzinfo=UTC)
REAL = load_catalog(REPOSITORY / "catalog")
DATASET = "court.example"


def make_contract(name: str = DATASET, fields: dict[str, Any] | None = None, **changes: Any) -> Contract:
    """A contract of four columns; `delivery` is merged, other keys are replaced."""
    delivery = {"kind": "increment", "format": "csv", "file_pattern": "x_*.csv"} | changes.pop("delivery", {})
    return Contract.model_validate(
        {
            "name": name,
            "title": "示例",
            "description": "示例",
            "template_version": "1",
            "legal_basis": [{"instrument": "示例"}],
            "owner": "示例科",
            "retention": "示例",
            "subject": {"kind": "none"},
            "delivery": delivery,
            "natural_key": ["doc_no"],
            "fields": fields
            or {
                "doc_no": {
                    "title": "文号",
                    "type": "doc_no",
                    "source_name": "决定文书号",
                    "aliases": ["WSH"],
                },
                "name": {"title": "名称", "type": "name", "source_name": "名称", "required": True},
                "fine_cny": {
                    "title": "罚款",
                    "type": "decimal(18,2)",
                    "source_name": "罚款金额（万元）",
                    "multiply_by": 10000,
                },
                "remarks": {"title": "备注", "type": "text", "source_name": "备注"},
            },
        }
        | changes
    )


HEADER = ["决定文书号", "名称", "罚款金额（万元）", "备注"]


def make_catalog(*contracts: Contract) -> Catalog:
    """The project's catalogue with other contracts in it."""
    return replace(REAL, contracts={contract.name: contract for contract in contracts})


def put_file(inbox: Path, name: str, data: bytes | str, *, sender: str = "court", at: datetime = OLD) -> Path:
    """Put a file into a sender's inbox folder with a modification time."""
    path = inbox / sender / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def collect(lake: Lake, contract: Contract, inbox: Path, day: date = DAY, now: datetime = NOW) -> Collected:
    """Collect one dataset as of a fixed instant."""
    return collect_deliveries(lake, contract, inbox, day, now=now, scratch=inbox.parent / "scratch")


def read_cells(lake: FolderLake, manifest: StepManifest, scratch: Path) -> list[dict[str, Any]]:
    """The rows of a batch's cells in row order; `row_no` alone tells rows of one file apart."""
    rows: list[dict[str, Any]] = []
    for path in lake.localise(manifest.outputs, scratch):
        rows += pq.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: (row["file_name"], row["row_no"]))


class Desk:
    """A lake, an inbox and one contract: deliver bytes, get the decode manifest and the rows."""

    def __init__(self, folder: Path, contract: Contract) -> None:
        self.lake = FolderLake(folder / "lake")
        self.inbox = folder / "inbox"
        self.scratch = folder / "scratch"
        self.contract = contract
        self.catalog = make_catalog(contract)
        self.delivered = 0

    def decode(self, data: bytes | str, name: str = "", day: date = DAY) -> StepManifest:
        """Deliver one file, collect and decode it; returns the one new manifest."""
        self.delivered += 1
        suffix = self.contract.delivery.file_pattern.rpartition(".")[2]
        name = name or f"x_{self.delivered}.{suffix}"
        put_file(self.inbox, name, data, sender=self.contract.department)
        collect(self.lake, self.contract, self.inbox, day)
        (manifest,) = decode_waiting(self.lake, self.catalog, day, scratch=self.scratch)
        return manifest

    def rows(self, manifest: StepManifest) -> list[dict[str, Any]]:
        """The cells of a manifest."""
        return read_cells(self.lake, manifest, self.scratch)

    def values(self, manifest: StepManifest) -> list[tuple[Any, ...]]:
        """(row_no, *fields) of every row."""
        names = ["row_no", *self.contract.fields]
        return [tuple(row[name] for name in names) for row in self.rows(manifest)]
