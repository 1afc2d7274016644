"""Values of reductions with their intervals and flags."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.engine.reductions.collected import COUNTS
from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.kinds.spelling import short
from sdesim.runs.attributes import rows
from sdesim.runs.schema import check_run

if TYPE_CHECKING:
    import xarray as xr

    from sdesim.estimate import ArrayEstimate


@refusing(RunError)
def estimate(run: xr.Dataset, name: str, level: float = 0.95) -> ArrayEstimate:
    """A reduced variable of a run as an Estimate: value ± z · standard error, over the live trajectories.

    Args:
        run: with reductions.
        name: a variable with an error ("moment", "central_moment", "covariance", "autocorrelation"), or
            "quantile", whose interval is at level 0.95.
        level: nominal coverage.

    Returns:
        Arrays in the shape of the variable. n: live trajectories. Flags: `infinite_moment` where the noise
        leaves the value without meaning, `quantile_outside` beyond the bins, `no_interval` where there
        is none, `trajectories_ended` where some had ended and are left out.

    Raises:
        RunError: the run has no such variable, or it has no error.
    """
    check_run(run)
    level = level_of(level, error=RunError)
    if name not in run:
        raise RunError(f"the run has no {short(name)}; ask for it with reduce")
    array = run[name]
    value = np.asarray(array.values, dtype=np.float64)
    counts = COUNTS["step" if "every_step" in array.dims else "saved"]
    live, stopped, lost = (run[c].broadcast_like(array).transpose(*array.dims).values for c in counts)
    if f"{name}_error" in run:
        half = NormalDist().inv_cdf(0.5 + 0.5 * level) * run[f"{name}_error"].values
        low, high, method = value - half, value + half, "standard error"
    elif f"{name}_low" in run and f"{name}_high" in run:
        if level != 0.95:
            raise RunError(f"{name} is kept with its interval at level 0.95, got level {level:g}")
        low, high, method = run[f"{name}_low"].values, run[f"{name}_high"].values, "order statistics"
    else:
        raise RunError(f"{name!r} has no error, so that it is no estimate")
    infinite = np.zeros(value.shape, dtype=bool)
    if name in rows(run.attrs, "infinite_means"):
        infinite[...] = True
    if "order" in array.dims:
        orders = array["order"].isin(rows(run.attrs, "infinite_moments"))
        infinite |= orders.broadcast_like(array).transpose(*array.dims).values
    flags: dict[str, Any] = {
        "infinite_moment": infinite,
        "no_interval": ~infinite & np.isnan(low) & np.isfinite(value),
        "trajectories_ended": (stopped + lost) > 0,
    }
    if f"{name}_outside" in run:
        flags[f"{name}_outside"] = run[f"{name}_outside"].values
    return Estimate(value, low, high, level, method, live, {k: m for k, m in flags.items() if m.any()})  # type: ignore[arg-type]
