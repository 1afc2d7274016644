"""C50–C54: what is computed and how, trajectories before learning, several objectives (§8.1, §11.6, §14)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import Array, exact, mean, slope
from .lab import Lab
from .ledger import Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points, rows
from .rules import below, judge, near, together, whether


@claim(
    "C50",
    "11.6",
    claim="Power iteration returns the largest eigenvalue of the Hessian.",
    test="Random rotations of spectra with top 2: bottom −3, a tie at ±2, and a loader with 3 of the 5 "
    "batches asked for; power iteration as given and Lanczos.",
)
def power_iteration(lab: Lab) -> Finding:
    """It finds the largest magnitude; at a tie ±λ the Rayleigh quotient is λ cos 2φ with mean 0."""
    d, trials, rng = 60, lab.size(400, 60), lab.rng("C50")
    bulk = rng.uniform(-1, 1, d - 2)
    found: dict[str, Array] = {}
    for name, ends in (("bottom −3", (2.0, -3.0)), ("tie ±2", (2.0, -2.0)), ("bottom −1", (2.0, -1.0))):
        h = np.append(ends, bulk)
        # In the basis of the eigenvectors: a random start is as random in any other.
        found[name] = np.array([_power(h, 100, rng) for _ in range(trials)])
    h = np.append((2.0, -3.0), bulk)
    lanczos = est.lambda_max(lambda v: h * v, d)
    short = _power(np.append((2.0, -1.0), bulk) * 3 / 5, 100, rng)
    literal = {name: mean(x, "mean over random starts") for name, x in found.items()}
    spread = mean((found["tie ±2"]) ** 2, "mean square over random starts")
    ruling = judge(
        [
            near("bottom −3: result", literal["bottom −3"], 2.0, 0.01),
            near("tie ±2: result", literal["tie ±2"], 2.0, 0.1),
            near("3 of 5 batches, top 2 and bottom −1: result", exact(short), 2.0, 0.01),
        ],
        corrected=[
            near("bottom −1: result", literal["bottom −1"], 2.0, 0.01),
            near("bottom −3: Lanczos", lanczos, 2.0, 1e-4),
            near(
                "bottom −3: power iteration, against the largest magnitude", literal["bottom −3"], -3.0, 0.01
            ),
            near("tie ±2: mean square", spread, 2.0, 0.6),
        ],
    )

    def draw(ax: Any) -> None:
        rows(ax, {**literal, "3 of 5 batches": exact(short), "Lanczos, bottom −3": lanczos})
        ax.axvline(2.0, label="λ_max", **CORRECTED)
        finish(ax, "result", "", "The largest magnitude, with its sign")

    return Finding(
        {
            **{f"{name}: power iteration": e for name, e in literal.items()},
            "3 of 5 batches: power iteration": exact(short),
            "bottom −3: Lanczos": lanczos,
            "tie ±2: mean square": spread,
        },
        ruling,
        "a result of 2 with the bottom at −3",
        f"{trials} random starts of 100 products in {d} dimensions for each spectrum",
        draw,
        "It returns the eigenvalue of largest magnitude, noise where ±λ tie, and too little where the loader "
        "is shorter than n_batches; Lanczos on frozen batches returns the largest one.",
    )


def _power(h: Array, steps: int, rng: np.random.Generator) -> float:
    """The last Rayleigh quotient of power iteration on diag h from a random start, as in §11.6."""
    v = rng.standard_normal(h.size)
    v /= np.linalg.norm(v)
    value = math.nan
    for _ in range(steps):
        w = h * v
        value = float(v @ w)
        v = w / np.linalg.norm(w)
    return value


@claim(
    "C51",
    "14.1",
    claim="λ_max costs a number of Hessian-vector products in proportion to the number of parameters d.",
    test="Lanczos until the residual is 1% of λ_max, on spectra with and without outliers and d from 100 to "
    "100,000: exponent of the number of products over d.",
)
def cost_of_lambda_max(lab: Lab) -> Finding:
    """The number depends on the gap relative to the width of the spectrum, not on d."""
    dims = np.geomspace(100, lab.size(100_000, 10_000), 7).astype(int)
    spectra = {
        "outliers": lambda d: np.append(np.linspace(-1, 1, d - 3), (3.0, 5.0, 10.0)),
        "no gap": lambda d: np.linspace(0, 1, d),
    }
    made = {}
    for name, spectrum in spectra.items():
        values = [spectrum(int(d)) for d in dims]
        made[name] = [
            est.lambda_max(lambda v, h=h: h * v, h.size, tol=0.01, seed=lab.seed, max_iter=400)
            for h in values
        ]
    products = {name: np.array([e.n for e in es]) for name, es in made.items()}
    errors = max(
        abs(e.value / (10.0 if name == "outliers" else 1.0) - 1) for name, es in made.items() for e in es
    )
    exponents = {
        name: slope(np.log(dims), np.log(n), "slope of log products over log d")
        for name, n in products.items()
    }
    most = exact(max(int(n.max()) for n in products.values()), "largest count")
    ruling = judge(
        [near(f"{name}: exponent over d", e, 1.0, 0.3) for name, e in exponents.items()],
        corrected=[
            below("most products", most, 100),
            below("largest relative error", exact(errors, "largest error"), 0.01),
        ],
    )

    def draw(ax: Any) -> None:
        for (name, n), marker in zip(products.items(), "os", strict=True):
            ax.loglog(
                dims, n, marker, label=name, color="#0072B2", fillstyle="full" if marker == "o" else "none"
            )
        ax.loglog(dims, dims, label="claimed: d", **CLAIMED)
        finish(ax, "parameters d", "products", "A few dozen products at every d")

    return Finding(
        {
            **{f"{name}: exponent over d": e for name, e in exponents.items()},
            "most products": most,
            "largest relative error": exact(errors, "largest error"),
        },
        ruling,
        "an exponent of 0.7 to 1.3",
        f"{dims.size} values of d up to {dims[-1]}, two spectra",
        draw,
        "A few dozen products whatever d; each costs about two gradients.",
    )


@claim(
    "C52",
    "8.1",
    claim="Before learning, at C < 1, the dimension of the trajectory is about that of the parameters d.",
    test="Brownian paths (C = 0) in 4 and 16 dimensions: correlation dimension, and the number of occupied "
    "directions of a walk in a bowl.",
)
def dimension_before_learning(lab: Lab) -> Finding:
    """The range of a diffusion has dimension min(d, 2); its covariance may have rank d all the same."""
    n, paths, rng = lab.size(1500, 500), lab.size(12, 6), lab.rng("C52")
    dims = (4, 16)
    found = {}
    for d in dims:
        walks = rng.standard_normal((paths, n, d)).cumsum(axis=1)
        found[d] = mean([est.trajectory_dimension(w).value for w in walks], "mean over paths")
    bowl = np.zeros((paths, 8))
    cloud = np.empty((paths, 4 * n, 8))
    for k in range(4 * n):
        bowl = 0.9 * bowl + rng.standard_normal((paths, 8))
        cloud[:, k] = bowl
    occupied = mean(
        [est.trajectory_dimension(c, method="participation").value for c in cloud], "mean over paths"
    )
    ruling = judge(
        [near(f"d = {d}: dimension", found[d], d, 0.25 * d) for d in dims],
        corrected=[
            together("dimension = 2 ± 0.35", [near(f"d = {d}", found[d], 2.0, 0.35) for d in dims]),
            near("directions occupied by a walk in a bowl, d = 8", occupied, 8.0, 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, dims, list(found.values()))
        ax.plot(dims, dims, label="claimed: d", **CLAIMED)
        ax.axhline(2.0, label="2", **CORRECTED)
        finish(ax, "d", "dimension of the path", "Noise alone has dimension 2")

    return Finding(
        {
            **{f"d = {d}: dimension": e for d, e in found.items()},
            "walk in a bowl, d = 8: directions": occupied,
        },
        ruling,
        "a dimension within a quarter of d",
        f"{paths} paths of {n} points in each of {len(dims)} dimensions",
        draw,
        "The range of a diffusion has dimension 2 for every d ≥ 2. The number of directions it occupies in "
        "the long run may be d, another quantity.",
    )


@claim(
    "C54",
    "14.2",
    claim="C extends to a matrix for several objectives, and the C of clients aggregates to a global one.",
    test="Three objectives: C of weighted gradients against wᵀMw/wᵀNw and its largest value; three clients: "
    "the mean of their C and the merge of their moments against C of all gradients together.",
    fair="C extends to a matrix, and the clients' moments, not their C, merge to the global one.",
)
def matrix_and_clients(lab: Lab) -> Finding:
    """sup_w C(w) = λ_max(N⁻¹M); (n, ḡ, Tr S) of clients merge exactly, ratios don't."""
    d, n, rng = 30, lab.size(400, 60), lab.rng("C54")
    g = 0.5 * rng.standard_normal((3, 1, d)) + rng.standard_normal((3, n, d)) + rng.standard_normal((1, n, d))
    matrix = est.consolidation_matrix(g)
    weights = rng.dirichlet(np.ones(3), lab.size(400, 60))
    direct = np.array([est.consolidation_ratio(np.einsum("k,knd->nd", w, g)).value for w in weights])
    formed = np.array([(w @ matrix.gram @ w) / (w @ matrix.noise @ w) for w in weights])
    identity = exact(float(np.abs(direct / formed - 1).max()), "largest relative difference")
    beaten = float((matrix.best - direct).min())
    parts = [0.3 * rng.standard_normal(d) + rng.standard_normal((m, d)) for m in (n // 4, n // 2, n)]
    split = est.client_parts([est.gradient_moments(x) for x in parts])
    pooled = est.consolidation_ratio(np.concatenate(parts)).value
    averaged = exact(float(np.mean([e.value for e in split.clients])) / pooled, "ratio")
    merged = exact(split.pooled.value / pooled, "ratio")
    ruling = judge(
        [
            near("matrix against weighted gradients, difference", identity, 0.0, 1e-9),
            near("mean of the clients' C over the pooled C", averaged, 1.0, 0.05),
        ],
        [
            near("matrix against weighted gradients, difference", identity, 0.0, 1e-9),
            whether(f"no weighting beats λ_max(N⁻¹M): least margin {beaten:.3g}", beaten >= -1e-12),
            near("merged moments over the pooled C", merged, 1.0, 1e-9),
        ],
    )

    def draw(ax: Any) -> None:
        ax.plot(formed, direct, ".", label="weightings", color="#0072B2")
        ends = [formed.min(), formed.max()]
        ax.plot(ends, ends, label="wᵀMw/wᵀNw", **CORRECTED)
        finish(ax, "C from the matrix", "C of the weighted gradients", "One matrix for all weightings")

    return Finding(
        {
            "matrix: largest relative difference": identity,
            "clients: mean C over pooled C": averaged,
            "clients: merged over pooled C": merged,
        },
        ruling,
        "a mean of the clients' C within 5% of the pooled C",
        f"{len(weights)} weightings of 3 objectives with {n} gradients; 3 clients of {n // 4} to {n}",
        draw,
        "C(w) = wᵀMw/wᵀNw with largest value λ_max(N⁻¹M). Clients must report (n, ḡ, Tr S), which merge "
        "exactly; the mean of their C leaves out what is between them.",
    )
