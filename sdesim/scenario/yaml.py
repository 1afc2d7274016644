"""YAML as plain data with the line of every value; nothing in a file is ever executed.

The file is only composed into nodes, and numbers, texts, lists and mappings are read off them, so no tag can
construct an object.
"""

from __future__ import annotations

import copy
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sdesim.errors import ScenarioError
from sdesim.io.text import clipped, for_terminal
from sdesim.kinds.misfit import Problem, path_text
from sdesim.kinds.spelling import nearest, short
from sdesim.scenario.recovery import without_broken

KeyPath = tuple[str | int, ...]
# Values, lists and groups of a file, those that aliases stand for among them.
_MOST_NODES = 50_000
_DEEPEST = 40
# The largest float has 309 digits, and no field takes a whole number that has more.
_MOST_DIGITS = 309
_TAG = "tag:yaml.org,2002:"
_PART = re.compile(r"([^.\[\]]+)|\[([0-9]{1,9})\]")


@dataclass
class Document:
    """Plain data and where each value came from ("file.yaml:12", or "--set path"), with the places of what is
    no plain data, where the data hold None.

    Attributes:
        lines: what is wrong beside them, as it is told. unknown: places of which therefore nothing is known.
    """

    data: Any
    origins: dict[KeyPath, str] = field(default_factory=dict)
    source: str = ""
    problems: list[Problem] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unknown: list[KeyPath] = field(default_factory=list)

    def copy(self) -> Document:
        """One whose parts can be changed."""
        parts = dict(self.origins), self.source, list(self.problems), list(self.lines), list(self.unknown)
        return Document(copy.deepcopy(self.data), *parts)

    def doubt(self, path: KeyPath) -> None:
        """Note that a value there, and what it belongs to, can't be judged."""
        if self.value(path[: 2 if path[:1] == ("arms",) else 1]) is not None or self.value(path[:1]) is None:
            self.unknown.append(path)

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
        ScenarioError: one line for each thing that is wrong: file, line, what.
    """
    document = read_document(text, source)
    if document.problems or document.lines:
        lines = [f"{document.place(path)}: {message}" for path, message in document.problems]
        raise ScenarioError("\n".join(map(clipped, [*document.lines, *lines])))
    return document


def read_document(text: str, source: str) -> Document:
    """As `read_yaml`, with what is wrong among the document's problems and lines, and the rest in it.

    Raises:
        ScenarioError: one line; nothing of the text can be used.
    """
    document = Document(None, {}, source)
    try:
        root = _root(text, source)
    except ScenarioError as error:
        rest, broken = without_broken(text, lambda part: _wrong(part, source))
        if not broken or _wrong(rest, source):
            raise
        # The first of them is why the whole could not be read, which says so best.
        document.lines = [str(error), *(line for _, line in broken[1:])]
        document.unknown = [path for path, _ in broken]
        root = _root(rest, source)
    if root is None:
        raise ScenarioError(f"{source}: the file is empty")
    document.data = _Reader(document).plain(root, ())
    return document


def _wrong(text: str, source: str) -> str:
    """Why a part of a text can't be read; an anchor may stand in another part."""
    try:
        _root(text, source)
    except ScenarioError as error:
        return "" if "undefined alias" in str(error) else str(error)
    return ""


def _root(text: str, source: str) -> Any:
    """The root node of a text, None of an empty one.

    Raises:
        ScenarioError: one line.
    """
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _composed(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark is not None else source
        problem = " ".join(str(error.problem or error.context).split())
        raise ScenarioError(clipped(f"{where}: not valid YAML: {problem}")) from None
    except YAMLError as error:
        position = getattr(error, "position", None)
        line = "" if position is None else f":{text.count(chr(10), 0, position) + 1}"
        problem = " ".join(str(error).split())
        raise ScenarioError(clipped(f"{source}{line}: not valid YAML: {problem}")) from None
    except (ValueError, OverflowError):
        # The library's own reading of what stands behind a backslash.
        line = _line_of_escape(text)
        found = "found an escape of no character, allowed: up to \\U0010FFFF"
        raise ScenarioError(clipped(f"{source}{line}: not valid YAML: {found}")) from None


def _composed(text: str) -> Any:
    """The nodes of a text; those that are too deep or too many are refused as they come."""
    from ruamel.yaml import YAML
    from ruamel.yaml.composer import Composer, ComposerError

    class Bounded(Composer):
        count = 0

        def __init__(self, loader: Any = None) -> None:
            super().__init__(loader)
            self.warn_double_anchors = False

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.count += 1
            if self.count > _MOST_NODES or self.depth >= _DEEPEST:
                mark = self.parser.peek_event().start_mark
                raise ComposerError(None, None, _TOO_MANY if self.depth < _DEEPEST else _TOO_DEEP, mark)
            return super().compose_node(parent, index)

    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = Bounded
    return yaml.compose(text)


_TOO_MANY = f"found more than {_MOST_NODES:,} values, allowed: as many as a scenario needs"
_TOO_DEEP = f"found values inside one another more than {_DEEPEST} deep, allowed: as deep as a scenario needs"
_BEYOND = re.compile(r"\\U(?!0010|000)[0-9A-Fa-f]{8}")


def _line_of_escape(text: str) -> str:
    """ ":3" of the first escape above the last of the characters; empty where there is none."""
    found = _BEYOND.search(text)
    return "" if found is None else f":{text.count(chr(10), 0, found.start()) + 1}"


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
        if id(node) in self.open or self.count > _MOST_NODES or len(path) > _DEEPEST:
            text = f"{where}: {path_text(path)}: aliases make the file endless or too large"
            raise ScenarioError(clipped(text))
        self.open.add(id(node))
        tag = str(getattr(node, "tag", "") or "")
        kind = type(node).__name__
        try:
            if kind == "MappingNode" and tag == _TAG + "map":
                return self._mapping(node, path)
            if kind == "SequenceNode" and tag == _TAG + "seq":
                return [self.plain(item, (*path, k)) for k, item in enumerate(node.value)]
            if kind == "ScalarNode":
                return _scalar(tag, node.value)
        except ValueError as error:
            return self._refuse(path, str(error))
        finally:
            self.open.discard(id(node))
        return self._refuse(path, f"found the tag {tag!r}, allowed: plain values only")

    def _leave_out(self, path: KeyPath, line: str) -> None:
        """A key that is none: what it belongs to can't be judged without it."""
        self.document.lines.append(clipped(line))
        self.document.unknown += [path] if path else []

    def _refuse(self, path: KeyPath, message: str) -> None:
        self.document.problems.append((path, message))

    def _mapping(self, node: Any, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = f"{self.document.source}:{key_node.start_mark.line + 1}"
            if type(key_node).__name__ != "ScalarNode" or key_node.value == "<<":
                self._leave_out(path, f"{line}: {path_text(path)}: keys must be plain words")
                continue
            key = str(key_node.value)
            try:
                _characters(key)
            except ValueError as error:
                self._leave_out(path, f"{line}: {path_text(path)}: in a key, {error}")
                continue
            if key in found:
                self.document.origins[(*path, key)] = line
                self._refuse((*path, key), "the key stands here twice")
                continue
            found[key] = self.plain(value_node, (*path, key))
            self.document.origins[(*path, key)] = line
        return found


def _scalar(tag: str, text: str) -> Any:
    """The value of a word.

    Raises:
        ValueError: in the user's words.
    """
    name = tag.removeprefix(_TAG)
    if name == "str":
        return _characters(str(text))
    if name == "null":
        return None
    if name == "bool":
        return text.lower() in ("true", "yes", "on")
    with suppress(ValueError):
        if name == "int" and len(text) <= _MOST_DIGITS:
            return int(text.replace("_", ""), 0) if not re.fullmatch(r"[-+]?0\d[\d_]*", text) else int(text)
        if name == "float":
            plain = text.replace("_", "").lower()
            if plain.lstrip("+-") == ".inf":
                return -math.inf if plain.startswith("-") else math.inf
            return math.nan if plain == ".nan" else float(plain)
    if name == "int":
        raise ValueError(f"found {short(text)}, allowed: whole numbers of at most {_MOST_DIGITS} digits")
    raise ValueError(f"found {short(text)} of type {tag!r}, allowed: plain values only")


def _characters(text: str) -> str:
    """A text that files and terminals can hold; a surrogate is half of a character and none of its own."""
    wrong = next((c for c in text if "\ud800" <= c <= "\udfff"), None)
    if wrong is not None:
        raise ValueError(f"found {for_terminal(wrong)}, which is no character, allowed: text in UTF-8")
    return text


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
            raise ScenarioError(f"{short(text)} is not a path such as arms.sde.simulate.noise[1].alpha")
        parts.append(match.group(1) if match.group(1) is not None else int(match.group(2)))
        at = match.end()
        if at < len(text) and text[at] == "." and at + 1 < len(text):
            at += 1
    if not parts:
        raise ScenarioError(f"{short(text)} is not a path such as arms.sde.simulate.noise[1].alpha")
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
                raise ScenarioError(clipped(f"{where}: no such position, the list has {len(here)} entries"))
        elif isinstance(here, dict):
            if part not in here and not last:
                raise ScenarioError(
                    clipped(f"{where}: not there{nearest(str(part), [str(x) for x in here])}")
                )
        else:
            raise ScenarioError(clipped(f"{where}: {path_text(path[:k])} holds a plain value, not fields"))
        if last:
            here[part] = value
            for known in [p for p in document.origins if p[: len(path)] == path]:
                del document.origins[known]
            document.origins[path] = origin
        else:
            here = here[part]
