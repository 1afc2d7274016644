"""The part of a probe that carries no sampling error: μ and Σ from what is known of the gradients' law.

With μ and a factor of Σ at hand, |μ|², Tr Σ and μᵀHμ are exact, and Tr HΣ is as `FactoredTrace` reads it,
with as many draws as C* needs. Where only μ is known, Tr Σ and Tr HΣ are means over gradients drawn about it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.estimators.core.covariance import Covariance, GradientMoments, GradientTraces
from sdesim.estimators.curvature.factored_trace import FactoredTrace
from sdesim.runs.exactness import Exactness, looks
from sdesim.runs.linear_step import LinearStep, multiple_of

Array = NDArray[np.float64]
Products = Callable[[Array], Array]
LEVEL = 0.95
# Random draws of a trace at first, and most of them.
_FIRST, _MOST = 24, 384
# Where C lies inside the interval of C*, so many half-widths shall fit between them.
_APART = 1.5


def exact_part(
    moments: GradientMoments, products: Products | None, draws: Array, step_size: float,
    rng: np.random.Generator, exactness: Exactness, step: LinearStep | None = None,
    squares: Callable[[int], Array] | None = None, shared: Products | None = None,
) -> dict[str, float]:  # fmt: skip
    """The variables of the schema whose names begin with ``exact``.

    Args:
        moments: μ and Σ of the gradients. products: H of each row, (m, d) → (m, d); None: no curvature.
        draws: gradients (n, d), for what Σ does not tell; squares: m → m numbers of mean Tr Σ, as |g − μ|² of
            further draws are. step_size: η.
        step: of the optimizer.
        shared: cheaper products of a random Hessian of the same mean, for Tr HΣ, as of `FactoredTrace`.
    """
    mean, covariance = moments.mean, moments.covariance
    found = {"exact_signal": float(mean @ mean)}
    if covariance is None:
        return found | _from_draws(mean, products, draws, squares, exactness)
    noise = float(covariance.variance.sum())
    found |= {"exact_noise": noise, "exact_noise_error": 0.0, "exact_draws": math.inf}
    if products is None:
        return found
    bent = float(mean @ products(mean[None])[0])
    trace = FactoredTrace(products, covariance, rng, shared)
    _settle(trace, _Scale(step_size, found["exact_signal"], bent, noise), exactness.precision)
    found |= {
        "exact_hessian_signal": bent,
        "exact_hessian_noise": trace.value,
        "exact_hessian_noise_error": trace.error,
        "exact_draws": math.inf if trace.exact else float(trace.draws),
    }
    return found if step is None else found | _of_step(mean, covariance, products, step, trace, rng)


def exact_groups(
    moments: GradientMoments, draws: Array, groups: Mapping[str, slice], kept: NDArray[np.bool_] | None
) -> dict[str, Array]:
    """|μ|² and Tr Σ of each parameter group (k,); from the draws about μ where Σ is not known.

    Args:
        moments, draws: of the coordinates that are true in ``kept`` (D,), of all where it is None.
        groups: name → slice of all coordinates.
    """
    before = None if kept is None else np.concatenate([[0], np.cumsum(kept)])

    def among(values: Array) -> Array:
        cuts = [s if before is None else slice(before[s.start], before[s.stop]) for s in groups.values()]
        return np.array([values[..., cut].sum(axis=-1) for cut in cuts])

    mean = moments.mean
    found = {"exact_group_signal": among(mean**2)}
    if moments.covariance is not None:
        noise = among(moments.covariance.variance)
        return found | {"exact_group_noise": noise, "exact_group_noise_error": np.zeros(len(groups))}
    terms = among((draws - mean) ** 2)
    error = terms.std(axis=1, ddof=1) / math.sqrt(len(draws))
    return found | {"exact_group_noise": terms.mean(axis=1), "exact_group_noise_error": error}


def exact_traces(traces: GradientTraces, groups: Mapping[str, slice] | None) -> dict[str, Any]:
    """The variables of a reading without the Hessian, from μ and Tr Σ of blocks of coordinates."""
    mean = traces.mean
    found: dict[str, Any] = {
        "exact_signal": float(mean @ mean), "exact_noise": float(traces.traces.sum()),
        "exact_noise_error": 0.0, "exact_draws": math.inf,
    }  # fmt: skip
    if not groups:
        return found
    return found | {
        "exact_group_signal": np.array([mean[cut] @ mean[cut] for cut in groups.values()]),
        "exact_group_noise": np.array([traces.among(cut) for cut in groups.values()]),
        "exact_group_noise_error": np.zeros(len(groups)),
    }


@dataclass(frozen=True)
class _Scale:
    """What a trace is held against: half-widths of Tr HΣ as those of C*."""

    eta: float
    signal: float
    bent: float
    noise: float

    def gap(self, trace: float) -> float:
        """|C − C*| Tr Σ."""
        return abs(self.signal - self.critical(trace))

    def critical(self, trace: float) -> float:
        """C* Tr Σ."""
        return 0.5 * self.eta * (self.bent + trace)


def _settle(trace: FactoredTrace, scale: _Scale, precision: float) -> None:
    """Draw until C* is as precise as asked, then once more where that leaves the phase open.

    The last number of draws follows from the spread found before it, as in Stein's two stages, and not from
    looking after each draw, which would end at lucky ones.
    """
    trace.more(_FIRST)
    count = _FIRST
    while not trace.exact and count < _MOST:
        half = 0.5 * scale.eta * trace.half_width(LEVEL)
        wanted = precision * max(scale.signal, abs(scale.critical(trace.value)))
        if not half > wanted:
            break
        count *= 2
        trace.more(count)
    if trace.exact or not scale.eta:
        return
    half, gap = 0.5 * scale.eta * trace.half_width(LEVEL), scale.gap(trace.value)
    if half >= gap and count < _MOST:
        more = count * (_APART * half / gap) ** 2 if gap else math.inf
        trace.more(int(min(_MOST, more)))


def _from_draws(
    mean: Array,
    products: Products | None,
    draws: Array,
    more: Callable[[int], Array] | None,
    exactness: Exactness,
) -> dict[str, float]:
    """Tr Σ and Tr HΣ as means over draws about the known μ, the first over as many as its precision asks."""
    away, n = draws - mean, len(draws)
    squares = np.einsum("ij,ij->i", away, away)
    spread = float(squares.std(ddof=1))
    if exactness.most and more is not None:
        squares, before = np.zeros(0), 0.0
        for count in looks(n, exactness.most):
            while len(squares) < count:
                squares = np.concatenate([squares, more(min(n, count - len(squares)))])
            # As of other draws, no error is below that of the look before.
            own = float(squares.std(ddof=1))
            spread, before = max(own, before), own
            half = float(stdtrit(count - 1, 0.5 + LEVEL / 2)) * spread / math.sqrt(count)
            # C = |μ|²/Tr Σ is as precise as Tr Σ.
            if half <= exactness.precision * squares.mean():
                break
    found = {
        "exact_noise": float(squares.mean()),
        "exact_noise_error": spread / math.sqrt(len(squares)),
        "exact_draws": float(n),
    }
    if products is None:
        return found
    bends = np.concatenate([products(part) for part in np.array_split(away, math.ceil(n / 8))])
    terms = np.einsum("ij,ij->i", away, bends)
    return found | {
        "exact_hessian_signal": float(mean @ products(mean[None])[0]),
        "exact_hessian_noise": float(terms.mean()),
        "exact_hessian_noise_error": float(terms.std(ddof=1)) / math.sqrt(n),
    }


def _of_step(
    mean: Array, covariance: Covariance, products: Products, step: LinearStep, known: FactoredTrace,
    rng: np.random.Generator,
) -> dict[str, float]:  # fmt: skip
    """What the optimizer's own linear step does, by the formulas of `consolidation.linear_step`."""
    whole, now = step.whole, step.now
    d = whole * mean + step.pull
    bent = products(d[None])[0]
    ahead, double = step.lookahead * d, whole * step.lookahead * step.damping
    root = np.sqrt(step.damping)
    descent = float(mean @ d) + float(ahead @ bent)
    noise = float(whole @ covariance.variance)
    scale = noise if noise > 0 else 1.0
    damped = float((root * d) @ products((root * d)[None])[0])
    count = known.draws or _FIRST
    if double.any():
        # Nesterov's step looks ahead, so that H enters twice.
        def process(v: Array) -> Array:
            moved = products(whole * v)
            return np.asarray(whole * (moved + products(double * moved)))

        spread = _trace(process, covariance, count, rng)
    else:
        spread = _scaled_trace(whole, covariance, products, known, count, rng)
    u = step.start - now * mean
    change = float(u @ mean) + 0.5 * float(u @ products(u[None])[0])
    same = np.array_equal(now, whole) and not double.any()
    single = spread if same else _scaled_trace(now, covariance, products, known, count, rng)
    return {
        "exact_process_ratio": descent / scale,
        "exact_process_bend": 0.5 * (damped + float((bent * double) @ bent)) / scale,
        "exact_process_spread": 0.5 * spread[0] / scale,
        "exact_process_spread_error": 0.5 * spread[1] / scale,
        "exact_step_change": change,
        "exact_step_spread": 0.5 * single[0],
        "exact_step_spread_error": 0.5 * single[1],
    }


def _scaled_trace(
    a: Array, covariance: Covariance, products: Products, known: FactoredTrace, count: int,
    rng: np.random.Generator,
) -> tuple[float, float]:  # fmt: skip
    """Tr AHAΣ and its standard error: that of Tr HΣ where A is a number."""
    factor = multiple_of(a, np.ones(len(a)))
    if factor is not None:
        return factor**2 * known.value, factor**2 * known.error
    return _trace(lambda v: a * products(a * v), covariance, count, rng)


def _trace(
    product: Products, covariance: Covariance, count: int, rng: np.random.Generator
) -> tuple[float, float]:
    found = FactoredTrace(product, covariance, rng)
    found.more(count)
    return found.value, found.error
