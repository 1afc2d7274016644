"""The source's listings on a module and a loader (§11.1, 11.2, 11.6), made of the literal estimators.

The others have their places: §11.3 `PhaseLR(bands="literal")`, §11.4 `PhaseEarlyStopping(method="literal")`,
§11.5 `tail_index(method="hill-literal")`, the power iteration of §11.6 `lambda_max(method="power")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.estimators import consolidation_ratio, intelligence, probability
from sdesim.kinds.numbers import as_reals, one_of, whole
from sdesim.surfaces.torch.functions import own_tensor

Array = NDArray[np.float64]
LossFunction = Callable[[Tensor, Tensor], Tensor]
Loader = Iterable[tuple[Tensor, Tensor]]


def loader_gradients(module: nn.Module, loss_fn: LossFunction, loader: Loader, samples: int = 20) -> Array:
    """Gradients (n, d) of the first `samples` minibatches that the loader gives, n ≤ samples.

    The module's mode, weights and .grad stay as they are.

    Raises:
        RunError: fewer than two minibatches, whose covariance is not defined.
    """
    samples = whole(samples, "samples", error=RunError)
    parameters = [p for p in module.parameters() if p.requires_grad]
    rows = []
    for x, y in islice(loader, samples):
        grads = torch.autograd.grad(loss_fn(module(x), y), parameters)
        rows.append(torch.cat([g.flatten() for g in grads]).double())
    if len(rows) < 2:
        raise RunError(f"a covariance needs at least 2 minibatches, the loader gave {len(rows)}")
    return torch.stack(rows).numpy()


def consolidation_statistics(
    module: nn.Module, loss_fn: LossFunction, loader: Loader, samples: int = 20
) -> dict[str, float]:
    """C_alpha, p, signal, noise and I of the source's first listing (§11.1): biased C, S = 0.1, d_H = 1.5."""
    gradients = loader_gradients(module, loss_fn, loader, samples)
    c = consolidation_ratio(gradients, method="literal")
    p = probability(c)
    mean = gradients.mean(axis=0)
    return {
        "C_alpha": c.value,
        "p": p.value,
        "signal": float(mean @ mean),
        "noise": float(gradients.var(axis=0, ddof=1).sum()),
        "I": intelligence(p, method="literal").value,
    }


@dataclass(frozen=True)
class Tracked:
    """What the source's second listing gives: a row per epoch, and the epochs where p crosses 0.5 upwards."""

    history: tuple[dict[str, float], ...]
    transitions: tuple[int, ...]


def track_learning(
    module: nn.Module, loss_fn: LossFunction, train_epoch: Callable[[nn.Module], None], train_loader: Loader,
    evaluate: Callable[[nn.Module], dict[str, float]], epochs: int, samples: int = 20,
) -> Tracked:  # fmt: skip
    """Train epoch by epoch with the statistics of §11.1 after each, and mark p's upward crossings (§11.2).

    Two values in a row are enough for a crossing, so that noise alone makes them too; see
    `detect_transition` for one that asks for intervals.

    Args:
        train_epoch: trains the module for one epoch, in place.
        evaluate: what else to note after each epoch, such as {"test_acc": …}.
        epochs: number of epochs, at least 1.
    """
    history: list[dict[str, float]] = []
    for epoch in range(epochs):
        train_epoch(module)
        row = consolidation_statistics(module, loss_fn, train_loader, samples)
        history.append({**row, "epoch": epoch, **evaluate(module)})
    p = [row["p"] for row in history]
    crossed = tuple(k for k in range(1, len(p)) if p[k - 1] <= 0.5 < p[k])
    return Tracked(tuple(history), crossed)


def loader_hvp(
    module: nn.Module, loss_fn: LossFunction, loader: Loader, batches: int = 5, method: str = "frozen"
) -> Callable[[Array], Array]:
    """v (d,) ↦ Hv (d,) of the mean loss over the loader's first `batches` minibatches, by double backward.

    "frozen" (default): the minibatches are read once, weighted by their examples, so that it is one symmetric
    operator. "literal" (§11.6): the loader is read anew at every product, which a shuffling loader answers
    with other minibatches, and the sum is divided by `batches` even where the loader gives fewer.

    Raises:
        RunError: unknown method, batches below 1, a loader that gives nothing.
    """
    one_of(method, ("frozen", "literal"), "method", RunError)
    batches = whole(batches, "batches", error=RunError)
    parameters = [p for p in module.parameters() if p.requires_grad]
    held = list(islice(loader, batches)) if method == "frozen" else None
    if held is not None and not held:
        raise RunError("the loader gave no minibatch")

    def product(v: Array) -> Array:
        vector = as_reals(v, "v", RunError)
        if vector.shape != (sum(p.numel() for p in parameters),):
            raise RunError(f"v must hold a number for each weight, got shape {vector.shape}")
        flat = own_tensor(vector).to(parameters[0].dtype)
        pieces = torch.split(flat, [p.numel() for p in parameters])
        total = torch.zeros(len(flat), dtype=torch.float64)
        weight = 0.0
        for x, y in islice(loader, batches) if held is None else held:
            share = 1.0 if held is None else float(len(x))
            grads = torch.autograd.grad(loss_fn(module(x), y), parameters, create_graph=True)
            along = sum(
                ((g * piece.view_as(g)).sum() for g, piece in zip(grads, pieces, strict=True)),
                torch.zeros((), dtype=flat.dtype),
            )
            bent = torch.autograd.grad(along, parameters)
            total += share * torch.cat([h.flatten() for h in bent]).double()
            weight += share
        return np.asarray((total / (batches if held is None else weight)).numpy())

    return product
