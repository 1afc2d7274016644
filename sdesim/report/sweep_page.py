"""Figures and the self-contained HTML page of a sweep's directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sdesim.comparison.sweep_fits import EXIT, SweepFits, refitted
from sdesim.comparison.sweep_table import SweepTable, slices
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text, content_of, read_json
from sdesim.plots.phase_maps import MISSING, OPEN, THIN, phase_map, quantity_map
from sdesim.plots.phase_maps import shown as shown_in
from sdesim.plots.sweep_curves import curves
from sdesim.report.headline import sweep_headline
from sdesim.report.leading import OF_WHOLE_PATHS
from sdesim.report.page import drawn, environment, picture, text_of, with_classes
from sdesim.report.words import capitalised, interval, number, plain
from sdesim.runs.provenance import kept_scenario
from sdesim.runs.quantities import lookup, quantities

# What a moment adds to a title, and to a caption.
_WHEN = {
    "mean": (" over the run", ", mean over the probes after the start."),
    "end": (" at the end", " at the end."),
    "whole run": ("", "."),
}
_OF_MAPS = {
    "several": " One panel for each arm.",
    THIN: " Hatched: fewer than three trajectories, or an interval that is missing or open.",
    MISSING: " Grey: not run, or not known.",
    "C = 1": " White: C = 1, the source's threshold.",
    "C = C*": " Orange: C = C*, where a step neither lowers nor raises the loss on average.",
    OPEN: " A ring: C's 95% interval reaches across the line of that colour, so that the side is open.",
}
_OF_CURVES = " Bands and whiskers: 95% intervals over trajectories. Hollow: too few, or an open interval."
_OF_FITS = (
    " Lines: laws by weighted least squares of the logarithm, with the 95% interval of k; points without a"
    " closed interval, as where trajectories had not left, are not used."
)
_MOST_SLICES = 6
_MOST_ROWS = 60


def write_sweep_report(folder: str | Path) -> Path:
    """Draw the figures of a sweep's directory and write its ``report.html``.

    Raises:
        RunError: it holds no table, or can't be written.
    """
    target = Path(folder)
    if not (target / "table.json").exists() or not (target / "summary.json").exists():
        raise RunError(f"{target} holds no table of a sweep")
    summary, table = (read_json(target / f"{name}.json") for name in ("summary", "table"))
    with content_of(target / "table.json"):
        whole = SweepTable.of(table)
    with content_of(target / "summary.json"):
        return _written(target, summary, table, whole)


def _written(target: Path, summary: dict[str, Any], table: dict[str, Any], whole: SweepTable) -> Path:
    fits = refitted(whole, summary.get("fits") or [])
    figures = [
        picture(target, name, title, caption, figure)
        for name, title, caption, figure in _figures(_of_whole_paths(whole), fits)
        if figure is not None
    ]
    scenario, provenance = kept_scenario(target), text_of(target / "provenance.json")
    page = target / "report.html"
    states = [p["state"] for p in summary["points"]]
    text = environment().get_template("sweep.html.j2").render(
        summary=summary, headline=summary.get("headline") or sweep_headline(summary).to_dict(),
        figures=figures, scenario=scenario, provenance=provenance, interval=interval,
        number=number, quote=quote, counts={s: states.count(s) for s in dict.fromkeys(states)},
        most=_MOST_ROWS, **_values(table),
    )  # fmt: skip
    atomic_write_text(page, with_classes(text))
    return page


Drawing = tuple[str, str, str, Any]
Shown = tuple[str, str, str, str]


def _shown() -> list[Shown]:
    """(quantity, moment, title, what to see) of what every sweep's page shows."""
    return [
        (row.name, at, row.title + _WHEN[at][0], capitalised(row.meaning) + _WHEN[at][1])
        for row in quantities()
        for at in row.swept
    ]


def _of_whole_paths(table: SweepTable) -> SweepTable:
    """Without the ends of paths that were stopped where they left."""
    kept = {
        key: grid
        for key, grid in table.grids.items()
        if not (key[1] in OF_WHOLE_PATHS and key[2] != "whole run" and table.stopping(key[0]))
    }
    return replace(table, grids=kept)


def _figures(table: SweepTable, fits: SweepFits) -> Iterator[Drawing]:
    """(file name, title, caption, figure or None): maps over the first two axes, curves along the others."""
    wide = [k for k, axis in enumerate(table.axes) if len(axis.values) > 1]
    always = _shown()
    shown = [*always, *_others(table, {q for q, *_ in always})]
    # What the scenario speaks of comes first.
    expected = {q for _, q, at in table.grids if at.startswith("expect")}
    # A distance from training is one in a quantity.
    asked = expected | {q.partition(".")[2] for q in expected}
    shown += [item for item in _fitted(fits) if item[:2] not in {s[:2] for s in shown}]
    shown.sort(key=lambda item: item[0] not in asked)
    if len(wide) >= 2:
        ways = list(slices(table.axes, wide[:2]))[:_MOST_SLICES]
        for number_, (index, words) in enumerate(ways):
            end, of = (f"_{number_}", f", {words}") if len(ways) > 1 else ("", "")
            for quantity, at, title, caption in shown:
                label = plain(quantity) if lookup(quantity) is None else ""
                figure = drawn(quantity_map, table, index, quantity, at, label)
                told = set() if figure is None else {*shown_in(figure), *_several(figure)}
                caption_ = caption + "".join(text for name, text in _OF_MAPS.items() if name in told)
                yield f"map_{_file(quantity, at)}{end}", title + of, caption_, figure
            caption = "The commonest phase, C against C*, and its share of all probes of all trajectories."
            figure = drawn(phase_map, table, index)
            caption += "" if figure is None or MISSING not in shown_in(figure) else _OF_MAPS[MISSING]
            yield f"map_phase{end}", f"Phase{of}", caption, figure
        for k in wide:
            along = {(f.quantity, f.at) for f in fits if f.axis == table.axes[k].label}
            exits = {EXIT} if table.axes[k].geometric else set()
            yield from (_curves(table, k, *item, fits) for item in shown if item[:2] in along | exits)
    for k in wide if len(wide) == 1 else ():
        for item in shown:
            yield _curves(table, k, *item, fits)


def _several(figure: Any) -> set[str]:
    return {"several"} if sum(bool(ax.get_title(loc="left")) for ax in figure.axes) > 1 else set()


def _fitted(fits: SweepFits) -> Iterator[Shown]:
    """What laws were fitted to, for quantities that no page shows unasked."""
    for f in fits:
        when, seen = _WHEN.get(f.at, (f" {f.at}", "."))
        yield f.quantity, f.at, capitalised(plain(f.quantity)) + when, "What a law is fitted to" + seen


def _curves(
    table: SweepTable, k: int, quantity: str, at: str, title: str, caption: str, fits: SweepFits
) -> Drawing:
    axis = table.axes[k]
    told = any((f.axis, f.quantity, f.at) == (axis.label, quantity, at) for f in fits)
    laws = _OF_FITS if told else ""
    name = f"curve_{_file(quantity, at)}_{_file(axis.label, '')}"
    words = f"{caption.rstrip('.')} along {axis.label}.{_OF_CURVES}{laws}"
    return (
        name,
        f"{title} along {axis.label}",
        words,
        drawn(partial(curves, fits=fits), table, k, quantity, at),
    )


def _others(table: SweepTable, known: set[str]) -> Iterator[Shown]:
    """What the scenario expects, and times in wells."""
    for quantity, at in dict.fromkeys((q, at) for _, q, at in table.grids):
        if quantity.startswith("occupancy.") and at == "whole run":
            yield quantity, at, f"Time in the well {quantity.partition('.')[2]}", "Share of the time."
        elif at.startswith("expect") and quantity not in known and not quantity.startswith("occupancy."):
            moment = at.removeprefix("expect ")
            yield (
                quantity,
                at,
                f"{capitalised(plain(quantity))} {moment}",
                "What the scenario's expectation speaks of.",
            )


def _file(quantity: str, at: str) -> str:
    text = f"{quantity}_{at}" if at else quantity
    return "".join(c if c.isalnum() else "_" for c in text).strip("_")


def _values(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table of the page: points down, the quantities shown across for each arm."""
    wanted = [(q, at) for q, at, *_ in _shown()]
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
