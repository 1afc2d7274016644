"""The filter and smoother of a local linear trend, against the same Gaussian law written as one matrix."""

import numpy as np

from sdesim.estimators.dynamics.local_trend import smoothed_level

WALKS = [(0.3, 0.2, 0.7), (0.0, 0.2, 0.7), (0.5, 0.0, 0.01), (0.0, 0.0, 1.0), (5.0, 1.0, 0.5)]


def readings():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.exponential(1, 9))
    times = (times - times[0]) * 8 / (times[-1] - times[0])
    y = rng.standard_normal(9)
    y[4] = np.nan
    return y, times


def dense(y, t, q, p, v):
    """Level, variance, likelihood up to a constant and residuals, flat first level and slope (kriging)."""
    low, high = np.minimum.outer(t, t), np.maximum.outer(t, t)
    # An integrated Brownian motion has the covariance s²(3t − s)/6, s ≤ t.
    law = q * low + p * low**2 * (3 * high - low) / 6
    seen, line = np.isfinite(y), np.stack([np.ones(len(t)), t], axis=1)
    x, noisy = line[seen], law[np.ix_(seen, seen)] + v * np.eye(seen.sum())
    inverse = np.linalg.inv(np.block([[noisy, x], [x.T, np.zeros((2, 2))]]))
    known = np.hstack([law[:, seen], line])
    level = known @ inverse @ np.append(y[seen], [0, 0])
    variance = np.diag(law - known @ inverse @ known.T)
    kept = inverse[: len(x), : len(x)]
    off = kept @ y[seen]
    flat = np.linalg.slogdet(x.T @ np.linalg.inv(noisy) @ x)[1]
    likelihood = -0.5 * (np.linalg.slogdet(noisy)[1] + flat + y[seen] @ off)
    return level, variance, likelihood, off / np.sqrt(np.diag(kept))


def test_levels_variances_likelihoods_and_residuals_are_those_of_the_joint_law():
    y, t = readings()
    q, p, v = (np.array(x) for x in zip(*WALKS, strict=True))
    shape = (1, 9, len(WALKS))

    found = smoothed_level(
        y[None], np.broadcast_to(v, shape), np.diff(t)[None], np.broadcast_to(q, (1, 8, len(WALKS))),
        np.broadcast_to(p, (1, 8, len(WALKS))),
    )  # fmt: skip

    expected = [dense(y, t, *walk) for walk in WALKS]
    # The filter's first slope has 10⁴ times the readings' squared range for its variance, some 10⁵ of that
    # of the slopes found.
    for k, (level, variance, _, residual) in enumerate(expected):
        np.testing.assert_allclose(found.level[:, 0, k], level, atol=1e-4)
        np.testing.assert_allclose(found.variance[:, 0, k], variance, atol=1e-4)
        # The first reading starts the filter and is not judged.
        np.testing.assert_allclose(found.residual[np.isfinite(y), 0, k][1:], residual[1:], atol=1e-4)
    differences = np.diff([e[2] for e in expected])
    np.testing.assert_allclose(np.diff(found.likelihood[0]), differences, atol=1e-3)


def test_a_reading_without_error_is_kept_though_the_first_slope_is_diffuse():
    y = np.array([[0.0, 1e6, 2.0, -5.0, 1e6, 3.0]])
    v = np.full((1, 6, 1), 1e-10)

    found = smoothed_level(y, v, np.ones((1, 5)), np.full((1, 5, 1), 1e10), np.zeros((1, 5, 1)))

    np.testing.assert_allclose(found.level[:, 0, 0], y[0], rtol=0, atol=1e-6)
    assert (found.variance <= 1.01e-10).all()
