"""Comparison forms of delivered text: one closed character table, the same in every engine.

Neither Spark nor DuckDB has NFKC, and Python's version of it changes with the Unicode tables. So the
mapping is data (`catalog/normalisation.yml`) of single characters, applied by `translate`, which all three
engines have. Comparison forms are for codes, keys and matching; people are shown what was delivered.
"""

import re
import string
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from creditlake.marked_yaml import read_document
from creditlake.settings import settings

FILE = "normalisation.yml"
PAIR_SECTIONS = ("width", "radicals", "look_alikes", "traditional")
CODE_POINT = re.compile(r"[0-9A-Fa-f]{1,6}")
SECTIONS = frozenset({*PAIR_SECTIONS, "blanks", "removed", "fillers"})

MIDDLE_DOT = "·"  # the mapping turns its variants into this one
LEADING_MARKS = "'`\"="  # Excel's text apostrophe, back-quotes, ="…"
TRAILING_MARKS = ".,;:!?、'\"`/\\"
LAST_STAR = re.compile(r"^([^*]+)\*$")  # an X typed as a star; a masked value has several or one inside
CHINESE_DIGITS = ("〇零一二三四五六七八九", "00123456789")
CHINESE_YEAR = re.compile(r"^(.*〔)([〇零一二三四五六七八九]{4})(〕.*)$")
NUMBER_PREFIX = re.compile(r"第+([0-9〔])")
NUMBER_SUFFIX = re.compile(r"([0-9])号+")


class NormalisationError(Exception):
    """The mapping table cannot be used; the message names the section, the entry and the cure."""


@dataclass(frozen=True)
class Normalisation:
    """The loaded mapping ("" = dropped), the cells that count as empty, and tables for `str.translate`."""

    mapping: Mapping[str, str]
    fillers: frozenset[str]

    @cached_property
    def text_table(self) -> dict[int, str]:
        """Any text: the mapping itself."""
        return {ord(char): becomes for char, becomes in self.mapping.items()}

    @cached_property
    def code_table(self) -> dict[int, str]:
        """Codes have no blanks, no hyphens and no lower case."""
        return self._fold({" ": "", "-": ""})

    @cached_property
    def name_table(self) -> dict[int, str]:
        """Names are compared without blanks, middle dots and case."""
        return self._fold({" ": "", MIDDLE_DOT: ""})

    @cached_property
    def doc_no_table(self) -> dict[int, str]:
        """Document numbers have one kind of bracket and no blanks."""
        return self._fold({" ": ""} | dict(zip("[]【】()", "〔〕〔〕〔〕", strict=True)))

    def _fold(self, extra: dict[str, str]) -> dict[int, str]:
        """Compose the mapping with `extra` and upper-casing, ASCII only: beyond it engines differ."""
        last = dict(zip(string.ascii_lowercase, string.ascii_uppercase, strict=True)) | extra
        full = last | {char: last.get(becomes, becomes) for char, becomes in self.mapping.items()}
        return {ord(char): becomes for char, becomes in full.items()}


def translate_arguments(table: Mapping[int, str]) -> tuple[str, str]:
    """Return a table as the two arguments of SQL `translate`: characters beyond the second are dropped."""
    kept = [(chr(char), becomes) for char, becomes in table.items() if becomes]
    dropped = [chr(char) for char, becomes in table.items() if not becomes]
    return "".join(char for char, _ in kept) + "".join(dropped), "".join(becomes for _, becomes in kept)


def load_normalisation(path: Path) -> Normalisation:
    """Read and check the table; NormalisationError says what is not closed, double or malformed.

    YamlProblem: the file is no YAML.
    """
    document = read_document(path).data
    check_sections(document, path)
    mapping: dict[str, str] = {}
    entries = [(section, pair) for section in PAIR_SECTIONS for pair in document[section].split()]
    entries += [("blanks", character_of(code, path, "blanks") + " ") for code in document["blanks"]]
    entries += [("removed", character_of(code, path, "removed")) for code in document["removed"]]
    for section, pair in entries:
        char, becomes = pair[:1], pair[1:]
        if len(becomes) > 1 or (not becomes and section != "removed"):
            raise NormalisationError(f"{path}: {section}: {pair!r} is not a pair of two characters")
        if char in mapping:
            raise NormalisationError(f"{path}: {section}: {char!r} is mapped twice; keep one of the two")
        mapping[char] = becomes
    for char, becomes in mapping.items():
        if becomes in mapping:
            raise NormalisationError(f"{path}: {char!r} becomes {becomes!r}, itself mapped; name its end")
    return Normalisation(mapping=mapping, fillers=frozenset(document["fillers"]))


def check_sections(document: Any, path: Path) -> None:
    """Raise NormalisationError unless the file has every section, as text or as a list of texts."""
    found = set(document) if isinstance(document, dict) else set()
    if found != SECTIONS:
        odd = sorted(map(str, found ^ SECTIONS))
        raise NormalisationError(f"{path}: sections {odd} unknown or missing; expected {sorted(SECTIONS)}")
    for section, content in document.items():
        texts = [content] if section in PAIR_SECTIONS else content
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            shape = "text" if section in PAIR_SECTIONS else 'a list of "quoted" texts'
            raise NormalisationError(f"{path}: {section}: must be {shape}")


def character_of(code: str, path: Path, section: str) -> str:
    """Return the character of a hexadecimal code point; raises NormalisationError if there is none."""
    if not CODE_POINT.fullmatch(code) or 0xD800 <= int(code, 16) <= 0xDFFF or int(code, 16) > sys.maxunicode:
        raise NormalisationError(f"{path}: {section}: {code!r} is no code point of a character")
    return chr(int(code, 16))


@cache
def normalisation() -> Normalisation:
    """Return this process's table."""
    return load_normalisation(settings().catalog / FILE)


def normalise_text(text: str) -> str:
    """Return the comparison form: mapped, runs of blanks made one, trimmed. Case is kept."""
    return re.sub(" {2,}", " ", text.translate(normalisation().text_table)).strip(" ")


def clean_identifier(text: str) -> str:
    """Return the code in a cell: mapped, without blanks, hyphens and surrounding marks, in upper case.

    Impossible letters (O for 0) are not repaired here: that needs the check digit (`identifiers`).
    """
    code = text.translate(normalisation().code_table).lstrip(LEADING_MARKS).rstrip(TRAILING_MARKS)
    return LAST_STAR.sub(r"\1X", code)


def is_filler(text: str) -> bool:
    """Return whether a cell only says that there is nothing. "0" is filler too: do not ask it of amounts."""
    plain = normalise_text(text)
    return not plain or plain.upper() in normalisation().fillers


def normalise_doc_no(text: str) -> str:
    """Return the comparison form of a document number: one kind of bracket, Arabic year, no 第, 号 or blanks.

    `市场【2019】第1号`, `市场〔二〇一九〕1号` and `市场(2019)1` are one number.
    """
    number = text.translate(normalisation().doc_no_table)
    year = CHINESE_YEAR.match(number)
    if year:
        number = year[1] + year[2].translate(str.maketrans(*CHINESE_DIGITS)) + year[3]
    return NUMBER_SUFFIX.sub(r"\1", NUMBER_PREFIX.sub(r"\1", number))
