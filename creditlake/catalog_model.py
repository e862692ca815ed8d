"""The catalogue as programs use it: departments, contracts, code lists, defects, rules, and its digest.

The digest of a contract covers all that can change the outcome of standardising one of its batches,
so that a mended code list makes the waiting batches current work again.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from creditlake.calendar import WorkCalendar
from creditlake.contract import Code, Contract, Strict
from creditlake.rules import Rules


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in the catalogue; `file` is relative to the catalogue's root, `line` is 1-based."""

    file: str
    line: int
    message: str
    cure: str
    is_question: bool = False  # left open by a draft; nothing is wrong with the file

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} — {self.cure}"


class CatalogError(Exception):
    """The catalogue has problems; nothing of it may be used."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Department(Strict):
    """A body that delivers; `alert` hears of late, blocked and returned batches."""

    code: Code
    name_zh: str
    owner: str
    organ_uscc: str = Field(pattern=r"^[1-9ANY][0-9]{7}[0-9A-HJ-NPQRTUWXY]{10}$")
    alert: str


class CodeValue(Strict):
    """One value: records hold `code`, people read `label`, departments may send the label or any of `texts`.

    `prefix` also accepts the label followed by "-" and an explanation (其他-补办).
    """

    code: str
    label: str
    texts: tuple[str, ...] = ()
    prefix: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every accepted exact spelling, the label first."""
        return (self.label, *(text for text in self.texts if text != self.label))


class CodeList(Strict):
    """A closed list of values; an accepted spelling belongs to exactly one of them."""

    name: Code
    title: str
    values: tuple[CodeValue, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def check_values(self) -> Self:
        """Refuse repeated codes and spellings that two values claim."""
        codes = [value.code for value in self.values]
        spellings = [text for value in self.values for text in value.spellings]
        for kind, given in (("code", codes), ("spelling", spellings)):
            twice = sorted({item for item in given if given.count(item) > 1})
            if twice:
                raise ValueError(f"{kind} {twice} is given twice")
        return self

    @property
    def code_of(self) -> dict[str, str]:
        """Accepted spelling → code."""
        return {text: value.code for value in self.values for text in value.spellings}


Parameter = Literal["values", "minimum", "maximum", "tolerance"]  # of a row check, see contract.RowCheck


class RowCheckKind(Strict):
    """A check that contracts may name: the roles it reads and what its parameters mean."""

    check: Code
    code: str
    roles: tuple[str, ...]
    optional: tuple[str, ...] = ()
    parameters: dict[Parameter, str] = {}
    what: str


class Defect(Strict):
    """One code of the defect catalogue: B blocks the batch, E refuses, H holds, W passes the row.

    `other_level` applies when `other_level_when` holds.
    """

    code: str = Field(pattern=r"^[A-Z][0-9]{2}$")
    level: Literal["B", "E", "H", "W"]
    other_level: Literal["B", "E", "H", "W"] | None = None
    other_level_when: (
        Literal["increment", "warn_bounds", "factor_10000", "unsourced_length", "optional_field"] | None
    ) = None
    outcome: Literal["dropped"] | None = None  # the row is not refused but left out
    english: str
    message: str
    cure: str
    design: bool = False

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        """The second level needs its condition, and the reverse."""
        if (self.other_level is None) != (self.other_level_when is None):
            raise ValueError("other_level and other_level_when belong together")
        return self


class DepartmentFile(Strict):
    """catalog/departments.yml."""

    departments: tuple[Department, ...] = Field(min_length=1)


class RowCheckFile(Strict):
    """catalog/row_checks.yml."""

    checks: tuple[RowCheckKind, ...]


class DefectFile(Strict):
    """catalog/defects.yml."""

    defects: tuple[Defect, ...]


@dataclass(frozen=True)
class Catalog:
    """The catalogue as programs use it; every mapping is keyed by name or code, in file order."""

    root: Path
    departments: dict[str, Department]
    contracts: dict[str, Contract]
    code_lists: dict[str, CodeList]
    row_checks: dict[str, RowCheckKind]
    defects: dict[str, Defect]
    normalisation: dict[str, str]  # character → replacement; empty drops the character
    fillers: frozenset[str]
    calendar: WorkCalendar
    rules: Rules
    _digests: dict[int, tuple[Contract, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def digest(self, contract: Contract) -> str:
        """Return the sha256 over all that decides the outcome of standardising this dataset's batches.

        The contract, its code lists, the row checks it names, the character table, the defect levels, and
        the calendar where lateness is checked; messages, rules and other datasets do not count. Every batch
        asks for it, so it is made once per contract object.
        """
        if id(contract) not in self._digests:
            self._digests[id(contract)] = (contract, self._make_digest(contract))
        return self._digests[id(contract)][1]

    def _make_digest(self, contract: Contract) -> str:
        checks = {check.check for check in contract.row_checks}
        asks_calendar = "within_working_days" in checks
        used = sorted({f.code_list for f in contract.fields.values() if f.code_list})
        parts = {
            "contract": contract.model_dump(mode="json"),
            "code_lists": [self.code_lists[name].model_dump(mode="json") for name in used],
            "row_checks": [
                self.row_checks[check].model_dump(mode="json", exclude={"what", "parameters"})
                for check in sorted(checks)
            ],
            "normalisation": sorted(self.normalisation.items()),
            "fillers": sorted(self.fillers),
            "calendar": [f"{day} {worked}" for day, worked in self.calendar.days()] if asks_calendar else [],
            "levels": {d.code: (d.level, d.other_level, d.outcome) for d in self.defects.values()},
        }
        return sha256_of(parts)

    def rules_digest(self) -> str:
        """Return the sha256 over every rule row: what decides links and marts besides the records."""
        return sha256_of(self.rules.model_dump(mode="json"))

    def department_contracts(self, department: str) -> list[Contract]:
        """Return the contracts of one department; an unknown department is a KeyError."""
        self.departments[department]
        return [c for c in self.contracts.values() if c.department == department]


def sha256_of(parts: Any) -> str:
    """Return the sha256 of JSON-like data, independent of the order of keys."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
