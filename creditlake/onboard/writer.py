"""Write a draft as YAML in the style of the catalogue: one line per field, questions as `# ?` comments."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from creditlake.catalog import QUESTION, Catalog, CodeList
from creditlake.onboard.draft import Draft
from creditlake.onboard.fields import PERSONAL_NOTE, FieldDraft


class DraftRefused(Exception):
    """The draft cannot be written where it would have to lie."""


NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
HINT = "样本起草，未经核对。逐条回答“# ?”开头的问题并删去该行；有问题未答的目录不能使用。"


def check_name(name: str, catalog: Catalog) -> None:
    """Raise DraftRefused unless a dataset of that name can be added."""
    if not NAME.fullmatch(name):
        raise DraftRefused(f"{name!r} is no dataset's name; use department.dataset in snake_case")
    department = name.partition(".")[0]
    if department not in catalog.departments:
        raise DraftRefused(f"unknown department {department!r}; add it to departments.yml first")


def scalar(text: str) -> str:
    """Return a text as a YAML scalar inside brackets: plain where it reads back as itself, else quoted."""
    try:
        plain = yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"{{a: {text}}}") == {"a": text}
    except yaml.YAMLError:
        plain = False
    return text if plain and text == text.strip() else json.dumps(text, ensure_ascii=False)


def flow(value: object) -> str:
    """Return a value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value) if isinstance(value, str) else str(value)


def render_contract(draft: Draft) -> str:
    """Return the contract file."""
    return "\n".join(contract_lines(draft)) + "\n"


def contract_lines(draft: Draft) -> Iterator[str]:
    """Yield the lines of the contract file."""
    yield f"# {HINT}"
    yield f"# 样本：{draft.files} 个文件，{draft.rows} 行，{len(draft.drafts.fields)} 个字段。"
    yield f"name: {draft.name}"
    for key, value in {
        "title": draft.title,
        "description": "待补充",
        "catalog_scope": "local",
        "template_version": "草案",
    }.items():
        yield from ask(draft, key)
        yield f"{key}: {scalar(value)}"
    yield from ask(draft, "legal_basis")
    yield from ("legal_basis:", "  - {instrument: 待补充, verified: false}")
    yield from ask(draft, "owner")
    yield f"owner: {scalar(draft.owner)}"
    yield from ask(draft, "access_level")
    yield from ("access_level: gov_shared", "natural_person_access: authorised")
    yield from ask(draft, "retention")
    yield "retention: 待补充"
    yield from ask(draft, "subject")
    yield "subject:"
    yield from (f"  {role}: {flow(value)}" for role, value in draft.subject.items())
    yield from delivery_lines(draft)
    yield from ask(draft, "natural_key")
    yield f"natural_key: {flow(draft.natural_key)}"
    for key, named in (("event_date", draft.event_date), ("change_field", draft.change_field)):
        if named:
            yield f"{key}: {named}"
    if draft.drafts.ignored:
        yield from (
            "on_unknown_field: ignore_listed",
            f"ignored_headers: {flow(draft.drafts.ignored)}",
        )
    yield from ask(draft, "fields")
    yield "fields:"
    for field in draft.drafts.fields:
        yield from field_lines(field)
    if draft.checks:
        yield "row_checks:"
        yield from (f"  - {flow(check)}" for check in draft.checks)
    yield from ("block:", "  rejected_share: {max: 0.3}", "warn:", "  rejected_share: {max: 0.05}")


def delivery_lines(draft: Draft) -> Iterator[str]:
    """Yield the delivery block."""
    yield from ask(draft, "delivery")
    yield from ("delivery:", "  kind: increment", f"  format: {draft.shape.format}")
    if draft.shape.also_accepts:
        yield f"  also_accepts: [{', '.join(draft.shape.also_accepts)}]"
    if draft.shape.format != "xlsx":
        yield f"  encoding: {draft.shape.encoding}"
    if draft.shape.format == "csv" and draft.shape.delimiter != ",":
        yield f"  delimiter: {json.dumps(draft.shape.delimiter)}"
    yield from ask(draft, "file_pattern", "  ")
    yield f"  file_pattern: {json.dumps(draft.pattern, ensure_ascii=False)}"
    if draft.header_row > 1:
        yield f"  header_row: {draft.header_row}"
    if draft.notes:
        yield f"  footer_markers: {flow(draft.notes)}"
    yield from ('  due_by: "06:30"', "  late_after_hours: 24")


def field_lines(draft: FieldDraft) -> Iterator[str]:
    """Yield a field: its questions and remarks, then its one line."""
    yield from (f"  # ? {question}" for question in draft.questions)
    yield from (f"  # {draft.code}：{remark}" for remark in draft.remarks)
    yield f"  {draft.code}: {flow(field_mapping(draft))}"


def field_mapping(draft: FieldDraft) -> dict[str, object]:
    """Return the keys of a field in the order of the catalogue."""
    guess = draft.guess
    mapping: dict[str, object] = {"title": draft.title, "type": guess.type}
    if guess.code_list:
        mapping["code_list"] = guess.code_list
    mapping["source_name"] = draft.column.header
    if draft.required:
        mapping["required"] = True
    if draft.length:
        mapping["length"] = {"max": draft.length}
    if draft.type == "change_flag":
        mapping["default"] = "U"
    if guess.open_ended:
        mapping["open_ended"] = list(guess.open_ended)
    if guess.multiply_by > 1:
        mapping["multiply_by"] = guess.multiply_by
    mapping["access_level"] = draft.level.value
    if draft.is_personal:
        mapping["note"] = PERSONAL_NOTE
    return mapping


def ask(draft: Draft, place: str, indent: str = "") -> Iterator[str]:
    """Yield the questions above a key."""
    yield from (f"{indent}{QUESTION}{question}" for question in draft.questions.get(place, ()))


def render_code_list(code_list: CodeList) -> str:
    """Return the file of a proposed code list."""
    lines = [
        f"{QUESTION}取值来自样本：请核对是否完整、含义是否正确，并为每个取值定代码",
        f"name: {code_list.name}",
        f"title: {scalar(code_list.title)}",
        "values:",
        *(f"  - {{code: {value.code}, label: {scalar(value.label)}}}" for value in code_list.values),
    ]
    return "\n".join(lines) + "\n"


def contract_path(root: Path, name: str) -> Path:
    """Return where a contract lies below the catalogue's root."""
    return root / "datasets" / f"{name.replace('.', '/')}.yml"


def write_draft(draft: Draft, root: Path) -> list[Path]:
    """Write contract and code lists below the catalogue's root; nothing that is there is overwritten.

    Returns the files written. Raises DraftRefused and writes nothing if one of them exists.
    """
    texts = {contract_path(root, draft.name): render_contract(draft)}
    for code_list in draft.drafts.code_lists:
        texts[root / "code_lists" / f"{code_list.name}.yml"] = render_code_list(code_list)
    for path in texts:
        if path.exists():
            raise DraftRefused(f"{path} exists; a draft never overwrites anything")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
