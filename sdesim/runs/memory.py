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


def check_held(probes: Probes, dim: int, copies: int) -> None:
    """Refuse readings whose gradients don't fit into memory, all samples of d numbers each.

    Args:
        dim: d. copies: times that all gradients are held at once, while they are made and read.

    Raises:
        RunError: naming what to lower.
    """
    gradient = 8.0 * dim
    beside = 0 if not probes.wants("curvature") else _LANCZOS if probes.exact is False else _TRACE
    drawn, bent = copies * probes.samples * gradient, (probes.samples + beside) * gradient
    if drawn >= bent:
        most = int(memory.available_memory() / (copies * gradient)) if gradient else probes.samples
        lower = f"lower samples, {probes.samples}, to {most}" if most >= 2 else _FEWER
        check_memory(drawn, "probes: a reading", lower)
    else:
        check_memory(bent, "probes: a reading with its curvature", "leave curvature out of estimators")


def check_streamed(probes: Probes, dim: int) -> None:
    """Refuse readings of gradients that are taken one at a time: 12 bytes a parameter, 24 with the Hessian.

    Raises:
        RunError: naming what to lower.
    """
    if probes.wants("curvature"):
        check_memory(24.0 * dim, "probes: a reading with its curvature", "leave curvature out of estimators")
    else:
        check_memory(12.0 * dim, "probes: a reading", _FEWER)


_FEWER = "leave probes out, or take a smaller model"


def _shown(size: float) -> str:
    return f"{size / 1e9:.3g} GB"
