"""Every mistake that check_catalog must find: file, line, message and cure."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from creditlake.catalog import CatalogError, Problem, check_catalog, load_catalog

ROOT = Path(__file__).resolve().parents[2] / "catalog"
PENALTY = "datasets/market_regulation/penalty_decision.yml"
Edit = Callable[[str, str, str], Path]

MISTAKES = yaml.safe_load((Path(__file__).parent / "mistakes.yml").read_text(encoding="utf-8"))


def test_the_repository_catalogue_has_no_problems() -> None:
    assert check_catalog(ROOT) == []


@pytest.mark.slow  # every one loads the whole catalogue
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_seeded_mistake_is_reported_with_file_line_and_cure(mistake: str, edited_catalog: Edit) -> None:
    file, old, new, message, cure = MISTAKES[mistake].values()
    root = edited_catalog(file, old, new)

    problems = check_catalog(root)

    matching = [p for p in problems if message in p.message and cure in p.cure]
    assert matching, f"not found among: {list(map(str, problems))}"
    assert all(p.line >= 1 for p in problems)


def line_of(root: Path, file: str, text: str) -> int:
    """Return the last line with `text`: of two equal keys the second is the mistake."""
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    return max(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("mistake", "line_text"),
    [
        ("a misspelt key", "publsh"),
        ("an unknown code list", "seriousness"),
        ("a condition on an unknown code", "REVOKE"),
        ("a row check with another code", "code: P01"),
        ("a bare off", "outcome: off"),
        ("a key given twice", "domain: {title: "),
        ("an impossible date", "2023-04-31"),
        ("a rule on an unknown domain", "FOODS"),
        ("a mask of an unknown field", "card_no"),
        ("a reference to no dataset", "dataset: market_regulation.penalty"),
        ("a defect code given twice", "code: K04"),
        ("a weekend in the list of closed days", "2005:"),
    ],
)
def test_the_line_is_that_of_the_mistake(mistake: str, line_text: str, edited_catalog: Edit) -> None:
    file, old, new, message, _ = MISTAKES[mistake].values()
    root = edited_catalog(file, old, new)

    found = [p for p in check_catalog(root) if message in p.message]

    assert [p.file for p in found] == [file]
    assert found[0].line == line_of(root, file, line_text)


def test_a_catalogue_with_a_problem_does_not_load(edited_catalog: Edit) -> None:
    root = edited_catalog("defects.yml", "code: K03", "code: K04")
    with pytest.raises(CatalogError, match="'K04' is given twice") as raised:
        load_catalog(root)
    assert raised.value.problems == check_catalog(root)


def test_two_mistakes_in_two_files_are_both_reported(edited_catalog: Edit) -> None:
    edited_catalog(PENALTY, "owner: 信用监管科\n", "")
    root = edited_catalog("code_lists/severity.yml", "code: SERIOUS", "code: GENERAL")
    assert [p.file for p in check_catalog(root)] == ["code_lists/severity.yml", PENALTY]


@pytest.mark.parametrize(
    "file",
    [
        "calendar.yml",
        "defects.yml",
        "departments.yml",
        "normalisation.yml",
        "row_checks.yml",
        "rules/linking.yml",
    ],
)
def test_a_missing_file_is_a_problem_with_a_cure(file: str, edited_catalog: Edit) -> None:
    root = edited_catalog("departments.yml", "市信用办", "市信用办公室")
    (root / file).unlink()
    assert Problem(file, 1, "the file is missing", "restore it from the repository") in check_catalog(root)


def test_a_file_that_is_not_utf8_is_reported_at_its_line(edited_catalog: Edit) -> None:
    root = edited_catalog(PENALTY, "title: 行政处罚决定\n", "title: 行政处罚决定\n")
    lines = (root / PENALTY).read_bytes().split(b"\n")
    lines[5] = "title: 行政处罚决定".encode("gb18030")
    (root / PENALTY).write_bytes(b"\n".join(lines))
    assert Problem(PENALTY, 6, "the file is not UTF-8", "mend the YAML") in check_catalog(root)


def test_a_problem_reads_file_line_message_cure() -> None:
    problem = Problem("defects.yml", 7, "key 'code' is missing", "add it")
    assert str(problem) == "defects.yml:7: key 'code' is missing — add it"


def test_a_changed_catalogue_is_read_again_and_an_unchanged_one_is_not(edited_catalog: Edit) -> None:
    file = "datasets/market_regulation/penalty_decision.yml"
    root = edited_catalog(file, "owner: 信用监管科", "owner: 执法科")
    first = load_catalog(root)
    assert load_catalog(root) is first
    path = root / file
    path.write_text(
        path.read_text(encoding="utf-8").replace("owner: 执法科", "owner: 执法监督科"), encoding="utf-8"
    )
    assert load_catalog(root).contracts["market_regulation.penalty_decision"].owner == "执法监督科"
