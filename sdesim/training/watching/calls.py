"""The calls of a model within a step: what each batch of examples was, weighs, and was turned into."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.training.data.batches import leaves
from sdesim.training.watching.aside import is_aside
from sdesim.training.watching.loss_graph import LossSeen, loss_seen
from sdesim.training.watching.module_hook import ModuleHook
from sdesim.training.watching.random_state import RandomState

Guard = Callable[[Callable[[], None]], None]
# What a label is that counts for no loss, in torch and in the libraries on it.
_IGNORED = -100
# Numbers of each tensor of a batch, of which two that are the same are known.
_SAMPLED = 256


@dataclass
class Batch:
    """One batch of examples.

    Attributes:
        size: its examples, None where that is not known. axis: of its first input, that they lie along.
        share: what it weighs, where a trainer tells, to a factor that all batches of a step have in common.
        multiplier: the gradient that arrived at the loss that the model itself returned.
        tokens: labels that count, of each example (n,), at all places and at all but the first; None without.
        divisor: by what such a loss was divided, where the training told it.
        given: arguments of the call; outputs: tensors that it gave, with the gradients that arrived at them,
            in the order in which they did. Only where they are kept.
        before, drew: random state before the call, and whether it drew from it. autocast: devices and types.
        written: a buffer that the call wrote to.
        lengths: of the tensors that the call was given; sample: some of their numbers. nodes: of the graph,
            that gave its outputs. loss: what that of its backward pass is made of, None before it.
    """

    size: int | None
    axis: int = 0
    first: Tensor | None = None
    share: float | None = None
    multiplier: Tensor | None = None
    tokens: tuple[Tensor, Tensor] | None = None
    divisor: Any = None
    given: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    outputs: list[Tensor] = field(default_factory=list)
    arrived: list[tuple[int, Tensor]] = field(default_factory=list)
    before: RandomState | None = None
    drew: bool = False
    autocast: list[tuple[str, torch.dtype]] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    written: str = ""
    lengths: frozenset[int] = frozenset()
    sample: Tensor | None = None
    nodes: tuple[Any, ...] = ()
    loss: LossSeen | None = None

    def axis_of(self, x: Tensor) -> int | None:
        """Along which axis of a tensor its examples lie, None where they do not."""
        if x.ndim > self.axis and x.shape[self.axis] == self.size:
            return self.axis
        others = [k for k, n in enumerate(x.shape) if n == self.size]
        return others[0] if len(others) == 1 else None


class ModelCalls:
    """Attached to a model while a step is read.

    Args:
        models: from the one that the training calls to the innermost. guard: what runs a hook's work.

    Attributes:
        told: whether a trainer tells where batches begin; calls tell nothing then but what they were given.
        batch: the one at work, None before there was one. seen: those that backward passes came for.
    """

    def __init__(self, models: Sequence[nn.Module], guard: Guard) -> None:
        self._models, self._guard = models, guard
        self._outside = list(_not_compiled(models))
        self._handles: list[Any] = []
        self._inside: nn.Module | None = None
        self._keep = self.told = False
        self.batch: Batch | None = None
        self.seen: list[Batch] = []

    def begin(self) -> None:
        """Of a step whose batches are to come; the batch at work may be its first."""
        self.seen = []

    def attach(self, *, keep: bool) -> None:
        """Attach the hooks; keep: whether inputs and outputs of a call are kept, for `halves`."""
        self._keep, self._inside = keep, None
        if not self.told:
            self.batch = None
        if self.told and not keep:
            return
        for model in self._outside:
            self._handles.append(model.register_forward_pre_hook(ModuleHook(self._called), with_kwargs=True))
            self._handles.append(model.register_forward_hook(ModuleHook(self._left), always_call=True))
        for part in self._models[-1].modules() if self._outside == list(self._models) else ():
            if getattr(part, "batch_first", True) is False:
                hook = ModuleHook(self._sequence)
                self._handles.append(part.register_forward_pre_hook(hook, with_kwargs=True))

    def detach(self) -> None:
        """Detach them, and let go of what is kept."""
        for handle in self._handles:
            handle.remove()
        self._handles, self.seen = [], []
        if self.batch is not None:
            self.batch = Batch(self.batch.size, share=self.batch.share) if self.told else None

    def tell(self, size: int | None, share: float | None) -> None:
        """A batch of so many examples begins."""
        self.batch, self.told = Batch(size, share=share), True

    def opened(self, own: Callable[[Any], bool]) -> None:
        """A backward pass begins: it is of the batch at work. own: whether a tensor is a trained one."""
        batch = self.batch
        if batch is not None and not any(batch is one for one in self.seen):
            self.seen.append(batch)
            batch.loss = loss_seen(batch.size, batch.axis, batch.nodes, own)
            batch.nodes = ()

    def _called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        # A wrapper calls what it wraps: one batch. What is called in a backward pass is called again.
        if self._inside is not None or is_aside() or not torch.is_grad_enabled():
            return
        if torch._C._current_graph_task_id() == -1:
            self._inside = module
            self._guard(lambda: self._begun(args, kwargs))

    def _begun(self, args: Any, kwargs: Any) -> None:
        given = [x for x in leaves((args, kwargs)) if x.ndim]
        first = given[0] if given else None
        size = None if first is None else len(first)
        if not self.told:
            self.batch = None
            self.batch = Batch(size)
        batch = self.batch
        assert batch is not None
        if batch.given is not None:
            # A second call for one batch: which of them is which is not known.
            batch.given, batch.outputs, self._keep = None, [], False
        batch.first, batch.lengths = first, frozenset(map(len, given))
        batch.sample = None if self.told else _sample(given)
        labels = kwargs.get("labels")
        if isinstance(labels, Tensor):
            counted = (labels != _IGNORED).reshape(len(labels), -1) if labels.ndim else None
            if counted is not None and len(counted) == size:
                batch.tokens = counted.sum(1), counted[:, 1 if labels.ndim > 1 else 0 :].sum(1)
        batch.divisor = kwargs.get("num_items_in_batch")
        if self._keep:
            batch.given, batch.before = (args, dict(kwargs)), RandomState.now(self._devices())
            batch.versions = [b._version for b in self._models[-1].buffers()]
            batch.autocast = [
                (kind, torch.get_autocast_dtype(kind))
                for kind in {"cpu", *(device.type for device in self._devices())}
                if torch.is_autocast_enabled(kind)
            ]

    def _devices(self) -> set[torch.device]:
        return {p.device for p in self._models[-1].parameters()}

    def _sequence(self, part: nn.Module, args: Any, kwargs: Any) -> None:
        if self._inside is not None and self.batch is not None:
            self._guard(lambda: self._axis(next(leaves((args, kwargs)), None)))

    def _axis(self, x: Tensor | None) -> None:
        """A part takes its examples along the second axis: so does the model, where it was given the same."""
        batch = self.batch
        if batch is None or x is None or x.ndim != 3 or batch.axis or batch.first is None:
            return
        if batch.first.shape[:2] == x.shape[:2]:
            # With as many places as examples the first axis may be either.
            batch.axis = 1
            batch.size = None if x.shape[0] == x.shape[1] else int(x.shape[1])

    def _left(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._inside is not module:
            return
        self._inside = None
        batch = self.batch
        if batch is not None:
            self._guard(lambda: self._returned(batch, output))

    def _returned(self, batch: Batch, output: Any) -> None:
        made = outputs_of(output)
        batch.nodes = (*batch.nodes, *(x.grad_fn for x in made if x.grad_fn is not None))
        if not self.told and batch.size is not None and made:
            batch.size = _size(batch, made)
        loss = _loss(output)
        if loss is not None:

            def multiplied(gradient: Tensor | None) -> None:
                if gradient is not None and not is_aside():
                    batch.multiplier = gradient.detach()

            loss.register_hook(multiplied)  # type: ignore[no-untyped-call]
        if batch.given is None or batch.before is None:
            return
        batch.drew = RandomState.now(self._devices()) != batch.before
        named = self._models[-1].named_buffers()
        written = (name for (name, b), v in zip(named, batch.versions, strict=True) if b._version != v)
        batch.written = next(written, "")
        for x in made:
            batch.outputs.append(x.detach())
            x.register_hook(_noting(batch, len(batch.outputs) - 1))  # type: ignore[no-untyped-call]


def _size(batch: Batch, outputs: Sequence[Tensor]) -> int | None:
    """Examples, which outputs have as many of as the first input; else as another input, or a row for each of
    its places. None where neither is so."""
    assert batch.size
    assert batch.first is not None
    found = [x.shape[0] for x in outputs]
    found += [x.shape[batch.axis] for x in outputs if x.ndim > batch.axis]
    if batch.size in found:
        return batch.size
    others = batch.lengths & set(found)
    if len(others) == 1 and not batch.axis:
        return next(iter(others))
    places = {math.prod(batch.first.shape[:k]) for k in range(2, batch.first.ndim + 1)}
    return batch.size if places & set(found) else None


def _sample(given: Sequence[Tensor]) -> Tensor | None:
    """Numbers by which two batches are told apart."""
    found = []
    for x in given:
        flat = x.detach().reshape(-1)[:: max(1, x.numel() // _SAMPLED)]
        if flat.is_complex():
            flat = torch.view_as_real(flat).reshape(-1)
        found.append(flat[:_SAMPLED].double())
    return torch.cat([x.to(found[0].device) for x in found]) if found else None


def _not_compiled(models: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """The models whose calls a compiler does not look into: hooks on others would be compiled with them."""
    for model in models:
        if getattr(model, "_compiled_call_impl", None) is not None:
            return
        yield model
        if "_orig_mod" in model._modules:
            return


def _noting(batch: Batch, place: int) -> Callable[[Tensor | None], None]:
    def arrived(gradient: Tensor | None) -> None:
        # None comes where several outputs pass one function, as of a wrapper, and one is unused.
        if gradient is not None and not is_aside():
            batch.arrived.append((place, gradient.detach()))

    return arrived


def outputs_of(output: Any) -> list[Tensor]:
    """Tensors of an output that are no single numbers and have gradients, in order, each once."""
    found = {id(x): x for x in leaves(output) if x.requires_grad and x.ndim}
    return list(found.values())


def _loss(output: Any) -> Tensor | None:
    """The loss that a model returns itself: under that name, or as its first or only number."""
    named = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
    found = next(leaves(output), None) if named is None else named
    return found if isinstance(found, Tensor) and not found.ndim and found.requires_grad else None


@dataclass(frozen=True)
class Weights:
    """w_j of the batches of a step, Σ w_j = 1. batch: examples in all, None where that is not known. whole:
    what they weigh together beside those of other ranks, NaN where each rank weighs the same."""

    each: tuple[float, ...]
    batch: int | None
    flags: tuple[str, ...]
    whole: float = math.nan


def unlike(batches: Sequence[Batch]) -> str:
    """Why backward passes over these batches are no parts of one gradient; "" where nothing says so."""
    samples = [b.sample for b in batches]
    for one, other in pairwise(samples):
        if one is not None and other is not None and torch.equal(one, other):
            return "backward passes over the same examples: their parts are not independent"
    forms = {(b.loss.apart, b.loss.form if b.loss.apart else ()) for b in batches if b.loss is not None}
    if len(forms) > 1:
        return "backward passes of one step are of different losses: their parts are not of one mean"
    return ""


def weights(batches: Sequence[Batch], passes: int, *, scaled: bool = False) -> Weights:
    """What each backward pass weighs in the step.

    What a trainer tells goes first (`batches_unequal` where batches of different sizes do). Where the model
    returned the loss of each, the gradient that arrived there says its multiplier; of a loss that was divided
    by the labels of the whole step it is times those of the batch. Where each loss is seen to be a mean all
    weigh the same (`batches_unequal` where sizes differ). Else batches weigh by their examples, and where
    these differ that is flagged. Without batches all weigh the same.

    Args:
        scaled: whether a scaler multiplied the losses.
    """
    known = len(batches) == passes
    sizes = [b.size for b in batches if b.size is not None] if known else []
    batch = sum(sizes) if sizes and len(sizes) == passes else None
    if not known:
        return Weights((1.0 / passes,) * passes, None, ("weights_assumed",) if passes > 1 else ())
    told = [b.share for b in batches if b.share is not None]
    own = _by_losses(batches)
    flags: tuple[str, ...]
    if len(told) == passes:
        each, flags = told, ("batches_unequal",) if batch and len(set(sizes)) > 1 else ()
    elif own is not None:
        each, flags = own
    elif passes > 1 and all(_is_mean(b.loss, scaled=scaled) for b in batches):
        each, flags = [1.0] * passes, ("batches_unequal",) if batch and len(set(sizes)) > 1 else ()
    elif batch:
        each, flags = [float(n) for n in sizes], ("weights_by_examples",) if len(set(sizes)) > 1 else ()
    else:
        each, flags = [1.0] * passes, ("weights_assumed",) if passes > 1 else ()
    whole = sum(each)
    return Weights(tuple(w / whole for w in each), batch, flags, math.nan if own is None else whole)


def _is_mean(loss: LossSeen | None, *, scaled: bool) -> bool:
    return loss is not None and loss.mean and (scaled or not loss.multiplied)


def _by_losses(batches: Sequence[Batch]) -> tuple[list[float], tuple[str, ...]] | None:
    multipliers = [float(b.multiplier) for b in batches if b.multiplier is not None]
    if len(multipliers) < len(batches) or not all(math.isfinite(m) and m > 0 for m in multipliers):
        return None
    tokens = [tuple(float(t.sum()) for t in b.tokens) for b in batches if b.tokens is not None]
    if len(tokens) < len(batches):
        return multipliers, ()
    divisors = {float(b.divisor) for b in batches if b.divisor is not None}
    if not divisors:
        unequal = len(set(tokens)) > 1 and len(set(multipliers)) == 1
        return multipliers, ("mean_of_means",) if unequal else ()
    if len(divisors) > 1 or any(b.divisor is None for b in batches):
        return None
    # Labels at all places, or at all but the first: those that the training counted.
    counted = next((k for k in (1, 0) if sum(t[k] for t in tokens) in divisors), 1)
    each = [m * t[counted] / max(divisors) for m, t in zip(multipliers, tokens, strict=True)]
    return (each, ()) if sum(each) > 0 else None


def example_weights(batch: Batch) -> tuple[NDArray[np.float64], bool]:
    """w_i (n,) of the examples of one batch, Σ w_i = 1, and whether they are known: by their labels where the
    model returned its own loss, else all the same."""
    assert batch.size
    if batch.multiplier is not None and batch.tokens is not None:
        counts = batch.tokens[1].double().cpu().numpy()
        if counts.sum() > 0:
            return counts / counts.sum(), True
    return np.full(batch.size, 1.0 / batch.size), False


def rows(x: Any, batch: Batch, chosen: slice) -> Any:
    """The chosen examples of what a call was given: tensors that have an axis of them, the rest as it is."""
    if isinstance(x, Tensor):
        axis = batch.axis_of(x)
        return x if axis is None else x[(slice(None),) * axis + (chosen,)]
    if isinstance(x, Mapping):
        made = {key: rows(part, batch, chosen) for key, part in x.items()}
        return made if type(x) is dict else _like(x, made)
    if isinstance(x, tuple | list):
        return type(x)(rows(part, batch, chosen) for part in x) if type(x) in (tuple, list) else x
    return x


def _like(x: Mapping[str, Any], made: dict[str, Any]) -> Any:
    try:
        return type(x)(made)  # type: ignore[call-arg]
    except TypeError:
        return made
