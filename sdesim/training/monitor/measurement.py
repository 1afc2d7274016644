"""One measurement of a training in progress: what the monitor makes, and what schedules and advice read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sdesim.errors import RunError
from sdesim.estimators import Estimate

Given = float | tuple[float, float, float] | Estimate
PHASES = ("exploration", "transition", "generalization", "undefined")
# Quantities with an interval, in the order in which they are written out.
QUANTITIES = (
    "C_alpha", "C_1", "C_star", "p", "tail_index", "d_H", "lambda_max", "preconditioned_lambda_max", "S",
    "lyapunov_drift", "I",
)  # fmt: skip
_NUMBERS = (
    "step", "time", "epoch", "learning_rate", "batch_size", "loss", "validation_loss", "signal", "noise",
    "lambda_crit", "cost_seconds",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What was measured after one optimizer step; an `Estimate` is None where it was not measured.

    Attributes:
        step: optimizer steps made, 0 before the first.
        time: Σ learning rate over these steps.
        epoch: passes over the training examples, None where their number or the batch size is not known.
        learning_rate: η of the next step.
        batch_size: B of the training, at which C_alpha is read.
        loss: mean training loss over the examples that the monitor holds, in evaluation mode.
        validation_loss: the same of the validation examples.
        C_alpha: signal/noise at the training batch; C_1: per example; C_star: above it a step lowers the
            loss; p: C/(1+C).
        tail_index: α of the gradients; d_H: the dimension deduced from it.
        lambda_max: largest Hessian eigenvalue; preconditioned_lambda_max: the same in the metric of an
            optimizer that scales coordinates unequally, such as Adam; S: 2(1 − λ/λ_crit) of the latter.
        lyapunov_drift: expected rate of the loss per unit of time. I: the index p·(S/2)/d_H.
        phase: C_alpha against C_star; phase_literal: literal C against 1; words of `PHASES`.
        signal: debiased |μ|²; noise: Tr Σ at the training batch; (loss/parameter)².
        lambda_crit: λ_max at which the optimizer loses stability (where it scales coordinates unequally: if
            both eigenvalues grow alike), None where it is not known.
        literal: the source's own formula, by the names above.
        groups: C of each layer.
        flags: warnings about the whole measurement, such as "loss_not_finite", and what `runs.validity` says
            of its training; each quantity has its own too.
        cost_seconds: what making it took.
    """

    step: int
    time: float
    epoch: float | None
    learning_rate: float
    batch_size: int
    loss: float
    validation_loss: float | None
    C_alpha: Estimate | None = None
    C_1: Estimate | None = None
    C_star: Estimate | None = None
    p: Estimate | None = None
    tail_index: Estimate | None = None
    d_H: Estimate | None = None
    lambda_max: Estimate | None = None
    preconditioned_lambda_max: Estimate | None = None
    S: Estimate | None = None
    lyapunov_drift: Estimate | None = None
    I: Estimate | None = None  # noqa: E741
    phase: str = "undefined"
    phase_literal: str = "undefined"
    signal: float = math.nan
    noise: float = math.nan
    lambda_crit: float | None = None
    literal: Mapping[str, Estimate] = field(default_factory=dict)
    groups: Mapping[str, Estimate] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
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
        known = {f.name for f in fields(cls)}
        for name in given:
            if name not in known:
                raise RunError(f"a measurement has no {name!r}; it has {', '.join(sorted(known))}")
        for name in ("phase", "phase_literal"):
            if given.get(name, PHASES[0]) not in PHASES:
                raise RunError(f"{name} must be one of {', '.join(PHASES)}, got {given[name]!r}")
        made = {k: _estimate(v) if k in QUANTITIES and v is not None else v for k, v in given.items()}
        start: dict[str, Any] = {
            "time": step * learning_rate, "epoch": None, "batch_size": 1, "loss": math.nan,
            "validation_loss": None,
        }  # fmt: skip
        return cls(
            step=step,
            learning_rate=learning_rate,
            literal={k: _estimate(v, "literal") for k, v in (literal or {}).items()},
            groups={k: _estimate(v) for k, v in (groups or {}).items()},
            **(start | made),
        )

    @property
    def temperature(self) -> float:
        """η·Tr Σ, the strength of the gradient noise that the optimizer feels."""
        return self.learning_rate * self.noise

    def row(self) -> dict[str, float | int | str | None]:
        """One flat row: numbers, each quantity with _low, _high and _literal, phases, flags by semicolons.

        C of layers is ``C_group.<layer>``. The names are the same for every measurement of one monitor.
        """
        flat: dict[str, float | int | str | None] = {name: getattr(self, name) for name in _NUMBERS}
        for name in QUANTITIES:
            found: Estimate | None = getattr(self, name)
            plain = self.literal.get(name)
            flat[name] = None if found is None else found.value
            flat[f"{name}_low"] = None if found is None else found.low
            flat[f"{name}_high"] = None if found is None else found.high
            flat[f"{name}_literal"] = None if plain is None else plain.value
        flat |= {f"C_group.{name}": c.value for name, c in self.groups.items()}
        return flat | {
            "phase": self.phase, "phase_literal": self.phase_literal, "flags": ";".join(self.flags)
        }  # fmt: skip


def _estimate(given: Given, method: str = "given") -> Estimate:
    if isinstance(given, Estimate):
        return given
    if isinstance(given, tuple):
        value, low, high = map(float, given)
        return Estimate(value, low, high, 0.95, method, 1)
    return Estimate(float(given), math.nan, math.nan, 0.95, method, 1, ("no_interval",))
