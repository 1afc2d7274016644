"""The torch optimizer that stands where a twin does, for readings in its metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sdesim.runs.schema import EXACT_STEP_PROBE, METRIC_PROBE, PROGRESS_PROBE, STEP_PROBE
from sdesim.training.loop.copies import copied
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.probes.preconditioning import curvature_metric, linear_step, needs_metric

if TYPE_CHECKING:
    from sdesim.optimizers.sde import OptimizerSDE
    from sdesim.runs import Probes
    from sdesim.training.loop.recipe import Recipe
    from sdesim.training.twinning.rehearsal import Group


class OptimizerReading:
    """A network and an optimizer that are put where a trajectory of the twin is, as a probe of training has
    them: so the same metric, threshold and linear step.

    Args:
        recipe: of the training. groups: of its rehearsal, their rates those of the twin.
        linear: whether the training's steps are read as linear in their gradient.
    """

    def __init__(self, recipe: Recipe, groups: tuple[Group, ...], linear: bool) -> None:
        with isolated_torch():
            self._model = copied(recipe.module).double().cpu()
            self._parameters = list(self._model.parameters())
            self._optimizer = recipe.new_optimizer(self._parameters)
        self._groups, self._linear, self._mask = groups, linear, recipe.mask
        self._sizes = [p.numel() for p in self._parameters]

    def keywords(self, theta: Tensor, state: Mapping[str, Tensor], step: float) -> dict[str, Any]:
        """Keywords of `runs.probe` at θ (d,) and the states (d,) after s steps."""
        whole = int(step)
        for parameter, values in zip(self._parameters, self._split(theta), strict=True):
            parameter.data.copy_(values.view(parameter.shape))
        held = {name: self._split(values) for name, values in state.items()}
        self._optimizer.state.clear()
        for own, group in zip(self._groups, self._optimizer.param_groups, strict=True):
            at = own.which[whole]
            equation = own.equations[at]
            group.update(own.settings[at], **_moving(equation, own.settings[at], float(own.rates[whole])))
            names = {name: equation.torch_names[name] for name in equation.state_names}
            counted = {n: torch.tensor(v) for n, v in equation.counted(float(own.rates[whole]), step).items()}
            for k in own.parameters if step > 0 and (names or counted) else ():
                parameter = self._parameters[k]
                found = {names[n]: held[n][k].view(parameter.shape).clone() for n in names}
                self._optimizer.state[parameter] = {**found, **counted, "step": torch.tensor(step)}
        metric = curvature_metric(self._model, self._optimizer)
        linear = linear_step(self._model, self._optimizer) if self._linear else None
        if self._mask is not None:
            metric = metric.among(self._mask)
            linear = None if linear is None else linear.among(self._mask)
        return {"metric": metric, "step": linear}

    def variables(self, probes: Probes, known: bool) -> tuple[str, ...]:
        """Names of the schema that these add."""
        names: tuple[str, ...] = ()
        if probes.wants("curvature"):
            names += METRIC_PROBE if needs_metric(self._optimizer) else METRIC_PROBE[:1]
            names += STEP_PROBE if self._linear else ()
            names += EXACT_STEP_PROBE if self._linear and known and probes.exact is not False else ()
        names += PROGRESS_PROBE if probes.wants("progress") and probes.branches else ()
        return names

    def _split(self, values: Tensor) -> tuple[Tensor, ...]:
        """Of all parameters, those that are left out 0."""
        if self._mask is None:
            return torch.split(values, self._sizes)
        whole = values.new_zeros(len(self._mask))
        whole[torch.from_numpy(np.flatnonzero(self._mask))] = values
        return torch.split(whole, self._sizes)


def _moving(equation: OptimizerSDE, settings: Mapping[str, Any], rate: float) -> dict[str, Any]:
    """Rate and momentum by which θ moves: a momentum that is no state has become a part of the rate."""
    if settings.get("momentum", 0.0) and not equation.state_names:
        return {"lr": equation.clock(rate), "momentum": 0.0, "dampening": 0.0, "nesterov": False}
    return {"lr": rate}
