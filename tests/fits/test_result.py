"""What a fit gives beside its estimates."""

import json
import pickle

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.kinds import read
from tests.fits.processes import path

X = path("ornstein-uhlenbeck", (2.0, 1.0, 0.5), 1.0, 0.1, 120, seed=1)
FIT = sdesim.fit(X, "ornstein-uhlenbeck", dt=0.1)


def test_parameters_are_found_by_name():
    assert FIT.rate is FIT["rate"] is FIT.parameters["rate"]
    assert list(FIT.values) == ["rate", "mean", "factor"]
    with pytest.raises(AttributeError, match="no attribute 'alpha'"):
        _ = FIT.alpha


def test_it_is_plain_data_a_table_and_a_pickle():
    assert json.loads(json.dumps(FIT.to_dict()))["model"] == {
        "kind": "ornstein-uhlenbeck",
        "noise": "gaussian",
    }
    assert list(FIT.to_table().index) == ["rate", "mean", "factor"]
    assert pickle.loads(pickle.dumps(FIT)).rate == FIT.rate
    assert "rate" in FIT._repr_html_()


def test_goodness_by_bootstrap_takes_the_model_and_refuses_another():
    heavy = np.cumsum(np.random.default_rng(0).standard_cauchy(120))

    right = FIT.bootstrap(draws=19)
    wrong = sdesim.fit(heavy, "ornstein-uhlenbeck", dt=0.1, goodness="bootstrap", draws=99)

    # One of 20 under the model, by a fixed seed.
    assert right.goodness.p_value > 0.05
    assert right.goodness == FIT.bootstrap(draws=19).goodness
    assert wrong.goodness.p_value == 0.01
    assert right.goodness.anderson_darling == FIT.goodness.anderson_darling


@pytest.mark.parametrize(
    ("model", "theta", "kinds"),
    [
        ("ornstein-uhlenbeck", (2.0, 1.0, 0.5), ("ornstein-uhlenbeck",)),
        ("stable-ornstein-uhlenbeck", (2.0, 1.0, 1.5, 0.3), ("ornstein-uhlenbeck", "stable")),
        ("jump-diffusion", (0.1, 0.2, 8.0, 0.0, 0.3), ("driven", "gaussian", "compound-poisson")),
        ("geometric-brownian", (0.1, 0.3), ("geometric-brownian",)),
        ("cox-ingersoll-ross", (2.0, 1.0, 0.5), ("cox-ingersoll-ross",)),
    ],
)
def test_the_fitted_process_is_a_kind_that_can_be_simulated(model, theta, kinds):
    fitted = read("fits", model)
    values = dict(zip([p.name for p in fitted.parameters], theta, strict=True))

    equation, noise = fitted.equation(values), fitted.noises(values)

    assert (equation.kind, *(n.kind for n in noise)) == kinds


def test_a_fit_gives_its_process_and_what_drives_it():
    equation = FIT.sde()

    assert (equation.rate, equation.mean, equation.factor) == tuple(FIT.values.values())
    assert FIT.noise() == []


def test_what_returns_to_no_mean_is_not_simulated():
    x = np.arange(60.0) + np.random.default_rng(3).standard_normal(60).cumsum()
    fit = sdesim.fit(x, "ornstein-uhlenbeck", dt=1.0)

    assert fit.rate.has("near_unit_root")
    assert np.isinf(fit.mean.value)
    with pytest.raises(SdesimError, match="rate: found"):
        fit.sde()
