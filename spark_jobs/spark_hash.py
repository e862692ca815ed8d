"""Spark's xxhash64 of rows, for an engine that has none: the same hash is stored with every record."""

import re
from collections.abc import Callable, Sequence
from datetime import date

import pyarrow as pa
from xxhash import xxh64_intdigest

XXHASH_SEED = 42  # Spark's
DECIMAL_IN_LONG = 18  # digits
EPOCH = date(1970, 1, 1).toordinal()
GREGORIAN_CYCLE = 400, 146_097  # years, days


def hash_rows(rows: pa.ChunkedArray, kinds: pa.ChunkedArray) -> pa.Array:
    """Return Spark's xxhash64 over (value, place, value, place, …) of each row as 16 hexadecimal digits.

    The values come as text, with the name of each one's type.
    """
    texts = rows.to_pylist()
    if not texts:
        return pa.array([], pa.string())
    columns = [(bytes_of(kind), place.to_bytes(4, "little")) for place, kind in enumerate(kinds[0].as_py())]
    hashes = []
    for row in texts:
        found = XXHASH_SEED
        for text_of_value, (to_bytes, place) in zip(row, columns, strict=True):
            if text_of_value is not None:
                for part in to_bytes(text_of_value):
                    found = xxh64_intdigest(part, found)
            found = xxh64_intdigest(place, found)
        hashes.append(f"{found:016x}")
    return pa.array(hashes, pa.string())


def bytes_of(kind: str) -> Callable[[str], Sequence[bytes]]:
    """Return how Spark's hash sees a value of a type of DuckDB's, from its text."""
    precision = re.fullmatch(r"DECIMAL\(([0-9]+),[0-9]+\)", kind)
    if precision:
        return long_decimal_bytes if int(precision[1]) > DECIMAL_IN_LONG else short_decimal_bytes
    return {
        "VARCHAR": lambda text: (text.encode(),),
        "BIGINT": lambda text: (int(text).to_bytes(8, "little", signed=True),),
        "BOOLEAN": lambda text: (int(text == "true").to_bytes(4, "little"),),
        "DATE": date_bytes,
        "VARCHAR[]": lambda text: [code.encode() for code in text.strip("[]").split(", ") if code],
    }[kind]


def date_bytes(text: str) -> Sequence[bytes]:
    """Return a date as days since 1970; a year 0000 (1 BC), which Python's dates lack, by a cycle later."""
    years, cycle = GREGORIAN_CYCLE
    if text.endswith(" (BC)"):
        days = date.fromisoformat(f"{years + 1 - int(text[:4]):04}{text[4:10]}").toordinal() - cycle
    else:
        days = date.fromisoformat(text).toordinal()
    return ((days - EPOCH).to_bytes(4, "little", signed=True),)


def short_decimal_bytes(text: str) -> Sequence[bytes]:
    """Return an amount that fits into 64 bits, in its smallest unit."""
    return (int(text.replace(".", "")).to_bytes(8, "little", signed=True),)


def long_decimal_bytes(text: str) -> Sequence[bytes]:
    """Return a larger amount, as Java's BigInteger lays it out."""
    unscaled = int(text.replace(".", ""))
    return (
        unscaled.to_bytes(
            ((unscaled if unscaled >= 0 else -unscaled - 1).bit_length()) // 8 + 1, "big", signed=True
        ),
    )
