"""The review queue as people get it and bring it back, on a lake written row by row."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from creditlake.builds import BuildError, newest_linked
from creditlake.judgements import Decision, find_rulings
from creditlake.look.status import review_lines
from creditlake.storage import build_manifest_key, read_manifest
from tests.review_desk import (
    BUILD,
    DEFAULTERS,
    PARTIES,
    PERSON,
    Desk,
    doubtful,
    open_desk,
)
from tests.samples import make_uscc


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return open_desk(tmp_path, monkeypatch)


def test_the_queue_shows_each_group_once_the_oldest_deadline_first(desk: Desk) -> None:
    rows = desk.export()

    assert desk.said == f"{desk.path}: 4 rows for 5 records of build {BUILD}\n"
    assert [(row["复核编号"], row["记录数"], row["法定期限"], row["最早收到日期"]) for row in rows] == [
        (PARTIES["late"], 1, "2026-10-15", "2026-11-17"),
        (PARTIES["person"], 1, None, "2026-11-16"),
        (PARTIES["unsound"], 1, None, "2026-11-16"),
        (PARTIES["conflict"], 2, "2026-11-19", "2026-11-17"),
    ]
    assert {name: value for name, value in rows[3].items() if name not in ("复核编号", "清单版本")} == {
        "记录数": 2,
        "疑点": "号码属于一个主体，名称属于另一个主体",
        "当事人类别": "法人及非法人组织",
        "报送名称": "远水建材",
        "统一社会信用代码": f" {make_uscc(1)}",
        "组织机构代码": None,
        "工商注册号": None,
        "纳税人识别号": None,
        "证件号码": None,
        "号码核验": None,
        "候选主体": "L1 云山商贸（企业，990001）\nL2 远水建材（企业，990001）",
        "法定期限": "2026-11-19",
        "最早收到日期": "2026-11-17",
        "涉及数据": "行政处罚决定",
        "决定": None,
        "主体标识": None,
        "理由": None,
        "复核人": None,
    }


def test_more_records_come_first_where_the_deadline_is_the_same(desk: Desk) -> None:
    desk.city.deliver(
        DEFAULTERS, date(2026, 11, 16),
        *({"key": key, "name": "甲", "_link": doubtful("unsound", "L1")} for key in "寅卯"),
    )  # fmt: skip
    desk.city.link("20261117-02")

    assert [row["复核编号"] for row in desk.export()][1:3] == [PARTIES["unsound"], PARTIES["person"]]


def test_doubts_are_ranked_and_unsound_numbers_named_in_chinese(desk: Desk) -> None:
    late, _, unsound, _ = desk.export()

    assert late["疑点"] == ("名称与号码所属主体的现名、曾用名都不一致；号码校验不通过，但登记簿中确有此号")
    assert unsound["号码核验"] == "统一社会信用代码有误写的字符，改正后校验通过"


def test_documents_are_masked_and_no_cell_is_a_formula(desk: Desk) -> None:
    late, person, *_ = desk.export()

    assert person["证件号码"] == f"{PERSON[:6]}********{PERSON[-4:]}"
    assert person["统一社会信用代码"] is None
    assert (late["报送名称"], person["候选主体"]) == ("=1+1", "N1 =周明（自然人，990001）")
    book = openpyxl.load_workbook(desk.path)
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} == {"s", "n"}
    assert PERSON not in str([[cell.value for cell in row] for row in book.active.iter_rows()])


def test_a_queue_of_a_day_without_links_says_what_to_run(desk: Desk) -> None:
    with pytest.raises(BuildError, match="no build of 2026-11-16 is linked; run `creditlake link"):
        newest_linked(desk.city.lake, date(2026, 11, 16))


def test_links_of_an_earlier_version_say_what_to_run(desk: Desk) -> None:
    links = read_manifest(desk.city.lake, build_manifest_key("links", BUILD))
    links.outputs = read_manifest(desk.city.lake, build_manifest_key("registers", BUILD)).outputs[:1]
    key = build_manifest_key("links", "20261117-02")
    desk.city.lake.put_if_absent(key, links.model_dump_json().encode())

    with pytest.raises(
        BuildError, match="20261117-02 was linked by an earlier version; run `creditlake link`"
    ):
        desk.export()


def test_decisions_come_back_and_the_open_rows_stay(desk: Desk) -> None:
    desk.export()
    desk.fill("conflict", 决定="归入", 主体标识="L2 远水建材（企业，990001）", 理由="登记档案", 复核人="林")
    desk.fill("person", 决定="不是该主体", 主体标识="N1", 理由="同名")
    desk.fill("late", 决定="不归入任何主体", 理由="外地企业")

    code, said = desk.bring_back()

    assert code == 0
    assert said == (
        "review.xlsx: 3 decisions taken, 0 known already, 1 rows open, 0 refused\n"
        "they count from 2026-11-17; the next `creditlake link` applies them\n"
    )
    found = {
        one.party: (one.decision, one.subject_id, one.who, one.why, one.entered_by)
        for one in desk.judgements()
    }
    assert found == {
        PARTIES["conflict"]: ("link", "L2", "林", "登记档案", "王"),
        PARTIES["person"]: ("not_this", "N1", "王", "同名", "王"),
        PARTIES["late"]: ("none", None, "王", "外地企业", "王"),
    }


ITEM = f"复核编号 {PARTIES['conflict']}"
AGAIN = "export the queue again and decide on what it says now"
NONE = {"决定": "不归入任何主体", "理由": "外地企业"}
BAD: list[tuple[dict[str, str], str]] = [
    (
        {"决定": "归入", "主体标识": "L2"},
        "the reason (理由) is missing; say why, it is kept beside the decision",
    ),
    (
        {"决定": "同意", "理由": "a"},
        "决定: not one of the decisions; write one of 归入、不是该主体、不归入任何主体",
    ),
    ({"理由": "a"}, "决定: the decision is missing; write one of 归入、不是该主体、不归入任何主体"),
    ({"决定": "归入", "理由": "a"}, "归入 needs the subject (主体标识); copy its id from 候选主体"),
    (
        {"决定": "归入", "主体标识": "L9", "理由": "a"},
        "unknown subject id (主体标识); copy it whole from 候选主体",
    ),
    (
        {"决定": "归入", "主体标识": "N1", "理由": "a"},
        f"the subject is of another kind than {ITEM} (当事人类别); choose one that fits it",
    ),
    (
        {"决定": "不是该主体", "主体标识": "N1", "理由": "a"},
        f"the subject is no candidate of {ITEM}; copy the id (主体标识) from 候选主体",
    ),
    (
        {**NONE, "主体标识": "L1"},
        "不归入任何主体 goes with no subject (主体标识); empty the cell, or decide otherwise",
    ),
    (
        {**NONE, "复核编号": "f" * 20},
        "unknown review number (复核编号); copy it whole from the exported workbook",
    ),
    (
        {**NONE, "清单版本": f"{BUILD}/00000000"},
        f"{ITEM} has changed since the export (疑点、候选主体); {AGAIN}",
    ),
    ({**NONE, "清单版本": "1"}, f"清单版本 has been altered; {AGAIN}"),
]


def test_each_bad_row_is_named_with_its_cure_and_the_good_ones_are_taken(desk: Desk) -> None:
    desk.export()
    desk.add("conflict", *(cells for cells, _ in BAD), NONE)

    code, said = desk.bring_back()

    assert code == 1
    assert said.splitlines() == [
        "review.xlsx: 1 decisions taken, 0 known already, 4 rows open, 11 refused",
        *(f"  row {row_no}: {message}" for row_no, (_, message) in enumerate(BAD, start=6)),
        "they count from 2026-11-17; the next `creditlake link` applies them",
    ]
    assert [(one.party, one.decision) for one in desk.judgements()] == [(PARTIES["conflict"], Decision.NONE)]


def test_a_group_decided_twice_in_one_workbook_is_refused_but_for_further_exclusions(desk: Desk) -> None:
    desk.export()
    decided = (("不是该主体", "L1"), ("不是该主体", "L2"), ("归入", "L2"))
    desk.add("conflict", *({"决定": word, "主体标识": subject, "理由": "查档"} for word, subject in decided))

    code, said = desk.bring_back()

    assert code == 1
    assert f"row 8: 复核编号 {PARTIES['conflict']} is decided twice; keep one of the rows" in said
    (ruling,) = find_rulings(desk.judgements()).values()
    assert ruling.excluded == ("L1", "L2")


def test_a_workbook_read_twice_writes_nothing_new(desk: Desk) -> None:
    desk.export()
    desk.fill("late", 决定="不归入任何主体", 理由="外地企业")
    desk.bring_back()
    before = list(desk.city.lake.list_keys("decisions"))

    code, said = desk.bring_back("--business-date", "2026-11-18")

    assert (code, said) == (0, "review.xlsx: 0 decisions taken, 1 known already, 3 rows open, 0 refused\n")
    assert list(desk.city.lake.list_keys("decisions")) == before
    (judgement,) = desk.judgements()
    assert before == [f"decisions/link_judgement/2026-11-17/{judgement.judgement_id}.json"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b"no workbook"), "review.xlsx is no workbook"),
        (
            lambda path: openpyxl.Workbook().save(path),
            "row 1 must have each of the columns 复核编号、清单版本、决定",
        ),
    ],
)
def test_a_file_that_is_no_review_is_refused_whole(
    desk: Desk, spoil: Callable[[Path], None], message: str
) -> None:
    from creditlake.review.sheet import ReviewRefused

    spoil(desk.path)

    with pytest.raises(ReviewRefused, match=message):
        desk.bring_back()


def test_status_says_what_waits_for_a_person_and_what_contradicts_a_judgement(desk: Desk) -> None:
    assert review_lines(desk.city.lake) == []
    links = read_manifest(desk.city.lake, build_manifest_key("links", BUILD))
    links.counts = {"review": 1200}
    links.extra = {
        "contradicted_judgements": [{"judgement_id": "j1", "subject_id": "L1", "records": 3}],
        "largest_groups": [
            {"party": "a1", "records": 1100, "candidates": 2}, {"party": "a2", "records": 1, "candidates": 1},
        ],
    }  # fmt: skip
    key = build_manifest_key("links", "20261117-02")
    desk.city.lake.put_if_absent(key, links.model_dump_json().encode())

    assert review_lines(desk.city.lake) == [
        "review: 1,200 records wait for a person; see `creditlake review export`",
        "  复核编号 a1: 1,100 records, 2 candidates",
        "judgement j1: exact evidence points to L1 for 3 records; it stands until"
        " `creditlake review export` is decided anew",
    ]
