"""The city's subjects: two DuckDB tables, `natural_person` and `legal_entity`, one row per subject.

Subjects lie in blocks so that a class can be drawn without a search. Persons: blocks of 16, the last of a
block is a minor. Legal subjects: blocks of 20, seven individual businesses (92), one cooperative (93),
two branches and ten companies. Behind the registered subjects come the outsiders, in whole blocks: they
have valid codes and records, but stand in no register; among them are institutions and social
organisations, which other registers keep. Codes are unique by construction (affine maps of the index),
not by chance, but for the few that `neighbours` plants.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from creditlake.simulate.draws import Draws
from creditlake.simulate.neighbours import plant_legal_pairs, plant_twins
from creditlake.simulate.rates import Rates
from creditlake.simulate.words import Words

PERSON_BLOCK, LEGAL_BLOCK = 16, 20
SMALLEST_BLOCKS = 2
SHOPS_IN_BLOCK = 7  # places 0-6 of a legal block
FIRST_COMPANY = 10  # its place and all behind it are companies
BRANCH_TO_COMPANY = 2  # places 8 and 9 are branches of the companies at 10 and 11
STRIDE = (
    618_034_003  # a prime: coprime with every modulus used below, and no two near indices get near numbers
)
ADULT_FROM, ADULT_DAYS = date(1946, 1, 1), 21_914  # to 2005-12-31
MINOR_FROM, MINOR_DAYS = date(2010, 1, 1), 2_922  # to 2017-12-31
SEQUENCES = 990  # 005-994: 996-999 were kept for centenarians
CLOSED_STATES = {"注销": 0.05, "吊销未注销": 0.03, "吊销已注销": 0.005, "迁出": 0.004}
BRANDED = ("companies.brand_first", "companies.brand_second", "companies.industries.label")


@dataclass(frozen=True)
class City:
    """Sizes of the city; block counts say from what a record's party is drawn."""

    natural: int
    legal: int
    outsider_share: float

    @property
    def person_blocks(self) -> int:
        """Whole blocks of registered persons."""
        return self.natural // PERSON_BLOCK

    @property
    def legal_blocks(self) -> int:
        """Whole blocks of registered legal subjects."""
        return self.legal // LEGAL_BLOCK

    @property
    def outside_person_block(self) -> int:
        """First block of persons without register."""
        return -(-self.natural // PERSON_BLOCK)

    @property
    def outside_legal_block(self) -> int:
        """First block of legal subjects without register."""
        return -(-self.legal // LEGAL_BLOCK)

    @property
    def outside_person_blocks(self) -> int:
        """Number of such blocks."""
        return max(2, int(self.person_blocks * self.outsider_share))

    @property
    def outside_legal_blocks(self) -> int:
        """Number of such blocks."""
        return max(2, int(self.legal_blocks * self.outsider_share))


def affine(key: str, modulus: int | str, offset: int) -> str:
    """SQL: a one-to-one map of the integers below `modulus` (prime to STRIDE) onto themselves."""
    return f"((({key})::hugeint * {STRIDE} + {offset}) % ({modulus}))::bigint"


def build_city(
    connection: duckdb.DuckDBPyConnection, city: City, draws: Draws, words: Words, rates: Rates
) -> None:
    """Create the tables `natural_person` and `legal_entity`."""
    if city.person_blocks < SMALLEST_BLOCKS or city.legal_blocks < SMALLEST_BLOCKS:
        least = SMALLEST_BLOCKS * PERSON_BLOCK, SMALLEST_BLOCKS * LEGAL_BLOCK
        raise ValueError(f"a city needs at least {least[0]} natural and {least[1]} legal subjects")
    connection.execute(natural_person_sql(city, draws, words))
    plant_twins(connection, draws, rates, PERSON_BLOCK)
    connection.execute(legal_seed_sql(city, draws, words, rates))
    connection.execute(legal_entity_sql(draws, words, rates))
    connection.execute("drop table legal_seed")
    plant_legal_pairs(connection, draws, rates, LEGAL_BLOCK)


def person_name(draws: Draws, words: Words, purpose: str, key: str, male: str = "true") -> str:
    """SQL: a person's full name; some names have one given character, few a rare one."""
    surname = words.at(
        "people.surnames", draws.below(f"{purpose}:surname", words.size("people.surnames"), key)
    )
    given = {}
    for place in ("first", "second"):
        index = draws.below(f"{purpose}:{place}", words.size("people.given_male"), key)
        given[place] = (
            f"case when {male} then {words.at('people.given_male', index)} "
            f"else {words.at('people.given_female', index)} end"
        )
    rare = words.at("people.given_rare", draws.below(f"{purpose}:rare", words.size("people.given_rare"), key))
    return (
        f"{surname} || {given['first']} || case when {draws.chance(purpose + ':short', 0.12, key)} then '' "
        f"when {draws.chance(purpose + ':is_rare', 0.003, key)} then {rare} else {given['second']} end"
    )


def address(draws: Draws, words: Words, purpose: str, key: str, county: str) -> str:
    """SQL: a street address in a county (0-9)."""
    parts = [
        "'" + words.lists["places.city"][0] + "'",
        words.at("places.county_prefixes", county),
        words.at("places.towns", draws.below(f"{purpose}:town", words.size("places.towns"), key)),
        words.at("places.streets", draws.below(f"{purpose}:street", words.size("places.streets"), key)),
        f"(1 + {draws.below(purpose + ':number', 398, key)}) || '号'",
        words.at("places.estates", draws.below(f"{purpose}:estate", words.size("places.estates"), key)),
        f"(1 + {draws.below(purpose + ':house', 32, key)}) || '幢' || (101 "
        f"+ {draws.below(purpose + ':room', 1800, key)}) || '室'",
    ]
    return " || ".join(parts)


def natural_person_sql(city: City, draws: Draws, words: Words) -> str:
    """SQL of `natural_person`: adults and minors have birth dates of their own, so their numbers cannot
    meet."""
    total = (city.outside_person_block + city.outside_person_blocks) * PERSON_BLOCK
    offset = draws.seed % 1_000_003
    adults, minors = 10 * SEQUENCES * ADULT_DAYS, 10 * SEQUENCES * MINOR_DAYS
    return f"""
    create or replace table natural_person as
    with placed as (
        select i, i % {PERSON_BLOCK} = {PERSON_BLOCK - 1} as is_minor,
            case when i % {PERSON_BLOCK} = {PERSON_BLOCK - 1}
                then {affine(f"i // {PERSON_BLOCK}", minors, offset)}
                else {affine("i", adults, offset)} end as slot
        from range({total}) r(i)
    ), numbered as (
        select i, is_minor, (slot % 10)::int as county, 5 + (slot // 10) % {SEQUENCES} as sequence,
            case when is_minor then date '{MINOR_FROM}' else date '{ADULT_FROM}' end
                + (slot // {10 * SEQUENCES})::int as birth_date
        from placed
    ), bodied as (
        select *, '99000' || county || strftime(birth_date, '%Y%m%d') || lpad(sequence::varchar, 3, '0')
            as body,
            sequence % 2 = 1 as is_male
        from numbered
    )
    select i as person, i < {city.natural} as in_register, is_minor, county, birth_date, is_male,
        body || id_check(body) as id_no,
        {person_name(draws, words, "person", "i", "is_male")} as person_name,
        {address(draws, words, "home", "i", "county")} as home,
        {words.at("people.former_given", draws.below("person:former", words.size("people.former_given")))}
            as former_given,
        {draws.classify("person:state", {"死亡": 0.012, "迁出": 0.008, "注销": 0.003}, "正常")} as state
    from bodied
    order by i
    """


def legal_seed_sql(city: City, draws: Draws, words: Words, rates: Rates) -> str:
    """SQL of `legal_seed`: place, kind, age and the numbers that codes and names are made of."""
    total = (city.outside_legal_block + city.outside_legal_blocks) * LEGAL_BLOCK
    brands = len(words.lists[BRANDED[0]]) * len(words.lists[BRANDED[1]]) * len(words.lists[BRANDED[2]])
    namesake = (
        f"kind = 'company' and i >= {LEGAL_BLOCK} "
        f"and {draws.chance('legal:namesake', rates.registers.namesake)}"
    )
    outside = (
        f"kind = 'company' and not in_register "
        f"and {draws.chance('legal:outside_namesake', rates.registers.outsider_namesake)}"
    )
    same_place = f"{draws.below('legal:borne_by', city.legal_blocks)} * {LEGAL_BLOCK} + i % {LEGAL_BLOCK}"
    adults = city.person_blocks
    return f"""
    create or replace temp table legal_seed as
    with placed as (
        select i, i < {city.legal} as in_register,
            case when i % {LEGAL_BLOCK} < {SHOPS_IN_BLOCK} then 'shop'
                when i % {LEGAL_BLOCK} = 7 then case when i < {city.legal} then 'cooperative'
                else 'institution' end
                when i % {LEGAL_BLOCK} = 8 then case when i < {city.legal} then 'branch'
                else 'social_group' end
                when i % {LEGAL_BLOCK} = 9 then case when i < {city.legal} then 'branch' else 'nonprofit' end
                else 'company' end as kind,
            {draws.below("legal:county", 10)}::int as county,
            -- more than a third date from before the unified code of October 2015 and hold the older numbers
            date '1996-01-01' + (case when {draws.chance("legal:older", 0.38)}
                then {draws.below("legal:founded", 7200)}
                else 7220 + {draws.below("legal:founded", 3900)} end)::int as established_date
        from range({total}) r(i)
    )
    select *, established_date < date '2015-10-01' as is_older,
        case when kind = 'branch' then i + {BRANCH_TO_COMPANY}
            when {outside} then {same_place}
            when {namesake} then i - {LEGAL_BLOCK} else i end % {brands} as named_as,
        {draws.spread("legal:owner", adults, 0.0)} * {PERSON_BLOCK}
            + {draws.below("legal:owner:place", PERSON_BLOCK - 1)} as owner
    from placed
    order by i
    """


def brand_only(words: Words, index: str) -> str:
    """SQL: 字号 of a name slot."""
    first, second = (len(words.lists[name]) for name in BRANDED[:2])
    return (
        f"{words.at(BRANDED[0], f'({index}) % {first}')} "
        f"|| {words.at(BRANDED[1], f'({index}) // {first} % {second}')}"
    )


def brand(words: Words, index: str) -> str:
    """SQL: 字号 and industry of a name slot; distinct slots give distinct pairs."""
    first, second, industry = (len(words.lists[name]) for name in BRANDED)
    return (
        f"{brand_only(words, index)} || {words.at(BRANDED[2], f'({index}) // {first * second} % {industry}')}"
    )


def legal_entity_sql(draws: Draws, words: Words, rates: Rates) -> str:
    """SQL of `legal_entity`: seeds with codes, names and the owner's person."""
    brands = len(words.lists[BRANDED[0]]) * len(words.lists[BRANDED[1]]) * len(words.lists[BRANDED[2]])
    offset, former_offset = draws.seed % 999_983, draws.seed % 999_983 + brands // 2
    slot, former_slot = affine("named_as", brands, offset), affine("named_as", brands, former_offset)
    industry = len(words.lists[BRANDED[0]]) * len(words.lists[BRANDED[1]])
    form = draws.below("legal:form", words.size("companies.forms.suffix"), "named_as")
    shop = draws.below("legal:shop", words.size("companies.shops.label"))
    owner_name = draws.chance("legal:own_name", rates.registers.shop_named_after_owner)
    pick = {
        key: words.at(f"companies.{key}", draws.below(f"legal:{key}", words.size(f"companies.{key}")))
        for key in ("farming", "shop_nicks", "shop_marks", "institutions", "social_groups", "nonprofits")
    }
    city, short = words.lists["places.city"][0], words.lists["places.city_short"][0]
    return f"""
    create or replace table legal_entity as
    with coded as (
        select s.*, p.person_name as rep_name, p.id_no as rep_id_no,
            case kind when 'shop' then '92' when 'cooperative' then '93' when 'institution' then '12'
                when 'social_group' then '51' when 'nonprofit' then '52' else '91' end || '99000'
                || s.county as head,
            case when not is_older then 'MA' || base31({affine("i", 31**6, offset)})
                when kind = 'shop' then 'L' || lpad(({affine("i", 10**7, offset)})::varchar, 7, '0')
                else lpad(({affine("i", 10**8, offset)})::varchar, 8, '0') end as org_body,
            '99000' || s.county || case when kind = 'shop' then '6' else (i % 3)::varchar end
                || lpad(({affine("i", 10**7, offset)})::varchar, 7, '0') as reg_body,
            {slot} as slot, {former_slot} as former_slot, {form} as form, {shop} as shop
        from legal_seed s join natural_person p on p.person = s.owner
    ), numbered as (
        select *, org_body || org_check(org_body) as org_code, head || org_body || org_check(org_body)
            as body from coded
    ), named as (
        select *, body || uscc_check(body) as uscc,
            case when is_older or (kind = 'shop' and {draws.chance("legal:reg_no", 0.4)})
                then reg_body || reg_check(reg_body) end as reg_no,
            case when is_older then '99000' || county || org_code end as tax_id,
            '99000' || county || lpad(({affine("i", 10**10, offset)})::varchar, 10, '0') as pripid,
            '{short}' || {brand(words, "slot")} || {words.at("companies.forms.suffix", "form")} as company,
            case when kind = 'company' and {draws.chance("legal:former", rates.registers.former_name)} then
                '{short}' || {brand(words, "former_slot")}
                    || {words.at("companies.forms.suffix", "form")} end as former_name,
            '{city}' || {words.at("places.county_prefixes", "county")} as region
        from numbered
    )
    select i as entity, in_register, kind, county, established_date, is_older, head[1:2] as prefix, pripid,
        uscc, org_code,
        reg_no, tax_id, rep_name, rep_id_no, former_name,
        case kind when 'company' then company
            when 'branch' then company || {words.at("places.county_shorts", "county")} || '分公司'
            when 'cooperative' then region || {brand_only(words, "slot")} || {pick["farming"]} || '专业合作社'
            when 'institution' then region || {pick["institutions"]}
            when 'social_group' then region || {pick["social_groups"]}
            when 'nonprofit' then region || {pick["nonprofits"]}
            else case when {owner_name} then rep_name else region || {pick["shop_nicks"]} || rep_name[1:1]
                || {pick["shop_marks"]} || {words.at("companies.shops.label", "shop")} end end as name,
        case when kind = 'shop' then {words.at("companies.shops.code", "shop")}
            else {words.at("companies.industries.code", f"slot // {industry} % 50")} end as industry_code,
        case when kind = 'shop' then {words.at("companies.shops.name", "shop")}
            else {words.at("companies.industries.name", f"slot // {industry} % 50")} end as industry_name,
        case when kind = 'shop' then {words.at("companies.shops.scope", "shop")}
            else {words.at("companies.industries.scope", f"slot // {industry} % 50")} end as scope,
        case kind when 'shop' then '9500' when 'cooperative' then '9100' when 'branch' then '2130'
            else {words.at("companies.forms.type_code", "form")} end as type_code,
        case kind when 'shop' then '个体工商户' when 'cooperative' then '农民专业合作社' when 'branch'
            then '有限责任公司分公司'
            else {words.at("companies.forms.type_name", "form")} end as type_name,
        {address(draws, words, "office", "i", "county")} as address,
        (case when kind = 'shop' then 1 + {draws.below("legal:capital", 20)} else 10 * (1
            + {draws.below("legal:capital", 300)}) end)::int
            as capital_wan,
        {draws.classify("legal:state", CLOSED_STATES, "存续")} as state
    from named
    order by i
    """
