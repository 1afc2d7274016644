"""One measured quantity over all probes at once, with its interval and flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators import Estimate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
DIMS = ("trajectory", "probe", "group")


@dataclass
class Column:
    """A quantity over (trajectory, probe), or (trajectory, probe, group): value, interval, literal form, and
    flags as masks."""

    value: Array
    low: Array
    high: Array
    literal: Array | None = None
    flags: dict[str, Mask] = field(default_factory=dict)

    @classmethod
    def bare(cls, value: Array, literal: Array | None = None, flags: dict[str, Mask] | None = None) -> Column:
        """A value without an interval."""
        nothing = np.full(value.shape, np.nan)
        return cls(value, nothing, nothing.copy(), literal, flags or {})

    @classmethod
    def of_estimates(cls, found: Sequence[Sequence[Estimate | None]], literal: Array | None = None) -> Column:
        """From estimates in rows of trajectories; None where nothing was probed."""

        def pick(name: str) -> Array:
            return np.array([[np.nan if e is None else getattr(e, name) for e in row] for row in found])

        names = dict.fromkeys(
            f for row in found for e in row if e is not None for f in e.flags if f != "no_interval"
        )
        flags = {f: np.array([[e is not None and e.has(f) for e in row] for row in found]) for f in names}
        return cls(pick("value"), pick("low"), pick("high"), literal, flags)

    def estimate(self, place: tuple[int, ...], level: float, method: str, n: int) -> Estimate:
        """One place as an Estimate."""
        flags = tuple(name for name, mask in self.flags.items() if mask[place])
        value, low, high = (float(a[place]) for a in (self.value, self.low, self.high))
        return Estimate(value, low, high, level, method, n, flags)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of its axes."""
        return DIMS[: self.value.ndim]

    def mapped(self, value: Array, low: Array, high: Array, literal: Array | None = None) -> Column:
        """Another quantity made of this one, under the same flags."""
        return Column(value, low, high, literal, dict(self.flags))

    def flag_text(self) -> NDArray[np.str_]:
        """The flags of each place, joined by semicolons."""
        missing = np.isnan(self.value)
        masks = {**self.flags}
        masks.setdefault("no_value", missing)
        masks["no_interval"] = np.isnan(self.low) & ~missing
        code = np.zeros(self.value.shape, dtype=np.int64)
        for k, mask in enumerate(masks.values()):
            code |= np.broadcast_to(mask, code.shape).astype(np.int64) << k
        # Few combinations occur, so a text is made for each of them and not for each place.
        seen, place = np.unique(code, return_inverse=True)
        texts = [";".join(n for k, n in enumerate(masks) if int(c) >> k & 1) for c in seen]
        return np.asarray(np.array(texts, dtype=str)[place.reshape(code.shape)])
