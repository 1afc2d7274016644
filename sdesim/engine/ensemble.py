"""The state of an ensemble in blocks of W trajectories, and its walk from one step to another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.watching import kernel_arrays
from sdesim.engine.kernels.codegen import driver, watched_kinds
from sdesim.engine.kernels.tangent import SCRATCH
from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
# Fewer blocks than this per thread would leave a thread waiting for the last one.
_TASKS_PER_THREAD = 4
# A step's arrays of this many numbers (64 KiB) stay in the cache, and their loops dwarf what surrounds them.
_BLOCK = 8192


def _suitable_lanes(dim: int) -> int:
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
        widest = min(plan.kernel.lanes, lanes or _suitable_lanes(plan.dim))
        share = -(-count // threads)
        self.lanes = max(1, min(widest, share if count < widest * threads else widest))
        self.blocks = -(-count // self.lanes)
        rows = np.minimum(np.arange(self.blocks * self.lanes), count - 1)
        x = plan.theta0[rows].reshape(self.blocks, self.lanes, plan.dim).transpose(0, 2, 1)
        wells = len(plan.surface.wells) if plan.occupancy else 0
        shape = (self.blocks, self.lanes)
        rows_v = plan.dim if plan.scheme.velocity else 0
        # A tangent vector of all states, and the power of two that was taken out of it.
        rows_v += plan.dim + rows_v + 1 if tangent else 0
        scratch = max(plan.scheme.scratch, SCRATCH) if tangent else plan.scheme.scratch
        self.state: dict[str, NDArray[Any]] = {
            "x": np.array(x, order="C"),
            "v": np.zeros((self.blocks, rows_v, self.lanes)),
            "held": np.array(x, order="C"),
            "code": np.zeros(shape, dtype=np.int8),
            "stopped": np.full(shape, plan.steps, dtype=np.int64),
            "exits": np.full((self.blocks, len(plan.exits), self.lanes), -1, dtype=np.int64),
            "occupancy": np.zeros((self.blocks, wells, self.lanes), dtype=np.int64),
            "shares": np.ones((self.blocks, len(plan.exits), self.lanes)),
            "sides": np.full((self.blocks, len(plan.exits), self.lanes), -1, dtype=np.int64),
            "states": np.full((self.blocks, len(plan.exits), plan.dim, self.lanes), np.nan),
        }
        kinds, numbers = watched_kinds(plan.regions)
        self._driver = driver(plan.kernel, plan.noise_kernels, plan.scheme, tangent, kinds)
        self._surface = (plan.kernel.params, plan.kernel.data0, plan.kernel.data1)
        # An empty tuple has no type to compile for.
        kernels = plan.noise_kernels
        self._params = tuple(k.params for k in kernels) or (np.zeros(0),)
        self._data = tuple(k.data for k in kernels) or (np.zeros((0, 0)),)
        entering = {k.enters for k in kernels}
        self._rows = (
            plan.dim if plan.scheme.auxiliary else 0,
            plan.dim if "multiplicative" in entering else 0,
            plan.kernel.examples if "examples" in entering else 0,
        )
        self._scheme = (plan.scheme.params(plan.dt), plan.rate, scratch)
        if plan.scheme.velocity:
            self._driver.start_velocity(
                self.state["x"], self.state["v"], self._surface, plan.scheme.scratch, plan.dt
            )
        self._wells = wells
        self._watch = kernel_arrays(plan.regions, plan.watches, numbers, plan.paths)
        self._start_outside()

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
            outputs: theta (K, S, d) or (K, 0, d), projection (K, S, k), norm (K, S) and loss (K, S).
            column: where along S the first of the saved points goes.
        """
        plan = self.plan
        order = ("x", "v", "held", "code", "stopped", "exits", "occupancy", "shares", "sides", "states")
        state = tuple(self.state[name] for name in order)

        def work(blocks: NDArray[np.int64]) -> None:
            self._driver.advance(
                blocks, np.uint64(plan.seed), self.lanes, start, end, plan.dt, self._surface, self._params,
                self._data, self._scheme, self._rows, state, saves, plan.saved_directions, self._watch,
                self._wells, outputs, column,
            )  # fmt: skip

        everything = np.arange(self.blocks)
        if self.threads == 1 or self.blocks == 1:
            work(everything)
        else:
            tasks = np.array_split(everything, min(self.blocks, self.threads * _TASKS_PER_THREAD))
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, tasks))

    def _by_trajectory(self, blocks: NDArray[Any]) -> NDArray[Any]:
        """(B, S, W) → (K, S)."""
        moved = blocks.transpose(0, 2, 1).reshape(self.blocks * self.lanes, blocks.shape[1])
        return np.asarray(moved[: self.plan.trajectories])

    def portable(self) -> dict[str, NDArray[Any]]:
        """The state with the trajectory as its last axis, whatever the block width."""
        count = self.plan.trajectories
        return {
            name: np.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], self.blocks * self.lanes)[..., :count]
            for name, a in self.state.items()
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave; other names are left."""
        rows = np.minimum(np.arange(self.blocks * self.lanes), self.plan.trajectories - 1)
        for name, mine in self.state.items():
            array = state[name]
            wide = array[..., rows].reshape(*array.shape[:-1], self.blocks, self.lanes)
            mine[...] = np.moveaxis(wide, -2, 0)

    def theta(self, trajectory: int) -> Array:
        """The state (d,) of one trajectory."""
        block, lane = divmod(trajectory, self.lanes)
        return np.array(self.state["x"][block, :, lane])

    def status(self) -> NDArray[np.int8]:
        """(K,): 0 running, 1 diverged, 2 stopped."""
        return np.asarray(self.state["code"].reshape(-1)[: self.plan.trajectories])

    def stopped_step(self) -> NDArray[np.int64]:
        """(K,): the step at which a trajectory ended."""
        return np.asarray(self.state["stopped"].reshape(-1)[: self.plan.trajectories])

    def exit_times(self) -> Array:
        """(K, E): time of first exit, NaN where there was none."""
        steps, shares = self._by_trajectory(self.state["exits"]), self._by_trajectory(self.state["shares"])
        # At the end of its step it is the step's own number times dt, to the bit.
        moments = np.where(steps > 0, (steps - 1) + shares, 0.0)
        return np.where(steps >= 0, moments * self.plan.dt, np.nan)

    def exit_walls(self) -> NDArray[np.int64]:
        """(K, E): the wall through which a trajectory left; −1 where it did not, or began outside."""
        return self._by_trajectory(self.state["sides"])

    def exit_states(self) -> Array:
        """(K, E, d): the state at first exit, NaN where there was none."""
        events, dim = len(self.plan.exits), self.plan.dim
        moved = self.state["states"].transpose(0, 3, 1, 2).reshape(-1, events, dim)
        return np.asarray(moved[: self.plan.trajectories])

    def occupancy(self) -> Array:
        """(K, wells): share of the steps lived in each well."""
        lived = np.maximum(self.stopped_step(), 1)
        return np.asarray(self._by_trajectory(self.state["occupancy"]) / lived[:, None])
