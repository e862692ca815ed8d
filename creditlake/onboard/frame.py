"""What a draft says around its fields: subject, key, dates, checks, file pattern. All of it is to confirm."""

import re
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatch
from itertools import permutations
from pathlib import PurePath

from creditlake.catalog import Catalog
from creditlake.onboard import words
from creditlake.onboard.fields import FieldDraft, codes_of
from creditlake.onboard.keys import find_keys
from creditlake.onboard.shapes import is_number

PERSON_CLASSES = frozenset({"NATURAL", "PERSON"})  # a code list with one of them tells persons from others
REMAP = [{"when": "NATURAL", "uscc_prefix": "92", "becomes": "INDIVIDUAL_BUSINESS"}]
EARLIEST = "1949-10-01"
SUFFIXES = {"csv": (".csv", ".txt", ".dat"), "xlsx": (".xlsx",), "jsonl": (".jsonl", ".json", ".txt")}
START_OR_END = re.compile(r"(自|起|至|止|开始|结束|截止|起始|终止|from|to|start|end)")


def propose_subject(fields: Sequence[FieldDraft], catalog: Catalog) -> dict[str, object]:
    """Return the subject block: whom a row is about, by the types of its fields."""
    roles: dict[str, object] = {}
    class_field = next((f.code for f in fields if codes_of(f, catalog) & PERSON_CLASSES), None)
    own = [f for f in fields if not is_representative(f)]
    for role in ("name", "uscc", "org_code", "reg_no", "tax_id", "id_type", "id_no", "party_code"):
        found = next((f.code for f in own if f.type == role), None)
        if found:
            roles[role] = found
    representative = next((f.code for f in fields if f.type == "person_name" and f not in own), None)
    is_legal = bool(roles.keys() & {"uscc", "org_code", "reg_no", "tax_id"})
    if class_field and "name" in roles:
        remap = {"class_remap": REMAP} if "uscc" in roles and is_counterpart(fields) else {}
        head: dict[str, object] = {"kind": "counterpart", "class_field": class_field, **remap}
    elif is_legal:
        head = {"kind": "legal_entity"}
    elif "id_no" in roles:
        person = next((f.code for f in own if f.type == "person_name"), None)
        return {"kind": "natural_person", **roles, **({"name": person} if person else {})}
    else:
        return {"kind": "none"}
    return {**head, **roles, **({"legal_rep": representative} if representative else {})}


def is_representative(field: FieldDraft) -> bool:
    """Whether a field is about the person who represents the subject, not the subject."""
    return field.code.startswith("legal_rep") or field.column.says(words.REPRESENTATIVE)


def is_counterpart(fields: Iterable[FieldDraft]) -> bool:
    """Whether the classes are those of double publicity, whose individual businesses come as persons."""
    return any(f.guess.code_list == "counterpart_class" for f in fields)


def propose_keys(fields: Sequence[FieldDraft], catalog: Catalog) -> list[tuple[str, ...]]:
    """Return candidates of the natural key, best first."""
    customary = [contract.natural_key for contract in catalog.contracts.values()]
    usable = [f for f in fields if f.type != "change_flag"]
    return find_keys({f.code: f.column for f in usable}, {f.code: f.type for f in usable}, customary)


def propose_event_date(fields: Sequence[FieldDraft]) -> str | None:
    """Return the date on which what a row tells happened: a full column that is no end and no birthday."""
    dates = [
        f
        for f in fields
        if f.type == "date"
        and f.column.is_complete
        and not f.guess.open_ended
        and not f.column.says((*words.END, *words.BIRTH))
    ]
    telling = [f for f in dates if f.column.says(words.EVENT)]
    return next((f.code for f in (*telling, *dates)), None)


def propose_checks(fields: Sequence[FieldDraft], event_date: str | None) -> list[dict[str, object]]:
    """Return row checks that the sample's fields call for."""
    checks: list[dict[str, object]] = [
        {"check": "amount_range", "code": "V04", "fields": {"amount": f.code}, "minimum": "0"}
        for f in fields
        if f.type.startswith("decimal") and not f.column.share(lambda v: is_number(v) and v.startswith("-"))
    ]
    if event_date:
        future = {"check": "date_not_future", "code": "D01", "fields": {"date": event_date}}
        checks.append({**future, "minimum": EARLIEST})
        checks.append({"check": "not_after_received", "code": "D03", "fields": {"date": event_date}})
    for start, end in permutations([f for f in fields if f.type == "date"], 2):
        if is_pair(start.column.level, end.column.level):
            checks.append(
                {"check": "not_before", "code": "D02", "fields": {"date": end.code, "from": start.code}}
            )
    checks += [
        {"check": "is_test_data", "code": "T02", "fields": {"mark": f.code}, "values": list(words.TEST_MARKS)}
        for f in fields
        if f.column.level in words.TEST_MARK and f.type == "text"
    ]
    return checks


def is_pair(start: str, end: str) -> bool:
    """Whether two headers say the beginning and the end of one thing: 有效期自, 有效期至."""
    same = START_OR_END.sub("", start) == START_OR_END.sub("", end)
    return (
        same and start != end and any(w in end for w in words.END) and not any(w in start for w in words.END)
    )


def propose_pattern(
    files: Sequence[str], format_: str, name: str, catalog: Catalog, values: Collection[str]
) -> tuple[str, bool]:
    """Return (file pattern, whether the samples' names gave it); else one made of the dataset's own code.

    The part before the first digit names a dataset. A name that is nothing else but a cell's value, or that
    takes another dataset's files, is not used.
    """
    department, _, dataset = name.partition(".")
    stems = {re.split(r"\d", PurePath(file).stem)[0] for file in files}
    suffixes = {PurePath(file).suffix.lower() for file in files}
    suffix = suffixes.pop() if len(suffixes) == 1 and suffixes <= set(SUFFIXES[format_]) else f".{format_}"
    others = [c.delivery.file_pattern for c in catalog.contracts.values() if c.department == department]
    for stem in stems if len(stems) == 1 else ():
        if stem and stem.strip("_- ") not in values and is_free(f"{stem}*{suffix}", others):
            return f"{stem}*{suffix}", True
    own = [f"{prefix}{dataset}_*{suffix}" for prefix in ("", f"{department}_", "new_")]
    return next((pattern for pattern in own if is_free(pattern, others)), own[0]), False


def is_free(pattern: str, others: Sequence[str]) -> bool:
    """Whether a file pattern takes no file of other patterns, nor they of it."""
    sample = pattern.replace("*", "x")
    return not any(fnmatch(other.replace("*", "x"), pattern) or fnmatch(sample, other) for other in others)
