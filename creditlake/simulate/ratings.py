"""A-level taxpayers: one full list in CSV (UTF-8 with BOM), replaced every spring; several rating years
in it."""

from creditlake.simulate.city import LEGAL_BLOCK, SHOPS_IN_BLOCK, City
from creditlake.simulate.decisions import Decisions, truth_columns
from creditlake.simulate.files import Column
from creditlake.simulate.party import party_sql
from creditlake.simulate.spelling import plain_date
from creditlake.simulate.words import Words

DATASET = "tax.a_level_taxpayer"
LATEST_YEAR = 2025
SMALLEST_YEARS = 3
RATED_PLACES = LEGAL_BLOCK - SHOPS_IN_BLOCK  # of a block: companies, branches, the cooperative
IN_SCOPE = (  # damage that can befall this list: every row is a register subject with both codes
    "lower_case",
    "full_width",
    "inner_space",
    "apostrophe",
    "lookalike",
    "wrong_char",
    "transposed",
    "truncated",
    "name_brackets",
    "name_blanks",
    "former_name",
)


def years_needed(rows: int, city: City) -> int:
    """Rating years that the list must span, so that no taxpayer stands twice in a year."""
    return max(SMALLEST_YEARS, -(-rows // (city.legal_blocks * RATED_PLACES)))


def rating_sql(decisions: Decisions, city: City, words: Words, rows: int) -> str:
    """SQL of one chunk of the list; a year's taxpayers are spread evenly over the register."""
    per_year = -(-rows // years_needed(rows, city))
    rated = city.legal_blocks * RATED_PLACES
    party = party_sql("located", decisions.parties, city, decisions.draws, words, decisions.rates)
    return f"""
    with {decisions.base()},
    placed as (select *, ({rated}::bigint * (i % {per_year})) // {per_year} as place from base),
    located as (
        select *, 'legal' as party_class, null::bigint as person,
            place // {RATED_PLACES} * {LEGAL_BLOCK} + {SHOPS_IN_BLOCK} + place % {RATED_PLACES} as entity
        from placed
    ), {party}
    select *, case when row_drawn = 'swapped_codes' and true_tax_id is null then 'none'
            when identity_noise <> 'none' then 'none' else row_drawn end as row_noise,
        {LATEST_YEAR} - i // {per_year} as rating_year
    from party
    order by pos
    """


def rating_columns(words: Words) -> list[Column]:
    """The list's columns. The old 15-digit tax number is still in use for some who have one."""
    old_number = "true_tax_id is not null and (row_noise = 'swapped_codes' or i % 2 = 0)"
    tax_id = f"case when {old_number} then true_tax_id else code end"
    return [
        Column("纳税人名称", "d_name", quoted=True),
        Column("纳税人识别号", f"case when row_noise = 'swapped_codes' then code else {tax_id} end"),
        Column(
            "统一社会信用代码", "case when row_noise = 'swapped_codes' then true_tax_id else bad_code end"
        ),
        Column("评价年度", "rating_year"),
        Column("评价结果", "'A'"),
        Column(
            "主管税务机关",
            "case when row_noise = 'missing_mandatory' then null "
            f"else {words.at('organs.tax_name', 'county')} end",
        ),
        Column("评价日期", plain_date("make_date(rating_year + 1, 4, 1 + (i % 20)::int)", "dash")),
        Column("生产经营地址", "address"),
    ]


def rating_truth() -> dict[str, str]:
    """Truth columns of a row: the tax number is intact in all of them, so each may link exactly."""
    return truth_columns() | {
        "expected_link": "case when row_noise = 'missing_mandatory' then 'unlinked' else 'exact' end",
    }
