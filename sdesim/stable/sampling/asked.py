"""What is asked of draws: how many, and from which seed."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.spelling import short

SEEDS = 2**64


def shape_of(size: Any) -> tuple[int, ...]:
    """The shape that a size stands for; () for None.

    Raises:
        SdesimError: size is not a whole number of draws, nor several of them.
    """
    if size is None:
        return ()
    try:
        found = np.atleast_1d(real_array(size))
    except NoNumbers:
        found = np.empty((0, 0))
    whole = found.tolist() if found.ndim == 1 and found.dtype.kind in "iu" else [-1]
    if not all(k >= 0 for k in whole):
        raise SdesimError(f"size: found {short(size)}, allowed: a whole number from 0, or a tuple of them")
    return tuple(int(k) for k in whole)


def key_of(seed: Any = None, random_state: Any = None) -> np.uint64:
    """The generator's 64-bit key for a seed, under either of its names.

    Without a seed the operating system gives one, so that two calls give independent draws, as those of NumPy
    and SciPy do. A `numpy.random.Generator` or `RandomState` gives one of its numbers, and moves on.

    Raises:
        SdesimError: both names are used, or it is neither a whole number nor a generator.
    """
    if seed is not None and random_state is not None:
        raise SdesimError("random_state: found beside seed, allowed: one of the two")
    given = random_state if seed is None else seed
    if given is None:
        return np.uint64(secrets.randbits(64))
    if isinstance(given, np.random.Generator):
        return np.uint64(given.integers(SEEDS - 1, dtype=np.uint64, endpoint=True))
    if isinstance(given, np.random.RandomState):
        return np.uint64(given.randint(0, SEEDS - 1, dtype=np.uint64))
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given < SEEDS:
        raise SdesimError(
            f"seed: found {short(given)}, allowed: a whole number from 0 to 2^64 - 1, or a generator of NumPy"
        )
    return np.uint64(int(given))
