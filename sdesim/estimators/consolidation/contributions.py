"""Signal and noise of one step's gradient, from the norms of the parts that it is the sum of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ContributionMoments:
    """|μ|² and Tr Cov g of gradients g, without bias, each (…,); `parts`, 1/Σ w_j², is how many equal parts
    the weights are worth."""

    signal: Array
    noise: Array
    parts: Array


def contribution_moments(whole: ArrayLike, squares: ArrayLike, overlap: ArrayLike) -> ContributionMoments:
    """|μ|² and Tr Cov g where g = Σ_j c_j, c_j = w_j g^(j), of independent g^(j) with mean μ and covariances
    in inverse proportion to w_j, Σ w_j = 1.

    |μ|² = (|g|² − Σ|c_j|²)/(1 − Σ w_j²), Tr Cov g = |g|² − |μ|². For k equal parts it is the pair of batch
    sizes of McCandlish et al. (arXiv 1812.06162, appendix A).

    Args:
        whole: |g|². squares: Σ_j |c_j|². overlap: Σ w_j². Each a number or (…,).

    Raises:
        EstimatorError: an overlap that is not in (0, 1): one part alone tells nothing of its noise.
    """
    g, c, w = (np.asarray(x, dtype=np.float64) for x in (whole, squares, overlap))
    if not ((w > 0) & (w < 1)).all():
        raise EstimatorError("overlap Σ w² must be above 0 and below 1: at least two parts, Σ w = 1")
    signal = (g - c) / (1.0 - w)
    return ContributionMoments(signal, np.asarray(g - signal), np.asarray(1.0 / w))
