"""C12–C13: what the odds p/(1 − p) say of the speed of learning (§4.2, §12.1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim import estimators as est

from .crowd import crowd, tensor
from .estimates import Array, exact, mapped, mean
from .lab import Lab
from .ledger import CONVENTIONAL, COUNTER_EXAMPLE, Finding, claim
from .networks import BATCH, EXAMPLES, RATE
from .plots import CLAIMED, CORRECTED, OTHER, finish, points
from .quadratics import CONDITIONS, best, shapes, spectrum
from .rules import above, judge, judge_convention, near, proved, together
from .splits import WIDTHS, rows, splits

# The tables of §4.2 and §12.1: p and the odds beside it.
_TABLE = {0.4: 0.67, 0.5: 1.0, 0.6: 1.5, 0.75: 3.0, 0.9: 9.0}


@claim(
    "C12",
    "4.2, 12.1",
    claim="The odds p/(1 − p) are C, with the values of the tables.",
    test="p → odds → p over twelve decades of C, and the five rows of the tables, in plain arithmetic.",
    basis=CONVENTIONAL,
    quotation="This is directly the consolidation ratio",
    since="2026-11-25",
)
def odds_are_c(lab: Lab) -> Finding:
    """p/(1 − p) = C by definition of p."""
    cs = np.geomspace(1e-6, 1e6, lab.size(241, 49))
    back = np.array([est.odds(est.probability(float(c))).value for c in cs])
    worst = exact(float(np.abs(back / cs - 1).max()), "largest relative error")
    odds = {p: est.odds(p).value for p in _TABLE}
    ruling = judge_convention(
        [
            # 1 − p loses up to six digits at C = 1e6.
            proved(f"largest relative error of odds(p(C)) below 1e-9: {worst.value:.2g}", worst.value < 1e-9),
            together(
                "rows of the tables, to the digits given",
                [proved(f"p = {p}: {odds[p]:.4g}", abs(odds[p] - v) < 0.005) for p, v in _TABLE.items()],
            ),
        ]
    )

    def draw(ax: Any) -> None:
        ax.loglog(cs, back, label="odds of p(C)", **CORRECTED)
        ax.loglog(
            list(odds.values()), list(_TABLE.values()), "o", color="#0072B2", label="rows of the tables"
        )
        finish(ax, "C", "odds", "The odds are C")

    return Finding(
        {"largest relative error": worst, **{f"odds at p = {p}": exact(v) for p, v in odds.items()}},
        ruling,
        "nothing but an error of arithmetic",
        f"{cs.size} values of C, {len(odds)} rows",
        draw,
        "The odds are C by definition; a row of the tables is wrong.",
    )


@claim(
    "C13",
    "4.2",
    claim="At p = 0.75 learning converges three times as fast as a random walk (p = 0.5).",
    test="The rate at which the mean loss contracts at the best constant step, with noise that keeps C, at C "
    "= 3 over that at C = 1: exactly on quadratics of condition 1, 10² and 10⁴, and in trainings of "
    "networks, each with data of its own, whose batch size is set at every step to keep C.",
    basis=COUNTER_EXAMPLE,
    quotation="convergence effectively proceeds at $3\\times$ the rate of a random walk",
    since="2026-11-30",
    changed="The ratio was judged on an isotropic quadratic alone; ill-conditioned ones and a network are "
    "judged beside it, by the same bound.",
)
def acceleration(lab: Lab) -> Finding:
    """Isotropic: the best step leaves E L⁺/L = 1 − p, so that the rate is −log(1 − p) = log(1 + C)."""
    cs = np.geomspace(0.01, 10.0, lab.size(25, 13))
    gains: dict[str, float] = {}
    for condition in (1.0, *CONDITIONS):
        lam = spectrum(condition)
        for name, s in shapes(lam).items():
            gains[f"condition {condition:g}, noise {name}"] = _rate(lam, s, 3.0) / _rate(lam, s, 1.0)
    one, noise = np.ones(1), np.ones(1)
    isotropic = np.array([_rate(one, noise, float(c)) for c in cs])
    little = _rate(one, noise, 0.03) / _rate(one, noise, 0.01)
    network = mapped(mean(np.log(_network_gain(lab)), "mean log over networks"), np.exp)
    method = "largest eigenvalue"
    low, high = min(gains.values()), max(gains.values())
    ruling = judge(
        [
            *[proved(f"{k}: 3 ± 0.2 times as fast: {v:.4g}", abs(v - 3) <= 0.2) for k, v in gains.items()],
            near("network: rate at C = 3 over that at C = 1", network, 3.0, 0.2),
        ],
        corrected=[
            proved("condition 1: the rate is log(1 + C)", np.allclose(isotropic, np.log1p(cs), rtol=1e-6)),
            proved(
                "condition 1: twice as fast at C = 3 as at C = 1",
                abs(gains["condition 1, noise isotropic"] - 2) < 1e-6,
            ),
            proved(
                f"more than 1 and at most 2 times as fast on these quadratics: {low:.4g} to {high:.4g}",
                low > 1 and high < 2 + 1e-6,
            ),
            proved(
                f"where C ≪ 1 the rate goes as the odds: {little:.4g} times from C = 0.01 to 0.03",
                abs(little - 3) < 0.05,
            ),
            above("network: rate at C = 3 over that at C = 1", network, 1.0),
        ],
    )

    def draw(ax: Any) -> None:
        x = np.geomspace(0.1, 10, 13)
        for (name, condition), colour in zip(
            ((f"condition {k:g}", k) for k in CONDITIONS), OTHER[:2], strict=True
        ):
            lam = spectrum(condition)
            s = shapes(lam)["as the Hessian"]
            base = _rate(lam, s, 1.0)
            ax.plot(x, [_rate(lam, s, float(c)) / base for c in x], color=colour, label=name)
        ax.plot(x, np.log1p(x) / math.log(2), label="condition 1: log(1 + C)/log 2", **CORRECTED)
        ax.loglog(x, x, label="claimed: C", **CLAIMED)
        points(ax, [3.0], [network], "network")
        finish(ax, "C", "rate over that at C = 1", "The speed grows by less than the odds")

    return Finding(
        {
            **{f"rate at C = 3 over that at C = 1, {k}": exact(v, method) for k, v in gains.items()},
            "the same of networks": network,
            "rate at C = 0.03 over that at C = 0.01, condition 1": exact(little, method),
        },
        ruling,
        "a ratio of rates of 2.8 to 3.2 on every quadratic and in the networks",
        f"{len(gains)} quadratics, exactly; {network.n} networks with data of their own",
        draw,
        "At the best constant rate the mean loss of an isotropic quadratic contracts by log(1 + C) per step: "
        "twice as fast at C = 3 as at C = 1. On an ill-conditioned one the gain is smaller, down to none "
        "where noise lies in many directions, for the best rate stays near 2/λ_max. A random walk has C = 0 "
        "and rate 0, so that nothing is three times as fast. The odds are the gain where C ≪ 1.",
    )  # fmt: skip


def _rate(lam: Array, s: Array, c: float) -> float:
    """−log of the factor of the mean loss per step at the best constant rate."""
    return -math.log(best(lam, s, c)[1])


def _network_gain(lab: Lab) -> Array:
    """Speed at C = 3 over that at C = 1 of networks trained on from one moment, one number a network.

    A batch of B examples has C = B·C₁; B = C/C₁ is set anew at each step, fractions by scaling the noise of
    the next whole batch. The speed is that of the mean training loss at the best of ten constant rates.
    """
    from sdesim.training.loop.one_seed import isolated_torch

    count, steps, before, rng = lab.size(20, 2), lab.size(40, 6), lab.size(160, 20), lab.rng("C13")
    etas = 0.0625 * 2 ** (np.arange(lab.size(10, 3)) / 2)
    twice = lab.size(2, 1)
    with isolated_torch():
        data = splits(count, rng)
        nets = crowd(WIDTHS, count, rng, "tanh", "mse")
        which = np.arange(count)[:, None]
        for _, at in zip(range(before), rows(count, BATCH, rng), strict=False):
            parts = nets.gradients(data.x[which, at], data.y[which, at])
            for w, g in zip(nets.parameters, parts, strict=True):
                w.sub_(RATE * g)
        first = nets.losses(data.x, data.y)
        # Networks outermost, then rates, then draws of the noise.
        of = np.repeat(np.arange(count), etas.size * twice)
        x, y = data.x[of], data.y[of]
        eta = tensor(np.tile(np.repeat(etas, twice), count)[:, None, None])
        speeds = []
        for c in (1.0, 3.0):
            copies = nets.copy()
            copies.weights, copies.biases = ([p[of] for p in group] for group in (nets.weights, nets.biases))
            for _ in range(steps):
                wanted = np.clip(c / np.nan_to_num(copies.c_one(x, y), nan=1e-4), 1.0, 1e5)
                whole = np.ceil(wanted).astype(np.int64)
                drawn = rng.multinomial(whole, np.full(EXAMPLES, 1 / EXAMPLES)) / whole[:, None]
                weights = 1 / EXAMPLES + (drawn - 1 / EXAMPLES) * np.sqrt(whole / wanted)[:, None]
                for w, g in zip(copies.parameters, copies.gradients(x, y, tensor(weights)), strict=True):
                    w.sub_(eta * g)
            ends = np.nan_to_num(copies.losses(x, y), nan=np.inf).reshape(count, etas.size, twice)
            speeds.append(-np.log(ends.mean(axis=2).min(axis=1) / first) / steps)
    return np.asarray(speeds[1] / speeds[0])
