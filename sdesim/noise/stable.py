"""α-stable (Lévy) noise and stable sampling.

Convention: unit scale means the characteristic function exp(−|u|^α) (isotropic: exp(−‖u‖₂^α)) in the S1
parametrization, so that α = 2 has variance 2σ². Z_S0 = Z_S1 − β tan(πα/2) at unit scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.noise.base import Array, NoiseKernel, check_size
from sdesim.noise.increments import increments
from sdesim.surfaces.base import as_finite, finite, positive

STRUCTURES = ("independent", "isotropic")
RULES = ("clip", "reject")
PARAMETRIZATIONS = ("S1", "S0")
# Below this share of accepted draws "reject" would spend its time redrawing.
LEAST_ACCEPTANCE = 0.01


@dataclass(frozen=True, eq=False)
class Stable:
    """Increments of an α-stable Lévy process, exact at every dt: scale σ dt^{1/α}.

    At α = 1 with skew β the S1 increment over dt includes the shift (2/π) β σ dt log(σ dt).

    Args:
        alpha: stability index in (0, 2]; 2 gives the bits of ``Gaussian(diffusion=scale**2)``.
        scale: σ, a number or (d,), in units of θ per time^{1/α}.
        skew: β in [−1, 1]; 0 for the isotropic structure.
        structure: "independent" coordinates, or "isotropic" (one jump hits all coordinates).
        truncation: largest size of one step's increment (isotropic: of its norm), None for no limit.
        rule: "clip" to the truncation, or "reject" and draw again.
        tempering: None is the only value; the Lévy measure is not tempered.

    Raises:
        SdesimError: if a value is out of its range.
    """

    alpha: float
    scale: ArrayLike
    skew: float = 0.0
    structure: str = "independent"
    truncation: float | None = None
    rule: str = "clip"
    tempering: None = None
    _sigma: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", checked_alpha(self.alpha))
        object.__setattr__(self, "skew", checked_skew(self.skew))
        sigma = as_finite(self.scale, "scale")
        if sigma.ndim > 1 or sigma.size == 0 or np.any(sigma < 0):
            raise SdesimError(f"scale must be a number or (d,), and not negative, got {self.scale!r}")
        object.__setattr__(self, "_sigma", sigma)
        if self.structure not in STRUCTURES:
            raise SdesimError(f"structure must be one of {', '.join(STRUCTURES)}, got {self.structure!r}")
        if self.rule not in RULES:
            raise SdesimError(f"rule must be one of {', '.join(RULES)}, got {self.rule!r}")
        if self.structure == "isotropic" and self.skew != 0.0:
            raise SdesimError(f"skew must be 0 for the isotropic structure, got {self.skew:g}")
        if self.truncation is not None:
            object.__setattr__(self, "truncation", positive(self.truncation, "truncation"))
        if self.tempering is not None:
            raise SdesimError(f"tempering must be None (the only allowed value), got {self.tempering!r}")

    def validate(self, dim: int) -> None:
        """Check that the scale is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(None if self._sigma.ndim == 0 else self._sigma.shape[0], dim, "scale")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments over dt; the learning rate plays no part.

        Raises:
            SdesimError: if rule "reject" would refuse nearly every draw at this dt.
        """
        self.validate(dim)
        sigma = np.broadcast_to(self._sigma, (dim,))
        if self.alpha == 2.0 and self.truncation is None:
            params = sigma * np.sqrt(2.0 * dt)
            return NoiseKernel("sdesim.noise.fills", "gaussian_diagonal", params, gaussian=True)
        kernel = self._stable_kernel(sigma * dt ** (1.0 / self.alpha), self.rule == "reject")
        if self.rule == "reject" and self.truncation is not None:
            self._check_acceptance(sigma * dt ** (1.0 / self.alpha))
        return kernel

    def _stable_kernel(self, scale: Array, reject: bool, limited: bool = True) -> NoiseKernel:
        limit = self.truncation if self.truncation is not None and limited else math.inf
        function = "stable_independent"
        if self.structure == "isotropic":
            function = "stable_isotropic" if limit == math.inf else "stable_isotropic_truncated"
        header = [*law_constants(self.alpha, self.skew), limit, float(reject)]
        params = np.concatenate([header, scale, shift_to_s1(self.alpha, self.skew, scale)])
        return NoiseKernel("sdesim.noise.fills", function, params)

    def _check_acceptance(self, scale: Array) -> None:
        """Refuse a truncation inside which fewer than 1% of 4,096 trial draws lie."""
        trial = increments(self._stable_kernel(scale, False, limited=False), scale.size, 4096, seed=0)[0]
        size = np.abs(trial) if self.structure == "independent" else np.linalg.norm(trial, axis=1)[:, None]
        accepted = float(np.mean(size <= self.truncation, axis=0).min())
        if accepted < LEAST_ACCEPTANCE:
            raise SdesimError(
                f"truncation {self.truncation:g} is too small for rule 'reject': only {accepted:.2%} of the "
                "increments at this dt lie within it; use rule 'clip' or a larger truncation"
            )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −σ η^{1/α−1} S: minus an increment over η (truncated as such), divided by η."""
        dim = np.asarray(theta).shape[-1]
        seed = int(rng.integers(2**63))
        return np.asarray(increments(self.kernel(dim, eta, eta), dim, n, seed=seed)[0] / -eta)

    def trace(self, dim: int) -> float:
        """Tr D of the Gaussian part: 0 below α = 2, Σσ² at it."""
        self.validate(dim)
        return float(np.sum(np.broadcast_to(self._sigma, (dim,)) ** 2)) if self.alpha == 2.0 else 0.0


def checked_alpha(alpha: float) -> float:
    """Return alpha as a float in (0, 2].

    Raises:
        SdesimError: if it is not.
    """
    number = finite(alpha, "alpha")
    if not 0.0 < number <= 2.0:
        raise SdesimError(f"alpha must be in (0, 2], got {number:g}")
    return number


def checked_skew(skew: float) -> float:
    """Return skew as a float in [−1, 1].

    Raises:
        SdesimError: if it is not.
    """
    number = finite(skew, "skew")
    if abs(number) > 1.0:
        raise SdesimError(f"skew must be in [-1, 1], got {number:g}")
    return number


def law_constants(alpha: float, skew: float) -> tuple[float, float, float, float]:
    """(α, β, ε tan(πα/2), ε/sin(πε/2)) with ε = 1 − α, which the compiled draw needs; see `stable_law`."""
    epsilon = 1.0 - alpha
    if epsilon == 0.0:
        return alpha, skew, 2.0 / math.pi, 2.0 / math.pi
    return (
        alpha,
        skew,
        epsilon / math.tan(0.5 * math.pi * epsilon),
        epsilon / math.sin(0.5 * math.pi * epsilon),
    )


def shift_to_s1(alpha: float, skew: float, scale: Array) -> Array:
    """What turns scale · Z₀ into an S1 variable of that scale: β tan(πα/2) c, at α = 1 (2/π) β c log c."""
    if skew == 0.0 or alpha == 2.0:
        return np.zeros_like(scale)
    if alpha == 1.0:
        logarithm = np.log(scale, out=np.zeros_like(scale), where=scale > 0)
        return np.asarray((2.0 / math.pi) * skew * scale * logarithm)
    return np.asarray(skew * scale / math.tan(0.5 * math.pi * (1.0 - alpha)))


def sample_stable(
    alpha: float,
    skew: float,
    size: int | tuple[int, ...],
    seed: int,
    scale: float = 1.0,
    loc: float = 0.0,
    parametrization: str = "S1",
) -> Array:
    """Draws of an α-stable law, by the function that drives the simulated noise.

    S1: c Z₁ + δ for α ≠ 1, c Z₁ + (2/π) β c log c + δ at α = 1. S0: c Z₀ + δ, continuous in α.

    Args:
        alpha: stability index in (0, 2].
        skew: β in [−1, 1].
        size: shape of the result.
        seed: 64-bit seed; draw number k is a function of (seed, k) only.
        scale: c > 0.
        loc: δ.
        parametrization: "S1" or "S0".

    Raises:
        SdesimError: if a value is out of its range.

    Source: J. Nolan, Univariate Stable Distributions (2020), definitions 1.4 and 1.5.
    """
    alpha, skew = checked_alpha(alpha), checked_skew(skew)
    scale, loc = positive(scale, "scale"), finite(loc, "loc")
    if parametrization not in PARAMETRIZATIONS:
        raise SdesimError(f"parametrization must be S1 or S0, got {parametrization!r}")
    shape = size if isinstance(size, tuple) else (size,)
    width = np.array([scale])
    shift = shift_to_s1(alpha, skew, width) if parametrization == "S1" else np.zeros(1)
    params = np.concatenate([law_constants(alpha, skew), [math.inf, 0.0], width, shift + loc])
    kernel = NoiseKernel("sdesim.noise.fills", "stable_independent", params)
    if alpha == 2.0:
        kernel = NoiseKernel("sdesim.noise.fills", "gaussian_diagonal", math.sqrt(2.0) * width)
    count = math.prod(shape)
    draws = increments(kernel, 1, (count + 1) // 2, 2, seed=seed)[:, :, 0].T.reshape(-1)[:count]
    return np.asarray(draws.reshape(shape) + (loc if alpha == 2.0 else 0.0))


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Philox4x32-10 of a counter (4 words) and a key (2 words): four 32-bit words."""
    from sdesim.noise.philox import philox_words

    words = philox_words(np.asarray(counter, dtype=np.uint64), np.asarray(key, dtype=np.uint64))
    return np.asarray(words, dtype=np.uint32)
