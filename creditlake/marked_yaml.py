"""Read YAML and remember the line of every node.

An officer who made a mistake needs file and line. PyYAML keeps marks on its nodes only, so a file is
composed once, its data are constructed from the nodes, and an error's path is looked up in the nodes.
A key given twice is an error (PyYAML would keep the last one in silence), and so is a bare `off` or
`yes`, which YAML 1.1 reads as a truth value.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # libyaml is ten times as fast
BOOLEAN_TAG = "tag:yaml.org,2002:bool"
DATE_TAG = "tag:yaml.org,2002:timestamp"
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


def refuse_traps(node: yaml.Node) -> None:
    """Raise YamlProblem at a repeated key, at a bare yes, no, on or off, and at an impossible date."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == BOOLEAN_TAG and node.value.lower() not in {"true", "false"}:
            raise YamlProblem(node.start_mark.line + 1, f"a bare {node.value} means a truth value: quote it")
        if node.tag == DATE_TAG:
            try:
                date.fromisoformat(node.value)  # also refuses a time of day
            except ValueError as error:
                raise YamlProblem(node.start_mark.line + 1, f"{node.value}: {error}") from error
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise YamlProblem(key.start_mark.line + 1, f"key {key.value!r} is given twice")
            seen.add(key.value)
            refuse_traps(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            refuse_traps(value)


def read_document(path: Path) -> Document:
    """Read one file; raises YamlProblem with the line for anything that is not one YAML document."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise YamlProblem(line, "the file is not UTF-8") from error
    loader = LOADER(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise YamlProblem(1, "the file is empty")
        refuse_traps(root)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlProblem(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.YAMLError as error:  # a character YAML does not allow
        raise YamlProblem(1, str(error)) from error
    finally:
        loader.dispose()
    return Document(data, root)
