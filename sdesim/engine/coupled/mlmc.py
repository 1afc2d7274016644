"""Multilevel Monte Carlo: a mean at the end of many paths, most of them walked in few steps."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from sdesim.engine.coupled.level_sampler import ANTITHETIC, PLAIN, SINGLE, LevelSampler
from sdesim.engine.coupled.paths import coupled
from sdesim.engine.coupled.quantity import compiled_quantity
from sdesim.engine.coupled.weak_rate import Bias, bias_of, cheapest_plain
from sdesim.engine.schemes import Scheme
from sdesim.errors import SdesimError
from sdesim.estimate import Estimate
from sdesim.kinds.numbers import positive, whole

LEVEL = 0.95
# Samples that a level begins with (at least, where the one before has few), how many levels at least, and at
# most: the shortest step is T/2²⁰.
_PILOT, _LEAST, _FIRST_LEVELS, _MOST_PILOTS, _MOST_LEVELS = 4096, 256, 4, 15, 20
# The share of the tolerance that sampling may take while the bias is not known, and the most that it may.
_SAMPLING = 0.9
# A variance known to a worse relative standard error than this is said to be uncertain.
_UNCERTAIN = 0.2


@dataclass(frozen=True, repr=False, eq=False)
class MultilevelEstimate(Estimate):
    """An Estimate with the levels that it is the sum of.

    Attributes:
        rows: one (level, steps, dt, n, mean, standard error, variance, kurtosis, cost, evaluations) a level.
    """

    rows: tuple[Mapping[str, Any], ...] = ()

    @property
    def levels(self) -> Any:
        """A pandas DataFrame with a row for each level.

        dt is its (shorter) step; n how many samples; mean and variance are of what it adds, with se the
        standard error of the mean; fine_variance is of the quantity itself at this step; cost the steps of
        one sample; evaluations those of all, with what the pilot spent.
        """
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON, the levels a list."""
        return super().to_dict() | {"levels": [dict(row) for row in self.rows]}

    def plot(self, ax: Any = None) -> Any:
        """Variance and mean of what each level adds, over its step; returns the Axes."""
        rest = self.rows[1:]
        dt, mean, se, variance = (
            np.array([row[name] for row in rest]) for name in ("dt", "mean", "se", "variance")
        )
        named = {"variance": (dt, variance), "|mean|": (dt, np.abs(mean), se)}
        label = f"what a level adds to {self.details['quantity']}"
        return import_module("sdesim.plots").convergence(named, ylabel=label, ax=ax)


def mlmc(
    sde: Any, quantity: Callable[..., Any], T: float, tolerance: float, seed: int = 0, *, noise: Any = (),
    theta0: ArrayLike | None = None, scheme: str | Scheme = "auto", antithetic: bool | None = None,
    most_evaluations: float = 1e11, threads: int | None = None,
) -> MultilevelEstimate:  # fmt: skip
    """E f(x_T) to a tolerance, by samples of f at a long step and ever fewer of what halving it changes.

    E f at the shortest step is Σ_l E[f_l − f_{l−1}], f_l of the path with T/2^l. The two paths of a sample
    share their noise, a long increment being the sum of two short ones, so that their difference varies
    little, and less the shorter the step. Numbers of samples are n_l ∝ √(V_l/C_l) (variance, cost); levels
    are added until the bias that is left, which the decay of the means shows, is small, and as long as that
    makes the whole cheaper. The longest step is the one that makes the whole cheapest: an unstable one is
    dropped.

    Args:
        sde: an equation of `sdesim.sdes`, or a surface of `sdesim.surfaces`.
        quantity: f, a function of one state x (d,) that gives a number and that Numba compiles.
        T: the time.
        tolerance: absolute half-width of the 95% interval, bias included.
        seed: the result is a function of the arguments and of this alone.
        noise, theta0, scheme: as in `simulate`, theta0 one for all. Increments over a step must be sums of
            those over its parts: minibatch noise and truncated jumps are refused.
        antithetic: whether a sample has a third path, of the short step, whose increments change places in
            pairs, and the mean over both short ones is taken. None: where it makes the whole cheaper, as with
            schemes that leave out the Lévy areas of several Wiener processes.
        most_evaluations: steps of paths that may be spent. 10¹¹ take some minutes.
        threads: default all cores.

    Returns:
        An Estimate with `levels`. The half-width is 1.96 standard errors and `bias`, a bound on the bias,
        both in ``details``, with `weak_order` as fitted (NaN where it does not stand out of the noise),
        `evaluations`, and `plain_evaluations` of the cheapest run at one step that keeps the tolerance.
        Flags: `variance_uncertain` (samples are so heavy-tailed that the interval may be too narrow),
        `order_not_told` (order ½ is taken for the bias then), `not_asymptotic` (means don't fall as a
        power of dt yet; the bias is the largest that the last three levels show).

    Raises:
        SdesimError: in one line: an argument is out of its range, the quantity does not compile or has no
            variance under the noise, paths explode, or the tolerance would cost more than allowed.

    Source: M. Giles, "Multilevel Monte Carlo path simulation", Oper. Res. 56 (2008); M. Giles, L. Szpruch,
    "Antithetic multilevel Monte Carlo estimation for multi-dimensional SDEs without Lévy area simulation",
    Ann. Appl. Probab. 24 (2014).

    Example:
        >>> sde = sdesim.sdes.GeometricBrownian(drift=0.05, volatility=0.2)
        >>> sdesim.mlmc(sde, lambda x: max(x[0] - 1.0, 0.0), T=1.0, tolerance=1e-4)
    """
    tolerance, seed = positive(tolerance, "tolerance"), whole(seed, "seed", least=0)
    if seed >= 2**64:
        raise SdesimError(f"seed must be below 2^64, got {seed}")
    most = positive(most_evaluations, "most_evaluations")
    cores = os.cpu_count() or 1
    threads = cores if threads is None else min(whole(threads, "threads"), cores)
    equation = coupled(sde, noise, theta0, T, scheme, 2**_FIRST_LEVELS)
    made = compiled_quantity(quantity, equation.start)
    made.check_moments(equation.start, equation.tail_index)
    if antithetic and not equation.exchangeable:
        raise SdesimError("antithetic: found True, allowed: False where increments depend on their time")
    turned = equation.exchangeable if antithetic is None else antithetic

    def sampler(level: int) -> LevelSampler:
        sort = SINGLE if level == 0 else ANTITHETIC if turned else PLAIN
        return LevelSampler(equation, made, seed, level, 2**level, sort)

    levels = _pilot(sampler, threads)
    if turned and antithetic is None and not _antithetic_pays(levels[1:]):
        for level in levels[1:]:
            level.turn_to(PLAIN)
        turned = False
    bias = _sample(levels, sampler, tolerance, most, threads)
    return _estimate(levels, bias, tolerance)


def _pilot(sampler: Callable[[int], LevelSampler], threads: int) -> list[LevelSampler]:
    """The first levels, from the longest step on that pays."""
    levels: list[LevelSampler] = []
    while True:
        levels.append(sampler(len(levels)))
        levels[-1].draw(_PILOT, threads)
        if len(levels) < _FIRST_LEVELS:
            continue
        costs = []
        for k, base in enumerate(levels):
            rest = levels[k + 1 :]
            sound = all(level.finite for level in rest) and math.isfinite(base.fine.second)
            root = math.sqrt(base.fine.variance * base.steps) + sum(map(_share, rest)) if sound else math.inf
            costs.append(root)
        best = int(np.argmin(costs))
        # Two differences at least show how they fall.
        if costs[best] < math.inf and best <= len(levels) - 3:
            levels[best].turn_to(SINGLE)
            return levels[best:]
        if len(levels) == _MOST_PILOTS:
            levels[-1].check_finite()
            dt = levels[-1].equation.duration / levels[-1].steps
            raise SdesimError(
                f"a path or the quantity varies the less the shorter the step down to dt = {dt:.2g}, as "
                "where longer ones are unstable: choose another scheme, such as 'implicit-euler'"
            )


def _share(level: LevelSampler, variance: float | None = None) -> float:
    return math.sqrt(max(level.difference.variance if variance is None else variance, 0.0) * level.cost)


def _antithetic_pays(levels: Sequence[LevelSampler]) -> bool:
    """Whether the third path lowers the variance by more than it costs, over the levels so far."""
    plain = sum(math.sqrt(level.plain.variance * 1.5 * level.steps) for level in levels)
    return sum(map(_share, levels)) < plain


def _variances(levels: Sequence[LevelSampler]) -> list[float]:
    """Of each level; of few samples not below half of what the decay so far makes expect."""
    found = [level.difference.variance for level in levels]
    ratios = [b / a for a, b in pairwise(found[1:]) if a > 0.0]
    decay = float(np.clip(np.median(ratios), 0.05, 1.0)) if ratios else 0.5
    for k in range(2, len(found)):
        found[k] = max(found[k], 0.5 * decay * found[k - 1])
    return found


def _sample(
    levels: list[LevelSampler], sampler: Callable[[int], LevelSampler], tolerance: float, most: float,
    threads: int,
) -> Bias:  # fmt: skip
    """Draw, and add levels, until bias and sampling are within the tolerance."""
    z = float(ndtri(0.5 + 0.5 * LEVEL))
    allowed = _SAMPLING * tolerance
    while True:
        for level in levels:
            level.check_finite()
        variances = _variances(levels)
        root = sum(_share(level, v) for level, v in zip(levels, variances, strict=True))
        needed = [
            math.ceil((z / allowed) ** 2 * math.sqrt(v / level.cost) * root)
            for level, v in zip(levels, variances, strict=True)
        ]
        _check_reach(levels, needed, tolerance, most)
        short = [(level, n) for level, n in zip(levels, needed, strict=True) if n > level.n]
        if short:
            for level, n in short:
                # In stages, since the variance is known the better the more there are.
                level.draw(min(n + n // 50, 8 * level.n), threads)
            continue
        bias = bias_of(levels)
        if _deeper(levels, bias, z * root, tolerance):
            levels.append(sampler(levels[-1].level + 1))
            levels[-1].draw(int(np.clip(levels[-2].n // 2, _LEAST, _PILOT)), threads)
            continue
        error = z * math.sqrt(sum(level.difference.standard_error**2 for level in levels))
        if error + bias.bound <= tolerance:
            return bias
        # Sampling must leave room for the bias; a little less, so that it ends.
        allowed = min(0.99 * allowed, tolerance - bias.bound)


def _deeper(levels: Sequence[LevelSampler], bias: Bias, root: float, tolerance: float) -> bool:
    """Whether a further level is needed, or makes the whole cheaper by a tenth; root: z Σ √(V_l C_l)."""
    if levels[-1].level >= _MOST_LEVELS:
        if bias.bound >= 0.9 * tolerance:
            raise SdesimError(
                f"tolerance: found {tolerance:g}, out of reach: the bias at dt = T/2^{_MOST_LEVELS} is up to "
                f"{bias.bound:.2g}"
            )
        return False
    if bias.bound > 0.5 * tolerance:
        return True
    last, before = _share(levels[-1]), _share(levels[-2])
    more = last * min(1.5, last / before) if before > 0.0 else last
    left = tolerance - bias.bound * 2.0**-bias.used
    start = _LEAST * 2.0 * levels[-1].cost
    return bool(((root + more) / left) ** 2 + start < 0.9 * (root / (tolerance - bias.bound)) ** 2)


def _check_reach(
    levels: Sequence[LevelSampler], needed: Sequence[int], tolerance: float, most: float
) -> None:  # fmt: skip
    """Refuse a tolerance that costs too much, or that lies below the rounding of the value."""
    total = sum(max(n, level.n) * level.cost for level, n in zip(levels, needed, strict=True))
    if total > most:
        within = tolerance * math.sqrt(total / most)
        raise SdesimError(
            f"tolerance: found {tolerance:g}, which takes some {total:.1g} step evaluations; "
            f"most_evaluations allows {most:.1g}, for about {within:.1g}"
        )
    value = abs(levels[0].difference.mean)
    if tolerance < 1e-13 * value:
        raise SdesimError(f"tolerance: found {tolerance:g}, below the rounding of the value, {value:.3g}")


def _estimate(levels: Sequence[LevelSampler], bias: Bias, tolerance: float) -> MultilevelEstimate:
    z = float(ndtri(0.5 + 0.5 * LEVEL))
    parts = np.array([level.difference.standard_error**2 for level in levels])
    value, error = math.fsum(level.difference.mean for level in levels), z * math.sqrt(parts.sum())
    spread = np.array([(level.difference.kurtosis - 1.0) / level.n for level in levels])
    uncertain = parts.sum() > 0.0 and math.sqrt((parts**2 * spread).sum()) > _UNCERTAIN * parts.sum()
    flags = [*bias.flags, *(["variance_uncertain"] if uncertain else [])]
    evaluations = float(sum(level.spent for level in levels))
    last = levels[-1]
    plain = cheapest_plain(last.fine.variance, last.steps, bias, tolerance, z)
    details = {
        "bias": bias.bound,
        "statistical": error,
        "weak_order": bias.order,
        "evaluations": evaluations,
        "plain_steps": plain[0],
        "plain_evaluations": plain[1],
        "quantity": last.quantity.label,
        "scheme": last.equation.scheme.name,
        "antithetic": last.sort == ANTITHETIC,
    }
    rows = tuple(
        {
            "level": level.level, "steps": level.steps, "dt": level.equation.duration / level.steps,
            "n": level.n, "mean": level.difference.mean, "se": level.difference.standard_error,
            "variance": level.difference.variance, "fine_variance": level.fine.variance,
            "kurtosis": level.difference.kurtosis, "cost": level.cost, "evaluations": level.spent,
        }
        for level in levels
    )  # fmt: skip
    half = error + bias.bound
    n = sum(level.n for level in levels)
    return MultilevelEstimate(
        value, value - half, value + half, LEVEL, "multilevel", n, tuple(flags), details, rows
    )  # fmt: skip
