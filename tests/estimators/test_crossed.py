"""λ_max of two samples: between them, without the bias of either where it stands apart."""

import math

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.curvature.crossed import crossed_sharpness


def test_it_is_the_middle_and_open_by_half_of_what_lies_between_them():
    found = crossed_sharpness(12.0, 0.5, [7.0, 8.0, 9.0])

    assert found.value == 10.0
    assert found.details["bracket"] == 2.5
    assert found.details["spread"] == pytest.approx(1 / math.sqrt(3))
    # t of 2 degrees at 97.5%.
    assert found.high - found.value == pytest.approx(2.5 + 4.3027 / math.sqrt(3), rel=1e-4)


def test_the_biases_of_both_cancel_where_the_top_stands_apart():
    rng = np.random.default_rng(0)
    scale = np.sqrt(np.array([10.0, *[1.0] * 50]))
    found = []
    for _ in range(100):
        a, b = (rng.standard_normal((64, 51)) * scale for _ in range(2))
        values, vectors = np.linalg.eigh(a.T @ a / 64)
        quotients = ((b @ vectors[:, -1]) ** 2).reshape(4, 16).mean(axis=1)
        found.append(crossed_sharpness(float(values[-1]), 0.0, quotients))
    top, crossed = (np.mean([e.details[name] for e in found]) for name in ("top", "crossed"))

    # Errors of a mean of 100 with a relative standard deviation of 0.13: five of them are 0.65.
    assert crossed < 9.7 < 10.3 < top
    assert np.mean([e.value for e in found]) == pytest.approx(10.0, abs=0.65)
    # Fewer than 81 of 100 at 0.95 happen with probability 1e-6.
    assert sum(e.low <= 10.0 <= e.high for e in found) >= 81


def test_one_part_has_no_interval_and_numbers_must_be_finite():
    assert crossed_sharpness(1.0, 0.0, [1.0]).has("no_interval")
    assert crossed_sharpness(math.inf, 0.0, [1.0, 2.0]).has("nonfinite")
    with pytest.raises(EstimatorError, match="residual"):
        crossed_sharpness(1.0, -1.0, [1.0])
