"""What linking needs of a record: the party that it names, as one shape for every dataset."""

from collections.abc import Mapping

from creditlake.contract import NUMBER_SLOTS as SLOTS
from creditlake.contract import Contract
from spark_jobs.duplicates import PLACE
from spark_jobs.engine import Column, DataFrame, F, join_hash
from spark_jobs.expressions import hmac_hex, normalise_name
from spark_jobs.near_numbers import is_damaged

# The class a row declares for its party -> the kind of subject that the policy speaks of.
SUBJECT_KINDS = {
    "LEGAL": "LEGAL",
    "ORGANISATION": "LEGAL",
    "INDIVIDUAL_BUSINESS": "INDIVIDUAL_BUSINESS",
    "NATURAL": "NATURAL",
    "PERSON": "NATURAL",
}
PARTY_HEX = 20


def is_linked(contract: Contract) -> bool:
    """Whether a dataset's records are linked: they name a party, and no register makes subjects of them."""
    return contract.subject.name is not None and not contract.subject.kind.startswith("register_")


def number_columns(contract: Contract) -> list[str]:
    """Return the columns of a dataset's records that say where one stands and which numbers it cites."""
    subject = contract.subject
    given = [name for slot in (*SLOTS, "party_code") if (name := getattr(subject, slot))]
    party_class = [subject.class_field] if subject.class_field else []
    return [*PLACE, *party_class, *given, *(f"{name}_status" for name in given)]


def party_columns(contract: Contract) -> list[str]:
    """Return the columns of a dataset's records that linking reads."""
    subject = contract.subject
    others = [name for name in (subject.name, subject.id_type, subject.legal_rep) if name]
    return ["record_id", *others, *number_columns(contract)]


def select_parties(records: DataFrame, contract: Contract, key: bytes) -> DataFrame:
    """Return what linking needs of a dataset's records: the row, its party, class, name and numbers.

    A number is kept with `<slot>_weak`: true if it was repaired, so that it can only suggest. A code
    column that holds a resident ID or a USCC by the row's class (court lists) goes to that slot. `party` is
    the same wherever the same kind, name and numbers (without any: representative) were delivered: what one
    judgement speaks of.
    """
    subject = contract.subject
    assert subject.name is not None
    kind = subject_kind(contract)
    archive = F.when(kind == "NATURAL", "N").otherwise("L")
    name = normalise_name(F.col(subject.name))
    numbers = {slot: slot_number(subject.model_dump(), slot, archive) for slot in SLOTS}
    documented = has_document(subject.id_type, subject.party_code)
    representative = F.lit(None).cast("string")
    if subject.legal_rep:  # a second fact only where there is no number
        representative = F.when(is_unnumbered(numbers), normalise_name(F.col(subject.legal_rep)))
    columns: list[Column | str] = [
        F.lit(contract.name).alias("dataset"),
        *PLACE,
        "record_id",
        party_digest([kind, documented.cast("string"), name, representative], numbers, key).alias("party"),
        kind.alias("subject_kind"),
        archive.alias("archive"),
        join_hash(name).alias("name_hash"),
        F.col(subject.name).isNotNull().alias("has_name"),
        F.when(representative.isNotNull(), join_hash(representative)).alias("representative_hash"),
    ]
    for slot, (value, status) in numbers.items():
        columns += slot_columns(slot, value, status)
    columns.append(documented.alias("has_document"))
    columns.append(damaged_number(numbers, archive).alias("damaged"))
    return records.select(*columns)


def number_hashes(contract: Contract) -> list[Column]:
    """Return the hash of the number in every slot of a dataset's records, null where there is none."""
    subject = contract.subject.model_dump()
    archive = F.when(subject_kind(contract) == "NATURAL", "N").otherwise("L")
    return [slot_columns(slot, *slot_number(subject, slot, archive))[0] for slot in SLOTS]


def is_unnumbered(numbers: Mapping[str, tuple[Column, Column]]) -> Column:
    """Whether a row came without any number."""
    return F.coalesce(*(value for value, _ in numbers.values())).isNull()


def party_digest(facts: list[Column], numbers: Mapping[str, tuple[Column, Column]], key: bytes) -> Column:
    """Return the keyed digest of a party; a number that a dataset does not ask for is a missing one."""
    for value, status in numbers.values():
        facts = [*facts, value, F.coalesce(status, F.lit("missing"))]
    texts = [F.coalesce(fact, F.lit("")) for fact in facts]
    return F.substring(hmac_hex(F.concat_ws("\x1f", F.lit("party"), *texts), key), 1, PARTY_HEX)


def subject_kind(contract: Contract) -> Column:
    """Return the kind of subject a row declares; a dataset of fixed kind declares it for all its rows."""
    subject = contract.subject
    if subject.class_field is None:
        return F.lit("NATURAL" if subject.kind == "natural_person" else "LEGAL")
    party = F.col(subject.class_field)
    kind = F.lit(None).cast("string")
    for declared, name in SUBJECT_KINDS.items():
        kind = F.when(party == declared, name).otherwise(kind)
    return kind


def slot_number(subject: Mapping[str, str | None], slot: str, archive: Column) -> tuple[Column, Column]:
    """Return the number in one slot and its status, both null where the dataset has no such column."""
    field, shared = subject[slot], subject["party_code"]
    if field is None and shared and slot in ("uscc", "id_no"):
        here = archive == ("L" if slot == "uscc" else "N")
        return F.when(here, F.col(shared)), F.when(here, F.col(f"{shared}_status"))
    if field is None:
        return F.lit(None).cast("string"), F.lit(None).cast("string")
    return F.col(field), F.col(f"{field}_status")


def damaged_number(numbers: Mapping[str, tuple[Column, Column]], archive: Column) -> Column:
    """Return the row's USCC, or a person's ID number, if it fails its check and may be one edit wrong."""
    uscc, id_no = numbers["uscc"], numbers["id_no"]
    return F.when((archive == "L") & is_damaged(*uscc), uscc[0]).when(
        (archive == "N") & is_damaged(*id_no), id_no[0]
    )


def slot_columns(slot: str, value: Column, status: Column) -> list[Column]:
    """Return the hash of the number in one slot, whether it is weak, and its status."""
    if slot == "tax_id":  # an intact one of 15 characters = division + organisation code
        value = F.when((F.length(value) == 15) & (status == "valid"), F.substring(value, 7, 9)).otherwise(
            value
        )
    return [
        F.when(
            value.isNotNull() & ~status.isin("placeholder", "masked", "precision_loss"), join_hash(value)
        ).alias(f"{slot}_hash"),
        (status == "repaired").alias(f"{slot}_weak"),
        status.alias(f"{slot}_status"),
    ]


def has_document(id_type: str | None, party_code: str | None) -> Column:
    """Whether the row says that its number is a resident ID; a court's code column says so by definition."""
    if id_type:
        return F.coalesce(F.col(id_type) == "RESIDENT_ID", F.lit(False))
    return F.lit(party_code is not None)
