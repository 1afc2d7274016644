"""Help with words that were spelt differently."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

_SHOWN = 60


def nearest(word: str, allowed: Sequence[str]) -> str:
    """ ", did you mean 'x'?" for a close spelling, else the list of what is allowed."""
    # A library's own spelling, such as StepLR for step-lr, differs in nothing but capitals and hyphens.
    close = [name for name in allowed if letters(name) == letters(word)]
    close = close or difflib.get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else f", allowed: {', '.join(allowed)}"


def letters(word: str) -> str:
    """The word without what spellings differ in: capitals, hyphens and underscores."""
    return word.lower().replace("-", "").replace("_", "")


def short(value: Any) -> str:
    """repr, cut where it is long; of what has none that ends, what it is."""
    try:
        text = " ".join(repr(value).split())
    # Lists in lists without end, integers of more digits than Python writes, objects of others.
    except Exception:
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "…"
