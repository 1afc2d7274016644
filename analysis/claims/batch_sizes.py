"""C5–C7: what the batch size and the number of steps make of C (§3.2, §12.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim import estimators as est

from .estimates import LEVEL, bootstrap, mapped, mean, share, slope
from .lab import Lab
from .ledger import Finding, claim
from .networks import EXAMPLES, Array, Network, batch_gradients, distinct_gradients, regression_network
from .plots import CLAIMED, CORRECTED, GUIDE, OTHER, finish, points
from .rules import above, below, judge, near, together

_TARGET = (1.5, 3.0)


@claim(
    "C5",
    "12.2",
    claim="Larger batches raise C, with diminishing returns.",
    test="A trained network at batch sizes 8 to 256: is the slope of log C over log B above 0, and below 1?",
    shares="regression network",
)
def batch_size(lab: Lab) -> Finding:
    """With replacement C_B = B·C_1, without C_B = B·C_1 (N − 1)/(N − B)."""
    net, rng = regression_network(lab), lab.rng("C5")
    sizes, repeats, n = np.array([8, 16, 32, 64, 128, 256]), lab.size(40, 12), lab.size(400, 200)
    moment = net.of_seed(0)[-1]
    kinds = {"with replacement": batch_gradients, "distinct examples": distinct_gradients}
    logs = {
        name: np.log([[_c(make(moment.gradients, int(b), n, rng)) for b in sizes] for _ in range(repeats)])
        for name, make in kinds.items()
    }
    x = np.log(sizes)
    growth = {name: slope(x, y, "slope in log B") for name, y in logs.items()}
    p_growth = slope(x, -np.log1p(np.exp(-logs["with replacement"])), "slope in log B")
    top = mapped(mean(logs["distinct examples"][:, -1] - np.log(256 * moment.c_one)), np.exp)
    expected = (EXAMPLES - 1) / (EXAMPLES - 256)
    ruling = judge(
        [
            above("slope of log C over log B", growth["with replacement"], 0.0),
            below("slope of log C over log B", growth["with replacement"], 0.95),
        ],
        corrected=[
            near("slope of log C over log B", growth["with replacement"], 1.0, 0.05),
            above("the same slope, distinct examples", growth["distinct examples"], 1.0),
            near("C_256/(256·C_1), distinct examples", top, expected, 0.1),
            below("slope of log p over log B", p_growth, 0.95),
        ],
    )

    def draw(ax: Any) -> None:
        looks = ({}, {"color": OTHER[0], "marker": "s"})
        for (name, y), look in zip(logs.items(), looks, strict=True):
            points(ax, sizes, [mapped(mean(column), np.exp) for column in y.T], name, **look)
        ax.loglog(sizes, sizes * moment.c_one, label="B·C₁", **CORRECTED)
        ax.set_xticks(sizes, [str(b) for b in sizes])
        finish(ax, "batch size B", "C", "C grows with B without diminishing")

    return Finding(
        {f"slope of log C over log B, {name}": e for name, e in growth.items()}
        | {"slope of log p over log B": p_growth, "C_256/(256·C_1), distinct examples": top},
        ruling,
        "a slope of log C over log B below 0.95",
        f"{repeats} repetitions of {n} batches at each of {sizes.size} sizes, network of {moment.step} steps",
        draw,
        "C = B·C₁ exactly for independent examples, and faster for distinct ones, B·C₁(N − 1)/(N − B); only "
        "p = C/(1 + C) saturates. So C says nothing without its batch size: report C₁.",
    )


def _c(gradients: Array) -> float:
    return est.consolidation_ratio(gradients).value


@claim(
    "C6",
    "12.2",
    claim="Choosing the batch size brings C into the range 1.5 to 3.",
    test="B = 2.1/C₁ at each of 7 moments of training: is C in the range there, and is it with the batch "
    "size of the first moment?",
    shares="regression network",
    fair="At the weights of the moment, B = C_target/C₁ brings C into the range.",
)
def target_by_batch_size(lab: Lab) -> Finding:
    """C_B = B·C_1, and C_1 moves along the run."""
    net, rng, n = regression_network(lab), lab.rng("C6"), lab.size(3000, 800)
    moments = net.of_seed(0)
    needed = np.array([max(1, round(2.1 / m.c_one)) for m in moments])
    chosen = [
        _interval(batch_gradients(m.gradients, int(b), n, rng)) for m, b in zip(moments, needed, strict=True)
    ]
    kept = [_interval(batch_gradients(m.gradients, int(needed[0]), n, rng)) for m in moments]
    middle, half = sum(_TARGET) / 2, (_TARGET[1] - _TARGET[0]) / 2
    growth = np.array([_needed_growth(net, seed) for seed in sorted({m.seed for m in net.moments})])
    spread = bootstrap(
        lambda g: float(np.exp(g.mean())), np.log(growth), rng, 400, "geometric mean over seeds"
    )

    def inside(es: Sequence[est.Estimate]) -> list[Any]:
        return [near(f"step {m.step}", e, middle, half) for m, e in zip(moments, es, strict=True)]

    ruling = judge(
        [together("C in 1.5 to 3 with the batch size of the first moment", inside(kept))],
        [together("C in 1.5 to 3 with the batch size of each moment", inside(chosen))],
    )

    def draw(ax: Any) -> None:
        steps = [max(m.step, steps_floor) for m in moments]
        points(ax, steps, chosen, "B = 2.1/C₁ anew", color="#009E73", marker="s")
        points(ax, steps, kept, f"B = {needed[0]} kept")
        ax.axhspan(*_TARGET, color="#D55E00", alpha=0.15, linewidth=0, label="the range")
        ax.set_xscale("log")
        ax.set_yscale("log")
        finish(
            ax, "step (the first: 0)", "C", f"The batch size needed goes from {needed[0]} to {needed.max()}"
        )

    steps_floor = moments[1].step / 3
    return Finding(
        {
            "C at the last moment, first batch size": kept[-1],
            "C at the last moment, its own batch size": chosen[-1],
            "largest over first batch size needed": spread,
        },
        ruling,
        "C staying in the range with one batch size along a whole run",
        f"{n} batches at each of {len(moments)} moments, {growth.size} training runs",
        draw,
        "B = C_target/C₁ reaches the range for the weights of the moment only: C₁ falls along the run, and "
        f"the batch would have to grow {spread.value:.0f} times. It says no more than: train at 1.5 to 3 "
        "times the critical batch size.",
    )


def _interval(gradients: Array) -> est.Estimate:
    return est.consolidation_ratio(gradients, level=LEVEL)


def _needed_growth(net: Network, seed: int) -> float:
    """Largest over first batch size that a fixed C needs along one run."""
    ones = np.array([m.c_one for m in net.of_seed(seed)])
    return float(ones[0] / ones.min())


@claim(
    "C7",
    "3.2",
    claim="Above C = 1 the direction of a gradient can be trusted; far below, it is unreliable.",
    test="White gradients: the cosine with the mean gradient and P(g·μ > 0) at C from 0.01 to 10, and C of "
    "the sum of 50 steps at C = 0.02.",
)
def trust(lab: Lab) -> Finding:
    """E cos(g, μ) ≈ √p for large d, and k summed steps have C_k = k·C."""
    d, n, rng = 50, lab.size(60_000, 10_000), lab.rng("C7")
    cs = np.array([0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
    cosines, along = [], []
    for c in cs:
        g = rng.standard_normal((n, d))
        g[:, 0] += np.sqrt(c * d)
        cosines.append(mean(g[:, 0] / np.linalg.norm(g, axis=1), "mean over draws"))
        along.append(share(g[:, 0] > 0))
    k, low_c, sums = 50, 0.02, lab.size(4000, 1500)
    total = np.sqrt(k) * rng.standard_normal((sums, d))
    total[:, 0] += k * np.sqrt(low_c * d)
    gain = mapped(_interval(total), lambda c: c / low_c)
    root_p = np.sqrt(cs / (1 + cs))
    ruling = judge(
        [
            below("P(g·μ > 0) at C = 0.1", along[2], 0.75),
            near("C of 50 summed steps over C", gain, 1.0, 0.5),
        ],
        corrected=[
            together(
                "mean cosine √p ± 0.01",
                [near(f"C = {c:g}", e, r, 0.01) for c, e, r in zip(cs, cosines, root_p, strict=True)],
            ),
            near("C of 50 summed steps over C", gain, k, 5.0),
        ],
    )

    def draw(ax: Any) -> None:
        points(ax, cs, along, "P(g·μ > 0)", color=OTHER[0], marker="s")
        points(ax, cs, cosines, "mean cosine")
        ax.semilogx(cs, root_p, label="√p", **CORRECTED)
        ax.axvline(1.0, label="claimed threshold", **CLAIMED)
        ax.axhline(0.5, **GUIDE)
        finish(ax, "C", "", "Nothing happens at C = 1 (d = 50)")

    return Finding(
        {
            "P(g·μ > 0) at C = 0.1": along[2],
            "mean cosine at C = 0.1": cosines[2],
            "mean cosine at C = 1": cosines[4],
            "C of 50 summed steps over C": gain,
        },
        ruling,
        "fewer than 3 of 4 gradients along the mean one at C = 0.1, or no gain of C from summing steps",
        f"{n} gradients in {d} dimensions at each of {cs.size} values of C, {sums} sums of {k} steps",
        draw,
        "Trust grows smoothly, the mean cosine is √p; and signal adds up: k steps have C_k = k·C, so that "
        "drift rules after 1/C steps at any C.",
    )
