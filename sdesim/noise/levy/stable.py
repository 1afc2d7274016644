"""α-stable (Lévy) noise.

Convention: unit scale means the characteristic function exp(−|u|^α) (isotropic: exp(−‖u‖₂^α)) in the S1
parametrization, so that α = 2 has variance 2σ². Z_S0 = Z_S1 − β tan(πα/2) at unit scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.estimators.tails.jumps import jump_moments
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.kinds.spelling import short
from sdesim.noise.base import Array, Base, Context, Noise, NoiseKernel, Sort, check_size
from sdesim.noise.big_jumps import BigJumps, stable_jumps
from sdesim.noise.draws import increments
from sdesim.noise.gaussian import diagonal_kernel
from sdesim.noise.mixed import Mixture
from sdesim.noise.modulated import modulated
from sdesim.schedules import Coefficient, at, moves
from sdesim.stable.sampling.constants import (
    ISOTROPIC,
    LEAST_ALPHA,
    LEAST_SKEWED,
    has_table,
    law_constants,
    shift_to_s1,
)

# Below this share of accepted draws "reject" would spend its time redrawing.
LEAST_ACCEPTANCE = 0.01


@kind("noises", "stable")
@dataclass(frozen=True)
class Stable(Base):
    """Increments of an α-stable Lévy process, exact at every dt: scale σ dt^{1/α}.

    At α = 1 with skew β the S1 increment over dt includes the shift (2/π) β σ dt log(σ dt).

    Args:
        alpha: stability index in (0, 2]; 2 gives the bits of ``Gaussian(diffusion=scale**2)``.
        scale: σ, a number or (d,), in units of θ per time^{1/α}; or a schedule, of which a step takes
            (mean of σ^α)^{1/α}, so that its increments are exact.
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
        sampler: "inversion" (a table of the quantile function, u-error at most 1e-12; of isotropic noise, of
            its mixing radius) or "cms" (Chambers–Mallows–Stuck). None takes "inversion" where a table is
            shown to reach its accuracy: independent coordinates with 0.4 ≤ α < 2, without skew from 0.3 on,
            and isotropic ones with 0.4 ≤ α ≤ 1.99; else "cms". Tempered independent coordinates are always
            drawn by inversion, tempered isotropic ones by "cms"; α = 2 is drawn as a Gaussian.
        method: the former name of ``sampler``.
        match: "median" instead of a scale, for the isotropic structure: increments over η have the median
            length η √TrΣ of those of the real arm, Tr Σ the mean over its probes.
        matrix: A (d, k): k sources of this law are carried into the coordinates, as A S; the scale is theirs.

    Raises:
        Misfit: if a value is out of its range.

    Source: J. Chambers, C. Mallows, B. Stuck, "A method for simulating stable random variables", J. Am. Stat.
    Assoc. 71 (1976).

    Example:
        {kind: stable, alpha: 1.5, scale: 0.1}
    """

    alpha: Annotated[float, Gt(0), Le(2)]
    scale: Annotated[Any, Coefficient(0, 1)] | None = None
    skew: Annotated[float, Ge(-1), Le(1)] = 0.0
    structure: Literal["independent", "isotropic"] = "independent"
    truncation: Annotated[float, Gt(0)] | None = None
    rule: Literal["clip", "reject"] = "clip"
    tempering: Annotated[float, Gt(0)] | None = None
    sampler: Literal["inversion", "cms"] | None = None
    method: Literal["inversion", "cms"] | None = None
    match: Literal["median"] | None = None
    matrix: Annotated[Any, Numbers(2)] | None = None

    def __post_init__(self) -> None:
        self._check_scale()
        if self.matrix is not None and (self.truncation is not None or self.match is not None):
            raise Misfit("matrix", "found one, allowed: none with truncation or match")
        if self.structure == "isotropic" and self.skew != 0.0:
            raise Misfit("skew", f"found {self.skew:g}, allowed: 0 for the isotropic structure")
        name = "sampler" if self.method is None else "method"
        if self.method is not None:
            if self.sampler not in (None, self.method):
                raise Misfit("method", f"found {short(self.method)}, allowed: none beside sampler")
            object.__setattr__(self, "sampler", self.method)
            object.__setattr__(self, "method", None)
        if self.tempering is not None:
            self._check_tempering(name)
        elif self.sampler == "inversion" and self.alpha < 2.0 and not self._has_table:
            raise Misfit(name, f"found 'inversion', allowed: cms for {self._tableless}")

    @property
    def _mixture(self) -> Mixture | None:
        """The sources and their matrix; None where the coordinates are the sources."""
        return None if self.matrix is None else Mixture(replace(self, matrix=None), self.matrix)

    @property
    def _has_table(self) -> bool:
        return has_table(self.alpha, self.skew, self.structure == "isotropic")

    @property
    def _tableless(self) -> str:
        if self.structure == "isotropic":
            low, high = ISOTROPIC
            return f"isotropic noise with alpha outside [{low:g}, {high:g}]"
        return (
            f"alpha below {LEAST_ALPHA:g}" if self.skew == 0.0 else f"alpha below {LEAST_SKEWED:g} with skew"
        )

    def _check_scale(self) -> None:
        if (self.scale is None) == (self.match is None):
            raise Misfit((), "give exactly one of scale and match")
        if moves(self.scale):
            self._check_schedule()
        elif self.scale is not None and np.any(self._sigma < 0):
            raise Misfit("scale", f"found {self._sigma.min():g}, allowed: numbers of at least 0")
        if self.match is not None and self.structure != "isotropic":
            raise Misfit("structure", "found 'independent', allowed: isotropic with match")
        if self.match is not None and self.tempering is not None:
            raise Misfit("tempering", f"found {self.tempering:g}, allowed: none with match")

    def _check_schedule(self) -> None:
        """Refuse what would change with the scale otherwise than in proportion."""
        if self.truncation is not None or self.tempering is not None:
            raise Misfit("scale", "found a schedule, allowed: numbers with truncation or tempering")
        if self.alpha == 1.0 and self.skew != 0.0:
            raise Misfit("scale", "found a schedule, allowed: numbers with skew at alpha 1")

    def _check_tempering(self, name: str) -> None:
        if self.alpha == 2.0:
            raise Misfit(
                "alpha", "found 2, allowed: below 2 with tempering: the Gaussian has no jumps to temper"
            )
        if self.structure == "independent" and self.alpha < LEAST_ALPHA:
            raise Misfit("alpha", f"found {self.alpha:g}, allowed: at least {LEAST_ALPHA:g} with tempering")
        only = "inversion" if self.structure == "independent" else "cms"
        if self.sampler not in (None, only):
            rule = f"{only} with tempering of the {self.structure} structure"
            raise Misfit(name, f"found {short(self.sampler)}, allowed: {rule}")
        if self.structure == "isotropic" and np.any(self._sigma != self._sigma.flat[0]):
            rule = "one for all coordinates with tempering of the isotropic structure"
            raise Misfit("scale", f"found different ones, allowed: {rule}")

    @cached_property
    def _sigma(self) -> Array:
        if self.scale is None:
            raise SdesimError(f"stable noise must be resolved first: it lacks {' and '.join(self.needs)}")
        if moves(self.scale):
            raise SdesimError("the scale changes in time: at(time) gives the noise of one moment")
        return np.asarray(self.scale, dtype=np.float64)

    def at(self, time: float) -> Noise:
        """With σ as it is at a time."""
        return replace(self, scale=at(self.scale, time)) if moves(self.scale) else self

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """A schedule that is negative somewhere, or not finite."""
        found = self.scale.problem(time, 0.0) if moves(self.scale) else None  # type: ignore[union-attr]
        if found is not None:
            yield "scale", found

    @property
    def learning_rate_power(self) -> float | None:
        """1 − 1/α where the scale is of gradients and nothing is cut off; None where something is."""
        if self.match is None:
            return 0.0
        return None if self.truncation is not None else 1.0 - 1.0 / self.alpha

    @property
    def sort(self) -> Sort:
        """Gaussian at α = 2 without a truncation."""
        return "gaussian" if self.alpha == 2.0 and self.truncation is None else "levy"

    @property
    def tail_index(self) -> float | None:
        """α, where jumps are neither truncated nor tempered."""
        tamed = self.truncation is not None or self.tempering is not None
        return None if tamed or self.alpha == 2.0 else self.alpha

    @property
    def stability(self) -> float:
        """α, but 2 where jumps are tempered."""
        return 2.0 if self.tempering is not None else self.alpha

    @property
    def drawn_by(self) -> str | None:
        """How its increments are drawn: "inversion" or "cms"; None at α = 2, where they are Gaussian."""
        if self.alpha == 2.0 and self.truncation is None:
            return None
        if self.tempering is not None:
            return "inversion" if self.structure == "independent" else "cms"
        # The table of an untempered law ends below α = 2.
        if self.alpha == 2.0:
            return "cms"
        if self.sampler is not None:
            return self.sampler
        return "inversion" if self._has_table else "cms"

    @property
    def constant_diffusion(self) -> float | None:
        """σ² at α = 2 without a truncation, where σ is one number."""
        gaussian = self.sort == "gaussian" and isinstance(self.scale, (int, float)) and self.matrix is None
        return float(self.scale) ** 2 if gaussian and self.scale is not None else None

    @property
    def label(self) -> str:
        """With α, and how its jumps are tamed."""
        tamed = [name for name in ("truncated", "tempered") if getattr(self, _TAMING[name]) is not None]
        return " ".join(["stable", f"α={self.alpha:g}", *tamed])

    @property
    def needs(self) -> tuple[str, ...]:
        """What the scale follows from."""
        return ("trace", "learning_rate") if self.match is not None else ()

    @property
    def needs_trial(self) -> bool:
        """Whether only draws at one dt tell that enough of them are accepted."""
        return self.rule == "reject" and self.truncation is not None

    def resolved(self, context: Context) -> Noise:
        """With the scale as a number.

        Raises:
            SdesimError: if it matches a trace that is not known.
        """
        if self.match is None:
            return self
        eta = context.learning_rate
        from sdesim.noise.levy.median import median_length

        length = median_length(self.alpha, context.dim, eta)
        scale = eta * float(np.sqrt(context.known_trace())) / length
        return replace(self, scale=scale, match=None)

    def validate(self, dim: int) -> None:
        """Check that the scale is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        if self.matrix is not None:
            check_size(self.matrix.shape[0], dim, "matrix")
            dim = self.matrix.shape[1]
        check_size(len(self.scale) if isinstance(self.scale, np.ndarray) else None, dim, "scale")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments over dt; the learning rate plays no part.

        Raises:
            SdesimError: if rule "reject" would refuse nearly every draw at this dt.
        """
        self.validate(dim)
        if moves(self.scale):
            unit = replace(self, scale=1.0).kernel(dim, dt, learning_rate)
            return modulated(unit, self.scale, dt, self.alpha, 1.0 / self.alpha)  # type: ignore[arg-type]
        if (mixture := self._mixture) is not None:
            return mixture.kernel(dt, learning_rate)
        sigma = np.broadcast_to(self._sigma, (dim,))
        if self.alpha == 2.0 and self.truncation is None:
            params = sigma * np.sqrt(2.0 * dt)
            return diagonal_kernel(params)
        scale = sigma * dt ** (1.0 / self.alpha)
        if self.rule == "reject" and self.truncation is not None:
            self._check_acceptance(scale)
        kernel = self._scaled_kernel(scale, self.rule == "reject", self.truncation)
        split = self._split(scale, kernel) if self.tail_index is not None else None
        return replace(kernel, size=scale, divisible=self.truncation is None, split=split)

    def _split(self, scale: Array, kernel: NoiseKernel) -> Any:
        """How increments of a kernel, neither truncated nor tempered, are halved."""
        from sdesim.noise.levy.bridge import IsotropicSplit, StableSplit

        if self.structure == "independent":
            return StableSplit(self.alpha, self.skew, scale)
        bits = int(kernel.params[0]) if self.drawn_by == "inversion" else 0
        return IsotropicSplit(self.alpha, scale, kernel.data, bits)

    def _scaled_kernel(self, scale: Array, reject: bool, truncation: float | None) -> NoiseKernel:
        # Tables bring numpy's polynomials with them, which a check of the fields does without.
        from sdesim.noise.levy.kernels import cms_kernel, radius_kernel, table_kernel, tempered_kernel
        from sdesim.stable.sampling.tables import stable_table

        limit = math.inf if truncation is None else truncation
        if self.structure == "isotropic":
            if self.drawn_by == "inversion":
                return radius_kernel(self.alpha, scale, reject, limit)
            return self._isotropic_kernel(scale, reject, limit)
        if self.tempering is not None:
            return tempered_kernel(self.alpha, self.skew, self.tempering, scale, reject, limit)
        if self.drawn_by == "inversion":
            table = stable_table(self.alpha, self.skew)
            shift = shift_to_s1(self.alpha, self.skew, scale)
            return table_kernel([table], scale, shift, np.zeros(scale.shape), reject, limit)
        return cms_kernel(self.alpha, self.skew, scale, reject, limit)

    def _isotropic_kernel(self, scale: Array, reject: bool, limit: float) -> NoiseKernel:
        from sdesim.noise.levy.kernels import STABLE

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
        return NoiseKernel(STABLE, function, params)

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

    def exponent(self, u: Array) -> NDArray[np.complex128] | None:
        """Σ |σ_k u_k|^α (1 − iβ sgn u_k tan(πα/2)), |σ∘u|^α of the isotropic structure, tempered or not.

        None for truncated jumps, tempered ones along the axes, α = 1 with skew, and a scale that moves.
        """
        self.validate(u.shape[-1])
        if moves(self.scale) or self.truncation is not None or (self.alpha == 1.0 and self.skew != 0.0):
            return None
        if (mixture := self._mixture) is not None:
            return mixture.exponent(u)
        scaled = u * np.broadcast_to(self._sigma, u.shape[-1:])
        if self.structure == "isotropic":
            least = 0.0 if self.tempering is None else float(self.tempering * self._sigma.flat[0])
            square = (scaled * scaled).sum(axis=-1)
            value = square ** (0.5 * self.alpha)
            if least > 0.0:
                value = least**self.alpha * np.expm1(0.5 * self.alpha * np.log1p(square / least**2))
            return np.asarray(value, dtype=np.complex128)
        if self.tempering is not None:
            return None
        turn = self.skew * math.tan(0.5 * math.pi * self.alpha) if self.skew else 0.0
        return np.asarray((np.abs(scaled) ** self.alpha * (1.0 - 1j * turn * np.sign(scaled))).sum(axis=-1))

    def big_jumps(self, dim: int) -> BigJumps | None:
        """Below α = 2, where jumps are neither truncated nor tempered; None with a matrix."""
        self.validate(dim)
        if self.tail_index is None or self.matrix is not None or moves(self.scale):
            return None
        sigma = np.array(np.broadcast_to(self._sigma, (dim,)))
        return stable_jumps(self.alpha, sigma, self.skew, self.structure == "isotropic")

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −σ η^{1/α−1} S: minus an increment over η (truncated as such), divided by η."""
        dim = np.asarray(theta).shape[-1]
        seed = int(rng.integers(2**63))
        return np.asarray(increments(self.kernel(dim, eta, eta), dim, n, seed=seed)[0] / -eta)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 without skew, where there is a mean; Σ of the Gaussian and of tempered laws, from their
        cumulants: 2σ²/η, M₂/η of `jump_moments`, α σ^α λ^{α−2}/η of the isotropic ones.

        None where a mean or a variance does not exist, or with skew.
        """
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        if (mixture := self._mixture) is not None:
            return mixture.moments(eta)
        sigma, zero = np.broadcast_to(self._sigma, (dim,)), np.zeros(dim)
        if self.skew != 0.0 or self.tail_index is not None:
            return None
        if self.truncation is not None:
            return GradientMoments(zero, None)
        if self.alpha == 2.0:
            second = 2.0 * sigma**2
        elif self.structure == "isotropic":
            second = self.alpha * sigma**self.alpha * float(self.tempering or 0.0) ** (self.alpha - 2.0)
        else:
            second = jump_moments(self.alpha, sigma, tempering=self.tempering).second
        return GradientMoments(zero, DiagonalCovariance(np.sqrt(second / eta)))

    def weighted_noise(
        self, theta: Array, eta: float, n: int, growth: float, rng: np.random.Generator
    ) -> tuple[Array, Array] | None:
        """Isotropic jumps as √(2A) G, A positive α/2-stable, drawn where they are large more often.

        By Kanter's formula A(U, W) with U uniform on (0, π) is large where U is near π; drawn is
        U = π − πV^q, q = 2/(1 − growth/α), V uniform, one of each stratum, so that the weight qV^{q−1}
        outweighs the growth of A^{growth/2} ~ V^{−q growth/α}. The second half of the draws is minus the
        first.

        Source: M. Kanter, "Stable densities under change of scale and total variation inequalities", Ann.
        Probab. 3 (1975).
        """
        if self.tail_index is None:
            return self.gradient_noise(theta, eta, n, rng), np.ones(n)
        if self.structure != "isotropic" or not growth < self.alpha or n % 2 or self.matrix is not None:
            return None
        dim, half, beta = np.asarray(theta).shape[-1], n // 2, 0.5 * self.alpha
        self.validate(dim)
        power = 2.0 / (1.0 - growth / self.alpha)
        place = (np.arange(half) + rng.random(half)) / half
        left = math.pi * place**power
        angle, wait = math.pi - left, rng.exponential(size=half)
        size = np.sin(beta * angle) / np.sin(left) ** (1 / beta)
        size *= (np.sin((1 - beta) * angle) / wait) ** ((1 - beta) / beta)
        scale = self._sigma * eta ** (1.0 / self.alpha - 1.0)
        drawn = np.sqrt(2.0 * size)[:, None] * rng.standard_normal((half, dim)) * scale
        return np.concatenate([drawn, -drawn]), np.tile(power * place ** (power - 1.0), 2)

    def trace(self, dim: int) -> float:
        """Tr D of the Gaussian part: 0 below α = 2, Σσ² at it."""
        self.validate(dim)
        if self.alpha < 2.0:
            return 0.0
        if self.matrix is not None:
            return float(np.sum((self.matrix * self._sigma) ** 2))
        return float(np.sum(np.broadcast_to(self._sigma, (dim,)) ** 2))


_TAMING = {"truncated": "truncation", "tempered": "tempering"}
