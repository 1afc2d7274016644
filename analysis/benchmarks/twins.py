"""What a twin of a convolutional network or of a transformer takes, beside training the same seeds.

    python -m analysis.benchmarks.twins [--seeds 8] [--rounds 2] [--out results]

Both are timed through what users call, `training.record` and `training.twin`, with nothing saved on the way
and no probes; CPU time of one thread, the quickest of the rounds. A step's cost is the difference between a
run of three times the steps and one of the steps over twice their number, so that what is done once is left
out. Gaussian minibatch noise needs a pass over all N examples a step, training one over B: its goal is
1.5 (N/B)(η/dt) times the training's. "subsample" at dt = η needs the minibatch alone: its goal is 1.5 times.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from sdesim import data, training
from sdesim.networks import Conv, Transformer

_GOAL = 1.5
_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01),
}


@dataclass(frozen=True)
class Case:
    """A network with its examples, trained by B of N.

    Attributes:
        title: for the table. network: recipe of the module. data: examples. batch_size: B.
        steps: of the shorter run. single: whether the training is in float32; the twin is in float64.
    """

    title: str
    network: Any
    data: Any
    batch_size: int
    steps: int
    single: bool = False


def cases() -> list[Case]:
    """Convolutional networks on digits, transformers on sums of two numbers."""
    sums = data.ModularAddition(23, 0.55, encoding="tokens").load()
    small = Conv((1, 8, 8), 10, (4, 8), hidden=(32,))
    large = Conv((1, 8, 8), 10, (16, 32), hidden=(64,))
    one, two = (Transformer(23, 2, 23, width=32 * k, heads=2 * k, layers=k) for k in (1, 2))
    return [
        Case("conv 4-8, digits", small, data.digits(200, 10), 25, 40),
        Case("conv 16-32, digits", large, data.digits(1000, 10), 50, 8),
        Case("transformer, 1 layer of width 32", one, sums, 72, 30),
        Case("transformer, 2 layers of width 64", two, sums, 72, 12),
        Case("the same in float32", two, sums, 72, 12, single=True),
    ]


def main() -> None:
    """Measure, print the table and write it with its numbers."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = [
        row
        for k, case in enumerate(cases())
        for name in (("AdamW",) if k else _OPTIMIZERS)
        for row in _rows(case, name, chosen.seeds, chosen.rounds)
    ]
    text = _table(rows, chosen.seeds)
    print(text)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "twins.md").write_text(text, encoding="utf-8")
    (chosen.out / "twins.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _rows(case: Case, optimizer: str, seeds: int, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of a step of one seed: trained, and by each noise of the twin."""
    steps = case.steps
    recipes = [_recipe(case, optimizer, seeds, count) for count in (steps, 3 * steps)]
    recorded = [_recorded(recipe) for recipe in recipes]

    def ways(k: int) -> dict[str, Callable[[], Any]]:
        def twin(noise: str, share: int = 1) -> Callable[[], Any]:
            dt = recorded[k].attrs["learning_rate"] / share
            return lambda: training.twin(
                recorded[k], recipes[k], noise=noise, dt=dt, threads=1, progress=False
            )

        found = {"training": lambda: _recorded(recipes[k]), "minibatch": twin("minibatch")}
        if optimizer == "SGD":
            found["minibatch, dt = η/2"] = twin("minibatch", 2)
        return found | {"subsample": twin("subsample")}

    found: dict[str, list[list[float]]] = {name: [] for name in ways(0)}
    for name in found:
        # Once before, so that nothing is done for the first time.
        ways(0)[name]()
    for _ in range(rounds):
        for name, taken in found.items():
            taken.append([_seconds(ways(k)[name]) for k in (0, 1)])
    cost = {}
    for name, taken in found.items():
        short, long = (min(seconds) for seconds in zip(*taken, strict=True))
        cost[name] = 1e3 * (long - short) / (2 * steps * seeds)
    examples = len(case.data.y_train)
    return [
        {
            "network": case.title, "optimizer": optimizer, "examples": examples,
            "batch_size": case.batch_size, "noise": name, "milliseconds": taken,
            "of_training": taken / cost["training"],
            "goal": _GOAL * (1.0 if name == "subsample" else examples / case.batch_size)
            * (2.0 if "2" in name else 1.0),
        }
        for name, taken in cost.items()
    ]  # fmt: skip


def _recipe(case: Case, optimizer: str, seeds: int, steps: int) -> training.Recipe:
    module = case.network.make().to(torch.float32 if case.single else torch.float64)
    return training.Recipe(
        module, cross_entropy, case.data, None, _OPTIMIZERS[optimizer], steps=steps,
        batch_size=case.batch_size, trajectories=seeds, sampling="with-replacement",
    )  # fmt: skip


def _recorded(recipe: training.Recipe) -> Any:
    return training.record(recipe, save_every=recipe.steps, save="loss", progress=False)


def _seconds(function: Callable[[], Any]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


def _table(rows: list[dict[str, Any]], seeds: int) -> str:
    lines = [
        f"CPU time of a step of one of {seeds} seeds on one thread: trained, and by the twin's noise.",
        "In float64, but for training where float32 is said.",
        "",
        "| network | optimizer | N | B | | ms a step | of training | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        trained = row["noise"] == "training"
        ratio = "" if trained else f"×{row['of_training']:.2f}"
        goal = "" if trained else f"≤ ×{row['goal']:.1f}"
        lines.append(
            f"| {row['network']} | {row['optimizer']} | {row['examples']} | {row['batch_size']} | "
            f"{row['noise']} | {row['milliseconds']:.2f} | {ratio} | {goal} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
