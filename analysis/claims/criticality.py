"""C20–C23: the analogy with a critical point, and detecting one (§11.2, §13.4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import ncf

from sdesim import estimators as est

from .estimates import exact, mean, ratio, share, slope
from .lab import Lab
from .ledger import COUNTER_EXAMPLE, DEDUCED, NOW_EXACT, Finding, claim
from .plots import CLAIMED, CORRECTED, finish, points
from .rules import above, below, consistent, judge, near, proved, together


@claim(
    "C20",
    "13.4",
    claim="p − ½ is an order parameter with C = 1 as Curie point: 0 on one side, growing on the other.",
    test="p − ½ at C = 1/16 and 1/4 by its definition; beside it white gradients, d = 10 and 1000: p − ½ "
    "measured at C from 1/16 to 16, and its slope over log C on either side of C = 1.",
    basis=DEDUCED,
    quotation="Order parameter | $p - 0.5$",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def order_parameter(lab: Lab) -> Finding:
    """p − ½ = ½ tanh(½ log C): odd in log C, slope ¼ on both sides, in every dimension."""
    sets, n, rng = lab.size(400, 60), 200, lab.rng("C20")
    logs = np.linspace(-math.log(16), math.log(16), 17)
    found: dict[int, Any] = {}
    for d in (10, 1000):
        p = np.empty((sets, logs.size))
        for k, c in enumerate(np.exp(logs)):
            # |mean|² and the trace of n gradients, drawn from their own laws: χ² noncentral and central.
            mean2 = rng.noncentral_chisquare(d, n * c * d, sets) / n
            trace = rng.chisquare(d * (n - 1), sets) / (n - 1)
            c_hat = mean2 / trace - 1 / n
            p[:, k] = c_hat / (1 + c_hat) - 0.5
        found[d] = p
    deduced = {c: est.probability(c).value - 0.5 for c in (1 / 16, 0.25)}
    below_one = {
        f"d = {d}, C = {c:g}": mean(p[:, k]) for d, p in found.items() for k, c in ((0, 1 / 16), (4, 0.25))
    }
    middle = np.abs(logs) < 0.4
    sides = {
        f"d = {d}, C {side} 1": slope(logs[part & middle], p[:, part & middle], "slope in log C")
        for d, p in found.items()
        for side, part in (("<", logs < 1e-9), (">", logs > -1e-9))
    }
    ruling = judge(
        [
            together(
                "p − ½ = 0 ± 0.05 below C = 1",
                [proved(f"C = {c:g}: {v:.4g}", abs(v) < 0.05) for c, v in deduced.items()],
            )
        ],
        corrected=[
            together(
                "p − ½ = ½ tanh(½ log C) ± 0.01 in gradients",
                [
                    near(f"C = {c:g}", e, v, 0.01)
                    for (c, v), e in zip(
                        (*deduced.items(), *deduced.items()), below_one.values(), strict=True
                    )
                ],
            ),
            together("slope at C = 1: ¼ ± 0.02", [near(k, e, 0.25, 0.02) for k, e in sides.items()]),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, np.exp(logs), [mean(c) for c in found[10].T], "d = 10")
        points(ax, np.exp(logs), [mean(c) for c in found[1000].T], "d = 1000", color="#CC79A7", marker="s")
        ax.plot(np.exp(logs), 0.5 * np.tanh(logs / 2), label="½ tanh(½ log C)", **CORRECTED)
        ax.plot(np.exp(logs), np.where(logs < 0, 0, 0.5 * np.tanh(logs / 2)), label="claimed kind", **CLAIMED)
        ax.set_xscale("log")
        finish(ax, "C", "p − ½", "p − ½ vanishes at one point, not on one side")

    return Finding(
        {f"p − ½ at C = {c:g}, by definition": exact(v) for c, v in deduced.items()}
        | {f"p − ½ at {k}": e for k, e in below_one.items()}
        | {f"slope: {k}": e for k, e in sides.items()},
        ruling,
        "p − ½ within 0.05 of 0 all the way below C = 1",
        f"{sets} sets of {n} gradients at each of {logs.size} values of C and 2 dimensions",
        draw,
        "p − ½ = ½ tanh(½ log C) is negative below C = 1 and positive above, with the same slope ¼ on both "
        "sides in every dimension: no order parameter, and no symmetry is broken.",
    )


@claim(
    "C21",
    "13.4",
    claim="Near C = 1 small perturbations take long to decay (critical slowing down).",
    test="SGD on a quadratic (ηλ = 0.1) pushed to θ = 1, with noise that makes C there 0.03 to 100: the time "
    "in which the mean push decays to 1/e.",
    basis=COUNTER_EXAMPLE,
    quotation="small perturbations take a long time to decay",
    since="2026-11-25",
)
def slowing_down(lab: Lab) -> Finding:
    """E θ_k = (1 − r)^k at every noise level: τ = −1/log(1 − r)."""
    r, steps, runs, rng = 0.1, 10, lab.size(400_000, 60_000), lab.rng("C21")
    cs = np.array([0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0])
    times = []
    for c in cs:
        theta = np.ones(runs)
        for _ in range(steps):
            theta = theta - r * (theta + rng.standard_normal(runs) / math.sqrt(c))
        left = mean(theta, "mean over runs")
        low, high = (-steps / math.log(min(max(v, 1e-3), 0.999)) for v in (left.low, left.high))
        times.append(
            est.Estimate(
                -steps / math.log(left.value), low, high, left.level, "from the mean push left", runs
            )
        )
    truth = -1 / math.log(1 - r)
    apart = np.delete(np.arange(cs.size), 3)
    peak = ratio(times[3], times[5])
    # Where the curvature vanishes the same step does slow down.
    soft = math.log(1 - r) / math.log(1 - r / 100)
    ruling = judge(
        [above("decay time at C = 1 over that at C = 10", peak, 1.2)],
        corrected=[
            together(
                f"decay time {truth:.3g} ± 8%",
                [near(f"C = {cs[k]:g}", times[k], truth, 0.08 * truth) for k in (*apart, 3)],
            ),
            proved(f"decay time at a hundredth of the curvature, relative, > 50: {soft:.4g}", soft > 50.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, times)
        ax.axhline(truth, label="−1/log(1 − ηλ)", **CORRECTED)
        ax.axvline(1.0, label="claimed peak", **CLAIMED)
        ax.set_xscale("log")
        ax.set_ylim(0, 2 * truth)
        finish(ax, "C", "decay time (steps)", "Noise does not slow the decay")

    return Finding(
        {
            "decay time at C = 1 over that at C = 10": peak,
            "decay time at C = 0.03": times[0],
            "decay time at C = 1": times[3],
            "decay time at C = 100": times[-1],
        },
        ruling,
        "a decay at C = 1 that takes 1.2 times as long as at C = 10",
        f"{runs} runs of {steps} steps at each of {cs.size} values of C",
        draw,
        "On a quadratic a push decays on average as (1 − ηλ)^k whatever the noise, hence whatever C. Slowing "
        "down happens where the curvature vanishes (or ηλ nears 2), which C does not tell.",
    )


@claim(
    "C23",
    "11.2",
    claim="Comparing p of one measurement with the last one (crosses ½) detects the transition.",
    test="A constant true C of 0.9, d = 20, read from 20 gradients each epoch: how many crossings per epoch "
    "does the rule report, by the noncentral F law of the reading and in draws? How many does a rule that "
    "asks for three sure intervals?",
    basis=DEDUCED,
    quotation="Detect phase transition (p crosses 0.5)",
    since="2026-11-25",
    changed=NOW_EXACT,
)
def one_sample_crossing(lab: Lab) -> Finding:
    """With q = P(Ĉ > 1), q(1 − q) false crossings per epoch."""
    c, d, n, epochs = 0.9, 20, 20, 50
    series, rng = lab.size(400, 60), lab.rng("C23")
    readings = lab.size(100_000, 20_000)
    mean2 = rng.noncentral_chisquare(d, n * c * d, readings) / n
    c_hat = mean2 / (rng.chisquare(d * (n - 1), readings) / (n - 1))
    p = c_hat / (1 + c_hat)
    # Pairs of epochs of their own, so that the crossings are independent.
    false = share((p[0::2] <= 0.5) & (p[1::2] > 0.5))
    alarms = []
    for _ in range(series):
        g = rng.standard_normal((epochs, n, d)) + math.sqrt(c)
        ps = [est.probability(est.consolidation_ratio(x)) for x in g]
        found = est.detect_transition([e.value for e in ps], [e.low for e in ps], [e.high for e in ps])
        alarms.append(found.index is not None)
    sure = share(alarms)
    q = float(1 - ncf.cdf(n, d, d * (n - 1), n * c * d))
    ruling = judge(
        [proved(f"false crossings per epoch < 0.01: q(1 − q) = {q * (1 - q):.4g}", q * (1 - q) < 0.01)],
        corrected=[
            consistent("false crossings per epoch, against q(1 − q)", false, q * (1 - q)),
            below(f"share of series of {epochs} epochs with an alarm of three sure intervals", sure, 0.15),
        ],
    )

    def draw(ax: Any) -> None:
        ax.plot(
            p[:epochs], "o-", color="#0072B2", markersize=3, linewidth=0.8, label="p as the code reads it"
        )
        ax.axhline(0.5, label="threshold", **CLAIMED)
        ax.axhline(c / (1 + c), label="true p", **CORRECTED)
        finish(ax, "epoch", "p", f"{false.value:.0%} of epochs report a transition; there is none")

    return Finding(
        {
            "false crossings per epoch, q(1 − q)": exact(q * (1 - q)),
            "false crossings per epoch": false,
            f"series of {epochs} epochs with a sure alarm": sure,
        },
        ruling,
        "fewer than one false crossing in 100 epochs",
        f"{readings // 2} pairs of epochs; {series} series of {epochs} epochs",
        draw,
        "One reading against the last reports q(1 − q) crossings per epoch where nothing happens, q the "
        "chance that the reading lies above 1. Debias C, and ask for several intervals in a row that exclude "
        "the threshold.",
    )
