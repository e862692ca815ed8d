"""The rows behind links, as they were delivered: the same verified files that the build was made of."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.parquet as pq

from creditlake.builds import BuildError, business_date_of
from creditlake.catalog import Catalog
from creditlake.contract import KEEPS_DELIVERED, NUMBER_SLOTS, Contract
from creditlake.duck import open_duckdb, quote_name, quote_text
from creditlake.marts.database import prepare_database, read_parquet
from creditlake.marts.inputs import read_inputs
from creditlake.settings import Settings
from creditlake.storage import Lake, build_manifest_key, read_manifest

# Links that a person has to decide, or has decided; every one of them has its party.
QUEUED = "party is not null and (status = 'review' or judgement_id is not null)"
IS_PERSON = "coalesce(links.subject_kind = 'NATURAL', false)"


def linked_datasets(lake: Lake, chosen: Settings, build: str, condition: str) -> list[str]:
    """Return the datasets that have links of a condition in a build, read from the links alone.

    Raises BuildError for links that know no parties yet.
    """
    links = lake.localise(read_manifest(lake, build_manifest_key("links", build)).outputs, chosen.scratch)
    if not links:
        return []
    if "party" not in pq.read_schema(links[0]).names:
        raise BuildError(
            f"build {build} was linked by an earlier version; run `creditlake link` for the next"
        )
    with open_duckdb(chosen.scratch / "review") as connection:
        query = f"select distinct dataset from {read_parquet(links)} where {condition} order by 1"  # noqa: S608
        return [dataset for (dataset,) in connection.execute(query).fetchall()]


@contextmanager
def open_rows(
    lake: Lake, catalog: Catalog, chosen: Settings, build: str, datasets: Sequence[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the records of some datasets of a build, beside its links and registers; gone at the end.

    Views as of `marts.database`: `records."<dataset>"`; `linking.links`, subjects, identifiers and names.
    """
    inputs = read_inputs(lake, catalog, business_date_of(build), build)
    wanted = replace(inputs, batches={name: inputs.batches[name] for name in datasets})
    scratch = chosen.scratch / "review"
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder:
        path = Path(folder) / "rows.duckdb"
        prepare_database(path, lake, catalog, chosen, wanted)
        with open_duckdb(scratch, path) as connection:
            yield connection


def party_columns(contract: Contract) -> dict[str, str]:
    """Return SQL for what a dataset's row (`rows`, with its link `links`) says of its party.

    The name as delivered and as cleaned (`name_clean`), the representative as delivered; then per slot the
    number as delivered, `<slot>_code` as cleaned, and `<slot>_status`.
    """
    assert contract.subject.name
    name = contract.subject.name
    representative = contract.subject.legal_rep
    columns = {
        "name": delivered(contract, name),
        "name_clean": f"rows.{quote_name(name)}",
        "legal_rep": delivered(contract, representative) if representative else "null",
    }
    for slot in NUMBER_SLOTS:
        field, condition = getattr(contract.subject, slot), ""
        if field is None and slot in ("uscc", "id_no"):
            field = contract.subject.party_code
            condition = IS_PERSON if slot == "id_no" else f"not {IS_PERSON}"
        texts = ("null", "null", "null")
        if field:
            texts = (
                delivered(contract, field),
                f"rows.{quote_name(field)}",
                f"rows.{quote_name(f'{field}_status')}",
            )
        for column, text in zip((slot, f"{slot}_code", f"{slot}_status"), texts, strict=True):
            columns[column] = f"case when {condition} then {text} end" if field and condition else text
    return {column: f"cast({text} as varchar)" for column, text in columns.items()}


def delivered(contract: Contract, field: str) -> str:
    """Return SQL for a field as the department wrote it, null for an empty cell."""
    kept = contract.fields[field].type in KEEPS_DELIVERED
    return f"nullif(rows.{quote_name(f'{field}_delivered' if kept else field)}, '')"


def current_rows(contract: Contract) -> str:
    """Return SQL of a `from` clause: the rows that speak for their records, with their links from `queued`.

    A record that was corrected, withdrawn or left out of the newest snapshot has nothing to decide.
    """
    links = f"(select * from queued where dataset = {quote_text(contract.name)})"  # noqa: S608
    present = "rows.is_current_snapshot" if contract.delivery.kind == "full_snapshot" else "true"
    versions = (
        f"(select * from records.{quote_name(contract.table)}"  # noqa: S608
        f" where record_id in (select record_id from {links})"
        " qualify row_number() over (partition by record_id order by row_key desc) = 1)"
    )
    return (
        f"from {links} as links inner join {versions} as rows on rows.row_key = links.row_key"
        f" where rows.change_op is distinct from 'D' and {present}"
    )
