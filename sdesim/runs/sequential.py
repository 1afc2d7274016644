"""Readings that must be sampled, drawn on until C is as precise as was asked for.

Draws are doubled, n, 2n, 4n, …, until half the interval of C is no more than the precision's share of
max(C, C*), or until as many as the reading may have. Looks that end where the spread seems small would make
intervals too narrow: the standard error is the larger of that of all draws and that of the look before, which
falls as 1/√n, and few looks, far apart, cost little beside (``analysis/readings/sequential``). Then the
deviations that meet the Hessian are doubled in the same way, from 32, until half the interval of C* is as
narrow, or there is one for each 8 of the draws that C may have. Where few examples make most of the noise
that interval is too narrow still: `few_effective_draws` stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.estimators.consolidation.descent import critical_signal
from sdesim.estimators.consolidation.grouped import GROUPS, GroupedRatio, GroupSums
from sdesim.runs.exactness import FIRST_PRODUCTS, PER_PRODUCT, Sequential, looks

Array = NDArray[np.float64]
LEVEL = 0.95
# Less noise than this share of |μ|² is rounding.
ROUNDING = 1e-14


def sequential_part(
    draws: Array, draw: Callable[[int], Array], products: Callable[[Array], Array] | None, step_size: float,
    asked: Sequential, curved: tuple[float, float] = (0.0, 0.0),
) -> dict[str, float]:  # fmt: skip
    """The variables of the schema whose names begin with ``drawn``.

    Args:
        draws: gradients (n, d) that there are. draw: m → as many more (m, d).
        products: of the Hessian with each row, (m, d) → (m, d); None: no curvature.
        step_size: η. curved: ḡᵀHḡ and Tr HΣ of the draws that there are, with products.
    """
    n = len(draws)
    looking = _Looking(draws, draw, asked)
    found = looking.settle(step_size, (curved[0] - curved[1] / n, curved[1]))
    bent: dict[str, float] = {}
    if products is not None and not still(found):
        bent = _curved(looking.sums.mean, found, draw, products, step_size, asked)
        # C* is known better now, and so is what C is to be held against.
        of_mean, trace = bent["drawn_hessian_signal"], bent["drawn_hessian_noise"]
        before = found.draws
        found = looking.settle(step_size, (of_mean - trace / before, trace))
        if found.draws > before:
            mean = looking.sums.mean
            bent["drawn_hessian_signal"] = float(mean @ products(mean[None])[0])
    return {
        "drawn_samples": float(found.draws), "drawn_groups": float(found.groups),
        "drawn_ratio": found.ratio, "drawn_ratio_error": found.ratio_error, "drawn_ratio_rise": found.rise,
        "drawn_signal": found.signal, "drawn_signal_error": found.signal_error,
        "drawn_noise": found.noise, "drawn_noise_error": found.noise_error, **bent,
    }  # fmt: skip


class _Looking:
    """Draws that go on from look to look."""

    def __init__(self, draws: Array, draw: Callable[[int], Array], asked: Sequential) -> None:
        self.sums = GroupSums(draws.shape[1], min(GROUPS, len(draws)))
        self.sums.add(draws)
        self._draw, self._asked, self._first = draw, asked, len(draws)
        self._last = self._found = self.sums.read()

    def settle(self, step_size: float, curved: tuple[float, float]) -> GroupedRatio:
        """What is read at the first look that is precise enough, from the present one on, or at the last.

        Args:
            curved: μᵀHμ and Tr HΣ.
        """
        for count in looks(self._first, self._asked.most):
            if count < self.sums.draws:
                continue
            if count > self.sums.draws:
                self._go_on(count)
            found = self._found
            star = _critical(step_size, *curved, found.noise)
            wanted = self._asked.precision * max(abs(found.ratio), abs(star))
            # Less noise than rounding makes leaves no ratio.
            if found.half_width(LEVEL) <= wanted or still(found):
                break
        return self._found

    def _go_on(self, count: int) -> None:
        while self.sums.draws < count:
            self.sums.add(self._draw(min(self._first, count - self.sums.draws)))
        read = self.sums.read()
        self._found, self._last = _guarded(read, self._last), read


def still(found: GroupedRatio) -> bool:
    """Whether there is no noise but rounding."""
    return found.noise <= ROUNDING * abs(found.signal)


def _guarded(found: GroupedRatio, before: GroupedRatio) -> GroupedRatio:
    """The reading with errors no smaller than those of the look before, put to its number of draws."""
    scale = math.sqrt(before.draws / found.draws)
    names = ("ratio_error", "signal_error", "noise_error")
    errors = {name: max(getattr(found, name), scale * getattr(before, name)) for name in names}
    return replace(found, **errors)


def _curved(
    mean: Array, found: GroupedRatio, draw: Callable[[int], Array], products: Callable[[Array], Array],
    step_size: float, asked: Sequential,
) -> dict[str, float]:  # fmt: skip
    """μᵀHμ and Tr HΣ, the latter from fresh draws about ḡ: E (g − ḡ)ᵀH(g − ḡ) = (1 + 1/n) Tr HΣ."""
    whole = float(mean @ products(mean[None])[0])
    terms, before = np.zeros(0), 0.0
    for count in looks(FIRST_PRODUCTS, max(FIRST_PRODUCTS, asked.most // PER_PRODUCT)):
        while len(terms) < count:
            away = draw(min(FIRST_PRODUCTS, count - len(terms))) - mean
            forms = np.einsum("ij,ij->i", away, products(away)) / (1 + 1 / found.draws)
            terms = np.concatenate([terms, forms])
        trace, spread = float(terms.mean()), float(terms.std(ddof=1))
        error, before = max(spread, before) / math.sqrt(count), spread
        star = _critical(step_size, whole - trace / found.draws, trace, found.noise)
        half = float(stdtrit(count - 1, 0.5 + LEVEL / 2)) * 0.5 * step_size * error / found.noise
        if half <= asked.precision * max(abs(found.ratio), abs(star)):
            break
    return {
        "drawn_hessian_signal": whole, "drawn_hessian_noise": trace, "drawn_hessian_noise_error": error,
        "drawn_hessian_samples": float(count),
    }  # fmt: skip


def _critical(eta: float, bent: float, trace: float, noise: float) -> float:
    """C*; 0 without noise."""
    return float(critical_signal(eta, bent, trace)) / noise if noise > 0 else 0.0
