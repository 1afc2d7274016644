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
_LORENZ = {"sigma": 10.0, "rho": 28.0, "beta": 8.0 / 3.0, "factor": 0.5}
_HESTON = {
    "drift": 0.05, "rate": 2.0, "mean": 0.04, "volatility": 0.3, "correlation": -0.7, "start_variance": 0.04,
}  # fmt: skip
# Of the logarithm of the price: volatility, jumps a year, mean and standard deviation of a jump.
_MERTON = {"drift": 0.05, "volatility": 0.2, "rate": 5.0, "jump_mean": -0.1, "jump_std": 0.15}
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
    "lorenz": Problem(
        "lorenz", "Lorenz with noise", "ns", 1e9,
        # Far from the start within a few tenths of a second: the law is compared up to a distance of 50.
        {**_COMMON, **_LORENZ, "name": "lorenz", "dim": 3, "theta0": [1.0] * 3, "dt": 1e-3, "reach": 50.0},
        "J",
    ),
    "heston": Problem(
        "heston", "Heston's model", "ns", 1e9,
        {**_COMMON, **_HESTON, "name": "heston", "dim": 2, "theta0": [1.0, 0.04], "dt": 1e-3}, "J",
    ),
    "merton": Problem(
        "merton", "Merton's jump diffusion", "ns", 1e9,
        {**_COMMON, **_MERTON, "name": "merton", "dim": 1, "theta0": 0.0, "dt": 1e-3}, "J",
    ),
    "sde": Problem(
        "sde", "double well, functions of one's own", "ns", 1e9, {**_WELL, "name": "sde", "noise": 0.05}, "J"
    ),
    "linear": Problem(
        "linear", "Ornstein–Uhlenbeck, a surface and an SDE", "ns", 1e9,
        {**_WELL, "name": "linear", "noise": 0.05}, "J",
    ),
    # The two ways of watching stop paths at other times, so that states are not compared.
    "bridge": Problem(
        "bridge", "exit from a well, Gaussian", "ns", 1e9,
        {**_WELL, "name": "bridge", "noise": 0.05}, "J", False,
    ),
    "walls": Problem(
        "walls", "exit from a well, α-stable, α = 1.5", "ns", 1e9,
        {**_WELL, "name": "walls", "noise": 0.1, "alpha": 1.5}, "J", False,
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
OWN_SURFACE = "sdesim, surface of functions"
_EQUATION = "sdesim_equation.py"
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
    Contestant("lorenz", BASE, BASE, _EQUATION, 4096, 1000),
    Contestant("lorenz", "diffrax, unsafe path", "diffrax", "diffrax_loop.py", 4096, 200, variant="unsafe"),
    Contestant(
        "lorenz", "diffrax, Brownian tree", "diffrax", "diffrax_loop.py", 512, 64,
        variant="tree", note=_ADVISED,
    ),
    Contestant("heston", BASE, BASE, _EQUATION, 4096, 1000),
    Contestant("heston", "diffrax, unsafe path", "diffrax", "diffrax_loop.py", 4096, 200, variant="unsafe"),
    Contestant(
        "heston", "diffrax, Brownian tree", "diffrax", "diffrax_loop.py", 512, 64,
        variant="tree", note=_ADVISED,
    ),
    Contestant("merton", BASE, BASE, _EQUATION, 4096, 2000),
    Contestant("merton", "NumPy loop", "numpy", "numpy_loop.py", 4096, 1000),
    Contestant("sde", BASE, BASE, _EQUATION, 4096, 4000, variant="surface", note="as a shipped surface"),
    Contestant("sde", OWN_SURFACE, BASE, _EQUATION, 4096, 4000, variant="custom"),
    Contestant(
        "sde", "sdesim, SDE of functions", BASE, _EQUATION, 4096, 4000, None, "≤ 1.1 × own surface", "sde",
        most_ratio=1.1, against=OWN_SURFACE,
    ),
    Contestant("linear", BASE, BASE, _EQUATION, 4096, 10_000, variant="surface", note="quadratic surface"),
    Contestant(
        "linear", "sdesim, SDE of a kind", BASE, _EQUATION, 4096, 10_000, None, "≤ 1.1 × surface", "sde",
        most_ratio=1.1,
    ),
    Contestant("bridge", BASE, BASE, _EQUATION, 4096, 4000, variant="discrete", note="discrete"),
    Contestant(
        "bridge", "sdesim, bridge", BASE, _EQUATION, 4096, 4000, None, "≤ 1.3 × discrete", "continuous",
        most_ratio=1.3,
    ),
    Contestant("walls", BASE, BASE, _EQUATION, 4096, 4000, variant="discrete", note="discrete"),
    Contestant(
        "walls", "sdesim, moved walls", BASE, _EQUATION, 4096, 4000, None, "≤ 1.05 × discrete", "continuous",
        most_ratio=1.05,
    ),
)  # fmt: skip
