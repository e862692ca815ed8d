"""Effective-dated business rules: the rows of `catalog/rules/` and a reference of publication windows.

Rules change by date, so each row says from when to when it holds (both days included), where it was
read and whether that was verified. The SQL marts evaluate the same rows; `publication_window` is the
independent Python reading of them that the SQL is tested against.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from creditlake.contract import Strict
from creditlake.role_rules import RoleFile

NO_RULE = "NO-RULE"  # no regime covers the decision date: not shown
SEVERITY_ORDER = ("MINOR", "GENERAL", "SERIOUS")
SubjectKind = Literal["LEGAL", "INDIVIDUAL_BUSINESS", "NATURAL"]


class RuleRow(Strict):
    """What every rule row says; `effective_to` is the last day in force, empty = still in force."""

    rule_id: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")
    effective_from: date
    effective_to: date | None = None
    source: str = Field(min_length=1)
    verified: bool

    @model_validator(mode="after")
    def check_dates(self) -> Self:
        """A rule ends no earlier than it begins."""
        if self.effective_to and self.effective_to < self.effective_from:
            raise ValueError(
                f"effective_to {self.effective_to} lies before effective_from {self.effective_from}"
            )
        return self

    def in_force(self, day: date) -> bool:
        """Return whether the row holds on `day`."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


class PublicationWindow(RuleRow):
    """How long penalties of one sort are shown; an empty condition matches every decision.

    `kinds_only` matches decisions that have no kinds beyond these.
    """

    regime: str
    priority: int
    kinds_only: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    counterpart_classes: tuple[str, ...] = ()
    publish: bool
    min_months: int = Field(ge=0)
    max_months: int = Field(ge=0)

    @model_validator(mode="after")
    def check_months(self) -> Self:
        """The earliest repair cannot lie after the end."""
        if self.min_months > self.max_months:
            raise ValueError("min_months is above max_months")
        return self


class Transition(RuleRow):
    """From `effective_from` on, older decisions are judged by `regime` as well."""

    regime: str


class DerivedSeverity(RuleRow):
    """The severity a procedure or a kind stands for when the department delivers none."""

    procedure: str | None = None
    kind: str | None = None
    severity: Literal["MINOR", "GENERAL", "SERIOUS"]

    @model_validator(mode="after")
    def check_one(self) -> Self:
        """A row speaks of a procedure or of a kind."""
        if (self.procedure is None) == (self.kind is None):
            raise ValueError("give procedure or kind, not both")
        return self


class WindowFile(Strict):
    """catalog/rules/publication_windows.yml."""

    windows: tuple[PublicationWindow, ...]
    transitions: tuple[Transition, ...]
    derived_severity: tuple[DerivedSeverity, ...]


class MonthRange(Strict):
    """Months from `min` to `max`."""

    min: int = Field(ge=0)
    max: int = Field(ge=0)


class TextCondition(Strict):
    """Holds when `field` contains one of the texts."""

    field: str
    contains: tuple[str, ...] = Field(min_length=1)


class Responsibility(Strict):
    """Whose holders an entry of an organisation reaches besides the organisation, on the days it holds."""

    roles: tuple[str, ...] = Field(min_length=1)
    effective_from: date
    effective_to: date | None = None
    source: str = Field(min_length=1)
    verified: bool


class ListTerm(RuleRow):
    """How long an entry of one list stays; among rows of a list the lowest matching priority decides.

    `responsible`: the law lets the listing of an organisation be followed to who held these roles that day.
    """

    list_code: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    name_zh: str
    list_type: Literal["SEVERE", "RED", "FOCUS", "ABNORMAL"]
    dataset: str | None = None  # the dataset whose rows are entries; none yet for lists to come
    priority: int
    applies_when: TextCondition | None = None
    term_from: str
    ends: Literal["on_term", "on_removal", "next_list"]
    term_months: int | None = Field(default=None, gt=0)
    extension_months: MonthRange | None = None
    early_exit_months: int | None = Field(default=None, ge=0)
    responsible: Responsibility | None = None

    @model_validator(mode="after")
    def check_term(self) -> Self:
        """A term has months, and only a term has."""
        if (self.ends == "on_term") != (self.term_months is not None):
            raise ValueError("term_months belongs to ends: on_term, and to nothing else")
        return self


class ListTermFile(Strict):
    """catalog/rules/list_terms.yml."""

    terms: tuple[ListTerm, ...]


class MaskingExample(Strict):
    """One value before and after; check_catalog applies the row to it."""

    full: str
    public: str


class MaskingRule(RuleRow):
    """What the public and the government see of one element."""

    element: str
    public_form: Literal["hide", "mask", "county", "redact", "full"]
    keep_left: int | None = Field(default=None, ge=0)
    keep_right: int | None = Field(default=None, ge=0)
    fill: str | None = None
    government_form: Literal["full", "full_logged"]
    fields: tuple[str, ...] = ()
    example: MaskingExample | None = None

    @model_validator(mode="after")
    def check_mask(self) -> Self:
        """A mask says how much stays, and its example agrees with it."""
        if (self.public_form == "mask") != (self.keep_left is not None and self.keep_right is not None):
            raise ValueError("keep_left and keep_right belong to public_form: mask, and to nothing else")
        if (
            self.example
            and self.public_form == "mask"
            and self.apply(self.example.full) != self.example.public
        ):
            raise ValueError(f"the example gives {self.apply(self.example.full)!r}")
        return self

    def apply(self, value: str) -> str:
        """Return the public form of one value of a `mask` row; a value too short to mask is hidden whole."""
        left, right = self.keep_left or 0, self.keep_right or 0
        hidden = len(value) - left - right
        if hidden <= 0:
            return self.fill or "*" * len(value)
        middle = "*" * hidden if self.fill is None else self.fill
        return value[:left] + middle + value[len(value) - right :]


class MaskingFile(Strict):
    """catalog/rules/masking.yml."""

    masking: tuple[MaskingRule, ...]


class RedactionRule(RuleRow):
    """One thing that is blotted out of public free text; rows apply in file order."""

    element: str
    pattern: str
    standalone: bool
    check: Literal["resident_id", "luhn", "none"]
    keep_prefix: bool = False
    replacement: str
    fields: tuple[str, ...] = ()  # empty = every public free text


class RedactionFile(Strict):
    """catalog/rules/redaction.yml."""

    redaction: tuple[RedactionRule, ...]


class LinkingTier(RuleRow):
    """What one kind of evidence decides for one kind of subject."""

    tier: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    subject_kind: SubjectKind
    order: int
    outcome: Literal["auto", "review", "off"]
    grade: Literal["exact", "inferred"] | None = None
    proves: str
    could_fool: str = ""

    @model_validator(mode="after")
    def check_grade(self) -> Self:
        """Only an automatic link has a grade."""
        if (self.outcome == "auto") != (self.grade is not None):
            raise ValueError("grade belongs to outcome: auto, and to nothing else")
        return self


class LinkingDoubt(Strict):
    """Why a record did not link by itself, as a reviewer reads it; `order` ranks the doubts of one record."""

    doubt: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    order: int
    text_zh: str = Field(min_length=1)


class LinkingFile(Strict):
    """catalog/rules/linking.yml."""

    tiers: tuple[LinkingTier, ...]
    doubts: tuple[LinkingDoubt, ...]
    subject_types: dict[str, str]
    full_name_endings: tuple[str, ...]


class Rules(Strict):
    """Every rule row, in file order."""

    publication_windows: tuple[PublicationWindow, ...]
    transitions: tuple[Transition, ...]
    derived_severity: tuple[DerivedSeverity, ...]
    list_terms: tuple[ListTerm, ...]
    masking: tuple[MaskingRule, ...]
    redaction: tuple[RedactionRule, ...]
    linking: tuple[LinkingTier, ...]
    doubts: tuple[LinkingDoubt, ...]
    subject_types: dict[str, str]  # type of a subject in the registers → its name in Chinese
    roles: RoleFile
    full_name_endings: tuple[str, ...]  # of legal names, in comparison form


@dataclass(frozen=True)
class Penalty:
    """What a publication window depends on; codes of the code lists, None where nothing was delivered."""

    decision_date: date
    kinds: frozenset[str]
    domain: str | None
    procedure: str | None
    severity: str | None
    counterpart_class: str


@dataclass(frozen=True)
class Window:
    """When one penalty may be seen; visible while `today < max_end`, repairable from `min_end`."""

    publish: bool
    min_end: date | None
    max_end: date | None
    rule_id: str
    is_transition: bool = False  # judged by two regimes: the credit office looks at it

    def visible_on(self, today: date) -> bool:
        """Return whether the rule shows the penalty on `today`."""
        return self.publish and self.max_end is not None and today < self.max_end


def add_months(day: date, months: int) -> date:
    """Return the day `months` calendar months later, clamped to the month's end."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def derive_severity(rules: Rules, penalty: Penalty) -> str | None:
    """Return the delivered severity, else that of the procedure, else the heaviest of the kinds."""
    if penalty.severity:
        return penalty.severity
    rows = [row for row in rules.derived_severity if row.in_force(penalty.decision_date)]
    by_procedure = [row.severity for row in rows if row.procedure and row.procedure == penalty.procedure]
    by_kind = [row.severity for row in rows if row.kind in penalty.kinds]
    return max(by_procedure or by_kind, key=SEVERITY_ORDER.index, default=None)


def window_of(rows: Sequence[PublicationWindow], penalty: Penalty, severity: str | None) -> Window:
    """Return what the first matching row says, or the empty window NO_RULE."""
    for row in sorted(rows, key=lambda row: (row.priority, row.rule_id)):
        matches = (
            (not row.kinds_only or penalty.kinds <= set(row.kinds_only))
            and (not row.domains or penalty.domain in row.domains)
            and (not row.procedures or penalty.procedure in row.procedures)
            and (not row.severities or severity in row.severities)
            and (not row.counterpart_classes or penalty.counterpart_class in row.counterpart_classes)
        )
        if matches:
            start = penalty.decision_date
            ends = add_months(start, row.min_months), add_months(start, row.max_months)
            return Window(row.publish, *ends, row.rule_id)
    return Window(publish=False, min_end=None, max_end=None, rule_id=NO_RULE)


def publication_window(rules: Rules, penalty: Penalty, today: date) -> Window:
    """Return the window of one penalty as of `today`.

    An older decision that a transition touches is judged by both regimes: it is shown only if both
    show it, each end is the earlier one, and `rule_id` is the row that sets the end.
    """
    severity = derive_severity(rules, penalty)
    rows = [row for row in rules.publication_windows if row.in_force(penalty.decision_date)]
    window = window_of(rows, penalty, severity)
    for transition in rules.transitions:
        start = transition.effective_from
        if window.rule_id == NO_RULE or not penalty.decision_date < start <= today:
            continue
        later = window_of(
            [row for row in rules.publication_windows if row.regime == transition.regime], penalty, severity
        )
        window = earlier_for_the_subject(window, later)
    return window


def earlier_for_the_subject(old: Window, new: Window) -> Window:
    """Return the window that ends earlier; a regime that does not show the penalty ends it at once."""
    if not new.publish and old.publish:
        binding = new
    elif not old.publish or new.max_end is None or old.max_end is None:
        binding = old
    else:
        binding = new if new.max_end < old.max_end else old
    return Window(
        publish=old.publish and new.publish,
        min_end=min((day for day in (old.min_end, new.min_end) if day), default=None),
        max_end=min((day for day in (old.max_end, new.max_end) if day), default=None),
        rule_id=binding.rule_id,
        is_transition=True,
    )
