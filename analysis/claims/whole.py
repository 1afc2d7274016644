"""C69: are all phenomena one phase transition, with one threshold of C (§15, summary)?"""

from __future__ import annotations

from typing import Any

import numpy as np

from .edge import edge_runs
from .estimates import Array, mapped, mean, ratio
from .grokking import grokked
from .lab import Lab
from .ledger import Finding, claim
from .minima import C_ONE, SHARPNESS, fitted
from .phenomena import random_features
from .plots import GUIDE, finish, rows
from .pruning import tickets
from .rules import above, judge, whether

_FEATURES_BATCH = 10


@claim(
    "C69",
    "9, summary",
    claim="Grokking, double descent, lottery tickets, the edge of stability and flat minima are one phase "
    "transition, at one threshold of C.",
    test="C of one example, which no batch size shifts, at the event of each: test accuracy ½, the "
    "interpolation peak (after 30 steps), a ticket early in training, λ_max at 2/η, the flattest third of "
    "minima: is there a value in all intervals?",
    shares="phenomena of real networks",
)
def one_threshold(lab: Lab) -> Finding:
    """A threshold C_B = 1 for one B would be C = 1/B of one example at every event."""
    found = {name: mapped(mean(np.log(c), "mean log"), np.exp) for name, c in _at_events(lab).items()}
    bottom, top = max(e.low for e in found.values()), min(e.high for e in found.values())
    least, most = (f(found, key=lambda name: found[name].value) for f in (min, max))
    spread = ratio(found[most], found[least], "ratio of log means")
    text = f"{bottom:.3g} to {top:.3g}" if bottom <= top else "none"
    ruling = judge(
        [whether(f"values of C in all {len(found)} intervals: {text}", bottom <= top)],
        corrected=[above(f"C of {most} over C of {least}", spread, 2.0)],
    )

    def draw(ax: Any) -> None:
        rows(ax, found)
        ax.set_xscale("log")
        for batch in (8, 128):
            ax.axvline(1 / batch, **GUIDE)
        finish(ax, "C of one example", "", "One transition would have one C (lines: C = 1 at B = 8, 128)")

    return Finding(
        {**{f"C of one example, {name}": e for name, e in found.items()}, "largest over smallest": spread},
        ruling,
        "one value of C that all intervals hold",
        "; ".join(f"{name}: {e.n}" for name, e in found.items()),
        draw,
        "Each event has its own C, apart by more than the intervals: there is no common threshold, at one "
        "batch size or without one.",
    )


def _at_events(lab: Lab) -> dict[str, Array]:
    """C of one example at each event, one number for each seed."""
    jumps = grokked(lab).c_one
    features = random_features(lab)
    peak = int(np.argmax(np.median(features.test, axis=1)))
    minima = fitted(lab)
    order = np.argsort(minima[:, SHARPNESS])
    reached = edge_runs(lab).reached
    events = {
        "grokking": jumps[np.isfinite(jumps)],
        "interpolation peak": features.after[peak] / _FEATURES_BATCH,
        "ticket": tickets(lab).c_one[0],
        "edge of stability": reached[np.isfinite(reached)],
        "flat minima": minima[order[: max(len(minima) // 3, 2)], C_ONE],
    }
    return {name: c for name, c in events.items() if c.size > 1}
