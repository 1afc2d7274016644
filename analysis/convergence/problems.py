"""What is solved: each problem gives the ends of coupled paths per scheme and step, and the true ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.convergence.paths import Brownian, linear_end
from sdesim import SDE, noise, schemes, surfaces
from sdesim.engine import drive
from sdesim.engine.schemes import Scheme, as_scheme

Array = NDArray[np.float64]
Ends = dict[str, tuple[Array, Array]]
SHORT, UNIT, LONG, BETA, FRICTION = 0.5, 1.0, 4.0, 0.5, 1.0
# Geometric Brownian motion dX = −a X dt + s X dW.
GROWTH, VOLATILITY = 1.0, 0.5
# SGD on ½ λ θ² with gradients of variance Σ.
SGD_RATE, SGD_START, SGD_VARIANCE = 1.5, 1.0, 1.0
ALPHA = 1.5


@dataclass(frozen=True)
class Problem:
    """One equation.

    Attributes:
        key: its name in tables.
        sort: the sort of its noise, as the schemes name it.
        title: the equation, and what the error is measured against.
        ends: (rng, pairs of paths, coarse step counts, fine steps) → scheme → (ends (levels, K), true ends
            (levels, K)), in one coordinate.
        duration: T.
        strong: what is taken of |error|: "rms", "median", or "capped", E min(|error|, 1).
        functions: f of the weak error |E f(θ_dt) − E f(θ)|, combined as a vector's length.
    """

    key: str
    sort: str
    title: str
    ends: Callable[[np.random.Generator, int, tuple[int, ...], int], Ends]
    duration: float = SHORT
    strong: tuple[str, ...] = ("rms",)
    functions: tuple[Callable[[Array], Array], ...] = (lambda x: x, np.square)


def named(*chosen: str | Scheme) -> dict[str, Scheme]:
    """Schemes by name."""
    return {scheme.name: scheme for scheme in map(as_scheme, chosen)}


def ends_on(
    surface: Any,
    driving: noise.Noise,
    start: float,
    scheme: Scheme,
    path: Brownian,
    factor: float,
) -> Array:
    """Ends (K,) of a scheme whose increments are factor · ΔW."""
    auxiliary = factor * path.auxiliary()[..., None] if scheme.auxiliary else None
    given = factor * path.w[..., None]
    return drive(surface, [driving], start, given, dt=path.h, scheme=scheme, auxiliary=auxiliary)[-1, :, 0]


def double_well(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """Additive noise on a double well, against SRA1 on the fine grid."""
    surface, d, start = surfaces.DoubleWell(barrier=0.25, tilt=0.1), 0.5, 1.6
    driving, factor = noise.Gaussian(diffusion=d), np.sqrt(2 * d)
    path = Brownian.draw(rng, fine, pairs, UNIT)
    truth = ends_on(surface, driving, start, as_scheme("sra1"), path, factor)
    taken = named("euler-maruyama", "tamed-euler", "heun", "implicit-euler", "sra1", "milstein")
    return {
        name: (
            np.stack([ends_on(surface, driving, start, s, path.coarse(n), factor) for n in steps]),
            np.tile(truth, (len(steps), 1)),
        )
        for name, s in taken.items()
    }


def underdamped(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """BAOAB on a double well, against itself on the fine grid."""
    surface, d, start = surfaces.DoubleWell(barrier=0.25, tilt=0.1), 0.25, 1.6
    driving, factor = noise.Gaussian(diffusion=d), np.sqrt(2 * d)
    path, scheme = Brownian.draw(rng, fine, pairs, LONG), schemes.BAOAB(friction=FRICTION)
    truth = ends_on(surface, driving, start, scheme, path, factor)
    found = [ends_on(surface, driving, start, scheme, path.coarse(n), factor) for n in steps]
    return {"baoab": (np.stack(found), np.tile(truth, (len(steps), 1)))}


def oscillator(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """BAOAB on ½ λ θ², against the exact solution of the linear equation."""
    rate, d, start = 4.0, 0.5, 1.0
    driving, factor = noise.Gaussian(diffusion=d), np.sqrt(2 * d)
    path = Brownian.draw(rng, fine, pairs, LONG)
    # BAOAB puts √(2γD) dW on the velocity where increments √(2D) dW are given.
    a, b = np.array([[0.0, 1.0], [-rate, -FRICTION]]), np.array([0.0, np.sqrt(2 * FRICTION * d)])
    truth = linear_end(a, b, np.array([start, 0.0]), path)
    scheme = schemes.BAOAB(friction=FRICTION)
    found = [ends_on(surfaces.Quadratic(rate), driving, start, scheme, path.coarse(n), factor) for n in steps]
    return {"baoab": (np.stack(found), np.tile(truth, (len(steps), 1)))}


def geometric(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """Geometric Brownian motion, against X₀ exp((−a − s²/2) T + s W_T); heavy ball at a, s times 1 − β."""
    path = Brownian.draw(rng, max(steps), pairs, SHORT)
    truth = np.exp((-GROWTH - 0.5 * VOLATILITY**2) * SHORT + VOLATILITY * path.w.sum(axis=0))
    taken = named("euler-maruyama", "tamed-euler", "heun", "implicit-euler", "milstein", "sgd")
    taken["heavy-ball"] = schemes.HeavyBall(momentum=BETA)
    found = {}
    for name, scheme in taken.items():
        slow = 1.0 - BETA if name == "heavy-ball" else 1.0
        surface, s = surfaces.Quadratic(slow * GROWTH), slow * VOLATILITY
        driving = noise.Multiplicative(s)
        ends = [ends_on(surface, driving, 1.0, scheme, path.coarse(n), s) for n in steps]
        found[name] = (np.stack(ends), np.tile(truth, (len(steps), 1)))
    return found


def own_ends(equation: SDE, start: list[float], scheme: Scheme, increments: Array, duration: float) -> Array:
    """Ends (K,) of the last coordinate, from ΔW (steps, K, k)."""
    dt = duration / len(increments)
    return drive(equation, [], start, increments, dt=dt, scheme=scheme)[-1, :, -1]


def commuting(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """Geometric Brownian motion as an equation of its own, against its exact solution."""
    path = Brownian.draw(rng, max(steps), pairs, SHORT)
    truth = np.exp((-GROWTH - 0.5 * VOLATILITY**2) * SHORT + VOLATILITY * path.w.sum(axis=0))
    found = {}
    for name, convention in (("milstein", "ito"), ("heun", "stratonovich")):
        given = [path.coarse(n).w[..., None] for n in steps]
        ends = [own_ends(price(convention), [1.0], as_scheme(name), w, SHORT) for w in given]
        found[name] = (np.stack(ends), np.tile(truth, (len(steps), 1)))
    return found


# Once, so that each is compiled once.
@cache
def price(convention: str) -> SDE:
    """Geometric Brownian motion, the same in both senses."""
    rate = -GROWTH if convention == "ito" else -GROWTH - 0.5 * VOLATILITY**2
    return SDE(
        lambda t, x: (rate * x[0],), lambda t, x: (VOLATILITY * x[0],), dim=1, convention=convention,
        start=[1.0],
    )  # fmt: skip


@cache
def apart(convention: str) -> SDE:
    """dx = −x dt + dW₁, dy = −y dt + x dW₂, whose columns don't commute.

    x is independent of W₂, so that Itô and Stratonovich mean the same.
    """
    return SDE(
        lambda t, x: (-x[0], -x[1]), lambda t, x: ((1.0, 0.0), (0.0, x[0])), dim=2, convention=convention
    )


def area(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """An equation whose columns don't commute, against Heun on the fine grid."""
    one, other = (Brownian.draw(rng, fine, pairs, SHORT) for _ in range(2))

    def ends(scheme: Scheme, n: int) -> Array:
        given = np.stack([one.coarse(n).w, other.coarse(n).w], axis=-1)
        return own_ends(apart(scheme.reads), [1.0, 0.0], scheme, given, SHORT)

    taken = named("euler-maruyama", "heun")
    truth = np.tile(ends(taken["heun"], fine), (len(steps), 1))
    return {name: (np.stack([ends(s, n) for n in steps]), truth) for name, s in taken.items()}


def jumps(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """α-stable noise on two wells with a Lipschitz drift, against Heun on the fine grid."""
    sigma, driving = 0.5, noise.Stable(ALPHA, 0.5)
    law = noise.sample_stable(ALPHA, 0.0, (fine, 2 * pairs), seed=int(rng.integers(2**62)))
    fine_increments = sigma * (SHORT / fine) ** (1 / ALPHA) * law

    def ends(scheme: Scheme, n: int) -> Array:
        slow = 1.0 - BETA if scheme.name == "heavy-ball" else 1.0
        given = slow * fine_increments.reshape(n, fine // n, -1).sum(axis=1)[..., None]
        surface = surfaces.FlatSharp(slow, 3.0 * slow, 2.0)
        return drive(surface, [driving], -0.5, given, dt=SHORT / n, scheme=scheme)[-1, :, 0]

    taken = named("euler-maruyama", "tamed-euler", "heun", "implicit-euler")
    truth = np.tile(ends(taken["heun"], fine), (len(steps), 1))
    taken["heavy-ball"] = schemes.HeavyBall(momentum=BETA)
    return {name: (np.stack([ends(s, n) for n in steps]), truth) for name, s in taken.items()}


def descent(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """SGD at η = dt, against the exact solution of the SDE with D = η Σ/2; both change with η."""
    path = Brownian.draw(rng, fine, pairs, SHORT)
    found, truth = [], []
    for n in steps:
        eta = SHORT / n
        factor = np.sqrt(eta * SGD_VARIANCE)
        driving = noise.Gaussian(diffusion=0.5 * eta * SGD_VARIANCE)
        surface = surfaces.Quadratic(SGD_RATE)
        found.append(ends_on(surface, driving, SGD_START, as_scheme("sgd"), path.coarse(n), factor))
        a, b = np.array([[-SGD_RATE]]), np.array([factor])
        truth.append(linear_end(a, b, np.array([SGD_START]), path))
    return {"sgd": (np.stack(found), np.stack(truth))}


def momentum(rng: np.random.Generator, pairs: int, steps: tuple[int, ...], fine: int) -> Ends:
    """Heavy ball on ½ λ θ² with additive noise, against dθ = −λ θ dt/(1 − β) + √(2D) dW/(1 − β)."""
    rate, d, start = 1.0, 0.1, 1.0
    factor, gain = np.sqrt(2 * d), 1.0 / (1.0 - BETA)
    path = Brownian.draw(rng, fine, pairs, UNIT)
    truth = linear_end(np.array([[-rate * gain]]), np.array([factor * gain]), np.array([start]), path)
    surface, driving, scheme = (
        surfaces.Quadratic(rate), noise.Gaussian(diffusion=d), schemes.HeavyBall(momentum=BETA),
    )  # fmt: skip
    found = [ends_on(surface, driving, start, scheme, path.coarse(n), factor) for n in steps]
    return {"heavy-ball": (np.stack(found), np.tile(truth, (len(steps), 1)))}


PROBLEMS: Mapping[str, Problem] = {
    p.key: p
    for p in (
        Problem("double-well", "gaussian", "additive noise, double well; SRA1, fine grid", double_well, UNIT),
        Problem("oscillator", "gaussian", "underdamped, quadratic; exact solution", oscillator, LONG),
        Problem("underdamped", "gaussian", "underdamped, double well; BAOAB, fine grid", underdamped, LONG),
        Problem("geometric", "multiplicative", "geometric Brownian motion; exact solution", geometric),
        Problem("own", "commuting", "geometric Brownian motion as an SDE; exact solution", commuting),
        Problem("area", "factor", "an SDE whose columns don't commute; Heun, fine grid", area),
        Problem("sgd", "gaussian", "SGD as dt = η → 0, quadratic; exact SDE with D = ηΣ/2", descent),
        Problem("heavy-ball", "gaussian", "heavy ball, quadratic; exact at 1/(1 − β)", momentum, UNIT),
        Problem(
            "jumps", "levy", f"α-stable jumps (α = {ALPHA}), two wells; Heun, fine grid", jumps,
            strong=("median", "capped"), functions=(np.cos, np.sin),
        ),
    )
}  # fmt: skip
