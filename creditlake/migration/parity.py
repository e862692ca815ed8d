"""The parity report (新旧档案对照): records per subject and dataset in an old archive and in the new one.

Counted is what stands in the published release: current records that were not withdrawn or removed, whatever
the link's grade. A difference is no verdict: the old archive may have linked by name, or kept what was
repaired.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from creditlake.catalog import Catalog
from creditlake.migration.mapping import DATASET, OLD_ID, RECORDS, OldTable
from creditlake.workbook import ROWS_PER_FILE, SheetRow, make_workbook

COUNTED = """
    select subject_id, dataset, count(distinct record_id)
    from records_index
    where is_current and state in ('active', 'expired', 'repaired') and dataset in (select unnest($datasets))
        and subject_id in (select unnest($subjects))
    group by all
"""
OUTCOMES = {"equal": "一致", "different": "数量不同", "only_old": "仅旧档案有", "only_new": "仅新档案有"}
HEADER = ("主体标识", "旧标识", "数据集", "旧档案记录数", "新档案记录数", "结果")


@dataclass(frozen=True)
class Compared:
    """One subject and dataset in both archives."""

    subject_id: str
    old_ids: tuple[str, ...]
    dataset: str
    old: int
    new: int

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        if self.old == self.new:
            return "equal"
        return "only_new" if not self.old else "only_old" if not self.new else "different"


@dataclass(frozen=True)
class Parity:
    """The comparison, and what of the old archive could not be compared: rows by number and why."""

    compared: tuple[Compared, ...]
    unmapped: int  # old ids that lead to no subject here
    errors: tuple[str, ...]


def compare_archives(
    release: duckdb.DuckDBPyConnection, catalog: Catalog, old: OldTable, subjects: Mapping[str, str]
) -> Parity:
    """Compare an old archive with the published release; `subjects`: old id → the subject that stands."""
    names = {contract.title: name for name, contract in catalog.contracts.items()}
    names |= {name: name for name in catalog.contracts}
    old_counts: Counter[tuple[str, str]] = Counter()
    old_ids: dict[str, set[str]] = defaultdict(set)
    unmapped: set[str] = set()
    datasets: set[str] = set()
    errors: list[str] = []
    for row_no, row in old.rows:
        dataset, records = names.get(row[DATASET]), row.get(RECORDS, "1")
        if dataset is None:
            errors.append(
                f"row {row_no}: {DATASET}: no such dataset; write its name or title as the catalogue has it"
            )
        elif not records.isascii() or not records.isdigit():
            errors.append(f"row {row_no}: {RECORDS}: not a whole number; write digits only")
        elif row[OLD_ID] not in subjects:
            unmapped.add(row[OLD_ID])
        else:
            subject = subjects[row[OLD_ID]]
            old_counts[subject, dataset] += int(records)
            old_ids[subject].add(row[OLD_ID])
            datasets.add(dataset)
    asked = {"datasets": sorted(datasets), "subjects": sorted(set(subjects.values()))}
    new_counts = {
        (subject, name): count for subject, name, count in release.execute(COUNTED, asked).fetchall()
    }
    for old_id, subject in subjects.items():
        old_ids[subject].add(old_id)
    compared = [
        Compared(
            subject,
            tuple(sorted(old_ids[subject])),
            name,
            old_counts[subject, name],
            new_counts.get((subject, name), 0),
        )
        for subject, name in sorted({*old_counts, *new_counts})
    ]
    return Parity(tuple(compared), len(unmapped), tuple(errors))


def summary_lines(catalog: Catalog, parity: Parity) -> Iterator[str]:
    """Yield the comparison by dataset: subjects per outcome, and the records of both archives."""
    by_dataset: dict[str, list[Compared]] = defaultdict(list)
    for one in parity.compared:
        by_dataset[one.dataset].append(one)
    for name, found in sorted(by_dataset.items()):
        outcomes = Counter(one.outcome for one in found)
        told = ", ".join(f"{outcome} {OUTCOMES[outcome]} {outcomes[outcome]:,}" for outcome in OUTCOMES)
        old, new = sum(one.old for one in found), sum(one.new for one in found)
        yield f"  {name} {catalog.contracts[name].title}: subjects {told}; records {old:,} old, {new:,} new"
    if parity.unmapped:
        yield f"  {parity.unmapped:,} old ids lead to no subject here; bring them in with a mapping first"


def write_parity(path: Path, compared: Sequence[Compared]) -> int:
    """Write what is not equal, at most ROWS_PER_FILE rows; return how many rows there are in all."""
    unequal = [one for one in compared if one.outcome != "equal"]
    rows = [
        SheetRow(
            (one.subject_id, ";".join(one.old_ids), one.dataset, one.old, one.new, OUTCOMES[one.outcome])
        )
        for one in unequal[:ROWS_PER_FILE]
    ]
    make_workbook("新旧档案对照", HEADER, rows).save(path)
    return len(unequal)
