"""The steps of a recorded training's own optimizer as a scheme, from the recipe that made it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from sdesim.errors import RunError
from sdesim.optimizers import SGD
from sdesim.optimizers.sde import Form
from sdesim.runs.attributes import mapped
from sdesim.surfaces.torch.batched import BatchedLoss
from sdesim.surfaces.torch.kernel_loss import KernelLoss
from sdesim.training.data.examples import Examples
from sdesim.training.loop.copies import copied
from sdesim.training.loop.recipe import Recipe
from sdesim.training.probes.optimizer_facts import optimizer_attributes
from sdesim.training.twinning.optimizer_reading import OptimizerReading
from sdesim.training.twinning.optimizer_steps import Evaluator, OptimizerSteps, Part
from sdesim.training.twinning.rehearsal import Group, Rehearsal, rehearsed
from sdesim.training.twinning.validity import condition_attributes, conditions

Array = NDArray[np.float64]
# Attributes by which a recording says what its optimizer is.
_OPTIMIZER = (
    "optimizer", "optimizer_class", "base_learning_rate", "momentum", "nesterov", "weight_decay", "dampening",
    "learning_rates", "plain_step", "momentum_changes", "optimizer_model",
)  # fmt: skip
_GIVE = "give the recipe in place of the module"
# Of these what a recipe says must be what the run says.
_TOLD = ("optimizer_class", "momentum", "nesterov", "dampening", "weight_decay")
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Start:
    """Where a twin begins, if not where the recorded training did.

    Attributes:
        theta: (K, d).
        state: by the names of the SDE's states, (K, d) each; those left out begin as in training.
        step: how many steps the optimizer has made.
    """

    theta: Array
    state: Mapping[str, Tensor] = field(default_factory=dict)
    step: int = 0


def own_steps(
    run: xr.Dataset, recipe: Recipe, train: Examples, surface: Any, *, steps: int | None, stretch: int,
    form: Form | None = None, chunk: int | None = None, start: Start | None = None,
) -> tuple[OptimizerSteps, dict[str, Any]]:  # fmt: skip
    """The scheme, and the attributes that say whose steps it makes.

    Args:
        surface: of the loss. steps: of the twin; None: as many as the run's.
        stretch: steps of the twin to one of the optimizer.
        form, chunk, start: as of `plan_twin`.

    Raises:
        RunError: there is no SDE of these steps, or the run does not tell them, or tells others.
    """
    if chunk is not None and chunk < 1:
        raise RunError(f"chunk must be at least 1, got {chunk}")
    begin = 0 if start is None else start.step
    recorded = int(run["step"].values[-1])
    last = begin + (recorded if steps is None else -(-steps // stretch))
    _check_known(run, recipe)
    found = rehearsed(recipe, max(last, recorded), form)
    if isinstance(found, str):
        raise RunError(f"a twin needs an SDE of the optimizer's steps: {found}")
    _check_rates(run, found)
    linear = str(run.attrs.get("optimizer_model", "none")) == "linear"
    parts = tuple(
        Part(_columns(recipe, group), group.equations, group.which, group.rates)
        for group in found.groups if group.parameters
    )  # fmt: skip
    scheme = OptimizerSteps(
        parts=parts,
        rates_of_steps=found.rates,
        stretch=stretch,
        evaluator=_evaluator(recipe, train, surface),
        reader=OptimizerReading(recipe, found.groups, linear),
        begin=begin,
        state={} if start is None else start.state,
        chunk=chunk,
    )
    first = parts[0].equations[0]
    told = {name: run.attrs[name] for name in _OPTIMIZER if name in run.attrs}
    told |= condition_attributes(conditions(run, parts))
    told |= {"sde_source": first.source, "steps_of_optimizer": stretch}
    return scheme, told | ({"sde_form": getattr(first, "form", form)} if form is not None else {})


def _evaluator(recipe: Recipe, train: Examples, surface: Any) -> Evaluator:
    """The loss on the network's device; by compiled functions where the surface has them, or by itself."""
    own: Evaluator | None = getattr(surface, "evaluator", None)
    if own is not None:
        return own
    device = next(recipe.module.parameters()).device
    if device.type == "cpu" and surface.kernel().module:
        return KernelLoss(surface)
    return BatchedLoss(recipe.module, recipe.loss_fn, train.x, train.y, device=device, mask=recipe.mask)


def _columns(recipe: Recipe, group: Group) -> tuple[slice, ...]:
    """Which coordinates of θ a group moves, among those that are trained: no frozen ones."""
    sizes = [p.numel() for p in recipe.module.parameters()]
    frozen = [not p.requires_grad for p in recipe.module.parameters()]
    ends = np.cumsum(sizes)
    kept = None if recipe.mask is None else np.concatenate([[0], np.cumsum(recipe.mask)])
    spans: list[tuple[int, int]] = []
    for k in (k for k in sorted(group.parameters) if not frozen[k]):
        low, high = int(ends[k] - sizes[k]), int(ends[k])
        if kept is not None:
            low, high = int(kept[low]), int(kept[high])
        if spans and spans[-1][1] == low:
            spans[-1] = (spans[-1][0], high)
        elif high > low:
            spans.append((low, high))
    return tuple(slice(*span) for span in spans)


class UnknownOptimizer:
    """Stands for the optimizer of a run that does not say all of its settings."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, parameters: Sequence[Any]) -> Any:
        raise RunError(f"the run was trained by {self.name}, whose settings it does not hold: {_GIVE}")


def optimizer_of_run(run: xr.Dataset) -> Callable[..., Any]:
    """The optimizer as far as a run says what it was: SGD by its settings."""
    attrs = run.attrs
    name = str(attrs.get("optimizer_class") or attrs.get("optimizer", "an unknown optimizer"))
    known = name == f"{torch.optim.SGD.__module__}.{torch.optim.SGD.__qualname__}"
    changes = attrs.get("learning_rates") or attrs.get("momentum_changes") or attrs.get("maximize")
    if not known or changes or not float(attrs.get("base_learning_rate", 0.0)) > 0:
        return UnknownOptimizer(name.rpartition(".")[2])
    return SGD(
        float(attrs["base_learning_rate"]),
        momentum=float(attrs.get("momentum", 0.0)),
        dampening=float(attrs.get("dampening", 0.0)),
        nesterov=bool(attrs.get("nesterov", False)),
        weight_decay=float(attrs.get("weight_decay", 0.0)),
    )  # type: ignore[return-value]


def _check_known(run: xr.Dataset, recipe: Recipe) -> None:
    """That the recipe's optimizer is that of the run, as far as this tells its settings.

    Raises:
        RunError: in which it is another.
    """
    unknown: Any = recipe.optimizer
    if isinstance(unknown, UnknownOptimizer):
        unknown([])
    optimizer = recipe.new_optimizer(list(copied(recipe.module).parameters()))
    made = optimizer_attributes(optimizer, recipe.told)
    pairs = [(name, run.attrs[name], made[name]) for name in _TOLD if name in run.attrs]
    groups = json.loads(mapped(run.attrs, "fingerprint_parts").get("groups of the optimizer", "[]"))
    if groups and len(groups) != len(optimizer.param_groups):
        pairs.append(("param_groups", len(groups), len(optimizer.param_groups)))
    for theirs, mine in zip(groups, optimizer.param_groups, strict=False):
        # The rates of a schedule are held against the run's by themselves.
        pairs += list(settings(theirs, mine, recipe.scheduled, rates=not recipe.scheduled))
    for name, held, own in pairs:
        if comparable(held) != comparable(own):
            raise RunError(
                f"the run's optimizer has {name}={held}, the recipe's {own}: give the recipe by which it was "
                "recorded"
            )


def settings(
    held: Mapping[str, Any], own: Mapping[str, Any], scheduled: bool, *, rates: bool
) -> Iterator[tuple[str, Any, Any]]:
    """Name and both values of what two groups of an optimizer must have alike: what both have, without a
    momentum and the first of the betas where a schedule may move them.

    Args:
        rates: whether learning rates too.
    """
    moved = {"params", *(() if rates else ("lr", "initial_lr")), *(("momentum",) if scheduled else ())}
    for name in sorted(set(held) & set(own) - moved):
        first = 1 if scheduled and name == "betas" else 0
        yield (name, held[name][first:], own[name][first:]) if first else (name, held[name], own[name])


def comparable(value: Any) -> Any:
    """A setting as it compares: lists and tuples alike, tensors as numbers."""
    value = value.item() if torch.is_tensor(value) else value
    return tuple(value) if isinstance(value, list | tuple) else value


def _check_rates(run: xr.Dataset, found: Rehearsal) -> None:
    """That the rehearsed rates are the recorded ones.

    Raises:
        RunError: they are not.
    """
    steps = np.asarray(run["step"].values)
    rates = np.asarray(run["learning_rate"].values, dtype=np.float64)
    rates = rates if rates.ndim == 1 else np.nanmax(np.where(np.isfinite(rates), rates, -np.inf), axis=0)
    made = found.rates[steps]
    known = np.isfinite(rates)
    wrong = np.flatnonzero(known & (np.abs(made - rates) > _ROUNDING * np.maximum(made, np.abs(rates))))
    if not len(wrong):
        return
    at = wrong[0]
    told = f"the run's learning rate at step {steps[at]} is {rates[at]:g}, this recipe's {made[at]:g}"
    raise RunError(f"{told}: give the recipe by which it was recorded, with its scheduler")
