"""Paired comparisons, the table, the JSON and the figure."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.training_tools.arms import Result
from analysis.training_tools.rules import Judged
from sdesim.estimators.core.support import mean_interval
from sdesim.plots.style import GUIDE, styled

LEVEL = 0.95
TICKS, LIMITS = (-1.0, -0.2, -0.05, 0.0, 0.05, 0.2, 1.0), (-2.0, 4.0)
COLOURS = {"better": "#009E73", "worse": "#D55E00", "no difference seen": "#777777"}


@dataclass(frozen=True)
class Comparison:
    """A tool less a baseline on the same seeds, with Student's interval of the mean difference.

    Attributes:
        loss, loss_low, loss_high: test loss, negative is better. accuracy…: test accuracy.
    """

    problem: str
    subject: str
    tool: str
    baseline: str
    loss: float
    loss_low: float
    loss_high: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    seeds: int

    @property
    def verdict(self) -> str:
        """By the interval of the test loss."""
        if self.loss_high < 0:
            return "better"
        return "worse" if self.loss_low > 0 else "no difference seen"


def paired(values: Sequence[float], baseline: Sequence[float]) -> tuple[float, float, float]:
    """Mean difference and its interval; without one for fewer than two seeds."""
    d = np.asarray(values) - np.asarray(baseline)
    if len(d) < 2:
        return float(d.mean()), math.nan, math.nan
    value, low, high = (float(part) for part in mean_interval(d, level=LEVEL))
    return value, low, high


def compare(
    problem: str, subject: str, tool: tuple[str, Sequence[Any]], baseline: tuple[str, Sequence[Any]]
) -> Comparison:
    """Compare the outcomes of two arms or rules, seed by seed."""
    (name, mine), (other, theirs) = tool, baseline
    loss = paired([o.test_loss for o in mine], [o.test_loss for o in theirs])
    accuracy = paired([o.test_accuracy for o in mine], [o.test_accuracy for o in theirs])
    return Comparison(problem, subject, name, other, *loss, *accuracy, len(mine))


def level_row(problem: str, subject: str, result: Result) -> str:
    """One line on an arm itself."""
    o = result.outcomes
    loss, accuracy = [x.test_loss for x in o], [x.test_accuracy for x in o]
    share = np.mean([x.probe_share for x in o])
    diverged = sum(x.diverged for x in o)
    cells = (
        problem, subject, result.name, result.chosen, f"{np.mean(loss):.4f} ± {np.std(loss, ddof=1):.4f}",
        f"{100 * np.mean(accuracy):.1f}%", f"{np.mean([x.steps for x in o]):.0f}",
        f"{np.exp(np.mean([math.log(max(x.last_rate, 1e-12)) for x in o])):.2g}", f"{100 * share:.0f}%",
        str(diverged) if diverged else "–",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def judged_row(problem: str, subject: str, rule: str, found: Sequence[Judged], count: str) -> str:
    """One line on a rule."""
    loss = [j.test_loss for j in found]
    why = ", ".join(sorted({j.why for j in found if j.why})) or "–"
    choice = np.array([j.choice for j in found])
    chosen = f"{choice.mean():.0f}" if count == "step" else ", ".join(f"{c:g}" for c in sorted(set(choice)))
    cells = (
        problem, subject, rule, f"{np.mean(loss):.4f} ± {np.std(loss, ddof=1):.4f}",
        f"{100 * np.mean([j.test_accuracy for j in found]):.1f}%", f"{np.mean([j.spent for j in found]):.0f}",
        chosen, why,
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def comparison_row(c: Comparison) -> str:
    """One line on a paired difference."""
    cells = (
        c.problem, c.subject, c.tool, c.baseline, f"{c.loss:+.4f} [{c.loss_low:+.4f}, {c.loss_high:+.4f}]",
        f"{100 * c.accuracy:+.1f} [{100 * c.accuracy_low:+.1f}, {100 * c.accuracy_high:+.1f}]",
        f"**{c.verdict}**" if c.verdict != "no difference seen" else c.verdict,
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def markdown(
    comparisons: Sequence[Comparison], free: Sequence[Comparison], levels: Sequence[str],
    judged: Sequence[str], command: str, seeds: int,
) -> str:  # fmt: skip
    """The tables as a page."""
    count = {v: sum(c.verdict == v for c in comparisons) for v in COLOURS}
    head = "| problem | subject | tool | baseline | test loss, 95% | accuracy in points, 95% | the tool is |"
    return "\n".join(
        [
            "# Training tools against baselines", "",
            f"Made by `{command}`, {seeds} seeds. How to read it: [README](../README.md).", "",
            f"Of {len(comparisons)} comparisons the tool is better in {count['better']}, worse in "
            f"{count['worse']}, and no difference is seen in {count['no difference seen']}.", "",
            "## Paired differences, tool less baseline", "",
            head, "|---|---|---|---|---|---|---|", *map(comparison_row, comparisons), "",
            "## The same, if measuring cost nothing", "",
            head, "|---|---|---|---|---|---|---|", *map(comparison_row, free), "",
            "## Arms that steer training, at equal budgets", "",
            "| problem | subject | arm | tuned to | test loss ± s.d. | test accuracy | steps | last rate |"
            " on measuring | diverged |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *levels, "",
            "## Rules that judge trainings", "",
            "| problem | subject | rule | test loss ± s.d. | test accuracy | gradients spent | choice |"
            " fired |",
            "|---|---|---|---|---|---|---|---|",
            *judged, "",
        ]
    )  # fmt: skip


def everything(
    comparisons: Sequence[Comparison], free: Sequence[Comparison],
    arms: Mapping[str, Mapping[str, Sequence[Result]]],
    rules: Mapping[str, Mapping[str, Mapping[str, Sequence[Judged]]]], command: str,
) -> dict[str, Any]:  # fmt: skip
    """All results, seed by seed, as plain data for JSON."""
    return {
        "command": command,
        "comparisons": [dataclasses.asdict(c) | {"verdict": c.verdict} for c in comparisons],
        "if_measuring_cost_nothing": [dataclasses.asdict(c) | {"verdict": c.verdict} for c in free],
        "arms": {
            p: {s: [dataclasses.asdict(r) for r in found] for s, found in subjects.items()}
            for p, subjects in arms.items()
        },
        "rules": {
            p: {
                s: {rule: [dataclasses.asdict(j) for j in found] for rule, found in made.items()}
                for s, made in subjects.items()
            }
            for p, subjects in rules.items()
        },
    }


def figure(comparisons: Sequence[Comparison], path: Path) -> None:
    """Every paired difference in test loss with its interval."""
    problems = list(dict.fromkeys(c.problem for c in comparisons))
    rows = list(dict.fromkeys((c.subject, c.tool, c.baseline) for c in comparisons))
    with styled() as figure_class:
        page = figure_class(figsize=(11.0, 0.29 * len(rows) + 1.4))
        axes = np.atleast_1d(page.subplots(1, len(problems), sharey=True))
        for ax, name in zip(axes, problems, strict=True):
            for c in comparisons:
                if c.problem != name:
                    continue
                y = len(rows) - 1 - rows.index((c.subject, c.tool, c.baseline))
                ax.plot([c.loss_low, c.loss_high], [y, y], color=COLOURS[c.verdict], linewidth=2.2)
                ax.plot([c.loss], [y], marker="o", color=COLOURS[c.verdict], markersize=5)
            ax.axvline(0, **GUIDE)
            ax.set_xscale("symlog", linthresh=0.05)
            ax.set_xticks(TICKS, [f"{x:g}" for x in TICKS])
            ax.set_xlim(*LIMITS)
            ax.set_title(name)
            ax.set_xlabel("test loss, tool less baseline (nats)")
        labels = [f"{subject}: {tool} vs {baseline}" for subject, tool, baseline in rows]
        axes[0].set_yticks(range(len(rows)), labels[::-1])
        axes[0].tick_params(axis="y", labelsize=8)
        page.suptitle("Left of 0 the tool wins; bars: 95% over seeds; grey: no difference seen", fontsize=9)
        page.savefig(path)
