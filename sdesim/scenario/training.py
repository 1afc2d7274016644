"""Models of how a real arm trains: network, loss, optimizer, schedule, pruning, clients."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sdesim.scenario.base import Count, NotNegative, Positive, Seed, Strict, Whole

Activation = Literal["tanh", "relu", "gelu", "quadratic"]
LossName = Literal["cross_entropy", "mse"]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[list[Momentum], Field(min_length=2, max_length=2)]


class MlpNetwork(Strict):
    """A fully connected network; init, scale and seed are of the initial weights."""

    kind: Literal["mlp"]
    widths: Annotated[list[Count], Field(min_length=2)]
    activation: Activation = "tanh"
    bias: bool = True
    init: Literal["default", "xavier-normal", "normal"] = "default"
    scale: Positive = 1.0
    seed: Seed = 0

    @property
    def weights(self) -> list[int]:
        """Number of weights of each layer, biases left out."""
        return [a * b for a, b in pairwise(self.widths)]

    @property
    def biases(self) -> int:
        """Number of biases."""
        return sum(self.widths[1:]) if self.bias else 0


class Sgd(Strict):
    """torch.optim.SGD; batch_size null is full batch."""

    kind: Literal["sgd"]
    lr: Positive
    batch_size: Count | None = None
    momentum: Momentum = 0.0
    dampening: Momentum = 0.0
    nesterov: bool = False
    weight_decay: NotNegative = 0.0


class Adam(Strict):
    """torch.optim.Adam, or AdamW, whose weight decay acts on θ itself; batch_size null is full batch."""

    kind: Literal["adam", "adamw"]
    lr: Positive
    batch_size: Count | None = None
    betas: Betas = [0.9, 0.999]
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0


Optimizer = Annotated[Sgd | Adam, Field(discriminator="kind")]


class ConstantSchedule(Strict):
    """The learning rate as it is, after `warmup` steps in which it grows linearly."""

    kind: Literal["constant"]
    warmup: Annotated[Whole, Field(ge=0)] = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        return min(1.0, (step + 1) / (self.warmup + 1))


class CosineSchedule(Strict):
    """Half a cosine from the learning rate to `final` of it at the last step, after the warm-up."""

    kind: Literal["cosine"]
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    warmup: Annotated[Whole, Field(ge=0)] = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        share = min(1.0, (step - self.warmup) / max(1, steps - 1 - self.warmup))
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * share))


class StepSchedule(Strict):
    """The learning rate times `factor` after every `every` steps, after the warm-up."""

    kind: Literal["step"]
    every: Count
    factor: Positive = 0.1
    warmup: Annotated[Whole, Field(ge=0)] = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        return float(self.factor ** ((step - self.warmup) // self.every))


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


Schedule = Annotated[
    ConstantSchedule | CosineSchedule | StepSchedule, Field(discriminator="kind"), BeforeValidator(_named)
]


class Prune(Strict):
    """Which weights are taken away before the training that is recorded; biases stay.

    Each of `rounds` trains for `steps` from the initial weights and takes away the same share of what is left
    of every layer, until `sparsity` of its weights are gone. one-shot does so in one round, random without
    training. The recorded training starts from the initial weights that are left, or from new ones.
    """

    rule: Literal["magnitude", "one-shot", "gradient-signal", "random"]
    sparsity: Annotated[float, Field(gt=0, lt=1)]
    rounds: Count = 1
    steps: Count | None = None
    weights: Literal["original", "new"] = "original"
    seed: Seed = 0

    @model_validator(mode="after")
    def _of_the_rule(self) -> Prune:
        if (self.rule == "random") != (self.steps is None):
            raise ValueError(
                "random pruning takes no steps"
                if self.rule == "random"
                else f"{self.rule} pruning needs steps, those of the training before each round"
            )
        if self.rule in ("one-shot", "random") and self.rounds != 1:
            raise ValueError(f"{self.rule} pruning takes rounds: 1, found {self.rounds}")
        return self


class Clients(Strict):
    """Federated averaging: each step of the arm is a round, in which every client makes `local_steps` of
    plain SGD on its own examples, and the weights move by the mean of the changes, weighted by numbers of
    examples.

    Each class is shared out by a Dirichlet law of this concentration, large ones evenly; every client has at
    least a batch.
    """

    count: Annotated[Whole, Field(ge=2)]
    local_steps: Count
    concentration: Positive
