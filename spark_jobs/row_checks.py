"""Checks over several fields of a row; the contract names them, with the fields they read.

What each check asks is said in catalog/row_checks.yml. All read the cleaned columns and two facts of the
batch: `_received_date` (its first) and `_late_before` (the first decision date that was still in time on
that day). A comparison with a missing value is unknown, and an unknown condition is no defect.
"""

from collections.abc import Callable

from creditlake.contract import Contract, RowCheck
from spark_jobs.defects import DefectRules
from spark_jobs.engine import Column, F

UNIT_ERROR = 10_000  # 元 taken for 万元, or the contrary
WIDE = "decimal(28,6)"  # any amount times UNIT_ERROR has room
AMOUNT_IN_TEXT = r"(?:人民币)?\s*([0-9][0-9,，]*(?:\.[0-9]+)?)\s*(万?)元"


def check_rows(contract: Contract, rules: DefectRules) -> None:
    """Add the rules of all row checks of a contract, in its order."""
    for check in contract.row_checks:
        CHECKS[check.check](check, rules)


def is_minor(contract: Contract) -> Column:
    """Whether the row is about a person under age, or of unknown age, on the event date: never public."""
    conditions = [minor_or_unknown(check) for check in contract.row_checks if check.check == "minor"]
    return F.coalesce(conditions[0], F.lit(False)) if conditions else F.lit(False)


def minor_or_unknown(check: RowCheck) -> Column:
    """Age comes from an intact resident ID; null for rows that are not about a person."""
    fields = check.fields
    number = F.col(fields["id_no"])
    known = (F.col(f"{fields['id_no']}_status") == "valid") & (F.length(number) == 18)
    if "id_type" in fields:
        known &= F.col(fields["id_type"]) == "RESIDENT_ID"
    birth_date = F.when(known, F.try_to_date(F.substring(number, 7, 8), "yyyyMMdd"))
    of_age = F.add_months(birth_date, 12 * int(check.minimum or "18")) <= F.col(fields["event"])
    return F.when(F.col(fields["class"]).isin(*check.values), ~F.coalesce(of_age, F.lit(False)))


def minor(check: RowCheck, rules: DefectRules) -> None:
    rules.add(minor_or_unknown(check), check.code, check.fields["id_no"])


def uscc_matches_class(check: RowCheck, rules: DefectRules) -> None:
    uscc, party = check.fields["uscc"], F.col(check.fields["class"])
    found = F.lit(False)
    for contradiction in check.values:
        code, prefix = contradiction.split(":")
        found |= (party == code) & F.col(uscc).startswith(prefix)
    rules.add(intact(uscc) & found, check.code, uscc)


def intact(field: str) -> Column:
    """Whether an identifier passed its check, as delivered or repaired."""
    return F.col(f"{field}_status").isin("valid", "repaired")


def placeholder_needs_reg_no(check: RowCheck, rules: DefectRules) -> None:
    uscc, reg_no = check.fields["uscc"], check.fields["reg_no"]
    found = (F.col(f"{uscc}_status") == "placeholder") & F.col(reg_no).isNull()
    rules.add(found, check.code, reg_no)


def kind_needs_amount(check: RowCheck, rules: DefectRules) -> None:
    kinds, amount = check.fields["kinds"], check.fields["amount"]
    named = F.coalesce(F.arrays_overlap(F.col(kinds), F.array(*map(F.lit, check.values))), F.lit(False))
    has_amount = F.coalesce(F.col(amount) > 0, F.lit(False))
    no_amount = F.coalesce(F.col(amount) == 0, F.lit(True))
    rules.add(named & no_amount, check.code, amount, "the kind needs an amount")
    rules.add(~named & has_amount, check.code, kinds, "an amount without its kind")


def text_amount_agrees(check: RowCheck, rules: DefectRules) -> None:
    """The first amount after one of the words, in yuan, against the amount column."""
    field = check.fields["amount"]
    text, amount = F.col(check.fields["text"]), F.col(field).cast(WIDE)
    pattern = f"(?:{'|'.join(check.values)}){AMOUNT_IN_TEXT}"
    digits = F.when(amount.isNotNull(), F.translate(F.regexp_extract(text, pattern, 1), ",，", ""))
    unit = F.when(F.regexp_extract(text, pattern, 2) == "", 1).otherwise(UNIT_ERROR)
    told = F.when(digits != "", digits.try_cast("decimal(18,6)").cast(WIDE) * unit)
    differs = (amount >= 0) & (F.abs(told - amount) > F.lit(check.tolerance or "1").cast("decimal(18,2)"))
    by_unit = (told == amount * UNIT_ERROR) | (told * UNIT_ERROR == amount)
    rules.add(differs & by_unit, check.code, field, "off by exactly 10000: wrong unit", other_level=True)
    rules.add(differs & ~by_unit, check.code, field, "differs from the text")


def amount_range(check: RowCheck, rules: DefectRules) -> None:
    amount = F.col(check.fields["amount"])
    found = F.lit(False)
    if check.minimum is not None:
        found |= amount < F.lit(check.minimum).cast("decimal(18,2)")
    if check.maximum is not None:
        found |= amount > F.lit(check.maximum).cast("decimal(18,2)")
    rules.add(found, check.code, check.fields["amount"])


def date_not_future(check: RowCheck, rules: DefectRules) -> None:
    date = F.col(check.fields["date"])
    found = date > F.col("_received_date")
    if check.minimum is not None:
        found |= date < F.lit(check.minimum).cast("date")
    rules.add(found, check.code, check.fields["date"])


def not_after_received(check: RowCheck, rules: DefectRules) -> None:
    found = F.col(check.fields["date"]) > F.col("_received_date")
    rules.add(found, check.code, check.fields["date"])


def not_before(check: RowCheck, rules: DefectRules) -> None:
    """1900-1-1 stands for a missing date; as an end it is before any start (seen in penalty exports)."""
    missing_day = F.col(f"is_1900_{check.fields['date']}")
    started = F.col(check.fields["from"])
    found = (F.col(check.fields["date"]) < started) | (missing_day & started.isNotNull())
    rules.add(found, check.code, check.fields["date"], f"before {check.fields['from']}")


def within_working_days(check: RowCheck, rules: DefectRules) -> None:
    """The calendar is asked once a batch, not once a row: see `commit.late_before`."""
    found = F.col(check.fields["date"]) < F.col("_late_before")
    rules.add(found, check.code, check.fields["date"])


def is_test_data(check: RowCheck, rules: DefectRules) -> None:
    rules.add(F.col(check.fields["mark"]).isin(*check.values), check.code, check.fields["mark"])


def declared_public(check: RowCheck, rules: DefectRules) -> None:
    declared = F.col(check.fields["declared"])
    rules.add(~declared.isin(*check.values), check.code, check.fields["declared"])


CHECKS: dict[str, Callable[[RowCheck, DefectRules], None]] = {
    check.__name__: check
    for check in (
        amount_range,
        date_not_future,
        declared_public,
        is_test_data,
        kind_needs_amount,
        minor,
        not_after_received,
        not_before,
        placeholder_needs_reg_no,
        text_amount_agrees,
        uscc_matches_class,
        within_working_days,
    )
}
