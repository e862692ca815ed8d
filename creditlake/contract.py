"""The contract of one dataset: what a department may send, in which shape, and who may see it.

A contract is data in `catalog/datasets/<department>/<dataset>.yml`. The model is strict: an unknown
key, an unknown type or a reference to a field that does not exist is an error, because a typing
mistake in a contract would otherwise publish or lose a column in silence.
"""

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from creditlake.receipt_no import RECEIPT_FIELD

JSON_PATH = r"^([^.\s]+(\.[^.\s]+)*)?$"  # keys from the root, joined by dots
DELIMITER = re.compile(r"[\t\x01-\x08\x0e-\x1f!#-/:-@\[-`{-~]")
DECIMAL_TYPE = re.compile(r"decimal\((\d+),(\d+)\)")
SIMPLE_TYPES = frozenset(
    {
        "text",
        "free_text",
        "name",
        "person_name",
        "doc_no",
        "uscc",
        "organ_uscc",
        "org_code",
        "reg_no",
        "tax_id",
        "id_type",
        "id_no",
        "party_code",
        "division",
        "enum",
        "multi_enum",
        "date",
        "integer",
        "flag",
        "phone",
        "change_flag",
    }
)
# A column of these types keeps the delivered text beside the cleaned value.
KEEPS_DELIVERED = frozenset(
    {
        "name",
        "person_name",
        "doc_no",
        "uscc",
        "org_code",
        "reg_no",
        "tax_id",
        "id_no",
        "party_code",
    }
)
CODED_TYPES = frozenset({"enum", "multi_enum", "id_type"})  # values come from a code list
NEVER_PUBLISHED_TYPES = frozenset({"id_no", "party_code", "phone"})  # a masked twin is another column
IDENTIFIER_TYPES = frozenset({"uscc", "organ_uscc", "org_code", "reg_no", "tax_id", "id_no", "party_code"})

# The roles of a dataset's subject that hold a number, in the order in which linking trusts them.
NUMBER_SLOTS = ("uscc", "org_code", "reg_no", "tax_id", "id_no")

# Columns that every record has from the platform: a field of that name would overwrite one in silence.
PLATFORM_COLUMNS = frozenset(
    {
        "record_id",
        "content_hash",
        "batch_id",
        "file_name",
        "row_no",
        RECEIPT_FIELD,
        "outcome",
        "is_held",
        "defects",
        "is_minor",
        "target_record_id",
    }
)

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AccessLevel(StrEnum):
    """Who may see an item (domain.md §1.4); an undeclared level is `authorised`, never `public`."""

    PUBLIC = "public"
    GOV_SHARED = "gov_shared"
    AUTHORISED = "authorised"


class LegalBasis(Strict):
    """The instrument that allows collection; `verified` is false for what was recalled, not read."""

    instrument: str
    title: str = ""
    verified: bool = False


class Length(Strict):
    """Longest value; beyond it T01 refuses the row if `sourced`, else warns. Never truncated."""

    max: int = Field(gt=0)
    sourced: bool = False


class FieldContract(Strict):
    """One column of the delivered file and of the records room.

    `required` is unconditional; `required_when` maps another field to the values that make this one
    mandatory; `required_unless` the contrary. `multiply_by` converts the delivered unit (万元 → yuan).
    """

    title: str
    type: str
    source_name: str  # header in the department's template; JSON key for jsonl
    aliases: tuple[str, ...] = ()
    required: bool = False
    required_when: dict[str, tuple[str, ...]] = {}
    required_unless: dict[str, tuple[str, ...]] = {}
    length: Length | None = None
    code_list: str | None = None
    default: str | None = None
    multiply_by: int = Field(default=1, ge=1)
    access_level: AccessLevel = AccessLevel.AUTHORISED
    publish: bool = False
    open_ended: tuple[str, ...] = ()  # delivered values meaning "no end", e.g. 2099/12/31
    note: str = ""

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale of a decimal type, else None."""
        found = DECIMAL_TYPE.fullmatch(self.type)
        return (int(found[1]), int(found[2])) if found else None

    @model_validator(mode="after")
    def check_field(self) -> Self:
        """Refuse unknown types, code lists in the wrong place and publication above the level."""
        if self.type not in SIMPLE_TYPES and self.decimal is None:
            raise ValueError(f"unknown type {self.type!r}; use one of {sorted(SIMPLE_TYPES)} or decimal(p,s)")
        if (self.type in CODED_TYPES) != (self.code_list is not None):
            raise ValueError(f"code_list belongs to fields of type {sorted(CODED_TYPES)}, and to no other")
        if self.length and self.type in {"enum", "multi_enum"}:
            raise ValueError("a closed code list needs no length")
        if self.publish and self.access_level is not AccessLevel.PUBLIC:
            raise ValueError(f"publish: true needs access_level: public, not {self.access_level}")
        if self.type in NEVER_PUBLISHED_TYPES and self.publish:
            raise ValueError(f"a field of type {self.type} is never published")
        return self


class ClassRemap(Strict):
    """Rows of class `when` whose USCC begins with `uscc_prefix` count as class `becomes`.

    Applied before conditional fields and row checks: some systems file individual businesses as 自然人.
    """

    when: str
    uscc_prefix: str
    becomes: str


class Subject(Strict):
    """Which fields say whom a row is about.

    kind: `register` rows create subjects, `legal_entity` and `natural_person` are fixed,
    `counterpart` is decided row by row by `class_field`.
    """

    kind: Literal[
        "register_legal", "register_natural", "legal_entity", "natural_person", "counterpart", "none"
    ]
    class_field: str | None = None
    class_remap: tuple[ClassRemap, ...] = ()
    name: str | None = None
    uscc: str | None = None
    org_code: str | None = None
    reg_no: str | None = None
    tax_id: str | None = None
    id_type: str | None = None
    id_no: str | None = None
    party_code: str | None = None  # holds a code whose type follows from the class (court lists)
    legal_rep: str | None = None
    source_key: str | None = None  # registers: the source's own key of the subject (pripid, resident ID)


class Delivery(Strict):
    """How the files come. `full_snapshot`: absence means removal, if the file is complete.

    Which option belongs to which format is checked by `creditlake catalog check`.
    """

    kind: Literal["full_snapshot", "increment"]
    format: Literal["csv", "xlsx", "jsonl", "json", "xml"]
    also_accepts: tuple[Literal["xls", "html"], ...] = ()  # what else a spreadsheet may be, by its bytes
    archive: Literal["zip"] | None = None  # the files of that format come packed
    encoding: Literal["gb18030", "utf-8", "utf-8-sig", "utf-16"] = "utf-8"  # utf-16 with a byte order mark
    delimiter: str = ","
    quoting: Literal["minimal", "none"] = "minimal"  # none: a quote is a character like any other
    file_pattern: str  # shell pattern inside the department's inbox folder
    header_row: int = Field(default=1, ge=1)  # 1-based; of csv and of tables in spreadsheets
    footer_markers: tuple[str, ...] = ()  # a row whose first filled cell starts so ends the table
    sheets: Literal["first", "all"] | Annotated[tuple[str, ...], Field(min_length=1)] = "first"
    records_path: str = Field(default="", pattern=JSON_PATH)  # json: the array, e.g. data.list; "": the file
    total_path: str = Field(default="", pattern=JSON_PATH)  # json: the count over all pages of a batch
    record_element: str = Field(default="", pattern=r"^([\w][\w.-]*)?$")  # xml: the element of one record
    nil_suffix: str = ".nil"  # <file>.nil beside an empty file declares "nothing today"
    due_by: str = "06:30"
    late_after_hours: int = 24
    settle_seconds: int = 10  # a file changed more recently is still being written
    cycle: Literal["daily", "weekly", "monthly", "quarterly", "half_yearly", "yearly"] = "daily"

    @model_validator(mode="after")
    def check_values(self) -> Self:
        """Refuse what cannot part cells, and a bare time: YAML 1.1 reads 16:30 as 990."""
        if not DELIMITER.fullmatch(self.delimiter):
            raise ValueError(
                f"delimiter {self.delimiter!r} is not one ASCII character other than a letter, digit, "
                "blank, quote or line break"
            )
        if not re.fullmatch(r"[0-2]\d:[0-5]\d", self.due_by):
            raise ValueError('due_by must be quoted, e.g. "06:30"')
        return self


class Reference(Strict):
    """The record a row is about: the key fields that make the target's record_id, in its key's order."""

    dataset: str
    key: tuple[str, ...]


class Fill(Strict):
    """What stands for a field that an older template has no column for; exactly one of the last three.

    `join`: the texts of other fields, blank ones left out, parted by `；`. `organ_of`: the USCC of the
    department whose name stands in a field. `text`: the same text in every row.
    """

    when_filled: str | None = None  # only in rows where this field holds something
    join: tuple[str, ...] = ()
    organ_of: str | None = None
    text: str | None = None

    @model_validator(mode="after")
    def check_source(self) -> Self:
        """A text comes from one place."""
        if sum(map(bool, (self.join, self.organ_of, self.text))) != 1:
            raise ValueError("a fill has one of join, organ_of and text")
        return self


class OlderTemplate(Strict):
    """A template that files still follow; decode brings their rows into the present one.

    A file follows it if every header of `marks` is there. `fills` holds, per field, what stands for it, the
    first that applies; a column that is there keeps its texts unless its own field is among those joined.
    """

    version: str
    marks: Annotated[tuple[str, ...], Field(min_length=2)]
    fills: dict[str, Annotated[tuple[Fill, ...], Field(min_length=1)]]


class RowCheck(Strict):
    """A named check over several fields (spark_jobs/row_checks.py), with the fields it reads.

    `fields` maps the roles of catalog/row_checks.yml to fields; amounts are in yuan, dates ISO.
    """

    check: str
    code: str
    fields: dict[str, str] = {}
    values: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    tolerance: str | None = None


class Bounds(Strict):
    """An envelope; both ends inclusive."""

    min: float | None = None
    max: float | None = None


class Blocks(Strict):
    """What blocks a whole batch. `rows_vs_last` is a ratio to the last accepted batch of a snapshot.

    `rejected_share` is judged from `share_from_rows` rows on: one bad row of two is no pattern.
    """

    rows: Bounds = Bounds()
    rows_vs_last: Bounds = Bounds()
    rejected_share: Bounds = Bounds()
    share_from_rows: int = Field(default=100, ge=1)


class Contract(Strict):
    """One dataset. Grain of its records: one row per `natural_key`."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    title: str
    description: str
    catalog_scope: Literal["national", "local"] = "national"
    template_version: str
    legal_basis: Annotated[tuple[LegalBasis, ...], Field(min_length=1)]
    owner: str
    access_level: AccessLevel = AccessLevel.AUTHORISED
    natural_person_access: AccessLevel = AccessLevel.AUTHORISED  # level of rows about natural persons
    retention: str
    collected_by_province: bool = False
    subject: Subject
    delivery: Delivery
    natural_key: Annotated[tuple[str, ...], Field(min_length=1)]
    event_date: str | None = None
    change_field: str | None = None
    references: Reference | None = None
    on_unknown_field: Literal["stop", "ignore_listed"] = "stop"
    ignored_headers: tuple[str, ...] = ()
    older_templates: tuple[OlderTemplate, ...] = ()
    fields: dict[Code, FieldContract]
    row_checks: tuple[RowCheck, ...] = ()
    block: Blocks = Blocks()
    warn: Blocks = Blocks()

    @property
    def department(self) -> str:
        """The delivering department's code."""
        return self.name.split(".")[0]

    @property
    def dataset(self) -> str:
        """The dataset's code within its department."""
        return self.name.split(".")[1]

    @property
    def table(self) -> str:
        """The dataset's name where a dot is not allowed."""
        return self.name.replace(".", "__")

    @property
    def reporting_deadline(self) -> tuple[str, int] | None:
        """The date field from which the legal deadline runs, and its working days; None without one."""
        for check in self.row_checks:
            if check.check == "within_working_days":
                return check.fields["date"], int(check.maximum or "7")
        return None

    @model_validator(mode="after")
    def check_columns(self) -> Self:
        """No field may bear the name of a column that the platform makes itself."""
        made = {f"{name}_delivered" for name, field in self.fields.items() if field.type in KEEPS_DELIVERED}
        made |= {f"{name}_status" for name, field in self.fields.items() if field.type in IDENTIFIER_TYPES}
        taken = sorted(set(self.fields) & (PLATFORM_COLUMNS | made))
        if taken:
            raise ValueError(f"{', '.join(taken)}: the platform's own columns; name the fields otherwise")
        return self

    @model_validator(mode="after")
    def check_references(self) -> Self:
        """Every field named anywhere in the contract must exist."""
        named = {f"natural_key: {key}": key for key in self.natural_key}
        roles = self.subject.model_dump(exclude={"kind", "class_remap"})
        named |= {f"subject.{role}": field for role, field in roles.items() if field}
        for key, value in (("event_date", self.event_date), ("change_field", self.change_field)):
            if value:
                named[key] = value
        for check in self.row_checks:
            named |= {f"row_checks.{check.check}.{k}": v for k, v in check.fields.items()}
        for name, field in self.fields.items():
            named |= {f"{name}.required_when": other for other in field.required_when}
            named |= {f"{name}.required_unless": other for other in field.required_unless}
        for template in self.older_templates:
            for name, fills in template.fills.items():
                sources = {other for fill in fills for other in (fill.when_filled, fill.organ_of, *fill.join)}
                named |= {f"older_templates.fills.{name}: {o}": o for o in sources | {name} if o}
        if self.references:
            named |= {f"references.key: {key}": key for key in self.references.key}
        missing = [f"{where} names {name!r}" for where, name in named.items() if name not in self.fields]
        if missing:
            raise ValueError("; ".join(missing) + "; no such field in this contract")
        if self.subject.class_remap and not self.subject.class_field:
            raise ValueError("subject.class_remap needs subject.class_field")
        published = [n for n, f in self.fields.items() if f.publish]
        if published and self.access_level is not AccessLevel.PUBLIC:
            level = self.access_level
            raise ValueError(f"publish: true on {published}, but the dataset's access_level is {level}")
        return self
