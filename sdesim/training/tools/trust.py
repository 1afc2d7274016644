"""What of a measurement a tool may act on: flags under which a formula does not hold, and progress."""

from __future__ import annotations

import math

from sdesim.estimators import Estimate
from sdesim.training.monitor.measurement import Measurement

# With these flags C* (and what follows from it) is not that of the training.
FOREIGN = (
    "optimizer_not_modelled", "optimizer_unknown", "clipped_gradients", "no_preconditioner",
    "young_preconditioner", "gradients_one_by_one", "rate_zero", "eval_mode_curvature", "loss_not_mean",
    "loss_reduction_unknown",
)  # fmt: skip
_UNDEFINED = ("jump_infinite", "nonfinite")


def doubts(m: Measurement, *estimates: Estimate | None) -> tuple[str, ...]:
    """The flags of `FOREIGN` that the measurement, or one of these estimates of it, bears."""
    borne = set(m.flags).union(*(e.flags for e in estimates if e is not None))
    return tuple(flag for flag in FOREIGN if flag in borne)


def descends(m: Measurement) -> bool | None:
    """Whether measured progress lowers the objective (True) or raises it (False), with confidence; None where
    its interval holds 0, or where nothing was measured."""
    e = m.progress
    if e is None or not (math.isfinite(e.low) and math.isfinite(e.high)) or set(e.flags) & set(_UNDEFINED):
        return None
    return True if e.high < 0 else False if e.low > 0 else None
