"""Rules of single fields: from the delivered text to the typed column, with the defects found on the way.

Columns while a row is worked on: `raw_<field>` as delivered, `text_<field>` trimmed and null if it only
says that there is nothing (of a plain text that is the value, and stands as `<field>` at once),
`blank_<field>` whether nothing at all was delivered, `code_<field>` the clean form of an identifier,
`parts_<field>` the parts of a multi-valued cell; then `<field>` typed, `<field>_status` for identifiers. A
value that cannot be read is null and a defect. Every stage is one projection over the columns of the one
before: an expression that repeats a long one makes plans that take longer to compile than the data to pass,
and so does a stage without need, because it copies every column.
"""

from functools import cache, reduce
from itertools import product
from operator import or_

from creditlake.catalog import Catalog, CodeList
from creditlake.contract import IDENTIFIER_TYPES, KEEPS_DELIVERED, Contract, FieldContract
from creditlake.normalise import normalisation
from creditlake.normalise import normalise_text as normalise_plain
from spark_jobs import expressions as ex
from spark_jobs.defects import DefectRules
from spark_jobs.engine import Column, F
from spark_jobs.literals import sql_text

BLANKS = " \t\r\n\v\f\u00a0\u3000\ufeff\u200b"
SPELLINGS_MAX = 200
CONVERTED = frozenset({"date", "integer", "flag", "change_flag", "doc_no", "division", "multi_enum"})
ZERO_IS_A_VALUE = frozenset({"enum", "integer", "flag", "change_flag"})
CHANGE_OPS = {
    "I": ("1", "I", "A", "新增"),
    "U": ("2", "U", "修改", "变更"),
    "D": ("3", "D", "删除", "撤销", "撤回"),
}
TRUE_TEXTS, FALSE_TEXTS = ("1", "Y", "TRUE", "是"), ("0", "N", "FALSE", "否")
SEPARATORS = "[;；、,，|]+"
MISSING_DAY = "^1900[-/.年]?0?1[-/.月]?0?1日?$"
PLAIN_DATE = "^[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}$"  # most dates; the dialects cost ten times as much
WRONG = ("suspect", "invalid", "masked")


# ---- stages


def is_plain(field: FieldContract) -> bool:
    """Whether the value of a field is its text, once trimmed and filled."""
    typed = field.type in IDENTIFIER_TYPES or field.type in CONVERTED or field.code_list or field.decimal
    return not typed and field.default is None


def text_name(name: str, field: FieldContract) -> str:
    """Return the column that holds a field's text: trimmed, null where only a filler stood."""
    return name if is_plain(field) else f"text_{name}"


def filled_columns(contract: Contract) -> dict[str, Column]:
    """Return the texts: trimmed, null if only a filler. A zero is a value where numbers are expected.

    Beside them `blank_<field>` of fields that may be asked for, and `is_1900_<field>` of dates.
    """
    columns = {}
    for name, field in contract.fields.items():
        trimmed = f"btrim(raw_{name}, {sql_text(BLANKS)})"
        text = F.expr(trimmed)
        zero_counts = field.type in ZERO_IS_A_VALUE or field.decimal is not None
        filled = ~is_one_of(trimmed, filler_spellings(zero_counts))
        if field.type == "date":
            columns[f"is_1900_{name}"] = F.coalesce(is_missing_day(text), F.lit(False))
            filled &= ~is_missing_day(text)
        if not is_optional(field):
            columns[f"blank_{name}"] = F.coalesce(text == "", F.lit(True))
        columns[text_name(name, field)] = F.when(filled, text)
    return columns


def is_one_of(text: str, texts: tuple[str, ...]) -> Column:
    """Whether a text, as SQL, is one of many; long ones are told by their length alone.

    As SQL, because `isin` asks the JVM about each of the texts.
    """
    longest = max(len(text.encode()) for text in texts)
    return F.expr(f"octet_length({text}) <= {longest} and {text} in ({', '.join(map(sql_text, texts))})")


def is_missing_day(text: Column) -> Column:
    """Whether a date is 1900-1-1, which departments send for a missing one."""
    return text.startswith("1900") & text.rlike(MISSING_DAY)


@cache
def filler_spellings(zero_counts: bool) -> tuple[str, ...]:
    """Return every spelling of a filler, the blank text included; `zero_counts` leaves out the zeros.

    A set of texts is asked in one step; mapping every cell first would cost more than all other rules.
    """
    table = normalisation()
    variants: dict[str, list[str]] = {}
    for char, becomes in table.mapping.items():
        variants.setdefault(becomes, [becomes]).append(char)
    found = {""}
    for filler in table.fillers:
        if zero_counts and filler == "0":
            continue
        found |= {filler, filler.lower(), filler.capitalize()}
        choices = [variants.get(char, [char]) for char in filler]
        if len(filler) <= 2:
            found |= {"".join(chars) for chars in product(*choices)}
    return tuple(sorted(found))


def form_columns(contract: Contract) -> dict[str, Column]:
    """Return `code_<field>` of identifiers and `parts_<field>` of multi-valued fields."""
    columns = {}
    for name, field in contract.fields.items():
        text = F.col(text_name(name, field))
        if field.type in IDENTIFIER_TYPES:
            columns[f"code_{name}"] = ex.clean_identifier(text)
        elif field.type == "multi_enum":
            joined = F.btrim(F.regexp_replace(plain_form(text), SEPARATORS, ";"), F.lit(";"))
            columns[f"parts_{name}"] = F.split(joined, ";")
    return columns


def typed_columns(contract: Contract, catalog: Catalog) -> dict[str, Column]:
    """Return `<field>` for every field but plain texts and identifiers, and the codes of parts."""
    columns: dict[str, Column] = {}
    for name, field in contract.fields.items():
        text = F.col(text_name(name, field))
        if field.type in IDENTIFIER_TYPES or is_plain(field):
            continue
        if field.code_list and field.type == "multi_enum":
            codes = sql_map(catalog.code_lists[field.code_list])
            columns[f"codes_{name}"] = F.expr(
                f"transform(parts_{name}, part -> try_element_at({codes}, part))"
            )
        elif field.code_list:
            columns[name] = read_code(text, catalog.code_lists[field.code_list])
        else:
            columns[name] = read_value(text, field)
        if field.default is not None:
            columns[name] = F.coalesce(columns[name], F.lit(field.default))
    return columns


def graded_columns(contract: Contract) -> dict[str, Column]:
    """Return the status of identifiers, by type and by the document type or class beside them.

    `as_id_<field>` says of the USCC column of a person's row what its code would be as a resident number.
    """
    columns: dict[str, Column] = {}
    for name, field in contract.fields.items():
        if field.type == "multi_enum":
            columns[name] = F.array_distinct(F.array_compact(F.col(f"codes_{name}")))
        elif field.type in IDENTIFIER_TYPES:
            code = F.col(f"code_{name}")
            columns[f"{name}_status"] = ex.status_of_code(field.type, code, asked_of(name, field, contract))
    if moved_to(contract):
        uscc, class_field = contract.subject.uscc, str(contract.subject.class_field)
        as_id = ex.status_of_code("id_no", F.col(f"code_{uscc}"))
        columns[f"as_id_{uscc}"] = F.when(F.col(class_field).isin("NATURAL", "PERSON"), as_id)
    return columns


def valued_columns(contract: Contract) -> dict[str, Column]:
    """Return the values of identifiers, and the party's class as the contract remaps it.

    A person's intact resident number in the USCC column moves to the number column, where that is empty or
    says the same (`moved_<field>`); a remap is e.g. (NATURAL, 92…) to INDIVIDUAL_BUSINESS.
    """
    columns: dict[str, Column] = {}
    for name, field in contract.fields.items():
        if field.type in IDENTIFIER_TYPES:
            code, status = F.col(f"code_{name}"), F.col(f"{name}_status")
            columns[name] = ex.value_of_code(field.type, code, status, asked_of(name, field, contract))
    subject = contract.subject
    moved = F.lit(False)
    id_no = moved_to(contract)
    if id_no and subject.uscc:
        uscc = subject.uscc
        number = ex.value_of_code("id_no", F.col(f"code_{uscc}"), F.col(f"as_id_{uscc}"))
        moved = is_moved(columns[uscc], columns[id_no], uscc, id_no)
        columns[f"moved_{id_no}"] = moved
        columns[id_no] = F.when(moved, number).otherwise(columns[id_no])
        columns[f"{id_no}_status"] = F.when(moved, "valid").otherwise(F.col(f"{id_no}_status"))
        columns[f"{uscc}_status"] = F.when(moved, "missing").otherwise(F.col(f"{uscc}_status"))
    if subject.class_remap:
        assert subject.class_field
        assert subject.uscc
        known = F.col(subject.class_field)
        intact = F.col(f"{subject.uscc}_status").isin("valid", "repaired") & ~moved
        for remap in subject.class_remap:
            applies = (
                (F.col(subject.class_field) == remap.when)
                & intact
                & columns[subject.uscc].startswith(remap.uscc_prefix)
            )
            known = F.when(applies, remap.becomes).otherwise(known)
        columns[subject.class_field] = known
    if id_no and subject.uscc:
        columns[subject.uscc] = F.when(~moved, columns[subject.uscc])
    return columns


def is_moved(code: Column, number: Column, uscc: str, id_no: str) -> Column:
    """Whether a person's number stands in the USCC column, alone or once more."""
    intact = F.col(f"as_id_{uscc}") == "valid"
    alone = number.isNull() & F.col(f"{uscc}_status").isin("suspect", "invalid")
    twice = (F.col(f"{id_no}_status") == "valid") & (code == number)
    return F.coalesce(intact & (alone | twice), F.lit(False))


def asked_of(name: str, field: FieldContract, contract: Contract) -> Column | None:
    """Return what the row says of its number: a resident ID card (also without any say), or a person's."""
    if field.type == "party_code":
        class_field = contract.subject.class_field
        assert class_field is not None, f"{contract.name}.{name}: a party_code needs subject.class_field"
        return F.coalesce(F.col(class_field) == "PERSON", F.lit(False))
    document = name.removesuffix("no") + "type"
    if field.type == "id_no" and document in contract.fields:
        return F.coalesce(F.col(document) == "RESIDENT_ID", F.lit(True))
    return None


def identifier_fields(contract: Contract) -> list[str]:
    """The fields that have a status."""
    return [name for name, field in contract.fields.items() if field.type in IDENTIFIER_TYPES]


def delivered_fields(contract: Contract) -> list[str]:
    """The fields whose delivered text is kept beside the value."""
    return [name for name, field in contract.fields.items() if field.type in KEEPS_DELIVERED]


# ---- values


def plain_form(text: Column) -> Column:
    """Return the form in which spellings of a code are compared: mapped, without blanks."""
    return F.replace(ex.normalise_text(text), F.lit(" "), F.lit(""))


def spelling_key(text: str) -> str:
    """Say the same as `plain_form`."""
    return normalise_plain(text).replace(" ", "")


def sql_map(code_list: CodeList) -> str:
    """Return the spellings of a code list, as written and in their plain form, as a SQL map."""
    plain = {spelling_key(text): code for text, code in code_list.code_of.items()}
    return sql_map_of({**plain, **code_list.code_of})


def sql_map_of(codes: dict[str, str]) -> str:
    """Return texts and their codes as a SQL map."""
    return f"map({', '.join(f'{sql_text(text)}, {sql_text(code)}' for text, code in codes.items())})"


def read_code(text: Column, code_list: CodeList) -> Column:
    """Return the code of an accepted spelling, null for any other text; mapped by text, never by position."""
    codes = F.expr(sql_map(code_list))
    found = [F.try_element_at(codes, text), F.try_element_at(codes, plain_form(text))]
    found += [
        F.when(plain_form(text).startswith(f"{spelling_key(value.label)}-"), value.code)
        for value in code_list.values
        if value.prefix
    ]
    return F.coalesce(*found)


def read_value(text: Column, field: FieldContract) -> Column:
    """Return a field that is neither an identifier nor from a code list; null if it cannot be read."""
    if field.decimal:
        return ex.parse_decimal(text, *field.decimal, field.multiply_by)
    match field.type:
        case "date":
            plain = F.translate(text, "/", "-").try_cast("date")
            date = F.when(text.rlike(PLAIN_DATE), plain).otherwise(ex.parse_date(text))
            return F.when(~text.isin(*field.open_ended), date) if field.open_ended else date
        case "integer":
            return F.translate(text, ",，", "").try_cast("bigint")
        case "flag":
            upper = F.upper(text)
            return F.when(upper.isin(*TRUE_TEXTS), True).when(upper.isin(*FALSE_TEXTS), False)
        case "change_flag":
            codes = {spelling: code for code, texts in CHANGE_OPS.items() for spelling in texts}
            known = F.try_element_at(F.expr(sql_map_of(codes)), F.upper(text))
            return F.when(text.isNotNull(), F.coalesce(known, F.lit("U")))
        case "doc_no":
            return ex.normalise_doc_no(text)
        case "division":
            return ex.clean_identifier(text)
        case _:
            return text


# ---- defects


def check_fields(contract: Contract, rules: DefectRules) -> None:
    """Add the rules of every single field, in the template's order."""
    for name, field in contract.fields.items():
        check_presence(name, field, contract, rules)
        check_readable(name, field, rules)
        if field.type in IDENTIFIER_TYPES:
            check_identifier(name, field, contract, rules)
        if field.length:
            # Blanks and marks around a code are cleaned away; they make no code too long.
            measured = f"code_{name}" if field.type in IDENTIFIER_TYPES else text_name(name, field)
            value = F.col(measured)
            # A text of so few bytes has no more characters: only then are they counted.
            too_long = (F.octet_length(value) > field.length.max) & (F.length(value) > field.length.max)
            detail = f"at most {field.length.max} characters"
            rules.add(too_long, "T01", name, detail, other_level=not field.length.sourced)


def check_presence(name: str, field: FieldContract, contract: Contract, rules: DefectRules) -> None:
    """M01 for a mandatory value that is missing, M02 where only a filler stands."""
    if is_optional(field):
        return
    missing = F.col(text_name(name, field)).isNull()
    if not field.required:
        conditions = [has_value(other, values, contract) for other, values in field.required_when.items()]
        conditions += [~has_value(other, values, contract) for other, values in field.required_unless.items()]
        missing &= reduce(or_, conditions)
    if name == moved_to(contract):
        missing &= ~F.col(f"moved_{name}")
    blank = F.col(f"blank_{name}")
    rules.add(missing & blank, "M01", name)
    rules.add(missing & ~blank, "M02", name)


def is_optional(field: FieldContract) -> bool:
    """Whether no rule ever asks for the field."""
    return not (field.required or field.required_when or field.required_unless)


def has_value(name: str, values: tuple[str, ...], contract: Contract) -> Column:
    """Whether a field of the row has one of the values; false if it is missing."""
    column = F.col(name)
    if contract.fields[name].type == "multi_enum":
        return F.coalesce(F.arrays_overlap(column, F.array(*map(F.lit, values))), F.lit(False))
    return F.coalesce(column.cast("string").isin(*values), F.lit(False))


def check_readable(name: str, field: FieldContract, rules: DefectRules) -> None:
    """V01 for a text outside its code list, V05 for one that is no date or number; mild if optional."""
    if field.type == "multi_enum":
        rules.add(F.exists(f"codes_{name}", lambda code: code.isNull()), "V01", name)
        return
    text = F.col(text_name(name, field))
    unread = text.isNotNull() & F.col(name).isNull()
    if field.code_list:
        rules.add(unread, "V01", name)
    elif field.type == "date":
        unread = unread & ~text.isin(*field.open_ended) if field.open_ended else unread
        rules.add(unread, "V05", name, "日期", other_level=is_optional(field))
    elif field.decimal or field.type in ("integer", "flag"):
        rules.add(unread, "V05", name, "数值", other_level=is_optional(field))


def check_identifier(name: str, field: FieldContract, contract: Contract, rules: DefectRules) -> None:
    """K01, K05, K06, K07 by type and status, and K03 for a good USCC around a bad organisation code."""
    status = F.col(f"{name}_status")
    if field.type == "organ_uscc":
        rules.add(~status.isin("valid", "repaired", "missing"), "K07", name)
        return
    rules.add(status == "precision_loss", "K06", name)
    if field.type == "uscc":
        part = ex.status_of_code("org_code", F.substring(name, 9, 9))
        rules.add(status.isin("valid", "repaired") & (part != "valid"), "K03", name)
        add_wrong(status, F.lit(True), "K01", name, rules)
    elif field.type == "id_no":
        add_wrong(status, F.lit(True), "K05", name, rules)
    elif field.type == "party_code":
        person = F.col(str(contract.subject.class_field)) == "PERSON"
        add_wrong(status, person, "K05", name, rules)
        add_wrong(status, ~person, "K01", name, rules)


def add_wrong(status: Column, condition: Column, code: str, name: str, rules: DefectRules) -> None:
    """Add one rule per way in which a number is wrong, so that the detail can say which."""
    for kind in WRONG:
        rules.add(condition & (status == kind), code, name, kind)


def moved_to(contract: Contract) -> str | None:
    """Return the field that takes a person's number found in the USCC column."""
    subject = contract.subject
    return subject.id_no if subject.class_field and subject.uscc else None
