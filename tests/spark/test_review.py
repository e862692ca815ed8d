"""Review as steps: the queue of a linked lake goes out, decisions come back, and the next links obey them."""

import logging
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from pyspark.sql import SparkSession

from creditlake.builds import is_outdated, newest_linked, open_build
from creditlake.judgements import list_judgements
from creditlake.review.decide import Clerk, Imported, import_rows
from creditlake.review.explain import explain_link
from creditlake.review.page import make_page
from creditlake.review.queue import ReviewItem, read_queue
from creditlake.review.sheet import HEADER, read_sheet, write_sheet
from creditlake.settings import Settings
from creditlake.storage import build_manifest_key, find_manifest
from spark_jobs.judging import CONTRADICTED
from tests.deliveries import DAY, NEXT_DAY, make_contract
from tests.samples import make_uscc
from tests.services import folder_settings
from tests.spark.room import LISTED, REGISTER, REGISTER_ROWS, Room
from tests.spark.rows import COMPANY, SHOP

NOW = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)
FINED = make_contract(
    "court.fined",
    {
        "doc_no": {"title": "文号", "type": "doc_no", "source_name": "doc_no", "required": True},
        "name": {"title": "名称", "type": "name", "source_name": "name", "required": True},
        "uscc": {"title": "代码", "type": "uscc", "source_name": "uscc"},
        "decided": {"title": "日期", "type": "date", "source_name": "decided"},
    },
    title="罚款决定",
    subject={"kind": "legal_entity", "name": "name", "uscc": "uscc"},
    delivery={"file_pattern": "fined_*.csv"},
    row_checks=[
        {"check": "within_working_days", "code": "D04", "fields": {"date": "decided"}, "maximum": "7"}
    ],
)
SECOND = make_uscc(5)
ENTERED = [*REGISTER_ROWS, ["3", SECOND, "远水建材"]]
PLACES = {name: place for place, name in enumerate(HEADER)}


class Office:
    """A linked room whose review queue goes out and comes back."""

    def __init__(self, folder: Path, spark: SparkSession) -> None:
        self.room = Room(folder, spark, FINED)
        self.lake, self.folder = self.room.lake, folder
        self.settings: Settings = folder_settings(folder)
        self.clock = NOW
        self.room.deliver(REGISTER, ENTERED)
        self.room.deliver(
            LISTED,
            [["甲1号", "远水建材", COMPANY], ["甲2号", "远水建材", COMPANY], ["甲3号", "无名", COMPANY]],
        )
        self.room.deliver(
            FINED, [["乙1号", "远水建材", COMPANY, "2026-11-12"], ["乙2号", "另一家", SECOND, "2026-11-05"]]
        )

    def link(self, day: date = DAY) -> str:
        """Standardise and link a day; returns the build."""
        self.room.standardise(day)
        build = open_build(self.lake, day)
        self.room.link(day, build)
        return build

    def queue(self) -> list[ReviewItem]:
        """Return the open groups of the newest build."""
        build = newest_linked(self.lake)
        return [
            item for item in read_queue(self.lake, self.room.catalog, self.settings, build) if item.is_open
        ]

    def export(self) -> Path:
        """Write the queue as a workbook."""
        path = self.folder / "review.xlsx"
        write_sheet(path, self.room.catalog, self.queue())
        return path

    def decide(self, path: Path, **decisions: tuple[str, str]) -> Imported:
        """Fill in (决定, 主体标识) by delivered name and take the workbook back."""
        book = openpyxl.load_workbook(path)
        for row in book.active.iter_rows(min_row=2):
            if decision := decisions.get(row[PLACES["报送名称"]].value):
                row[PLACES["决定"]].value, row[PLACES["主体标识"]].value = decision
                row[PLACES["理由"]].value = "电话核实"
        book.save(path)
        return self.read_back(path)

    def read_back(self, path: Path, day: date = DAY) -> Imported:
        """Take a workbook back as it is."""
        self.clock += timedelta(minutes=1)  # of two decisions the later one holds
        clerk = Clerk("林", day, self.clock)
        build = newest_linked(self.lake)
        return import_rows(self.lake, self.room.catalog, self.settings, build, read_sheet(path), clerk)

    def links(self, build: str) -> dict[str, dict[str, object]]:
        """Return a build's links by the number of the delivered row."""
        manifest = find_manifest(self.lake, build_manifest_key("links", build))
        assert manifest is not None
        return {f"{row['dataset']} {row['row_no']}": row for row in self.room.rows(manifest)}

    def subject(self, name: str) -> str:
        """Return a subject's id by its name."""
        found = {c.name: c.subject_id for item in self.queue() for c in item.candidates}
        return found[name]


@pytest.fixture
def office(tmp_path: Path, few_rows: SparkSession) -> Office:
    return Office(tmp_path, few_rows)


def test_one_decision_settles_every_record_of_a_party_in_every_dataset(office: Office) -> None:
    first = office.link()
    (conflict,) = (item for item in office.queue() if item.name == "远水建材")
    assert [(item.name, item.records, item.datasets) for item in office.queue()] == [
        ("另一家", 1, ("court.fined",)),
        ("无名", 1, ("court.listed",)),
        ("远水建材", 3, ("court.fined", "court.listed")),
    ]
    assert [item.deadline for item in office.queue()] == [date(2026, 11, 16), None, date(2026, 11, 23)]
    assert [(c.name, c.subject_type) for c in conflict.candidates] == [
        ("云山商贸", "企业"),  # holds the number
        ("远水建材", "企业"),
    ]
    second = office.subject("远水建材")

    done = office.decide(office.export(), 远水建材=("归入", second), 另一家=("不归入任何主体", ""))
    assert (len(done.taken), done.known, done.undecided, done.errors) == (2, 0, 1, ())
    build = office.link()

    assert (first, build) == ("20261117-01", "20261117-02")
    found = {place: (row["status"], row["subject_id"]) for place, row in office.links(build).items()}
    assert found == {
        "court.listed 2": ("judged", second),
        "court.listed 3": ("judged", second),
        "court.listed 4": ("review", None),
        "court.fined 2": ("judged", second),
        "court.fined 3": ("unlinked", None),
    }
    assert [item.name for item in office.queue()] == ["无名"]


def test_a_new_judgement_makes_the_next_build_and_without_one_nothing_happens(office: Office) -> None:
    build = office.link()
    before = office.links(build)
    assert (office.link(), office.links(build)) == (build, before)

    office.decide(office.export(), 无名=("不归入任何主体", ""))
    assert is_outdated(office.lake, build)
    later = office.link()
    assert later != build
    assert office.links(build) == before
    assert office.link() == later

    manifest = find_manifest(office.lake, build_manifest_key("links", later))
    assert manifest is not None
    (judgement,) = list_judgements(office.lake, DAY)
    assert judgement.key in {entry.key for entry in manifest.inputs}


def test_a_judgement_survives_later_builds_and_a_changed_record_is_asked_about_again(office: Office) -> None:
    office.link()
    office.decide(office.export(), 无名=("不归入任何主体", ""), 另一家=("不归入任何主体", ""))
    office.room.deliver(LISTED, [["甲3号", "无名氏", COMPANY], ["甲9号", "无名", COMPANY]], NEXT_DAY)

    build = office.link(NEXT_DAY)

    assert {item.name: item.records for item in office.queue()} == {"远水建材": 3, "无名氏": 1}
    judged = [row for row in office.links(build).values() if row["reason"] == "judged_none"]
    assert len(judged) == 3  # the new record of the judged party too


def test_the_same_workbook_read_twice_changes_nothing_even_after_linking(office: Office) -> None:
    office.link()
    path = office.export()
    office.decide(path, 无名=("不归入任何主体", ""))
    keys = list(office.lake.list_keys("decisions"))

    again = office.read_back(path)
    office.link()
    later = office.read_back(path, NEXT_DAY)

    assert [(done.taken, done.known, done.errors) for done in (again, later)] == [((), 1, ()), ((), 1, ())]
    assert list(office.lake.list_keys("decisions")) == keys


def test_a_later_judgement_supersedes_and_both_are_kept(office: Office) -> None:
    office.link()
    path = office.export()
    own, other = office.subject("云山商贸"), office.subject("远水建材")
    office.decide(path, 远水建材=("归入", other))
    office.decide(path, 远水建材=("归入", own))

    build = office.link()

    assert len(list_judgements(office.lake, DAY)) == 2
    assert {row["subject_id"] for row in office.links(build).values() if row["status"] == "judged"} == {own}
    revived = office.read_back(path)
    assert (revived.taken, revived.known) == ((), 1)


def test_a_row_that_changed_or_left_the_queue_since_the_export_is_refused_with_its_cure(
    office: Office,
) -> None:
    office.link()
    path = office.export()
    office.room.deliver(REGISTER, [["1", COMPANY, "白石商贸"], *ENTERED[1:]], NEXT_DAY)
    office.room.deliver(LISTED, [["甲3号", "云山商贸", COMPANY]], NEXT_DAY)
    office.link(NEXT_DAY)

    done = office.decide(path, 远水建材=("不归入任何主体", ""), 无名=("不归入任何主体", ""))

    assert done.taken == ()
    changed, left = sorted(done.errors, key=lambda error: "left" in error)
    assert changed.startswith("row 4: 复核编号 ")
    assert changed.endswith(
        "has changed since the export (疑点、候选主体); export the queue again and decide on what it says now"
    )
    assert left.startswith("row 3: 复核编号 ")
    assert "has left the queue" in left


def test_newer_evidence_against_a_judgement_is_in_the_manifest_and_in_the_queue(office: Office) -> None:
    office.link()
    first, second = office.subject("云山商贸"), office.subject("远水建材")
    office.decide(office.export(), 远水建材=("归入", second))
    office.room.deliver(
        REGISTER, [["1", COMPANY, "远水建材"], ["2", SHOP, "周明小吃店"], ["3", SECOND, "近水建材"]], NEXT_DAY
    )

    build = office.link(NEXT_DAY)

    manifest = find_manifest(office.lake, build_manifest_key("links", build))
    assert manifest is not None
    (judgement,) = list_judgements(office.lake, NEXT_DAY)
    assert manifest.counts["contradicted"] == 3
    assert manifest.extra["largest_groups"] == [
        {"party": item.party, "records": 1, "candidates": 1}
        for item in sorted(office.queue(), key=lambda item: item.party)
        if item.status == "review"
    ]
    assert manifest.extra["contradicted_judgements"] == [
        {"judgement_id": judgement.judgement_id, "subject_id": first, "records": 3}
    ]
    (item,) = (item for item in office.queue() if item.contradicted_by)
    assert (item.status, item.doubts, item.contradicted_by) == ("judged", (CONTRADICTED,), first)

    office.decide(office.export(), 远水建材=("归入", second))  # knowing it
    office.link(NEXT_DAY)
    assert not [item for item in office.queue() if item.contradicted_by]


def test_a_record_is_explained_with_its_evidence_candidates_and_judgement(office: Office) -> None:
    build = office.link()
    first, second = office.subject("云山商贸"), office.subject("远水建材")
    record = str(office.links(build)["court.listed 2"]["record_id"])

    lines = explain_link(office.lake, office.room.catalog, office.settings, build, record)

    assert lines == [
        f"record {record} of court.listed 示例: list_202611173.csv row 2, received 2026-11-17, build {build}",
        "delivered 报送",
        "  当事人类别: 法人及非法人组织",
        "  名称: 远水建材",
        "  名称 compared as: 远水建材",
        f"  统一社会信用代码: {COMPANY}",
        "numbers 号码",
        f"  统一社会信用代码 (tier exact_uscc) normalised as {COMPANY}, valid;"
        f" held by {first}; its names differ (名称不符)",
        "link 关联",
        "  review, tier name_code_conflict, grade —",
        "  evidence uscc; name=other",
        "  rule name_code_conflict.LEGAL: review; 号码属于一个主体，名称属于另一个主体",
        "  疑点: 号码属于一个主体，名称属于另一个主体",
        "subjects 主体",
        f"  {second} 远水建材（企业）: holds no delivered number, the name is its current one (现名):"
        " not linked",
        f"  {first} 云山商贸（企业）: holds 统一社会信用代码, its names differ (名称不符): not linked",
        "judgements 人工复核",
        "  none 无",
    ]
    office.decide(office.export(), 远水建材=("归入", second))
    (judgement,) = list_judgements(office.lake, DAY)
    later = explain_link(office.lake, office.room.catalog, office.settings, office.link(), record)
    assert later[9:11] == [
        f"  judged to {second} 远水建材（企业）, tier judgement, grade exact",
        f"  evidence uscc; name=other; judgement={judgement.judgement_id}",
    ]
    assert later[-2:] == [
        "judgements 人工复核",
        f"  {judgement.judgement_id} 2026-11-17 归入 {second} by 林: 电话核实 (applied in this build)",
    ]


def test_a_page_says_whose_the_number_is_and_whose_the_name(office: Office) -> None:
    build = office.link()
    first, second = office.subject("云山商贸"), office.subject("远水建材")
    party = str(office.links(build)["court.listed 2"]["party"])

    page = make_page(office.lake, office.room.catalog, office.settings, build, party)

    lines = re.findall(r"<tr>(<td><code>L.*)</tr>", page)
    texts = sorted(re.sub(r"(<[^>]+>)+", "|", line) for line in lines)
    assert texts == sorted(
        [
            f"|{second}|远水建材|企业|不持有所报号码|与现名一致|可供选择|",
            f"|{first}|云山商贸|企业|统一社会信用代码|名称不符|可供选择|",
        ]
    )


def test_neither_keys_nor_logs_hold_a_name_or_a_number(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    office.link()
    office.decide(office.export(), 无名=("不归入任何主体", ""), 远水建材=("归入", "L00"))
    office.link()

    texts = [*office.lake.list_keys("decisions"), *(record.getMessage() for record in caplog.records)]
    assert len(list(office.lake.list_keys("decisions"))) == 1
    for personal in (COMPANY, "无名", "远水建材", "电话核实", "林"):
        assert not [text for text in texts if personal in text]
