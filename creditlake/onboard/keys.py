"""Which columns can be the natural key: the smallest combinations that tell all rows apart.

A combination that is unique in a sample may be so by chance. Where the key of an existing contract applies,
it comes first: such keys name the organ, the document and the party because document numbers repeat.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from creditlake.contract import IDENTIFIER_TYPES
from creditlake.onboard.shapes import Column

KEY_MAX = 5  # columns of a key
COLUMNS_MAX = 15  # columns tried
COLUMNS_OF_A_TYPE = 4  # of these, so that many texts do not crowd out the one name
ROWS_MAX = 2_000  # rows on which combinations are tried; what is found is proved on all
CANDIDATES_MAX = 8
# How well a type serves as part of a key; types that are not here never do.
RANKS = {
    "doc_no": 0,
    **dict.fromkeys(IDENTIFIER_TYPES, 1),
    "name": 2,
    "person_name": 2,
    "text": 3,
    "date": 3,
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
    names = list(columns)
    rows = list(dict.fromkeys(zip(*(column.cells for column in columns.values()), strict=True)))
    numbers = {
        code: np.unique([row[names.index(code)] for row in rows], return_inverse=True)[1]
        for code, column in columns.items()
        if column.is_complete and types[code] in RANKS
    }
    found = [key for key in dict.fromkeys(customary) if set(key) <= numbers.keys() and is_key(key, numbers)]
    smallest = [key for key in smallest_keys(choose_columns(numbers, types), numbers) if is_key(key, numbers)]
    smallest.sort(key=lambda key: (len(key), sum(RANKS[types[code]] for code in key)))
    return list(dict.fromkeys([*found, *smallest]))[:CANDIDATES_MAX]


def choose_columns(numbers: Mapping[str, Numbers], types: Mapping[str, str]) -> list[str]:
    """Return the columns to combine: not constant, few of each type, those with many values first."""
    counts = {code: int(values.max(initial=0)) + 1 for code, values in numbers.items()}
    chosen: Counter[str] = Counter()
    kept = []
    for code in sorted(numbers, key=lambda code: -counts[code]):
        if counts[code] > 1 and chosen[types[code]] < COLUMNS_OF_A_TYPE:
            chosen[types[code]] += 1
            kept.append(code)
    return sorted(kept[:COLUMNS_MAX], key=lambda code: (RANKS[types[code]], -counts[code]))


def smallest_keys(codes: Sequence[str], numbers: Mapping[str, Numbers]) -> Iterator[tuple[str, ...]]:
    """Yield the combinations unique on the first rows that have no unique part, small ones first."""
    first = {code: numbers[code][:ROWS_MAX] for code in codes}
    joined: dict[tuple[str, ...], Numbers] = {}
    found: list[tuple[str, ...]] = []
    for size in range(1, KEY_MAX + 1):
        shorter, joined = joined, {}
        for key in combinations(codes, size):
            if any(set(part) <= set(key) for part in found):
                continue
            before = shorter.get(key[:-1])
            values = first[key[-1]] if before is None else join(before, first[key[-1]])
            if tells_apart(values):
                found.append(key)
                yield key
            else:
                joined[key] = values


def is_key(key: Sequence[str], numbers: Mapping[str, Numbers]) -> bool:
    """Whether some columns tell all rows apart."""
    values = numbers[key[0]]
    for code in key[1:]:
        values = join(values, numbers[code])
    return tells_apart(values)


def join(first: Numbers, second: Numbers) -> Numbers:
    """Return one number per row for the values of two columns together."""
    together: Numbers = first * (int(second.max(initial=0)) + 1) + second
    return np.unique(together, return_inverse=True)[1]


def tells_apart(values: Numbers) -> bool:
    """Whether no two rows have the same number."""
    return len(np.unique(values)) == len(values)
