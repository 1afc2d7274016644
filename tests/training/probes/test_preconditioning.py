"""S of every optimizer: the sign of S tells whether the optimizer itself, left to run, diverges."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

import sdesim
from sdesim.estimators import stability_margin
from sdesim.optimizers import SGD, learning_rates
from sdesim.training import Monitor, record

OPTIM = torch.optim
# ½ Σ λ_i θ_i² as a mean squared error: y = 0, inputs along the axes, of length √(nλ_i/2).
EIGENVALUES = np.array([4.0, 1.0, 0.25])
X = torch.diag(torch.sqrt(torch.tensor(len(EIGENVALUES) * EIGENVALUES / 2)))
Y = torch.zeros(len(EIGENVALUES), 1, dtype=torch.float64)


def quadratic(start=(1.0, 1.0, 1.0)):
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight[:] = torch.tensor([start])
    return model


def recorded(optimizer, steps=6, every=1, module=None, **more):
    return record(
        module or quadratic(), mse_loss, (X, Y), None, optimizer, steps=steps, progress=False,
        probes=sdesim.Probes(every=every, samples=2), **more,
    )  # fmt: skip


FIXED = {
    "sgd": (lambda p, lr: OPTIM.SGD(p, lr=lr), {}),
    "heavy ball": (lambda p, lr: OPTIM.SGD(p, lr=lr, momentum=0.8), {"momentum": 0.8}),
    "dampened": (
        lambda p, lr: OPTIM.SGD(p, lr=lr, momentum=0.8, dampening=0.5), {"momentum": 0.8, "dampening": 0.5}
    ),
    "nesterov": (
        lambda p, lr: OPTIM.SGD(p, lr=lr, momentum=0.8, nesterov=True), {"momentum": 0.8, "nesterov": True}
    ),
    "decayed": (lambda p, lr: OPTIM.SGD(p, lr=lr, weight_decay=0.5), {"weight_decay": 0.5}),
    "decayed heavy ball": (
        lambda p, lr: OPTIM.SGD(p, lr=lr, momentum=0.8, weight_decay=0.5),
        {"momentum": 0.8, "weight_decay": 0.5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("rate", [0.1, 0.7, 1.1])
def test_the_margin_of_sgd_is_that_of_its_closed_form(name, rate):
    make, settings = FIXED[name]

    measured = sdesim.measure(recorded(lambda p: make(p, rate)))

    expected = stability_margin(EIGENVALUES[0], rate, **settings)
    np.testing.assert_allclose(measured.S.values, expected.value, atol=1e-9)
    assert "preconditioned_lambda_max" not in measured


def adam(p, lr, **more):
    return OPTIM.Adam(p, lr=lr, betas=(0.8, 1.0 - 1e-13), **more)


# With P frozen (β₂ = 1 up to rounding, v̂ put in by hand) Adam is a linear map, so its threshold is exact.
FROZEN = {
    "adam": (adam, 2 * 1.8 / 0.2),
    "adamw": (lambda p, lr: OPTIM.AdamW(p, lr=lr, betas=(0.8, 1.0 - 1e-13), weight_decay=0.1), 2 * 1.8 / 0.2),
    "adam with decay": (lambda p, lr: adam(p, lr, weight_decay=0.3), 2 * 1.8 / 0.2),
    "amsgrad": (lambda p, lr: adam(p, lr, amsgrad=True), 2 * 1.8 / 0.2),
    "rmsprop": (lambda p, lr: OPTIM.RMSprop(p, lr=lr, alpha=1.0), 2.0),
    "rmsprop with momentum": (lambda p, lr: OPTIM.RMSprop(p, lr=lr, alpha=1.0, momentum=0.6), 3.2),
    "adadelta": (lambda p, lr: OPTIM.Adadelta(p, lr=lr, rho=1.0), 2.0),
    "adam in groups": (
        lambda p, lr: adam(
            [{"params": p[:1]}, {"params": p[1:], "lr": 3 * lr, "betas": (0.5, 1.0 - 1e-13)}], lr
        ),
        2 * 1.8 / 0.2,
    ),
    "asgd": (lambda p, lr: OPTIM.ASGD(p, lr=lr, lambd=0.1, alpha=0.0), 2.0),
    "two rates": (
        lambda p, lr: OPTIM.SGD([{"params": p[:1], "lr": lr}, {"params": p[1:], "lr": 3 * lr}]), 2.0
    ),
}  # fmt: skip


class Split(nn.Module):
    """The same quadratic with its parameters in two tensors."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(1, dtype=torch.float64))
        self.b = nn.Parameter(torch.ones(2, dtype=torch.float64))

    def forward(self, x):
        return (x @ torch.cat([self.a, self.b]))[:, None]


def frozen(name, rate):
    """An optimizer with P = (2, 0.5, 1) that stays; its model, and what it does in 400 full-batch steps."""
    model = Split()
    optimizer = FROZEN[name][0](list(model.parameters()), rate)
    moment = torch.tensor([4.0, 0.25, 1.0], dtype=torch.float64)

    def freeze():
        for parameter, part in zip(model.parameters(), (moment[:1], moment[1:]), strict=True):
            state = optimizer.state[parameter]
            if "acc_delta" in state:
                # Its scale is √(v/u).
                state["acc_delta"] = torch.ones_like(parameter)
            for key in ("exp_avg_sq", "max_exp_avg_sq", "square_avg"):
                if key in state:
                    state[key] = part.clone()
            # So late that nothing is left of Adam's corrections of a young average.
            state["step"] = torch.tensor(1e16)

    def step():
        optimizer.zero_grad()
        mse_loss(model(X), Y).backward()
        optimizer.step()
        freeze()

    return model, optimizer, step


def size(model):
    """|θ|."""
    return math.sqrt(sum(float((p.detach() ** 2).sum()) for p in model.parameters()))


def margin(model, optimizer):
    """S as a monitor measures it."""
    monitor = Monitor(model, mse_loss, (X, Y), optimizer=optimizer, batch_size=3, samples=2)
    return monitor.measure().S.value


@pytest.mark.parametrize("name", FROZEN)
def test_the_sign_of_the_margin_tells_whether_the_optimizer_diverges(name):
    model, optimizer, step = frozen(name, 1e-3)
    step()
    decay = 0.1 if name in ("adamw", "asgd") else 0.0
    # 2 − S = ηc/(1 − ηw/2) with w of the decoupled decay: c from one measurement gives the rate of S = 0.
    c = (2 - margin(model, optimizer)) / 1e-3 * (1 - 1e-3 * decay / 2)
    critical = 2 / (c + decay)

    for factor in (0.9, 1.1):
        model, optimizer, step = frozen(name, factor * critical)
        step()
        start, found = size(model), margin(model, optimizer)
        # 10% beyond its threshold heavy ball, the slowest, grows by more than 1% a step: e^6 in 600 steps.
        for _ in range(600):
            step()

        if factor < 1:
            assert found > 0
            assert size(model) < start
        else:
            assert found < 0
            assert size(model) > 100 * start


def test_a_recorded_adam_measures_its_preconditioned_hessian_and_its_own_threshold():
    run = recorded(lambda p: OPTIM.Adam(p, lr=0.05, betas=(0.9, 0.99), eps=1e-3))
    measured = sdesim.measure(run)

    model = quadratic()
    optimizer = OPTIM.Adam(model.parameters(), lr=0.05, betas=(0.9, 0.99), eps=1e-3)
    for step in range(1, 7):
        optimizer.zero_grad()
        mse_loss(model(X), Y).backward()
        optimizer.step()
        moment = optimizer.state[model.weight]["exp_avg_sq"].numpy()[0] / (1 - 0.99**step)
        # Lanczos stops at a residual of 1e−3 of the spectrum.
        top = (EIGENVALUES / (np.sqrt(moment) + 1e-3)).max()
        np.testing.assert_allclose(measured.preconditioned_lambda_max.values[0, step], top, rtol=2e-3)
        np.testing.assert_allclose(measured.S.values[0, step], 2 * (1 - top / (38 / 0.05)), rtol=2e-3)
    np.testing.assert_allclose(measured.lambda_max.values, 4.0)
    assert math.isnan(measured.S.values[0, 0])
    assert "no_preconditioner" in str(measured.S_flags.values[0, 0])
    units = run.preconditioned_lambda_max.attrs
    assert units["units"] == "1/learning_rate"


def test_an_optimizer_without_a_known_threshold_has_no_margin():
    measured = sdesim.measure(recorded(lambda p: OPTIM.LBFGS(p, lr=0.1), steps=2))

    assert np.isnan(measured.S.values).all()
    assert "no_threshold" in str(measured.S_flags.values[0, 0])
    np.testing.assert_allclose(measured.lambda_max.values, 4.0)


def test_frozen_parameters_count_neither_in_gradients_nor_in_curvature():
    module = Split()
    module.a.requires_grad_(False)

    run = recorded(lambda p: OPTIM.SGD(p, lr=0.1), module=module)

    np.testing.assert_allclose(run.lambda_max.values, EIGENVALUES[1])
    np.testing.assert_allclose(run.lambda_min.values, EIGENVALUES[2])
    np.testing.assert_allclose(run.theta.values[..., 0], 1.0)


def test_a_monitor_gives_schedules_the_threshold_of_adam_on_the_scale_of_lambda_max():
    model = quadratic()
    optimizer = OPTIM.Adam(model.parameters(), lr=0.05)
    mse_loss(model(X), Y).backward()
    optimizer.step()

    measured = Monitor(model, mse_loss, (X, Y), optimizer=optimizer, batch_size=3, samples=2).measure()

    assert measured.lambda_max.value / measured.lambda_crit == pytest.approx(1 - measured.S.value / 2)
    assert measured.preconditioned_lambda_max.value > 0


GROUPS = {
    "rates and decay": (SGD(0.1, 1, groups=[{"match": "b", "lr": 0.3, "weight_decay": 0.5}]), (0.0, 0.0)),
    "heavy ball": (
        SGD(0.1, 1, 0.5, groups=[{"match": "b", "lr": 0.3, "momentum": 0.8, "dampening": 0.25}]), (0.5, 0.8)
    ),
}  # fmt: skip


# Rate and momentum of each step, with their own of every group.
CYCLE = learning_rates.OneCycleLR(pct_start=0.5)


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("schedule", [None, CYCLE], ids=["constant", "one cycle"])
def test_margin_drift_and_phase_of_groups_are_those_of_every_possible_step(name, schedule):
    recipe, betas = GROUPS[name]
    moves = schedule is not None
    if moves and name == "rates and decay":
        schedule = learning_rates.OneCycleLR(pct_start=0.5, cycle_momentum=False)

    run = recorded(
        recipe, steps=4, module=Split(), sampling="with-replacement", save_every=1, save=("theta", "loss"),
        scheduler=schedule,
    )  # fmt: skip

    measured, theta = sdesim.measure(run), run.theta.values[0]
    decay = np.array([0.0, 0.5, 0.5]) * (name == "rates and decay")
    damping = np.array([0.0, 0.25, 0.25]) * (name == "heavy ball")
    rates = np.repeat([0.1, 0.3, 0.3], 5).reshape(3, 5).T
    if moves:
        rates = np.array([schedule.rates(4, lr) for lr in (0.1, 0.3, 0.3)]).T
    np.testing.assert_array_equal(run.learning_rate.values[0], rates[:, 0])
    for step in range(1, 5):
        rate, beta = rates[step], np.repeat(betas, (1, 2))
        if moves and schedule.cycle_momentum:
            beta = np.full(3, schedule.momentum(step, 4))
        # Directions are eigenvectors: the largest of η k (λ + w), k = (1 − t)/(1 + β).
        margin = 2 - (rate * (1 - damping) / (1 + beta) * (EIGENVALUES + decay)).max()
        assert measured.S.values[0, step] == pytest.approx(margin, rel=1e-3)
        # The buffer is what the last step moved, divided by its rate.
        buffer = np.where(beta == 0, 0.0, (theta[step - 1] - theta[step]) / rates[step - 1])
        # Example i's loss is (xᵢ·θ)², n λᵢ/2 its square: the gradient n λᵢ θᵢ along axis i alone.
        changes = []
        for i in range(3):
            gradient = np.where(np.arange(3) == i, 3 * EIGENVALUES * theta[step], 0.0) + decay * theta[step]
            kept = np.where(beta == 0, 1.0, 1 - damping)
            after = theta[step] - rate * (beta * buffer + kept * gradient)
            changes.append(0.5 * EIGENVALUES @ (after**2 - theta[step] ** 2))
        assert measured.lyapunov_drift.values[0, step] == pytest.approx(np.mean(changes) / rate[0], rel=1e-6)
        if name == "rates and decay":
            expected = "exploration" if np.mean(changes) > 0 else "generalization"
            assert measured.phase.values[0, step] == expected
            c, star = measured.C_alpha.values[0, step], measured.C_star.values[0, step]
            assert (c > star) == (np.mean(changes) < 0)
    assert run.attrs.get("momentum_changes", False) == (moves and schedule.cycle_momentum)
