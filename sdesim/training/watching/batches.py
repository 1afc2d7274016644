"""Batches for a reading's own passes: drawn from a loader's examples, or the last one that training used."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.data.batches import Objective, call, moved, rows_of
from sdesim.training.data.collation import reading
from sdesim.training.data.undisturbed import LoaderExamples, undisturbed
from sdesim.training.probes.example_norms import refuse_meeting
from sdesim.training.watching.module_hook import ModuleHook

Pair = tuple[Any, Any]
# Examples of a batch where nobody says.
_BATCH = 64
# What a trainer gives along that is not of one batch alone, so that it scales the loss of a part.
_COUNTS = ("num_items_in_batch",)


class Source(Protocol):
    """Where batches come from.

    Attributes:
        loss_fn: as of `batch_loss`. size: examples of a batch. anew: whether independent batches can be drawn
            whenever they are wanted. total: examples in all, 0 where that is not known.
        open: whether there is, or will be, something to draw from. sampling, flags: as of `LoaderExamples`.
    """

    loss_fn: Any
    size: int
    anew: bool
    total: int
    sampling: str
    flags: tuple[str, ...]

    @property
    def open(self) -> bool: ...

    def attach(self) -> None:
        """Note what comes, where that is needed for the next `take`."""

    def take(self) -> None:
        """Make what was noted last what is drawn from."""

    def drop(self) -> None:
        """Let go of it."""

    def detach(self) -> None:
        """Let go of everything, and note no more."""

    def draw(self, count: int, size: int, rng: np.random.Generator) -> list[Pair]:
        """So many independent batches."""

    def aside(self, seed: int) -> Any:
        """A context whose random numbers are from ``seed``; training's are afterwards as before."""


class Drawn:
    """Independent batches, with replacement, of the examples behind a loader, which is never advanced.

    Args:
        source: as of `LoaderExamples`. name: what the user called it. loss_fn: of a training on them, or an
            `Objective`. parameter: whose dtype and device the examples get. size: of a batch; default the
            loader's, else 64, flag `batch_assumed`.
    """

    anew = open = True

    def __init__(
        self, source: Any, name: str, loss_fn: Any, parameter: Tensor, size: int | None = None
    ) -> None:
        self._data = LoaderExamples(source, name, reading(loss_fn, None))
        self._collate = getattr(source, "collate_fn", None)
        self.loss_fn, self._parameter = loss_fn, parameter
        self.total = len(self._data)
        told = size or self._data.batch_size
        self.size = min(told or _BATCH, self.total)
        self.sampling = self._data.sampling
        self.flags = (*self._data.flags, *(() if told else ("batch_assumed",)))

    def draw(self, count: int, size: int, rng: np.random.Generator) -> list[Pair]:
        """So many independent batches."""
        dtype, device = self._parameter.dtype, self._parameter.device
        pairs = (self._data.take(rows) for rows in self._data.draw((count, size), rng))
        return [(moved(x, dtype, device), moved(y, dtype, device)) for x, y in pairs]

    @contextmanager
    def aside(self, seed: int) -> Iterator[None]:
        """A context whose random numbers are from ``seed``; training's are afterwards as before."""
        with undisturbed(seed, self._data.data, self._collate):
            yield

    def attach(self) -> None:
        """Examples are at hand whenever they are wanted."""

    take = drop = detach = attach


class LastBatch:
    """The batch on which the network was called last, by reference, where it returns the trained loss itself.

    Until the step is made the weights know nothing of it, so that it is independent of all steps before.
    """

    anew, total, sampling = False, 0, "unknown"
    flags: tuple[str, ...] = ("sampling_unknown",)

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._given: tuple[Any, Any] | None = None
        self._handle: Any = None
        self.loss_fn: Any = Objective(own_loss)
        self.size = 0
        # Whether the network returns the loss that is trained: a gradient arrives at that of its first call.
        self.open = False
        self._watched: Any = model.register_forward_hook(ModuleHook(self._returned))

    def _returned(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.is_grad_enabled() and self._watched is not None:
            loss = loss_in(output)
            if loss is not None and loss.requires_grad:
                loss.register_hook(self._trained)  # type: ignore[no-untyped-call]
            self._watched.remove()
            self._watched = None

    def _trained(self, gradient: Tensor | None) -> None:
        # None comes where what wraps the model passes it on, and nothing uses it.
        self.open = self.open or gradient is not None

    def attach(self) -> None:
        """Note the calls that come."""
        if self._handle is None:
            self._handle = self._model.register_forward_pre_hook(ModuleHook(self._called), with_kwargs=True)

    def detach(self) -> None:
        """Let go of everything."""
        for handle in (self._handle, self._watched):
            if handle is not None:
                handle.remove()
        self._handle, self._watched, self._given = None, None, None

    def _called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if torch.is_grad_enabled():
            self._given = args, kwargs

    def take(self) -> None:
        """Make the batch that was noted the one that is drawn from, and note no more.

        Raises:
            RunError: none was noted, or it is not made of tensors with a row for each example.
        """
        given = self._given
        self.detach()
        if given is None:
            raise RunError("the model was not called on a batch in this step")
        named = _by_name(self._model, *given)
        tensors = {k: v for k, v in named.items() if torch.is_tensor(v) and v.ndim}
        if not tensors:
            raise RunError("the model is not called on tensors")
        self.size = len(next(iter(tensors.values())))
        batch = {k: v.detach() for k, v in tensors.items() if len(v) == self.size}
        fixed = {k: v for k, v in named.items() if k not in batch and k not in _COUNTS}
        self.loss_fn = Objective(lambda module, x: own_loss(module, {**fixed, **x}))
        self._batch = batch

    def drop(self) -> None:
        """Let go of the batch."""
        self._batch, self.loss_fn = {}, Objective(own_loss)

    def draw(self, count: int, size: int, rng: np.random.Generator) -> list[Pair]:
        """So many parts of it, all examples once.

        Raises:
            RunError: it has fewer examples, or they meet.
        """
        refuse_meeting(self._model)
        if count > self.size:
            raise RunError(f"a batch of {self.size} examples has no {count} parts")
        parts = np.array_split(rng.permutation(self.size), count)
        rows = [torch.from_numpy(np.sort(part)) for part in parts]
        return [(rows_of(self._batch, r), torch.empty(len(r), 0)) for r in rows]

    @contextmanager
    def aside(self, seed: int) -> Iterator[None]:
        """A context whose random numbers are from ``seed``; training's are afterwards as before."""
        with undisturbed(seed):
            yield


def own_loss(module: nn.Module, batch: Any) -> Tensor:
    """The loss that a network returns of a batch.

    Raises:
        RunError: it returns none.
    """
    found = loss_in(call(module, batch))
    if found is None:
        raise RunError("the model returns no loss: give loss= or objective= with the loader")
    return found


def loss_in(output: Any) -> Tensor | None:
    """``output.loss``, ``output["loss"]``, or an output that is one number itself; else None."""
    found = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", output)
    return found if torch.is_tensor(found) and not found.ndim else None


def _by_name(model: nn.Module, args: Any, kwargs: Any) -> dict[str, Any]:
    """The arguments of a call by the names that the network's forward has for them."""
    signature = inspect.signature(model.forward)
    bound = signature.bind(*args, **kwargs)
    named: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            raise RunError("the model takes its batch in no named arguments")
        else:
            named[name] = value
    return named
