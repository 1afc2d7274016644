"""A group of seeds as they train: their steps by one program, all else seed by seed."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.networks.stacked_dense import stacked_gradients
from sdesim.training.batched.choice import dense_network
from sdesim.training.batched.stack import Stack
from sdesim.training.loop.checkpoint import seed_restored, seed_stored
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.loop.prepared import Prepared
from sdesim.training.loop.trajectory import Keeper, SeedState, begin, lost, observe, recorded


class Group:
    """Seeds before their first step.

    The step of every seed is made on the stack of all; its own network and optimizer take over weights and
    state where they are read. A seed that was lost stays in its place, where nothing of it reaches another's.

    Args:
        prepared: of the training. trajectories: numbers of the seeds. size: places of the stack.

    Attributes:
        seeds: one by one. step: optimizer steps made.
    """

    def __init__(self, prepared: Prepared, trajectories: range, size: int) -> None:
        found = dense_network(prepared)
        assert found is not None
        self._dense, self._targets = found
        self._prepared, self._size, self.step = prepared, size, 0
        self.seeds = [begin(prepared, k) for k in trajectories]
        self._stack = Stack([seed.model for seed in self.seeds], prepared.recipe.new_optimizer, size)
        self._scheduler = prepared.recipe.new_scheduler(self._stack.optimizer)
        for seed in self.seeds:
            seed.scheduler = self._scheduler
        self._saved, self._probed = (frozenset(s.tolist()) for s in (prepared.saved, prepared.probe_steps))

    @property
    def training(self) -> list[SeedState]:
        """The seeds that are not lost."""
        return [seed for seed in self.seeds if seed.stopped is None]

    def observe(self) -> None:
        """Save and probe each seed where this step asks for it."""
        probed = self.step in self._probed
        if self.step not in self._saved and not probed:
            return
        for at, seed in enumerate(self.seeds):
            if seed.stopped is not None:
                continue
            self._stack.give_weights(at)
            if probed:
                self._stack.give_state(at, seed.optimizer)
            if not observe(self._prepared, seed, self.step):
                seed.stopped = self.step

    def advance(self) -> None:
        """One optimizer step of all seeds."""
        began = clock.perf_counter()
        losses = self._update(torch.stack(self._rows()))
        training = self.training
        for seed, loss in zip(self.seeds, losses, strict=False):
            if seed.stopped is None and not math.isfinite(loss):
                seed.stopped, seed.message = self.step, lost(f"the minibatch loss is {loss}", self.step)
        if self._scheduler is not None:
            self._scheduler.step()
        self.step += 1
        share = (clock.perf_counter() - began) / len(training)
        for seed in training:
            seed.training += share
            if seed.stopped is None:
                seed.step = self.step

    def _rows(self) -> list[Tensor]:
        """The examples of each place; those that no seed fills go along with the first."""
        drawn = [rows for rows in (seed.batches.next() for seed in self.seeds) if rows is not None]
        return drawn + [drawn[0]] * (self._size - len(drawn))

    def _update(self, rows: Tensor) -> list[float]:
        """One step on the minibatches of examples rows (G, B); returns the losses before it."""
        stack, masks, losses = self._stack, self.seeds[0].masks, []
        x, y = self._prepared.train.x[rows], self._targets[rows]

        def closure() -> Tensor:
            stack.optimizer.zero_grad()
            each, gradients = stacked_gradients(self._dense, stack.parameters, x, y)
            for k, (parameter, gradient) in enumerate(zip(stack.parameters, gradients, strict=True)):
                parameter.grad = gradient if masks is None else gradient.mul_(masks[k])
            losses.append(each)
            return each.sum()

        stack.optimizer.step(closure)
        found: list[float] = losses[0].tolist()
        return found


def group_stored(group: Group) -> dict[str, Any]:
    """The whole states of the seeds."""
    for at, seed in enumerate(group.seeds):
        group._stack.give_weights(at)
        group._stack.give_state(at, seed.optimizer)
    return {"step": group.step, "seeds": [seed_stored(seed) for seed in group.seeds]}


def group_restored(group: Group, stored: dict[str, Any]) -> None:
    """Put the seeds where `group_stored` found them; others than those begin again."""
    if len(stored["seeds"]) != len(group.seeds):
        return
    for seed, state in zip(group.seeds, stored["seeds"], strict=True):
        seed_restored(seed, state)
    group._stack.take([seed.optimizer for seed in group.seeds])
    group.step = stored["step"]


def train_group(
    prepared: Prepared, trajectories: range, size: int, report: Callable[[int], None],
    keeper: Keeper[Group] | None = None,
) -> list[dict[str, NDArray[Any]]]:  # fmt: skip
    """Train a group of seeds and return the saved values of each, as `recorded` gives them.

    Args:
        trajectories: numbers of the seeds, at most size. size: places of the program, filled or not.
        report: is told how many optimizer steps each has made.
    """
    steps = prepared.recipe.steps
    with isolated_torch():
        group = Group(prepared, trajectories, size)
        if keeper is not None:
            keeper.restore(group)
        while True:
            group.observe()
            if group.step == steps or not group.training:
                break
            group.advance()
            if keeper is not None:
                keeper.step(group)
            report(group.step)
    report(steps)
    return [recorded(prepared, seed) for seed in group.seeds]
