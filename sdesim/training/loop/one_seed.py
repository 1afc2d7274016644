"""What training one seed needs: the recipe, isolation, starting weights, masks, one optimizer step."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs import Probes
from sdesim.training.data.examples import Examples, Order
from sdesim.training.loop.clients import Clients
from sdesim.training.loop.svag import amplified_loss

Array = NDArray[np.float64]
# Streams of the seed: data order, fresh weights and readings of examples must not share numbers.
ORDER, _WEIGHTS, READINGS, _STEPS, CLIENTS = 0, 1, 2, 3, 4


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
        order: how batches are taken.
        init: "module", "fresh" or "given".
        starts: initial parameters (trajectories, D) where they are given, or None.
        seed: of the run.
        saved: step numbers (S,) that are saved.
        rates: learning rate (steps + 1,) of each step.
        save_theta: whether θ itself is kept.
        directions: fixed random directions (k, d).
        probes: what to measure, or None.
        probe_steps: step numbers (P,) of the probes.
        groups: name → slice of θ.
        mask: booleans over all parameters, true for the d that are trained; the others stay 0. None: all.
        follows_loss: whether the scheduler is told the loss; ``rates`` are then known at step 0 alone.
        preconditioned: whether the optimizer scales coordinates unequally.
        amplify: l, the number of short steps with amplified noise that stand for one of SGD.
        clients: of federated averaging, where a step is a round; or None.
    """

    module: nn.Module
    loss_fn: Callable[..., Any]
    train: Examples
    test: Examples | None
    optimizer: Callable[..., Any]
    scheduler: Callable[..., Any] | None
    steps: int
    order: Order
    init: str
    starts: Array | None
    seed: int
    saved: NDArray[np.int64]
    rates: Array
    save_theta: bool
    directions: Array
    probes: Probes | None
    probe_steps: NDArray[np.int64]
    groups: Mapping[str, slice]
    mask: NDArray[np.bool_] | None = None
    follows_loss: bool = False
    preconditioned: bool = False
    amplify: int = 1
    clients: Clients | None = None

    @property
    def step_loss(self) -> Callable[..., Any]:
        """What one update descends: ``loss_fn``, or what amplifies its noise on two minibatches in a row."""
        return self.loss_fn if self.amplify == 1 else amplified_loss(self.loss_fn, self.amplify)

    @property
    def minibatches(self) -> int:
        """Minibatches to a step."""
        return 1 if self.clients is None else self.clients.minibatches

    @property
    def stretch(self) -> int:
        """SGD steps that follow one another in a step."""
        return 1 if self.clients is None else self.clients.local_steps

    def batch(self, rows: Tensor | None, trajectory: int, step: int) -> tuple[Tensor, Tensor]:
        """x and y of a minibatch, or of all examples, as a step reads them."""
        train = self.train
        if train.reader is not None:
            everything = torch.arange(len(train)) if rows is None else rows
            return train.reader.read(everything, stream_seed(self.seed, trajectory, _STEPS, step))
        return (train.x, train.y) if rows is None else (train.x[rows], train.y[rows])


@contextmanager
def isolated_torch() -> Iterator[None]:
    """One torch thread, and all global generators as they were found, once it is over."""
    threads, numpy_state = torch.get_num_threads(), np.random.get_state()  # noqa: NPY002
    python_state = random.getstate()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def stream_seed(seed: int, trajectory: int, *stream: int) -> int:
    """A 63-bit torch seed, a pure function of its arguments."""
    words = np.random.SeedSequence([seed, trajectory, *stream]).generate_state(1, np.uint64)
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
    """One optimizer step on a minibatch, masked parameters left alone; returns the loss before it.

    Raises:
        RunError: the optimizer's step never calls the closure that it is given.
    """
    losses: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = loss_fn(model(x), y)
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        for parameter, kept in zip(model.parameters(), masks or (), strict=False):
            if parameter.grad is not None:
                parameter.grad.mul_(kept)
        losses.append(float(loss.detach()))
        return loss

    optimizer.step(closure)
    if not losses:
        raise RunError(f"{type(optimizer).__name__}.step(closure) must call its closure, as torch's own do")
    return losses[0]


def trained_parameters(recipe: Recipe, model: nn.Module) -> Array:
    """θ (d,): the parameters that are trained."""
    theta = flat_parameters(model)
    return theta if recipe.mask is None else theta[recipe.mask]


def probed_batch(recipe: Recipe) -> int:
    """Batch size of the probed gradients. Full-batch training has no sampling noise: 1 stands in."""
    chosen = None if recipe.probes is None else recipe.probes.batch_size
    return chosen or recipe.order.batch_size or 1
