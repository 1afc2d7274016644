"""Quantities that are a function of a run: those of installed packages, one's own, and what a run holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.runs.measured import Column
from sdesim.runs.quantities import quantities
from sdesim.runs.quantity_row import GROUP, PROBE, Quantity

Array = NDArray[np.float64]


def with_registered(run: xr.Dataset, measured: xr.Dataset) -> xr.Dataset:
    """The measurements of a run and, beside them, every quantity of the table that is a function of both.

    Each may read those before it in the table. What the run does not allow is left out.

    Raises:
        RunError: a function that gives something else than numbers over (trajectory, probe), or that fails.
    """
    if "probe" not in run.dims:
        return measured
    for row in quantities():
        if row.function is None or not row.met(map(str, run.data_vars)):
            continue
        column = _computed(row, run, measured)
        if column is not None:
            measured = measured.assign({k: (PROBE, v) for k, v in _variables(row, column).items()})
    return measured


def measured_array(measured: xr.Dataset | None, name: str) -> tuple[Array, Array, Array] | None:
    """Value, low and high, each (trajectory, probe), of a measured quantity; NaN ends where it has none.

    Args:
        measured: what `measure` gave.
        name: of a number, its literal form, or a part of it (``C_group.layer``).

    Returns:
        None where the measurements do not hold it.
    """
    base, _, part = name.partition(".")
    if measured is None or base not in measured or measured[base].dtype.kind not in "fiu":
        return None
    dims = GROUP if part else PROBE
    if set(measured[base].dims) != set(dims):
        return None
    if part and part not in part_names(measured, base):
        return None
    found: list[Array] = []
    for variable in (base, f"{base}_low", f"{base}_high"):
        if variable not in measured:
            found.append(np.full_like(found[0], np.nan))
            continue
        values = np.asarray(measured[variable].transpose(*dims).values, dtype=np.float64)
        found.append(values[..., part_names(measured, base).index(part)] if part else values)
    return found[0], found[1], found[2]


def part_names(measured: Any, name: str) -> list[str]:
    """Names of the parts of a quantity: of the parameter groups; none where it has no parts."""
    return [str(g) for g in measured["group"].values] if "group" in measured[name].dims else []


def numbers_of(measured: xr.Dataset) -> list[str]:
    """Names of all numbers that the measurements hold, those in parts by each part, in the table's order."""
    found: list[str] = []
    for row in quantities():
        if row.dims == GROUP and row.name in measured:
            found += [f"{row.name}.{part}" for part in part_names(measured, row.name)]
        elif row.probed and row.name in measured:
            found.append(row.name)
    return found


def flag_names(measured: xr.Dataset, name: str, probe: int = -1) -> list[str]:
    """Flags that any trajectory bears at a probe."""
    base, _, part = name.partition(".")
    texts = measured[f"{base}_flags"].isel(probe=probe)
    if part:
        texts = texts.isel(group=part_names(measured, base).index(part))
    return list(dict.fromkeys(f for text in texts.values.ravel() for f in str(text).split(";") if f))


def _computed(row: Quantity, run: xr.Dataset, measured: xr.Dataset) -> Column | None:
    assert row.function is not None
    try:
        found: Any = row.function(run, measured)
    except Exception as error:
        raise RunError(f"quantity {row.name}: {type(error).__name__}: {error}") from error
    if found is None:
        return None
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    if isinstance(found, Estimate):
        given: Any = found
        if given.shape != shape:
            raise RunError(f"quantity {row.name} must give numbers of shape {shape}, got {given.shape}")
        return Column.of(given)
    arrays = [_array(row.name, x, shape) for x in (found if isinstance(found, tuple) else (found,))]
    if len(arrays) == 1:
        return Column.bare(arrays[0])
    if len(arrays) != 3:
        raise RunError(
            f"quantity {row.name}: found {len(arrays)} arrays, allowed: value, or (value, low, high)"
        )
    value, low, high = arrays
    made: Any = Estimate(value, low, high, float(measured.attrs["level"]), "registered", 0)
    return Column.of(made)


def _array(name: str, values: Any, shape: tuple[int, int]) -> Array:
    if isinstance(values, xr.DataArray) and set(values.dims) == set(PROBE):
        values = values.transpose(*PROBE)
    array = np.asarray(values)
    if array.shape != shape or array.dtype.kind not in "fiub":
        raise RunError(f"quantity {name} must give numbers of shape {shape}, got {array.dtype} {array.shape}")
    return array.astype(np.float64)


def _variables(row: Quantity, column: Column) -> dict[str, Any]:
    name = row.name
    low, high = row.within.cut(column.low, column.high)
    return {
        name: column.value,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_flags": column.flag_text(),
    }
