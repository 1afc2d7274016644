"""Stochastic gradients of a recorded run, in groups that were drawn at nearly one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.runs import projection_directions

Array = NDArray[np.float64]
# Coordinates of θ that are looked at, as many as there are directions.
_COORDINATES = 16
# Steps in a row that count as one place: the mean gradient hardly moves meanwhile.
_STEPS = 32
_LEAST = 16
_MOST_PLACES = 400
_TORCH_SGD = "torch.optim.sgd.SGD"


@dataclass(frozen=True, eq=False)
class Samples:
    """Stochastic gradients.

    Attributes:
        values: (places, n, k), n gradients at each place along k axes.
        trajectory: (places,) the seed of each place.
        axes: "coordinates" where the k axes are coordinates of θ, so that a diagonal covariance is one here;
            "directions" where they are random orthonormal directions.
        source: "steps" (increments of θ over single steps) or "draws" (recorded gradient draws).
    """

    values: Array
    trajectory: NDArray[np.int64]
    axes: str
    source: str


@dataclass(frozen=True)
class Rule:
    """A step that is linear in the gradient: m ← β m + (1 − τ) g, θ ← θ − η m, or θ − η (g + β m) (Nesterov).

    Attributes:
        momentum: β. dampening: τ. nesterov: whether it is Nesterov's.
    """

    momentum: float
    dampening: float
    nesterov: bool


def rule_of_run(run: xr.Dataset) -> Rule | None:
    """The linear rule of a run's steps; None where its optimizer has none that is known from the run."""
    attrs = run.attrs
    other = any(attrs.get(name) for name in ("momentum_changes", "clients", "maximize", "learning_rates"))
    if attrs.get("optimizer_class") != _TORCH_SGD or other or int(attrs.get("amplify") or 1) != 1:
        return None
    beta = float(attrs.get("momentum") or 0.0)
    return Rule(
        beta, float(attrs.get("dampening") or 0.0) if beta else 0.0, bool(attrs.get("nesterov", False))
    )


def gradients_of(run: xr.Dataset) -> Samples:
    """The gradients of single steps where θ was saved at every step of a linear optimizer, else the draws of
    the probes.

    Raises:
        RunError: the run holds neither, or too few.
    """
    rule = rule_of_run(run)
    steps = np.asarray(run["step"].values)
    if rule is not None and "theta" in run and len(steps) > 2 * _STEPS and (np.diff(steps) == 1).all():
        found = _of_steps(run, rule)
        if found is not None:
            return found
    return _of_draws(run)


def _of_draws(run: xr.Dataset) -> Samples:
    names = ("trajectory", "probe", "sample", "direction")
    draws = np.asarray(run["gradient_projection"].transpose(*names).values, dtype=np.float64)
    seeds = np.broadcast_to(np.arange(draws.shape[0])[:, None], draws.shape[:2])
    known = np.isfinite(draws).all(axis=(2, 3)) & (draws.std(axis=2) > 0).any(axis=2)
    values, seeds = draws[known], seeds[known]
    if not len(values) or values.shape[1] < _LEAST:
        raise RunError(
            f"ranking noises needs at least {_LEAST} gradient draws a probe that vary, got {draws.shape[2]}"
        )
    axes = "directions"
    dim = int(run.attrs.get("dim", 0))
    if values.shape[-1] == dim:
        # As many directions as coordinates: back to those.
        values, axes = values @ np.asarray(projection_directions(dim)), "coordinates"
    return _thinned(Samples(values, seeds, axes, "draws"))


def _of_steps(run: xr.Dataset, rule: Rule) -> Samples | None:
    """The gradient of each step, undone from the increments of θ; None where nothing moves."""
    theta = run["theta"].transpose("trajectory", "step", "param")
    dim = theta.sizes["param"]
    rng = np.random.default_rng(dim)
    first, last = np.asarray(theta[:, 0].values), np.asarray(theta[:, -1].values)
    moving = np.flatnonzero((first != last).any(axis=0))
    if len(moving) < 2:
        return None
    chosen = np.sort(rng.permutation(moving)[:_COORDINATES])
    path = np.asarray(theta[:, :, chosen].values, dtype=np.float64)
    rates = np.asarray(run["learning_rate"].transpose("trajectory", "step").values, dtype=np.float64)[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = -np.diff(path, axis=1) / rates[:, :, None]
    gradients = undone(moved, rule)
    blocks = gradients.shape[1] // _STEPS
    values = gradients[:, : blocks * _STEPS].reshape(-1, _STEPS, len(chosen))
    seeds = np.repeat(np.arange(len(gradients)), blocks)
    known = np.isfinite(values).all(axis=(1, 2)) & (values.std(axis=1) > 0).any(axis=1)
    return _thinned(Samples(values[known], seeds[known], "coordinates", "steps")) if known.any() else None


def undone(moved: Array, rule: Rule) -> Array:
    """Gradients (K, T, k) of which the rule makes the steps −η·moved, from the first on with m = 0."""
    if rule.momentum == 0.0:
        return moved
    gradients, m = np.empty_like(moved), np.zeros_like(moved[:, 0])
    for t in range(moved.shape[1]):
        # torch begins with m = g, whatever the dampening.
        share = 1.0 if t == 0 else 1.0 - rule.dampening
        if rule.nesterov:
            g = (moved[:, t] - rule.momentum**2 * m) / (1.0 + rule.momentum * share)
        else:
            g = (moved[:, t] - rule.momentum * m) / share
        m = rule.momentum * m + share * g
        gradients[:, t] = g
    return gradients


def _thinned(samples: Samples) -> Samples:
    count = len(samples.values)
    if count <= _MOST_PLACES:
        return samples
    kept: Any = np.unique(np.linspace(0, count - 1, _MOST_PLACES).round().astype(int))
    return Samples(samples.values[kept], samples.trajectory[kept], samples.axes, samples.source)
