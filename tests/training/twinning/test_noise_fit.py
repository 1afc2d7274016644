"""Noise fitted to recorded gradients."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.noise import sample_stable
from sdesim.training import fit_noise
from tests.training.twinning.recorded_runs import recorded


@pytest.fixture(scope="module")
def run():
    return recorded()


def test_the_fitted_noise_has_the_recorded_trace_and_scale(run):
    fit = fit_noise(run)

    assert fit.trace == pytest.approx(float(run["noise"].mean()))
    assert 0.5 < fit.index <= 2.0
    # Of a Gaussian law γ² = variance/2 along a direction, TrΣ/d on average; heavier tails have less.
    assert 0 < fit.spread < 2 * np.sqrt(fit.trace / run.attrs["dim"])


def test_the_fit_finds_the_index_and_the_scale_of_stable_gradients():
    alpha, spread, eta = 1.5, 0.3, 0.1
    dims = ("trajectory", "probe", "sample", "direction")
    draws = 2.0 + spread * sample_stable(alpha, 0.0, (2, 3, 1000, 16), seed=1)
    made = xr.Dataset(
        {"gradient_projection": (dims, draws), "noise": (dims[:2], np.full((2, 3), 7.0))},
        attrs={"batch_size": 8, "learning_rate": eta},
    )

    fit = fit_noise(made)

    # The fit's own interval says a standard error of 0.0055; five are 0.028.
    assert fit.index == pytest.approx(alpha, abs=0.03)
    # The middle half of 1,000 draws is known to 4%, the mean of 96 to 0.4%, the law to 0.3%: five of both.
    assert fit.spread == pytest.approx(spread, rel=0.025)
    # −σ η^{1/α−1} S is the gradient noise.
    assert fit.scale * eta ** (1 / fit.index - 1) == pytest.approx(fit.spread)
    assert fit.trace == 7.0
