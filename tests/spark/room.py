"""A lake of a small register and a small list, on which the Spark steps run one by one."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.decode import decode_waiting
from creditlake.records import settled_records
from creditlake.storage import FolderLake, StepManifest
from spark_jobs.commit import StepContext, list_waiting, standardise_batches
from spark_jobs.link import make_links, make_registers
from tests.deliveries import DAY, collect, make_catalog, make_contract, put_file
from tests.spark.rows import COMPANY, KEY, SHOP

REGISTER = make_contract(
    "court.register",
    {
        "pripid": {"title": "主体身份代码", "type": "text", "source_name": "pripid", "required": True},
        "uscc": {"title": "代码", "type": "uscc", "source_name": "uscc"},
        "ent_name": {"title": "名称", "type": "name", "source_name": "ent_name", "required": True},
    },
    subject={"kind": "register_legal", "source_key": "pripid", "name": "ent_name", "uscc": "uscc"},
    delivery={"kind": "full_snapshot", "file_pattern": "reg_*.csv"},
    natural_key=["pripid"],
)
LISTED = make_contract(
    "court.listed",
    {
        "doc_no": {"title": "文号", "type": "doc_no", "source_name": "doc_no", "required": True},
        "name": {"title": "名称", "type": "name", "source_name": "name", "required": True},
        "uscc": {"title": "代码", "type": "uscc", "source_name": "uscc"},
    },
    subject={"kind": "legal_entity", "name": "name", "uscc": "uscc"},
    delivery={"file_pattern": "list_*.csv"},
    block={"rejected_share": {"max": 0.5}, "share_from_rows": 2},
)
REGISTER_ROWS = [["1", COMPANY, "云山商贸"], ["2", SHOP, "周明小吃店"]]
LISTED_ROWS = [
    ["甲1号", "云山商贸", COMPANY],
    ["甲2号", "远水建材", COMPANY],
    ["甲3号", "", SHOP],
    ["甲4号", "周明小吃店", "91990000MA000000"],
    ["甲1号", "云山商贸", COMPANY],
]


class Room:
    """A lake with the two small datasets and others, and the steps run on it by hand."""

    def __init__(self, folder: Path, spark: SparkSession, *others: Contract) -> None:
        self.lake = FolderLake(folder / "lake")
        self.inbox = folder / "inbox"
        self.catalog: Catalog = make_catalog(REGISTER, LISTED, *others)
        self.context = StepContext(spark, self.lake, self.catalog, KEY, folder / "scratch")

    def deliver(self, contract: Contract, rows: Sequence[Sequence[str]], day: date = DAY) -> None:
        """Deliver and collect one file, and decode what waits."""
        header = [field.source_name for field in contract.fields.values()]
        text = "\n".join(",".join(row) for row in [header, *rows]) + "\n"
        prefix = contract.delivery.file_pattern.partition("*")[0]
        put_file(self.inbox, f"{prefix}{day:%Y%m%d}{len(rows)}.csv", text)
        collect(self.lake, contract, self.inbox, day)
        decode_waiting(self.lake, self.catalog, day, scratch=self.context.scratch)

    def standardise(self, day: date = DAY) -> list[StepManifest]:
        """Standardise what waits."""
        waiting = list_waiting(self.lake, self.catalog, day)
        return [
            manifest
            for batches in waiting.values()
            for manifest in standardise_batches(self.context, batches)
        ]

    def link(self, day: date, build: str) -> tuple[StepManifest, StepManifest]:
        """Make registers and links of a build."""
        current = settled_records(self.lake, self.catalog, day)
        registers = make_registers(self.context, day, build, current)
        return registers, make_links(self.context, day, build, registers)

    def rows(self, manifest: StepManifest) -> list[dict[str, Any]]:
        """Every row of a manifest's outputs, in an order of their own."""
        paths = self.lake.localise(manifest.outputs, self.context.scratch)
        rows = [row for path in paths for row in pq.ParquetFile(path).read().to_pylist()]
        return sorted(rows, key=str)
