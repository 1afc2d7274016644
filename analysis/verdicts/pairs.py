"""What pairs are worth: intervals of twins that share their starts with the training, with and without
pairing.

SGD on digits (64-16-10 tanh, 300 examples, B = 8, η = 0.3) from freshly drawn weights, its Gaussian twin,
and fresh arms of SGD (`subsample`) from the same starts, of which at most 5% may be told apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sdesim import training
from sdesim.comparison import compare
from sdesim.data import digits

SEEDS, STEPS, REPEATS = 16, 400, 48
QUANTITIES = ("loss", "weight_norm", "train_accuracy")


def recorded(seed: int) -> tuple[Any, Any]:
    """(run, recipe)."""
    recipe = training.Recipe(
        training.mlp([64, 16, 10], seed=0), torch.nn.CrossEntropyLoss(), digits(300, 100), None,
        lambda p: torch.optim.SGD(p, lr=0.3), steps=STEPS, batch_size=8, trajectories=SEEDS, init="fresh",
        sampling="with-replacement", seed=seed,
    )  # fmt: skip
    return training.record(recipe, save_every=20, progress=False), recipe


def apart(run: Any) -> Any:
    """The run without what tells that its starts are another's."""
    return run.isel(trajectory=np.roll(np.arange(run.sizes["trajectory"]), 1))


def table() -> str:
    """The document."""
    real, recipe = recorded(1)
    twin = training.twin(real, recipe, noise="minibatch", progress=False)
    both = compare(twin, real, QUANTITIES), compare(apart(twin), real, QUANTITIES)
    rows = []
    for name in QUANTITIES:
        paired, alone = (c.quantities[name] for c in both)
        widths = [q.effect[2] - q.effect[1] for q in (paired, alone)]
        margins = [q.equivalence.smallest if q.equivalence else np.nan for q in (paired, alone)]
        rows.append(
            f"| {name} | {widths[0] / widths[1]:.2f} | {paired.outcome}, {alone.outcome} "
            f"| {margins[0]:.2f} | {margins[1]:.2f} |"
        )
    told: dict[str, int] = dict.fromkeys((*QUANTITIES, "paths"), 0)
    for k in range(REPEATS):
        fresh, recipe = recorded(100 + k)
        null = compare(training.twin(fresh, recipe, noise="subsample", progress=False), fresh, QUANTITIES)
        for name in QUANTITIES:
            told[name] += null.quantities[name].outcome == "differs"
        told["paths"] += null.paths is not None and null.paths.outcome == "differs"
    nulls = ", ".join(f"{name} {n}" for name, n in told.items())
    return "\n".join(
        [
            "# Pairs",
            "",
            f"The Gaussian twin and SGD, {SEEDS} seeds from freshly drawn weights that both share.",
            "",
            "| quantity | width of the effect's interval, paired over unpaired | outcome, paired and not "
            "| smallest margin shown, paired | unpaired |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Of {REPEATS} fresh arms of SGD in pairs are told apart: {nulls}.",
            "",
        ]
    )
