"""`make bench-link`: how often linking is right, wrong, or leaves it to people, where the truth is known.

Per seed a city is simulated and goes through collect, decode, standardise and link as an engineer would run
them; then every link is compared with the truth (`link_truth` says what is counted). Beside it two others on
the same data: B, the plainest deterministic linker in DuckDB (`baseline_duckdb`), and Splink 5 with its match
threshold swept (`splink_linking`; not at 10 million records). Printed per seed, then all seeds together: by
noise, by tier, by hard case; the whole as JSON beside the lakes.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from creditlake.catalog import load_catalog
from tests.bench.link_truth import (
    Counts,
    count_apart,
    count_by,
    count_inflow,
    judge,
    open_truth,
    pool,
)
from tests.bench.run import RECORDS, REPOSITORY, SUBJECTS, environment_of, measure, steps_of
from tests.bench.splink_linking import WEIGHTS, answer_at, link_with_splink

OURS, PLAINEST, SPLINK = "creditlake", "B", "Splink"
TABLES = {"noise": "noise", "tier": "tier", "hard case": "hard_case"}
LARGEST_WITH_SPLINK = 1_000_000
B_ANSWERS = """
create table by_b as
    with places as (
        select distinct filename, row_no, file_name
        from read_parquet('{cells}/*/*/*/*/part-*.parquet', filename = true, union_by_name = true)
    ), persons as (
        select 'N' || row_no as subject, sha256(id_no) as subject_key
        from read_parquet('{cells}/public_security/population_register/*/*/part-*.parquet')
    )
    select replace(b.dataset, '/', '.') as dataset, c.file_name as file, b.row_no,
        if(b.subject is null, 'unlinked', 'auto') as status, b.tier,
        coalesce(p.subject_key, b.subject[2:]) as subject_key,
        null::varchar as suggested_key, null::varchar as party
    from read_parquet('{answers}') b
    join places c on c.filename = b.file and c.row_no = b.row_no
    left join persons p on p.subject = b.subject
"""
Groups = dict[tuple[str, ...], Counts]


@dataclass
class Judged:
    """One linker's answers for one city: counts by kind of subject and by whatever else was asked."""

    seconds: float
    kinds: Groups
    apart: dict[tuple[str, ...], int]
    tables: dict[str, Groups] = field(default_factory=dict)
    inflow: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "seconds": self.seconds,
            "kinds": groups_json(self.kinds),
            "apart": {" ".join(key): rows for key, rows in self.apart.items()},
            "tables": {name: groups_json(groups) for name, groups in self.tables.items()},
            "inflow_of_a_day_of_1_percent": self.inflow,
        }


def groups_json(groups: Groups) -> dict[str, Any]:
    """Return counts by a readable key."""
    return {" ".join(key): counts.as_json() for key, counts in groups.items()}


def judge_links(connection: duckdb.DuckDBPyConnection, seconds: float) -> Judged:
    """Judge our own links."""
    judge(connection, "ours")
    tables = {name: count_by(connection, column, "subject_kind") for name, column in TABLES.items()}
    kinds = count_by(connection, "subject_kind")
    return Judged(seconds, kinds, count_apart(connection), tables, count_inflow(connection))


def judge_plainest(connection: duckdb.DuckDBPyConnection, home: Path) -> Judged:
    """Run and judge the plainest deterministic linker."""
    cells, answers = home / "lake" / "cells", home / "baseline.parquet"
    command = [sys.executable, str(Path(__file__).with_name("baseline_duckdb.py")), str(cells), str(answers)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    connection.execute(B_ANSWERS.format(cells=cells, answers=answers))
    judge(connection, "by_b")
    tables = {"tier": count_by(connection, "tier", "subject_kind")}
    kinds = count_by(connection, "subject_kind")
    return Judged(json.loads(printed)["seconds"], kinds, count_apart(connection), tables)


def judge_splink(connection: duckdb.DuckDBPyConnection, home: Path) -> dict[int, Judged]:
    """Run Splink and judge it at every threshold (match weight)."""
    seconds = sum(link_with_splink(connection, home, load_catalog(REPOSITORY / "catalog")).values())
    found = {}
    for weight in WEIGHTS:
        answer_at(connection, weight)
        judge(connection, "by_splink")
        tables = {"noise": count_by(connection, "noise", "subject_kind")}
        kinds = count_by(connection, "subject_kind")
        found[weight] = Judged(seconds, kinds, count_apart(connection), tables)
    return found


def best_weight(sweep: Mapping[int, Judged], kind: str) -> int:
    """Return the threshold of the fewest wrong links, and among those of the most right ones."""

    def merit(weight: int) -> tuple[int, int]:
        counts = sweep[weight].kinds[(kind,)]
        return counts.wrong, -counts.right

    return min(sweep, key=merit)


def merge(found: Iterable[Judged]) -> Judged:
    """Return the sums over several cities; seconds are the longest."""
    parts = list(found)
    apart: dict[tuple[str, ...], int] = {}
    inflow: dict[str, int] = {}
    for part in parts:
        for key, rows in part.apart.items():
            apart[key] = apart.get(key, 0) + rows
        for name, rows in part.inflow.items():
            inflow[name] = inflow.get(name, 0) + rows
    tables = {name: pool(part.tables[name] for part in parts) for name in parts[0].tables}
    return Judged(max(part.seconds for part in parts), pool(p.kinds for p in parts), apart, tables, inflow)


def print_line(name: str, kind: str, found: Judged) -> None:
    """Print one linker's figures for one kind of subject."""
    counts = found.kinds[(kind,)]
    outsiders = found.apart.get(("outsiders", kind, "auto"), 0)
    bound = f" (at most {counts.bound('harm'):.1e})" if not counts.harm else ""
    print(
        f"{name:<22} {kind:<8} rows {counts.rows:>9,}  recall {counts.share('right'):.4f}"
        f"  precision {counts.precision:.6f}  found {counts.share('found'):.4f}"
        f"  review {counts.share('review'):.4f}, {counts.decisions:,} decisions"
        f"  wrong {counts.wrong:,}  harm {counts.harm:,}{bound}  outsiders linked {outsiders:,}"
        f"  {found.seconds:.1f} s",
        flush=True,
    )


def print_linkers(title: str, linkers: Mapping[str, Judged], sweep: Mapping[int, Judged]) -> None:
    """Print the linkers side by side, and Splink's sweep."""
    print(f"\n{title}")
    for kind in ("legal", "natural"):
        for name, found in linkers.items():
            print_line(name, kind, found)
        if sweep:
            best = best_weight(sweep, kind)
            print_line(f"{SPLINK}, weight {best}", kind, sweep[best])
    for weight, found in sweep.items():
        for kind in ("legal", "natural"):
            counts = found.kinds[(kind,)]
            print(
                f"  {SPLINK} at weight {weight:>3} {kind:<8} recall {counts.share('right'):.4f}"
                f"  wrong {counts.wrong:>5,}  harm {counts.harm:>5,}"
            )


def print_details(found: Judged) -> None:
    """Print what stands apart, the inflow of a day, and the tables by noise, tier and hard case."""
    for (noise, kind, status), rows in sorted(found.apart.items()):
        print(f"apart: {noise:<10} {kind:<8} {status:<9} {rows:>9,}")
    inflow = found.inflow
    print(
        f"a day of 1 %: {inflow['rows']:,} rows, {inflow['review']:,} of them into review, "
        f"{inflow['decisions']:,} new decisions"
    )
    for title, groups in found.tables.items():
        heads = f"{'rows':>10} {'right':>10} {'found':>10} {'review':>8} {'wrong':>6} {'harm':>6}"
        print(f"\n{title:<24} kind     {heads}  at most")
        for (name, kind), counts in groups.items():
            if counts.rows or counts.wrong:
                bound = f"{counts.bound('wrong'):.1e}" if counts.right else ""
                print(
                    f"{name:<24} {kind:<8} {counts.rows:>10,} {counts.right:>10,} {counts.found:>10,} "
                    f"{counts.review:>8,} {counts.wrong:>6,} {counts.harm:>6,}  {bound}"
                )


def judge_city(home: Path, size: str, seed: int) -> tuple[dict[str, Judged], dict[int, Judged]]:
    """Simulate and link one city; judge every linker on it: the deterministic ones and Splink's sweep."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for step, command in steps_of(home, size, seed)[:5]:
        measured = measure(step, command, environment_of(home), home / f"{step}.log")
    connection = open_truth(home)
    linkers = {OURS: judge_links(connection, measured.seconds), PLAINEST: judge_plainest(connection, home)}
    sweep = judge_splink(connection, home) if RECORDS[size] <= LARGEST_WITH_SPLINK else {}
    connection.close()
    shutil.rmtree(home)
    return linkers, sweep


def main() -> None:
    """Judge one city per seed, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=sorted(RECORDS), default="150k")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--home", type=Path, default=REPOSITORY / "var" / "bench-link")
    arguments = parser.parse_args()
    legal, natural = SUBJECTS[arguments.size]
    print(f"{RECORDS[arguments.size]:,} records, {legal:,} legal and {natural:,} natural subjects")
    cities = {}
    for seed in arguments.seeds:
        cities[seed] = judge_city(arguments.home / f"{arguments.size}-{seed}", arguments.size, seed)
        print_linkers(f"seed {seed}", *cities[seed])
    linkers = {name: merge(found[name] for found, _ in cities.values()) for name in (OURS, PLAINEST)}
    weights = next(iter(cities.values()))[1]
    sweep = {weight: merge(found[weight] for _, found in cities.values()) for weight in weights}
    print_linkers(f"all seeds {arguments.seeds}", linkers, sweep)
    print_details(linkers[OURS])
    result = {
        "size": arguments.size,
        "seeds": arguments.seeds,
        "linkers": {name: found.as_json() for name, found in linkers.items()},
        "splink": {str(weight): found.as_json() for weight, found in sweep.items()},
        "by_seed": {
            seed: {name: groups_json(judged.kinds) for name, judged in found.items()}
            for seed, (found, _) in cities.items()
        },
    }
    path = arguments.home / f"{arguments.size}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False))
    print(f"\n{path}")


if __name__ == "__main__":
    main()
