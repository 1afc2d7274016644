"""Blocks are merged as `fold` merges all leaves, in whatever order they come."""

import numpy as np
import pytest

from sdesim.engine.cluster.tree import Tree
from sdesim.engine.reducing import fold
from sdesim.engine.reductions.adding import add_up
from sdesim.reductions import Covariance

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_any_order_gives_the_bits_of_one_fold(count):
    reduction = Covariance()
    width = reduction.width(2)
    leaves = np.abs(RNG.standard_normal((count, 3, width)))
    kernel = reduction.kernel()
    module = __import__(kernel.module, fromlist=["x"])
    merge = getattr(module, kernel.merge) if kernel.merge else add_up
    whole = fold(leaves.copy(), merge, np.asarray(reduction.params(2), np.float64))

    tree = Tree(reduction, 2, count)
    for number in RNG.permutation(count):
        again = Tree(reduction, 2, count)
        again.restore(tree.portable())
        tree = again
        tree.add(int(number), leaves[number])

    assert tree.settled().tobytes() == reduction.settle(whole, 2).tobytes()
