"""Two losses on one trunk: do the mixture of largest C or the Pareto gap say which weighting trains best?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdesim import data
from sdesim import estimators as est
from sdesim.plots.style import GUIDE, styled
from sdesim.support import CORRELATION

from . import network as nw
from .plots import COLOURS, band, bar
from .statistics import Array, mean, partial_rank_correlation, rank_correlation, text

RATE, BATCH, HIDDEN = 0.3, 32, 16
WEIGHTS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
PROBES = (0, 25, 100)
PAIRS = ("class + parity", "class + pixels", "class + noise labels (control)")
_DRAWS = 64
_SHOWN = "25"
SEEDS = 10


@dataclass(frozen=True, eq=False)
class Problem:
    """Inputs and the two targets, for training and for testing; the outputs are laid side by side."""

    x: Array
    targets: tuple[Any, Any]
    x_test: Array
    targets_test: tuple[Any, Any]
    outputs: tuple[int, int]


def problem(pair: str, seed: int) -> Problem:
    """Digits with class and parity, with class and the pixels themselves, or with class and random labels."""
    d = data.digits(300, 700, seed)
    if pair == "class + parity":
        second, second_test, size = d.y_train % 2, d.y_test % 2, 2
    elif pair == "class + pixels":
        second, second_test, size = d.x_train, d.x_test, 64
    else:
        rng = np.random.default_rng([seed, 31])
        second, second_test, size = rng.integers(0, 10, 300), rng.integers(0, 10, 700), 10
    return Problem(d.x_train, (d.y_train, second), d.x_test, (d.y_test, second_test), (10, size))


def _slopes(z: Array, targets: tuple[Any, Any], split: int) -> list[tuple[Array, Array]]:
    """Loss (n,) and derivative (n, outputs) of each objective, the latter 0 on the other's outputs."""
    found = []
    for k, target in enumerate(targets):
        part = slice(0, split) if k == 0 else slice(split, None)
        function = nw.squared if np.asarray(target).ndim == 2 else nw.cross_entropy
        value, slope = function(z[:, part], target)
        whole = np.zeros_like(z)
        whole[:, part] = slope
        found.append((value, whole))
    return found


def _losses(layers: nw.Layers, p: Problem) -> Array:
    """Test losses of both objectives."""
    _, z = nw.outputs(layers, p.x_test)
    return np.array([v.mean() for v, _ in _slopes(z, p.targets_test, p.outputs[0])])


def _gradients(layers: nw.Layers, p: Problem, rng: np.random.Generator) -> Array:
    """Gradients (2, n, d) of both objectives on the same n minibatches."""
    out = []
    for _ in range(_DRAWS):
        rows = rng.integers(0, len(p.x), BATCH)
        inputs, z = nw.outputs(layers, p.x[rows])
        slopes = _slopes(z, tuple(t[rows] for t in p.targets), p.outputs[0])
        out.append([nw.flat(nw.mean_gradient(nw.backward(layers, inputs, s))) for _, s in slopes])
    return np.transpose(np.array(out), (1, 0, 2))


def _train(p: Problem, weight: float, seed: int, steps: int, probes: tuple[int, ...]) -> dict[str, Any]:
    """SGD on weight × first + (1 − weight) × second; test losses at the end and the matrix at probes."""
    layers = nw.start((64, HIDDEN, sum(p.outputs)), seed)
    rng = np.random.default_rng([seed, 32])
    matrices, losses = [], []
    for k in range(steps + 1):
        if k in probes:
            matrices.append(
                est.consolidation_matrix(_gradients(layers, p, np.random.default_rng([seed, 33, k])))
            )
            losses.append(_losses(layers, p))
        if k == steps:
            break
        rows = rng.integers(0, len(p.x), BATCH)
        inputs, z = nw.outputs(layers, p.x[rows])
        (_, a), (_, b) = _slopes(z, tuple(t[rows] for t in p.targets), p.outputs[0])
        nw.step(layers, nw.mean_gradient(nw.backward(layers, inputs, weight * a + (1 - weight) * b)), RATE)
    return {"final": _losses(layers, p), "matrices": matrices, "losses": losses}


def _pair(pair: str, seed: int, steps: int) -> dict[str, Any]:
    p = problem(pair, seed)
    late = tuple(int(k) for k in np.unique(np.round(np.geomspace(10, steps, 14))))
    watched = tuple(sorted({*PROBES, *late}))
    runs = {w: _train(p, w, seed, steps, watched if w == 0.5 else ()) for w in WEIGHTS}
    first = np.array([runs[w]["final"] for w in WEIGHTS])
    # Each loss against the best that any weighting reached with it: 1 is the best; the control has one goal.
    relative = first / first.min(axis=0)
    score = relative[:, 0] if "control" in pair else relative.mean(axis=1)
    middle = runs[0.5]
    found: dict[str, Any] = {"score": score.tolist(), "final": first.tolist(), "probes": {}}
    for step, matrix in zip(watched, middle["matrices"], strict=True):
        if step in PROBES:
            mix = np.array([[w, 1 - w] for w in WEIGHTS])
            ratios = [matrix.ratio(m) for m in mix]
            # Length of the mixed mean gradient: what a mixture chosen without C would go by.
            lengths = [float(m @ matrix.gram @ m) for m in mix]
            found["probes"][str(step)] = {
                "C": ratios,
                "rank": rank_correlation(ratios, -score),
                "rank of length": rank_correlation(lengths, -score),
                "regret of largest C": float(score[int(np.argmax(ratios))] - score.min()),
                "regret of Pareto weights": float(score[_nearest(matrix.pareto_weights[0])] - score.min()),
            }
    found["regret of equal weights"] = float(score[WEIGHTS.index(0.5)] - score.min())
    found["regret of random weights"] = float(score.mean() - score.min())
    found["best weight"] = WEIGHTS[int(score.argmin())]
    found["gap"] = _gap(watched, middle)
    return found


def _nearest(weight: float) -> int:
    return int(np.argmin(np.abs(np.array(WEIGHTS) - weight)))


def _gap(watched: tuple[int, ...], run: dict[str, Any]) -> list[dict[str, Any]]:
    """At each probe the Pareto gap, the squared length of the equal mixture, and what follows until the next
    probe: whether both test losses fall, and by how much the one that gains less does, per step."""
    rows = []
    for k in range(len(watched) - 1):
        matrix = run["matrices"][k]
        estimate = matrix.pareto()
        fall = np.log(run["losses"][k] / run["losses"][k + 1])
        rows.append(
            {
                "step": watched[k],
                "gap": estimate.value,
                "length": float(matrix.gram.mean()),
                "stationary": estimate.has("pareto_stationary"),
                "both fall": bool((fall > 0).all()),
                "progress": float(fall.min() / (watched[k + 1] - watched[k])),
            }
        )
    return rows


def run(seeds: int, quick: bool) -> dict[str, Any]:
    """All pairs."""
    steps = 300 if quick else 1500
    return {pair: [_pair(pair, s, steps) for s in range(seeds)] for pair in PAIRS}


def table(found: dict[str, Any]) -> str:
    """Markdown: regrets of each way to choose the weights, rank correlations, and what the gap foretells."""
    lines = [
        "Score: mean over the objectives of the final test loss over the best that any weighting reached; "
        "regret: score minus that of the best of the seven weightings.",
        "",
        "| pair | probe at | rank correlation of C(w) with a good score | the same of ‖wᵀḡ‖² "
        "| regret: largest C | Pareto weights | equal weights | random weights |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for pair, rows in found.items():
        for step in map(str, PROBES):
            probes = [r["probes"][step] for r in rows]
            names = ("rank", "rank of length", "regret of largest C", "regret of Pareto weights")
            cells = [text(mean([p[n] for p in probes]), 2) for n in names]
            cells += [text(mean([r[f"regret of {k} weights"] for r in rows]), 2) for k in ("equal", "random")]
            lines.append(f"| {pair} | step {step} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_gap_lines(found)])


def _gap_lines(found: dict[str, list[dict[str, Any]]]) -> list[str]:
    lines = [
        "At equal weights, from probe to probe: share in which both test losses fall, and rank correlation "
        "over the probes of a run with the progress per step of the objective that gains less:",
        "",
        "| pair | probes flagged stationary | both fall, all probes | rank correlation: gap | ‖ḡ‖² of the "
        "equal mixture (control) | −step (control) | gap, the step regressed out |",
        "|---|---|---|---|---|---|---|",
    ]
    for pair, rows in found.items():
        columns = [{k: [g[k] for g in r["gap"]] for k in r["gap"][0]} for r in rows]
        laws = [
            mean([np.mean(c["stationary"]) for c in columns]),
            mean([np.mean(c["both fall"]) for c in columns]),
            mean([rank_correlation(c["gap"], c["progress"]) for c in columns], support=CORRELATION),
            mean([rank_correlation(c["length"], c["progress"]) for c in columns], support=CORRELATION),
            mean([-rank_correlation(c["step"], c["progress"]) for c in columns], support=CORRELATION),
            mean(
                [partial_rank_correlation(c["gap"], c["progress"], c["step"]) for c in columns],
                support=CORRELATION,
            ),
        ]
        lines.append(f"| {pair} | " + " | ".join(text(law, 2) for law in laws) + " |")
    return lines


def figure(found: dict[str, Any], path: Path) -> None:
    """Score and C over the weight, pair by pair, and the regret of every way to choose it."""
    with styled() as figure_class:
        page = figure_class(figsize=(13.0, 3.9))
        axes = page.subplots(1, len(found) + 1, width_ratios=[1] * len(found) + [1.25])
        for ax, (pair, rows) in zip(axes, found.items(), strict=False):
            band(ax, WEIGHTS, [r["score"] for r in rows], COLOURS[0], "score (1 is best)")
            c = [np.array(r["probes"][_SHOWN]["C"]) for r in rows]
            band(ax, WEIGHTS, [v / v.max() for v in c], COLOURS[1], f"C(w) over its largest, step {_SHOWN}")
            ax.set_yscale("log")
            ax.set_ylim(0.03, 30)
            ax.set_xlabel("weight of the class loss")
            ax.set_title(pair, fontsize=9)
        axes[0].legend(fontsize=7, loc="lower center")
        _draw_regret(axes[-1], found)
        title = "The weighting of largest C trains best only where the other goal is noise; bands: 95%"
        page.suptitle(title, fontsize=9)
        page.savefig(path)


def _draw_regret(ax: Any, found: dict[str, Any]) -> None:
    pairs = list(found)
    for k, pair in enumerate(pairs):
        rows = found[pair]
        choices = (
            ("largest C", [r["probes"][_SHOWN]["regret of largest C"] for r in rows]),
            ("Pareto weights", [r["probes"][_SHOWN]["regret of Pareto weights"] for r in rows]),
            ("equal weights", [r["regret of equal weights"] for r in rows]),
            ("random weights", [r["regret of random weights"] for r in rows]),
        )
        for j, (label, values) in enumerate(choices):
            place = len(pairs) - 1 - k + 0.18 * (1.5 - j)
            bar(ax, place, values, COLOURS[(1, 2, 0, 3)[j]], label if k == 0 else None)
    ax.set_yticks(range(len(pairs)), [p.replace(" + ", "\n+ ") for p in pairs[::-1]], fontsize=7)
    ax.set_ylim(-0.6, len(pairs) + 0.1)
    ax.axvline(0, **GUIDE)
    ax.set_xscale("symlog", linthresh=0.1)
    ax.set_xlabel("regret against the best of seven")
    ax.set_title("how to choose the weight", fontsize=9)
    ax.legend(fontsize=7, loc="upper right", ncols=2)
