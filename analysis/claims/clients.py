"""C54: C of several objectives and of several clients (§14.2)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.linalg import eigh

from sdesim import estimators as est

from .estimates import Array, exact, ratio_of_means, seen
from .images import path, reader
from .lab import Lab
from .ledger import DEDUCED, Finding, claim
from .networks import BATCH, RATE
from .plots import CLAIMED, finish, rows
from .rules import above, judge, near, proved, together


@claim(
    "C54",
    "14.2",
    claim="C extends to a matrix for several objectives, and the C of clients aggregates to a global one.",
    test="In fractions, two objectives and two clients: C of weighted gradients against wᵀMw/wᵀNw and its "
    "largest value, the mean of the clients' C and the merge of their moments against C of all gradients. "
    "Beside it, images of digits at 5 clients, alike or of two digits each, 60 times with other data.",
    basis=DEDUCED,
    quotation=r"The distributed $C_\alpha$ is the aggregation of per-client signal estimates",
    fair="C extends to a matrix, and the clients' moments, not their C, merge to the global one.",
    since="2026-11-30",
    changed="2026-11-30: exact arithmetic took the place of one draw of gradients, and real gradients over "
    "many splits of the data stand beside it; the verdict is the same.",
)
def matrix_and_clients(lab: Lab) -> Finding:
    """sup_w C(w) = λ_max(N⁻¹M); (n, ḡ, Tr S) of clients merge exactly, ratios don't."""
    first, second = (np.array(x) * Fraction(1) for x in ([[3, 1], [1, 0], [2, 2]], [[0, 1], [1, 3], [2, -1]]))
    gram = _matrix(first, second, _signal)
    noise = _matrix(first, second, _noise)
    weightings = [np.array([Fraction(k, 7), Fraction(7 - k, 7)]) for k in range(-7, 15)]
    same = all(
        _signal(w[0] * first + w[1] * second) * (w @ noise @ w)
        == _noise(w[0] * first + w[1] * second) * (w @ gram @ w)
        for w in weightings
    )
    best = float(eigh(gram.astype(float), noise.astype(float), eigvals_only=True)[-1])
    turn = np.linspace(0, np.pi, 10_001)
    around = np.stack([np.cos(turn), np.sin(turn)])
    values = _form(gram, around) / _form(noise, around)
    clients = [_signal(g) / _noise(g) for g in (first, second)]
    everything = np.concatenate([first, second])
    pooled = _signal(everything) / _noise(everything)
    merged = _merged([(len(g), g.mean(axis=0), _noise(g)) for g in (first, second)])
    average = sum(clients) / 2
    identity = proved("C(w) = wᵀMw/wᵀNw in fractions, at 22 weightings", same)
    read = _clients(lab)
    ratios = {
        name: ratio_of_means(x[:, 0], x[:, 1], "ratio of means over splits") for name, x in read.items()
    }
    alike = {k: e for k, e in ratios.items() if k.startswith("alike")}
    apart = {k: e for k, e in ratios.items() if k not in alike}
    ruling = judge(
        [
            identity,
            proved(
                f"the mean of the clients' C, {float(average):.3g}, is the pooled C, {float(pooled):.3g}",
                average == pooled,
            ),
        ],
        [
            identity,
            proved(
                f"the largest C of all weightings, {values.max():.6g}, is λ_max(N⁻¹M), {best:.6g}",
                bool(abs(values.max() / best - 1) < 1e-6 and (values <= best * (1 + 1e-12)).all()),
            ),
            proved("moments of the clients merge to the pooled C, in fractions", merged == pooled),
        ],
        [
            together(
                "two digits a client: mean of C over pooled C > 1.05",
                [above(k, e, 1.05) for k, e in apart.items()],
            ),
            together(
                "clients alike: mean of C over pooled C = 1 ± 0.2",
                [near(k, e, 1.0, 0.2) for k, e in alike.items()],
            ),
        ],
    )

    def draw(ax: Any) -> None:
        rows(ax, ratios)
        ax.axvline(1.0, label="claimed: the pooled C", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "mean of the clients' C over the pooled C", "", "What is between clients is left out")

    weakest = max(alike.values(), key=lambda e: e.high - e.low)
    return Finding(
        {
            "mean of the clients' C over the pooled C, in fractions": exact(float(average / pooled)),
            "λ_max(N⁻¹M) of two objectives": exact(best),
            **{f"{k}: mean of the clients' C over the pooled C": e for k, e in ratios.items()},
        },
        ruling,
        "nothing: both are algebra",
        f"the algebra; beside it {weakest.n} splits of 1000 images at 5 clients; "
        f"{seen(weakest, 1.0, 'splits')}",
        draw,
        "C(w) = wᵀMw/wᵀNw with largest value λ_max(N⁻¹M). Clients must report (n, ḡ, Tr S), which merge "
        "exactly; the mean of their C leaves out what is between them, and is right only for clients alike.",
    )


def _signal(g: Array) -> Any:
    """|mean|² of gradients (n, d)."""
    return (g.mean(axis=0) ** 2).sum()


def _noise(g: Array) -> Any:
    """Trace of the sample covariance of gradients (n, d)."""
    return ((g - g.mean(axis=0)) ** 2).sum() / (len(g) - 1)


def _matrix(first: Array, second: Array, of: Callable[[Array], Any]) -> Array:
    """The bilinear form of a square `of`, by polarisation."""
    cross = (of(first + second) - of(first) - of(second)) / 2
    return np.array([[of(first), cross], [cross, of(second)]])


def _form(matrix: Array, w: Array) -> Array:
    """wᵀ matrix w for each column of w."""
    return np.asarray(np.einsum("kt,kl,lt->t", w, matrix.astype(float), w))


def _merged(parts: list[tuple[int, Array, Any]]) -> Any:
    """|ḡ|²/Tr S of all rows from (n, ḡ, Tr S) of each client."""
    n = sum(size for size, _, _ in parts)
    mean_of_all = sum(size * centre for size, centre, _ in parts) / n
    within = sum((size - 1) * trace for size, _, trace in parts)
    between = sum(size * ((centre - mean_of_all) ** 2).sum() for size, centre, _ in parts)
    return (mean_of_all**2).sum() / ((within + between) / (n - 1))


def _clients(lab: Lab) -> dict[str, Array]:
    """The mean of the C of five clients and the pooled C, (splits, 2), of images dealt out at random and by
    digit, at the start and after a training, data and weights drawn anew."""
    splits, rng = lab.size(60, 2), lab.rng("C54")
    found: dict[str, list[list[float]]] = {}
    for _ in range(splits):
        net = reader(1000, [16], int(rng.integers(2**31))).net
        steps = lab.size(500, 50)
        thetas = path(net, net.start, RATE, BATCH, steps, rng, steps)
        labels = np.asarray(net.y, dtype=np.int64).ravel()
        dealt = {"alike": rng.permutation(1000) % 5, "two digits each": labels // 2}
        for when, theta in zip(("start", "end"), thetas, strict=True):
            gradients = net.example_gradients(theta)
            for name, client in dealt.items():
                moments = [est.gradient_moments(gradients[client == k]) for k in range(5)]
                parts = est.client_parts(moments)
                of_clients = float(np.mean([e.value for e in parts.clients]))
                found.setdefault(f"{name}, {when}", []).append([of_clients, parts.pooled.value])
    return {name: np.array(x) for name, x in found.items()}
