"""What studies share: settings, random numbers, and expensive runs made once.

A shared run is a function ``(lab) -> result`` under `shared`; it is made when the first study of a group asks
for it. Studies that use the same one name it (`shares=` in the registration), to run in one process.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Lab:
    """One place of work for a group of studies.

    Attributes:
        quick: small sizes: enough to run through, not always enough for a verdict.
        seed: of all random numbers of the ledger.
    """

    quick: bool = False
    seed: int = 0
    _made: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def rng(self, key: str) -> np.random.Generator:
        """A generator that depends on (seed, key) alone, whatever else was run before."""
        return np.random.default_rng([self.seed, zlib.crc32(key.encode())])

    def size(self, full: int, quick: int) -> int:
        """The size of this run."""
        return quick if self.quick else full

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, made once; it must depend on (seed, quick) alone."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def shared(make: Callable[[Lab], Any]) -> Callable[[Lab], Any]:
    """Turn a function of the lab into one that runs once in each lab."""

    @functools.wraps(make)
    def run(lab: Lab) -> Any:
        return lab.once(f"{make.__module__}.{make.__name__}", lambda: make(lab))

    return run
