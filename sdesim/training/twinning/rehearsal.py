"""Which SDE every step of a training has, and at which learning rate: from a rehearsal of its schedule."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.kinds import class_of, names_of
from sdesim.kinds.registry import fields_of
from sdesim.optimizers.base import Base as Optimizer
from sdesim.optimizers.sde import Form, OptimizerSDE
from sdesim.training.loop.copies import copied
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.loop.recipe import Recipe
from sdesim.training.probes.optimizer_facts import step_rate

Array = NDArray[np.float64]
# What a rehearsal leaves to the steps: the rate, which `advance` is told, and what belongs to no step.
_APART = ("lr", "batch_size", "groups")


@dataclass(frozen=True, eq=False)
class Group:
    """What moves by the settings of one group of the optimizer.

    Attributes:
        parameters: numbers of its parameters, in the network's order.
        equations: the SDEs of its steps, each once. settings: of torch's group at these.
        which: (S + 1,), of every step the number of its SDE.
        rates: (S + 1,), η of every step.
    """

    parameters: tuple[int, ...]
    equations: tuple[OptimizerSDE, ...]
    settings: tuple[Mapping[str, Any], ...]
    which: NDArray[np.int64]
    rates: Array

    def equation(self, step: int) -> OptimizerSDE:
        """The SDE of a step."""
        found: OptimizerSDE = self.equations[int(self.which[step])]
        return found


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """A training's steps without their gradients.

    Attributes:
        rates: (S + 1,), η of every step as a run records it.
        groups: of the optimizer.
    """

    rates: Array
    groups: tuple[Group, ...]


def rehearsed(recipe: Recipe, steps: int, form: Form | None = None) -> Rehearsal | str:
    """The SDE of every step of a recipe, its scheduler walked with it; a sentence where one has none.

    Args:
        steps: S, at least so many.

    Raises:
        RunError: the schedule goes by the loss.
    """
    with isolated_torch(), warnings.catch_warnings():
        # The rehearsal never calls optimizer.step(), which torch warns about.
        warnings.simplefilter("ignore")
        parameters = list(copied(recipe.module).parameters())
        optimizer = recipe.new_optimizer(parameters)
        kind = kind_of(optimizer, recipe.told)
        if isinstance(kind, str):
            return kind
        made: Any = kind
        own_settings = {} if recipe.told is None else fields_of(recipe.told)
        places = {id(p): k for k, p in enumerate(parameters)}
        scheduler = recipe.new_scheduler(optimizer)
        rates = np.empty(steps + 1)
        count = len(optimizer.param_groups)
        found: list[dict[Any, int]] = [{} for _ in range(count)]
        equations: list[list[OptimizerSDE]] = [[] for _ in range(count)]
        held: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        which, own = np.empty((count, steps + 1), dtype=np.int64), np.empty((count, steps + 1))
        for step in range(steps + 1):
            rates[step] = step_rate(optimizer)
            for g, group in enumerate(optimizer.param_groups):
                own[g, step] = float(group["lr"])
                settings = _settings(kind, own_settings, group)
                key = tuple(sorted(settings.items()))
                if key not in found[g]:
                    equation = made(lr=1.0, **settings).sde(form=form)
                    if isinstance(equation, str):
                        return equation
                    found[g][key] = len(equations[g])
                    equations[g].append(equation)
                    held[g].append({n: v for n, v in group.items() if n not in ("params", "lr")})
                which[g, step] = found[g][key]
            if scheduler is not None and step < steps:
                try:
                    scheduler.step()
                except (TypeError, ValueError) as error:
                    raise RunError(f"the scheduler must run {steps} steps on its own: {error}") from error
        for some in equations:
            if len({tuple(one.state_names) for one in some}) > 1:
                return (
                    "a momentum that a schedule turns on or off has no SDE; nearest: one that stays above 0"
                )
        if not (np.isfinite(own).all() and (own >= 0).all()):
            raise RunError("the learning rate must be finite and at least 0 at every step")
        return Rehearsal(rates, tuple(
            Group(
                tuple(places[id(p)] for p in group["params"]), tuple(equations[g]),
                tuple(held[g]), which[g], own[g],
            )
            for g, group in enumerate(optimizer.param_groups)
        ))  # fmt: skip


def kind_of(optimizer: Any, told: Optimizer | None) -> type[Optimizer] | str:
    """The kind whose settings a torch optimizer's groups hold; a sentence where there is none.

    Args:
        told: the kind that it was made of, if it was.
    """
    if told is not None:
        return type(told)
    made = type(optimizer)
    for name in names_of("optimizers"):
        kind: type[Optimizer] = class_of("optimizers", name)
        if kind.torch_name and getattr(torch.optim, kind.torch_name, None) is made:
            return kind
    return (
        f"no SDE is known for the steps of {made.__module__}.{made.__qualname__}; nearest: that of a kind of "
        "sdesim.optimizers, or one's own, a subclass of its Base with equation()"
    )


def _settings(kind: type[Optimizer], own: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a kind as a group of torch's has them, else as the kind itself."""
    found = {}
    for field in fields(kind):
        name = kind.renamed.get(field.name, field.name)
        if field.name in _APART or not (name in group or field.name in own):
            continue
        value = group[name] if name in group else own[field.name]
        value = value.item() if torch.is_tensor(value) else value
        found[field.name] = tuple(value) if isinstance(value, list | tuple) else value
    return found
