"""The register's change log. Its first day tells the renamings that happened before; later days other
items only."""

import duckdb

from creditlake.simulate.city import LEGAL_BLOCK, City, address, person_name
from creditlake.simulate.decisions import Decisions
from creditlake.simulate.files import Column
from creditlake.simulate.noise import ROW, defects_of, look_up
from creditlake.simulate.spelling import plain_date
from creditlake.simulate.words import Words

DATASET = "market_regulation.entity_change"


def build_renamings(connection: duckdb.DuckDBPyConnection, city: City, first_day_rows: int) -> None:
    """Create `renaming`(place, renamed): every second row of the first day can tell one; who is left
    keeps no former name.

    So a record under a former name can always be explained by the log.
    """
    connection.execute(
        "create or replace table renaming as select 2 * (row_number() over (order by entity) - 1) as place, "
        f"entity as renamed from legal_entity where former_name is not null and entity < {city.legal} "
        f"order by entity limit {first_day_rows // 2}"
    )
    connection.execute(
        "update legal_entity set former_name = null where former_name is not null and in_register "
        "and entity not in (select r.renamed from renaming r)"
    )


def change_sql(decisions: Decisions, city: City, words: Words) -> str:
    """SQL of one chunk of the change log; bounds in the variables chunk_from, chunk_to."""
    draws = decisions.draws
    subject = (
        f"{draws.spread('change:entity', city.legal_blocks, 0.0)} * {LEGAL_BLOCK} "
        f"+ {draws.below('change:place', LEGAL_BLOCK)}"
    )
    return f"""
    with {decisions.base()},
    chosen as (
        select b.*, r.renamed is not null as is_renaming, coalesce(r.renamed, {subject}) as entity,
            {draws.below("change:item", words.size("changes.items.item"))} as item
        from base b left join renaming r on r.place = b.i
    )
    select c.* exclude (entity), e.* exclude (state),
        case when c.is_renaming then 'none' else c.row_drawn end as row_noise,
        {person_name(draws, words, "change:rep", "c.i")} as rep_before,
        {address(draws, words, "change:address", "c.i", "e.county")} as address_before,
        greatest(c.true_date, e.established_date + 30) as change_date
    from chosen c join legal_entity e on e.entity = c.entity
    order by c.pos
    """


def change_columns(decisions: Decisions, words: Words) -> list[Column]:
    """The change log's columns."""
    slots = {
        "rep_before": "rep_before",
        "rep": "rep_name",
        "address_before": "address_before",
        "address": "address",
        "capital_before": "(capital_wan // 2)::varchar",
        "capital": "capital_wan::varchar",
        "scope_before": "split_part(scope, '；', 1)",
        "scope": "scope",
    }
    state = words.at("changes.states", decisions.draws.below("change:state", words.size("changes.states")))

    def item(key: str, renaming: str) -> str:
        return (
            f"case when is_renaming then {renaming} "
            f"else {words.filled(f'changes.items.{key}', 'item', slots)} end"
        )

    return [
        Column("pripid", "case when row_noise = 'missing_mandatory' then null else pripid end"),
        Column("uscc", "uscc"),
        Column(
            "change_item",
            "case when row_noise = 'unknown_enum' then '其它' else "
            f"case when is_renaming then '名称变更' else {words.at('changes.items.item', 'item')} end end",
        ),
        Column("before_value", item("before", "former_name"), quoted=True),
        Column("after_value", item("after", "name"), quoted=True),
        Column("change_date", plain_date("change_date", "dash")),
        Column(
            "entry_date",
            "case when row_noise = 'month_date' then strftime(change_date, '%Y%m') "
            f"else {plain_date('change_date', 'dash')} end",
        ),
        Column("change_state", state),
        Column("change_seq", "(i + 1)::varchar"),
    ]


def change_truth() -> dict[str, str]:
    """Truth columns of a change."""
    return {
        "subject_kind": "'legal'",
        "subject_key": "pripid",
        "in_register": "in_register",
        "noise": "row_noise",
        "defects": defects_of("row_noise", ROW),
        "expected_outcome": look_up("row_noise", ROW, "outcome", "accepted"),
        "expected_link": look_up("row_noise", ROW, "link", "exact"),
    }
