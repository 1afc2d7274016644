"""The order in which examples are drawn."""

import numpy as np
import torch
from scipy.stats import chi2

from sdesim.training.data.examples import Batches, Examples, Order
from tests.training.data.weighted import Q, X, Y


def test_training_draws_each_example_with_its_probability():
    examples = Examples(X, Y, torch.as_tensor(Q))
    batches = Batches(examples, Order(500, "weighted", True), torch.Generator().manual_seed(0))

    drawn = np.bincount(torch.cat([batches.next() for _ in range(100)]).numpy(), minlength=40)

    # χ² of 50,000 draws, false alarm 1e-6.
    expected = 50_000 * Q
    assert ((drawn - expected) ** 2 / expected).sum() < chi2.isf(1e-6, 39)


def walked(sampling, drop_last=True, steps=1):
    """A walk over ten examples in batches of three, some steps on."""
    examples = Examples(torch.zeros(10, 1), torch.zeros(10, dtype=torch.int64))
    batches = Batches(examples, Order(3, sampling, drop_last), torch.Generator().manual_seed(0))
    seen = [batches.next() for _ in range(steps)]
    return batches, torch.cat(seen)


def test_a_branch_within_an_epoch_draws_from_the_unseen_alone_and_leaves_the_walk_where_it_was():
    batches, seen = walked("epoch")
    twin, _ = walked("epoch")
    rng = np.random.default_rng(0)

    nexts = torch.stack([batches.branch(rng).next() for _ in range(2000)])

    assert set(batches.unseen().tolist()) == set(range(10)) - set(seen.tolist())
    counts = np.bincount(nexts.flatten().numpy(), minlength=10)
    assert (counts[seen] == 0).all()
    # Each of the 7 unseen examples is in 3 of 7 batches: binomial, 5.5 sigma.
    rest = counts[batches.unseen()]
    assert np.abs(rest - 2000 * 3 / 7).max() < 5.5 * np.sqrt(2000 * 3 / 7 * 4 / 7)
    assert torch.equal(batches.next(), twin.next())


def test_a_branch_at_the_end_of_an_epoch_begins_another():
    dropped, _ = walked("epoch", steps=3)
    kept, seen = walked("epoch", drop_last=False, steps=3)
    rng = np.random.default_rng(0)

    assert len(dropped.unseen()) == 10
    assert len(dropped.branch(rng).next()) == 3
    assert len(kept.branch(rng).next()) == len(kept.unseen()) == 1
    assert int(kept.unseen()) not in seen.tolist()


def test_branches_of_independent_draws_and_of_a_fixed_order():
    replaced, _ = walked("with-replacement")
    in_turn, _ = walked("sequential")
    rng = np.random.default_rng(0)

    assert replaced.unseen() is None
    assert not torch.equal(replaced.branch(rng).next(), replaced.branch(rng).next())
    assert in_turn.branch(rng).next().tolist() == [3, 4, 5]
