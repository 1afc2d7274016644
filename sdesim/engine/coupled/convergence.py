"""Strong and weak order of a scheme for an equation of one's own, from paths that share their noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.engine.coupled.order_fit import fitted_order
from sdesim.engine.coupled.paths import Coupled, coupled
from sdesim.engine.coupled.quantity import Quantity, compiled_quantity
from sdesim.engine.schemes import Scheme
from sdesim.errors import SdesimError
from sdesim.estimate import Estimate
from sdesim.kinds.numbers import whole
from sdesim.runs.schema import BLOW_UP

Array = NDArray[np.float64]
_FEWEST = 100
# Errors below this share of the size of the state are of the arithmetic.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Convergence:
    """What `convergence` found.

    Attributes:
        steps, dt: numbers of steps to T, ascending, and their lengths (S,).
        strong, weak: the orders, Estimates.
        strong_error, weak_error: (S,); what halving the step changes, see `convergence`. With `strong_se`
            and `weak_se`, their standard errors.
        power: p of the norm (E|x|^p)^{1/p} of the strong error.
        quantity: what the weak error is of.
        scheme: that was taken. trajectories: how many.
    """

    steps: tuple[int, ...]
    dt: Array
    strong: Estimate
    weak: Estimate
    strong_error: Array
    strong_se: Array
    weak_error: Array
    weak_se: Array
    power: float
    quantity: str
    scheme: str
    trajectories: int

    def to_table(self) -> Any:
        """A pandas DataFrame with a row for each step."""
        import pandas as pd

        names = ("dt", "strong_error", "strong_se", "weak_error", "weak_se")
        columns = {name: getattr(self, name) for name in names}
        return pd.DataFrame(columns, index=pd.Index(self.steps, name="steps"))

    def plot(self, ax: Any = None) -> Any:
        """Both errors over dt on logarithmic axes, with the orders in the legend; returns the Axes."""
        named = {}
        for name, found, error, se in (
            ("strong", self.strong, self.strong_error, self.strong_se),
            (f"weak, {self.quantity}", self.weak, self.weak_error, self.weak_se),
        ):
            told = {"slope": found.value, "low": found.low, "high": found.high}
            named[name] = SimpleNamespace(dt=self.dt, error=error, se=se, **told)
        return import_module("sdesim.plots").convergence(named, ylabel="what halving dt changes", ax=ax)

    def __str__(self) -> str:
        said = [f"strong order {self.strong} in the norm (E|x|^p)^(1/p), p = {self.power:g}"]
        said += [f"weak order {self.weak} of {self.quantity}"]
        return f"{self.scheme}: " + "; ".join(said)


def convergence(
    sde: Any, T: float, steps: Sequence[int] = (16, 32, 64, 128),
    quantity: Callable[..., Any] | None = None, trajectories: int = 10_000, seed: int = 0, *, noise: Any = (),
    theta0: ArrayLike | None = None, scheme: str | Scheme = "auto",
) -> Convergence:  # fmt: skip
    """How fast a scheme's errors at T fall with the step, for any equation and with no exact solution.

    The errors are what halving the step changes on the same noise: ‖x_h − x_{h/2}‖ in the norm
    (E|x|^p)^{1/p}, and |E f(x_h) − E f(x_{h/2})|. Where the true error is C h^a they are C (1 − 2^{−a}) h^a,
    so that the slope of their logarithms is the order, with no error of a reference solution in it. One path
    of noise, that of `simulate` at the shortest step and this seed, drives all steps.

    Args:
        sde: an equation of `sdesim.sdes`, or a surface of `sdesim.surfaces`.
        T: the time.
        steps: numbers of steps to T, two or more, each a divisor of the largest. The shortest step walked is
            half of that of the largest.
        quantity: f, a function of one state x (d,) that gives a number and that Numba compiles; None for
            |x|², or cos Σx_k where that has no variance.
        trajectories: paths. seed: of the noise.
        noise, theta0, scheme: as in `simulate`, theta0 one for all; what `mlmc` refuses is refused here too.

    Returns:
        The orders with 95% intervals and the errors; `.plot()` draws them. p is 2, and α/3 under noise of
        tail index α, where moments from α on don't exist. Orders have flags: `noise_floor` (only the longest
        steps stand out of the noise, and make the order), `not_told` (fewer than two do: NaN; more
        trajectories tell), `rounding` (errors are those of the arithmetic: NaN), `not_asymptotic` (the slope
        still changes with the step, so that the interval is not one of the limit).

    Raises:
        SdesimError: in one line: an argument is out of its range, or paths are not finite.

    Example:
        >>> found = sdesim.convergence(sdesim.sdes.GeometricBrownian(drift=0.1, volatility=0.5), T=1.0)
        >>> found.strong, found.weak
    """
    counts = _checked_steps(steps)
    trajectories = whole(trajectories, "trajectories", least=_FEWEST)
    seed = whole(seed, "seed", least=0)
    if seed >= 2**64 or trajectories >= 2**32:
        raise SdesimError("seed must be below 2^64, and trajectories below 2^32")
    equation = coupled(sde, noise, theta0, T, scheme, 2 * counts[-1])
    alpha = equation.tail_index
    power = 2.0 if alpha is None else alpha / 3.0
    made = _quantity(quantity, equation)
    grid = sorted({*counts, *(2 * n for n in counts)})
    fine = grid[-1]
    place = {n: k for k, n in enumerate(grid)}
    strong, weak, size = [], [], 0.0
    for first in range(0, trajectories, equation.chunk):
        count = min(equation.chunk, trajectories - first)
        states = equation.walk(fine, [fine // n for n in grid], seed, first, count)
        _check_finite(states, grid, equation)
        pairs = [(place[n], place[2 * n]) for n in counts]
        gaps = [np.sqrt(np.sum((states[a] - states[b]) ** 2, axis=0)) for a, b in pairs]
        strong.append(np.array([gap**power for gap in gaps]).T)
        values = np.array([made(x) for x in states])
        weak.append(np.array([values[a] - values[b] for a, b in pairs]).T)
        size = max(size, float(np.abs(values).max()))
    reach = float(np.abs(equation.start).max()) + float(np.median(np.abs(states[-1])))
    order, error, se = fitted_order(
        np.concatenate(strong), counts, lambda mean: mean ** (1.0 / power), "halving, strong",
        _ROUNDING * reach,
    )  # fmt: skip
    weak_order, weak_error, weak_se = fitted_order(
        np.concatenate(weak), counts, np.abs, "halving, weak", _ROUNDING * size
    )
    return Convergence(
        tuple(counts), equation.duration / np.array(counts, float), order, weak_order, error, se, weak_error,
        weak_se, power, made.label, equation.scheme.name, trajectories,
    )  # fmt: skip


def _checked_steps(steps: Sequence[int]) -> list[int]:
    counts = sorted({whole(n, "steps") for n in steps})
    if len(counts) < 2:
        raise SdesimError(f"steps: found {len(counts)} number, allowed: at least two different ones")
    if odd := [n for n in counts if counts[-1] % n]:
        raise SdesimError(f"steps: found {odd[0]}, allowed: divisors of the largest, {counts[-1]}")
    return counts


def _quantity(quantity: Callable[..., Any] | None, equation: Coupled) -> Quantity:
    alpha = equation.tail_index
    if quantity is not None:
        made = compiled_quantity(quantity, equation.start)
        made.check_moments(equation.start, alpha)
        return made
    made = compiled_quantity(squared_norm if alpha is None else cosine, equation.start)
    return replace(made, label="|x|²" if alpha is None else "cos Σx")


def squared_norm(x: Any) -> Any:
    """|x|²."""
    return (x * x).sum()


def cosine(x: Any) -> Any:
    """cos Σ x_k."""
    return math.cos(x.sum())


def _check_finite(states: Array, grid: Sequence[int], equation: Coupled) -> None:
    lost = np.any(~(np.abs(states) < BLOW_UP), axis=1)
    for k, n in enumerate(grid):
        if lost[k].any():
            dt = equation.duration / n
            raise SdesimError(
                f"steps: found {n}, at whose dt = {dt:.3g} {int(lost[k].sum())} of {lost.shape[1]} paths are "
                "not finite: allowed: more steps, or a scheme that does not explode"
            )
