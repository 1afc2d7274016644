"""Bands of a forecast, and when it passes a threshold."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import bands, phase_shares, time_to
from sdesim.errors import RunError

# Draw k of 41 has the loss k − 20 at every time, and passes 1 − at step 10·(k + 1) of the accuracy.
LOSS = np.repeat(np.arange(-20.0, 21.0)[:, None], 5, axis=1)


def forecast(accuracy=None, loss=LOSS):
    found = {"loss": (("trajectory", "step"), loss)}
    if accuracy is not None:
        found["test_accuracy"] = (("trajectory", "step"), accuracy)
    steps = np.arange(loss.shape[1]) * 10
    return xr.Dataset(found, {"step": steps, "time": ("step", 0.1 * steps)}, {"forecast_from": 100})


def test_bands_hold_the_middle_shares_of_the_draws():
    found = bands(forecast(), "loss")

    np.testing.assert_array_equal(found.median, 0.0)
    np.testing.assert_allclose(found.low, [[-10.0] * 5, [-18.0] * 5])
    np.testing.assert_allclose(found.high, [[10.0] * 5, [18.0] * 5])
    np.testing.assert_allclose(found.time, [0, 1, 2, 3, 4])
    assert found.flags == ()
    assert "90% in [-18, 18]" in repr(found)
    assert list(found.to_table().columns) == ["median", "low_0.5", "high_0.5", "low_0.9", "high_0.9"]


def test_lost_and_few_draws_are_flagged():
    loss = LOSS.copy()
    loss[0, 2:] = np.nan

    assert bands(forecast(loss=loss), "loss").flags == ("lost_draws",)
    assert bands(forecast(), "loss", (0.99,)).flags == ("few_draws",)


def test_a_threshold_is_passed_at_a_step_of_the_training_or_beyond_the_forecast():
    # Draws 0–4 pass at their number-th saved step, draw 5 never.
    accuracy = np.array([[1.0 if column >= k else 0.0 for column in range(5)] for k in range(6)])
    found = time_to(forecast(accuracy, LOSS[:6]), "test_accuracy", above=0.95, levels=(0.5, 0.99))

    assert found.median == 130.0
    assert found.share == pytest.approx(5 / 6)
    assert found.bands[0.99] == (110.0, np.inf)
    assert (found.draws, found.every) == (6, 10)
    assert "test_accuracy above 0.95: step 130" in repr(found)
    assert time_to(forecast(loss=-np.ones((3, 5))), "loss", below=0.0).median == 100.0


def test_phases_are_told_as_shares_of_the_draws():
    labels = np.array([["generalization", "exploration"], ["generalization", "undefined"]])
    measured = xr.Dataset({"phase": (("trajectory", "probe"), labels)}, {"probe_time": ("probe", [1.0, 2.0])})

    found = phase_shares(forecast(), measured=measured)

    np.testing.assert_array_equal(found["time"], [1.0, 2.0])
    np.testing.assert_array_equal(found["generalization"], [1.0, 0.0])
    np.testing.assert_array_equal(found["exploration"], [0.0, 0.5])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda run: bands(run, "test_loss"), "holds no 'test_loss'"),
        (lambda run: bands(run, "loss", (0.5, 1.0)), "levels must be in"),
        (lambda run: time_to(run, "loss"), "one of above and below"),
        (phase_shares, "holds no phases"),
        (lambda run: time_to(run, "lambda_max", above=1.0), "no 'lambda_max' at its saved steps"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(asked, words):
    with pytest.raises(RunError, match=words):
        asked(forecast())
