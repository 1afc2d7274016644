"""Telegraph noise: two values, their covariance, and the law of its integral."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Telegraph, increments


def test_integrals_of_steps_have_the_covariance_of_the_process():
    """Cov of steps i ≠ j of amplitude A, with c = 2 rate: (A/c)² (1 − e^{−cdt})² e^{−c dt(|i−j|−1)}."""
    rate, amplitude, dt, n = 2.0, 0.5, 0.2, 40_000
    x = increments(Telegraph(rate, amplitude).kernel(1, dt, dt), 1, n, 3, seed=2)[:, :, 0]
    c = 2 * rate

    step = c * dt
    apart = (amplitude / c) ** 2 * np.expm1(-step) ** 2 * np.exp(-step * np.arange(2.0))
    exact = [2 * (amplitude / c) ** 2 * (step - 1 + np.exp(-step)), *apart]
    found = x @ x.T / n
    for i in range(3):
        for j in range(3):
            assert abs(found[i, j] - exact[abs(i - j)]) < 6 * exact[0] / np.sqrt(n)
    assert abs(x.mean()) < 6 * np.sqrt(exact[0] / n)


def test_a_step_without_a_turn_goes_the_whole_way():
    """Both signs with the chance e^{−rate dt}/2: ±A dt exactly."""
    rate, dt, n = 2.0, 0.2, 40_000
    x = increments(Telegraph(rate, 0.5).kernel(1, dt, dt), 1, n, 1, seed=2)[0, :, 0]

    assert np.abs(x).max() <= 0.5 * dt * (1 + 1e-12)
    share = np.exp(-rate * dt) / 2
    for sign in (1, -1):
        whole = np.mean(np.abs(x - sign * 0.5 * dt) < 1e-12)
        assert abs(whole - share) < 6 * np.sqrt(share / n)


def test_bad_fields_are_named():
    with pytest.raises(SdesimError, match="rate"):
        Telegraph(-1.0, 1.0)
    with pytest.raises(SdesimError, match="amplitude: found -1"):
        Telegraph(1.0, -1.0)
    with pytest.raises(SdesimError, match="times a step"):
        Telegraph(1e6, 1.0).kernel(1, 0.1, 0.1)
