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
from sdesim.kinds.numbers import as_finite, finite, positive
from sdesim.noise.base import Array, NoiseKernel, check_size
from sdesim.noise.gaussian import diagonal_kernel
from sdesim.noise.increments import increments
from sdesim.noise.laws.constants import law_constants, shift_to_s1
from sdesim.noise.laws.inversion import Table, refined
from sdesim.noise.laws.tables import LEAST_ALPHA, stable_table, tempered_table
from sdesim.noise.laws.tempered import Tempered

STRUCTURES = ("independent", "isotropic")
RULES = ("clip", "reject")
METHODS = ("cms", "inversion")
PARAMETRIZATIONS = ("S1", "S0")
# Below this share of accepted draws "reject" would spend its time redrawing.
LEAST_ACCEPTANCE = 0.01
# Coordinates with different scales are tempered differently, and each needs a table.
MOST_TABLES = 16


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
        tempering: λ, in units of 1/θ, or None. For independent coordinates the Lévy measure is multiplied by
            e^{−λ|x|}; as in S1 its jumps are summed as they are for α < 1 and centred to mean 0 for α > 1; at
            α = 1, and without skew everywhere, the drift is that of the untempered law, which is the limit
            λ → 0. The isotropic structure becomes relativistic, with the characteristic function
            exp(−σ^α dt [(‖u‖² + λ²)^{α/2} − λ^α]), whose Lévy measure decays like e^{−λ‖x‖}. Tempered
            increments don't scale with dt: a kernel is made for the one dt it is asked for.
        method: "cms" (Chambers–Mallows–Stuck), or "inversion" (a table of the quantile function, twice as
            fast, u-error at most 1e-12) for independent coordinates and α ≥ 0.3. Tempered independent
            coordinates are always drawn by inversion; α = 2 is drawn as a Gaussian.

    Raises:
        SdesimError: if a value is out of its range.
    """

    alpha: float
    scale: ArrayLike
    skew: float = 0.0
    structure: str = "independent"
    truncation: float | None = None
    rule: str = "clip"
    tempering: float | None = None
    method: str = "cms"
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
        if self.method not in METHODS:
            raise SdesimError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        if self.method == "inversion" and self.structure == "isotropic":
            raise SdesimError("method must be cms for the isotropic structure, got 'inversion'")
        if self.tempering is not None:
            object.__setattr__(self, "tempering", positive(self.tempering, "tempering"))
            self._check_tempering()
        elif self.method == "inversion":
            check_invertible(self.alpha)

    def _check_tempering(self) -> None:
        if self.alpha == 2.0:
            raise SdesimError("tempering needs alpha below 2: the Gaussian has no jumps to temper")
        if self.structure == "independent" and self.alpha < LEAST_ALPHA:
            raise SdesimError(f"tempering needs alpha of at least {LEAST_ALPHA:g}, got {self.alpha:g}")
        if self.structure == "isotropic" and np.any(self._sigma != self._sigma.flat[0]):
            raise SdesimError("tempering of the isotropic structure needs one scale for all coordinates")

    @property
    def sort(self) -> str:
        """Gaussian at α = 2 without truncation, else Lévy noise."""
        return "gaussian" if self.alpha == 2.0 and self.truncation is None else "levy"

    @property
    def needs_trial(self) -> bool:
        """Whether only draws at one dt tell that enough of them are accepted."""
        return self.rule == "reject" and self.truncation is not None

    @property
    def tail_index(self) -> float | None:
        """α where the increments have no variance: below 2, neither truncated nor tempered."""
        tamed = self.truncation is not None or self.tempering is not None
        return None if self.alpha == 2.0 or tamed else self.alpha

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
            return diagonal_kernel(params)
        scale = sigma * dt ** (1.0 / self.alpha)
        if self.rule == "reject" and self.truncation is not None:
            self._check_acceptance(scale)
        return self._scaled_kernel(scale, self.rule == "reject", self.truncation)

    def _scaled_kernel(self, scale: Array, reject: bool, truncation: float | None) -> NoiseKernel:
        limit = math.inf if truncation is None else truncation
        if self.structure == "isotropic":
            return self._isotropic_kernel(scale, reject, limit)
        if self.tempering is not None:
            return tempered_kernel(self.alpha, self.skew, self.tempering, scale, reject, limit)
        if self.method == "inversion" and self.alpha < 2.0:
            table = stable_table(self.alpha, self.skew)
            shift = shift_to_s1(self.alpha, self.skew, scale)
            return table_kernel([table], scale, shift, np.zeros(scale.shape), reject, limit)
        return cms_kernel(self.alpha, self.skew, scale, reject, limit)

    def _isotropic_kernel(self, scale: Array, reject: bool, limit: float) -> NoiseKernel:
        tempering = 0.0 if self.tempering is None else float(self.tempering * scale[0]) ** 2
        share = math.exp(-(tempering ** (0.5 * self.alpha)))
        if share < LEAST_ACCEPTANCE:
            raise SdesimError(
                f"tempering {self.tempering:g} is too strong for one step: only {share:.2%} of the mixing "
                "radii at this dt would be accepted; use a smaller dt"
            )
        function = (
            "stable_isotropic" if limit == math.inf and tempering == 0.0 else "stable_isotropic_limited"
        )
        header = [*law_constants(self.alpha, 0.0), limit, float(reject), tempering]
        params = np.concatenate([header, scale, np.zeros(scale.shape)])
        return NoiseKernel("sdesim.noise.fill_kernels", function, params)

    def _check_acceptance(self, scale: Array) -> None:
        """Refuse a truncation inside which fewer than 1% of 4,096 trial draws lie."""
        trial = increments(self._scaled_kernel(scale, False, None), scale.size, 4096, seed=0)[0]
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


def cms_kernel(alpha: float, skew: float, scale: Array, reject: bool, limit: float) -> NoiseKernel:
    """S1 draws of the given scale (d,) by Chambers, Mallows and Stuck."""
    header = [*law_constants(alpha, skew), limit, float(reject), 0.0]
    params = np.concatenate([header, scale, shift_to_s1(alpha, skew, scale)])
    return NoiseKernel("sdesim.noise.fill_kernels", "stable_independent", params)


def table_kernel(
    tables: list[Table], scale: Array, shift: Array, which: Array, reject: bool, limit: float
) -> NoiseKernel:
    """scale · x(u) + shift (d,) by quantile tables; which (d,) is the number of each coordinate's table."""
    bits = max(table.bits for table in tables)
    widened = [table.coefficients if table.bits == bits else refined(table, bits) for table in tables]
    first = which * widened[0].shape[0]
    params = np.concatenate([[float(bits), limit, float(reject)], scale, shift, first])
    data = np.ascontiguousarray(np.concatenate(widened))
    return NoiseKernel("sdesim.noise.inversion_kernels", "inversion_independent", params, data)


def tempered_kernel(
    alpha: float, skew: float, tempering: float, scale: Array, reject: bool, limit: float
) -> NoiseKernel:
    """Tempered draws of the given scale (d,); each different scale has a table of its own.

    Raises:
        SdesimError: if there are more than 16 different scales, or a table can't be made.
    """
    sizes, which = np.unique(np.where(scale > 0.0, scale, scale.max()), return_inverse=True)
    if sizes.size > MOST_TABLES:
        raise SdesimError(f"tempering takes at most {MOST_TABLES} different scales, got {sizes.size}")
    if sizes[0] == 0.0:
        return cms_kernel(alpha, skew, scale, reject, limit)
    tables = [tempered_table(alpha, skew, float(tempering * size)) for size in sizes]
    shift = shift_to_s1(alpha, skew, scale)
    if alpha != 1.0:
        places = np.array([Tempered(alpha, skew, float(tempering * size)).location for size in sizes])
        shift = scale * places[which]
    return table_kernel(tables, scale, shift, which.astype(np.float64), reject, limit)


def check_invertible(alpha: float) -> None:
    """Refuse a stability index whose quantile table would not reach its accuracy.

    Raises:
        SdesimError: if α is below 0.3.
    """
    if alpha < LEAST_ALPHA:
        raise SdesimError(
            f"inversion needs alpha of at least {LEAST_ALPHA:g}, got {alpha:g}; use method 'cms'"
        )


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


def sample_stable(
    alpha: float,
    skew: float,
    size: int | tuple[int, ...],
    seed: int,
    scale: float = 1.0,
    loc: float = 0.0,
    parametrization: str = "S1",
    method: str = "cms",
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
        method: "cms" or "inversion"; see `Stable`.

    Raises:
        SdesimError: if a value is out of its range.

    Source: J. Nolan, Univariate Stable Distributions (2020), definitions 1.4 and 1.5.
    """
    alpha, skew = checked_alpha(alpha), checked_skew(skew)
    scale, loc = positive(scale, "scale"), finite(loc, "loc")
    if parametrization not in PARAMETRIZATIONS:
        raise SdesimError(f"parametrization must be S1 or S0, got {parametrization!r}")
    if method not in METHODS:
        raise SdesimError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    shape = size if isinstance(size, tuple) else (size,)
    width = np.array([scale])
    shift = shift_to_s1(alpha, skew, width) if parametrization == "S1" else np.zeros(1)
    params = np.concatenate([law_constants(alpha, skew), [math.inf, 0.0, 0.0], width, shift + loc])
    kernel = NoiseKernel("sdesim.noise.fill_kernels", "stable_independent", params)
    if alpha == 2.0:
        kernel = diagonal_kernel(math.sqrt(2.0) * width)
    elif method == "inversion":
        table = stable_table(alpha, skew)
        kernel = table_kernel([table], width, shift + loc, np.zeros(1), False, math.inf)
    count = math.prod(shape)
    draws = increments(kernel, 1, (count + 1) // 2, 2, seed=seed)[:, :, 0].T.reshape(-1)[:count]
    return np.asarray(draws.reshape(shape) + (loc if alpha == 2.0 else 0.0))


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Philox4x32-10 of a counter (4 words) and a key (2 words): four 32-bit words."""
    from sdesim.compiled.philox import philox_words

    words = philox_words(np.asarray(counter, dtype=np.uint64), np.asarray(key, dtype=np.uint64))
    return np.asarray(words, dtype=np.uint32)
