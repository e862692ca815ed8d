"""Read YAML and remember the line of every node.

An officer who made a mistake needs file and line. PyYAML keeps marks on its nodes only, so a file is
composed once, its data are constructed from the nodes, and an error's path is looked up in the nodes.
A key given twice is an error (PyYAML would keep the last one in silence), and so is a bare `off` or
`yes`, which YAML 1.1 reads as a truth value. Aliases are refused: twelve lines of them unfold to 9^12 values.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # libyaml is ten times as fast
BOOLEAN_TAG = "tag:yaml.org,2002:bool"
DATE_TAG = "tag:yaml.org,2002:timestamp"
NUMBER_TAGS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
DEPTH_MAX = 30
Location = tuple[int | str, ...]


class YamlProblem(Exception):
    """The file is not readable YAML; `line` is 1-based."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True)
class Document:
    """One YAML file: its data and the nodes that know their lines."""

    data: Any
    root: yaml.Node

    def line_of(self, location: Location) -> int:
        """Return the 1-based line of the deepest node on the way to `location` that exists."""
        node, line = self.root, self.root.start_mark.line
        for step in location:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line
            else:
                break
        return int(line) + 1


def refuse_unfolding(text: str) -> None:
    """Raise YamlProblem at an alias, which may unfold without end, and at nesting no file of ours needs."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise YamlProblem(line, f"alias *{event.anchor}: write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise YamlProblem(line, f"nested more than {DEPTH_MAX} deep")


def refuse_traps(node: yaml.Node) -> None:
    """Raise YamlProblem at what YAML reads as something else, or cannot read.

    A repeated key, a key that is no plain text, a bare yes, no, on or off, an impossible date or number.
    """
    if isinstance(node, yaml.ScalarNode):
        refuse_scalar(node)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlProblem(line, "a key must be plain text")
            if key.value in seen:
                raise YamlProblem(line, f"key {key.value!r} is given twice")
            seen.add(key.value)
            refuse_scalar(key)
            refuse_traps(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            refuse_traps(value)


def refuse_scalar(node: yaml.ScalarNode) -> None:
    """Raise YamlProblem at a bare truth value that is not true or false, and at no date or number."""
    line = node.start_mark.line + 1
    if node.tag == BOOLEAN_TAG and node.value.lower() not in {"true", "false"}:
        raise YamlProblem(line, f"a bare {node.value} means a truth value: quote it")
    try:
        if node.tag == DATE_TAG:
            date.fromisoformat(node.value)  # also refuses a time of day
        elif node.tag in NUMBER_TAGS:
            yaml.SafeLoader("").construct_document(node)
    except ValueError as error:
        raise YamlProblem(line, f"{node.value[:30]}: {error}") from error


def read_document(path: Path) -> Document:
    """Read one file; raises YamlProblem with the line for anything that is not one YAML document."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise YamlProblem(line, "the file is not UTF-8") from error
    try:
        refuse_unfolding(text)
        loader = LOADER(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise YamlProblem(1, "the file is empty")
            refuse_traps(root)
            return Document(loader.construct_document(root), root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.YAMLError as error:  # a character YAML does not allow
        raise YamlProblem(1, str(error)) from error
