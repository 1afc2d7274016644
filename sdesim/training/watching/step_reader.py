"""One optimizer step as hooks see it: the parts of its gradient, the whole, and the gradient before.

A hook on a parameter is called by each backward pass with what that pass adds, before it is added, and
another one afterwards with the sum so far: so norms of parts and of the whole are those before any clipping.
Nothing is returned to autograd, and nothing of the training is written to.
"""

from __future__ import annotations

import functools
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sdesim.training.data.batches import leaves, length
from sdesim.training.watching.examples import ExampleShares
from sdesim.training.watching.layers import layer_names
from sdesim.training.watching.made_step import MadeStep
from sdesim.training.watching.shards import Gathered, is_sharded
from sdesim.training.watching.sums import dot_sum, total

Guard = Callable[[Callable[[], None]], None]
# Norms of one gradient in two ways agree to this share.
_AGREED = 1e-4
# How far up the stack a scaler that calls the optimizer may be.
_FRAMES = 16


@dataclass(frozen=True)
class StepRead:
    """What was read of one step.

    Attributes:
        whole: |g|² of the step's gradient, before clipping and unscaled. squares: Σ|c_j|² of its parts, NaN
            where they are not known. overlap: Σ w_j². passes: backward passes.
        batch: examples in them all, None where that is not known.
        after: u·g with the step before, NaN where that was not held. drag: Σ A T over the parameters, with
            what a gradient does in its step, NaN where that is not known.
        clipped: whether the optimizer was given less. flags: words.
        groups: layer → (|g|², Σ|c_j|²) of its parameters alone, which add up to ``whole`` and ``squares``;
            ``overlap`` is the same for all of them.
    """

    whole: float
    squares: float
    overlap: float
    passes: int
    batch: int | None
    after: float
    drag: float
    clipped: bool
    flags: tuple[str, ...]
    groups: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Contributed:
    """The parts of one rank's gradient, of which the step's is one of several: as `StepRead` has them, the
    gradient itself being its only part where no others are known.

    Attributes:
        scale: of a `GradScaler`. groups: layer → Σ|c_j|² of its parameters.
    """

    squares: float
    overlap: float
    passes: int
    batch: int | None
    flags: tuple[str, ...]
    scale: float
    groups: Mapping[str, float]


class Onlooker(Protocol):
    """Who looks at what backward passes add."""

    def begin(self) -> None:
        """A step begins."""

    def seen(self, k: int, gradient: Tensor) -> None:
        """A pass adds this to the gradient of parameter k."""


class StepReader:
    """Reads one step at a time, where it is armed.

    Args:
        models: whose calls tell the batches, from the one that the training calls to the innermost, which
            owns the parameters. parameters: that are trained, each once.
        guard: what runs a hook's work, and keeps its errors from the training: of the step, and of what
            reads examples.

    Attributes:
        layers: the layer's name of each parameter. onlooker: where this is one of several ranks.
        made: the step that was made last, where it is held.
    """

    def __init__(
        self, models: Sequence[nn.Module], parameters: Sequence[nn.Parameter], guard: Guard,
        examples_guard: Guard,
    ) -> None:  # fmt: skip
        self._models, self._parameters = models, parameters
        names = layer_names(models[-1])
        self.layers = [names[id(p)] for p in parameters]
        self._guard, self._examples_guard = guard, examples_guard
        self._handles: list[Any] = []
        self._shares: ExampleShares | None = None
        self._gathered: Gathered | None = None
        self.onlooker: Onlooker | None = None
        self.made = MadeStep(parameters)
        self.armed = False
        # Number and size of the batch that is at work, 0 before one was seen; whether a trainer tells them.
        self._batch_number, self._told = 0, False
        self._size: int | None = None
        self._begin()

    def _begin(self) -> None:
        self.made.again()
        self._squares: list[dict[int, Tensor]] = []
        self._after: list[list[Tensor]] = []
        self._sums: dict[int, Tensor] = {}
        self._left: list[Tensor] = []
        self._calls: Counter[int] = Counter()
        self._sizes: dict[int, int | None] = {}
        self._passing, self._mixed = False, False
        self._inside: nn.Module | None = None
        self._alone: dict[int, Tensor] | None = None
        if self.onlooker is not None:
            self.onlooker.begin()

    def arm(self, *, parts: bool, examples: bool) -> None:
        """Attach what reads the step that comes.

        Args:
            parts: whether the parts of its gradient are read, else the whole alone.
            examples: whether the parts are the examples of its one batch.
        """
        self.disarm()
        self._begin()
        self.armed = True
        if not self._told:
            self._batch_number = 0
        for k, p in enumerate(self._parameters):
            if parts and not is_sharded(p):
                self._handles.append(p.register_hook(self._part_hook(k, p)))  # type: ignore[no-untyped-call]
            if self.onlooker is None:
                hook = self._sum_hook(k)
                self._handles.append(p.register_post_accumulate_grad_hook(hook))  # type: ignore[no-untyped-call]
        if parts and any(map(is_sharded, self._parameters)):
            self._gathered = Gathered(self._models[-1], self._parameters, self._guard, self._hooked)
        for model in () if self._told else self._models:
            self._handles.append(model.register_forward_pre_hook(self._called, with_kwargs=True))
            self._handles.append(model.register_forward_hook(self._left_model, always_call=True))
        if parts and examples:
            self._examples_guard(self._share)

    def _hooked(self, k: int, gathered: Tensor) -> Any:
        return gathered.register_hook(self._part_hook(k, None))  # type: ignore[no-untyped-call]

    def _share(self) -> None:
        self._shares = ExampleShares(self._models[-1], self._parameters, self._examples_guard)

    def disarm(self) -> None:
        """Detach everything."""
        for handle in self._handles:
            handle.remove()
        if self._shares is not None:
            self._shares.close()
        if self._gathered is not None:
            self._gathered.close()
        self._handles, self._shares, self._gathered, self._alone = [], None, None, None
        self.armed = False

    def batch(self, size: int | None) -> None:
        """A batch of so many examples begins, as a trainer tells; the model's calls tell nothing then."""
        self._batch_number, self._size, self._told = self._batch_number + 1, size, True

    def _called(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        # A wrapper calls what it wraps: one batch.
        if self._inside is None and torch.is_grad_enabled():
            self._inside = module
            self._guard(lambda: self._batch(args, kwargs))

    def _left_model(self, module: nn.Module, args: Any, output: Any) -> None:
        if self._inside is module:
            self._inside = None

    def _batch(self, args: Any, kwargs: Any) -> None:
        given = [x for x in (*args, *kwargs.values()) if any(True for _ in leaves(x))]
        self._batch_number, self._size = self._batch_number + 1, None
        self._size = length(given[0]) if given else None

    def _part_hook(self, k: int, p: nn.Parameter | None) -> Callable[[Tensor], None]:
        def hook(gradient: Tensor) -> None:
            self._guard(lambda: self._part(k, p, gradient))

        return hook

    def _part(self, k: int, p: nn.Parameter | None, gradient: Tensor) -> None:
        """A pass adds to the gradient of parameter k, which p keeps; None: where it is kept is not known."""
        if self._calls[k] and p is not None and p.grad is None:
            # The gradients were dropped without a step, as a scaler does: what comes is another step's.
            mixed = self._passing
            self._begin()
            self._mixed = mixed
        if not self._passing:
            self._passing = True
            shares, size = None if self._sizes else self._shares, self._size
            # What ranks share they change before the pass has ended.
            self._alone = None if shares is None or self.onlooker is None else {}
            if self._batch_number:
                self._sizes[self._batch_number] = size
            # Once this pass has ended, and before anybody clips what it left.
            task = torch._C._current_graph_task_id()
            ended = functools.partial(self._passed, shares, size, task)
            torch.autograd.Variable._execution_engine.queue_callback(ended)
        if not self._calls[k] and p is not None and p.grad is not None:
            self._left.append(dot_sum(p.grad, p.grad))
        if len(self._squares) == self._calls[k]:
            self._squares.append({})
            self._after.append([])
        self._squares[self._calls[k]][k] = dot_sum(gradient, gradient)
        self._calls[k] += 1
        if self.onlooker is not None:
            self.onlooker.seen(k, gradient)
            if self._alone is not None and p is not None:
                self._alone[id(p)] = gradient.detach().clone()

    def _passed(self, shares: ExampleShares | None, size: int | None, task: int) -> None:
        """A backward pass has ended; its examples are worked out if it is the first."""
        self._passing = False
        alone, self._alone = self._alone, None
        if shares is not None:
            self._examples_guard(lambda: shares.collect(size, task, alone))

    def _sum_hook(self, k: int) -> Callable[[Tensor], None]:
        def hook(p: Tensor) -> None:
            self._guard(lambda: self._summed(k, p))

        return hook

    def _summed(self, k: int, p: Tensor) -> None:
        assert p.grad is not None
        self._sums[k] = dot_sum(p.grad, p.grad)
        if self.onlooker is None:
            self.made.meet(k, p.grad)
        if self._calls[k]:
            self._after[self._calls[k] - 1].append(self._sums[k])

    def finish(self, *, gains: Sequence[float] | None, hold: bool) -> StepRead | str:
        """What was read of the step that the optimizer is about to make, or why nothing was.

        Args:
            gains: A of each parameter, by which its gradient moves it in the step; None: not known.
            hold: whether the step is held on to, where it is right to.
        """
        parts, examples = max(self._calls.values(), default=0), self._shares
        if examples is not None and examples.failed is not None:
            self._examples_guard(functools.partial(_raise, examples.failed))
        forwards = len(self._sizes)
        gradients = [p.grad for p in self._parameters]
        if not self._sums:
            return "no gradient was computed for this step"
        if forwards and parts > forwards:
            return f"{parts} backward passes over {forwards} batches: parts of one batch are not independent"
        if self._mixed or self._dropped():
            return "gradients were dropped in the middle of a step"
        if total(self._left) > 0.0:
            return "gradients of an earlier step were left in place"
        left = total([dot_sum(g, g) for g in gradients if g is not None])
        summed, scale = total(list(self._sums.values())), loss_scale()
        inverse2 = scale**-2
        whole = summed * inverse2
        untouched = abs(left - whole) <= _AGREED * whole or abs(left - summed) <= _AGREED * summed
        shared = total([x for part in self._squares for x in part.values()])
        if not all(x < float("inf") for x in (whole, left, shared)):
            return "the gradient is not finite"
        if not untouched and left > whole:
            return "gradients were changed between the backward pass and the step"
        squares, overlap, batch, flags = self._contributions(parts, examples, inverse2, shared)
        after = self.made.after(1.0 / scale)
        # The factor between what the optimizer is given and the gradient: that of a scaler, or 1.
        factor = 1.0 if abs(left - whole) <= _AGREED * whole else 1.0 / scale
        drag = float("nan")
        if gains is not None and math.isfinite(squares) and untouched:
            each = self._by_parameter(parts, examples, inverse2)
            drag = sum(a * (c - overlap * g) for a, (g, c) in zip(gains, each, strict=True)) / (1 - overlap)
        if hold and math.isfinite(drag):
            self.made.open(gradients, drag, factor)
        groups = self._groups(parts, examples, inverse2) if math.isfinite(squares) else {}
        return StepRead(whole, squares, overlap, parts, batch, after, drag, not untouched, flags, groups)

    def contributed(self) -> Contributed | str:
        """The parts of this rank's own gradient, or why they are not known."""
        parts, examples = max(self._calls.values(), default=0), self._shares
        forwards, scale = len(self._sizes), loss_scale()
        if examples is not None and examples.failed is not None:
            self._examples_guard(functools.partial(_raise, examples.failed))
        if not parts:
            return "no gradient was computed for this step"
        if forwards and parts > forwards:
            return f"{parts} backward passes over {forwards} batches: parts of one batch are not independent"
        if self._mixed:
            return "gradients were dropped in the middle of a step"
        shared = total([x for part in self._squares for x in part.values()])
        if not math.isfinite(shared):
            return "the gradient is not finite"
        inverse2 = scale**-2
        squares, overlap, batch, flags = self._contributions(parts, examples, inverse2, shared)
        alone = {} if examples is None or parts > 1 or math.isnan(squares) else examples.by_parameter
        if math.isnan(squares):
            squares = inverse2 * shared
        groups = dict.fromkeys(self.layers, 0.0)
        for k, (name, p) in enumerate(zip(self.layers, self._parameters, strict=True)):
            own = alone[id(p)] if alone else total([part[k] for part in self._squares if k in part])
            groups[name] += inverse2 * own
        return Contributed(squares, overlap, parts, batch, flags, scale, groups)

    def _groups(
        self, parts: int, examples: ExampleShares | None, inverse2: float
    ) -> dict[str, tuple[float, float]]:
        """|g|² and Σ|c_j|² of each layer."""
        found = dict.fromkeys(self.layers, (0.0, 0.0))
        each = self._by_parameter(parts, examples, inverse2)
        for name, (whole, squares) in zip(self.layers, each, strict=True):
            found[name] = found[name][0] + whole, found[name][1] + squares
        return found

    def _by_parameter(
        self, parts: int, examples: ExampleShares | None, inverse2: float
    ) -> list[tuple[float, float]]:
        """|g|² and Σ|c_j|² of each parameter."""
        alone = {} if examples is None else examples.by_parameter
        found = []
        for k, p in enumerate(self._parameters):
            squares = alone.get(id(p), 0.0)
            if parts > 1:
                squares = total([part[k] for part in self._squares if k in part])
            summed = float(self._sums[k]) if k in self._sums else 0.0
            found.append((inverse2 * summed, inverse2 * squares))
        return found

    def _dropped(self) -> bool:
        """Whether a later part was all that its gradients then were: those before it are in no step."""
        later = list(zip(self._squares, self._after, strict=True))[1:]
        return any(
            abs(total(list(part.values())) - total(after)) <= 1e-6 * total(list(part.values()))
            for part, after in later
        )

    def _contributions(
        self, parts: int, examples: ExampleShares | None, inverse2: float, shared: float
    ) -> tuple[float, float, int | None, tuple[str, ...]]:
        sizes = list(self._sizes.values()) if len(self._sizes) == parts else []
        known = [n for n in sizes if n is not None]
        batch = sum(known) if known and len(known) == parts else None
        if parts > 1:
            weights = [n / batch for n in known] if batch else [1.0 / parts] * parts
            flags = ("weights_by_examples",) if len(set(known)) > 1 else ()
            return inverse2 * shared, sum(w * w for w in weights), batch, flags
        if examples is not None and examples.squares is not None and batch:
            flags = ("weights_assumed",) if examples.sequences else ()
            return inverse2 * examples.squares, 1.0 / batch, batch, flags
        return float("nan"), 1.0, batch, ()


def _raise(error: Exception) -> None:
    raise error


def loss_scale() -> float:
    """The scale of a `GradScaler` that is calling the optimizer, 1 where none is."""
    frame = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame.f_back is None:
            break
        frame = frame.f_back
        owner = frame.f_locals.get("self")
        if isinstance(owner, torch.amp.GradScaler):
            return float(owner.get_scale())
    return 1.0
