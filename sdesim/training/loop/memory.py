"""What readings of a training hold in memory at the least."""

from __future__ import annotations

from sdesim.runs import Probes
from sdesim.runs.memory import check_held, check_streamed
from sdesim.runs.sizes import streams

# Gradients as they are made, and put together.
_COPIES = 2


def check_readings(probes: Probes | None, dim: int, masked: bool, of: str = "probes") -> None:
    """Refuse readings that don't fit into memory, before the training.

    Args:
        dim: number of all parameters. masked: whether some of them are fixed at 0.
        of: whose readings, "probes" or "monitor".

    Raises:
        RunError: naming what to lower.
    """
    if probes is None:
        return
    if not masked and streams(dim, probes.samples):
        check_streamed(probes, dim, of)
    else:
        check_held(probes, dim, _COPIES, of)
