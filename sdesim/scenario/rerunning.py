"""Runs again what a finished run directory says, and compares every number with what stands there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.io.progress import MARK, LabelledReport
from sdesim.runs import measure, open_run
from sdesim.runs.provenance import provenance
from sdesim.runs.quantities import smooths
from sdesim.scenario.models import Scenario
from sdesim.scenario.resuming import read_again
from sdesim.scenario.run import run_scenario

# Elsewhere two runs of the same program round differently; of a variable's largest value.
TOLERANCE = 1e-6
SAME, WITHIN, DIFFERS = "same bits", "within the tolerance", "differs"
# How many bytes of a variable are compared at once.
_PART = 2**26


def rerun(
    path: str | Path,
    out: str | Path,
    *,
    threads: int | None = None,
    progress: bool | LabelledReport = True,
    trust: Iterable[str] = (),
    accept_changes: bool = False,
) -> dict[str, Any]:
    """Run again what a run directory says, into another.

    Args:
        path: a finished run directory. out: the new one, which must not be there.
        threads, progress: as in `run_scenario`.
        trust, accept_changes: as in `resume`.

    Returns:
        The content of the new summary.json.

    Raises:
        RunError: the directory holds no finished run of one scenario, or ``out`` is in the way.
        SdesimError: as `resume`.
    """
    scenario, noted = _finished(Path(path), trust, accept_changes)
    return run_scenario(scenario, out, quick=bool(noted.get("quick")), threads=threads, progress=progress)


def check_again(
    path: str | Path,
    out: str | Path | None = None,
    *,
    threads: int | None = None,
    progress: bool | LabelledReport = True,
    trust: Iterable[str] = (),
    accept_changes: bool = False,
) -> dict[str, Any]:
    """Run again what a run directory says, and compare every variable of every arm and all that is measured
    in it: estimates with their intervals and flags, at every probe.

    In the environment that the run notes (system, machine, processor, versions) each must have the same bits.
    Elsewhere max |a − b| ≤ 1e-6 max |a| counts as the same, a what stands in the directory; NaN where it is.
    What is a word, as a phase, must be the same everywhere.

    Args:
        path: a finished run directory.
        out: where the second run is kept; without it, in a temporary folder and only until it is compared.
        threads, progress: as in `run_scenario`.
        trust, accept_changes: as in `resume`.

    Returns:
        ``environment``: what differs from what the run notes, name → [then, now]; ``exact``: whether bits are
        asked for; ``arms``: name → variable → {``outcome``, ``difference``: max |a − b|/max |a|, ``first``:
        the indices of the first number that differs, by dimension}; ``measured``: the same of the quantities
        of arms with probes; ``same``: whether nothing differs.

    Raises:
        SdesimError: as `rerun`.
    """
    target = Path(path)
    scenario, noted = _finished(target, trust, accept_changes)
    changed = environment(noted, provenance())
    exact = not any(name != "git_commit" for name in changed)
    with tempfile.TemporaryDirectory(prefix="sdesim-rerun-") as room:
        again = Path(room) / "run" if out is None else Path(out)
        run_scenario(scenario, again, quick=bool(noted.get("quick")), threads=threads, progress=progress)
        arms: dict[str, dict[str, Any]] = {}
        measured: dict[str, dict[str, Any]] = {}
        for name in scenario.arms:
            one, other = (open_run(folder / f"{name}.zarr") for folder in (target, again))
            arms[name] = compared(one, other, exact)
            if "probe" in one.dims and "probe" in other.dims:
                one, other = (measure(run, smooth=smooths(scenario.named)) for run in (one, other))
                measured[name] = compared(one, other, exact)
    outcomes = [v["outcome"] for found in (arms, measured) for part in found.values() for v in part.values()]
    return {
        "environment": changed,
        "exact": exact,
        "tolerance": TOLERANCE,
        "arms": arms,
        "measured": measured,
        "same": DIFFERS not in outcomes,
    }


def _finished(
    target: Path, trust: Iterable[str], accept_changes: bool
) -> tuple[Scenario, dict[str, Any]]:  # fmt: skip
    if (target / "points").is_dir():
        raise RunError(f"{target} is the directory of a sweep: name one of its points")
    if not (target / "scenario.yaml").exists():
        raise RunError(f"{target} is not a run directory, so there is nothing to run again")
    if (target / MARK).exists():
        raise RunError(f"{target} was not finished: go on with sdesim resume {target}")
    return read_again(target, trust, accept_changes)


def environment(then: dict[str, Any], now: dict[str, Any]) -> dict[str, list[Any]]:
    """What may change the last bits and is not as it was: name → [then, now].

    How many cores there are changes none.
    """
    found = {}
    for part in ("versions", "host"):
        before, after = then.get(part, {}), now[part]
        for name in sorted({*before, *after} - {"cores"}):
            if before.get(name) != after.get(name):
                found[name] = [before.get(name), after.get(name)]
    if then.get("git_commit", "") != now["git_commit"]:
        found["git_commit"] = [then.get("git_commit", ""), now["git_commit"]]
    return found


def compared(one: xr.Dataset, other: xr.Dataset, exact: bool) -> dict[str, dict[str, Any]]:
    """How each variable of a run is found again in another, coordinates too, as `check_again` tells it."""
    names = sorted({*map(str, one.variables), *map(str, other.variables)})
    return {name: _variable(one, other, name, exact) for name in names}


def _variable(one: xr.Dataset, other: xr.Dataset, name: str, exact: bool) -> dict[str, Any]:
    if name not in one.variables or name not in other.variables:
        return {"outcome": DIFFERS, "difference": None, "first": {}, "missing": name not in other.variables}
    a, b = one[name].variable, other[name].variable
    if a.dims != b.dims or a.shape != b.shape or a.dtype != b.dtype:
        return {"outcome": DIFFERS, "difference": None, "first": {}, "missing": False}
    away, size, first = 0.0, 0.0, None
    for begin, left, right in _parts(a, b):
        unlike = _unlike(left, right)
        if first is None and unlike.any():
            place = np.unravel_index(int(np.argmax(unlike)), unlike.shape)
            first = {
                str(d): int(k) + (begin if n == 0 else 0)
                for n, (d, k) in enumerate(zip(a.dims, place, strict=True))
            }
        far, large = _distance(left, right)
        away, size = max(away, far), max(size, large)
    difference = 0.0 if away == 0.0 else away / size if size else np.inf
    near = not exact and difference <= TOLERANCE
    outcome = SAME if first is None else WITHIN if near else DIFFERS
    return {"outcome": outcome, "difference": float(difference), "first": first or {}, "missing": False}


def _parts(a: xr.Variable, b: xr.Variable) -> Iterator[tuple[int, Any, Any]]:
    """Stretches of two variables along their first dimension, and where each begins."""
    if not a.dims:
        yield 0, np.asarray(a.values), np.asarray(b.values)
        return
    rows = max(1, _PART * a.shape[0] // max(a.nbytes, 1))
    for begin in range(0, a.shape[0], rows):
        part = {a.dims[0]: slice(begin, begin + rows)}
        yield begin, np.asarray(a.isel(part).values), np.asarray(b.isel(part).values)


def _unlike(a: Any, b: Any) -> Any:
    """Where two arrays of one type have other bits; every NaN is like every other."""
    if a.dtype.kind != "f":
        return a != b
    # 0 and −0 are equal, and other bits.
    whole = np.dtype(f"u{a.dtype.itemsize}")
    unlike = np.ascontiguousarray(a).view(whole) != np.ascontiguousarray(b).view(whole)
    return unlike.reshape(a.shape) & ~(np.isnan(a) & np.isnan(b))


def _distance(a: Any, b: Any) -> tuple[float, float]:
    """max |a − b| and max |a|: ∞ and anything where only one is finite, or two texts differ."""
    if a.dtype.kind not in "fiub" or a.size == 0:
        return (np.inf if a.size and bool((a != b).any()) else 0.0), 0.0
    a, b = a.astype(np.float64), b.astype(np.float64)
    alike = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(all="ignore"):
        away = np.where(alike, 0.0, np.abs(a - b))
    far = np.inf if np.isnan(away).any() else float(away.max())
    finite = np.abs(a[np.isfinite(a)])
    return far, float(finite.max()) if finite.size else 0.0
