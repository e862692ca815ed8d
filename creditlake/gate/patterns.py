"""Personal numbers as DuckDB expressions: what counts as a resident ID, a mobile number, a bank card.

Text is read with full-width digits folded and with the usual groupings (6222 0212 3456 7890) closed.
A number counts only if no digit or letter touches it and it passes its own check, with deliberate
exceptions that keep false alarms out of tables of ten million rows:

- a run of 15 digits that is a valid registration number (MOD 11,10) is not called a 15-digit resident ID,
  although one legacy resident ID in ten passes that check too;
- a run of 18 digits that is a valid USCC is not called a bank card (one in 310 cards would pass);
- a resident ID wins over a USCC, because 3 % of resident IDs satisfy the USCC check digit.

In longer runs of digits and letters every window of 18 is tried for a resident ID, so numbers that are
written together, or behind letters, are found too.
"""

import duckdb

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_PREFIX = "1[1239]|2[19]|3[1-59]|4[19]|5[1239]|6[129]|7[129]|8[19]|9[123]|A[19]|N[1239]|Y1"
USCC_SHAPE = f"({USCC_PREFIX})[0-9]{{6}}[0-9A-HJ-NPQRTUWXY]{{10}}"
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
FULL_WIDTH = "０１２３４５６７８９Ｘｘ×ХхΧ－—　\u00a0"
HALF_WIDTH = "0123456789XxXXXX--  "
GROUPED = (
    "[0-9]{4}(?:[ -][0-9]{4}){3}(?:[ -]?[0-9]{1,3})?"  # bank card
    "|1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}"  # mobile
    "|[0-9]{6}[ -][0-9]{8}[ -][0-9]{3}[0-9Xx]"  # resident ID
)


def add_personal_macros(connection: duckdb.DuckDBPyConnection, *, temporary: bool = True) -> None:
    """Define the macros; `personal_kind(text)` is resident_id, mobile, card or NULL.

    A build keeps them in its database, where the marts blot out what the gate would find.
    """
    kind = "temp macro" if temporary else "macro"
    for name, body in _macros().items():
        connection.execute(f"create or replace {kind} {name} as {body}")


def _weigh(alphabet_value: str, weights: tuple[int, ...], offset: int = 0) -> str:
    """Return the weighted sum over the characters of x, starting after `offset`."""
    return " + ".join(
        f"({alphabet_value.format(char=f'substr(x, {offset + i + 1}, 1)')}) * {w}"
        for i, w in enumerate(weights)
    )


def _macros() -> dict[str, str]:
    digit = "ascii({char}) - 48"
    uscc_sum = _weigh(f"instr('{USCC_ALPHABET}', {{char}}) - 1", tuple(pow(3, i, 31) for i in range(17)))
    org_value = "case when {char} <= '9' then ascii({char}) - 48 else ascii({char}) - 55 end"
    org_check = f"(11 - ({_weigh(org_value, ORG_WEIGHTS)}) % 11)"
    product = "10"
    for i in range(14):  # ISO 7064 MOD 11,10 unrolled; (s - 1) % 10 + 1 is s % 10 or 10
        product = f"mod_step({product}, ascii(substr(x, {i + 1}, 1)) - 48)"
    luhn = " + ".join(f"luhn_digit(ascii(substr(y, {19 - i}, 1)) - 48, {i % 2})" for i in range(19))
    born = "try_strptime(substr(x, 7, 8), '%Y%m%d')"
    legacy_born = "try_strptime('19' || substr(x, 7, 6), '%Y%m%d')"
    return {
        "id18_ok(x)": "case when regexp_full_match(x, '[1-9][0-9]{5}(1[89]|20)[0-9]{9}[0-9X]')"
        f" and {born} >= timestamp '1880-01-01'"
        f" then substr(x, 18, 1) = substr('10X98765432', (({_weigh(digit, ID_WEIGHTS)}) % 11)::int + 1, 1)"
        " else false end",
        "id15_ok(x)": f"regexp_full_match(x, '[1-9][0-9]{{14}}') and {legacy_born} is not null",
        "uscc_ok(x)": f"case when regexp_full_match(x, '{USCC_SHAPE}')"
        f" then substr(x, 18, 1) = substr('{USCC_ALPHABET}', ((31 - ({uscc_sum}) % 31) % 31)::int + 1, 1)"
        " else false end",
        "org_ok(x)": "case when regexp_full_match(x, '[0-9A-Z]{8}[0-9X]')"
        f" then substr(x, 9, 1) = case {org_check} when 10 then 'X' when 11 then '0'"
        f" else {org_check}::varchar end"
        " else false end",
        "mod_step(p, d)": "((p + d - 1) % 10 + 1) * 2 % 11",
        "reg_ok(x)": "case when regexp_full_match(x, '[0-9]{15}')"
        f" then ascii(substr(x, 15, 1)) - 48 = (11 - {product}) % 10 else false end",
        "luhn_digit(d, doubled)": "case when doubled = 0 then d when d > 4 then d * 2 - 9 else d * 2 end",
        "luhn_sum(y)": luhn,
        "luhn_ok(x)": "case when regexp_full_match(x, '[0-9]{16,19}')"
        " then luhn_sum(lpad(x, 19, '0')) % 10 = 0 else false end",
        "number_kind(x)": "case"
        " when length(x) = 18 and id18_ok(upper(x)) then 'resident_id'"
        " when length(x) = 15 and id15_ok(x) and not reg_ok(x) then 'resident_id'"
        " when regexp_full_match(x, '(86|086|0086)?1[3-9][0-9]{9}') then 'mobile'"
        " when luhn_ok(x) and not uscc_ok(x) then 'card'"
        " when length(x) > 18 and len(list_filter(range(1, length(x) - 16),"
        " lambda i: id18_ok(upper(substr(x, i, 18))))) > 0 then 'resident_id' end",
        # a code of the right shape: `person` if it can only be a resident ID, else what it also reads as
        "code_kind(x)": "case"
        " when length(x) = 18 and id18_ok(x) then"
        " case when uscc_ok(x) and org_ok(substr(x, 9, 9)) then 'resident_id' else 'person' end"
        " when length(x) = 15 and id15_ok(x) then"
        " case when reg_ok(x) or org_ok(substr(x, 7, 9)) then 'resident_id' else 'person' end"
        " when length(x) = 18 and luhn_ok(x) then 'card' end",
        "folded(t)": f"translate(t, '{FULL_WIDTH}', '{HALF_WIDTH}')",
        "plain_runs(t)": "regexp_extract_all(t, '[0-9A-Za-z]*[0-9]{11,}[0-9A-Za-z]*')",
        "grouped_runs(t)": f"regexp_extract_all(t, '{GROUPED}')",
        "number_runs(t)": "list_concat(plain_runs(t), list_transform("
        "grouped_runs(t), lambda g: regexp_replace(g, '[ -]', '', 'g')))",
        "may_be_personal(t)": "regexp_matches(t, '[0-9０-９][0-9０-９ 　－-]{10}')",
        "personal_kind(t)": "case when may_be_personal(t)"
        " then list_min(list_filter(list_transform(number_runs(folded(t)), lambda n: number_kind(n)),"
        " lambda k: k is not null)) end",
    }
