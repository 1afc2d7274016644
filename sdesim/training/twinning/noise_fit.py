"""What a recorded run says of its gradient noise: trace, tail index, stable scale, longest step."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.estimators import Estimate, tail_index
from sdesim.noise import sample_stable
from sdesim.runs.schema import check_run
from sdesim.training.families.ranking import FamilyRanking, rank_families

Array = NDArray[np.float64]
# Draws from which the quartiles of a stable law are read: their relative error is about 0.3%.
_QUARTILE_DRAWS = 400_000
# Example gradients of at most this many numbers are held at once: 64 MB.
_ROOM = 2**23


@dataclass(frozen=True)
class NoiseFit:
    """The noise of a recorded run's minibatch gradients, pooled over its trajectories and probes.

    Attributes:
        trace: Tr Σ at the training batch, mean over trajectories and probes.
        alpha: tail index of the gradients along fixed random directions, every direction of every probe
            centred and scaled by itself before pooling.
        spread: γ, the mean scale of the α-stable law (characteristic function exp(−|γu|^α)) whose middle half
            is as wide as that of the gradients along one direction.
        learning_rate: η.
        run: the recorded run, which `families` is read from.
    """

    trace: float
    alpha: Estimate
    spread: float
    learning_rate: float
    run: xr.Dataset = field(repr=False, compare=False)

    @property
    def index(self) -> float:
        """α, at most 2."""
        return min(2.0, float(self.alpha.value))

    @property
    def scale(self) -> float:
        """σ of the driving noise: the gradient noise −σ η^{1/α−1} S has the scale γ, so σ = γ η^{1−1/α}."""
        return float(self.spread * self.learning_rate ** (1 - 1 / self.index))

    @cached_property
    def families(self) -> FamilyRanking:
        """Which family of noises is closest, by held-out gradients and paths of the run: covariance (none,
        isotropic, diagonal, full minibatch) × tail (Gaussian, stable, truncated) × correlation in time (with
        or without replacement), with the uncertainty of the order (`rank_families`).

        Raises:
            RunError: too few gradients.
        """
        return rank_families(self.run)


def fit_noise(run: xr.Dataset) -> NoiseFit:
    """Fit the recorded gradient noise of a real run; its ``families`` ranks families of noises.

    Raises:
        RunError: the run has no gradient probes at its training batch, or too few draws.
    """
    check_run(run)
    batch = float(run.attrs.get("batch_size") or 0)
    probed = float(run.attrs.get("probe_batch_size") or batch)
    if "gradient_projection" not in run or not batch:
        raise RunError("fitting the noise needs a run with minibatches and gradient probes")
    if probed != batch:
        raise RunError(
            f"fitting the noise needs probes at the training batch {batch:g}, they were made at {probed:g}"
        )
    names = ("trajectory", "probe", "sample", "direction")
    draws = np.asarray(run["gradient_projection"].transpose(*names).values, dtype=np.float64)
    known = np.isfinite(draws).all(axis=(2, 3))
    if not known.any():
        raise RunError("the run's probes hold no finite gradients")
    draws = draws[known]
    middle = np.quantile(draws, [0.25, 0.5, 0.75], axis=1)
    width = middle[2] - middle[0]
    # A direction in which the gradients do not vary has no scale.
    moving = (width > 0).all(axis=0)
    width = width[:, moving]
    if not width.size:
        raise RunError("the run's gradients do not vary, so there is no noise to fit")
    unit = (draws[:, :, moving] - middle[1][:, None, moving]) / width[:, None, :]
    alpha = tail_index(unit.reshape(-1, unit.shape[-1]))
    if not np.isfinite(alpha.value):
        raise RunError(f"the tail index can't be fitted to {draws.shape[0] * draws.shape[1]} draws")
    return NoiseFit(
        trace=float(np.nanmean(run["noise"].values)),
        alpha=alpha,
        spread=float(width.mean() / _unit_width(min(2.0, float(alpha.value)))),
        learning_rate=float(run.attrs.get("base_learning_rate", run.attrs["learning_rate"])),
        run=run,
    )


def _unit_width(alpha: float) -> float:
    """Width of the middle half of the symmetric stable law of unit scale."""
    low, high = np.quantile(sample_stable(alpha, 0.0, _QUARTILE_DRAWS, seed=0), [0.25, 0.75])
    return float(high - low)


def longest_deviation(run: xr.Dataset, surface: Any) -> float:
    """max |∇ℓ_i(θ) − ∇L(θ)| over examples i and the recorded θ at the probes.

    No minibatch mean lies farther from ∇L, so η times it is the longest step that the noise can make.

    Raises:
        RunError: the run holds no θ.
    """
    if "theta" not in run:
        raise RunError('the longest noise step needs the recorded θ: record with save=("theta", "loss")')
    steps = np.asarray(run["step"].values)
    wanted = np.asarray(run["probe_step"].values) if "probe_step" in run.coords else steps[[0, -1]]
    places = np.unique(np.abs(steps[None, :] - wanted[:, None]).argmin(axis=1))
    count = surface.kernel().examples
    hop = max(1, _ROOM // surface.dim)
    longest = 0.0
    for theta in np.asarray(run["theta"][:, places].values, dtype=np.float64).reshape(-1, surface.dim):
        if not np.isfinite(theta).all():
            continue
        mean = surface.grad(theta)
        for start in range(0, count, hop):
            rows = np.arange(start, min(start + hop, count))
            apart = np.linalg.norm(surface.example_gradients(theta, rows) - mean, axis=1)
            longest = max(longest, float(apart.max()))
    return longest
