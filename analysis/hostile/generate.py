"""Scenarios that nobody thought of: valid ones, changed at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from .handmade import BASES, VALUES

_WORDS = (
    "gaussian stable multiplicative double-well quadratic rough masked wells mlp conv digits sgd adam exit",
    "occupancy coordinate moments cosine start end loss C_alpha a real twin true null name arms simulate",
)
_SIGNS = b"\0\t\r\x1b\x7f[]{}:,&*!|>'\"%@`#-?"
_SIZES = (0, 1, -1, 2, 255, 256, 257, 2**31, 2**32 - 1, 2**32, 2**33, 2**63, 2**64, 10**12, 10**30, 10**308)


def generated(seed: int, texts: list[str] | None = None) -> bytes:
    """A scenario file that the number alone decides: a valid one with one to six changes.

    Args:
        texts: valid ones to begin with, beside those of `handmade`.
    """
    draw = random.Random(seed)
    content: bytes = draw.choice([*BASES.values(), *(texts or ())]).encode()
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        content = draw.choice(_CHANGES)(content, draw)
    return content


def _value(content: bytes, draw: random.Random) -> bytes:
    """What stands behind a colon is something else."""
    places = [k for k in range(len(content)) if content[k : k + 2] == b": "]
    if not places:
        return content
    at = draw.choice(places) + 2
    end = next((k for k in range(at, len(content)) if content[k] in b",}]\n"), len(content))
    return content[:at] + draw.choice(VALUES).encode() + content[end:]


def _size(content: bytes, draw: random.Random) -> bytes:
    """A number is of another size."""
    places = [
        k for k in range(len(content)) if chr(content[k]).isdigit() and not chr(content[k - 1]).isdigit()
    ]
    if not places:
        return content
    at = draw.choice(places)
    end = at + len(re.match(rb"\d+", content[at:])[0])  # type: ignore[index]
    return content[:at] + str(draw.choice(_SIZES)).encode() + content[end:]


def _word(content: bytes, draw: random.Random) -> bytes:
    """A word is another one."""
    words = content.split(b" ")
    words[draw.randrange(len(words))] = draw.choice(" ".join(_WORDS).split()).encode()
    return b" ".join(words)


def _line(content: bytes, draw: random.Random) -> bytes:
    """A line is gone, stands twice, or elsewhere, further in or out."""
    lines = content.split(b"\n")
    at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(to, lines[at])
    elif kind == 2:
        lines[at], lines[to] = lines[to], lines[at]
    else:
        lines[at] = b" " * draw.randrange(9) + lines[at].lstrip()
    return b"\n".join(lines)


def _bytes(content: bytes, draw: random.Random) -> bytes:
    """Single bytes are others, or the end is missing."""
    if not content:
        return content
    at = draw.randrange(len(content))
    kind = draw.randrange(4)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes([draw.randrange(256)]) + content[at + 1 :]
    if kind == 2:
        return (
            content[:at]
            + draw.choice(b"\0\t\r\x1b\x7f[]{}:,&*!|>'\"%@`#-?").to_bytes(1, "big")
            + content[at:]
        )
    return content[:at] + content[max(0, at - draw.randrange(40)) : at] * draw.randrange(1, 50) + content[at:]


_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_value, _value, _size, _word, _line, _bytes)
