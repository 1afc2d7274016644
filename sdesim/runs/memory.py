"""What readings and runs hold in memory at the least, refused beforehand where there is not as much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdesim.errors import RunError
from sdesim.io import memory

if TYPE_CHECKING:
    from sdesim.runs.probes import Probes

# Vectors of Lanczos, and of a trace without draws: signs, images and products of a sketch.
_LANCZOS, _TRACE = 40, 48


def check_memory(size: float, what: str, remedy: str) -> None:
    """Refuse what does not fit into memory.

    Args:
        size: bytes. what: takes them. remedy: what to do instead.

    Raises:
        RunError: with both numbers.
    """
    there = memory.available_memory()
    if size > there:
        raise RunError(
            f"{what} would take {_shown(size)} of memory, of which {_shown(there)} are free: {remedy}"
        )


def check_held(probes: Probes, dim: int, copies: int, of: str = "probes") -> None:
    """Refuse readings whose gradients don't fit into memory, all samples of d numbers each.

    Args:
        dim: d. copies: times that all gradients are held at once, while they are made and read.
        of: whose readings, a key of `_REMEDIES`.

    Raises:
        RunError: naming what to lower.
    """
    gradient = 8.0 * dim
    drawn, bent = copies * probes.samples * gradient, (probes.samples + _beside(probes)) * gradient
    if drawn >= bent:
        most = int(memory.available_memory() / (copies * gradient)) if gradient else probes.samples
        lower = f"lower samples, {probes.samples}, to {most}" if most >= 2 else _REMEDIES[of][0]
        check_memory(drawn, f"{of}: a reading", lower)
    else:
        check_memory(bent, f"{of}: a reading with its curvature", _REMEDIES[of][1])


def reading_bytes(probes: Probes, dim: int, copies: int) -> float:
    """What a reading holds whose gradients are all in memory, as `check_held` reckons it."""
    return 8.0 * dim * max(copies * probes.samples, probes.samples + _beside(probes))


def _beside(probes: Probes) -> int:
    """Vectors that are held beside the gradients."""
    return 0 if not probes.wants("curvature") else _LANCZOS if probes.exact is False else _TRACE


def check_streamed(probes: Probes, dim: int, of: str = "probes") -> None:
    """Refuse readings of gradients that are taken one at a time: 12 bytes a parameter, 24 with the Hessian.

    Args:
        dim: d. of: as of `check_held`.

    Raises:
        RunError: naming what to lower.
    """
    if probes.wants("curvature"):
        check_memory(24.0 * dim, f"{of}: a reading with its curvature", _REMEDIES[of][1])
    else:
        check_memory(12.0 * dim, f"{of}: a reading", _REMEDIES[of][0])


# What helps where no number of samples does, and where the Hessian is too much.
_REMEDIES = {
    "probes": ("leave probes out, or take a smaller model", "leave curvature out of estimators"),
    "monitor": ("leave the monitor out, or take a smaller model", "give curvature_every=0"),
}


def _shown(size: float) -> str:
    return f"{size / 1e9:.3g} GB"
