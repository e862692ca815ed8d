"""The rate file: how often what happens. Strict, because a misspelt rate would silently be nought."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

PUBLISHED = Path(__file__).with_name("rates.yml")
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Days(Strict):
    """How records fall on days, and decisions on dates before their delivery (in days)."""

    later_share: Share
    later_limit: Share
    history_share: Share
    history_from: Count
    history_to: Count
    late: Share


class Registers(Strict):
    """The make-up of the two registers; `outsiders` are subjects with records but in no register."""

    outsiders: Share
    daily_new: Share
    daily_closed: Share
    former_name: Share
    namesake: Share
    shop_named_after_owner: Share
    lower_case_code: Share
    code_in_industry_name: Share
    capital_with_comma: Share
    popular: Share
    outsider_namesake: Share
    prominent: Share
    siblings: Share
    code_twice: Share
    number_twice: Share
    recycled_name: Share
    twins: Share


class Classes(Strict):
    """Kinds of parties by dataset; the rest are legal entities."""

    penalty_natural: Share
    penalty_individual: Share
    licence_natural: Share
    licence_individual: Share
    defaulter_natural: Share


class Filled(Strict):
    """How often optional columns are filled, among the subjects that have the thing."""

    reg_no: Share
    org_code: Share
    tax_id: Share
    legal_rep_id: Share
    publicity_end: Share
    remarks: Share
    permit_name: Share


class Repeated(Strict):
    """Rows that repeat, correct or withdraw others, as shares of a day's rows."""

    in_file_duplicate: Share
    resent: Share
    correction: Share
    withdrawal: Share
    shared_document: Share


class Dialects(Strict):
    """Other ways to write the same value."""

    date: Share
    amount: Share
    doc_no: Share
    class_text: Share
    filler_optional: Share
    negative_dust: Share
    line_break: Share
    open_ended_text: Share


class Rates(Strict):
    """One rate file."""

    version: str
    mix: dict[str, Share]
    plain: Share
    days: Days
    files: dict[str, Count]
    registers: Registers
    classes: Classes
    filled: Filled
    repeated: Repeated
    identity_noise: dict[str, Share]
    row_noise: dict[str, dict[str, Share]]
    dialects: Dialects

    @model_validator(mode="after")
    def check_mix(self) -> "Rates":
        """The mix must be whole."""
        if abs(sum(self.mix.values()) - 1) > 1e-9:
            raise ValueError(f"mix adds up to {sum(self.mix.values())}, not 1")
        return self


def read_rates(path: Path = PUBLISHED) -> Rates:
    """Read and check a rate file."""
    return Rates.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
