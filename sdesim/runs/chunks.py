"""How a stored run is cut into chunks, and so what it takes on disk: the last chunk of a row is whole."""

from __future__ import annotations

import math
from collections.abc import Mapping

_CHUNK_BYTES = 8 * 2**20
_BLOCK_BYTES = 64 * 2**20
_MOST_STEPS, _MOST_PROBES = 256, 64


def step_chunk(trajectories: float, dim: float, steps: int) -> int:
    """How many saved steps of so many trajectories in d coordinates are best written at once."""
    row = max(1, int(8 * trajectories * dim))
    return min(_MOST_STEPS, max(1, _BLOCK_BYTES // row), max(1, steps))


def cut(lengths: Mapping[str, int], simulated: bool, at_once: int, block: int = 0) -> dict[str, int]:
    """The lengths of a variable's chunks, which fit the order of writing: a seed at a time, or saved steps of
    all seeds.

    Args:
        lengths: of its dims. simulated: whether the run is. at_once: as of `step_chunk`.
        block: how many trajectories are written at once where several processes write; 0: all.
    """
    chunk = dict(lengths)
    if "trajectory" not in chunk:
        # Written once, as a whole.
        return {dim: max(1, n) for dim, n in chunk.items()}
    rest = math.prod(n for d, n in chunk.items() if d not in ("trajectory", "step", "probe")) * 8
    if "probe" in chunk or ("step" in chunk and not simulated):
        chunk["trajectory"] = 1
    if "step" in chunk and not simulated:
        chunk["step"] = min(chunk["step"], max(1, _CHUNK_BYTES // max(1, rest)))
    elif "step" in chunk:
        chunk["step"] = min(at_once, chunk["step"])
        row = max(1, rest * chunk["step"])
        chunk["trajectory"] = min(chunk["trajectory"], max(1, _CHUNK_BYTES // row))
    if block and chunk["trajectory"] > 1:
        # A power of two divides a block, which is one.
        most = min(chunk["trajectory"], block)
        chunk["trajectory"] = block if most == block else 2 ** (most.bit_length() - 1)
    if "probe" in chunk:
        chunk["probe"] = min(chunk["probe"], _MOST_PROBES)
    return {dim: max(1, n) for dim, n in chunk.items()}


def stored_numbers(lengths: Mapping[str, int], simulated: bool, at_once: int) -> float:
    """Numbers that a variable takes on disk, with the rest of its last chunks."""
    found = cut(lengths, simulated, at_once)
    return math.prod(float(-(-n // found[dim]) * found[dim]) for dim, n in lengths.items())
