"""Hooks on parameters that are removed are gone, and others stay."""

import torch

from sdesim.training.watching.leaf_hooks import remove_hooks


def test_no_table_of_hooks_is_left_but_where_another_hook_is():
    alone, shared = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    seen = []
    other = shared.register_hook(lambda g: seen.append("other"))
    own = [p.register_hook(lambda g: seen.append("own")) for p in (alone, shared)]

    remove_hooks(own, (alone, shared))
    (alone.sum() + shared.sum()).backward()

    assert seen == ["other"]
    assert alone._backward_hooks is None
    other.remove()
    alone.register_hook(lambda g: seen.append("later"))
    alone.sum().backward()
    assert seen == ["other", "later"]


def test_within_a_backward_pass_the_table_is_emptied_alone():
    p = torch.nn.Parameter(torch.ones(2))
    own = []
    own.append(p.register_hook(lambda g: remove_hooks(own, (p,))))

    p.sum().backward()

    assert p._backward_hooks is not None
    assert not p._backward_hooks
    assert torch.equal(p.grad, torch.ones(2))
