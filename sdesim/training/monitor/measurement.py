"""One measurement of a training in progress: what the monitor makes, and what schedules and advice read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import xarray as xr

from sdesim.errors import RunError, first_line
from sdesim.estimators import Estimate
from sdesim.kinds.numbers import as_reals, whole
from sdesim.kinds.spelling import short
from sdesim.runs.quantities import names
from sdesim.runs.quantity_row import PHASES as DECIDED
from sdesim.runs.quantity_row import Quantity
from sdesim.runs.registered import flag_names, measured_array, part_names

Given = float | tuple[float, float, float] | Estimate
PHASES = (*DECIDED, "undefined")
_NUMBERS = (
    "step", "time", "epoch", "learning_rate", "batch_size", "loss", "validation_loss", "signal", "noise",
    "lambda_crit", "cost_seconds",
)  # fmt: skip
# Numbers that may be None; and estimates by name.
_OPTIONAL, _ESTIMATES = ("epoch", "validation_loss", "lambda_crit"), ("estimates", "literal", "groups")


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured after one optimizer step.

    Every quantity that the table of quantities marks as monitored is an attribute: an `Estimate`, or None
    where it was not measured. Among them are C_alpha, signal over noise at the training batch, and C_1, per
    example; C_star, above which a step lowers the loss; p = C/(1+C); tail_index of the gradients and the
    dimension d_H deduced from it; lambda_max, the largest Hessian eigenvalue, and preconditioned_lambda_max,
    the same in the metric of an optimizer that scales coordinates unequally, such as Adam; S, which is
    2(1 − λ/λ_crit) of the latter; lyapunov_drift, the expected rate of the loss per unit of time; and the
    index I = p·(S/2)/d_H; progress, the change of the objective over one step as it was measured on the steps
    before, progress_heldout the same of the validation examples, and eta_star, the rate of steepest descent.

    Attributes:
        step: optimizer steps made, 0 before the first.
        time: Σ learning rate over these steps.
        epoch: passes over the training examples, None where their number or the batch size is not known.
        learning_rate: η of the next step.
        batch_size: B of the training, at which C_alpha is read.
        loss: training loss over the examples that the monitor holds, in the mode of the monitor.
        validation_loss: the same of the validation examples, in evaluation mode.
        estimates: the quantities by name, as far as they were measured.
        phase: C_alpha against C_star; phase_literal: literal C against 1; words of `PHASES`.
        phase_method: how the phase was decided, as `measure` names it; empty where it was not.
        signal: debiased |μ|²; noise: Tr Σ at the training batch; (loss/parameter)².
        lambda_crit: λ_max at which the optimizer loses stability (where it scales coordinates unequally: if
            both eigenvalues grow alike), None where it is not known.
        literal: the source's own formula, by the names above.
        groups: C of each layer.
        flags: warnings about the whole measurement, such as "loss_not_finite", and what `runs.validity` says
            of its training; each quantity has its own too.
        reasons: why a part of the reading failed ("loss", "gradient", "curvature", "validation", "reading"),
            for those with a flag such as "curvature_failed".
        cost_seconds: what making it took.
    """

    step: int
    time: float
    epoch: float | None
    learning_rate: float
    batch_size: int
    loss: float
    validation_loss: float | None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    phase: str = "undefined"
    phase_literal: str = "undefined"
    phase_method: str = ""
    signal: float = math.nan
    noise: float = math.nan
    lambda_crit: float | None = None
    literal: Mapping[str, Estimate] = field(default_factory=dict)
    groups: Mapping[str, Estimate] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    cost_seconds: float = 0.0

    @classmethod
    def of(
        cls, step: int = 0, *, learning_rate: float = 0.1, literal: Mapping[str, Given] | None = None,
        groups: Mapping[str, Given] | None = None, **given: Any,
    ) -> Measurement:  # fmt: skip
        """Make one from plain numbers: a quantity is a number, (value, low, high) or an Estimate.

        What is not given is missing; time is step·learning_rate, batch_size 1, the loss NaN.

        Raises:
            RunError: a name that no measurement has, or a phase that is none.
        """
        monitored, own = names(_is_monitored), {f.name for f in fields(cls)}
        if taken := own.intersection(monitored):
            raise RunError(
                f"quantity {min(taken)} can't be monitored: a measurement has its own {min(taken)}"
            )
        known = own - {"estimates"} | set(monitored)
        for name in given:
            if name not in known:
                raise RunError(f"a measurement has no {name!r}; it has {', '.join(sorted(known))}")
        for name in ("phase", "phase_literal"):
            if given.get(name, PHASES[0]) not in PHASES:
                raise RunError(f"{name} must be one of {', '.join(PHASES)}, got {short(given[name])}")
        step = whole(step, "step", least=0, error=RunError)
        estimates = {k: _estimate(given.pop(k), k) for k in monitored if given.get(k) is not None}
        made = {k: v for k, v in given.items() if k not in monitored}
        for name in _PLAIN.intersection(made):
            made[name] = None if made[name] is None else _one(made[name], name)
        start: dict[str, Any] = {
            "time": step * learning_rate, "epoch": None, "batch_size": 1, "loss": math.nan,
            "validation_loss": None,
        }  # fmt: skip
        return cls(
            step=step,
            learning_rate=learning_rate,
            estimates=estimates,
            literal={k: _estimate(v, k, "literal") for k, v in (literal or {}).items()},
            groups={k: _estimate(v, k) for k, v in (groups or {}).items()},
            **(start | made),
        )

    @classmethod
    def of_probe(cls, step: int, measured: xr.Dataset | None, samples: int, **known: Any) -> Measurement:
        """Make one from the `measure` of a run with one probe of n = `samples` draws, None where nothing was
        probed; `known` as of `of`."""
        if measured is None:
            return cls.of(step, **known)
        monitored = names(_is_monitored)
        found: dict[str, Any] = {q: _measured(measured, q, samples) for q in monitored if q in measured}
        literal = {
            q: float(measured[f"{q}_literal"].values[0, 0]) for q in monitored if f"{q}_literal" in measured
        }
        groups = {}
        if "C_group" in measured:
            parts = part_names(measured, "C_group")
            groups = {part: _measured(measured, f"C_group.{part}", samples) for part in parts}
        words: dict[str, Any] = {
            k: str(measured[k].values[0, 0])
            for k in ("phase", "phase_literal", "phase_method")
            if k in measured
        }
        sizes = {k: float(measured[k].values[0, 0]) for k in ("signal", "noise") if k in measured}
        return cls.of(step, literal=literal, groups=groups, **found, **words, **sizes, **known)

    def advice(self, earlier: Sequence[Measurement] = ()) -> tuple[str, str]:
        """What to change, in two lines, from it and those before it (`training.advice_lines`)."""
        from sdesim.training.tools.changes import advice_lines

        return advice_lines([*earlier, self])

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain dicts, lists, numbers and texts; what `from_dict` makes again."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        for part in _ESTIMATES:
            told[part] = {name: e.to_dict() for name, e in told[part].items()}
        return told | {"flags": list(self.flags), "reasons": dict(self.reasons)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Measurement:
        """One from what `to_dict` gave, also by way of strict JSON, in which numbers that are not finite are
        null and texts.

        Raises:
            RunError: it is none.
        """
        try:
            known = {name: told[name] for name in (f.name for f in fields(cls)) if name in told}
            for name in _NUMBERS[1:]:
                if name in known and name not in _OPTIONAL:
                    known[name] = _number(known[name])
            for part in _ESTIMATES:
                known[part] = {name: _stored(e) for name, e in known.get(part, {}).items()}
            known |= {"batch_size": int(known["batch_size"]), "flags": tuple(known.get("flags", ()))}
            return cls(**known)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise RunError(f"not a measurement of a training: {first_line(error)}") from error

    def __getattr__(self, name: str) -> Estimate | None:
        # Asked only for what is no field; "estimates" itself is asked for while a copy is being made.
        if not name.startswith("_") and name != "estimates" and name in names(_is_monitored):
            return self.estimates.get(name)
        raise AttributeError(f"a measurement has no {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *names(_is_monitored)]

    @property
    def temperature(self) -> float:
        """η·Tr Σ, the strength of the gradient noise that the optimizer feels."""
        return self.learning_rate * self.noise

    def row(self) -> dict[str, float | int | str | None]:
        """One flat row: numbers, each quantity with _low, _high and _literal, phases, flags by semicolons.

        C of layers is ``C_group.<layer>``. The names are the same for every measurement of one monitor.
        """
        flat: dict[str, float | int | str | None] = {name: getattr(self, name) for name in _NUMBERS}
        for name in names(_is_monitored):
            found = self.estimates.get(name)
            plain = self.literal.get(name)
            flat[name] = None if found is None else found.value
            flat[f"{name}_low"] = None if found is None else found.low
            flat[f"{name}_high"] = None if found is None else found.high
            flat[f"{name}_literal"] = None if plain is None else plain.value
        flat |= {f"C_group.{name}": c.value for name, c in self.groups.items()}
        return flat | {
            "phase": self.phase, "phase_literal": self.phase_literal, "phase_method": self.phase_method,
            "flags": ";".join(self.flags),
        }  # fmt: skip


# Fields of a measurement that are one number.
_PLAIN = {"time", "epoch", "loss", "validation_loss", "signal", "noise", "lambda_crit", "cost_seconds"}


def _one(given: Any, name: str) -> float:
    found = as_reals(given, name, RunError)
    if found.size != 1:
        raise RunError(f"{name} must be a number, got {short(given)}")
    return float(found.item())


def _estimate(given: Given, name: str, method: str = "given") -> Estimate:
    if isinstance(given, Estimate):
        return given
    if isinstance(given, tuple):
        if len(given) != 3:
            raise RunError(f"{name} must be a number or (value, low, high), got {short(given)}")
        value, low, high = (_one(x, name) for x in given)
        return Estimate(value, low, high, 0.95, method, 1)
    return Estimate(_one(given, name), math.nan, math.nan, 0.95, method, 1, ("no_interval",))


def _number(x: Any) -> float:
    """A number as strict JSON has it."""
    return math.nan if x is None else float(x)


def _stored(e: Mapping[str, Any]) -> Estimate:
    value, low, high = (_number(e[name]) for name in ("value", "low", "high"))
    return Estimate(
        value, low, high, float(e["level"]), str(e["method"]), int(e["n"]), tuple(e["flags"]), e["details"]
    )


def _measured(measured: xr.Dataset, name: str, n: int) -> Estimate:
    """A quantity of the only probe of the only trajectory."""
    held = measured_array(measured, name)
    assert held is not None
    value, low, high = (float(x[0, 0]) for x in held)
    how = str(measured[f"{name}_method"].values[0, 0]) if f"{name}_method" in measured else ""
    flags = tuple(flag_names(measured, name))
    return Estimate(value, low, high, float(measured.attrs["level"]), how or "measure", n, flags)


def monitored_quantities() -> list[str]:
    """The quantities that a measurement may hold."""
    return list(names(_is_monitored))


def _is_monitored(row: Quantity) -> bool:
    return row.monitored and row.probed
