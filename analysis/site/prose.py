"""Lengths of the sentences of every page: `python -m analysis.site.prose [PAGE…]`, the longest first.

Code, tables, formulas of their own line, headings and generated pages are left out; a formula or a name in
code is one word. An item of a list is a sentence where it ends like one or with the item.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 30
GENERATED = ("docs/gallery.md", "docs/reference/", "docs/theory/claims.md", "docs/theory/what-survives.md")
_LEFT_OUT = re.compile(
    r"^```.*?^```$|^\$\$.*?\$\$$|<!--.*?-->|^\|[^\n]*$|^#[^\n]*$|!\[[^\]]*\]\([^)]*\)", re.M | re.S
)
_ONE_WORD = re.compile(r"`[^`]*`|\$[^$\n]*\$")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"\n\s*(?:[-*]|\d+\.)\s+|\n\s*\n")
_END = re.compile(r"(?<=[.!?])[)*”\"]*\s+(?=[^a-z0-9])")


def sentences(text: str) -> list[str]:
    """The sentences of a page."""
    plain = _LINK.sub(r"\1", _ONE_WORD.sub("X", _LEFT_OUT.sub("\n\n", text)))
    parts = [" ".join(part.split()) for part in _ITEM.split(f"\n\n{plain}")]
    return [one for part in parts for one in _END.split(part) if words(one)]


def words(sentence: str) -> int:
    """How many words it has: what holds a letter or a digit."""
    return sum(any(c.isalnum() for c in word) for word in sentence.split())


def pages() -> list[Path]:
    """Every page that is written by hand."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    hand = [page for page in docs if not page.relative_to(ROOT).as_posix().startswith(GENERATED)]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *hand]


def main() -> None:
    """Print a line for each page, and all sentences beyond the bound of the pages that are named."""
    named = [Path(name).resolve() for name in sys.argv[1:]]
    rows, every = [], []
    for page in named or pages():
        found = [(words(one), one) for one in sentences(page.read_text(encoding="utf-8"))]
        every += [n for n, _ in found]
        long = [(n, one) for n, one in found if n > LONGEST]
        mean = sum(n for n, _ in found) / max(1, len(found))
        rows.append((max((n for n, _ in found), default=0), len(long), len(found), mean, page))
        for n, one in long if named else []:
            print(f"{n:4} {one}")
    for most, long, count, mean, page in sorted(rows, reverse=True):
        name = page.relative_to(ROOT)
        print(f"{most:4} longest {long:4} of {count:4} beyond {LONGEST}, mean {mean:4.1f}  {name}")
    mean, long = sum(every) / max(1, len(every)), sum(n > LONGEST for n in every)
    print(f"all: {len(every)} sentences, mean {mean:.1f}, {long} beyond {LONGEST}")


if __name__ == "__main__":
    main()
