"""Laws along the axes of a sweep, for each arm and each place on its other axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdesim.comparison.sweep_table import SweepAxis, SweepTable, slices
from sdesim.errors import RunError
from sdesim.fits.laws.curve import LawFit, fit_law
from sdesim.io.files import read_json
from sdesim.kinds import read
from sdesim.kinds.border import refusing
from sdesim.kinds.spelling import nearest, short

EXIT = ("exit_time.mean", "whole run")
# In which order moments are taken where none is named.
_MOMENTS = ("whole run", "end", "mean")


@dataclass(frozen=True)
class SweepFit:
    """A law along one axis of a sweep, with the other axes held.

    Attributes:
        arm, quantity, at: of the table's rows.
        axis: label of the axis. held: the others, in words.
        fit: of the law; without a number where `fit.why` says why.
    """

    arm: str
    quantity: str
    at: str
    axis: str
    held: str
    fit: LawFit

    def to_dict(self) -> dict[str, Any]:
        """For summary.json."""
        law = self.fit.law
        head = {
            "arm": self.arm,
            "quantity": self.quantity,
            "at": self.at,
            "axis": self.axis,
            "held": self.held,
        }
        told = {"formula": law.formula(self.axis), "said": law.words(self.axis)}
        return {**head, **told, **self.fit.to_dict()}


@dataclass(frozen=True)
class SweepFits:
    """Fits of a sweep, and why others were not made.

    Attributes:
        found: SweepFits that hold a number.
        left_out: what there is no fit of: arm, quantity, axis, held, law where they are known, and why.
    """

    found: tuple[SweepFit, ...] = ()
    left_out: tuple[dict[str, str], ...] = field(default=())

    def __iter__(self) -> Iterator[SweepFit]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: int) -> SweepFit:
        return self.found[place]

    def to_table(self) -> Any:
        """A pandas DataFrame with a row for each fit."""
        import pandas as pd

        kept = (
            "arm",
            "quantity",
            "at",
            "axis",
            "held",
            "law",
            "parameter",
            "value",
            "low",
            "high",
            "n",
            "r2",
        )
        rows = [f.to_dict() for f in self.found]
        return pd.DataFrame(
            [{**{k: r[k] for k in (*kept, "chi2", "p_value")}, "flags": ";".join(r["flags"])} for r in rows]
        )


@refusing(RunError)
def fit_sweep(
    table: SweepTable | Mapping[str, Any] | str | Path, law: Any = "power-law", quantity: str = EXIT[0], *,
    axis: str | None = None, arm: str | None = None, at: str | None = None, level: float = 0.95,
) -> SweepFits:  # fmt: skip
    """A law of a quantity along an axis of a sweep, for each arm and each place on the other axes.

    Args:
        table: a sweep's directory, the content of its table.json, or a SweepTable.
        law: name of a kind of the family "laws": power-law, arrhenius, exponential; or an object of one.
        quantity: of the table's rows.
        axis: label of the axis; default every axis of numbers.
        arm: default every arm that holds the quantity.
        at: moment; default the first of "whole run", "end", "mean" that holds it.
        level: of the intervals.

    Returns:
        SweepFits: iterable, `.left_out` says what there is no fit of, and why. Values that trajectories had
        not all reached (exit times without a closed interval) are bounds and are not used: see `fit_law` for
        what is, and for the flags.

    Raises:
        RunError: no such directory, axis, arm or quantity.

    Example:
        >>> for f in sdesim.fit_sweep("runs/mine", "arrhenius", axis="diffusion"):
        ...     print(f.arm, f.held, f.fit.slope, f.fit.r2)
    """
    data = _table(table)
    labels = [a.label for a in data.axes]
    quantities = list(dict.fromkeys(q for _, q, _ in data.grids))
    for name, given, known in (("axis", axis, labels), ("arm", arm, list(data.arms))):
        if given is not None and given not in known:
            raise RunError(f"{name}: found {short(given)}{nearest(given, known)}")
    if quantity not in quantities:
        raise RunError(f"quantity: found {short(quantity)}{nearest(quantity, quantities)}")
    chosen = read("laws", law)
    return _fits(data, chosen, quantity, axis, arm, at, level)


def exit_power_laws(table: SweepTable) -> SweepFits:
    """Mean exit time ∝ x^b along every axis of geometric values: what is fitted where nothing is asked."""
    if not any(key[1:] == EXIT for key in table.grids):
        why = "no arm watches exits, and fits: asks for no other quantity"
        return SweepFits((), ({"quantity": EXIT[0], "why": why},))
    found: list[SweepFits] = []
    for axis in table.axes:
        if axis.geometric:
            law = read("laws", "power-law")
            found.append(_fits(table, law, EXIT[0], axis.label, None, EXIT[1], 0.95))
        else:
            why = "its values are no numbers above 0 in geometric steps over a factor of 4"
            found.append(SweepFits((), ({"quantity": EXIT[0], "axis": axis.label, "why": why},)))
    return _joined(found)


def asked_fits(table: SweepTable, asked: Iterable[Any] | None) -> SweepFits:
    """Those that a scenario's `fits:` asks for; of exit times where it says nothing.

    Args:
        asked: with law, quantity, axis, arm and at, or None.
    """
    if asked is None:
        return exit_power_laws(table)
    wanted = list(asked)
    if not wanted:
        return SweepFits((), ({"why": "fits: [] asks for none"},))
    return _joined([_fits(table, a.law, a.quantity, a.axis, a.arm, a.at, 0.95) for a in wanted])


def refitted(table: SweepTable, noted: Iterable[Mapping[str, Any]]) -> SweepFits:
    """The fits that a summary.json notes, made anew from the table; power laws where it names none."""
    every = [
        _fits(
            table, read("laws", f.get("law", "power-law")), f["quantity"], f["axis"], f["arm"],
            f.get("at", EXIT[1]), f.get("level", 0.95),
        )
        for f in noted
    ]  # fmt: skip
    unique = {(f.arm, f.quantity, f.at, f.axis, f.held, f.fit.law.kind): f for f in _joined(every)}
    return SweepFits(tuple(unique.values()))


def _joined(parts: Iterable[SweepFits]) -> SweepFits:
    every = list(parts)
    return SweepFits(
        tuple(f for part in every for f in part.found), tuple(w for part in every for w in part.left_out)
    )


def _fits(
    table: SweepTable, law: Any, quantity: str, axis: str | None, arm: str | None, at: str | None,
    level: float,
) -> SweepFits:  # fmt: skip
    found: list[SweepFit] = []
    left_out: list[dict[str, str]] = []
    named = law.kind
    known = table.moments(quantity)
    moment = at or next((m for m in _MOMENTS if m in known), known[0] if known else "")
    arms = [a for a in table.arms if (a, quantity, moment) in table.grids and arm in (None, a)]
    if not arms:
        of = f" of {arm}" if arm is not None else ""
        why = f"no finished point holds it{of}" + (f" at {at}" if at else "")
        return SweepFits((), ({"quantity": quantity, "law": named, "why": why},))
    for k, along in enumerate(table.axes):
        if axis not in (None, along.label):
            continue
        refused = _unfit(along, law)
        if refused:
            head = {"quantity": quantity, "axis": along.label, "law": named}
            left_out.append({**head, "why": refused})
            continue
        for name in arms:
            for index, held in slices(table.axes, [k]):
                grid = table.grids[name, quantity, moment][index]
                made = fit_law(law, along.values, grid.value, grid.low, grid.high, level)
                if made.why:
                    head = {
                        "arm": name,
                        "quantity": quantity,
                        "axis": along.label,
                        "held": held,
                        "law": named,
                    }
                    left_out.append({**head, "why": made.why})
                else:
                    found.append(SweepFit(name, quantity, moment, along.label, held, made))
    return SweepFits(tuple(found), tuple(left_out))


def _unfit(axis: SweepAxis, law: Any) -> str:
    """Why a law can't be fitted along an axis; empty where it can."""
    if not axis.numeric:
        return "its values are no numbers"
    if law.positive and min(axis.values) <= 0:
        return f"it holds {min(axis.values):g}, and {law.kind} needs numbers above 0"
    return "" if len(axis.values) >= 3 else f"it has {len(axis.values)} values, 3 are needed"


def _table(table: Any) -> SweepTable:
    if hasattr(table, "grids"):
        found: SweepTable = table
        return found
    if hasattr(table, "keys"):
        return SweepTable.of(table)
    place = Path(table)
    file = place / "table.json" if place.is_dir() else place
    if not file.is_file():
        raise RunError(f"{place} holds no table of a sweep")
    held = read_json(file)
    try:
        return SweepTable.of(held)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunError(f"{place} holds no table of a sweep") from None
