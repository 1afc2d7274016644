"""What is timed: the problems, who takes part, at which size, and what sdesim promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEED = 7


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        key: its letter.
        title: for tables and figures.
        unit: of one cost.
        per_second: costs of that unit in a second.
        facts: the numbers that a contestant gets; ``noise`` is D, for C the stable scale σ.
    """

    key: str
    title: str
    unit: str
    per_second: float
    facts: dict[str, Any]

    def updates(self, trajectories: int, steps: int) -> int:
        """How many units of work a run is: trajectory·dimension·steps, for D trajectory·steps, or draws."""
        return trajectories * steps * (1 if self.key == "D" else self.facts["dim"])


_COMMON = {"seed": SEED, "threads": 1, "eigenvalues": [1.0]}
_WELL = {**_COMMON, "dim": 1, "theta0": -1.0, "dt": 1e-3}
_STABLE = {"noise": 0.1, "alpha": 1.5, "truncation": 5.0}
_RATES = [0.1 + 0.9 * i / 49 for i in range(50)]

PROBLEMS = {
    "A": Problem("A", "1-D double well, Gaussian", "ns", 1e9, {**_WELL, "name": "A", "noise": 0.05}),
    "B": Problem(
        "B",
        "quadratic, d = 50, Gaussian",
        "ns",
        1e9,
        {**_COMMON, "name": "B", "dim": 50, "theta0": 1.0, "dt": 1e-3, "noise": 0.05, "eigenvalues": _RATES},
    ),
    "C": Problem("C", "1-D double well, α-stable, α = 1.5", "ns", 1e9, {**_WELL, "name": "C", **_STABLE}),
    "draws": Problem("draws", "one α-stable draw, α = 1.5", "ns", 1e9, {**_WELL, "name": "draws", **_STABLE}),
    "D": Problem(
        "D",
        "ensemble of 64-32-10 tanh networks, n = 1000",
        "µs",
        1e6,
        {**_COMMON, "name": "D", "dim": 2410, "dt": 0.1, "noise": 1e-6, "widths": [64, 32, 10]},
    ),
}


@dataclass(frozen=True)
class Contestant:
    """One way to solve a problem.

    Attributes:
        problem: letter of the problem.
        name: for tables.
        environment: "sdesim", "c", or the name of a requirements file.
        script: in ``contestants/``.
        trajectories, steps: size of one run.
        least: sdesim should be at least this many times faster, None where that is not promised.
        most: its own cost should be at most this, None where that is not promised.
        promise: the same in words.
        variant: told to the script.
        note: what a reader must know of the comparison.
    """

    problem: str
    name: str
    environment: str
    script: str
    trajectories: int
    steps: int
    least: float | None = None
    promise: str = ""
    variant: str = ""
    note: str = ""
    most: float | None = None


BASE = "sdesim"
CMS = "sdesim, Chambers–Mallows–Stuck"
C_LOOP = "C loop"
_NEAR_C = 1 / 1.15
_ADVISED = "its recommended path"
# Costs per update no longer depend on these sizes; slow contestants get fewer steps, so that every turn of a
# round takes about as long and the drift of the machine hits all alike.
CONTESTANTS = (
    Contestant("A", BASE, BASE, "sdesim_loop.py", 4096, 10_000),
    Contestant("A", C_LOOP, "c", "loop.c", 4096, 10_000, _NEAR_C, "sdesim ≤ 1.15 × C"),
    Contestant("A", "NumPy loop", "numpy", "numpy_loop.py", 4096, 2000, 3.5, "≥ 3.5 ×"),
    Contestant("A", "torch loop", "torch", "torch_loop.py", 4096, 1000),
    Contestant("A", "jitcsde", "jitcsde", "jitcsde_loop.py", 256, 20_000, note="order-1.5 scheme, not Euler"),
    Contestant("A", "diffrax, unsafe path", "diffrax", "diffrax_loop.py", 4096, 500, variant="unsafe"),
    Contestant(
        "A", "diffrax, Brownian tree", "diffrax", "diffrax_loop.py", 1024, 64,
        20.0, "≥ 20 ×", "tree", _ADVISED,
    ),
    Contestant("A", "torchsde", "torch", "torchsde_loop.py", 4096, 200),
    Contestant("A", "sdeint", "sdeint", "sdeint_loop.py", 20, 1000, note="one trajectory at a time"),
    Contestant("B", BASE, BASE, "sdesim_loop.py", 512, 4000),
    Contestant("B", C_LOOP, "c", "loop.c", 512, 4000),
    Contestant("B", "NumPy loop", "numpy", "numpy_loop.py", 512, 500),
    Contestant(
        "B", "diffrax, unsafe path", "diffrax", "diffrax_loop.py", 512, 200, 5.0, "≥ 5 ×", "unsafe"
    ),
    Contestant(
        "B", "diffrax, Brownian tree", "diffrax", "diffrax_loop.py", 64, 64, 5.0, "≥ 5 ×", "tree", _ADVISED
    ),
    Contestant("B", "torchsde", "torch", "torchsde_loop.py", 512, 50),
    Contestant("C", BASE, BASE, "sdesim_loop.py", 4096, 4000),
    Contestant("C", C_LOOP, "c", "loop.c", 4096, 4000, note="Chambers–Mallows–Stuck"),
    Contestant("C", CMS, BASE, "sdesim_loop.py", 4096, 4000, variant="cms"),
    Contestant(
        "C", "NumPy + scipy levy_stable", "numpy", "numpy_loop.py", 4096, 200, 10.0, "≥ 10 ×",
    ),
    Contestant(
        "draws", BASE, BASE, "sdesim_loop.py", 1_000_000, 1, None, "≤ 8 ns", "", "noise.sample_stable", 8.0,
    ),
    Contestant("draws", CMS, BASE, "sdesim_loop.py", 1_000_000, 1, variant="cms"),
    Contestant("draws", "scipy levy_stable.rvs", "numpy", "numpy_loop.py", 500_000, 1),
    Contestant("D", BASE, BASE, "sdesim_loop.py", 16, 60),
    Contestant("D", "torch.func vmap(grad)", "torch", "torch_loop.py", 16, 20, 3.0, "≥ 3 ×"),
)  # fmt: skip
