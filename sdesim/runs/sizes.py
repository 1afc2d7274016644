"""Which way a reading of a network takes, told by sizes alone, so that its price is known beforehand."""

from __future__ import annotations

import math

# Products with the Hessian of N examples are cheap up to so many N·d: of dense layers, where a weight meets
# an example once, and of others.
CHEAP_DENSE, CHEAP = 5e7, 2e6
# An objective that is a mean over more batches than so many takes a pass for each, however small it is.
BATCHES = 16
# Gradients of networks with fewer parameters are held whatever their number; of others no more numbers than
# so many, 64 MB.
LARGE, HELD = 2**16, 8_000_000
# So many seeds are trained by one program, whether there are so many or not. A step of eight quickstart
# networks (B = 8) takes as long as one of a single network by autograd; of networks of other layers, through
# torch.func.vmap, it would take as long as five, which a single seed would pay.
SEEDS = 8
# Parameters times examples of a minibatch, at least so many of these: up to here a step of eight takes at
# most 1.5 steps of one, which is what a single seed pays.
_MOST, _LEAST = 40_000, 8
# Below so many examples eigenvalues are of all; of more, of so many at least.
_MANY, _FEW = 4000, 1000


def costly(n: int, dim: int, dense: bool, batches: int = 1) -> bool:
    """Whether products with the Hessian of n examples are to be spared.

    Args:
        dim: d. dense: whether network and loss are of plain layers.
        batches: of which the objective is a mean.
    """
    return batches > BATCHES or n * dim > (CHEAP_DENSE if dense else CHEAP)


def streams(dim: int, n: int) -> bool:
    """Whether n gradients (d,) are too many to be held."""
    return dim > LARGE and dim * n > HELD


def seeds_at_most(dim: int, batch_size: int | None) -> int:
    """How many seeds of a training may be trained side by side, `SEEDS` or 1; the network decides whether.

    Args:
        dim: d. batch_size: None for the full batch.
    """
    return 1 if batch_size is None or dim * max(batch_size, _LEAST) > _MOST else SEEDS


def spared_examples(total: int) -> int:
    """Of how many of so many examples eigenvalues are read where products with the Hessian are costly.

    An eighth: with the halves that debias them that is about as much work as the products which Tr HΣ and
    μᵀHμ take of all examples.
    """
    return total if total < _MANY else max(_FEW, math.ceil(total / 8))
