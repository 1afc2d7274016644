"""What a ground-truth case is: rows of (quantity, exact value, estimate, standard error) from n draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import sdesim

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One quantity.

    Attributes:
        quantity: its name within the case.
        exact: the value by closed form or quadrature, of the discrete chain unless the name says otherwise.
        estimate: what the engine gave; None for a reference value that nothing is compared with.
        se: standard error of the estimate; None where the engine's number is deterministic.
        tolerance: largest |estimate − exact| of a deterministic number.
    """

    quantity: str
    exact: float
    estimate: float | None = None
    se: float | None = None
    tolerance: float = 0.0

    @property
    def z(self) -> float | None:
        """(estimate − exact)/se; None without a standard error."""
        if self.estimate is None or self.se is None:
            return None
        return (self.estimate - self.exact) / self.se

    def holds(self, limit: float) -> bool:
        """Whether |z| < limit, or a deterministic estimate is within its tolerance."""
        if self.estimate is None:
            return True
        if self.se is None:
            return abs(self.estimate - self.exact) <= self.tolerance
        return abs((self.estimate - self.exact) / self.se) < limit


@dataclass(frozen=True)
class Case:
    """A numbered case.

    Attributes:
        number: "GT01", …
        claim: what it shows.
        rows: (n, seed) → rows, n the number of independent draws or trajectories.
        small, large: n of the tests and of the study; small 0 where other tests hold the same truth.
    """

    number: str
    claim: str
    rows: Callable[[int, int], list[Row]]
    small: int
    large: int

    def run(self, n: int, seed: int = 0) -> list[Row]:
        """Rows at n trajectories; different cases never share random numbers."""
        return self.rows(n, 10_000 * seed + 100 * int(self.number[2:]))


CASES: dict[str, Case] = {}


def case(number: str, claim: str, *, small: int, large: int) -> Callable[[Any], Any]:
    """Register a function (n, seed) → rows as a case."""

    def register(rows: Callable[[int, int], list[Row]]) -> Callable[[int, int], list[Row]]:
        CASES[number] = Case(number, claim, rows, small, large)
        return rows

    return register


def reference(quantity: str, exact: float) -> Row:
    """A value that is only printed, such as the limit dt → 0."""
    return Row(quantity, float(exact))


def mean_row(quantity: str, exact: float, draws: ArrayLike) -> Row:
    """The mean of independent draws."""
    x = np.asarray(draws, dtype=np.float64)
    return Row(quantity, float(exact), float(x.mean()), float(x.std(ddof=1) / math.sqrt(x.size)))


def quantile_row(quantity: str, exact: float, draws: ArrayLike, p: float, density: float) -> Row:
    """The sample p-quantile of independent draws; se = √(p (1 − p)/n)/f, f the exact density there."""
    x = np.asarray(draws, dtype=np.float64)
    se = math.sqrt(p * (1.0 - p) / x.size) / density
    return Row(quantity, float(exact), float(np.quantile(x, p)), se)


def value_row(quantity: str, exact: float, value: float, tolerance: float) -> Row:
    """A number without chance in it."""
    return Row(quantity, float(exact), float(value), None, tolerance)


def path(
    surface: Any, noise: Any, theta0: ArrayLike | None = None, *, dt: float, steps: int, n: int, seed: int,
    scheme: str = "euler-maruyama", every: int = 1,
) -> Array:  # fmt: skip
    """θ of n trajectories at step 0, every, 2·every, …: (n, saved, d)."""
    run = sdesim.simulate(
        surface, noise, theta0, dt=dt, steps=steps, trajectories=n, seed=seed, scheme=scheme,
        save_every=every, progress=False,
    )  # fmt: skip
    return np.asarray(run.theta.values)


def final(
    surface: Any, noise: Any, theta0: ArrayLike | None = None, *, dt: float, steps: int, n: int, seed: int,
    scheme: str = "euler-maruyama",
) -> Array:  # fmt: skip
    """θ of n trajectories at the last step: (n, d)."""
    run = path(surface, noise, theta0, dt=dt, steps=steps, n=n, seed=seed, scheme=scheme, every=steps)
    return run[:, -1]


def exit_times(
    surface: Any, noise: Any, start: float, lower: float, upper: float, *, dt: float, n: int, seed: int,
    mean: float,
) -> Array:  # fmt: skip
    """First exit times (n,) of coordinate 0 from [lower, upper]; ``mean``: about what to expect.

    The tail of an exit time is exponential, so that after 40 means e^{−40} n are still inside.
    """
    steps = math.ceil(40.0 * mean / dt)
    run = sdesim.simulate(
        surface, noise, start, dt=dt, steps=steps, trajectories=n, seed=seed, save_every=steps,
        scheme="euler-maruyama", events=[sdesim.events.Exit(lower=lower, upper=upper, monitoring="discrete")],
        progress=False,
    )  # fmt: skip
    if run.exit_censored.values.any():
        raise RuntimeError(f"{int(run.exit_censored.sum())} trajectories never left [{lower}, {upper}]")
    return np.asarray(run.exit_time.values[:, 0])


def table(cases: Sequence[tuple[Case, list[Row]]]) -> str:
    """Markdown: one line per row, then the worst |z| and the share of |z| > 2."""
    lines = ["| case | quantity | exact | measured | s.e. | z |", "|---|---|---|---|---|---|"]
    for item, rows in cases:
        for row in rows:
            measured = "" if row.estimate is None else f"{row.estimate:.7g}"
            se = "" if row.se is None else f"{row.se:.2g}"
            z = "" if row.z is None else f"{row.z:+.2f}"
            name = row.quantity.replace("|", "\\|")
            lines.append(f"| {item.number} | {name} | {row.exact:.7g} | {measured} | {se} | {z} |")
    return "\n".join(lines) + "\n\n" + summary([row for _, rows in cases for row in rows])


def summary(rows: Sequence[Row]) -> str:
    """One paragraph over all rows."""
    z = np.array([row.z for row in rows if row.z is not None])
    fixed = [row for row in rows if row.estimate is not None and row.se is None]
    broken = [row.quantity for row in fixed if not row.holds(0.0)]
    text = "No row has a standard error."
    if z.size:
        share = float(np.mean(np.abs(z) > 2.0))
        text = (
            f"{z.size} sampled rows: worst |z| {np.abs(z).max():.2f}, |z| > 2 in {share:.1%} (4.6% expected)."
        )
    return f"{text} {len(fixed)} deterministic rows, outside their tolerance: {', '.join(broken) or 'none'}."
