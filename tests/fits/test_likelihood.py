"""Maxima and intervals against those that are known in closed form."""

import math

import numpy as np
import pytest
from scipy import stats

import sdesim
from sdesim.fits.likelihood import Surface, maximise
from sdesim.fits.models.ornstein_uhlenbeck import OrnsteinUhlenbeck
from sdesim.fits.series import read_series
from tests.fits.processes import path


def test_the_maximum_of_an_autoregression_is_that_of_least_squares():
    x = path("ornstein-uhlenbeck", (2.0, 1.0, 0.5), 1.0, 0.1, 200, seed=1)
    data = read_series(x, dt=0.1)
    surface = Surface.of(OrnsteinUhlenbeck(), data)

    at = maximise(surface, surface.working(np.array([5.0, 0.0, 1.0])))

    slope, intercept = np.polyfit(data.before, data.after, 1)
    rest = (data.after - slope * data.before - intercept).std()
    rate = -math.log(slope) / 0.1
    expected = [rate, intercept / (1 - slope), rest / math.sqrt((1 - slope**2) / (2 * rate))]
    assert at.converged
    assert surface.natural(at.w) == pytest.approx(expected, rel=1e-4)


def test_the_interval_of_a_drift_is_students():
    x = path("geometric-brownian", (0.1, 0.3), 1.0, 0.02, 41, seed=1)
    y = np.diff(np.log(x))

    fit = sdesim.fit(x, "geometric-brownian", dt=0.02)

    half = stats.t.ppf(0.975, 39) * y.std(ddof=1) / math.sqrt(40) / 0.02
    middle = y.mean() / 0.02 + 0.5 * fit.volatility.value**2
    # σ²/2 of the drift is estimated too, which the interval of the mean leaves out: 1% of its width.
    assert fit.drift.low == pytest.approx(middle - half, abs=0.02 * half)
    assert fit.drift.high == pytest.approx(middle + half, abs=0.02 * half)
