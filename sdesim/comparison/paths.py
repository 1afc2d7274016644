"""Whether whole paths of two arms have one law: a kernel two-sample test, its p-value by exchanging labels.

A path is what a run holds of a trajectory at steps that both arms share: the weights on fixed directions,
their norm, the losses. Every number is divided by its standard deviation over the trajectories of both
arms at its time, and the directions count as much together as one other number. Two paths are |x − y|
apart, the root mean square over times and numbers, of the values or of their increments; kernels are −|x
− y| (the energy distance, Székely & Rizzo, J. Stat. Plan. Inference 143, 2013) and exp(−|x − y|²/2h²), h
half of the median distance, that, and twice of it. For each the squared maximum mean discrepancy (Gretton
et al., JMLR 13, 2012) is

    Σ_ij w_i w_j k(x_i, x_j),     w = 1/n_s in the simulated arm, −1/n_r in the real one,

each in standard deviations from its mean over exchanged labels; the largest is held against its own law under
them (one test out of several kernels, as in Schrab et al., JMLR 24, 2023): for any law of the paths and
any number of seeds the test says "differs" of arms of equal law with a probability of 1 − level at most.
Paired arms exchange labels within pairs. Level and power: ``analysis/verdicts``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sdesim.comparison import statistics as stats
from sdesim.comparison.align import Array, Series, common, series
from sdesim.comparison.design import shared
from sdesim.errors import RunError
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.runs.schema import check_run

NUMBERS = ("theta_projection", "weight_norm", "loss", "test_loss")
MAX_TIMES = 64
_WIDTHS = (0.5, 1.0, 2.0)
# Numbers that spread less than this share of what they do over all times are the same but for rounding.
_LEAST = 0.01


@dataclass(frozen=True)
class PathTest:
    """Whether the paths of two arms have one law.

    Attributes:
        numbers: what a path is made of. times: at how many times. n_simulated, n_real: seeds.
        paired: whether labels were exchanged within pairs.
        p_value: chance of a discrepancy as large, of arms of equal law. p_smallest: the smallest that these
            numbers of seeds can reach.
        level: of the test.
        apart: (2 E|X − Y| − E|X − X′| − E|Y − Y′|)/(2 E|X − Y|), unbiased above and below the line: 0 for one
            law, 1 for two points.
        outcome: "differs", "indistinguishable", or "undecided" where no p-value could be small enough.
    """

    numbers: tuple[str, ...]
    times: int
    n_simulated: int
    n_real: int
    paired: bool
    p_value: float
    p_smallest: float
    level: float
    apart: float
    outcome: Literal["indistinguishable", "differs", "undecided"]

    @property
    def verdict(self) -> str:
        """In words: "whole paths differ (p=0.001, …)", "whole paths are not told apart (…)"."""
        n = f"n={self.n_real} pairs" if self.paired else f"n={self.n_simulated}+{self.n_real}"
        of = f"{', '.join(self.numbers)} at {self.times} times, {n}"
        if self.outcome == "undecided":
            return f"undecided: exchanged labels can't go below p={self.p_smallest:.2g} ({of})"
        told = "differ" if self.outcome == "differs" else "are not told apart"
        return f"whole paths {told} (p={self.p_value:.2g}, smallest {self.p_smallest:.2g}; {of})"

    def __repr__(self) -> str:
        return f"<PathTest: {self.verdict}>"


@refusing(RunError)
def path_test(
    simulated: Any,
    real: Any,
    numbers: Sequence[str] | None = None,
    level: float = 0.95,
    *,
    paired: bool | None = None,
) -> PathTest | None:
    """Tests whether the paths of two runs have one law.

    Args:
        simulated, real: Runs.
        numbers: variables over (trajectory, step) that make a path, or a part of one ("theta.0"); default
        what
            both hold of `NUMBERS`.
        level: 1 − level is the chance to tell arms of equal law apart.
        paired: whether trajectory k of both belongs together; default what `comparison.design` knows.

    Returns:
        None where the arms share no such number over a common time, or one has a single trajectory.

    Raises:
        RunError: level outside (0, 1), a number named that an arm does not hold, or paired arms of different
            numbers of trajectories.
    """
    check_run(simulated, "simulated")
    check_run(real, "real")
    level = level_of(level, error=RunError)
    pairs = bool(shared(simulated, real)) if paired is None else paired
    if pairs and simulated.sizes["trajectory"] != real.sizes["trajectory"]:
        raise RunError(
            f"paired arms need equal numbers of trajectories, got {simulated.sizes['trajectory']} and "
            f"{real.sizes['trajectory']}"
        )
    held = {n: (_held(simulated, n), _held(real, n)) for n in (NUMBERS if numbers is None else numbers)}
    if numbers is not None and (lacking := [n for n, (a, b) in held.items() if not a or not b]):
        arm = "real" if held[lacking[0]][0] else "simulated"
        raise RunError(f"the {arm} run has no number {lacking[0]!r} over steps")
    whole = {n: (a, b) for n, (a, b) in held.items() if a and len(a) == len(b)}
    if not whole:
        return None
    sides = [[s for arms in whole.values() for s in arms[k]] for k in (0, 1)]
    found = common(sides[0], sides[1], pairs, MAX_TIMES)
    if found is None:
        return None
    sim, ref = (np.stack(x, axis=-1) for x in (found.simulated, found.real))
    if min(len(sim), len(ref)) < 2:
        return None
    weights = np.concatenate([np.full(len(a), 1 / len(a)) for a, _ in whole.values()])
    p, apart = _test(sim, ref, weights / weights.sum(), pairs)
    smallest = stats.smallest_p(len(sim), len(ref), pairs)
    told: Any = "differs" if p <= 1 - level else "indistinguishable"
    return PathTest(
        numbers=tuple(whole), times=len(found.times), n_simulated=len(sim), n_real=len(ref), paired=pairs,
        p_value=p, p_smallest=smallest, level=level, apart=apart,
        outcome="undecided" if smallest > 1 - level else told,
    )  # fmt: skip


def _held(run: Any, name: str) -> list[Series]:
    """A series of each component of a number; empty where it is not held over steps."""
    base = name.partition(".")[0]
    if base not in run or not {"trajectory", "step"} <= set(run[base].dims):
        return []
    others = [d for d in run[base].dims if d not in ("trajectory", "step")]
    parts = [f"{name}.{k}" for k in range(run.sizes[others[0]])] if others and base == name else [name]
    return [found for part in parts if (found := series(run, None, part)) is not None]


def _test(sim: Array, real: Array, weights: Array, paired: bool) -> tuple[float, float]:
    """(p-value, apart) of paths (n, T, numbers) whose numbers have these weights."""
    n_s, n_r = len(sim), len(real)
    values = np.concatenate([sim, real])
    features = [values, np.diff(values, axis=1)] if values.shape[1] > 1 else [values]
    distances = [_distances(_scaled(f), weights) for f in features]
    labels = stats.splits(n_s, n_r, paired)
    w = labels / n_s - (1 - labels) / n_r
    found = np.stack([((w @ k) * w).sum(axis=1) for d in distances for k in _kernels(d)])
    spread = found.std(axis=1, keepdims=True)
    apart = np.divide(
        found - found.mean(axis=1, keepdims=True), spread, out=np.zeros_like(found), where=spread > 0
    ).max(axis=0)
    # The slack lets rounding not break ties of the observed split with its mirror image.
    return float((apart >= apart[0] - 1e-9 * abs(apart[0])).mean()), _apart(distances[0], n_s)


def _scaled(values: Array) -> Array:
    """Values (n, T, numbers) in units of their standard deviation over all trajectories at each time."""
    deviation = values.std(axis=0)
    floor = _LEAST * np.sqrt((deviation**2).mean(axis=0))
    unit = np.maximum(deviation, floor)
    centred = values - values.mean(axis=0)
    return np.asarray(np.divide(centred, unit, out=np.zeros_like(centred), where=unit > 0))


def _distances(values: Array, weights: Array) -> Array:
    """Distances (n, n) between paths (n, T, numbers)."""
    flat = (values * np.sqrt(weights / values.shape[1])).reshape(len(values), -1)
    square = (flat**2).sum(axis=1)
    apart = np.sqrt(np.maximum(square[:, None] + square - 2 * flat @ flat.T, 0.0))
    np.fill_diagonal(apart, 0.0)
    return np.asarray(apart)


def _kernels(distances: Array) -> list[Array]:
    median = float(np.median(distances[np.triu_indices(len(distances), 1)]))
    if not median > 0:
        return [-distances]
    return [-distances, *(np.exp(-0.5 * (distances / (width * median)) ** 2) for width in _WIDTHS)]


def _apart(distances: Array, n_s: int) -> float:
    n_r = len(distances) - n_s
    between = float(distances[:n_s, n_s:].mean())
    within = [float(d.sum()) / (n * (n - 1)) for d, n in
              ((distances[:n_s, :n_s], n_s), (distances[n_s:, n_s:], n_r))]  # fmt: skip
    return 1 - sum(within) / (2 * between) if between > 0 else math.nan
