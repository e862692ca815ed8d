"""What the gate reads and what it says: candidate, finding, verdict.

A finding never carries a cell's value: the gate reads tables that hold personal data, and its report is
mailed around. It carries counts and row positions.
"""

import hashlib
import json
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict

from creditlake.storage import FileEntry

Severity = Literal["hold", "warn"]


class Closed(BaseModel):
    """A model that refuses keys it does not know; a misspelt key would be a check that never runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TableEntry(Closed):
    """One version of one table; `columns` is the ordered list of [column, logical type]."""

    level: Literal["public", "gov_shared", "authorised", "internal"]
    version: str
    rows: int
    content_hash: str
    columns: tuple[tuple[str, str], ...]
    files: tuple[FileEntry, ...]
    grain: tuple[str, ...]


class Finding(Closed):
    """One thing that is wrong. `hold` stops the release, `warn` is counted and has an owner.

    `approvable` is false for what no person may wave through: personal data in a public table, rows that
    are not accounted for, a table nobody declared.
    """

    check: Literal["declaration", "expectation", "dbt_test", "ledger", "personal_data", "envelope"]
    name: str
    table: str | None
    severity: Severity
    message: str
    message_zh: str
    ask: str  # who knows: an office, never a person's name
    observed: float | None = None
    limit: float | None = None
    approvable: bool = True


class Verdict(Closed):
    """The gate's answer about one candidate, judged against one published release (or none)."""

    build: str
    business_date: date
    candidate_hash: str
    rules_hash: str
    parent: str | None
    verdict: Literal["pass", "hold"]
    checks: dict[str, int]  # how many checks of each kind ran; zero of a kind is itself a finding
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> tuple[Finding, ...]:
        """The findings that stop the release."""
        return tuple(f for f in self.findings if f.severity == "hold")


def hash_content(tables: dict[str, TableEntry]) -> str:
    """Return the hash of what readers see: names, levels, schemas and content hashes, no file layout."""
    facts = {
        name: [t.level, [list(column) for column in t.columns], t.content_hash] for name, t in tables.items()
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
