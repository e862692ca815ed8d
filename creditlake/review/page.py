"""A page per group of the review queue (人工复核单): what was delivered, whom it may mean, what is against.

For the reviewer, in Chinese, with the evidence that `explain-link` gathers; documents of natural persons are
masked as in the queue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from creditlake.builds import business_date_of
from creditlake.catalog import Catalog
from creditlake.duck import quote_name, quote_text
from creditlake.explain import DETAILS_ZH
from creditlake.judgements import find_rulings, list_judgements
from creditlake.names import normalise_name
from creditlake.review.explain import DECISIONS_ZH, Evidence, gather_evidence, read_row, suggested_subjects
from creditlake.review.masked import mask_number, mask_text, review_mask
from creditlake.review.queue import Candidate
from creditlake.review.rows import linked_datasets, open_rows
from creditlake.review.sheet import SLOTS_ZH, SOUND, doubt_texts
from creditlake.settings import Settings
from creditlake.storage import Lake, ObjectMissing

TEMPLATES = Path(__file__).parent
STATUS_ZH = {"auto": "机器已关联", "review": "待人工复核", "judged": "人工已归入", "unlinked": "未关联"}


@dataclass(frozen=True)
class SubjectLine:
    """A subject that a number or the name suggests: what speaks for it, and what against."""

    subject: Candidate
    holds: str
    name: str
    outcome: str


def make_page(lake: Lake, catalog: Catalog, chosen: Settings, build: str, party: str) -> str:
    """Return the HTML page of one group (复核编号) of a build; raises ObjectMissing for an unknown one."""
    datasets = linked_datasets(lake, chosen, build, f"party = {quote_text(party)}")
    if not datasets:
        raise ObjectMissing(
            f"build {build} has no doubtful or judged record of 复核编号 {party}: copy it whole from the"
            " exported workbook, or name the workbook's build (清单版本) with --build"
        )
    with open_rows(lake, catalog, chosen, build, datasets) as connection:
        records = [
            (catalog.contracts[name].title, *found)
            for name in datasets
            for found in connection.execute(
                "select links.record_id, links.file_name, links.row_no, rows.received_date"  # noqa: S608
                f" from linking.links as links inner join records.{quote_name(catalog.contracts[name].table)}"
                " as rows on rows.row_key = links.row_key where links.party = $party order by links.row_key",
                {"party": party},
            ).fetchall()
        ]
        row = read_row(connection, catalog.contracts[datasets[0]], records[0][1])
        evidence = gather_evidence(connection, catalog, row)
    judgements = [one for one in list_judgements(lake, business_date_of(build)) if one.party == party]
    ruling = find_rulings(judgements).get(party)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        party=party,
        build=build,
        status=STATUS_ZH[row["status"]],
        doubts=doubt_texts(catalog, row["doubts"]),
        rules=[
            rule
            for rule in catalog.rules.linking
            if (rule.tier, rule.subject_kind) == (row["tier"], row["subject_kind"])
        ],
        facts=list(delivered_facts(catalog, build, row)),
        numbers=list(number_lines(catalog, build, evidence)),
        subjects=list(subject_lines(evidence, ruling.excluded if ruling else ())),
        records=records,
        judgements=[(one, DECISIONS_ZH[one.decision]) for one in judgements],
        contradicted_by=row["contradicted_by"],
    )


def delivered_facts(catalog: Catalog, build: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the department wrote about the party beside its numbers."""
    mask = review_mask(catalog.rules, business_date_of(build))
    kinds = {value.code: value.label for value in catalog.code_lists["counterpart_class"].values}
    yield "当事人类别", kinds.get(row["subject_kind"], "未说明")
    yield "名称", mask_text(mask, row["name"]) or "未报送"
    if row["name_clean"]:
        yield "名称（比较形式）", mask_text(mask, normalise_name(row["name_clean"])) or ""
    if row["legal_rep"]:
        yield "法定代表人", mask_text(mask, row["legal_rep"]) or ""


def number_lines(
    catalog: Catalog, build: str, evidence: Evidence
) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield per delivered number: title, as delivered, as compared, how sound it is, who holds it."""
    mask, row = review_mask(catalog.rules, business_date_of(build)), evidence.row
    is_person = row["subject_kind"] == "NATURAL"
    for slot, title in SLOTS_ZH.items():
        if row[slot] is None:
            continue
        status = row[f"{slot}_status"] or "missing"
        delivered, compared = (
            mask_number(mask, slot, row[name], is_person=is_person) or "—" for name in (slot, f"{slot}_code")
        )
        sound = "校验通过" if status in SOUND else DETAILS_ZH.get(status, status)
        yield title, delivered, compared, sound, "、".join(evidence.holders[slot]) or "登记簿中没有"


def subject_lines(evidence: Evidence, excluded: tuple[str, ...]) -> Iterator[SubjectLine]:
    """Yield every subject that a number or the name suggests."""
    for subject in suggested_subjects(evidence):
        held = [SLOTS_ZH[slot] for slot, found in evidence.holders.items() if subject in found]
        is_current = evidence.bearers.get(subject)
        name = {None: "名称不符", True: "与现名一致", False: "与曾用名一致"}[is_current]
        outcome = "可供选择" if subject in evidence.row["candidates"] else "证据不足，不列为候选"
        if subject == evidence.row["subject_id"]:
            outcome = "已归入"
        elif subject in excluded:
            outcome = "人工已排除"
        shown = evidence.subjects.get(subject) or Candidate(subject, "", "", "")
        yield SubjectLine(shown, "、".join(held) or "不持有所报号码", name, outcome)
