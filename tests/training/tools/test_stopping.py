"""Early stopping by what a monitor measures."""

import math

import numpy as np
import pytest

from sdesim.training import (
    Measurement,
    PhaseEarlyStopping,
)
from sdesim.training.tools.stopping import mann_kendall


def stops(measurements, window=10):
    """Step and criterion of the first stop, or None."""
    stopper = PhaseEarlyStopping(window=window)
    for m in measurements:
        decision = stopper.update(m)
        if decision.stop:
            return m.step, decision.criterion
    return None


def made(k, loss=1.0, validation=None, c=0.1, spread=0.01, star=1.0, s=1.0):
    return Measurement.of(
        k, loss=loss, validation_loss=validation, C_alpha=(c, c - spread, c + spread), C_star=star,
        S=(s, s - 0.01, s + 0.01),
    )  # fmt: skip


def test_drowned_signal_stops_training_only_once_validation_no_longer_improves():
    # C = 0.11 at most, far below C*/2 = 0.5, throughout.
    rng = np.random.default_rng(0)
    levels = 0.1 * rng.uniform(0.9, 1.0, 60)
    falling = [made(k, validation=1 - 0.01 * k, c=c) for k, c in enumerate(levels)]
    turning = [made(k, validation=abs(1 - 0.05 * k), c=c) for k, c in enumerate(levels)]

    assert stops(falling) is None
    # The lowest validation loss is at 20; it has left the window of ten after step 30.
    assert stops(turning) == (30, "noise")


def test_a_signal_above_half_of_c_star_does_not_stop_training():
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.55, 0.9, 60)
    # By Mann and Kendall's test 1% of windows of steady C seem to fall; none of these 60 does.
    assert stops([made(k, validation=1.0 + 0.01 * k, c=c) for k, c in enumerate(levels)]) is None


def test_a_falling_c_stops_training_only_once_validation_no_longer_improves():
    falling = [made(k, validation=1 - 0.01 * k, c=2.0 - 0.02 * k) for k in range(40)]
    turned = [made(k, validation=1 + 0.01 * k, c=2.0 - 0.02 * k) for k in range(40)]

    assert stops(falling) is None
    assert stops(turned) == (10, "trend")


def test_divergence_needs_a_rising_loss_so_the_edge_of_stability_goes_on():
    edge = [made(k, loss=1.0 + 0.1 * (-1) ** k, s=-0.05, c=2.0) for k in range(40)]
    diverging = [made(k, loss=1.0 + 0.1 * k, s=-0.05, c=2.0) for k in range(40)]

    assert stops(edge) is None
    assert stops(diverging) == (9, "divergence")


def test_a_lost_loss_stops_at_once():
    assert stops([made(0), made(1, loss=math.inf)]) == (1, "divergence")
    assert stops([made(0), Measurement.of(1, loss=math.nan, flags=("loss_not_finite",))]) == (1, "divergence")


def test_trend_test_is_exact_for_few_values():
    # One of 5! orders rises throughout.
    assert mann_kendall([1, 2, 3, 4, 5], rising=True) == pytest.approx(1 / 120)
    assert mann_kendall([1, 2, 3, 4, 5], rising=False) == 1.0
    assert mann_kendall([1, 1, 1, 1, 1], rising=True) == 1.0
    assert mann_kendall([1, 2, math.nan, 4, 5], rising=True) == 1.0
