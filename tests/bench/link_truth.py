"""What any linker's answers are worth where the truth is known: counts, shares and bounds.

A lake of a simulated city is opened with the tables `truth` (one row per row that linking was asked about:
who it is really about, its noise, the hard case of its subject) and `owners` (the truth's key of each of our
subjects). A linker's answers are a table of dataset, file, row_no, status, tier, subject_key, suggested_key
and party; `judge` puts them beside the truth.

recall: right automatic links; found: those and right first candidates in review; wrong: automatic links to
another than the true subject, those of outsiders included; harm: wrong ones where the record or the linked
subject is a natural person. Shares are of the accepted and held rows about registered subjects; rows that may
not be linked to anyone (outsiders, masked numbers) stand apart.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import duckdb

VIEWS = {
    "links": "lake/links/*/links/*/*.parquet",
    "identifiers": "lake/registers/*/identifiers/*/*.parquet",
    "names": "lake/registers/*/names/*/*.parquet",
    "roles": "lake/registers/*/roles/*/*.parquet",
    "delivered": "city/truth/*.parquet",
    "legal": "city/truth/subjects/legal.parquet",
    "natural_persons": "city/truth/subjects/natural.parquet",
}
# A number issued twice does not say whose subject it is; with the name it does.
TRUTH = """
create table owners as
    select distinct i.subject_id, l.subject_key
    from identifiers i join names n on n.subject_id = i.subject_id and n.is_current
    join legal l on i.id_kind = 'uscc' and i.id_value = l.uscc and n.name = l.name
    union all
    select subject_id, sha256(id_value) from identifiers where id_kind = 'resident_id';
create table truth as
    select d.dataset, d.file, d.row_no, d.subject_kind, d.subject_key, d.noise,
        coalesce(l.hard_case, p.hard_case) as hard_case,
        not d.in_register or d.noise = 'masked' as is_apart,
        d.record >= 0.99 * max(d.record) over (partition by d.dataset) as is_newest
    from delivered d
    join links k on k.dataset = d.dataset and k.file_name = d.file and k.row_no = d.row_no
    left join legal l on l.subject_key = d.subject_key
    left join natural_persons p on p.subject_key = d.subject_key
"""
OUR_ANSWERS = """
create table ours as
    select k.dataset, k.file_name as file, k.row_no, k.status, k.tier, o.subject_key,
        c.subject_key as suggested_key, k.party
    from links k
    left join owners o on o.subject_id = k.subject_id
    left join owners c on c.subject_id = k.candidates[1]
"""
JUDGED = """
create or replace table judged as
    select t.*, a.status, a.tier, a.party,
        a.status = 'auto' and a.subject_key is not distinct from t.subject_key and not t.is_apart
            as is_right,
        a.status = 'auto' and a.subject_key is distinct from t.subject_key as is_wrong,
        a.status = 'review' and a.suggested_key is not distinct from t.subject_key as is_suggested,
        t.subject_kind = 'natural' or length(a.subject_key) = 64 as touches_person
    from truth t left join {answers} a on a.dataset = t.dataset and a.file = t.file and a.row_no = t.row_no
"""
MEASURES = """
    count(*) filter (not is_apart) as rows,
    count(*) filter (is_right) as right,
    count(*) filter (is_wrong) as wrong,
    count(*) filter (is_wrong and touches_person) as harm,
    count(*) filter (not is_apart and (is_right or is_suggested)) as found,
    count(*) filter (not is_apart and status = 'review') as review,
    count(distinct party) filter (not is_apart and status = 'review') as decisions
"""


@dataclass
class Counts:
    """Rows about registered subjects, and what became of them; `wrong` and `harm` count outsiders too."""

    rows: int = 0
    right: int = 0
    wrong: int = 0
    harm: int = 0
    found: int = 0
    review: int = 0
    decisions: int = 0

    def add(self, other: "Counts") -> None:
        """Add another city's counts."""
        for name in (field.name for field in fields(self)):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def share(self, part: str) -> float:
        """Return a part of the rows."""
        return float(getattr(self, part)) / max(1, self.rows)

    @property
    def precision(self) -> float:
        """Right ones among the automatic links."""
        return self.right / max(1, self.right + self.wrong)

    def bound(self, part: str) -> float:
        """Return the 95 % upper bound of wrong or harmful ones among the automatic links."""
        return upper_bound(getattr(self, part), max(1, self.right + self.wrong))

    def as_json(self) -> dict[str, Any]:
        """Return counts, shares and bounds."""
        shares = {name: round(self.share(name), 6) for name in ("found", "review")}
        bounds = {f"{name}_bound_95": self.bound(name) for name in ("wrong", "harm")}
        recall = {"recall": round(self.share("right"), 6), "precision": round(self.precision, 8)}
        return asdict(self) | recall | {f"{name}_share": value for name, value in shares.items()} | bounds


def upper_bound(events: int, trials: int) -> float:
    """Return the share exceeded with a chance of 5 % at most (Poisson); -ln(0.05)/n where none was seen."""
    low, high = 0.0, 10.0 + 3.0 * events

    def chance(mean: float) -> float:
        return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(events + 1))

    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > 0.05 else (low, middle)
    return min(1.0, high / trials)


def open_truth(home: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with `truth`, `owners` and `ours`, the answers of the lake's own links."""
    connection = duckdb.connect()
    for name, files in VIEWS.items():
        connection.execute(f"create view {name} as select * from read_parquet('{home / files}')")
    connection.execute(TRUTH)
    connection.execute(OUR_ANSWERS)
    return connection


def judge(connection: duckdb.DuckDBPyConnection, answers: str) -> None:
    """Create the table `judged` of one linker's answers."""
    connection.execute(JUDGED.format(answers=answers))


def count_by(connection: duckdb.DuckDBPyConnection, *columns: str) -> dict[tuple[str, ...], Counts]:
    """Return the counts of `judged` by columns of it."""
    keys = ", ".join(f"coalesce({column}, '-')" for column in columns)
    sql = f"select {keys}, {MEASURES} from judged group by all order by all"
    rows = connection.execute(sql).fetchall()
    width = len(columns)
    return {row[:width]: Counts(*row[width:]) for row in rows}


def count_apart(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], int]:
    """Return the rows that may not be linked: (masked or outsiders, kind of subject, status) -> rows."""
    rows = connection.execute(
        "select if(noise = 'masked', 'masked', 'outsiders'), subject_kind, coalesce(status, 'unlinked'), "
        "count(*) from judged where is_apart group by all order by all"
    ).fetchall()
    return {row[:3]: row[3] for row in rows}


def count_inflow(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return what the newest hundredth of each dataset's records brings into review: a day of 1 %.

    `decisions` are parties that nobody was asked about before.
    """
    row = connection.execute("""
        select count(*) filter (is_newest), count(*) filter (is_newest and status = 'review'),
            count(distinct party) filter (is_newest and status = 'review')
                - count(distinct party) filter (is_newest and status = 'review' and party in (
                    select b.party from judged b where not b.is_newest and b.status = 'review'))
        from judged
    """).fetchone()
    assert row is not None
    return dict(zip(("rows", "review", "decisions"), row, strict=True))


def pool(parts: Iterable[dict[tuple[str, ...], Counts]]) -> dict[tuple[str, ...], Counts]:
    """Return the sums over several cities."""
    sums: dict[tuple[str, ...], Counts] = {}
    for part in parts:
        for key, counts in part.items():
            sums.setdefault(key, Counts()).add(counts)
    return dict(sorted(sums.items()))
