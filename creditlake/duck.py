"""A private DuckDB connection within the memory bound, and how it reaches the lake's Parquet."""

from importlib.util import find_spec
from pathlib import Path

import duckdb

from creditlake.settings import settings
from creditlake.storage import Lake

HTTPFS = "duckdb_extension_httpfs"  # the wheel that pins the extension to the DuckDB version; no download


def open_duckdb(scratch: Path, database: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a private DuckDB, in memory unless a file is named, that spills into the scratch folder."""
    scratch.mkdir(parents=True, exist_ok=True)
    return duckdb.connect(
        str(database or ":memory:"),
        config={
            "memory_limit": settings().duckdb_memory,
            "threads": settings().threads,
            "temp_directory": str(scratch / "spill"),
        },
    )


def quote_name(name: str) -> str:
    """Return a column or table name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet_place(lake: Lake, key: str) -> str:
    """Return what DuckDB calls an object: an absolute path, or an s3:// address."""
    return lake.spark_url(key).replace("s3a://", "s3://", 1)


def allow_s3(connection: duckdb.DuckDBPyConnection) -> None:
    """Load httpfs and give this connection the lake's S3 credentials; they are not written into its file.

    A reader of the analysts' file does the same with a read-only key of its own before the first query.
    """
    spec = find_spec(HTTPFS)
    assert spec is not None, f"the package {HTTPFS} is locked in uv.lock"
    assert spec.origin is not None
    extension = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    connection.execute(f"load {quote_text(str(extension))}")
    given = settings()
    options = {
        "key_id": given.s3_access_key,
        "secret": given.s3_secret_key,
        "endpoint": given.s3_endpoint,
        "url_style": "path",
        "use_ssl": "true" if given.s3_secure else "false",
    }
    parts = ", ".join(f"{name} {quote_text(value)}" for name, value in options.items())
    connection.execute(f"create or replace temporary secret lake (type s3, {parts})")
