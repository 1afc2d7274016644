"""What is left of a YAML text that is not valid as a whole, so that the rest of it can be checked too.

A part is a top-level field with the lines that belong to it; of one that is broken and holds several entries,
each entry is a part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Longer texts are not read a second time: what is written by hand is shorter.
_LONGEST = 20_000
# The beginning of a line that begins a field: how far in it stands, and its key.
_FIELD = re.compile(r"""( *)("[^"\\]*"|'[^']*'|[\w][^:#\[\]{}"']*?) *:(?= |$)""")

Path = tuple[str, ...]


def without_broken(text: str, wrong: Callable[[str], str]) -> tuple[str, list[tuple[Path, str]]]:
    """The text with "key: ~" in the place of each part that is broken, and those parts.

    Args:
        wrong: what is wrong with a text by itself; "" for nothing.

    Returns:
        A text whose lines have the numbers that they had; path of each part, and what is wrong there.
    """
    lines = text.split("\n")
    if len(text) > _LONGEST or any(line.startswith(("---", "...")) for line in lines[1:]):
        return text, []
    broken: list[tuple[Path, str]] = []
    for first, last, key in list(_fields(lines, 0, len(lines), 0)):
        problem = wrong("\n".join([*[""] * first, *lines[first:last]]))
        if not problem:
            continue
        inner = _entries(lines, first, last, key, wrong)
        broken += inner or [((key,), problem)]
        if not inner:
            lines[first:last] = [f"{_quoted(key)}: ~", *[""] * (last - first - 1)]
    return "\n".join(lines), broken


def _entries(
    lines: list[str], first: int, last: int, key: str, wrong: Callable[[str], str]
) -> list[tuple[Path, str]]:  # fmt: skip
    """Take the broken entries out of the lines of a field; none where it is broken without them too."""
    begin = next((k for k in range(first + 1, last) if lines[k].strip(" ")), last)
    depth = 0 if begin == last else len(lines[begin]) - len(lines[begin].lstrip(" "))
    if not depth or lines[first].split("#")[0].rstrip(" ")[-1:] != ":":
        return []
    found: list[tuple[Path, str]] = []
    put: dict[int, tuple[int, str]] = {}
    for start, end, name in _fields(lines, begin, last, depth):
        text = "\n".join([*[""] * (start - 1), lines[first], *lines[start:end]])
        if problem := wrong(text):
            found.append(((key, name), problem))
            put[start] = end, f"{' ' * depth}{_quoted(name)}: ~"
    kept = [k for k in range(begin, last) if not any(a <= k < b for a, (b, _) in put.items())]
    rest = "\n".join([*[""] * first, lines[first], *(lines[k] for k in kept)])
    if wrong(rest):
        return []
    for start, (end, line) in put.items():
        lines[start:end] = [line, *[""] * (end - start - 1)]
    return found


def _fields(lines: list[str], begin: int, end: int, depth: int) -> Iterator[tuple[int, int, str]]:
    """First line, line after the last and key of each field that stands so far in."""
    starts = []
    for k in range(begin, end):
        found = _FIELD.match(lines[k])
        if found is not None and len(found[1]) == depth:
            starts.append((k, found[2].strip("\"'")))
    ends = [*(first for first, _ in starts[1:]), end]
    for (first, key), last in zip(starts, ends, strict=False):
        yield first, last, key


def _quoted(key: str) -> str:
    return '"' + key.replace('"', "") + '"'
