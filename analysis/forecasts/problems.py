"""Small trainings to be foretold, their states at some steps, and what they really did from there."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.data import digits
from sdesim.data.sets.modular_addition import ModularAddition
from sdesim.losses import MSE, CrossEntropy
from sdesim.networks import MLP
from sdesim.networks.fully_connected import flat_parameters
from sdesim.optimizers import SGD, AdamW
from sdesim.optimizers.learning_rates import Cosine
from sdesim.training import Recipe
from sdesim.training.loop.fresh import fresh_module
from sdesim.training.loop.prepared import prepare

Array = NDArray[np.float64]
QUANTITIES = ("loss", "test_loss", "test_accuracy")


@dataclass(frozen=True)
class Problem:
    """A training, the steps from which it is foretold, and how far.

    Attributes:
        recipe: of the training, of one epoch's multiple of steps. at: early, middle and late.
        horizon: steps ahead. every: steps between readings.
        threshold: (quantity, value, whether above) of the time that is foretold.
    """

    name: str
    recipe: Recipe
    at: tuple[int, int, int]
    horizon: int
    every: int
    threshold: tuple[str, float, bool]


def problems() -> list[Problem]:
    """Digits by SGD, momentum and AdamW under a cosine; addition mod 13, which is grokked."""
    data = digits(200, 400)
    net = MLP([64, 8, 10])

    def on_digits(optimizer: Any, scheduler: Any = None) -> Recipe:
        return Recipe(
            net, CrossEntropy(), data, None, optimizer, steps=600, batch_size=20, scheduler=scheduler,
        )  # fmt: skip

    grokked = Recipe(
        MLP([26, 48, 13], activation="quadratic", bias=False, init="normal"), MSE(),
        ModularAddition(13, 0.6), None, AdamW(5e-3, weight_decay=1.0), steps=1500, batch_size=16,
    )  # fmt: skip
    halved = ("loss", 0.3, False)
    return [
        Problem("digits, SGD", on_digits(SGD(0.2)), (30, 150, 400), 200, 5, halved),
        Problem("digits, momentum", on_digits(SGD(0.03, momentum=0.9)), (30, 150, 400), 200, 5, halved),
        Problem(
            "digits, AdamW, cosine", on_digits(AdamW(1e-2), Cosine()), (30, 150, 400), 200, 5, halved,
        ),
        Problem("grokking", grokked, (120, 360, 720), 600, 12, ("test_accuracy", 0.95, True)),
    ]  # fmt: skip


class Training:
    """A training that can be stopped, kept and gone on with."""

    def __init__(self, recipe: Recipe, module: Any, order: int) -> None:
        self.recipe, self.model = recipe, copy.deepcopy(module)
        self._prepared = prepare(recipe, save_every=None, save=("loss",), probes=None)
        self.optimizer = recipe.new_optimizer(list(self.model.parameters()))
        self.step, self._rng = 0, np.random.default_rng(order)
        self._queue: list[NDArray[np.int64]] = []
        # θ at the steps that are read.
        self.path: dict[int, Array] = {}

    def kept(self) -> dict[str, Any]:
        """A checkpoint, between two epochs."""
        assert not self._queue
        self._set_rate()
        return copy.deepcopy(
            {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        )

    def taken(self, checkpoint: dict[str, Any]) -> Training:
        """Put where a checkpoint says."""
        self.model.load_state_dict(checkpoint["model"])
        self.optimizer.load_state_dict(copy.deepcopy(checkpoint["optimizer"]))
        self.step = checkpoint["step"]
        return self

    def _set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = float(self._prepared.rates[self.step])

    def go(self, steps: int, every: int) -> dict[str, Array]:
        """Make steps by shuffled epochs; readings at the start and after each ``every`` steps, (1 +
        steps/every,)."""
        train, size = self._prepared.train, self.recipe.batch_size
        loss_fn: Any = self.recipe.loss_fn
        readings = [self._read()]
        self.path.setdefault(self.step, flat_parameters(self.model))
        for k in range(1, steps + 1):
            if not self._queue:
                order, whole = self._rng.permutation(len(train)), len(train) // size * size
                self._queue = list(order[:whole].reshape(-1, size))
            rows = torch.from_numpy(self._queue.pop(0))
            self._set_rate()
            self.optimizer.zero_grad()
            loss_fn(self.model(train.x[rows]), train.y[rows]).backward()
            self.optimizer.step()
            self.step += 1
            if k % every == 0:
                readings.append(self._read())
                self.path[self.step] = flat_parameters(self.model)
        return {name: np.array([r[name] for r in readings]) for name in QUANTITIES}

    @torch.no_grad()
    def _read(self) -> dict[str, float]:
        train, test = self._prepared.train, self._prepared.test
        loss_fn: Any = self.recipe.loss_fn
        output = self.model(test.x)
        accuracy: Any = self._prepared.accuracy
        return {
            "loss": float(loss_fn(self.model(train.x), train.y)),
            "test_loss": float(loss_fn(output, test.y)),
            "test_accuracy": float(accuracy.share(output, test.y)),
        }


@dataclass(frozen=True, eq=False)
class Base:
    """A training from a fresh start: its recipe, its checkpoints by step, its readings, and θ by step."""

    recipe: Recipe
    checkpoints: dict[int, dict[str, Any]]
    past: dict[str, Array]
    path: dict[int, Array]


def base(problem: Problem, seed: int) -> Base:
    """The training of a problem by one seed up to its last checkpoint."""
    module = fresh_module(problem.recipe.module, seed)
    placed = replace(problem.recipe, module=module)
    training = Training(placed, module, seed)
    found, parts = {}, []
    for at in problem.at:
        parts.append(training.go(at - training.step, problem.every))
        found[at] = training.kept()
    whole = {name: np.concatenate([parts[0][name], *(p[name][1:] for p in parts[1:])]) for name in QUANTITIES}
    return Base(placed, found, whole, training.path)
