"""The workbook in which people decide (人工复核清单): its columns, its rows, and how it is read back.

Only four columns are asked for; the others say what the machine knows. Whatever a department delivered is
text here, never a formula (`workbook`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from creditlake.catalog import Catalog
from creditlake.contract import NUMBER_SLOTS
from creditlake.explain import DETAILS_ZH
from creditlake.judgements import Decision
from creditlake.review.queue import Candidate, ReviewItem
from creditlake.workbook import SheetRow, make_workbook

TITLE = "人工复核"
NUMBER, STATE = "复核编号", "清单版本"
DECISION, SUBJECT, REASON, REVIEWER = "决定", "主体标识", "理由", "复核人"
SLOTS_ZH = {
    "uscc": "统一社会信用代码",
    "org_code": "组织机构代码",
    "reg_no": "工商注册号",
    "tax_id": "纳税人识别号",
    "id_no": "证件号码",
}
HEADER = (
    NUMBER, "记录数", "疑点", "当事人类别", "报送名称", *SLOTS_ZH.values(), "号码核验", "候选主体",
    "法定期限", "最早收到日期", "涉及数据", STATE, DECISION, SUBJECT, REASON, REVIEWER,
)  # fmt: skip
DECISIONS = {"归入": Decision.LINK, "不是该主体": Decision.NOT_THIS, "不归入任何主体": Decision.NONE}
SOUND = ("valid", "missing", "")


class ReviewRefused(Exception):
    """The file as a whole cannot be taken; the message says why and what to do."""


@dataclass(frozen=True)
class DecidedRow:
    """One row of a workbook that came back, as text; empty where nothing was filled in."""

    row_no: int  # as the spreadsheet shows it
    number: str
    state: str
    decision: str
    subject: str
    reason: str
    reviewer: str

    @property
    def is_open(self) -> bool:
        """Whether nobody has written anything into it."""
        return not (self.decision or self.subject or self.reason)


def write_sheet(path: Path, catalog: Catalog, items: Sequence[ReviewItem]) -> None:
    """Write the queue as a workbook, in the order given; an existing file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    make_workbook(TITLE, HEADER, [SheetRow(sheet_values(catalog, item)) for item in items]).save(path)


def sheet_values(catalog: Catalog, item: ReviewItem) -> list[object]:
    """Return the cells of one group, without a decision."""
    kinds = {value.code: value.label for value in catalog.code_lists["counterpart_class"].values}
    unsound = [
        f"{SLOTS_ZH[slot]}{DETAILS_ZH.get(status, status)}"
        for slot, (_, status) in item.numbers.items()
        if status not in SOUND
    ]
    return [
        item.party,
        item.records,
        "；".join(doubt_texts(catalog, item.doubts)),
        kinds.get(item.kind or "", item.kind),
        item.name,
        *(item.numbers.get(slot, (None, ""))[0] for slot in NUMBER_SLOTS),
        "；".join(unsound) or None,
        "\n".join(map(candidate_text, item.candidates)) or None,
        item.deadline,
        item.received,
        "、".join(catalog.contracts[name].title for name in item.datasets),
        item.state,
        None,
        None,
        None,
        None,
    ]


def doubt_texts(catalog: Catalog, doubts: Sequence[str]) -> list[str]:
    """Return doubts in Chinese, in the order given."""
    texts = {row.doubt: row.text_zh for row in catalog.rules.doubts}
    return [texts[doubt] for doubt in doubts]


def candidate_text(candidate: Candidate) -> str:
    """Return a subject on one line: id, current name, kind, division."""
    facts = "，".join(text for text in (candidate.subject_type, candidate.division) if text)
    return f"{candidate.subject_id} {candidate.name}（{facts}）" if facts else candidate.subject_id


def read_sheet(path: Path) -> list[DecidedRow]:
    """Return the rows of a workbook that came back; ReviewRefused for a file that is none."""
    try:
        table = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, IndexError) as error:
        raise ReviewRefused(f"{path.name} is no workbook: {error}; save it as .xlsx") from error
    header = [as_text(cell) for cell in table[0]] if table else []
    wanted = (NUMBER, STATE, DECISION, SUBJECT, REASON, REVIEWER)
    missing = [name for name in wanted if header.count(name) != 1]
    if missing:
        raise ReviewRefused(
            f"{path.name}: row 1 must have each of the columns {'、'.join(missing)} exactly once; "
            "leave the header of the exported workbook as it is"
        )
    return list(decided_rows(table[1:], {name: header.index(name) for name in wanted}))


def decided_rows(rows: Sequence[Sequence[object]], places: Mapping[str, int]) -> Iterator[DecidedRow]:
    """Yield every row that is not blank."""
    for row_no, row in enumerate(rows, start=2):
        cells = {name: as_text(row[place]) if place < len(row) else "" for name, place in places.items()}
        if any(cells.values()):
            yield DecidedRow(row_no, *cells.values())


def as_text(cell: object) -> str:
    """Return a cell as text without surrounding blanks, a whole number without its decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()
