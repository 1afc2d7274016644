"""Quantities whose formula does not hold for a training get flags by name, in every way to read them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import sdesim
from sdesim import training
from sdesim.runs.validity import step_is_plain, validity_flags, with_validity

SGD = {
    "optimizer": "sgd",
    "optimizer_class": "torch.optim.sgd.SGD",
    "batch_size": 8,
    "sampling": "with-replacement",
}
STEP = {"C_star", "C_star_trapezoid", "eta_star", "phase", "lyapunov_drift"}
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(96, 6, generator=GENERATOR)
Y = (X[:, 0] > 0).long()


def flagged(flag, **changes):
    return {name for name, flags in validity_flags({**SGD, **changes}).items() if flag in flags}


def test_plain_sgd_on_a_mean_loss_has_no_flag():
    assert validity_flags(SGD) == {}
    assert validity_flags({**SGD, "loss_reduction": "mean", "modes": [], "dampening": 0.5}) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"momentum": 0.9},
        {"weight_decay": 0.1},
        {"optimizer": "adam", "optimizer_class": "torch.optim.adam.Adam"},
        {"optimizer_class": "mine.SGD"},
        {"learning_rates": [0.1, 0.2]},
        {"clients": {"count": 3}},
    ],
)
def test_a_step_that_is_not_the_gradient_flags_what_is_of_the_step(changes):
    assert not step_is_plain({**SGD, **changes})
    assert flagged("optimizer_not_modelled", **changes) == STEP


def test_a_step_that_is_linear_in_its_gradient_has_its_own_formulas():
    adam = {"optimizer": "adam", "optimizer_class": "torch.optim.adam.Adam", "optimizer_model": "linear"}

    assert flagged("optimizer_not_modelled", **adam) == set()
    assert flagged("optimizer_not_modelled", **adam, clients={"count": 3}) == STEP
    assert flagged("optimizer_not_modelled", **{**adam, "optimizer_model": "none"}) == STEP
    assert flagged("clipped_gradients", **adam, clipping="active") == STEP | {"S", "I"}


def test_a_kind_of_optimizer_says_itself_whether_its_step_is_plain():
    mine = {"optimizer": "ours", "optimizer_class": "mine.Ours"}

    assert flagged("optimizer_not_modelled", **mine) == STEP
    assert flagged("optimizer_not_modelled", **mine, plain_step=True) == set()
    assert flagged("optimizer_not_modelled", **mine, plain_step=True, clients={"count": 2}) == STEP


def test_sampling_modes_and_losses_flag_what_they_reach():
    assert flagged("reshuffled", sampling="epoch") == STEP
    assert flagged("sequential", sampling="sequential") == STEP
    assert "C_1" in flagged("sampler_taken_as_uniform", sampling="sampler")
    assert {"C_alpha", "noise"} < flagged("smaller_last_batch", last_batch=2)
    assert {"lambda_max", "S", "I"} | STEP <= flagged("eval_mode_curvature", modes=["Dropout"])
    assert flagged("batch_coupled", modes=["BatchNorm1d"]) == {"C_1"}
    assert "C_alpha" in flagged("batch_coupled", modes=["BatchNorm1d"], probe_batch_size=4)
    assert flagged("batch_coupled", modes=["Dropout"]) == set()
    assert {"lambda_max", "S"} | STEP <= flagged("loss_not_mean", loss_reduction="sum")
    assert {"S"} | STEP <= flagged("optimizer_unknown", optimizer="unknown")
    assert flagged("loss_not_mean", loss_reduction="sum", mode="train") == set()
    assert {"C_1", "lambda_max"} <= flagged(
        "loss_weighted_mean", loss_reduction="weighted mean", mode="train"
    )
    assert flagged("eval_mode_curvature", modes=["Dropout"], mode="train") == set()
    assert {"S"} | STEP <= flagged("hessian_by_differences", hvp_method="differences")
    assert {"lambda_max"} | STEP <= flagged("curvature_failed", failures={"curvature": "why"})


def recorded(
    optimizer=lambda p: torch.optim.SGD(p, lr=0.1), module=None, loss=nn.functional.cross_entropy, **options
):
    module = module or training.mlp([6, 4, 2], seed=0, dtype=torch.float32)
    base = {"steps": 4, "batch_size": 8, "sampling": "with-replacement", "progress": False}
    base["probes"] = sdesim.Probes(every=2, samples=4)
    return training.record(module, loss, (X, Y), None, optimizer, **(base | options))


def test_flags_change_no_value_and_stand_where_there_is_a_value():
    run = recorded(lambda p: torch.optim.Rprop(p, lr=0.01)).drop_vars(["progress", "progress_error"])
    run = run.drop_vars("progress_count").assign_attrs(optimizer_model="unsaid")
    flagless = run.assign_attrs(optimizer="sgd", optimizer_class="torch.optim.sgd.SGD")

    plain, found = sdesim.measure(flagless), sdesim.measure(run)

    for name in ("C_alpha", "C_star", "lyapunov_drift", "lambda_max"):
        np.testing.assert_array_equal(plain[name].values, found[name].values)
        texts, known = found[f"{name}_flags"].values, ~np.isnan(found[name].values)
        wanted = name in STEP
        assert all(("optimizer_not_modelled" in str(t)) is wanted for t in texts[known]), name
        assert not any("optimizer_not_modelled" in str(t) for t in texts[~known])
    assert all("optimizer_not_modelled" in str(t) for t in found["phase_flags"].values.ravel())
    assert not any(str(t) for t in plain["phase_flags"].values.ravel())
    np.testing.assert_array_equal(found["phase"].values, plain["phase"].values)


def test_names_already_there_stay_behind_those_that_are_added():
    run = recorded(lambda p: torch.optim.SGD(p, lr=0.1))
    measured = sdesim.measure(run.drop_vars([name for name in run if name.startswith("exact_")]))
    before = str(measured["C_alpha_flags"].values[0, 0])

    found = with_validity(measured, {**SGD, "last_batch": 3})

    assert "too_few_samples" in before
    assert str(found["C_alpha_flags"].values[0, 0]) == f"smaller_last_batch;{before}"


@pytest.mark.parametrize(
    ("loss", "word"),
    [
        (nn.functional.cross_entropy, "mean"),
        (nn.CrossEntropyLoss(reduction="sum"), "sum"),
        (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0])), "weighted mean"),
        (lambda output, y: nn.functional.cross_entropy(output, y) + (output**2).mean(), "mean"),
        (lambda output, y: output.std(), "other"),
    ],
)
def test_a_run_says_what_its_loss_is_of_those_of_parts_of_a_batch(loss, word):
    assert recorded(loss=loss).attrs["loss_reduction"] == word


def test_a_run_says_which_layers_act_otherwise_in_training():
    class Noisy(nn.Linear):
        def forward(self, x):
            return super().forward(x) + (0.1 if self.training else 0.0)

    torch.manual_seed(0)
    kinds = {
        (): nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Dropout(0.0), nn.Linear(4, 2)),
        ("BatchNorm1d", "Dropout"): nn.Sequential(
            nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2)
        ),
        ("unknown",): Noisy(6, 2),
    }
    for names, module in kinds.items():
        run = recorded(module=module)
        assert run.attrs["modes"] == list(names)
        assert run.attrs["mode"] == "train"
        assert "eval_mode" not in str(sdesim.measure(run)["lambda_max_flags"].values[0, 0])
        asked = recorded(module=module, probes=sdesim.Probes(every=2, samples=4, mode="eval"))
        measured = sdesim.measure(asked)
        assert ("eval_mode_curvature" in str(measured["lambda_max_flags"].values[0, 0])) is bool(names)
        assert ("eval_mode_gradients" in str(measured["C_alpha_flags"].values[0, 0])) is bool(names)


def test_a_monitor_has_the_flags_of_the_run():
    net = training.mlp([6, 4, 2], seed=0, dtype=torch.float32)
    rprop = torch.optim.Rprop(net.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(X, Y), batch_size=10, shuffle=True)
    monitor = training.Monitor(net, nn.CrossEntropyLoss(), loader, optimizer=rprop, samples=4, announce=None)

    found = monitor.measure()

    assert {"optimizer_not_modelled", "reshuffled", "smaller_last_batch"} <= set(found.flags)
    assert {"optimizer_not_modelled", "reshuffled"} <= set(found.C_star.flags)
    assert "optimizer_not_modelled" not in found.S.flags
    advice = training.advise(found)
    assert (advice.state, advice.learning_rate) == ("undefined", None)
    assert "optimizer_not_modelled" in advice.why
    assert training.advise(found, "literal").state != "undefined"
