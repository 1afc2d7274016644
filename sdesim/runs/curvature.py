"""The curvature part of a probe: eigenvalues, Tr(HΣ̂) and what the optimizer makes of the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.curvature.edges import Ends, lanczos_ends
from sdesim.estimators.curvature.extremes import extremes
from sdesim.runs.linear_step import LinearStep, step_part

Array = NDArray[np.float64]
# Draws that meet the Hessian.
TRACE_DRAWS = 8
# Where products are costly: residual of λ_max relative to the largest |eigenvalue|, well below that at which
# a reading counts as not converged; the eigenvalue itself is off by about its square. Products along a random
# vector at least, at a first reading and at later ones, and most products.
TOLERANCE, FIRST, LATER, MOST = 5e-3, 8, 6, 40


@dataclass(frozen=True, eq=False)
class CurvatureMetric:
    """What an optimizer makes of the Hessian H: a^{1/2}(H + W)a^{1/2}, unstable from λ_crit.

    Attributes:
        trained: (d,), which coordinates move at all; the others are left out of gradients and curvature.
        scale: a (d,), for Adam 1/P, NaN where not known yet; None: H itself is compared with λ_crit.
        decay: diagonal of W (d,), or None.
        critical: λ_crit, in units of 1/η; NaN where no threshold is known.
    """

    trained: NDArray[np.bool_]
    scale: Array | None
    decay: Array | None
    critical: float

    def among(self, mask: NDArray[np.bool_]) -> CurvatureMetric:
        """The same of the coordinates that are true in mask alone."""
        scale, decay = (None if part is None else part[mask] for part in (self.scale, self.decay))
        return CurvatureMetric(self.trained[mask], scale, decay, self.critical)


@dataclass(eq=False)
class RitzVectors:
    """What a reading of curvature leaves for the next one of the same network.

    Attributes:
        held: by the operator's name, vectors (…, d) of any kind of array.
    """

    held: dict[str, Any] = field(default_factory=dict)

    def of(self, name: str, count: int) -> Any:
        """Those of so many coordinates; None where there are none."""
        found = self.held.get(name)
        return found if found is not None and found.shape[-1] == count else None


def curvature_part(
    oracle: Any, theta: Array, draws: Array, mean: Array, rng: np.random.Generator,
    metric: CurvatureMetric | None, step: LinearStep | None, ritz: RitzVectors, some: Any = None,
) -> dict[str, Array | float]:  # fmt: skip
    """The curvature variables of the schema; arguments as of `runs.probe`.

    Args:
        draws: gradients (n, d). mean: theirs (d,).
    """
    moving = slice(None) if metric is None or metric.trained.all() else metric.trained

    def product_of(one: Any) -> Callable[[Array], Array]:
        def product(v: Array) -> Array:
            """H v among the coordinates that move."""
            whole = np.zeros(theta.size)
            whole[moving] = v
            return np.asarray(one.hvp(theta, whole)[moving])

        return product

    product, seed, count = product_of(oracle), int(rng.integers(2**31)), theta[moving].size
    if not count:
        return {}
    costly = bool(getattr(oracle, "costly", False))
    bent: Array | None = None
    if costly:
        bent = np.asarray(oracle.hvp(theta, mean))
        # Of all examples one product is known already.
        known = [(mean[moving], bent[moving])] if some is None else []
        own = product if some is None else product_of(some)
        found = _ends("hessian", own, count, seed, ritz, known)
    else:
        found = lanczos_ends(product, count, seed=seed)
    # Products that are differences have an error of their own.
    error = getattr(oracle, "hvp_error", 0.0) * max(abs(found.lowest), abs(found.highest))
    n = len(draws)
    centred = draws[: min(n, TRACE_DRAWS)] - mean
    bend = bending(oracle, theta, len(centred), rng if costly else None)
    bends = bend(centred)
    terms = np.array([c @ bend for c, bend in zip(centred, bends, strict=True)])
    through = oracle.hvp(theta, mean) if bent is None else bent
    # ḡᵀHḡ moves by 2(gᵢ − μ)ᵀHḡ/n with each draw; ḡ's own noise in Hḡ makes up for the square of it.
    along = draws @ np.asarray(through)
    values: dict[str, Array | float] = {
        "lambda_max": found.highest,
        "lambda_min": found.lowest,
        "curvature_residual": found.highest_residual + error,
        "curvature_residual_min": found.lowest_residual + error,
        "hessian_signal": float(mean @ through),
        "hessian_signal_error": float(2 * along.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan,
        **trace_of_terms(terms, n),
    }
    if step is not None:
        kept = np.zeros(theta.size)
        kept[moving] = 1.0
        values |= step_part(
            lambda v: kept * oracle.hvp(theta, v),
            draws,
            step,
            centred,
            kept * bends,
            lambda v: kept * bend(v),
        )
    if metric is None:
        return values
    values["critical_sharpness"] = metric.critical
    if metric.scale is not None and metric.decay is not None and np.isfinite(metric.scale).all():
        root, decay = np.sqrt(metric.scale[moving]), metric.decay[moving]

        def met(v: Array) -> Array:
            return np.asarray(root * (product(root * v) + decay * (root * v)))

        ends = _ends("metric", met, count, seed, ritz) if costly else lanczos_ends(met, count, seed=seed)
        values |= {
            "preconditioned_lambda_max": ends.highest, "preconditioned_residual": ends.highest_residual
        }  # fmt: skip
    return values


def _ends(
    name: str, product: Callable[[Array], Array], count: int, seed: int, ritz: RitzVectors,
    known: list[tuple[Array, Array]] | None = None,
) -> Ends:  # fmt: skip
    """Both ends where products are costly; the Ritz vectors are kept for the next reading."""
    last = ritz.of(name, count)
    least = min(FIRST if last is None else LATER, count)
    found = extremes(
        product, count, np.random.default_rng(seed), tol=TOLERANCE, least=least, most=MOST,
        last=None if last is None else np.asarray(last, dtype=np.float64),
        known=known or (),
    )  # fmt: skip
    if found.vectors is None:
        ritz.held.pop(name, None)
    else:
        ritz.held[name] = found.vectors
    return found.ends


def trace_of_terms(terms: Array, n: int) -> dict[str, Array | float]:
    """Tr(HΣ̂) and its standard error from terms (g − ḡ)ᵀH(g − ḡ) of some of n draws."""
    # Each term has expectation (n−1)/n Tr(HΣ), because ḡ holds the draw itself.
    terms = terms * n / (n - 1)
    error = float(terms.std(ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else np.nan
    return {"hessian_noise": float(terms.mean()), "hessian_noise_error": error}


def bending(
    oracle: Any, theta: Array, count: int, rng: np.random.Generator | None
) -> Callable[[Array], Array]:
    """H of each of ``count`` deviations (count, d), each by a share of the examples where that can be.

    Args:
        rng: deals out the examples; None: each meets all of them.
    """
    split = getattr(oracle, "split_hvps", None)
    if rng is not None and split is not None:
        shared: Callable[[Array], Array] | None = split(theta, count, rng)
        if shared is not None:
            return shared
    return lambda rows: np.array([oracle.hvp(theta, v) for v in rows])
