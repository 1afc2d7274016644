"""Where the twin of training is faithful: optimizers × learning rates × batch sizes, on one small problem.

Digits, n = 256, a 64-16-10 tanh network under cross-entropy, minibatches drawn with replacement, one start.
Rates of a row are the largest one over 1, 2, 4 and 8, each for the same Σ η. Every cell trains 16 seeds for
real and simulates

- 16 trajectories of the twin at dt = η: the optimizer's own map with Gaussian noise of the covariance of the
  minibatch gradient;
- 16 at dt = η/4, near the SDE itself: where it leaves the twin, the step is too long for an SDE;
- the map without noise once: what the noise is worth.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

import sdesim
from sdesim import optimizers, training
from sdesim.data import digits

QUANTITIES = ("loss", "test_accuracy", "weight_norm", "lambda_max")
FRACTIONS = (1, 2, 4, 8)
BATCHES = (4, 16, 64)
EXAMPLES, SEEDS, FEWEST_STEPS = 256, 16, 50
ARMS: Mapping[str, dict[str, Any]] = {
    "twin": {"noise": "minibatch"},
    "sde": {"noise": "minibatch", "dt": 0.25},
    "noiseless": {"noise": "none", "trajectories": 1},
}
# Thirds of the time, in which distances are read apart.
PARTS = {"early": slice(0, 1 / 3), "late": slice(2 / 3, 1)}


@dataclass(frozen=True)
class Row:
    """An optimizer of the map.

    Attributes:
        kind: its class in `sdesim.optimizers`. settings: its fields but lr and batch_size.
        rate: the largest learning rate, at which an SDE is expected to fail.
    """

    kind: str
    rate: float
    settings: Mapping[str, Any]


OPTIMIZERS: Mapping[str, Row] = {
    "sgd": Row("SGD", 1.6, {}),
    "momentum": Row("SGD", 0.16, {"momentum": 0.9}),
    "nesterov": Row("SGD", 0.16, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": Row("RMSprop", 0.02, {}),
    "adam": Row("Adam", 0.04, {}),
    "adamw": Row("AdamW", 0.04, {"weight_decay": 0.1}),
    "lion": Row("Lion", 0.004, {}),
}


def study(name: str, quick: bool = False) -> dict[str, Any]:
    """Every cell of an optimizer's row of the map, with the CPU seconds that each took."""
    row, cells = OPTIMIZERS[name], []
    for fraction in FRACTIONS[:2] if quick else FRACTIONS:
        for batch in BATCHES[:2] if quick else BATCHES:
            began = time.process_time()
            found = cell(row, row.rate / fraction, batch, FEWEST_STEPS * fraction, 3 if quick else SEEDS)
            found["cpu_seconds"] = round(time.process_time() - began, 1)
            cells.append(found)
            print(f"{name} η = {found['learning_rate']:g}, B = {batch}: {found['cpu_seconds']} s", flush=True)
    return {"kind": row.kind, "settings": dict(row.settings), "cells": cells}


def cell(row: Row, rate: float, batch: int, steps: int, seeds: int) -> dict[str, Any]:
    """Distances of the simulated arms from the real seeds, with what the SDE's validity asks."""
    return judged(runs(row, rate, batch, steps, seeds), rate, batch)


def runs(row: Row, rate: float, batch: int, steps: int, seeds: int) -> dict[str, Any]:
    """The real run of a cell and its simulations, by name."""
    net, data = training.mlp([64, 16, 10], seed=0), digits(EXAMPLES, 500)
    optimizer = getattr(optimizers, row.kind)(lr=rate, batch_size=batch, **row.settings)
    recipe = training.Recipe(
        net, nn.CrossEntropyLoss(), data, None, optimizer, steps=steps, seed=1, trajectories=seeds,
        sampling="with-replacement",
    )  # fmt: skip
    every = max(1, steps // 2)
    probes = sdesim.Probes(every=every, samples=64, trajectories=min(8, seeds))
    real = training.record(
        recipe, save_every=max(1, steps // 25), save=("loss",), probes=probes, progress=False, name="real"
    )
    found = {"real": real}
    for arm, settings in ARMS.items():
        found[arm] = training.twin(real, recipe, **_scaled(settings, rate), progress=False)
    return found


def judged(found: Mapping[str, Any], rate: float, batch: int) -> dict[str, Any]:
    """What the runs of a cell come to."""
    real = found["real"]
    measured = sdesim.measure(real)
    lost = {name: int((~np.isfinite(run["loss"].values[:, -1])).sum()) for name, run in found.items()}
    return {
        "learning_rate": rate, "batch_size": batch, "steps": int(real["step"].values[-1]),
        "seeds": real.sizes["trajectory"], "lost": lost,
        **{arm: _distances(found[arm], real, measured) for arm in ARMS},
        **_conditions(real, measured, rate),
    }  # fmt: skip


def _scaled(settings: Mapping[str, Any], rate: float) -> dict[str, Any]:
    """With dt in units of η made a number."""
    return {key: value * rate if key == "dt" else value for key, value in settings.items()}


def _distances(run: Any, real: Any, measured: Any) -> dict[str, Any]:
    compared = sdesim.compare(run, real, QUANTITIES, measured=(sdesim.measure(run), measured))
    found = {}
    for name, q in compared.quantities.items():
        apart = np.abs(q.standardised)
        found[name] = {
            "distance": q.distance, "null": q.null_distance, "verdict": _verdict(q), "p": q.p_holm,
            "effect": list(q.effect), "shown_within": _of(q.equivalence, "smallest"),
            "could_be_shown": _of(q.equivalence, "detectable"), "would_be_seen": _of(q.power, "difference"),
        } | {part: _part(apart, where) for part, where in PARTS.items()}  # fmt: skip
    return found


def _verdict(q: Any) -> str:
    """Equal within one spread, where that is shown and no difference was found."""
    if q.equal:
        return "equal"
    return "not told apart" if q.outcome == "indistinguishable" else str(q.outcome)


def _of(found: Any, name: str) -> float | None:
    """A number of a part that there may not be."""
    return None if found is None else float(getattr(found, name))


def _part(apart: Any, where: slice) -> float:
    """Mean distance over a part of the time."""
    count = len(apart)
    return float(np.nanmean(apart[int(where.start * count) : max(1, round(where.stop * count))]))


def _conditions(real: Any, measured: Any, rate: float) -> dict[str, Any]:
    """What decides whether a step of the optimizer is near its SDE."""
    sharpness = np.asarray(measured["lambda_max"].values, dtype=np.float64)
    consolidation = np.asarray(measured["C_alpha"].values, dtype=np.float64)
    tails = np.asarray(measured["tail_index"].values, dtype=np.float64)
    return {
        "eta_lambda": float(rate * np.nanmax(np.nanmedian(sharpness, axis=0))),
        "C_first": float(np.nanmedian(consolidation[:, 0])),
        "C_last": float(np.nanmedian(consolidation[:, -1])),
        "tail_first": float(np.nanmedian(tails[:, 0])),
        "tail_last": float(np.nanmedian(tails[:, -1])),
        "loss_last": float(np.nanmean(real["loss"].values[:, -1])),
    }
