"""A cell of the study: one problem at one checkpoint, five seeds, measured and predicted, kept in a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from . import least_squares
from .branches import Branches, State, checkpoints
from .least_squares import CONDITIONS, SIGMAS, USUAL, ExactBranches, LeastSquares
from .measure import FAR, Runs, ladder
from .predictors import of_least_squares, of_network
from .problems import PROBLEMS, Problem, network

Array = NDArray[np.float64]
SEEDS, REPLICATES = 5, 4
# From here on noise is small, and two replicates do.
_LARGE = 128
EXACT = "least squares, SGD"
# More of them, whose critical batches lie further apart.
GRID = {f"condition {c:g}, σ {s:g}": LeastSquares(c, s) for c in CONDITIONS for s in SIGMAS}
_EXACT = {EXACT: USUAL, **GRID}
NAMES = (EXACT, *PROBLEMS)
CHECKPOINTS = 3


def _plain(x: Array) -> list[Any]:
    """Numbers of six digits, for a file; NaN is null."""
    return [_plain(row) if np.ndim(row) else (float(f"{row:.6g}") if np.isfinite(row) else None) for row in x]


def measured(
    name: str, checkpoint: int, horizons: tuple[int, ...] = FAR, seeds: int = SEEDS, say: Any = lambda _: None
) -> dict[str, Any]:
    """All that is measured of a cell."""
    began = time.process_time()
    if name in _EXACT:
        exact = _EXACT[name]
        deltas = least_squares.checkpoints(exact, seeds)[checkpoint]
        first, centre = exact.loss(deltas), np.full(seeds, 1.0)

        def start(batch: int | None, rates: Array) -> Runs:
            return ExactBranches(exact, deltas, batch, rates)

        top, steps = 16384 if name == EXACT else 2**20, least_squares.STEPS[checkpoint]
        scales = [of_least_squares(exact, delta) for delta in deltas]
    else:
        problem = PROBLEMS[name]
        net, state = network(problem), None
        state = checkpoints(problem, net, seeds)[checkpoint]
        first, start = _sampled(problem, net, state, checkpoint)
        centre, top, steps = np.full(seeds, problem.rate), problem.top, problem.steps[checkpoint]
        scales = [
            of_network(problem, net, State(state.theta[k], state.first[k], state.second[k], state.count), k)
            for k in range(seeds)
        ]
    say(f"{name}, step {steps}: loss {np.round(first, 3)}; predictors {time.process_time() - began:.1f} s")
    targets, rates, found = ladder(start, centre, first, top, horizons, say)
    return {
        "problem": name, "checkpoint": checkpoint, "step": steps, "horizons": horizons,
        "loss": _plain(first), "targets": _plain(targets), "noiseless_rates": _plain(rates),
        "batches": [f.batch for f in found],
        "steps": _plain(np.array([f.steps for f in found])),
        "rates": _plain(np.array([f.rates for f in found])),
        "edges": [f.edge.sum(axis=1).tolist() for f in found],
        "path_steps": [f.times.astype(int).tolist() for f in found],
        "path_left": [_plain(np.round(f.left.mean(axis=1), 4)) for f in found],
        "scales": {k: _plain(np.array([s[k] for s in scales])) for k in scales[0]},
        "cpu_seconds": round(time.process_time() - began, 1),
    }  # fmt: skip


def _sampled(problem: Problem, net: Any, state: State, checkpoint: int) -> tuple[Array, Any]:
    """Loss of the checkpoint, (seeds,), and what starts branches off it."""

    def start(batch: int | None, rates: Array) -> Runs:
        replicates = REPLICATES if batch is None or batch < _LARGE else 2
        return Branches(problem, net, state, batch, rates, replicates, 41 + checkpoint)

    first = start(None, np.zeros((1, len(state.theta)))).losses()[0, 0]
    return first, start


def file_of(folder: Path, name: str, checkpoint: int) -> Path:
    """Where a cell is kept."""
    plain = name.replace(", ", "_").replace(" ", "_").replace("σ", "sigma").lower()
    return folder / f"{plain}_{checkpoint}.json"


def kept(
    folder: Path, name: str, checkpoint: int, horizons: tuple[int, ...] = FAR, say: Any = print
) -> dict[str, Any]:
    """The cell as it stands in its file, measured first where there is none."""
    path = file_of(folder, name, checkpoint)
    if not path.exists():
        torch.set_num_threads(1)
        made = measured(name, checkpoint, horizons, say=say)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(made) + "\n", encoding="utf-8")
        part.replace(path)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
