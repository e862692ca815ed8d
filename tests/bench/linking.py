"""`make bench-link`: how often linking is right, wrong, or leaves it to people, where the truth is known.

Per seed a city is simulated and goes through collect, decode, standardise and link as an engineer would run
them; then every link is compared with the truth. Rows that may not be linked to anyone are told apart:
outsiders, who are in no register, and masked numbers, which prove nothing.
recall: right automatic links; found: those and right first candidates in review; wrong: automatic links to
another subject; harm: wrong ones where the record or the subject is a natural person. Shares are of the
accepted and held rows about registered subjects; where nothing was wrong, the bound is the 95 % one (3/n).
"""

import argparse
import shutil
from pathlib import Path

import duckdb

from tests.bench.run import RECORDS, REPOSITORY, SUBJECTS, environment_of, measure, steps_of

JUDGED = """
create table owners as
    select subject_id, any_value(subject_key) as subject_key
    from (
        select i.subject_id, l.subject_key from identifiers i join legal l
            on i.id_kind = 'uscc' and i.id_value = l.uscc
        union all
        select i.subject_id, l.subject_key from identifiers i join legal l
            on i.id_kind = 'reg_no' and i.id_value = l.reg_no
        union all
        select subject_id, sha256(id_value) from identifiers where id_kind = 'resident_id'
    ) group by subject_id;
create table judged as
    select t.subject_kind, t.noise, l.status, l.tier, l.grade, l.subject_id,
        l.status = 'auto' and o.subject_key is not distinct from t.subject_key as is_right,
        l.status = 'auto' and o.subject_key is distinct from t.subject_key as is_wrong,
        l.status = 'review' and c.subject_key is not distinct from t.subject_key as is_suggested,
        not t.in_register or t.noise in ('outsider', 'masked') as is_apart,
        l.party
    from links l
    join truth t on t.dataset = l.dataset and t.file = l.file_name and t.row_no = l.row_no
    left join owners o on o.subject_id = l.subject_id
    left join owners c on c.subject_id = l.candidates[1]
"""
MEASURES = """
    count(*) as rows, sum(is_right::int) as right, sum(is_wrong::int) as wrong,
    sum((is_wrong and (subject_kind = 'natural' or subject_id like 'N%'))::int) as harm,
    sum((is_right or is_suggested)::int) as found, sum((status = 'review')::int) as review,
    count(distinct party) filter (status = 'review') as decisions
"""


def judge(home: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection with table `judged`: one row per link, beside the truth."""
    connection = duckdb.connect()
    for name, files in {
        "links": "lake/links/*/links/*/*.parquet",
        "identifiers": "lake/registers/*/identifiers/*/*.parquet",
        "truth": "city/truth/*.parquet",
        "legal": "city/truth/subjects/legal.parquet",
    }.items():
        connection.execute(f"create view {name} as select * from read_parquet('{home / files}')")
    connection.execute(JUDGED)
    return connection


def report(seed: int, connection: duckdb.DuckDBPyConnection) -> None:
    """Print the shares by kind of subject, then right and wrong by damage and by tier."""
    for kind, rows, right, wrong, harm, found, review, decisions in connection.execute(
        f"select subject_kind, {MEASURES} from judged where not is_apart group by all order by 1"
    ).fetchall():
        bound = f" (at most {3 / max(1, right):.1e})" if not wrong else ""
        print(
            f"seed {seed} {kind:<8} rows {rows:>9,}  recall {right / rows:.4f}  found {found / rows:.4f}"
            f"  wrong {wrong}{bound}  harm {harm}  review {review / rows:.4f}, {decisions:,} decisions"
        )
    for noise, status, rows in connection.execute(
        "select if(noise = 'masked', 'masked', 'outsiders'), status, count(*) from judged"
        " where is_apart group by all order by all"
    ).fetchall():
        print(f"seed {seed} {noise:<9} {status:<9} {rows:>9,}")
    for title, column in (("damage", "noise"), ("tier", "tier")):
        print(f"\n{title:<24} kind     {'rows':>9} {'right':>9} {'wrong':>6} {'review':>7} {'found':>9}")
        for name, kind, rows, right, wrong, _, found, review, _ in connection.execute(
            f"select coalesce({column}, '-'), subject_kind, {MEASURES} from judged where not is_apart"
            " group by all order by all"
        ).fetchall():
            print(f"{name:<24} {kind:<8} {rows:>9,} {right:>9,} {wrong:>6,} {review:>7,} {found:>9,}")
    print()


def main() -> None:
    """Simulate, link and judge one city per seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(RECORDS), default="150k")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--home", type=Path, default=REPOSITORY / "var" / "bench-link")
    arguments = parser.parse_args()
    legal, natural = SUBJECTS[arguments.size]
    print(f"{RECORDS[arguments.size]:,} records, {legal:,} legal and {natural:,} natural subjects")
    for seed in arguments.seeds:
        home = arguments.home / f"{arguments.size}-{seed}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        for step, command in steps_of(home, arguments.size, seed)[:5]:
            measure(step, command, environment_of(home), home / f"{step}.log")
        report(seed, judge(home))
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
