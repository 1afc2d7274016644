"""The self-contained HTML page of a run directory: figures inside, nothing from the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text
from sdesim.plots.arms import arm_views
from sdesim.plots.dashboard import FIGURES
from sdesim.report.page import drawn, environment, interval, number, picture, text_of
from sdesim.report.sweep_page import write_sweep_report
from sdesim.runs import measure, open_runs


def write_report(run_dir: str | Path, *, measured: Mapping[str, xr.Dataset] | None = None) -> Path:
    """Draw the figures of a run directory, or of a sweep's, and write its ``report.html``.

    Args:
        run_dir: a directory with ``<arm>.zarr`` and ``summary.json``.
        measured: measurements by arm, so that they need not be made again.

    Returns:
        Path of the page.

    Raises:
        RunError: not a run directory, or it can't be written.
    """
    folder = Path(run_dir)
    if (folder / "table.json").exists():
        return write_sweep_report(folder)
    if not (folder / "summary.json").exists():
        raise RunError(f"{folder} is not a finished run directory")
    runs = open_runs(folder)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    known = dict(measured or {})
    for name, run in runs.items():
        if name not in known and "probe" in run.dims:
            known[name] = measure(run, smooth=bool(summary.get("smooth")))
    scenario, provenance = (text_of(folder / name) for name in ("scenario.yaml", "provenance.json"))
    return write_page(folder, runs, known, summary, scenario, provenance)


def write_page(
    folder: Path,
    runs: Mapping[str, xr.Dataset],
    measured: Mapping[str, xr.Dataset],
    summary: Mapping[str, Any],
    scenario: str = "",
    provenance: str = "",
) -> Path:
    """Write ``figures/`` and ``report.html`` for runs and measurements by arm, in the summary's order."""
    order = [a for a in summary.get("arms", {}) if a in runs] or list(runs)
    views = arm_views({a: runs[a] for a in order}, {a: measured.get(a) for a in order})
    comparisons = summary.get("comparisons") or []
    figures = []
    for spec in FIGURES:
        figure = drawn(spec.draw, views, comparisons)
        if figure is not None:
            figures.append(picture(folder, spec.name, spec.title, spec.caption, figure))
    page = folder / "report.html"
    atomic_write_text(page, _render(summary, figures, scenario, provenance))
    return page


def _render(summary: Mapping[str, Any], figures: list[dict[str, str]], scenario: str, provenance: str) -> str:
    arms = summary.get("arms") or {}
    keys = dict.fromkeys(k for a in arms.values() for k in a.get("end") or {})
    filled = {"name": "", "description": "", "seed": "", "comparisons": [], "arms": {}, **summary}
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            summary=filled,
            figures=figures,
            scenario=scenario,
            provenance=provenance,
            end_keys=list(keys),
            distances=_distances(filled["comparisons"]),
            phase_rows=[r for c in filled["comparisons"] if (r := _phase_row(c)) is not None],
            interval=interval,
            number=number,
            power=_power,
        )
    )
    return str(page)


def _distances(comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of quantities, columns of simulated arms."""
    names = dict.fromkeys(q for c in comparisons for q in c["quantities"])
    rows = [{"name": q, "cells": [c["quantities"].get(q) for c in comparisons]} for q in names]
    totals = [
        {
            "differs": sum(q["outcome"] == "differs" for q in c["quantities"].values()),
            "count": len(c["quantities"]),
        }
        for c in comparisons
    ]
    return {"arms": [c["simulated"] for c in comparisons], "rows": rows, "totals": totals}


def _power(power: Mapping[str, Any]) -> str:
    """ "sees 2.1, 12 seeds tell"; why nothing can be said; or that no number of seeds is known to tell."""
    if power["why"]:
        return str(power["why"])
    sees = "sees none" if power["difference"] is None else f"sees {power['difference']:.2g}"
    if power["needed"] is not None:
        return f"{sees}; {power['needed']} seeds tell"
    return (
        f"{sees}; {power['limit']} seeds don't tell" if power["measured"] else f"{sees}; chance explains it"
    )


def _phase_row(comparison: Mapping[str, Any]) -> dict[str, Any] | None:
    phase = comparison.get("phases", {}).get("phase")
    if phase is None:
        return None
    sides = (("real", comparison["real"]), ("simulated", comparison["simulated"]))
    arms = [
        {"kind": k, "name": n, "sequence": phase[f"sequence_{k}"], "shares": _shares(phase[f"share_{k}"])}
        for k, n in sides
    ]
    crossings = [_crossing(c) for c in phase["crossings"] if c["real_count"] or c["simulated_count"]]
    return {
        "real": comparison["real"],
        "simulated": comparison["simulated"],
        "verdict": phase["verdict"],
        "arms": arms,
        "crossings": crossings,
    }


def _shares(shares: Mapping[str, float]) -> str:
    """ "transition 85%, exploration 15%", leaving out what never occurs."""
    return ", ".join(f"{name} {100 * share:.0f}%" for name, share in shares.items() if share)


def _crossing(c: Mapping[str, Any]) -> str:
    text = f"{c['start']} → {c['end']}: "
    text += f"{c['real_count']} real trajectories, mean time {number(c['real'])}; "
    text += f"{c['simulated_count']} simulated, {number(c['simulated'])}"
    delta, low, high = c["difference"]
    if delta is not None:
        text += f"; difference {interval({'value': delta, 'low': low, 'high': high})}"
    return text
