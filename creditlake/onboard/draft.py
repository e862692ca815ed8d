"""Draft a contract from a department's sample files.

A draft says what was found and asks what cannot be found in a file: legal basis, owner, meaning, who may
see it. No delivered value stands in it but the labels of proposed code lists: questions speak of fields and
numbers of values. Nothing in a draft is public.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from creditlake.catalog import Catalog
from creditlake.onboard import words
from creditlake.onboard.fields import FieldDrafts, draft_fields
from creditlake.onboard.frame import (
    propose_checks,
    propose_event_date,
    propose_keys,
    propose_pattern,
    propose_subject,
)
from creditlake.onboard.known import KnownHeaders
from creditlake.onboard.sample import Grid, SampleProblem, Shape, agree_on_shape, read_sample
from creditlake.onboard.shapes import Column
from creditlake.onboard.table import Table, find_table

TITLE_MAX = 30
UNNAMED = "department.dataset"  # where no name was given: the draft is for reading only


@dataclass
class Draft:
    """Everything a drafted contract says; `questions` by the key of the contract above which they stand."""

    name: str
    title: str
    owner: str
    shape: Shape
    pattern: str
    header_row: int
    notes: tuple[str, ...]
    drafts: FieldDrafts
    subject: dict[str, object]
    keys: list[tuple[str, ...]]
    event_date: str | None
    change_field: str | None
    checks: list[dict[str, object]]
    rows: int
    files: int
    questions: dict[str, list[str]] = field(default_factory=dict)

    @property
    def natural_key(self) -> tuple[str, ...]:
        """The best candidate; without one the first field, and a question."""
        return self.keys[0] if self.keys else (self.drafts.fields[0].code,)

    def ask(self, place: str, question: str) -> None:
        """Add a question above a key of the contract."""
        self.questions.setdefault(place, []).append(question)


def draft_contract(paths: Sequence[Path], name: str, catalog: Catalog) -> Draft:
    """Return the draft of one dataset from samples of one shape; raises SampleProblem."""
    grids = [read_sample(path) for path in paths]
    shape = agree_on_shape(grids)
    known = KnownHeaders(catalog).headers
    tables = [find_table(grid, known) for grid in grids]
    columns = join_columns(grids, tables)
    drafts = draft_fields(columns, name, catalog)
    if not drafts.fields:
        raise SampleProblem("no column with a header: nothing to draft (没有可用的列)")
    keys = propose_keys(drafts.fields, catalog)
    event_date = propose_event_date(drafts.fields)
    department = catalog.departments.get(name.partition(".")[0])
    values = {cell for column in columns for cell in column.distinct}
    pattern, is_named = propose_pattern([grid.name for grid in grids], shape.format, name, catalog, values)
    draft = Draft(
        name=name,
        title=read_title(tables[0]) or "待补充",
        owner=department.owner if department else "待补充",
        shape=shape,
        pattern=pattern,
        header_row=tables[0].header_row,
        notes=note_words(tables),
        drafts=drafts,
        subject=propose_subject(drafts.fields, catalog),
        keys=keys,
        event_date=event_date,
        change_field=next((f.code for f in drafts.fields if f.type == "change_flag"), None),
        checks=propose_checks(drafts.fields, event_date),
        rows=sum(len(table.rows) for table in tables),
        files=len(grids),
    )
    ask_what_no_file_tells(draft)
    ask_about_tables(draft, tables, is_named)
    return draft


def join_columns(grids: Sequence[Grid], tables: Sequence[Table]) -> list[Column]:
    """Return the columns over all samples, by header; samples must have the header in one row."""
    first = tables[0]
    for grid, table in zip(grids, tables, strict=True):
        if table.header_row != first.header_row:
            raise SampleProblem(f"{grid.name}: header in row {table.header_row}, not {first.header_row}")
    places: dict[tuple[str, int], list[str]] = {}
    rows = 0
    for table in tables:
        for index, key in enumerate(number_headers(table.header)):
            cells = places.setdefault(key, [""] * rows)
            cells += [row[index] for row in table.rows]
        rows += len(table.rows)
        for cells in places.values():
            cells += [""] * (rows - len(cells))
    return [Column(header, tuple(cells)) for (header, _), cells in places.items()]


def number_headers(header: Sequence[str]) -> list[tuple[str, int]]:
    """Return each header with how often it came before, so that a repeated one stays a column of its own."""
    return [(text, list(header[:index]).count(text)) for index, text in enumerate(header)]


def read_title(table: Table) -> str:
    """Return the title above the table if it can be nothing else: short, without digits and colons."""
    for text in table.titles:
        if len(text) <= TITLE_MAX and not any(c.isdigit() or c in "：:" for c in text):
            return text
    return ""


def note_words(tables: Sequence[Table]) -> tuple[str, ...]:
    """Return the known words with which the notes below the tables begin, the longest first."""
    notes = [note for table in tables for note in table.notes]
    firsts = [next((word for word in words.NOTES if note.startswith(word)), "") for note in notes]
    return tuple(dict.fromkeys(word for word in words.NOTES if word in firsts))


def ask_what_no_file_tells(draft: Draft) -> None:
    """Put the questions that every draft has."""
    if draft.title == "待补充":
        draft.ask("title", "数据集中文名称？")
    draft.ask("description", "一句话说明：归集什么、何时产生、用于何处？")
    draft.ask("template_version", "采用哪一版数据标准或模板？国家目录（national）还是地方目录（local）？")
    draft.ask("legal_basis", "依据哪部法律、法规或政策文件归集？无依据不得归集；读过原文才写 verified: true")
    if draft.owner == "待补充":
        draft.ask("owner", "由哪个科室负责？")
    draft.ask(
        "access_level", "公开属性：现按政务共享；依法公开的，逐字段写 access_level: public, publish: true"
    )
    draft.ask("retention", "保存多久，到期如何处理？")
    draft.ask("subject", "每行说的是谁（信用主体）？请核对 kind 及各字段的角色")
    kinds = "全量（full_snapshot，未出现即移出）还是增量？何时报送（due_by）？周期（cycle）？"
    draft.ask("delivery", kinds)


def ask_about_tables(draft: Draft, tables: Sequence[Table], is_named: bool) -> None:
    """Put the questions that the samples raise."""
    if not is_named:
        draft.ask("file_pattern", "文件名规则？样本文件名不能区分本数据集")
    first_notes = [table.notes[0] for table in tables if table.notes]
    if any(not note.startswith(words.NOTES) for note in first_notes):
        draft.ask("delivery", "表尾有说明行，但其开头不是已知词语：请补 footer_markers")
    ragged = sum(table.ragged for table in tables)
    if ragged:
        draft.ask("delivery", f"样本有 {ragged} 行列数与表头不符，会按 F04 退回，请检查导出程序")
    if len(draft.keys) == 1:
        draft.ask("natural_key", "主键是否正确（同一主键的新行视为更正）？")
    elif draft.keys:
        others = "；".join(" + ".join(key) for key in draft.keys[1:])
        draft.ask("natural_key", f"主键候选，按可能性排列，现取第一个；其余：{others}")
    else:
        draft.ask("natural_key", "样本中没有能区分各行的列组合，请定主键（现仅填第一列）")
    for question in draft.drafts.questions:
        draft.ask("fields", question)
    required = sum(f.required for f in draft.drafts.fields)
    if required:
        draft.ask(
            "fields",
            f"样本中 {required} 列没有空值，已列为必填（required）；条件必填写 required_when",
        )
