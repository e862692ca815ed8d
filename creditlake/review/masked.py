"""What a reviewer sees of a number that may be a natural person's document.

The row `document_in_review` of catalog/rules/masking.yml says how much. A document number also stands in
columns of organisations' codes, damaged or not, and inside names: whatever has its shape is masked there too.
"""

import re
from datetime import date

from creditlake.identifiers import REAL_DATE, IdentifierStatus, check_reg_no, check_resident_id, check_uscc
from creditlake.normalise import clean_identifier
from creditlake.rules import MaskingRule, Rules

ELEMENT = "document_in_review"
DOCUMENT_LIKE = re.compile(f"[0-9]{{5,6}}{REAL_DATE}[0-9]{{2}}")  # a digit may be missing or wrong
DIGITS_IN_TEXT = re.compile(r"\d(?:[ -]?\d){13,}[\dXxＸｘ×]?")


def review_mask(rules: Rules, day: date) -> MaskingRule:
    """Return the row that governs documents in review; the catalogue without one in force is a KeyError."""
    for row in rules.masking:
        if row.element == ELEMENT and row.in_force(day):
            return row
    raise KeyError(f"catalog/rules/masking.yml has no row {ELEMENT} in force on {day}")


def mask_number(mask: MaskingRule, slot: str, value: str | None, *, is_person: bool) -> str | None:
    """Return a delivered number as a reviewer may see it; `slot` is the column it stands in."""
    if value is None:
        return None
    return mask.apply(value) if slot == "id_no" or is_person or is_document(value) else value


def is_document(value: str) -> bool:
    """Tell whether a code looks like a resident ID, whole or damaged, and is no sound code else."""
    code = clean_identifier(value)
    resident, sound = check_resident_id(code), IdentifierStatus.VALID
    if resident is not sound and check_uscc(code) is sound:
        return False
    if len(code) == 15:
        return resident is sound and check_reg_no(code) is not sound
    return DOCUMENT_LIKE.search(code) is not None


def mask_text(mask: MaskingRule, text: str | None) -> str | None:
    """Return a name with every long number in it masked."""
    return text and DIGITS_IN_TEXT.sub(lambda found: mask.apply(found[0]), text)
