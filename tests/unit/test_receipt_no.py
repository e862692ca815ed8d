"""回执号: one row, one number; a typing mistake does not become another row's number."""

import re

import duckdb
import pytest

from creditlake.receipt_no import ALPHABET, RECEIPT_SHAPE, add_receipt_macros

BATCH = "b0123456789abcdef0123"


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    add_receipt_macros(opened)
    return opened


def numbers(connection: duckdb.DuckDBPyConnection, batch: str, file: str, rows: int) -> list[str]:
    query = "select receipt_no($batch, $file, row_no) from range(1, $rows + 1) as numbered(row_no)"
    found = connection.execute(query, {"batch": batch, "file": file, "rows": rows}).fetchall()
    return [number for (number,) in found]


def check_char(number: str) -> str:
    """Return the check character by the definition: weights 3, 9, 27 … modulo 31."""
    weighted = sum(ALPHABET.index(char) * 3**i for i, char in enumerate(number[1:11], start=1))
    return ALPHABET[-weighted % 31]


def test_a_number_is_that_of_batch_file_and_row(connection: duckdb.DuckDBPyConnection) -> None:
    first = numbers(connection, BATCH, "x_1.csv", 3)

    assert first == numbers(connection, BATCH, "x_1.csv", 3)
    assert first == ["HMW78174URPT", "HNJFWTJRHDX3", "HDK3X7HDLJF7"]
    assert set(first).isdisjoint(numbers(connection, BATCH, "x_2.csv", 3))
    assert set(first).isdisjoint(numbers(connection, BATCH[:-1] + "4", "x_1.csv", 3))


def test_numbers_of_a_large_batch_are_all_different_and_of_one_shape(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = numbers(connection, BATCH, "x_1.csv", 100_000)

    assert len(set(found)) == 100_000
    assert all(re.fullmatch(RECEIPT_SHAPE, number) for number in found[:1000])
    assert all(number[11] == check_char(number) for number in found[:1000])


def test_every_wrong_character_and_every_swap_is_noticed(connection: duckdb.DuckDBPyConnection) -> None:
    (number,) = numbers(connection, BATCH, "x_1.csv", 1)
    mistyped = {
        number[:place] + char + number[place + 1 :]
        for place in range(1, 12)
        for char in ALPHABET
        if char != number[place]
    }
    for one in range(1, 11):
        for other in range(one + 1, 12):
            swapped = list(number)
            swapped[one], swapped[other] = number[other], number[one]
            mistyped.add("".join(swapped))
    mistyped.discard(number)  # two equal characters that changed places

    assert len(mistyped) > 11 * 30
    assert [text for text in mistyped if text[11] == check_char(text)] == []
