"""Build the candidate of one business date: registers, links and records in, tables and a manifest out.

Everything happens in a private DuckDB file under scratch; readers only ever get Parquet. A table version is
named by its content hash, so an unchanged table is the same version in every release and is uploaded once.
The candidate's manifest is written last and exclusively: a killed build leaves nothing that counts, and the
same command starts again.
"""

import logging
import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path

import duckdb

from creditlake.candidate import (
    CandidateManifest,
    LedgerRow,
    PublicationRow,
    candidate_key,
    read_candidate,
)
from creditlake.catalog import Catalog
from creditlake.catalog_model import sha256_of
from creditlake.content_hash import hash_table
from creditlake.gate.model import TableEntry
from creditlake.marts.database import prepare_database
from creditlake.marts.dbt import DbtRun, Mart, run_dbt
from creditlake.marts.inputs import BuildInputs, read_inputs
from creditlake.settings import Settings
from creditlake.storage import (
    CorruptObject,
    Lake,
    ObjectExists,
    code_version,
    hash_stream,
    now_utc,
    peak_memory_mb,
)

LOG = logging.getLogger("creditlake.build")
VERSION_HEX = 16
PART = "part-00000.parquet"


def build_marts(
    lake: Lake, catalog: Catalog, settings: Settings, business_date: date, build: str
) -> CandidateManifest:
    """Return the candidate of a build, made now or found finished.

    A test that fails is noted for the gate. Raises BuildError for a build that is not linked, CorruptObject
    for a damaged input, DbtFailed if a model failed, NotHashable if a mart breaks its order; then there is
    no candidate, and the scratch folder shows what was under way.
    """
    if lake.exists(candidate_key(build)):
        LOG.info("build %s has its candidate already", build)
        return read_candidate(lake, build)
    started_at = now_utc()
    inputs = read_inputs(lake, catalog, business_date, build)
    (settings.scratch / build).mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="marts-", dir=settings.scratch / build))
    (scratch / "tables").mkdir()
    database = scratch / "marts.duckdb"
    prepare_database(database, lake, catalog, settings, inputs)
    run = run_dbt(settings, database, scratch / "tables", scratch / "dbt", business_date)
    tables = {
        mart.name: store_table(lake, mart, scratch / "tables" / f"{mart.level}.{mart.name}.parquet", settings)
        for mart in run.marts
    }
    manifest = make_manifest(catalog, inputs, run, tables, scratch / "tables", started_at)
    try:
        lake.put_if_absent(candidate_key(build), manifest.model_dump_json(indent=1).encode())
    except ObjectExists:
        LOG.info("build %s was finished by another run, whose candidate stands", build)
        return read_candidate(lake, build)
    shutil.rmtree(scratch, ignore_errors=True)
    return manifest


def store_table(lake: Lake, mart: Mart, path: Path, settings: Settings) -> TableEntry:
    """Hash a mart's file and put it into the lake, unless this version is there already.

    A version that is there is not believed: other bytes must have the same content. Raises CorruptObject.
    """
    content = hash_table([path], mart.order_by, settings.threads)
    version = content.digest[:VERSION_HEX]
    key = f"tables/{mart.level}/{mart.name}/{version}/{PART}"
    try:
        lake.upload_if_absent(key, path)
    except ObjectExists:
        LOG.info("%s: unchanged, version %s", mart.name, version)
    entry = lake.describe_file(key)
    with path.open("rb") as stream:
        made, _ = hash_stream(stream)
    if entry.sha256 != made:
        stored = lake.localise([entry], path.parent / "stored")
        if hash_table(stored, mart.order_by, settings.threads) != content:
            raise CorruptObject(key, made, entry.sha256)
    return TableEntry(
        level=mart.level,  # type: ignore[arg-type]  # checked by the model
        version=version,
        rows=content.rows,
        content_hash=content.digest,
        columns=content.schema,
        files=(entry,),
        grain=mart.grain,
    )


def make_manifest(
    catalog: Catalog,
    inputs: BuildInputs,
    run: DbtRun,
    tables: dict[str, TableEntry],
    folder: Path,
    started_at: datetime,
) -> CandidateManifest:
    """Return the candidate's manifest."""
    return CandidateManifest(
        build=inputs.build,
        business_date=inputs.business_date,
        status="ok",
        code_version=code_version(),
        catalog_digest=sha256_of(
            [catalog.rules_digest(), {name: catalog.digest(c) for name, c in catalog.contracts.items()}]
        ),
        inputs=tuple(inputs.files),
        batches=inputs.summarise(),
        tables=tables,
        models=run.models,
        tests=run.tests,
        ledger=tuple(
            LedgerRow.model_validate(row) for row in read_rows(folder / "internal.ledger.parquet", LedgerRow)
        ),
        publication=tuple(
            PublicationRow.model_validate(row)
            for row in read_rows(folder / "internal.ledger_publication.parquet", PublicationRow)
        ),
        started_at=started_at,
        ended_at=now_utc(),
        peak_memory_mb=peak_memory_mb(),
    )


def read_rows(path: Path, model: type[LedgerRow] | type[PublicationRow]) -> list[dict[str, object]]:
    """Return a small mart's rows, only the columns of the model."""
    names = list(model.model_fields)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {', '.join(names)} from read_parquet($path)",  # noqa: S608  names of our own model
            {"path": str(path)},
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
