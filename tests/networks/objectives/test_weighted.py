"""Several losses on the same outputs: each is what it says, and they mix by their weights."""

from __future__ import annotations

import pytest
import torch

from sdesim.errors import RunError
from sdesim.networks.objectives import TARGETS, Objectives


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(7, 10, dtype=torch.float64), torch.tensor([0, 3, 4, 9, 1, 1, 8])


def test_each_objective_is_minus_the_log_of_the_probability_it_names(batch):
    z, y = batch
    p = z.softmax(dim=1)
    even = p[:, ::2].sum(dim=1)

    named = {
        "class": p[torch.arange(7), y].log(),
        "parity": torch.where(y % 2 == 0, even, 1 - even).log(),
        "uniform": p.log().mean(dim=1),
    }

    # Equal up to rounding in double precision.
    for target in TARGETS:
        assert float(Objectives({target: 2.0})(z, y)) == pytest.approx(float(-named[target].mean()))


def test_weights_count_by_their_share(batch):
    z, y = batch
    single = {t: float(Objectives({t: 1.0})(z, y)) for t in ("class", "parity")}

    mixed = Objectives({"class": 3.0, "parity": 1.0})

    assert float(mixed(z, y)) == pytest.approx(0.75 * single["class"] + 0.25 * single["parity"])
    # A resumed run tells losses apart by this text.
    assert repr(mixed) != repr(Objectives({"class": 1.0, "parity": 3.0}))


def test_gradients_are_finite_and_those_of_finite_differences(batch):
    z, y = batch
    for target in TARGETS:
        # Raises where they disagree by more than its default tolerances, 1e-5 and 1e-3 relative.
        assert torch.autograd.gradcheck(Objectives({target: 1.0}), (z.requires_grad_(), y))


@pytest.mark.parametrize(
    "weights", [{"class": -1.0}, {"class": 0.0}, {"class": float("nan")}, {}, {"colour": 1.0}]
)
def test_weights_that_make_no_mixture_are_refused(weights):
    with pytest.raises(
        RunError, match=r"^objectives: (weights must|found .* allowed: class, parity, uniform)"
    ):
        Objectives(weights)
