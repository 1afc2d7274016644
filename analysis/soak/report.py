"""Table and figure of a soak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .faults import FAULTS
from .trials import DONE

# The first part of all readings is the time in which everything is loaded and compiled.
_SETTLED = 1 / 3


def growth(readings: Sequence[dict[str, float]], name: str) -> dict[str, float]:
    """MiB a minute by least squares over the last two thirds, and the smallest and largest reading there.

    The error of the slope is that of independent readings, which they are not: it is a lower bound.
    """
    kept = readings[int(len(readings) * _SETTLED) :]
    if len(kept) < 3:
        return {}
    minutes = np.array([r["seconds"] for r in kept]) / 60.0
    held = np.array([r[name] for r in kept])
    apart = minutes - minutes.mean()
    slope = float(apart @ held / (apart @ apart))
    rest = held - held.mean() - slope * apart
    error = float(np.sqrt(rest @ rest / (len(kept) - 2) / (apart @ apart)))
    return {"slope": slope, "error": error, "least": float(held.min()), "most": float(held.max())}


def markdown(found: dict[str, Any]) -> str:
    """The tables: by fault what came of it, by work how much there was, and what memory did."""
    trials = found["trials"]
    head = ("fault", "trials", "met", "commands", "refused and begun anew", "same bits", "lost", "wrong",
            "long answers")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for fault in [*FAULTS, "all"]:
        rows = [t for t in trials if fault in (t["fault"], "all")]
        counts = [len(rows), *(sum(map(int, (t[k] for t in rows))) for k in ("met", "commands", "anew"))]
        counts += [sum(t["outcome"] == o for t in rows) for o in ("same bits", "lost", "wrong")]
        lines.append(f"| {fault} | {' | '.join(map(str, [*counts, sum(t['long'] for t in rows)]))} |")
    by_work = ", ".join(f"{sum(t['work'] == w for t in trials)} of a {w}" for w in DONE)
    rounds, load = found["resident"], [r["load"] for r in found["readings"]]
    lines += [
        "",
        f"{found['minutes']:.1f} minutes, {found['lanes']} trials at a time, seed {found['seed']}, "
        f"{found['machine']}, load {min(load):.0f} to {max(load):.0f}. Trials: {by_work}.",
        "",
        f"Beside them one process simulated, estimated, opened and reported {rounds['rounds']} times; "
        f"{rounds['differing']} of these gave other bits than the first.",
        "",
        "| memory of | MiB, least and most after a third of the time | MiB a minute |",
        "|---|---|---|",
    ]
    for name, told in found["growth"].items():
        if told:
            lines.append(
                f"| {name} | {told['least']:.0f} to {told['most']:.0f} | "
                f"{told['slope']:.2f} ± {1.96 * told['error']:.2f} |"
            )
    return "\n".join(lines) + "\n"


def figure(found: dict[str, Any], file: Path) -> None:
    """Memory over time, and when trials of each fault ended."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from sdesim.plots.style import styled

    with styled():
        sketch, (upper, lower) = plt.subplots(
            2, 1, figsize=(7.0, 6.5), sharex=True, height_ratios=(1, 1.3), layout="constrained"
        )
        minutes = [r["seconds"] / 60.0 for r in found["readings"]]
        for name in ("resident", "cluster", "study"):
            upper.plot(minutes, [r[name] for r in found["readings"]], label=name)
        upper.set_ylabel("memory (MiB)")
        upper.set_ylim(bottom=0.0)
        upper.legend(loc="best")
        places = list(FAULTS)
        for t in found["trials"]:
            right = t["outcome"] == "same bits"
            lower.plot(
                (t["begun"] + t["took"]) / 60.0, places.index(t["fault"]), "o" if right else "x",
                color="C0" if right else "C1", markersize=3 if right else 7,
            )  # fmt: skip
        lower.set_yticks(range(len(places)), places)
        lower.invert_yaxis()
        lower.set_xlabel("minutes")
        lower.set_title("trials that ended in the same bits (●), others (×)", fontsize="medium")
        sketch.savefig(file, dpi=150)
        plt.close(sketch)
