"""The Ornstein–Uhlenbeck process, of one coordinate or in matrix form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.kinds.numbers import Array
from sdesim.sdes.base import Base
from sdesim.sdes.moments import Moments, known_time
from sdesim.surfaces.base import SurfaceKernel


@kind("sdes", "ornstein-uhlenbeck")
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Base):
    """dx = A (m − x) dt + B dW.

    A number stands for itself times the identity; d is that of the array that is given, 1 without. The
    process begins at m where nothing else is said.

    Args:
        rate: A: a number or (d,), one for each coordinate, of at least 0; or (d, d), any matrix.
        factor: B: a number or (d,), each coordinate driven by a Wiener process of its own; or (d, k).
        mean: m: a number or (d,).

    Raises:
        Misfit: sizes that don't fit one another, or a rate below 0.

    Source: G. Uhlenbeck & L. Ornstein, Phys. Rev. 36 (1930); C. Van Loan, IEEE Trans. Autom. Control 23
    (1978), for the covariance of the matrix form.

    Example:
        {kind: ornstein-uhlenbeck, rate: 2.0, factor: 1.0}
    """

    rate: Annotated[Any, Numbers(0, 1, 2)]
    factor: Annotated[Any, Numbers(0, 1, 2)]
    mean: Annotated[Any, Numbers(0, 1)] = 0.0

    def __post_init__(self) -> None:
        sizes = {
            n: np.shape(getattr(self, n))[0] for n in ("rate", "factor", "mean") if np.ndim(getattr(self, n))
        }
        for name, size in sizes.items():
            if size != max(sizes.values()):
                raise Misfit(name, f"found {size} rows, allowed: {max(sizes.values())}, as of the others")
        if np.ndim(self.rate) == 2 and self.rate.shape[0] != self.rate.shape[1]:
            raise Misfit("rate", f"found shape {self.rate.shape}, allowed: a square matrix")
        if np.ndim(self.rate) < 2 and np.min(self.rate) < 0:
            raise Misfit("rate", f"found {np.min(self.rate):g}, allowed: at least 0")

    @property
    def dim(self) -> int:
        """d."""
        return int(max((np.shape(v) or (1,))[0] for v in (self.rate, self.factor, self.mean)))

    @property
    def factors(self) -> int:
        """k."""
        return int(self.factor.shape[1]) if np.ndim(self.factor) == 2 else self.dim

    @property
    def additive(self) -> bool:
        """True."""
        return True

    @property
    def constant_factor(self) -> Array | None:
        """B where it is a diagonal."""
        if np.ndim(self.factor) == 2:
            return None
        return np.array(np.broadcast_to(np.asarray(self.factor, float), (self.dim,)))

    @property
    def noise_rate(self) -> Array:
        """B Bᵀ."""
        b = self._matrix(self.factor)
        return np.diag(b) ** 2 if self.constant_factor is not None else b @ b.T

    @property
    def growth(self) -> float:
        """2: the drift is linear."""
        return 2.0

    @property
    def start(self) -> Array:
        """m."""
        return np.array(np.broadcast_to(np.asarray(self.mean, float), (self.dim,)))

    def _matrix(self, value: Any) -> Array:
        array = np.asarray(value, dtype=np.float64)
        return np.array(array) if array.ndim == 2 else np.diag(np.broadcast_to(array, (self.dim,)))

    def kernel(self) -> SurfaceKernel:
        """The descent of a quadratic where nothing is a matrix, else matrices."""
        if np.ndim(self.rate) < 2 and np.ndim(self.factor) < 2:
            params = np.concatenate([np.broadcast_to(self.rate, (self.dim,)), self.start])
            home = "sdesim.surfaces.bowls.quadratic_kernels"
            return SurfaceKernel(home, "grad", None, params, hvp="hvp", slope="slope")
        wide = np.ndim(self.factor) == 2
        return SurfaceKernel(
            "sdesim.sdes.kernels.linear",
            "grad_dense",
            None,
            self.start,
            self._matrix(self.rate),
            self._matrix(self.factor),
            hvp="hvp_dense",
            factor="factor_dense" if wide else None,
            factors=self.factors if wide else 0,
        )

    def moments(self, t: float, start: Any = None) -> Moments:
        """Mean m + e^{−At} (x₀ − m) and covariance ∫₀ᵗ e^{−As} B Bᵀ e^{−Aᵀs} ds.

        Raises:
            SdesimError: t = ∞ and the real part of an eigenvalue of A is not above 0: there is no stationary
                law.
        """
        from scipy.linalg import expm, solve_continuous_lyapunov

        time, a, b, d = known_time(t), self._matrix(self.rate), self._matrix(self.factor), self.dim
        noise = b @ b.T
        if math.isinf(time):
            least = float(np.linalg.eigvals(a).real.min())
            if least <= 0:
                raise SdesimError(
                    f"there is no stationary law: the least real part of A's eigenvalues is {least:g}"
                )
            return Moments(self.start, np.asarray(solve_continuous_lyapunov(a, noise)))
        # Van Loan: the blocks of exp of [[A, BBᵀ], [0, −Aᵀ]] t.
        whole = expm(np.block([[a, noise], [np.zeros((d, d)), -a.T]]) * time)
        decay = expm(-a * time)
        covariance = decay @ whole[:d, d:]
        mean = self.start + decay @ (self._from(start) - self.start)
        return Moments(mean, 0.5 * (covariance + covariance.T))
