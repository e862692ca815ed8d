"""JSON lines: one object per line, each value as the text it was written with.

Python's json keeps numbers as written (1.50 stays 1.50, eighteen digits stay eighteen) and notices a key
that is said twice; DuckDB does neither, for two thirds of the CPU time. A line that is no object is kept
whole as a ragged line; the last one means that the file was cut off.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from creditlake.contract import Contract
from creditlake.decode.cells import FileFacts, Rows, text_rows
from creditlake.decode.defects import FileDefect
from creditlake.decode.headers import check_mandatory, ignored_headers, level_header, map_headers
from creditlake.decode.verified_text import VerifiedText

BATCH_ROWS = 1_000  # more live objects cost more in Python's garbage collector than arrays save
JSON_BLANKS = " \t\r\n"


class NumberText(str):
    """A JSON number as it was written."""

    __slots__ = ()


class BadLine(ValueError):
    """The line is no JSON object, or one that says a key twice."""


def read_jsonl(path: Path, contract: Contract, facts: FileFacts) -> Iterator[Rows]:
    """Yield the rows of one file; raises FileDefect (F01, F02, F05, F08). An empty file yields nothing."""
    source = VerifiedText(path, contract.delivery.encoding)
    batch = ObjectBatch(KeyMap(contract), facts)
    row_no = 0
    for text in source.texts():
        lines = text.removesuffix("\n").split("\n")
        for start in range(0, len(lines), BATCH_ROWS):
            for line in lines[start : start + BATCH_ROWS]:
                row_no += 1
                batch.add(row_no, line)
            yield batch.take()
    if facts.ragged > 1 and facts.ragged == facts.received:
        raise FileDefect("F08", "no line is a JSON object", "整个文件没有可读的行", row_no=batch.last_filled)
    if batch.last_bad and batch.last_bad == batch.last_filled:
        raise FileDefect(
            "F05", "the last line is incomplete", "最后一行不是完整的 JSON 对象", row_no=batch.last_bad
        )
    if facts.received:
        check_mandatory(contract, set(batch.keys.used.values()), None)
    facts.header = tuple(batch.keys.used)


class KeyMap:
    """Which field each JSON key is; `used` holds the keys met so far, in the order of their first line."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.used: dict[str, str] = {}
        self.ignored: set[str] = set()
        self._known = map_headers(contract)
        self._ignorable = ignored_headers(contract)

    def learn(self, keys: Iterable[str], row_no: int) -> None:
        """Take up keys not met before; raises F02 for unknown ones and for two keys of one field."""
        for key in keys:
            if key in self.used or key in self.ignored:
                continue
            levelled = level_header(key)
            field = self._known.get(levelled)
            if field is None and levelled in self._ignorable:
                self.ignored.add(key)
            elif field is None:
                english, chinese = (
                    f"key {key[:30]!r} is unknown to the contract",
                    f"键“{key[:30]}”不在目录约定内",
                )
                raise FileDefect("F02", english, chinese, row_no=row_no)
            elif field in self.used.values():
                english, chinese = f"two keys are the same field: {key!r}", f"键“{key}”与另一键重复"
                raise FileDefect("F02", english, chinese, row_no=row_no, field=field)
            else:
                self.used[key] = field


class ObjectBatch:
    """Objects waiting to become rows; remembers where the last filled and the last bad line were."""

    def __init__(self, keys: KeyMap, facts: FileFacts) -> None:
        self.keys = keys
        self.facts = facts
        self.last_filled = 0
        self.last_bad = 0
        self._start()

    def _start(self) -> None:
        self.numbers: list[int] = []
        self._objects: list[dict[str, Any]] = []
        self._ragged_numbers: list[int] = []
        self._ragged_lines: list[str | None] = []

    def add(self, row_no: int, line: str) -> None:
        """Read one line; blank ones are only counted."""
        if not line or line.isspace():
            self.facts.blank += 1
            return
        try:
            values = read_object(line)
        except (ValueError, RecursionError):  # the latter: brackets without end
            self.add_ragged(row_no, line)
        else:
            self.add_object(row_no, values)

    def add_object(self, row_no: int, values: dict[str, Any]) -> None:
        """Take one record; raises F02 for keys that the contract does not know."""
        self.facts.received += 1
        self.last_filled = row_no
        if not values.keys() <= self.keys.used.keys():
            self.keys.learn(values, row_no)
        self.numbers.append(row_no)
        self._objects.append(values)

    def add_ragged(self, row_no: int, line: str) -> None:
        """Keep whole what is no record."""
        self.facts.received += 1
        self.facts.ragged += 1
        self.last_filled = self.last_bad = row_no
        self._ragged_numbers.append(row_no)
        self._ragged_lines.append(line)

    def take(self) -> Rows:
        """Return the waiting rows and begin anew."""
        columns = {
            field: text_column([values.get(key) for values in self._objects])
            for key, field in self.keys.used.items()
        }
        rows = text_rows(self.numbers, columns)
        ragged = text_rows(self._ragged_numbers, {"ragged_line": self._ragged_lines})
        self._start()
        return pa.concat_tables([rows, ragged], promote_options="default") if ragged.num_rows else rows


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BadLine("a key occurs twice")
    return values


def _refuse_constant(name: str) -> None:
    raise BadLine(f"{name} is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_of,
    parse_int=NumberText,
    parse_float=NumberText,
    parse_constant=_refuse_constant,
)


def read_object(line: str) -> dict[str, Any]:
    """Return the object of one line; raises ValueError if it is none, or holds half a surrogate pair."""
    text = line.strip(JSON_BLANKS)
    values, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise BadLine("more than one value")
    if not isinstance(values, dict):
        raise BadLine("not an object")
    check_surrogates(line, values)
    return values


def check_surrogates(text: str, values: dict[str, Any]) -> None:
    """Raise UnicodeEncodeError, a ValueError, if some value of the object holds half a surrogate pair."""
    if "\\ud" in text or "\\uD" in text:
        for key, value in values.items():
            f"{key}{render_value(value)}".encode()


def text_column(values: list[Any]) -> "pa.Array[Any]":
    """Return values as text; nearly always all of them are, so the others are looked for only if not."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([render_value(value) for value in values], pa.string())


def render_value(value: Any) -> str | None:
    """Return a value as text: strings and numbers as written, nested values as JSON."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, str):
        return str(value)
    return render_json(value)


def render_json(value: Any) -> str:
    """Return a value as JSON text with its numbers as they were written."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{render_json(key)}:{render_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(render_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
