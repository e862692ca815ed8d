"""Show a trial to the officer and the engineer who try a contract, personal values masked.

A value is personal by its field (type, level) or by what it looks like: a number in the wrong column is as
personal as in its own. Masked is everything but a name's first character and the number of characters.
"""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from creditlake.contract import AccessLevel, FieldContract
from creditlake.explain import explain_each, join_explanations
from creditlake.normalise import clean_identifier
from creditlake.onboard.guess import PERSONAL_TYPES
from creditlake.onboard.shapes import (
    HIDDEN_PERSONAL,
    is_person_name,
    is_phone,
    is_resident_id,
)
from creditlake.onboard.trial import LEVELS, OUTCOMES, FoundDefect, Trial, TriedRow

OUTCOMES_ZH = dict(zip(OUTCOMES, ("接收", "暂存", "退回", "重复"), strict=True))
CELL_MAX = 60


def print_trial(console: Console, trial: Trial, *, show_personal: bool) -> None:
    """Print file defects, counts, row defects by kind, the most frequent first, and the first rows."""
    contract = trial.contract
    console.print(f"[bold]{contract.name}[/] {escape(contract.title)}")
    for defect in trial.batch_defects:
        said = f"{LEVELS[defect.level]} {escape(defect.message_zh)}"
        console.print(f"[red]{defect.code}[/] {said}", soft_wrap=True)
        console.print(f"  {escape(defect.cure_zh)}  [dim]{escape(defect.message)}[/]", soft_wrap=True)
    counted = ", ".join(
        f"{name} {OUTCOMES_ZH.get(name, '收到')} {rows:,}" for name, rows in trial.counts.items()
    )
    console.print(counted, soft_wrap=True)
    for found in trial.defects:
        rows = ", ".join(map(str, found.first_rows)) + (" …" if found.rows > len(found.first_rows) else "")
        place = f" {found.field}" if found.field else ""
        console.print(
            f"[bold]{found.code}[/] {found.level} {LEVELS[found.level]}{place}: "
            f"rows 行数 {found.rows:,}, row 第 {rows} 行",
            soft_wrap=True,
        )
        console.print(f"  {say(trial, found)}", soft_wrap=True)
    for row in trial.rows:
        console.print(row_table(trial, row, show_personal=show_personal))
    console.print(
        "[red]blocked 整批拦截[/]" if trial.is_blocked else "[green]the batch would be accepted 可接收[/]"
    )


def say(trial: Trial, defect: FoundDefect) -> str:
    """Return a defect's message and cure as the return file would word it for the first row."""
    found = {"code": defect.code, "level": defect.level, "field": defect.field, "detail": defect.detail}
    explained = explain_each(trial.catalog, trial.contract, defect.first_rows[0], [found])
    return escape(join_explanations(explained)[1])


def row_table(trial: Trial, row: TriedRow, *, show_personal: bool) -> Table:
    """Return one row, field by field: as delivered, and as it would become."""
    title = f"row 第 {row.row_no} 行: {row.outcome} {OUTCOMES_ZH[row.outcome]}"
    table = Table(title=title, title_justify="left")
    for name in ("field 字段", "title 名称", "delivered 报送", "becomes 入库"):
        table.add_column(name, overflow="fold")
    for name, field in trial.contract.fields.items():
        delivered, value = row.delivered.get(name), row.record.get(name)
        if not delivered and value is None:
            continue
        shown = [render(text, field, show_personal) for text in (delivered, value)]
        table.add_row(name, escape(field.title), *map(escape, shown))
    return table


def render(value: Any, field: FieldContract, show_personal: bool) -> str:
    """Return a value as text, masked if it may be personal."""
    if value is None:
        return "—"
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    if not show_personal:
        text = mask(text, field)
    return text if len(text) <= CELL_MAX else f"{text[:CELL_MAX]}…（{len(text)} 字）"


def mask(text: str, field: FieldContract) -> str:
    """Return a text without what may be personal."""
    if not text.strip():
        return text
    if field.type in ("name", "person_name"):
        is_hidden = field.type == "person_name" or is_person_name(text) or len(text.strip()) <= 4
        return f"{text.strip()[0]}**" if is_hidden else hide_numbers(text)
    if field.type in PERSONAL_TYPES or field.access_level is AccessLevel.AUTHORISED:
        return f"（已遮盖，{len(text)} 字）"
    if is_resident_id(clean_identifier(text)) or is_phone(text):
        return f"（已遮盖，{len(text)} 字）"
    return hide_numbers(text)


def hide_numbers(text: str) -> str:
    """Return a text with resident numbers and mobile numbers in it blotted out."""
    return HIDDEN_PERSONAL.sub("（已遮盖）", text)
