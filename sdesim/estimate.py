"""The value every estimator returns: a number with its interval, method, sample size and flags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A measured value and how far it can be trusted.

    Attributes:
        value: point estimate, in the units of the quantity.
        low, high: ends of the interval at `level`; NaN when there is none.
        level: nominal coverage of the interval, in (0, 1).
        method: name of the method that made the value.
        n: number of samples it rests on.
        flags: warnings, lower-case words (`negative_signal`, `not_converged`, …).
        details: further facts of the method (diagnostics, the name of a threshold), by name.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n: int
    flags: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def __float__(self) -> float:
        return float(self.value)

    def __str__(self) -> str:
        span = "no interval" if math.isnan(self.low) else f"{self.low:.4g}, {self.high:.4g}"
        flags = f" ({', '.join(self.flags)})" if self.flags else ""
        return f"{self.value:.4g} [{span}]{flags}"

    def has(self, flag: str) -> bool:
        """Whether `flag` was raised."""
        return flag in self.flags

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            "value": float(self.value),
            "low": float(self.low),
            "high": float(self.high),
            "level": self.level,
            "method": self.method,
            "n": self.n,
            "flags": list(self.flags),
            "details": dict(self.details),
        }
