"""Batches of any form: a tensor, or a tuple or dict of such (nested at will), and how a network takes one.

x stands for inputs of n examples in any of these forms, every tensor of it (n, …): ids and an attention mask
are ``(ids, mask)`` or ``{"input_ids": ids, "attention_mask": mask}``. A network is called as ``module(x)`` of
a tensor, ``module(*x)`` of a tuple or list, ``module(**x)`` of a dict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError


def mapped(x: Any, change: Callable[[Tensor], Any]) -> Any:
    """x with every tensor changed, in the same form; lists become tuples, mappings dicts.

    Raises:
        RunError: something in x is no tensor.
    """
    if torch.is_tensor(x):
        return change(x)
    if isinstance(x, Mapping):
        return {key: mapped(part, change) for key, part in x.items()}
    if isinstance(x, tuple | list):
        return tuple(mapped(part, change) for part in x)
    raise RunError(
        f"a batch holds {type(x).__name__}, which is no tensor: leave it out with unpack=lambda batch: (x, y)"
    )


def leaves(x: Any) -> Iterator[Tensor]:
    """The tensors of x, in order."""
    if torch.is_tensor(x):
        yield x
    elif isinstance(x, Mapping):
        for part in x.values():
            yield from leaves(part)
    elif isinstance(x, tuple | list):
        for part in x:
            yield from leaves(part)


def length(x: Any) -> int:
    """Number n of examples in x.

    Raises:
        RunError: no tensor, one without a first axis, or tensors that are not equally long.
    """
    found = {len(part) if part.ndim else -1 for part in leaves(x)}
    if len(found) != 1 or -1 in found:
        shapes = ", ".join(str(tuple(part.shape)) for part in leaves(x)) or type(x).__name__
        raise RunError(
            f"all tensors of a batch must have one row for each example, got {shapes}: "
            "pass unpack=lambda batch: (x, y)"
        )
    return found.pop()


def rows_of(x: Any, rows: Any) -> Any:
    """The examples ``rows`` of x: indices of any shape, a slice, or booleans (n,)."""
    return x[rows] if torch.is_tensor(x) else mapped(x, lambda part: part[rows])


def moved(x: Any, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Any:
    """x without gradients: floating numbers in ``dtype``, all on ``device``; None leaves either as it is."""

    def change(part: Tensor) -> Tensor:
        return part.detach().to(device=device, dtype=dtype if part.is_floating_point() else None)

    return mapped(x, change)


def joined(parts: Sequence[Any]) -> Any:
    """Batches of one form, one after the other along the examples."""
    first = parts[0]
    if torch.is_tensor(first):
        return torch.cat(list(parts))
    if isinstance(first, Mapping):
        return {key: joined([part[key] for part in parts]) for key in first}
    return tuple(joined(several) for several in zip(*parts, strict=True))


def equal(x: Any, other: Any) -> bool:
    """Whether two batches hold the same numbers in the same form; NaN is the same as NaN."""
    one, two = list(leaves(x)), list(leaves(other))
    return len(one) == len(two) and all(map(_same, one, two))


def _same(one: Tensor, two: Tensor) -> bool:
    if one.shape != two.shape or one.dtype != two.dtype:
        return False
    loose = one.is_floating_point() or one.is_complex()
    return bool(torch.allclose(one, two, rtol=0.0, atol=0.0, equal_nan=True) if loose else one.equal(two))


def arguments(x: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments with which a network takes x."""
    if torch.is_tensor(x):
        return (x,), {}
    return ((), dict(x)) if isinstance(x, Mapping) else (tuple(x), {})


def call(module: nn.Module, x: Any) -> Any:
    """The network's output on x: module(x), module(*x) or module(**x)."""
    given, named = arguments(x)
    return module(*given, **named)


class Objective:
    """A training's own loss of a whole batch, ``objective(module, batch)`` → scalar, in place of a loss_fn.

    Where it stands, x is the whole batch and y (n, 0) holds nothing: `batch_loss` and `Stepped` know both.

    Args:
        objective: (module, batch) → mean loss over the examples of the batch.
    """

    def __init__(self, objective: Callable[[nn.Module, Any], Any]) -> None:
        self.objective = objective

    def of_batch(self, module: nn.Module, batch: Any) -> Any:
        """The loss of a batch."""
        return self.objective(module, batch)

    def __call__(self, output: Any, y: Any) -> Any:
        raise RunError(
            "objective= takes the network and the whole batch: give loss_fn where outputs are read"
        )


def takes_whole_batch(loss_fn: Any) -> bool:
    """Whether a loss is of a network and a whole batch, as an `Objective` is."""
    return hasattr(loss_fn, "of_batch")


def batch_loss(module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> Any:
    """What a step differentiates: ``loss_fn(module(x), y)``, with penalties where the loss has any, or the
    `Objective` of the batch x."""
    whole = getattr(loss_fn, "of_batch", None)
    if whole is not None:
        return whole(module, x)
    penalty = penalty_of(loss_fn, module.named_parameters())
    value = loss_fn(call(module, x), y)
    return value if penalty is None else value + penalty


def penalty_of(loss_fn: Any, parameters: Iterable[tuple[str, Tensor]]) -> Any:
    """The penalties of a loss on named parameters; None where it has none."""
    of_weights = getattr(loss_fn, "of_weights", None)
    return None if of_weights is None else of_weights(dict(parameters))


class Stepped(nn.Module):
    """`batch_loss` as a module, so that `torch.func.functional_call` reaches it: parameters of the network
    are named ``module.…``.

    Args:
        module: the network.
        loss_fn: as of `batch_loss`.
    """

    def __init__(self, module: nn.Module, loss_fn: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        # Not registered: a loss that is a module has no parameters of the training.
        self.__dict__["_loss_fn"] = loss_fn

    def forward(self, x: Any, y: Any) -> Any:
        """The loss of a batch."""
        loss_fn: Any = self.__dict__["_loss_fn"]
        return batch_loss(self.module, loss_fn, x, y)
