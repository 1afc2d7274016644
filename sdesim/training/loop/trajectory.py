"""One seed of training as it goes: the loop, its saved points and its probes."""

from __future__ import annotations

import math
import random
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.runs import probe, probe_rng
from sdesim.training.data.custom_sampler import SampledBatches
from sdesim.training.data.examples import Batches, batches_of
from sdesim.training.data.fresh_examples import oracle_of
from sdesim.training.data.weighting import mean_loss, mean_of
from sdesim.training.loop.federation import Federation
from sdesim.training.loop.one_seed import (
    ORDER,
    Recipe,
    apply_masks,
    isolated_torch,
    masks_of,
    probed_batch,
    starting_module,
    stream_seed,
    trained_parameters,
    update,
)
from sdesim.training.probes.network_oracle import SurvivingOracle
from sdesim.training.probes.preconditioning import curvature_metric
from sdesim.training.probes.tangent import Tangent

Array = NDArray[np.float64]
FINISHED, DIVERGED = 0, 1


@dataclass(eq=False)
class Course:
    """The training of one seed at one moment.

    Attributes:
        trajectory: number of the seed.
        model, optimizer, scheduler: in training.
        masks: as `masks_of` gives them, or None.
        batches: indices of the minibatches to come.
        tangent: vector that follows, or None.
        clients: of federated averaging, or None.
        rates: learning rate (steps + 1,) of each step.
        values: what was recorded so far, by schema name.
        step: optimizer steps made.
        training, probing: seconds spent on optimizer steps and on probes.
        path: how probed gradients were made, a word of `PATHS`; empty before the first.
        message: why the seed was lost; empty where it was not.
    """

    trajectory: int
    model: nn.Module
    optimizer: Any
    scheduler: Any
    masks: Sequence[Tensor] | None
    batches: Batches | SampledBatches
    tangent: Tangent | None
    clients: Federation | None
    rates: Array
    values: dict[str, Array] = field(default_factory=dict)
    step: int = 0
    training: float = 0.0
    probing: float = 0.0
    path: str = ""
    message: str = ""


class Keeper(Protocol):
    """What keeps the state of a seed, so that an interrupted training can go on."""

    def step(self, course: Course) -> None:
        """One more step is done."""
        ...

    def restore(self, course: Course) -> None:
        """Put a seed that has just begun where it was left."""
        ...


def begin(recipe: Recipe, trajectory: int) -> Course:
    """A seed before its first step; the global generators are set for it."""
    model = starting_module(recipe.module, recipe.init, recipe.seed, trajectory)
    if recipe.starts is not None:
        start = torch.tensor(recipe.starts[trajectory], dtype=next(model.parameters()).dtype)
        nn.utils.vector_to_parameters(start, model.parameters())
    masks = None if recipe.mask is None else masks_of(model, recipe.mask)
    apply_masks(model, masks)
    seed = stream_seed(recipe.seed, trajectory, ORDER)
    # The global generator feeds dropout; the order of the data has its own.
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    batches = batches_of(recipe.train, recipe.order, seed)
    optimizer = recipe.optimizer(list(model.parameters()))
    scheduler = None if recipe.scheduler is None else recipe.scheduler(optimizer)
    values = _empty(recipe)
    tangent = None
    if recipe.probes is not None and recipe.probes.tangent and trajectory < recipe.probes.trajectories:
        tangent = Tangent(model, optimizer, recipe.directions[0])
        values["tangent_growth"] = np.full(len(recipe.probe_steps), np.nan)
    clients = None if recipe.clients is None else Federation(recipe, model, trajectory)
    return Course(
        trajectory, model, optimizer, scheduler, masks, batches, tangent, clients, recipe.rates.copy(), values
    )


def train_trajectory(
    recipe: Recipe, trajectory: int, report: Callable[[int], None], keeper: Keeper | None = None
) -> dict[str, Array]:
    """Train one seed and return its saved values by schema name, along step or probe.

    A loss that is no longer finite ends the seed: status 1, ``stopped_step`` the first step whose loss was
    not finite, NaN from there on. ``seconds`` are those of optimizer steps and of probes (2,).
    """
    with isolated_torch():
        course = begin(recipe, trajectory)
        if keeper is not None:
            keeper.restore(course)
        values = course.values
        status, stopped = FINISHED, recipe.steps
        for step in range(course.step, recipe.steps + 1):
            if not _observe(recipe, course, step):
                status, stopped = DIVERGED, step
                break
            if step == recipe.steps:
                break
            if not math.isfinite(_advance(recipe, course)):
                status, stopped = DIVERGED, step
                break
            course.step = step + 1
            if keeper is not None:
                keeper.step(course)
            report(course.step)
    if status == DIVERGED:
        _blank(recipe, values, stopped)
    values["status"] = np.array(status, dtype=np.int8)
    values["stopped_step"] = np.array(stopped, dtype=np.int64)
    if course.clients is not None:
        values["client_examples"] = course.clients.counts
    values["path"], values["message"] = np.array(course.path), np.array(course.message)
    if recipe.follows_loss:
        # A seed that was lost keeps its last rate.
        known = np.maximum.accumulate(np.where(np.isnan(course.rates), 0, np.arange(recipe.steps + 1)))
        values["rates"] = course.rates[known]
    values["seconds"] = np.array([course.training, course.probing])
    report(recipe.steps)
    return values


def _advance(recipe: Recipe, course: Course) -> float:
    """One optimizer step, of the tangent first, or the short ones with amplified noise that stand for it, or
    a round of the clients; returns the minibatch loss before it, or the mean over these."""
    began = clock.perf_counter()
    if course.clients is not None:
        loss = course.clients.finish(course.model)
        if not math.isfinite(loss):
            course.message = _lost(f"the minibatch loss of a client is {loss}", course.step)
        course.training += clock.perf_counter() - began
        return loss
    loss, step_loss = 0.0, recipe.step_loss
    for k in range(recipe.amplify):
        x, y = recipe.batch(_rows(recipe, course), course.trajectory, course.step * recipe.amplify + k)
        if course.tangent is not None:
            started = clock.perf_counter()
            course.tangent.step(step_loss, x, y)
            took = clock.perf_counter() - started
            course.probing += took
            began += took
        loss += update(course.model, step_loss, course.optimizer, x, y, course.masks)
    if not math.isfinite(loss):
        course.message = _lost(f"the minibatch loss is {loss}", course.step)
    elif recipe.follows_loss:
        course.scheduler.step(loss)
        course.rates[course.step + 1] = float(course.optimizer.param_groups[0]["lr"])
    elif course.scheduler is not None:
        course.scheduler.step()
    course.training += clock.perf_counter() - began
    return loss


def _rows(recipe: Recipe, course: Course) -> Tensor | None:
    """The examples of one update: a minibatch, or two where noise is amplified; None for all."""
    rows = course.batches.next()
    second = course.batches.next() if recipe.amplify > 1 else None
    return rows if rows is None or second is None else torch.cat([rows, second])


def _empty(recipe: Recipe) -> dict[str, Array]:
    """NaN arrays for what is saved along step."""
    count = len(recipe.saved)
    names = ["loss", "weight_norm", "learning_rate"]
    if recipe.train.labelled:
        names.append("train_accuracy")
    if recipe.test is not None:
        names.append("test_loss")
        if recipe.test.labelled:
            names.append("test_accuracy")
    values = {name: np.full(count, np.nan) for name in names}
    values["theta_projection"] = np.full((count, len(recipe.directions)), np.nan)
    if recipe.save_theta:
        values["theta"] = np.full((count, recipe.directions.shape[1]), np.nan)
    return values


def _observe(recipe: Recipe, course: Course, step: int) -> bool:
    """Save and probe where this step asks for it; False when the loss or θ is not finite."""
    at = _place(recipe.saved, step)
    if at is not None and not _save(recipe, course, step, at):
        return False
    if recipe.probes is None or course.trajectory >= recipe.probes.trajectories:
        return True
    at = _place(recipe.probe_steps, step)
    if at is None:
        return True
    began = clock.perf_counter()
    if course.clients is not None:
        # The round that begins here is training, though the probe looks at it first.
        course.clients.updates(course.model)
        course.training += clock.perf_counter() - began
        began = clock.perf_counter()
    theta = trained_parameters(recipe, course.model)
    if not np.isfinite(theta).all():
        course.message = _lost("the weights are no longer finite", step)
        return False
    if course.tangent is not None and step > 0:
        course.values["tangent_growth"][at] = course.tangent.growth()
    for name, number in _probe(recipe, course, theta, step).items():
        shape = (len(recipe.probe_steps), *np.shape(number))
        course.values.setdefault(name, np.full(shape, np.nan))[at] = number
    course.probing += clock.perf_counter() - began
    return True


def _lost(what: str, step: int) -> str:
    """Why a seed ends before its time, and what may help."""
    return (
        f"{what} at step {step}, and the training ends there; a lower learning rate, a warm-up or clipped "
        "gradients may help"
    )


def _place(steps: NDArray[np.int64], step: int) -> int | None:
    """Where a step stands among ascending ones, or None."""
    at = int(np.searchsorted(steps, step))
    return at if at < len(steps) and steps[at] == step else None


def _save(recipe: Recipe, course: Course, step: int, at: int) -> bool:
    """Keep the state of this step; False when the loss or θ is not finite."""
    theta = trained_parameters(recipe, course.model)
    state = _evaluate(recipe, course.model)
    if not np.isfinite(theta).all():
        course.message = _lost("the weights are no longer finite", step)
        return False
    if not math.isfinite(state["loss"]):
        course.message = _lost(f"the training loss is {state['loss']}", step)
        return False
    with np.errstate(over="ignore"):
        state["weight_norm"] = float(np.linalg.norm(theta))
    state["learning_rate"] = float(course.rates[step])
    values = course.values
    for name, number in state.items():
        if name in values:
            values[name][at] = number
    values["theta_projection"][at] = recipe.directions @ theta
    if recipe.save_theta:
        values["theta"][at] = theta
    return True


@torch.no_grad()
def _evaluate(recipe: Recipe, model: nn.Module) -> dict[str, float]:
    """Loss and accuracy on all training and test examples, in evaluation mode; by weights in training."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    state: dict[str, float] = {}
    for loss_name, accuracy_name, examples in (
        ("loss", "train_accuracy", recipe.train),
        ("test_loss", "test_accuracy", recipe.test),
    ):
        if examples is None:
            continue
        output, shares = model(examples.x), examples.shares
        state[loss_name] = float(mean_loss(recipe.loss_fn, output, examples.y, shares))
        if examples.labelled and output.ndim == 2:
            state[accuracy_name] = mean_of(output.argmax(dim=1) == examples.y, shares)
    # Parts may have been set to evaluation for good.
    for part, mode in modes:
        part.training = mode
    return state


def _probe(recipe: Recipe, course: Course, theta: Array, step: int) -> Mapping[str, Any]:
    """The gradient and curvature probe at θ, in the metric of the optimizer as it stands."""
    assert recipe.probes is not None
    at = int(np.searchsorted(recipe.probe_steps, step))
    model = course.model
    metric = curvature_metric(model, course.optimizer)
    whole = oracle_of(recipe.train, model, recipe.loss_fn, probed_batch(recipe))
    # A way that failed before would fail again.
    whole.path = course.path or whole.path
    oracle = whole if recipe.mask is None else SurvivingOracle(whole, recipe.mask)
    found = probe(
        oracle,
        theta,
        samples=recipe.probes.samples,
        rng=probe_rng(recipe.seed, course.trajectory, step),
        step_size=float(course.rates[step]),
        directions=recipe.directions,
        groups=recipe.groups,
        gradient=recipe.probes.wants("gradient"),
        curvature=recipe.probes.bends(at, len(recipe.probe_steps)),
        metric=metric if recipe.mask is None else metric.among(recipe.mask),
    )
    if course.clients is not None and recipe.probes.wants("gradient"):
        rng = probe_rng(recipe.seed, course.trajectory, step)
        found |= course.clients.probe(course.model, whole, theta, metric.trained, rng)
    course.path = whole.path
    return found


def _blank(recipe: Recipe, values: dict[str, Array], stopped: int) -> None:
    """NaN from the step a trajectory left."""
    for name, array in values.items():
        along_step = name in _STEP_NAMES
        array[(recipe.saved if along_step else recipe.probe_steps) >= stopped] = np.nan


_STEP_NAMES = frozenset(
    (
        "loss",
        "weight_norm",
        "learning_rate",
        "theta",
        "theta_projection",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
    )
)
