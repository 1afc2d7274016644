"""How well a family of laws, covariance × tail, foretells gradients that it was not fitted to.

At each place a quarter of the gradients is foretold by a law fitted to the rest: an elliptical law about
their mean g,

    p(g) = |S|^{−1/2} s^{−k} f_α(r/s),    r² = (g − ḡ)ᵀ S⁻¹ (g − ḡ),

of k axes, with the radial density f_α of the elliptical α-stable law (α = 2: Gaussian). S is the identity
(isotropic), diagonal, or full; the scale s is that of greatest likelihood for radii of which each leaves its
own gradient out of S; α is one number for all places. "Truncated" has f_α cut at a longest radius R that is
not known: a mixture over R, from the longest radius seen to ten times that, alike on a logarithmic scale and
weighed by the likelihood. Scores are log p, so a family is judged by all of the law at once and none gains by
having more to fit.

Source: proper scores, T. Gneiting & A. Raftery, J. Amer. Stat. Assoc. 102 (2007), section 4; weights k/r² of
the shape under heavy tails, D. Tyler, Ann. Stat. 15 (1987).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, logsumexp

from sdesim.stable.elliptical import radial
from sdesim.training.families.samples import Samples

Array = NDArray[np.float64]
COVARIANCES = ("isotropic", "diagonal", "full")
TAILS = ("gaussian", "stable", "truncated")
INDICES = tuple(np.round(np.arange(0.8, 1.96, 0.05), 2).tolist())
_FOLDS = 4
_ROUNDS = 8
# Gradients that the mean variance counts for in that of a coordinate, which so is never 0.
_PRIOR = 1e-4
# Radii r/s at which f_α is tabulated, in their logarithm.
_GRID = np.linspace(np.log(1e-4), np.log(1e7), 700)
# Scales tried, in the logarithm, about the one by the median radius.
_SCALES = np.linspace(-0.7, 0.7, 29)
# Longest radii tried, in the logarithm, over the longest one seen.
_CUTS = np.linspace(0.0, np.log(10.0), 12)


def marginal_scores(samples: Samples) -> tuple[dict[tuple[str, str], Array], dict[tuple[str, str], float]]:
    """Mean log density of held-out gradients in nats per gradient and axis, (places,) by (covariance, tail),
    and the index α of each; diagonal covariances where the axes are coordinates."""
    x = samples.values
    places, n, k = x.shape
    kinds = [c for c in COVARIANCES if c != "diagonal" or samples.axes == "coordinates"]
    total = {(c, t): np.zeros(places) for c in kinds for t in TAILS}
    index = {key: [] for key in total}  # type: dict[tuple[str, str], list[float]]
    for fold in range(_FOLDS):
        held = np.arange(n) % _FOLDS == fold
        for covariance in kinds:
            for robust, tails in ((False, ("gaussian",)), (True, ("stable", "truncated"))):
                own, out, volume = _radii(x[:, ~held], x[:, held], covariance, robust)
                for tail in tails:
                    score, alpha = _tail_scores(own, out, k, tail)
                    total[covariance, tail] += (score.sum(axis=1) - volume * int(held.sum())) / (n * k)
                    index[covariance, tail].append(alpha)
    return total, {key: float(np.mean(found)) for key, found in index.items()}


def _radii(fitted: Array, held: Array, covariance: str, robust: bool) -> tuple[Array, Array, Array]:
    """Logarithms of the radii of the gradients fitted (P, m), each left out of S, and of those held out (P,
    h), and ½ log|S| (P,).

    S of m gradients is (Σ w x xᵀ + k D)/(m + k), D diagonal and drawn to the mean variance a little, so
    that it has an inverse whatever m. Weights w are 1, or k/r² (Tyler's) of the last S.
    """
    places, m, k = fitted.shape
    weight = np.ones((places, m))
    centre = fitted.mean(axis=1)
    for _ in range(_ROUNDS if robust else 1):
        share = weight / weight.sum(axis=1, keepdims=True)
        centre = np.einsum("pm,pmk->pk", share, fitted)
        x = fitted - centre[:, None]
        heavy = weight[:, :, None] * x * x
        level = heavy.sum(axis=(1, 2)) / (m * k)
        prior = (heavy.sum(axis=1) + _PRIOR * level[:, None]) / (m + _PRIOR)
        if covariance == "isotropic":
            prior = np.repeat(level[:, None], k, axis=1)
        whole, r2 = _whole(x, weight, prior, covariance)
        if not robust:
            break
        # The scale of S is free: weights of mean 1.
        weight = 1.0 / np.maximum(r2, 1e-12 * r2.mean(axis=1, keepdims=True))
        weight /= weight.mean(axis=1, keepdims=True)
    out = held - centre[:, None]
    # Each fitted gradient against the S of the others: M − w x xᵀ by its inverse (Sherman–Morrison).
    if covariance == "full":
        inverse = np.linalg.inv(whole)
        own = np.einsum("pmk,pkl,pml->pm", x, inverse, x)
        own = own / np.maximum(1.0 - weight * own, 1e-3) * (m - 1 + k)
        far = np.einsum("pmk,pkl,pml->pm", out, inverse, out) * (m + k)
        volume = 0.5 * (np.linalg.slogdet(whole)[1] - k * np.log(m + k))
    else:
        diagonal = whole / (m + _PRIOR)
        less = (
            (whole[:, None] - weight[:, :, None] * x * x) / (m - 1 + _PRIOR)
            if covariance == "diagonal"
            else diagonal[:, None]
        )
        own = (x * x / np.maximum(less, 1e-3 * diagonal[:, None])).sum(axis=2)
        far = (out * out / diagonal[:, None]).sum(axis=2)
        volume = 0.5 * np.log(diagonal).sum(axis=1)
    # A mean of m others is off by 1/m of the variance; one's own share in it pulls as much the other way.
    own = own * (m / (m - 1.0)) ** 2
    tiny = 1e-300
    return 0.5 * np.log(own + tiny), 0.5 * np.log(far + tiny), volume


def _whole(x: Array, weight: Array, prior: Array, covariance: str) -> tuple[Array, Array]:
    """(m + k) S (P, k, k), or m + 1e-4 times the diagonal (P, k), and squared radii (P, m) by it."""
    m, k = x.shape[1:]
    if covariance != "full":
        whole = (m + _PRIOR) * prior
        return whole, (x * x / whole[:, None]).sum(axis=2)
    whole = np.matmul((weight[:, :, None] * x).transpose(0, 2, 1), x)
    whole[:, np.arange(k), np.arange(k)] += k * prior
    return whole, np.einsum("pmk,pkl,pml->pm", x, np.linalg.inv(whole), x)


def _tail_scores(own: Array, out: Array, k: int, tail: str) -> tuple[Array, float]:
    """Log density (P, h) of log radii held out, by a law fitted to those of the others (P, m), and its α."""
    if tail == "gaussian":
        # E r² = 2 k s² of the unit law, whose covariance is twice the identity.
        scale = 0.5 * np.log(np.exp(2.0 * own).mean(axis=1) / (2.0 * k))
        return _density(2.0, k, out - scale[:, None]) - k * scale[:, None], 2.0
    best, found = -np.inf, (INDICES[0], np.empty(0))
    for alpha in INDICES:
        likelihood, score = _fitted(own, out, k, alpha, tail == "truncated")
        if likelihood > best:
            best, found = likelihood, (alpha, score)
    return found[1], float(found[0])


def _fitted(own: Array, out: Array, k: int, alpha: float, cut: bool) -> tuple[float, Array]:
    """Log likelihood of all places at an index, each at its best scale, and log densities held out (P, h)."""
    start = np.median(own, axis=1) - _middle(alpha, k)
    scales = start[:, None] + _SCALES
    inside = _density(alpha, k, own[:, None, :] - scales[:, :, None]).sum(axis=2) - own.shape[1] * k * scales
    if not cut:
        at = inside.argmax(axis=1)
        rows = np.arange(len(own))
        scale = scales[rows, at]
        held = _density(alpha, k, out - scale[:, None]) - k * scale[:, None]
        return float(inside[rows, at].sum()), held
    ends = own.max(axis=1)[:, None] + _CUTS
    within = _within(alpha, k, ends[:, None, :] - scales[:, :, None])
    weighed = inside[:, :, None] - own.shape[1] * within
    evidence = logsumexp(weighed, axis=2)
    at = evidence.argmax(axis=1)
    rows = np.arange(len(own))
    scale, weights = scales[rows, at], weighed[rows, at] - evidence[rows, at][:, None]
    bare = _density(alpha, k, out - scale[:, None]) - k * scale[:, None]
    reached = out[:, :, None] <= ends[:, None, :]
    with np.errstate(divide="ignore"):
        share = logsumexp((weights - within[rows, at])[:, None, :], axis=2, b=reached.astype(float))
    return float((evidence[rows, at] - np.log(len(_CUTS))).sum()), bare + share


@lru_cache(maxsize=128)
def _table(alpha: float, k: int) -> tuple[Array, Array]:
    """log f_α and the log probability of a shorter radius, at the radii of the grid."""
    density = radial(np.exp(_GRID), alpha, k)[0]
    # Surface of the unit sphere; r^k d log r is the volume.
    shell = np.exp(density + k * _GRID + np.log(2.0) + 0.5 * k * np.log(np.pi) - gammaln(0.5 * k))
    step = _GRID[1] - _GRID[0]
    below = np.concatenate([[0.0], np.cumsum(0.5 * (shell[1:] + shell[:-1])) * step])
    with np.errstate(divide="ignore"):
        return density, np.log(np.maximum(below, 1e-300))


def _density(alpha: float, k: int, log_radius: Array) -> Array:
    if alpha == 2.0:
        return np.asarray(-0.25 * np.exp(2.0 * log_radius) - 0.5 * k * np.log(4.0 * np.pi))
    table = _table(alpha, k)[0]
    found = np.interp(log_radius, _GRID, table)
    # Beyond the table the tail is a power.
    return np.asarray(found - (alpha + k) * np.maximum(log_radius - _GRID[-1], 0.0))


def _within(alpha: float, k: int, log_radius: Array) -> Array:
    return np.asarray(np.interp(log_radius, _GRID, _table(alpha, k)[1]))


def _middle(alpha: float, k: int) -> float:
    """Logarithm of the median radius of the unit law."""
    return float(np.interp(np.log(0.5), _table(alpha, k)[1], _GRID))
