"""Measured progress in a recorded training: unbiased, by the training's own law, and without a trace."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import sdesim
from sdesim import data
from sdesim.training import mlp, record
from sdesim.training.probes.branching import Taken

OPTIM = torch.optim
DIGITS = data.digits(80, 40, seed=0)
EIGENVALUES = torch.tensor([4.0, 1.0, 0.25], dtype=torch.float64)
X = torch.diag(torch.sqrt(3 * EIGENVALUES / 2))
Y = torch.zeros(3, 1, dtype=torch.float64)


def bowl():
    """½ Σ λ_i θ_i² as a mean squared error."""
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight[:] = torch.tensor([[1.0, -2.0, 3.0]])
    return model


def traced(optimizer, steps=6, branches=3):
    run = record(
        bowl(), mse_loss, (X, Y), None, optimizer, steps=steps, save_every=1, progress=False,
        probes=sdesim.Probes(every=1, samples=4, branches=branches),
    )  # fmt: skip
    return run, sdesim.measure(run)


FULL = {
    "sgd": lambda p: OPTIM.SGD(p, lr=0.1),
    "momentum": lambda p: OPTIM.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: OPTIM.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: OPTIM.Adam(p, lr=0.1),
    "adamw": lambda p: OPTIM.AdamW(p, lr=0.1, weight_decay=0.5),
    "nadam": lambda p: OPTIM.NAdam(p, lr=0.1),
    "rprop": lambda p: OPTIM.Rprop(p, lr=0.1),
    "lbfgs": lambda p: OPTIM.LBFGS(p, lr=0.1, max_iter=2),
}  # fmt: skip


@pytest.mark.parametrize("name", FULL)
def test_in_full_batches_progress_is_the_change_that_the_very_next_step_makes(name):
    run, measured = traced(FULL[name])

    change = np.diff(run["loss"].values[0])
    np.testing.assert_allclose(measured["progress"].values[0, :-1], change, rtol=1e-9, atol=1e-14)
    # Every branch makes the same step.
    np.testing.assert_allclose(measured["progress_low"].values[0, :-1], change, rtol=1e-9, atol=1e-14)
    assert set(measured["progress_method"].values.ravel()) == {"branched"}


def test_without_a_formula_the_phase_is_the_sign_of_measured_progress():
    _, falling = traced(FULL["rprop"])
    _, rising = traced(lambda p: OPTIM.Rprop(p, lr=8.0, step_sizes=(8.0, 8.0)), steps=2)

    assert set(falling["phase"].values[0, :2]) == {"generalization"}
    assert rising["phase"].values[0, 0] == "exploration"
    assert rising["phase_method"].values[0, 0] == "branched"
    assert "optimizer_not_modelled" not in rising["phase_flags"].values[0, 0]
    assert "optimizer_not_modelled" in rising["C_star_flags"].values[0, 0]


class Noisy(nn.Module):
    """Dropout, running averages, and random numbers of NumPy's own."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 10))

    def forward(self, x):
        return self.body(x) + (0.01 * float(np.random.rand()) if self.training else 0.0)  # noqa: NPY002


@pytest.mark.parametrize("sampling", ["epoch", "with-replacement"])
def test_branches_leave_no_trace_in_the_training(sampling):
    runs = []
    for branches in (0, 5):
        torch.manual_seed(0)
        runs.append(
            record(
                Noisy().double(), cross_entropy, DIGITS, None, lambda p: OPTIM.Adam(p, lr=0.01), steps=9,
                batch_size=8, sampling=sampling, progress=False, save_every=1,
                probes=sdesim.Probes(every=2, samples=3, branches=branches),
            )
        )  # fmt: skip

    for name in ("theta", "loss", "signal", "lambda_max"):
        np.testing.assert_array_equal(runs[0][name].values, runs[1][name].values)
    assert "progress" not in runs[0]
    assert np.isfinite(runs[1]["progress"].values).all()
    assert np.isfinite(runs[1]["progress_heldout"].values).all()
    assert runs[1].attrs["progress_seconds"] > 0


def test_what_was_taken_is_put_back_bit_for_bit():
    model = mlp([64, 6, 10], seed=0)
    optimizer = OPTIM.AdamW(model.parameters(), lr=0.1)
    x, y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train)

    def step():
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    step()
    taken = Taken(model, optimizer)
    ahead = []
    for _ in range(2):
        step()
        step()
        ahead.append([p.detach().clone() for p in model.parameters()])
        optimizer.param_groups[0]["lr"] = 0.3
        taken.put_back()

    assert all(torch.equal(a, b) for a, b in zip(*ahead, strict=True))
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_at_rate_zero_there_is_no_phase_no_margin_and_no_c_star():
    run = record(
        mlp([64, 6, 10], seed=0), cross_entropy, DIGITS, None, lambda p: OPTIM.SGD(p, lr=0.1), steps=4,
        batch_size=8, sampling="with-replacement", progress=False, probes=sdesim.Probes(every=2, samples=8),
        scheduler=lambda o: OPTIM.lr_scheduler.LambdaLR(o, lambda k: 0.0 if k >= 4 else 1.0),
    )  # fmt: skip
    measured = sdesim.measure(run)

    for name in ("C_star", "S", "lyapunov_drift", "eta_star", "C_star_trapezoid"):
        assert np.isfinite(measured[name].values[0, 0]), name
        assert np.isnan(measured[name].values[0, -1]), name
        assert "rate_zero" in measured[f"{name}_flags"].values[0, -1], name
    assert measured["phase"].values[0, -1] == "undefined"
    assert measured["phase_method"].values[0, -1] == ""
    assert np.isfinite(measured["C_alpha"].values[0, -1])
    assert measured["progress"].values[0, -1] == 0.0


def test_a_first_group_at_rate_zero_leaves_the_rate_to_the_next():
    def optimizer(parameters):
        return OPTIM.SGD([{"params": parameters[:2], "lr": 0.0}, {"params": parameters[2:], "lr": 0.2}])

    run = record(
        mlp([64, 6, 10], seed=0), cross_entropy, DIGITS, None, optimizer, steps=4, batch_size=8,
        sampling="with-replacement", progress=False, probes=sdesim.Probes(every=2, samples=16),
    )  # fmt: skip
    measured = sdesim.measure(run)

    np.testing.assert_allclose(run["time"].values[-1], 0.8)
    assert set(measured["phase_method"].values.ravel()) == {"exact"}
    assert np.isfinite(measured["S"].values).all()
    # The drift is that of the second layer alone; progress agrees with it within both errors.
    gap = measured["progress"].values[0] - 0.2 * measured["lyapunov_drift"].values[0]
    width = np.hypot(
        measured["progress_high"].values[0] - measured["progress"].values[0],
        0.2 * (measured["lyapunov_drift_high"].values[0] - measured["lyapunov_drift"].values[0]),
    )
    # Half-widths of 95% over n = 8: five standard errors are 2.4 of them.
    assert (np.abs(gap) < 2.4 * width).all()


def test_of_a_summed_loss_progress_is_of_a_batch_as_gradients_and_the_saved_loss_are():
    def made(reduction, rate):
        run = record(
            mlp([64, 5, 10], seed=0), nn.CrossEntropyLoss(reduction=reduction), DIGITS, None,
            lambda p: OPTIM.SGD(p, lr=rate), steps=1, batch_size=8, progress=False,
            probes=sdesim.Probes(every=1, samples=4, branches=3),
        )  # fmt: skip
        return run

    mean, total = made("mean", 0.8), made("sum", 0.1)

    # The same steps, on a loss that is eight times as large.
    for name in ("loss", "progress", "progress_heldout", "progress_error"):
        np.testing.assert_allclose(total[name].values, 8 * mean[name].values, rtol=1e-4)
