"""Propose the type of a column, from its header and from what its values look like.

Descriptions are tried from the most special to the most general; the first that fits decides. Whatever is
personal by type, header or content is a suspect: it gets the strictest level, and people may lower it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from creditlake import identifiers as ids
from creditlake.catalog import CodeList, CodeValue
from creditlake.contract import CODED_TYPES, FieldContract
from creditlake.onboard import words
from creditlake.onboard.shapes import (
    DOC_NO,
    HIDDEN_PERSONAL,
    NUMBER_DIALECTS,
    UNREADABLE_DATE,
    Column,
    date_dialect,
    is_date,
    is_integer,
    is_long_text,
    is_number,
    is_org_code,
    is_organ,
    is_organ_uscc,
    is_organisation,
    is_person_name,
    is_phone,
    is_reg_no,
    is_resident_id,
    is_tax_id,
    is_uscc,
    share,
)

MOST = 0.8  # share of values that decides
ENOUGH = 0.5  # share that confirms what a known header says
IDENTIFIED = 0.7  # codes are damaged more often than dates
SOME = 0.05  # share from which on a column also holds a second kind of code
LIST_MAX = 30  # values of a proposed code list
LIST_LABEL_MAX = 20
LIST_REPEATS = 5  # each value of a proposed code list comes so often on average
PERSONAL_TYPES = frozenset({"id_no", "party_code", "phone", "person_name"})
CHANGE_TEXTS = frozenset({"i", "u", "d", "I", "U", "D", "A", "新增", "修改", "变更", "删除", "撤销", "撤回"})
FLAG_TEXTS = frozenset({"是", "否", "Y", "N", "y", "n", "TRUE", "FALSE", "true", "false"})


@dataclass(frozen=True)
class Guess:
    """What a column is proposed to be; `doubts` are questions in Chinese without any delivered value."""

    type: str
    code_list: str | None = None
    proposed: CodeList | None = None  # a code list to be added, its labels the values found
    multiply_by: int = 1
    open_ended: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def doubting(self, *doubts: str) -> "Guess":
        """Return the guess with further questions."""
        return replace(self, doubts=(*self.doubts, *doubts))


def guess_type(column: Column, code_lists: Iterable[CodeList]) -> Guess:
    """Return what a column without a known header is proposed to be."""
    if not column.filled:
        return Guess("text").doubting("样本中没有值，请确认字段类型和是否仍需报送")
    for describe in (*CODED, lambda column: guess_known_list(column, list(code_lists)), *DESCRIPTIONS):
        guess = describe(column)
        if guess:
            return guess
    return propose_list(column) or guess_text(column)


def guess_identifier(column: Column) -> Guess | None:
    """An identifier with a check character, told by the share of valid ones."""
    person = column.code_share(is_resident_id)
    legal = column.code_share(lambda code: is_uscc(code) and not is_resident_id(code))
    organisation, registration = column.code_share(is_org_code), column.code_share(is_reg_no)
    if column.says(words.TAX) and column.code_share(is_tax_id) >= IDENTIFIED:
        return Guess("tax_id")
    if registration >= IDENTIFIED:
        return Guess("reg_no")
    if min(person, organisation + legal) >= SOME and person + organisation + legal >= IDENTIFIED:
        return Guess("party_code")
    if person >= IDENTIFIED:
        return Guess("id_no")
    if legal >= IDENTIFIED:
        organ = column.code_share(is_organ_uscc)
        return Guess("organ_uscc" if organ >= legal * MOST else "uscc")
    if organisation >= IDENTIFIED:
        return Guess("org_code")
    if column.code_share(is_tax_id) >= IDENTIFIED:
        return Guess("tax_id")
    return None


def guess_phone(column: Column) -> Guess | None:
    """Phone numbers."""
    return Guess("phone") if column.share(is_phone) >= MOST else None


def guess_date(column: Column) -> Guess | None:
    """Dates in any dialect; numbers only where the header speaks of a date."""
    hinted = column.says(words.DATE)
    dated = column.share(lambda value: date_dialect(value, numbers=hinted) or value in words.OPEN_ENDED)
    if dated < MOST:
        if hinted and column.share(UNREADABLE_DATE.fullmatch) >= MOST:
            return Guess("text").doubting("日期只写到月或用点分隔，平台无法读作日期，请改为 YYYY/MM/DD")
        return None
    return describe_dates(column, hinted)


def describe_dates(column: Column, numbers: bool) -> Guess:
    """Return the type date with the dialects found and the usual words for "no end" if one occurs."""
    found = {date_dialect(value, numbers=numbers) for value in column.values if value not in words.OPEN_ENDED}
    dialects = tuple(sorted(name for name in found if name))
    guess = Guess("date", dialects=dialects)
    if column.distinct & set(words.OPEN_ENDED):
        guess = replace(guess, open_ended=words.OPEN_ENDED)
    if set(dialects) & set(NUMBER_DIALECTS):
        guess = guess.doubting("部分日期为数字（Excel 序列号或毫秒时间戳），请确认确为日期")
    return guess


def guess_change_flag(column: Column) -> Guess | None:
    """Marks of insertion, change and deletion."""
    if column.share(CHANGE_TEXTS.__contains__) < MOST:
        return None
    return Guess("change_flag") if column.says(words.CHANGE) or len(column.distinct) > 1 else None


def guess_flag(column: Column) -> Guess | None:
    """Yes and no."""
    binary = column.distinct <= {"0", "1"} and column.says(words.FLAG)
    return Guess("flag") if binary or column.distinct <= FLAG_TEXTS else None


def guess_number(column: Column) -> Guess | None:
    """Amounts and counts; a number with leading zeros or one fixed long length is a code."""
    if column.share(is_number) < MOST:
        return None
    if column.says(words.DIVISION):
        return Guess("division")
    whole = column.share(is_integer) == 1
    lengths = {len(value) for value in column.values}
    leading = column.share(lambda value: len(value) > 1 and value.startswith("0") and value.isdigit())
    is_amount = column.says(words.AMOUNT)
    years = column.share(lambda value: len(value) == 4 and "1900" <= value <= "2100") == 1
    fixed = len(lengths) == 1 and max(lengths) >= 4 and not years
    if whole and not is_amount and (leading or fixed):
        return Guess("text")
    if whole and not is_amount:
        return Guess("text") if column.says(words.CODE) and max(lengths) > 4 else Guess("integer")
    return guess_amount(column)


def guess_amount(column: Column) -> Guess:
    """A decimal; 万元 in the header converts to yuan, an amount without a unit is a question."""
    places = max((len(v.partition(".")[2]) for v in column.values if is_number(v)), default=0)
    if "万" in column.level:
        return Guess("decimal(18,2)", multiply_by=10_000).doubting("报送单位为万元，入库换算为元，请确认")
    guess = Guess(f"decimal(18,{min(max(places, 2), 6)})")
    return guess if "元" in column.level else guess.doubting("请确认数值的单位（元、万元或其他）")


def guess_doc_no(column: Column) -> Guess | None:
    """Numbers of decisions and cases: a year in brackets, or a header that says so."""
    numbered = column.share(DOC_NO.fullmatch)
    if column.share(is_long_text) >= ENOUGH:
        return None
    return Guess("doc_no") if numbered >= MOST or column.says(words.DOC_NO) else None


def guess_name(column: Column) -> Guess | None:
    """Names of persons, of enterprises, or of both; names of government bodies are plain text."""
    persons = share(sorted(column.distinct), is_person_name)
    enterprises = column.share(is_organisation)
    organs = column.share(is_organ)
    if organs >= ENOUGH:
        return Guess("text")
    if persons >= MOST and len(column.distinct) >= 3:
        return Guess("person_name")
    if column.says(words.PERSON_NAME) and persons >= SOME and not enterprises:
        return Guess("person_name")
    if column.says(words.NAME) or (enterprises >= SOME and enterprises + persons >= IDENTIFIED):
        return Guess("name")
    return None


def guess_known_list(column: Column, code_lists: Iterable[CodeList]) -> Guess | None:
    """Values of an existing code list. Digits mean too many lists: for them the header must name it."""
    digits = all(value.isdigit() for value in column.distinct)
    matching = [known for known in code_lists if list_type(column, known)]
    named = [known for known in matching if known.title in column.header or known.name == column.level]
    if named:
        return Guess(list_type(column, named[0]) or "enum", code_list=named[0].name)
    telling = len(column.distinct) > 1 or (len(matching) == 1 and column.longest > 2)
    if not matching or digits or not telling:
        return None
    known = min(matching, key=lambda known: len(known.values))
    doubt = f"按取值匹配到代码表 {known.name}（{known.title}），请确认"
    return Guess(list_type(column, known) or "enum", code_list=known.name).doubting(doubt)


def list_type(column: Column, known: CodeList) -> str | None:
    """Return the type of a column whose values a code list has: whole cells, or parts of them; else None."""
    if column.share(lambda value: is_spelled(known, value)) >= MOST:
        return "id_type" if known.name == "id_types" else "enum"
    parts = sorted({part for value in column.distinct for part in split_parts(value)})
    return "multi_enum" if share(parts, lambda part: is_spelled(known, part)) >= MOST else None


def propose_list(column: Column) -> Guess | None:
    """Few short values that come again and again; never names, numbers or anything personal."""
    found = column.distinct
    if not 2 <= len(found) <= LIST_MAX or len(column.filled) < LIST_REPEATS * len(found):
        return None
    if is_suspect(column, "enum") or share(sorted(found), is_person_name) >= ENOUGH:
        return None
    barred: tuple[Callable[[str], bool], ...] = (is_organisation, is_organ, is_long_text, is_phone, is_date)
    if any(len(v) > LIST_LABEL_MAX or any(bar(v) for bar in barred) for v in found):
        return None
    if any(sum(char.isdigit() for char in value) > 4 for value in found):
        return None
    values = tuple(CodeValue(code=f"C{n:02}", label=v) for n, v in enumerate(sorted(found), start=1))
    proposed = CodeList(name="proposed", title=column.header, values=values)
    return Guess("enum", code_list="proposed", proposed=proposed)


def guess_text(column: Column) -> Guess:
    """Free text or plain text."""
    long = column.share(is_long_text) >= 0.2 or (column.says(words.FREE_TEXT) and column.longest > 20)
    return Guess("free_text" if long else "text")


CODED: tuple[Callable[[Column], Guess | None], ...] = (
    guess_identifier,
    guess_change_flag,
    guess_date,
    guess_phone,
    guess_doc_no,
)
DESCRIPTIONS: tuple[Callable[[Column], Guess | None], ...] = (
    guess_flag,
    guess_number,
    guess_name,
)


def split_parts(value: str) -> list[str]:
    """Return the parts of a cell with several values."""
    for mark in ";；、,，|":
        value = value.replace(mark, "\n")
    return [part.strip() for part in value.split("\n") if part.strip()]


def is_spelled(known: CodeList, value: str) -> bool:
    """Whether a code list accepts a value as one of its spellings."""
    return value in known.code_of or any(v.prefix and value.startswith(f"{v.label}-") for v in known.values)


def fits(column: Column, field: FieldContract, code_lists: dict[str, CodeList]) -> bool:
    """Whether the values do not contradict what an existing contract says of such a column."""
    if not column.filled:
        return True
    if field.type in CODED_TYPES:
        known = code_lists[field.code_list or ""]
        return column.share(lambda v: any(is_spelled(known, part) for part in (v, *split_parts(v)))) >= ENOUGH
    if field.decimal:
        return column.share(is_number) >= ENOUGH
    told = FITTING.get(field.type)
    return told is None or told(column)


FITTING: dict[str, Callable[[Column], bool]] = {
    "date": lambda c: c.share(lambda v: date_dialect(v, numbers=True) or v in words.OPEN_ENDED) >= ENOUGH,
    "integer": lambda c: c.share(is_integer) >= ENOUGH,
    "phone": lambda c: c.share(is_phone) >= ENOUGH,
    "flag": lambda c: c.distinct <= FLAG_TEXTS | {"0", "1"},
    "change_flag": lambda c: c.share(lambda v: v in CHANGE_TEXTS or v in "123") >= ENOUGH,
    "uscc": lambda c: c.code_share(is_uscc) >= ENOUGH,
    "organ_uscc": lambda c: c.code_share(is_uscc) >= ENOUGH,
    "org_code": lambda c: c.code_share(is_org_code) >= ENOUGH,
    "reg_no": lambda c: c.code_share(lambda v: ids.check_reg_no(v) != "invalid") >= ENOUGH,
    "tax_id": lambda c: c.code_share(lambda v: ids.check_tax_id(v) != "invalid") >= ENOUGH,
    "id_no": lambda c: (
        c.code_share(lambda v: ids.check_resident_id(v) != "invalid" or 5 <= len(v) <= 20) >= ENOUGH
    ),
    "party_code": lambda c: (
        c.code_share(lambda v: is_resident_id(v) or is_uscc(v) or is_org_code(v)) >= ENOUGH
    ),
    "doc_no": lambda c: c.share(is_long_text) < ENOUGH,
    "person_name": lambda c: c.share(is_long_text) < ENOUGH and c.share(is_number) < ENOUGH,
    "name": lambda c: c.share(is_long_text) < ENOUGH and c.share(is_number) < ENOUGH,
}


def is_suspect(column: Column, type_: str) -> bool:
    """Whether a column may hold personal data: by type, by header, or because some value does."""
    if type_ in PERSONAL_TYPES or column.says(words.PERSONAL):
        return True
    return any(personal_signs(column, type_))


def personal_signs(column: Column, type_: str) -> Iterator[bool]:
    """Yield what the values say: persons' names among names, persons' numbers among codes or in text."""
    if type_ == "name":
        yield any(map(is_person_name, column.distinct))
    if type_ in {"uscc", "tax_id"}:
        yield any(is_resident_id(code) and not is_uscc(code) for code in column.codes if len(code) >= 17)
        yield any(len(code) in {17, 20} for code in column.codes)
    if type_ in {"text", "free_text", "doc_no", "enum", "integer"}:
        yield any(map(HIDDEN_PERSONAL.search, column.filled))
