"""Whatever an officer saves, the catalogue loads or says file and line; nothing else is raised."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditlake.catalog import check_catalog

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2] / "catalog"
FILES = [
    "calendar.yml",
    "code_lists/severity.yml",
    "datasets/administrative_approval/licence_decision.yml",
    "datasets/market_regulation/penalty_decision.yml",
    "defects.yml",
    "departments.yml",
    "normalisation.yml",
    "row_checks.yml",
    "rules/linking.yml",
    "rules/list_terms.yml",
    "rules/masking.yml",
    "rules/publication_windows.yml",
    "rules/redaction.yml",
]
TEXTS = {file: (ROOT / file).read_text(encoding="utf-8") for file in FILES}
TRAPS = [
    *("&a [*a]", "*nobody", "&a {k: *a}", "<<: 1", "? [a, b]\n: c", "? {a: b}\n: c", "{[1, 2]: 3}", "!x y"),
    *(
        "0x",
        "0b",
        "0o9",
        "1:99:99",
        "9" * 5000,
        "1e999",
        ".inf",
        ".nan",
        "._",
        "-",
        "---",
        "%YAML 9.9",
        "...",
    ),
    *("2026-99-99", "0000-00-00", "12:61:61", "[" * 3000, "{a: " * 900, "- " * 900, "[" * 60 + "]" * 60),
    *("!!binary x", "!!set {a}", "!!omap [a]", "!!pairs [a: b, c]", "!!python/object:os.system x", "!!int x"),
    *(
        "!!float x",
        "!!timestamp x",
        "!!bool x",
        "!!null x",
        "\t",
        "\x00",
        "\ufeff",
        "\ud800",
        "\u2028",
        "\x85",
    ),
    *("'", '"', '"\\uD800"', '"\\x00"', "|", ">", "null", "~", "true", "off", "[]", "{}", "(" * 200),
    *("a: b: c", "# ", ", ", "[[", "{{", "{0}", "{row.x}", "%s", "(?P<a", "a{9999999999}"),
]
NUMBERS = st.booleans() | st.integers() | st.floats() | st.dates()
PLAIN: Any = st.none() | NUMBERS | st.text(max_size=9) | st.binary(max_size=4)
VALUES: Any = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3), max_leaves=6
)
DOCUMENTS = st.binary(max_size=60) | VALUES.map(lambda value: yaml.dump(value, allow_unicode=True).encode())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the catalogue with the datasets that are damaged here: one load of all takes a second."""
    root = tmp_path_factory.mktemp("fuzz") / "catalog"
    shutil.copytree(ROOT, root)
    for path in root.glob("datasets/*/*.yml"):
        if path.relative_to(root).as_posix() not in FILES:
            path.unlink()
    return root


def check(root: Path, file: str, content: bytes) -> None:
    """Save a file, check the catalogue, restore the file. Problems name an existing file and a line of it."""
    path = root / file
    path.write_bytes(content)
    try:
        problems = check_catalog(root)
    finally:
        path.write_text(TEXTS[file], encoding="utf-8")
    lines = content.count(b"\n") + content.count(b"\r") + content.count("\u2028".encode()) + 1
    for problem in problems:
        assert (root / problem.file).is_file()
        assert problem.line >= 1
        assert problem.file != file or problem.line <= lines + content.count("\x85".encode()) + 1
        assert problem.message
        assert problem.cure


def examples(count: int) -> Any:
    """So many examples; one loads the whole catalogue."""
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@st.composite
def damaged(draw: st.DrawFn, text: str) -> bytes:
    """A file after an officer's, or a cat's, edits."""
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["cut", "insert", "remove", "double", "value", "word"]))
        piece = draw(st.sampled_from(TRAPS) | st.text(max_size=5))
        if kind == "cut":
            text = text[:place]
        elif kind == "insert":
            text = text[:place] + piece + text[place:]
        elif kind == "remove":
            text = text[:place] + text[place + draw(st.integers(1, 40)) :]
        elif kind == "double":
            text = text[:place] + text[place - 40 :]
        elif kind == "value":  # all behind the next colon
            colon = text.find(": ", place)
            end = text.find("\n", colon)
            text = f"{text[: colon + 2]}{piece}{text[end:]}" if 0 <= colon < end else text
        else:
            found = [word for word in text[place : place + 80].split() if word.isalnum()]
            text = text.replace(found[0], piece, 1) if found else text
    return text.encode("utf-8", draw(st.sampled_from(["replace", "surrogatepass"])))


@pytest.mark.parametrize("file", FILES)
@examples(8)
@given(data=st.data())
def test_a_damaged_file_is_a_problem_with_file_and_line(file: str, copy: Path, data: st.DataObject) -> None:
    check(copy, file, data.draw(damaged(TEXTS[file])))


@pytest.mark.parametrize("file", FILES)
@examples(4)
@given(
    content=st.binary(max_size=60) | VALUES.map(lambda value: yaml.dump(value, allow_unicode=True).encode())
)
def test_random_yaml_is_a_problem_with_file_and_line(file: str, copy: Path, content: bytes) -> None:
    check(copy, file, content)


@pytest.mark.parametrize("file", FILES)
@examples(8)
@given(data=st.data())
def test_any_value_in_any_place_is_a_problem_with_file_and_line(
    file: str, copy: Path, data: st.DataObject
) -> None:
    content = yaml.safe_load(TEXTS[file])
    node: Any = content
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    if isinstance(node, dict) and data.draw(st.booleans()):
        node[data.draw(PLAIN)] = node.pop(key)
    else:
        node[key] = data.draw(VALUES)

    check(copy, file, yaml.dump(content, allow_unicode=True, sort_keys=False).encode())


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_of_yaml_is_a_problem_with_file_and_line(trap: str, copy: Path) -> None:
    for file in ("calendar.yml", "normalisation.yml", "departments.yml"):
        check(copy, file, trap.encode("utf-8", "surrogatepass"))
    penalty = TEXTS["datasets/market_regulation/penalty_decision.yml"]
    for content in (f"name: {trap}\n", f"{penalty}extra: {trap}\n"):
        check(
            copy, "datasets/market_regulation/penalty_decision.yml", content.encode("utf-8", "surrogatepass")
        )


def test_a_document_that_unfolds_by_aliases_is_refused(copy: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12)
    )

    check(copy, "defects.yml", bomb.encode())
