"""What a reduction tells the engine: the sums of one leaf of trajectories, and how two of them become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Problem = tuple[tuple[str | int, ...], str]
Every = Literal["saved", "step"]
# Trajectories of a leaf, and how many leaves make an error out of their spread.
LEAF, LEAVES = 64, 8


@dataclass(frozen=True)
class ReductionKernel:
    """Names of a reduction's compiled functions.

    - ``take(tile, live, columns, partners, params, out)``: out (N, C, V) becomes the sums of the leaves of a
      tile (c, d, 64 N) at its columns ``columns`` (C,), of the trajectories that ``live`` (c, 64 N) marks
      with 1; the others may hold NaN. ``partners`` (C, lags) are the columns that lie a lag before, −1 where
      there is none. With `exact` N is 1 and out holds what was taken before, to be added to.
    - ``merge(into, other, params)``: into and other (N, C, V), any strides; into becomes the sums of both.
      Where one holds no trajectory the result is the other to the bit.

    Attributes:
        module: dotted name of the module that holds them. take: its name.
        merge: its name; without one the numbers add up.
        exact: whether merging makes no rounding, as of counts and extremes, so that its order is free; else
            leaves are merged along a fixed binary tree.
    """

    module: str
    take: str
    merge: str = ""
    exact: bool = False


@dataclass(frozen=True)
class Setting:
    """What a reduction is of.

    Attributes:
        dim: d. trajectories: K; None where a real arm decides.
        saved: saved step numbers; None where a real arm decides. steps: the last one; None as well.
        begin: the first one, where a run that is continued ended.
        tail_index: the smallest α of noises without a variance; None where there are none.
    """

    dim: int
    trajectories: int | None = None
    saved: NDArray[np.int64] | None = None
    steps: int | None = None
    begin: int = 0
    tail_index: float | None = None


@dataclass(frozen=True)
class Variable:
    """A variable of a run; "step" among dims stands for the steps of the reduction.

    Attributes:
        dims: ("order", "step", "param"), …
        units: "1", "parameter", … long_name: what it is. dtype: of its numbers.
    """

    dims: tuple[str, ...]
    units: str
    long_name: str
    dtype: str = "float64"


# dim, values, units, long name
Coordinate = tuple[str, NDArray[Any], str, str]


class Base:
    """The base of every reduction; a subclass is a frozen dataclass, with a field `every` where it may look
    at every step.

    What it keeps are V numbers a step (`width`), of all trajectories that have not ended by then.
    """

    every: Every = "saved"

    @property
    def distances(self) -> tuple[int, ...]:
        """How many steps before a step its other states lie."""
        return ()

    @property
    def needed(self) -> int:
        """The fewest trajectories that it can be of."""
        return 1

    @property
    def merges(self) -> bool:
        """Whether what is settled can still be merged with that of other trajectories."""
        return True

    def width(self, dim: int) -> int:
        """V."""
        return 1

    def params(self, dim: int) -> Array:
        """What its compiled functions are given."""
        return np.zeros(0)

    def blank(self, dim: int) -> Array:
        """The numbers (V,) of no trajectory."""
        return np.zeros(self.width(dim))

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        raise NotImplementedError

    def settle(self, sums: Array, dim: int) -> Array:
        """What is kept (C, …) of the whole sums (C, V) of steps that are past."""
        return sums

    def settled_width(self, dim: int) -> int:
        """How many numbers a step `settle` keeps."""
        return self.width(dim)

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """Its variables by name."""
        raise NotImplementedError

    def coordinates(self, setting: Setting) -> Mapping[str, Coordinate]:
        """Coordinates of its own dims by name; those of dims that have none are their length."""
        return {}

    def attributes(self, setting: Setting) -> Mapping[str, Any]:
        """What the run says of it."""
        return {}

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """The values of its variables from what is kept (S, …)."""
        raise NotImplementedError

    def setting_of(self, run: xr.Dataset) -> Setting:
        """What a run's reductions are of, but for its steps."""
        index = None if run.attrs.get("confined") else run.attrs.get("levy_index")
        return Setting(int(run.attrs["dim"]), int(run.sizes["trajectory"]), tail_index=index)

    def joined(self, runs: Sequence[xr.Dataset]) -> Mapping[str, tuple[tuple[str, ...], Any]]:
        """Its variables over the trajectories of several runs: name → (dims, values)."""
        from sdesim.engine.reductions.merging import merged

        return merged(self, runs)

    def misfits(self, setting: Setting) -> Iterator[Problem]:
        """What does not suit the run: (field, message)."""
        if setting.trajectories is not None and setting.trajectories < self.needed:
            yield (), f"found {setting.trajectories} trajectories, allowed: at least {self.needed}"


def per_leaves(squares: Array, weight: Array, leaves: Array) -> Array:
    """Standard error √(Σ deviation² / weight² · L/(L − 1)) of a ratio of sums over L leaves; NaN below
    `LEAVES` of them."""
    with np.errstate(all="ignore"):
        error = np.sqrt(np.maximum(squares, 0.0) * leaves / (leaves - 1.0)) / weight
    return np.where((leaves >= LEAVES) & np.isfinite(error), error, np.nan)
