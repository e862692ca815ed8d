"""Penalty decisions of market supervision: CSV in GB18030, the 2018 template's codes as headers,
amounts in 万元."""

from creditlake.simulate.city import City
from creditlake.simulate.decisions import Decisions, change_op
from creditlake.simulate.draws import Draws
from creditlake.simulate.files import Column
from creditlake.simulate.noise import PLACEHOLDER
from creditlake.simulate.spelling import date_text, document_number, optional, plain_date, wan_text
from creditlake.simulate.words import Words

DATASET = "market_regulation.penalty_decision"
FINE_NOISE = ("fine_missing", "fine_times_10000", "fine_negative")
LARGEST_TIMES_10000 = 500_000  # beyond it the wrong amount would also break the range rule
VISIBLE_DAYS = (
    120,
    330,
)  # age of decisions that are surely published: past the minimum, before the shortest maximum
OPEN_ENDED = "2099/12/31"


def kind_index(decisions: Decisions, words: Words, key: str) -> str:
    """SQL: index of the decision's kinds of penalty."""
    return decisions.draws.below("penalty:kinds", words.size("penalties.kinds.text"), key)


def is_simple(decisions: Decisions, key: str) -> str:
    """SQL: decided by the simple procedure, hence not published by market supervision."""
    return decisions.draws.chance("penalty:simple", 0.1, key)


def is_target(decisions: Decisions, words: Words) -> str:
    """SQL over i: a legal party's own, ordinary, middle-aged decision with a fine: it is published for
    certain."""
    draws, name, (youngest, oldest) = decisions.draws, decisions.name, VISIBLE_DAYS
    parties = decisions.parties
    natural = draws.classify(
        f"{name}:class", {"natural": parties.natural_share, "shop": parties.individual_share}, "legal"
    )
    return (
        f"({decisions.document()}) = i and ({natural}) <> 'natural' and not {is_simple(decisions, 'i')} "
        f"and {words.at('penalties.kinds.fine', kind_index(decisions, words, 'i'))} = '1' "
        f"and ({severity(decisions, 'i')}) = '一般' and {decisions.age('i')} between {youngest} and {oldest}"
    )


def severity(decisions: Decisions, key: str) -> str:
    """SQL: severity text."""
    return decisions.draws.classify(
        "penalty:severity", {"轻微": 0.1, "严重": 0.13, "一般失信": 0.04}, "一般", key
    )


def penalty_sql(decisions: Decisions, city: City, words: Words) -> str:
    """SQL of one chunk of penalties, ordered by position; bounds in the variables chunk_from, chunk_to."""
    draws = decisions.draws
    kind = kind_index(decisions, words, "document")
    offences, steps = words.size("penalties.offences.type"), words.size("penalties.fine_steps")
    bureaus = words.size("places.counties")
    return f"""
    with {decisions.with_party(city, words)},
    decided as (
        select *, {draws.below("penalty:offence", offences, "document")} as offence, {kind} as kind_no,
            {words.at("penalties.kinds.fine", kind)} = '1' as has_fine,
                {words.at("penalties.kinds.gains", kind)} = '1' as has_gains,
            {words.at("penalties.kinds.permit", kind)} = '1' as has_permit,
            {draws.below("penalty:bureau", bureaus, "document")} as bureau,
            {words.at("penalties.fine_steps", draws.below("penalty:fine", steps, "document"))}::bigint
                + case when row_kind = 'correction' then 100 else 0 end as fine_yuan,
            ((100 + {draws.below("penalty:gains", 4_000_000, "document")}) / 100)::decimal(18, 2)
                as gains_yuan
        from party
    ), troubled as (
        select *, case when identity_noise <> 'none' then 'none'
                when row_drawn in {FINE_NOISE} and not has_fine then 'none'
                when row_drawn = 'fine_times_10000' and fine_yuan > {LARGEST_TIMES_10000} then 'none'
                else row_drawn end as row_noise
        from decided
    )
    select *, case when row_noise = 'future_date' then true_date + 1500 else true_date end as decision_date,
        {words.at("organs.market_short", "bureau")} || '市监处罚〔' || year(true_date) || '〕' || (document
            + 1) || '号' as usual_doc_no
    from troubled
    order by pos
    """


def penalty_columns(decisions: Decisions, words: Words) -> list[Column]:
    """The file's columns in template order."""
    draws, rates = decisions.draws, decisions.rates
    dialects = rates.dialects

    def empty(value: str, name: str) -> str:
        return optional(value, draws, f"penalty:{name}", dialects.filler_optional)

    remark = words.at("penalties.remarks", draws.below("penalty:remark", words.size("penalties.remarks")))
    return [
        Column("CF_XDR_MC", "d_name", quoted=True),
        Column("CF_XDR_LB", "d_class"),
        Column("CF_XDR_SHXYM", "d_uscc"),
        Column("CF_XDR_GSZC", empty("d_reg_no", "reg_no")),
        Column("CF_XDR_ZZJG", empty("d_org_code", "org_code")),
        Column("CF_XDR_SWDJ", empty("d_tax_id", "tax_id")),
        Column("CF_XDR_SYDW", "case when kind = 'institution' then '1' || right(pripid, 11) end"),
        Column(
            "CF_XDR_SHZZ",
            "case when kind in ('social_group', 'nonprofit') then '澄民社证字第' || right(pripid, 6) "
            "|| '号' end",
        ),
        Column("CF_FRDB", "d_rep_name"),
        Column("CF_FR_ZJLX", "d_rep_id_type"),
        Column("CF_FR_ZJHM", "d_rep_id_no"),
        Column("CF_XDR_ZJLX", "d_id_type"),
        Column("CF_XDR_ZJHM", "d_id_no"),
        Column("CF_WSH", document_number("usual_doc_no", draws, "penalty", dialects.doc_no)),
        Column("CF_WFXW", violation_type(words)),
        Column("CF_SY", violation_facts(decisions, words), quoted=True),
        Column("CF_YJ", penalty_basis(decisions, words), quoted=True),
        Column("CF_CFLB", penalty_kinds(draws, words)),
        Column("CF_NR", penalty_content(decisions, words), quoted=True),
        Column("CF_NR_FK", empty(fine_text(decisions), "fine"), quoted=True),
        Column("CF_NR_WFFF", confiscated_text(decisions), quoted=True),
        Column("CF_NR_ZKDX", permit_text(decisions)),
        Column("CF_JDRQ", date_text("decision_date", "slash")),
        Column("CF_YXQ", valid_to_text(decisions)),
        Column("CF_GSJZQ", publicity_end_text(decisions)),
        Column(
            "CF_CFJG",
            "case when row_noise = 'missing_mandatory' and document % 3 = 0 then null else "
            + words.at("organs.market_name", "bureau")
            + " end",
        ),
        Column(
            "CF_CFJGDM",
            f"case when row_noise = 'organ_placeholder' then '{PLACEHOLDER}' else "
            + words.at("organs.market_uscc", "bureau")
            + " end",
        ),
        Column("CF_SJLY", words.at("organs.market_name", "0")),
        Column("CF_SJLYDM", words.at("organs.market_uscc", "0")),
        Column(
            "BZ",
            "case when row_kind = 'correction' then '更正：原报送罚款金额有误' "
            f"when {draws.chance('penalty:has_remark', rates.filled.remarks)} "
            f"then {remark} end",
            quoted=True,
        ),
        Column("失信严重程度", severity(decisions, "document")),
        Column(
            "处罚程序", f"case when {is_simple(decisions, 'document')} then '简易程序' else '普通程序' end"
        ),
        Column("监管领域", words.at("penalties.offences.domain", "offence")),
        Column("数据变更标志", change_op(draws, "penalty")),
    ]


def violation_type(words: Words) -> str:
    """SQL: CF_WFXW."""
    return (
        "case when row_noise = 'filler_mandatory' then '暂无' when row_noise = 'missing_mandatory' "
        "and document % 3 = 1 "
        f"then null else {words.at('penalties.offences.type', 'offence')} end"
    )


def text_of(decisions: Decisions, words: Words, part: str, slots: dict[str, str]) -> str:
    """SQL: one of the template texts of a list, drawn by document, with its slots filled."""
    index = decisions.draws.below(f"penalty:{part}", words.size(f"penalties.{part}"), "document")
    return words.filled(f"penalties.{part}", index, slots)


def violation_facts(decisions: Decisions, words: Words) -> str:
    """SQL: CF_SY, four sentences; some with a line break or with personal data that do not belong there."""
    draws = decisions.draws
    broken = draws.chance("penalty:line_break", decisions.rates.dialects.line_break, "document")
    slots = {
        "date": plain_date("(true_date - 20)", "chinese"),
        "date2": plain_date(
            f"(true_date - 40 - {draws.below('penalty:since', 400, 'document')}::int)", "chinese"
        ),
        "address": "address",
        "amount": f"(gains_yuan + {draws.below('penalty:value', 90000, 'document')})::decimal(18, "
        "2)::varchar",
        "gains": "gains_yuan::varchar",
        "n": f"(2 + {draws.below('penalty:count', 28, 'document')})::varchar",
        "doc": f"(20250000 + {draws.below('penalty:file', 99999, 'document')})::varchar",
    }
    text = " || ".join(
        [
            text_of(decisions, words, "openings", slots),
            words.filled("penalties.offences.fact", "offence", slots),
            text_of(decisions, words, "accounts", slots),
            text_of(decisions, words, "evidence", slots),
        ]
    )
    phone = f"'1990000' || lpad(({draws.below('penalty:phone', 10000)})::varchar, 4, '0')"
    return (
        f"{text} || case when {broken} then chr(10) || '以上\"查明事实\", 见案卷。' else '' end "
        f"|| case when row_noise = 'personal_data' then '（当事人联系电话：' || {phone} || '，身份证号码：' "
        "|| coalesce(rep_id_no, code) || '）' else '' end"
    )


def penalty_basis(decisions: Decisions, words: Words) -> str:
    """SQL: CF_YJ."""
    slots = {key: words.at(f"penalties.offences.{key}", "offence") for key in ("law", "rule", "sanction")}
    text = f"{text_of(decisions, words, 'bases', slots)} || {text_of(decisions, words, 'basis_ends', slots)}"
    missing = "case when row_noise = 'missing_mandatory' and document % 3 = 2 then null else"
    return f"{missing} {text} end"


def penalty_kinds(draws: Draws, words: Words) -> str:
    """SQL: CF_CFLB."""
    unknown = words.at(
        "penalties.unknown_kinds", draws.below("penalty:unknown", words.size("penalties.unknown_kinds"))
    )
    return (
        f"{words.at('penalties.kinds.text', 'kind_no')} || "
        f"case when row_noise = 'unknown_enum' then ';' || {unknown} else '' end"
    )


def penalty_content(decisions: Decisions, words: Words) -> str:
    """SQL: CF_NR; its fine in yuan agrees with CF_NR_FK unless the row is damaged."""
    other = f"replace({words.at('penalties.kinds.text', 'kind_no')}, ';罚款', '')"
    measures = (
        "case when has_gains then '没收违法所得' || gains_yuan || '元' when has_fine then '' else '给予' "
        f"|| {other} end "
        "|| case when has_fine and has_gains then '，' else '' end || case when has_fine "
        "then '罚款人民币' || fine_yuan || '元' else '' end"
    )
    return text_of(decisions, words, "contents", {"measures": measures})


def fine_text(decisions: Decisions) -> str:
    """SQL: CF_NR_FK in 万元."""
    usual = wan_text("fine_yuan", decisions.draws, "penalty:fine_text", decisions.rates.dialects.amount)
    return (
        "case when not has_fine or row_noise = 'fine_missing' then null "
        "when row_noise = 'fine_times_10000' then fine_yuan::varchar "
        "when row_noise = 'fine_negative' then '-' || rtrim(rtrim((fine_yuan / 10000)::decimal(18, "
        f"6)::varchar, '0'), '.') else {usual} end"
    )


def confiscated_text(decisions: Decisions) -> str:
    """SQL: CF_NR_WFFF in 万元."""
    draws, dialects = decisions.draws, decisions.rates.dialects
    usual = wan_text("gains_yuan", draws, "penalty:gains_text", dialects.amount)
    dust = f"case when {draws.chance('penalty:dust', dialects.negative_dust)} then '-0.00001' end"
    return f"case when has_gains then {usual} else {dust} end"


def permit_text(decisions: Decisions) -> str:
    """SQL: CF_NR_ZKDX; the length of 200 was read in a real table, so a longer text refuses the row."""
    permit = "'食品经营许可证 JY1' || right('0000000000000' || (document * 7919)::varchar, 13)"
    return (
        "case when row_noise = 'too_long' then repeat('食品经营许可证及其副本、', 20) when has_permit "
        f"then {permit} end"
    )


def valid_to_text(decisions: Decisions) -> str:
    """SQL: CF_YXQ."""
    draws = decisions.draws
    text = draws.chance("penalty:no_limit", decisions.rates.dialects.open_ended_text, "document")
    open_ended = draws.chance("penalty:open_ended", 0.25, "document")
    return (
        f"case when {text} then '无处罚期限' when {open_ended} then '{OPEN_ENDED}' "
        f"else {date_text('(decision_date + 365)', 'slash')} end"
    )


def publicity_end_text(decisions: Decisions) -> str:
    """SQL: CF_GSJZQ."""
    years = decisions.draws.below("penalty:publicity", 3, "document")
    given = decisions.draws.chance("penalty:has_publicity", decisions.rates.filled.publicity_end, "document")
    usual = date_text(f"(decision_date + 365 * (1 + {years}::int))", "slash")
    return f"case when row_noise = 'publicity_1900' then '1900-01-01' when {given} then {usual} end"
