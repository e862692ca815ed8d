"""The demo's four days by hand, without Airflow: what is published, blocked, held and returned."""

import pytest

from creditlake.catalog import load_catalog
from creditlake.look.day import DaySummary
from creditlake.receipts import list_receipts
from creditlake.settings import settings
from creditlake.simulate.scenario import DEMO_DAYS
from creditlake.storage import open_lake
from tests.e2e.conftest import Installation
from tests.services import folder_settings

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_three_days_are_published_and_the_tripled_list_is_held(
    played: tuple[Installation, list[DaySummary]],
) -> None:
    place, summaries = played
    assert [s.release is not None for s in summaries] == [True, True, True, False]
    third = summaries[2].release
    pointer = place.pointer()
    assert third
    assert pointer
    assert pointer["release_id"] == third.release_id


def test_the_held_day_says_what_grew_and_whom_to_ask(played: tuple[Installation, list[DaySummary]]) -> None:
    verdict = played[1][3].verdict
    assert verdict
    assert {f.check for f in verdict.holds} == {"envelope"}
    assert all(f.ask and f.message_zh for f in verdict.holds)


def test_damaged_files_are_blocked_and_every_other_department_goes_on(
    played: tuple[Installation, list[DaySummary]],
) -> None:
    blocked = {b.dataset: [d.code for d in b.defects] for d in played[1][2].departments for b in d.blocked}
    assert blocked["market_regulation.penalty_decision"] == ["F05"]
    assert blocked["market_regulation.entity_register"] == ["F03"]
    assert [codes for name, codes in blocked.items() if codes == ["F01"]], blocked
    assert len(blocked) == 3
    assert played[1][2].release is not None


def test_every_received_row_is_accounted_for_on_every_day(
    played: tuple[Installation, list[DaySummary]],
) -> None:
    for summary in played[1]:
        assert summary.candidate.ledger
        assert [row for row in summary.candidate.ledger if row.difference] == []


def test_the_file_delivered_twice_has_two_receipts_and_counts_once(
    played: tuple[Installation, list[DaySummary]],
) -> None:
    place, summaries = played
    contract = load_catalog(settings().catalog).contracts["market_regulation.penalty_decision"]
    received = list_receipts(open_lake(folder_settings(place.home)), contract, DEMO_DAYS[1])
    batches = [receipt.batch_id for receipt in received if receipt.received_date == DEMO_DAYS[1]]
    assert len(batches) == 2
    assert len(set(batches)) == 1
    assert [row.batch_id for row in summaries[1].candidate.ledger].count(batches[0]) == 1


def test_refused_rows_go_back_to_their_departments(played: tuple[Installation, list[DaySummary]]) -> None:
    place, summaries = played
    rejected = {d.code for s in summaries for d in s.departments if d.rejected or d.held or d.blocked}
    assert rejected
    returned = {
        path.relative_to(place.home / "outbox").parts[0]
        for path in (place.home / "outbox").rglob("*退回*.xlsx")
    }
    assert returned == rejected


def test_a_published_row_can_be_traced_to_file_and_row(played: tuple[Installation, list[DaySummary]]) -> None:
    place, _ = played
    found = place.run("sql", "select record_id from pub_penalty order by 1 limit 1")
    record_id = next(word for word in found.split() if len(word) == 32)
    traced = place.run("trace", record_id)
    assert "market_regulation.penalty_decision" in traced
    assert ".csv" in traced
    assert "row" in traced


def test_running_a_published_day_again_changes_nothing(
    played: tuple[Installation, list[DaySummary]], days: list[str]
) -> None:
    place, _ = played
    before = place.pointer()
    place.run("run", "--business-date", days[2])
    after = place.pointer()
    assert before
    assert after
    assert after["content_hash"] == before["content_hash"]
