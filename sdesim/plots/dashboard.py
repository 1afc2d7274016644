"""The dashboard of the source (§12.3) and its companions: the figures of a report, with their captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sdesim.plots.arms import ArmView
from sdesim.plots.companions import clients, distance, layers, occupancy, phase_strip
from sdesim.plots.curves_in_time import (
    accuracy,
    consolidation,
    curvature,
    edge,
    further,
    geometry,
    intelligence,
    loss,
    lyapunov,
    probability,
    signal_noise,
    weight_norm,
)
from sdesim.plots.ensembles import ensemble
from sdesim.plots.fans import fan
from sdesim.plots.grounded import Grounds, density_on_ground, paths_on_ground, survival_on_ground


@dataclass(frozen=True)
class FigureSpec:
    """A figure of the report.

    Attributes:
        name: of its file. title: over it.
        caption: what to see; beside: its end where simulations stand beside trainings.
        plot: what draws it, a function of views of the arms; one that compares takes the comparisons before
            them, one that is grounded what drives the simulated arms after them.
    """

    name: str
    title: str
    caption: str
    plot: Callable[..., Any]
    beside: str = ""
    compares: bool = False
    grounded: bool = False

    def draw(
        self, views: Sequence[ArmView], comparisons: Sequence[Mapping[str, Any]], grounds: Grounds
    ) -> Any:
        """The Axes.

        Raises:
            NothingToDraw: no arm holds what it shows.
        """
        if self.grounded:
            return self.plot(views, grounds)
        return self.plot(comparisons, arms=views) if self.compares else self.plot(views)


FIGURES: tuple[FigureSpec, ...] = (
    FigureSpec(
        "distances",
        "How far from training is each simulation?",
        "One mark per quantity and simulated arm: mean distance from the real mean in units of the spread"
        " between real seeds. Grey: what further real seeds would show (its mean and upper limit). Filled"
        " marks are told apart from training, open ones are not at this sample size; the further right, the"
        " worse the imitation.",
        distance,
        compares=True,
    ),
    FigureSpec(
        "consolidation",
        "Consolidation ratio",
        "C_α over training. Dotted in the arm's colour: its own threshold C*, below which a step raises the "
        "loss on average. Look for where, and whether, each curve crosses it.",
        consolidation,
        " And whether blue and orange cross together.",
    ),
    FigureSpec(
        "probability",
        "Signal share p",
        "The same signal on [0, 1]: p = C/(1+C), the expected inner product of two stochastic gradients "
        "over the expected square of one. It is 0.5 where C = 1.",
        probability,
    ),
    FigureSpec(
        "loss",
        "Loss",
        "Loss, and test loss where it was recorded, over the run.",
        loss,
        " A simulation that imitates training lies among the orange curves.",
    ),
    FigureSpec(
        "weight_norm",
        "Weight norm",
        "Distance of the parameters from 0, over the run.",
        weight_norm,
        " The most sensitive test of a simulation: seeds of one training hardly differ in it, so a small"
        " drift shows.",
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
        signal_noise,
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
        "Does a step lower the loss?",
        "One strip per trajectory, of many the first: C against C*. The theory calls falling generalization,"
        " rising exploration. Hatched where the interval of C spans C*, so that it is not decided. Compare"
        " the order and the length of the bands between arms.",
        phase_strip,
    ),
    FigureSpec(
        "phases_literal",
        "Phases as the source reads them",
        "The same strips for the source's own reading: its literal C against 1, without an interval. Where "
        "they differ from the strips above, the bias of C or the threshold decides.",
        partial(phase_strip, kind="phase_literal"),
    ),
    FigureSpec(
        "curvature",
        "Curvature and stability",
        "Largest eigenvalue of the Hessian, and the normalised margin S = 2(1 − λ/λ_crit): above 0 is "
        "stable, 2 is flat. Where the edge of stability 2/η is within reach it is a dashed line.",
        curvature,
    ),
    FigureSpec(
        "edge",
        "Edge of the optimizer",
        "Largest curvature as the optimizer meets it (of the Hessian, for Adam and its kin of the "
        "preconditioned one), and dotted in the arm's colour the value from which that optimizer is "
        "unstable, momentum and weight decay counted in. A curve that rises to its dotted line and stays "
        "there trains at the edge.",
        edge,
    ),
    FigureSpec(
        "geometry",
        "Tails and dimension",
        "Tail index of the gradient noise (2 is Gaussian), the effective dimension d_H deduced from it "
        "(an hypothesis, not a measurement), and the dimension measured on the path itself.",
        geometry,
    ),
    FigureSpec(
        "lyapunov",
        "Lyapunov drift",
        "Expected rate of change of the loss per unit of time. Below 0 the loss falls on average, at 0 the "
        "run is stationary, above it the noise wins. Where a tangent vector was followed, its rate of "
        "growth: above 0 neighbouring paths part, below 0 they meet.",
        lyapunov,
    ),
    FigureSpec(
        "intelligence",
        "Intelligence coefficient I",
        "I = p·(S/2)/d_H, the source's index of overall health (a heuristic). Above 0 stable, below 0 "
        "unstable; the cap is 1/d_H.",
        intelligence,
    ),
    FigureSpec(
        "exits",
        "Exit times",
        "Share of the trajectories that have not left yet, from the start on, with its 95% band. Where its "
        "axis is logarithmic, a constant rate of leaving is a straight line. A flat end is a share that "
        "never left within the run. Dashed, where theory gives a mean: a constant rate with that mean.",
        survival_on_ground,
        grounded=True,
    ),
    FigureSpec(
        "paths",
        "Paths",
        "The first trajectories of each simulated arm on the loss that they share: over time in one"
        " dimension; in two in the plane, from a circle to a square. A path ends where an event stopped it;"
        " jumps far beyond the axes are counted in the legend.",
        paths_on_ground,
        grounded=True,
    ),
    FigureSpec(
        "density",
        "Where it stays, beside the Gibbs law",
        "Density of the first coordinate in the second half of the run, bars for the 95% interval over"
        " trajectories, and the stationary law exp(−L/D) of the equation without a step. What differs from it"
        " is the scheme's bias, or a run that has not come to rest.",
        density_on_ground,
        grounded=True,
    ),
    FigureSpec(
        "occupancy",
        "Time in each well",
        "Share of time that the trajectories spend in each well: bars for the mean, whiskers for its 95% "
        "interval. Compare the arms: the Gibbs law weighs curvature, jumps weigh distance.",
        occupancy,
    ),
    FigureSpec(
        "forecast",
        "Forecast, and what then happened",
        "From the dotted line on, the twin's draws: median, and the bands that hold 50% and 90% of them. The "
        "line of the training should leave the wide band one time in ten.",
        fan,
    ),
    FigureSpec(
        "ensemble",
        "Where the trajectories lie",
        "Of all trajectories that have not ended: the middle quantile with a band between the outer ones, or "
        "the mean with a standard deviation, or the extremes.",
        ensemble,
    ),
    FigureSpec(
        "further",
        "Further quantities",
        "What was measured and has no figure of its own, a panel each.",
        further,
    ),
)
