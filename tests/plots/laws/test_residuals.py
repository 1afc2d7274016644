"""The figures of a fitted series."""

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
from tests.fits.processes import path

FIT = sdesim.fit(
    path("jump-diffusion", (0.1, 0.2, 8.0, -0.1, 0.3), 0.0, 0.02, 300, seed=1), "jump-diffusion", dt=0.02
)


def test_residuals_of_the_right_model_lie_in_the_band():
    ax = FIT.plot_qq()
    x, y = (np.asarray(v, dtype=float) for v in ax.lines[1].get_data())

    assert x.size > 100
    middle = np.abs(x) < 1
    # The Brownian bridge passes 2.6/√n/φ(1) with probability 1e-6.
    assert np.abs(y[middle] - x[middle]).max() < 2.6 / np.sqrt(299) / 0.24


def test_the_characteristic_function_follows_the_models():
    ax = FIT.plot_characteristic_function()
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in ax.lines}

    for name in ("real part", "imaginary part"):
        assert np.abs(lines[name] - lines[f"{name}, model"][::3]).max() < 6 / np.sqrt(299)
    assert lines["real part"][0] == 1.0


def test_a_level_that_is_none_is_refused():
    for name in ("residual_qq", "characteristic_function"):
        with pytest.raises(RunError, match=r"level must be between 0 and 1, got 2"):
            getattr(sdesim.plots, name)(FIT, level=2)
