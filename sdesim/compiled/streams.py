"""The map from (seed, purpose, trajectory, step, coordinate) to a stream of random numbers: all of it.

Nothing draws but at a place of this table, and no two rows share a number under one seed:

- rows of the counter are of Philox4x32-10 with the seed as its key (`sdesim.compiled.philox`, which has the
  layout): a purpose is a range of its word, and the trajectory, the step and the coordinate stand beside it;
- rows of words are of NumPy's `SeedSequence`: whole numbers, the seed first, out of which a generator of
  NumPy's or torch's is seeded. Two of them are one only where all words agree, a missing one being 0. A
  training has fewer than 2³⁰ trajectories, so that its numbers never stand for `PROBES`;
- rows of an object's own seed: what a kind with the field ``seed``, or an estimator, draws. Two objects of
  one row that are given the same seed draw the same numbers.

A run that goes on, or a part of an ensemble, goes on at its own places, and needs no row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Where the words of each purpose of the counter begin; a purpose is eight bits.
DRAWS, HALVES, LEVELS, EXITS, LEAPS, JUMPS, TURNS, _END = (n << 24 for n in (1, 2, 3, 64, 96, 112, 128, 256))
# Streams of a simulation: its noises have those below.
FIRST_OF_VECTORS = 250
# The third word of what a training draws.
ORDER, WEIGHTS, READINGS, STEPS, CLIENTS, LAYERS, PRUNING, UPDATES = range(8)
# The second word of what probes draw; what is combined with the seed where they make steps.
PROBES, VIRTUAL, PROGRESS, GRADIENTS = 0x50524F42, 0x56495254, 0x50524F47, 0x47524144
TWIN = 0x7A11
# Spawn keys of what objects draw under a seed of their own; children that they spawn have smaller ones.
SURFACES, NUMPY, TORCH = 2**24 + 1, 2**24 + 2, 2**24 + 3


@dataclass(frozen=True)
class Counted:
    """A purpose of the counter: words from ``begin`` to ``end``, and at which streams."""

    name: str
    begin: int
    end: int
    what: str
    streams: tuple[int, int] = (0, 256)


@dataclass(frozen=True)
class Sequenced:
    """A purpose by words: a function of (seed, trajectory, step, number) to them, which takes what it has.

    ``by`` says whose generators: torch's get 63 bits of the sequence as their seed, and so share nothing with
    NumPy's.
    """

    name: str
    words: Callable[[int, int, int, int], tuple[int, ...]]
    what: str
    by: tuple[str, ...] = ("torch",)


@dataclass(frozen=True)
class Owned:
    """What objects with a seed of their own draw: NumPy's default generator, behind a spawn key or none."""

    name: str
    key: tuple[int, ...]
    what: str


COUNTED = (
    Counted("increments", 0, DRAWS, "increments of noises, their redrawn ones and starts",
            (0, FIRST_OF_VECTORS)),
    Counted("vectors", 0, DRAWS, "isotropic stable vectors outside a simulation", (FIRST_OF_VECTORS, 256)),
    Counted("draws", DRAWS, 2 * DRAWS, "numbers of stable laws outside a simulation"),
    Counted("halves", HALVES, LEVELS, "increments taken apart into those of shorter steps"),
    Counted("levels", LEVELS, LEVELS + DRAWS, "seeds of the levels of multilevel estimates"),
    Counted("exits", EXITS, LEAPS, "whether, when and where a path leaves within a step"),
    Counted("leaps", LEAPS, JUMPS, "walks on spheres beside a wall that is jumped over"),
    Counted("jumps", JUMPS, TURNS, "which steps make such walks"),
    Counted("turns", TURNS, _END, "the first sign of telegraph noise"),
)  # fmt: skip
SEQUENCED = (
    Sequenced("order", lambda s, k, n, i: (s, k, ORDER), "in which order a training takes its examples"),
    Sequenced("weights", lambda s, k, n, i: (s, k, WEIGHTS), "fresh initial weights of a trajectory"),
    Sequenced("readings", lambda s, k, n, i: (s, 0, READINGS, i), "fixed readings of random examples"),
    Sequenced("steps", lambda s, k, n, i: (s, k, STEPS, n), "how examples are read in a step"),
    Sequenced("clients", lambda s, k, n, i: (s, k, CLIENTS, i), "shares of the examples, and their orders",
              ("torch", "numpy")),
    Sequenced("layers", lambda s, k, n, i: (s, k, LAYERS, i), "dropout, and all that draws globally"),
    Sequenced("pruning", lambda s, k, n, i: (s, k, PRUNING, i), "rounds, draws and choices of pruning",
              ("torch", "numpy")),
    Sequenced("updates", lambda s, k, n, i: (s, k, UPDATES, n), "readings of clients' updates",
              ("numpy",)),
    Sequenced("probes", lambda s, k, n, i: (s, PROBES, k, n), "probes, of simulations and trainings",
              ("numpy",)),
    Sequenced("virtual", lambda s, k, n, i: (s ^ VIRTUAL, PROBES, k, n), "steps that a probe takes back",
              ("numpy",)),
    Sequenced("progress", lambda s, k, n, i: (s ^ PROGRESS, PROBES, k, n), "branches of measured progress",
              ("numpy",)),
    Sequenced("gradients", lambda s, k, n, i: (s ^ GRADIENTS, PROBES, k, n, i),
              "gradients of a training's own law that drive its twin", ("numpy",)),
)  # fmt: skip
OWNED = (
    Owned("objects", (), "examples and their split, and the resampling, starts and signs of estimators"),
    Owned("surfaces", (SURFACES,), "random layers and starts of surfaces, and which coordinates are kept"),
    Owned("numpy", (NUMPY,), "NumPy's global generator, where a seed of torch's is given for all"),
    Owned("torch", (TORCH,), "torch's global generator, where an augmentation has one of its own"),
)


def sequence(*words: int) -> np.random.SeedSequence:
    """The seed sequence of these words."""
    return np.random.SeedSequence(list(words))


def own_sequence(seed: int, key: int) -> np.random.SeedSequence:
    """The seed sequence of an object's own seed behind a key of `OWNED`."""
    return np.random.SeedSequence(seed, spawn_key=(key,))


def own_rng(seed: int, key: int) -> np.random.Generator:
    """NumPy's default generator of an object's own seed behind a key of `OWNED`."""
    return np.random.default_rng(own_sequence(seed, key))


def own_seed(seed: int, key: int) -> int:
    """A seed below 2³² made of an object's own seed behind a key of `OWNED`."""
    return int(own_sequence(seed, key).generate_state(1)[0])
