"""Candidates for tests of gate, release and serving: real Parquet in a real lake, healthy unless changed."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from creditlake import candidate as model
from creditlake.candidate import BatchInput, CandidateManifest, LedgerRow, candidate_key
from creditlake.content_hash import hash_table
from creditlake.gate.declaration import Declaration, Rules, read_rules
from creditlake.gate.model import TableEntry
from creditlake.release import Publication, judge_candidate, publish_build
from creditlake.storage import Lake, ObjectExists, now_utc
from tests.gate.tables import Row, healthy_rows, write_table

RULES = read_rules()
BATCH = "b00000000000000000001"
NARROW = frozenset(
    {"record_id", "subject_id", "counterpart_class", "counterpart_name", "violation_facts", "penalty_content"}
    | {"list_code", "party_type", "name"}
)


def small_rules(*tables: str) -> Rules:
    """Return the real rules of a few tables: a gate run then takes a fraction of a second."""
    return Rules(
        declarations={name: RULES.declarations[name] for name in tables},
        envelopes={name: RULES.envelopes[name] for name in tables if name in RULES.envelopes},
    )


def narrow_rules(table: str = "pub_penalty") -> Rules:
    """Return rules for a table of few columns, so that tests of publishing do not pay for the gate."""
    declared = RULES.declarations[table]
    expectations = [e for e in declared.expectations if set(e.columns) <= NARROW]
    narrow = declared.model_copy(
        update={
            "columns": {name: kind for name, kind in declared.columns.items() if name in NARROW},
            "lookup": tuple(name for name in declared.lookup if name in NARROW),
            "expectations": tuple(expectations[:4]),
        }
    )
    return Rules(declarations={table: narrow}, envelopes={table: RULES.envelopes[table]})


def store_table(lake: Lake, declaration: Declaration, rows: list[Row], scratch: Path) -> TableEntry:
    """Put a table version into the lake, as a build does."""
    scratch.mkdir(parents=True, exist_ok=True)
    path = write_table(declaration, rows, scratch / f"{declaration.table}.parquet")
    content = hash_table([path], declaration.grain)
    key = f"tables/{declaration.level}/{declaration.table}/{content.digest[:16]}/part-00000.parquet"
    with suppress(ObjectExists):  # a build that changes nothing makes the same version
        lake.upload_if_absent(key, path)
    return TableEntry(
        level=declaration.level,
        version=content.digest[:16],
        rows=content.rows,
        content_hash=content.digest,
        columns=content.schema,
        files=(lake.describe_file(key),),
        grain=declaration.grain,
    )


def ledger_row(**changes: Any) -> LedgerRow:
    """Return a ledger row that adds up, with changes."""
    facts = {
        "dataset": "market_regulation.penalty_decision",
        "batch_id": BATCH,
        "status": "ok",
        "received": 10,
        "accepted": 6,
        "held": 1,
        "rejected": 1,
        "dropped_in_file": 1,
        "dropped_stored": 1,
        "blocked": 0,
    }
    return LedgerRow.model_validate(facts | changes)


def store_candidate(
    lake: Lake,
    build: str,
    scratch: Path,
    tables: Mapping[str, list[Row]],
    rules: Rules = RULES,
    **changes: Any,
) -> CandidateManifest:
    """Write a finished build's candidate: these tables' rows, one test passed, a ledger that adds up."""
    day = date(int(build[:4]), int(build[4:6]), int(build[6:8]))
    facts: dict[str, Any] = {
        "build": build,
        "business_date": day,
        "status": "ok",
        "code_version": "test",
        "catalog_digest": "test",
        "inputs": (),
        "models": (),
        "publication": (),
        "started_at": now_utc(),
        "ended_at": now_utc(),
        "peak_memory_mb": 1,
        "ledger": (ledger_row(),),
        "tests": (
            model.TestRun(
                name="a_dbt_test", model="pub_penalty", severity="error", status="pass", failures=0
            ),
        ),
        "batches": (
            BatchInput(
                dataset="market_regulation.penalty_decision",
                batch_id=BATCH,
                received_date=day,
                status="ok",
                is_current=True,
            ),
        ),
        "tables": {
            name: store_table(lake, rules.declarations[name], rows, scratch) for name, rows in tables.items()
        },
    }
    candidate = CandidateManifest.model_validate(facts | changes)
    lake.put_if_absent(candidate_key(build), candidate.model_dump_json().encode())
    return candidate


def many_penalties(count: int, first: int = 1) -> list[Row]:
    """Return healthy penalties with consecutive record ids."""
    template = healthy_rows("pub_penalty")[0]
    return [{**template, "record_id": f"{i:032x}"} for i in range(first, first + count)]


def many_defaulters(count: int) -> list[Row]:
    """Return healthy entries of the severe list."""
    template = healthy_rows("pub_list_current")[0]
    return [{**template, "record_id": f"{i:032x}"} for i in range(1, count + 1)]


def publish_penalties(lake: Lake, build: str, scratch: Path, rows: list[Row]) -> Publication:
    """Store, judge and publish a candidate of one narrow table."""
    rules = narrow_rules()
    store_candidate(lake, build, scratch, {"pub_penalty": rows}, rules)
    judge_candidate(lake, build, scratch, rules)
    return publish_build(lake, build, scratch, rules)
