"""Check characters of the official codes as DuckDB macros (domain.md §2.7), to make valid codes in bulk.

The reference is `creditlake/identifiers.py`; the tests compare every made code with it.
"""

import duckdb

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
FULL_WIDTH = "０１２３４５６７８９ＡＢＣＤＥＦＧＨＪＫＬＭＮＰＱＲＴＵＷＸＹ"
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def weighted(expression: str, weights: tuple[int, ...], alphabet: str) -> str:
    """SQL: the weighted sum of the characters' places in the alphabet."""
    return " + ".join(
        f"(strpos('{alphabet}', substr({expression}, {place}, 1)) - 1) * {weight}"
        for place, weight in enumerate(weights, start=1)
    )


def declare_codes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros `uscc_check`, `org_check`, `reg_check`, `id_check` and `base31` known to a
    connection."""
    uscc_weights = tuple(pow(3, place, 31) for place in range(17))
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # GB 11714 counts all letters
    base31 = " || ".join(
        f"substr('{USCC_ALPHABET}', 1 + (n // {31**power}) % 31, 1)" for power in range(5, -1, -1)
    )
    for macro in (
        f"uscc_check(b) as substr('{USCC_ALPHABET}', 1 "
        f"+ (31 - ({weighted('b', uscc_weights, USCC_ALPHABET)}) % 31) % 31, 1)",
        f"org_check(b) as substr('0X987654321', 1 + ({weighted('b', ORG_WEIGHTS, letters)}) % 11, 1)",
        "reg_check(b) as ((11 - list_reduce(list_transform(range(1, 15), lambda k: substr(b, k, 1)::int), "
        "lambda p, d: (case when (p + d) % 10 = 0 then 10 else (p + d) % 10 end) * 2 % 11, "
        "10)) % 10)::varchar",
        f"id_check(b) as substr('10X98765432', 1 + ({weighted('b', ID_WEIGHTS, '0123456789')}) % 11, 1)",
        f"base31(n) as {base31}",
    ):
        connection.execute(f"create or replace temp macro {macro}")
