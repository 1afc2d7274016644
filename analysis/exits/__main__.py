"""Mean exit times and laws of exit states against exact ones, watched continuously and at the steps alone.

    python -m analysis.exits [--trajectories N] [--only times|states]

prints the tables of the README. s.e. are of the mean; one core, a few minutes at the default size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

import sdesim
from sdesim import events, noise, surfaces

PLACES = (1.001, 1.01, 1.1, 1.25, 2.0, 5.0)


def mean_exit(
    noises: Any, event: Any, dim: int, dt: float, scale: float, n: int, start: float = 0.0
) -> tuple[float, float, str]:
    """Mean, standard error and method; scale: about the mean, 30 of which are watched."""
    steps = math.ceil(30.0 * scale / dt)
    run = sdesim.simulate(
        surfaces.Flat(dim), noises, start, dt=dt, steps=steps, trajectories=n, seed=1, save=("loss",),
        save_every=steps, events=[event], progress=False,
    )  # fmt: skip
    times = run["exit_time"].values[:, 0]
    if np.isnan(times).any():
        raise RuntimeError(f"{np.isnan(times).sum()} trajectories never left")
    return float(times.mean()), float(times.std(ddof=1) / math.sqrt(n)), run.attrs["exit_method"][0]


def getoor(alpha: float, dim: int) -> float:
    """Mean exit time of the unit ball from its centre under isotropic stable noise of unit scale."""
    half = 0.5 * dim
    return 2.0**-alpha * math.gamma(half) / (math.gamma(1.0 + 0.5 * alpha) * math.gamma(half + 0.5 * alpha))


def cases() -> Iterator[tuple[str, Any, Any, int, tuple[float, ...], float, float]]:
    """(name, noises, event, dimension, steps, exact mean (NaN: a fine run), start)."""
    unit, ball = events.Exit(-1.0, 1.0), events.Exit.ball(0.0, 1.0)
    yield "Brownian, D = 1", noise.Gaussian(1.0), unit, 1, (0.04, 0.01, 0.001), 0.5, 0.0
    for alpha in (1.2, 1.5, 1.8):
        exact = 1.0 / math.gamma(1.0 + alpha)
        yield f"stable, α = {alpha}", noise.Stable(alpha, 1.0), unit, 1, (0.04, 0.01), exact, 0.0
    mixed = [noise.Stable(1.5, 1.0), noise.Gaussian(0.25)]
    yield "α = 1.5 plus D = 0.25", mixed, unit, 1, (0.04, 0.01), math.nan, 0.0
    scaled = [noise.Multiplicative(0.8), noise.Gaussian(0.2)]
    yield "0.8 θ dW plus D = 0.2, (0, 2) from 1", scaled, events.Exit(0.0, 2.0), 1, (0.01,), math.nan, 1.0
    both = [*scaled, noise.Stable(1.6, 0.3)]
    yield "the same plus α = 1.6, σ = 0.3", both, events.Exit(0.0, 2.0), 1, (0.01,), math.nan, 1.0
    yield "Brownian, ball, d = 10", noise.Gaussian(1.0), ball, 10, (0.0025, 0.0005), 0.05, 0.0
    for dim in (2, 10):
        exact = getoor(1.5, dim)
        law = noise.Stable(1.5, 1.0, structure="isotropic")
        yield f"isotropic α = 1.5, ball, d = {dim}", law, ball, dim, (0.05 * exact, 0.01 * exact), exact, 0.0


def print_states(n: int) -> None:
    """P(|X| > y) of the state behind the walls ±1, from 0 at dt = 0.01: found − exact, s.e. below 0.5/√n.

    Exact: 1/X² is Beta(α/2, 1 − α/2), by the density sin(πα/2)/π (y² − 1)^{−α/2}/|y| of R. Blumenthal,
    R. Getoor & D. Ray, Trans. Am. Math. Soc. 99 (1961) 540.
    """
    print("\n| α | dt | watched | mean time off | δ | inside ±1 |", *(f"{y:g} |" for y in PLACES))
    print("|---" * (6 + len(PLACES)) + "|")
    ways = {
        "continuous": {},
        "discrete": {"monitoring": "discrete"},
        "overshoot": {"overshoot": True},
    }
    for alpha, dt, way in itertools.product((1.2, 1.5, 1.8, 1.95), (0.04, 0.01, 0.0025), ways):
        if way != "overshoot" and (dt != 0.01 or alpha > 1.8):
            continue
        steps, mean = math.ceil(30.0 / dt), 1.0 / math.gamma(1.0 + alpha)
        run = left_by(noise.Stable(alpha, 1.0), dt, steps, n, **ways[way])
        times, size = run["exit_time"].values[:, 0], np.abs(run["exit_state"].values[:, 0, 0])
        off, error = times.mean() / mean - 1.0, times.std(ddof=1) / mean / math.sqrt(n)
        shift = json.loads(run.attrs["exit_shift"])[0][0]
        row = [f"{alpha:g}", f"{dt:g}", way, f"{off:+.2%} ± {error:.2%}", f"{shift:.4f}"]
        row.append(f"{(size < 1.0).mean():.1%}")
        for y in PLACES:
            exact = float(special.betainc(0.5 * alpha, 1.0 - 0.5 * alpha, y**-2))
            row.append(f"{(size > y).mean() - exact:+.4f} ({exact:.4f})")
        print("|", *(f"{cell} |" for cell in row), flush=True)


def print_mixed(n: int) -> None:
    """The same beside Gaussian noise, where no law is known: shares beyond y, by walks and by fine steps."""
    print("\n| α | D | watched | dt | mean time | on the wall |", *(f"{y:g} |" for y in PLACES))
    print("|---" * (6 + len(PLACES)) + "|")
    for alpha, diffusion in ((1.5, 0.25), (1.8, 0.05)):
        noises = [noise.Stable(alpha, 1.0), noise.Gaussian(diffusion)]
        ways = (
            (0.01, {"overshoot": True}),
            (0.0025, {"overshoot": True}),
            (2e-5, {"monitoring": "discrete"}),
        )
        for dt, options in ways:
            count = n if dt > 1e-3 else n // 10
            run = left_by(noises, dt, math.ceil(15.0 / dt), count, **options)
            times, size = run["exit_time"].values[:, 0], np.abs(run["exit_state"].values[:, 0, 0])
            mean = f"{times.mean():.4f} ± {times.std() / math.sqrt(count):.4f}"
            row = [f"{alpha:g}", f"{diffusion:g}", run.attrs["exit_method"][0], f"{dt:g}", mean]
            row.append(f"{(size <= 1.0 + 1e-9).mean():.4f}")
            row += [f"{(size > y).mean():.4f}" for y in PLACES]
            print("|", *(f"{cell} |" for cell in row), flush=True)


def left_by(noises: Any, dt: float, steps: int, n: int, **options: Any) -> Any:
    """A run out of (−1, 1) from 0 on a flat surface."""
    return sdesim.simulate(
        surfaces.Flat(1), noises, dt=dt, steps=steps, trajectories=n, seed=1, save=(), save_every=steps,
        events=[events.Exit(-1.0, 1.0, **options)], progress=False,
    )  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectories", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("times", "states"), default=None)
    given = parser.parse_args()
    n = given.trajectories
    if given.only != "times":
        print_states(n)
        print_mixed(n)
    if given.only != "states":
        print_times(n)


def print_times(n: int) -> None:
    """Mean exit times of every case at every step."""
    print(
        "| case | dt | truth | continuous | off | how | by steps | off |\n|---|---|---|---|---|---|---|---|"
    )
    for name, noises, event, dim, steps, exact, start in cases():
        count = n if dim == 1 else n // 4
        truth, spread = exact, 0.0
        if math.isnan(exact):
            truth, spread, _ = mean_exit(noises, event, dim, steps[-1] / 64, 1.0, count // 20, start)
        for dt in steps:
            size = count if dt > 0.005 or dim > 1 else count // 4
            found, error, how = mean_exit(noises, event, dim, dt, truth, size, start)
            late, _, _ = mean_exit(
                noises, replace(event, monitoring="discrete"), dim, dt, truth, size // 4, start
            )
            off = f"{100 * (found / truth - 1):+.2f} ± {100 * math.hypot(error, spread) / truth:.2f}%"
            row = [name, f"{dt:.4g}", f"{truth:.5g}", f"{found:.5g}", off, how, f"{late:.5g}"]
            print("|", *(f"{cell} |" for cell in row), f"{100 * (late / truth - 1):+.1f}% |", flush=True)


if __name__ == "__main__":
    main()
