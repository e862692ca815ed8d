"""A few synthetic subjects with valid numbers (divisions 9900xx), for tests that need parties of rows."""

from creditlake.identifiers import (
    org_check_char,
    reg_check_digit,
    resident_check_char,
    uscc_check_char,
)
from creditlake.simulate.plain import PlainParty

COUNT = 50


def legal_party(number: int) -> PlainParty:
    """Return a company with all its numbers."""
    org = f"{31_000_000 + number}"
    org += org_check_char(org)
    uscc = f"91990001{org}"
    reg_no = f"990001{10_000_000 + number}"
    return PlainParty(
        "legal",
        name=f"九九零市甲乙{number + 1}号商贸有限公司",
        uscc=uscc + uscc_check_char(uscc),
        org_code=org,
        reg_no=reg_no + str(reg_check_digit(reg_no)),
        tax_id=f"990001{org}",
        legal_rep="甲乙丙",
        source_key=f"P{number:08}",
    )


def natural_party(number: int) -> PlainParty:
    """Return an adult with a resident number."""
    body = f"99000119{60 + number % 30}0{1 + number % 9}1{number % 10}{100 + number}"
    return PlainParty("natural", name="甲乙丙丁"[number % 3 :] + "一", id_no=body + resident_check_char(body))


LEGAL = [legal_party(number) for number in range(COUNT)]
NATURAL = [natural_party(number) for number in range(COUNT)]
