"""Readings that drew on take the place of those of a fixed number, and say whether that was enough."""

import numpy as np
import pytest

import sdesim
from sdesim.runs import Probes, measure

ETA, SIGMA = 0.1, 0.3


class Unknown(sdesim.noise.Gaussian):
    """White noise whose law is not told."""

    def noise_moments(self, theta, eta):
        return None


def simulated(**settings):
    return sdesim.simulate(
        sdesim.surfaces.Quadratic(np.linspace(0.5, 2.0, 40)), [Unknown(SIGMA)], 1.0, dt=ETA, steps=10,
        trajectories=2, seed=3, progress=False, probes=Probes(every=10, samples=16, branches=0, **settings),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run():
    return simulated(precision=0.1, most_samples=4096)


@pytest.fixture(scope="module")
def measured(run):
    return measure(run)


def test_columns_are_of_all_draws_and_say_so(run, measured):
    np.testing.assert_allclose(measured["C_alpha"], run["drawn_ratio"], rtol=1e-12)
    np.testing.assert_allclose(measured["signal"], run["drawn_signal"], rtol=1e-12)
    np.testing.assert_allclose(measured["p"], measured["C_alpha"] / (1 + measured["C_alpha"]), rtol=1e-12)
    for name in ("C_alpha", "C_star", "lyapunov_drift", "phase"):
        assert (measured[f"{name}_method"] == "sequential").all(), name
    bent = run["drawn_hessian_signal"] - run["drawn_hessian_noise"] / run["drawn_samples"]
    star = 0.5 * ETA * (bent + run["drawn_hessian_noise"]) / run["drawn_noise"]
    np.testing.assert_allclose(measured["C_star"], star, rtol=1e-9)


def test_precision_is_reached_within_the_draws_that_there_may_be(run, measured):
    assert (measured["C_precision"] <= 0.1).all()
    assert not any("precision_not_reached" in str(x) for x in measured["C_alpha_flags"].values.ravel())
    assert (run["drawn_samples"] > 16).all()
    assert run.attrs["most_samples"] == 4096


def test_what_is_not_reached_is_flagged_with_what_was():
    found = measure(simulated(precision=0.01, most_samples=20))

    assert all("precision_not_reached" in str(x) for x in found["C_alpha_flags"].values.ravel())
    half = 0.5 * (found["C_alpha_high"] - found["C_alpha_low"])
    largest = np.maximum(abs(found["C_alpha"]), abs(found["C_star"]))
    np.testing.assert_allclose(found["C_precision"], half / largest, rtol=1e-12)
    assert (found["C_precision"] > 0.01).all()


def test_without_a_precision_nothing_is_said_of_it():
    run = simulated()

    assert not [n for n in run.data_vars if str(n).startswith("drawn")]
    assert "C_precision" not in measure(run)


def test_the_level_of_the_interval_is_that_of_the_measurement(run, measured):
    wide = measure(run, level=0.99)

    np.testing.assert_array_equal(wide["C_alpha"], measured["C_alpha"])
    assert (wide["C_alpha_low"] < measured["C_alpha_low"]).all()
    assert (wide["C_star_high"] > measured["C_star_high"]).all()


def test_without_noise_nothing_is_drawn_and_C_is_infinite():
    run = sdesim.simulate(
        sdesim.surfaces.Quadratic([1.0, 2.0]), [Unknown(0.0)], 1.0, dt=ETA, steps=10, progress=False,
        probes=Probes(every=10, samples=16, branches=0, precision=0.1, exact=False),
    )  # fmt: skip
    found = measure(run)

    assert (run["drawn_samples"] == 16).all()
    assert (found["C_alpha"] == np.inf).all()
    assert all("zero_noise" in str(text) for text in found["C_alpha_flags"].values.ravel())
