"""The self-contained HTML page of a run directory: figures inside, nothing from the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text, content_of, read_json
from sdesim.io.places import Place, local, place
from sdesim.plots.arms import ArmView, arm_views
from sdesim.plots.dashboard import FIGURES
from sdesim.plots.grounded import Grounds
from sdesim.report.beside_theory import exits_beside_theory
from sdesim.report.headline import headline
from sdesim.report.leading import asked_figures, derived_figures, leading
from sdesim.report.matrix import matrix
from sdesim.report.page import drawn, environment, picture, text_of, with_classes
from sdesim.report.sweep_page import write_sweep_report
from sdesim.report.words import interval, number, plain
from sdesim.runs import measure, open_runs
from sdesim.runs.provenance import kept_scenario
from sdesim.runs.quantities import lookup, meanings

# What is written of a directory.
PAGE = "report.html"


def write_report(
    run_dir: str | Place,
    *,
    measured: Mapping[str, xr.Dataset] | None = None,
    grounds: Grounds | None = None,
) -> Place:
    """Draw the figures of a run directory, or of a sweep's, and write its ``report.html``.

    Args:
        run_dir: a directory with ``<arm>.zarr`` and ``summary.json``.
        measured: measurements by arm, so that they need not be made again.
        grounds: what drives simulated arms, by name; without it figures that need it are left out.

    Returns:
        Path of the page.

    Raises:
        RunError: not a run directory, or it can't be written.
    """
    folder = place(run_dir)
    if (folder / "table.json").exists():
        return write_sweep_report(local(folder, "a sweep"))
    if not (folder / "summary.json").exists():
        raise RunError(f"{folder} is not a finished run directory")
    runs = open_runs(folder)
    summary = read_json(folder / "summary.json")
    arms = summary.get("arms")
    if not isinstance(summary.get("name"), str) or not isinstance(arms, dict):
        raise RunError(f"{folder / 'summary.json'} does not hold what it should: a name and arms")
    known = dict(measured or {})
    for name, run in runs.items():
        if name not in known and "probe" in run.dims:
            known[name] = measure(run, smooth=bool(summary.get("smooth")))
    scenario, provenance = kept_scenario(folder), text_of(folder / "provenance.json")
    with content_of(folder / "summary.json"):
        return write_page(folder, runs, known, summary, scenario, provenance, grounds)


def write_page(
    folder: Place,
    runs: Mapping[str, xr.Dataset],
    measured: Mapping[str, xr.Dataset],
    summary: Mapping[str, Any],
    scenario: str = "",
    provenance: str = "",
    grounds: Grounds | None = None,
    first: Sequence[dict[str, Any]] = (),
) -> Place:
    """Write ``figures/`` and ``report.html`` for runs and measurements by arm, in the summary's order.

    Args:
        folder: where; with what `write_report` reads from it.
        runs, measured: by arm.
        summary: the content of summary.json.
        scenario, provenance: texts.
        grounds: as of `write_report`.
        first: pictures that the page leads with, before those of the scenario.
    """
    order = [a for a in summary.get("arms", {}) if a in runs] or list(runs)
    views = arm_views({a: runs[a] for a in order}, {a: measured.get(a) for a in order})
    comparisons = summary.get("comparisons") or []
    figures, derived = {}, derived_figures() - set(asked_figures(summary))
    both = len({v.kind for v in views}) > 1
    for spec in FIGURES:
        # The matrix of the page says what a figure of the comparisons would.
        left_out = spec.compares or spec.name in derived
        figure = None if left_out else drawn(spec.draw, views, comparisons, grounds or {})
        if figure is not None:
            caption = spec.caption + (spec.beside if both else "")
            figures[spec.name] = picture(folder, spec.name, spec.title, caption, figure)
    filled = {"name": "", "description": "", "seed": "", "arms": {}, "warnings": [], **summary}
    page = folder / PAGE
    exits = exits_beside_theory(views, grounds or {})
    atomic_write_text(page, _render(filled, views, figures, scenario, provenance, first, exits))
    return page


def _render(
    summary: Mapping[str, Any],
    views: Sequence[ArmView],
    figures: Mapping[str, dict[str, Any]],
    scenario: str,
    provenance: str,
    begun: Sequence[dict[str, Any]],
    exits: Sequence[dict[str, Any]],
) -> str:
    arms, comparisons = summary["arms"], summary.get("comparisons") or []
    keys = dict.fromkeys(k for a in arms.values() for k in a.get("end") or {})
    found = matrix(comparisons, views, {n: a["label"] for n, a in arms.items()}) if comparisons else None
    first = leading(summary, list(figures))
    phases = [r for c in comparisons if (r := _phase_row(c)) is not None]
    sections = {
        "matrix": ("Matrix", found),
        "figures": ("Figures", first or begun),
        "theory": ("Exits beside theory", exits),
        "expectations": ("Expectations", summary.get("expectations")),
        "verdicts": ("Verdicts in words", comparisons),
        "further": ("Further figures", len(figures) > len(first)),
        "values": ("Values", True),
        "made": ("How it was made", True),
    }
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            summary=summary,
            eye=_eye(summary),
            headline=summary.get("headline") or headline(summary).to_dict(),
            contents=[(name, words) for name, (words, there) in sections.items() if there],
            matrix=found,
            leading=[*begun, *(figures[name] for name in first)],
            exits=exits,
            further=[f for name, f in figures.items() if name not in first],
            comparisons=[_in_words(c) for c in comparisons],
            phase_rows=phases,
            meaning=meanings("phase"),
            end_rows=[_end_row(key) for key in keys],
            scenario=scenario,
            provenance=provenance,
            command=_command(summary) if scenario else "",
            interval=interval,
            number=number,
        )
    )
    return with_classes(str(page))


def _eye(summary: Mapping[str, Any]) -> list[str]:
    """What ran, in short: arms by kind with their seeds, the seed, the time, what was met."""
    arms = summary["arms"].values()
    told = []
    for kind, word in (("real", "trained"), ("simulated", "simulated")):
        counts = [a["trajectories"] for a in arms if a["kind"] == kind]
        if counts:
            each = f"{counts[0]:,}" if len(set(counts)) == 1 else f"{min(counts):,} to {max(counts):,}"
            told.append(f"{len(counts)} × {each} {word}" if len(counts) > 1 else f"{each} {word}")
    told += [f"seed {summary['seed']}"] if summary["seed"] != "" else []
    if summary.get("wall_time"):
        told.append(f"{summary['wall_time']:.0f} s")
    expected = summary.get("expectations") or []
    if expected:
        met = sum(e["outcome"] == "met" for e in expected)
        told.append(f"{met} of {len(expected)} expectations met")
    return told + (["small sizes (quick)"] if summary.get("quick") else [])


def _command(summary: Mapping[str, Any]) -> str:
    """What makes it again, from the scenario that stands beside the page."""
    quick = " --quick" if summary.get("quick") else ""
    return f"sdesim run scenario.yaml{quick} --out again" if summary["name"] else ""


def _end_row(name: str) -> dict[str, str]:
    row = lookup(name)
    return {"name": name, "plain": plain(name), "units": "1" if row is None else row.units}


def _in_words(comparison: Mapping[str, Any]) -> dict[str, Any]:
    # A verdict that tells nothing apart says itself what would have been.
    lines = [f"{plain(name)}: {cell['verdict']}" for name, cell in comparison["quantities"].items()]
    lines += [line for line in comparison.get("verdicts") or () if line.startswith("paths: ")]
    names = ("simulated", "real", "notes")
    return {**{n: comparison[n] for n in names}, "lines": lines}


def _phase_row(comparison: Mapping[str, Any]) -> dict[str, Any] | None:
    phase = comparison.get("phases", {}).get("phase")
    if phase is None:
        return None
    sides = (("real", comparison["real"]), ("simulated", comparison["simulated"]))
    arms = [
        {
            "kind": k,
            "name": n,
            "sequence": phase[f"sequence_{k}"],
            "shares": _shares(phase[f"share_{k}"], phase.get(f"share_{k}_interval") or {}),
            "orders": _orders(phase.get(f"order_{k}") or {}),
        }
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


def _shares(shares: Mapping[str, float], ends: Mapping[str, Sequence[float | None]]) -> str:
    """ "loss falls per step 85% [80, 90], undecided 15% [10, 20]", leaving out what never occurs."""
    said = meanings("phase")
    found = []
    for name, share in shares.items():
        low, high = ends.get(name) or (None, None)
        known = low is not None and high is not None
        bounds = f" [{100 * low:.0f}, {100 * high:.0f}]" if known else ""  # type: ignore[operator]
        found += [f"{said[name]} {100 * share:.0f}%{bounds}"] if share else []
    return ", ".join(found)


def _orders(orders: Mapping[str, float]) -> str:
    """ "loss rises per step, then loss falls per step in 75%; undecided in 25%" of the trajectories."""
    said = meanings("phase")
    told = (", then ".join(said[p] for p in order.split(", ")) for order in orders)
    return "; ".join(
        f"{text} in {100 * share:.0f}%" for text, share in zip(told, orders.values(), strict=True)
    )


def _crossing(c: Mapping[str, Any]) -> str:
    said = meanings("phase")
    text = f"{said[c['start']]}, then {said[c['end']]}: "
    means = {}
    for arm in ("real", "simulated"):
        low, high = c.get(f"{arm}_interval") or (None, None)
        means[arm] = interval({"value": c[arm], "low": low, "high": high}, 3)
    text += f"{c['real_count']} real trajectories, mean time {means['real']}; "
    text += f"{c['simulated_count']} simulated, {means['simulated']}"
    delta, low, high = c["difference"]
    if delta is not None:
        text += f"; difference {interval({'value': delta, 'low': low, 'high': high})}"
    return text
