"""The checks and comparison forms of `creditlake` as Spark columns: built-in functions only, no Python UDF.

Every function takes a text column as delivered and never raises on a value, also under ANSI mode. Patterns
and tables are those of the Python modules; `tests/spark/test_expressions.py` holds both to the same answers.

Check digits are weighted sums whose weights are powers of one number, so `conv` computes them: a code read as
a number in base b, modulo m, has the weights b^i mod m. Base 34 is 3 modulo 31 (USCC), bases 13 and 35 are
2 modulo 11 (resident numbers, organisation codes). For a million USCCs that takes 1.1 CPU seconds, `instr`
per character 1.6, a lambda 2.5; and the byte code stays small enough for the JVM to compile.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from decimal import Decimal

from creditlake import identifiers as ids
from creditlake import normalise as forms
from creditlake.identifiers import IdentifierStatus as Status
from creditlake.names import DOT_BETWEEN_HAN, MASKED_NAME
from creditlake.normalise import normalisation, translate_arguments
from creditlake.receipt_no import BODY_CHARS, RECEIPT_SHAPE
from spark_jobs.engine import Column, F

PLAIN_CODE = "^[0-9A-Z]+$"  # already clean: most cells, and far cheaper to see than to translate
BASE34 = ("JKLMNPQRTUWXY", "IJKLMNOPQRSTU")  # USCC characters that are not their own digit of base 34


ISO_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
WRITTEN_DATE = "^([0-9]{4}) ?[-/年] ?([0-9]{1,2}) ?[-/月] ?([0-9]{1,2}) ?日?(?:[ T]?[0-9]{1,2}:[0-9:.]+)?$"
COMPACT_DATE = "^([0-9]{4})([0-9]{2})([0-9]{2})$"
NUMBER_DATE = r"^([0-9]{5}|[0-9]{12,13})(?:\.[0-9]*)?$"
MISSING_DATE = dt.date(1900, 1, 1)
UNIX_EPOCH = dt.date(1970, 1, 1)
EXCEL_EPOCH = dt.date(1899, 12, 30)
DAY_MS = 86_400_000
CHINA_OFFSET_MS = 28_800_000

PLAIN_NUMBER = r"^[0-9]+(?:\.[0-9]+)?$"
NUMBER = r"^[+-]?(?:(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE]-[0-9]{1,2})?$"
DUST = Decimal("-0.0001")
HMAC_BLOCK = 64


# ---- comparison forms


def normalise_text(text: Column) -> Column:
    """Say the same as `creditlake.normalise.normalise_text`."""
    mapped = F.translate(text, *translate_arguments(normalisation().text_table))
    return F.trim(F.regexp_replace(mapped, " {2,}", " "))


def is_filler(text: Column) -> Column:
    """Say the same as `creditlake.normalise.is_filler`; null counts as filler."""
    return text.isNull() | F.upper(normalise_text(text)).isin("", *sorted(normalisation().fillers))


def clean_identifier(text: Column) -> Column:
    """Say the same as `creditlake.normalise.clean_identifier`."""
    mapped = F.translate(text, *translate_arguments(normalisation().code_table))
    bare = F.rtrim(F.ltrim(mapped, F.lit(forms.LEADING_MARKS)), F.lit(forms.TRAILING_MARKS))
    starred = F.regexp_replace(bare, forms.LAST_STAR.pattern, "$1X")
    return F.when(text.rlike(PLAIN_CODE), text).otherwise(starred)


def normalise_name(name: Column) -> Column:
    """Say the same as `creditlake.names.normalise_name`."""
    mapped = F.translate(name, *translate_arguments(normalisation().name_table))
    return F.regexp_replace(mapped, DOT_BETWEEN_HAN.pattern, "")


def is_masked_name(name: Column) -> Column:
    """Say the same as `creditlake.names.is_masked_name`: only for names of persons."""
    return normalise_name(name).rlike(MASKED_NAME.pattern)


def normalise_doc_no(number: Column) -> Column:
    """Say the same as `creditlake.normalise.normalise_doc_no`."""
    mapped = F.translate(number, *translate_arguments(normalisation().doc_no_table))
    before, year, after = (F.regexp_extract(mapped, forms.CHINESE_YEAR.pattern, group) for group in (1, 2, 3))
    arabic = F.concat(before, F.translate(year, *forms.CHINESE_DIGITS), after)
    dated = F.when(mapped.rlike(forms.CHINESE_YEAR.pattern), arabic).otherwise(mapped)
    unprefixed = F.regexp_replace(dated, forms.NUMBER_PREFIX.pattern, "$1")
    return F.regexp_replace(unprefixed, forms.NUMBER_SUFFIX.pattern, "$1")


# ---- identifiers


@dataclass(frozen=True)
class Check:
    """What is asked of a clean code: the shape by itself, and shape and check digit together."""

    shape: Column
    passes: Column


def _whole(code: Column, pattern: str) -> Column:
    return code.rlike(f"^(?:{pattern})$")


def _number(digits: Column, base: int) -> Column:
    return F.conv(digits, base, 10).try_cast("bigint")


def _char_at(text: str, index: Column) -> Column:
    return F.substring(F.lit(text), index + 1, F.lit(1))


def _uscc_agrees(code: Column) -> Column:
    """Sum in three parts, so that only the organisation code needs translating: 2 to 8 are always digits."""
    first = F.instr(F.lit(ids.USCC_ALPHABET), F.substring(code, 1, 1)) - 1
    division = _number(F.reverse(F.substring(code, 2, 7)), 34)
    org_code = _number(F.reverse(F.translate(F.substring(code, 9, 9), *BASE34)), 34)
    weighted = (first + division * ids.USCC_WEIGHTS[1] + org_code * ids.USCC_WEIGHTS[8]) % 31
    return F.substring(code, 18, 1) == _char_at(ids.USCC_ALPHABET, (31 - weighted) % 31)


def _org_agrees(code: Column) -> Column:
    """Z counts 35, which base 35 has no digit for; 2 is the same modulo 11."""
    body = F.replace(F.substring(code, 1, 8), F.lit("Z"), F.lit("2"))
    return F.substring(code, 9, 1) == _char_at("0X987654321", _number(body, 35) * 2 % 11)


def _reg_agrees(code: Column) -> Column:
    """A fold, though interpreted: written out, fourteen steps nest deeper than Spark Connect carries."""
    product = F.aggregate(
        F.split(F.substring(code, 1, 14), ""),
        F.lit(10),
        lambda product, digit: ((product + F.ascii(digit) - ord("1")) % 10 + 1) * 2 % 11,
    )
    return (product + F.ascii(F.substring(code, 15, 1)) - ord("0")) % 10 == 1


def _resident_check_char(body: Column) -> Column:
    return _char_at(ids.RESIDENT_CHECKS, _number(body, 13) % 11 * 2 % 11)


def _resident_agrees(code: Column) -> Column:
    return F.substring(code, 18, 1) == _resident_check_char(F.substring(code, 1, 17))


def _resident_body(code: Column) -> Column:
    """Return the first 17 digits of the 18-digit form of a 15-digit number."""
    century = F.when(_whole(F.substring(code, 1, 15), ids.CENTENARIAN), "18").otherwise("19")
    return F.concat(F.substring(code, 1, 6), century, F.substring(code, 7, 9))


def _is_resident15(code: Column) -> Column:
    return _whole(code, ids.RESIDENT15) & _whole(_resident_body(code), ids.RESIDENT_BODY)


def _check_uscc(code: Column) -> Check:
    shape = _whole(code, ids.USCC_SHAPE)
    return Check(shape, shape & _uscc_agrees(code))


def _check_org_code(code: Column) -> Check:
    shape = _whole(code, ids.ORG_SHAPE)
    return Check(shape, shape & _org_agrees(code))


def _check_reg_no(code: Column) -> Check:
    shape = _whole(code, ids.REG_SHAPE)
    return Check(shape | _whole(code, ids.REG_LEGACY), shape & _reg_agrees(code))


def _check_resident(code: Column) -> Check:
    shape = _whole(code, ids.RESIDENT_SHAPE)
    return Check(shape, (shape & _resident_agrees(code)) | _is_resident15(code))


def _check_tax_id(code: Column) -> Check:
    uscc = _check_uscc(code)
    org = _whole(code, ids.TAX15_SHAPE)
    person = _whole(code, f"{ids.RESIDENT_SHAPE}|{ids.TAX20_SHAPE}")
    old_person = _whole(code, ids.TAX17_SHAPE) & _whole(_resident_body(code), ids.RESIDENT_BODY)
    passes = uscc.passes | (org & _org_agrees(F.substring(code, 7, 9))) | (person & _resident_agrees(code))
    return Check(uscc.shape | org | person, passes | old_person)


def _either(first: Check, second: Check) -> Check:
    return Check(first.shape | second.shape, first.passes | second.passes)


def _mend(code: Column) -> Column:
    return F.translate(code, *ids.USCC_REPAIRS)


def _is_mended(code: Column) -> Column:
    return code.rlike(f"[{ids.USCC_REPAIRS[0]}]") & _check_uscc(_mend(code)).passes


def _is_missing(code: Column) -> Column:
    return code.isNull() | code.isin("", *sorted(normalisation().fillers))


def _is_placeholder(code: Column) -> Column:
    return code.startswith("0") & _whole(code, ids.PLACEHOLDER)


def _status(code: Column, check: Check, mended: Column | None = None) -> Column:
    """Ask in the order of `creditlake.identifiers._grade`."""
    status = F.when(_is_missing(code), Status.MISSING.value)
    status = status.when(_is_placeholder(code), Status.PLACEHOLDER.value)
    status = status.when(check.passes, Status.VALID.value)
    if mended is not None:
        status = status.when(mended, Status.REPAIRED.value)
    return (
        status.when(_whole(code, ids.MASKED), Status.MASKED.value)
        .when(_whole(code, ids.SCIENTIFIC), Status.PRECISION_LOSS.value)
        .when(_whole(code, ids.ROUNDED) & check.shape, Status.PRECISION_LOSS.value)
        .when(check.shape, Status.SUSPECT.value)
        .otherwise(Status.INVALID.value)
    )


def status_of_code(kind: str, code: Column, applies: Column | None = None) -> Column:
    """Say the status of a clean code. Keep `clean_identifier(text)` as a column and ask about that.

    A code is looked at many times; cleaning it anew each time makes plans that take seconds to compile.
    `applies` is, for id_no, whether the document is a resident ID card, for party_code, whether the party is
    a person; the row says so, never the look of the number.
    """
    match kind:
        case "uscc" | "organ_uscc":
            return _status(code, _check_uscc(code), _is_mended(code))
        case "org_code":
            return _status(code, _check_org_code(code))
        case "reg_no":
            return _status(code, _check_reg_no(code))
        case "tax_id":
            return _status(code, _check_tax_id(code), _is_mended(code))
        case "id_no":
            resident = _status(code, _check_resident(code))
            if applies is None:
                return resident
            other = Check(F.lit(False), _whole(code, ids.OTHER_DOCUMENT))
            return F.when(applies, resident).otherwise(_status(code, other))
        case "party_code":
            assert applies is not None
            organisation = _status(code, _either(_check_uscc(code), _check_org_code(code)), _is_mended(code))
            return F.when(applies, _status(code, _check_resident(code))).otherwise(organisation)
    raise ValueError(f"{kind} is no identifier type")


def value_of_code(kind: str, code: Column, status: Column, applies: Column | None = None) -> Column:
    """Say the value of a clean code with its status (`status_of_code`): repaired where the check digit proves
    it, 18 digits for a good 15-digit resident number, null for fillers and placeholders, so that nothing
    joins on them. `applies` as for `status_of_code`.
    """
    value = F.when(status.isin(Status.MISSING.value, Status.PLACEHOLDER.value), F.lit(None))
    match kind:
        case "uscc" | "organ_uscc" | "tax_id" | "party_code":
            value = value.when(status == Status.REPAIRED.value, _mend(code))
        case "org_code" | "reg_no" | "id_no":
            pass
        case _:
            raise ValueError(f"{kind} is no identifier type")
    if kind in ("id_no", "party_code"):
        is_15 = (F.length(code) == 15) & (status == Status.VALID.value)
        body = _resident_body(code)
        converted = F.concat(body, _resident_check_char(body))
        value = value.when(is_15 if applies is None else is_15 & applies, converted)
    return value.otherwise(code)


def clean_receipt_no(text: Column) -> Column:
    """Return a cited receipt number without blanks, hyphens and lower case; null where none is cited."""
    return F.when(~is_filler(text), clean_identifier(text))


def is_receipt_no(code: Column) -> Column:
    """Whether a clean receipt number has its shape and check character (`creditlake.receipt_no`)."""
    body = F.translate(F.substring(code, 2, BODY_CHARS), *BASE34)
    weighted = _number(F.reverse(body), 34) * 3 % 31
    check = _char_at(ids.USCC_ALPHABET, (31 - weighted) % 31)
    return _whole(code, RECEIPT_SHAPE) & (F.substring(code, BODY_CHARS + 2, 1) == check)


def resident_birth_date(number: Column) -> Column:
    """Return the birth date in an 18-digit number, null when there is no real one."""
    return F.when(_whole(number, ids.RESIDENT_SHAPE), parse_date(F.substring(number, 7, 8)))


# ---- dates, amounts, keys


def parse_date(text: Column) -> Column:
    """Return the date in any dialect that departments send, else null; 1900-1-1 means "missing" and is null.

    Dialects: 2019-10-10, 2019/1/9, 20191010, 2019年10月10日, each also with a time of day, which is dropped;
    epoch milliseconds (12 or 13 digits; the day in China) and Excel serials (5 digits). 9999-9-9 is a date.
    """
    plain = normalise_text(text)
    whole_number = F.regexp_extract(plain, NUMBER_DATE, 1)
    epoch_day = F.floor((whole_number.try_cast("bigint") + CHINA_OFFSET_MS) / DAY_MS).cast("int")
    dialect = (
        F.when(plain.rlike(WRITTEN_DATE), F.regexp_replace(plain, WRITTEN_DATE, "$1-$2-$3").try_cast("date"))
        .when(plain.rlike(COMPACT_DATE), F.regexp_replace(plain, COMPACT_DATE, "$1-$2-$3").try_cast("date"))
        .when(F.length(whole_number) == 5, F.date_add(F.lit(EXCEL_EPOCH), whole_number.try_cast("int")))
        .when(F.length(whole_number) > 5, F.date_add(F.lit(UNIX_EPOCH), epoch_day))
    )
    date = F.when(text.rlike(ISO_DATE), text.try_cast("date")).otherwise(dialect)
    return F.nullif(date, F.lit(MISSING_DATE))


def parse_decimal(text: Column, precision: int, scale: int, multiply: int = 1) -> Column:
    """Return the amount times `multiply` (万元 to yuan: 10000), else null; rounded half up to `scale`.

    Null are texts (暂无), values too large for the type, powers of ten above one (Excel has cut their digits)
    and commas that do not part thousands: 5,000000 may be five or five million. A negative amount above
    -0.0001 is arithmetic dust of the sender, and zero.
    """
    plain = F.when(text.rlike(PLAIN_NUMBER), text).otherwise(normalise_text(text))
    digits = F.when(plain.rlike(NUMBER), F.replace(plain, F.lit(","), F.lit("")))
    delivered = digits.try_cast("decimal(24,10)")
    amount = F.when((delivered < 0) & (delivered > F.lit(DUST)), F.lit(0)).otherwise(delivered)
    return (amount * F.lit(multiply).cast("decimal(9,0)")).try_cast(f"decimal({precision},{scale})")


def hmac_hex(text: Column, key: bytes) -> Column:
    """Return HMAC-SHA256 of the UTF-8 text under `key` as 64 hexadecimal digits, like Python's `hmac`.

    The padded key is a literal of the query plan: never print or log a plan that contains it.
    """
    block = (key if len(key) <= HMAC_BLOCK else hashlib.sha256(key).digest()).ljust(HMAC_BLOCK, b"\0")
    inner, outer = (F.lit(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    digest = F.unhex(F.sha2(F.concat(inner, F.encode(text, "utf-8")), 256))
    return F.sha2(F.concat(outer, digest), 256)
