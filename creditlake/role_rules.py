"""Who holds a role in an organisation: which datasets say so, in which columns, and under which words.

`catalog/rules/roles.yml`. A dataset named there is read by `link` when it makes the registers: each of its
rows says that somebody holds a role in the row's subject. Only a full document proves who that somebody is.
"""

from typing import Self

from pydantic import Field, model_validator

from creditlake.contract import Strict

OTHER_ROLE = "OTHER"


class Role(Strict):
    """A role and the words for it; a word belongs to one role, and compares without blanks."""

    code: str = Field(pattern=r"^[A-Z][A-Z_]*$")
    name_zh: str = Field(min_length=1)
    positions: tuple[str, ...] = ()


class RoleSource(Strict):
    """A dataset whose rows say who holds a role; the values are its fields.

    `subjects_of`: the register whose key `source_key` is. The role is fixed (`role`), or told by the words of
    `position` and, beside it, by the flag `is_legal_rep`. `id_no` proves a person, `holder_uscc` an
    organisation.
    """

    dataset: str
    subjects_of: str
    source_key: str
    uscc: str  # the organisation's own; a row whose code is another subject's is left out
    role: str | None = None
    position: str | None = None
    is_legal_rep: str | None = None
    name: str
    id_type: str
    id_no: str
    holder_uscc: str | None = None
    since: str | None = None  # the day on which the role began

    @model_validator(mode="after")
    def check_role(self) -> Self:
        """The role is fixed or told by the row."""
        if (self.role is None) == (self.position is None):
            raise ValueError("give role or position, not both")
        return self

    @property
    def fields(self) -> dict[str, str]:
        """The dataset's fields by what they mean here."""
        named = self.model_dump(exclude={"dataset", "subjects_of", "role"}, exclude_none=True)
        return {meaning: str(field) for meaning, field in named.items()}


class RoleFile(Strict):
    """catalog/rules/roles.yml."""

    sources: tuple[RoleSource, ...] = ()
    roles: tuple[Role, ...] = ()

    @model_validator(mode="after")
    def check_words(self) -> Self:
        """A word means one role."""
        words = [word for role in self.roles for word in role.positions]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"position {twice} is given twice")
        return self

    @property
    def role_of(self) -> dict[str, str]:
        """Word → role."""
        return {word: role.code for role in self.roles for word in role.positions}
