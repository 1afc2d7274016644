"""What training one seed needs: isolation, streams of its seed, starting weights, masks, one step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.compiled.streams import LAYERS, WEIGHTS, sequence
from sdesim.errors import RunError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training.data.batches import batch_loss
from sdesim.training.loop.copies import copied
from sdesim.training.loop.fresh import fresh_module, made_by

if TYPE_CHECKING:
    from sdesim.training.loop.clipping import Clipping
    from sdesim.training.loop.recipe import Recipe

Array = NDArray[np.float64]


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
    words = sequence(seed, trajectory, *stream).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def seed_layers(seed: int, trajectory: int) -> None:
    """Seed the global generators, which feed dropout and what else draws from them, each on its own."""
    torch.manual_seed(stream_seed(seed, trajectory, LAYERS))
    np.random.seed(stream_seed(seed, trajectory, LAYERS, 1) % 2**32)  # noqa: NPY002
    random.seed(stream_seed(seed, trajectory, LAYERS, 2))


def starting_module(recipe: Recipe, trajectory: int) -> nn.Module:
    """A copy of the module where a seed begins, its mask not yet applied.

    Raises:
        RunError: if a part of the network can't draw new weights.
    """
    if callable(recipe.init):
        return made_by(recipe.init, recipe.module, stream_seed(recipe.seed, trajectory, WEIGHTS))
    if isinstance(recipe.init, str):
        if recipe.init != "fresh" or trajectory == 0:
            return copied(recipe.module)
        return fresh_module(recipe.module, stream_seed(recipe.seed, trajectory, WEIGHTS))
    model = copied(recipe.module)
    start = torch.tensor(np.asarray(recipe.init)[trajectory], dtype=next(model.parameters()).dtype)
    nn.utils.vector_to_parameters(start, model.parameters())
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
    x: Any,
    y: Any,
    masks: Sequence[Tensor] | None = None,
    clipping: Clipping | None = None,
) -> float:
    """One optimizer step on a minibatch, masked parameters left alone and gradients clipped; returns the loss
    before it.

    Raises:
        RunError: the optimizer's step never calls the closure that it is given.
    """
    losses: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = batch_loss(model, loss_fn, x, y)
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        for parameter, kept in zip(model.parameters(), masks or (), strict=False):
            if parameter.grad is not None:
                parameter.grad.mul_(kept)
        if clipping is not None:
            clipping.cut(optimizer)
        losses.append(float(loss.detach()))
        return loss

    optimizer.step(closure)
    if clipping is not None:
        clipping.stepped()
    if not losses:
        raise RunError(f"{type(optimizer).__name__}.step(closure) must call its closure, as torch's own do")
    return losses[0]


def norm_of_moved(model: nn.Module, optimizer: Any, theta: Array) -> float:
    """|θ| of what the optimizer moves: neither frozen parameters nor unknown ones; tied ones count once.

    Args:
        model: of these parameters. optimizer: of the training. theta: the parameters that are trained (d,).
    """
    moved = {id(p) for group in optimizer.param_groups for p in group["params"] if p.requires_grad}
    parameters = list(model.parameters())
    with np.errstate(over="ignore"):
        if all(id(p) in moved for p in parameters):
            return float(np.linalg.norm(theta))
        parts = [p.detach().cpu().double().reshape(-1).numpy() for p in parameters if id(p) in moved]
        return float(np.linalg.norm(np.concatenate(parts)))


def trained_parameters(model: nn.Module, mask: NDArray[np.bool_] | None) -> Array:
    """θ (d,): the parameters that are trained."""
    theta = flat_parameters(model)
    return theta if mask is None else theta[mask]
