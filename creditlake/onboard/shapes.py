"""What the values of a column look like: shares of values that satisfy one description each.

One value proves nothing (three in a hundred resident numbers pass for a USCC), a column does: types are
proposed from shares over many values, after the cells that only say "nothing" are left out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from creditlake import identifiers as ids
from creditlake.decode.headers import level_header
from creditlake.identifiers import IdentifierStatus
from creditlake.normalise import clean_identifier, is_filler, normalise_text
from creditlake.onboard import words

PROFILED = 2_000  # values looked at per column, evenly spaced
MOBILE = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}(?:-\d{1,5})?|\d{3,4}-\d{7,8}")
NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+|(?=\.))(?:\.\d+)?")
INTEGER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)")
DOC_NO = re.compile(r".*[〔\[【(（](?:(?:19|20)\d{2}|[〇零一二三四五六七八九]{4})[〕\]】)）].*\d+.*")
PERSON_NAME = re.compile(r"[一-鿿㐀-䶿]{2,4}|[一-鿿]{1,10}·[一-鿿]{1,10}")
HIDDEN_PERSONAL = re.compile(
    r"(?<![0-9A-Za-z])(?:[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"
    r"|1[3-9]\d{9})(?![0-9A-Za-z])"
)
DIALECTS = {
    "YYYY-MM-DD": re.compile(r"(?:1[89]|20|99)\d{2}-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])"),
    "YYYY-M-D": re.compile(r"(?:1[89]|20|99)\d{2}-\d{1,2}-\d{1,2}"),
    "YYYY/M/D": re.compile(r"(?:1[89]|20|99)\d{2}/\d{1,2}/\d{1,2}"),
    "YYYY年M月D日": re.compile(r"(?:1[89]|20|99)\d{2} ?年 ?\d{1,2} ?月 ?\d{1,2} ?日?"),
    "YYYYMMDD": re.compile(r"(?:1[89]|20|99)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    "带时间": re.compile(r"(?:1[89]|20|99)\d{2}[-/年]\d{1,2}[-/月]\d{1,2}日?[ T]\d{1,2}:[\d:.]+"),
}
NUMBER_DIALECTS = {  # these are ordinary numbers unless the column is known to hold dates
    "Excel 序列号": re.compile(r"[2-6]\d{4}(?:\.0*)?"),
    "毫秒时间戳": re.compile(r"\d{12,13}"),
}
UNREADABLE_DATE = re.compile(r"(?:19|20)\d{2}[-/.年]?(?:0?[1-9]|1[0-2])月?|(?:19|20)\d{2}\.\d{1,2}\.\d{1,2}")


@dataclass(frozen=True)
class Column:
    """One column of the samples: its header and every row's trimmed cell."""

    header: str
    cells: tuple[str, ...]

    @cached_property
    def level(self) -> str:
        """The header in the form in which headers are compared."""
        return level_header(self.header)

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The cells that say something; a zero is kept, because it may be an amount or a code."""
        return tuple(cell for cell in self.cells if cell == "0" or not is_filler(cell))

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Filled cells to look at: at most PROFILED, evenly spaced."""
        return self.filled[:: max(1, len(self.filled) // PROFILED)]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The values as clean identifiers."""
        return tuple(map(clean_identifier, self.values))

    @cached_property
    def distinct(self) -> frozenset[str]:
        """The different filled cells."""
        return frozenset(self.filled)

    @property
    def is_complete(self) -> bool:
        """Whether every row has a value."""
        return len(self.filled) == len(self.cells)

    @property
    def longest(self) -> int:
        """Characters of the longest cell."""
        return max(map(len, self.cells), default=0)

    def says(self, parts: Iterable[str]) -> bool:
        """Whether the header contains one of some words."""
        return any(part in self.level for part in parts)

    def share(self, holds: Callable[[str], object]) -> float:
        """Return the share of values of which something holds; 0 for an empty column."""
        return share(self.values, holds)

    def code_share(self, holds: Callable[[str], object]) -> float:
        """Return the share of clean codes of which something holds."""
        return share(self.codes, holds)


def share(values: Sequence[str], holds: Callable[[str], object]) -> float:
    """Return the share of some values of which something holds; 0 for none."""
    return sum(bool(holds(value)) for value in values) / len(values) if values else 0.0


def is_valid(check: Callable[[str], IdentifierStatus]) -> Callable[[str], bool]:
    """Return whether a check of identifiers finds a clean code valid."""
    return lambda code: check(code) is IdentifierStatus.VALID


is_uscc = is_valid(ids.check_uscc)
is_org_code = is_valid(ids.check_org_code)
is_reg_no = is_valid(ids.check_reg_no)
is_resident_id = is_valid(ids.check_resident_id)
is_tax_id = is_valid(ids.check_tax_id)


def is_organ_uscc(code: str) -> bool:
    """Whether a code belongs to a body that the establishment office registered (11, 12, 13, 19)."""
    return is_uscc(code) and code.startswith("1")


def is_phone(value: str) -> bool:
    """Whether a value is a mobile or landline number."""
    text = normalise_text(value).replace(" ", "")
    return bool(MOBILE.fullmatch(text.replace("-", "")) or LANDLINE.fullmatch(text))


def is_person_name(value: str) -> bool:
    """Whether a value could be a person's name: two to four characters behind a common surname."""
    return bool(PERSON_NAME.fullmatch(value)) and (value[0] in words.SURNAMES or "·" in value)


def is_organisation(value: str) -> bool:
    """Whether a value ends as names of enterprises and institutions do."""
    return len(value) >= 4 and value.rstrip("）)").endswith(words.ORGANISATION_ENDINGS)


def is_organ(value: str) -> bool:
    """Whether a value ends as names of government bodies do."""
    return len(value) >= 3 and value.endswith(words.ORGAN_ENDINGS)


def date_dialect(value: str, *, numbers: bool = False) -> str | None:
    """Return the way in which a date is written; `numbers` also takes Excel serials and epochs."""
    text = normalise_text(value)
    known = {**DIALECTS, **NUMBER_DIALECTS} if numbers else DIALECTS
    return next((name for name, pattern in known.items() if pattern.fullmatch(text)), None)


def is_date(value: str) -> bool:
    """Whether a value is a written date or a word for "no end"."""
    return date_dialect(value) is not None or value in words.OPEN_ENDED


def is_number(value: str) -> bool:
    """Whether a value is a number, with or without thousands separators."""
    return bool(NUMBER.fullmatch(normalise_text(value)))


def is_integer(value: str) -> bool:
    """Whether a value is a whole number."""
    return bool(INTEGER.fullmatch(normalise_text(value)))


def is_long_text(value: str) -> bool:
    """Whether a value reads as a sentence rather than a name."""
    return len(value) > 40 or any(mark in value for mark in "。；\n") or value.count("，") > 1
