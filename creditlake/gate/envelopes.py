"""Envelopes: how far a table, or one list in it, may move between two releases.

A well-formed delivery can still be wrong as a whole: a severe list that triples overnight harms every
subject on it. Beyond its envelope a table waits for a person, and the report says whom to ask.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from creditlake.gate.model import Closed, Finding, Severity


class Envelope(Closed):
    """Bounds on rows relative to the previous release; `slack_rows` keeps small counts from ringing."""

    min_ratio: Annotated[float, Field(ge=0, le=1)]
    max_ratio: Annotated[float, Field(ge=1)]
    slack_rows: int = 0
    severity: Severity = "hold"
    owner: str
    owner_zh: str
    why: str


class TableEnvelope(Closed):
    """The envelope of a table and, by the value of one column, of its groups."""

    rows: Envelope
    by: str | None = None
    groups: dict[str, Envelope] = {}
    other_groups: Envelope | None = None  # for values not named in `groups`


def check_envelope(
    table: str, rules: TableEnvelope, before: Mapping[str | None, int], after: Mapping[str | None, int]
) -> list[Finding]:
    """Compare row counts; the key None holds the whole table's count, other keys a group's.

    A group that is new counts as growing from nothing, one that vanished as shrinking to nothing.
    """
    findings = []
    for group in sorted(set(before) | set(after), key=lambda g: (g is not None, g or "")):
        bounds = rules.rows if group is None else rules.groups.get(group, rules.other_groups)
        if bounds is None:
            continue
        old, new = before.get(group, 0), after.get(group, 0)
        highest = old * bounds.max_ratio + bounds.slack_rows
        lowest = old * bounds.min_ratio - bounds.slack_rows
        if lowest <= new <= highest:
            continue
        limit = highest if new > highest else lowest
        what = table if group is None else f"{table} [{group}]"
        findings.append(
            Finding(
                check="envelope",
                name=what,
                table=table,
                severity=bounds.severity,
                ask=bounds.owner,
                message=f"{what}: {old} rows in the published release, {new} in the candidate; "
                f"allowed {max(lowest, 0):.0f} to {highest:.0f}. {bounds.why}",
                message_zh=f"{what}：已发布 {old} 行，本次 {new} 行，允许 "
                f"{max(lowest, 0):.0f} 至 {highest:.0f} 行。"
                f"请向{bounds.owner_zh}核实；属实则由其批准本候选版本。",
                observed=new,
                limit=limit,
            )
        )
    return findings
