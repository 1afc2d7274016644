"""What each variable of a measurement is, in words and units, for whoever prints or plots it."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from sdesim.runs.quantities import quantities
from sdesim.runs.schema import VARIABLES

_SIDES = {
    "low": "lower end of the {level:.0%} interval of: {name}",
    "high": "upper end of the {level:.0%} interval of: {name}",
    "flags": "flags, joined by semicolons, of: {name}",
    "literal": "the source's own form of: {name}",
    "method": "how it was found: {name}",
    "reason": "why it is undefined or not decided: {name}",
}
_WORDS = ("flags", "method", "reason")
# What smoothing makes that no row of the table stands for: meaning and units.
_CHANGES = {
    "change_point": ("time at which the smoothed phase changes", "time"),
    "change_direction": ("1 where it changes into generalization, −1 into exploration", "1"),
}


def described(measured: xr.Dataset) -> xr.Dataset:
    """The same measurements, each variable with ``long_name`` and ``units``."""
    level = float(measured.attrs["level"])
    rows = {row.name: (row.meaning or row.name, row.units) for row in quantities()}
    for name, variable in measured.variables.items():
        long_name, units = _words(str(name), level, rows)
        variable.attrs.setdefault("long_name", long_name)
        variable.attrs.setdefault("units", units)
    return measured


def _words(name: str, level: float, rows: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    for known in (rows, _CHANGES):
        if name in known:
            return known[name]
    base, _, side = name.rpartition("_")
    if side in _SIDES:
        long_name, units = _words(base, level, rows)
        return _SIDES[side].format(level=level, name=long_name), "1" if side in _WORDS else units
    spec = VARIABLES.get(name)
    return (name, "1") if spec is None else (spec.long_name, spec.units)
