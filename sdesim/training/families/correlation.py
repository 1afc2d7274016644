"""Whether a recorded path was driven by batches drawn anew each time or by shuffled epochs.

Along a fixed direction the gradient of step t is g = μ + ε: μ walks at random, as the mean gradient changes
slowly, less h times the step taken over η, as curvature makes it; ε is the noise of sampling, of variance σ².
With replacement the ε are independent. Without it they add up to 0 over an epoch of E = N/B batches: given S,
the sum of those before in the epoch, and with r batches left,

    ε = −S/r + w,    Var w = σ² E/(E − 1) · (r − 1)/r.

As θ moves meanwhile, an example's share in this sum is not quite what it was: a part κ of the noise, at most
two fifths, is taken as independent.

Steps m ← βm + (1−τ)g, θ ← θ − ηm (or Nesterov's) are linear, so that a Kalman filter of (μ, S, m, Δθ)
foretells each saved θ from those before it, however many steps lie between. A score is the log density of
what came; σ² is fitted to the block of saved points before; the speed of μ, h and κ are those that foretold
the earlier blocks best.

Source: W. Cochran, Sampling Techniques (1977), section 2.5; R. Kalman, J. Basic Eng. 82 (1960).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.training.families.samples import Rule, rule_of_run

Array = NDArray[np.float64]
# Variances of the changes of μ in a step, over σ².
_SPEEDS = (1e-6, 1e-4, 3e-3, 1e-1)
# How much μ falls by as θ goes down along it by η: η times a curvature.
_RETURNS = (0.0, 0.05, 0.2)
# Shares κ of the noise that are independent: all of it, and with epochs.
_ALONE, _BESIDE = (1.0,), (0.01, 0.1, 0.4)
# Of μ at the start, over σ².
_DIFFUSE = 1e4
_BLOCKS = 24
_LEAST_POINTS = 8
_MOST_STEPS = 6000
_MU, _S, _M, _Y = range(4)


def epoch_gain(run: xr.Dataset) -> Array | str:
    """Log density of the saved path by shuffled epochs less that by independent batches, in nats per step and
    direction, (trajectories, blocks); or the sentence why it can't be told."""
    rule = rule_of_run(run)
    if rule is None:
        return "its optimizer's steps are not linear in the gradient"
    batch, size = int(run.attrs.get("batch_size") or 0), int(run.attrs.get("dataset_size") or 0)
    if not batch or size < 2 * batch:
        return "an epoch has fewer than two batches"
    if run.attrs.get("last_batch"):
        return "the last batch of an epoch is smaller than the others"
    steps = np.asarray(run["step"].values)
    steps = steps[steps <= _MOST_STEPS]
    if len(steps) < 4 * _LEAST_POINTS:
        return f"it takes at least {4 * _LEAST_POINTS} saved points, the run has {len(steps)}"
    if np.diff(steps).max() > (size // batch) // 2:
        return "its saved points lie more than half an epoch apart"
    path = run["theta_projection"].transpose("trajectory", "step", "direction").values[:, : len(steps)]
    path = np.asarray(path, dtype=np.float64)
    path = path[np.isfinite(path).all(axis=(1, 2))]
    path = path[:, :, (np.diff(path, axis=1) != 0).any(axis=(0, 1))] if len(path) else path
    if not path.size:
        return "no seed's path is whole"
    rates = np.asarray(run["learning_rate"].transpose("trajectory", "step").values, dtype=np.float64)
    known = np.nanmean(rates, axis=0)[: len(steps)]
    # Between two saved points a schedule is taken to go straight.
    rate = np.interp(np.arange(steps[-1]), steps, known)
    epoch = size / batch
    whole = [_scores(*_filtered(path, steps, rate, rule, epoch, shift), np.diff(steps)) for shift in (0, 1)]
    (alone, epochs), (_, shifted) = whole
    # What only looks like epochs, such as the pull of a steep valley, fits as well half an epoch later.
    rival = shifted if shifted.mean() > alone.mean() else alone
    return (epochs - rival).T


def _filtered(
    path: Array, steps: Array, rate: Array, rule: Rule, epoch: float, half: int
) -> tuple[Array, Array]:
    """Squared errors over their variance at σ = 1, a mean over directions, (models, points, K), and the
    variances (models, points); those of κ = 1 first. half: 1 for epochs that begin half an epoch later."""
    count, _, k = path.shape
    seen = -np.diff(path, axis=1).transpose(1, 0, 2).reshape(len(steps) - 1, count * k)
    alone, returns, speeds = (
        axis.ravel() for axis in np.meshgrid([*_ALONE, *_BESIDE], _RETURNS, _SPEEDS, indexing="ij")
    )
    models = len(alone)
    x = np.zeros((models, 4, count * k))
    p = np.zeros((models, 4, 4))
    p[:, _MU, _MU] = _DIFFUSE
    f, load = np.zeros((models, 4, 4)), np.zeros((models, 2, 4))
    kept, at = int(epoch), 0
    squares = np.empty((models, len(seen), count))
    factors = np.empty((models, len(seen)))
    beta = rule.momentum
    for t in range(int(steps[-1])):
        place = (t + half * (kept // 2)) % kept
        left = epoch - place
        a = -1.0 / left
        variance = epoch / (epoch - 1.0) * (left - 1.0) / left
        # torch begins with m = g, whatever the dampening.
        s = 1.0 if t == 0 else 1.0 - rule.dampening
        u, back = (1.0 + beta * s, beta**2) if rule.nesterov else (s, beta)
        stays = 0.0 if place == kept - 1 else 1.0
        f[:] = 0.0
        f[:, _S, _S] = stays * (1.0 + a)
        f[:, _M, _MU], f[:, _M, _S], f[:, _M, _M] = s, s * a, beta
        f[:, _Y, _MU], f[:, _Y, _S], f[:, _Y, _M] = u, u * a, back
        # μ falls by what θ moves over η.
        f[:, _MU] = -returns[:, None] * f[:, _Y]
        f[:, _MU, _MU] += 1.0
        f[:, _Y] *= rate[t]
        f[:, _Y, _Y] = 1.0
        # What the two parts of the noise move; the first adds to S.
        load[:, :, _MU], load[:, :, _M], load[:, :, _Y] = -returns[:, None] * u, s, u * rate[t]
        load[:, 0, _S] = stays
        outer = load[:, :, :, None] * load[:, :, None, :]
        x = f @ x
        p = f @ p @ f.transpose(0, 2, 1)
        p += ((1.0 - alone) * variance)[:, None, None] * outer[:, 0] + alone[:, None, None] * outer[:, 1]
        p[:, _MU, _MU] += speeds
        if t + 1 == steps[at + 1]:
            error = seen[at] - x[:, _Y]
            spread = p[:, _Y, _Y].copy()
            gain = p[:, :, _Y] / spread[:, None]
            x += gain[:, :, None] * error[:, None, :]
            p -= gain[:, :, None] * p[:, None, _Y, :]
            x[:, _Y], p[:, _Y, :], p[:, :, _Y] = 0.0, 0.0, 0.0
            squares[:, at] = (error.reshape(models, count, k) ** 2).mean(axis=2) / spread[:, None]
            factors[:, at] = spread
            at += 1
    return squares, factors


def _scores(squares: Array, factors: Array, gaps: Array) -> tuple[Array, Array]:
    """Log densities (blocks, K) by independent batches and by epochs, from the second block on."""
    points = squares.shape[1]
    edges = np.linspace(0, points, min(_BLOCKS, points // _LEAST_POINTS) + 1).round().astype(int)
    blocks = [slice(a, b) for a, b in pairwise(edges)]
    level = np.stack([squares[:, b].mean(axis=1) for b in blocks], axis=1)
    score = np.empty_like(level)
    for k, block in enumerate(blocks):
        # The first block is foretold by its own level, and only chooses the model of the next.
        known = np.maximum(level[:, max(0, k - 1)], 1e-300)[:, None]
        spread = np.log(known) + np.log(factors[:, block])[..., None]
        score[:, k] = -0.5 * (spread + squares[:, block] / known).sum(axis=1) / gaps[block].sum()
    past = np.cumsum(score.sum(axis=2), axis=1)
    alone, found = len(_ALONE) * len(_RETURNS) * len(_SPEEDS), []
    for models in (slice(None, alone), slice(alone, None)):
        best = past[models, :-1].argmax(axis=0)
        found.append(score[models][best, np.arange(1, len(blocks))])
    return found[0], found[1]
