"""Check the identifiers that departments send.

A value is checked only against the type its contract declares. Guessing the type from the value is
unsafe: about 3 % of valid resident-ID numbers also satisfy the USCC check digit
(`test_resident_ids_can_look_like_uscc`).

`check_…` takes a clean code and returns valid, suspect or invalid. `grade_…` takes a cell as delivered
and returns the code with one of the eight statuses. `spark_jobs/expressions.py` says the same as Spark
columns, from the same patterns; a test holds both to a million generated values.
"""

import datetime as dt
import re
from enum import StrEnum
from typing import NamedTuple

from creditlake.normalise import clean_identifier, normalisation

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: no I, O, S, V, Z
USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
USCC_REPAIRS = ("OIZS", "0125")  # letters the alphabet lacks, typed for these digits; V is not guessed
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
RESIDENT_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
RESIDENT_CHECKS = "10X98765432"

# Patterns that Python's re and Java's regex read alike; always matched against the whole value.
USCC_SHAPE = f"[1-9ANY][0-9]{{7}}[{USCC_ALPHABET}]{{10}}"
ORG_SHAPE = "[0-9A-Z]{8}[0-9X]"
REG_SHAPE = "[0-9]{15}"
REG_LEGACY = "[0-9]{13}|[^*]+字[^*]*[0-9]{3}[^*]*"  # before GS 15-2006: no check digit, 企合粤深总字第…号
TAX15_SHAPE = f"[0-9]{{6}}{ORG_SHAPE}"
OTHER_DOCUMENT = "[0-9A-Z()/]{5,20}"  # passports and permits: no check known
LEAP_YEAR = "(?:(?:18|19|2[0-9])(?:0[48]|[2468][048]|[13579][26])|2[048]00)"
REAL_DATE = (
    "(?:(?:18[89]|19[0-9]|2[0-9]{2})[0-9](?:"
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)|02(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{LEAP_YEAR}0229)"
)  # 1880-01-01 and later, as yyyymmdd
RESIDENT_BODY = f"[0-9]{{6}}{REAL_DATE}[0-9]{{3}}"
RESIDENT_SHAPE = f"{RESIDENT_BODY}[0-9X]"
RESIDENT15 = "[0-9]{15}"
CENTENARIAN = "[0-9]{12}99[6-9]"  # 15-digit numbers of people born before 1900
TAX17_SHAPE = "[0-9]{17}"  # 15-digit resident number + 2 digits: old individual businesses
TAX20_SHAPE = f"{RESIDENT_SHAPE}[0-9]{{2}}"  # the same with the 18-digit number
PLACEHOLDER = "0+X?"
SCIENTIFIC = r"[0-9](?:\.[0-9]+)?E\+?[0-9]{1,2}"  # Excel: 9.14403E+17
ROUNDED = "[0-9]{15}000(?:00)?"  # Excel keeps 15 digits
MASKED = r".*(?:\*|X{4}).*"


class IdentifierStatus(StrEnum):
    """How far a delivered code may be trusted."""

    VALID = "valid"  # may serve as exact evidence
    REPAIRED = "repaired"  # an impossible letter was replaced and the check digit then agrees
    SUSPECT = "suspect"  # right shape, wrong or no check: for review, never for an exact link
    INVALID = "invalid"
    PLACEHOLDER = "placeholder"  # zeros: "has none"
    MASKED = "masked"
    PRECISION_LOSS = "precision_loss"  # a spreadsheet destroyed it: ask for a resend
    MISSING = "missing"


class Graded(NamedTuple):
    """A code and its grade; `value` is None for missing and placeholder, so nothing can join on those."""

    value: str | None
    status: IdentifierStatus

    @property
    def repaired(self) -> bool:
        """Whether `value` differs from what was typed by more than cleaning."""
        return self.status is IdentifierStatus.REPAIRED


def _matches(pattern: str, code: str) -> bool:
    return re.fullmatch(pattern, code) is not None


def _valid_if(passes: bool) -> IdentifierStatus:
    return IdentifierStatus.VALID if passes else IdentifierStatus.SUSPECT


def uscc_check_char(body: str) -> str:
    """Return the 18th character for the first 17 (GB 32100-2015, MOD 31-3)."""
    values = map(USCC_ALPHABET.index, body)
    weighted = sum(value * weight for value, weight in zip(values, USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[-weighted % 31]


def org_check_char(body: str) -> str:
    """Return the 9th character for the first 8 (GB 11714; letters count 10 to 35 without gaps)."""
    weighted = sum(int(char, 36) * weight for char, weight in zip(body, ORG_WEIGHTS, strict=True))
    return "0X987654321"[weighted % 11]


def reg_check_digit(body: str) -> str:
    """Return the 15th digit for the first 14 (ISO 7064 MOD 11,10)."""
    product = 10
    for digit in body:
        product = ((product + int(digit) - 1) % 10 + 1) * 2 % 11
    return str((11 - product) % 10)


def resident_check_char(body: str) -> str:
    """Return the 18th character for the first 17 (ISO 7064 MOD 11-2)."""
    weighted = sum(int(char) * weight for char, weight in zip(body, RESIDENT_WEIGHTS, strict=True))
    return RESIDENT_CHECKS[weighted % 11]


def check_uscc(code: str) -> IdentifierStatus:
    """Grade one clean unified social credit code.

    A wrong check digit is SUSPECT, not INVALID: some codes issued in Xiamen before 2016 do not satisfy the
    standard and are still in force.
    """
    if not _matches(USCC_SHAPE, code):  # also refuses the all-zero placeholder
        return IdentifierStatus.INVALID
    return _valid_if(uscc_check_char(code[:17]) == code[17])


def check_org_code(code: str) -> IdentifierStatus:
    """Grade one clean organisation code (9 characters, no hyphen)."""
    if not _matches(ORG_SHAPE, code) or _matches(PLACEHOLDER, code):
        return IdentifierStatus.INVALID
    return _valid_if(org_check_char(code[:8]) == code[8])


def check_reg_no(code: str) -> IdentifierStatus:
    """Grade one clean registration number. Older forms are SUSPECT: they have no check digit."""
    if _matches(PLACEHOLDER, code):
        return IdentifierStatus.INVALID
    if _matches(REG_SHAPE, code):
        return _valid_if(reg_check_digit(code[:14]) == code[14])
    return IdentifierStatus.SUSPECT if _matches(REG_LEGACY, code) else IdentifierStatus.INVALID


def check_resident_id(code: str) -> IdentifierStatus:
    """Grade one clean 18- or 15-digit resident number.

    The division is never looked at: reorganised counties are in no list. An impossible birth date is INVALID.
    The 15-digit form has no check digit; a real date in it is all that can be asked.
    """
    if _matches(RESIDENT15, code) and _matches(RESIDENT_SHAPE, convert_resident_id15(code)):
        return IdentifierStatus.VALID
    if not _matches(RESIDENT_SHAPE, code):
        return IdentifierStatus.INVALID
    return _valid_if(resident_check_char(code[:17]) == code[17])


def check_tax_id(code: str) -> IdentifierStatus:
    """Grade one clean taxpayer number.

    Its forms: division + organisation code, USCC, resident number, resident number + 2 digits.
    """
    if _matches(PLACEHOLDER, code):
        return IdentifierStatus.INVALID
    if _matches(TAX15_SHAPE, code):
        return check_org_code(code[6:])
    if _matches(TAX17_SHAPE, code) or _matches(TAX20_SHAPE, code):
        return check_resident_id(code[:-2])
    if len(code) != 18:
        return IdentifierStatus.INVALID
    return _better(check_uscc(code), check_resident_id(code))


def _better(*grades: IdentifierStatus) -> IdentifierStatus:
    order = (IdentifierStatus.VALID, IdentifierStatus.SUSPECT, IdentifierStatus.INVALID)
    return min(grades, key=order.index)


def check_party_code(code: str, is_person: bool) -> IdentifierStatus:
    """Grade a number of a court's list: resident number of a person, organisation code or USCC of others."""
    if is_person:
        return check_resident_id(code)
    return _better(check_org_code(code), check_uscc(code))


def repair_uscc(code: str) -> str | None:
    """Return the code with O, I, Z, S read as 0, 1, 2, 5 if its check digit then agrees, else None."""
    mended = code.translate(str.maketrans(*USCC_REPAIRS))
    return mended if mended != code and check_uscc(mended) is IdentifierStatus.VALID else None


def convert_resident_id15(code: str) -> str:
    """Return the 18-digit form of a 15-digit resident number (996 to 999 are people born before 1900)."""
    body = code[:6] + ("18" if _matches(CENTENARIAN, code) else "19") + code[6:]
    return body + resident_check_char(body)


def extract_birth_date(code: str) -> dt.date | None:
    """Return the birth date in a clean resident number of either length, None when there is no real one."""
    full = convert_resident_id15(code) if _matches(RESIDENT15, code) else code
    return dt.date.fromisoformat(full[6:14]) if _matches(RESIDENT_SHAPE, full) else None


def _grade(raw: str | None, checked: IdentifierStatus, code: str, mended: str | None = None) -> Graded:
    """Turn the grade of a clean code into that of its cell: a known kind of damage outranks "wrong"."""
    status = IdentifierStatus
    if raw is None or not code or code in normalisation().fillers:
        return Graded(None, status.MISSING)
    if _matches(PLACEHOLDER, code):
        return Graded(None, status.PLACEHOLDER)
    if checked is status.VALID:
        return Graded(code, checked)
    if mended is not None:
        return Graded(mended, status.REPAIRED)
    if _matches(MASKED, code):
        return Graded(code, status.MASKED)
    if _matches(SCIENTIFIC, code) or (checked is status.SUSPECT and _matches(ROUNDED, code)):
        return Graded(code, status.PRECISION_LOSS)
    return Graded(code, checked)


def grade_uscc(raw: str | None) -> Graded:
    """Grade a cell that should hold a unified social credit code."""
    code = clean_identifier(raw or "")
    return _grade(raw, check_uscc(code), code, repair_uscc(code))


def grade_org_code(raw: str | None) -> Graded:
    """Grade a cell that should hold an organisation code."""
    code = clean_identifier(raw or "")
    return _grade(raw, check_org_code(code), code)


def grade_reg_no(raw: str | None) -> Graded:
    """Grade a cell that should hold a business registration number."""
    code = clean_identifier(raw or "")
    return _grade(raw, check_reg_no(code), code)


def grade_tax_id(raw: str | None) -> Graded:
    """Grade a cell that should hold a taxpayer number; an 18-character one may be repaired as a USCC."""
    code = clean_identifier(raw or "")
    return _grade(raw, check_tax_id(code), code, repair_uscc(code))


def grade_resident_id(raw: str | None) -> Graded:
    """Grade a cell that should hold a resident number; a good 15-digit one becomes its 18-digit form."""
    code = clean_identifier(raw or "")
    graded = _grade(raw, check_resident_id(code), code)
    if graded.status is IdentifierStatus.VALID and len(code) == 15:
        return Graded(convert_resident_id15(code), graded.status)
    return graded


def grade_other_document(raw: str | None) -> Graded:
    """Grade a cell that holds a passport or permit number: only its shape can be judged."""
    code = clean_identifier(raw or "")
    status = IdentifierStatus.VALID if _matches(OTHER_DOCUMENT, code) else IdentifierStatus.INVALID
    return _grade(raw, status, code)


def grade_party_code(raw: str | None, is_person: bool) -> Graded:
    """Grade a cell of a court's list, by the kind of party that the row declares."""
    if is_person:
        return grade_resident_id(raw)
    code = clean_identifier(raw or "")
    return _grade(raw, check_party_code(code, is_person=False), code, repair_uscc(code))
