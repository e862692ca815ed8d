"""What can be wrong with a row, and what a correct pipeline must then do (the truth's expectation).

`outcome` is what the row rules must say of the row alone: accepted, held, rejected or dropped. `link` is
the most that linking may claim: `exact`; `inferred` (by a written rule for damaged codes, or less);
`review` (or less); `unlinked`. Where a damaged row still carries another intact official number of the
party, `exact` is right; `party_sql` sees to that. Defect codes are those of domain.md §6.4; K08 and L01
are found when linking, P01 and U02 when building, not by the row rules. A person whose number cannot be
read is of unknown age, and that counts as minor (P02).
"""

from dataclasses import dataclass

from creditlake.simulate.codes import FULL_WIDTH, USCC_ALPHABET
from creditlake.simulate.draws import Draws

NATURAL, LEGAL = "natural", "legal"
PLACEHOLDER = "00000000000000000X"
NOBODYS_ORG = "MC"  # no organisation code of the city begins with it
NOBODYS_SEQUENCE = "995"  # no person of the city has it


@dataclass(frozen=True)
class Noise:
    """One kind of damage. `applies` is SQL over the columns of a party (see `party.py`)."""

    defects: tuple[str, ...] = ()
    outcome: str = "accepted"
    link: str = "exact"
    applies: str = "true"
    natural_defects: tuple[str, ...] | None = None  # where a resident ID is damaged instead of a USCC


IS_LEGAL = "not is_natural"
DIGITS = "code ~ '^[0-9]{18}$'"
ROUNDED = "left(code, 15) || '00'"
LOSES_CHECK = f"case when is_natural then id_check({ROUNDED}) else uscc_check({ROUNDED}) end <> '0'"
# Other ways to write a name, as SQL over the columns of a party.
SIMPLIFIED = "业贸设饮馆龙车电务联兴丰阳银锦东华国区医员园场实宁广庆张杨刘陈吴马许赵孙郑谢韩罗伟杰军强辉鹏飞"
TRADITIONAL = "業貿設飲館龍車電務聯興豐陽銀錦東華國區醫員園場實寧廣慶張楊劉陳吳馬許趙孫鄭謝韓羅偉傑軍強輝鵬飛"
TRADITIONAL_NAME = f"translate(true_name, '{SIMPLIFIED}', '{TRADITIONAL}')"
SHORT_FORM, LONG_FORM = "有限公司", "有限责任公司"
OTHER_FORM = (
    f"case when kind <> 'company' or suffix(true_name, '股份{SHORT_FORM}') then true_name "
    f"when suffix(true_name, '{LONG_FORM}') then replace(true_name, '{LONG_FORM}', '{SHORT_FORM}') "
    f"else replace(true_name, '{SHORT_FORM}', '{LONG_FORM}') end"
)
CITY = "left(true_name, 3) = left(true_name, 2) || '市'"
OTHER_REGION = (
    f"left(true_name, 2) || case when {CITY} then substr(true_name, 4) else '市' || substr(true_name, 3) end"
)
IDENTITY: dict[str, Noise] = {
    "lower_case": Noise(applies="code <> lower(code)"),
    "full_width": Noise(),
    "inner_space": Noise(),
    "apostrophe": Noise(),
    "lookalike": Noise(link="inferred", applies=IS_LEGAL),
    "wrong_char": Noise(("K01",), "held", "inferred", natural_defects=("K05", "P02")),
    "transposed": Noise(("K01",), "held", "inferred", "swap_at > 0", ("K05", "P02")),
    "truncated": Noise(("K01",), "held", "inferred", natural_defects=("K05", "P02")),
    "scientific": Noise(("K06",), "held", "review", DIGITS, ("K06", "P02")),
    "precision_loss": Noise(("K06",), "held", "review", f"{DIGITS} and {LOSES_CHECK}", ("K06", "P02")),
    "masked": Noise(("K01",), "held", "review", natural_defects=("K05", "P02")),
    "placeholder_with_reg_no": Noise(applies=f"{IS_LEGAL} and true_reg_no is not null"),
    "placeholder_bare": Noise(("K02",), "rejected", "unlinked", IS_LEGAL),
    "id_in_uscc": Noise(applies="is_natural"),
    "filed_as_person": Noise(applies="kind = 'shop'"),
    "class_contradiction": Noise(
        ("K04", "M01", "P02"), "rejected", "unlinked", "kind in ('company', 'branch')"
    ),
    "name_brackets": Noise(applies="contains(true_name, '（')"),
    "name_blanks": Noise(),
    "former_name": Noise(applies="former_name is not null"),
    "name_mismatch": Noise(("K08",), "accepted", "review"),
    "passport": Noise(("L01", "P02"), "accepted", "unlinked", "is_natural"),
    "minor": Noise(("P02",), applies="is_natural"),
    "outsider": Noise(("L01",), "accepted", "unlinked"),
    "missing_code": Noise(("M01",), "rejected", "unlinked", natural_defects=("M01", "P02")),
    "filler_code": Noise(("M02",), "rejected", "unlinked", natural_defects=("M02", "P02")),
    "name_traditional": Noise(applies=f"true_name <> {TRADITIONAL_NAME}"),
    "name_width": Noise(),
    "name_form": Noise(("K08",), "accepted", "review", f"true_name <> {OTHER_FORM}"),
    "name_region": Noise(
        ("K08",), "accepted", "review", "kind in ('company', 'branch', 'cooperative', 'institution')"
    ),
    "repeated_char": Noise(("K01",), "held", "inferred", natural_defects=("K05", "P02")),
    "code_of_another": Noise(("K08",), "accepted", "review", "other_code <> code"),
    "parent_code": Noise(("K08",), "accepted", "review", "kind = 'branch'"),
    "code_of_nobody": Noise(("L01",), "accepted", "review"),
    "between_neighbours": Noise(("K01",), "held", "inferred", "neighbour_code is not null", ("K05", "P02")),
    "number_of_twin": Noise(("K08",), "accepted", "review", "is_natural and neighbour_code is not null"),
}
# The name or the number is somebody else's: no other number of the row makes up for it.
CONTRADICTING = (
    "name_mismatch",
    "name_form",
    "name_region",
    "code_of_another",
    "parent_code",
    "number_of_twin",
)
# Damage to other columns leaves the party intact: a rejected row is not linked at all.
ROW: dict[str, Noise] = {
    "missing_mandatory": Noise(("M01",), "rejected", "unlinked"),
    "filler_mandatory": Noise(("M02",), "rejected", "unlinked"),
    "unknown_enum": Noise(("V01",), "rejected", "unlinked"),
    "organ_placeholder": Noise(("K07",), "rejected", "unlinked"),
    "fine_missing": Noise(("V02",)),
    "fine_times_10000": Noise(("V03",), "rejected", "unlinked"),
    "fine_negative": Noise(("V04",), "rejected", "unlinked"),
    "future_date": Noise(("D01", "D03"), "rejected", "unlinked"),
    "filed_in_future": Noise(("D01", "D02"), "rejected", "unlinked"),
    "publicity_1900": Noise(("D02",), "rejected", "unlinked"),
    "ends_before_start": Noise(("D02",), "rejected", "unlinked"),
    "personal_data": Noise(("P01",)),
    "too_long": Noise(("T01",), "rejected", "unlinked"),
    "long_content": Noise(("T01",)),
    "swapped_codes": Noise(("K01",), "held", "exact"),
    "month_date": Noise(("V05",)),
    "unknown_document": Noise(("L01",), "accepted", "unlinked"),
}


def classify_noise(draws: Draws, purpose: str, shares: dict[str, float], known: dict[str, Noise]) -> str:
    """SQL: the drawn kind of damage or `none`; refuses a rate for an unknown kind."""
    unknown = sorted(set(shares) - set(known))
    if unknown:
        raise ValueError(f"rates for unknown kinds of damage: {unknown}; known are {sorted(known)}")
    return draws.classify(purpose, shares, "none")


def keep_applicable(column: str, shares: dict[str, float], known: dict[str, Noise]) -> str:
    """SQL: the drawn kind, or `none` where the row lacks the property that it damages."""
    conditions = [
        f"when '{name}' then {known[name].applies}" for name in shares if known[name].applies != "true"
    ]
    if not conditions:
        return column
    return f"case when case {column} {' '.join(conditions)} else true end then {column} else 'none' end"


def look_up(column: str, known: dict[str, Noise], value: str, otherwise: str) -> str:
    """SQL: an attribute (`outcome` or `link`) of the kind named in `column`."""
    branches = " ".join(f"when '{name}' then '{getattr(noise, value)}'" for name, noise in known.items())
    return f"case {column} {branches} else '{otherwise}' end"


def defects_of(column: str, known: dict[str, Noise], natural: str = "false") -> str:
    """SQL: the list of defect codes of the kind named in `column`; `natural` is SQL for a natural party."""
    branches = []
    for name, noise in known.items():
        codes = f"{list(noise.defects)}::varchar[]"
        if noise.natural_defects is not None:
            codes = f"case when {natural} then {list(noise.natural_defects)} else {codes} end"
        if noise.defects:
            branches.append(f"when '{name}' then {codes}")
    return f"case {column} {' '.join(branches)} else []::varchar[] end"


def swap_place(code: str = "code") -> str:
    """SQL: a place from 12 to 16 whose character differs from the next one, 0 if there is none.

    The weights of neighbours differ, so the swap always breaks the check character.
    """
    branches = " ".join(
        f"when substr({code}, {place}, 1) <> substr({code}, {place + 1}, 1) then {place}"
        for place in (15, 16, 14, 13, 12)
    )
    return f"case {branches} else 0 end"


def damage_code(draws: Draws) -> str:
    """SQL: the party's code as delivered, from `code`, `identity_noise`, `swap_at`, `is_natural`; never
    the same number by chance, because one changed character always breaks the check."""
    place = f"(12 + {draws.below('damage:place', 5)})"
    digit = f"((substr(code, {place}, 1)::int + 1 + {draws.below('damage:digit', 9)}) % 10)::varchar"
    letter = (
        f"substr('{USCC_ALPHABET}', 1 + (strpos('{USCC_ALPHABET}', substr(code, {place}, 1)) "
        f"+ {draws.below('damage:letter', 30)}) % 31, 1)"
    )
    org_body = f"'{NOBODYS_ORG}' || substr(code, 11, 6)"
    nobody = f"left(code, 8) || {org_body} || org_check({org_body})"
    return f"""case identity_noise
        when 'lower_case' then lower(code)
        when 'full_width' then translate(code, '{USCC_ALPHABET}', '{FULL_WIDTH}')
        when 'inner_space' then left(code, 4) || ' ' || substr(code, 5, 4) || ' ' || substr(code, 9)
        when 'apostrophe' then '''' || code
        when 'lookalike' then left(code, 2) || replace(substr(code, 3, 6), '0', 'O') || substr(code, 9)
        when 'wrong_char' then left(code, {place} - 1) || case when is_natural then {digit} else {letter} end
            || substr(code, {place} + 1)
        when 'transposed' then left(code, swap_at - 1) || substr(code, swap_at + 1, 1) || substr(code,
        swap_at, 1)
            || substr(code, swap_at + 2)
        when 'truncated' then left(code, 17)
        when 'scientific' then left(code, 1) || '.' || substr(code, 2, 5) || 'E+17'
        when 'precision_loss' then left(code, 15) || '000'
        when 'repeated_char' then left(code, 9) || substr(code, 9)
        when 'parent_code' then other_code
        when 'code_of_another' then other_code
        when 'code_of_nobody' then case when is_natural
            then left(code, 14) || '{NOBODYS_SEQUENCE}' || id_check(left(code, 14) || '{NOBODYS_SEQUENCE}')
            else {nobody} || uscc_check({nobody}) end
        when 'between_neighbours' then left(code, 17) || right(neighbour_code, 1)
        when 'number_of_twin' then neighbour_code
        when 'masked' then left(code, 6) || case when is_natural then '********' || right(code, 4)
            else '******' || right(code, 6) end
        else code end"""
