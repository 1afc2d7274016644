"""What a model of a series says of itself, and the base to subclass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri_exp

from sdesim.errors import SdesimError
from sdesim.fits.transitions import Transitions
from sdesim.kinds.bases import Defaults, default

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model.

    Attributes:
        name: as the fit calls it.
        low, high: ends of its support; between a finite low and an infinite high it is sought by its
            logarithm.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf

    @property
    def logarithmic(self) -> bool:
        """Whether it is sought by its logarithm."""
        return math.isfinite(self.low) and math.isinf(self.high)


class Base(Defaults):
    """A Markov process with exact transitions: what a model of one's own inherits.

    A frozen dataclass with `parameters`, `starts`, `log_density` and `log_tails` is a whole model; with
    `draw` it has goodness of fit by bootstrap, with `equation` it can be simulated on. θ (p,) holds the
    values of `parameters` in their order.
    """

    @default
    def parameters(self) -> tuple[Parameter, ...]:
        """What is fitted."""
        raise SdesimError(f"{type(self).__name__} must have parameters, those that are fitted")

    @default
    def fewest(self) -> int:
        """Transitions below which nothing is fitted."""
        return 10

    def form(self) -> Base:
        """The model that is fitted: this one, or another that its fields name."""
        return self

    def check(self, data: Transitions) -> None:
        """Refuse data that the process can't make.

        Raises:
            EstimatorError: one line, the field named.
        """

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """Lowest and highest θ that these data could tell from the ends of the support, (p,) each."""
        size = 1e-150
        low = [p.low + size if p.logarithmic else p.low for p in self.parameters]
        high = [1e150 if p.logarithmic else p.high for p in self.parameters]
        return np.array(low), np.array(high)

    def starts(self, data: Transitions) -> Sequence[Array]:
        """Where the likelihood's maximum is sought from: θ (p,), one or several."""
        raise SdesimError(f"{type(self).__name__} must have starts(data)")

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """log p(x₁ | x₀, dt) of each transition (n,)."""
        raise SdesimError(f"{type(self).__name__} must have log_density(theta, data)")

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """log P(X ≤ x₁ | x₀, dt) and log P(X > x₁ | x₀, dt), (n,) each."""
        raise SdesimError(f"{type(self).__name__} must have log_tails(theta, data)")

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """x₁ given x₀ = `before` (…,) after dt (…,)."""
        raise SdesimError(f"{type(self).__name__} must have draw(theta, before, dt, rng)")

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """What of each x₁ (n,) is new, in units of its spread: its normal score."""
        return normal_scores(*self.log_tails(theta, data))

    def characteristic(self, theta: Array, data: Transitions, u: Array) -> NDArray[np.complex128]:
        """Mean of E e^{iuy} over the transitions, y the innovation, at u (m,): e^{−u²/2} of normal scores."""
        return np.exp(-0.5 * u**2).astype(np.complex128)

    def carried(self, theta: Array, place: int, value: float, data: Transitions) -> Array:
        """θ beside a new value of one parameter: from where the others are sought then."""
        moved = np.array(theta)
        moved[place] = value
        return moved

    def cutoff(self, name: str, theta: Array, data: Transitions, side: int, level: float) -> float | None:
        """How far the signed root of the likelihood ratio goes by chance where `theta` is true.

        Args:
            side: −1: the quantile of 1 − (1 − level)/2 of the root at a value below the estimate, 1: minus
                that of (1 − level)/2 at one above it.

        Returns:
            A number above 0, or None for that of the normal law.
        """
        return None

    def ends(
        self, name: str, low: float, high: float, total: float, data: Transitions
    ) -> tuple[float, float]:
        """The interval of a parameter, wider where the likelihood's own says too little.

        Args:
            total: largest log-likelihood.
        """
        return low, high

    def flags(self, estimates: Mapping[str, Any], data: Transitions) -> Mapping[str, Sequence[str]]:
        """Warnings by parameter; those under "" are of all."""
        return {}

    def equation(self, values: Mapping[str, float]) -> Any:
        """What `simulate` takes as its first argument.

        Raises:
            SdesimError: no equation of sdesim's is this process.
        """
        raise SdesimError(f"{type(self).__name__} names no equation to simulate")

    def noises(self, values: Mapping[str, float]) -> list[Any]:
        """What drives it beside the equation's own noise: none."""
        return []


def normal_scores(below: Array, above: Array) -> Array:
    """Φ⁻¹(F) of log F and log (1 − F), each half from its own tail."""
    low, high = np.minimum(below, 0.0), np.minimum(above, 0.0)
    return np.asarray(np.where(low < high, ndtri_exp(low), -ndtri_exp(high)))
