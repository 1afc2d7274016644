"""What summary.json says of a scenario's runs: end values, comparisons, expectations, warnings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import SdesimError
from sdesim.report.headline import headline
from sdesim.runs.attributes import mapped, rows
from sdesim.runs.quantities import names, smooths, support_of
from sdesim.runs.registered import flag_names, numbers_of
from sdesim.runs.saved import holds_end, last_step
from sdesim.runs.twin_rules import twin_warning
from sdesim.scenario.assemble import arm_seed
from sdesim.scenario.expectations import Finding, at_probe, find, has_no_mean, over_trajectories, ratio
from sdesim.scenario.models import Arm, Expect, Scenario
from sdesim.scenario.outcomes import outcome
from sdesim.scenario.reduced import reduced_values
from sdesim.scenario.whole_run import mean_values, whole_values

_STATUS = ("finished", "diverged", "stopped", "unsolved")


@dataclass
class Results:
    """Runs, their measurements, the numbers that noises took from real arms, and in what twins deviate from
    them, by arm."""

    runs: dict[str, xr.Dataset] = field(default_factory=dict)
    measured: dict[str, xr.Dataset] = field(default_factory=dict)
    matched: dict[str, dict[str, float]] = field(default_factory=dict)
    deviations: dict[str, dict[str, str]] = field(default_factory=dict)


def summarise(scenario: Scenario, results: Results, quick: bool = False) -> dict[str, Any]:
    """The content of summary.json, but for the wall time."""
    comparisons = _comparisons(scenario, results)
    warnings: list[str] = []
    arms = {name: _arm_summary(scenario, results, name, warnings) for name in scenario.arms}
    expectations = [_expectation(e, results, comparisons) for e in scenario.expect]
    told = {
        "name": scenario.name,
        "description": scenario.description,
        "seed": scenario.seed,
        "quick": quick,
        # A report that is made again measures the same.
        **({"smooth": True} if smooths(scenario.named) else {}),
        "arms": arms,
        "comparisons": [c.to_dict() for c in comparisons.values()],
        "expectations": expectations,
        "warnings": warnings,
    }
    return {**told, "headline": headline(told).to_dict()}


def _comparisons(scenario: Scenario, results: Results) -> dict[str, Any]:
    """Every simulated arm against its reference."""
    from sdesim.comparison import compare

    chosen = scenario.compare
    wanted = None if chosen is None else chosen.quantities
    margin = {} if chosen is None or chosen.margin is None else {"margin": chosen.margin}
    found = {}
    for name in scenario.arms:
        reference = scenario.reference(name)
        if reference is not None:
            pair = (results.measured.get(name), results.measured.get(reference))
            found[name] = compare(
                results.runs[name], results.runs[reference], wanted, measured=pair, **margin
            )
    return found


def _expectation(e: Expect, results: Results, comparisons: Mapping[str, Any]) -> dict[str, Any]:
    try:
        q = _quantity(e.arm, e, results, comparisons)
        if e.than is not None:
            q = ratio(q, _quantity(e.than, e, results, comparisons))
    except SdesimError as error:
        q = Finding(float("nan"), float("nan"), float("nan"), 0, str(error))
    return outcome(e, q)


def _quantity(arm: str, e: Expect, results: Results, comparisons: Mapping[str, Any]) -> Finding:
    found = comparisons.get(arm)
    compared = ({}, {}) if found is None else (found.distances, found.margins)
    return find(e, results.runs[arm], results.measured.get(arm), *compared)


def _arm_summary(scenario: Scenario, results: Results, name: str, warnings: list[str]) -> dict[str, Any]:
    run, measured = results.runs[name], results.measured.get(name)
    status = np.asarray(run["status"].values)
    counts = {label: int((status == k).sum()) for k, label in enumerate(_STATUS)}
    if "divergence" in run.attrs:
        lost = mapped(run.attrs, "divergence").items()
        warnings.extend(f"{name}: trajectory {k}: {why}" for k, why in lost)
    elif counts["diverged"]:
        warnings.append(
            f"{name}: {counts['diverged']} of {len(status)} trajectories blew up and are left out from "
            "there on; a smaller dt, or the tamed-euler or implicit-euler scheme may help"
        )
    changed = rows(run.attrs, "continued_with_other")
    if changed:
        warnings.append(
            f"{name}: continued_with_other: it goes on with other parameters than the run had that it "
            f"continues: {', '.join(map(str, changed))}"
        )
    own = arm_seed(scenario.seed, name)
    if (
        "continued_from_step" in run.attrs
        and "seed" in scenario.model_fields_set
        and run.attrs["seed"] != own
    ):
        warnings.append(
            f"{name}: its seed is {run.attrs['seed']}, that of the run which it continues; the file's, "
            f"{scenario.seed}, has no part in it"
        )
    thrown = np.asarray(run["explicit_overshoots"].values) if "explicit_overshoots" in run else np.zeros(1)
    if thrown.any():
        warnings.append(
            f"{name}: explicit_overshoot: explicit steps of the drift threw {int((thrown > 0).sum())} of "
            f"{len(status)} trajectories across, {int(thrown.sum())} times in all; tamed-euler and "
            "implicit-euler do not"
        )
    unmet = np.asarray(run["unmet_steps"].values) if "unmet_steps" in run else np.zeros(1)
    if unmet.any():
        warnings.append(
            f"{name}: tolerance_unmet: {int(unmet.sum())} steps of {int((unmet > 0).sum())} of {len(status)} "
            f"trajectories were beyond the tolerance at the smallest length, {run.attrs['smallest_dt']:.2g}"
        )
    if counts["unsolved"]:
        warnings.append(
            f"{name}: {counts['unsolved']} of {len(status)} trajectories met a step whose equation was not "
            "solved, and are left out from there on; a smaller dt may help"
        )
    found: dict[str, Any] = {
        "kind": run.attrs["kind"],
        "label": _label(scenario.arms[name], run),
        "trajectories": int(run.sizes["trajectory"]),
        "steps": last_step(run),
        "status": counts,
        "wall_time": run.attrs.get("wall_time"),
        "end": _end_values(run, measured),
        "mean": mean_values(run, measured),
        "whole": whole_values(name, run, measured),
    }
    if reduced := reduced_values(run):
        found["reduced"] = reduced
    probed = int(run.attrs.get("probe_trajectories", found["trajectories"]))
    if probed < found["trajectories"]:
        found["probed"] = probed
    if "probe_share" in run.attrs:
        found["probe_share"] = run.attrs["probe_share"]
    if name in results.matched:
        found["matched"] = results.matched[name]
    if measured is not None and "lambda_max_flags" in measured:
        loose = np.char.find(measured["lambda_max_flags"].values.astype(str), "not_converged") >= 0
        if loose.any():
            warnings.append(f"{name}: λ_max did not converge at {int(loose.sum())} of {loose.size} probes")
    if run.attrs.get("clipping") == "active" and "clipped_steps" in run.attrs:
        found["clipped_steps"] = run.attrs["clipped_steps"]
        warnings.append(
            f"{name}: gradients were cut down in {found['clipped_steps']:.0%} of the steps; C*, S and the "
            "drift are of whole gradients"
        )
    simulate = scenario.arms[name].simulate
    doubt = twin_warning(results.deviations.get(name, {}), str(simulate and simulate.twin_of))
    if doubt:
        warnings.append(f"{name}: {doubt}")
    return found


def _end_values(run: xr.Dataset, measured: xr.Dataset | None) -> dict[str, Any]:
    """Means over trajectories at the last step and probe, with intervals and flags; of a run that does not
    save its last step those at the probe alone."""
    values: dict[str, Any] = {}
    for key in (*names(lambda row: row.stepped), *rows(run.attrs, "observables")):
        if key in run and holds_end(run):
            last = np.asarray(run[key].values[:, -1], dtype=np.float64)
            q = over_trajectories(last, support_of(key), infinite=has_no_mean(run, key))
            flags = [*q.flags, *(["no_spread"] if q.no_spread else [])]
            values[key] = {"value": q.value, "low": q.low, "high": q.high, "n": q.n, "flags": flags}
    if measured is None or not measured.sizes["probe"]:
        return values
    for key in numbers_of(measured):
        q = at_probe(run, measured, key, "end")
        if q.n:
            flags = sorted({*flag_names(measured, key)} - {"no_value", "no_interval"})
            flags += ["no_spread"] if q.no_spread else []
            values[key] = {"value": q.value, "low": q.low, "high": q.high, "n": q.n, "flags": flags}
    return values


def _label(arm: Arm, run: xr.Dataset) -> str:
    """An arm in one line."""
    if arm.train is not None:
        t = arm.train
        batch = "full batch" if t.optimizer.batch_size is None else f"batch {t.optimizer.batch_size}"
        pruned = "" if t.prune is None else f", {t.prune.sparsity:.1%} pruned ({t.prune.rule})"
        bound = {} if t.clip is None else {k: v for k, v in vars(t.clip).items() if v is not None}
        clipped = "".join(f", gradients clipped to a {name} of {most:g}" for name, most in bound.items())
        amplified = "" if t.amplify == 1 else f", noise amplified by {t.amplify}"
        c = t.clients
        shared = "" if c is None else f", {c.count} clients (concentration {c.concentration:g})"
        shared += "" if c is None else f", {c.local_steps} local steps a round"
        return (
            f"{t.network.label} on {t.data.kind}, {t.optimizer.kind} with "
            f"learning rate {t.optimizer.lr:g}, {batch}{pruned}{amplified}{clipped}{shared}"
        )
    assert arm.simulate is not None
    s = arm.simulate
    surface = f"twin of {s.twin_of}" if s.twin_of is not None else s.equation.kind
    noises = [n.label for n in s.noise]
    if s.sde is not None:
        more = f" with {' + '.join(noises)} noise" if noises else ""
        return f"{surface}{more}, {run.attrs['scheme']}"
    return f"{surface} with {' + '.join(noises) or 'no'} noise, {run.attrs['scheme']}"
