"""回执号: the number under which a returned row goes back, and which its correction may cite.

`H`, ten characters of the hash of batch, file and row, one check character. The same row has the same number
in every run, so nothing has to be kept to know which row a number means; and it says nothing about the row.
The characters are those of the USCC, without I, O, S, V and Z; the letter in front keeps spreadsheets from
taking it for a number. The check character notices every single wrong character and every two that changed
places: the weights are the powers of 3 modulo 31, all different (as in GB 32100-2015).

DuckDB makes the numbers, where the rows are; standardise checks cited ones (`expressions.is_receipt_no`).
"""

from typing import TYPE_CHECKING

from creditlake.identifiers import USCC_ALPHABET as ALPHABET
from creditlake.identifiers import USCC_WEIGHTS

if TYPE_CHECKING:  # contracts are read where DuckDB is not needed
    import duckdb

RECEIPT_HEADER = "回执号"
RECEIPT_SPELLINGS = (RECEIPT_HEADER, "数据回执号", "receipt_no")  # columns in which a correction cites one
RECEIPT_FIELD = "receipt_no"
RECEIPT_MARK = "H"
BODY_CHARS = 10
RECEIPT_SHAPE = f"{RECEIPT_MARK}[{ALPHABET}]{{{BODY_CHARS + 1}}}"


def add_receipt_macros(connection: "duckdb.DuckDBPyConnection", *, temporary: bool = True) -> None:
    """Define `receipt_no(batch_id, file_name, row_no)`; a build keeps it in its database."""
    kind = "temp macro" if temporary else "macro"
    digits = [f"n // {31**i} % 31" for i in range(BODY_CHARS)]
    weighted = " + ".join(f"({digit}) * {USCC_WEIGHTS[i + 1]}" for i, digit in enumerate(digits))
    shown = " || ".join(_char(digit) for digit in [*digits, f"(31 - ({weighted}) % 31) % 31"])
    connection.execute(f"create or replace {kind} receipt_text(n) as '{RECEIPT_MARK}' || {shown}")
    connection.execute(
        f"create or replace {kind} receipt_no(batch_id, file_name, row_no) as"
        " receipt_text(md5_number_lower(concat_ws(chr(31), batch_id, file_name, row_no)))"
    )


def _char(digit: str) -> str:
    """Return SQL for the character that stands for a digit of base 31."""
    return f"substr('{ALPHABET}', cast(1 + {digit} as bigint), 1)"
