"""What a forecast says of one quantity: its median and bands over time, and when it passes a threshold.

A forecast is a run whose trajectories are the futures drawn; its quantiles are the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison.align import series
from sdesim.comparison.phases import phase_array
from sdesim.errors import RunError
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals, finite
from sdesim.kinds.spelling import short
from sdesim.runs.quantity_row import PHASES
from sdesim.runs.schema import check_run

Array = NDArray[np.float64]
LEVELS = (0.5, 0.9)
# A band of level q needs so many draws beyond each of its ends.
_BEYOND = 2


@dataclass(frozen=True, eq=False)
class Bands:
    """Quantiles of a quantity over the draws of a forecast.

    Attributes:
        quantity: its name.
        time: (T,), of the training's own clock.
        median: (T,). levels: (L,) shares of the draws in each band.
        low, high: (L, T), ends of the central bands.
        draws: (T,), how many draws they rest on.
        flags: `few_draws` where the widest band has fewer than two draws beyond each end; `lost_draws` where
            some were lost, which these quantiles leave out.
    """

    quantity: str
    time: Array
    median: Array
    levels: tuple[float, ...]
    low: Array
    high: Array
    draws: NDArray[np.int64]
    flags: tuple[str, ...]

    def __repr__(self) -> str:
        low, high = self.low[-1, -1], self.high[-1, -1]
        return (
            f"<Bands of {self.quantity} at {len(self.time)} times; at the last {self.median[-1]:.4g}, "
            f"{self.levels[-1]:.0%} in [{low:.4g}, {high:.4g}]>"
        )

    def to_table(self) -> Any:
        """A pandas DataFrame by time: median, and both ends of each band."""
        import pandas as pd

        columns: dict[str, Array] = {"median": self.median}
        for k, level in enumerate(self.levels):
            columns |= {f"low_{level:g}": self.low[k], f"high_{level:g}": self.high[k]}
        return pd.DataFrame(columns, index=pd.Index(self.time, name="time"))


@dataclass(frozen=True)
class Reach:
    """When a quantity first passes a threshold, in the optimizer's steps of the training.

    Attributes:
        quantity, above, below: what was asked; one of above and below is None.
        share: of the draws that pass it within the forecast. draws: how many there are, the lost ones too,
            which never pass it.
        median: of the steps; infinite where fewer than half pass it.
        bands: level → (low, high); an end beyond the forecast is infinite.
        every: steps between the saved points that were looked at; a step is known to that.
    """

    quantity: str
    above: float | None
    below: float | None
    share: float
    draws: int
    median: float
    bands: dict[float, tuple[float, float]]
    every: int

    def __repr__(self) -> str:
        what = f"above {self.above:g}" if self.below is None else f"below {self.below:g}"
        bands = ", ".join(f"{q:.0%} in [{a:g}, {b:g}]" for q, (a, b) in self.bands.items())
        return (
            f"<{self.quantity} {what}: step {self.median:g}; {bands}; {self.share:.0%} within the forecast>"
        )


@refusing(RunError)
def bands(run: Any, quantity: str, levels: Sequence[float] = LEVELS, *, measured: Any = None) -> Bands:
    """Median and central bands of a quantity over the draws of a forecast.

    Args:
        run: as `sdesim.training.forecast` gives it, or any run of many trajectories.
        quantity: "loss", "test_loss", "test_accuracy", or, with probes, a name of `measure` ("lambda_max").
        levels: shares of the draws within each band, ascending.
        measured: what `measure` gave of the run, so that it need not be made again.

    Raises:
        RunError: the run does not hold it, or a level is outside (0, 1).
    """
    wide = _levels(levels)
    time, values = _values(run, quantity, measured)
    finite = np.isfinite(values)
    kept = finite.any(axis=0)
    time, values, finite = time[kept], values[:, kept], finite[:, kept]
    if not len(time):
        raise RunError(f"no draw of the forecast holds a finite {quantity!r}")
    shares = [0.5, *((1 - q) / 2 for q in wide), *((1 + q) / 2 for q in wide)]
    quantiles = np.nanquantile(np.where(finite, values, np.nan), shares, axis=0)
    count = len(wide)
    draws = finite.sum(axis=0)
    flags: tuple[str, ...] = ("few_draws",) if draws.min() * (1 - wide[-1]) / 2 < _BEYOND - 1e-9 else ()
    flags += ("lost_draws",) if draws.min() < len(values) else ()
    return Bands(
        quantity, time, quantiles[0], wide, quantiles[1 : 1 + count], quantiles[1 + count :], draws, flags
    )


@refusing(RunError)
def time_to(
    run: Any, quantity: str, *, above: float | None = None, below: float | None = None,
    levels: Sequence[float] = LEVELS,
) -> Reach:  # fmt: skip
    """When a quantity first reaches a threshold: the first saved step at which it is at least ``above``, or
    at most ``below``, counted from the training's beginning.

    Args:
        run: a forecast. quantity: what it holds at its saved steps, such as "test_accuracy".
        above, below: the threshold, one of them.
        levels: as of `bands`.

    Raises:
        RunError: neither or both thresholds, or no such quantity along the saved steps.
    """
    check_run(run)
    if (above is None) == (below is None):
        raise RunError("time_to needs one of above and below")
    if quantity not in run or "step" not in run[quantity].dims:
        raise RunError(f"the run holds no {short(quantity)} at its saved steps")
    values = np.asarray(run[quantity].transpose("trajectory", "step").values, dtype=np.float64)
    wanted = finite(below, "below", RunError) if above is None else finite(above, "above", RunError)
    passed = values <= wanted if above is None else values >= wanted
    steps = np.asarray(run["step"].values) + int(run.attrs.get("forecast_from", 0))
    first = np.where(passed.any(axis=1), steps[passed.argmax(axis=1)].astype(np.float64), np.inf)
    wide = _levels(levels)
    found = {q: (float(_quantile(first, (1 - q) / 2)), float(_quantile(first, (1 + q) / 2))) for q in wide}
    return Reach(
        quantity, above, below, float(np.isfinite(first).mean()), len(first), float(_quantile(first, 0.5)),
        found, int(np.diff(steps).max()) if len(steps) > 1 else 0,
    )  # fmt: skip


@refusing(RunError)
def phase_shares(run: Any, *, measured: Any = None) -> dict[str, Array]:
    """The share of a forecast's probed draws in each phase, by its name (P,), at the times "time" (P,); draws
    whose phase is not defined count in none.

    Args:
        run: a forecast with probes. measured: as of `bands`.

    Raises:
        RunError: the run has no phases.
    """
    check_run(run)
    if measured is None and "probe" in run.dims:
        from sdesim.runs import measure

        measured = measure(run)
    found = phase_array(measured, "phase")
    if found is None:
        raise RunError("the run holds no phases: forecast with probes")
    labels, time = found
    return {"time": time, **{phase: (labels == phase).mean(axis=0) for phase in PHASES}}


def _quantile(x: Array, share: float) -> float:
    # Without a mean of two values, of which one may be infinite.
    return float(np.quantile(x, share, method="higher"))


def _levels(levels: Sequence[float]) -> tuple[float, ...]:
    wide = np.sort(as_reals(levels, "levels", RunError))
    if wide.ndim != 1 or not wide.size or not ((wide > 0) & (wide < 1)).all():
        raise RunError(f"levels must be in (0, 1), got {short(levels)}")
    return tuple(wide.tolist())


def _values(run: Any, quantity: str, measured: Any) -> tuple[Array, Array]:
    """Times (T,) and values (draws, T)."""
    check_run(run)
    held = quantity in run and "step" in run[quantity].dims
    if measured is None and not held and "probe" in run.dims:
        from sdesim.runs import measure

        measured = measure(run)
    found = series(run, measured, quantity)
    if found is None:
        raise RunError(f"the run holds no {short(quantity)}")
    return found.time[0], found.values
