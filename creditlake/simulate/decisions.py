"""What penalties and licences share: document, organ, decision date and the damage of a row."""

from dataclasses import dataclass
from datetime import date

from creditlake.simulate.city import City
from creditlake.simulate.draws import Draws
from creditlake.simulate.noise import IDENTITY, ROW, classify_noise, defects_of, look_up
from creditlake.simulate.party import Parties, draw_party, party_sql
from creditlake.simulate.plan import DayPlan, date_of_day, day_of_record
from creditlake.simulate.rates import Rates
from creditlake.simulate.spelling import date_style
from creditlake.simulate.words import Words

CERTAINLY_LATE = 12  # calendar days; seven working days are at most eleven outside the long holidays
FRESH = 6


@dataclass(frozen=True)
class Decisions:
    """One dataset of decisions: how its rows are drawn, by record number."""

    parties: Parties
    draws: Draws
    rates: Rates
    days: list[date]
    plans: list[DayPlan]

    @property
    def name(self) -> str:
        """The dataset."""
        return self.parties.dataset

    def identity_drawn(self) -> str:
        """SQL: the drawn damage of the party."""
        return classify_noise(self.draws, f"{self.name}:identity", self.parties.noise, IDENTITY)

    def row_drawn(self) -> str:
        """SQL: the drawn damage of the rest of the row."""
        return classify_noise(self.draws, f"{self.name}:row", self.rates.row_noise[self.name], ROW)

    def is_clean(self) -> str:
        """SQL over i: no damage was drawn."""
        return f"({self.identity_drawn()}) = 'none' and ({self.row_drawn()}) = 'none'"

    def document(self) -> str:
        """SQL: number of the document; a share of the records is one more party of the document before."""
        shared = self.draws.chance(f"{self.name}:shared", self.rates.repeated.shared_document)
        return f"case when i > 0 and {shared} then i - 1 else i end"

    def age(self, key: str = "document") -> str:
        """SQL: days from the decision to its first delivery."""
        days, name = self.rates.days, self.name
        history = (
            f"{days.history_from} "
            f"+ {self.draws.below(f'{name}:history', days.history_to - days.history_from, key)}"
        )
        fresh = f"1 + {self.draws.below(f'{name}:fresh', FRESH, key)}"
        late = f"15 + {self.draws.below(f'{name}:late_days', 180, key)}"
        return (
            f"(case when {day_of_record(self.plans, key)} = 0 then case when "
            f"{self.draws.chance(f'{name}:is_history', days.history_share, key)} then {history} "
            f"else {fresh} end "
            f"when {self.draws.chance(f'{name}:is_late', days.late, key)} then {late} else {fresh} end)::int"
        )

    def base(self) -> str:
        """SQL: common table expressions ending in `base`, from the plan's rows between two positions;
        no party yet."""
        return f"""
        numbered_rows as (select *, {self.document()} as document from plan
            where pos >= getvariable('chunk_from') and pos < getvariable('chunk_to')),
        base as (
            select *, {self.identity_drawn()} as identity_drawn, {self.row_drawn()} as row_drawn,
                {date_style(self.draws, self.name, self.rates.dialects.date)} as date_style,
                {date_of_day(self.days, day_of_record(self.plans, "document"))} - {self.age()} as true_date
            from numbered_rows
        )"""

    def with_party(self, city: City, words: Words) -> str:
        """SQL: common table expressions ending in `party`."""
        located = draw_party(self.parties, city, len(self.days), self.draws, self.rates)
        party = party_sql("located", self.parties, city, self.draws, words, self.rates)
        return f"{self.base()}, located as (select *, {located} from base), {party}"


def change_op(draws: Draws, purpose: str) -> str:
    """SQL: the change flag; new rows bear `i`, `I`, `1` or nothing."""
    word = draws.classify(f"{purpose}:flag", {"i": 0.6, "1": 0.2, "I": 0.1}, "")
    return f"case row_kind when 'correction' then 'u' when 'withdrawal' then 'd' else nullif({word}, '') end"


def truth_columns(age: str = "0") -> dict[str, str]:
    """Truth of one row about a party; `age` is SQL for the days from the decision to the delivery.

    A duplicate is dropped by the row rules, a row sent again by the build, after it was linked.
    """
    repeated = (
        "case row_kind when 'in_file_duplicate' then ['U01'] when 'resent' then ['U02'] "
        "else []::varchar[] end"
    )
    worse = "case when identity_noise <> 'none' then {0} else {1} end"
    outcome = worse.format(
        look_up("identity_noise", IDENTITY, "outcome", "accepted"),
        look_up("row_noise", ROW, "outcome", "accepted"),
    )
    link = worse.format(
        "party_link",
        f"case when party_link = 'exact' then {look_up('row_noise', ROW, 'link', 'exact')} "
        "else party_link end",
    )
    late = f"case when {age} > {CERTAINLY_LATE} then ['D04'] else []::varchar[] end"
    return {
        "subject_kind": "case when is_natural then 'natural' else 'legal' end",
        "subject_key": "case when is_natural then sha256(code) else pripid end",
        "in_register": "in_register",
        "noise": "case when identity_noise <> 'none' then identity_noise else row_noise end",
        "defects": (
            f"list_sort({defects_of('identity_noise', IDENTITY, 'is_natural')} "
            f"|| {defects_of('row_noise', ROW)} "
            f"|| {repeated} || {late})"
        ),
        "expected_outcome": "case when row_kind in ('in_file_duplicate', 'resent') then 'dropped' "
        f"else {outcome} end",
        "expected_link": f"case when row_kind = 'in_file_duplicate' then 'unlinked' else {link} end",
    }
