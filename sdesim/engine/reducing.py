"""Reductions of an ensemble while it is walked: from tiles of states to sums that no split changes.

The kernel puts the states of a group of blocks at the steps looked at into a tile (steps, d, rows). Each leaf
of 64 trajectories, numbered from the first trajectory on, becomes sums; leaves are merged in pairs along one
binary tree, first inside the group, then between groups. A leaf's sums depend on its own states alone and the
tree on the numbers of the leaves, so that blocks, threads and stretches of steps change no bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.kernels.tiles import mark_live
from sdesim.engine.reductions.adding import add_up
from sdesim.engine.reductions.base import LEAF, Base
from sdesim.engine.reductions.collected import COUNTS, reduced_steps, steps_looked_at, sums_of

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
Steps = NDArray[np.int64]
# Bytes of a tile with its sums, and of the sums of all groups in one stretch; rows of a group at the most.
_TILE_BYTES, _STRETCH_BYTES, _ROWS = 2**21, 2**23, 2**13
# Groups for each thread, as far as there are rows.
_SHARES = 4


@dataclass
class _Part:
    """One reduction with its compiled side and what it has kept."""

    reduction: Base
    steps: Steps
    at: NDArray[np.int64]
    params: Array
    width: int
    take: Callable[..., None]
    merge: Callable[..., None]
    exact: bool
    blank: Array
    settled: Array
    partners: NDArray[np.int64]
    nodes: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))


class Reducing:
    """All reductions of a plan, and how far they have come.

    Args:
        plan: what is simulated, with reductions.
        lanes: width of a block, a power of two. blocks: how many. threads: how many share them.
    """

    def __init__(self, plan: Plan, lanes: int, blocks: int, threads: int) -> None:
        self.setting = plan.setting
        self._count, self._dim, self._lanes = plan.trajectories, plan.dim, lanes
        self.steps = reduced_steps(plan.reductions, self.setting)
        self.counts = np.zeros((len(self.steps), 3), dtype=np.int64)
        self.done = 0
        self._parts = [self._part(r, plan) for r in plan.reductions]
        self._behind = max((_furthest(part) for part in self._parts), default=0)
        self._history = np.zeros((self._behind, plan.dim, blocks * lanes))
        self._rows = self._group_rows(blocks * lanes, threads)
        self._groups = -(-blocks * lanes // self._rows)
        self._columns = max(1, _TILE_BYTES // self._column_bytes(self._rows))
        self._lock = threading.Lock()
        self._pool: list[tuple[Array, NDArray[np.uint8], Array]] = []
        self._begin = 0

    def _part(self, reduction: Base, plan: Plan) -> _Part:
        kernel, d = reduction.kernel(), plan.dim
        home = import_module(kernel.module)
        own = steps_looked_at(reduction.every, self.setting)
        # Lags are of the run's own steps, of which a refined walk makes several.
        before = own[:, None] - plan.refine * np.array(reduction.distances, dtype=np.int64)
        places = np.searchsorted(self.steps, before)
        own_too = np.isin(before, own)
        return _Part(
            reduction, own, np.searchsorted(self.steps, own), np.asarray(reduction.params(d), np.float64),
            reduction.width(d), getattr(home, kernel.take),
            getattr(home, kernel.merge) if kernel.merge else add_up, kernel.exact,
            np.asarray(reduction.blank(d), np.float64), np.zeros((len(own), reduction.settled_width(d))),
            np.where(own_too, places, -1),
        )  # fmt: skip

    def _column_bytes(self, rows: int) -> int:
        leaves = -(-rows // LEAF)
        sums = max(part.width * (1 if part.exact else leaves) for part in self._parts)
        return 8 * (rows * self._dim + sums) + rows

    def _group_rows(self, rows: int, threads: int) -> int:
        """A power of two that holds whole leaves and blocks."""
        least = max(LEAF, self._lanes)
        found = _ROWS
        while found > least and (
            found * _SHARES * threads > max(rows, 1) or self._column_bytes(found) > _TILE_BYTES
        ):
            found //= 2
        return max(found, least)

    def most(self) -> int:
        """How many of its steps one stretch may hold."""
        width = sum(part.width * (1 if part.exact else self._groups) for part in self._parts)
        return max(1, _STRETCH_BYTES // (8 * width))

    def stops(self) -> list[int]:
        """Steps at which a stretch has to end."""
        return [int(step) for step in self.steps[self.most() - 1 :: self.most()]]

    def open(self, start: int, end: int) -> tuple[list[NDArray[np.int64]], list[tuple[int, int]]]:
        """Begin a stretch: groups of blocks, and the pieces (first step, last step) they are walked in."""
        self._begin = self.done
        self.done = int(np.searchsorted(self.steps, end, side="right"))
        for part in self._parts:
            low, high = np.searchsorted(part.at, [self._begin, self.done])
            groups = 1 if part.exact else self._groups
            part.nodes = np.empty((groups, high - low, part.width))
            part.nodes[...] = part.blank
        per = self._rows // self._lanes
        blocks = self._history.shape[2] // self._lanes
        marks = self.steps[self._begin + self._columns - 1 : self.done : self._columns]
        ends = sorted({*(int(m) for m in marks if start < m < end), end})
        return (
            [np.arange(b, min(b + per, blocks)) for b in range(0, blocks, per)],
            list(zip([start, *ends[:-1]], ends, strict=True)),
        )

    def room(self, first: int, last: int, opening: bool) -> tuple[int, int, Array, Any]:
        """Of a piece the range of its steps, the tile (C, d, rows) for them, and what `take` needs."""
        start = self._begin if opening else int(np.searchsorted(self.steps, first, side="right"))
        stop = int(np.searchsorted(self.steps, last, side="right"))
        with self._lock:
            held = self._pool.pop() if self._pool else self._buffers()
        tall = self._behind + stop - start
        if held[0].size < tall * self._dim * self._rows:
            held = self._buffers(tall)
        tile = held[0][: tall * self._dim * self._rows].reshape(tall, self._dim, self._rows)
        return start, stop, tile[self._behind :], (held, tile)

    def _buffers(self, tall: int = 0) -> tuple[Array, NDArray[np.uint8], Array]:
        tall = max(tall, self._behind + self._columns)
        leaves = self._rows // LEAF
        sums = max(part.width * (1 if part.exact else leaves) for part in self._parts)
        return (
            np.zeros(tall * self._dim * self._rows),
            np.zeros(tall * self._rows, dtype=np.uint8),
            np.zeros((tall - self._behind) * sums),
        )

    def take(
        self, blocks: NDArray[np.int64], start: int, stop: int, code: Array, stopped: Steps, held: Any
    ) -> None:
        """Reduce a filled tile.

        Args:
            blocks: of its group. start, stop: range of its steps. code, stopped: of all blocks (B, W).
            held: from `room`.
        """
        (buffer, flags, sums), tile = held
        row, behind = int(blocks[0]) * self._lanes, self._behind
        rows = len(blocks) * self._lanes
        past = self._history[:, :, row : row + rows]
        tile[:behind, :, :rows] = past
        live = flags[: len(tile) * self._rows].reshape(len(tile), self._rows)
        numbers = np.empty((stop - start, 3), dtype=np.int64)
        count = min(max(self._count - row, 0), self._rows)
        part_of = slice(int(blocks[0]), int(blocks[-1]) + 1)
        ended = (code[part_of].reshape(-1), stopped[part_of].reshape(-1))
        mark_live(*ended, self.steps[start:stop], count, behind, live, numbers)
        for part in self._parts:
            low, high = np.searchsorted(part.at, [start, stop])
            if high > low:
                shift = behind - start
                partners = part.partners[low:high]
                self._take(
                    part, tile, live, part.at[low:high] + shift,
                    np.where(partners >= 0, partners + shift, -1), row, int(low), sums,
                )  # fmt: skip
        past[...] = tile[len(tile) - behind :, :, :rows]
        with self._lock:
            self.counts[start:stop] += numbers
            self._pool.append((buffer, flags, sums))

    def _take(
        self, part: _Part, tile: Array, live: NDArray[np.uint8], columns: NDArray[np.int64],
        partners: NDArray[np.int64], row: int, low: int, sums: Array,
    ) -> None:  # fmt: skip
        leaves = 1 if part.exact else self._rows // LEAF
        shape = (leaves, len(columns), part.width)
        out = sums[: leaves * len(columns) * part.width].reshape(shape)
        if part.exact:
            out[...] = part.blank
        part.take(tile, live, columns, partners, part.params, out)
        first = low - int(np.searchsorted(part.at, self._begin))
        place = slice(first, first + len(columns))
        if part.exact:
            with self._lock:
                part.merge(part.nodes[:, place], out, part.params)
        else:
            part.nodes[row // self._rows, place] = fold(out, part.merge, part.params)

    def close(self) -> None:
        """End a stretch: what its steps came to is kept."""
        for part in self._parts:
            low, high = np.searchsorted(part.at, [self._begin, self.done])
            if high > low:
                whole = part.nodes[0] if part.exact else fold(part.nodes, part.merge, part.params)
                part.settled[low:high] = part.reduction.settle(whole, self._dim)
            part.nodes = part.nodes[:0]

    def results(self) -> dict[str, NDArray[Any]]:
        """The values of all variables by name."""
        found: dict[str, NDArray[Any]] = {}
        for part in self._parts:
            found |= part.reduction.results(part.settled, self.setting)
            found |= {sums_of(part.reduction): part.settled} if part.reduction.merges else {}
        for every in {part.reduction.every for part in self._parts}:
            numbers = self.counts[np.searchsorted(self.steps, steps_looked_at(every, self.setting))]
            found |= {name: numbers[:, k] for k, name in enumerate(COUNTS[every])}
        return found

    def portable(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps; the states of the past have the trajectory as their last axis."""
        found = {f"reduced_{k}": part.settled for k, part in enumerate(self._parts)}
        numbers = {"reduced_counts": self.counts, "reduced_done": np.array(self.done)}
        return found | numbers | {"reduced_past": self._history[..., : self._count]}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave; other names are left."""
        for k, part in enumerate(self._parts):
            part.settled[...] = state[f"reduced_{k}"]
        self.counts[...] = state["reduced_counts"]
        self.done = int(state["reduced_done"])
        rows = np.minimum(np.arange(self._history.shape[2]), self._count - 1)
        self._history[...] = state["reduced_past"][..., rows]


def fold(nodes: Array, merge: Callable[..., None], params: Array) -> Array:
    """The sums (C, V) of nodes (N, C, V), merged in pairs of neighbours, then pairs of those; in place."""
    step = 1
    while step < len(nodes):
        # Copies are of one layout, for which the function is compiled once.
        right = nodes[step :: 2 * step].copy()
        left = nodes[:: 2 * step][: len(right)].copy()
        merge(left, right, params)
        nodes[:: 2 * step][: len(right)] = left
        step *= 2
    whole: Array = nodes[0]
    return whole


def _furthest(part: _Part) -> int:
    """How many steps that are looked at lie between a state and the one it is held against."""
    known = part.partners >= 0
    return int((part.at[:, None] - part.partners)[known].max()) if known.any() else 0
