"""Runs of one experiment as one, along trajectory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.kinds import read
from sdesim.kinds.border import refusing
from sdesim.runs.attributes import event_flags, plain, rows
from sdesim.runs.schema import check_run

# Attributes that all parts must share.
_SETTINGS = (
    "kind", "learning_rate", "batch_size", "dt", "scheme", "dtype", "surface", "noise", "boundary", "events",
    "wells", "drawn_by", "optimizer", "momentum", "nesterov", "sampling", "dataset_size", "dim",
    "continued_from_step", "tolerance", "smallest_dt",
)  # fmt: skip
# Of what decided the numbers of a stored simulation: what parts of one ensemble may have of their own.
_OWN = ("trajectories", "seed", "first", "theta0", "state")


@refusing(RunError)
def concat_runs(runs: Sequence[xr.Dataset]) -> xr.Dataset:
    """Runs of the same experiment as one, along trajectory; attributes of the first.

    Parts of one ensemble, `simulate(first=…)` under one seed, keep their numbers and stand in their order, so
    that all of them are the whole. Where seeds differ, trajectories are numbered anew; the attribute `seeds`
    has the seed of each run.

    Raises:
        RunError: nothing given, the runs differ in their settings, saved steps or variables, or a trajectory
            stands in two of them.
    """
    runs = list(runs)
    if not runs:
        raise RunError("nothing to concatenate")
    for k, run in enumerate(runs):
        check_run(run, f"runs[{k}]")
    for run in runs[1:]:
        _check_same(runs[0], run)
    _check_doubles(runs)
    one = "seed" in runs[0].attrs and len({run.attrs.get("seed") for run in runs}) == 1
    parts = sorted(runs, key=lambda run: int(run["trajectory"].values[0])) if one else list(runs)
    reduced = _reduced(parts) if len(parts) > 1 else {}
    held = {str(name): array.dims for name, array in runs[0].data_vars.items()}
    whole = [name for name, dims in held.items() if "trajectory" not in dims and name not in reduced]
    if whole and len(runs) > 1:
        raise RunError(
            f"{whole[0]} is of all trajectories of a run together: join runs without it (drop_vars)"
        )
    joined = xr.concat(
        [r.drop_vars("trajectory") for r in parts], dim="trajectory", data_vars="minimal", coords="minimal",
        compat="override", join="override", combine_attrs="override",
    )  # fmt: skip
    count = joined.sizes["trajectory"]
    numbers = np.concatenate([r["trajectory"].values for r in parts]) if one else np.arange(count)
    attrs = {"units": "1", "long_name": "number of the trajectory"}
    joined = joined.assign_coords(trajectory=("trajectory", numbers.astype(np.int64), attrs))
    joined.attrs |= plain({"seeds": [r.attrs.get("seed") for r in parts]})
    joined.attrs["probe_trajectories"] = _probed(parts)
    if "exit_flags" in joined.attrs:
        each = zip(*(event_flags(r.attrs) for r in parts), strict=True)
        joined.attrs["exit_flags"] = [";".join(sorted({f for part in event for f in part})) for event in each]
    for name in ("fingerprint", "fingerprint_parts"):
        # They are of the first part alone.
        if len(parts) > 1:
            joined.attrs.pop(name, None)
    return joined.assign({n: (dims, values, joined[n].attrs) for n, (dims, values) in reduced.items()})


def _reduced(parts: Sequence[xr.Dataset]) -> dict[str, tuple[tuple[str, ...], Any]]:
    """The reductions over the trajectories of all parts, as far as they hold them: name → (dims, values).

    Raises:
        RunError: they can't be merged.
    """
    told = [rows(run.attrs, "reductions") for run in parts]
    if any(other != told[0] for other in told):
        raise RunError("runs differ in their reductions")
    found: dict[str, tuple[tuple[str, ...], Any]] = {}
    for fields in told[0]:
        found |= read("reductions", fields).joined(parts)
    return {name: values for name, values in found.items() if name in parts[0]}


def _check_same(first: xr.Dataset, run: xr.Dataset) -> None:
    for attr in _SETTINGS:
        was, now = _plain(first.attrs.get(attr)), _plain(run.attrs.get(attr))
        if was != now:
            raise RunError(f"runs differ in {attr}: {_said(was)} and {_said(now)}")
    before, after = _parts(first.attrs), _parts(run.attrs)
    if first.attrs.get("kind") == "simulated" and before and after:
        for name in (*before, *(n for n in after if n not in before)):
            if name not in _OWN and before.get(name) != after.get(name):
                raise RunError(f"runs differ in {name}")
    if set(run.data_vars) != set(first.data_vars):
        raise RunError("runs differ in their variables")
    for coord in ("step", "probe_step"):
        if coord in first.coords and not np.array_equal(run[coord].values, first[coord].values):
            raise RunError(f"runs differ in {coord}")


def _check_doubles(runs: Sequence[xr.Dataset]) -> None:
    """That no two runs hold a trajectory of the same number and seed."""
    seen: dict[Any, tuple[tuple[int, set[int]], ...]] = {}
    for k, run in enumerate(runs):
        seed, numbers = run.attrs.get("seed"), set(run["trajectory"].values.tolist())
        for other, others in seen.get(seed, ()):
            if both := sorted(numbers & others):
                raise RunError(
                    f"runs {other} and {k} both hold trajectory {both[0]} of seed {seed}: give parts of one "
                    "ensemble numbers of their own with first=, or other runs another seed"
                )
        seen[seed] = (*seen.get(seed, ()), (k, numbers))


def _probed(parts: Sequence[xr.Dataset]) -> int:
    """How many of the joined trajectories are probed: the first ones, or all as far as is known."""
    each = [int(r.attrs.get("probe_trajectories", r.sizes["trajectory"])) for r in parts]
    whole = [r.sizes["trajectory"] for r in parts]
    total, ended = 0, False
    for probed, count in zip(each, whole, strict=True):
        if ended and probed:
            return sum(whole)
        total += probed
        ended = ended or probed < count
    return total


def _parts(attrs: Mapping[str, Any]) -> dict[str, str]:
    found = json.loads(attrs.get("fingerprint_parts") or "{}")
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> Any:
    found = value.tolist() if isinstance(value, np.ndarray) else value
    return list(found) if isinstance(found, tuple) else found


def _said(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
