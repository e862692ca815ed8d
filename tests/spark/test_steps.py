"""Standardise and link as steps: work lists, commits, retries, blocks, and what they refuse."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from creditlake.calendar import work_calendar
from creditlake.decode import decode_waiting
from creditlake.records import NotSettled, list_records, rejects_of, settled_records
from creditlake.storage import CorruptObject, ObjectExists
from creditlake.verdicts import Settlement, settle_batch
from spark_jobs.commit import late_before, list_waiting, standardise_batches
from spark_jobs.registering import find_parent
from spark_jobs.standardise import set_aside_corrupt
from tests.deliveries import DAY, NEXT_DAY
from tests.spark.room import LISTED, LISTED_ROWS, REGISTER, REGISTER_ROWS, Room
from tests.spark.rows import COMPANY, SHOP


@pytest.fixture
def room(tmp_path: Path, few_rows: SparkSession) -> Room:
    return Room(tmp_path, few_rows)


def test_a_batch_is_committed_with_its_counts_and_waits_no_more(room: Room) -> None:
    room.deliver(LISTED, LISTED_ROWS)
    (manifest,) = room.standardise()
    assert manifest.status == "ok"
    assert manifest.counts == {
        "received": 5, "accepted": 2, "held": 1, "rejected": 1, "dropped": 1, "K01": 1, "M01": 1, "U01": 1,
    }  # fmt: skip
    assert manifest.columns == ["doc_no", "name", "uscc"]
    (batch,) = list_records(room.lake, room.catalog, LISTED, DAY)
    assert {(entry.outcome, entry.rows) for entry in batch.outputs} == {("accepted", 2), ("held", 1)}
    rejects = rejects_of(room.lake, batch)
    assert rejects is not None
    assert {(entry.outcome, entry.rows) for entry in rejects.outputs} == {("rejected", 1), ("dropped", 1)}
    assert room.standardise() == []


def test_a_rerun_after_a_lost_manifest_gives_the_same_rows(room: Room) -> None:
    room.deliver(LISTED, LISTED_ROWS)
    (first,) = room.standardise()
    (batch,) = list_records(room.lake, room.catalog, LISTED, DAY)
    room.lake.delete(batch.manifest_key("records"))
    (second,) = room.standardise()
    assert room.rows(second) == room.rows(first)
    assert {entry.key for entry in first.outputs}.isdisjoint(entry.key for entry in second.outputs)
    assert second.counts == first.counts


def test_a_batch_with_too_many_refused_rows_is_blocked_until_a_person_accepts_it(room: Room) -> None:
    room.deliver(LISTED, [["甲1号", "云山商贸", COMPANY], ["甲2号", "", COMPANY], ["甲3号", "无", COMPANY]])
    (blocked,) = room.standardise()
    assert (blocked.status, blocked.outputs, [d.code for d in blocked.defects]) == ("blocked", [], ["F07"])
    (batch,) = list_records(room.lake, room.catalog, LISTED, DAY)
    rejects = rejects_of(room.lake, batch)
    assert rejects is not None
    assert sum(entry.rows for entry in rejects.outputs) == 2
    assert settled_records(room.lake, room.catalog, DAY)[LISTED.name] == []
    assert room.standardise() == []

    settle_batch(
        room.lake,
        LISTED.name,
        batch.batch.batch_id,
        Settlement.ACCEPT,
        who="林",
        why="核对无误",
        business_date=DAY,
    )
    decode_waiting(room.lake, room.catalog, DAY, scratch=room.context.scratch)
    (accepted,) = room.standardise()
    assert (accepted.status, accepted.counts["accepted"]) == ("ok", 1)


def test_a_corrupt_file_of_cells_leaves_its_batch_waiting_and_the_others_go_on(room: Room) -> None:
    room.deliver(LISTED, LISTED_ROWS)
    room.deliver(REGISTER, REGISTER_ROWS)
    (batch,) = list_records(room.lake, room.catalog, LISTED, DAY)
    path = Path(room.lake.spark_url(batch.cells.outputs[0].key))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    waiting = list_waiting(room.lake, room.catalog, DAY)
    sound, errors = set_aside_corrupt(room.lake, waiting, room.context.scratch)
    assert (list(waiting), list(sound)) == ([REGISTER.name, LISTED.name], [REGISTER.name])
    assert [error.key for error in errors] == [batch.cells.outputs[0].key]
    with pytest.raises(CorruptObject, match="part-00000"):
        standardise_batches(room.context, waiting[LISTED.name])
    assert not room.lake.exists(batch.manifest_key("records"))


def test_links_cover_accepted_and_held_rows_and_name_their_evidence(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    registers, links = room.link(DAY, "20261117-01")
    assert registers.counts == {
        "subjects": 2,
        "identifiers": 4,
        "names": 2,
        "subject_changes": 0,
        "roles": 0,
        "alarms": 0,
    }
    assert links.counts == {
        "auto": 1, "auto/exact_uscc": 1, "review": 1, "review/name_disagrees": 1,
        "unlinked": 1, "unlinked/name_only": 1,
    }  # fmt: skip
    rows = {row["row_no"]: row for row in room.rows(links)}
    assert sorted(rows) == [2, 3, 5]
    assert rows[2]["evidence"] == "uscc; name=current"
    assert {row["dataset"] for row in rows.values()} == {LISTED.name}


def test_a_build_committed_by_another_run_stands(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    registers, links = room.link(DAY, "20261117-01")
    again = room.link(DAY, "20261117-01")
    assert again == (registers, links)


def test_a_later_build_keeps_the_subjects_and_two_rebuilds_agree(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    first, _ = room.link(DAY, "20261117-01")
    room.deliver(
        REGISTER, [["1", COMPANY, "白石商贸"], ["2", SHOP, "周明小吃店"], ["3", "", "新店"]], NEXT_DAY
    )
    room.deliver(LISTED, [["乙1号", "云山商贸", COMPANY]], NEXT_DAY)
    room.standardise(NEXT_DAY)
    builds = [room.link(NEXT_DAY, build) for build in ("20261118-01", "20261118-02")]
    parent = find_parent(room.lake, "20261118-01")
    assert parent is not None
    assert parent.extra["build"] == "20261117-01"
    for _, links in builds:
        rows = [row for row in room.rows(links) if row["status"] == "auto"]
        assert {row["evidence"] for row in rows} == {"uscc; name=former"}  # 云山商贸 is the old name now
        assert len(rows) == 2
    assert [room.rows(made) for made in builds[0]] == [room.rows(made) for made in builds[1]]
    subjects = {row["subject_id"] for row in room.rows(first) if "archive" in row}
    assert subjects < {row["subject_id"] for row in room.rows(builds[0][0]) if "archive" in row}


def test_a_build_is_refused_while_a_batch_waits(room: Room) -> None:
    room.deliver(LISTED, LISTED_ROWS)
    with pytest.raises(NotSettled, match=r"court\.listed b[0-9a-f]{20}: standardise"):
        settled_records(room.lake, room.catalog, DAY)
    room.standardise()
    assert len(settled_records(room.lake, room.catalog, DAY)[LISTED.name]) == 1


def test_a_manifest_is_never_written_twice(room: Room) -> None:
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    (batch,) = list_records(room.lake, room.catalog, LISTED, DAY)
    with pytest.raises(ObjectExists):
        room.lake.put_if_absent(batch.manifest_key("records"), b"{}")


def test_late_before_says_the_same_as_each_decisions_deadline() -> None:
    calendar = work_calendar()
    days = [date(2026, 9, 1) + timedelta(days=n) for n in range(60)]  # with the National Day holidays
    for received in days[30:]:
        first = late_before(received, 7)
        assert first is not None
        for decided in days:
            deadline = calendar.deadline(decided)
            assert deadline is not None
            assert (decided < first) == (received > deadline), (decided, received)
    assert late_before(date(2004, 1, 5), 7) is None  # decided before the calendar begins: unknown


def test_a_deadline_beyond_the_calendar_is_unknown_and_not_late() -> None:
    last = date(work_calendar().last_year, 12, 31)
    first = late_before(last + timedelta(days=40), 7)
    assert first is not None
    assert first < last
    assert work_calendar().deadline(first) is None
    assert work_calendar().deadline(first - timedelta(days=1)) is not None
