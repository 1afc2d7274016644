"""Reductions of several runs as those of all their trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reducing import fold
from sdesim.engine.reductions.adding import add_up
from sdesim.engine.reductions.base import LEAF, Base
from sdesim.engine.reductions.collected import COUNTS, sums_of, variables_of
from sdesim.errors import RunError

if TYPE_CHECKING:
    import xarray as xr


def merged(reduction: Base, runs: Sequence[xr.Dataset]) -> dict[str, tuple[tuple[str, ...], Any]]:
    """The variables of a reduction, and how many trajectories they are of: name → (dims, values).

    Nodes are merged in pairs of neighbours, as leaves are inside a run: of equal parts with a power of two
    of leaves comes what one run has, to the bit.

    Raises:
        RunError: it can't be merged, or a run but the last ends inside a leaf.
    """
    counts = [int(run.sizes["trajectory"]) for run in runs]
    setting = reduction.setting_of(runs[0])
    told, sums = variables_of([reduction], setting), sums_of(reduction)
    found: dict[str, Any] = {c: sum(r[c].values for r in runs if c in r) for c in COUNTS[reduction.every]}
    if any(name in runs[0] for name in told if name not in found):
        whole = _whole(reduction, runs, sums, counts, setting.dim)
        found |= {**reduction.results(whole, setting), sums: whole}
    return {n: (told[n].dims, np.asarray(values, dtype=told[n].dtype)) for n, values in found.items()}


def _whole(
    reduction: Base, runs: Sequence[xr.Dataset], sums: str, counts: Sequence[int], dim: int
) -> NDArray[np.float64]:
    """The sums over the trajectories of all runs."""
    name = str(getattr(reduction, "kind", type(reduction).__name__))
    if not reduction.merges or any(sums not in run for run in runs):
        raise RunError(f"runs with {name} can't be joined without what it is made of: drop its variables")
    if part := [count for count in counts[:-1] if count % LEAF]:
        raise RunError(
            f"runs with {name} are joined in leaves of {LEAF} trajectories, but one has {part[0]}: "
            f"allowed: multiples of {LEAF} in all but the last"
        )
    kernel = reduction.kernel()
    home = import_module(kernel.module)
    merge = getattr(home, kernel.merge) if kernel.merge else add_up
    nodes = np.stack([np.array(run[sums].values, dtype=np.float64) for run in runs])
    return fold(nodes, merge, np.asarray(reduction.params(dim), np.float64))
