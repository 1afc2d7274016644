"""Figures and the self-contained HTML page of a sweep's directory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text
from sdesim.plots.phase_maps import phase_map, quantity_map
from sdesim.plots.sweep_curves import EXIT, curves
from sdesim.plots.sweep_table import SweepTable, slices
from sdesim.report.run_page import environment, interval, number, picture

# Quantity, moment, label of the axis, title, what to see.
_SHOWN = (
    ("C_alpha", "mean", r"mean $C_\alpha$", "Consolidation ratio over the run",
     "C_α, mean over the probes after the start."),
    ("C_alpha", "end", r"$C_\alpha$ at the end", "Consolidation ratio at the end", "C_α at the last probe."),
    (*EXIT, "mean exit time", "Exit time", "Mean time of the first exit."),
    ("loss", "end", "loss at the end", "Loss", "Training loss at the end."),
    ("test_accuracy", "end", "test accuracy at the end", "Test accuracy", "Test accuracy at the end."),
    ("lambda_max", "end", r"$\lambda_{\max}$ at the end", "Largest curvature",
     "Largest eigenvalue of the Hessian at the last probe."),
    ("S", "end", "S at the end", "Stability margin", "S at the last probe: above 0 is stable."),
    ("tail_index", "mean", r"mean tail index $\alpha$", "Tail index",
     "Tail index of the gradient noise, mean over the probes after the start."),
)  # fmt: skip
_OF_MAPS = (
    " One panel for each arm. Hatched: fewer than three trajectories, or an interval"
    " that is missing or open. Grey: not run."
)
_OF_LINES = (
    " White: C = 1, the source's threshold; orange: C = C*, where a step neither lowers nor raises the loss"
    " on average; both by linear interpolation of log C. Dotted: where the ends of C's 95% interval cross,"
    " point by point."
)
_OF_CURVES = " Bands and whiskers: 95% intervals over trajectories. Hollow: too few, or an open interval."
_OF_FITS = (
    " Lines: weighted least squares in log-log with the 95% interval of the exponent; points with"
    " trajectories that had not left are not used."
)
_MOST_SLICES = 6
_MOST_ROWS = 60
# Inches beyond which a figure gets the whole width of the page.
_WIDE = 7.0


def write_sweep_report(folder: str | Path) -> Path:
    """Draw the figures of a sweep's directory and write its ``report.html``.

    Raises:
        RunError: it holds no table, or can't be written.
    """
    target = Path(folder)
    if not (target / "table.json").exists() or not (target / "summary.json").exists():
        raise RunError(f"{target} holds no table of a sweep")
    summary, table = (
        json.loads((target / f"{n}.json").read_text(encoding="utf-8")) for n in ("summary", "table")
    )
    figures = [
        {**picture(target, name, title, caption, figure), "wide": figure.get_figwidth() > _WIDE}
        for name, title, caption, figure in _figures(SweepTable.of(table))
        if figure is not None
    ]
    scenario, provenance = (
        path.read_text(encoding="utf-8") if (path := target / name).exists() else ""
        for name in ("scenario.yaml", "provenance.json")
    )
    page = target / "report.html"
    states = [p["state"] for p in summary["points"]]
    text = environment().get_template("sweep.html.j2").render(
        summary=summary, figures=figures, scenario=scenario, provenance=provenance, interval=interval,
        number=number, quote=quote, counts={s: states.count(s) for s in dict.fromkeys(states)},
        most=_MOST_ROWS, **_values(table),
    )  # fmt: skip
    atomic_write_text(page, text)
    return page


Drawing = tuple[str, str, str, Any]


def _figures(table: SweepTable) -> Iterator[Drawing]:
    """(file name, title, caption, figure or None): maps over the first two axes, curves along the others."""
    wide = [k for k, axis in enumerate(table.axes) if len(axis.values) > 1]
    shown = [*_SHOWN, *_others(table)]
    if len(wide) >= 2:
        ways = list(slices(table.axes, wide[:2]))[:_MOST_SLICES]
        for number_, (index, words) in enumerate(ways):
            end, of = (f"_{number_}", f", {words}") if len(ways) > 1 else ("", "")
            for quantity, at, label, title, caption in shown:
                more = _OF_MAPS + (_OF_LINES if quantity == "C_alpha" else "")
                figure = quantity_map(table, index, quantity, at, label)
                yield f"map_{_file(quantity, at)}{end}", title + of, caption + more, figure
            caption = "The commonest phase, C against C*, and its share of all probes of all trajectories."
            yield f"map_phase{end}", f"Phase{of}", caption, phase_map(table, index)
        for k in wide:
            if table.axes[k].geometric:
                yield _curves(table, k, *EXIT, "mean exit time", "Exit time", "Mean time of the first exit")
    for k in wide if len(wide) == 1 else ():
        for item in shown:
            yield _curves(table, k, *item)


def _curves(
    table: SweepTable, k: int, quantity: str, at: str, label: str, title: str, caption: str
) -> Drawing:
    axis = table.axes[k]
    fits = _OF_FITS if (quantity, at) == EXIT and axis.geometric else ""
    name = f"curve_{_file(quantity, at)}_{_file(axis.label, '')}"
    figure = curves(table, k, quantity, at, label)
    return (
        name,
        f"{title} along {axis.label}",
        f"{caption.rstrip('.')} along {axis.label}.{_OF_CURVES}{fits}",
        figure,
    )


def _others(table: SweepTable) -> Iterator[tuple[str, str, str, str, str]]:
    """What the scenario expects, and times in wells."""
    known = {q for q, *_ in _SHOWN}
    for quantity, at in dict.fromkeys((q, at) for _, q, at in table.grids):
        if quantity.startswith("occupancy.") and at == "whole run":
            yield (
                quantity,
                at,
                quantity,
                f"Time in the well {quantity.partition('.')[2]}",
                "Share of the time.",
            )
        elif at.startswith("expect") and quantity not in known and not quantity.startswith("occupancy."):
            moment = at.removeprefix("expect ")
            yield quantity, at, quantity, f"{quantity} {moment}", "What the scenario's expectation speaks of."


def _file(quantity: str, at: str) -> str:
    text = f"{quantity}_{at}" if at else quantity
    return "".join(c if c.isalnum() else "_" for c in text).strip("_")


def _values(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table of the page: points down, the quantities shown across for each arm."""
    wanted = [(q, at) for q, at, *_ in _SHOWN]
    labels = [a["label"] for a in table["axes"]]
    columns: dict[tuple[str, str, str], None] = {}
    cells: dict[str, dict[tuple[str, str, str], Any]] = {}
    places: dict[str, list[Any]] = {}
    for row in table["rows"]:
        if (row["quantity"], row["at"]) in wanted:
            key = (row["arm"], row["quantity"], row["at"])
            columns.setdefault(key)
            cells.setdefault(row["point"], {})[key] = row
            places[row["point"]] = [row[name] for name in labels]
    ordered = sorted(columns, key=lambda c: wanted.index(c[1:]))
    rows = [{"name": p, "place": places[p], "cells": [cells[p].get(c) for c in ordered]} for p in cells]
    return {"labels": labels, "columns": ordered, "rows": rows}
