"""JSON files: an array of objects, or an object that holds it somewhere, as the pages of an API do.

The file is read piece by piece and an element at a time, as long as the array may be. Values are the text
they were written with, as in JSON lines; an element that is no object, or says a key twice, is kept whole.
row_no is the element's place in its file's array, from 1. A file that ends before its last bracket was cut.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from creditlake.contract import Contract, Delivery
from creditlake.decode.cells import FileFacts, Rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import check_mandatory
from creditlake.decode.jsonl import JSON_BLANKS, KeyMap, NumberText, ObjectBatch, check_surrogates
from creditlake.decode.verified_text import JSON_BREAKS, VerifiedText

BATCH_ROWS = 1_000
BATCH_CHARACTERS = 16 << 20
VALUE_MAX = 32 << 20  # characters of one element
KEYS_MAX = 1_000  # of an object around the records
Steps = tuple[str, ...]


class Element(NamedTuple):
    """One value as it was written; `is_flawed`: a key twice, or a number that JSON has not."""

    value: Any
    text: str
    is_flawed: bool


def read_json(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of one file; raises FileDefect (F01, F02, F05). An empty file yields nothing."""
    text = JsonText(VerifiedText(path, contract.delivery.encoding, breaks=JSON_BREAKS))
    if not text.peek():
        return
    batch = ObjectBatch(KeyMap(contract), facts)
    envelope = Envelope(text, contract.delivery)
    characters = 0
    for row_no, element in enumerate(envelope.records(()), start=1):
        add_element(batch, row_no, element)
        characters += len(element.text)
        if row_no % BATCH_ROWS == 0 or characters > BATCH_CHARACTERS:
            yield batch.take()
            characters = 0
    yield batch.take()
    text.check_end()
    facts.totals += envelope.check_found()
    facts.says_nil = bool(facts.totals)
    if facts.ragged > 1 and facts.ragged == facts.received:
        raise FileDefect("F01", "no element is an object", "数组中没有可读的对象")
    if facts.received:
        check_mandatory(contract, set(batch.keys.used.values()), None)
    facts.header = tuple(batch.keys.used)


def add_element(batch: ObjectBatch, row_no: int, element: Element) -> None:
    """Make a row of one element."""
    try:
        if isinstance(element.value, dict) and not element.is_flawed:
            check_surrogates(element.text, element.value)
            batch.add_object(row_no, element.value)
            return
    except UnicodeEncodeError:
        pass
    batch.add_ragged(row_no, element.text)


class Envelope:
    """What surrounds the array; remembers whether it and the total were found."""

    def __init__(self, text: "JsonText", delivery: Delivery) -> None:
        self._text = text
        self._records_path: Steps = tuple(filter(None, delivery.records_path.split(".")))
        self._total_path: Steps = tuple(filter(None, delivery.total_path.split(".")))
        self._has_records = False
        self._totals: list[int] = []

    def records(self, here: Steps) -> Iterator[Element]:
        """Yield the elements of the array, reading on to the end of the value that begins here."""
        if here == self._records_path:
            yield from self._elements()
        elif self._text.peek() == "{" and self._leads_on(here):
            for key in self._text.object_keys():
                yield from self.records((*here, key))
        else:
            element = self._text.take_value()
            if here and here == self._total_path:
                self._totals.append(read_total(element))

    def _leads_on(self, here: Steps) -> bool:
        return any(path[: len(here)] == here for path in (self._records_path, self._total_path))

    def _elements(self) -> Iterator[Element]:
        self._has_records = True
        if self._text.peek() == "[":
            yield from self._text.elements()
        elif self._text.take_value().value is not None:  # an API may say null for none
            raise self._no_array()

    def check_found(self) -> list[int]:
        """Return the total, if one was agreed; raises F01 without the array, F02 without the total."""
        if not self._has_records:
            raise self._no_array()
        if self._total_path and not self._totals:
            path = ".".join(self._total_path)
            raise FileDefect("F02", f"no total at {path}", f"没有约定的总数 {path}")
        return self._totals

    def _no_array(self) -> FileDefect:
        path = ".".join(self._records_path)
        return FileDefect(
            "F01",
            f"no array at {path or 'the root'}",
            f"“{path}”处没有记录数组" if path else "文件不是 JSON 数组",
        )


def read_total(element: Element) -> int:
    """Return a total as a number; raises F02 for anything else."""
    value = element.value
    if isinstance(value, str) and len(value) <= 15 and value.isascii() and value.isdigit():
        return int(value)
    raise FileDefect("F02", "the total is no whole number", "约定的总数不是整数")


class JsonText:
    """A JSON text, taken from the front value by value."""

    def __init__(self, source: VerifiedText) -> None:
        self._pieces = source.texts()
        self._buffer = ""
        self._place = 0
        self._taken = 0  # elements of arrays, for messages
        self._is_flawed = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object_of,
            parse_int=NumberText,
            parse_float=NumberText,
            parse_constant=self._note_constant,
        )

    def _object_of(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        self._is_flawed |= len(values) != len(pairs)
        return values

    def _note_constant(self, name: str) -> str:
        self._is_flawed = True
        return name

    def _read_on(self) -> bool:
        """Add the next piece; False at the end of the file. Raises F01 if a value is too long."""
        if len(self._buffer) - self._place > VALUE_MAX:
            size = VALUE_MAX >> 20
            raise FileDefect(
                "F01", f"a value of more than {size} MB", f"单个数据超过 {size} MB", row_no=self._taken + 1
            )
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._buffer, self._place = self._buffer[self._place :] + piece, 0
        return True

    def peek(self) -> str:
        """Return the next character that is not blank, "" at the end of the file."""
        while True:
            while self._place < len(self._buffer):
                if self._buffer[self._place] not in JSON_BLANKS:
                    return self._buffer[self._place]
                self._place += 1
            if not self._read_on():
                return ""

    def _take(self, expected: str) -> str:
        """Take the next character, one of those expected."""
        character = self.peek()
        if not character or character not in expected:
            raise self._broken(is_cut=not character)
        self._place += 1
        return character

    def take_value(self) -> Element:
        """Take the next value; raises F01 if it is none, F05 if the file ends inside it."""
        if not self.peek():
            raise self._broken(is_cut=True)
        while True:
            self._is_flawed = False
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except RecursionError as error:  # brackets without end
                raise self._broken() from error
            except ValueError as error:
                if not self._read_on():
                    raise self._broken(is_cut=is_cut(error, self._buffer)) from error
                continue
            if end == len(self._buffer) and self._read_on():  # a number may go on
                continue
            text = self._buffer[self._place : end]
            self._place = end
            return Element(value, text, self._is_flawed)

    def elements(self) -> Iterator[Element]:
        """Take an array element by element."""
        self._take("[")
        if self.peek() == "]":
            self._take("]")
            return
        while True:
            yield self.take_value()
            self._taken += 1
            if self._take(",]") == "]":
                return

    def object_keys(self) -> Iterator[str]:
        """Take an object: yields each key, after which its value must be taken."""
        self._take("{")
        seen: set[str] = set()
        if self.peek() == "}":
            self._take("}")
            return
        while True:
            if self.peek() != '"':
                raise self._broken()
            key = self.take_value().value
            if key in seen or len(seen) >= KEYS_MAX:
                raise FileDefect(
                    "F01", "keys twice or without end around the records", "记录之外的键重复或过多"
                )
            seen.add(key)
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def check_end(self) -> None:
        """Raise F01 if there is more after the value."""
        if self.peek():
            raise self._broken()

    def _broken(self, *, is_cut: bool = False) -> FileDefect:
        """Return what it means that the text is no JSON here; what does not end in a bracket was cut too."""
        last = self._buffer.rstrip(JSON_BLANKS)[-1:]
        for piece in self._pieces:
            last = piece.rstrip(JSON_BLANKS)[-1:] or last
        row_no = self._taken + 1
        if is_cut or last not in ("]", "}"):
            return FileDefect("F05", "the file ends inside a value", "文件在数据中间结束", row_no=row_no)
        return FileDefect("F01", "this is no JSON", "不是有效的 JSON", row_no=row_no)


def is_cut(error: ValueError, text: str) -> bool:
    """Tell whether decoding failed because the text ends, at its end or in a string."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.pos >= len(text.rstrip(JSON_BLANKS)) or error.msg.startswith("Unterminated")
