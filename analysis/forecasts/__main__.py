"""Forecasts of small trainings beside what they did: coverage, PIT and CRPS by problem and horizon."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.forecasts.problems import QUANTITIES, Base, Problem, Training, base, problems
from analysis.forecasts.scores import crps, extrapolated, pit
from analysis.forecasts.tables import write
from sdesim.training.forecasts.forecast import drawn
from sdesim.training.forecasts.origin import origin_of
from sdesim.training.loop.one_seed import stream_seed

FOLDER = Path(__file__).parent / "results"
BASES, FUTURES, DRAWS = 3, 12, 64
HORIZONS = (0.05, 0.25, 1.0)
STAGES = ("early", "middle", "late")


def scored(problem: Problem, seed: int, stage: int, told: Base) -> list[dict[str, Any]]:
    """All scores of the forecasts from one checkpoint."""
    recipe, past = told.recipe, told.past
    at, every = problem.at[stage], problem.every
    checkpoint = told.checkpoints[at]
    real = [
        Training(recipe, recipe.module, stream_seed(seed, stage, k) % 2**31)
        .taken(checkpoint)
        .go(problem.horizon, every)
        for k in range(FUTURES)
    ]
    futures = {name: np.stack([r[name] for r in real]) for name in QUANTITIES}
    origin = origin_of(checkpoint, recipe, None, 0)
    settings: dict[str, Any] = {"save_every": every, "save": ("loss",), "progress": False}
    runs = {"forecast": drawn(origin, problem.horizon, DRAWS, seed, **settings)}
    if origin.states and any(origin.states):
        bare = replace(origin, states=None)
        steps = np.array([step for step in told.path if step <= at])
        along = replace(bare, path=np.stack([told.path[step] for step in steps]), path_steps=steps)
        runs["rebuilt along the path"] = drawn(along, problem.horizon, DRAWS, seed, **settings)
        runs["rebuilt at θ alone"] = drawn(bare, problem.horizon, DRAWS, seed, **settings)
    rng = np.random.default_rng([seed, stage])
    rows = []
    places = [max(1, round(h * problem.horizon / every)) for h in HORIZONS]
    begin = at // every
    window = past["loss"][: begin + 1].size
    window = min(window, problem.horizon // every + 1)
    for name in QUANTITIES:
        line = extrapolated(
            past[name][begin + 1 - window : begin + 1], every, np.array(places) * float(every), name, DRAWS
        )
        for h, place in enumerate(places):
            for k in range(FUTURES):
                truth = float(futures[name][k, place])
                known = {method: run[name].values[:, place] for method, run in runs.items()}
                known["curve extrapolated"] = line[h]
                known["training branched"] = np.delete(futures[name][:, place], k)
                for method, draws in known.items():
                    rows.append(
                        {
                            "problem": problem.name, "stage": STAGES[stage], "seed": seed, "quantity": name,
                            "ahead": place * every, "method": method, "future": k,
                            "pit": pit(draws, truth, rng), "crps": crps(draws, truth),
                        }
                    )  # fmt: skip
    rows += _times(problem, seed, stage, runs, futures, rng)
    return rows


def _times(
    problem: Problem, seed: int, stage: int, runs: dict[str, Any], futures: dict[str, Any],
    rng: np.random.Generator,
) -> list[dict[str, Any]]:  # fmt: skip
    """Of the time to the threshold; nothing where it has passed at the start."""
    name, value, up = problem.threshold

    def first(values: Any) -> Any:
        passed = values >= value if up else values <= value
        return np.where(passed.any(axis=1), passed.argmax(axis=1).astype(float), np.inf)

    truth = first(futures[name])
    if (truth == 0).all():
        return []
    rows = []
    for k in range(FUTURES):
        known = {method: first(run[name].values) for method, run in runs.items()}
        known["training branched"] = np.delete(truth, k)
        for method, draws in known.items():
            rows.append(
                {
                    "problem": problem.name, "stage": STAGES[stage], "seed": seed,
                    "quantity": "time to threshold", "ahead": problem.horizon, "method": method,
                    "future": k, "pit": pit(draws, truth[k], rng), "crps": float("nan"),
                }
            )  # fmt: skip
    return rows


def main() -> None:
    torch.set_num_threads(1)
    began, rows = time.process_time(), []
    for problem in problems():
        for seed in range(BASES):
            told = base(problem, seed)
            for stage in range(3):
                rows += scored(problem, seed, stage, told)
                spent = time.process_time() - began
                print(f"{problem.name}, seed {seed}, {STAGES[stage]}: {spent:.0f} s", flush=True)
    FOLDER.mkdir(exist_ok=True)
    write(rows, FOLDER)


if __name__ == "__main__":
    main()
