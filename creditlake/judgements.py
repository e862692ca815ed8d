"""What people decide about doubtful links (人工复核): one object per decision, never changed, never deleted.

A judgement is about a party as it was delivered: the keyed digest of kind, name and numbers that `link` gives
every doubtful record. A record whose name or number changes is another party and is asked about again. The
newest judgement of a party counts; one `not_this` after another exclude their subjects together, because each
speaks of one candidate. A judgement is valid from its business date: rebuilding a past day does not see it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from creditlake.storage import Lake, ObjectExists
from creditlake.storage.places import LINK_JUDGEMENTS

READERS = 8  # judgements are small; on S3 the round trip is the cost


class Decision(StrEnum):
    """LINK the party to a subject, NOT_THIS subject, or NONE: to no subject at all."""

    LINK = "link"
    NOT_THIS = "not_this"
    NONE = "none"


class Judgement(BaseModel):
    """One decision about one party; `subject_id` is empty for NONE and for nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    party: str
    decision: Decision
    subject_id: str | None
    who: str
    why: str
    seen: str  # build and state of the queue's row that was decided on
    overrules: str | None  # the subject to which exact evidence pointed then: known, so no contradiction
    entered_by: str
    business_date: date
    decided_at: datetime

    @model_validator(mode="after")
    def check_subject(self) -> Self:
        """A link needs its subject, and `none` has none."""
        if (self.subject_id is None) != (self.decision is Decision.NONE):
            raise ValueError("subject_id belongs to link and not_this, and to nothing else")
        return self

    @property
    def judgement_id(self) -> str:
        """What makes two judgements one: the same words about the same row of the queue, whenever read."""
        parts = [self.party, self.decision, self.subject_id or "", self.who, self.why, self.seen]
        digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
        return f"j{digest[:20]}"

    @property
    def key(self) -> str:
        """Where the judgement lies in the lake."""
        return f"{LINK_JUDGEMENTS}/{self.business_date.isoformat()}/{self.judgement_id}.json"


@dataclass(frozen=True)
class Ruling:
    """What holds for one party: its newest judgement, and what the `not_this` before it exclude."""

    newest: Judgement
    excluded: tuple[str, ...]  # only of `not_this`
    overruled: tuple[str, ...]


def list_judgement_keys(lake: Lake, until: date) -> list[str]:
    """Return the keys of the judgements valid on a business date, in key order."""
    return [key for key in lake.list_keys(LINK_JUDGEMENTS) if date.fromisoformat(key.split("/")[2]) <= until]


def list_judgements(lake: Lake, until: date) -> list[Judgement]:
    """Return the judgements valid on a business date, in the order in which they supersede one another."""
    with ThreadPoolExecutor(READERS) as pool:
        objects = list(pool.map(lake.read_bytes, list_judgement_keys(lake, until)))
    judgements = [Judgement.model_validate_json(data) for data in objects]
    return sorted(judgements, key=lambda one: (one.business_date, one.decided_at, one.judgement_id))


def list_known_ids(lake: Lake) -> set[str]:
    """Return the ids of all judgements, of whatever business date."""
    return {key.rpartition("/")[2].removesuffix(".json") for key in lake.list_keys(LINK_JUDGEMENTS)}


def write_judgements(lake: Lake, judgements: Iterable[Judgement]) -> list[Judgement]:
    """Write the judgements that are new; return those."""
    known = list_known_ids(lake)
    fresh = [one for one in judgements if one.judgement_id not in known]
    for one in fresh:
        with suppress(ObjectExists):  # another import of the same file was first
            lake.put_if_absent(one.key, one.model_dump_json(indent=1).encode())
    return fresh


def find_rulings(judgements: Sequence[Judgement]) -> dict[str, Ruling]:
    """Return what holds per party; the judgements come in the order in which they supersede one another."""
    rulings: dict[str, Ruling] = {}
    for one in judgements:
        before = rulings.get(one.party)
        runs_on = before is not None and before.newest.decision is one.decision is Decision.NOT_THIS
        excluded = {one.subject_id} if one.decision is Decision.NOT_THIS and one.subject_id else set()
        overruled = {one.overrules} if one.overrules else set()
        if before and runs_on:
            excluded |= set(before.excluded)
            overruled |= set(before.overruled)
        rulings[one.party] = Ruling(one, tuple(sorted(excluded)), tuple(sorted(overruled)))
    return rulings
