"""The words of `words.yml`, by what they tell about a column."""

from pathlib import Path

import yaml

_LISTS: dict[str, list[str]] = yaml.safe_load(
    Path(__file__).with_name("words.yml").read_text(encoding="utf-8")
)


def words_of(kind: str) -> tuple[str, ...]:
    """Return the words of one kind, in file order."""
    return tuple(_LISTS[kind])


PERSONAL = words_of("personal")
PERSON_NAME = words_of("person_name")
REPRESENTATIVE = words_of("representative")
NAME = words_of("name")
DATE = words_of("date")
BIRTH = words_of("birth")
EVENT = words_of("event")
END = words_of("end")
AMOUNT = words_of("amount")
CODE = words_of("code")
DIVISION = words_of("division")
TAX = words_of("tax")
DOC_NO = words_of("doc_no")
FREE_TEXT = words_of("free_text")
FLAG = words_of("flag")
CHANGE = words_of("change")
TEST_MARK = frozenset(words_of("test_mark"))
TEST_MARKS = words_of("test_marks")
SERIAL = frozenset(words_of("serial"))
NOTES = words_of("notes")
ORGANISATION_ENDINGS = words_of("organisation_endings")
ORGAN_ENDINGS = words_of("organ_endings")
OPEN_ENDED = words_of("open_ended")
SURNAMES = frozenset("".join(words_of("surnames")))
