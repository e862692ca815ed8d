"""`link` with a dataset of roles and ids of an earlier archive: news make registers, nothing new none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from creditlake.builds import is_outdated
from creditlake.migration.store import Pair, Signature, write_migration
from creditlake.role_rules import Role, RoleFile, RoleSource
from tests.deliveries import DAY, make_contract
from tests.spark.room import LISTED, LISTED_ROWS, REGISTER, REGISTER_ROWS, Room
from tests.spark.rows import COMPANY

PERSONS = make_contract(
    "court.persons",
    {
        "pripid": {"title": "主体身份代码", "type": "text", "source_name": "pripid", "required": True},
        "uscc": {"title": "代码", "type": "uscc", "source_name": "uscc"},
        "ent_name": {"title": "名称", "type": "name", "source_name": "ent_name", "required": True},
        "person_name": {"title": "姓名", "type": "person_name", "source_name": "name", "required": True},
        "position": {"title": "职务", "type": "text", "source_name": "position", "required": True},
        "is_legal_rep": {"title": "标志", "type": "flag", "source_name": "is_legal_rep"},
        "id_type": {"title": "证件", "type": "id_type", "code_list": "id_types", "source_name": "id_type"},
        "id_no": {"title": "号码", "type": "id_no", "source_name": "id_no"},
        "reg_date": {"title": "日期", "type": "date", "source_name": "reg_date"},
    },
    subject={"kind": "legal_entity", "source_key": "pripid", "name": "ent_name", "uscc": "uscc"},
    delivery={"kind": "full_snapshot", "file_pattern": "persons_*.csv"},
    natural_key=["pripid", "person_name"],
)
SOURCE = RoleSource(
    dataset=PERSONS.name, subjects_of=REGISTER.name, source_key="pripid", uscc="uscc", position="position",
    is_legal_rep="is_legal_rep", name="person_name", id_type="id_type", id_no="id_no", since="reg_date",
)  # fmt: skip
RULES = RoleFile(sources=(SOURCE,), roles=(Role(code="DIRECTOR", name_zh="董事", positions=("董事",)),))
FIRST = [["1", COMPANY, "云山商贸", "周明", "董事", "是", "居民身份证", "990000199003070013", "2020-05-06"]]


@pytest.fixture
def room(tmp_path: Path, few_rows: SparkSession) -> Room:
    room = Room(tmp_path, few_rows, PERSONS)
    rules = room.catalog.rules.model_copy(update={"roles": RULES})
    room.catalog = replace(room.catalog, rules=rules)
    room.context = replace(room.context, catalog=room.catalog)
    room.deliver(REGISTER, REGISTER_ROWS)
    room.deliver(LISTED, LISTED_ROWS)
    room.deliver(PERSONS, FIRST)
    room.standardise()
    return room


def test_roles_are_made_of_what_is_new_and_stand_while_nothing_is(room: Room) -> None:
    first, _ = room.link(DAY, "20261117-01")
    roles = [row for row in room.rows(first) if "holder_key" in row]
    assert sorted((row["role"], row["holder_name"], row["doubt"]) for row in roles) == [
        ("DIRECTOR", "周明", "unknown_number"), ("LEGAL_REP", "周明", "unknown_number"),
    ]  # fmt: skip
    again, _ = room.link(DAY, "20261117-02")
    assert again.outputs == first.outputs

    later = DAY + timedelta(days=1)
    room.deliver(PERSONS, [[*FIRST[0][:3], "林一帆", "董事", "否", "", "", ""]], later)
    room.standardise(later)
    third, _ = room.link(later, "20261118-01")
    known = [row for row in room.rows(third) if "holder_key" in row and row["known_to"] is None]
    assert sorted((row["holder_name"], row["role"], row["valid_to"]) for row in known) == [
        ("周明", "DIRECTOR", later), ("周明", "LEGAL_REP", later), ("林一帆", "DIRECTOR", None),
    ]  # fmt: skip


def test_an_id_that_is_brought_in_makes_the_next_registers_and_stays(room: Room) -> None:
    first, _ = room.link(DAY, "20261117-01")
    company = next(row["subject_id"] for row in room.rows(first) if row.get("current_name") == "云山商贸")
    signature = Signature("王", "旧平台停用", DAY, datetime(2026, 11, 17, tzinfo=UTC))
    pairs = [Pair("QY-1", company, "uscc", 2)]
    write_migration(room.lake, room.context.scratch, pairs, "0" * 64, "20261117-01", signature)
    assert is_outdated(room.lake, "20261117-01")

    for build in ("20261117-02", "20261117-03"):
        made, _ = room.link(DAY, build)
        events = [row for row in room.rows(made) if "other_subject_id" in row]
        assert events == [
            {"subject_id": "QY-1", "change": "migrated", "other_subject_id": company, "reason": "uscc",
             "known_from": DAY}
        ]  # fmt: skip
        assert not is_outdated(room.lake, build)
