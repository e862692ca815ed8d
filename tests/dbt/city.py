"""A lake as the steps before the build leave it, written row by row: what a test says and nothing else.

Rows are given by field name; what is left out takes a plain value. Divisions are 9900xx throughout.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from creditlake.catalog import Catalog, load_catalog
from creditlake.contract import IDENTIFIER_TYPES, Contract
from creditlake.decode.decode import cells_manifest_key
from creditlake.marts.database import LINKING, record_columns
from creditlake.names import normalise_name
from creditlake.receipts import Batch, Receipt, ReceivedFile, list_batches, receipt_order
from creditlake.settings import REPOSITORY
from creditlake.storage import (
    BatchDefect,
    FileEntry,
    FolderLake,
    StepManifest,
    batch_manifest_key,
    build_manifest_key,
    write_manifest,
)

NOW = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)
DEFECT = pa.struct([(name, pa.string()) for name in ("code", "level", "field", "detail")])
ARROW = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "varchar[]": pa.list_(pa.string()),
}
PLAIN: dict[str, Any] = {
    "counterpart_class": "LEGAL",
    "party_type": "ORGANISATION",
    "decision_date": date(2026, 11, 2),
    "penalty_kinds": ["FINE"],
    "status": "VALID",
    "publish_date": date(2026, 11, 2),
    "rated_date": date(2026, 4, 1),
    "valid_from": date(2026, 11, 2),
    "rating": "A",
    "rating_year": 2025,
    "fine_cny": Decimal("2000.00"),
    "age": None,
    "penalty_valid_to": None,
    "valid_to": None,
    "severity": None,
    "procedure_type": None,
    "domain": None,
}


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a declared DuckDB type."""
    if kind.startswith("decimal"):
        precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return pa.list_(DEFECT) if kind.startswith("struct") else ARROW[kind]


@dataclass
class City:
    """A lake with deliveries; `link` commits registers and links for one build."""

    root: Path
    catalog: Catalog = field(default_factory=lambda: load_catalog(REPOSITORY / "catalog"))
    parties: list[dict[str, Any]] = field(default_factory=list)
    roles: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    names: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # accepted and held ones
    delivered: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # all of them
    records_keys: dict[str, dict[str, str]] = field(default_factory=dict)
    deliveries: int = 0
    omit: str = ""  # a column that the records files lack
    omit_register_column: str = ""  # a column that tables of the registers lack

    def __post_init__(self) -> None:
        self.lake = FolderLake(self.root / "lake")

    def subject(self, subject_id: str, name: str, **numbers: str) -> None:
        """Add a subject; numbers by kind, e.g. uscc or resident_id."""
        self.parties.append({"subject_id": subject_id, "name": name, "numbers": numbers})

    def name(self, subject_id: str, name: str, *, is_current: bool = True) -> None:
        """Add a name of a subject to its names, in the form in which names are compared."""
        row = {"subject_id": subject_id, "name": name, "name_norm": normalise_name(name)}
        self.names.append(row | {"is_current": is_current})

    def role(self, subject_id: str, role: str, holder_name: str, **said: Any) -> None:
        """Add a role; without a doubt or a holder_id nothing proves the holder."""
        row = {"holder_key": f"h{len(self.roles)}", "name_norm": holder_name, "position": "职务"}
        row |= {"source": "market_regulation.entity_person", "known_from": NOW.date(), "is_minor": False}
        row |= {"doubt": None if said.get("holder_id") else "no_document"}
        self.roles.append({"subject_id": subject_id, "role": role, "holder_name": holder_name, **row, **said})

    def change(self, subject_id: str, other_subject_id: str, change: str = "merged") -> None:
        """Add an id that leads to another."""
        row = {"subject_id": subject_id, "other_subject_id": other_subject_id, "change": change}
        self.changes.append({**row, "reason": "same_uscc_and_name", "known_from": NOW.date()})

    def deliver(
        self,
        dataset: str,
        day: date,
        *rows: dict[str, Any],
        again: str | None = None,
        blocked: BatchDefect | None = None,
        received: int | None = None,
    ) -> str:
        """Deliver rows (or the batch `again`) on a business date, standardise them; returns the batch id."""
        contract = self.catalog.contracts[dataset]
        self.deliveries += 1
        batch_id = again or f"b{hashlib.sha256(f'{dataset}{self.deliveries}'.encode()).hexdigest()[:20]}"
        self._write_receipt(contract, day, batch_id)
        if again is None:
            batch = next(b for b in list_batches(self.lake, contract, day) if b.batch_id == batch_id)
            self._write_steps(
                contract, batch, list(rows), blocked, len(rows) if received is None else received
            )
        return batch_id

    def _write_receipt(self, contract: Contract, day: date, batch_id: str) -> None:
        at = NOW.replace(month=day.month, day=day.day, minute=self.deliveries % 60)
        delivery = hashlib.sha256(f"{batch_id}{self.deliveries}".encode()).hexdigest()[:20]
        sha256 = hashlib.sha256(batch_id.encode()).hexdigest()
        name = f"{contract.dataset}_{batch_id}.dat"
        receipt = Receipt(
            delivery_id=delivery,
            department=contract.department,
            dataset=contract.dataset,
            batch_id=batch_id,
            received_date=day,
            received_at=at,
            delivered_at=at,
            sender="test",
            files=(ReceivedFile(name=name, raw_name=name, bytes=1, sha256=sha256, mtime_ns=1),),
            order=receipt_order(day, at, delivery),
        )
        self.lake.put_if_absent(receipt.key, receipt.model_dump_json().encode())

    def _write_steps(
        self,
        contract: Contract,
        batch: Batch,
        rows: list[dict[str, Any]],
        blocked: BatchDefect | None,
        received: int,
    ) -> None:
        digest = self.catalog.digest(contract)
        cells = cells_manifest_key(self.catalog, contract, batch, None)
        write_manifest(self.lake, cells, step("decode", digest, {"received": received}, [], blocked))
        if blocked:
            return
        name = batch.files[0].key.rpartition("/")[2]
        kept: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for row_no, row in enumerate(rows, start=2):
            whole = complete(contract, self.catalog, batch.batch_id, name, row_no, row)
            kept[whole["outcome"] in ("accepted", "held")].append(
                whole | {"_link": row.get("_link"), "_key": row["key"]}
            )
        outputs = {
            room: self._write_rows(
                contract, f"{room}/{contract.department}/{contract.dataset}/{batch.batch_id}", found
            )
            for room, found in (("records", kept[True]), ("rejects", kept[False]))
        }
        self.rows.setdefault(contract.name, []).extend(kept[True])
        self.delivered.setdefault(contract.name, []).extend(kept[True] + kept[False])
        for room in ("rejects", "records"):
            key = batch_manifest_key(room, contract.department, contract.dataset, batch.batch_id, "0" * 16)
            counts = {"received": received}
            write_manifest(self.lake, key, step("standardise", digest, counts, outputs[room], None))
        self.records_keys.setdefault(contract.name, {})[batch.batch_id] = key

    def _write_rows(self, contract: Contract, folder: str, rows: list[dict[str, Any]]) -> list[FileEntry]:
        if not rows:
            return []
        columns = {n: k for n, k in record_columns(contract, self.catalog).items() if n != self.omit}
        schema = pa.schema([(column, arrow_type(kind)) for column, kind in columns.items()])
        return [self._write_table(f"{folder}/attempt/part-0.parquet", rows, schema)]

    def _write_table(self, key: str, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> FileEntry:
        path = self.root / "draft.parquet"
        pq.write_table(
            pa.Table.from_pylist([{n: r.get(n) for n in schema.names} for r in rows], schema), path
        )
        self.lake.upload_if_absent(key, path, consume=True)
        return self.lake.describe_file(key)

    def link(self, build: str) -> None:
        """Commit registers and links: `_link` of a row is a subject id, or a dict of link columns."""
        subjects, identifiers, links = [], [], []
        for party in self.parties:
            subject_id = party["subject_id"]
            archive = subject_id[0]
            subjects.append(
                {
                    "subject_id": subject_id,
                    "archive": archive,
                    "current_name": party["name"],
                    "is_listed": True,
                    "subject_type": "ENTERPRISE" if archive == "L" else "NATURAL_PERSON",
                    "state": "OPERATING",
                    "source_dataset": "market_regulation.entity_register",
                    "division_code": "990001",
                }
            )
            identifiers += [
                {"subject_id": subject_id, "id_kind": kind, "id_value": value}
                for kind, value in party["numbers"].items()
            ]
        for dataset, rows in self.rows.items():
            if self.catalog.contracts[dataset].subject.name is None:
                continue
            links += [link_row(dataset, row) for row in rows]
        tables = {
            "subjects": subjects,
            "identifiers": identifiers,
            "roles": self.roles,
            "names": self.names,
            "subject_changes": self.changes,
            "links": links,
        }
        entries = {}
        for table, rows in tables.items():
            room = "links" if table == "links" else "registers"
            schema = pa.schema(
                [
                    (name, arrow_type(kind))
                    for name, kind in LINKING[table].items()
                    if name != self.omit_register_column
                ]
            )
            entries[table] = self._write_table(f"{room}/{build}/{table}/part-0.parquet", rows, schema)
        registers = step("registers", "", {}, [entries[name] for name in tables if name != "links"], None)
        registers.extra = {"batches": self.records_keys}
        write_manifest(self.lake, build_manifest_key("registers", build), registers)
        write_manifest(
            self.lake, build_manifest_key("links", build), step("links", "", {}, [entries["links"]], None)
        )


def complete(
    contract: Contract, catalog: Catalog, batch_id: str, file_name: str, row_no: int, row: dict[str, Any]
) -> dict[str, Any]:
    """Return a whole record from what a test says of it; `key` makes the record_id, `defects` are codes."""
    given = {name: value for name, value in row.items() if not name.startswith("_")}
    key = given.pop("key", f"{batch_id}{row_no}")
    levels = {code: defect.level for code, defect in catalog.defects.items()}
    whole: dict[str, Any] = {}
    for name, kind in record_columns(contract, catalog).items():
        whole[name] = PLAIN.get(name, name if kind == "varchar" and not name.endswith("_status") else None)
    for name, of_field in contract.fields.items():
        if of_field.type in IDENTIFIER_TYPES:
            whole[name] = given.get(name)
            whole[f"{name}_status"] = "valid" if given.get(name) else "missing"
    content = repr(sorted((k, v) for k, v in given.items() if k not in ("outcome", "defects", "change_op")))
    whole |= {
        "record_id": record_id(contract.name, key),
        "content_hash": hashlib.md5(content.encode()).hexdigest(),
        "batch_id": batch_id,
        "file_name": file_name,
        "row_no": row_no,
        "outcome": "accepted",
        "is_minor": False,
        "change_op": "S" if contract.delivery.kind == "full_snapshot" else "U",
        "target_record_id": None,
        "receipt_no": None,
    }
    whole |= given
    whole["defects"] = [
        {"code": code, "level": levels[code], "field": None, "detail": None}
        for code in given.get("defects", ())
    ]
    whole["is_held"] = whole["outcome"] == "held"
    return whole


def record_id(dataset: str, key: str) -> str:
    """Return the record id of a key, as the fixtures make it."""
    return hashlib.md5(f"{dataset}{key}".encode()).hexdigest()


def link_row(dataset: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return the link of a record row."""
    link = row["_link"]
    base = {name: row[name] for name in ("batch_id", "file_name", "row_no", "record_id")} | {
        "dataset": dataset
    }
    if isinstance(link, dict):
        return base | link
    if link is None:
        return base | {"status": "unlinked", "reason": "no_number"}
    return base | {"status": "auto", "grade": "exact", "tier": "exact_uscc", "subject_id": link}


def step(
    name: str, digest: str, counts: dict[str, int], outputs: list[FileEntry], blocked: BatchDefect | None
) -> StepManifest:
    """Return a step manifest."""
    return StepManifest(
        step=name,
        step_version="1",
        code_version="test",
        contract_digest=digest,
        status="blocked" if blocked else "ok",
        inputs=[],
        outputs=outputs,
        counts=counts,
        defects=[blocked] if blocked else [],
        started_at=NOW,
        ended_at=NOW,
        peak_memory_mb=1,
    )
