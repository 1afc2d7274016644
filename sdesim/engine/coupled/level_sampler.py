"""Samples of one level of a multilevel estimate: a path, or two of steps dt and 2 dt through one noise."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.streams import LEVELS
from sdesim.engine.coupled.level_moments import Moments
from sdesim.engine.coupled.paths import Coupled
from sdesim.engine.coupled.quantity import Quantity
from sdesim.errors import SdesimError
from sdesim.noise.draws import philox4x32
from sdesim.runs.schema import BLOW_UP

Array = NDArray[np.float64]

# The generator numbers 2³² trajectories under one key.
_TRAJECTORIES = 2**31
# Ratios of the steps of the paths of a sample, which of them turn each pair of increments round, and how many
# steps all of them take for one of the shortest.
SINGLE, PLAIN, ANTITHETIC = "single", "plain", "antithetic"
_PATHS = {
    SINGLE: ((1,), (False,), 1.0),
    PLAIN: ((1, 2), (False, False), 1.5),
    ANTITHETIC: ((1, 2, 1), (False, False, True), 2.5),
}


def level_key(seed: int, level: int, block: int) -> int:
    """The 64-bit key of the draws of a level: words of the generator at (level, block, 0, `LEVELS`)."""
    words = philox4x32([level, block, 0, LEVELS], [seed & 0xFFFFFFFF, seed >> 32])
    return int(words[0]) | int(words[1]) << 32


@dataclass
class LevelSampler:
    """What is known of one level.

    Attributes:
        equation, quantity: whose paths, and what is made of their ends.
        seed: of all. level: its number. steps: of its shorter step, to T.
        sort: "single", "plain" or "antithetic".
        fine: moments of the quantity at the shorter step.
        difference: moments of what the level adds: the quantity at the shorter step (antithetic: its mean
            over both paths) less that at the longer one.
        plain: of the difference without the antithetic path, where there is one.
    """

    equation: Coupled
    quantity: Quantity
    seed: int
    level: int
    steps: int
    sort: str
    fine: Moments = field(default_factory=Moments)
    difference: Moments = field(default_factory=Moments)
    plain: Moments = field(default_factory=Moments)
    spent: float = 0.0

    @property
    def cost(self) -> float:
        """Steps of one sample."""
        return self.steps * _PATHS[self.sort][2]

    @property
    def n(self) -> int:
        """How many samples there are."""
        return self.difference.n

    def turn_to(self, sort: str) -> None:
        """Go on with samples of another sort; what is known of them from those there are is kept."""
        if sort != self.sort:
            self.difference = {SINGLE: self.fine, PLAIN: self.plain}[sort]
            self.sort = sort

    def draw(self, until: int, threads: int) -> None:
        """Draw samples until there are so many.

        Raises:
            SdesimError: a path is not finite at its end.
        """
        pieces = list(self._pieces(self.n, until))
        if threads > 1 and len(pieces) > 1:
            with ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(self._piece, pieces))
        else:
            found = [self._piece(piece) for piece in pieces]
        fine, difference, plain = (reduce(add, x) for x in zip(*found, strict=True))
        self.spent += (until - self.n) * self.cost
        self.fine, self.difference, self.plain = (
            self.fine + fine, self.difference + difference, self.plain + plain,
        )  # fmt: skip

    @property
    def finite(self) -> bool:
        """Whether all samples are."""
        return bool(np.isfinite([self.fine.second, self.difference.second]).all())

    def check_finite(self) -> None:
        """Refuse samples that are not finite.

        Raises:
            SdesimError: in one line, at which step.
        """
        if not self.finite:
            dt = self.equation.duration / self.steps
            raise SdesimError(
                f"a path or the quantity is not finite at dt = {dt:.3g}: choose a scheme that does not "
                "explode, such as 'tamed-euler' or 'implicit-euler', or a quantity that is finite everywhere"
            )

    def _value(self, states: Array) -> Array:
        """The quantity of states (d, K), NaN where one has blown up, of which it may make a number."""
        return np.where((np.abs(states) < BLOW_UP).all(axis=0), self.quantity(states), np.nan)

    def _pieces(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        chunk = self.equation.chunk
        while begin < end:
            until = min(end, (begin // chunk + 1) * chunk)
            yield begin, until - begin
            begin = until

    def _piece(self, piece: tuple[int, int]) -> tuple[Moments, Moments, Moments]:
        first, count = piece
        chunk = self.equation.chunk
        block, number = divmod(first // chunk, _TRAJECTORIES // chunk)
        ratios, turned, _ = _PATHS[self.sort]
        key = level_key(self.seed, self.level, block)
        place = number * chunk + first % chunk
        states = self.equation.walk(self.steps, ratios, key, place, count, turned)
        values = [self._value(x) for x in states]
        with np.errstate(invalid="ignore", over="ignore"):
            fine = Moments.of(values[0])
            if self.sort == SINGLE:
                return fine, fine, Moments()
            plain = Moments.of(values[0] - values[1])
            if self.sort == PLAIN:
                return fine, plain, plain
            return fine, Moments.of(0.5 * (values[0] + values[2]) - values[1]), plain
