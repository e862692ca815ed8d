"""Numbers one edit away, against a brute-force comparison of every damaged with every registered number."""

import random

from pyspark.sql import SparkSession

from spark_jobs.linking import number_owners
from spark_jobs.near_numbers import ALPHABETS, find_near_numbers

PARTIES = "archive string, damaged string"
IDENTIFIERS = "subject_id string, id_kind string, id_value string, id_status string"


def edits(first: str, second: str) -> int:
    """Count insertions, deletions, substitutions and swaps of neighbours (optimal string alignment)."""
    rows = [list(range(len(second) + 1))]
    for i, left in enumerate(first, start=1):
        row = [i]
        for j, right in enumerate(second, start=1):
            best = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (left != right))
            if i > 1 and j > 1 and left == second[j - 2] and first[i - 2] == right:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


def hurt(draw: random.Random, number: str, alphabet: str) -> str:
    """Return a number after one or two edits."""
    for _ in range(draw.choice((1, 1, 2))):
        place = draw.randrange(len(number) - 1)
        kind = draw.choice(("wrong", "swap", "lose", "add"))
        if kind == "wrong":
            number = number[:place] + draw.choice(alphabet) + number[place + 1 :]
        elif kind == "swap":
            number = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        elif kind == "lose":
            number = number[:place] + number[place + 1 :]
        else:
            number = number[:place] + draw.choice(alphabet) + number[place:]
    return number


def test_they_are_those_that_a_comparison_of_all_with_all_finds(few_rows: SparkSession) -> None:
    draw = random.Random(11)
    registered, names, damaged = [], [], set()
    for archive, kind in (("L", "uscc"), ("N", "resident_id")):
        alphabet = ALPHABETS[archive]
        for number in range(120):
            # few differing characters, so that many numbers are each other's neighbours
            tail = "".join(draw.choice("0123") for _ in range(3))
            value = f"{'91' if archive == 'L' else '99'}9000199003{tail}"[:18].ljust(18, "7")
            registered.append((f"{archive}{number}", kind, value, "valid"))
            names.append((f"{archive}{number}", f"name {number}", True))
        damaged |= {(archive, hurt(draw, row[2], alphabet)) for row in registered if row[1] == kind}
    damaged = {(archive, value) for archive, value in damaged if 17 <= len(value) <= 19}
    numbers = number_owners(
        few_rows.createDataFrame(
            registered, "subject_id string, id_kind string, id_value string, id_status string"
        ),
        few_rows.createDataFrame(names, "subject_id string, name_norm string, is_current boolean"),
    )
    found = find_near_numbers(few_rows.createDataFrame(sorted(damaged), PARTIES), numbers).collect()

    kinds = {"L": "uscc", "N": "resident_id"}
    expected = {}
    for archive, value in damaged:
        near = [r for r in registered if r[1] == kinds[archive] and edits(value, r[2]) <= 1]
        if near:
            expected[archive, value] = (len({r[2] for r in near}), sorted({r[0] for r in near}))
    assert len({count for count, _ in expected.values()}) > 2
    assert {(r["archive"], r["damaged"]): (r["near_numbers"], r["near_owners"]) for r in found} == expected
