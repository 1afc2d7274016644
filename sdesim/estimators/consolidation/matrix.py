"""C of several objectives on the same batches, and of one objective at several clients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.consolidation.ratio import GradientMoments, combine_moments, consolidation_ratio
from sdesim.estimators.core.draws import Draws, check_level, jackknife, student
from sdesim.support import DEBIASED

Array = NDArray[np.float64]
# All 2^K faces of the simplex are searched.
_MOST = 12


@dataclass(frozen=True)
class ConsolidationMatrix:
    """Several objectives: Gram of means M (K, K) and cross-covariance traces N (K, K).

    Attributes:
        gram: M_kl, U-statistic of μ_k·μ_l; noise: N_kl = Tr Cov(g_k, g_l).
        best: sup_w C(w), reached at `weights`; biased upwards, as the same batches chose the weights.
        weights: (K,), of unit noise wᵀNw = 1; may be negative.
        pareto_gap: min of wᵀMw over the simplex, reached at `pareto_weights`: the squared length of the
            shortest mixture of mean gradients, 0 where no direction lowers all objectives.
        square: ḡ_k·ḡ_l (K, K); inner, along: e_ki·e_li and ḡ_k·e_li of batch i, (n, K, K), with
            e_ki = g_ki − ḡ_k.
    """

    gram: Array
    noise: Array
    best: float
    weights: Array
    pareto_gap: float
    pareto_weights: Array
    square: Array = field(repr=False)
    inner: Array = field(repr=False)
    along: Array = field(repr=False)

    def ratio(self, weights: ArrayLike) -> float:
        """C(w) = wᵀMw / wᵀNw."""
        w = np.asarray(weights, dtype=np.float64)
        return float(w @ self.gram @ w / (w @ self.noise @ w))

    def _draws(self, w: Array) -> Draws:
        """Draws of the mixture Σ w_k g_k."""
        deviation, along = (np.einsum("k,nkl,l->n", w, x, w) for x in (self.inner, self.along))
        return Draws(np.asarray(w @ self.square @ w), deviation, along)

    def estimate(self, weights: ArrayLike, level: float = 0.95) -> Estimate:
        """C(w), with the interval of `consolidation_ratio` of the mixed gradients.

        It holds for a w chosen on other batches, or beforehand.

        Raises:
            EstimatorError: weights that are not (K,).
        """
        check_level(level)
        w = np.asarray(weights, dtype=np.float64)
        if w.shape != (len(self.gram),):
            raise EstimatorError(f"weights must have shape ({len(self.gram)},), got {w.shape}")
        draws = self._draws(w)
        value, *ends = jackknife(draws, level)
        low, high = (float(x) for x in DEBIASED.cut(*ends))
        flags = ("negative_signal",) if value < 0 else ()
        return Estimate(float(value), low, high, level, "debiased", draws.n, flags)

    def pareto(self, level: float = 0.95) -> Estimate:
        """The Pareto gap with its jackknife interval at the found weights.

        Flags: `pareto_stationary` where the interval reaches down to 0: nothing says that a step lowers all
        objectives at once. The minimum is biased downwards, so the reading errs towards stationary.
        Measured coverage of 95%: 0.98 to 0.99 where the gap is 0, 0.96 to 0.98 where it is not.
        """
        check_level(level)
        draws = self._draws(self.pareto_weights)
        n = draws.n
        signal, trace = draws.left_out()
        left = signal - trace / (n - 1)
        spread = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
        half = student(level, n - 1) * spread
        low, high = (float(x) for x in DEBIASED.interval(self.pareto_gap, half))
        flags = ("pareto_stationary",) if low <= 0 else ()
        return Estimate(self.pareto_gap, low, high, level, "simplex-minimum", n, flags)


def consolidation_matrix(gradients: ArrayLike) -> ConsolidationMatrix:
    """Matrix-valued C of K objectives measured on the same batches, gradients (K, n, d).

    M_kl is the U-statistic of μ_k·μ_l, N_kl = Tr Cov(g_k, g_l).

    Raises:
        EstimatorError: wrong shape, fewer than 3 batches, more than 12 objectives, or a singular N.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 3 or g.shape[1] < 3:
        raise EstimatorError(f"gradients must have shape (objectives, n ≥ 3, d), got {g.shape}")
    if len(g) > _MOST:
        raise EstimatorError(f"at most {_MOST} objectives can be compared, got {len(g)}")
    n = g.shape[1]
    mean = g.mean(axis=1)
    e = g - mean[:, None, :]
    inner = np.einsum("kid,lid->ikl", e, e)
    along = np.einsum("kd,lid->ikl", mean, e)
    noise = inner.sum(axis=0) / (n - 1)
    square = mean @ mean.T
    gram = square - noise / n
    from scipy.linalg import LinAlgError, eigh

    try:
        values, vectors = eigh(gram, noise)
    except LinAlgError as error:
        raise EstimatorError(
            "the noise matrix is singular: two objectives have the same gradients"
        ) from error
    w = _simplex_minimum(gram)
    return ConsolidationMatrix(
        gram, noise, float(values[-1]), vectors[:, -1], float(w @ gram @ w), w, square, inner, along
    )


def _simplex_minimum(gram: Array) -> Array:
    """argmin wᵀMw over the simplex: the best of the stationary points M_S w = λ1 of all its faces S.

    Exact for an indefinite M, too, as a debiased Gram may be.
    """
    count = len(gram)
    best: Array = np.eye(count)[int(np.argmin(np.diag(gram)))]
    least = float(np.diag(gram).min())
    for size in range(2, count + 1):
        for face in combinations(range(count), size):
            system = np.ones((size + 1, size + 1))
            system[:size, :size], system[size, size] = gram[np.ix_(face, face)], 0.0
            inside = np.linalg.lstsq(system, np.eye(size + 1)[size])[0][:size]
            if (inside < 0).any() or abs(inside.sum() - 1) > 1e-8:
                continue
            w = np.zeros(count)
            w[list(face)] = inside
            if float(w @ gram @ w) < least:
                best, least = w, float(w @ gram @ w)
    return best


@dataclass(frozen=True)
class ClientParts:
    """What clients contribute to the pooled C.

    Attributes:
        pooled: C of all rows together, rows of all clients taken as draws of one law.
        clients: C of each client by itself; their mean is not the pooled C.
        within, between: parts of the pooled trace, Σₖ(nₖ−1)sₖ/(n−1) and Σₖ nₖ|ḡₖ−ḡ|²/(n−1), s the traces.
        alignment: debiased μ_k·μ_l, (K, K).
    """

    pooled: Estimate
    clients: tuple[Estimate, ...]
    within: float
    between: float
    alignment: Array


def client_parts(parts: Sequence[GradientMoments], level: float = 0.95) -> ClientParts:
    """Split the pooled noise of clients (n_k, ḡ_k, s_k) into what is within them and what between.

    Raises:
        EstimatorError: nothing to combine, different dimensions, or a client with fewer than 2 gradients.
    """
    whole = combine_moments(parts)
    if min(p.n for p in parts) < 2:
        raise EstimatorError("each client needs at least 2 gradients")
    within = math.fsum(p.squared_deviation for p in parts) / (whole.n - 1)
    means = np.stack([p.mean for p in parts])
    alignment = means @ means.T - np.diag([p.trace / p.n for p in parts])
    return ClientParts(
        consolidation_ratio(whole, level=level),
        tuple(consolidation_ratio(p, level=level) for p in parts),
        within,
        whole.trace - within,
        alignment,
    )
