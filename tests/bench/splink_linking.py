"""Splink 5 on the same registers and the same records: what a probabilistic linker makes of them.

A fair chance: it gets our standardised records, so that widths, blanks, case and look-alikes are settled,
names in comparison form, and numbers each in the column of its kind; former names are further rows of a
subject; of a tax number its organisation code. Legal and natural subjects are two models. Blocking: any equal
number, an equal name (of persons with an equal division or birth date), and equal parts of a damaged number.
Comparisons: numbers exactly or within one or two edits (Damerau-Levenshtein), names by Jaro-Winkler with term
frequencies, registration numbers and representatives exactly. Training as its documentation advises: the
prior from deterministic rules, u from random pairs, m by expectation maximisation over several blockings.
A record goes to the subject of its best pair if that reaches the threshold; two subjects with equal weights
are no answer. It has no review: what is below the threshold is unlinked.
"""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import splink.comparison_library as cl
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

from creditlake.catalog import Catalog
from creditlake.contract import Contract
from creditlake.normalise import normalisation, translate_arguments

NOBODY = ("placeholder", "masked", "precision_loss", "missing")
PERSON_CLASSES = ("NATURAL", "PERSON")
WEIGHTS = (-5, 0, 5, 10, 12, 15, 20, 25, 30)
SAMPLED_PAIRS = 5e6
SEED = 1


@dataclass(frozen=True)
class Model:
    """One archive's comparison columns, blocking rules and the rules of its prior and of its training."""

    archive: str
    numbers: tuple[str, ...]
    blocking: tuple[tuple[str, ...], ...]
    prior: tuple[tuple[str, ...], ...]
    training: tuple[tuple[str, ...], ...]
    exactly: tuple[str, ...]
    alike: tuple[float, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """What is compared."""
        return ("name", *self.numbers, *self.exactly)


MODELS = (
    Model(
        "L",
        ("uscc", "org_code"),
        (("uscc",), ("org_code",), ("reg_no",), ("name",), ("substr(uscc, 1, 13)",), ("substr(uscc, 9, 7)",)),
        (("uscc",), ("org_code", "name"), ("reg_no", "name")),
        (("name",), ("uscc",), ("reg_no",)),
        ("reg_no", "legal_rep"),
        (0.95, 0.88, 0.7),
    ),
    Model(
        "N",
        ("id_no",),
        (
            ("id_no",),
            ("name", "substr(id_no, 1, 6)"),
            ("name", "substr(id_no, 7, 8)"),
            ("substr(id_no, 1, 14)",),
        ),
        (("id_no",),),
        (("name",), ("id_no",), ("substr(id_no, 1, 14)",)),
        (),
        (0.8,),
    ),
)


def link_with_splink(connection: duckdb.DuckDBPyConnection, home: Path, catalog: Catalog) -> dict[str, float]:
    """Create `splink_best`: a record's best subject and its weight; return the seconds by archive.

    `connection` is one of `link_truth.open_truth`; the registers are read from it, the records from the lake.
    """
    connection.execute("set threads = 2")
    logging.getLogger("splink").setLevel(logging.WARNING)
    connection.execute(records_sql(home, catalog))
    connection.execute(
        "create or replace table splink_best (dataset varchar, file varchar, row_no bigint, "
        "subject_id varchar, weight double)"
    )
    seconds = {}
    for model in MODELS:
        start = time.perf_counter()
        link_archive(connection, model)
        seconds[model.archive] = round(time.perf_counter() - start, 1)
    return seconds


def link_archive(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Train the archive's model, score the pairs, and keep each record's best subject."""
    columns = ", ".join(model.columns)
    connection.execute(
        f"create or replace table asked as select min(record)::varchar as unique_id, {columns} "
        f"from splink_records where archive = '{model.archive}' group by all"
    )
    connection.execute(register_sql(model))
    database = DuckDBAPI(connection=connection)
    frames = [database.register(name, dataset_display_name=name) for name in ("asked", "registered")]
    linker = Linker(frames, settings_of(model), log_level=logging.WARNING)
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*rule) for rule in model.prior], recall=0.95
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=SEED)
    for rule in model.training:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), record_sample_proportion=1.0, max_pairs=SAMPLED_PAIRS
        )
    pairs = linker.inference.predict(threshold_match_weight=WEIGHTS[0])
    same = " and ".join(f"r.{name} is not distinct from a.{name}" for name in model.columns)
    connection.execute(f"""
    insert into splink_best
    with pairs as (
        select unique_id_l as record, g.subject_id, max(match_weight) as weight
        from {pairs.physical_name} p join registered g on g.unique_id = p.unique_id_r
        group by all
    ), best as (
        select record, max(weight) as weight, max_by(subject_id, weight) as subject_id,
            count(*) filter (weight = top) as winners
        from (select *, max(weight) over (partition by record) as top from pairs) group by record
    )
    select r.dataset, r.file, r.row_no, b.subject_id, b.weight
    from best b join asked a on a.unique_id = b.record
    join splink_records r on r.archive = '{model.archive}' and {same}
    where b.winners = 1
    """)
    for name in ("asked", "registered"):
        connection.execute(f"drop table if exists {name}")


def settings_of(model: Model) -> SettingsCreator:
    """Return Splink's settings of a model."""
    names = cl.JaroWinklerAtThresholds("name", model.alike).configure(term_frequency_adjustments=True)
    numbers = [cl.DamerauLevenshteinAtThresholds(name, [1, 2]) for name in model.numbers]
    return SettingsCreator(
        link_type="link_only",
        comparisons=[names, *numbers, *(cl.ExactMatch(name) for name in model.exactly)],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in model.blocking],
        retain_matching_columns=False,
    )


def register_sql(model: Model) -> str:
    """SQL of `registered`: one row per subject and name it bears or bore."""
    kinds = {"uscc": "uscc", "org_code": "org_code", "reg_no": "reg_no", "id_no": "resident_id"}
    compared = (*model.numbers, *model.exactly)
    numbers = ", ".join(
        f"max(id_value) filter (id_kind = '{kinds[name]}') as {name}" for name in compared if name in kinds
    )
    columns = ", ".join(f"i.{name}" if name in kinds else f"r.{name}" for name in compared)
    return f"""
    create or replace table registered as
    with numbers as (select subject_id, {numbers} from identifiers group by 1),
    representatives as (
        select subject_id, min(person_name) as legal_rep from roles where valid_to is null group by 1
    )
    select row_number() over (order by n.subject_id, n.name_norm)::varchar as unique_id, n.subject_id,
        n.name_norm as name, {columns}
    from (select distinct subject_id, name_norm from names where subject_id[1] = '{model.archive}') n
    join numbers i on i.subject_id = n.subject_id
    left join representatives r on r.subject_id = n.subject_id
    """


def records_sql(home: Path, catalog: Catalog) -> str:
    """SQL of `splink_records`: every accepted or held row about a party, with numbers by kind."""
    parts = [
        part_sql(contract, files)
        for contract in catalog.contracts.values()
        if contract.subject.name
        and not contract.subject.kind.startswith("register_")
        and (files := sorted((home / "lake/records" / contract.name.replace(".", "/")).rglob("*.parquet")))
    ]
    return f"""
    create or replace table splink_records as
    with delivered as ({" union all by name ".join(parts)}),
    sorted_out as (
        select *, case when length(uscc) = 9 then uscc when length(uscc) = 15 then uscc[7:15]
            when length(tax_id) = 15 then tax_id[7:15] end as from_other
        from delivered
    )
    select row_number() over (order by dataset, file, row_no) as record, dataset, file, row_no, archive, name,
        case when archive = 'L' and length(uscc) > 15 then uscc
            when archive = 'L' and length(tax_id) > 15 then tax_id end as uscc,
        coalesce(org_code, from_other, case when length(uscc) = 18 then uscc[9:17] end) as org_code,
        reg_no, coalesce(id_no, case when archive = 'N' then uscc end) as id_no, legal_rep
    from sorted_out
    """


def comparison_form(name: str) -> str:
    """SQL of a name as it is compared; no literal of SQL may hold the NUL that the table drops."""
    table = translate_arguments(normalisation().name_table)
    before, after = (text.replace("\0", "").replace("'", "''") for text in table)
    return f"translate({name}, '{before}', '{after}')"


def part_sql(contract: Contract, files: list[Path]) -> str:
    """SQL of one dataset's rows with the roles that its contract declares."""
    subject = contract.subject
    person = f"{subject.class_field} in {PERSON_CLASSES}" if subject.class_field else "false"
    name = comparison_form(str(subject.name))

    def number(slot: str) -> str:
        column = getattr(subject, slot)
        if column:
            return f"case when {column}_status not in {NOBODY} then {column} end as {slot}"
        if subject.party_code and slot in ("uscc", "id_no"):
            wanted = person if slot == "id_no" else f"not ({person})"
            code = subject.party_code
            return f"case when {wanted} and {code}_status not in {NOBODY} then {code} end as {slot}"
        return f"null::varchar as {slot}"

    numbers = ", ".join(number(slot) for slot in ("uscc", "org_code", "reg_no", "tax_id", "id_no"))
    representative = subject.legal_rep or "null::varchar"
    return f"""
    select '{contract.name}' as dataset, file_name as file, row_no,
        case when {person} then 'N' else 'L' end as archive, {name} as name, {numbers},
        {representative} as legal_rep
    from read_parquet({[str(path) for path in files]}, hive_partitioning = false)
    where outcome in ('accepted', 'held')
    """


def answer_at(connection: duckdb.DuckDBPyConnection, weight: float) -> None:
    """Create `by_splink`: its answers at a threshold."""
    connection.execute(f"""
    create or replace table by_splink as
    select b.dataset, b.file, b.row_no, 'auto' as status, 'splink' as tier, o.subject_key,
        null::varchar as suggested_key, null::varchar as party
    from splink_best b left join owners o on o.subject_id = b.subject_id
    where b.weight >= {weight}
    """)
