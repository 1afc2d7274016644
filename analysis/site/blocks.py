"""The code blocks of a page, in order, and whether they are to be executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A mark over a fence says why its block is compiled only; "py" is Python that stands in a context of its own.
_FENCE = re.compile(
    r"^(?:<!-- compiled only: (?P<why>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<code>.*?)^```$", re.M | re.S
)
_CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: the word at its fence.
        code: what stands in it.
        line: of the page, on which the code begins, from 1.
        why: the reason for which it is compiled only; "" where it is executed.
    """

    language: str
    code: str
    line: int
    why: str = ""


def blocks(text: str) -> Iterator[Block]:
    """Every fenced block of a page."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("code")) + 1
        yield Block(found["language"], found["code"], line, found["why"] or "")


def commands(block: Block) -> list[str]:
    """The lines of a shell block that call sdesim, continued lines joined and comments left out."""
    lines = _CONTINUED.sub(" ", block.code).splitlines()
    told = [re.sub(r"\s+#.*$", "", line).strip() for line in lines]
    return [line for line in told if line.split(" ")[0] == "sdesim"]
