"""Which links a build takes over from an earlier one, and which records it links anew.

A link follows from its record, the registers, the rules and the judgements. So a build may keep every link
of an ancestor whose record is the same and about whose subjects nothing new is known. What is linked anew is
chosen generously: a link made anew for nothing comes out the same, a link kept wrongly accuses somebody.
Where an ancestor cannot be compared with (other rules, another version), every record is linked.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from creditlake.builds import LINK_VERSION
from creditlake.contract import Contract
from creditlake.storage import FileEntry, Lake, StepManifest, build_manifest_key, find_manifest, read_manifest
from spark_jobs.commit import StepContext
from spark_jobs.duplicates import PLACE
from spark_jobs.engine import DataFrame, F, hold, join_hash, release
from spark_jobs.judging import LINKS, RulingRow
from spark_jobs.linking import NEAR_TIERS
from spark_jobs.naming import BY_NAME
from spark_jobs.parties import number_columns, number_hashes
from spark_jobs.registers import Registers
from spark_jobs.tables import columns_schema, read_files

LOG = logging.getLogger("creditlake.link")
# Reasons on which names and numbers bear that the record does not cite itself.
OPEN_REASONS = ("name_conflict", "damaged_number", "no_number")
ANEW_FROM_SHARE = 0.3  # of the kept records: to link all of them costs less than to choose
FILES_AT_MOST = 200  # more files than this are written together
Batches = Mapping[str, Mapping[str, str]]  # dataset -> batch id -> key of its records manifest
RecordFiles = Mapping[str, Mapping[str, Sequence[FileEntry]]]  # dataset -> batch id -> its records


@dataclass(frozen=True)
class Ancestor:
    """A linked build of the same line; our registers were made from its registers."""

    registers: StepManifest
    links: StepManifest

    @property
    def build(self) -> str:
        """Its name."""
        return str(self.links.extra["build"])


@dataclass(frozen=True)
class Kept:
    """What a build takes over from its ancestor.

    `batches`: those with the same records. `places` (PLACE): the records among them that are linked anew all
    the same; `places_in`: their batches. The other links stay in `files`, or are `links` to be written anew.
    """

    batches: frozenset[str]
    places: DataFrame
    places_in: frozenset[str]
    rows: int
    files: Sequence[FileEntry]
    links: DataFrame


def batches_of(registers: StepManifest) -> Batches:
    """Return the batches that a build's registers fixed."""
    found = registers.extra["batches"]
    assert isinstance(found, dict)
    return found


def received_dates(registers: StepManifest) -> Mapping[str, date]:
    """Return the batches that registers were made from, with the date on which each was received."""
    found = registers.extra["received"]
    assert isinstance(found, dict)
    return {batch: date.fromisoformat(received) for batch, received in found.items()}


def find_ancestor(lake: Lake, made: StepManifest, rules: str) -> Ancestor | None:
    """Return the nearest ancestor of registers that is linked, if its links can be taken over.

    `rules` is the digest of the linking rules in force.
    """
    registers = made
    while parent := registers.extra["parent"]:
        registers = read_manifest(lake, build_manifest_key("registers", str(parent)))
        links = find_manifest(lake, build_manifest_key("links", str(parent)))
        if links is None:
            continue
        ancestor = Ancestor(registers, links)
        if why := why_anew(ancestor, made, rules):
            LOG.info("every record is linked anew: %s since build %s", why, parent)
            return None
        return ancestor
    return None


def why_anew(ancestor: Ancestor, made: StepManifest, rules: str) -> str | None:
    """Return why an ancestor's links cannot be taken over, or None."""
    if {ancestor.links.step_version, ancestor.registers.step_version, made.step_version} != {LINK_VERSION}:
        return "another version of the step"
    if ancestor.links.extra["rules"] != rules:
        return "other linking rules"
    if not received_dates(ancestor.registers).keys() <= shared_batches(ancestor, made):
        return "other records of a register"
    return None


def shared_batches(ancestor: Ancestor, made: StepManifest) -> frozenset[str]:
    """Return the batches that a build and its ancestor have with the same records."""
    before, now = flatten(batches_of(ancestor.registers)), flatten(batches_of(made))
    return frozenset(batch for batch, key in now.items() if before.get(batch) == key)


def flatten(batches: Batches) -> dict[str, str]:
    """Return batches of all datasets with the keys of their records manifests; batch ids are unique."""
    return {batch: key for of_dataset in batches.values() for batch, key in of_dataset.items()}


def keep_links(
    context: StepContext,
    ancestor: Ancestor,
    made: StepManifest,
    registers: Registers,
    records: RecordFiles,
    changed: Collection[RulingRow],
) -> Kept | None:
    """Return what a build keeps of its ancestor's links; None if every record is better linked anew.

    `records` are those of this build. `changed`: the rulings that only one of the two builds has.
    """
    links = read_files(context.spark, context.lake, ancestor.links.outputs, LINKS, context.scratch)
    same = shared_batches(ancestor, made)
    shared = {
        name: {batch: files for batch, files in of_dataset.items() if batch in same}
        for name, of_dataset in records.items()
    }
    batches = frozenset(batch for of_dataset in shared.values() for batch in of_dataset)
    of_batches = F.col("batch_id").isin(*batches)
    judged = judged_places(links, changed)
    if judged is None:
        LOG.info("every record is linked anew: judgements about records that were in no doubt")
        return None
    touched = touched_places(context, ancestor, made, registers, links, shared)
    chosen = hold(reduce(DataFrame.unionByName, [judged, *touched]).distinct().where(of_batches))
    found = {row["batch_id"]: row["count"] for row in chosen.groupBy("batch_id").count().collect()}
    concerned = sum(found.values())
    rows = sum(
        entry.rows for of_dataset in shared.values() for files in of_dataset.values() for entry in files
    )
    LOG.info("%d of the %d links that build %s shares are made anew", concerned, rows, ancestor.build)
    if concerned > ANEW_FROM_SHARE * rows:
        release(chosen)
        return None
    here = batches, chosen, frozenset(found), rows - concerned
    files = ancestor.links.outputs
    # Links of a batch that is gone, or has other records, lie in files beside those that are kept.
    if not concerned and rows == sum(entry.rows for entry in files) and len(files) < FILES_AT_MOST:
        return Kept(*here, files, links.where(F.lit(False)))
    rest = links.where(of_batches).join(F.broadcast(chosen), list(PLACE), "left_anti")
    return Kept(*here, (), rest.select(*links.columns))


def touched_places(
    context: StepContext,
    ancestor: Ancestor,
    made: StepManifest,
    registers: Registers,
    links: DataFrame,
    records: RecordFiles,
) -> list[DataFrame]:
    """Return the places of records on which what is new in the registers may bear; none if nothing is."""
    known = received_dates(ancestor.registers)
    news = [received for batch, received in received_dates(made).items() if batch not in known]
    if not news:
        return []
    numbers = hold(touched_numbers(registers, min(news)))  # asked once for every dataset
    return [open_links(links), *citing_records(context, records, numbers)]


def judged_places(links: DataFrame, changed: Collection[RulingRow]) -> DataFrame | None:
    """Return the places of links whose parties are judged otherwise now, None where they cannot be found.

    The party of an undoubted link is not kept, so nothing tells which of them a judgement is about.
    """
    parties = {party for party, *_ in changed}
    judged = links.where(F.col("party").isin(*parties))
    if parties and judged.select("party").distinct().count() < len(parties):
        return None
    return judged.select(*PLACE)


def touched_numbers(registers: Registers, since: date) -> DataFrame:
    """Return the hashes (`number_hash`) of all numbers, present and former, of subjects about whose names or
    numbers something became known on a date or later."""
    later = (F.col("known_from") >= F.lit(since)) | (F.col("known_to") >= F.lit(since))
    subjects = [table.where(later).select("subject_id") for table in (registers.identifiers, registers.names)]
    return (
        registers.identifiers.join(
            F.broadcast(reduce(DataFrame.unionByName, subjects)), "subject_id", "left_semi"
        )
        .select(join_hash("id_value").alias("number_hash"))
        .distinct()
    )


def open_links(links: DataFrame) -> DataFrame:
    """Return the places of links on which any subject may bear: doubtful and judged ones."""
    is_open = (
        (F.col("status") == "review")
        | F.col("judgement_id").isNotNull()
        | F.col("reason").isin(*OPEN_REASONS)
        | F.col("tier").isin(*NEAR_TIERS, *BY_NAME)
    )
    return links.where(F.coalesce(is_open, F.lit(False))).select(*PLACE)


def citing_records(context: StepContext, records: RecordFiles, numbers: DataFrame) -> list[DataFrame]:
    """Return the places of the records that cite one of the numbers (`number_hash`)."""
    found = []
    for name, of_dataset in records.items():
        contract = context.catalog.contracts[name]
        if of_dataset:
            rows = read_records(context, contract, of_dataset.values(), number_columns(contract))
            cited = F.explode(F.array_compact(F.array(*number_hashes(contract))))
            found.append(
                rows.select(*PLACE, cited.alias("number_hash"))
                .join(F.broadcast(numbers), "number_hash", "left_semi")
                .select(*PLACE)
            )
    return found


def read_records(
    context: StepContext, contract: Contract, batches: Iterable[Sequence[FileEntry]], columns: Sequence[str]
) -> DataFrame:
    """Read some columns of a dataset's records, given their files by batch."""
    files = [entry for of_batch in batches for entry in of_batch]
    schema = columns_schema(columns, contract)
    return read_files(context.spark, context.lake, files, schema, context.scratch)
