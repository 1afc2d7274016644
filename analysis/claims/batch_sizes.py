"""C5, C6: what the batch size makes of C (§12.2)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise, permutations, product
from typing import Any

import numpy as np

from sdesim import estimators as est

from .crowd import Descent, crowd, tensor
from .estimates import mapped, mean, ratio_of_means, share, slope
from .lab import Lab
from .ledger import DEDUCED, MEASURED, Finding, claim
from .networks import EXAMPLES, RATE, Array, Moment, batch_gradients, distinct_gradients, regression_network
from .plots import CORRECTED, OTHER, finish, points
from .rules import above, below, judge, near, proved

_TARGET = (1.5, 3.0)


@claim(
    "C5",
    "12.2",
    claim="Larger batches raise C, with diminishing returns.",
    test="C of all batches of 1 to 4 out of 5 examples, in fractions: does it grow, and by less than in "
    "proportion? p = C/(1 + C) at batch sizes up to 2^20; a network's C and its best single step at batch "
    "sizes 8 to 256.",
    basis=DEDUCED,
    quotation="But this comes with diminishing returns (linear batch scaling law).",
    fair="C grows linearly with the batch size; the returns that diminish are those of progress, p = C/(1 + "
    "C).",
    since="2026-11-30",
    changed="In the first edition slopes measured on a network decided; they follow from algebra, which "
    "decides now, and the reading by progress was added.",
    shares="regression network",
)
def batch_size(lab: Lab) -> Finding:
    """With replacement C_B = B·C_1, without C_B = B·C_1 (N − 1)/(N − B)."""
    examples = tuple((Fraction(a), Fraction(b)) for a, b in ((3, 1), (-1, 2), (4, -2), (0, 5), (1, 1)))
    independent = [_c_of_all(product(examples, repeat=b)) for b in (1, 2, 3, 4)]
    apart = [_c_of_all(permutations(examples, b)) for b in (1, 2, 3, 4)]
    linear = [b * independent[0] for b in (1, 2, 3, 4)]
    # C at batch sizes doubled from 1: p/(1 − p) is 0.01 to 10⁴.
    cs = [Fraction(2**k, 100) for k in range(21)]
    p_gain = [2 * (1 + c) / (1 + 2 * c) for c in cs]
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
    tries = [
        [_best_step(net.surface, moment, int(b), lab.size(128, 16), rng) for b in sizes]
        for _ in range(lab.size(6, 2))
    ]
    gains = np.array(tries)
    progress = ratio_of_means(gains[:, 5], 16 * gains[:, 1])
    top = mapped(mean(logs["distinct examples"][:, -1] - np.log(256 * moment.c_one)), np.exp)
    expected = (EXAMPLES - 1) / (EXAMPLES - 256)
    ruling = judge(
        [
            proved("C grows with B, of all batches of 5 examples", _rising(independent)),
            proved(
                f"C grows by less than B (C_2/C_1 = {independent[1] / independent[0]}, "
                f"C_4/C_2 = {independent[3] / independent[1]})",
                independent[1] < 2 * independent[0] and independent[3] < 2 * independent[1],
            ),
        ],
        fair=[
            proved("C_B = B·C₁, of all batches of 5 examples", independent == linear),
            proved(
                f"p grows with B, and by less than B, the less the larger B: {float(p_gain[0]):.3f} to "
                f"{float(p_gain[-1]):.5f} times for twice the batch",
                all(1 < g < 2 for g in p_gain) and _rising(p_gain[::-1]),
            ),
        ],
        corrected=[
            proved(
                "C_B = B·C₁(N − 1)/(N − B), of all batches of distinct examples",
                apart == [c * 4 / (5 - b) for b, c in zip((1, 2, 3, 4), linear, strict=True)],
            ),
            near("network: slope of log C over log B", growth["with replacement"], 1.0, 0.05),
            above("the same slope, distinct examples", growth["distinct examples"], 1.0),
            near("C_256/(256·C_1), distinct examples", top, expected, 0.1),
            below(
                "network: progress of the best step at B = 256 over 16 times that at B = 16", progress, 0.95
            ),
        ],
    )

    def draw(ax: Any) -> None:
        looks = ({}, {"color": OTHER[0], "marker": "s"})
        for (name, y), look in zip(logs.items(), looks, strict=True):
            points(ax, sizes, [mapped(mean(column), np.exp) for column in y.T], f"C, {name}", **look)
        ax.loglog(sizes, sizes * moment.c_one, label="B·C₁", **CORRECTED)
        relative = [ratio_of_means(column, gains[:, -1]) for column in gains.T]
        points(ax, sizes, relative, "progress of a step, B = 256: 1", color=OTHER[1], marker="^")
        ax.set_xticks(sizes, [str(b) for b in sizes])
        finish(ax, "batch size B", "", "C grows in proportion, progress by less")

    return Finding(
        {f"slope of log C over log B, {name}": e for name, e in growth.items()}
        | {
            "progress of the best step, B = 256 over 16 times B = 16": progress,
            "C_256/(256·C_1), distinct examples": top,
        },
        ruling,
        "an error in the algebra",
        f"all batches of 5 examples in fractions; {repeats} repetitions of {n} batches at each of "
        f"{sizes.size} sizes, network of {moment.step} steps",
        draw,
        "C = B·C₁ exactly for independent examples, without diminishing, and faster for distinct ones, "
        "B·C₁(N − 1)/(N − B); what diminishes is what a step gains, p = C/(1 + C). So C says nothing without "
        "its batch size: report C₁.",
    )


def _c_of_all(batches: Iterable[tuple[tuple[Fraction, Fraction], ...]]) -> Fraction:
    """C of batch means, each batch as likely as any other."""
    means = [(sum(a for a, _ in b) / len(b), sum(c for _, c in b) / len(b)) for b in batches]
    mu = [sum(m[k] for m in means) / len(means) for k in (0, 1)]
    signal = sum(x * x for x in mu)
    return signal / (Fraction(sum(a * a + b * b for a, b in means)) / len(means) - signal)


def _rising(values: list[Fraction]) -> bool:
    return all(a < b for a, b in pairwise(values))


def _best_step(surface: Any, m: Moment, batch: int, half: int, rng: np.random.Generator) -> float:
    """The mean decrease of the training loss by a step at the best of 7 rates, chosen on other batches."""
    g = batch_gradients(m.gradients, batch, 2 * half, rng)
    start, rates = float(surface.loss(m.theta)), 0.01 * 2.0 ** np.arange(7)
    falls = np.array([start - np.asarray(surface.loss(m.theta - r * g)) for r in rates])
    best = int(falls[:, :half].mean(axis=1).argmax())
    return float(falls[best, half:].mean())


def _c(gradients: Array) -> float:
    return est.consolidation_ratio(gradients).value


@claim(
    "C6",
    "12.2",
    claim="Choosing the batch size brings C into the range 1.5 to 3.",
    test="Trainings at batch sizes 16 to 1024 from fresh data and weights, at two rates: is C in the range "
    "for half of the run with B = 2.1/C₁ of the first weights? Is it with the best size, known afterwards?",
    basis=MEASURED,
    quotation="via batch size",
    fair="There is a batch size with which C is in the range for at least half of a training.",
    since="2026-11-30",
    changed="The fair reading of the first edition, B = 2.1/C₁ at the weights of each moment, is an identity "
    "of algebra that no training could refute; a batch size that is set once, as hyperparameters are, "
    "replaces it. After a first run, in which no moment was in the range, trainings are counted in place of "
    "moments, for an interval that says what so few can, and a second rate was added.",
)
def target_by_batch_size(lab: Lab) -> Finding:
    """C_B = B·C_1, but C_1 moves along the run and depends on B itself."""
    found = {rate: _trainings_by_size(lab, rate) for rate in (RATE / 5, RATE)}
    steps, sizes, ones = found[RATE]
    splits, third = ones.shape[1], steps.size // 3
    kept, best, growth = {}, {}, {}
    for rate, (_, _, c_ones) in found.items():
        c = sizes[:, None, None] * c_ones
        # Moments in the range as a share of the run, (sizes, splits).
        runs = ((_TARGET[0] <= c) & (c <= _TARGET[1]))[:, :, 1:].mean(axis=2)
        # The size that the first weights ask for, or the nearest that was trained, in logarithms.
        first = np.abs(np.log(sizes[:, None] * c_ones[0, :, 0] / 2.1)).argmin(axis=0)
        kept[rate] = share(runs[first, np.arange(splits)] >= 0.5, "share of trainings")
        best[rate] = share(runs.max(axis=0) >= 0.5, "share of trainings")
        growth[rate] = slope(np.log(sizes), np.log(c)[:, :, -third:].mean(axis=2).T, "slope in log B")
    late = np.log(sizes[:, None] * np.exp(np.log(ones)[:, :, -third:].mean(axis=2)))
    needed = mapped(mean(np.log(2.1) - np.log(ones)[-1, :, -third:].mean(axis=1), "mean over splits"), np.exp)
    middle = [mapped(mean(column, "mean over splits"), np.exp) for column in late]
    ruling = judge(
        [
            above(
                f"η = {rate:g}: trainings with C in 1.5 to 3 for half of them, B = 2.1/C₁ at first",
                e,
                0.5,
            )
            for rate, e in kept.items()
        ],
        fair=[
            above(
                f"η = {rate:g}: trainings with C in 1.5 to 3 for half of them, best B",
                e,
                0.5,
            )
            for rate, e in best.items()
        ],
        corrected=[
            below(f"η = {rate:g}: slope of log C over log B in the last third", e, 1.0)
            for rate, e in growth.items()
        ],
    )

    def draw(ax: Any) -> None:
        for k, look in zip(range(0, sizes.size, 2), OTHER, strict=False):
            ax.loglog(
                np.maximum(steps, 10),
                sizes[k] * np.exp(np.log(ones[k]).mean(axis=0)),
                color=look,
                label=f"B = {sizes[k]}",
            )
        ax.axhspan(*_TARGET, color="#D55E00", alpha=0.15, linewidth=0, label="the range")
        finish(ax, f"step (the first: 10), η = {RATE}", "C", "No batch size keeps C in the range")

    return Finding(
        {
            f"η = {rate:g}: trainings in the range for half, B of the first weights": e
            for rate, e in kept.items()
        }
        | {f"η = {rate:g}: trainings in the range for half, best B": e for rate, e in best.items()}
        | {f"η = {rate:g}: slope of log C over log B, last third": e for rate, e in growth.items()}
        | {
            f"C at B = {sizes[0]}, last third, η = {RATE}": middle[0],
            f"C at B = {sizes[-1]}, last third, η = {RATE}": middle[-1],
            f"batch size for C = 2.1, last third at B = {sizes[-1]}": needed,
        },
        ruling,
        "a batch size with which C stays in the range for more than half of a training",
        f"{splits} splits with weights of their own, {sizes.size} batch sizes, {len(found)} rates, "
        f"{steps[-1]} steps, C of all {EXAMPLES} examples at {steps.size} moments",
        draw,
        "B = C_target/C₁ reaches the range for the weights of the moment, which is algebra. Along a training "
        "C₁ falls, and the further the larger the batch: late in training C depends little on the batch size "
        f"({middle[0].value:.2f} at B = {sizes[0]}, {middle[-1].value:.2f} at B = {sizes[-1]}, η = {RATE}). "
        "A batch that is chosen anew all along stays in the range by its definition; after training at "
        f"B = {sizes[-1]} that asks for {needed.value:.0f} examples, of {EXAMPLES} in the training set.",
    )


def _trainings_by_size(lab: Lab, rate: float) -> tuple[Array, Array, Array]:
    """Steps (t,), batch sizes (s,) and C₁ (s, splits, t) of 10-32-1 tanh networks, as `regression_network`'s,
    trained by SGD with batches drawn with replacement; a split has data and first weights of its own, the
    same at every size."""
    from sdesim.data import teacher_student

    splits, count = lab.size(10, 3), lab.size(1020, 120)
    sizes = 16 * 2 ** np.arange(7)[: lab.size(7, 3)]
    rng = lab.rng("C6")
    made = [
        teacher_student(EXAMPLES, 10, features=10, hidden=10, noise=0.3, seed=int(rng.integers(2**31)))
        for _ in range(splits)
    ]
    x, y = (np.stack([getattr(d, part) for d in made]) for part in ("x_train", "y_train"))
    every, start = count // 30, crowd([10, 32, 1], splits, rng, "tanh", "mse")
    ones, rows = np.empty((sizes.size, splits, 31)), np.arange(splits)[:, None]
    all_x, all_y = tensor(x), tensor(y)
    for k, size in enumerate(sizes):
        nets = start.copy()
        descent = Descent(nets, rate)
        for step in range(count + 1):
            if step % every == 0:
                ones[k, :, step // every] = nets.c_one(all_x, all_y)
            chosen = rng.integers(0, EXAMPLES, (splits, int(size)))
            descent.step(tensor(x[rows, chosen]), tensor(y[rows, chosen]))
    return every * np.arange(31), sizes, ones
