"""The cosine between two mean gradients: exact without noise, free of its bias, open where it is not told."""

import math

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.consolidation.agreement import gradient_agreement


def readings(signal, cosine, dim, count, rng):
    """Products of pairs of draws with noise of trace 1 about means of squared norm `signal`."""
    mean, other = np.zeros(dim), np.zeros(dim)
    mean[0] = math.sqrt(signal)
    other[:2] = math.sqrt(signal) * np.array([cosine, math.sqrt(1 - cosine**2)])
    g, h = (m + rng.standard_normal((count, 2, dim)) / math.sqrt(dim) for m in (mean, other))
    return (
        np.einsum("kd,kd->k", g.sum(axis=1), h.sum(axis=1)) / 4,
        np.einsum("kd,kd->k", g[:, 0], g[:, 1]),
        np.einsum("kd,kd->k", h[:, 0], h[:, 1]),
    )


def test_without_noise_it_is_the_cosine():
    found = gradient_agreement([3.0] * 4, [2.0] * 4, [8.0] * 4)

    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == (pytest.approx(0.75), pytest.approx(0.75))


def test_its_interval_holds_the_truth_as_often_as_it_says():
    # 95% of 400; below 0.905 or above 0.985 with probability 1e-4 and 5e-6: of one fixed seed.
    rng = np.random.default_rng(0)
    held = [
        e.low <= 0.8 <= e.high
        for e in (gradient_agreement(*readings(1.0, 0.8, 50, 16, rng)) for _ in range(400))
    ]

    assert 0.905 < np.mean(held) < 0.985


def test_where_a_signal_is_not_seen_there_is_none():
    rng = np.random.default_rng(1)
    found = gradient_agreement(*readings(0.0, 0.0, 50, 16, rng))

    assert math.isnan(found.value)
    assert found.has("not_separated")
    assert found.has("no_interval")
    assert gradient_agreement([1.0], [1.0], [1.0]).has("too_few_readings")
    assert gradient_agreement([1.0, np.nan, 1.0], [1.0] * 3, [1.0] * 3).has("nonfinite")


def test_what_does_not_fit_is_refused():
    with pytest.raises(EstimatorError, match="three vectors"):
        gradient_agreement([1.0, 2.0], [1.0], [1.0])
