"""What accuracy means for a network, a loss and labels: measured on the loss, so that it is right or none."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.training.data.batches import Objective, call, rows_of

# Most numbers of outputs that a loss is tried on at once, and in all.
_ROOM, _MOST = 8_000_000, 100_000_000
# More labels than can be tried: as many of the smallest, the largest and the most frequent.
_EACH = 1000
# Outputs at which the slopes of a loss tell a logit from a probability and from a number to be met.
_AT = (0.25, 0.6)


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


# By the threshold of a yes: how much steeper the loss is at the second of them, where the label is 0 and 1.
_RATIOS = {
    0.0: (_sigmoid(_AT[1]) / _sigmoid(_AT[0]), _sigmoid(-_AT[1]) / _sigmoid(-_AT[0])),
    0.5: ((1 - _AT[0]) / (1 - _AT[1]), _AT[0] / _AT[1]),
}


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Which outputs are right.

    Attributes:
        sort: "classes": the largest output of an example is at its label; "tokens": the same at each place of
            a sequence or an image; "one logit": the output is above ``threshold`` where the label is 1;
            "labels": the same of each of several labels.
        axis: of the outputs along which the classes lie; None where each output is a yes or no.
        threshold: of an output that is a yes.
        ignored: labels that the loss leaves out, and so do we.
    """

    sort: str
    axis: int | None
    threshold: float
    ignored: tuple[float, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is the share of examples whose largest output is at their label."""
        return self.sort == "classes" and not self.ignored

    @property
    def words(self) -> str:
        """What it is a share of."""
        of = {
            "classes": "examples", "one logit": f"examples, yes above {self.threshold:g}",
            "tokens": "places, not whole sequences", "labels": "labels, not exact matches",
        }[self.sort]  # fmt: skip
        without = ", ".join(f"{label:g}" for label in self.ignored)
        return f"{of}; without the labels {without}" if without else of

    def share(self, output: Tensor, y: Tensor, weights: Tensor | None = None) -> float:
        """Share of what is right, under the examples' weights (n,) where there are any.

        Args:
            output: of the network (n, …). y: labels (n, …).

        Returns:
            The share; NaN where no label counts.
        """
        if self.axis is not None:
            right = output.argmax(dim=self.axis) == y
        else:
            right = (output.reshape(y.shape) > self.threshold) == (y > 0.5)
        counted = torch.ones_like(right)
        for label in self.ignored:
            counted &= y != label
        hits, count = ((part & counted).reshape(len(y), -1).sum(1).double() for part in (right, counted))
        if weights is None:
            return float(hits.sum() / count.sum())
        q = weights.to(hits)
        return float(q @ hits) if self.plain else float((q @ hits) / (q @ count))


def accuracy_of(
    module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, labels: Tensor | None = None
) -> Accuracy | None:
    """What accuracy means for the outputs of a network on a few examples.

    The loss decides. With the outputs all alike, classes are those of a loss that falls fastest along the
    output at the label, whatever the label; a yes or no is what has the slopes of −log σ(±z) (yes above 0) or
    of −log p and −log(1 − p) (yes above ½). Labels at which the loss has no slope at all are left out.
    Regression, labels between 0 and 1 and losses of another form have no accuracy.

    Args:
        module: the network, in any mode; a copy is called. x, y: a few examples.
        labels: all labels that occur; None: those of y.

    Returns:
        None where accuracy means nothing, or can't be told.
    """
    if (
        isinstance(loss_fn, Objective)
        or not torch.is_tensor(y)
        or y.ndim == 0
        or not len(y)
        or y.is_complex()
    ):
        return None
    values = torch.unique(y if labels is None else labels)
    loss = copy.deepcopy(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn
    try:
        with torch.random.fork_rng(devices=[]):
            with torch.no_grad():
                output = call(copy.deepcopy(module).eval(), rows_of(x, slice(2)))
            if not torch.is_tensor(output) or not output.is_floating_point():
                return None
            with torch.enable_grad():
                return _yes_or_no(loss, output, y[:2], values) or _classes(loss, output, y[:2], values)
    except Exception:
        return None


def _classes(loss: Callable[..., Any], output: Tensor, y: Tensor, values: Tensor) -> Accuracy | None:
    """Labels that are places along an axis of the outputs."""
    if y.is_floating_point() or output.ndim != y.ndim + 1:
        return None
    shapes = {axis: (*output.shape[:axis], *output.shape[axis + 1 :]) for axis in {1, output.ndim - 1}}
    found: list[Accuracy] = []
    for axis, shape in shapes.items():
        if shape != y.shape or output.shape[axis] < 2:
            continue
        ignored = _left_out(loss, output, y, _tried(values, output.shape[axis]), axis)
        if ignored is not None:
            found.append(Accuracy("classes" if y.ndim == 1 else "tokens", axis, 0.0, ignored))
    return found[0] if len(found) == 1 else None


def _tried(values: Tensor, classes: int) -> Tensor:
    """The labels on which the loss is tried."""
    if len(values) * classes <= _MOST:
        return values
    some: Tensor = torch.unique(torch.cat([values[values < 0], values[:_EACH], values[-_EACH:]]))
    return some


def _left_out(
    loss: Callable[..., Any], output: Tensor, y: Tensor, values: Tensor, axis: int
) -> tuple[float, ...] | None:
    """Labels at which the loss has no slope; None where it is no loss of classes along this axis."""
    classes, places = output.shape[axis], y[0].numel()
    size = max(places, _ROOM // classes)
    ignored: list[float] = []
    for at in range(0, len(values), size):
        some = values[at : at + size]
        rows = math.ceil(len(some) / places)
        labels = some.repeat(math.ceil(rows * places / len(some)))[: rows * places]
        z = torch.full((rows, *output.shape[1:]), 1.0 / classes, dtype=output.dtype, device=output.device)
        slope = _slope(loss, z, labels.reshape(rows, *y.shape[1:]).to(y))
        if slope is None:
            return None
        slope = slope.movedim(axis, -1).reshape(-1, classes)
        out = (slope == 0).all(1)
        ignored += torch.unique(labels[out.cpu()]).tolist()
        kept, slope = labels[~out.cpu()].to(slope.device), slope[~out]
        if not len(kept):
            continue
        if bool((kept < 0).any()) or bool((kept >= classes).any()):
            return None
        own = slope.gather(1, kept.long()[:, None])[:, 0]
        others = slope.scatter(1, kept.long()[:, None], torch.inf).amin(1)
        if not bool(((own < 0) & (own < others)).all()):
            return None
    return None if len(ignored) == len(values) else tuple(ignored)


def _yes_or_no(loss: Callable[..., Any], output: Tensor, y: Tensor, values: Tensor) -> Accuracy | None:
    """Labels 0 and 1 of outputs, one by one."""
    alike = y.shape in (output.shape, output.shape[:-1]) or (*output.shape, 1) == y.shape
    if not alike or y.numel() != output.numel() or len(values) > _EACH:
        return None
    places = y[0].numel()
    rows = max(2, math.ceil(len(values) / places))
    labels = values.repeat(math.ceil(rows * places / len(values)))[: rows * places]
    target = labels.reshape(rows, *y.shape[1:]).to(y)
    slopes = []
    for at in _AT:
        z = torch.full((rows, *output.shape[1:]), at, dtype=output.dtype, device=output.device)
        slope = _slope(loss, z, target)
        if slope is None:
            return None
        slopes.append(slope.reshape(-1).double().cpu())
    out = (slopes[0] == 0) & (slopes[1] == 0)
    no, yes = labels.cpu() == 0, labels.cpu() == 1
    if bool((~out & ~no & ~yes).any()) or bool(out.all()):
        return None
    counted = torch.unique(labels.cpu()[~out])
    ignored = tuple(v for v in values.tolist() if v not in counted.tolist())
    sort = "one logit" if places == 1 else "labels"
    signed = torch.where(no, slopes[0] > 0, slopes[0] < 0)
    for threshold, (of_no, of_yes) in _RATIOS.items():
        wanted = torch.where(no, of_no, of_yes) * slopes[0]
        fits = signed & torch.isclose(slopes[1], wanted, rtol=1e-3, atol=0.0)
        if bool(fits[~out].all()):
            return Accuracy(sort, None, threshold, ignored)
    return None


def _slope(loss: Callable[..., Any], z: Tensor, y: Tensor) -> Tensor | None:
    """∂loss/∂z, None where there is none or it is not finite."""
    z.requires_grad_(True)
    value = loss(z, y)
    if not torch.is_tensor(value) or value.ndim or not value.requires_grad:
        return None
    slope: Tensor | None = torch.autograd.grad(value, z, allow_unused=True)[0]
    return slope if slope is not None and bool(slope.isfinite().all()) else None
