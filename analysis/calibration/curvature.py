"""Cases of Hessian eigenvalues and the stability margin, on matrices with planted spectra."""

from __future__ import annotations

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


register(_cases())
