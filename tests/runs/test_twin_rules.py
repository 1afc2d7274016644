"""Python and scenarios judge by these whether a training has a twin, and in what it deviates."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sdesim.runs.twin_rules import (
    deviations_left,
    has_own_law,
    step_refusal,
    twin_deviations,
    twin_momentum,
    twin_refusals,
    twin_warning,
)

SGD = {"optimizer": "sgd", "momentum": 0.0, "sampling": "with-replacement"}


def deviations(momentum=0.0, nesterov=False, at_rate=True, **changes):
    return list(twin_deviations({**SGD, **changes}, momentum=momentum, nesterov=nesterov, at_rate=at_rate))


def test_plain_sgd_has_a_twin_without_reserve():
    assert twin_refusals(SGD) == ()
    assert deviations() == []
    assert twin_warning({}) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "simulated"},
        {"clients": {"count": 2}},
        {"sampling": "sampler", "sampler": "Mine"},
        {"maximize": True},
        {"mode": "eval", "modes": ["Dropout"]},
    ],
)
def test_where_the_sde_would_be_of_another_loss_there_is_no_twin(changes):
    assert len(twin_refusals({**SGD, **changes})) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "weighted"},
        {"readings": 3},
        {"modes": ["Dropout"]},
        {"loss_reduction": "sum", "batch_size": 8},
        {"untrained_parameters": 4},
        {"clipping": "active"},
    ],
)
def test_gradients_that_are_no_means_over_fixed_examples_have_a_law_of_their_own(changes):
    assert has_own_law({**SGD, **changes})
    assert twin_refusals({**SGD, **changes}) == ()
    assert not has_own_law({**SGD, "loss_reduction": "sum", "batch_size": 0, "clipping": "inactive"})


def test_noise_by_epochs_and_of_clipped_gradients_leaves_neither_as_a_deviation():
    found = twin_deviations({**SGD, "sampling": "epoch", "clipping": "active"})
    epochs, clips = SimpleNamespace(sampling="epoch"), SimpleNamespace(clips=True)

    assert list(found) == ["clipped_gradients", "reshuffled"]
    assert list(deviations_left(found, [epochs])) == ["clipped_gradients"]
    assert list(deviations_left(found, [clips])) == ["reshuffled"]
    assert list(deviations_left(found, [])) == ["reshuffled"]


def test_heavy_ball_is_the_twin_of_momentum_at_its_own_rate_alone():
    assert twin_momentum({**SGD, "momentum": 0.9, "nesterov": True}) == (0.9, True)
    assert twin_momentum({**SGD, "momentum": 0.9, "dampening": 0.1}) is None
    assert twin_momentum({**SGD, "dampening": 0.1}) == (0.0, False)
    assert deviations(momentum=0.9, at_rate=True) == ["momentum"]
    for held, wanted in ((0.9, []), (0.5, ["momentum"]), (0.0, ["momentum"])):
        found = twin_deviations({**SGD, "momentum": 0.9}, momentum=held)
        assert list(found) == wanted
    assert list(twin_deviations({**SGD, "momentum": 0.9}, momentum=0.9, at_rate=False)) == ["momentum"]
    assert deviations(at_rate=False) == []


def test_other_optimizers_decay_and_epochs_are_named_in_one_sentence():
    attrs = {**SGD, "optimizer": "adamw", "optimizer_class": "torch.optim.adamw.AdamW", "weight_decay": 0.1}
    attrs["sampling"] = "epoch"
    found = twin_deviations(attrs, rate_changes=True)

    assert list(found) == ["optimizer", "learning_rate_changes", "weight_decay", "reshuffled"]
    assert twin_warning(found, "net") == (
        "the SDE follows the gradient of the loss alone, but net trains with AdamW and a learning rate that "
        "changes and weight decay"
    )
    assert twin_warning({"reshuffled": "shuffled epochs"}) == ""
    in_turn = twin_deviations({"plain_step": True, "sampling": "sequential"})
    assert in_turn == {"sequential": "examples in turn"}
    assert twin_warning(in_turn) == ""
    assert deviations(optimizer="adam", momentum_=None) == ["optimizer"]


def test_an_optimizer_of_its_own_may_say_what_it_is():
    mine = {"optimizer": "ours", "optimizer_class": "mine.Ours"}
    ball = {"kind": "heavy-ball", "momentum": 0.8, "nesterov": False}

    assert deviations(**mine) == ["optimizer"]
    assert deviations(**mine, plain_step=True) == []
    assert deviations(**mine, plain_step=False) == ["optimizer"]
    assert deviations(momentum=0.8, **mine, plain_step=False, sde_scheme=ball) == []
    assert deviations(**mine, plain_step=False, sde_scheme=ball) == ["momentum"]


def test_steps_are_the_rate_over_a_whole_number():
    assert step_refusal(0.1, 0.2) == ""
    assert step_refusal(0.2, 0.2) == ""
    for dt in (0.07, 0.4, 0.0, -0.1):
        assert "over a whole number" in step_refusal(dt, 0.2)
