"""Which subject an old id is an id of: an intact official number with one owner, and a name that agrees.

The same proof as for a link of grade exact: no name alone, no damaged number, nothing contradictory.
What is not proven is named by row, field and cure; a message never holds a value of the file.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from creditlake import identifiers as ids
from creditlake.identifiers import Graded, IdentifierStatus
from creditlake.migration.mapping import NAME, NUMBERS, OLD_ID
from creditlake.migration.store import Pair
from creditlake.names import normalise_name

GRADERS: Mapping[str, Callable[[str | None], Graded]] = {
    "uscc": ids.grade_uscc,
    "org_code": ids.grade_org_code,
    "reg_no": ids.grade_reg_no,
    "resident_id": ids.grade_resident_id,
}
OLD_ID_MAX = 100
NUMBER = "number"  # whichever of the number columns


@dataclass(frozen=True)
class Problem:
    """Why a row was not taken, and what to do; in English for the operator, in Chinese for the report."""

    field: str
    reason: str
    reason_zh: str
    cure_zh: str


NO_OLD_ID = Problem(OLD_ID, "the old id is missing or too long", "旧标识为空或过长", "补填旧标识，至多100字")
PERSONAL_OLD_ID = Problem(
    OLD_ID, "the old id is a person's number; an id is shown, so it may not be one",
    "旧标识本身是身份证号码，不得作为标识", "改用旧系统的内部编号",
)  # fmt: skip
NO_NUMBER = Problem(
    NUMBER, "no official number", "没有官方号码", "补填统一社会信用代码、注册号或公民身份号码"
)
DAMAGED = Problem(NUMBER, "no number passes its check", "号码校验不通过", "与证照原件核对后更正")
UNKNOWN = Problem(
    NUMBER, "no register has the number", "登记簿中没有该号码", "核对号码；确为新主体的，先报送登记信息"
)
SEVERAL = Problem(
    NUMBER, "the number has several subjects", "该号码在登记簿中属于几个主体", "先由登记机关消除一码多主体"
)
CONTRADICTION = Problem(
    NUMBER, "the numbers lead to different subjects", "各号码指向不同主体", "核对是哪一个主体"
)
OTHER_NAME = Problem(
    NAME, "the name is neither the current nor a former one", "名称与号码所属主体不符", "核对名称和号码"
)
TWO_SUBJECTS = Problem(
    OLD_ID, "the old id stands for two subjects in this file", "同一旧标识对应两个主体", "核对后只保留一个"
)
TAKEN = Problem(
    OLD_ID,
    "the old id is known already, for another subject",
    "旧标识已对应另一主体",
    "核对；已登记的对应关系不变",
)
OURS = Problem(
    OLD_ID, "the old id is another subject's own id here", "旧标识与本系统另一主体的标识相同", "加前缀后重报"
)


@dataclass
class Matched:
    """What became of a mapping: the new pairs, how many were known, and what was refused, by row."""

    pairs: list[Pair] = field(default_factory=list)
    known: int = 0
    refused: list[tuple[int, Problem]] = field(default_factory=list)
    shared: int = 0  # subjects with more than one old id


@dataclass(frozen=True)
class Known:
    """What is known before: old id → subject as it stands, and our own ids → the subject that stands."""

    old_ids: Mapping[str, str]
    own_ids: Callable[[Sequence[str]], Mapping[str, str]]


def match_rows(
    connection: duckdb.DuckDBPyConnection, rows: Sequence[tuple[int, Mapping[str, str]]], known: Known
) -> Matched:
    """Match the rows of a mapping with the registers (`linking.identifiers`, `linking.names`)."""
    matched = Matched()
    numbers: list[tuple[int, str, str]] = []
    asked: list[tuple[int, Mapping[str, str]]] = []
    for row_no, row in rows:
        problem, found = read_numbers(row)
        if problem:
            matched.refused.append((row_no, problem))
        else:
            asked.append((row_no, row))
            numbers += [(row_no, kind, value) for kind, value in found]
    owners = find_owners(connection, numbers)
    names = find_names(
        connection, {subject for found in owners.values() for _, one in found for subject in one}
    )
    proven: list[Pair] = []
    for row_no, row in asked:
        verdict = judge_row(row_no, row, owners.get(row_no, []), names)
        if isinstance(verdict, Problem):
            matched.refused.append((row_no, verdict))
        else:
            proven.append(verdict)
    take_pairs(matched, proven, known)
    matched.refused.sort(key=lambda one: one[0])
    return matched


def read_numbers(row: Mapping[str, str]) -> tuple[Problem | None, list[tuple[str, str]]]:
    """Return the intact numbers of a row, or why it cannot be asked about."""
    old_id = row[OLD_ID]
    if not old_id or len(old_id) > OLD_ID_MAX:
        return NO_OLD_ID, []
    if ids.grade_resident_id(old_id).status is IdentifierStatus.VALID:
        return PERSONAL_OLD_ID, []
    graded = {kind: GRADERS[kind](row.get(kind)) for kind in NUMBERS}
    given = {kind: grade for kind, grade in graded.items() if grade.status is not IdentifierStatus.MISSING}
    intact = [
        (kind, grade.value)
        for kind, grade in given.items()
        if grade.status is IdentifierStatus.VALID and grade.value
    ]
    if not given:
        return NO_NUMBER, []
    return (None, intact) if intact else (DAMAGED, [])


def find_owners(
    connection: duckdb.DuckDBPyConnection, numbers: Sequence[tuple[int, str, str]]
) -> dict[int, list[tuple[str, tuple[str, ...]]]]:
    """Return per row the numbers that a register has, each with its owners."""
    connection.execute(
        "create or replace temp table asked (row_no bigint, id_kind varchar, id_value varchar)"
    )
    if not numbers:
        return {}
    columns = [list(column) for column in zip(*numbers, strict=True)]
    connection.execute("insert into asked select unnest($1), unnest($2), unnest($3)", columns)
    found = connection.execute(
        "select asked.row_no, asked.id_kind, list_sort(list(distinct owned.subject_id)) from asked"
        " inner join linking.identifiers as owned"
        " on owned.id_kind = asked.id_kind and owned.id_value = asked.id_value"
        " where owned.known_to is null group by all order by all"
    ).fetchall()
    owners: dict[int, list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    for row_no, kind, subjects in found:
        owners[row_no].append((kind, tuple(subjects)))
    return owners


def find_names(connection: duckdb.DuckDBPyConnection, subjects: set[str]) -> dict[str, set[str]]:
    """Return every name, current or former, of some subjects, in the form in which names are compared."""
    names: dict[str, set[str]] = defaultdict(set)
    query = (
        "select subject_id, name_norm from linking.names where known_to is null"
        " and subject_id in (select unnest($wanted))"
    )
    for subject, name in connection.execute(query, {"wanted": sorted(subjects)}).fetchall():
        names[subject].add(name)
    return names


def judge_row(
    row_no: int,
    row: Mapping[str, str],
    owners: Sequence[tuple[str, tuple[str, ...]]],
    names: Mapping[str, set[str]],
) -> Pair | Problem:
    """Return the subject that a row's numbers and name prove, or why they do not."""
    if not owners:
        return UNKNOWN
    if any(len(subjects) > 1 for _, subjects in owners):
        return SEVERAL
    found = {subjects[0] for _, subjects in owners}
    if len(found) > 1:
        return CONTRADICTION
    subject = found.pop()
    if normalise_name(row[NAME]) not in names.get(subject, set()):
        return OTHER_NAME
    return Pair(row[OLD_ID], subject, "+".join(kind for kind, _ in owners), row_no)


def take_pairs(matched: Matched, proven: Sequence[Pair], known: Known) -> None:
    """Sort proven pairs into new, known and contradicting ones."""
    meant: dict[str, set[str]] = defaultdict(set)
    for pair in proven:
        meant[pair.old_id].add(pair.subject_id)
    ours = known.own_ids(sorted(meant))
    seen: set[str] = set()
    for pair in proven:
        before = known.old_ids.get(pair.old_id)
        own = ours.get(pair.old_id)
        if len(meant[pair.old_id]) > 1:
            matched.refused.append((pair.row_no, TWO_SUBJECTS))
        elif before not in (None, pair.subject_id):
            matched.refused.append((pair.row_no, TAKEN))
        elif own not in (None, pair.subject_id):
            matched.refused.append((pair.row_no, OURS))
        elif before or own or pair.old_id in seen:
            matched.known += 1
        else:
            seen.add(pair.old_id)
            matched.pairs.append(pair)
    of_subject: dict[str, set[str]] = defaultdict(set)
    for old_id, subject in (*known.old_ids.items(), *((p.old_id, p.subject_id) for p in matched.pairs)):
        of_subject[subject].add(old_id)
    new = {pair.subject_id for pair in matched.pairs}
    matched.shared = sum(len(of_subject[subject]) > 1 for subject in new)
