"""One measured quantity over all probes at once, with its interval, its literal form and its flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, ArrayEstimate, Estimate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
DIMS = ("trajectory", "probe", "group")


@dataclass(frozen=True)
class Column:
    """A quantity over (trajectory, probe), or (trajectory, probe, group).

    Attributes:
        estimate: its values, intervals and flags.
        literal: the source's own form, where there is one.
        method: how each value was found, where there is more than one way; "" where there is no value.
    """

    estimate: ArrayEstimate
    literal: Array | None = None
    method: NDArray[np.str_] | None = None

    @classmethod
    def of(
        cls, estimate: AnyEstimate, flags: Mapping[str, Mask] | None = None, literal: Array | None = None
    ) -> Column:
        """A column with these flags in place of the estimate's own, where given."""
        return cls(estimate if flags is None else replace(estimate, flags=flags), literal)

    @classmethod
    def bare(cls, value: Array, flags: Mapping[str, Mask] | None = None) -> Column:
        """A value without an interval."""
        made: AnyEstimate = Estimate(value, np.nan, np.nan, np.nan, "measured", 0, flags or {})
        return cls(made)

    @property
    def value(self) -> Array:
        return self.estimate.value

    @property
    def low(self) -> Array:
        return self.estimate.low

    @property
    def high(self) -> Array:
        return self.estimate.high

    @property
    def flags(self) -> Mapping[str, Mask]:
        return self.estimate.flags

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of its axes."""
        return DIMS[: self.value.ndim]

    def flag_text(self) -> NDArray[np.str_]:
        """The flags of each place, joined by semicolons."""
        missing = np.isnan(self.value)
        masks = {name: mask for name, mask in self.flags.items() if name != "no_interval"}
        masks.setdefault("no_value", missing)
        masks["no_interval"] = np.isnan(self.low) & ~missing
        code = np.zeros(self.value.shape, dtype=np.int64)
        for k, mask in enumerate(masks.values()):
            code |= mask.astype(np.int64) << k
        # Few combinations occur, so a text is made for each of them and not for each place.
        seen, place = np.unique(code, return_inverse=True)
        texts = [";".join(n for k, n in enumerate(masks) if int(c) >> k & 1) for c in seen]
        return np.asarray(np.array(texts, dtype=str)[place.reshape(code.shape)])
