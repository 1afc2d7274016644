"""Hinge losses of several classes."""

import pytest

from sdesim.data import Digits
from sdesim.networks.losses import Hinge

torch = pytest.importorskip("torch")

from torch.nn.functional import multi_margin_loss  # noqa: E402

from sdesim.training.data.accuracy import accuracy_of  # noqa: E402

Z = torch.tensor([[0.5, 0.0, 2.0], [0.2, 1.0, -0.5], [3.0, 0.0, 1.0]], dtype=torch.float64)
Y = torch.tensor([2, 0, 0])


@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_multi_margin_is_torchs(margin):
    found = Hinge(margin).function(Digits(20, 0))(Z, Y)

    assert float(found) == pytest.approx(float(multi_margin_loss(Z, Y, margin=margin)), rel=1e-12)


def test_crammer_singer_counts_the_largest_other_alone():
    # By hand at margin 1: −0.5 and less; 1 − 0.2 + 1.0 = 1.8; −1 and less.
    found = Hinge(form="crammer-singer").function(Digits(20, 0))(Z, Y)

    assert float(found) == pytest.approx(1.8 / 3, rel=1e-12)


@pytest.mark.parametrize("form", ["multi-margin", "crammer-singer"])
def test_the_largest_output_is_the_answer(form):
    found = accuracy_of(torch.nn.Identity(), Hinge(form=form).function(Digits(20, 0)), Z, Y)

    assert (found.words, found.share(Z, Y)) == ("examples", pytest.approx(2 / 3))
