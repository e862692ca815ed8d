"""A declaration and the dbt model behind it say the same; a mistake in one is said with file and cure."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from creditlake.gate.declaration import Declaration, InvalidDeclaration, read_declaration, read_rules
from creditlake.settings import REPOSITORY

MARTS = REPOSITORY / "dbt_project" / "models" / "marts"
RULES = read_rules()


def read_marts() -> dict[str, dict[str, Any]]:
    """Return every mart's entry in its .yml."""
    files = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(MARTS.rglob("*.yml"))]
    return {model["name"]: model for file in files for model in file.get("models", [])}


def sql_setting(name: str, key: str) -> str:
    (path,) = MARTS.rglob(f"{name}.sql")
    found = re.search(rf"{key}=(\[[^\]]*\]|'[^']*')", path.read_text("utf-8"))
    assert found is not None, f"{path.name} sets no {key}"
    return found[1]


def test_every_mart_is_declared_and_every_declaration_has_a_mart() -> None:
    marts = read_marts()
    assert len(marts) >= 10
    assert sorted(RULES.declarations) == sorted(marts)


@pytest.mark.parametrize("name", sorted(RULES.declarations))
def test_a_declaration_says_what_the_mart_says(name: str) -> None:
    declaration, mart = RULES.declarations[name], read_marts()[name]
    order_by = yaml.safe_load(sql_setting(name, "order_by"))
    grain = mart.get("config", {}).get("meta", {}).get("grain", order_by)

    assert declaration.level == sql_setting(name, "level").strip("'")
    assert list(declaration.grain) == grain
    assert sorted(declaration.columns) == sorted(column["name"] for column in mart["columns"])


def write_declaration(folder: Path, **changes: Any) -> Path:
    body = {
        "table": "pub_thing",
        "level": "public",
        "owner": "credit_office",
        "grain": ["thing_id"],
        "takedown": "removes",
        "columns": {"thing_id": "hash", "name": "text"},
        "expectations": [],
    }
    path = folder / "pub_thing.yml"
    path.write_text(yaml.safe_dump(body | changes), "utf-8")
    return path


def test_a_declaration_is_read(tmp_path: Path) -> None:
    assert isinstance(read_declaration(write_declaration(tmp_path)), Declaration)


EXPECTATION = {
    "id": "x",
    "type": "expect_column_values_to_be_unique",
    "arguments": {"column": "other"},
    "why": "w",
    "why_zh": "z",
    "caught": {},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"table": "pub_other"}, "name the file after the table"),
        ({"grain": ["id"]}, r"columns \['id'\] are used but not listed"),
        ({"lookup": ["id"]}, r"columns \['id'\] are used but not listed"),
        ({"expectations": [EXPECTATION]}, r"columns \['other'\] are used but not listed"),
        ({"columns": {"thing_id": "hash", "name": "resident_id"}}, "no column that means resident_id"),
        ({"columns": {"thing_id": "hash", "name": "anything"}}, "columns.name"),
        ({"mystery": 1}, "mystery"),
        ({"expectations": [EXPECTATION | {"arguments": {}}] * 2}, "two expectations have the same id"),
    ],
)
def test_a_mistake_in_a_declaration_is_said_with_the_file(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidDeclaration, match=rf"(?s)pub_thing\.yml: .*{message}"):
        read_declaration(write_declaration(tmp_path, **changes))


def test_a_folder_without_declarations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclaration, match="the gate would judge nothing"):
        read_rules(tmp_path)
