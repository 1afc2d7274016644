"""Measured progress: real steps of the very optimizer, made from one state and taken back; pairs of losses.

ΔL̂ = L_B′(θ_{t+1}) − L_B′(θ_t) on the same batch B′, drawn independently of the step, is unbiased for the
change of the objective by the step, whatever the optimizer and whatever is done to its gradients.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.estimators.dynamics.progress import mean_change
from sdesim.training.data.batches import batch_loss, mapped
from sdesim.training.probes.guard import Kept

Array = NDArray[np.float64]
# Number of a batch → the objective on it, at the weights as they are.
Objective = Callable[[int], float]


def branched(
    state: Taken, step: Callable[[int], object], objectives: Mapping[str, Objective], branches: int
) -> dict[str, float]:
    """Mean change of objectives over one step from the present state, by ``branches`` independent steps.

    Args:
        state: what is put back after each step.
        step: makes one real step, on a batch of its own for each number.
        objectives: name → function that gives the objective on its own batch of each number.

    Returns:
        Name → mean, ``name_error`` → its standard error over the branches, and ``progress_count``.
    """
    changes: dict[str, list[float]] = {name: [] for name in objectives}
    with state.taken_back():
        for k in range(branches):
            before = {name: objective(k) for name, objective in objectives.items()}
            step(k)
            for name, objective in objectives.items():
                changes[name].append(objective(k) - before[name])
            state.put_back()
    found = {"progress_count": float(branches)}
    for name, values in changes.items():
        made = mean_change(np.array(values))
        found |= {name: made.value, f"{name}_error": float(made.details["error"])}
    return found


class Taken:
    """Weights, buffers, gradients and optimizer state at one moment, to go back to as often as wanted.

    Args:
        model: the network. optimizer: of its parameters, or None where no step is made.
    """

    def __init__(self, model: nn.Module, optimizer: Any = None) -> None:
        self._model, self._optimizer = model, optimizer
        self._tensors = [(t, t.detach().clone()) for t in (*model.parameters(), *model.buffers())]
        self._gradients = [
            (p, p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()
        ]
        self._modes = [(part, part.training) for part in model.modules()]
        if optimizer is not None:
            self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
            self._state, self._groups = self._copied(optimizer.state), self._settings()

    @contextmanager
    def taken_back(self) -> Iterator[None]:
        """Whatever happens inside, the state is afterwards as it was."""
        try:
            yield
        finally:
            self.put_back()

    def put_back(self) -> None:
        """Go back."""
        with torch.no_grad():
            for tensor, value in self._tensors:
                # By .data, which counts as no change for a graph that is still held.
                tensor.data.copy_(value)
            for parameter, gradient, kept in self._gradients:
                parameter.grad = gradient
                if gradient is not None and kept is not None:
                    gradient.data.copy_(kept)
        for part, mode in self._modes:
            part.training = mode
        if self._optimizer is None:
            return
        state = self._copied(self._state)
        self._optimizer.state.clear()
        self._optimizer.state.update(state)
        for group, settings in zip(self._optimizer.param_groups, self._groups, strict=True):
            group.update(copy.copy(settings))

    def _settings(self) -> list[dict[str, Any]]:
        return [
            {k: copy.deepcopy(v) for k, v in group.items() if k != "params"}
            for group in self._optimizer.param_groups
        ]

    def _copied(self, state: Any) -> dict[Any, Any]:
        # Parameters stand for themselves, everything else is copied.
        return copy.deepcopy(dict(state), {id(p): p for p in self._parameters})


def objective_of(
    model: nn.Module, loss_fn: Callable[..., Any], batches: Sequence[tuple[Any, Any]], seeds: Sequence[int]
) -> Objective:
    """The loss of batch k in the mode that the network is in, random layers drawing the same numbers.

    Whatever network, hooks and loss write meanwhile is put back.
    """

    devices = sorted({p.get_device() for p in model.parameters() if p.is_cuda})

    def of(k: int) -> float:
        kept = Kept(model, loss_fn)
        # Copies: a forward pass may write to its inputs.
        x, y = (mapped(part, torch.clone) for part in batches[k])
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=devices):
                reseed(seeds[k], devices)
                value = float(batch_loss(model, loss_fn, x, y))
        finally:
            kept.restore()
        return value if math.isfinite(value) else math.nan

    return of


def reseed(seed: int, devices: Sequence[int] = ()) -> None:
    """Seed the generators that random layers draw from: torch's on the CPU, and of these CUDA devices."""
    # Not torch.manual_seed, which is slow, and keeps every call for devices that are not there yet.
    torch.default_generator.manual_seed(seed)
    for device in devices:
        torch.cuda.default_generators[device].manual_seed(seed)


def drawn_rows(
    total: int, size: int, weights: Tensor | None, branches: int, rng: np.random.Generator
) -> list[Tensor | None]:
    """Rows of one independent batch for each branch; None for all examples where these are no more."""
    if total <= size and weights is None:
        return [None] * branches
    if weights is not None:
        drawn = rng.choice(total, size=(branches, size), p=weights.numpy())
    else:
        drawn = rng.integers(0, total, size=(branches, size))
    return [torch.from_numpy(row) for row in drawn]
