"""Cases of what is made of gradients at a frozen θ: C and all that is read from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, Event, register

Array = NDArray[np.float64]
_DIM = 100
_SIZES = (8, 20, 64)


@dataclass(frozen=True)
class Population:
    """Gradients with Tr Σ = 1 and |μ|² = C in d = 100 dimensions.

    Attributes:
        law: "Gaussian", or "Student t5" (multivariate: all coordinates of a draw share their scale).
        covariance: "isotropic", or "power-law" with eigenvalues ∝ k^−1.5 (effective rank 4.8).
        mean: "random" direction, or along the "top" eigenvector.
        c: C.
    """

    law: str
    covariance: str
    mean: str
    c: float

    @property
    def name(self) -> str:
        where = f", μ {self.mean}" if self.covariance == "power-law" else ""
        return f"{self.law}, {self.covariance}{where}, C = {self.c:g}"

    def draw(self, rng: np.random.Generator, n: int) -> Array:
        """(n, d) gradients."""
        eigenvalues = np.ones(_DIM) if self.covariance == "isotropic" else np.arange(1.0, _DIM + 1) ** -1.5
        z = rng.standard_normal((n, _DIM)) * np.sqrt(eigenvalues / eigenvalues.sum())
        if self.law == "Student t5":
            z *= np.sqrt(3.0 / rng.chisquare(5, (n, 1)))
        mu = rng.standard_normal(_DIM) if self.mean == "random" else np.eye(_DIM)[0]
        return z + mu * math.sqrt(self.c / float(mu @ mu))


def _populations() -> Iterator[Population]:
    for c in (1e-4, 0.05, 1.0):
        yield Population("Gaussian", "isotropic", "random", c)
        yield Population("Student t5", "isotropic", "random", c)
        yield Population("Gaussian", "power-law", "random", c)
        yield Population("Gaussian", "power-law", "top", c)


# Measured, where less than the nominal 0.95: (law, C) → least coverage.
_STATED = {("Student t5", 1.0): (0.91, "heavy tails: the jackknife of a variance understates its spread")}


def _literal(g: Array) -> Estimate:
    return est.consolidation_ratio(g, method="literal")


def _moments(g: Array) -> Estimate:
    return est.consolidation_ratio(est.gradient_moments(g))


def _ratios() -> Iterator[Case]:
    for p in _populations():
        shared: dict[str, Any] = {"data": p.name, "draw": p.draw, "truth": p.c, "sizes": _SIZES}
        stated, reason = _STATED.get((p.law, p.c), (0.95, ""))
        yield Case("consolidation_ratio", "debiased", estimate=est.consolidation_ratio, coverage=stated,
                   reason=reason, **shared)  # fmt: skip
        if p.law == "Gaussian":
            yield Case("consolidation_ratio", "moments only", estimate=_moments, coverage=0.95, **shared)
        if p.c > 1e-4:
            yield Case("consolidation_ratio", "conservative", coverage=stated, reason=reason,
                       estimate=partial(est.consolidation_ratio, conservative=True), **shared)  # fmt: skip
        if p.covariance == "isotropic" and p.c == 1.0:
            yield from _robust(shared, p.law)
        if p.covariance == "isotropic" and p.law == "Gaussian":
            yield Case("consolidation_ratio", "exact-gaussian", coverage=0.95, bias=0.0,
                       estimate=partial(est.consolidation_ratio, method="exact-gaussian", dim=_DIM),
                       **shared)  # fmt: skip
            yield Case("consolidation_ratio", "literal", estimate=_literal, **shared)


def _robust(shared: dict[str, Any], law: str) -> Iterator[Case]:
    """Forms for heavy tails: on Gaussian noise they estimate C, on others C of another scale."""
    for method in ("median-of-means", "scale", "alpha-moment"):
        held = law == "Gaussian" or method == "median-of-means"
        yield Case("consolidation_ratio", method, estimate=partial(est.consolidation_ratio, method=method),
                   **{**shared, "sizes": (20, 64)}, coverage=0.94 if held else None, replications=400,
                   reason="" if held else "C of a robust scale, not of the variance")  # fmt: skip


@dataclass(frozen=True)
class _Epoch:
    """n batches of B = 10 out of one shuffled epoch of N = 640 examples in 20 dimensions."""

    gradients: Array
    c: float


def _epoch(rng: np.random.Generator, n: int) -> _Epoch:
    size, batch = 640, 10
    examples = rng.standard_normal((size, 20)) + 0.1
    mean = examples.mean(axis=0)
    spread = float(((examples - mean) ** 2).sum()) / (size - 1)
    shuffled = examples[rng.permutation(size)[: n * batch]].reshape(n, batch, -1)
    return _Epoch(shuffled.mean(axis=1), float(mean @ mean) / (spread / batch))


def _epoch_ratio(data: _Epoch) -> Estimate:
    return est.consolidation_ratio(data.gradients, sampling="epoch", batch_size=10, dataset_size=640)


def _per_example(batch: int) -> Callable[[np.random.Generator, int], Array]:
    def draw(rng: np.random.Generator, n: int) -> Array:
        # |μ|² = 0.5 and Tr Σ = 50, so C₁ = 0.01.
        return np.asarray(rng.standard_normal((n, batch, 50)).mean(axis=1) + 0.1)

    return draw


def white(c: float, dim: int) -> Callable[[np.random.Generator, int], Array]:
    """White Gaussian gradients with Tr Σ = 1 in `dim` dimensions."""

    def draw(rng: np.random.Generator, n: int) -> Array:
        return np.asarray((rng.standard_normal((n, dim)) + math.sqrt(c)) / math.sqrt(dim))

    return draw


def _through_c(form: Callable[[Estimate], Estimate]) -> Callable[[Array], Estimate]:
    return lambda g: form(est.consolidation_ratio(g))


def _maps() -> Iterator[Case]:
    """Monotone maps of C, which should keep its coverage."""
    c, d = 0.05, 20
    direction = float(ndtr(math.sqrt(d * c)))
    power = float(ndtr(math.sqrt(d * c) - ndtri(0.95)))
    shared: dict[str, Any] = {
        "draw": white(c, d),
        "sizes": _SIZES,
        "data": f"Gaussian, white, d = {d}, C = {c}",
    }
    yield Case("probability", "of debiased C", estimate=_through_c(est.probability), truth=c / (1 + c),
               coverage=0.95, **shared)  # fmt: skip
    yield Case("odds", "of p", estimate=_through_c(lambda e: est.odds(est.probability(e))), truth=c,
               coverage=0.95, **shared)  # fmt: skip
    yield Case("learning_acceleration", "corrected", truth=math.log1p(c) / math.log(2.0), coverage=0.95,
               estimate=_through_c(lambda e: est.learning_acceleration(est.probability(e))),
               **shared)  # fmt: skip
    yield Case("direction_probability", "isotropic", truth=direction, coverage=0.95,
               estimate=_through_c(lambda e: est.direction_probability(e, d)), **shared)  # fmt: skip
    yield Case("direction_probability", "literal", truth=direction,
               estimate=_through_c(lambda e: est.direction_probability(e, d, method="literal")), **shared,
               reason="Φ(√C) forgets the d directions that the noise is spread over")  # fmt: skip
    yield Case("direction_probability", "measured", truth=direction, coverage={500: 0.93},
               estimate=lambda g: est.direction_probability(g, method="measured"),
               **{**shared, "sizes": (20, 64, 500)},
               reason="while nC < 19 the measured direction is noisy, flag noisy_direction")  # fmt: skip
    yield Case("detection_power", "white noise", truth=power, coverage=0.95,
               estimate=_through_c(lambda e: est.detection_power(e, d)), **shared)  # fmt: skip


def _phase_case(c: float, wrong: str) -> Case:
    def code(g: Array) -> Estimate:
        e = est.consolidation_ratio(g)
        return Estimate(e.value, math.nan, math.nan, e.level, est.phase(e), e.n)

    return Case(
        "phase", "interval against 1", f"Gaussian, white, d = 20, C = {c:g}", white(c, 20), code, c, _SIZES,
        events=(Event(f"says {wrong}", lambda e, truth: e.method == wrong, at_most=0.025),),
    )  # fmt: skip


def _correlated(rng: np.random.Generator, n: int) -> Array:
    """Gaussian in 10 dimensions with eigenvalues k^−1.5 in a random frame, μᵀΣ⁻¹μ = 2."""
    frame, _ = np.linalg.qr(rng.standard_normal((10, 10)))
    mu = rng.standard_normal(10)
    mu *= math.sqrt(2.0 / float(mu @ mu))
    return np.asarray(((rng.standard_normal((n, 10)) + mu) * np.arange(1.0, 11.0) ** -0.75) @ frame)


register(_ratios())
register(Case("consolidation_ratio", "debiased", "batches of one epoch, N = 640, B = 10", _epoch,
              _epoch_ratio, lambda data: data.c, _SIZES, coverage=0.95))  # fmt: skip
register(Case("per_example", "of debiased C", "batches of 16, C₁ = 0.01", _per_example(16),
              lambda g: est.per_example(est.consolidation_ratio(g), 16), 0.01, _SIZES,
              coverage=0.95))  # fmt: skip
register(Case("per_example", "of debiased C", "batches of one epoch, N = 640, B = 10", _epoch,
              lambda data: est.per_example(_epoch_ratio(data), 10, 640),
              lambda data: data.c / 10 * 640 / 639, _SIZES, coverage=0.95))  # fmt: skip
register(_maps())
register(Case("gradient_information", "isotropic", "Gaussian, white, d = 20, C = 0.05", white(0.05, 20),
              _through_c(lambda e: est.gradient_information(e, 20)), 10 * math.log1p(0.05), _SIZES,
              coverage=0.95))  # fmt: skip
register([_phase_case(0.95, "generalization"), _phase_case(1.05, "exploration")])
register(Case("mahalanobis_snr", "hotelling", "Gaussian, d = 10, power-law, μᵀΣ⁻¹μ = 2", _correlated,
              est.mahalanobis_snr, 2.0, (20, 64, 256), coverage=0.95, bias=0.0))  # fmt: skip
