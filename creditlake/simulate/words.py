"""The word lists: YAML beside this module, read once and handed to DuckDB as list variables.

A variable is folded into the plan as a constant, so that looking a word up costs about 0.06 µs.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

FOLDER = Path(__file__).with_name("words")
WEIGHT_STEP = 5  # a weight counts words per ten thousand; one entry of the expanded list stands for five


@dataclass(frozen=True)
class Words:
    """Named lists of text: `<file>.<list>`, or `<file>.<list>.<key>` for lists of entries (same order
    for all keys)."""

    lists: dict[str, tuple[str, ...]]

    def size(self, name: str) -> int:
        """Number of words; a weighted word counts as often as it is likely."""
        return len(self.lists[name])

    def at(self, name: str, index: str) -> str:
        """SQL: the word at a 0-based index."""
        return f"getvariable('{variable(name)}')[1 + ({index})]"

    def filled(self, name: str, index: str, slots: dict[str, str]) -> str:
        """SQL: the text at a 0-based index with its `{slots}` replaced, each by SQL for text.

        Only the slots that some text of the list has are replaced, and a long text is best put together
        from lists of sentences: a replacement copies the whole of what it works on.
        """
        text = self.at(name, index)
        for slot, value in slots.items():
            if any(f"{{{slot}}}" in word for word in self.lists[name]):
                text = f"replace({text}, '{{{slot}}}', {value})"
        return text

    def declare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the lists known to a connection."""
        for name, words in self.lists.items():
            connection.execute(f"set variable {variable(name)} = {list_literal(words)}")


def variable(name: str) -> str:
    """Name of the DuckDB variable of a list."""
    return "w_" + name.replace(".", "_")


def list_literal(words: tuple[str, ...]) -> str:
    """SQL literal of a list of text."""
    return "[" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + "]"


@cache
def read_words() -> Words:
    """Read all word files of the package."""
    lists: dict[str, tuple[str, ...]] = {}
    for path in sorted(FOLDER.glob("*.yml")):
        for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            lists |= flatten(f"{path.stem}.{name}", value)
    return Words(lists)


def flatten(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    """Turn one YAML value into lists: text, words, weighted words or entries with keys."""
    if isinstance(value, dict):
        return {
            name: tuple(word for word, weight in value.items() for _ in range(max(1, weight // WEIGHT_STEP)))
        }
    if not isinstance(value, list):
        return {name: (str(value),)}
    if not isinstance(value[0], dict):
        return {name: tuple(str(word) for word in value)}
    entries = [entry for entry in value for _ in range(max(1, entry.get("weight", 0) // WEIGHT_STEP))]
    keys = sorted({key for entry in entries for key in entry} - {"weight"})
    return {f"{name}.{key}": tuple(spell(entry.get(key)) for entry in entries) for key in keys}


def spell(value: Any) -> str:
    """Spell a YAML scalar as text; a missing one and false are empty, true is `1`."""
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)
