"""`creditlake explain-link`: why a record is linked, in review or unlinked, in words a reviewer can check.

The evidence is gathered anew from the registers of the build, by other means than the machine's: whoever
reads it sees which subject holds which delivered number, who bears the name, and what people have decided.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from creditlake.builds import business_date_of
from creditlake.catalog import Catalog
from creditlake.contract import NUMBER_SLOTS, Contract
from creditlake.duck import quote_name, quote_text
from creditlake.explain import DETAILS_ZH
from creditlake.judgements import Decision, Judgement, find_rulings, list_judgements
from creditlake.names import normalise_name
from creditlake.review.masked import mask_number, mask_text, review_mask
from creditlake.review.queue import Candidate, read_subjects
from creditlake.review.rows import linked_datasets, open_rows, party_columns
from creditlake.review.sheet import DECISIONS, SLOTS_ZH, SOUND, candidate_text, doubt_texts
from creditlake.settings import Settings
from creditlake.storage import Lake, ObjectMissing

TAX15, DIVISION = 15, 6  # a tax number of 15 characters = division + organisation code
NAMESAKES = 20
DECISIONS_ZH = {decision: text for text, decision in DECISIONS.items()}


@dataclass(frozen=True)
class Evidence:
    """What the registers say about what was delivered: holders per slot, bearers of the name."""

    row: Mapping[str, Any]
    holders: Mapping[str, tuple[str, ...]]  # slot → subjects that hold the number
    bearers: Mapping[str, bool]  # subject → whether the name is its current one
    subjects: Mapping[str, Candidate]


def explain_link(lake: Lake, catalog: Catalog, chosen: Settings, build: str, record_id: str) -> list[str]:
    """Return lines about the newest row of a record in a build; raises ObjectMissing if it has no link."""
    found = linked_datasets(lake, chosen, build, f"record_id = {quote_text(record_id)}")
    if not found:
        raise ObjectMissing(
            f"build {build} has no link of record {record_id}: it is unknown, or of a register, or of a"
            " dataset about no subject"
        )
    contract = catalog.contracts[found[0]]
    with open_rows(lake, catalog, chosen, build, found) as connection:
        row = read_row(connection, contract, record_id)
        evidence = gather_evidence(connection, catalog, row)
    judgements = [one for one in list_judgements(lake, date.max) if one.party == row["party"]]
    return [
        f"record {record_id} of {contract.name} {contract.title}: {row['file_name']} row {row['row_no']},"
        f" received {row['received_date']}, build {build}",
        *section("delivered 报送", delivered_lines(catalog, build, row)),
        *section("numbers 号码", number_lines(catalog, build, evidence)),
        *section("link 关联", link_lines(catalog, row, evidence)),
        *section("subjects 主体", subject_lines(evidence, excluded_of(judgements, row))),
        *section("judgements 人工复核", judgement_lines(judgements, row)),
    ]


def section(title: str, lines: Iterator[str]) -> list[str]:
    """Return a titled block; `none` stands where there is nothing to say."""
    return [title, *(f"  {line}" for line in list(lines) or ["none 无"])]


def read_row(connection: duckdb.DuckDBPyConnection, contract: Contract, record_id: str) -> dict[str, Any]:
    """Return the newest row of a record with its link."""
    columns = ", ".join(f"{text} as {quote_name(name)}" for name, text in party_columns(contract).items())
    cursor = connection.execute(
        f"select links.*, rows.received_date, {columns} from linking.links as links"  # noqa: S608
        f" inner join records.{quote_name(contract.table)} as rows on rows.row_key = links.row_key"
        " where links.record_id = $record_id order by links.row_key desc limit 1",
        {"record_id": record_id},
    )
    names = [column[0] for column in cursor.description]
    row = cursor.fetchone()
    assert row is not None, "a link has its row"
    return dict(zip(names, row, strict=True))


def gather_evidence(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, row: Mapping[str, Any]
) -> Evidence:
    """Return who holds the delivered numbers, and which legal subjects, or holders, bear the name."""
    holders: dict[str, tuple[str, ...]] = {}
    for slot in NUMBER_SLOTS:
        code = row[f"{slot}_code"]
        if code and slot == "tax_id" and len(code) == TAX15 and row["tax_id_status"] == "valid":
            code = code[DIVISION:]
        rows = connection.execute(
            "select distinct subject_id from linking.identifiers"
            " where id_value = $code and known_to is null order by 1",
            {"code": code},
        ).fetchall()
        holders[slot] = tuple(subject for (subject,) in rows)
    involved = {row["subject_id"], *row["candidates"], *(one for found in holders.values() for one in found)}
    involved.discard(None)
    named = connection.execute(
        "select subject_id, bool_or(is_current) from linking.names where known_to is null"
        " and name_norm = $name and (subject_id like 'L%' or subject_id in (select unnest($involved)))"
        " group by 1 order by 1",
        {"name": normalise_name(row["name_clean"] or ""), "involved": sorted(involved)},
    ).fetchall()
    bearers = dict(named[:NAMESAKES]) | {subject: now for subject, now in named if subject in involved}
    return Evidence(row, holders, bearers, read_subjects(connection, catalog, involved | set(bearers)))


def delivered_lines(catalog: Catalog, build: str, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the department wrote, documents masked, and the form in which the name is compared."""
    mask = review_mask(catalog.rules, business_date_of(build))
    kinds = {value.code: value.label for value in catalog.code_lists["counterpart_class"].values}
    yield f"当事人类别: {kinds.get(row['subject_kind'], '未说明')}"
    yield f"名称: {mask_text(mask, row['name']) or '未报送'}"
    if row["name_clean"]:
        yield f"名称 compared as: {mask_text(mask, normalise_name(row['name_clean']))}"
    if row["legal_rep"]:
        yield f"法定代表人: {mask_text(mask, row['legal_rep'])}"
    for slot, title in SLOTS_ZH.items():
        if row[slot] is not None:
            shown = mask_number(mask, slot, row[slot], is_person=row["subject_kind"] == "NATURAL")
            yield f"{title}: {shown}"


def number_lines(catalog: Catalog, build: str, evidence: Evidence) -> Iterator[str]:
    """Yield per delivered number how sound it is and what it proves: why its tier linked, or did not."""
    mask = review_mask(catalog.rules, business_date_of(build))
    row = evidence.row
    for slot, title in SLOTS_ZH.items():
        status, holders = row[f"{slot}_status"] or "missing", evidence.holders[slot]
        if row[slot] is None:
            continue
        is_person = row["subject_kind"] == "NATURAL"
        code = mask_number(mask, slot, row[f"{slot}_code"], is_person=is_person) or "—"
        sound = (
            "valid"
            if status in SOUND
            else f"{status} ({DETAILS_ZH.get(status, status)}): proves nothing alone"
        )
        tier = "exact_resident_id" if slot == "id_no" else f"exact_{slot}"
        yield f"{title} (tier {tier}) normalised as {code}, {sound}; {proof(evidence, holders)}"


def proof(evidence: Evidence, holders: tuple[str, ...]) -> str:
    """Return what the holders of a number mean for the record."""
    if not holders:
        return "no register has it"
    if len(holders) > 1:
        return f"held by several subjects: {'、'.join(holders)}"
    holder = holders[0]
    if holder.startswith("N") != (evidence.row["subject_kind"] == "NATURAL"):
        return f"held by {holder}, of another kind than the party (当事人类别)"
    return f"held by {holder}; {agreement(evidence, holder)}"


def agreement(evidence: Evidence, subject: str) -> str:
    """Return how the delivered name fits a subject's."""
    if evidence.row["name_clean"] is None:
        return "no name was delivered"
    if subject not in evidence.bearers:
        return "its names differ (名称不符)"
    return (
        "the name is its current one (现名)"
        if evidence.bearers[subject]
        else "the name is a former one (曾用名)"
    )


def link_lines(catalog: Catalog, row: Mapping[str, Any], evidence: Evidence) -> Iterator[str]:
    """Yield the outcome, its rule and the doubts."""
    subject = evidence.subjects.get(row["subject_id"] or "")
    to = f" to {candidate_text(subject)}" if subject else ""
    yield f"{row['status']}{to}, tier {row['tier']}, grade {row['grade'] or '—'}"
    if row["evidence"]:
        yield f"evidence {row['evidence']}"
    for rule in catalog.rules.linking:
        if (rule.tier, rule.subject_kind) == (row["tier"], row["subject_kind"]):
            yield f"rule {rule.rule_id}: {rule.outcome}; {rule.proves}"
    for text in doubt_texts(catalog, row["doubts"]):
        yield f"疑点: {text}"
    if row["reason"] and not row["doubts"]:
        yield f"reason {row['reason']} {DETAILS_ZH.get(row['reason'], '')}".rstrip()
    if row["contradicted_by"]:
        yield (
            f"exact evidence now points to {row['contradicted_by']}; the judgement stands until a person"
            " decides anew"
        )


def subject_lines(evidence: Evidence, excluded: tuple[str, ...]) -> Iterator[str]:
    """Yield every subject that a number or the name suggests: what speaks for it, and what became of it."""
    for subject in suggested_subjects(evidence):
        held = [SLOTS_ZH[slot] for slot, found in evidence.holders.items() if subject in found]
        numbers = f"holds {'、'.join(held)}" if held else "holds no delivered number"
        outcome = "not linked"
        if subject == evidence.row["subject_id"]:
            outcome = "linked"
        elif subject in excluded:
            outcome = "excluded by judgement (不是该主体)"
        shown = candidate_text(evidence.subjects.get(subject) or Candidate(subject, "", "", ""))
        yield f"{shown}: {numbers}, {agreement(evidence, subject)}: {outcome}"


def suggested_subjects(evidence: Evidence) -> list[str]:
    """Return every subject that a number, the name or a person's decision suggests, by id."""
    holders = (subject for found in evidence.holders.values() for subject in found)
    linked = filter(None, [evidence.row["subject_id"]])
    return sorted({*evidence.row["candidates"], *evidence.bearers, *holders, *linked})


def excluded_of(judgements: list[Judgement], row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the subjects that the party's `not_this` exclude."""
    ruling = find_rulings(judgements).get(row["party"] or "")
    return ruling.excluded if ruling else ()


def judgement_lines(judgements: list[Judgement], row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the party's judgements, the newest last."""
    for one in judgements:
        state = (
            "applied in this build"
            if one.judgement_id == row["judgement_id"]
            else "not applied in this build"
        )
        subject = f" {one.subject_id}" if one.decision is not Decision.NONE else ""
        yield (
            f"{one.judgement_id} {one.business_date} {DECISIONS_ZH[one.decision]}{subject}"
            f" by {one.who}: {one.why} ({state})"
        )
