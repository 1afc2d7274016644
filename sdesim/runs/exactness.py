"""How far a probe goes beyond its draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Half-width of the interval of C* over max(C, C*), where nothing else is asked for.
PRECISION = 0.05


@dataclass(frozen=True)
class Exactness:
    """How far a probe goes beyond its draws.

    Attributes:
        covariance: whether Σ is read from all examples; else μ alone is.
        precision: half-width of the interval of C* over max(C, C*).
        asked: whether somebody asked for that, of C too, so that more is drawn where Σ is not known.
    """

    covariance: bool = True
    precision: float = PRECISION
    asked: bool = False


def exactness_of(
    oracle: Any, wanted: bool | str, precision: float | None, largest: float
) -> Exactness | None:
    """How far an oracle lets a probe go beyond its draws; None: not at all.

    Args:
        wanted: True, False or "auto": Σ from all examples where it is of no more numbers than ``largest``.
        precision: half-width of C's interval over max(C, C*), or None.
    """
    if wanted is False or not hasattr(oracle, "moments"):
        return None
    whole = wanted is True or oracle.covariance_size <= largest
    if precision is None:
        return Exactness(whole)
    return Exactness(whole, min(PRECISION, precision), asked=True)
