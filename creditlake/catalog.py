"""Load and check the catalogue: departments, dataset contracts, code lists, rules and defects.

Everything an officer maintains is under `catalog/`. One reader serves two users: `load_catalog` for
programs (all or nothing) and `check_catalog` for officers (every problem with file, line and cure).
The digest of a contract covers all that can change the outcome of standardising one of its batches,
so that a mended code list makes the waiting batches current work again.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from creditlake.contract import Code, Contract, Strict
from creditlake.marked_yaml import Document, Location, YamlProblem, read_document
from creditlake.normalise import Normalisation, NormalisationError, load_normalisation

ModelType = TypeVar("ModelType", bound=BaseModel)


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in the catalogue; `file` is relative to the catalogue's root, `line` is 1-based."""

    file: str
    line: int
    message: str
    cure: str

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


class RowCheckKind(Strict):
    """A check that contracts may name: the roles it reads and what its parameters mean."""

    check: Code
    code: str
    roles: tuple[str, ...]
    optional: tuple[str, ...] = ()
    parameters: dict[Literal["values", "minimum", "maximum", "tolerance"], str] = {}
    what: str


class Defect(Strict):
    """One code of the defect catalogue: B blocks the batch, E refuses, H holds, W passes the row.

    `other_level` applies when `other_level_when` holds.
    """

    code: str = Field(pattern=r"^[A-Z][0-9]{2}$")
    level: Literal["B", "E", "H", "W"]
    other_level: Literal["B", "E", "H", "W"] | None = None
    other_level_when: Literal["increment", "warn_bounds", "factor_10000", "unsourced_length"] | None = None
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
    departments: tuple[Department, ...] = Field(min_length=1)


class RowCheckFile(Strict):
    checks: tuple[RowCheckKind, ...]


class DefectFile(Strict):
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

    def digest(self, contract: Contract) -> str:
        """Return the sha256 over all that decides the outcome of standardising this dataset's batches.

        The contract, its code lists, the character table and the defect levels; messages and owners of
        other datasets do not count.
        """
        used = sorted({f.code_list for f in contract.fields.values() if f.code_list})
        parts = {
            "contract": contract.model_dump(mode="json"),
            "code_lists": [self.code_lists[name].model_dump(mode="json") for name in used],
            "normalisation": sorted(self.normalisation.items()),
            "fillers": sorted(self.fillers),
            "levels": {d.code: (d.level, d.other_level, d.outcome) for d in self.defects.values()},
        }
        text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def department_contracts(self, department: str) -> list[Contract]:
        """Return the contracts of one department; an unknown department is a KeyError."""
        self.departments[department]
        return [c for c in self.contracts.values() if c.department == department]


@dataclass
class Reader:
    """Reads files below `root` and collects problems instead of raising them."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)

    def report(self, file: str, location: Location, message: str, cure: str) -> None:
        """Note one problem at the line of `location` in `file`."""
        document = self.documents.get(file)
        self.problems.append(Problem(file, document.line_of(location) if document else 1, message, cure))

    def read(self, file: str, model: type[ModelType]) -> ModelType | None:
        """Return one file as `model`, or None with its problems noted."""
        path = self.root / file
        if not path.is_file():
            self.problems.append(Problem(file, 1, "the file is missing", "restore it from the repository"))
            return None
        try:
            self.documents[file] = read_document(path)
            return model.model_validate(self.documents[file].data)
        except YamlProblem as problem:
            self.problems.append(Problem(file, problem.line, problem.message, "mend the YAML"))
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                self.report(file, detail["loc"], *explain(detail["loc"], detail["type"], detail["msg"]))
        return None

    def read_folder(self, pattern: str, model: type[ModelType]) -> Iterator[tuple[str, ModelType]]:
        """Yield (file, model) of every readable file that matches, in name order."""
        for path in sorted(self.root.glob(pattern)):
            file = path.relative_to(self.root).as_posix()
            content = self.read(file, model)
            if content is not None:
                yield file, content


def explain(location: Location, kind: str, text: str) -> tuple[str, str]:
    """Return (message, cure) of one pydantic error in words an officer understands."""
    name = ".".join(str(step) for step in location) or "the file"
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", "remove it or correct its spelling; the JSON Schema lists all keys"
    if kind == "missing":
        return f"key {name!r} is missing", "add it"
    return f"{name}: {text.removeprefix('Value error, ')}", "correct the value"


def keyed(reader: Reader, file: str, model: type[BaseModel], section: str, key: str) -> dict[str, Any]:
    """Return the rows of a file's one section by their key; a repeated key is a problem of the file."""
    content = reader.read(file, model)
    result: dict[str, Any] = {}
    for number, row in enumerate(getattr(content, section) if content else ()):
        name = getattr(row, key)
        if name in result:
            reader.report(file, (section, number), f"{key} {name!r} is given twice", "keep one of them")
        result[name] = row
    return result


def read_normalisation(reader: Reader) -> Normalisation:
    """Return the character table, or an empty one with its problem noted."""
    file = "normalisation.yml"
    try:
        reader.documents[file] = read_document(reader.root / file)
        return load_normalisation(reader.root / file)
    except YamlProblem as problem:
        reader.problems.append(Problem(file, problem.line, problem.message, "mend the YAML"))
    except FileNotFoundError:
        reader.problems.append(Problem(file, 1, "the file is missing", "restore it from the repository"))
    except NormalisationError as error:
        message = str(error).removeprefix(f"{reader.root / file}: ")
        reader.report(file, (message.split(":")[0],), message, "mend the entry named")
    return Normalisation(mapping={}, fillers=frozenset())


def read_catalog(root: Path) -> tuple[Catalog, list[Problem]]:
    """Read everything that can be read; the catalogue is usable only if there are no problems."""
    reader = Reader(root)
    code_lists: dict[str, CodeList] = {}
    for file, code_list in reader.read_folder("code_lists/*.yml", CodeList):
        if code_list.name != Path(file).stem:
            message = f"name {code_list.name!r} differs from the file's"
            reader.report(file, ("name",), message, f"use {Path(file).stem}")
        code_lists[code_list.name] = code_list
    contracts: dict[str, Contract] = {}
    for _file, contract in reader.read_folder("datasets/*/*.yml", Contract):
        contracts[contract.name] = contract
    table = read_normalisation(reader)
    catalog = Catalog(
        root=root,
        departments=keyed(reader, "departments.yml", DepartmentFile, "departments", "code"),
        contracts=contracts,
        code_lists=code_lists,
        row_checks=keyed(reader, "row_checks.yml", RowCheckFile, "checks", "check"),
        defects=keyed(reader, "defects.yml", DefectFile, "defects", "code"),
        normalisation=dict(table.mapping),
        fillers=table.fillers,
    )
    return catalog, sorted(reader.problems)


def load_catalog(root: Path) -> Catalog:
    """Return the catalogue below `root`; raises CatalogError with every problem."""
    catalog, problems = read_catalog(root)
    if problems:
        raise CatalogError(problems)
    return catalog


def check_catalog(root: Path) -> list[Problem]:
    """Return every problem of the catalogue below `root`, sorted by file and line; none means it loads."""
    return read_catalog(root)[1]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a dataset contract, for editors that complete and check while typing."""
    return Contract.model_json_schema()
