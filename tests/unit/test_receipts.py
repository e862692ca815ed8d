"""Receipts give the batches their order, and verdicts their fate, as of a business date."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from creditlake.receipts import current_snapshot, list_batches, list_receipts
from creditlake.storage import FolderLake
from creditlake.verdicts import Settlement, list_verdicts, settle_batch
from tests.deliveries import DAY, NEXT_DAY, NOW, OLD, collect, make_contract, put_file

SNAPSHOT = make_contract(delivery={"kind": "full_snapshot"})
INCREMENT = make_contract()


def deliver_a_b_a(folder: Path) -> FolderLake:
    """Deliver A and B on one day and A again on the next."""
    lake = FolderLake(folder / "lake")
    inbox = folder / "inbox"
    put_file(inbox, "x_1.csv", "A")
    put_file(inbox, "x_2.csv", "B", at=OLD + timedelta(minutes=1))
    collect(lake, SNAPSHOT, inbox, DAY)
    put_file(inbox, "x_3.csv", "A", at=OLD + timedelta(days=1))
    collect(lake, SNAPSHOT, inbox, NEXT_DAY, now=NOW + timedelta(days=1))
    return lake


def contents(lake: FolderLake, batches) -> str:  # type: ignore[no-untyped-def]
    return "".join(lake.read_bytes(batch.files[0].key).decode() for batch in batches)


def test_a_snapshot_delivered_a_b_a_has_the_state_a(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)

    batches = list_batches(lake, SNAPSHOT, NEXT_DAY)

    assert contents(lake, batches) == "BA"
    current = current_snapshot(batches, [batch.batch_id for batch in batches])
    assert current is not None
    assert contents(lake, [current]) == "A"
    assert (current.first_received_date, current.received_date) == (DAY, NEXT_DAY)


def test_the_day_before_the_repetition_the_state_was_b(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)

    batches = list_batches(lake, SNAPSHOT, DAY)

    assert contents(lake, batches) == "AB"
    assert [len(batch.receipts) for batch in batches] == [1, 1]


def test_the_state_is_the_last_accepted_batch_or_none(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)
    batches = list_batches(lake, SNAPSHOT, NEXT_DAY)
    only_b = current_snapshot(batches, [batches[0].batch_id])

    assert only_b is not None
    assert contents(lake, [only_b]) == "B"
    assert current_snapshot(batches, []) is None


def test_an_increment_sent_again_keeps_its_first_place(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)

    batches = list_batches(lake, INCREMENT, NEXT_DAY)

    assert contents(lake, batches) == "AB"
    assert [batch.received_date for batch in batches] == [DAY, DAY]
    assert [len(batch.receipts) for batch in batches] == [2, 1]


def test_receipts_are_in_order_of_day_then_file_time(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)

    receipts = list_receipts(lake, SNAPSHOT, NEXT_DAY)

    assert [receipt.files[0].name for receipt in receipts] == ["x_1.csv", "x_2.csv", "x_3.csv"]
    assert list_receipts(lake, SNAPSHOT, DAY - timedelta(days=1)) == []


def test_the_newest_verdict_counts_from_its_business_date(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)
    batch_id = list_batches(lake, SNAPSHOT, DAY)[0].batch_id
    first = settle_batch(
        lake,
        SNAPSHOT.name,
        batch_id,
        Settlement.ACCEPT,
        who="wang",
        why="confirmed by phone",
        business_date=DAY,
    )
    second = settle_batch(
        lake, SNAPSHOT.name, batch_id, Settlement.REJECT, who="li", why="wrong month", business_date=NEXT_DAY
    )

    assert list_verdicts(lake, date(2026, 11, 16)) == {}
    assert list_verdicts(lake, DAY) == {batch_id: first}
    assert list_verdicts(lake, NEXT_DAY) == {batch_id: second}
    assert len(list(lake.list_keys("decisions"))) == 2


def test_a_verdict_needs_a_known_batch_a_person_and_a_reason(tmp_path: Path) -> None:
    lake = deliver_a_b_a(tmp_path)
    batch_id = list_batches(lake, SNAPSHOT, DAY)[0].batch_id

    with pytest.raises(ValueError, match="has received no batch b00"):
        settle_batch(lake, SNAPSHOT.name, "b00", Settlement.ACCEPT, who="wang", why="x", business_date=DAY)
    with pytest.raises(ValueError, match="who decides and why"):
        settle_batch(lake, SNAPSHOT.name, batch_id, Settlement.ACCEPT, who="wang", why=" ", business_date=DAY)
    assert list(lake.list_keys("decisions")) == []
