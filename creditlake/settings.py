"""Every setting of creditlake: one environment variable each, read once.

Secrets have no default. The key that makes subject and record ids is made on first use and kept
beside the lake's configuration, because a resident ID can be found by brute force from an unkeyed hash.
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
KEY_BYTES = 32
ENGINES = ("spark", "duckdb")


class SettingsError(Exception):
    """A setting is missing or unusable; the message names the variable and the cure."""


@dataclass(frozen=True)
class Settings:
    """What one process needs to know about its place; paths are absolute."""

    home: Path  # CREDITLAKE_HOME: state of this installation (lake, inbox, outbox, scratch, airflow)
    lake_url: str  # CREDITLAKE_LAKE: file:///… or s3://bucket/prefix
    catalog: Path  # CREDITLAKE_CATALOG
    inbox: Path  # CREDITLAKE_INBOX: <inbox>/<department>/ holds that department's deliveries
    outbox_url: str  # CREDITLAKE_OUTBOX: a folder, sftp://user@host:port/folder or s3://bucket/prefix
    scratch: Path  # CREDITLAKE_SCRATCH: local working space, safe to empty when nothing runs
    engine: str  # CREDITLAKE_ENGINE: what standardise and link run on, "spark" or "duckdb"
    spark_master: str  # CREDITLAKE_SPARK_MASTER
    spark_remote: str  # CREDITLAKE_SPARK_REMOTE: sc://localhost:port of a shared server; empty = a JVM each
    spark_memory: str  # CREDITLAKE_SPARK_MEMORY: driver heap
    spark_java_options: str  # CREDITLAKE_SPARK_JAVA_OPTIONS: the JVM's own options
    spark_classes: Path  # CREDITLAKE_SPARK_CLASSES: archive of Spark's classes, used if it is there
    duckdb_memory: str  # CREDITLAKE_DUCKDB_MEMORY
    threads: int  # CREDITLAKE_THREADS
    collect_on_schedule: bool  # CREDITLAKE_COLLECT_ON_SCHEDULE: "false" = only when asked for a date
    s3_endpoint: str  # CREDITLAKE_S3_ENDPOINT, host:port
    s3_access_key: str  # CREDITLAKE_S3_ACCESS_KEY
    s3_secret_key: str  # CREDITLAKE_S3_SECRET_KEY
    s3_secure: bool  # CREDITLAKE_S3_SECURE: "true" for TLS
    s3_jars: Path  # CREDITLAKE_S3_JARS: folder with the slim S3 jars for Spark
    sftp_key: str  # CREDITLAKE_SFTP_KEY: private key file for an outbox on SFTP
    sftp_known_hosts: str  # CREDITLAKE_SFTP_KNOWN_HOSTS: file of the host keys that are accepted

    def subject_key(self) -> bytes:
        """Return the secret key of subject and record ids; made on first use when none is set."""
        given = os.environ.get("CREDITLAKE_SUBJECT_KEY")
        if given:
            return given.encode()
        path = self.home / "subject.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"subject.key.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_hex(KEY_BYTES))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)  # exclusive: of two first users one key survives
            draft.unlink()
        return path.read_text().encode()


def require_settings(needed_by: str, **values: str) -> None:
    """Raise SettingsError for the first of these variables that has no value."""
    for name, value in values.items():
        if not value:
            raise SettingsError(f"{name} is not set; {needed_by} needs it")


def read_engine(name: str) -> str:
    """Return the engine of the row work; SettingsError for one that there is not."""
    if name not in ENGINES:
        raise SettingsError(f"CREDITLAKE_ENGINE is {name!r}; it may be {' or '.join(ENGINES)}")
    return name


def read_settings() -> Settings:
    """Read the environment; nothing is cached, so a test may set its own."""
    env = os.environ
    home = Path(env.get("CREDITLAKE_HOME", REPOSITORY / "var")).resolve()
    return Settings(
        home=home,
        lake_url=env.get("CREDITLAKE_LAKE", f"file://{home}/lake"),
        catalog=Path(env.get("CREDITLAKE_CATALOG", REPOSITORY / "catalog")).resolve(),
        inbox=Path(env.get("CREDITLAKE_INBOX", home / "inbox")).resolve(),
        outbox_url=env.get("CREDITLAKE_OUTBOX", f"file://{home}/outbox"),
        scratch=Path(env.get("CREDITLAKE_SCRATCH", home / "scratch")).resolve(),
        engine=read_engine(env.get("CREDITLAKE_ENGINE", ENGINES[0])),
        spark_master=env.get("CREDITLAKE_SPARK_MASTER", "local[2]"),
        spark_remote=env.get("CREDITLAKE_SPARK_REMOTE", ""),
        spark_memory=env.get("CREDITLAKE_SPARK_MEMORY", "4g"),
        # Generated methods are huge; uncompiled they would make ten million rows several times slower.
        spark_java_options=env.get(
            "CREDITLAKE_SPARK_JAVA_OPTIONS", "-XX:-DontCompileHugeMethods -XX:+UseParallelGC"
        ),
        spark_classes=Path(
            env.get("CREDITLAKE_SPARK_CLASSES", home / "tools" / "spark-classes.jsa")
        ).resolve(),
        duckdb_memory=env.get("CREDITLAKE_DUCKDB_MEMORY", "6GB"),
        threads=int(env.get("CREDITLAKE_THREADS", str(os.cpu_count() or 2))),
        collect_on_schedule=env.get("CREDITLAKE_COLLECT_ON_SCHEDULE", "true") == "true",
        s3_endpoint=env.get("CREDITLAKE_S3_ENDPOINT", ""),
        s3_access_key=env.get("CREDITLAKE_S3_ACCESS_KEY", ""),
        s3_secret_key=env.get("CREDITLAKE_S3_SECRET_KEY", ""),
        s3_secure=env.get("CREDITLAKE_S3_SECURE", "false") == "true",
        s3_jars=Path(env.get("CREDITLAKE_S3_JARS", home / "tools" / "s3-jars")).resolve(),
        sftp_key=env.get("CREDITLAKE_SFTP_KEY", ""),
        sftp_known_hosts=env.get("CREDITLAKE_SFTP_KNOWN_HOSTS", ""),
    )


@cache
def settings() -> Settings:
    """Return this process's settings."""
    return read_settings()
