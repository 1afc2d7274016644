"""Clients with different labels: which aggregate of their C says what the pooled and held-out data say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import data
from sdesim import estimators as est
from sdesim.plots.style import GUIDE, styled
from sdesim.support import CORRELATION, SHARE

from . import network as nw
from .plots import COLOURS, bar
from .statistics import Array, bootstrap, geometric, mean, partial_rank_correlation, rank_correlation, text

WIDTHS = (64, 32, 10)
CLIENTS, RATE, BATCH = 8, 0.2, 16
SEEDS = 8
STATES = (0, 20, 100, 500, 2000)
EVENNESS = (100.0, 1.0, 0.3, 0.1)
LOCAL_STEPS = (1, 5, 25)
AGGREGATES = {
    "exact merge (combine_moments)": "all n_k, ḡ_k, s_k",
    "mean of client C": "Σ C_k / K",
    "mean weighted by examples": "Σ n_k C_k / n",
    "within clients only": "‖ḡ‖² over Σ n_k T_k / n",
    "C of the clients' means, per example": "K means as draws, times K/n",
    "C of client updates, per example": "K FedAvg updates as draws, times K/n",
}
Rows = list[NDArray[np.int64]]


def _local(
    layers: nw.Layers, x: Array, y: NDArray[np.int64], steps: int, rng: np.random.Generator
) -> nw.Layers:
    """The client's weights after its local steps."""
    mine = nw.copied(layers)
    for _ in range(steps):
        rows = rng.integers(0, len(x), BATCH)
        nw.step(mine, nw.mean_gradient(nw.signals(mine, x[rows], y[rows])), RATE)
    return mine


def _updates(
    layers: nw.Layers, d: data.Dataset, clients: Rows, steps: int, rng: np.random.Generator
) -> Array:
    """θ_k − θ of every client, (K, d)."""
    before = nw.flat(layers)
    return np.stack(
        [nw.flat(_local(layers, d.x_train[r], d.y_train[r], steps, rng)) - before for r in clients]
    )


def _bias(seed: int, concentration: float) -> list[dict[str, float]]:
    """At each state of a pooled training: every aggregate of C beside the pooled C_1 and the held-out one."""
    d = data.digits(1000, 700, seed)
    clients = data.partition(d.y_train, CLIENTS, concentration, BATCH, np.random.default_rng([seed, 21]))
    layers, rng = nw.start(WIDTHS, seed), np.random.default_rng([seed, 22])
    rows, done = [], 0
    for state in STATES:
        for _ in range(state - done):
            pick = rng.integers(0, 1000, BATCH)
            nw.step(layers, nw.mean_gradient(nw.signals(layers, d.x_train[pick], d.y_train[pick])), RATE)
        done = state
        rows.append(_aggregates(layers, d, clients, np.random.default_rng([seed, 23, state])))
    return rows


def _aggregates(
    layers: nw.Layers, d: data.Dataset, clients: Rows, rng: np.random.Generator
) -> dict[str, float]:
    found = [nw.signals(layers, d.x_train[r], d.y_train[r]) for r in clients]
    moments = [est.gradient_moments(nw.example_gradients(f)) for f in found]
    counts = np.array([m.n for m in moments], dtype=np.float64)
    n = counts.sum()
    pooled = nw.signals(layers, d.x_train, d.y_train)
    c = np.array([nw.ratio(f) for f in found])
    merged = est.combine_moments(moments)
    within = float((counts * np.array([m.trace for m in moments])).sum() / n)
    signal = float(merged.mean @ merged.mean) - within / n
    means = np.stack([m.mean for m in moments])
    updates = _updates(layers, d, clients, 5, rng)
    held_out = nw.signals(layers, d.x_test, d.y_test)
    truth = est.consolidation_from_draws(*nw.draws(held_out))
    # Independent examples: ḡ·ḡ_test needs no correction, and overfitting shows in it.
    cross = nw.dot(nw.mean_gradient(pooled), nw.mean_gradient(held_out))
    return {
        "exact merge (combine_moments)": est.consolidation_ratio(merged, dim=merged.mean.size).value,
        "mean of client C": float(c.mean()),
        "mean weighted by examples": float(counts @ c / n),
        "within clients only": signal / within,
        "C of the clients' means, per example": est.consolidation_ratio(means).value * CLIENTS / n,
        "C of client updates, per example": est.consolidation_ratio(updates).value * CLIENTS / n,
        "pooled": nw.ratio(pooled),
        "held out": float(truth.value),
        "shared": cross / float(truth.details["noise"]),
    }


def _training(seed: int, concentration: float, local: int, total: int) -> dict[str, Any]:
    """FedAvg with the same number of local steps whatever their number per round."""
    d = data.digits(1000, 700, seed)
    clients = data.partition(d.y_train, CLIENTS, concentration, BATCH, np.random.default_rng([seed, 21]))
    counts = np.array([len(r) for r in clients], dtype=np.float64)
    layers, rng = nw.start(WIDTHS, seed), np.random.default_rng([seed, 24])
    ratios, gains, pooled, lengths = [], [], [], []
    rounds = total // local
    watched = set(np.unique(np.geomspace(1, rounds, 20).astype(int)).tolist())
    theta = nw.flat(layers)
    for k in range(1, rounds + 1):
        updates = _updates(layers, d, clients, local, rng)
        if k in watched:
            ratios.append(est.consolidation_ratio(updates).value)
            pooled.append(nw.ratio(nw.signals(layers, d.x_train, d.y_train)))
            before = nw.loss(layers, d.x_test, d.y_test)
        change = counts @ updates / counts.sum()
        theta = theta + change
        layers = nw.unflat(theta, layers)
        if k in watched:
            lengths.append(float(np.linalg.norm(change)))
            gains.append(1 - nw.loss(layers, d.x_test, d.y_test) / before)
    train, test = nw.accuracy(layers, d.x_train, d.y_train), nw.accuracy(layers, d.x_test, d.y_test)
    return {
        "rounds": sorted(watched), "C of updates": ratios, "pooled C_1": pooled, "length": lengths,
        "gain": gains, "accuracy": test, "gap": train - test,
    }  # fmt: skip


def run(seeds: int, quick: bool) -> dict[str, Any]:
    """Bias of the aggregates, and FedAvg over heterogeneity and local steps."""
    evenness = EVENNESS[::3] if quick else EVENNESS
    local = LOCAL_STEPS[:2] if quick else LOCAL_STEPS
    total = 100 if quick else 250
    return {
        "bias": {f"{c:g}": [_bias(s, c) for s in range(seeds)] for c in evenness},
        "training": {
            f"{c:g}": {str(e): [_training(s, c, e, total) for s in range(seeds)] for e in local}
            for c in evenness
        },
    }


def table(found: dict[str, Any]) -> str:
    """Markdown tables: the bias, and what C of the updates says during FedAvg."""
    return "\n".join([*_bias_lines(found["bias"]), "", *_training_lines(found["training"])])


def _bias_lines(bias: dict[str, list[list[dict[str, float]]]]) -> list[str]:
    lines = [
        "Aggregate over pooled C_1, geometric mean over seeds (each the mean over states):",
        "",
        "| aggregate | made of | " + " | ".join(f"concentration {c}" for c in bias) + " |",
        "|---|---|" + "---|" * len(bias),
    ]
    for name, meaning in AGGREGATES.items():
        cells = [text(_log_ratio(rows, name, "pooled")) for rows in bias.values()]
        lines.append(f"| {name} | {meaning} | " + " | ".join(cells) + " |")
    for name, against in (("held out", "pooled"), ("shared", "held out")):
        cells = [text(_log_ratio(rows, name, against)) for rows in bias.values()]
        lines.append(f"| *{name} over {against}* | | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Rank correlation over states and seeds with the signal that training and held-out data share "
        "(ḡ·ḡ_test over the held-out trace), resampled by seeds:",
        "",
        "| aggregate | " + " | ".join(f"concentration {c}" for c in bias) + " |",
        "|---|" + "---|" * len(bias),
    ]
    for name in (*AGGREGATES, "pooled", "held out"):
        cells = [text(_rank(rows, name), 2) for rows in bias.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _log_ratio(rows: list[list[dict[str, float]]], name: str, against: str) -> dict[str, Any]:
    per_seed = []
    for states in rows:
        known = [(s[name], s[against]) for s in states if s[name] > 0 and s[against] > 0]
        per_seed.append(np.exp(np.mean([np.log(a / b) for a, b in known])) if known else np.nan)
    return geometric(per_seed)


def _rank(rows: list[list[dict[str, float]]], name: str) -> dict[str, Any]:
    a, b = (np.array([[s[k] for s in states] for states in rows]) for k in (name, "shared"))
    return bootstrap(len(a), lambda r: rank_correlation(a[r].ravel(), b[r].ravel()))


def _training_lines(training: dict[str, Any]) -> list[str]:
    lines = [
        "| concentration | local steps | test accuracy | gap | C of updates, median over rounds "
        "| rank correlation with the round's gain: C of updates | pooled C_1 | length of the step (control) "
        "| −round (control) | C of updates, the round regressed out |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for c, by_local in training.items():
        for e, rows in by_local.items():
            middle = mean([np.median(r["C of updates"]) for r in rows])
            over_rounds = [
                mean([rank_correlation(r[k], r["gain"]) for r in rows], support=CORRELATION)
                for k in ("C of updates", "pooled C_1", "length")
            ]
            over_rounds.append(
                mean([-rank_correlation(r["rounds"], r["gain"]) for r in rows], support=CORRELATION)
            )
            over_rounds.append(
                mean(
                    [partial_rank_correlation(r["C of updates"], r["gain"], r["rounds"]) for r in rows],
                    support=CORRELATION,
                )
            )
            cells = [
                text(mean([r["accuracy"] for r in rows], support=SHARE)),
                text(mean([r["gap"] for r in rows]), 2),
            ]
            cells += [text(middle, 2), *(text(f, 2) for f in over_rounds)]
            lines.append(f"| {c} | {e} | " + " | ".join(cells) + " |")
    across = across_cells(training)
    return [
        *lines,
        "",
        "Across all runs, rank correlation of the median C of updates with test accuracy: "
        f"{text(across['all'], 2)}; within cells of equal concentration and local steps: "
        f"{text(across['within'], 2)}.",
    ]


def across_cells(training: dict[str, Any]) -> dict[str, Any]:
    """Rank correlation of C of updates with test accuracy over all runs, and of what differs from the mean of
    the cell; resampled by seeds."""
    cells = [rows for by_local in training.values() for rows in by_local.values()]
    c = np.array([[np.log(max(np.median(r["C of updates"]), 1e-6)) for r in rows] for rows in cells])
    a = np.array([[r["accuracy"] for r in rows] for rows in cells])
    inside_c, inside_a = (v - v.mean(axis=1, keepdims=True) for v in (c, a))
    n = c.shape[1]
    return {
        "all": bootstrap(n, lambda r: rank_correlation(c[:, r].ravel(), a[:, r].ravel())),
        "within": bootstrap(n, lambda r: rank_correlation(inside_c[:, r].ravel(), inside_a[:, r].ravel())),
    }


def figure(found: dict[str, Any], path: Path) -> None:
    """Bias of the aggregates over heterogeneity, and what C of the updates says of a round's gain."""
    with styled() as figure_class:
        page = figure_class(figsize=(11.0, 4.2))
        left, right = page.subplots(1, 2)
        bias = found["bias"]
        x = [float(c) for c in bias]
        for k, name in enumerate(AGGREGATES):
            laws = [_log_ratio(rows, name, "pooled") for rows in bias.values()]
            middle, low, high = ([law[part] for law in laws] for part in ("value", "low", "high"))
            left.plot(x, middle, marker="o", markersize=3, color=COLOURS[k], label=name)
            left.fill_between(x, low, high, color=COLOURS[k], alpha=0.16, linewidth=0)
        left.axhline(1, **GUIDE)
        left.set_xscale("log")
        left.set_yscale("log")
        left.invert_xaxis()
        left.set_ylim(1e-3, 100)
        left.set_xlabel("Dirichlet concentration of labels (right: most uneven)")
        left.set_ylabel("aggregate over pooled C_1")
        left.set_title("which aggregate is faithful")
        left.legend(fontsize=7, loc="lower left")
        _draw_gain(right, found["training"])
        page.suptitle(
            "Only the exact merge is unbiased however uneven the clients; 95% over seeds", fontsize=9
        )
        page.savefig(path)


def _draw_gain(ax: Any, training: dict[str, Any]) -> None:
    cells = [(c, e, rows) for c, by_local in training.items() for e, rows in by_local.items()]
    for k, (_, _, rows) in enumerate(cells):
        place = len(cells) - 1 - k
        plain = [rank_correlation(r["C of updates"], r["gain"]) for r in rows]
        given = [partial_rank_correlation(r["C of updates"], r["gain"], r["rounds"]) for r in rows]
        bar(ax, place + 0.15, plain, COLOURS[0], "as it is" if k == 0 else None)
        bar(ax, place - 0.15, given, COLOURS[1], "round regressed out" if k == 0 else None)
    labels = [f"{c}, {e} local steps" for c, e, _ in cells]
    ax.set_yticks(range(len(cells)), labels[::-1], fontsize=8)
    ax.axvline(0, **GUIDE)
    ax.set_xlim(-1, 1.05)
    ax.set_xlabel("rank correlation of C of updates with the round's gain")
    ax.set_title("does C of updates track the gain")
    ax.legend(fontsize=8, loc="lower left")
