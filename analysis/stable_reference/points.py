"""The points of the reference set: where stable laws are hard, and a spread over everywhere else."""

from __future__ import annotations

import math

import numpy as np

Point = tuple[float, float, float, str]

ALPHAS = (
    0.1, 0.15, 0.2, 0.3, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99, 0.999, 1 - 1e-6, 1 - 1e-10, 1.0, 1 + 1e-10,
    1 + 1e-6, 1.001, 1.01, 1.015, 1.02, 1.025, 1.05, 1.1, 1.2, 1.4, 1.5, 1.7, 1.9, 1.99, 1.999, 1.9999,
    2 - 1e-6, 2 - 1e-10, 2.0,
)  # fmt: skip
BETAS = (-1.0, -0.9999, -0.7, -0.3, -0.05, 0.0, 0.02, 0.15, 0.5, 0.95, 1 - 1e-9, 1.0)
SIZES = (
    0.0, 1e-8, 1e-3, 0.1, 0.5, 1.0, 2.0, 3.3, 5.0, 8.0, 12.0, 20.0, 31.0, 55.0, 120.0, 500.0, 3e3, 1e5, 1e8,
    1e12, 1e20,
)  # fmt: skip
# Distances from x′ = 0: the end of the support where there is one.
NEAR = (0.0, 1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5)
SPREAD, CLOSE, RANDOM, ADVERSE = 1700, 350, 250, 400
# log f is above −LIGHTEST: in digits, what the exact way must carry.
LIGHTEST = 500.0


def points() -> list[Point]:
    """(α, β, x, form of x), the same list every time."""
    rng = np.random.default_rng(26)
    spread = [(a, b, s * x, "S0") for a in ALPHAS for b in BETAS for x in SIZES for s in (1.0, -1.0)]
    close = [
        (a, b, s * x, "S1")
        for a in ALPHAS if abs(a - 1.0) > 0.09
        for b in BETAS for x in NEAR for s in (1.0, -1.0)
    ]  # fmt: skip
    chosen = [pool[i] for pool, n in ((spread, SPREAD), (close, CLOSE))
              for i in rng.permutation(len(pool))[:n]]  # fmt: skip
    for _ in range(RANDOM):
        alpha, beta = float(rng.uniform(0.1, 2.0)), float(rng.uniform(-1.0, 1.0))
        chosen.append((alpha, beta, float(rng.standard_cauchy() * 3.0), "S0"))
    chosen += [adverse(rng) for _ in range(ADVERSE)]
    # What users of other packages have reported.
    chosen += [(a, b, x, "S0") for a in (1.01, 1.015, 1.02, 1.025) for b in (0.0, 0.5, 1.0)
               for x in (1e-8, 0.01, -0.1, -20.0)]  # fmt: skip
    chosen += [(1.5, b, x, "S1") for b in (0.0, 0.5, 1.0) for x in (500.0, 1e20)]
    return sorted(p for p in set(chosen) if not empty(p))


def adverse(rng: np.random.Generator) -> Point:
    """A point at a distance that is uniform in its logarithm from every limit at once."""
    near = 10.0 ** -rng.uniform(0.3, 15.0, 4)
    sign = rng.choice([-1.0, 1.0], 3)
    alpha = (rng.uniform(0.1, 2.0), 1.0 + sign[0] * near[0], 2.0 - near[0], rng.uniform(0.1, 0.3))[
        rng.integers(4)
    ]
    beta = sign[1] * (rng.uniform(0.0, 1.0), 1.0 - near[1], near[1], 1.0)[rng.integers(4)]
    form = "S1" if abs(alpha - 1.0) > 0.09 and rng.uniform() < 0.5 else "S0"
    return float(alpha), float(beta), float(sign[2] * 10.0 ** rng.uniform(-8.0, 20.0)), form


def empty(point: Point) -> bool:
    """Whether a point lies outside the support, or so far in a light tail that log f < −LIGHTEST."""
    alpha, beta, x, form = point
    if alpha == 2.0:
        return 0.25 * x * x > LIGHTEST
    if abs(beta) != 1.0:
        return False
    if alpha == 1.0:
        return x * beta < 0.0 and math.pi * abs(x) / 2 > math.log(LIGHTEST)
    modulus = 1.0 / abs(math.cos(0.5 * math.pi * alpha))
    x1 = x + (beta * math.tan(0.5 * math.pi * alpha) if form == "S0" else 0.0)
    if alpha < 1.0 and x1 * beta <= 0.0:
        return True
    if alpha > 1.0 and x1 * beta >= 0.0:
        return False
    # The saddle point s of ±|C| s^α and x s.
    log_s = math.log(abs(x1) / (alpha * modulus)) / (alpha - 1.0)
    return math.log(abs(alpha - 1.0) * modulus) + alpha * log_s > math.log(LIGHTEST)
