"""Numbers, intervals and names in words, as pages and sentences write them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sdesim.runs.quantities import lookup

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Made of another quantity by an expectation, with what stands before that quantity's name.
_ABOUT = {">": "above", "<": "below"}
_CONDITION = re.compile(r"([A-Za-z][\w.]*)([<>])(\S+)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MADE = {
    "twin_distance": "distance in ",
    "twin_margin": "smallest margin shown in ",
    "gain_rank": "rank correlation of the gain with ",
}


def number(value: Any, digits: int = 4) -> str:
    """So many significant digits, "2.07·10⁻⁵" where it is far from 1; a dash for what is missing; infinities
    in words."""
    if isinstance(value, str):
        return {"Infinity": "∞", "-Infinity": "−∞"}.get(value, value)
    if value is None or not math.isfinite(value):
        return "–" if value is None or math.isnan(value) else "∞" if value > 0 else "−∞"
    text, _, power = f"{value:.{digits}g}".partition("e")
    if power and 0 < int(power) < 7:
        text, power = f"{float(f'{value:.{digits}g}'):,.0f}", ""
    tens = f"·10{str(int(power)).translate(_RAISED)}" if power else ""
    return text.replace("-", "−") + tens


def interval(item: Mapping[str, Any], digits: int = 4) -> str:
    """ "0.12 [0.10, 0.14]"; the value alone where there is no interval or it is that point."""
    low, high = item.get("low"), item.get("high")
    text = number(item.get("value"), digits)
    ends = number(low, digits), number(high, digits)
    return text if ends[0] == "–" or ends == (text, text) else f"{text} [{ends[0]}, {ends[1]}]"


def capitalised(text: str) -> str:
    """The text with a capital first; the rest as it is."""
    return text[:1].upper() + text[1:]


def counted(count: int, one: str, many: str = "") -> str:
    """ "three simulations", "12 seeds", "one expectation"."""
    word = _SMALL[count] if 0 <= count < len(_SMALL) else str(count)
    return f"{word} {one if count == 1 else many or one + 's'}"


def listed(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = items or [""]
    return f"{', '.join(first)} and {last}" if first else last


def plain(name: str) -> str:
    """What a quantity is called in a sentence; names that the table does not know stay as they are."""
    made, dot, of = name.partition(".")
    if dot and made in _MADE:
        return _MADE[made] + plain(of)
    if dot and made in ("step_when", "time_when"):
        return f"first {made.removesuffix('_when')} with {condition(of)}"
    row = lookup(name)
    if row is None:
        return name
    part = "" if name == row.name or not dot else f" {of}"
    return row.plain.replace("$", "") + part


def condition(text: str) -> str:
    """ "test loss below 0.5" for "test_loss<0.5" among other words, and plain names of quantities."""
    return " ".join(map(_worded, text.split(" ")))


def _worded(word: str) -> str:
    if found := _CONDITION.fullmatch(word):
        return f"{plain(found[1])} {_ABOUT[found[2]]} {found[3]}"
    # A word without it may be any word.
    return plain(word) if "_" in word else word
