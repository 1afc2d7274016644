"""How a contestant talks: it gets ready once, then runs once for each line it reads.

Standard library and NumPy only, since every contestant imports it in an environment of its own.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[int], Any]


def serve(
    make: Callable[[dict[str, Any]], Run],
    *packages: str,
    extra: Callable[[dict[str, Any]], dict[str, Any]] = lambda problem: {},
) -> None:
    """Answer on stdout, in one line of JSON each: ready, then the time and the moments of every run.

    Args:
        make: from the problem (argv[1], JSON) to a function steps → last states (K, d), or None where there
            is nothing to compare.
        packages: whose versions are told.
        extra: further values for each answer.
    """
    # Libraries and the compilers they call may print; only answers may go to the real stdout.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    problem = json.loads(sys.argv[1])
    try:
        run = make(problem)
        run(problem["steps"])
    except Exception as error:
        message = str(error).strip().splitlines() or [""]
        say(ready=False, error=f"{type(error).__name__}: {message[0]}")
        return
    say(ready=True, versions={name: _version(name) for name in packages})
    for line in sys.stdin:
        steps = json.loads(line).get("steps", problem["steps"])
        wall, cpu = time.perf_counter(), time.process_time()
        last = run(steps)
        times = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
        say(**times, **_moments(last, problem), **extra(problem))


def _version(name: str) -> str:
    from importlib import metadata

    return metadata.version(name)


def start(problem: dict[str, Any]) -> Any:
    """The starting point: a number, or for a network the array (d,)."""
    return np.load(problem["data"])["start"] if "data" in problem else problem["theta0"]


def merton_drift(problem: dict[str, Any]) -> float:
    """μ − σ²/2 − λ (E e^J − 1), of the logarithm of Merton's price."""
    mean_jump = np.exp(problem["jump_mean"] + 0.5 * problem["jump_std"] ** 2) - 1.0
    return float(problem["drift"] - 0.5 * problem["volatility"] ** 2 - problem["rate"] * mean_jump)


def _moments(last: Any, problem: dict[str, Any]) -> dict[str, float]:
    """The mean square of the states, and the mean of min(|x − θ₀|, r) with its standard error.

    r is the problem's ``reach``, or 1.
    """
    if last is None:
        return {}
    states = np.asarray(last, dtype=np.float64)
    states = states.reshape(len(states), -1)
    moved = np.minimum(np.abs(states - start(problem)), problem.get("reach", 1.0)).mean(axis=1)
    return {
        "mean_square": float(np.mean(states**2)),
        "moment": float(moved.mean()),
        "moment_error": float(moved.std() / np.sqrt(len(moved))),
    }
