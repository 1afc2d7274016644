"""Several optimizers as one."""

import copy
import pickle

import pytest

from sdesim.optimizers.joint import joined

torch = pytest.importorskip("torch")


class Own(torch.optim.SGD):
    """A class of another package, which may keep settings beside its groups."""


def parameters(count):
    return [torch.nn.Parameter(torch.full((2,), float(k + 1))) for k in range(count)]


def stepped(optimizer, own):
    for p in own:
        p.grad = torch.ones_like(p)
    optimizer.step()
    return [p.detach().clone() for p in own]


def test_optimizers_of_one_class_become_one_with_their_states():
    own = parameters(2)
    parts = [
        torch.optim.Adagrad([p], lr=0.5, initial_accumulator_value=v)
        for p, v in zip(own, (3.0, 8.0), strict=True)
    ]

    whole = joined(parts)

    assert type(whole) is torch.optim.Adagrad
    assert [g["lr"] for g in whole.param_groups] == [0.5, 0.5]
    found = stepped(whole, own)
    # √(3 + 1) and √(8 + 1).
    assert found[0].tolist() == pytest.approx([0.75, 0.75])
    assert found[1].tolist() == pytest.approx([2 - 0.5 / 3] * 2)


def test_a_class_of_ones_own_steps_for_itself_and_goes_on_after_copies():
    own = parameters(3)
    whole = joined(
        [Own(own[:1], lr=0.5, momentum=0.5), Own(own[1:2], lr=0.25), torch.optim.SGD(own[2:], lr=1.0)]
    )
    assert type(whole).__name__ == "OwnSGD"
    assert [p.tolist() for p in stepped(whole, own)] == [[0.5, 0.5], [1.75, 1.75], [2.0, 2.0]]

    others, again = copy.deepcopy((own, whole))
    back = pickle.loads(pickle.dumps(whole))

    assert type(back) is type(whole)
    # The momentum is carried on: ½·1 + 1.
    for optimizer, held in ((whole, own), (again, others)):
        assert stepped(optimizer, held)[0].tolist() == [-0.25, -0.25]
