"""Publishing: one pointer, moved only to a judged, verified and complete release, whatever happens."""

import hashlib
import json
from pathlib import Path

import pytest

from creditlake.approval import NotApprovable, approve
from creditlake.candidate import candidate_key, read_candidate
from creditlake.published import (
    BrokenChain,
    check_chain,
    find_release,
    read_current,
    read_pointer,
    read_release,
    release_key,
)
from creditlake.release import (
    NotJudged,
    OlderBuild,
    Publication,
    ReleaseHeld,
    approve_build,
    judge_candidate,
    prepare_release,
    publish_build,
)
from creditlake.storage import CorruptObject, FolderLake
from tests.gate.tables import healthy_rows
from tests.releases import many_defaulters, many_penalties, narrow_rules, publish_penalties, store_candidate

PENALTY = narrow_rules()
LISTS = narrow_rules("pub_list_current")
DAY1, DAY2, DAY3 = "20261116-01", "20261117-01", "20261118-01"


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def everything(lake: FolderLake) -> dict[str, str]:
    """Return every object with its sha256."""
    return {key: hashlib.sha256(lake.read_bytes(key)).hexdigest() for key in lake.list_keys()}


def test_a_release_is_named_after_its_day_attempt_and_content(lake: FolderLake, scratch: Path) -> None:
    done = publish_penalties(lake, DAY1, scratch, many_penalties(3))

    release = read_current(lake)
    assert release is not None
    assert done == Publication("published", release.release_id)
    assert find_release(lake, DAY1) == release
    assert find_release(lake, DAY2) is None
    assert release.release_id == f"20261116-01-{release.content_hash[:8]}"
    assert sorted(lake.list_keys("releases")) == [
        release_key(release.release_id, name)
        for name in ("diff.json", "gate.json", "manifest.json", "report.html", "report.md")
    ]
    assert sorted(lake.list_keys("serving")) == [
        f"serving/{release.release_id}/{name}"
        for name in (
            "authorised.duckdb",
            "gov_shared.duckdb",
            "internal.duckdb",
            "portal.sqlite",
            "public.duckdb",
        )
    ]


def test_each_release_names_its_parent_and_the_parents_manifest(lake: FolderLake, scratch: Path) -> None:
    first = publish_penalties(lake, DAY1, scratch, many_penalties(3)).release_id
    second = publish_penalties(lake, DAY2, scratch, many_penalties(4)).release_id

    release = read_release(lake, second)
    assert release.parent == first
    assert release.parent_manifest_sha256 == hashlib.sha256(lake.read_bytes(release_key(first))).hexdigest()
    assert check_chain(lake, release) == 1


def test_a_changed_manifest_breaks_the_chain(lake: FolderLake, scratch: Path) -> None:
    first = publish_penalties(lake, DAY1, scratch, many_penalties(3)).release_id
    second = publish_penalties(lake, DAY2, scratch, many_penalties(4)).release_id
    path = lake.root / release_key(first)
    data = path.read_bytes().replace(b'"rows": 3', b'"rows": 4')
    path.unlink()
    path.write_bytes(data)

    with pytest.raises(BrokenChain, match="was changed after it was published"):
        check_chain(lake, read_release(lake, second))


def test_the_diff_counts_added_changed_and_removed_rows_from_the_files(
    lake: FolderLake, scratch: Path
) -> None:
    publish_penalties(lake, DAY1, scratch, many_penalties(5))
    rows = many_penalties(6, first=2)  # record 1 left, 6 and 7 came
    rows[0]["penalty_content"] = "罚款3000元。"
    release_id = publish_penalties(lake, DAY2, scratch, rows).release_id

    diff = json.loads(lake.read_bytes(release_key(release_id, "diff.json")))

    assert diff["tables"]["pub_penalty"] == {
        "rows_before": 5, "rows_after": 6, "added": 2, "changed": 1, "removed": 1,
        "columns_added": [], "columns_removed": [], "columns_retyped": [],
        "sample": {
            "added": [[f"{6:032x}"], [f"{7:032x}"]], "changed": [[f"{2:032x}"]], "removed": [[f"{1:032x}"]],
        },
    }  # fmt: skip


def test_publishing_twice_changes_nothing(lake: FolderLake, scratch: Path) -> None:
    first = publish_penalties(lake, DAY1, scratch, many_penalties(3))
    before = everything(lake)

    judge_candidate(lake, DAY1, scratch, PENALTY)
    prepare_release(lake, DAY1, PENALTY)
    again = publish_build(lake, DAY1, scratch, PENALTY)

    assert again == Publication("unchanged", first.release_id)
    assert everything(lake) == before


def test_a_build_with_the_published_content_publishes_nothing_and_says_so(
    lake: FolderLake, scratch: Path
) -> None:
    first = publish_penalties(lake, DAY1, scratch, many_penalties(3))

    second = publish_penalties(lake, DAY2, scratch, many_penalties(3))

    assert second == Publication("unchanged", first.release_id)
    assert str(second) == f"{first.release_id} is published and has exactly this content; nothing to do"
    assert list(lake.list_keys(f"releases/{DAY2}")) == []
    assert not [key for key in lake.list_keys("releases") if "20261117" in key]


def test_a_held_candidate_touches_nothing_published(lake: FolderLake, scratch: Path) -> None:
    publish_penalties(lake, DAY1, scratch, many_penalties(3))
    before = everything(lake)
    broken = [{**row, "counterpart_class": "NATURAL"} for row in many_penalties(4)]

    with pytest.raises(ReleaseHeld, match="natural person's penalty is public"):
        publish_penalties(lake, DAY2, scratch, broken)

    after = everything(lake)
    assert {key: after[key] for key in before} == before
    assert sorted(key for key in set(after) - set(before) if not key.startswith("tables/")) == [
        f"candidates/{DAY2}/{name}"
        for name in ("diff.json", "gate.json", "manifest.json", "report.html", "report.md")
    ]


def test_the_report_of_a_held_candidate_says_what_to_do_and_whom_to_ask(
    lake: FolderLake, scratch: Path
) -> None:
    for build, count in ((DAY1, 100), (DAY2, 300)):
        store_candidate(lake, build, scratch, {"pub_list_current": many_defaulters(count)}, LISTS)
        judge_candidate(lake, build, scratch, LISTS)
        if build == DAY1:
            publish_build(lake, build, scratch, LISTS)

    for name in ("report.md", "report.html"):
        report = lake.read_bytes(f"candidates/{DAY2}/{name}").decode()
        assert "暂缓发布" in report
        assert "请向市中级人民法院执行局核实" in report
        assert "已发布版本保持不变" in report
        assert "核实属实后批准本候选版本" in report


def test_a_candidate_without_a_verdict_is_refused(lake: FolderLake, scratch: Path) -> None:
    store_candidate(lake, DAY1, scratch, {"pub_penalty": many_penalties(3)}, PENALTY)

    with pytest.raises(NotJudged, match="run `creditlake gate"):
        publish_build(lake, DAY1, scratch, PENALTY)

    assert read_pointer(lake) == (None, None)


def test_a_verdict_under_older_rules_is_no_verdict(lake: FolderLake, scratch: Path) -> None:
    store_candidate(lake, DAY1, scratch, {"pub_penalty": many_penalties(3)}, PENALTY)
    judge_candidate(lake, DAY1, scratch, PENALTY)
    declared = PENALTY.declarations["pub_penalty"]
    stricter = declared.model_copy(update={"expectations": declared.expectations[:-1]})

    with pytest.raises(NotJudged):
        publish_build(
            lake, DAY1, scratch, PENALTY.model_copy(update={"declarations": {"pub_penalty": stricter}})
        )


def test_an_approved_candidate_is_published_with_its_decision(lake: FolderLake, scratch: Path) -> None:
    store_candidate(lake, DAY1, scratch, {"pub_list_current": many_defaulters(100)}, LISTS)
    judge_candidate(lake, DAY1, scratch, LISTS)
    publish_build(lake, DAY1, scratch, LISTS)
    store_candidate(lake, DAY2, scratch, {"pub_list_current": many_defaulters(300)}, LISTS)
    held = judge_candidate(lake, DAY2, scratch, LISTS)

    assert held.verdict == "hold"
    approval = approve_build(
        lake, DAY2, "credit office duty officer", "the court confirmed by letter 7", LISTS
    )
    publish_build(lake, DAY2, scratch, LISTS)

    release = read_current(lake)
    assert release is not None
    assert (release.build, release.approval) == (DAY2, approval.decision_id)
    assert list(lake.list_keys("decisions")) == [f"decisions/release_approval/{approval.decision_id}.json"]


def test_an_approval_is_for_one_content_only(lake: FolderLake, scratch: Path) -> None:
    store_candidate(lake, DAY1, scratch, {"pub_list_current": many_defaulters(100)}, LISTS)
    judge_candidate(lake, DAY1, scratch, LISTS)
    publish_build(lake, DAY1, scratch, LISTS)
    store_candidate(lake, DAY2, scratch, {"pub_list_current": many_defaulters(300)}, LISTS)
    approve(lake, judge_candidate(lake, DAY2, scratch, LISTS), "officer", "confirmed")
    other = "20261117-02"
    store_candidate(lake, other, scratch, {"pub_list_current": many_defaulters(301)}, LISTS)
    judge_candidate(lake, other, scratch, LISTS)

    with pytest.raises(ReleaseHeld):
        publish_build(lake, other, scratch, LISTS)


def test_personal_data_cannot_be_approved(lake: FolderLake, scratch: Path) -> None:
    rows = healthy_rows("pub_penalty")
    rows[0]["violation_facts"] = "电话13812345678"
    store_candidate(lake, DAY1, scratch, {"pub_penalty": rows}, PENALTY)

    with pytest.raises(NotApprovable, match="mobile_in_violation_facts must be mended"):
        approve(lake, judge_candidate(lake, DAY1, scratch, PENALTY), "officer", "it is fine")


def test_a_damaged_file_is_never_published(lake: FolderLake, scratch: Path) -> None:
    publish_penalties(lake, DAY1, scratch, many_penalties(3))
    candidate = store_candidate(lake, DAY2, scratch, {"pub_penalty": many_penalties(4)}, PENALTY)
    judge_candidate(lake, DAY2, scratch, PENALTY)
    pointer = lake.read_bytes("current.json")
    path = lake.root / candidate.tables["pub_penalty"].files[0].key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)

    with pytest.raises(CorruptObject, match="is corrupt"):
        publish_build(lake, DAY2, scratch, PENALTY)

    assert lake.read_bytes("current.json") == pointer


def test_a_manifest_whose_row_counts_are_wrong_is_never_published(lake: FolderLake, scratch: Path) -> None:
    table = store_candidate(lake, DAY1, scratch, {"pub_penalty": many_penalties(3)}, PENALTY).tables[
        "pub_penalty"
    ]
    wrong = table.model_copy(
        update={"files": tuple(f.model_copy(update={"rows": 4}) for f in table.files), "rows": 4}
    )
    candidate = read_candidate(lake, DAY1).model_copy(
        update={"build": "20261116-02", "tables": {"pub_penalty": wrong}}
    )
    lake.put_if_absent(candidate_key("20261116-02"), candidate.model_dump_json().encode())
    judge_candidate(lake, "20261116-02", scratch, PENALTY)

    with pytest.raises(CorruptObject, match="4 rows"):
        publish_build(lake, "20261116-02", scratch, PENALTY)

    assert read_pointer(lake) == (None, None)


def test_an_older_day_is_never_published_over_a_later_one(lake: FolderLake, scratch: Path) -> None:
    second = publish_penalties(lake, DAY2, scratch, many_penalties(4)).release_id

    with pytest.raises(OlderBuild, match="never published over a later one"):
        publish_penalties(lake, DAY1, scratch, many_penalties(3))

    release = read_current(lake)
    assert release is not None
    assert release.release_id == second


class RacingLake(FolderLake):
    """A lake in which another build publishes just before our swap, once: a second process, made certain."""

    def __init__(self, root: Path, rival: str, scratch: Path) -> None:
        super().__init__(root)
        self.rival: str | None = rival
        self.scratch = scratch

    def compare_and_swap(self, key: str, data: bytes, token: str | None) -> None:
        if self.rival:
            rival, self.rival = self.rival, None
            publish_build(FolderLake(self.root), rival, self.scratch, PENALTY)
        super().compare_and_swap(key, data, token)


def race(lake: FolderLake, scratch: Path, ours: str, rival: str) -> RacingLake:
    """Judge two builds against the same release; the rival will win the swap."""
    publish_penalties(lake, DAY1, scratch, many_penalties(3))
    for build, count in ((ours, 4), (rival, 5)):
        store_candidate(lake, build, scratch, {"pub_penalty": many_penalties(count)}, PENALTY)
        judge_candidate(lake, build, scratch, PENALTY)
    return RacingLake(lake.root, rival, scratch)


def test_the_loser_of_the_swap_gives_up_when_its_day_is_older(lake: FolderLake, scratch: Path) -> None:
    racing = race(lake, scratch, ours=DAY2, rival=DAY3)

    with pytest.raises(OlderBuild):
        publish_build(racing, DAY2, scratch, PENALTY)

    release = read_current(lake)
    assert release is not None
    assert release.build == DAY3


def test_the_loser_of_the_swap_with_the_later_day_is_judged_anew_and_follows(
    lake: FolderLake, scratch: Path
) -> None:
    racing = race(lake, scratch, ours=DAY3, rival=DAY2)

    done = publish_build(racing, DAY3, scratch, PENALTY)

    release = read_current(lake)
    assert release is not None
    assert done == Publication("published", release.release_id)
    assert release.release_id.endswith("r2")
    assert find_release(lake, DAY3) == release
    assert release.parent is not None
    assert release.parent.startswith(DAY2)
    assert check_chain(lake, release) == 2
    judged = json.loads(lake.read_bytes(release_key(release.release_id, "gate.json")))
    assert judged["parent"] == release.parent
