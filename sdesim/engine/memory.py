"""What a simulation holds in memory at the least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdesim.io.memory import workers_here
from sdesim.runs.memory import check_held, check_memory

if TYPE_CHECKING:
    from sdesim.runs import Probes

# Starting points, the ensemble, and where it was last: all trajectories each; and what a checkpoint makes of
# the last two, as arrays and as the bytes of a file, twice.
_ENSEMBLES, _CHECKPOINT = 3, 6
# Where workers walk blocks: the starting points of all, and an eighth of that while they are compared.
_STARTS = 1.125
# Bytes of a trajectory beside its state: codes and counts; and of each event: times, shares and walls.
_TRAJECTORY, _EVENT = 40.0, 32.0
# Bytes that the results and states of a block may take, which a worker walks.
_BLOCK = 2**26
# Numbers of a saved point beside θ: along how many directions at most.
_DIRECTIONS = 16
# Gradients, their noise, and deviations from their mean.
_COPIES = 3


def check_room(dim: int, trajectories: int, probes: Probes | None) -> None:
    """Refuse ensembles and readings that don't fit into memory, before either is made.

    Raises:
        RunError: naming what to lower.
    """
    held = _ENSEMBLES if workers_here() is None else _STARTS
    check_memory(8.0 * held * dim * trajectories, "the ensemble", "lower trajectories")
    if probes is not None:
        check_held(probes, dim, _COPIES)


def held_each(dim: float, exits: int = 0, velocity: bool = False) -> float:
    """Bytes that a trajectory holds at the most, while a checkpoint is written.

    Args:
        dim: d. exits: how many events are watched. velocity: whether the scheme has a second state.
    """
    states = _ENSEMBLES + _CHECKPOINT + (4 if velocity else 0) + 4 * exits
    return 8.0 * states * dim + 4 * (_TRAJECTORY + _EVENT * exits)


def fitting(row: float, dim: float) -> float:
    """Trajectories of which a block's results and states take what they may; a block has a leaf at least.

    Args:
        row: bytes that one trajectory's results take in a worker. dim: d.
    """
    return _BLOCK / (row + 32.0 * dim)


def held_by_caller(dim: float) -> float:
    """Bytes that a trajectory holds in the process that has blocks walked by workers, which store them."""
    return 8.0 * _STARTS * dim + _TRAJECTORY


def saved_widths(dim: float, save: Sequence[str], observed: int = 0) -> list[float]:
    """Numbers that each variable of a saved point of a trajectory holds.

    Args:
        dim: d. save: as in `simulate`. observed: how many observables.
    """
    along = min(_DIRECTIONS, dim)
    projected = "theta_projection" in save or ("loss" in save and ("theta" not in save or along < dim))
    norm = "weight_norm" in save or "loss" in save
    found = [("theta" in save) * dim, projected * along, float(norm), float("loss" in save)]
    return [width for width in [*found, *[1.0] * observed] if width]
