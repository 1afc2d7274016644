"""C from one batch size to another, the noise scale, and C from two batch sizes at once.

C grows with the batch: for batches drawn with replacement C_B = B·C_1; 1/C_1 is the batch at which signal
and noise are equal, the "simple" noise scale of McCandlish et al. (arXiv 1812.06162).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.consolidation.window_ratio import fieller
from sdesim.estimators.core.places import Number, given, made, masks_of
from sdesim.kinds.numbers import one_of

SAMPLING = ("epoch", "without-replacement")


def _to_one(batch_size: float, dataset_size: int | None, sampling: str) -> float:
    if batch_size < 1:
        raise EstimatorError(f"batch_size must be at least 1, got {batch_size}")
    one_of(sampling, SAMPLING, "sampling", EstimatorError)
    if dataset_size is None:
        return 1.0 / batch_size
    if dataset_size < max(batch_size, 2):
        raise EstimatorError(f"dataset_size must be at least batch_size={batch_size}, got {dataset_size}")
    if sampling == "epoch":
        return dataset_size / (batch_size * (dataset_size - 1))
    return (dataset_size - batch_size) / (batch_size * (dataset_size - 1))


def per_example(
    c: Number, batch_size: float, dataset_size: int | None = None, sampling: str = "epoch"
) -> AnyEstimate:
    """C_1 from C_B, a number or (...,): C_B/B for batches drawn with replacement (no dataset_size).

    With dataset_size N: "epoch", C_B/B · N/(N−1), where the trace in C_B is the sample trace over batches
    of one shuffled epoch, whose mean is that of batches of an endless set; "without-replacement",
    C_B(N−B)/(B(N−1)), where it is the covariance of one batch of distinct examples.

    Raises:
        EstimatorError: batch_size < 1, or larger than the data set; unknown sampling.
    """
    factor = _to_one(batch_size, dataset_size, sampling)
    return given(c).mapped(lambda x: x * factor)


def at_batch_size(
    c: Number, batch_size: float, target: float, dataset_size: int | None = None, sampling: str = "epoch"
) -> AnyEstimate:
    """C at batch size `target` from C, a number or (...,), at `batch_size`, both sampled alike (see
    `per_example`).

    A batch of the whole data set drawn without replacement has no noise: C is ∞ there.

    Raises:
        EstimatorError: as `per_example`, for either size.
    """
    back = _to_one(target, dataset_size, sampling)
    if _to_one(batch_size, dataset_size, sampling) == 0.0:
        raise EstimatorError("a batch of the whole data set has no noise to convert from")
    factor = _to_one(batch_size, dataset_size, sampling) / back if back > 0 else math.inf
    return given(c).mapped(lambda x: x * factor)


def noise_scale(
    c: Number, batch_size: float, dataset_size: int | None = None, sampling: str = "epoch"
) -> AnyEstimate:
    """B_noise = 1/C_1 = TrΣ_1/|μ|² in examples, with the inverted interval of C_1, a number or (...,).

    Where C_1 ≤ 0 no signal was seen and B_noise is ∞; a lower end of C_1 at or below 0 leaves it unbounded
    above (flag `unbounded`).
    """
    one = per_example(c, batch_size, dataset_size, sampling)
    scale = one.mapped(lambda x: np.where(np.isnan(x), np.nan, np.where(x > 0, 1 / x, np.inf)), falling=True)
    unbounded = {"unbounded": np.isinf(np.asarray(scale.high))}
    return made(
        scale.value, scale.low, scale.high, scale.level, scale.method, scale.n, masks_of(scale) | unbounded
    )


def critical_batch(one: Number) -> AnyEstimate:
    """1/C_1, the batch at which signal and noise are alike, of C_1, a number or (...,).

    Its interval is that of C_1 inverted. NaN where C_1 is not positive; without an upper end, flag
    `unresolved`, where the interval of C_1 holds 0.
    """
    c = given(one)
    value, low, high = (np.asarray(x, dtype=np.float64) for x in (c.value, c.low, c.high))
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse, least = (np.where(x > 0, 1 / x, np.nan) for x in (value, high))
        most = np.where(low > 0, 1 / low, np.where(np.isnan(low), np.nan, np.inf))
    unresolved = ~np.isfinite(most) & ~np.isnan(value)
    return made(inverse, least, most, c.level, c.method, c.n, masks_of(c) | {"unresolved": unresolved})


def two_batch_consolidation(
    small_norm2: ArrayLike, large_norm2: ArrayLike, small_batch: int, large_batch: int,
    batch_size: int = 1, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """C at `batch_size` from squared gradient norms at two batch sizes, a ratio of averages.

    |G|² = (B_b|G_b|² − B_s|G_s|²)/(B_b − B_s), S = (|G_s|² − |G_b|²)/(1/B_s − 1/B_b), both unbiased for each
    pair; C_B = B·mean|G|²/mean S (McCandlish et al., appendix A). An average of ratios would be biased.

    Args:
        small_norm2, large_norm2: |G_s|² and |G_b|², (n,), a pair per step; the two of a pair may depend on
            each other (the large batch may contain the small one), pairs may not.

    Returns:
        Estimate with Fieller's interval over pairs (measured coverage of 95% at n = 50 pairs: 0.93 to 0.96).
        Details: `signal` = |G|², `noise` = S. Flag `not_separated`: S is not above 0 at this level.

    Raises:
        EstimatorError: sizes not 1 ≤ small < large, or arrays of different shape.
    """
    if not 1 <= small_batch < large_batch:
        raise EstimatorError(f"sizes must be 1 ≤ small < large, got {small_batch} and {large_batch}")
    s = np.atleast_1d(np.asarray(small_norm2, dtype=np.float64))
    b = np.atleast_1d(np.asarray(large_norm2, dtype=np.float64))
    if s.ndim != 1 or s.shape != b.shape:
        raise EstimatorError(f"norms must both be (n,), got {s.shape} and {b.shape}")
    signal = (large_batch * b - small_batch * s) / (large_batch - small_batch)
    noise = (s - b) / (1 / small_batch - 1 / large_batch)
    return fieller(batch_size * signal, noise, level, "two-batch", scale=batch_size)
