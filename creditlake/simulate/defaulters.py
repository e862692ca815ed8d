"""Judgment defaulters of the courts: JSON lines with the keys of the court's public list, persons and
organisations."""

from creditlake.simulate.city import City, person_name
from creditlake.simulate.decisions import Decisions
from creditlake.simulate.files import Column
from creditlake.simulate.spelling import date_text, plain_date
from creditlake.simulate.words import Words

DATASET = "court.judgment_defaulter"
OUT_OF_SCOPE = (  # damage that the court's record has no column for
    "placeholder_with_reg_no",
    "placeholder_bare",
    "id_in_uscc",
    "filed_as_person",
    "class_contradiction",
    "passport",
)


def defaulter_sql(decisions: Decisions, city: City, words: Words) -> str:
    """SQL of one chunk of defaulters, ordered by position; bounds in the variables chunk_from, chunk_to."""
    draws = decisions.draws
    performance = draws.below("defaulter:performance", words.size("judgments.performances"))
    return f"""
    with {decisions.with_party(city, words)}
    select *, case when identity_noise <> 'none' then 'none' else row_drawn end as row_noise,
        {draws.below("defaulter:court", words.size("places.counties"))} as court,
        true_date - (20 + {draws.below("defaulter:filed", 300)})::int as true_filed_date,
        (1000 + {draws.below("defaulter:amount", 2_000_000)})::bigint as amount,
        {words.at("judgments.performances", performance)} as performance,
        {draws.chance("defaulter:legacy", 0.3)} as gives_org_code
    from party
    order by pos
    """


def defaulter_columns(decisions: Decisions, words: Words) -> list[Column]:
    """The members of a line."""
    draws = decisions.draws
    intact = (
        "identity_noise in ('none', 'former_name', 'name_blanks', 'name_brackets', 'name_mismatch', "
        "'outsider')"
    )
    filed = "case when row_noise = 'filed_in_future' then true_filed_date + 1500 else true_filed_date end"
    behaviour = words.at(
        "judgments.behaviours", draws.below("defaulter:behaviour", words.size("judgments.behaviours"))
    )
    court = words.at("organs.court_name", "court")
    year, type_of_case = (
        "year(true_filed_date)",
        words.at(
            "judgments.case_types", draws.below("defaulter:case_type", words.size("judgments.case_types"))
        ),
    )
    return [
        Column("id", "(700000000 + i)::bigint"),
        Column("iname", "d_name"),
        Column(
            "partyTypeName",
            "case when row_noise = 'unknown_enum' then '3' when is_natural then '0' else '1' end",
        ),
        Column(
            "cardNum",
            f"case when is_natural then d_id_no when gives_org_code and {intact} then left(true_org_code, "
            "8) || '-' "
            "|| right(true_org_code, 1) else d_uscc end",
        ),
        Column("sexy", "case when is_natural then case when is_male then '男性' else '女性' end end"),
        Column("age", "case when is_natural then date_diff('year', birth_date, true_date) else 0 end"),
        Column("businessEntity", "coalesce(d_rep_name, '')"),
        Column("caseCode", f"'（' || {year} || '）澄990' || court || {type_of_case} || (i + 1) || '号'"),
        Column("courtName", f"case when row_noise = 'missing_mandatory' then '' else {court} end"),
        Column("areaName", "'" + words.lists["places.province"][0] + "'"),
        Column("gistId", f"'（' || ({year} - 1) || '）澄990' || court || '民初' || (i % 9000 + 1) || '号'"),
        Column("gistUnit", court),
        Column(
            "regDate",
            f"case when {draws.chance('defaulter:chinese_date', 0.3)} then {plain_date(filed, 'chinese')} "
            f"else {plain_date(filed, 'compact')} end",
        ),
        Column("duty", obligation(decisions, words)),
        Column("performance", "performance"),
        Column(
            "performedPart",
            "case when performance = '部分未履行' then '已履行' || (amount // 3) || '元' else '暂无' end",
        ),
        Column(
            "unperformPart",
            "case when performance = '部分未履行' then '未履行' || (amount - amount // 3) || '元' "
            "else '全部' end",
        ),
        Column(
            "disruptTypeName",
            behaviour + " || case when row_kind = 'correction' then '，违反财产报告制度' else '' end",
        ),
        Column("publishDate", date_text("true_date", "chinese")),
        Column("flag", "case row_kind when 'correction' then 'u' when 'withdrawal' then 'd' else 'i' end"),
    ]


def obligation(decisions: Decisions, words: Words) -> str:
    """SQL: the duty text, which names a creditor."""
    draws = decisions.draws
    slots = {
        "creditor": f"({person_name(draws, words, 'creditor', 'i')})",
        "amount": "amount::varchar",
        "n": f"(2 + {draws.below('defaulter:count', 30)})::varchar",
        "date2": plain_date("(true_filed_date - 200)", "chinese"),
        "address": "address",
    }
    index = draws.below("defaulter:duty", words.size("judgments.duties"))
    return (
        f"{words.filled('judgments.duties', index, slots)} || case when row_noise = 'personal_data' "
        "then '收款账户预留手机1990000' "
        f"|| lpad(({draws.below('defaulter:phone', 10000)})::varchar, 4, '0') else '' end"
    )
