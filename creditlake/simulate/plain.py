"""Plain deliveries of any dataset, made from its contract alone: for what has no simulator of its own.

Every row is about a registered subject and without a defect: every mandatory field is filled, most others
are, values come from the contract's types, code lists and checks. So a contract is tried out the day it is
written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from creditlake.catalog import Catalog
from creditlake.contract import CODED_TYPES, Contract, FieldContract, RowCheck
from creditlake.identifiers import org_check_char, uscc_check_char

OPTIONAL_FILLED = 0.7
NATURAL_SHARE = 0.2  # of the rows of a dataset whose rows may be about either
FIRST_EVENT_DAYS, LAST_EVENT_DAYS = 300, 20  # how long before the delivery an event lies
AMOUNT_MAX = Decimal(90_000)
CLASS_CODES = {
    "legal": ("LEGAL", "ORGANISATION"),
    "shop": ("INDIVIDUAL_BUSINESS", "ORGANISATION"),
    "natural": ("NATURAL", "PERSON"),
}
PERSON_ROLES = frozenset({"id_type", "id_no"})
LEGAL_ROLES = frozenset({"uscc", "org_code", "reg_no", "tax_id", "legal_rep"})
ORGAN_WORDS = ("机关", "单位", "部门", "法院", "机构", "海关")
NEW_USCC_HEAD = "12990000"  # an institution of the city itself
FIRST_NEW_ORGAN = 70_000_000


@dataclass(frozen=True)
class PlainParty:
    """A registered subject: its kind (legal, shop, natural) and its numbers; what it has not is empty."""

    kind: str
    name: str
    uscc: str = ""
    org_code: str = ""
    reg_no: str = ""
    tax_id: str = ""
    legal_rep: str = ""
    id_no: str = ""
    source_key: str = ""


@dataclass(frozen=True)
class PlainDraws:
    """What the rows of one dataset are made with; `received` is the day of the delivery."""

    contract: Contract
    catalog: Catalog
    legal: Sequence[PlainParty]
    natural: Sequence[PlainParty]
    received: date
    seed: int

    def rows(self, first: int, count: int) -> Iterator[tuple[PlainParty, dict[str, str]]]:
        """Yield party and delivered text of every field, for `count` records from number `first` on."""
        for number in range(first, first + count):
            yield self.row(number)

    def row(self, number: int) -> tuple[PlainParty, dict[str, str]]:
        """Return one record; the same number gives the same record whenever it is delivered."""
        chance = Random(f"{self.seed}:{self.contract.name}:{number}")
        party = self.party(number, chance)
        texts = self.subject_texts(party)
        for name, field in self.contract.fields.items():
            if (
                field.type != "date"
                and name not in texts
                and (self.is_needed(name, field) or chance.random() < OPTIONAL_FILLED)
            ):
                texts[name] = self.text(name, field, number, chance)
        texts |= self.dates(number, chance)
        for check in self.contract.row_checks:
            texts |= self.agreeing(check, texts)
        return party, texts

    def party(self, number: int, chance: Random) -> PlainParty:
        """Return the subject of a record: neighbouring ones differ; a register brings subjects of its own."""
        kind = self.contract.subject.kind
        if kind == "register_legal":
            return new_entity(self.contract, number)
        is_natural = kind in ("natural_person", "register_natural")
        if kind == "counterpart" and not self.needs_legal():
            is_natural = chance.random() < NATURAL_SHARE
        parties = self.natural if is_natural else self.legal
        return parties[number % len(parties)]

    def needs_legal(self) -> bool:
        """Whether every row must give a number that only an organisation or a business has."""
        subject = self.contract.subject
        numbers = (subject.uscc, subject.org_code, subject.reg_no, subject.tax_id)
        return any(self.contract.fields[name].required for name in numbers if name)

    def subject_texts(self, party: PlainParty) -> dict[str, str]:
        """Return the fields that say whom the record is about."""
        subject = self.contract.subject
        roles = {"source_key": subject.source_key}  # where it is a number of the subject, that counts
        roles |= subject.model_dump(exclude={"kind", "class_field", "class_remap", "source_key"})
        texts: dict[str, str] = {}
        for role, name in roles.items():
            if name is None:
                continue
            if role == "party_code":
                texts[name] = party.id_no or party.org_code or party.uscc
            elif role == "id_type":
                texts[name] = self.label(name, ("RESIDENT_ID",)) if party.id_no else ""
            elif role in LEGAL_ROLES | PERSON_ROLES | {"name", "source_key"}:
                texts[name] = getattr(party, role) or texts.get(name, "")
        if subject.class_field:
            texts[subject.class_field] = self.label(subject.class_field, CLASS_CODES[party.kind])
        return texts

    def is_needed(self, name: str, field: FieldContract) -> bool:
        """Whether a field must not be left empty, whatever the other fields say."""
        conditional = field.required or field.required_when or field.required_unless
        return bool(conditional) or name in self.contract.natural_key

    def label(self, name: str, codes: tuple[str, ...]) -> str:
        """Return the label of the first of some codes that a field's code list has."""
        values = self.catalog.code_lists[str(self.contract.fields[name].code_list)].values
        return next(value.label for code in codes for value in values if value.code == code)

    def text(self, name: str, field: FieldContract, number: int, chance: Random) -> str:
        """Return the delivered text of a field that says nothing of the subject and is no date."""
        if field.type == "id_type":  # another person's, whose number is drawn below
            return self.label(name, ("RESIDENT_ID",))
        if field.type in CODED_TYPES:
            values = self.catalog.code_lists[str(field.code_list)].values
            return values[chance.randrange(len(values))].label
        if field.decimal:
            return str(Decimal(chance.randrange(100, 10_000)) / 100)
        other = self.legal[(number + 1) % len(self.legal)]
        person = self.natural[(number + 1) % len(self.natural)]
        organs = list(self.catalog.departments.values())
        organ = organs[number % len(organs)]
        made = {
            "uscc": other.uscc,
            "organ_uscc": organ.organ_uscc,
            "org_code": other.org_code,
            "reg_no": other.reg_no,
            "tax_id": other.tax_id,
            "id_no": person.id_no,
            "party_code": other.uscc,
            "name": other.name,
            "person_name": person.name,
            "doc_no": f"〔2026〕第{number + 1}号",
            "division": "990000",
            "flag": "是" if number % 2 else "否",
            "phone": "0990-0000000",
            "change_flag": "I",
            "integer": self.whole_number(name, number),
            "free_text": f"{field.title}：按规定办理，编号{number + 1}。",
        }.get(field.type)
        if made is None:
            is_organ = any(word in field.title for word in ORGAN_WORDS)
            made = organ.name_zh if is_organ else f"{field.title[:20]}{number + 1}"
        return made[-field.length.max :] if field.length else made

    def whole_number(self, name: str, number: int) -> str:
        """Return a year for a year, and for the others a small number; a key goes down with every round."""
        years_ago = number // max(1, len(self.legal)) if name in self.contract.natural_key else 0
        return str(2025 - years_ago) if "year" in name else str(1 + number % 200)

    def dates(self, number: int, chance: Random) -> dict[str, str]:
        """Return the date fields: in the past, and none before the one that it must follow."""
        checks = self.contract.row_checks
        follows = {c.fields["date"]: c.fields["from"] for c in checks if c.check == "not_before"}
        soon = {c.fields["date"] for c in checks if c.check == "within_working_days"}
        found: dict[str, date] = {}

        def place(name: str) -> date:
            if name not in found:
                start = self.received - timedelta(days=chance.randrange(LAST_EVENT_DAYS, FIRST_EVENT_DAYS))
                if name in soon:
                    start = self.received - timedelta(days=1)
                if name in follows:
                    start = min(place(follows[name]) + timedelta(days=chance.randrange(10)), self.received)
                found[name] = start
            return found[name]

        fields = [name for name, field in self.contract.fields.items() if field.type == "date"]
        kept = [n for n in fields if self.is_needed(n, self.contract.fields[n]) or chance.random() < 0.5]
        return {name: place(name).isoformat() for name in kept}

    def agreeing(self, check: RowCheck, texts: Mapping[str, str]) -> dict[str, str]:
        """Return the fields that a check over several fields wants otherwise."""
        match check.check:
            case "amount_range":
                name = check.fields["amount"]
                unit = self.contract.fields[name].multiply_by
                low, high = Decimal(check.minimum or 0), min(Decimal(check.maximum or AMOUNT_MAX), AMOUNT_MAX)
                return {name: f"{(low + high) / 2 / unit:f}"} if texts.get(name) else {}
            case "uscc_matches_class" if check.fields["class"] != self.contract.subject.class_field:
                name = check.fields["class"]
                prefix = texts[check.fields["uscc"]][:2]
                codes = self.catalog.code_lists[str(self.contract.fields[name].code_list)].values
                agreeing = [value.code for value in codes if f"{value.code}:{prefix}" not in check.values]
                return {name: self.label(name, tuple(agreeing))}
            case "minor" if not texts.get(check.fields["event"]):  # an age that cannot be told is a minor's
                return {check.fields["event"]: self.received.isoformat()}
            case "declared_public":
                declared = check.fields["declared"]
                return {declared: self.label(declared, check.values)} if texts.get(declared) else {}
            case "kind_needs_amount":
                kinds = check.fields["kinds"]
                values = self.catalog.code_lists[str(self.contract.fields[kinds].code_list)].values
                plain = next(value.label for value in values if value.code not in check.values)
                return {kinds: plain, check.fields["amount"]: ""}
        return {}


def new_entity(contract: Contract, number: int) -> PlainParty:
    """Return a subject that only this register knows."""
    place = sum(map(ord, contract.name)) % 1_000 * 10_000 + number
    org_body = str(FIRST_NEW_ORGAN + place)
    org_code = org_body + org_check_char(org_body)
    uscc = NEW_USCC_HEAD + org_code
    return PlainParty(
        "legal",
        name=f"市{contract.title[:8]}第{number + 1}中心",
        uscc=uscc + uscc_check_char(uscc),
        org_code=org_code,
        legal_rep="甲某某",
        source_key=f"{contract.dataset}-{number + 1}",
    )
