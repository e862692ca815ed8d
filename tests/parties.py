"""A few synthetic subjects with valid numbers (divisions 9900xx), for tests that need parties of rows."""

from creditlake.simulate.plain import PlainParty
from tests.samples import make_org_code, make_reg_no, make_resident_id, make_uscc

COUNT = 50


def legal_party(number: int) -> PlainParty:
    """Return a company with all its numbers."""
    org_code = make_org_code(number)
    return PlainParty(
        "legal",
        name=f"九九零市甲乙{number + 1}号商贸有限公司",
        uscc=make_uscc(number),
        org_code=org_code,
        reg_no=make_reg_no(number),
        tax_id=f"990000{org_code}",
        legal_rep="甲乙丙",
        source_key=f"P{number:08}",
    )


def natural_party(number: int) -> PlainParty:
    """Return an adult with a resident number."""
    return PlainParty("natural", name="甲乙丙丁"[number % 3 :] + "一", id_no=make_resident_id(number))


LEGAL = [legal_party(number) for number in range(COUNT)]
NATURAL = [natural_party(number) for number in range(COUNT)]
