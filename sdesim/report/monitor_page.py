"""The page of a monitored training: what to change, and why, before the curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.plots.health_panel import monitor as panel
from sdesim.report.headline import Headline
from sdesim.report.page import drawn, picture
from sdesim.report.run_page import write_page
from sdesim.report.words import capitalised, number
from sdesim.runs import measure

_PANEL = (
    "What is measured, and which knob a trouble points to: a curvature at its critical value asks for a"
    " smaller learning rate, C below C* for a larger batch or a smaller rate."
)


def write_monitor_report(monitor: Any, folder: str | Path) -> Path:
    """Write ``report.html`` and ``figures/`` of a training that a `training.Monitor` has watched.

    The first sentence is `training.advise` of the last measurement: what to change, and the numbers behind
    it.

    Args:
        monitor: with measurements; it and the training are left alone.
        folder: where the page is put; made if it is not there.

    Returns:
        Path of the page.

    Raises:
        RunError: nothing was measured, or the page can't be written.

    Example:
        >>> sdesim.report.write_monitor_report(monitor, "watched")
    """
    if not monitor.history:
        raise RunError("monitor: nothing was measured yet")
    run = monitor.run()
    last = monitor.history[-1]
    flags = [flag.replace("_", " ") for flag in last.flags]
    summary = {
        "name": "monitored training",
        "description": f"{len(monitor.history)} measurements up to step {last.step}, taken while it trained.",
        "seed": run.attrs.get("seed", ""),
        "arms": {
            "training": {
                "kind": "real",
                "label": _label(run),
                "trajectories": 1,
                "steps": int(last.step),
                "status": {"finished": 1},
                "end": _end(last),
            }
        },
        "warnings": [f"last measurement: {', '.join(flags)}"] if flags else [],
        "headline": monitor_headline(last).to_dict(),
    }
    place = Path(folder)
    figure = drawn(panel, monitor.history)
    first = [picture(place, "health", "Health", _PANEL, figure)]
    return write_page(place, {"training": run}, {"training": measure(run)}, summary, first=first)


def monitor_headline(measurement: Any) -> Headline:
    """What a measurement says to change, why, and the rate and batch size that it suggests."""
    from sdesim.training.tools.advice import advise

    found = advise(measurement)
    sentence = f"{capitalised(found.action)}."
    evidence = [f"At step {measurement.step}: {found.why}."]
    suggested = []
    if found.learning_rate is not None:
        best, now = number(found.learning_rate, 3), number(measurement.learning_rate, 3)
        suggested.append(f"steepest descent at a learning rate of {best} (now {now})")
    if found.batch_size is not None:
        suggested.append(f"signal and noise equal at a batch size of {number(found.batch_size, 3)}")
    if suggested:
        text = "; ".join(suggested)
        evidence.append(f"{capitalised(text)}.")
    return Headline("monitor", sentence, tuple(evidence))


def _end(measurement: Any) -> dict[str, Any]:
    return {
        name: {"value": e.value, "low": e.low, "high": e.high, "flags": list(e.flags)}
        for name, e in measurement.estimates.items()
    }


def _label(run: Any) -> str:
    size = int(run.attrs.get("batch_size") or 0)
    return f"{run.attrs.get('optimizer', 'an optimizer')}, {f'batch {size}' if size else 'full batch'}"
