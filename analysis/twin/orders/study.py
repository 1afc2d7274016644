"""Weak errors at every step size, from coupled trajectories, and the order that is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from analysis.twin.orders.families import START, Family, loss, slope, strength
from sdesim.optimizers.sde import mixed

Array = NDArray[np.float64]
OBSERVABLES = ("θ₁", "θ₂", "θ₁²", "θ₁θ₂", "L")
RESAMPLED = 2000


@dataclass(frozen=True)
class Order:
    """The weak order of a family.

    Attributes:
        family: which.
        scales: ε (S,).
        errors, noise: of each the norm over the observables of E f(optimizer) − E f(twin), and its standard
            error.
        used: which errors stand out of their noise.
        order, low, high: p of A ε^p (1 + B ε) fitted to them, and its 95% interval; NaN with fewer than 4.
    """

    family: Family
    scales: Array
    errors: Array
    noise: Array
    used: NDArray[np.bool_]
    order: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Whether the stated order lies within the interval."""
        if self.family.stated is None:
            return "none stated"
        if not np.isfinite(self.order):
            return "undecided"
        if self.low <= self.family.stated <= self.high:
            return "met"
        return "higher" if self.low > self.family.stated else "lower"


def measure(
    family: Family, scales: Sequence[float], *, time: float = 2.0, shares: int = 8, count: int = 100_000,
    batches: int = 40, seed: int = 0,
) -> Order:  # fmt: skip
    """Optimizer and twin at each ε on the same noise, the twin by so many shares of a step."""
    rows = np.stack(
        [
            differences(
                family, epsilon, time=time, shares=shares, count=count, batches=batches, seed=seed + k
            )
            for k, epsilon in enumerate(scales)
        ]
    )
    errors, noise = _sizes(rows), np.sqrt(rows.var(1, ddof=1).sum(1) / batches)
    used = errors > 3 * noise
    over = np.log(1 / np.asarray(scales)) if family.logarithm else np.ones(len(scales))
    rng = np.random.default_rng(seed)
    known = np.asarray(scales)[used]
    if used.sum() < 4:
        return Order(family, np.asarray(scales), errors, noise, used, np.nan, np.nan, np.nan)
    picks = rng.integers(batches, size=(RESAMPLED, batches))
    again = np.stack([(_sizes(rows[:, pick]) / over)[used] for pick in picks])
    weights = errors[used] / noise[used]
    order = float(_slopes(known, (errors / over)[used][None], weights)[0])
    low, high = np.quantile(_slopes(known, again, weights), [0.025, 0.975])
    return Order(family, np.asarray(scales), errors, noise, used, order, float(low), float(high))


def _slopes(scales: Array, errors: Array, weights: Array) -> Array:
    """p of log e = log A + p log ε + B ε by least squares, weighted by e over its standard error; (R,)."""
    columns = np.stack([np.ones_like(scales), np.log(scales), scales], 1) * weights[:, None]
    found = np.linalg.lstsq(columns, (np.log(errors) * weights).T, rcond=None)[0]
    return np.asarray(found[1])


def _sizes(rows: Array) -> Array:
    """Norms of the means over batches (S, B, F) → (S,)."""
    return np.asarray(np.linalg.norm(rows.mean(1), axis=1))


def differences(
    family: Family, epsilon: float, *, time: float, shares: int, count: int, batches: int, seed: int
) -> Array:
    """Means over batches of f(optimizer) − f(twin) at the end, (batches, observables)."""
    equation: Any = family.kind(epsilon).sde(form=family.form)
    exact: Any = family.kind(epsilon).sde()
    steps, rate = round(time / epsilon), family.kind(epsilon).lr
    draws = 1 + max(one.draw for one in equation.inputs(1 / shares))
    made = torch.Generator().manual_seed(seed)
    optimizer, twin = START.repeat(count, 1), START.repeat(count, 1)
    (state, begin), (twin_state, _) = (_begun(family, one, START.repeat(count, 1), epsilon)
                                       for one in (exact, equation))  # fmt: skip
    shape = (draws, count, len(START))
    for step in range(steps):
        total = torch.zeros(shape[1:], dtype=torch.float64)
        for j in range(shares):
            drawn = torch.randn(shape, generator=made, dtype=torch.float64)
            # What the shares of a step add up to is normal with the variance of one step's.
            total += (drawn[0] if draws == 1 else mixed(drawn, 1 / shares) / shares**0.5) / shares**0.5
            _advance(equation, twin, twin_state, drawn, epsilon, rate, 1 / shares, begin + step + j / shares)
        _advance(exact, optimizer, state, total[None], epsilon, rate, 1.0, begin + step)
    found = observed(optimizer) - observed(twin)
    return np.asarray(found.reshape(batches, -1, len(OBSERVABLES)).mean(1).numpy())


def _begun(family: Family, equation: Any, theta: Tensor, epsilon: float) -> tuple[dict[str, Tensor], float]:
    state = equation.initial(theta)
    if family.begins is None:
        return state, 0.0
    given, step = family.begins(theta, epsilon)
    return {**state, **{name: values.clone() for name, values in given.items()}}, step


def _advance(
    equation: Any, theta: Tensor, state: dict[str, Tensor], drawn: Tensor, epsilon: float, rate: float,
    share: float, step: float,
) -> None:  # fmt: skip
    """A share on the given normal numbers (draws, K, d)."""
    mean, spread = slope(theta), strength(theta, epsilon)
    inputs = [one.gradient * mean + one.noise * spread * drawn[one.draw] for one in equation.inputs(share)]
    equation.advance(theta, state, inputs, rate=rate, share=share, step=step)


def observed(theta: Tensor) -> Tensor:
    """Observables (K, F)."""
    first, second = theta[:, 0], theta[:, 1]
    return torch.stack([first, second, first**2, first * second, loss(theta)], 1)
