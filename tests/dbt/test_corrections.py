"""Earlier defects are closed by a corrected row: its key, the receipt number it cites, or its document."""

from datetime import date
from typing import Any

import duckdb
import pytest

from creditlake.receipt_no import add_receipt_macros
from tests.dbt.city import City
from tests.dbt.conftest import TODAY, Built, build_city

PENALTY = "market_regulation.penalty_decision"
COURT = "court.judgment_defaulter"
FIRST, SECOND = date(2026, 11, 16), TODAY
ORGAN, OTHER_ORGAN = "11990000000000019A", "119900000000000275"
REFUSED: dict[str, Any] = {"outcome": "rejected", "defects": ["V01"]}
HELD: dict[str, Any] = {"outcome": "held", "defects": ["K01"]}
REVIEWED: dict[str, Any] = {"_link": {"status": "review", "reason": "name_conflict"}}


def number(city: City, dataset: str, batch_id: str, row_no: int) -> str:
    """Return the receipt number of a delivered row."""
    with duckdb.connect() as connection:
        add_receipt_macros(connection)
        file_name = f"{dataset.split('.')[1]}_{batch_id}.dat"
        found = connection.execute("select receipt_no(?, ?, ?)", [batch_id, file_name, row_no]).fetchone()
    assert found
    return str(found[0])


def penalty(key: str, document: str, **more: Any) -> dict[str, Any]:
    """Return a penalty of one organ; `key` says which record it is."""
    return {"key": key, "decision_org_uscc": ORGAN, "decision_no": document, **more}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A city where rows went back on the first day and were delivered again on the second."""
    city = City(tmp_path_factory.mktemp("city"))
    returned = [
        penalty("stands", "A1", **REFUSED),
        penalty("same key", "A2", **REFUSED),
        penalty("by receipt", "A3", **HELD),
        penalty("by receipt, refused again", "A4", **REFUSED),
        penalty("by document", "A5", **HELD),
        penalty("of a link", "A6", **REVIEWED),
        penalty("document refused again", "A7", **REFUSED),
        penalty("other organ", "A8", **REFUSED),
        penalty("other party of one decision", "A9", **REFUSED),
        penalty("the first party", "A9"),
        penalty("neighbour in one file", "A10", **REFUSED),
        penalty("the neighbour", "A10"),
        penalty("without organ", "A11", **REFUSED) | {"decision_org_uscc": None},
        penalty("taken back", "A12", **REFUSED),
        penalty("mistyped", "A13", **REFUSED),
        penalty("a warning only", "A14", defects=["D04"]),
    ]
    batch = city.deliver(PENALTY, FIRST, *returned)
    rows = {row["key"]: number(city, PENALTY, batch, row_no) for row_no, row in enumerate(returned, start=2)}
    city.deliver(COURT, FIRST, {"key": "old", "case_no": "C1", **HELD})
    city.deliver(
        PENALTY, SECOND,
        penalty("same key", "A2"),
        penalty("r1", "B3", receipt_no=rows["by receipt"]),
        penalty("r2", "B4", receipt_no=rows["by receipt, refused again"], **REFUSED),
        penalty("r3", "A5"),
        penalty("r4", "A6", _link="L1"),
        penalty("r5", "A7", **REFUSED),
        penalty("r6", "A8", decision_org_uscc=OTHER_ORGAN),
        penalty("the first party", "A9", counterpart_name="改名公司"),
        penalty("r7", "A11") | {"decision_org_uscc": None},
        penalty("r8", "A12", change_op="D"),
        penalty("r9", "B13", receipt_no=rows["mistyped"][:-1] + "?"),
        penalty("r10", "A14"),
    )  # fmt: skip
    city.deliver(COURT, SECOND, {"key": "new", "case_no": "C1"})
    # a number of one dataset's row closes nothing in another
    city.deliver(COURT, SECOND, {"key": "x", "case_no": "C2", "receipt_no": rows["stands"]})
    city.subject("L1", "某某公司", uscc="91990001MA0000001X")
    return build_city(city)


def closed(built: Built, dataset: str, batch_of: date) -> dict[str, date | None]:
    """Return when each E, H or W defect of one day's rows was closed, by the key that the test gave."""
    rows = built.rows(
        "select file_name, row_no, closed_date from defects"
        f" where dataset = '{dataset}' and opened_date = date '{batch_of}'"
        " and code in ('V01', 'K01', 'K08', 'D04')"
    )
    delivered = {(row["file_name"], row["row_no"]): row["_key"] for row in built.city.delivered[dataset]}
    return {delivered[row["file_name"], row["row_no"]]: row["closed_date"] for row in rows}


def test_a_corrected_row_closes_what_its_key_its_receipt_number_or_its_document_names(built: Built) -> None:
    assert closed(built, PENALTY, FIRST) == {
        "stands": None,
        "same key": SECOND,
        "by receipt": SECOND,
        "by receipt, refused again": SECOND,  # what is still wrong is the later row's own defect
        "by document": SECOND,
        "of a link": SECOND,
        "document refused again": None,
        "other organ": None,
        "other party of one decision": None,  # the first party's own record has got a second version
        "neighbour in one file": None,
        "without organ": None,
        "taken back": None,
        "mistyped": None,
        "a warning only": None,  # it never went back
    }


def test_a_correction_that_is_refused_again_has_its_own_open_defect(built: Built) -> None:
    assert closed(built, PENALTY, SECOND) == {"r2": None, "r5": None}


def test_a_case_number_without_an_organ_in_the_key_closes_nothing(built: Built) -> None:
    assert closed(built, COURT, FIRST) == {"old": None}


def test_the_defects_of_such_a_city_pass_every_dbt_test(built: Built) -> None:
    assert built.broken_tests == set()
