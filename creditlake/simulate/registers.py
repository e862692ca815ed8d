"""The two registers: whole snapshots on each day, the base of every link."""

from datetime import date

from creditlake.simulate.draws import Draws
from creditlake.simulate.files import Column
from creditlake.simulate.rates import Rates
from creditlake.simulate.spelling import plain_date, wan_text
from creditlake.simulate.words import Words

LEGAL, NATURAL = "market_regulation.entity_register", "public_security.population_register"
LAST_APPROVAL = date(2026, 10, 31)  # the city's subjects were all founded and approved by then
NO_END = "9999-9-9"


def register_rows(total: int, block: int, days: int, day_no: int, rates: Rates) -> int:
    """Rows of a register on a day: the newest blocks appear day by day (cf. `party.known_pairs`)."""
    return max(block, total - int(total // block * rates.registers.daily_new) * (days - 1 - day_no) * block)


def legal_register_sql(day_no: int, draws: Draws, rates: Rates) -> str:
    """SQL of a chunk of the legal register on a day."""
    registers = rates.registers
    closed = draws.chance("register:closed", registers.daily_closed * day_no, "entity")
    dialects = {
        "lower_case": registers.lower_case_code,
        "code_in_industry_name": registers.code_in_industry_name,
        "capital_with_comma": registers.capital_with_comma,
    }
    dialect = draws.classify("register:noise", dialects, "none", "entity")
    return f"""
    select *, entity as pos, entity as i, 'snapshot' as row_kind,
        case when state = '存续' and {closed} then '注销' else state end as state_today,
        established_date + {draws.below("register:approved", 900, "entity")}::int as approved_date,
        case when kind = 'branch' then 'none' else {dialect} end as row_noise
    from legal_entity where entity >= getvariable('chunk_from') and entity < getvariable('chunk_to')
    """


def legal_register_columns(draws: Draws, words: Words) -> list[Column]:
    """The legal register's columns."""
    capital = wan_text("capital_wan * 10000", draws, "register:capital", 0.0)
    approved = f"least(approved_date, date '{LAST_APPROVAL}')"
    return [
        Column("pripid", "pripid"),
        Column("uscc", "case when row_noise = 'lower_case' then lower(uscc) else uscc end"),
        Column("reg_no", "reg_no"),
        Column("ent_name", "name"),
        Column("ent_type", "type_code"),
        Column("ent_type_cn", "type_name"),
        Column("ent_class", "case when kind = 'shop' then 'P' else 'E' end"),
        Column("legal_rep_name", "rep_name"),
        Column(
            "reg_capital",
            "case when row_noise = 'capital_with_comma' then capital_wan || ',000000' "
            f"when kind <> 'branch' then {capital} end",
            quoted=True,
        ),
        Column("currency", "case when kind <> 'branch' then '人民币' end"),
        Column(
            "industry_code",
            "case when row_noise = 'code_in_industry_name' then industry_name else industry_code end",
        ),
        Column("industry_name", "industry_name"),
        Column("business_scope", "scope"),
        Column("address", "address"),
        Column("division_code", "'99000' || county"),
        Column("est_date", plain_date("established_date", "dash")),
        Column("appr_date", plain_date(approved, "dash")),
        Column("op_from", plain_date("established_date", "dash")),
        Column(
            "op_to",
            f"case when {draws.chance('register:no_end', 0.7, 'entity')} then '{NO_END}' "
            f"else {plain_date('(established_date + 10957)', 'dash')} end",
        ),
        Column("reg_org", words.at("organs.market_name", "county")),
        Column("reg_state", "state_today"),
    ]


def natural_register_sql(day_no: int, draws: Draws, rates: Rates) -> str:
    """SQL of a chunk of the population register on a day."""
    closed = draws.chance("population:closed", rates.registers.daily_closed * day_no, "person")
    return f"""
    select *, person as pos, person as i, 'snapshot' as row_kind, 'none' as row_noise,
        case when state = '正常' and {closed} then '死亡' else state end as state_today
    from natural_person where person >= getvariable('chunk_from') and person < getvariable('chunk_to')
    """


def natural_register_columns(draws: Draws) -> list[Column]:
    """The population register's columns."""
    former = draws.chance("population:former", 0.03, "person")
    return [
        Column("id_no", "id_no"),
        Column("person_name", "person_name"),
        Column("sex", "case when is_male then '男' else '女' end"),
        Column("birth_date", plain_date("birth_date", "dash")),
        Column("division_code", "'99000' || county"),
        Column("address", "home"),
        Column("state", "state_today"),
        Column("former_name", f"case when {former} then person_name[1:1] || former_given end"),
    ]


def register_truth(kind: str) -> dict[str, str]:
    """Truth columns of a register row: itself."""
    return {
        "subject_kind": f"'{kind}'",
        "subject_key": "sha256(id_no)" if kind == "natural" else "pripid",
        "in_register": "true",
        "noise": "row_noise",
        "defects": "case when row_noise = 'capital_with_comma' then ['V05'] else []::varchar[] end",
        "expected_outcome": "'accepted'",
        "expected_link": "'exact'",
    }
