"""Coverage and bias of λ_max of N examples read on n of them: `python -m analysis.subsampled_sharpness`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, t

from sdesim.data import digits
from sdesim.estimators import lambda_max
from sdesim.estimators.curvature.subsampled import GROUPS, debiased, subsampled

Array = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results" / "table.md"
SIZES, TRIALS, LEVEL = (64, 200, 600), 100, 0.95
Hessians = Callable[[NDArray[np.int64]], Callable[[Array], Array]]


def spectrum(scales: Array, n: int, rng: np.random.Generator) -> Hessians:
    """H_i = a_i a_iᵀ with a_i ~ N(0, diag scales)."""
    a = rng.standard_normal((n, len(scales))) * np.sqrt(scales)
    return lambda rows: lambda v: a[rows].T @ (a[rows] @ v) / len(rows)


def softmax_regression(n: int) -> Hessians:
    """H_i of cross-entropy of digits after 100 steps of gradient descent: (diag p − ppᵀ) ⊗ xxᵀ."""
    data = digits(n, 0, seed=0)
    x, one_hot = data.x_train, np.eye(10)[data.y_train]
    weights = np.zeros((10, 64))

    def shares() -> Array:
        z = np.exp(x @ weights.T)
        found: Array = z / z.sum(1, keepdims=True)
        return found

    for _ in range(100):
        weights -= 0.5 * (shares() - one_hot).T @ x / n
    p = shares()

    def product(rows: NDArray[np.int64]) -> Callable[[Array], Array]:
        own, q = x[rows], p[rows]

        def along(v: Array) -> Array:
            s = own @ v.reshape(10, 64).T
            return ((q * s - q * (q * s).sum(1, keepdims=True)).T @ own).reshape(-1) / len(rows)

        return along

    return product


def cases() -> Iterator[tuple[str, Hessians, int, int]]:
    """Name, Hessians, N and d."""
    rng = np.random.default_rng(0)
    yield "apart (10, then 0.3)", spectrum(np.r_[10.0, np.full(99, 0.3)], 2000, rng), 2000, 100
    yield "falling (5/k)", spectrum(5 / np.arange(1.0, 101), 2000, rng), 2000, 100
    yield "flat", spectrum(np.ones(100), 2000, rng), 2000, 100
    yield "softmax regression on digits", softmax_regression(1500), 1500, 640


def row(name: str, hessians: Hessians, n: int, total: int, dim: int) -> str:
    """One line of the table."""
    rng = np.random.default_rng(n)
    truth = lambda_max(hessians(np.arange(total)), dim).value
    quantile = t.ppf(0.5 + LEVEL / 2, 2 * GROUPS - 2)
    inside, plain, value, width = 0, [], [], []
    for _ in range(TRIALS):
        some = np.sort(rng.choice(total, n, replace=False))
        whole = lambda_max(hessians(some), dim, tol=1e-3).value
        found = subsampled(lambda rows, held=some: hessians(held[rows]), n, total, dim, rng)
        middle = float(debiased(np.array(whole), np.array(found.halves), np.array(found.crossed), n, total))
        low = min(found.crossed, middle) - quantile * found.error
        high = whole + quantile * found.error
        inside += low <= truth <= high
        plain.append(whole / truth - 1)
        value.append(middle / truth - 1)
        width.append((high - low) / truth)
    ends = binomtest(inside, TRIALS).proportion_ci()
    return (
        f"| {name} | {n} of {total} | {inside / TRIALS:.2f} [{ends.low:.2f}, {ends.high:.2f}] | "
        f"{np.mean(plain):+.3f} ± {np.std(plain):.3f} | {np.mean(value):+.3f} ± {np.std(value):.3f} | "
        f"{np.mean(width):.2f} |"
    )


def main() -> None:
    """Write the table."""
    lines = [
        f"λ_max of N examples from n of them, {TRIALS} draws each, level {LEVEL:g}; in units of the truth.",
        "",
        "| Hessians | n | coverage | λ_max of n: bias ± spread | debiased: bias ± spread | width |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(name, of, n, total, dim) for name, of, total, dim in cases() for n in SIZES]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
