"""A small transformer that regresses in context: C as that emerges, along the context, in fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.plots.style import GUIDE, styled
from sdesim.support import CORRELATION

from . import transformer as tf
from .plots import COLOURS, band, bar
from .statistics import Array, mean, rank_correlation, text

SEEDS = 6
BATCH, RATE = 32, 1e-3
EPISODES, HELD_OUT = 256, 400
# In-context ability has emerged once the error after all other pairs is below this share of that after none.
EMERGED = 0.5
# Probes within this factor of the emergence belong to it.
AROUND = 1.5
FINE_STEPS = (0, 5, 10, 20, 40, 80, 160, 320)
ARMS = {"tasks": False, "scrambled (control)": True}


def _ratio(
    model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, place: int | None = None
) -> est.Estimate:
    """Debiased C_1 of the episodes' gradients."""
    return est.consolidation_ratio(tf.episode_gradients(model, x, y, place))


def _trained(seed: int, scrambled: bool, steps: int) -> tuple[dict[str, Any], tf.InContext]:
    """Errors and C at the batch while the transformer learns on fresh episodes, and the transformer."""
    model = _made(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    draw, probe = tf.seeded(seed, 1), tf.seeded(seed, 2)
    held_out = tf.episodes(HELD_OUT, tf.seeded(seed, 3), scrambled=scrambled)
    found: dict[str, Any] = {"steps": [], "share": [], "C": [], "low": [], "high": []}
    for k in range(1, steps + 1):
        tf.train_step(model, optimizer, *tf.episodes(BATCH, draw, scrambled=scrambled))
        if k % (10 if k <= 600 else 50) == 0:
            e = tf.errors(model, *held_out)
            found["steps"].append(k)
            found["share"].append(float(e[-1] / e[0]))
            c = _ratio(model, *tf.episodes(EPISODES, probe, scrambled=scrambled))
            for part, value in (("C", c.value), ("low", c.low), ("high", c.high)):
                found[part].append(BATCH * value)
    return found, model


def _made(seed: int) -> tf.InContext:
    """Initial weights of their own for every seed; torch's global generator is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1000 + seed)
        return tf.InContext()


def _emergence(found: dict[str, Any]) -> float:
    hit = np.array(found["share"]) < EMERGED
    return float(found["steps"][hit.argmax()]) if hit.any() else math.nan


def _coincidence(found: dict[str, Any], emergence: float) -> dict[str, Any]:
    """Crossings of C_B = 1, the distance of the nearest from the emergence and from random times, in decades.

    A crossing is where the running median of five probes changes sides; "confident" are those of
    `est.detect_transitions` by the intervals of the single probes.
    """
    steps = np.array(found["steps"], dtype=np.float64)
    c = np.array(found["C"])
    above = _smooth(c) > 1
    times = np.log10(steps[1:][above[1:] != above[:-1]])
    confident = est.detect_transitions(c, found["low"], found["high"], threshold=1.0)

    def distance(t: float) -> float:
        return float(np.abs(times - math.log10(t)).min()) if len(times) else math.nan

    def median(chosen: NDArray[np.bool_]) -> float:
        return float(np.median(c[chosen])) if chosen.any() else math.nan

    return {
        "crossings": (10**times).tolist(),
        "confident": [[float(steps[t.index]), t.direction] for t in confident if t.index is not None],
        "distance": distance(emergence),
        "distance of random times": float(
            np.mean([distance(t) for t in np.geomspace(steps[0], steps[-1], 200)])
        ),
        "C before": median(steps < emergence / AROUND),
        "C near": median(np.abs(np.log(steps / emergence)) <= math.log(AROUND)),
        "C after": median(steps > emergence * AROUND),
    }


def _along_context(model: tf.InContext, seed: int) -> dict[str, list[float]]:
    """C_1 and error at each place, over all tasks and over the episodes of one."""
    w = torch.randn(tf.DIM, generator=tf.seeded(seed, 4))
    found: dict[str, list[float]] = {}
    for name, weights in (("all tasks", None), ("one task", w)):
        x, y = tf.episodes(EPISODES, tf.seeded(seed, 5), weights)
        found[f"C, {name}"] = [_ratio(model, x, y, k).value for k in range(tf.PAIRS)]
        found[f"error, {name}"] = tf.errors(model, x, y).tolist()
    return found


def _fine_tuned(model: tf.InContext, seed: int) -> dict[str, list[float]]:
    """C_1 and error without context while a copy is trained on the same one task without context."""
    w = torch.randn(tf.DIM, generator=tf.seeded(seed, 4))
    copy = _made(seed)
    copy.load_state_dict(model.state_dict())
    optimizer = torch.optim.Adam(copy.parameters(), lr=RATE)
    draw = tf.seeded(seed, 6)
    x, y = tf.episodes(EPISODES, tf.seeded(seed, 5), w)
    found: dict[str, list[float]] = {"C": [], "error": []}
    for k in range(FINE_STEPS[-1] + 1):
        if k in FINE_STEPS:
            found["C"].append(_ratio(copy, x, y, 0).value)
            found["error"].append(float(tf.errors(copy, x, y)[0]))
        tf.train_step(copy, optimizer, *tf.episodes(BATCH, draw, w), place=0)
    return found


def _seed(seed: int, steps: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for arm, scrambled in ARMS.items():
        course, model = _trained(seed, scrambled, steps)
        found[arm] = course
        if not scrambled:
            found["emergence"] = _emergence(course)
            found["context"] = _along_context(model, seed)
            found["fine-tuning"] = _fine_tuned(model, seed)
        # The control has no emergence: it is read where the other arm of its seed has one.
        course["coincidence"] = _coincidence(course, found["emergence"])
    return found


def run(seeds: int, quick: bool) -> dict[str, Any]:
    """Every seed with its control."""
    torch.set_num_threads(1)
    return {"seeds": [_seed(s, 400 if quick else 1500) for s in range(seeds)]}


def table(found: dict[str, Any]) -> str:
    """Markdown: emergence against crossings, C along the context, C in fine-tuning."""
    rows = found["seeds"]
    emerged = mean([r["emergence"] for r in rows])
    lines = [
        f"In-context ability emerged at step {text(emerged)} ({emerged['n']} of {emerged['of']} seeds).",
        "",
        "| training | crossings of C_B = 1 | of which confident | distance of the nearest from the emergence "
        "(decades) | random times less that, paired | C_B before | near | after "
        "| near less before, paired |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        made = [r[arm]["coincidence"] for r in rows]
        laws = [
            mean([len(m["crossings"]) for m in made]),
            mean([len(m["confident"]) for m in made]),
            mean([m["distance"] for m in made]),
            mean([m["distance of random times"] - m["distance"] for m in made]),
            *(mean([m[k] for m in made]) for k in ("C before", "C near", "C after")),
            mean([m["C near"] - m["C before"] for m in made]),
        ]
        lines.append(f"| {arm} | " + " | ".join(text(law, 2) for law in laws) + " |")
    return "\n".join([*lines, "", *_context_lines(rows), "", *_fine_lines(rows)])


def _context_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["| pairs in context | " + " | ".join(rows[0]["context"]) + " |", "|---|---|---|---|---|"]
    for k in range(tf.PAIRS):
        cells = [text(mean([v[k] for v in column]), 2) for column in _columns(rows, "context")]
        lines.append(f"| {k} | " + " | ".join(cells) + " |")
    places = range(tf.PAIRS)
    ranks = [
        text(mean([rank_correlation(v, places) for v in c], support=CORRELATION), 2)
        for c in _columns(rows, "context")
    ]
    return [*lines, "| *rank correlation with the pairs* | " + " | ".join(ranks) + " |"]


def _fine_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = ["| fine-tuning steps on one task, no context | C_1 | error |", "|---|---|---|"]
    for k, step in enumerate(FINE_STEPS):
        cells = [text(mean([v[k] for v in column]), 2) for column in _columns(rows, "fine-tuning")]
        lines.append(f"| {step} | " + " | ".join(cells) + " |")
    ranks = [
        text(mean([rank_correlation(v, FINE_STEPS) for v in c], support=CORRELATION), 2)
        for c in _columns(rows, "fine-tuning")
    ]
    return [*lines, "| *rank correlation with the steps* | " + " | ".join(ranks) + " |"]


def _columns(rows: Sequence[dict[str, Any]], part: str) -> list[list[list[float]]]:
    return [[r[part][name] for r in rows] for name in rows[0][part]]


def figure(found: dict[str, Any], path: Path) -> None:
    """C about the emergence, along the context, and in fine-tuning."""
    rows = found["seeds"]
    with styled() as figure_class:
        page = figure_class(figsize=(13.0, 4.2))
        first, second, third = page.subplots(1, 3)
        steps = rows[0]["tasks"]["steps"]
        for k, arm in enumerate(ARMS):
            c = [np.array(r[arm]["C"]) for r in rows]
            band(
                first, steps, [np.maximum(_smooth(v), 0.01) for v in c], COLOURS[k], f"C at the batch, {arm}"
            )
        band(first, steps, [r["tasks"]["share"] for r in rows], COLOURS[2], "error with context / without")
        bar(first, 0.012, [r["emergence"] for r in rows], COLOURS[6], "emergence")
        first.axhline(1, **GUIDE)
        first.set_xscale("log")
        first.set_yscale("log")
        first.set_ylim(0.01, 30)
        first.set_xlabel("training steps")
        first.set_title("emergence and C (median of 5 probes)", fontsize=9)
        first.legend(fontsize=7, loc="upper right")
        for k, name in enumerate(("all tasks", "one task")):
            for part, line in (("C", "-"), ("error", "--")):
                label = f"{'C_1' if part == 'C' else part}, {name}"
                values = [r["context"][f"{part}, {name}"] for r in rows]
                band(second, range(tf.PAIRS), values, COLOURS[k], label, linestyle=line)
        second.set_xlabel("pairs in context")
        second.set_title("along the context", fontsize=9)
        for k, (part, label) in enumerate((("C", "C_1"), ("error", "error"))):
            band(third, FINE_STEPS, [r["fine-tuning"][part] for r in rows], COLOURS[k + 2], label)
        third.set_xscale("symlog", linthresh=5)
        third.set_xlabel("fine-tuning steps on one task, no context")
        third.set_title("in fine-tuning", fontsize=9)
        for ax in (second, third):
            ax.set_yscale("symlog", linthresh=0.01)
            ax.legend(fontsize=7)
        page.suptitle(
            "C rises as in-context ability emerges, but no crossing of 1 marks it; bands: 95%", fontsize=9
        )
        page.savefig(path)


def _smooth(values: Array) -> Array:
    """Running median of five."""
    padded = np.pad(values, 2, mode="edge")
    found: Array = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return found
