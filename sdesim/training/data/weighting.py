"""Training examples drawn by weights: the probabilities q, and the mean loss under them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.func import vmap

from sdesim.data.weightings.base import Base as Weighting
from sdesim.errors import RunError
from sdesim.kinds import Misfit, read
from sdesim.kinds.numbers import as_reals
from sdesim.training.data.batches import length, rows_of


def probabilities(weights: ArrayLike | Tensor | Weighting | str, y: Any, name: str = "weights") -> Tensor:
    """q (n,), float64: weights over their sum; a kind of `sdesim.data.weightings`, or the name of one, makes
    them of the labels y (n,).

    Raises:
        RunError: not n finite numbers of at least 0, all 0, or a kind without labels or that does not suit.
    """
    if isinstance(weights, str | Weighting):
        weights = _of_labels(weights, y, name)
    found = torch.as_tensor(np.array(as_reals(weights, name, RunError)))
    n = length(y)
    if found.shape != (n,):
        raise RunError(f"{name} must be {n} numbers, one for each example, got {tuple(found.shape)}")
    if not ((found >= 0).all() and 0 < found.sum() < torch.inf):
        raise RunError(f"{name} must be finite and at least 0, and not all 0")
    return found / found.sum()


def _of_labels(weighting: Weighting | str, y: Any, name: str) -> NDArray[Any]:
    """Weights (n,) as a weighting makes them of labels y (n,)."""
    try:
        chosen: Weighting = read("weightings", weighting)
    except Misfit as error:
        raise RunError(f"{name}: {error}; or a number for each example") from None
    if not torch.is_tensor(y) or y.ndim != 1 or y.is_floating_point():
        kind = getattr(chosen, "kind", type(chosen).__name__)
        raise RunError(f'{name}="{kind}" needs whole-number labels, one for each example')
    return chosen.of(y.cpu().numpy())


def cumulative(weights: Tensor) -> Tensor:
    """Cumulative probabilities (n,) of weights (n,), the last exactly 1."""
    steps = torch.cumsum(weights, 0)
    return steps / steps[-1]


def draw_weighted(rising: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Indices (size,) of independent draws with cumulative probabilities rising (n,)."""
    drawn = torch.rand(size, dtype=torch.float64, generator=generator)
    return torch.searchsorted(rising, drawn, right=True)


def draw_rows(
    n: int, weights: Tensor | None, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """The same out of NumPy's generator, for probes; without weights all n alike."""
    if weights is None:
        return rng.integers(0, n, size=shape)
    return rng.choice(n, size=shape, p=weights.numpy())


def mean_loss(loss_fn: Callable[..., Any], output: Any, y: Any, weights: Tensor | None) -> Any:
    """``loss_fn(output, y)``; under weights q (n,) the sum Σ_i q_i ℓ_i of the losses of single examples."""
    if weights is None:
        return loss_fn(output, y)
    losses = example_losses(loss_fn, output, y)
    return weights.to(losses) @ losses


def example_losses(loss_fn: Callable[..., Any], output: Any, y: Any) -> Tensor:
    """ℓ_i (n,): the loss of each example alone, side by side where torch can take it so."""

    def alone(one: Any, label: Any) -> Any:
        return loss_fn(rows_of(one, None), rows_of(label, None))

    try:
        losses: Tensor = vmap(alone)(output, y)
    except (RuntimeError, ValueError):
        few = [slice(i, i + 1) for i in range(length(y))]
        losses = torch.stack([loss_fn(rows_of(output, i), rows_of(y, i)) for i in few])
    return losses


def mean_of(values: Tensor, weights: Tensor | None) -> float:
    """Mean of values (n,), under weights q (n,) where there are any."""
    return float(values.double().mean() if weights is None else weights @ values.double())


def is_mean(loss_fn: Callable[..., Any], output: Any, y: Any) -> bool:
    """Whether a loss is the mean of its examples' losses; else Σ q_i ℓ_i is not what batches descend."""
    if not torch.is_tensor(output) or output.ndim == 0 or len(output) != length(y):
        return False
    whole = loss_fn(output, y)
    mean = example_losses(loss_fn, output, y).mean()
    return bool(torch.allclose(mean, whole, rtol=torch.finfo(whole.dtype).eps ** 0.5, atol=1e-12))
