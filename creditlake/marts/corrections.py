"""What a later row says about an earlier one of another key: the number it cites, the document it is about.

A corrected row replaces a refused one by its natural key as long as that is the same. Where the mistake was
in the key, two facts still tell which row is meant: the receipt number under which it went back (回执号), and
organ and document number, while the rest of the key (a party's name) was corrected.
"""

from collections.abc import Iterable

import duckdb

from creditlake.contract import Contract
from creditlake.duck import quote_name, quote_text
from creditlake.receipt_no import RECEIPT_FIELD, add_receipt_macros

NO_CITATION = "'' as dataset, 0::bigint as row_key, '' as receipt_no"
NO_DOCUMENT = "'' as dataset, 0::bigint as row_key, '' as record_id, '' as document_no, true as is_kept"


def document_fields(contract: Contract) -> list[str]:
    """Return the organs and document numbers of a dataset's key; none if it lacks the one or the other."""
    types = {name: contract.fields[name].type for name in contract.natural_key}
    if not {"organ_uscc", "doc_no"} <= set(types.values()):
        return []
    return [name for name, kind in types.items() if kind in ("organ_uscc", "doc_no")]


def create_correction_views(connection: duckdb.DuckDBPyConnection, contracts: Iterable[Contract]) -> None:
    """Make `corrections.citations`, `corrections.documents` and the macro `receipt_no`.

    Both read the rooms `records` and `rejects`: a correction may be refused again. `is_kept` is true for an
    accepted or held row that does not take its record back.
    """
    citations, documents = [f"select {NO_CITATION} where false"], [f"select {NO_DOCUMENT} where false"]
    for contract in contracts:
        fields = document_fields(contract)
        for room in ("records", "rejects"):
            source = f"from {room}.{quote_name(contract.table)}"
            place = f"select {quote_text(contract.name)} as dataset, row_key"
            citations.append(f"{place}, {RECEIPT_FIELD} {source} where {RECEIPT_FIELD} is not null")
            if fields:
                number = " || chr(31) || ".join(map(quote_name, fields))
                is_kept = "change_op <> 'D'" if room == "records" else "false"
                documents.append(f"{place}, record_id, {number}, {is_kept} {source}")
    add_receipt_macros(connection, temporary=False)
    connection.execute("create schema corrections")
    connection.execute(f"create view corrections.citations as {' union all '.join(citations)}")
    connection.execute(f"create view corrections.documents as {' union all '.join(documents)}")
