"""What people decide about whole batches: `creditlake batch accept|reject BATCH --reason …`.

A verdict is part of the key of the batch's decode step, so a settled batch is waiting again and the
next run decodes it under the verdict; nothing is overwritten. The newest verdict counts, older ones
stay. A verdict is valid from its business date: rebuilding a past day does not see later ones.
"""

import hashlib
from datetime import UTC, date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from creditlake.storage import Lake

PREFIX = "decisions/batch_verdict"


class Settlement(StrEnum):
    """ACCEPT lets an implausible batch pass (a damaged file stays blocked); REJECT blocks any batch."""

    ACCEPT = "accept"
    REJECT = "reject"


class Verdict(BaseModel):
    """One decision about one batch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision_id: str
    dataset: str
    batch_id: str
    verdict: Settlement
    who: str
    why: str
    business_date: date
    decided_at: datetime


def list_verdicts(lake: Lake, until: date) -> dict[str, Verdict]:
    """Return the verdict in force per batch id as of a business date."""
    verdicts = [Verdict.model_validate_json(lake.read_bytes(key)) for key in lake.list_keys(PREFIX)]
    valid = [verdict for verdict in verdicts if verdict.business_date <= until]
    valid.sort(key=lambda verdict: (verdict.business_date, verdict.decided_at, verdict.decision_id))
    return {verdict.batch_id: verdict for verdict in valid}


def settle_batch(
    lake: Lake, dataset: str, batch_id: str, verdict: Settlement, *, who: str, why: str, business_date: date
) -> Verdict:
    """Write one verdict; raises ValueError for a batch that was never received or an empty reason."""
    if not who.strip() or not why.strip():
        raise ValueError("a verdict needs who decides and why")
    department, _, name = dataset.partition(".")
    if not lake.exists(f"raw/{department}/{name}/{batch_id}/_batch.json"):
        raise ValueError(f"{dataset} has received no batch {batch_id}; see `creditlake status`")
    decided_at = datetime.now(UTC)
    identity = "\x1f".join([dataset, batch_id, verdict, who, why, decided_at.isoformat()])
    decision = Verdict(
        decision_id=hashlib.sha256(identity.encode()).hexdigest()[:20],
        dataset=dataset,
        batch_id=batch_id,
        verdict=verdict,
        who=who,
        why=why,
        business_date=business_date,
        decided_at=decided_at,
    )
    lake.put_if_absent(f"{PREFIX}/{decision.decision_id}.json", decision.model_dump_json(indent=1).encode())
    return decision
