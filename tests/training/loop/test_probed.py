"""The curvature of a seed in training, from reading to reading."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.runs import Probes, measure, sizes
from sdesim.training import record

N, STEPS = 160, 8
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(N, 6, generator=GENERATOR, dtype=torch.float64)
Y = (X[:, 0] * X[:, 1] > 0).long()
SOME = Probes(every=4, samples=6, branches=0, eigenvalue_examples=40, exact=False)
WHOLE = Probes(every=4, samples=6, branches=0, exact=False)


class Scaled(nn.Module):
    """No plain network: products with its Hessian may be costly."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 9), nn.Linear(9, 2)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x))) * 2


class Cut(Exception):
    """The training was cut off."""


def train(probes, **more):
    torch.manual_seed(0)
    settings = {
        "optimizer": lambda p: torch.optim.SGD(p, lr=0.3), "steps": STEPS, "batch_size": 16, "seed": 1,
        "trajectories": 2, "save_every": 4, "progress": False,
    }  # fmt: skip
    return record(Scaled().double(), nn.CrossEntropyLoss(), (X, Y), probes=probes, **{**settings, **more})


@pytest.fixture
def costly(monkeypatch):
    monkeypatch.setattr(sizes, "CHEAP", 0)


def test_eigenvalues_of_some_examples_are_debiased_and_flagged_and_nothing_else_is(costly):
    found, whole = measure(train(SOME)), measure(train(WHOLE))

    # Intervals are of 95%; the six readings of two seeds are of one network each.
    inside = (found["lambda_max_low"] <= whole["lambda_max"]) & (
        whole["lambda_max"] <= found["lambda_max_high"]
    )
    assert inside.values.mean() >= 0.5
    for name in ("lambda_max", "lambda_min", "S"):
        assert (found[f"{name}_flags"].str.contains("subsampled")).all()
    for name in ("C_star", "lyapunov_drift", "C_alpha"):
        assert not found[f"{name}_flags"].str.contains("subsampled").any()
        np.testing.assert_array_equal(found[name], whole[name])


def test_readings_begin_at_the_last_ones_and_do_not_depend_on_the_number_of_seeds(costly):
    one, two = (train(SOME, trajectories=k) for k in (1, 2))

    for name in ("lambda_max", "lambda_min", "lambda_max_crossed", "curvature_residual"):
        np.testing.assert_array_equal(one[name][0], two[name][0])
    # A reading at the same weights that begins anew takes another way.
    alone = train(WHOLE, steps=STEPS, trajectories=1)
    fresh = train(Probes(every=STEPS, samples=6, branches=0, exact=False), trajectories=1)
    assert alone["curvature_residual"][0, -1] != fresh["curvature_residual"][0, -1]
    assert float(alone["lambda_max"][0, -1]) == pytest.approx(float(fresh["lambda_max"][0, -1]), rel=1e-3)


def test_a_training_cut_off_between_readings_goes_on_with_the_same_bits(costly, tmp_path):
    whole = train(SOME, trajectories=1)

    def cut(done, total):
        if done == 6:
            raise Cut

    settings = {"trajectories": 1, "out": tmp_path / "a.zarr", "checkpoint_every": 1}
    with pytest.raises(Cut):
        train(SOME, **settings, progress=cut)
    run = train(SOME, **settings, resume=True)

    for name in whole.data_vars:
        np.testing.assert_array_equal(run[name].values, whole[name].values)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"weights": "balanced"}, "examples are weighted"),
        ({"optimizer": lambda p: torch.optim.Adam(p, lr=0.01)}, "scales coordinates unequally"),
    ],
)
def test_where_eigenvalues_can_only_be_those_of_all_examples_that_is_said_before_the_start(more, why):
    with pytest.raises(RunError, match=rf"eigenvalue_examples=40 can't be: .*{why}"):
        train(SOME, **more)
