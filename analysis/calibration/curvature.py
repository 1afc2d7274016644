"""Cases of Hessian eigenvalues and the stability margin, on matrices with planted spectra."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, Event, register

Array = NDArray[np.float64]
_DIM = 100
_PRODUCTS = (10, 30, 100)
_TOL = 1e-3
_ETA = 0.1


@dataclass(frozen=True)
class Hessian:
    """A matrix, its spectrum in ascending order, and how many products may be asked for."""

    matrix: Array
    eigenvalues: Array
    products: int

    def hvp(self, v: Array) -> Array:
        """H v."""
        return np.asarray(self.matrix @ v)


def _planted(eigenvalues: Array) -> Callable[[np.random.Generator, int], Hessian]:
    ascending = np.sort(eigenvalues)

    def draw(rng: np.random.Generator, products: int) -> Hessian:
        frame, _ = np.linalg.qr(rng.standard_normal((_DIM, _DIM)))
        return Hessian((frame * ascending) @ frame.T, ascending, products)

    return draw


_BULK = np.linspace(-0.5, 1.0, _DIM)
_SPECTRA = {
    "outliers above a bulk": np.concatenate([_BULK[:-4], [2.0, 3.0, 5.0, 10.0]]),
    "power law k^−1.5": np.arange(1.0, _DIM + 1) ** -1.5,
    "no gap: uniform on [−½, 1]": _BULK,
    "largest magnitude negative": np.concatenate([_BULK[:-2], [-3.0, 2.0]]),
}


def _lanczos(h: Hessian) -> Estimate:
    return est.lambda_max(h.hvp, _DIM, tol=_TOL, max_iter=h.products)


def _power(h: Hessian) -> Estimate:
    return est.lambda_max(h.hvp, _DIM, method="power", tol=_TOL, max_iter=h.products)


def _third(h: Hessian) -> Estimate:
    return est.spectrum_edges(h.hvp, _DIM, k=3, tol=_TOL, max_iter=h.products).top[2]


def _bottom(h: Hessian) -> Estimate:
    return est.spectrum_edges(h.hvp, _DIM, k=3, tol=_TOL, max_iter=h.products).bottom[0]


def _margin(h: Hessian) -> Estimate:
    return est.stability_margin(_lanczos(h), _ETA)


def _wrong(tolerance: float, at_most: float | None) -> Event:
    def happened(e: Estimate, truth: float) -> bool:
        return not e.has("not_converged") and abs(e.value - truth) > 2 * tolerance

    return Event("calls a wrong value converged", happened, at_most)


_NEIGHBOUR = "a small residual says that an eigenvalue is near; in a dense spectrum it may be the next one"
_NEGATIVE = "power iteration finds the largest magnitude, whatever its sign"


def _cases() -> Iterator[Case]:
    for data, eigenvalues in _SPECTRA.items():
        name, draw = f"{data}, d = {_DIM}", _planted(eigenvalues)
        size = float(np.abs(eigenvalues).max())
        for estimator, method, estimate, unit, truth in (
            ("lambda_max", "lanczos", _lanczos, 1.0, lambda h: float(h.eigenvalues[-1])),
            ("spectrum_edges", "third largest of k = 3", _third, 1.0, lambda h: float(h.eigenvalues[-3])),
            ("spectrum_edges", "smallest of k = 3", _bottom, 1.0, lambda h: float(h.eigenvalues[0])),
            ("stability_margin", "normalised", _margin, _ETA, lambda h: 2 - _ETA * float(h.eigenvalues[-1])),
        ):
            yield Case(
                estimator, method, name, draw, estimate, truth, _PRODUCTS, coverage={100: 0.97},
                events=(_wrong(_TOL * size * unit, at_most=0.02),), replications=300, size_name="products",
                reason=_NEIGHBOUR,
            )  # fmt: skip
        yield Case(
            "lambda_max", "power", name, draw, _power, lambda h: float(h.eigenvalues[-1]), _PRODUCTS,
            events=(_wrong(_TOL * size, None),), replications=300, size_name="products",
            reason=_NEGATIVE if "negative" in data else _NEIGHBOUR,
        )  # fmt: skip


def _trace(method: str) -> Callable[[Hessian], Estimate]:
    return lambda h: est.hessian_trace(h.hvp, _DIM, samples=h.products, method=method)


_POINT, _WIDTH = 0.25, 0.1


def _density(h: Hessian) -> Estimate:
    """The smoothed density at ¼, inside the bulk."""
    f = est.spectral_density(h.hvp, _DIM, probes=h.products // 30, steps=30, width=_WIDTH, points=801)
    value, low, high = (float(np.interp(_POINT, f.grid, y)) for y in (f.density, f.low, f.high))
    return Estimate(value, low, high, f.level, "lanczos-quadrature", f.n, f.flags)


def _true_density(h: Hessian) -> float:
    bells = np.exp(-0.5 * ((_POINT - h.eigenvalues) / _WIDTH) ** 2)
    return float(bells.mean() / (_WIDTH * math.sqrt(2 * math.pi)))


def _stochastic() -> Iterator[Case]:
    """What is estimated with random vectors or random batches."""
    for data, eigenvalues in _SPECTRA.items():
        for method in ("hutch++", "hutchinson"):
            yield Case(
                "hessian_trace", method, f"{data}, d = {_DIM}", _planted(eigenvalues), _trace(method),
                lambda h: float(h.eigenvalues.sum()), (12, 48), coverage={12: 0.89, 48: 0.93}, bias=0.0,
                replications=600, size_name="products", reason="one large eigenvalue makes draws skewed",
            )  # fmt: skip
    for data in ("outliers above a bulk", "no gap: uniform on [−½, 1]"):
        yield Case(
            "spectral_density", "at ¼, width 0.1", f"{data}, d = {_DIM}", _planted(_SPECTRA[data]), _density,
            _true_density, (120, 240), coverage=0.95, replications=200, size_name="products",
        )  # fmt: skip
    yield Case(
        "batch_sharpness", "jackknife", "single Gaussian examples in 10 dimensions: E = d + 4", _examples,
        lambda pair: est.batch_sharpness(*pair), 14.0, (20, 100, 400),
        coverage={20: 0.73, 100: 0.82, 400: 0.87}, size_name="batches",
        reason="|g|⁴ of single examples has heavy tails: a few batches decide",
    )  # fmt: skip
    yield Case(
        "mean_square_factor", "lanczos", "examples in 4 dimensions, against all eigenvalues",
        lambda rng, n: rng.standard_normal((n, 4)), lambda a: est.mean_square_factor(a, 0.2, 2),
        _dense_factor, (10, 40), coverage=0.99, bias=1e-9, replications=40, size_name="examples",
    )  # fmt: skip


def _examples(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """g = a(a·θ) and Hg = a(a·g) of ½(a·θ)², a ~ N(0, I)."""
    a, theta = rng.standard_normal((n, 10)), rng.standard_normal(10)
    g = a * (a @ theta)[:, None]
    return g, a * (a * g).sum(axis=1, keepdims=True)


def _dense_factor(a: Array) -> float:
    """Spectral radius of E[(I − ηH_B) ⊗ (I − ηH_B)] for two examples a batch, η = 0.2, pair by pair."""
    eye, eta = np.eye(4), 0.2
    single = np.einsum("ni,nj->nij", a, a)
    both = [eye - eta * 0.5 * (x + y) for x in single for y in single]
    return float(np.abs(np.linalg.eigvals(np.mean([np.kron(m, m) for m in both], axis=0))).max())


register(_cases())
register(_stochastic())
