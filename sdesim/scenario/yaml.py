"""YAML as plain data with the line of every value; nothing in a file is ever executed.

The file is only composed into nodes, and numbers, texts, lists and mappings are read off them, so no tag can
construct an object.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from sdesim.errors import ScenarioError
from sdesim.kinds.misfit import path_text
from sdesim.kinds.spelling import nearest

KeyPath = tuple[str | int, ...]
_MOST_NODES = 100_000
_TAG = "tag:yaml.org,2002:"
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass
class Document:
    """Plain data and where each value came from ("file.yaml:12", or "--set path")."""

    data: Any
    origins: dict[KeyPath, str] = field(default_factory=dict)
    source: str = ""

    def written(self, path: KeyPath) -> KeyPath:
        """The path as it stands in the file, where one thing may stand for a list of it."""
        here: Any = self.data
        found: list[str | int] = []
        for part in path:
            if part == 0 and isinstance(here, dict):
                continue
            found.append(part)
            try:
                here = here[part]
            except (KeyError, IndexError, TypeError):
                here = None
        return tuple(found)

    def origin(self, path: KeyPath) -> str:
        """Where a value stands, or the nearest thing around it."""
        path = self.written(path)
        for end in range(len(path), -1, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return self.source

    def place(self, path: KeyPath) -> str:
        """ "file.yaml:12: arms.sde.dt", or "--set arms.sde.dt" for a value set there itself."""
        origin, text = self.origin(path), path_text(path)
        return origin if origin == f"--set {text}" or not text else f"{origin}: {text}"

    def line(self, path: KeyPath) -> int:
        """The line for sorting; 0 for what does not stand in the file."""
        number = self.origin(path).rpartition(":")[2]
        return int(number) if number.isdigit() else 0

    def value(self, path: KeyPath) -> Any:
        """The data at a path, None where there are none."""
        here = self.data
        for part in self.written(path):
            try:
                here = here[part]
            except (KeyError, IndexError, TypeError):
                return None
        return here


def read_yaml(text: str, source: str) -> Document:
    """Read YAML text.

    Raises:
        ScenarioError: one line with file, line, and what is wrong.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark is not None else source
        problem = " ".join(str(error.problem or error.context).split())
        raise ScenarioError(f"{where}: not valid YAML: {problem}") from None
    except YAMLError as error:
        raise ScenarioError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None
    document = Document(None, {}, source)
    if root is None:
        raise ScenarioError(f"{source}: the file is empty")
    document.data = _Reader(document).plain(root, ())
    return document


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0
        self.open: set[int] = set()

    def plain(self, node: Any, path: KeyPath) -> Any:
        """A node as plain data; an alias that leads back to itself or explodes is refused."""
        where = f"{self.document.source}:{node.start_mark.line + 1}"
        self.document.origins[path] = where
        self.count += 1
        if id(node) in self.open or self.count > _MOST_NODES:
            raise ScenarioError(f"{where}: {path_text(path)}: aliases make the file endless or too large")
        self.open.add(id(node))
        tag = str(getattr(node, "tag", "") or "")
        kind = type(node).__name__
        try:
            if kind == "MappingNode" and tag == _TAG + "map":
                return self._mapping(node, path, where)
            if kind == "SequenceNode" and tag == _TAG + "seq":
                return [self.plain(item, (*path, k)) for k, item in enumerate(node.value)]
            if kind == "ScalarNode":
                return _scalar(tag, node.value, where, path)
        finally:
            self.open.discard(id(node))
        raise ScenarioError(f"{where}: {path_text(path)}: found the tag {tag!r}, allowed: plain values only")

    def _mapping(self, node: Any, path: KeyPath, where: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = f"{self.document.source}:{key_node.start_mark.line + 1}"
            if type(key_node).__name__ != "ScalarNode" or key_node.value == "<<":
                raise ScenarioError(f"{line}: {path_text(path)}: keys must be plain words")
            key = str(key_node.value)
            if key in found:
                raise ScenarioError(f"{line}: {path_text((*path, key))}: the key stands here twice")
            found[key] = self.plain(value_node, (*path, key))
            self.document.origins[(*path, key)] = line
        return found


def _scalar(tag: str, text: str, where: str, path: KeyPath) -> Any:
    name = tag.removeprefix(_TAG)
    if name == "str":
        return str(text)
    if name == "null":
        return None
    if name == "bool":
        return text.lower() in ("true", "yes", "on")
    try:
        if name == "int":
            return int(text.replace("_", ""), 0) if not re.fullmatch(r"[-+]?0\d[\d_]*", text) else int(text)
        if name == "float":
            plain = text.replace("_", "").lower()
            if plain.lstrip("+-") == ".inf":
                return -math.inf if plain.startswith("-") else math.inf
            return math.nan if plain == ".nan" else float(plain)
    except ValueError:
        pass
    raise ScenarioError(
        f"{where}: {path_text(path)}: found {text!r} of type {tag!r}, allowed: plain values only"
    )


def parse_path(text: str) -> KeyPath:
    """ "arms.sde.simulate.noise[1].alpha" as keys and positions.

    Raises:
        ScenarioError: not such a path.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            raise ScenarioError(f"{text!r} is not a path such as arms.sde.simulate.noise[1].alpha")
        parts.append(match.group(1) if match.group(1) is not None else int(match.group(2)))
        at = match.end()
        if at < len(text) and text[at] == "." and at + 1 < len(text):
            at += 1
    if not parts:
        raise ScenarioError(f"{text!r} is not a path such as arms.sde.simulate.noise[1].alpha")
    return tuple(parts)


def set_value(document: Document, path: KeyPath, value: Any, origin: str) -> None:
    """Put a value at a path; all but the last part of the path must be there.

    Raises:
        ScenarioError: a part is missing.
    """
    path, here = document.written(path), document.data
    for k, part in enumerate(path):
        last = k == len(path) - 1
        text = path_text(path[: k + 1])
        where = origin if origin == f"--set {text}" else f"{origin}: {text}"
        if isinstance(here, list):
            if not isinstance(part, int) or part >= len(here):
                raise ScenarioError(f"{where}: no such position, the list has {len(here)} entries")
        elif isinstance(here, dict):
            if part not in here and not last:
                raise ScenarioError(f"{where}: not there{nearest(str(part), [str(x) for x in here])}")
        else:
            raise ScenarioError(f"{where}: {path_text(path[:k])} holds a plain value, not fields")
        if last:
            here[part] = value
            for known in [p for p in document.origins if p[: len(path)] == path]:
                del document.origins[known]
            document.origins[path] = origin
        else:
            here = here[part]
