"""What a simulation holds in memory at the least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdesim.runs.memory import check_held, check_memory

if TYPE_CHECKING:
    from sdesim.runs import Probes

# Starting points, the ensemble, and where it was last: all trajectories each.
_ENSEMBLES = 3
# Gradients, their noise, and deviations from their mean.
_COPIES = 3


def check_room(dim: int, trajectories: int, probes: Probes | None) -> None:
    """Refuse ensembles and readings that don't fit into memory, before either is made.

    Raises:
        RunError: naming what to lower.
    """
    check_memory(8.0 * _ENSEMBLES * dim * trajectories, "the ensemble", "lower trajectories")
    if probes is not None:
        check_held(probes, dim, _COPIES)
