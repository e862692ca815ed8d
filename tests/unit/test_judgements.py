"""Judgements as they are kept and as they hold, and what a reviewer may see of a document."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from creditlake import steps
from creditlake.catalog import Catalog
from creditlake.judgements import Decision, Judgement, find_rulings, list_judgements, write_judgements
from creditlake.review.masked import is_document, mask_number, mask_text, review_mask
from creditlake.storage import FolderLake
from tests.dbt.city import NOW
from tests.samples import make_reg_no, make_resident_id, make_uscc

DAY = date(2026, 11, 17)
BUILD = "20261117-01"
PERSON = make_resident_id(3)
PARTY = f"{11:020x}"


@pytest.fixture
def catalog() -> Catalog:
    return steps.read_catalog()


def judge(decision: Decision, subject: str | None, minute: int, day: date = DAY, **more: Any) -> Judgement:
    """Return a judgement of one party."""
    return Judgement(
        party=PARTY, decision=decision, subject_id=subject, who="林", why="查档", seen=f"{BUILD}/0",
        overrules=None, entered_by="林", business_date=day, decided_at=NOW.replace(minute=minute), **more,
    )  # fmt: skip


def test_the_newest_judgement_holds_and_exclusions_in_a_row_add_up() -> None:
    link, first, second = (
        judge(Decision.LINK, "L1", 1), judge(Decision.NOT_THIS, "L1", 2), judge(Decision.NOT_THIS, "L2", 3),
    )  # fmt: skip
    none = judge(Decision.NONE, None, 4)

    rulings = [find_rulings(found)[PARTY] for found in ([link], [link, first, second], [first, none, second])]

    assert [(ruling.newest, ruling.excluded) for ruling in rulings] == [
        (link, ()), (second, ("L1", "L2")), (second, ("L2",)),
    ]  # fmt: skip


def test_a_past_day_does_not_know_later_judgements(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    write_judgements(lake, [judge(Decision.NONE, None, 1), judge(Decision.LINK, "L1", 0, date(2026, 11, 18))])

    assert [one.decision for one in list_judgements(lake, DAY)] == ["none"]
    assert [one.decision for one in list_judgements(lake, date.max)] == ["none", "link"]


@pytest.mark.parametrize(
    ("slot", "value", "is_person", "shown"),
    [
        ("uscc", make_uscc(1), False, make_uscc(1)),
        ("reg_no", make_reg_no(1), False, make_reg_no(1)),
        ("uscc", PERSON, False, f"{PERSON[:6]}********{PERSON[-4:]}"),
        ("tax_id", f"{PERSON[:-1]}", False, f"{PERSON[:6]}*******{PERSON[-5:-1]}"),
        ("uscc", "E12345678", True, "*********"),
        ("id_no", None, True, None),
    ],
)
def test_whatever_may_be_a_document_is_masked(
    catalog: Catalog, slot: str, value: str | None, *, is_person: bool, shown: str | None
) -> None:
    assert mask_number(review_mask(catalog.rules, DAY), slot, value, is_person=is_person) == shown


def test_a_document_inside_a_name_is_masked_and_a_company_code_is_none(catalog: Catalog) -> None:
    assert (
        mask_text(review_mask(catalog.rules, DAY), f"周明{PERSON}")
        == f"周明{PERSON[:6]}********{PERSON[-4:]}"
    )
    assert not any(is_document(make_uscc(number)) for number in range(200))
