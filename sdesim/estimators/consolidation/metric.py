"""C in a metric: the form that can be the same in all coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate
from sdesim.estimators.consolidation.ratio import consolidation_ratio
from sdesim.estimators.core.draws import matrix


def metric_consolidation(gradients: ArrayLike, metric: ArrayLike, level: float = 0.95) -> AnyEstimate:
    """C_F = M_F/T_F with |v|²_F = vᵀF⁻¹v: M_F = |ḡ|²_F − T_F/n, T_F = Tr F⁻¹Σ̂.

    Gradients are covectors (g′ = J⁻ᵀg), so C_F is the same in all coordinates only where F changes along,
    F′ = J⁻ᵀFJ⁻¹ (a Fisher or Gauss–Newton matrix, a K-FAC block; a diagonal one for diagonal J only).

    Args:
        gradients: (n, d), or (..., n, d) at many θ.
        metric: F, (d, d) positive definite or (d,) positive, and independent of these gradients (an earlier
            or running one), else C_F is biased.

    Raises:
        EstimatorError: shapes that don't fit, or a metric that is not positive.
    """
    g = matrix(gradients, leading=True).astype(np.float64, copy=False)
    f = np.asarray(metric, dtype=np.float64)
    d = g.shape[-1]
    if f.shape not in ((d,), (d, d)):
        raise EstimatorError(f"metric must have shape ({d},) or ({d}, {d}), got {f.shape}")
    if f.ndim == 1:
        if not ((f > 0) & np.isfinite(f)).all():
            raise EstimatorError("metric must be positive and finite")
        white = g / np.sqrt(f)
    else:
        from scipy.linalg import solve_triangular

        try:
            factor = np.linalg.cholesky(f)
        except np.linalg.LinAlgError as error:
            raise EstimatorError("metric must be positive definite") from error
        white = solve_triangular(factor, g.reshape(-1, d).T, lower=True).T.reshape(g.shape)
    return consolidation_ratio(white, level=level)
