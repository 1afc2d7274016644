"""The table, in Markdown and JSON, and the figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.convergence.problems import PROBLEMS
from analysis.convergence.study import Order
from analysis.ground_truth import Row
from sdesim.plots.style import GUIDE, styled

# Okabe & Ito's colours, with one marker each.
LOOKS = {
    "euler-maruyama": ("#000000", "o"),
    "tamed-euler": ("#E69F00", "v"),
    "heun": ("#009E73", "s"),
    "implicit-euler": ("#CC79A7", "^"),
    "sra1": ("#0072B2", "D"),
    "milstein": ("#56B4E9", "P"),
    "baoab": ("#D55E00", "X"),
    "heavy-ball": ("#8C6D1F", "<"),
    "sgd": ("#777777", ">"),
}
# The same numbers as Euler–Maruyama's, which would lie on top of them.
SAME_AS_EULER = {("double-well", "milstein"), ("geometric", "sgd")}
SLOPES = {0.5: "½", 1.0: "1", 1.5: "1½", 2.0: "2"}


def markdown(orders: Sequence[Order], rows: Sequence[Row], shares: Mapping[str, Sequence[float]],
             explosive: Sequence[float], command: str) -> str:  # fmt: skip
    """The tables as a page."""
    lines = [
        "# Measured orders", "", f"Made by `{command}`. How to read it: [README](../README.md).", "",
        "| problem | noise | scheme | error | slope | 95% interval | stated | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for o in orders:
        stated = "–" if o.stated is None else f"{o.stated:g}"
        slope, interval = f"{o.slope:.2f}", f"{o.low:.2f} … {o.high:.2f}"
        if np.isnan(o.slope):
            slope, interval = "–", "lost in the noise"
        cells = (o.problem, o.sort, o.scheme, f"{o.kind}, {o.measure}", slope, interval, stated, o.verdict)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Problems:", ""]
    lines += [f"- {p.key}: {p.title}." for p in PROBLEMS.values()]
    lines += [
        "",
        "## Closed forms",
        "",
        "| quantity | exact | measured | s.e. | z |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(f"| {r.quantity} | {r.exact:.4g} | {r.estimate:.4g} | {r.se:.1g} | {r.z:+.1f} |")
    lines += ["", "## Share that explodes by t = 20, quartic drift and D = 1", ""]
    lines += ["| scheme | " + " | ".join(f"dt = {dt:g}" for dt in explosive) + " |"]
    lines += ["|---" * (len(explosive) + 1) + "|"]
    for scheme, share in shares.items():
        lines.append(f"| {scheme} | " + " | ".join(f"{s:.3g}" for s in share) + " |")
    return "\n".join(lines) + "\n"


def everything(orders: Sequence[Order], rows: Sequence[Row], shares: Mapping[str, Sequence[float]],
               explosive: Sequence[float]) -> dict[str, Any]:  # fmt: skip
    """The same as plain data for JSON."""
    return {
        "orders": [
            {
                "problem": o.problem, "noise": o.sort, "scheme": o.scheme, "kind": o.kind,
                "measure": o.measure, "dt": o.dt.tolist(), "error": o.error.tolist(), "se": o.se.tolist(),
                "slope": round(o.slope, 4), "low": round(o.low, 4), "high": round(o.high, 4),
                "stated": o.stated, "verdict": o.verdict,
            }
            for o in orders
        ],
        "closed_forms": [
            {"quantity": r.quantity, "exact": r.exact, "measured": r.estimate, "se": r.se, "z": r.z}
            for r in rows
        ],
        "exploded": {"dt": list(explosive), "share": {k: list(v) for k, v in shares.items()}},
    }  # fmt: skip


def figure(orders: Sequence[Order], shares: Mapping[str, Sequence[float]], explosive: Sequence[float],
           path: Path) -> None:  # fmt: skip
    """Strong errors over dt for three sorts of noise, weak errors for two, and the explosions."""
    with styled() as Figure:
        fig = Figure(figsize=(10.4, 7.0))
        axes = fig.subplots(2, 3)
        panels = (
            (axes[0, 0], "Strong, additive Gaussian noise", "strong", "rms", ("double-well", "oscillator")),
            (axes[0, 1], "Strong, multiplicative noise", "strong", "rms", ("geometric",)),
            (axes[0, 2], "Strong, α-stable jumps", "strong", "capped", ("jumps",)),
            (axes[1, 0], "Weak, additive Gaussian noise", "weak", "moments",
             ("double-well", "oscillator", "sgd", "heavy-ball")),
            (axes[1, 1], "Weak, multiplicative noise", "weak", "moments", ("geometric",)),
        )  # fmt: skip
        labels = {
            "rms": "√E|error|² at the end (units of θ)",
            "capped": "E min(|error|, 1) at the end (units of θ)",
            "moments": "error of (E θ, E θ²) (units of θ, θ²)",
        }
        for ax, title, kind, measure, problems in panels:
            chosen = [o for o in orders if (o.kind, o.measure) == (kind, measure) and o.problem in problems]
            draw_orders(ax, chosen)
            ax.set(title=title, xlabel="time step dt (units of time)", ylabel=labels[measure])
        draw_shares(axes[1, 2], shares, explosive)
        handles = {}
        for ax in axes.flat:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                handles[label] = handle
        known = [name for name in LOOKS if name in handles]
        fig.legend([handles[k] for k in known], known, loc="outside lower center", ncols=len(known),
                   columnspacing=1.2, handlelength=1.6)  # fmt: skip
        fig.savefig(path, dpi=110)


def draw_orders(ax: Any, orders: Sequence[Order]) -> None:
    """Errors with bars of two standard errors; levels that do not stand out of the noise are left out."""
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    seen: list[tuple[float, float]] = []
    for o in orders:
        if (o.problem, o.scheme) in SAME_AS_EULER:
            continue
        kept = o.error > 2 * o.se
        colour, marker = LOOKS[o.scheme]
        ax.errorbar(
            o.dt[kept], o.error[kept], yerr=2 * o.se[kept], color=colour, marker=marker, markersize=4.5,
            linewidth=1.3, capsize=2, label=o.scheme,
        )  # fmt: skip
        seen += list(zip(o.dt[kept].tolist(), o.error[kept].tolist(), strict=True))
    guides(ax, seen, sorted({guide_order(o) for o in orders}))


def guide_order(order: Order) -> float:
    """The order claimed, or the nearest half of what was measured."""
    if order.stated is not None or np.isnan(order.slope):
        return order.stated or 1.0
    return round(2 * order.slope) / 2


def guides(ax: Any, seen: Sequence[tuple[float, float]], slopes: Sequence[float]) -> None:
    """A fan of dashed lines with these slopes in the lower right corner, where no errors are."""
    left, right = min(p[0] for p in seen), max(p[0] for p in seen)
    bottom, top = min(p[1] for p in seen) / 2, max(p[1] for p in seen) * 2
    ax.set_xlim(left / 1.15, right * 1.6)
    ax.set_ylim(bottom, top)
    for slope in slopes:
        end = 1.25 * bottom * 4.0**slope
        ax.plot([right / 4, right], [1.25 * bottom, end], **GUIDE)
        ax.annotate(
            SLOPES.get(slope, f"{slope:g}"), (right, end), textcoords="offset points", xytext=(4, 0),
            va="center", fontsize=9, color="#555555",
        )  # fmt: skip


def draw_shares(ax: Any, shares: Mapping[str, Sequence[float]], explosive: Sequence[float]) -> None:
    """Who explodes."""
    for scheme, share in shares.items():
        colour, marker = LOOKS[scheme]
        ax.plot(explosive, share, color=colour, marker=marker, markersize=4.5, linewidth=1.3, label=scheme)
    ax.set_xscale("log")
    ax.set_xticks(explosive, [f"{dt:g}" for dt in explosive])
    ax.set_xticks([], minor=True)
    ax.set(
        title="Exploded by t = 20, quartic drift", xlabel="time step dt (units of time)",
        ylabel="share of trajectories", ylim=(-0.05, 1.05),
    )  # fmt: skip
