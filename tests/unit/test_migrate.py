"""Ids of an earlier archive: taken on proof, once, for ever; what is not proven is named without a value."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from creditlake import cli, steps
from creditlake.builds import is_outdated, open_build
from creditlake.migration.mapping import MigrationRefused, OldTable, read_mapping, read_old_archive
from creditlake.migration.parity import OUTCOMES, compare_archives, summary_lines, write_parity
from creditlake.migration.store import list_migrations
from creditlake.settings import settings
from creditlake.storage import ObjectMissing
from tests.dbt.city import City
from tests.samples import make_reg_no, make_resident_id, make_uscc

BUILD = "20261117-01"
PERSON = make_resident_id(3)
HEADER = ("旧主体标识", "名称", "统一社会信用代码", "注册号", "公民身份号码")
COMPANY = ("QY-1", "云山商贸有限公司", make_uscc(1), "", "")
FORMER = ("QY-2", "青峰商贸有限公司", make_uscc(1), "", "")
RESIDENT = ("GR-1", "周明", "", "", PERSON)
Row = Sequence[str]


class Desk:
    """A linked city and the commands."""

    def __init__(self, city: City) -> None:
        self.city, self.folder = city, city.root
        self.path = city.root / "旧平台.csv"

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command; its exit code and what it says."""
        done = CliRunner().invoke(cli.app, list(arguments))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def migrate(self, *rows: Row, header: Row = HEADER) -> tuple[int, list[str]]:
        """Bring a mapping; exit code and the lines."""
        with self.path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        code, said = self.run(
            "migrate", str(self.path), "--by", "王", "--reason", "旧平台停用", "--out", str(self.folder),
            "--business-date", "2026-11-17",
        )  # fmt: skip
        return code, said.splitlines()

    def refused(self, *rows: Row) -> list[str]:
        """Bring a mapping of which every row is refused; what is said of the rows."""
        code, lines = self.migrate(*rows)
        assert code == 1
        assert list_migrations(self.city.lake) == []
        return [line.strip().split(" (")[0] for line in lines if line.startswith("  row")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Three organisations, one of which absorbed a fourth, and a person."""
    monkeypatch.setenv("CREDITLAKE_HOME", str(tmp_path))
    settings.cache_clear()
    city = City(tmp_path)
    for number, name in ((1, "云山商贸有限公司"), (2, "远水建材有限公司"), (3, "青石食品有限公司")):
        city.subject(f"L{number}", name, uscc=make_uscc(number), reg_no=make_reg_no(number))
        city.name(f"L{number}", name)
    city.name("L1", "青峰商贸有限公司", is_current=False)
    city.subject("N1", "周明", resident_id=PERSON)
    city.name("N1", "周明")
    city.change("L9", "L2")
    city.link(BUILD)
    yield Desk(city)
    settings.cache_clear()


def test_proven_rows_are_taken_once_and_the_ids_lead_to_their_subjects(desk: Desk) -> None:
    code, lines = desk.migrate(COMPANY, FORMER, RESIDENT)
    assert (code, lines) == (
        0,
        [
            "旧平台.csv: 3 old ids taken, 0 known already, 0 refused; 1 subjects have several old ids",
            "they count from 2026-11-17; `creditlake subject` knows them now",
        ],
    )
    stored = sorted(desk.city.lake.list_keys("decisions"))
    again = desk.migrate(COMPANY, FORMER, RESIDENT)
    assert again == (
        0, ["旧平台.csv: 0 old ids taken, 3 known already, 0 refused; 0 subjects have several old ids"],
    )  # fmt: skip
    assert sorted(desk.city.lake.list_keys("decisions")) == stored
    (one,) = list_migrations(desk.city.lake)
    assert (one.who, one.why, one.build, one.rows.rows) == ("王", "旧平台停用", BUILD, 3)
    assert stored == [one.key, f"{one.key.removesuffix('.json')}.parquet"]
    told = f"{one.migration_id} row"
    assert desk.run("subject", "QY-2") == (
        0,
        "QY-2 stands for L1: 云山商贸有限公司（企业，990001）\n"
        "events 主体变更\n"
        f"  2026-11-17 migrated QY-1 → L1 (uscc; {told} 2, by 王: 旧平台停用)\n"
        f"  2026-11-17 migrated QY-2 → L1 (uscc; {told} 3, by 王: 旧平台停用)\n",
    )


def test_a_persons_name_is_not_printed(desk: Desk) -> None:
    desk.migrate(RESIDENT)
    assert desk.run("subject", "GR-1")[1].splitlines()[0] == "GR-1 stands for N1: 自然人"


def test_an_old_id_of_a_subject_that_is_absorbed_later_leads_to_the_survivor(desk: Desk) -> None:
    desk.migrate(COMPANY, ("QY-3", "远水建材有限公司", make_uscc(2), "", ""))
    desk.city.change("L2", "L1")
    desk.city.link("20261118-01")
    lines = desk.run("subject", "QY-3")[1].splitlines()
    assert lines[0] == "QY-3 stands for L1: 云山商贸有限公司（企业，990001）"
    assert [line.split(" (")[0] for line in lines[2:]] == [
        "  2026-11-17 merged L2 → L1",
        "  2026-11-17 merged L9 → L2",
        "  2026-11-17 migrated QY-1 → L1",
        "  2026-11-17 migrated QY-3 → L2",
    ]
    assert desk.run("subject", "L9")[1].splitlines()[0].startswith("L9 stands for L1: ")
    assert desk.migrate(("QY-3", "云山商贸有限公司", make_uscc(1), "", ""))[1][0].endswith(
        "0 old ids taken, 1 known already, 0 refused; 0 subjects have several old ids"
    )


def test_an_unknown_id_is_refused_without_repeating_it(desk: Desk) -> None:
    with pytest.raises(ObjectMissing, match="ask with the id") as caught:
        desk.run("subject", PERSON)
    assert PERSON not in str(caught.value)


def test_a_subject_without_events_stands_for_itself(desk: Desk) -> None:
    assert desk.run("subject", "L3")[1].splitlines() == [
        "L3 stands for L3: 青石食品有限公司（企业，990001）",
        "no event: the id was never merged or brought in",
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("", *COMPANY[1:]), "old_id: the old id is missing or too long"),
        (("x" * 101, *COMPANY[1:]), "old_id: the old id is missing or too long"),
        ((PERSON, *RESIDENT[1:]),
         "old_id: the old id is a person's number; an id is shown, so it may not be one"),
        ((*COMPANY[:2], "", "", ""), "number: no official number"),
        ((*COMPANY[:2], make_uscc(1)[:-1] + "?", "", ""), "number: no number passes its check"),
        ((*COMPANY[:2], make_uscc(7), "", ""), "number: no register has the number"),
        ((*COMPANY[:3], make_reg_no(2), ""), "number: the numbers lead to different subjects"),
        (("QY-1", "别的公司", make_uscc(1), "", ""),
         "name: the name is neither the current nor a former one"),
        (("L3", *COMPANY[1:]), "old_id: the old id is another subject's own id here"),
        (("L9", *COMPANY[1:]), "old_id: the old id is another subject's own id here"),
    ],
)  # fmt: skip
def test_a_row_without_proof_is_refused_with_its_reason(desk: Desk, row: Row, said: str) -> None:
    assert desk.refused(row) == [f"row 2: {said}"]
    sheet = openpyxl.load_workbook(desk.folder / "旧平台_未迁移.xlsx").active
    header, found = sheet.iter_rows(values_only=True)
    assert header == ("行号", "字段", "原因", "处理办法")
    assert found[0] == 2
    assert all(found)
    assert not {cell for cell in row if cell} & set(found)


def test_one_old_id_on_two_subjects_is_refused_within_a_file_and_against_what_is_known(desk: Desk) -> None:
    other = ("QY-1", "远水建材有限公司", make_uscc(2), "", "")
    assert desk.refused(COMPANY, other) == [
        f"row {row}: old_id: the old id stands for two subjects in this file" for row in (2, 3)
    ]
    desk.migrate(COMPANY)
    code, lines = desk.migrate(other)
    assert code == 1
    assert "  row 2: old_id: the old id is known already, for another subject" in lines[1]


def test_a_number_of_two_subjects_proves_neither(desk: Desk) -> None:
    desk.city.subject("L4", "云山商贸有限公司", uscc=make_uscc(1))
    desk.city.link("20261118-01")
    assert desk.refused(COMPANY) == ["row 2: number: the number has several subjects"]


def test_an_id_that_is_ours_already_is_known(desk: Desk) -> None:
    assert desk.migrate(("L1", *COMPANY[1:]))[1] == [
        "旧平台.csv: 0 old ids taken, 1 known already, 0 refused; 0 subjects have several old ids"
    ]


def test_a_build_that_was_linked_before_a_migration_is_followed_by_the_next(desk: Desk) -> None:
    lake, day = desk.city.lake, date(2026, 11, 17)
    (desk.folder / "lake" / "builds").mkdir(exist_ok=True)
    lake.put_if_absent(f"builds/{BUILD}.json", b"{}")
    desk.migrate(COMPANY)
    assert is_outdated(lake, BUILD)
    assert open_build(lake, day) == "20261117-02"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("空.csv", b"", "the file is empty"),
        ("头.csv", ",".join(HEADER).encode(), "no row below the header"),
        ("列.csv", "名称,uscc\n甲,1\n".encode(), "旧标识 or 原主体标识 or old_id is nowhere in row 1"),
        ("重.csv", "old_id,旧标识,name,uscc\n1,1,甲,1\n".encode(), "is twice in row 1"),
        ("数.csv", "old_id,name\n1,甲\n".encode(), "no column of official numbers; add one of"),
        ("乱.csv", bytes(range(128, 256)) * 3, "neither UTF-8 nor GB 18030"),
        ("包.xlsx", b"PK\x03\x04broken", "damaged workbook"),
        ("坏.parquet", b"PAR1broken", "no whole Parquet file"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_mapping_is_refused_as_a_whole(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MigrationRefused, match=said):
        read_mapping(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="cannot be read: No such file"):
        read_mapping(tmp_path / "无.csv")


def test_csv_workbook_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [[*HEADER, "备注"], [*COMPANY, "旧"], [""] * 6, [*RESIDENT, ""]]
    text = tmp_path / "a.csv"
    text.write_text("\n".join("\t".join(row) for row in rows), "gb18030")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    columns: dict[str, list[Any]] = {name: [r[i] or None for r in rows[1:]] for i, name in enumerate(rows[0])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = [read_mapping(tmp_path / f"a.{kind}") for kind in ("csv", "xlsx", "parquet")]
    assert found[0] == found[1] == found[2]
    assert [row_no for row_no, _ in found[0].rows] == [2, 4]
    assert found[0].ignored == ("备注",)


def parity_of(tmp_path: Path, text: str, subjects: dict[str, str]) -> Any:
    """Compare an old archive with a release of two penalties of L1, one of L2, and a withdrawn one."""
    path = tmp_path / "旧档案.csv"
    path.write_text(text, "utf-8")
    penalty, licence = "market_regulation.penalty_decision", "administrative_approval.licence_decision"
    rows = [
        ("L1", penalty, "r1", "active"), ("L1", penalty, "r2", "expired"), ("L1", penalty, "r3", "withdrawn"),
        ("L2", penalty, "r4", "active"), ("L2", licence, "r5", "active"),
    ]  # fmt: skip
    with duckdb.connect() as release:
        release.execute(
            "create table records_index (subject_id text, dataset text, record_id text, state text,"
            " is_current boolean)"
        )
        release.executemany("insert into records_index values (?, ?, ?, ?, true)", rows)
        return compare_archives(release, steps.read_catalog(), read_old_archive(path), subjects)


def test_parity_compares_records_per_subject_and_dataset(tmp_path: Path) -> None:
    text = (
        "旧主体标识,数据集,记录数\nQ1,行政处罚决定,1\nQ1b,market_regulation.penalty_decision,1\n"
        "Q3,行政处罚决定,4\nQ3,失信被执行人,2\nQ9,行政处罚决定,1\nQ1,没有的,1\nQ1,行政处罚决定,许多\n"
    )
    subjects = {"Q1": "L1", "Q1b": "L1", "Q2": "L2", "Q3": "L3"}
    parity = parity_of(tmp_path, text, subjects)
    found = [(one.subject_id, one.old_ids, one.old, one.new, one.outcome) for one in parity.compared]
    assert found == [
        ("L1", ("Q1", "Q1b"), 2, 2, "equal"),
        ("L2", ("Q2",), 0, 1, "only_new"),
        ("L3", ("Q3",), 2, 0, "only_old"),
        ("L3", ("Q3",), 4, 0, "only_old"),
    ]
    assert parity.unmapped == 1
    assert parity.errors == (
        "row 7: dataset: no such dataset; write its name or title as the catalogue has it",
        "row 8: records: not a whole number; write digits only",
    )
    assert list(summary_lines(steps.read_catalog(), parity))[-2:] == [
        "  market_regulation.penalty_decision 行政处罚决定: subjects equal 一致 1, different 数量不同 0,"
        " only_old 仅旧档案有 1, only_new 仅新档案有 1; records 6 old, 3 new",
        "  1 old ids lead to no subject here; bring them in with a mapping first",
    ]
    assert write_parity(tmp_path / "p.xlsx", parity.compared) == 3
    rows = list(openpyxl.load_workbook(tmp_path / "p.xlsx").active.iter_rows(values_only=True))
    assert rows[1:2] == [("L2", "Q2", "market_regulation.penalty_decision", 0, 1, OUTCOMES["only_new"])]
    assert len(rows) == 4


def test_a_row_of_an_old_archive_without_a_count_is_one_record(tmp_path: Path) -> None:
    text = "旧主体标识,数据集\n" + "Q2,行政许可决定\n" * 3
    parity = parity_of(tmp_path, text, {"Q2": "L2"})
    assert [(one.old, one.new, one.outcome) for one in parity.compared] == [(3, 1, "different")]
    assert parity.compared[0].old_ids == ("Q2",)


def test_a_table_keeps_the_row_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "旧档案.csv"
    path.write_text("旧主体标识,数据集\n\nQ2,行政许可决定\n", "utf-8")
    assert read_old_archive(path) == OldTable([(3, {"old_id": "Q2", "dataset": "行政许可决定"})], ())
