"""A person's decision to release a candidate that the gate held.

Append-only: who, when, why, for exactly one content hash. It settles what is a matter of judgement
(an envelope, an expectation), never personal data, lost rows or undeclared columns.
"""

import hashlib
from datetime import date, datetime

from creditlake.gate.model import Closed, Verdict
from creditlake.storage import Lake, ObjectExists, now_utc

ROOM = "decisions/release_approval"


class NotApprovable(Exception):
    """The verdict holds for reasons that no approval settles."""


class ReleaseApproval(Closed):
    """One approval; `candidate_hash` is the content, so a rebuild with other content needs another one."""

    decision_id: str
    candidate_hash: str
    build: str
    business_date: date
    who: str
    reason: str
    decided_at: datetime


def approve(lake: Lake, verdict: Verdict, who: str, reason: str) -> ReleaseApproval:
    """Record an approval of a held candidate; the same person's same words a second time are one decision.

    Raises NotApprovable when the gate let it pass anyway, or a finding must be mended instead.
    """
    if verdict.verdict == "pass":
        raise NotApprovable(f"build {verdict.build} passed the gate; publish it, there is nothing to approve")
    fixed = [f.name for f in verdict.holds if not f.approvable]
    if fixed:
        raise NotApprovable(
            f"build {verdict.build}: {', '.join(fixed)} must be mended and rebuilt, not approved"
        )
    if not who.strip() or not reason.strip():
        raise NotApprovable("an approval needs a name and a reason")
    digest = hashlib.sha256("\x1f".join([verdict.candidate_hash, who, reason]).encode()).hexdigest()[:20]
    approval = ReleaseApproval(
        decision_id=f"a{digest}",
        candidate_hash=verdict.candidate_hash,
        build=verdict.build,
        business_date=verdict.business_date,
        who=who,
        reason=reason,
        decided_at=now_utc(),
    )
    key = f"{ROOM}/{approval.decision_id}.json"
    try:
        lake.put_if_absent(key, approval.model_dump_json(indent=1).encode())
    except ObjectExists:
        return ReleaseApproval.model_validate_json(lake.read_bytes(key))
    return approval


def find_approval(lake: Lake, candidate_hash: str) -> ReleaseApproval | None:
    """Return the first approval of this content, or None."""
    for key in lake.list_keys(ROOM):
        approval = ReleaseApproval.model_validate_json(lake.read_bytes(key))
        if approval.candidate_hash == candidate_hash:
            return approval
    return None
