"""The digest of a contract changes with everything that decides an outcome, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from creditlake.catalog import load_catalog

ROOT = Path(__file__).resolve().parents[2] / "catalog"
PENALTY, REGISTER = "market_regulation.penalty_decision", "market_regulation.entity_register"
Edit = Callable[[str, str, str], Path]


def digests(root: Path) -> dict[str, str]:
    catalog = load_catalog(root)
    return {name: catalog.digest(contract) for name, contract in catalog.contracts.items()}


def changed(root: Path) -> set[str]:
    before, after = digests(ROOT), digests(root)
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}


def test_digests_are_stable_and_differ_between_datasets() -> None:
    first = digests(ROOT)
    assert first == digests(ROOT)
    assert len(set(first.values())) == len(first) >= 8
    assert all(len(digest) == 64 for digest in first.values())


@pytest.mark.parametrize(
    ("file", "old", "new", "touched"),
    [
        ("code_lists/severity.yml", "[一般失信]", "[一般失信, 中等]", {PENALTY}),
        ("code_lists/reg_state.yml", "label: 撤销", "label: 撤销登记", {REGISTER}),
        (f"datasets/{REGISTER.replace('.', '/')}.yml", "{max: 300, sourced: true}", "{max: 300}", {REGISTER}),
    ],
)
def test_a_changed_list_or_contract_touches_exactly_the_datasets_that_use_it(
    file: str, old: str, new: str, touched: set[str], edited_catalog: Edit
) -> None:
    assert changed(edited_catalog(file, old, new)) == touched


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("normalisation.yml", "ＡA ＢB", "ＡB ＢB"),
        ("normalisation.yml", '"测试"]', '"测试", "待补"]'),
        ("defects.yml", "code: K03\n    level: W", "code: K03\n    level: H"),
    ],
)
def test_the_character_table_and_the_defect_levels_touch_every_dataset(
    file: str, old: str, new: str, edited_catalog: Edit
) -> None:
    assert changed(edited_catalog(file, old, new)) == set(digests(ROOT))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("defects.yml", "请核对起止日期；长期有效填", "请核对起止；长期有效填"),
        ("departments.yml", "alert: tax-data", "alert: tax-desk"),
        ("rules/list_terms.yml", "term_months: 24", "term_months: 25"),
    ],
)
def test_messages_mailboxes_and_rules_do_not_touch_standardised_batches(
    file: str, old: str, new: str, edited_catalog: Edit
) -> None:
    assert changed(edited_catalog(file, old, new)) == set()


def test_the_calendar_touches_the_datasets_whose_lateness_is_checked(edited_catalog: Edit) -> None:
    root = edited_catalog("calendar.yml", "[2005-01-03,", "[2005-01-04, 2005-01-03,")
    assert changed(root) == {PENALTY, "administrative_approval.licence_decision"}


def test_a_changed_rule_changes_the_rules_digest(edited_catalog: Edit) -> None:
    root = edited_catalog("rules/list_terms.yml", "term_months: 24", "term_months: 25")
    assert load_catalog(root).rules_digest() != load_catalog(ROOT).rules_digest()
