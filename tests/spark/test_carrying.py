"""A build takes over what still holds of an earlier one, and comes out as if every record had been linked."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from stdnum.cn import uscc

from creditlake.judgements import Decision, Judgement, write_judgements
from creditlake.records import settled_records
from creditlake.storage import StepManifest
from spark_jobs.link import make_links, make_registers
from tests.deliveries import DAY, NEXT_DAY, make_contract
from tests.spark.room import LISTED, LISTED_ROWS, REGISTER, REGISTER_ROWS, Room
from tests.spark.rows import COMPANY, SHOP

FIRST = date(2026, 11, 16)
DAYS = 20
CLEAR = [[f"乙{number}号", "云山商贸", COMPANY] for number in range(9)]
NAMES = ["云山商贸", "远水建材", "青峰医院", "明湖餐饮", "东岭物流", "西溪茶行", "南浦渔业", "北原农机"]
# A second register, so that two registers come to know one body.
OTHERS = make_contract(
    "court.institutions",
    {
        "key": {"title": "编号", "type": "text", "source_name": "key", "required": True},
        "uscc": {"title": "代码", "type": "uscc", "source_name": "uscc"},
        "ent_name": {"title": "名称", "type": "name", "source_name": "ent_name", "required": True},
    },
    subject={"kind": "register_legal", "source_key": "key", "name": "ent_name", "uscc": "uscc"},
    delivery={"kind": "full_snapshot", "file_pattern": "inst_*.csv"},
    natural_key=["key"],
)


def code(number: int) -> str:
    """A valid code; neighbours in number are one or two characters apart."""
    body = f"91990000MA{number:07d}"
    return body + str(uscc.calc_check_digit(body))


def damage(draw: random.Random, number: str) -> str:
    """A code as clerks mistype it: a wrong character, two swapped, one lost."""
    at = draw.randrange(2, 16)
    return draw.choice(
        [
            number[:at] + draw.choice("0123456789") + number[at + 1 :],
            number[:at] + number[at + 1] + number[at] + number[at + 2 :],
            number[:at] + number[at + 1 :],
        ]
    )


class ChangingCity:
    """A register that changes a little every day, and records about its subjects, right and wrong."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.subjects = {str(key): [code(key), self.name(key)] for key in range(1, 25)}
        self.others = {"90": [code(90), self.name(90)], "91": [damage(self.draw, code(3)), self.name(3)]}
        self.serial = 0

    def name(self, key: int) -> str:
        """The name of a subject; some names have two bearers."""
        return f"{NAMES[key % len(NAMES)]}{key % 20}号有限公司"

    def change(self) -> None:
        """A renaming, a mended code, a newcomer, a code given twice, a body known to a second register."""
        key = self.draw.choice(list(self.subjects))
        kind = self.draw.choice(["rename", "recode", "mend", "new", "twice", "other", "gone"])
        if kind == "rename":
            self.subjects[key][1] = f"{self.draw.choice(NAMES)}{self.draw.randrange(30)}号有限公司"
        elif kind == "recode":
            self.subjects[key][0] = damage(self.draw, self.subjects[key][0])
        elif kind == "mend":
            self.subjects[key][0] = code(int(key))
            self.others["91"][0] = code(3)
        elif kind == "new":
            new = 25 + self.draw.randrange(40)
            self.subjects[str(new)] = [code(new), self.name(new)]
        elif kind == "twice":
            self.subjects[key][0] = self.subjects[self.draw.choice(list(self.subjects))][0]
        elif kind == "other":
            self.others[f"9{key}"] = list(self.subjects[key])
        elif len(self.subjects) > 20:
            del self.subjects[key]

    def register(self) -> list[list[str]]:
        """The register's rows."""
        return [[key, *facts] for key, facts in sorted(self.subjects.items())]

    def records(self, count: int) -> list[list[str]]:
        """Rows that cite subjects of now and of later, with their own or another's name."""
        rows = []
        for _ in range(count):
            self.serial += 1
            key = self.draw.randrange(1, 65)
            number, name = code(key), self.name(key)
            if self.draw.random() < 0.1:
                number = damage(self.draw, number)
            if self.draw.random() < 0.08:
                name = self.name(self.draw.randrange(1, 65))
            if self.draw.random() < 0.05:
                number = ""
            rows.append([f"甲{self.serial}号", name, number])
        return rows


@pytest.fixture
def room(tmp_path: Path, few_rows: SparkSession) -> Room:
    return Room(tmp_path, few_rows, OTHERS)


def link(room: Room, day: date, attempt: int = 1) -> tuple[StepManifest, StepManifest, StepManifest]:
    """Link a day twice: taking over what holds, and every record anew; also return the registers."""
    build = f"{day:%Y%m%d}-{attempt:02d}"
    current = settled_records(room.lake, room.catalog, day)
    registers = make_registers(room.context, day, build, current)
    taken = make_links(room.context, day, build, registers)
    room.lake.delete(f"links/{build}/_manifest.json")
    anew = make_links(room.context, day, build, registers, anew=True)
    room.lake.delete(f"links/{build}/_manifest.json")
    room.lake.put_if_absent(f"links/{build}/_manifest.json", taken.model_dump_json().encode())
    return registers, taken, anew


def rows_taken_over(links: StepManifest) -> int:
    """How many links a build took over: from files of earlier builds, or written again unread."""
    earlier = (
        entry
        for entry in links.outputs
        if f"/{links.extra['build']}/" not in entry.key or "-kept/" in entry.key
    )
    return sum(entry.rows for entry in earlier)


def judge(room: Room, links: StepManifest, draw: random.Random, day: date) -> None:
    """Decide on a random doubtful record, one way or the other."""
    doubtful = [row for row in room.rows(links) if row["party"] and row["candidates"]]
    row = draw.choice(doubtful)
    decision = draw.choice(list(Decision))
    subject = None if decision is Decision.NONE else draw.choice(row["candidates"])
    judgement = Judgement(
        party=row["party"], decision=decision, subject_id=subject, who="林", why="核对", seen=f"{day}/0",
        overrules=None, entered_by="林", business_date=day,
        decided_at=datetime.combine(day, datetime.min.time(), UTC),
    )  # fmt: skip
    assert write_judgements(room.lake, [judgement]) == [judgement]


def test_over_twenty_days_of_changing_registers_what_is_taken_over_equals_what_is_linked_anew(
    room: Room,
) -> None:
    city = ChangingCity(seed=1)
    taken_over, statuses = [], set()
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        if number % 4 != 3:  # every fourth day brings no register
            for _ in range(number and 2):
                city.change()
            room.deliver(REGISTER, city.register(), day)
            room.deliver(OTHERS, [[key, *facts] for key, facts in city.others.items()], day)
        room.deliver(LISTED, city.records(150 if number == 0 else 6), day)
        room.standardise(day)
        _, taken, anew = link(room, day)
        assert room.rows(taken) == room.rows(anew)
        assert taken.counts == anew.counts
        taken_over.append(rows_taken_over(taken))
        statuses |= {row["status"] for row in room.rows(taken)}
        if number % 3 == 1:
            judge(room, taken, city.draw, day + timedelta(days=1))
    assert sum(rows > 100 for rows in taken_over) > DAYS // 2, taken_over
    assert statuses == {"auto", "review", "unlinked", "judged"}


def test_a_day_without_news_of_subjects_leaves_files_and_registers_as_they_lie(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    first, old = room.link(DAY, "20261117-01")
    room.deliver(LISTED, [["乙1号", "云山商贸", COMPANY]], NEXT_DAY)
    room.standardise(NEXT_DAY)
    second, new = room.link(NEXT_DAY, "20261118-01")
    assert second.outputs == first.outputs
    assert [entry for entry in new.outputs if entry in old.outputs] == old.outputs
    assert sum(entry.rows for entry in new.outputs) == sum(entry.rows for entry in old.outputs) + 1


def test_a_late_register_entry_links_the_record_that_waited_for_it(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS[:1])
    room.deliver(LISTED, [["甲1号", "周明小吃店", SHOP], *CLEAR])
    room.standardise()
    _, waiting = room.link(DAY, "20261117-01")
    assert [row["reason"] for row in room.rows(waiting) if row["row_no"] == 2] == ["unknown_number"]
    room.deliver(REGISTER, REGISTER_ROWS, NEXT_DAY)
    room.standardise(NEXT_DAY)
    _, linked = room.link(NEXT_DAY, "20261118-01")
    assert [row["status"] for row in room.rows(linked) if row["row_no"] == 2] == ["auto"]
    assert rows_taken_over(linked) == len(CLEAR)


def test_other_rules_link_every_record_anew(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    room.link(DAY, "20261117-01")
    rules = room.catalog.rules
    reviewed = tuple(
        row.model_copy(update={"outcome": "review", "grade": None}) if row.tier == "exact_uscc" else row
        for row in rules.linking
    )
    changed = replace(room.catalog, rules=rules.model_copy(update={"linking": reviewed}))
    room.context = replace(room.context, catalog=changed)
    _, links = room.link(DAY, "20261117-02")
    assert rows_taken_over(links) == 0
    assert [row["status"] for row in room.rows(links) if row["row_no"] == 2] == ["review"]


def test_a_judgement_about_a_party_that_was_in_no_doubt_links_every_record_anew(room: Room) -> None:
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.standardise()
    room.link(DAY, "20261117-01")
    judgement = Judgement(
        party="0" * 20, decision=Decision.NONE, subject_id=None, who="林", why="核对", seen="20261117-01/0",
        overrules=None, entered_by="林", business_date=DAY,
        decided_at=datetime.combine(DAY, datetime.min.time(), UTC),
    )  # fmt: skip
    write_judgements(room.lake, [judgement])
    _, links = room.link(DAY, "20261117-02")
    assert rows_taken_over(links) == 0
