"""Batches that are tensors, tuples or dicts of tensors, and networks that take them."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from sdesim.errors import RunError
from sdesim.training.data.batches import (
    Objective,
    Stepped,
    batch_loss,
    call,
    equal,
    joined,
    length,
    moved,
    rows_of,
)

IDS = torch.arange(12).reshape(6, 2)
MASK = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None].expand(6, 2)
FORMS = {
    "tensor": MASK,
    "tuple": (IDS, MASK),
    "dict": {"ids": IDS, "mask": MASK},
    "nested": {"ids": IDS, "both": (MASK, {"again": MASK})},
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_any_form_are_those_of_its_tensors_and_join_to_the_whole(form):
    x = FORMS[form]

    assert length(x) == 6
    assert length(rows_of(x, torch.tensor([1, 4]))) == 2
    assert equal(joined([rows_of(x, slice(0, 2)), rows_of(x, slice(2, 6))]), x)
    assert not equal(rows_of(x, slice(0, 3)), rows_of(x, slice(3, 6)))


def test_only_floating_numbers_change_their_type():
    found = moved(FORMS["dict"], torch.float32)

    assert found["ids"].dtype == torch.int64
    assert found["mask"].dtype == torch.float32


def test_a_network_is_called_with_what_its_inputs_are():
    class Masked(nn.Module):
        def forward(self, ids, mask):
            return ids * mask

    assert torch.equal(call(Masked(), (IDS, MASK)), IDS * MASK)
    assert torch.equal(call(Masked(), {"mask": MASK, "ids": IDS}), IDS * MASK)
    assert torch.equal(call(nn.Identity(), MASK), MASK)


def test_an_objective_gets_the_network_and_the_whole_batch_also_in_a_functional_call():
    net, x, y = nn.Linear(2, 1).double(), {"mask": MASK}, torch.empty(6, 0)
    loss = Objective(lambda module, batch: module(batch["mask"]).square().mean())
    halved = {f"module.{name}": p / 2 for name, p in net.named_parameters()}

    whole, half = batch_loss(net, loss, x, y), functional_call(Stepped(net, loss), halved, (x, y))

    assert torch.allclose(whole, net(MASK).square().mean())
    assert torch.allclose(half, whole / 4)
    assert list(dict(Stepped(net, nn.BCELoss(torch.ones(2))).named_parameters())) == list(halved)


def test_what_is_no_row_for_each_example_is_refused_with_what_to_pass():
    with pytest.raises(RunError, match=r"one row for each example, got \(6, 2\), \(5, 2\): pass unpack="):
        length((IDS, MASK[:5]))
    with pytest.raises(RunError, match="a batch holds str, which is no tensor: leave it out with unpack="):
        moved({"ids": IDS, "name": "a"})
