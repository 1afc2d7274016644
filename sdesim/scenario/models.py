"""A scenario: named arms, simulated or trained, with what is probed, compared and expected."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sdesim.scenario.base import Count, NotNegative, Positive, Seed, Steps, Strict, Trajectories, Whole
from sdesim.scenario.data import Data
from sdesim.scenario.objectives import Objectives
from sdesim.scenario.parts import Event, Noise, PlainScheme, Scheme, Surface, Vector
from sdesim.scenario.training import (
    Clients,
    ConstantSchedule,
    LossName,
    MlpNetwork,
    Optimizer,
    Prune,
    Schedule,
)

Saveable = Literal["theta", "loss"]


class Probes(Strict):
    """When and how gradients and curvature are measured; without `every` so seldom that it costs a training
    at most 5% of its steps, and 20 times in a simulation."""

    every: Count | None = None
    samples: Annotated[Whole, Field(ge=2)] = 64
    batch_size: Count | None = None
    estimators: Literal["all"] | list[Literal["gradient", "curvature"]] = "all"
    trajectories: Count = 16
    tangent: bool = False
    curvature_every: Count | None = None


class Simulate(Strict):
    """A simulated arm. With `twin_of` the surface, start, η, dt, steps and trajectories default to the real
    arm's: dt = η, and as many steps as cover the same time."""

    surface: Surface | None = None
    twin_of: str | None = None
    noise: list[Noise] = []
    scheme: Scheme = PlainScheme(kind="euler-maruyama")
    theta0: float | Vector | None = None
    dt: Positive | None = None
    steps: Steps | None = None
    trajectories: Trajectories | None = None
    learning_rate: Positive | None = None
    save_every: Count | None = None
    save: list[Saveable] = ["theta", "loss"]
    events: list[Event] = []

    @model_validator(mode="after")
    def _complete(self) -> Simulate:
        if (self.surface is None) == (self.twin_of is None):
            raise ValueError("give exactly one of surface and twin_of")
        if self.twin_of is None:
            lacking = [name for name in ("dt", "steps") if getattr(self, name) is None]
            if lacking:
                raise ValueError(f"missing {' and '.join(lacking)}")
            matched = [n.kind for n in self.noise if getattr(n, "match", None)]
            if matched:
                raise ValueError(f"noise with match needs twin_of, found {matched[0]}")
        return self


class Train(Strict):
    """A real arm; with `start_from` each trajectory begins where that of another real arm has ended, with
    `amplify: l` l steps of lr/l and l times the noise stand for each of SGD."""

    data: Data
    network: MlpNetwork
    optimizer: Optimizer
    steps: Count
    schedule: Schedule = ConstantSchedule(kind="constant")
    loss: LossName = "cross_entropy"
    objectives: Objectives | None = None
    prune: Prune | None = None
    clients: Clients | None = None
    trajectories: Count = 1
    init: Literal["module", "fresh"] = "module"
    start_from: str | None = None
    sampling: Literal["epoch", "with-replacement"] = "epoch"
    weights: Literal["balanced"] | None = None
    amplify: Count = 1
    save_every: Count | None = None
    save: list[Saveable] = ["theta", "loss"]

    @property
    def kept(self) -> list[int]:
        """Number of weights of each layer that are trained; of a pruned network the same for any seed."""
        share = 1.0 if self.prune is None else 1.0 - self.prune.sparsity
        return [max(1, round(n * share)) for n in self.network.weights]

    @property
    def dim(self) -> int:
        """Number of coordinates that are trained."""
        return sum(self.kept) + self.network.biases

    @property
    def time(self) -> float:
        """Σ learning rate over the steps."""
        schedule, lr = self.schedule, self.optimizer.lr
        if self.clients is not None:
            return lr * self.clients.local_steps * self.steps
        if schedule == ConstantSchedule(kind="constant"):
            return lr * self.steps
        return lr * math.fsum(schedule.rate(k, self.steps) for k in range(self.steps))


class Arm(Strict):
    """Either a simulated or a real arm; its own probes, if given, stand for the scenario's."""

    simulate: Simulate | None = None
    train: Train | None = None
    probes: Probes | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Arm:
        if (self.simulate is None) == (self.train is None):
            raise ValueError("an arm has exactly one of simulate and train")
        return self


class Compare(Strict):
    """Which real arm the simulated ones are held against, and in which quantities (default: all)."""

    reference: str | None = None
    quantities: list[str] | None = None


class Expect(Strict):
    """An expectation on one quantity of an arm at a moment; with `over`, on its ratio to another quantity in
    each trajectory; with `than`, on its ratio to another arm's.

    `step_when.test_accuracy>0.95` is the first saved step at which that holds; with `since` another
    condition, the steps from that one on; with `confirm` it is the first of so many saved steps in a row.
    """

    arm: str
    quantity: str
    at: str | int = "end"
    over: str | None = None
    than: str | None = None
    since: str | None = None
    confirm: Count = 1
    above: float | None = None
    below: float | None = None
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    near: float | None = None
    tolerance: NotNegative | None = None
    why: str = ""

    @model_validator(mode="after")
    def _one_condition(self) -> Expect:
        given = [c for c in ("above", "below", "between", "near") if getattr(self, c) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of above, below, between and near")
        if (self.near is None) != (self.tolerance is None):
            raise ValueError("near and tolerance go together")
        if self.between is not None and not self.between[0] <= self.between[1]:
            raise ValueError("between needs [low, high] in this order")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval that is asked for."""
        if self.between is not None:
            return self.between[0], self.between[1]
        if self.near is not None and self.tolerance is not None:
            return self.near - self.tolerance, self.near + self.tolerance
        low = float("-inf") if self.above is None else self.above
        return low, float("inf") if self.below is None else self.below

    @property
    def condition(self) -> str:
        """In words: "above 0.6"."""
        if self.between is not None:
            return f"between {self.between[0]:g} and {self.between[1]:g}"
        if self.near is not None:
            return f"near {self.near:g} ± {self.tolerance:g}"
        return f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"


class Scenario(Strict):
    """A scenario file; `quick` holds the overrides of a small run: {"arms.sde.simulate.steps": 100}, `sweep`
    the axes of a sweep: {"arms.sde.simulate.noise[0].alpha": [1.5, 2.0]}."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str = ""
    seed: Seed = 0
    arms: Annotated[dict[str, Arm], Field(min_length=1)]
    probes: Probes | None = None
    compare: Compare | None = None
    expect: list[Expect] = []
    quick: dict[str, Any] = {}
    sweep: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}

    @property
    def real(self) -> list[str]:
        """Names of the real arms."""
        return [name for name, arm in self.arms.items() if arm.train is not None]

    def reference(self, arm: str) -> str | None:
        """The real arm that a simulated one is compared with: the one named, its own, or the only one."""
        simulate = self.arms[arm].simulate
        if simulate is None:
            return None
        if self.compare is not None and self.compare.reference is not None:
            return self.compare.reference
        if simulate.twin_of is not None:
            return simulate.twin_of
        return self.real[0] if len(self.real) == 1 else None

    def steps(self, arm: str) -> int:
        """Steps of an arm; a twin without a number of its own takes as many as cover the real arm's time."""
        simulate, train = self.arms[arm].simulate, self.arms[arm].train
        if train is not None:
            return train.steps
        assert simulate is not None
        if simulate.steps is not None:
            return simulate.steps
        real = self.arms[str(simulate.twin_of)].train
        assert real is not None
        dt = simulate.dt or simulate.learning_rate or real.optimizer.lr
        return max(1, round(real.time / dt))
