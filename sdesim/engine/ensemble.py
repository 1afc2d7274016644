"""The state of an ensemble in blocks of W trajectories, and its walk from one step to another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.watching import kernel_arrays
from sdesim.engine.growth import overshoot_centre
from sdesim.engine.halving import halving_arrays
from sdesim.engine.kernels.codegen import driver
from sdesim.engine.kernels.tangent import SCRATCH
from sdesim.engine.kernels.watchers import watched_kinds
from sdesim.engine.plan import Plan
from sdesim.engine.reducing import Reducing
from sdesim.engine.sharing import share_out, shares
from sdesim.noise.kernel import Drawn
from sdesim.runs.schema import BLOW_UP

Array = NDArray[np.float64]
# A step's arrays of this many numbers (64 KiB) stay in the cache, and their loops dwarf what surrounds them.
_BLOCK = 8192
_NO_STEPS, _NO_TILE = np.zeros(0, dtype=np.int64), np.zeros((0, 0, 0))


def suitable_lanes(dim: int) -> int:
    """A power of two between 64 and 512."""
    return int(2 ** np.clip(np.log2(_BLOCK / dim) // 1, 6, 9))


class Ensemble:
    """All trajectories of a plan at one step.

    Args:
        plan: what is simulated.
        threads: how many threads share the blocks.
        lanes: W, or None for what suits the surface; the numbers don't depend on it.
        tangent: whether a tangent vector goes along: more rows of v, see `tangent_kernels`.
    """

    def __init__(self, plan: Plan, threads: int, lanes: int | None = None, tangent: bool = False) -> None:
        self.plan = plan
        self.threads = threads
        count = plan.trajectories
        widest = min(plan.kernel.lanes, lanes or suitable_lanes(plan.dim))
        share = -(-count // threads)
        self.lanes = max(1, min(widest, share if count < widest * threads else widest))
        if plan.reductions:
            # Groups of blocks are to hold whole leaves.
            self.lanes = 2 ** int(np.log2(self.lanes))
        self.blocks = -(-count // self.lanes)
        rows = np.minimum(np.arange(self.blocks * self.lanes), count - 1)
        # Steps in one precision throughout; what is saved and counted is float64.
        kind = np.dtype(plan.dtype)
        single = plan.dtype == "float32"
        x = (
            plan.theta0.astype(kind, copy=False)[rows]
            .reshape(self.blocks, self.lanes, plan.dim)
            .transpose(0, 2, 1)
        )
        wells = len(plan.surface.wells) if plan.occupancy else 0
        shape = (self.blocks, self.lanes)
        rows_v = plan.dim if plan.scheme.velocity else 0
        # A tangent vector of all states, and the power of two that was taken out of it.
        rows_v += plan.dim + rows_v + 1 if tangent else 0
        scratch = plan.scheme.work_arrays(plan.dim)
        scratch = max(scratch, SCRATCH) if tangent else scratch
        halved = plan.tolerance is not None
        self.state: dict[str, NDArray[Any]] = {
            "x": np.array(x, order="C"),
            "v": np.zeros((self.blocks, rows_v, self.lanes), kind),
            "held": np.array(x, order="C"),
            "code": np.zeros(shape, dtype=np.int8),
            "stopped": np.full(shape, plan.steps, dtype=np.int64),
            "exits": np.full((self.blocks, len(plan.exits), self.lanes), -1, dtype=np.int64),
            "occupancy": np.zeros((self.blocks, wells, self.lanes), dtype=np.int64),
            # Of unsolved steps, of explicit steps that were thrown across, and where steps are halved of
            # those that were taken and of those beyond the tolerance.
            "counts": np.zeros((self.blocks, 4 if halved else 2, self.lanes), dtype=np.int64),
            "shares": np.ones((self.blocks, len(plan.exits), self.lanes)),
            "sides": np.full((self.blocks, len(plan.exits), self.lanes), -1, dtype=np.int64),
            "states": np.full((self.blocks, len(plan.exits), plan.dim, self.lanes), np.nan),
        }
        kinds, numbers = watched_kinds(plan.regions)
        # The walk of the tangents is the same path once more.
        far = plan.overshoot_radius
        watched = far is not None and not tangent
        # No float32 gets as far as what counts as blown up, but ∞.
        radius = math.inf if single else BLOW_UP
        if watched and far is not None:
            radius = min(radius, far)
        reach = (kind.type(radius), overshoot_centre(plan.surface) if watched else np.zeros(0))
        self._driver = driver(
            plan.kernel, plan.noise_kernels, plan.scheme, tangent, single, plan.walls, kinds, watched, halved
        )
        self._surface = tuple(
            np.asarray(a, kind) for a in (plan.kernel.params, plan.kernel.data0, plan.kernel.data1)
        )
        kernels = plan.noise_kernels
        self._types = [kind if k.single is not None else np.dtype(np.float64) for k in kernels]
        self._drawn = self._drawn_ahead()
        # States of the noises that have one, (rows, K): they are no part of a block.
        self.memory = {f"noise{k}": kernels[k].ahead.start(d) for k, d in self._drawn.items()}  # type: ignore[union-attr]
        entering = {k.enters for k in kernels}
        self._rows: tuple[int, ...] = (
            plan.dim if plan.scheme.auxiliary else 0,
            plan.dim if "multiplicative" in entering else 0,
            plan.kernel.factors or (plan.kernel.examples if "examples" in entering else 0),
        )
        if single:
            self._rows += (plan.dim if any(k.single is None for k in kernels) else 0,)
        # An empty tuple has no type to compile for.
        walls = tuple(np.asarray(wall.params, kind) for wall in plan.walls) or (np.zeros(0, kind),)
        rate = np.asarray(plan.variance_rate, kind)
        params = np.asarray(plan.scheme.params(plan.dt), kind)
        self._scheme = (params, rate, scratch, walls, reach, halving_arrays(plan))
        self._dt = kind.type(plan.dt)
        if plan.scheme.velocity:
            self._driver.start_velocity(self.state["x"], self.state["v"], self._surface, scratch, self._dt)
        self._wells = wells
        self._watch = kernel_arrays(plan.regions, plan.watches, numbers, plan.paths)
        self._start_outside()
        self.reducing = Reducing(plan, self.lanes, self.blocks, threads) if plan.reductions else None
        if plan.end is not None and not tangent:
            self.restore(plan.end.state(plan))

    def _drawn_ahead(self) -> dict[int, Drawn]:
        """Of the noises that work something out ahead of their fill function, by their number."""
        plan, stream, found = self.plan, 0, {}
        for k, kernel in enumerate(plan.noise_kernels):
            if kernel.ahead is not None:
                rows = plan.noise_rows(kernel)
                count = self.blocks * self.lanes
                found[k] = Drawn(plan.seed, stream, plan.first, count, rows, plan.steps)
            stream += kernel.streams
        return found

    def _noise_arrays(self, start: int, end: int) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """params and data of all noises for the steps start … end − 1."""
        kernels = self.plan.noise_kernels
        arrays = [(kernel.params, kernel.data) for kernel in kernels]
        for k, drawn in self._drawn.items():
            ahead = kernels[k].ahead
            assert ahead is not None
            if end > start:
                arrays[k] = ahead.arrays(drawn, start, end, self.memory[f"noise{k}"])
        # An empty tuple has no type to compile for.
        typed = list(zip(arrays, self._types, strict=True))
        return (
            tuple(np.asarray(params, kind) for (params, _), kind in typed) or (np.zeros(0),),
            tuple(np.asarray(data, kind) for (_, data), kind in typed) or (np.zeros((0, 0)),),
        )

    def _start_outside(self) -> None:
        """Trajectories that start outside have left at step 0."""
        s = self.state
        for e, region in enumerate(self.plan.regions):
            outside = region.outside(self._by_lane()).reshape(s["code"].shape)
            s["exits"][:, e, :][outside] = 0
            s["states"][:, e] = np.where(outside[:, None, :], s["x"], s["states"][:, e])
            if region.stop:
                s["code"][outside] = 2
                s["stopped"][outside] = 0

    def _by_lane(self) -> Array:
        """The states, one after another (B · W, d)."""
        return self.state["x"].transpose(0, 2, 1).reshape(-1, self.plan.dim).astype(np.float64)

    def advance(
        self, start: int, end: int, saves: NDArray[np.int64], outputs: tuple[Array, ...], column: int
    ) -> None:
        """Step from ``start`` to ``end``, saving at the given step numbers.

        Args:
            start, end: step numbers.
            saves: steps in (start, end], or in [0, end] from the start.
            outputs: theta (K, S, d) or (K, 0, d), projection (K, S, k), norm and loss (K, S) or (K, 0).
            column: where along S the first of the saved points goes.
        """
        longest = [self.plan.noise_kernels[k].ahead.most(d) for k, d in self._drawn.items()]  # type: ignore[union-attr]
        stretch = min(longest, default=max(1, end - start))
        first = 0
        for begin in range(start, max(end, start + 1), stretch):
            until = min(begin + stretch, end)
            last = int(np.searchsorted(saves, until, side="right"))
            self._advance(begin, until, saves[first:last], outputs, column + first)
            first = last

    def _advance(
        self, start: int, end: int, saves: NDArray[np.int64], outputs: tuple[Array, ...], column: int
    ) -> None:
        """`advance` through a stretch whose noises are drawn ahead."""
        plan = self.plan
        order = (
            "x",
            "v",
            "held",
            "code",
            "stopped",
            "exits",
            "occupancy",
            "counts",
            "shares",
            "sides",
            "states",
        )
        state = tuple(self.state[name] for name in order)
        params, data = self._noise_arrays(start, end)

        reducing = self.reducing

        def work(blocks: NDArray[np.int64], first: int, last: int) -> None:
            # Of the saved points those of this piece: after its first step, or at it where all begins.
            low, high = np.searchsorted(saves, [first, last], side="right")
            low = 0 if first == start else low
            reduced: Any = (_NO_STEPS, _NO_TILE, 0)
            if reducing is not None:
                begin, until, tile, held = reducing.room(first, last, first == start)
                reduced = (reducing.steps[begin:until], tile, int(blocks[0]) * self.lanes)
            self._driver.advance(
                blocks, np.uint64(plan.seed), self.lanes, plan.first, first, last, self._dt, self._surface,
                params, data, self._scheme, self._rows, state, saves[low:high], plan.saved_directions,
                self._watch, self._wells, outputs, column + int(low), reduced,
            )  # fmt: skip
            if reducing is not None:
                reducing.take(blocks, begin, until, self.state["code"], self.state["stopped"], held)

        if reducing is not None:
            groups, pieces = reducing.open(start, end)
            share_out(work, groups, pieces, self.threads)
            reducing.close()
        elif self.threads == 1 or self.blocks == 1:
            work(np.arange(self.blocks), start, end)
        else:
            updates = self.lanes * plan.dim * max(1, plan.kernel.examples)
            groups, pieces = shares(self.blocks, updates, start, end, self.threads)
            share_out(work, groups, pieces, self.threads)

    def _by_trajectory(self, blocks: NDArray[Any]) -> NDArray[Any]:
        """(B, S, W) → (K, S)."""
        moved = blocks.transpose(0, 2, 1).reshape(self.blocks * self.lanes, blocks.shape[1])
        return np.asarray(moved[: self.plan.trajectories])

    def portable(self) -> dict[str, NDArray[Any]]:
        """The state with the trajectory as its last axis, whatever the block width."""
        count = self.plan.trajectories
        blocks = {
            name: np.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], self.blocks * self.lanes)[..., :count]
            for name, a in self.state.items()
        }
        reduced = {} if self.reducing is None else self.reducing.portable()
        return blocks | {name: a[..., :count] for name, a in self.memory.items()} | reduced

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave; other names are left."""
        rows = np.minimum(np.arange(self.blocks * self.lanes), self.plan.trajectories - 1)
        for name, mine in self.state.items():
            array = state[name]
            wide = array[..., rows].reshape(*array.shape[:-1], self.blocks, self.lanes)
            mine[...] = np.moveaxis(wide, -2, 0)
        for name, mine in self.memory.items():
            mine[...] = state[name][..., rows]
        # A run that goes on from another's end begins its reductions anew.
        if self.reducing is not None and "reduced_done" in state:
            self.reducing.restore(state)

    def theta(self, trajectory: int) -> Array:
        """The state (d,) of one trajectory."""
        block, lane = divmod(trajectory, self.lanes)
        return np.array(self.state["x"][block, :, lane])

    def status(self) -> NDArray[np.int8]:
        """(K,): 0 running, 1 diverged, 2 stopped, 3 lost in a step that was not solved."""
        return np.asarray(self.state["code"].reshape(-1)[: self.plan.trajectories])

    def stopped_step(self) -> NDArray[np.int64]:
        """(K,): the step at which a trajectory ended."""
        return np.asarray(self.state["stopped"].reshape(-1)[: self.plan.trajectories])

    def exit_times(self) -> Array:
        """(K, E): time of first exit, NaN where there was none."""
        steps, shares = self._by_trajectory(self.state["exits"]), self._by_trajectory(self.state["shares"])
        # At the end of its step it is the step's own number times dt, to the bit.
        moments = np.where(steps > 0, (steps - 1) + shares, 0.0)
        times = np.where(steps >= 0, moments * self.plan.dt, np.nan)
        before = None if self.plan.end is None else self.plan.end.exit_times
        return times if before is None else np.where(np.isnan(before), times, before)

    def exit_walls(self) -> NDArray[np.int64]:
        """(K, E): the wall through which a trajectory left; −1 where it did not, or began outside."""
        return self._by_trajectory(self.state["sides"])

    def exit_states(self) -> Array:
        """(K, E, d): the state at first exit, NaN where there was none."""
        events, dim = len(self.plan.exits), self.plan.dim
        moved = self.state["states"].transpose(0, 3, 1, 2).reshape(-1, events, dim)
        return np.asarray(moved[: self.plan.trajectories])

    def explicit_overshoots(self) -> NDArray[np.int64]:
        """(K,): how many explicit steps of the drift were thrown across."""
        return np.asarray(self._by_trajectory(self.state["counts"])[:, 1])

    def steps_taken(self) -> NDArray[np.int64]:
        """(K, 2): how many steps were taken where they are halved, and of them beyond the tolerance."""
        return np.asarray(self._by_trajectory(self.state["counts"])[:, 2:])

    def velocities(self) -> Array:
        """(K, d): the second state of a scheme that has one."""
        return self._by_trajectory(self.state["v"][:, : self.plan.dim]).astype(np.float64)

    def noise_states(self) -> Array:
        """(K, rows): the states of all noises that have one, those of one beside those of another."""
        states = [self.memory[f"noise{k}"][:, : self.plan.trajectories] for k in self.plan.noise_memory]
        return np.concatenate([np.zeros((0, self.plan.trajectories)), *states]).T

    def unsolved_steps(self) -> NDArray[np.int64]:
        """(K,): how many steps of a scheme that solves equations were not solved."""
        return np.asarray(self._by_trajectory(self.state["counts"])[:, 0])

    def occupancy(self) -> Array:
        """(K, wells): share of the steps lived in each well."""
        lived = np.maximum(self.stopped_step(), 1)
        return np.asarray(self._by_trajectory(self.state["occupancy"]) / lived[:, None])
