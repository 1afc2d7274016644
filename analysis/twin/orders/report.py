"""Table and figure of the weak orders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.twin.orders.scaling import KAPPA, Scaled
from analysis.twin.orders.study import Order


def markdown(orders: Sequence[Order], rules: Sequence[Scaled], command: str) -> str:
    """Both tables."""
    lines = [
        f"Made by `{command}`.", "",
        "| optimizer | ε | weak order [95%] | stated | verdict | at the largest ε | at the smallest |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for one in orders:
        family = one.family
        said = "none" if family.stated is None else f"{family.stated:g}"
        said += ", times log(1/ε)" if family.logarithm else ""
        known = np.isfinite(one.order)
        order = f"{one.order:.2f} [{one.low:.2f}, {one.high:.2f}]" if known else "not fitted"
        ends = [f"{one.errors[k]:.1e} ± {one.noise[k]:.0e}, ε = 1/{1 / one.scales[k]:g}" for k in (0, -1)]
        cells = (family.name, family.scale, order, said, one.verdict, *ends)
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "", f"Adam at {KAPPA} times the batch after as many examples: gap of the observables in units of "
        "their spread, by rule.", "",
        "| √(Tr Σ)/‖∇L‖ of one step | square root rule | linear rule |", "|---|---|---|",
    ]  # fmt: skip
    for rule in rules:
        gaps = [f"{rule.gaps[name]:.2f} ± {rule.errors[name]:.2f}" for name in ("square root", "linear")]
        lines.append(f"| {rule.noise:.2g} | {gaps[0]} | {gaps[1]} |")
    return "\n".join(lines) + "\n"


def everything(orders: Sequence[Order], rules: Sequence[Scaled]) -> dict[str, Any]:
    """All numbers."""
    return {
        "orders": [
            {
                "optimizer": one.family.name, "scale": one.family.scale, "stated": one.family.stated,
                "logarithm": one.family.logarithm, "order": _known(one.order), "low": _known(one.low),
                "high": _known(one.high), "verdict": one.verdict, "epsilon": one.scales.tolist(),
                "errors": one.errors.tolist(), "standard_errors": one.noise.tolist(),
            }
            for one in orders
        ],
        "square_root_rule": [{"noise": r.noise, "gaps": r.gaps, "errors": r.errors} for r in rules],
    }  # fmt: skip


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def figure(orders: Sequence[Order], path: Path) -> None:
    """Errors over ε, a panel for each group of optimizers, beside a line of order 1."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups = {
        "rates alone and momentum": [o for o in orders if not o.family.scale.startswith(("η²", "dt"))],
        "squares, begun": [o for o in orders if "from time 1" in o.family.name or "known" in o.family.name],
        "squares and signs from the start": [
            o for o in orders if o.family.scale == "η²"
            and not ("from time 1" in o.family.name or "known" in o.family.name)
        ],
    }  # fmt: skip
    made, axes = pyplot.subplots(1, 3, figsize=(12, 4), sharey=True, layout="constrained")
    for ax, (title, some) in zip(axes, groups.items(), strict=True):
        for one in some:
            ax.errorbar(one.scales, one.errors, 2 * one.noise, marker="o", ms=3, lw=1, label=one.family.name)
        span = np.array([1 / 128, 1 / 4])
        ax.plot(span, 0.15 * span, "k--", lw=1, label="order 1")
        ax.set(xscale="log", yscale="log", xlabel="ε, the time of one step", title=title)
        ax.legend(fontsize=6)
    axes[0].set_ylabel("weak error |E f(optimizer) − E f(twin)|")
    axes[0].set_ylim(5e-4, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.savefig(path, dpi=130)
    pyplot.close(made)
