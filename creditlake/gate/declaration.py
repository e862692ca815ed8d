"""What each published table must look like: `expectations/suites/<table>.yml`.

One file per table says every column with its meaning, the look-ups the portal needs, and the
expectations. Columns are listed one by one, exactly: a column that nobody declared must not reach a
reader, and the personal-data scan has to know what a column may hold.
"""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import ValidationError, model_validator

from creditlake.gate.model import Closed
from creditlake.settings import REPOSITORY

SUITES = REPOSITORY / "expectations" / "suites"
ENVELOPES = REPOSITORY / "expectations" / "envelopes.yml"


class InvalidDeclaration(Exception):
    """A declaration that cannot be used; the message names file, key and cure."""


class ColumnMeaning(StrEnum):
    """What a column may hold; the scan knows the shape of each (personal_data.py)."""

    HASH = "hash"  # our keyed ids and content hashes
    USCC = "uscc"
    ORG_CODE = "org_code"
    PARTY_CODE = "party_code"  # a USCC or an organisation code
    REG_NO = "reg_no"
    TAX_ID = "tax_id"
    DIVISION = "division"
    CODE = "code"  # a code of one of our lists, at most 10 characters
    MASKED_ID = "masked_id"
    MASKED_NAME = "masked_name"
    RESIDENT_ID = "resident_id"  # never in a public table
    TEXT = "text"  # names, titles, document numbers, free text: scanned for every pattern
    DATE = "date"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    AMOUNT = "amount"
    LIST = "list"  # nested values: scanned as text


class Expectation(Closed):
    """One GX expectation. `caught` is the smallest change of a healthy table that it alone notices.

    `caught` is {set: {column: value}} on the first row, {repeat: {column: value}} for a copy of the
    first row with those changes, or {empty: true}; the tests apply it.
    """

    id: str
    type: str
    arguments: dict[str, Any] = {}
    when: dict[str, str] = {}  # only rows where these columns have these values
    severity: Literal["critical", "warning"] = "critical"
    why: str
    why_zh: str
    caught: dict[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns the expectation reads."""
        single = [self.arguments[k] for k in ("column", "column_A", "column_B") if k in self.arguments]
        return (*single, *self.arguments.get("column_list", ()), *self.when)


class Declaration(Closed):
    """One published table; `recount` tables may change rows in a takedown, the others only lose them."""

    table: str
    level: Literal["public", "gov_shared", "authorised", "internal"]
    owner: str
    grain: tuple[str, ...]
    takedown: Literal["removes", "recounts"]
    columns: dict[str, ColumnMeaning]
    lookup: tuple[str, ...] = ()  # columns the portal looks rows up by; indexed
    expectations: tuple[Expectation, ...]

    @model_validator(mode="after")
    def check_names(self) -> Self:
        """Every column named must be declared, ids are unique, and a public table holds no resident ID."""
        named = {*self.lookup, *self.grain, *(c for e in self.expectations for c in e.columns)}
        if unknown := sorted(named - set(self.columns)):
            raise ValueError(f"columns {unknown} are used but not listed under columns")
        ids = [e.id for e in self.expectations]
        if len(set(ids)) != len(ids):
            raise ValueError("two expectations have the same id")
        if self.level == "public" and ColumnMeaning.RESIDENT_ID in self.columns.values():
            raise ValueError("a public table has no column that means resident_id")
        return self


class Rules(Closed):
    """All declarations and envelopes of one gate run."""

    declarations: dict[str, Declaration]
    envelopes: dict[str, Any]

    @property
    def digest(self) -> str:
        """Return the hash of the rules; a verdict under other rules is another verdict."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_declaration(path: Path) -> Declaration:
    """Read one declaration; raises InvalidDeclaration."""
    try:
        declaration = Declaration.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise InvalidDeclaration(f"{path.name}: {error}") from error
    if declaration.table != path.stem:
        raise InvalidDeclaration(
            f"{path.name}: table is {declaration.table!r}; name the file after the table"
        )
    return declaration


def read_rules(suites: Path = SUITES, envelopes: Path = ENVELOPES) -> Rules:
    """Read all declarations and the envelopes."""
    declarations = [read_declaration(path) for path in sorted(suites.glob("*.yml"))]
    if not declarations:
        raise InvalidDeclaration(f"no declarations in {suites}; the gate would judge nothing")
    return Rules(
        declarations={d.table: d for d in declarations},
        envelopes=yaml.safe_load(envelopes.read_text("utf-8")),
    )
