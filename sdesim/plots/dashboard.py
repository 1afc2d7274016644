"""The dashboard of the source (§12.3) and its companions, one function per figure.

Each takes the arms and gives a matplotlib Figure, or None where no arm holds what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.plots.arms import ArmView
from sdesim.plots.companions import (
    clients,
    distances,
    exits,
    layers,
    occupancy,
    phases,
)
from sdesim.plots.style import GUIDE, draw, finish, legend, scale, styled


@dataclass(frozen=True)
class FigureSpec:
    """A figure's file name, its title, the caption that says what to see, and what draws it."""

    name: str
    title: str
    caption: str
    draw: Callable[[Sequence[ArmView], Sequence[Mapping[str, Any]]], Any]


def consolidation(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """C_α with intervals, C* dotted in each arm's colour, and the source's threshold 1."""
    with styled() as Figure:
        figure = Figure()
        ax = figure.subplots()
        drawn = draw(ax, views, "C_alpha")
        if not drawn:
            return None
        for view in views:
            star = view.curve("C_star")
            if star is not None:
                ax.plot(star[0], star[1].mean, color=view.colour, linestyle=":", linewidth=1.1)
                drawn.append(star[1].mean)
        ax.axhline(1.0, **GUIDE)
        scale(ax, drawn)
        finish(ax, r"consolidation ratio $C_\alpha$")
        legend(figure, ax)
        return figure


def single(quantity: str, ylabel: str, guide: float | None = None, scaled: bool = True) -> Any:
    """A drawing function for one quantity in one panel, with an optional horizontal guide."""

    def plot(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
        with styled() as Figure:
            figure = Figure()
            ax = figure.subplots()
            drawn = draw(ax, views, quantity)
            if not drawn:
                return None
            if guide is not None:
                ax.axhline(guide, **GUIDE)
            if scaled:
                scale(ax, drawn)
            finish(ax, ylabel)
            legend(figure, ax)
            return figure

    return plot


def stacked(panels: Sequence[tuple[str, str]]) -> Any:
    """A drawing function for several quantities under one another; panels that no arm holds are left out."""

    def plot(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
        held = [(q, label) for q, label in panels if any(v.curve(q) is not None for v in views)]
        if not held:
            return None
        with styled() as Figure:
            figure = Figure(figsize=(5.8, 1.1 + 2.1 * len(held)))
            axes = np.atleast_1d(figure.subplots(len(held), 1, sharex=True))
            for ax, (quantity, ylabel) in zip(axes, held, strict=True):
                drawn = draw(ax, views, quantity)
                scale(ax, drawn)
                finish(ax, ylabel)
                ax.label_outer()
            legend(figure, max(axes, key=lambda a: len(a.get_legend_handles_labels()[0])))
            return figure

    return plot


def accuracy(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """Train (thin) and test (full) accuracy in one panel, so that a lag between them shows."""
    with styled() as Figure:
        figure = Figure()
        ax = figure.subplots()
        drawn = draw(ax, views, "test_accuracy")
        drawn += draw(ax, views, "train_accuracy", label=not drawn, linewidth=0.9, alpha=0.75)
        if not drawn:
            return None
        finish(ax, "accuracy (test; thin: train)")
        legend(figure, ax)
        return figure


def curvature(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """λ_max with each arm's 2/η, and the normalised margin S under it with its edge at 0."""
    if not any(v.curve("lambda_max") is not None or v.curve("S") is not None for v in views):
        return None
    with styled() as Figure:
        figure = Figure(figsize=(5.8, 5.3))
        top, bottom = figure.subplots(2, 1, sharex=True)
        drawn = draw(top, views, "lambda_max")
        reach = max((float(np.nanmax(d)) for d in drawn), default=0.0)
        edges = {2 / v.attribute("learning_rate") for v in views if v.attribute("learning_rate") > 0}
        for edge in sorted(edges):
            # An edge far above every curve would flatten them all; the margin S below still tells of it.
            if edge < 8 * reach:
                top.axhline(edge, **GUIDE)
                top.annotate(
                    r"$2/\eta$", (0.995, edge), xycoords=("axes fraction", "data"), ha="right", va="bottom"
                )
        finish(top, r"$\lambda_{\max}$")
        top.label_outer()
        draw(bottom, views, "S")
        bottom.axhline(0.0, **GUIDE)
        finish(bottom, "stability margin S")
        legend(figure, top if drawn else bottom)
        return figure


FIGURES: tuple[FigureSpec, ...] = (
    FigureSpec(
        "distances",
        "How far from training is each simulation?",
        "One mark per quantity and simulated arm: mean distance from the real mean in units of the spread"
        " between real seeds. Grey: what further real seeds would show (its mean and upper limit). Filled"
        " marks are told apart from training, open ones are not at this sample size; the further right, the"
        " worse the imitation.",
        distances,
    ),
    FigureSpec(
        "consolidation",
        "Consolidation ratio",
        "C_α over training, bands for the 95% interval. Dotted in the arm's colour: its own threshold C*,"
        " below which a step raises the loss on average. Dashed grey: the source's threshold 1. Look for "
        "where, and whether, each curve crosses, and whether blue and orange cross together.",
        consolidation,
    ),
    FigureSpec(
        "probability",
        "Signal share p",
        "The same signal on [0, 1]: p = C/(1+C), the expected inner product of two stochastic gradients "
        "over the expected square of one. Dashed: p = 0.5, where C = 1.",
        single("p", "p", 0.5, scaled=False),
    ),
    FigureSpec(
        "loss",
        "Loss",
        "Training loss (and test loss where recorded), each the mean over trajectories. A simulation that"
        " imitates training lies on the orange curve within its band.",
        stacked((("loss", "training loss"), ("test_loss", "test loss"))),
    ),
    FigureSpec(
        "weight_norm",
        "Weight norm",
        "Distance of the weights from 0. The most sensitive test of a simulation: seeds of one training "
        "hardly differ in it, so a small drift shows.",
        single("weight_norm", r"$|\theta|$"),
    ),
    FigureSpec(
        "accuracy",
        "Train and test accuracy",
        "Full lines: test accuracy, thin lines: train accuracy. Compare their rise with the crossing of "
        "C_α: does generalisation come before it, with it, or after it?",
        accuracy,
    ),
    FigureSpec(
        "signal_noise",
        "Signal and noise apart",
        "Why C_α moves: the squared norm of the mean gradient (top) and the trace of the gradient "
        "covariance (bottom). A falling C_α may be a vanishing signal or a growing noise; only this "
        "figure tells which.",
        stacked((("signal", r"signal $|\bar g|^2$"), ("noise", r"noise Tr $\Sigma$"))),
    ),
    FigureSpec(
        "layers",
        "Consolidation per layer",
        "Debiased C of each parameter group, one panel per group. Layers need not turn together; the "
        "total is a ratio of sums, not the mean of these.",
        layers,
    ),
    FigureSpec(
        "clients",
        "Clients",
        "Top: C of the changes that the clients make in the round that begins, with each client as a draw. "
        "Bottom: mean of the clients' own C_1, thin the C_1 of all examples, merged from the clients' "
        "moments. The farther the two lie apart, the less clients agree, and the less the mean says.",
        clients,
    ),
    FigureSpec(
        "phases",
        "Phases",
        "One strip per trajectory: C against C*. Yellow where the interval of C spans C*, so that the "
        "phase is not decided. Compare the order and the length of the bands between arms.",
        phases,
    ),
    FigureSpec(
        "curvature",
        "Curvature and stability",
        "Largest eigenvalue of the Hessian with the edge of stability 2/η (shown when within reach), and "
        "the normalised margin S = 2(1 − λ/λ_crit): above 0 is stable, 2 is flat.",
        curvature,
    ),
    FigureSpec(
        "geometry",
        "Tails and dimension",
        "Tail index of the gradient noise (2 is Gaussian), the effective dimension d_H deduced from it "
        "(an hypothesis, not a measurement), and the dimension measured on the path itself.",
        stacked(
            (
                ("tail_index", r"tail index $\alpha$"),
                ("d_H", r"$d_H$"),
                ("trajectory_dimension", "path dimension"),
            )
        ),
    ),
    FigureSpec(
        "lyapunov",
        "Lyapunov drift",
        "Expected rate of change of the loss per unit of time. Below the dashed line the loss falls on "
        "average, on it the run is stationary, above it the noise wins.",
        single("lyapunov_drift", r"drift $\mathcal{L}V$", 0.0),
    ),
    FigureSpec(
        "intelligence",
        "Intelligence coefficient I",
        "I = p·(S/2)/d_H, the source's index of overall health (a heuristic). Above 0 stable, below 0 "
        "unstable; the cap is 1/d_H.",
        single("I", "I", 0.0, scaled=False),
    ),
    FigureSpec(
        "exits",
        "Exit times",
        "Fraction of trajectories that have not left yet, over time on a log axis, with its 95% band. "
        "A flat end is a share that never left within the run.",
        exits,
    ),
    FigureSpec(
        "occupancy",
        "Time in each well",
        "Share of time that the trajectories spend in each well: bars for the mean, whiskers for its 95% "
        "interval. Compare the arms: the Gibbs law weighs curvature, jumps weigh distance.",
        occupancy,
    ),
)
