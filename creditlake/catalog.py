"""Load and check the catalogue that officers maintain under `catalog/`.

One reader serves two users: `load_catalog` for programs (all or nothing) and `check_catalog` for
officers (every problem with file, line and cure). First each file is read into its model; what spans
files (`creditlake.catalog_check`) is checked only when all of them could be read.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from creditlake.calendar import CalendarError, WorkCalendar, load_calendar
from creditlake.catalog_check import find_problems
from creditlake.catalog_model import (
    Catalog,
    CatalogError,
    CodeList,
    CodeValue,
    Defect,
    DefectFile,
    Department,
    DepartmentFile,
    Problem,
    RowCheckFile,
    RowCheckKind,
)
from creditlake.contract import Contract
from creditlake.marked_yaml import Document, Location, YamlProblem, read_document
from creditlake.normalise import Normalisation, NormalisationError, load_normalisation
from creditlake.role_rules import RoleFile
from creditlake.rules import LinkingFile, ListTermFile, MaskingFile, RedactionFile, Rules, WindowFile

__all__ = [
    "QUESTION",
    "Catalog",
    "CatalogError",
    "CodeList",
    "CodeValue",
    "Defect",
    "Department",
    "Problem",
    "RowCheckKind",
    "check_catalog",
    "json_schema",
    "load_catalog",
    "load_drafted",
]
QUESTION = "# ? "  # a line that begins so asks what a draft left open
ANSWER = "answer it in the file and remove the line"
ModelType = TypeVar("ModelType", bound=BaseModel)


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
    if kind == "string_type":
        return (
            f"{name}: {text}",
            'YAML reads a bare 16:30, 0012 or 2026-01-01 as something else: write it "quoted"',
        )
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


def keyed_by_file(reader: Reader, pattern: str, model: type[ModelType]) -> dict[str, ModelType]:
    """Return one-thing-per-file models by name; the path must say the same name."""
    result: dict[str, ModelType] = {}
    for file, content in reader.read_folder(pattern, model):
        path_name = ".".join(Path(file).with_suffix("").parts[1:])
        name: str = getattr(content, "name")  # noqa: B009 — the type variable has no such attribute
        if name != path_name:
            reader.report(
                file,
                ("name",),
                f"name {name!r} differs from the path",
                f"use {path_name!r}, or move the file",
            )
        result[name] = content
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


def read_calendar(reader: Reader) -> WorkCalendar:
    """Return the working days, or a calendar of no year with its problem noted."""
    file = "calendar.yml"
    try:
        reader.documents[file] = read_document(reader.root / file)
        return load_calendar(reader.root / file)
    except YamlProblem as problem:
        reader.problems.append(Problem(file, problem.line, problem.message, "mend the YAML"))
    except FileNotFoundError:
        reader.problems.append(Problem(file, 1, "the file is missing", "restore it from the repository"))
    except CalendarError as error:
        message = str(error).removeprefix(f"{reader.root / file}: ")
        year = message.split(":")[0]
        reader.report(file, ("years", year), message, "correct the year's lists")
    return WorkCalendar(first_year=1, last_year=0, closed=frozenset(), worked=frozenset())


def read_rules(reader: Reader) -> Rules:
    """Return the rule rows of every file that could be read."""
    windows = reader.read("rules/publication_windows.yml", WindowFile)
    terms = reader.read("rules/list_terms.yml", ListTermFile)
    masking = reader.read("rules/masking.yml", MaskingFile)
    redaction = reader.read("rules/redaction.yml", RedactionFile)
    linking = reader.read("rules/linking.yml", LinkingFile)
    roles = reader.read("rules/roles.yml", RoleFile)
    return Rules(
        publication_windows=windows.windows if windows else (),
        transitions=windows.transitions if windows else (),
        derived_severity=windows.derived_severity if windows else (),
        list_terms=terms.terms if terms else (),
        masking=masking.masking if masking else (),
        redaction=redaction.redaction if redaction else (),
        linking=linking.tiers if linking else (),
        doubts=linking.doubts if linking else (),
        subject_types=linking.subject_types if linking else {},
        roles=roles or RoleFile(),
        full_name_endings=linking.full_name_endings if linking else (),
    )


def read_catalog(root: Path) -> tuple[Catalog, list[Problem]]:
    """Read everything that can be read; the catalogue is usable only if there are no problems.

    Where every problem is an open question of a draft, contract and catalogue are whole all the same, and
    may be tried and shown, but not worked by.
    """
    reader = Reader(root)
    code_lists = keyed_by_file(reader, "code_lists/*.yml", CodeList)
    contracts = keyed_by_file(reader, "datasets/*/*.yml", Contract)
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
        calendar=read_calendar(reader),
        rules=read_rules(reader),
    )
    if not reader.problems:
        for found in find_problems(catalog):
            reader.report(*found)
    return catalog, sorted([*reader.problems, *open_questions(root)])


def open_questions(root: Path) -> Iterator[Problem]:
    """Yield the questions that drafts have left open: what is not answered may not be collected."""
    for pattern in ("datasets/*/*.yml", "code_lists/*.yml"):
        for path in sorted(root.glob(pattern)):
            file = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), start=1):
                text = line.strip()
                if text.startswith(QUESTION):
                    question = text.removeprefix(QUESTION)
                    yield Problem(file, number, f"open question: {question}", ANSWER, is_question=True)


def load_catalog(root: Path) -> Catalog:
    """Return the catalogue below `root`; raises CatalogError with every problem.

    Read again only when a file has changed: it takes a second, and a step asks for it often.
    """
    return load_files(root, tuple((path, stat.st_mtime_ns, stat.st_size) for path, stat in stat_files(root)))


def stat_files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield every file of the catalogue with its time and size."""
    for path in sorted(root.rglob("*.yml")):
        yield path, path.stat()


@lru_cache(maxsize=2)
def load_files(root: Path, _state: tuple[tuple[Path, int, int], ...]) -> Catalog:
    """Return the catalogue whose files are in this state."""
    catalog, problems = read_catalog(root)
    if problems:
        raise CatalogError(problems)
    return catalog


def load_drafted(root: Path) -> Catalog:
    """Return the catalogue below `root` with its drafts, to look at; open questions are no obstacle here."""
    catalog, problems = read_catalog(root)
    mistakes = [problem for problem in problems if not problem.is_question]
    if mistakes:
        raise CatalogError(mistakes)
    return catalog


def check_catalog(root: Path) -> list[Problem]:
    """Return every problem of the catalogue below `root`, sorted by file and line; none means it loads."""
    return read_catalog(root)[1]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a dataset contract, for editors that complete and check while typing."""
    return Contract.model_json_schema()
