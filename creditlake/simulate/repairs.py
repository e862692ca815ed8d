"""Repair decisions of the credit office: each names a penalty that was delivered before and is surely
published."""

import duckdb

from creditlake.simulate.city import City
from creditlake.simulate.decisions import Decisions
from creditlake.simulate.draws import Draws
from creditlake.simulate.files import Column
from creditlake.simulate.noise import ROW, classify_noise, defects_of, look_up
from creditlake.simulate.penalties import DATASET as PENALTIES
from creditlake.simulate.penalties import is_target, penalty_sql
from creditlake.simulate.rates import Rates
from creditlake.simulate.spelling import plain_date
from creditlake.simulate.words import Words

DATASET = "credit_office.repair_decision"


def build_repair_plan(
    connection: duckdb.DuckDBPyConnection, penalties: Decisions, words: Words, day_no: int, rows: int
) -> int:
    """Create `plan` over penalties to repair and return its rows: fewer than asked for where the
    targets run out.

    The first day repairs penalties of its own history, later days those of the days before.
    """
    plan = penalties.plans[max(0, day_no - 1)]
    known = plan.first + plan.new
    order = penalties.draws.raw(f"{DATASET}:target:{day_no}")
    connection.execute(
        f"create or replace temp table picked_repair as select i from range({known}) r(i) "
        f"where {penalties.is_clean()} and "
        f"{is_target(penalties, words)} and i not in (select t.i from touched t "
        f"where t.dataset = '{PENALTIES}') "
        f"order by {order}, i limit {rows}"
    )
    connection.execute(f"insert into touched select '{PENALTIES}', i from picked_repair")
    connection.execute(
        "create or replace temp table plan as select row_number() over (order by i) - 1 as pos, i, 'new' "
        "as row_kind, "
        "0 as day_no from picked_repair order by pos"
    )
    row = connection.execute("select count(*) from plan").fetchone()
    assert row is not None  # an aggregate has one row
    return int(row[0])


def repair_sql(
    penalties: Decisions, city: City, words: Words, rates: Rates, delivered: str, first: int
) -> str:
    """SQL of one chunk of repairs; `first` is the number of repairs of the days before."""
    draws = penalties.draws
    drawn = classify_noise(draws, "repair:row", rates.row_noise[DATASET], ROW)
    return f"""
    select * replace ({drawn} as row_noise), {first} + pos + 1 as repair_number,
        {delivered} - (1 + {draws.below("repair:decided", 20)})::int as decided_date,
        {words.at("repairs.statuses", draws.below("repair:status", words.size("repairs.statuses")))} as status
    from ({penalty_sql(penalties, city, words)})
    order by pos
    """


def repair_columns(draws: Draws, words: Words) -> list[Column]:
    """The columns of the city's own template."""

    def draw(part: str) -> str:
        return words.at(f"repairs.{part}", draws.below(f"repair:{part}", words.size(f"repairs.{part}")))

    return [
        Column("修复决定文号", "'澄信修〔' || year(decided_date) || '〕' || repair_number || '号'"),
        Column("信用主体名称", "true_name", quoted=True),
        Column("统一社会信用代码", "code"),
        Column("证件类型", "null"),
        Column("证件号码", "null"),
        Column("修复数据类别", "'行政处罚'"),
        Column("认定单位统一社会信用代码", words.at("organs.market_uscc", "bureau")),
        Column(
            "原决定书文号",
            "case when row_noise = 'unknown_document' then replace(usual_doc_no, '〕', '〕9900') "
            "else usual_doc_no end",
        ),
        Column("申请日期", plain_date("(decided_date - 7)", "slash")),
        Column("申请渠道", draw("channels")),
        Column(
            "受理单位",
            "case when row_noise = 'missing_mandatory' then null "
            f"else '{words.lists['places.city'][0]}信用办' end",
        ),
        Column("修复状态", "case when row_noise = 'unknown_enum' then '通过' else status end"),
        Column("决定日期", f"case when status <> '受理' then {plain_date('decided_date', 'slash')} end"),
        Column(
            "决定理由",
            f"case when status = '同意' then {draw('reasons')} when status <> '受理' "
            f"then {draw('refusals')} end",
            quoted=True,
        ),
        Column(
            "信用修复承诺编码",
            "'990000' || strftime(decided_date - 7, '%Y%m%d') || lpad((repair_number % 1000000)::varchar, "
            "6, '0')",
        ),
        Column("修复生效日期", f"case when status = '同意' then {plain_date('decided_date', 'slash')} end"),
    ]


def repair_truth() -> dict[str, str]:
    """Truth columns of a repair: `record` is the penalty's number."""
    return {
        "subject_kind": "'legal'",
        "subject_key": "pripid",
        "in_register": "in_register",
        "noise": "row_noise",
        "defects": defects_of("row_noise", ROW),
        "expected_outcome": look_up("row_noise", ROW, "outcome", "accepted"),
        "expected_link": look_up("row_noise", ROW, "link", "exact"),
    }
