"""Which columns can be the natural key: the smallest combinations that tell all rows apart.

A combination that is unique in a sample may be so by chance. Where the key of an existing contract applies,
it comes first: such keys name the organ, the document and the party because document numbers repeat.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from creditlake.contract import IDENTIFIER_TYPES
from creditlake.onboard.shapes import Column

KEY_MAX = 4  # columns of a key
COLUMNS_MAX = 14  # columns tried
ROWS_MAX = 5_000  # rows on which combinations are tried; what is found is proved on all
CANDIDATES_MAX = 8
# How well a type serves as part of a key; types that are not here never do.
RANKS = {
    "doc_no": 0,
    **dict.fromkeys(IDENTIFIER_TYPES, 1),
    "text": 2,
    "date": 3,
    "name": 3,
    "person_name": 3,
    "enum": 4,
    "integer": 4,
    "division": 5,
}
Numbers = npt.NDArray[np.int64]


def find_keys(
    columns: Mapping[str, Column], types: Mapping[str, str], customary: Sequence[tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Return candidates of field codes, best first; none if even KEY_MAX columns leave rows alike.

    `customary` are keys of existing contracts. Rows that are alike in every column count once.
    """
    usable = [code for code, column in columns.items() if column.is_complete and types[code] in RANKS]
    rows = list(dict.fromkeys(zip(*(column.cells for column in columns.values()), strict=True)))
    names = list(columns)
    numbers = {
        code: np.unique([row[names.index(code)] for row in rows], return_inverse=True)[1] for code in usable
    }
    order = sorted(usable, key=lambda code: (RANKS[types[code]], -len(set(numbers[code])), names.index(code)))
    found = [key for key in dict.fromkeys(customary) if is_key(key, numbers)]
    smallest: list[tuple[str, ...]] = []
    for size in range(1, KEY_MAX + 1):
        for key in combinations(order[:COLUMNS_MAX], size):
            if any(set(part) <= set(key) for part in smallest):
                continue
            if is_key(key, numbers, ROWS_MAX) and is_key(key, numbers):
                smallest.append(key)
    smallest.sort(key=lambda key: (len(key), sum(RANKS[types[code]] for code in key)))
    return list(dict.fromkeys([*found, *smallest]))[:CANDIDATES_MAX]


def is_key(key: Sequence[str], numbers: Mapping[str, Numbers], rows: int | None = None) -> bool:
    """Whether some columns tell all (or the first so many) rows apart; an absent or empty column does not."""
    if any(code not in numbers for code in key):
        return False
    joined = np.zeros(len(next(iter(numbers.values()))[:rows]), dtype=np.int64)
    for code in key:
        values = numbers[code][:rows]
        joined = np.unique(joined * (int(values.max(initial=0)) + 1) + values, return_inverse=True)[1]
    return len(np.unique(joined)) == len(joined)
