"""The fields of a draft: what the catalogue knows of a header, else what its values look like."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from creditlake.catalog import Catalog, CodeList
from creditlake.contract import AccessLevel
from creditlake.onboard import words
from creditlake.onboard.guess import Guess, describe_dates, fits, guess_type, is_suspect
from creditlake.onboard.known import KnownField, KnownHeaders
from creditlake.onboard.shapes import Column

LENGTH_STEPS = (10, 20, 50, 64, 100, 128, 200, 300, 500, 1000, 2000, 4000, 8000, 16000, 32767)
LENGTH_ROOM = 1.5  # a sample rarely has the longest value
FIXED_LENGTHS = {
    "uscc": 18,
    "organ_uscc": 18,
    "org_code": 9,
    "party_code": 18,
    "tax_id": 20,
    "id_no": 64,
    "reg_no": 50,
}
WITHOUT_LENGTH = frozenset({"date", "integer", "flag", "change_flag", "enum", "multi_enum", "phone"})
REQUIRED_FROM_ROWS = 20  # in fewer rows a full column says nothing
PERSON = "PERSON"  # the class by which a party_code is read as a resident number
PERSONAL_NOTE = "疑似个人信息，不公示"


@dataclass(frozen=True)
class FieldDraft:
    """One field of a draft. `questions` are for the officer, `remarks` only tell what was found."""

    code: str
    column: Column
    title: str
    guess: Guess
    required: bool
    length: int | None
    is_personal: bool
    known: KnownField | None = None
    remarks: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The proposed type."""
        return self.guess.type

    @property
    def level(self) -> AccessLevel:
        """The strictest level for whatever may be personal; nothing of a draft is public."""
        return AccessLevel.AUTHORISED if self.is_personal else AccessLevel.GOV_SHARED


@dataclass
class FieldDrafts:
    """All fields of a draft, and the columns that are none."""

    fields: list[FieldDraft] = field(default_factory=list)
    code_lists: list[CodeList] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)  # about columns that cannot become fields

    def codes(self) -> set[str]:
        """The field codes taken."""
        return {draft.code for draft in self.fields}


def draft_fields(columns: Sequence[Column], name: str, catalog: Catalog) -> FieldDrafts:
    """Return a field for every column with a header; a header that occurs twice is a question."""
    department, _, dataset = name.partition(".")
    known = KnownHeaders(catalog)
    drafts = FieldDrafts()
    seen: set[str] = set()
    for number, column in enumerate(columns, start=1):
        if not column.level:
            if column.filled:
                drafts.questions.append(f"第 {number} 列有数据但没有列名，整批会被退回（F02），请补列名")
        elif column.level in seen:
            drafts.questions.append(f"第 {number} 列列名重复，整批会被退回（F02），请改列名")
        elif is_serial(column):
            drafts.ignored.append(column.header)
        else:
            draft = draft_field(column, drafts, known.find(column.level, department), dataset, catalog)
            drafts.fields.append(draft)
        seen.add(column.level)
    drafts.fields = [settle_party_code(draft, drafts.fields, catalog) for draft in drafts.fields]
    return drafts


def is_serial(column: Column) -> bool:
    """Whether a column only counts the rows."""
    return column.level in words.SERIAL and all(cell.isdigit() or not cell for cell in column.cells)


def draft_field(
    column: Column, drafts: FieldDrafts, found: Sequence[KnownField], dataset: str, catalog: Catalog
) -> FieldDraft:
    """Return one field: an existing code where the header is known and the values agree, else f1 … fn."""
    taken = drafts.codes()
    fitting = [k for k in found if k.code not in taken and fits(column, k.field, catalog.code_lists)]
    questions: list[str] = []
    if fitting:
        known = fitting[0]
        code, guess = known.code, guess_of_known(column, known)
        title = known.field.title
    else:
        known = None
        code = f"f{len(drafts.fields) + 1}"
        guess = guess_type(column, catalog.code_lists.values())
        guess = name_list(guess, f"{dataset}_{code}", drafts)
        # Values in 万元 are kept in yuan, and the title says so.
        title = column.header.replace("万元", "元") if guess.multiply_by > 1 else column.header
        told = "列名在目录中有其他含义，取值不符" if found else "目录中没有此列名"
        questions.append(f"{code}：{told}，请定字段代码（英文 snake_case）并核对类型 {guess.type}")
    questions += [f"{code}：{doubt}" for doubt in guess.doubts]
    suspect = is_suspect(column, guess.type) or bool(
        known and known.field.access_level is AccessLevel.AUTHORISED
    )
    return FieldDraft(
        code=code,
        column=column,
        title=title,
        guess=guess,
        required=column.is_complete and len(column.cells) >= REQUIRED_FROM_ROWS and not has_default(known),
        length=choose_length(column, guess.type, known),
        is_personal=suspect,
        known=known,
        remarks=(f"日期写法：{'、'.join(guess.dialects)}",) if len(guess.dialects) > 1 else (),
        questions=tuple(questions),
    )


def has_default(known: KnownField | None) -> bool:
    """Whether the known field has a value for rows without one."""
    return known is not None and known.field.default is not None


def guess_of_known(column: Column, known: KnownField) -> Guess:
    """Return what an existing contract says of such a column; dates keep what was found about them."""
    field_ = known.field
    if field_.type == "date":
        guess = describe_dates(column, numbers=True)
        return replace(guess, open_ended=field_.open_ended or guess.open_ended)
    return Guess(field_.type, code_list=field_.code_list, multiply_by=field_.multiply_by)


def name_list(guess: Guess, name: str, drafts: FieldDrafts) -> Guess:
    """Give a proposed code list its name and keep it with the draft."""
    if guess.proposed is None:
        return guess
    named = guess.proposed.model_copy(update={"name": name})
    drafts.code_lists.append(named)
    doubt = f"取值只有 {len(named.values)} 种，拟新增代码表 {name}，请核对取值是否完整并定代码"
    return replace(guess, code_list=name, proposed=named).doubting(doubt)


def choose_length(column: Column, type_: str, known: KnownField | None) -> int | None:
    """Return the longest value to expect: as known, as the standard has it, or the sample's with room."""
    if type_ in WITHOUT_LENGTH or type_.startswith("decimal") or not column.filled:
        return None
    if known and known.field.length and known.field.length.max >= column.longest:
        return known.field.length.max
    fixed = FIXED_LENGTHS.get(type_)
    if fixed and column.longest <= fixed:
        return fixed
    room = column.longest * LENGTH_ROOM
    return next((step for step in LENGTH_STEPS if step >= room), column.longest)


def codes_of(draft: FieldDraft, catalog: Catalog) -> set[str]:
    """Return the codes of a field's existing code list; none without one."""
    known = catalog.code_lists.get(draft.guess.code_list or "")
    return {value.code for value in known.values} if known else set()


def settle_party_code(draft: FieldDraft, fields: Iterable[FieldDraft], catalog: Catalog) -> FieldDraft:
    """A number read by the party's class needs that class beside it; without one it stays text."""
    if draft.type != "party_code" or any(PERSON in codes_of(other, catalog) for other in fields):
        return draft
    doubt = f"{draft.code}：既有公民身份号码又有单位代码，须有一列类别（代码表含 PERSON）才能分辨，暂按文本"
    return replace(draft, guess=Guess("text"), questions=(*draft.questions, doubt))
