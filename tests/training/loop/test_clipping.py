"""Clipped trainings: torch's own steps, their share, and readings that say so."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.optimizers import SGD, Clip
from sdesim.training import Recipe, mlp, prune, record
from sdesim.training.batched.choice import seeds_at_once
from sdesim.training.loop.clipping import Clipping
from sdesim.training.loop.prepared import prepare
from sdesim.training.twinning.plan import plan_twin

DIGITS = data.digits(60, 0, seed=0)
STEPS = 12


def recipe(clip, **changes):
    arguments = {"steps": STEPS, "seed": 3, "sampling": "sequential"} | changes
    return Recipe(
        mlp([64, 8, 10], seed=0), cross_entropy, DIGITS, None, SGD(0.5, 10, 0.9), clip=clip, **arguments
    )


@pytest.mark.parametrize("clip", [{"norm": 0.9}, {"value": 0.1}], ids=["norm", "value"])
def test_steps_are_those_of_a_loop_with_torchs_own_clipping(clip):
    probes = sdesim.Probes(every=6, samples=8, branches=4)
    run = record(recipe(clip), save_every=1, probes=probes, progress=False)

    network = mlp([64, 8, 10], seed=0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.9)
    x, y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
    cut = []
    for step in range(STEPS):
        rows = slice(10 * step % 60, 10 * step % 60 + 10)
        optimizer.zero_grad()
        cross_entropy(network(x[rows]), y[rows]).backward()
        before = [p.grad.clone() for p in network.parameters()]
        if "norm" in clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), clip["norm"])
        else:
            torch.nn.utils.clip_grad_value_(network.parameters(), clip["value"])
        after = [p.grad for p in network.parameters()]
        cut.append(not all(torch.equal(a, b) for a, b in zip(before, after, strict=True)))
        optimizer.step()
    theta = torch.cat([p.detach().reshape(-1) for p in network.parameters()]).double().numpy()
    np.testing.assert_array_equal(run.theta.values[0, -1], theta)
    assert any(cut)
    assert np.isnan(run.clipped_share.values[0, 0])
    np.testing.assert_array_equal(run.clipped_share.values[0, 1:], np.array(cut, dtype=float))
    assert (run.attrs["clipping"], run.attrs["clipped_steps"]) == ("active", np.mean(cut))
    measured = sdesim.measure(run)
    for name in ("C_star", "S", "lyapunov_drift"):
        assert "clipped_gradients" in str(measured[f"{name}_flags"].values[0, -1]), name
    assert set(measured.phase_method.values[0]) == {"branched"}
    assert "clipped_gradients" not in str(measured.phase_flags.values[0, -1])
    assert plan_twin(run, recipe(clip)).deviations["clipped_gradients"] == "clipped gradients"


def test_a_bound_that_no_gradient_meets_changes_nothing_and_flags_nothing():
    probes = sdesim.Probes(every=6, samples=8, branches=4)
    free = record(recipe(None), probes=probes, progress=False)

    run = record(recipe(Clip(norm=1e6)), probes=probes, progress=False)

    # Free seeds are trained side by side, whose sums differ in their last bits.
    np.testing.assert_allclose(run.theta.values, free.theta.values, rtol=1e-9, atol=1e-12)
    assert (run.attrs["clipping"], run.attrs["clipped_steps"]) == ("inactive", 0.0)
    a, b = sdesim.measure(run), sdesim.measure(free)
    np.testing.assert_allclose(a.C_star.values, b.C_star.values, rtol=1e-6)
    assert (a.C_star_flags.values == b.C_star_flags.values).all()
    assert (a.phase.values == b.phase.values).all()


def test_seeds_of_clipped_trainings_are_trained_one_by_one():
    # A norm is of one network alone.
    for clip, expected in ((None, 8), ({"norm": 1.0}, 1)):
        made = prepare(recipe(clip, sampling="epoch"), save_every=None, save="loss", probes=None)
        assert seeds_at_once(made) == expected


@pytest.mark.parametrize(
    ("changes", "probes", "words"),
    [
        ({"amplify": 2}, None, "clip does not go with amplify"),
        ({"clients": data.Clients(2, 1, 1.0)}, None, "clip does not go with clients"),
        ({}, sdesim.Probes(every=4, tangent=True), "clip does not go with probes with tangent"),
    ],
)
def test_what_it_does_not_go_with_is_refused(changes, probes, words):
    made = recipe({"norm": 1.0}, sampling="with-replacement", **changes)
    plain = Recipe(**{**vars(made), "optimizer": lambda p: torch.optim.SGD(p, lr=0.1)})

    with pytest.raises(RunError, match=words):
        record(plain, probes=probes, progress=False)


def test_what_is_no_clip_is_refused():
    with pytest.raises(RunError, match=r"^clip must be a sdesim.optimizers.Clip or its fields, got 1.0$"):
        recipe(1.0)


def test_pruning_trains_with_it():
    masks = [
        prune(
            mlp([64, 4, 10], seed=0), cross_entropy, (DIGITS.x_train, DIGITS.y_train), SGD(2.0, 10),
            sparsity=0.5, steps=20, clip=clip,
        )
        for clip in (None, {"norm": 1e6}, {"norm": 1e-3})
    ]  # fmt: skip

    assert (masks[0] == masks[1]).all()
    assert (masks[0] != masks[2]).any()


def test_shares_are_of_the_steps_since_the_last_one():
    clipping = Clipping(Clip(norm=1.0))
    assert np.isnan(clipping.share(0))
    clipping.count = 3
    assert clipping.share(4) == 0.75
    again = Clipping(Clip(norm=1.0))
    again.restore(clipping.state())
    again.count += 1
    assert again.share(6) == 0.5
