"""The ledger check: what was received is accounted for, batch by batch."""

from datetime import date

import pytest

from creditlake.candidate import BatchInput
from creditlake.gate.ledger import check_ledger
from tests.releases import BATCH, ledger_row

KNOWN = BatchInput(
    dataset="market_regulation.penalty_decision",
    batch_id=BATCH,
    received_date=date(2026, 11, 16),
    status="ok",
    is_current=True,
)


def test_a_ledger_that_adds_up_has_no_finding() -> None:
    assert check_ledger([ledger_row()], [KNOWN]) == []


@pytest.mark.parametrize(
    "part", ["accepted", "held", "rejected", "dropped_in_file", "dropped_stored", "blocked"]
)
@pytest.mark.parametrize("change", [1, -1])
def test_one_row_lost_or_invented_anywhere_holds(part: str, change: int) -> None:
    row = ledger_row()
    wrong = ledger_row(**{part: getattr(row, part) + change})

    (finding,) = check_ledger([wrong], [KNOWN])

    assert finding.observed == -change
    assert finding.severity == "hold"
    assert not finding.approvable


def test_a_batch_missing_in_the_ledger_holds() -> None:
    assert [f.message for f in check_ledger([], [KNOWN])] == [
        f"batch {BATCH}: the batch is missing in the ledger"
    ]


def test_a_batch_the_build_did_not_know_holds() -> None:
    assert [f.message for f in check_ledger([ledger_row()], [])] == [
        f"batch {BATCH}: the ledger names a batch the build did not know"
    ]


def test_a_batch_twice_in_the_ledger_holds() -> None:
    assert [f.message for f in check_ledger([ledger_row(), ledger_row()], [KNOWN])] == [
        f"batch {BATCH}: two ledger rows"
    ]


def test_a_used_batch_whose_rows_nobody_counted_holds() -> None:
    nothing = dict.fromkeys(("accepted", "held", "rejected", "dropped_in_file", "dropped_stored"), 0)
    uncounted = ledger_row(received=None, **nothing)

    assert [f.message for f in check_ledger([uncounted], [KNOWN])] == [
        f"batch {BATCH}: market_regulation.penalty_decision: the batch is used, but nobody counted its rows"
    ]


def test_an_unreadable_file_has_no_row_count_and_that_is_no_finding() -> None:
    nothing = dict.fromkeys(("accepted", "held", "rejected", "dropped_in_file", "dropped_stored"), 0)

    assert check_ledger([ledger_row(status="blocked", received=None, **nothing)], [KNOWN]) == []
