"""What the inner loops of the kernels consist of: instructions, arithmetic and bytes for each update.

``python -m analysis.benchmarks.instructions`` compiles each pass over a block by itself, reads the machine
code of its widest loop and times it on one core. [roofs.md](roofs.md) says what follows.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from sdesim.compiled.jit import OPTIONS
from sdesim.engine.kernels.block import any_beyond
from sdesim.noise.fill_kernels import fill_uniforms
from sdesim.noise.gaussian_kernels import box_muller
from sdesim.noise.single_kernels import add_scaled, fill_words
from sdesim.surfaces.wells.double_well_kernels import grad, slope

_WIDTH, _PASSES = 512, 20_000
_SEED = np.uint64(7)


@njit(**OPTIONS)
def uniforms64(passes: int, s0: Any, s1: Any) -> None:
    """Philox, two uniforms of 52 bits from a call."""
    for n in range(passes):
        fill_uniforms(_SEED, 0, 0, n, 0, 1, s0, s1)


@njit(**OPTIONS)
def normals64(passes: int, s0: Any, s1: Any, i0: Any, i1: Any) -> None:
    """Box and Muller."""
    for n in range(passes):
        for w in range(s0.shape[1]):
            z0, z1 = box_muller(s0[0, w], s1[0, w])
            i0[0, w] = 0.01 * z0
            i1[0, w] = 0.01 * z1
        s0[0, 0] = 0.5 + 1e-9 * n


@njit(**OPTIONS)
def step64(passes: int, x: Any, i: Any, params: Any) -> bool:
    """Drift, noise and check in one pass."""
    lost = False
    for _ in range(passes):
        for w in range(x.shape[1]):
            y = x[0, w]
            y += i[0, w] - 1e-3 * slope(y, 0, params)
            x[0, w] = y
            lost |= not abs(y) < np.inf
    return lost


@njit(**OPTIONS)
def steps64(passes: int, x: Any, i: Any, g: Any, params: Any) -> bool:
    """The same by a gradient that is kept, and a check of its own: surfaces without a slope."""
    lost = False
    for _ in range(passes):
        grad(x, params, x, x, g)
        for w in range(x.shape[1]):
            x[0, w] += i[0, w] - 1e-3 * g[0, w]
        lost |= any_beyond(x, np.inf)
    return lost


@njit(**OPTIONS)
def words32(passes: int, words: Any) -> None:
    """Philox, four words from a call."""
    for n in range(passes):
        fill_words(_SEED, 0, 0, n, 0, words.shape[1], False, words)


@njit(**OPTIONS)
def normals32(passes: int, params: Any, words: Any, out: Any) -> None:
    """Box and Muller in float32."""
    for n in range(passes):
        add_scaled(params, 0, False, words, out[0], out[1], out[2], out[3], True)
        words[0, 0] = n


def loop_of(code: str) -> list[str]:
    """Instructions of the loop that has the most vector registers of the widest sort."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in code.splitlines():
        label = re.match(r"^(\.LBB\w+):", line)
        if label:
            blocks.append((label.group(1), []))
        elif line.startswith("\t") and not line.lstrip().startswith("."):
            blocks[-1][1].append(line.strip())
    loops = []
    for name, block in blocks:
        back = [k for k, i in enumerate(block) if name and re.match(rf"j\w+\s+{re.escape(name)}$", i)]
        loops += [block[: back[-1] + 1]] if back else []
    wide = "zmm" if any("zmm" in i for b in loops for i in b) else "ymm"
    return max(loops, key=lambda b: sum(wide in i for i in b), default=[])


def looked_at(function: Any, arguments: tuple[Any, ...], updates: int, lanes: int) -> dict[str, float]:
    """Instructions and nanoseconds for each update.

    Args:
        arguments: after the number of passes. updates: that one place of a pass stands for.
        lanes: numbers in a vector of the loop.
    """
    function(2, *arguments)
    least = min(_seconds(lambda: function(_PASSES, *arguments)) for _ in range(5))
    body = loop_of(next(iter(function.inspect_asm().values())))
    kinds = Counter(_sort(i) for i in body)
    # A loop may hold several turns: as many as it stores vectors, or asks for numbers of trajectories.
    turns = max(
        1, round(sum(1 for i in body if re.match(r"v?mov\S*\s+%[zy]mm\S+, .*\(", i)) / _stores(function))
    )
    each = turns * lanes * updates
    return {
        "ns": 1e9 * least / (_PASSES * _WIDTH * updates),
        **{k: kinds[k] / each for k in ("multiply", "other vector", "divide, root", "load, store")},
        "all": len(body) / each,
    }


def _stores(function: Any) -> int:
    return {"uniforms64": 2, "normals64": 2, "step64": 1, "steps64": 1, "words32": 4, "normals32": 4}[
        function.__name__
    ]


def _sort(instruction: str) -> str:
    name = instruction.split()[0]
    if re.match(r"v(div|sqrt)", name):
        return "divide, root"
    if re.match(r"v(pmul|mul|fn?m)", name):
        return "multiply"
    if re.match(r"vp?(mov|broadcast)", name):
        return "load, store"
    return "other vector" if name.startswith("v") else "scalar"


def _seconds(call: Callable[[], Any]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def main() -> None:
    """One line for each pass."""
    row = lambda kind=np.float64: np.full((1, _WIDTH), 0.5, kind)  # noqa: E731
    single, params = np.ones(1, np.float32), np.array([0.25, 0.0, 0.0])
    words, out = np.ones((4, _WIDTH), np.uint32), np.ones((4, _WIDTH), np.float32)
    passes: list[tuple[Any, tuple[Any, ...], int, int]] = [
        (uniforms64, (row(), row()), 2, 8),
        (normals64, (row(), row(), row(), row()), 2, 8),
        (step64, (row(), 0.0 * row(), params), 1, 8),
        (steps64, (row(), 0.0 * row(), row(), params), 1, 8),
        (words32, (words,), 4, 8),
        (normals32, (single, words, out), 4, 16),
    ]
    for function, arguments, updates, lanes in passes:
        found = looked_at(function, arguments, updates, lanes)
        print(f"{function.__name__:11}", ", ".join(f"{k} {v:.3g}" for k, v in found.items()))


if __name__ == "__main__":
    main()
