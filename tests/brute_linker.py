"""Linking once more, in plain Python: every number of a record against every number of the registers.

Written from docs/links.md and domain.md §2.9 and §2.10 as an oracle for the linker; it shares no code with it
but the checks of codes and the comparison form of names. No index, no hash, no join: a few thousand records
take a quarter of a minute.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from creditlake import identifiers as ids
from creditlake.identifiers import Graded, IdentifierStatus
from creditlake.names import normalise_name
from creditlake.normalise import is_filler
from tests.cities import DEFAULTERS, LICENCES, PENALTIES, RATINGS

Status = IdentifierStatus
MOST_CANDIDATES = 20
INTACT = (Status.VALID, Status.REPAIRED)
PROVES_NOTHING = (Status.MISSING, Status.PLACEHOLDER, Status.MASKED, Status.PRECISION_LOSS)
DAMAGED = (Status.SUSPECT, Status.INVALID)
NO_NUMBER = Graded(None, Status.MISSING)
# The tier that an intact number proves: (column, kind of number).
PROOFS = {
    ("uscc", "uscc"): "exact_uscc",
    ("org_code", "org_code"): "exact_org_code",
    ("reg_no", "reg_no"): "exact_reg_no",
    ("tax_id", "uscc"): "exact_tax_id",
    ("tax_id", "org_code"): "exact_tax_id",
    ("id_no", "resident_id"): "exact_resident_id",
}
SLOTS = ("uscc", "org_code", "reg_no", "tax_id", "id_no")
CLASSES = {
    "自然人": "NATURAL",
    "个人": "NATURAL",
    "个体工商户": "INDIVIDUAL_BUSINESS",
    "个体户": "INDIVIDUAL_BUSINESS",
}
# Columns of a party by dataset: name, class, uscc, org_code, reg_no, tax_id, id_type, id_no, representative.
COLUMNS = {
    PENALTIES: (
        "CF_XDR_MC", "CF_XDR_LB", "CF_XDR_SHXYM", "CF_XDR_ZZJG", "CF_XDR_GSZC", "CF_XDR_SWDJ", "CF_XDR_ZJLX",
        "CF_XDR_ZJHM", "CF_FRDB",
    ),
    LICENCES: (
        "行政相对人名称", "行政相对人类别", "行政相对人代码_1(统一社会信用代码)",
        "行政相对人代码_3(组织机构代码)", "行政相对人代码_2(工商注册号)", "行政相对人代码_4(税务登记号)",
        "证件类型", "证件号码", "法定代表人",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Party:
    """Whom a row names: kind, name in comparison form, and a graded number per column."""

    kind: str
    name: str | None
    numbers: Mapping[str, Graded]
    says_resident_id: bool
    representative: str | None = None

    @property
    def archive(self) -> str:
        """Natural persons have an archive of their own."""
        return "N" if self.kind == "NATURAL" else "L"


@dataclass
class Subject:
    """A registered subject; `numbers` are (kind, value, whether it passes its check)."""

    subject_id: str
    numbers: list[tuple[str, str, bool]] = field(default_factory=list)
    name: str = ""
    former: set[str] = field(default_factory=set)
    representatives: set[str] = field(default_factory=set)

    @property
    def archive(self) -> str:
        """First character of the id."""
        return self.subject_id[0]

    def bears(self, name: str | None) -> bool:
        """Whether it is or was called so."""
        return name is not None and (name == self.name or name in self.former)


@dataclass(frozen=True)
class Verdict:
    """What must become of a row."""

    status: str
    tier: str
    subject_id: str | None = None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registers:
    """All subjects, the policy ((tier, kind) -> auto, review or off), and how full enterprise names end."""

    subjects: list[Subject]
    policy: Mapping[tuple[str, str], str]
    full_name_endings: tuple[str, ...]

    def link(self, party: Party) -> Verdict:
        """Judge one party."""
        hits = {slot: self.hits(party, slot) for slot in SLOTS}
        owners = {subject.subject_id: subject for found in hits.values() for _, _, subject in found}
        if not owners:
            return self.link_without_owner(party)
        known = {slot: found for slot, found in hits.items() if found}
        tier = contradiction(party, known, list(owners.values()))
        namesakes: list[str] = []
        if tier == "name_conflict":
            if party.archive == "L":
                namesakes = self.legal_namesakes(party.name)
            tier = "name_code_conflict" if namesakes else "name_disagrees"
        tier = tier or proof(party, known)
        return self.decide(tier, party.kind, sorted(owners), namesakes)

    def hits(self, party: Party, slot: str) -> list[tuple[str, bool, Subject]]:
        """Find all registered numbers that equal the one in a column: kind, intact, owner."""
        value = comparable(party, slot)
        if value is None:
            return []
        found = [
            (kind, intact, subject)
            for subject in self.subjects
            for kind, number, intact in subject.numbers
            if number == value
        ]
        # a shop may be entered with its operator's own number; that makes the operator no party
        if (
            slot in ("tax_id", "id_no")
            and party.archive == "L"
            and any(k == "resident_id" for k, _, _ in found)
        ):
            return []
        return found

    def legal_namesakes(self, name: str | None) -> list[str]:
        """Find the organisations that are or were called so."""
        return sorted(s.subject_id for s in self.subjects if s.archive == "L" and s.bears(name))[
            :MOST_CANDIDATES
        ]

    def link_without_owner(self, party: Party) -> Verdict:
        """No column has a registered number: is one of them a registered number with one slip?"""
        statuses = [graded.status for graded in party.numbers.values()]
        if any(status in INTACT for status in statuses):
            return self.decide("register_absent", party.kind, [], [])
        if Status.MASKED in statuses:
            return self.decide("masked_number", party.kind, [], [])
        near = self.near_numbers(party)
        named = any(
            subject.bears(party.name) for _, owners in near.items() for subject in owners if len(owners) == 1
        )
        if not near or not named or (party.archive == "N" and not party.says_resident_id):
            return self.link_by_name(party, statuses)
        owners = sorted({subject.subject_id for found in near.values() for subject in found})
        alone = len(near) == 1 and len(owners) == 1
        return self.decide("one_edit_away" if alone else "several_near", party.kind, owners, [])

    def link_by_name(self, party: Party, statuses: list[Status]) -> Verdict:
        """Nothing is left but the name: a full one that somebody bears is at least worth a question."""
        bearers = self.legal_namesakes(party.name) if party.archive == "L" else []
        if not bearers or not str(party.name).endswith(self.full_name_endings):
            return self.decide("name_only", party.kind, [], [])
        has_number = any(status in (*DAMAGED, Status.PRECISION_LOSS) for status in statuses)
        sole = [subject for subject in self.subjects if bearers == [subject.subject_id]]
        agrees = any(party.representative in subject.representatives for subject in sole)
        return self.decide(
            "unique_name" if agrees and not has_number else "name_alone", party.kind, bearers, []
        )

    def near_numbers(self, party: Party) -> dict[str, list[Subject]]:
        """Find the registered numbers one edit away from a damaged one, with their owners."""
        slot, kind = ("uscc", "uscc") if party.archive == "L" else ("id_no", "resident_id")
        damaged = party.numbers[slot]
        if damaged.status not in DAMAGED or damaged.value is None:
            return {}
        near: dict[str, list[Subject]] = {}
        for subject in self.subjects:
            for other, number, intact in subject.numbers:
                if other == kind and intact and is_one_edit(damaged.value, number):
                    near.setdefault(number, []).append(subject)
        return near

    def decide(self, tier: str, kind: str, owners: list[str], namesakes: list[str]) -> Verdict:
        """Let the policy say what becomes of a tier; without a candidate there is nothing to review."""
        outcome = self.policy.get((tier, kind), "off")
        if outcome == "auto":
            return Verdict("auto", tier, owners[0])
        if outcome == "off" or not owners:
            return Verdict("unlinked", tier)
        candidates = list(dict.fromkeys([*owners, *namesakes]))[:MOST_CANDIDATES]
        return Verdict("review", tier, None, tuple(candidates))


def comparable(party: Party, slot: str) -> str | None:
    """Return what may be looked up: of a 15-character tax number its organisation code."""
    value, status = party.numbers[slot]
    if value is None or status in PROVES_NOTHING:
        return None
    return value[6:] if slot == "tax_id" and len(value) == 15 and status is Status.VALID else value


def contradiction(
    party: Party, known: Mapping[str, list[tuple[str, bool, Subject]]], owners: list[Subject]
) -> str | None:
    """Return the gravest contradiction of a row with registered numbers."""
    if any(len({subject.subject_id for _, _, subject in found}) > 1 for found in known.values()):
        return "several_owners"
    if len(owners) > 1 or owners[0].archive != party.archive:
        return "codes_disagree"
    if party.archive == "N" and not party.says_resident_id:
        return "suspect_code"
    if party.name is None:
        return "name_disagrees"
    return None if owners[0].bears(party.name) else "name_conflict"


def proof(party: Party, known: Mapping[str, list[tuple[str, bool, Subject]]]) -> str:
    """Return what agreeing numbers prove: the first intact one in its own column, then one in another's."""
    intact = {
        slot: found[0][0]
        for slot, found in known.items()
        if found[0][1] and party.numbers[slot].status is not Status.REPAIRED
    }
    for (slot, kind), tier in PROOFS.items():
        if intact.get(slot) == kind:
            return tier
    if intact:
        return "exact_swapped_column"
    return "repaired_number" if any(found[0][1] for found in known.values()) else "suspect_code"


def is_one_edit(damaged: str, number: str) -> bool:
    """Whether one wrong, swapped, lost or added character turns a number into the damaged one."""
    lengths = len(damaged), len(number)
    if abs(lengths[0] - lengths[1]) > 1:
        return False
    start = 0
    while start < min(lengths) and damaged[start] == number[start]:
        start += 1
    left, right = damaged[start:], number[start:]
    if len(left) < len(right):
        return left == right[1:]
    if len(left) > len(right):
        return left[1:] == right
    return left[1:] == right[1:] or (left[:2] == right[1::-1] and left[2:] == right[2:])


def read_party(dataset: str, row: Mapping[str, Any]) -> Party:
    """Read the party of a delivered row, as its contract declares the columns."""
    if dataset == DEFAULTERS:
        return read_defaulter(row)
    if dataset == RATINGS:
        numbers = {
            "uscc": ids.grade_uscc(row["统一社会信用代码"]),
            "tax_id": ids.grade_tax_id(row["纳税人识别号"]),
        }
        return make_party("LEGAL", row["纳税人名称"], numbers, False)
    name, class_text, uscc, org_code, reg_no, tax_id, id_type, id_no, representative = (
        text_of(row[column]) for column in COLUMNS[dataset]
    )
    kind = CLASSES.get(class_text or "", "LEGAL")
    of_other_document = id_type is not None and id_type != "身份证"
    numbers = {
        "uscc": ids.grade_uscc(uscc),
        "org_code": ids.grade_org_code(org_code),
        "reg_no": ids.grade_reg_no(reg_no),
        "tax_id": ids.grade_tax_id(tax_id),
        "id_no": ids.grade_other_document(id_no) if of_other_document else ids.grade_resident_id(id_no),
    }
    if kind == "NATURAL":
        numbers, moved = move_resident_id(uscc, numbers)
        code = numbers["uscc"]
        if not moved and code.status in INTACT and str(code.value).startswith("92"):
            kind = "INDIVIDUAL_BUSINESS"  # a shop filed as a person
    return make_party(kind, name, numbers, id_type == "身份证", representative)


def read_defaulter(row: Mapping[str, Any]) -> Party:
    """Read a court's row: one column for every kind of number, and the class says which it is."""
    is_person = row["partyTypeName"] == "0"
    code = ids.grade_party_code(row["cardNum"], is_person)
    numbers = {"id_no" if is_person else "uscc": code}
    kind = "NATURAL" if is_person else "LEGAL"
    return make_party(kind, row["iname"], numbers, True, row["businessEntity"])


def move_resident_id(uscc: str | None, numbers: dict[str, Graded]) -> tuple[dict[str, Graded], bool]:
    """Move a person's number from the column of unified codes to its own."""
    as_id, code, id_no = ids.grade_resident_id(uscc), numbers["uscc"], numbers["id_no"]
    alone = id_no.value is None and code.status in DAMAGED
    twice = id_no.status is Status.VALID and code.value == id_no.value
    if as_id.status is not Status.VALID or not (alone or twice):
        return numbers, False
    return {**numbers, "uscc": NO_NUMBER, "id_no": as_id}, True


def make_party(
    kind: str,
    name: str | None,
    numbers: Mapping[str, Graded],
    says_resident_id: bool,
    representative: str | None = None,
) -> Party:
    """Return a party with every column."""
    whole = {slot: numbers.get(slot, NO_NUMBER) for slot in SLOTS}
    texts = [text_of(text) for text in (name, representative)]
    forms = [normalise_name(text) if text else None for text in texts]
    return Party(kind, forms[0], whole, says_resident_id, forms[1])


def text_of(cell: object) -> str | None:
    """Return a cell's text, None where it says nothing."""
    text = str(cell).strip() if cell is not None else ""
    return None if is_filler(text) else text


def read_registers(
    legal: Iterable[Mapping[str, Any]],
    natural: Iterable[Mapping[str, Any]],
    changes: Iterable[Mapping[str, Any]],
    subject_id: Callable[[str, str], str],
) -> list[Subject]:
    """Make the subjects of the delivered snapshots and the change log.

    `subject_id` says the id of a subject from its archive and its register's own key.
    """
    subjects = {row["pripid"]: read_enterprise(row, subject_id("L", row["pripid"])) for row in legal}
    for row in changes:
        texts = {normalise_name(row[column]) for column in ("before_value", "after_value") if row[column]}
        if row["pripid"] in subjects and row["change_item"] == "名称变更":
            subjects[row["pripid"]].former |= texts
        if row["pripid"] in subjects and row["change_item"] == "法定代表人变更":
            subjects[row["pripid"]].representatives |= texts
    persons = []
    for row in natural:
        numbers = [("resident_id", row["id_no"], True)]
        person = Subject(subject_id("N", row["id_no"]), numbers, normalise_name(row["person_name"]))
        if row["former_name"]:
            person.former.add(normalise_name(row["former_name"]))
        persons.append(person)
    return [*subjects.values(), *persons]


def read_enterprise(row: Mapping[str, Any], subject_id: str) -> Subject:
    """Read a row of the legal register; the organisation code is in the unified code."""
    subject = Subject(subject_id, name=normalise_name(row["ent_name"]))
    subject.representatives.add(normalise_name(row["legal_rep_name"]))
    uscc, reg_no = ids.grade_uscc(row["uscc"]), ids.grade_reg_no(row["reg_no"])
    if uscc.value and uscc.status in (*INTACT, Status.SUSPECT):
        passes = uscc.status in INTACT
        subject.numbers += [("uscc", uscc.value, passes), ("org_code", uscc.value[8:17], passes)]
    if reg_no.value and reg_no.status in (*INTACT, Status.SUSPECT):
        subject.numbers.append(("reg_no", reg_no.value, reg_no.status in INTACT))
    return subject
