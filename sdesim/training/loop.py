"""One seed of training: the loop, its saved points and its probes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.runs import Probes, probe, probe_rng
from sdesim.training.examples import Examples, minibatches
from sdesim.training.metric import curvature_metric
from sdesim.training.networks import flat_parameters
from sdesim.training.oracle import SurvivingOracle, TorchOracle
from sdesim.training.tangent import Tangent

Array = NDArray[np.float64]
FINISHED, DIVERGED = 0, 1
# Streams of the seed: data order and fresh weights must not share numbers.
_ORDER, _WEIGHTS = 0, 1


@dataclass(frozen=True, eq=False)
class Recipe:
    """Everything that training one seed needs; equal for all seeds.

    Attributes:
        module: the network as given; never trained itself.
        loss_fn: (output, y) → scalar mean loss.
        train: training examples.
        test: test examples, or None.
        optimizer: parameters → optimizer.
        scheduler: optimizer → scheduler, stepped once after each optimizer step; or None.
        steps: optimizer steps.
        batch_size: B, or None for full batch.
        sampling: "epoch" or "with-replacement".
        init: "module" or "fresh".
        seed: of the run.
        saved: step numbers (S,) that are saved.
        rates: learning rate (steps + 1,) of each step.
        save_theta: whether θ itself is kept.
        directions: fixed random directions (k, d).
        probes: what to measure, or None.
        probe_steps: step numbers (P,) of the probes.
        groups: name → slice of θ.
        mask: booleans over all parameters, true for the d that are trained; the others stay 0. None: all.
        preconditioned: whether the optimizer scales coordinates unequally.
    """

    module: nn.Module
    loss_fn: Callable[..., Any]
    train: Examples
    test: Examples | None
    optimizer: Callable[..., Any]
    scheduler: Callable[..., Any] | None
    steps: int
    batch_size: int | None
    sampling: str
    init: str
    seed: int
    saved: NDArray[np.int64]
    rates: Array
    save_theta: bool
    directions: Array
    probes: Probes | None
    probe_steps: NDArray[np.int64]
    groups: Mapping[str, slice]
    mask: NDArray[np.bool_] | None = None
    preconditioned: bool = False


@contextmanager
def isolated_torch() -> Iterator[None]:
    """One torch thread, and torch's and NumPy's global generators as they were found, once it is over."""
    threads, numpy_state = torch.get_num_threads(), np.random.get_state()  # noqa: NPY002
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        np.random.set_state(numpy_state)  # noqa: NPY002


def stream_seed(seed: int, trajectory: int, stream: int) -> int:
    """A 63-bit torch seed, a pure function of its arguments."""
    words = np.random.SeedSequence([seed, trajectory, stream]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def starting_module(module: nn.Module, init: str, seed: int, trajectory: int) -> nn.Module:
    """A copy of the module to train; for init="fresh" and trajectory > 0 with newly drawn weights.

    Raises:
        RunError: if a part of the network can't draw new weights.
    """
    model = copy.deepcopy(module)
    if init == "fresh" and trajectory > 0:
        torch.manual_seed(stream_seed(seed, trajectory, _WEIGHTS))
        for name, part in model.named_modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
            elif next(part.parameters(recurse=False), None) is not None:
                raise RunError(
                    f'init="fresh" needs reset_parameters() on {name or type(part).__name__}; '
                    'add it, or use init="module"'
                )
    return model


def masks_of(model: nn.Module, mask: NDArray[np.bool_]) -> list[Tensor]:
    """The mask (D,) in the shapes of the parameters, as 0 and 1."""
    parameters = list(model.parameters())
    pieces = np.split(mask, np.cumsum([p.numel() for p in parameters])[:-1])
    return [
        torch.from_numpy(piece).reshape(p.shape).to(p.dtype)
        for p, piece in zip(parameters, pieces, strict=True)
    ]


@torch.no_grad()
def apply_masks(model: nn.Module, masks: Sequence[Tensor] | None) -> None:
    """Set what is not trained to 0."""
    for parameter, kept in zip(model.parameters(), masks or (), strict=False):
        parameter.mul_(kept)


def update(
    model: nn.Module,
    loss_fn: Callable[..., Any],
    optimizer: Any,
    x: Tensor,
    y: Tensor,
    masks: Sequence[Tensor] | None = None,
) -> float:
    """One optimizer step on a minibatch, masked parameters left alone; returns the loss before it."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = loss_fn(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        for parameter, kept in zip(model.parameters(), masks or (), strict=False):
            if parameter.grad is not None:
                parameter.grad.mul_(kept)
        return loss

    return float(optimizer.step(closure).detach())


def trained_parameters(recipe: Recipe, model: nn.Module) -> Array:
    """θ (d,): the parameters that are trained."""
    theta = flat_parameters(model)
    return theta if recipe.mask is None else theta[recipe.mask]


def train_trajectory(recipe: Recipe, trajectory: int, report: Callable[[int], None]) -> dict[str, Array]:
    """Train one seed and return its saved values by schema name, along step or probe.

    A loss that is no longer finite ends the seed: status 1, ``stopped_step`` the first step whose loss was
    not finite, NaN from there on.
    """
    with isolated_torch():
        model = starting_module(recipe.module, recipe.init, recipe.seed, trajectory)
        masks = None if recipe.mask is None else masks_of(model, recipe.mask)
        apply_masks(model, masks)
        order_seed = stream_seed(recipe.seed, trajectory, _ORDER)
        # The global generator feeds dropout; the order of the data has its own.
        torch.manual_seed(order_seed)
        batches = minibatches(
            len(recipe.train),
            recipe.batch_size,
            recipe.sampling,
            torch.Generator().manual_seed(order_seed),
        )
        optimizer = recipe.optimizer(list(model.parameters()))
        scheduler = None if recipe.scheduler is None else recipe.scheduler(optimizer)
        values = _empty(recipe)
        tangent = None
        if recipe.probes is not None and recipe.probes.tangent and trajectory < recipe.probes.trajectories:
            tangent = Tangent(model, optimizer, recipe.directions[0])
            values["tangent_growth"] = np.full(len(recipe.probe_steps), np.nan)
        status, stopped = FINISHED, recipe.steps
        for step in range(recipe.steps + 1):
            if not _observe(recipe, model, optimizer, tangent, trajectory, step, values):
                status, stopped = DIVERGED, step
                break
            if step == recipe.steps:
                break
            if not math.isfinite(_update(recipe, model, optimizer, tangent, masks, next(batches))):
                status, stopped = DIVERGED, step
                break
            if scheduler is not None:
                scheduler.step()
            report(step + 1)
    if status == DIVERGED:
        _blank(recipe, values, stopped)
    values["status"] = np.array(status, dtype=np.int8)
    values["stopped_step"] = np.array(stopped, dtype=np.int64)
    report(recipe.steps)
    return values


def _update(
    recipe: Recipe, model: nn.Module, optimizer: Any, tangent: Tangent | None,
    masks: Sequence[Tensor] | None, rows: Tensor | None,
) -> float:  # fmt: skip
    """One optimizer step, of the tangent first; returns the minibatch loss before it."""
    x, y = recipe.train.x, recipe.train.y
    if rows is not None:
        x, y = x[rows], y[rows]
    if tangent is not None:
        tangent.step(recipe.loss_fn, x, y)
    return update(model, recipe.loss_fn, optimizer, x, y, masks)


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


def _observe(
    recipe: Recipe, model: nn.Module, optimizer: Any, tangent: Tangent | None, trajectory: int, step: int,
    values: dict[str, Array],
) -> bool:  # fmt: skip
    """Save and probe where this step asks for it; False when the loss or θ is not finite."""
    at = int(np.searchsorted(recipe.saved, step))
    if at < len(recipe.saved) and recipe.saved[at] == step:
        theta = trained_parameters(recipe, model)
        state = _evaluate(recipe, model)
        if not (math.isfinite(state["loss"]) and np.isfinite(theta).all()):
            return False
        with np.errstate(over="ignore"):
            state["weight_norm"] = float(np.linalg.norm(theta))
        state["learning_rate"] = float(recipe.rates[step])
        for name, number in state.items():
            if name in values:
                values[name][at] = number
        values["theta_projection"][at] = recipe.directions @ theta
        if recipe.save_theta:
            values["theta"][at] = theta
    if recipe.probes is None or trajectory >= recipe.probes.trajectories:
        return True
    at = int(np.searchsorted(recipe.probe_steps, step))
    if at < len(recipe.probe_steps) and recipe.probe_steps[at] == step:
        theta = trained_parameters(recipe, model)
        if not np.isfinite(theta).all():
            return False
        if tangent is not None and step > 0:
            values["tangent_growth"][at] = tangent.growth()
        for name, number in _probe(recipe, model, optimizer, theta, trajectory, step).items():
            shape = (len(recipe.probe_steps), *np.shape(number))
            values.setdefault(name, np.full(shape, np.nan))[at] = number
    return True


@torch.no_grad()
def _evaluate(recipe: Recipe, model: nn.Module) -> dict[str, float]:
    """Loss and accuracy on all training and test examples, in evaluation mode."""
    mode = model.training
    model.eval()
    state: dict[str, float] = {}
    for loss_name, accuracy_name, examples in (
        ("loss", "train_accuracy", recipe.train),
        ("test_loss", "test_accuracy", recipe.test),
    ):
        if examples is None:
            continue
        output = model(examples.x)
        state[loss_name] = float(recipe.loss_fn(output, examples.y))
        if examples.labelled and output.ndim == 2:
            state[accuracy_name] = float((output.argmax(dim=1) == examples.y).double().mean())
    model.train(mode)
    return state


def probed_batch(recipe: Recipe) -> int:
    """Batch size of the probed gradients. Full-batch training has no sampling noise: 1 stands in."""
    chosen = None if recipe.probes is None else recipe.probes.batch_size
    return chosen or recipe.batch_size or 1


def _probe(
    recipe: Recipe, model: nn.Module, optimizer: Any, theta: Array, trajectory: int, step: int
) -> Mapping[str, Any]:
    """The gradient and curvature probe at θ, in the metric of the optimizer as it stands."""
    assert recipe.probes is not None
    metric = curvature_metric(model, optimizer)
    whole = TorchOracle(model, recipe.loss_fn, recipe.train.x, recipe.train.y, probed_batch(recipe))
    oracle = whole if recipe.mask is None else SurvivingOracle(whole, recipe.mask)
    return probe(
        oracle,
        theta,
        samples=recipe.probes.samples,
        rng=probe_rng(recipe.seed, trajectory, step),
        step_size=float(recipe.rates[step]),
        directions=recipe.directions,
        groups=recipe.groups,
        gradient=recipe.probes.wants("gradient"),
        curvature=recipe.probes.wants("curvature"),
        metric=metric if recipe.mask is None else metric.among(recipe.mask),
    )


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
