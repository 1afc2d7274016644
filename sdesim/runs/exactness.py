"""How far a probe goes beyond its draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Half-width of the interval of C* over max(C, C*), where nothing else is asked for.
PRECISION = 0.05
# Draws that a precision may ask for where nothing else is said, in multiples of those that there are.
MOST_TIMES = 32
# Draws of C to one deviation that meets the Hessian, and the first of these.
PER_PRODUCT, FIRST_PRODUCTS = 8, 32


@dataclass(frozen=True)
class Sequential:
    """How far readings that are sampled draw on.

    Attributes:
        precision: half-width of C's 95% interval over max(C, C*).
        most: draws at most, those that there are at first included.
    """

    precision: float
    most: int


def looks(first: int, most: int) -> list[int]:
    """Numbers of draws after which a reading may end: first, twice as many, …, most."""
    found = [first]
    while found[-1] < most:
        found.append(min(2 * found[-1], most))
    return found


@dataclass(frozen=True)
class Exactness:
    """How far a probe goes beyond its draws.

    Attributes:
        covariance: whether Σ is read from all examples; else μ alone is.
        precision: half-width of the interval of C* over max(C, C*).
        most: draws about a known μ that the precision of C may ask for where Σ is not known; 0: none.
    """

    covariance: bool = True
    precision: float = PRECISION
    most: int = 0


def exactness_of(
    oracle: Any, wanted: bool | str, precision: float | None, largest: float, most: int = 0
) -> Exactness | None:
    """How far an oracle lets a probe go beyond its draws; None: not at all.

    Args:
        wanted: True, False, "mean": of Σ nothing, or "auto": Σ from all examples where it is of no more
            numbers than ``largest``.
        precision: half-width of C's interval over max(C, C*), or None. most: draws that it may ask for.
    """
    if wanted is False or not hasattr(oracle, "moments"):
        return None
    whole = wanted is True or (wanted != "mean" and oracle.covariance_size <= largest)
    if precision is None:
        return Exactness(whole)
    return Exactness(whole, precision if not whole else min(PRECISION, precision), most)
