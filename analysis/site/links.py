"""Links between the repository's files, as its Markdown writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# The target of a link or picture; what stands in a fence or between backticks is no link.
_LINK = re.compile(
    r"(?P<code>^```.*?^```[^\S\n]*$|`[^`\n]*`)|(?P<open>\]\()(?P<to>[^)\s]+)(?=\))", re.M | re.S
)
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|#|//")


def relinked(text: str, new: Callable[[str], str]) -> str:
    """A page with ``new(path)`` for the path of every link into the repository; fragments stay."""

    def put(found: re.Match[str]) -> str:
        if found["code"] or _ELSEWHERE.match(found["to"]):
            return found[0]
        path, hash_, fragment = found["to"].partition("#")
        return f"{found['open']}{new(path)}{hash_}{fragment}"

    return _LINK.sub(put, text)


def targets(page: Path) -> Iterator[Path]:
    """The files that a page links to, whether they exist or not."""
    for found in _LINK.finditer(page.read_text(encoding="utf-8")):
        if not found["code"] and not _ELSEWHERE.match(found["to"]):
            yield Path(os.path.normpath(page.parent / found["to"].partition("#")[0]))


def reached(pages: Iterable[Path], within: Path, made: Path) -> list[Path]:
    """All files within a folder that links lead to from these pages, over any number of pages, in order.

    Links into the folder ``made`` are the generator's to check, which makes some of its files itself.

    Raises:
        FileNotFoundError: a link leads to no file, in the words "page: links to …".
    """
    todo, seen = list(pages), set[Path]()
    while todo:
        page = todo.pop()
        for path in targets(page):
            if path in seen or within not in path.parents or (made in path.parents and not path.is_file()):
                continue
            if not path.is_file():
                raise FileNotFoundError(
                    f"{page.relative_to(within)}: links to {path.relative_to(within)}, no file"
                )
            seen.add(path)
            if path.suffix == ".md":
                todo.append(path)
    return sorted(seen)
