"""Virtual steps of a probe: C* without a Hessian agrees with the formula, and progress with the loss."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.runs import probe, probe_rng
from sdesim.runs.virtual_steps import virtual_steps
from sdesim.surfaces import Quadratic
from sdesim.training import TorchOracle, mlp


def simulated(eta, **options):
    return sdesim.simulate(
        Quadratic([2.0, 1.0, 0.5]), [sdesim.noise.Gaussian(diffusion=0.02)], 1.0, dt=0.01, steps=20,
        trajectories=3, seed=1, learning_rate=eta, progress=False,
        probes=sdesim.Probes(every=10, samples=64, **options),
    )  # fmt: skip


def test_on_a_quadratic_the_trapezoid_holds_what_the_formula_does():
    measured = sdesim.measure(simulated(0.3, branches=64))

    star, free = measured["C_star"], measured["C_star_trapezoid"]
    width = np.hypot(
        measured["C_star_high"] - star, measured["C_star_trapezoid_high"] - free
    )  # fmt: skip
    # Half-widths of 95%: five standard errors are 2.5 of them.
    assert (abs(star - free) < 2.5 * width).all()
    assert set(measured["C_star_trapezoid_method"].values.ravel()) == {"trapezoid"}
    assert set(measured["progress_method"].values.ravel()) == {"virtual"}
    # E ΔL of a step: the drift over a step, exact on a quadratic, with its own (η/2) μᵀHμ.
    run = simulated(0.3, branches=64)
    mean = run["hessian_signal"] - run["hessian_noise"] / 64
    expected = 0.3 * (measured["lyapunov_drift"] + 0.15 * mean)
    half = measured["progress_high"] - measured["progress"]
    assert (abs(measured["progress"] - expected) < 2.5 * (half + 0.3 * (
        measured["lyapunov_drift_high"] - measured["lyapunov_drift"]))).all()  # fmt: skip


@pytest.mark.parametrize("options", [{"branches": 0}, {"estimators": ("gradient", "curvature")}])
def test_without_branches_there_are_none(options):
    run = simulated(0.3, **options)

    assert "progress" not in run
    assert "virtual_drop" not in run


def test_virtual_steps_change_no_other_number_of_a_probe():
    with_them, without = simulated(0.3, branches=4), simulated(0.3, branches=0)

    for name in ("signal", "hessian_noise", "lambda_max", "theta"):
        np.testing.assert_array_equal(with_them[name].values, without[name].values)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_on_a_network_trapezoid_and_formula_agree_to_three_percent(share):
    digits = data.digits(200, 50, seed=0)
    x, y = torch.as_tensor(digits.x_train), torch.as_tensor(digits.y_train)
    net = mlp([64, 16, 10], activation="tanh", seed=0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
    for _ in range(30):
        optimizer.zero_grad()
        cross_entropy(net(x), y).backward()
        optimizer.step()
    oracle = TorchOracle(net, cross_entropy, x, y, 16)
    theta = torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    top = probe(oracle, theta, samples=4, rng=probe_rng(0, 0, 0), step_size=1.0)["lambda_max"]
    eta = share / top

    free = virtual_steps(oracle, theta, 400, step_size=eta, seed=(0, 0, 0))
    # η gᵀHg of as many draws is the same without the remainder.
    draws = oracle.gradients(theta, 400, probe_rng(5, 0, 0))
    bent = np.array([eta * g @ oracle.hvp(theta, g) for g in draws])
    error = np.hypot(free["virtual_drop_error"], bent.std(ddof=1) / 20)

    assert abs(free["virtual_drop"] - bent.mean()) < 0.03 * bent.mean() + 5 * error
    # The errors are small beside what is told apart.
    assert error < 0.12 * bent.mean()
