"""Single readings of a training's own steps, their errors told by how neighbours differ."""

import numpy as np
import pytest

from sdesim.estimators.dynamics.read_steps import ReadSteps
from sdesim.runs.measures.single_readings import single_readings


def read(n, signal, noise, change, gain=0.1, every=1):
    each = (np.arange(n) * every, 0.1, signal, noise, 8.0, change, change, gain, 0.0, 0.0)
    arrays = [np.broadcast_to(np.asarray(x, float), (n,)) for x in each]
    return ReadSteps(*arrays, np.empty((n, 0)), np.empty((n, 0)))


def test_errors_are_those_of_readings_and_in_proportion_to_the_noise():
    rng = np.random.default_rng(0)
    noise = np.linspace(4.0, 1.0, 4000)
    found = single_readings([read(4000, 1 + 0.3 * noise * rng.standard_normal(4000), noise, -0.1)], 0.95)

    e = found["signal"].estimate
    # Half-widths of 1.96 times 0.3 T; the relative error of an estimate from 4,000 is 1.2%.
    assert (e.high - e.low)[0, [40, -40]] / 2 == pytest.approx(1.96 * 0.3 * noise[[40, -40]], rel=0.07)


def test_the_excess_is_the_descent_per_noise_and_what_is_left_of_c_is_the_critical_ratio():
    found = single_readings([read(100, 1.0, 4.0, -0.05, every=100)], 0.95)

    assert found["C_excess"].value[0, 7] == pytest.approx(0.05 / (0.1 * 4))
    assert found["C_star"].value[0, 7] == pytest.approx(1 / 4 - 0.05 / (0.1 * 4))
    alone = single_readings([read(100, 1.0, 4.0, -0.05, gain=np.nan, every=100)], 0.95)
    assert np.isnan(alone["C_star"].value).all()
    assert alone["C_excess"].value[0, 7] == pytest.approx(0.05 / (0.1 * 4))


def test_steps_that_follow_one_another_are_averaged_first():
    found = single_readings([read(60, 1.0, 4.0, np.arange(60) * 1.0)], 0.95)["C_excess"]

    assert np.flatnonzero(np.isfinite(found.value[0])).tolist() == [34, 59]
    assert found.value[0, 59] == pytest.approx(-np.arange(35, 60).mean() / 0.4)
