"""The SDE of an optimizer with groups: each moves its own coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdesim.optimizers.sde import Condition, Form, Input, OptimizerSDE

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.optimizers.base import Base


def of_groups(
    whole: Base, members: Sequence[tuple[Base, Sequence[int]]], sizes: Sequence[int], form: Form | None
) -> OptimizerSDE | str:
    """The SDE of all members, each with the places of its parameters; a sentence where one has none.

    Args:
        sizes: coordinates of every parameter.
    """
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    parts = []
    for member, places in members:
        equation = member.equation(form)
        if isinstance(equation, str):
            return equation
        spans = tuple((ends[k] - sizes[k], ends[k]) for k in sorted(places))
        parts.append(Part(equation, _merged(spans), member.lr / whole.lr))
    return GroupedSDE(parts=tuple(parts))


def _merged(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return tuple(found)


@dataclass(frozen=True)
class Part:
    """One group: its SDE, the spans of coordinates that it moves, and its η over the run's."""

    equation: OptimizerSDE
    spans: tuple[tuple[int, int], ...]
    rate: float


@dataclass(frozen=True, kw_only=True)
class GroupedSDE(OptimizerSDE):
    """The SDEs of the groups of one optimizer, beside each other.

    Rates keep the ratio to the run's that they begin with, as under every schedule that multiplies all of
    them. A state that a group has not stays 0 there.
    """

    parts: tuple[Part, ...] = ()

    @property
    def torch_names(self) -> Mapping[str, str]:
        """Of any group."""
        return {k: v for part in self.parts for k, v in part.equation.torch_names.items()}

    @property
    def source(self) -> str:  # type: ignore[override]
        """That of the first group."""
        return self.parts[0].equation.source

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """Those of any group."""
        return tuple(dict.fromkeys(one for part in self.parts for one in part.equation.inputs(share, index)))

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move each group's coordinates, in place."""
        together = self.inputs(share)
        for part in self.parts:
            # The places of a group's inputs among all are the same at every index of the noise.
            chosen = [inputs[together.index(one)] for one in part.equation.inputs(share)]
            for start, end in part.spans:
                own = rate[start:end] if getattr(rate, "ndim", 0) else rate  # type: ignore[index]
                part.equation.advance(
                    theta[:, start:end],
                    {name: state[name][:, start:end] for name in part.equation.state_names},
                    [given[:, start:end] for given in chosen],
                    rate=own * part.rate, share=share, step=step,
                )  # fmt: skip

    def clock(self, rates: Any) -> Any:
        """That of the first group, whose rate is the run's."""
        return self.parts[0].equation.clock(rates * self.parts[0].rate)

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Of every condition the worst group's."""
        worst: dict[str, Condition] = {}
        for part in self.parts:
            for one in part.equation.validity(
                rate=rate * part.rate, curvature=curvature, signal=signal, noise=noise, dim=dim
            ):
                held = worst.get(one.name)
                if held is None or one.value / one.bound > held.value / held.bound:
                    worst[one.name] = one
        return tuple(worst.values())
