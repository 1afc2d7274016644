"""What a run will take of memory and disk, told by sizes alone, and the field to change where it is much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdesim.kinds.misfit import Path, Problem
from sdesim.kinds.spelling import short

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


@dataclass(frozen=True)
class Factor:
    """A size that a need grows with.

    Attributes:
        path: its field. found: the field's value. value: the size.
        sense: 1 where the size is the field's value, so that it is known how much of it would fit; −1 where
            it falls with the field; 0 where the size is made of several fields, of which this is the largest.
    """

    path: Path
    found: Any
    value: float
    sense: int = 1


@dataclass(frozen=True)
class Need:
    """Bytes that a part of a run takes: ``each`` times the product of its factors.

    Attributes:
        what: takes them, in words. each: bytes. factors: what they grow with.
        stored: whether on disk, else in memory.
    """

    what: str
    each: float
    factors: tuple[Factor, ...]
    stored: bool = False

    @property
    def size(self) -> float:
        """In bytes."""
        return self.each * math.prod(f.value for f in self.factors)


def total(needs: Sequence[Need], stored: bool) -> float:
    """Bytes of all needs on disk, or in memory."""
    return sum(need.size for need in needs if need.stored is stored)


def overdrawn(needs: Sequence[Need], free: float, stored: bool) -> Problem | None:
    """What to change so that the needs on disk, or in memory, fit into so many bytes; None where they do."""
    asked = [need for need in needs if need.stored is stored]
    whole = sum(need.size for need in asked)
    if whole <= free:
        return None
    largest = max(asked, key=lambda need: need.size)
    worst = max(largest.factors, key=lambda f: f.value)
    # What falls with this field, beside what is there whatever it is.
    scaled = sum(n.size for n in asked if worst.path in {f.path for f in n.factors})
    most = worst.value * max(0.0, free - (whole - scaled)) / scaled
    if worst.sense == 1 and most >= 1:
        allowed = f"at most {math.floor(most):,} here"
    elif worst.sense == -1 and most >= 2:
        allowed = f"more, so that there are at most {math.floor(most):,}"
    else:
        allowed = "what fits"
    place = "disk" if stored else "memory"
    beside = f", with all else {shown(whole)}" if whole > 1.1 * largest.size else ""
    reason = f"{largest.what} would take {shown(largest.size)} of {place}{beside}; {shown(free)} are free"
    return worst.path, f"found {short(worst.found)}, allowed: {allowed}: {reason}"


def shown(size: float) -> str:
    """Bytes in words: "2.4 GB"."""
    power = min(len(_UNITS) - 1, max(0, math.floor(math.log10(max(1.0, size)) / 3)))
    return f"{size / 1000.0**power:.3g} {_UNITS[power]}"
