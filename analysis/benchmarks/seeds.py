"""Seeds a second of small networks, trained side by side and one after the other.

    python -m analysis.benchmarks.seeds [--steps 1000] [--rounds 1] [--out analysis/benchmarks/results]

The network of the quickstart (64-32-10, tanh, float64) on 500 digits, with minibatches of 8 and 16, by SGD,
with momentum and by Adam; CPU time of one thread, the quickest of the rounds. "steps":
nothing is saved on the way. "saved": a point every 10 steps, with loss and accuracy on 500 training and 500
test examples, as in the quickstart. No seed is probed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from sdesim import data
from sdesim.runs.sizes import SEEDS
from sdesim.training import mlp
from sdesim.training.batched.choice import seeds_at_once
from sdesim.training.batched.group import train_group
from sdesim.training.loop.prepared import Prepared, prepare
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.trajectory import train_trajectory

_COUNTS = (1, 4, 16, 32)
_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.5),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=1e-3),
}
# Optimizer, B, and whether a point is saved every 10 steps.
_CASES = (
    ("SGD", 8, False), ("SGD", 8, True), ("SGD", 16, False), ("momentum", 8, False), ("Adam", 8, False)
)  # fmt: skip


def main() -> None:
    """Measure, print the table and write it with its numbers."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = options.parse_args()
    rows = [
        _row(name, batch, 10 if saved else chosen.steps, count, chosen.steps, chosen.rounds)
        for name, batch, saved in _CASES
        for count in _COUNTS
    ]
    text = _table(rows, chosen.steps)
    print(text)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "seeds.md").write_text(text, encoding="utf-8")
    (chosen.out / "seeds.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _row(name: str, batch: int, every: int, count: int, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds of both ways."""
    recipe = Recipe(
        mlp([64, 32, 10], seed=0), cross_entropy, data.digits(500, 500, seed=0), None, _OPTIMIZERS[name],
        steps=steps, batch_size=batch, trajectories=count, sampling="with-replacement",
    )  # fmt: skip
    prepared = prepare(recipe, save_every=every, save=("theta", "loss"), probes=None)
    if seeds_at_once(prepared) != SEEDS:
        raise SystemExit(f"{name}, B = {batch}: seeds are not trained side by side")
    # One seed of each before, so that nothing is done for the first time.
    _one_after_the_other(prepared, 1)
    _side_by_side(prepared, 1)
    found = {_side_by_side: [], _one_after_the_other: []}  # type: dict[Any, list[float]]
    for _ in range(rounds):
        for way, seconds in found.items():
            began = time.thread_time()
            way(prepared, count)
            seconds.append(time.thread_time() - began)
    together, alone = (min(seconds) for seconds in found.values())
    return {
        "optimizer": name, "batch_size": batch, "saved": every != steps, "seeds": count,
        "together_seconds": together, "alone_seconds": alone,
    }  # fmt: skip


def _side_by_side(prepared: Prepared, count: int) -> None:
    for first in range(0, count, SEEDS):
        train_group(prepared, range(first, min(first + SEEDS, count)), SEEDS, lambda done: None)


def _one_after_the_other(prepared: Prepared, count: int) -> None:
    for k in range(count):
        train_trajectory(prepared, k, lambda done: None)


def _table(rows: list[dict[str, Any]], steps: int) -> str:
    lines = [
        f"Seeds a second ({steps} steps each; network 64-32-10, one thread, CPU time), side by side, {SEEDS}",
        "to a program, and one after the other:",
        "",
        "| optimizer | B | | seeds | side by side | one after the other | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        together, alone = (row["seeds"] / row[f"{way}_seconds"] for way in ("together", "alone"))
        lines.append(
            f"| {row['optimizer']} | {row['batch_size']} | {'saved' if row['saved'] else 'steps'} | "
            f"{row['seeds']} | {together:.1f} | {alone:.1f} | {together / alone:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
