"""The party of a decision: who it is, and how the department wrote the name and the codes.

Serves every dataset whose rows are about one natural or legal subject. The result has the true values and, in
columns that begin with `d_`, the delivered ones.
"""

from dataclasses import dataclass

from creditlake.simulate.city import (
    BRANCH_TO_COMPANY,
    FIRST_COMPANY,
    LEGAL_BLOCK,
    PERSON_BLOCK,
    SHOPS_IN_BLOCK,
    City,
    person_name,
)
from creditlake.simulate.draws import Draws
from creditlake.simulate.noise import (
    CONTRADICTING,
    IDENTITY,
    OTHER_FORM,
    OTHER_REGION,
    PLACEHOLDER,
    TRADITIONAL_NAME,
    damage_code,
    keep_applicable,
    look_up,
    swap_place,
)
from creditlake.simulate.rates import Rates
from creditlake.simulate.words import Words

CLASS_TEXTS = {
    "natural": ("自然人", "个人"),
    "shop": ("个体工商户", "个体户"),
    "legal": ("法人及非法人组织", "法人"),
}


@dataclass(frozen=True)
class Parties:
    """How the parties of one dataset are drawn.

    `noise`: the kinds of identity damage that the dataset can show. `one_code`: it has one column for all
    codes, so nothing makes up for a damaged one.
    """

    dataset: str
    natural_share: float
    individual_share: float
    noise: dict[str, float]
    one_code: bool = False


def known_pairs(blocks: int, days: int, rates: Rates) -> str:
    """SQL list: pairs of blocks of subjects that the register holds on each day."""
    new = int(blocks * rates.registers.daily_new)
    return str([max(1, (blocks - new * (days - 1 - day_no)) // 2) for day_no in range(days)])


def draw_party(parties: Parties, city: City, days: int, draws: Draws, rates: Rates) -> str:
    """SQL: columns `party_class`, `entity`, `person` for a relation with i, day_no and `identity_drawn`.

    Even records fall on even blocks, odd ones on odd blocks: so two records of one document, which are
    neighbours, are never about the same subject. A small share falls on the companies of the first two
    blocks, so that some subjects have a hundred times the records of others.
    """
    name, popular = parties.dataset, rates.registers.popular
    in_town = "party_class = 'legal' and identity_drawn <> 'outsider'"
    prominent = f"{in_town} and {draws.chance(f'{name}:prominent', rates.registers.prominent)}"
    prominent_place = f"{FIRST_COMPANY} + {tail_place(draws, name)}"
    shares = {"natural": parties.natural_share, "shop": parties.individual_share}
    legal = f"{known_pairs(city.legal_blocks, days, rates)}[1 + day_no]"
    natural = f"{known_pairs(city.person_blocks, days, rates)}[1 + day_no]"
    return f"""
        {draws.classify(f"{name}:class", shares, "legal")} as party_class,
        (case when identity_drawn = 'outsider' then {city.outside_legal_block}
                + 2 * {draws.below(f"{name}:outside", city.outside_legal_blocks // 2)}
            when {prominent} then 0
            else 2 * {draws.spread(f"{name}:legal", legal, popular)} end + i % 2) * {LEGAL_BLOCK}
            + case when party_class = 'shop' then {draws.below(f"{name}:shop", SHOPS_IN_BLOCK)}
                when {prominent} then {prominent_place}
                else {SHOPS_IN_BLOCK} + {draws.below(f"{name}:entity", LEGAL_BLOCK - SHOPS_IN_BLOCK)} end
                as entity,
        (case when identity_drawn = 'outsider' then {city.outside_person_block}
                + 2 * {draws.below(f"{name}:outside", city.outside_person_blocks // 2)}
            else 2 * {draws.spread(f"{name}:natural", natural, popular)} end + i % 2) * {PERSON_BLOCK}
            + case when identity_drawn = 'minor' then {PERSON_BLOCK - 1}
                else {draws.below(f"{name}:person", PERSON_BLOCK - 1)} end as person"""


def tail_place(draws: Draws, name: str) -> str:
    """SQL: a number for one of a block's companies; each bears half as many records as the one before."""
    last = LEGAL_BLOCK - FIRST_COMPANY - 1
    halvings = f"floor(-log2({draws.unit(f'{name}:tail')} + 1e-6))::bigint"
    return f"least({last}, {halvings})"


# From a party to the other one of a mismatch: of the same kind, and not the namesake one block before.
OTHER_DISTANCE = 2 * LEGAL_BLOCK
JOINED = """
    select r.*, party_class = 'natural' as is_natural, coalesce(e.kind, 'person') as kind,
        coalesce(e.county, p.county) as county, coalesce(e.name, p.person_name) as true_name,
        coalesce(e.uscc, p.id_no) as code, e.reg_no as true_reg_no, e.org_code as true_org_code,
        e.tax_id as true_tax_id, e.pripid, e.prefix, e.rep_name, e.rep_id_no, e.former_name, e.scope,
        coalesce(e.address, p.home) as address, p.is_male, p.birth_date,
        coalesce(e.in_register, p.in_register) as in_register,
        coalesce(e.neighbour_code, p.neighbour_code) as neighbour_code,
        other.name as other_name,
        case when r.party_class = 'natural' then other.rep_id_no else other.uscc end as other_code
    from {source} r
    left join legal_entity e on e.entity = case when r.party_class <> 'natural' then r.entity end
    left join natural_person p on p.person = case when r.party_class = 'natural' then r.person end
    left join legal_entity other on other.entity = case
        when r.identity_drawn in ('name_mismatch', 'code_of_another')
            then (r.entity + {distance}) % {registered}
        when r.identity_drawn = 'parent_code' then r.entity + {to_company} end
"""


def party_sql(source: str, parties: Parties, city: City, draws: Draws, words: Words, rates: Rates) -> str:
    """SQL: common table expressions ending in `party`, for a relation with i, `identity_drawn` and the
    columns of `draw_party`."""
    keep = keep_applicable("identity_drawn", parties.noise, IDENTITY)
    filled = rates.filled
    registered = city.legal_blocks * LEGAL_BLOCK
    joined = JOINED.format(
        source=source, distance=OTHER_DISTANCE, registered=registered, to_company=BRANCH_TO_COMPANY
    )
    name = parties.dataset
    return f"""
    joined as ({joined}),
    swappable as (select *, {swap_place()} as swap_at from joined),
    damaged as (
        select * exclude (identity_drawn), {keep} as identity_noise from swappable
    ),
    written as (
        select *, {damage_code(draws)} as bad_code, {delivered_name(draws, words)} as d_name,
            case when is_natural then '自然人' when kind = 'shop' then '个体工商户'
                else '法人及非法人组织' end as true_class,
            identity_noise in ('placeholder_with_reg_no', 'placeholder_bare') as has_placeholder
        from damaged
    ),
    numbered as (
        select *, {delivered_class(draws, rates, name)} as d_class,
            case when is_natural then case when identity_noise = 'id_in_uscc' then code end
                when has_placeholder then '{PLACEHOLDER}' when identity_noise = 'missing_code' then null
                when identity_noise = 'filler_code' then '无' else bad_code end as d_uscc,
            case when identity_noise = 'placeholder_with_reg_no' or
                (identity_noise <> 'placeholder_bare' and {draws.chance(f"{name}:reg_no", filled.reg_no)})
                then true_reg_no end as d_reg_no,
            case when not has_placeholder and {draws.chance(f"{name}:org_code", filled.org_code)}
                then true_org_code end as d_org_code,
            case when not has_placeholder and identity_noise <> 'passport'
                and {draws.chance(f"{name}:tax_id", filled.tax_id)}
                then coalesce(true_tax_id, bad_code) end as d_tax_id,
            case when is_natural then case identity_noise when 'passport' then '护照号'
                else '身份证' end end as d_id_type,
            case when is_natural then case identity_noise when 'passport' then 'E' || right(code, 9)[1:8]
                when 'missing_code' then null when 'filler_code' then '无' else bad_code end end as d_id_no,
            not is_natural and {draws.chance(f"{name}:rep_id", filled.legal_rep_id)} as gives_rep_id
        from written
    ),
    party as (
        select *, case when is_natural then null else rep_name end as d_rep_name,
            case when gives_rep_id then '身份证' end as d_rep_id_type,
            case when gives_rep_id then rep_id_no end as d_rep_id_no,
            case when identity_link in ('inferred', 'review') and identity_noise not in {CONTRADICTING}
                and not is_natural and not {parties.one_code}
                and (d_reg_no is not null or d_org_code is not null or (d_tax_id is not null
                    and true_tax_id is not null))
                then 'exact' else identity_link end as party_link
        from (select *, {look_up("identity_noise", IDENTITY, "link", "exact")} as identity_link from numbered)
    )"""


def delivered_name(draws: Draws, words: Words) -> str:
    """SQL: the party's name as delivered. A stranger's name always differs: no given name of the lists
    has 生."""
    return f"""case identity_noise
        when 'name_brackets' then translate(true_name, '（）', '()')
        when 'name_blanks' then left(true_name, length(true_name) // 2) || ' ' || substr(true_name,
        length(true_name) // 2 + 1)
        when 'former_name' then former_name
        when 'name_mismatch' then case when is_natural
            then {person_name(draws, words, "stranger", "i")} || '生'
            else other_name end
        when 'passport' then 'CHEN '
        || {words.at("people.foreign_given", draws.below("passport", words.size("people.foreign_given")))}
        when 'name_traditional' then {TRADITIONAL_NAME}
        when 'name_width' then translate(left(true_name, 2) || '　' || substr(true_name, 3), '（）', '﹙﹚')
        when 'name_form' then {OTHER_FORM}
        when 'name_region' then {OTHER_REGION}
        else true_name end"""


def delivered_class(draws: Draws, rates: Rates, name: str) -> str:
    """SQL: the class text; some departments use another word for the same class."""
    short = draws.chance(f"{name}:class_text", rates.dialects.class_text)
    words = " ".join(
        f"when '{usual}' then case when {short} then '{other}' else '{usual}' end"
        for usual, other in CLASS_TEXTS.values()
    )
    return (
        "case when identity_noise in ('filed_as_person', 'class_contradiction') then '自然人' else "
        f"case true_class {words} end end"
    )
