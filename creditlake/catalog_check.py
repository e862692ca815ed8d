"""Checks of the catalogue that span files: every name used somewhere must mean something.

A contract may be well-formed and still name a code list, a check or a department that does not exist.
Such a mistake would show up at night in a Spark job; here it is found when the officer saves the file.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from itertools import combinations
from typing import NamedTuple, get_args

from creditlake.catalog_model import Catalog, Parameter, RowCheckKind
from creditlake.contract import CODED_TYPES, Contract, RowCheck
from creditlake.delivery_check import check_options
from creditlake.marked_yaml import Location
from creditlake.rules import RuleRow

PARAMETERS = get_args(Parameter)
PERSON_TIERS = frozenset({"exact_resident_id", "exact_swapped_column"})  # only a full number links a person
RULE_FILES = {
    "publication_windows": ("rules/publication_windows.yml", "windows"),
    "transitions": ("rules/publication_windows.yml", "transitions"),
    "derived_severity": ("rules/publication_windows.yml", "derived_severity"),
    "list_terms": ("rules/list_terms.yml", "terms"),
    "masking": ("rules/masking.yml", "masking"),
    "redaction": ("rules/redaction.yml", "redaction"),
    "linking": ("rules/linking.yml", "tiers"),
}


class Found(NamedTuple):
    """One problem before its line is looked up."""

    file: str
    location: Location
    message: str
    cure: str


def file_of(contract: Contract) -> str:
    """Return where a contract lives below the catalogue's root."""
    return f"datasets/{contract.department}/{contract.dataset}.yml"


def find_problems(catalog: Catalog) -> Iterator[Found]:
    """Yield every problem that spans files; each single file is already known to be well-formed."""
    for contract in catalog.contracts.values():
        yield from check_delivery(catalog, contract)
        for option, message, cure in check_options(contract.delivery):
            yield Found(file_of(contract), ("delivery", option), message, cure)
        yield from check_headers(contract)
        yield from check_older_templates(contract)
        yield from check_codes(catalog, contract)
        yield from check_reference(catalog, contract)
        for number, check in enumerate(contract.row_checks):
            for part, message, cure in check_row_check(catalog, contract, check):
                yield Found(file_of(contract), ("row_checks", number, part), message, cure)
    for number, kind in enumerate(catalog.row_checks.values()):
        if kind.code not in catalog.defects:
            yield Found(
                "row_checks.yml",
                ("checks", number, "code"),
                f"no defect {kind.code!r}",
                "add it to defects.yml",
            )
    yield from check_rule_ids(catalog)
    yield from check_rule_codes(catalog)
    yield from check_rule_fields(catalog)
    yield from check_linking(catalog)
    yield from check_roles(catalog)
    yield from check_overlaps(catalog)


def check_delivery(catalog: Catalog, contract: Contract) -> Iterator[Found]:
    """The department exists, and no file belongs to two of its datasets."""
    file = file_of(contract)
    if contract.department not in catalog.departments:
        yield Found(
            file, ("name",), f"unknown department {contract.department!r}", "add it to departments.yml first"
        )
    pattern = contract.delivery.file_pattern
    for other in catalog.contracts.values():
        if other.department != contract.department or other.name <= contract.name:
            continue
        sample, other_sample = (p.replace("*", "x") for p in (pattern, other.delivery.file_pattern))
        if fnmatch(other_sample, pattern) or fnmatch(sample, other.delivery.file_pattern):
            message = f"file_pattern {pattern!r} also takes files of {other.name}"
            yield Found(
                file, ("delivery", "file_pattern"), message, "make the two patterns exclude each other"
            )


def check_headers(contract: Contract) -> Iterator[Found]:
    """A header of the delivered file means one field, or is listed as ignored."""
    owner: dict[str, str] = {}
    for name, field in contract.fields.items():
        for header in dict.fromkeys((field.source_name, *field.aliases)):
            first = owner.setdefault(header, name)
            if first != name:
                message = f"header {header!r} means {first} and {name}"
                yield Found(file_of(contract), ("fields", name), message, "keep it in one of them")
    for number, header in enumerate(contract.ignored_headers):
        place: Location = ("ignored_headers", number)
        if header in owner:
            message = f"header {header!r} is ignored and means {owner[header]}"
            yield Found(file_of(contract), place, message, "remove it from one of the two")
        elif contract.on_unknown_field == "stop":
            message = "ignored_headers has no effect under on_unknown_field: stop"
            yield Found(file_of(contract), place, message, "use on_unknown_field: ignore_listed")


def check_older_templates(contract: Contract) -> Iterator[Found]:
    """The headers by which an older template is known mean something in the present one."""
    known = {header for field in contract.fields.values() for header in (field.source_name, *field.aliases)}
    for number, template in enumerate(contract.older_templates):
        for place, header in enumerate(template.marks):
            if header not in known:
                yield Found(
                    file_of(contract),
                    ("older_templates", number, "marks", place),
                    f"header {header!r} belongs to no field",
                    "add it to the aliases of the field that it means",
                )


def check_codes(catalog: Catalog, contract: Contract) -> Iterator[Found]:
    """Code lists exist; conditions, defaults and remaps name codes of them."""
    file = file_of(contract)
    for name, field in contract.fields.items():
        place: Location = ("fields", name)
        if field.code_list and field.code_list not in catalog.code_lists:
            message = f"no code list {field.code_list!r}"
            yield Found(file, (*place, "code_list"), message, f"add code_lists/{field.code_list}.yml")
        if field.default is not None and field.code_list:
            yield from unknown_codes(catalog, contract, name, (field.default,), (*place, "default"))
        if field.type == "change_flag" and field.default not in (None, "I", "U", "D"):
            yield Found(file, (*place, "default"), f"default {field.default!r}", "use I, U or D")
        for key in ("required_when", "required_unless"):
            for other, values in getattr(field, key).items():
                yield from unknown_codes(catalog, contract, other, values, (*place, key, other))
    for number, remap in enumerate(contract.subject.class_remap):
        class_field = contract.subject.class_field or ""
        where: Location = ("subject", "class_remap", number)
        yield from unknown_codes(catalog, contract, class_field, (remap.when, remap.becomes), where)


def unknown_codes(
    catalog: Catalog, contract: Contract, field: str, values: Iterable[str], place: Location
) -> Iterator[Found]:
    """Yield the values that the code list of `field` does not have; a field without a list takes any."""
    contracted = contract.fields[field]
    code_list = catalog.code_lists.get(contracted.code_list or "")
    if contracted.type not in CODED_TYPES or code_list is None:
        return
    codes = [value.code for value in code_list.values]
    for value in values:
        if value not in codes:
            message = f"{value!r} is no code of {code_list.name}"
            yield Found(file_of(contract), place, message, f"use one of {', '.join(codes)}")


def check_reference(catalog: Catalog, contract: Contract) -> Iterator[Found]:
    """The referred dataset exists and its key has as many parts."""
    reference = contract.references
    if reference is None:
        return
    target = catalog.contracts.get(reference.dataset)
    if target is None:
        message = f"no dataset {reference.dataset!r}"
        yield Found(file_of(contract), ("references", "dataset"), message, "use the name of a contract")
    elif len(target.natural_key) != len(reference.key):
        message = f"the key of {target.name} is {list(target.natural_key)}"
        yield Found(file_of(contract), ("references", "key"), message, "name one field for each part of it")


def check_row_check(catalog: Catalog, contract: Contract, check: RowCheck) -> Iterator[tuple[str, str, str]]:
    """Yield (key, message, cure) where a row check differs from its definition in row_checks.yml."""
    kind = catalog.row_checks.get(check.check)
    if kind is None:
        yield "check", f"no row check {check.check!r}", f"use one of {', '.join(sorted(catalog.row_checks))}"
        return
    if check.code != kind.code:
        yield "code", f"{check.check} reports {kind.code}, not {check.code}", f"write {kind.code}"
    for role in kind.roles:
        if role not in check.fields:
            yield "fields", f"{check.check} needs a field for {role!r}", "name it"
    for role in check.fields:
        if role not in {*kind.roles, *kind.optional}:
            yield "fields", f"{check.check} reads no {role!r}", f"its roles are {', '.join(kind.roles)}"
    yield from check_parameters(kind, check)
    coded = {"uscc_matches_class": "class", "kind_needs_amount": "kinds", "minor": "class"}.get(check.check)
    if coded in check.fields:
        values = [value.partition(":")[0] for value in check.values]
        for found in unknown_codes(catalog, contract, check.fields[coded], values, ()):
            yield "values", found.message, found.cure


def check_parameters(kind: RowCheckKind, check: RowCheck) -> Iterator[tuple[str, str, str]]:
    """Yield the parameters that a check does not know; all but a bound may not be left out."""
    for parameter in PARAMETERS:
        given = bool(getattr(check, parameter))
        known = parameter in kind.parameters
        if given and not known:
            yield parameter, f"{check.check} has no {parameter}", "remove it"
        if known and not given and parameter in {"values", "tolerance"}:
            yield "check", f"{check.check} needs {parameter}: {kind.parameters[parameter]}", "add it"


def rule_rows(catalog: Catalog) -> Iterator[tuple[str, Location, RuleRow]]:
    """Yield (file, location, row) of every rule row."""
    for name, (file, section) in RULE_FILES.items():
        for number, row in enumerate(getattr(catalog.rules, name)):
            yield file, (section, number), row


def check_rule_ids(catalog: Catalog) -> Iterator[Found]:
    """A rule_id stands on published rows: it means one row for ever."""
    seen: dict[str, str] = {}
    for file, place, row in rule_rows(catalog):
        if row.rule_id in seen:
            message = f"rule_id {row.rule_id!r} is already used in {seen[row.rule_id]}"
            yield Found(file, place, message, "give the new version a new rule_id")
        seen[row.rule_id] = file


def check_rule_codes(catalog: Catalog) -> Iterator[Found]:
    """Conditions of publication windows name codes of the code lists they speak of."""
    lists = {
        "kinds_only": "penalty_kind",
        "kind": "penalty_kind",
        "domains": "domain",
        "procedures": "procedure_type",
        "procedure": "procedure_type",
        "severities": "severity",
        "counterpart_classes": "counterpart_class",
    }
    for file, place, row in rule_rows(catalog):
        for key, name in lists.items():
            given = getattr(row, key, None) or ()
            codes = (
                [value.code for value in catalog.code_lists[name].values]
                if name in catalog.code_lists
                else []
            )
            for value in (given,) if isinstance(given, str) else given:
                if value not in codes:
                    cure = f"use one of {', '.join(codes)}"
                    yield Found(file, (*place, key), f"{value!r} is no code of {name}", cure)
    regimes = {row.regime for row in catalog.rules.publication_windows}
    for number, transition in enumerate(catalog.rules.transitions):
        if transition.regime not in regimes:
            place = ("transitions", number, "regime")
            message = f"no window of regime {transition.regime!r}"
            yield Found(
                "rules/publication_windows.yml", place, message, f"use one of {', '.join(sorted(regimes))}"
            )


def check_rule_fields(catalog: Catalog) -> Iterator[Found]:
    """Datasets and fields that rules name exist."""
    for file, place, row in rule_rows(catalog):
        for number, name in enumerate(getattr(row, "fields", ())):
            dataset, _, field = name.rpartition(".")
            if dataset not in catalog.contracts or field not in catalog.contracts[dataset].fields:
                yield Found(file, (*place, "fields", number), f"no field {name!r}", "use <dataset>.<field>")
        pattern = getattr(row, "pattern", "")
        try:
            re.compile(pattern)
        except re.error as error:
            yield Found(
                file, (*place, "pattern"), f"not a regular expression: {error}", "correct the pattern"
            )
    for number, term in enumerate(catalog.rules.list_terms):
        if term.dataset is None:
            continue
        place = ("terms", number)
        contract = catalog.contracts.get(term.dataset)
        named = [("term_from", term.term_from)]
        named += [("applies_when", term.applies_when.field)] if term.applies_when else []
        if contract is None:
            message = f"no dataset {term.dataset!r}"
            yield Found("rules/list_terms.yml", (*place, "dataset"), message, "use the name of a contract")
            continue
        for key, field in named:
            if field not in contract.fields:
                message = f"{term.dataset} has no field {field!r}"
                yield Found("rules/list_terms.yml", (*place, key), message, "use a field of the dataset")


def check_linking(catalog: Catalog) -> Iterator[Found]:
    """Every tier speaks of every kind of subject, and a person is linked by a full number only."""
    file = "rules/linking.yml"
    kinds = ("LEGAL", "INDIVIDUAL_BUSINESS", "NATURAL")
    tiers = {row.tier: number for number, row in reversed(list(enumerate(catalog.rules.linking)))}
    for tier, number in tiers.items():
        given = {row.subject_kind for row in catalog.rules.linking if row.tier == tier}
        for kind in kinds:
            if kind not in given:
                yield Found(file, ("tiers", number), f"tier {tier} does not speak of {kind}", "add a row")
    for number, row in enumerate(catalog.rules.linking):
        if row.subject_kind == "NATURAL" and row.grade == "exact" and row.tier not in PERSON_TIERS:
            message = f"tier {row.tier} would link natural persons with grade exact"
            cure = (
                "only a full resident ID with an agreeing name proves a person: use review, or grade inferred"
            )
            yield Found(file, ("tiers", number, "outcome"), message, cure)


def check_roles(catalog: Catalog) -> Iterator[Found]:
    """Role sources name a snapshot, a register and fields that exist, and roles that have a row."""
    file = "rules/roles.yml"
    known = {role.code for role in catalog.rules.roles.roles}
    for number, source in enumerate(catalog.rules.roles.sources):
        place: Location = ("sources", number)
        register = catalog.contracts.get(source.subjects_of)
        if register is None or register.subject.kind != "register_legal":
            message = f"{source.subjects_of!r} is no register of organisations"
            yield Found(file, (*place, "subjects_of"), message, "use the dataset that creates the subjects")
        contract = catalog.contracts.get(source.dataset)
        if contract is None or contract.delivery.kind != "full_snapshot":
            message = f"{source.dataset!r} is no dataset that comes whole"
            cure = "name a dataset of kind full_snapshot: only absence from it ends a role"
            yield Found(file, (*place, "dataset"), message, cure)
            continue
        for meaning, field in source.fields.items():
            if field not in contract.fields:
                message = f"{source.dataset} has no field {field!r}"
                yield Found(file, (*place, meaning), message, "use a field of the dataset")
        if source.role and source.role not in known:
            yield Found(file, (*place, "role"), f"no role {source.role!r}", "add it to roles")
    for number, term in enumerate(catalog.rules.list_terms):
        for role in term.responsible.roles if term.responsible else ():
            if role not in known:
                where: Location = ("terms", number, "responsible", "roles")
                yield Found(
                    "rules/list_terms.yml", where, f"no role {role!r}", "use a role of rules/roles.yml"
                )


def check_overlaps(catalog: Catalog) -> Iterator[Found]:
    """On any day one row decides: rows of equal key must not be in force together."""
    rules = catalog.rules
    keys: list[tuple[str, list[tuple[object, ...]]]] = [
        ("publication_windows", [(row.regime, row.priority) for row in rules.publication_windows]),
        ("derived_severity", [(row.procedure, row.kind) for row in rules.derived_severity]),
        ("list_terms", [(row.list_code, row.priority) for row in rules.list_terms]),
        ("masking", [(row.element,) for row in rules.masking]),
        ("linking", [(row.tier, row.subject_kind) for row in rules.linking]),
    ]
    for name, row_keys in keys:
        file, section = RULE_FILES[name]
        rows: tuple[RuleRow, ...] = getattr(rules, name)
        for (i, first), (j, second) in combinations(enumerate(rows), 2):
            if row_keys[i] == row_keys[j] and overlap(first, second):
                message = f"{second.rule_id} and {first.rule_id} are in force together"
                yield Found(file, (section, j), message, "end the older row the day before the newer begins")


def overlap(first: RuleRow, second: RuleRow) -> bool:
    """Return whether two rows share a day."""
    return first.in_force(second.effective_from) or second.in_force(first.effective_from)
