"""Parameters of stable laws: what is allowed, and the way from x to the standard law.

    S0: log E e^{iuX} = −c^α|u|^α [1 + iβ tan(πα/2) sign(u) (|cu|^{1−α} − 1)] + i loc u,
    S1: log E e^{iuX} = −c^α|u|^α [1 − iβ tan(πα/2) sign(u)] + i loc u,

at α = 1 with −(2/π) log|cu| (S0) and −(2/π) log|u| (S1) for the factors of tan; c = scale. At α = 2 the
law is normal with variance 2c², whatever β.

Source: J. Nolan, Univariate Stable Distributions (2020), definitions 1.5 and 1.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_reals, one_of

Array = NDArray[np.float64]
PARAMETRIZATIONS = ("S1", "S0")


@dataclass(frozen=True)
class Parameters:
    """Checked parameters, arrays that broadcast with one another.

    Attributes:
        alpha: α in (0, 2].
        beta: β in [−1, 1], 0 where α = 2.
        loc: location in the form asked for.
        scale: c > 0.
        s1: whether loc is that of S1.
    """

    alpha: Array
    beta: Array
    loc: Array
    scale: Array
    s1: bool

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """That of all of them together."""
        return np.broadcast_shapes(self.alpha.shape, self.beta.shape, self.loc.shape, self.scale.shape)

    @cached_property
    def shift(self) -> Array:
        """x′ − x of the standard law: β tan(πα/2), 0 at α = 1 and α = 2."""
        return tangent_shift(self.alpha, self.beta)

    def standard(self, x: Array) -> tuple[Array, Array]:
        """(x of the standard S0 law, x′ = x + β tan(πα/2)); each exact in the form that loc is given in."""
        with np.errstate(invalid="ignore", over="ignore"):
            z = (x - self.loc) / self.scale
            if not self.s1:
                return z, np.asarray(z + self.shift)
            z = z - self.drift
            return np.asarray(z - self.shift), z

    def located(self, x0: Array, x1: Array) -> Array:
        """x from the standard law's."""
        with np.errstate(invalid="ignore", over="ignore"):
            z = x1 + self.drift if self.s1 else x0
            return np.asarray(self.loc + self.scale * z)

    @cached_property
    def drift(self) -> Array:
        """(2/π) β log c where α = 1, by which S1 differs there."""
        return np.asarray(np.where(self.alpha == 1.0, 2.0 / np.pi * self.beta * np.log(self.scale), 0.0))


def tangent_shift(alpha: Array, beta: Array) -> Array:
    """β tan(πα/2), 0 at α = 1 and α = 2."""
    plain = (alpha == 1.0) | (alpha == 2.0) | (beta == 0.0)
    epsilon = np.where(plain, 0.5, 1.0 - alpha)
    return np.asarray(np.where(plain, 0.0, beta / np.tan(0.5 * np.pi * epsilon)))


def checked(
    alpha: ArrayLike, beta: ArrayLike, loc: ArrayLike, scale: ArrayLike, parametrization: str
) -> Parameters:
    """Parameters within their ranges.

    Raises:
        SdesimError: if one is not, or their shapes don't go together.
    """
    one_of(parametrization, PARAMETRIZATIONS, "parametrization")
    numbers = tuple(value for value in (alpha, beta, loc, scale) if isinstance(value, float | int))
    if len(numbers) == 4:
        return _of_numbers(*numbers, parametrization)
    return _checked(alpha, beta, loc, scale, parametrization)


@lru_cache(maxsize=256)
def _of_numbers(alpha: float, beta: float, loc: float, scale: float, parametrization: str) -> Parameters:
    return _checked(alpha, beta, loc, scale, parametrization)


def _checked(
    alpha: ArrayLike, beta: ArrayLike, loc: ArrayLike, scale: ArrayLike, parametrization: str
) -> Parameters:
    a = _within("alpha", alpha, "in (0, 2]", lambda v: (v > 0.0) & (v <= 2.0))
    b = _within("beta", beta, "in [-1, 1]", lambda v: np.abs(v) <= 1.0)
    place = _within("loc", loc, "a finite number", np.isfinite)
    width = _within("scale", scale, "a finite number above 0", lambda v: np.isfinite(v) & (v > 0.0))
    try:
        np.broadcast_shapes(a.shape, b.shape, place.shape, width.shape)
    except ValueError:
        raise SdesimError(
            "alpha, beta, loc and scale must broadcast, got shapes "
            f"{a.shape}, {b.shape}, {place.shape} and {width.shape}"
        ) from None
    return Parameters(a, np.where(a == 2.0, 0.0, b), place, width, parametrization == "S1")


def _within(name: str, value: ArrayLike, allowed: str, inside: object) -> Array:
    array = as_reals(value, name)
    good = inside(array)  # type: ignore[operator]
    if not good.all():
        wrong = np.atleast_1d(array)[~np.atleast_1d(good)][0]
        raise SdesimError(f"{name} must be {allowed}, got {wrong:g}")
    return array
