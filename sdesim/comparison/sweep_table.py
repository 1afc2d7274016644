"""The table of a sweep as arrays over its axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.runs.quantities import lookup

Array = NDArray[np.float64]
# Columns of table.csv and table.json besides the axes.
COLUMNS = ("point", "arm", "kind", "quantity", "at", "value", "low", "high", "n", "remark")
# Fewer trajectories than these make no interval worth the name.
_FEWEST = 3


@dataclass(frozen=True)
class SweepAxis:
    """An axis: its label, and the values on it."""

    label: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, axis: Mapping[str, Any]) -> SweepAxis:
        """From table.json; numbers in rising order."""
        found = cls(str(axis["label"]), tuple(axis["values"]))
        return cls(found.label, tuple(sorted(found.values))) if found.numeric else found

    @property
    def plain(self) -> str:
        """What stands at the axis: the label in words, and whether it is logarithmic."""
        words = "learning rate" if self.label == "lr" else self.label.replace("_", " ")
        return f"{words}, log axis" if self.geometric else words

    @property
    def numeric(self) -> bool:
        """Whether every value is a number."""
        return all(isinstance(v, int | float) for v in self.values)

    @property
    def geometric(self) -> bool:
        """Whether positive values spread more evenly in the logarithm than plainly, over a factor of 4."""
        if not self.numeric or min(self.values) <= 0 or max(self.values) < 4 * min(self.values):
            return False
        if len(self.values) < 3:
            return True
        x = np.sort(np.array(self.values, dtype=np.float64))
        plain, logarithmic = np.diff(x), np.diff(np.log(x))
        return bool(logarithmic.max() / logarithmic.min() < plain.max() / plain.min())

    def positions(self) -> Array:
        """Where the values stand (k,): themselves, their logarithm where geometric, else 0, 1, 2, …"""
        if not self.numeric:
            return np.arange(len(self.values), dtype=np.float64)
        x = np.array(self.values, dtype=np.float64)
        return np.log10(x) if self.geometric else x


@dataclass(frozen=True)
class Grid:
    """One quantity of one arm over the axes: arrays (k_1, …, k_m); NaN where nothing was found."""

    value: Array
    low: Array
    high: Array
    n: Array

    def __getitem__(self, place: Any) -> Grid:
        return Grid(self.value[place], self.low[place], self.high[place], self.n[place])

    @property
    def thin(self) -> NDArray[np.bool_]:
        """Values that rest on too little: under 3 trajectories, or an interval that is missing or open."""
        weak = (self.n < _FEWEST) | ~np.isfinite(self.low) | ~np.isfinite(self.high)
        return np.isfinite(self.value) & weak


@dataclass(frozen=True)
class SweepTable:
    """Axes, arms (name → kind) and grids by (arm, quantity, at)."""

    axes: tuple[SweepAxis, ...]
    arms: Mapping[str, str]
    grids: Mapping[tuple[str, str, str], Grid]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> SweepTable:
        """From the content of table.json."""
        axes = tuple(SweepAxis.of(a) for a in table["axes"])
        shape = tuple(len(a.values) for a in axes)
        places = [{v: k for k, v in enumerate(a.values)} for a in axes]
        arms: dict[str, str] = {}
        grids: dict[tuple[str, str, str], Grid] = {}
        for row in table["rows"]:
            arms.setdefault(row["arm"], row["kind"])
            key = (row["arm"], row["quantity"], row["at"])
            if key not in grids:
                grids[key] = Grid(*(np.full(shape, math.nan) for _ in range(4)))
            place = tuple(p[row[a.label]] for p, a in zip(places, axes, strict=True))
            for name in ("value", "low", "high", "n"):
                getattr(grids[key], name)[place] = math.nan if row[name] is None else float(row[name])
        return cls(axes, arms, grids)

    def moments(self, quantity: str) -> list[str]:
        """The moments at which some arm has a quantity."""
        return list(dict.fromkeys(at for _, q, at in self.grids if q == quantity))

    def stopping(self, arm: str) -> bool:
        """Whether an arm's trajectories were watched until they left: what they come to after that follows no
        law of interest, least of all under heavy tails."""
        return self.arms[arm] != "real" and (arm, "exit_time.mean", "whole run") in self.grids

    def called(self, quantity: str, at: str) -> str:
        """What stands at an axis for a quantity at a moment; without a training there is no training loss."""
        name = moment_label(quantity, at)
        return name if "real" in self.arms.values() else name.replace("training loss", "loss")

    def holding(self, quantity: str, at: str) -> list[str]:
        """Arms with a finite value of a quantity, real ones first."""
        found = [
            a for a in self.arms if (g := self.grids.get((a, quantity, at))) and np.isfinite(g.value).any()
        ]
        return sorted(found, key=lambda a: self.arms[a] != "real")


def moment_label(quantity: str, at: str) -> str:
    """What stands at an axis for a quantity at a moment: its symbol in the table of quantities, and when."""
    row = lookup(quantity)
    name = quantity if row is None or row.parted or row.words else row.plain
    return {"mean": f"mean {name}", "end": f"{name} at the end"}.get(at, name)


def slices(axes: Sequence[SweepAxis], kept: Sequence[int]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """All ways to hold the axes other than `kept` fixed: an index for arrays, and the words for it."""
    others = [k for k in range(len(axes)) if k not in kept]
    for places in itertools.product(*(range(len(axes[k].values)) for k in others)):
        index: list[Any] = [slice(None)] * len(axes)
        for k, place in zip(others, places, strict=True):
            index[k] = place
        words = [f"{axes[k].label} = {axes[k].values[p]}" for k, p in zip(others, places, strict=True)]
        yield tuple(index), ", ".join(words)
