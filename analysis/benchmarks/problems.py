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
        letter: under which it is asked for.
        compared: whether the contestants end in states whose law can be compared.
        facts: the numbers that a contestant gets; ``noise`` is D, for C the stable scale σ.
    """

    key: str
    title: str
    unit: str
    per_second: float
    facts: dict[str, Any]
    letter: str = ""
    compared: bool = True

    @property
    def asked(self) -> str:
        """The letter under which it is asked for: its key, if it has none."""
        return self.letter or self.key

    def updates(self, trajectories: int, steps: int) -> int:
        """How many units of work a run is: trajectory·dimension·steps, for D trajectory·steps, draws, points,
        or fits."""
        if self.key == "fit":
            return steps
        return trajectories * steps * (1 if self.key == "D" else self.facts["dim"])


_COMMON = {"seed": SEED, "threads": 1, "eigenvalues": [1.0]}
_WELL = {**_COMMON, "dim": 1, "theta0": -1.0, "dt": 1e-3}
_STABLE = {"noise": 0.1, "alpha": 1.5, "truncation": 5.0}
_LAW = {**_WELL, "alpha": 1.5, "skew": 0.3}
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
    "draws": Problem(
        "draws", "one α-stable draw, α = 1.5", "ns", 1e9, {**_WELL, "name": "draws", **_STABLE}, "C", False
    ),
    "D": Problem(
        "D",
        "ensemble of 64-32-10 tanh networks, n = 1000",
        "µs",
        1e6,
        {**_COMMON, "name": "D", "dim": 2410, "dt": 0.1, "noise": 1e-6, "widths": [64, 32, 10]},
    ),
    "density": Problem(
        "density", "one density value of the stable law, α = 1.5, β = 0.3", "ns", 1e9,
        {**_LAW, "name": "density"}, "I", False,
    ),
    "fit": Problem(
        "fit", "fit of a stable law to 1,000,000 values", "s", 1.0, {**_LAW, "name": "fit"}, "I", False
    ),
}  # fmt: skip


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
        most_ratio: its own cost should be at most so many times that of ``against``, sdesim without it.
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
    most_ratio: float | None = None
    against: str = "sdesim"


BASE = "sdesim"
CMS = "sdesim, Chambers–Mallows–Stuck"
SINGLE = "sdesim, float32"
C_LOOP = "C loop"
_AS_C = "sdesim ≤ 1 × C"
_TWICE = "≥ 1.7 × as fast"
_ADVISED = "its recommended path"
# Costs per update no longer depend on these sizes; slow contestants get fewer steps, so that every turn of a
# round takes about as long and the drift of the machine hits all alike.
CONTESTANTS = (
    Contestant("A", BASE, BASE, "sdesim_loop.py", 4096, 10_000),
    Contestant("A", C_LOOP, "c", "loop.c", 4096, 10_000, 1.0, _AS_C),
    Contestant(
        "A", SINGLE, BASE, "sdesim_loop.py", 4096, 10_000, None, _TWICE, "float32", most_ratio=1 / 1.7
    ),
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
    Contestant("B", C_LOOP, "c", "loop.c", 512, 4000, 1.0, _AS_C),
    Contestant("B", SINGLE, BASE, "sdesim_loop.py", 512, 4000, None, _TWICE, "float32", most_ratio=1 / 1.7),
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
    Contestant(
        "C", CMS, BASE, "sdesim_loop.py", 4096, 4000, None, "≤ 1.05 × C", "cms",
        most_ratio=1.05, against=C_LOOP,
    ),
    Contestant("C", SINGLE, BASE, "sdesim_loop.py", 4096, 4000, variant="float32"),
    Contestant(
        "C", "NumPy + scipy levy_stable", "numpy", "numpy_loop.py", 4096, 200, 10.0, "≥ 10 ×",
    ),
    Contestant(
        "draws", BASE, BASE, "sdesim_loop.py", 1_000_000, 1, None, "≤ 8 ns", "", "noise.sample_stable", 8.0,
    ),
    Contestant("draws", CMS, BASE, "sdesim_loop.py", 1_000_000, 1, variant="cms"),
    Contestant("draws", "scipy levy_stable.rvs", "numpy", "numpy_loop.py", 500_000, 1),
    Contestant("D", BASE, BASE, "sdesim_loop.py", 16, 60),
    Contestant("D", "torch.func vmap(grad)", "torch", "torch_loop.py", 16, 20, 3.5, "≥ 3.5 ×"),
    Contestant(
        "density", BASE, BASE, "sdesim_stable.py", 1_000_000, 1, None, "≤ 100 ns", most=100.0,
        note="many values of one law",
    ),
    Contestant("density", "scipy levy_stable", "stable", "rival_stable.py", 2000, 1, variant="scipy"),
    Contestant(
        "density", "levy-stable", "stable", "rival_stable.py", 200_000, 1, variant="levy",
        note="interpolates a table",
    ),
    Contestant("density", "AUB-HTP", "stable", "rival_stable.py", 40, 1, variant="aub"),
    Contestant(
        "fit", BASE, BASE, "sdesim_stable.py", 1_000_000, 1, None, "≤ 5 s", most=5.0,
        note="four parameters, intervals, goodness of fit",
    ),
    Contestant(
        "fit", "levy-stable", "stable", "rival_stable.py", 100_000, 1, variant="levy",
        note="100,000 values, no intervals",
    ),
)  # fmt: skip
