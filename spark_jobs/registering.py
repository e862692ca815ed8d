"""Making the registers of a build: which records it reads, from which registers it goes on, and the commit.

Of a register and of a dataset of roles only the snapshots that the parent has not seen are read, and the
last; of a change log everything. Where nothing is new the parent's tables stand.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce
from typing import cast

from creditlake.builds import LINK_VERSION
from creditlake.catalog import Catalog
from creditlake.catalog_model import sha256_of
from creditlake.contract import Contract
from creditlake.migration.store import Migration, list_migrations
from creditlake.records import RecordBatch
from creditlake.storage import FileEntry, Lake, StepManifest, now_utc, read_manifest
from spark_jobs.build_commit import commit_build, count_rows
from spark_jobs.carrying import Batches, batches_of, flatten
from spark_jobs.commit import StepContext
from spark_jobs.engine import DataFrame, F, expect_rows, make_frame
from spark_jobs.observing import OBSERVED, PLACES, change_columns, observe, observed_columns, prepare_changes
from spark_jobs.registers import SCHEMAS, Registers, build_registers
from spark_jobs.roles import ROLES_BEFORE, DeliveredRoles, prepare_roles, role_columns, upgrade_roles
from spark_jobs.tables import columns_schema, read_files, write_table

LOG = logging.getLogger("creditlake.link")


@dataclass
class News:
    """What the registers' datasets say of what the parent has not seen, and the files that say it."""

    observed: list[DataFrame] = field(default_factory=list)
    change_logs: list[DataFrame] = field(default_factory=list)
    roles: list[DataFrame] = field(default_factory=list)
    gone: dict[str, date] = field(
        default_factory=dict
    )  # dataset of roles → when it came without what is gone
    files: list[FileEntry] = field(default_factory=list)
    received: dict[str, str] = field(default_factory=dict)  # batch → date, of all batches of these datasets


def read_news(
    context: StepContext, current: Mapping[str, Sequence[RecordBatch]], seen: Mapping[str, str]
) -> News:
    """Read registers, datasets of roles and change logs; of snapshots the unseen ones and the last."""
    news, rules = News(), context.catalog.rules.roles
    role_sources = {source.dataset: source for source in rules.sources}
    for name, batches in current.items():
        contract = context.catalog.contracts[name]
        register = register_of(context.catalog, contract)
        wanted = [found for found in batches if found.batch.batch_id not in seen or found is batches[-1]]
        if contract.subject.kind.startswith("register_") and batches:
            records, places = read_register(context, contract, wanted, batches, observed_columns(contract))
            news.observed.append(observe(records, contract, places))
        elif register and batches:
            wanted = list(batches)
            records, places = read_register(context, contract, wanted, batches, change_columns(contract))
            news.change_logs.append(prepare_changes(records, contract, register, places, context.key))
        elif name in role_sources and batches:
            columns = role_columns(role_sources[name])
            records, places = read_register(context, contract, wanted, batches, columns)
            news.roles.append(prepare_roles(records, contract, rules, places, context.key))
            news.gone[name] = wanted[0].batch.received_date
        else:
            continue
        news.files += [entry for found in wanted for entry in found.outputs]
        news.received |= {found.batch.batch_id: found.batch.received_date.isoformat() for found in batches}
    return news


def make_registers(
    context: StepContext, business_date: date, build: str, current: Mapping[str, Sequence[RecordBatch]]
) -> StepManifest:
    """Build, write and commit the registers; the manifest fixes the batches of the whole build."""
    started_at = now_utc()
    parent = find_parent(context.lake, build)
    migrations = list_migrations(context.lake, business_date)
    brought = [one.rows for one in migrations]
    news = read_news(context, current, flatten(batches_of(parent)) if parent else {})
    extra: dict[str, object] = {
        "build": build,
        "business_date": business_date.isoformat(),
        "parent": parent.extra["build"] if parent else None,
        "batches": {
            name: {found.batch.batch_id: found.manifest_key("records") for found in batches}
            for name, batches in current.items()
        },
        "received": news.received,
        "migrations": [entry.key for entry in brought],
        "role_rules": sha256_of(context.catalog.rules.roles.model_dump(mode="json")),
    }
    if parent and is_unchanged(parent, extra):
        LOG.info("nothing new in any register: those of build %s stand", parent.extra["build"])
        used, outputs = [*parent.outputs, *brought], parent.outputs
        return commit_build(
            context, "registers", build, used, outputs, count_rows(outputs), extra, started_at
        )
    inputs = [*(parent.outputs if parent else ()), *brought, *news.files]
    expect_rows(context.spark, sum(entry.rows for entry in inputs))
    written: dict[str, list[FileEntry]] = {}
    attempt = uuid.uuid4().hex[:12]

    def settle(name: str, table: DataFrame) -> DataFrame:
        files = write_table(table, context.lake, f"registers/{build}/{name}/{attempt}", context.scratch)
        written[name] = files
        return read_files(context.spark, context.lake, files, SCHEMAS[name], context.scratch)

    observed, change_log, roles = map(union, (news.observed, news.change_logs, news.roles))
    build_registers(
        context.spark,
        make_frame(context.spark, [], OBSERVED) if observed is None else observed,
        change_log,
        read_parent(context, parent) if parent else None,
        context.key,
        business_date,
        settle,
        DeliveredRoles(roles, news.gone) if roles is not None else None,
        read_migrated(context, migrations),
    )
    outputs = [entry for name in SCHEMAS for entry in written[name]]
    return commit_build(context, "registers", build, inputs, outputs, count_rows(outputs), extra, started_at)


def union(tables: Sequence[DataFrame]) -> DataFrame | None:
    """Return the rows of all tables, None without a table."""
    return reduce(DataFrame.unionByName, tables) if tables else None


def read_migrated(context: StepContext, migrations: Sequence[Migration]) -> DataFrame | None:
    """Return the ids of earlier archives with the subjects they were brought in for; None without any."""
    schema = "old_id string, subject_id string, proven_by string"
    tables = [
        read_files(context.spark, context.lake, [one.rows], schema, context.scratch).select(
            F.col("old_id").alias("subject_id"),
            F.col("subject_id").alias("other_subject_id"),
            F.col("proven_by").alias("reason"),
            F.lit(one.business_date).alias("known_from"),
        )
        for one in migrations
    ]
    return union(tables)


def is_unchanged(parent: StepManifest, extra: Mapping[str, object]) -> bool:
    """Whether registers would come out as the parent's: the same version made them of the same records,
    ids of earlier archives and rules; `extra` is that of the new manifest."""
    before, now = flatten(batches_of(parent)), flatten(cast(Batches, extra["batches"]))
    return (
        parent.step_version == LINK_VERSION
        and all(parent.extra[name] == extra[name] for name in ("received", "migrations", "role_rules"))
        and all(before[batch] == now[batch] for batch in cast(Mapping[str, str], extra["received"]))
    )


def register_of(catalog: Catalog, contract: Contract) -> str | None:
    """Return the register whose change log a dataset is: it cites the register's own keys and has no name."""
    subject = contract.subject
    if subject.kind != "legal_entity" or not subject.source_key or subject.name:
        return None
    return next(
        other.name
        for other in catalog.contracts.values()
        if other.department == contract.department and other.subject.kind == "register_legal"
    )


def read_register(
    context: StepContext,
    contract: Contract,
    wanted: Sequence[RecordBatch],
    batches: Sequence[RecordBatch],
    columns: Sequence[str],
) -> tuple[DataFrame, DataFrame]:
    """Return the records of the wanted batches, and the place of every batch in receipt order."""
    files = [entry for found in wanted for entry in found.outputs]
    schema = columns_schema(columns, contract)
    records = read_files(context.spark, context.lake, files, schema, context.scratch)
    places = [
        (found.batch.batch_id, rank, found.batch.received_date, rank == len(batches) - 1)
        for rank, found in enumerate(batches)
    ]
    return records, make_frame(context.spark, places, PLACES)


def read_registers(context: StepContext, files: Sequence[FileEntry]) -> Registers:
    """Read a registers build back from its files."""
    return Registers(
        **{
            name: read_files(context.spark, context.lake, files_of(files, name), schema, context.scratch)
            for name, schema in SCHEMAS.items()
        }
    )


def read_parent(context: StepContext, parent: StepManifest) -> Registers:
    """Read the registers before this build; those up to version 3 had roles in other columns."""
    found = read_registers(context, parent.outputs)
    if int(parent.step_version) > 3:
        return found
    files = files_of(parent.outputs, "roles")
    before = read_files(context.spark, context.lake, files, ROLES_BEFORE, context.scratch)
    return replace(found, roles=upgrade_roles(before, found.subjects, context.key))


def files_of(files: Sequence[FileEntry], table: str) -> list[FileEntry]:
    """Return the files of one table of a build: `<room>/<build>/<table>/<attempt>/part-…`."""
    return [entry for entry in files if entry.key.split("/")[2] == table]


def find_parent(lake: Lake, build: str) -> StepManifest | None:
    """Return the manifest of the newest registers before this build; build names sort by date and attempt."""
    earlier = [
        key
        for key in lake.list_keys("registers")
        if key.endswith("/_manifest.json") and key.split("/")[1] < build
    ]
    return read_manifest(lake, max(earlier)) if earlier else None
