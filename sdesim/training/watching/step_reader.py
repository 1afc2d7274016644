"""One optimizer step as hooks see it: the parts of its gradient, the whole, and the gradient before.

Norms of parts and of the whole are taken when a backward pass has ended, and so before any clipping
(`Backward`). Nothing is returned to autograd, and nothing of the training is written to.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import RunError, failure
from sdesim.training.watching.backward import Backward
from sdesim.training.watching.calls import ModelCalls, example_weights, unlike, weights
from sdesim.training.watching.examples import ExampleShares
from sdesim.training.watching.halves import halves
from sdesim.training.watching.layers import layer_names
from sdesim.training.watching.made_step import MadeStep
from sdesim.training.watching.parallel.shards import ShardHooks, is_sharded
from sdesim.training.watching.sums import squares
from sdesim.training.watching.unwrapped import refuse_foreign

Guard = Callable[[Callable[[], None]], None]
# Norms of one gradient in two ways agree to this share.
_AGREED = 1e-4
# Part of a sum of squares that is rounding.
_ROUNDING = 1e-14
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
        source: what the parts are: "micro-batches", "examples", "halves", "" where they are not known.
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
    source: str = ""


@dataclass(frozen=True)
class Contributed:
    """The parts of one rank's gradient, of which the step's is one of several: as `StepRead` has them, the
    gradient itself being its only part where no others are known.

    Attributes:
        scale: of a `GradScaler`. groups: layer → Σ|c_j|² of its parameters. weight: of the whole beside
            those of other ranks, NaN where each weighs the same.
    """

    squares: float
    overlap: float
    passes: int
    batch: int | None
    flags: tuple[str, ...]
    scale: float
    groups: Mapping[str, float]
    weight: float = math.nan


class Onlooker(Protocol):
    """Who looks at what backward passes add."""

    def begin(self) -> None:
        """A step begins."""

    def seen(self, k: int, gradient: Tensor) -> None:
        """A pass adds this to the gradient of parameter k."""


@dataclass(frozen=True)
class Gathered:
    """What the backward passes of a step came to on this process, as a scaler's scale has it.

    Attributes:
        sums: |g|² (P,) of each parameter; squares: Σ|c_j|² (P,) of its parts, None where they are not known.
        overlap, passes, batch, flags, source: as of `StepRead`. scale: of a `GradScaler`. weight: as of
            `Contributed`.
    """

    sums: NDArray[np.float64]
    squares: NDArray[np.float64] | None
    overlap: float
    passes: int
    batch: int | None
    flags: tuple[str, ...]
    source: str
    scale: float
    weight: float


class StepReader:
    """Reads one step at a time, where it is armed.

    Args:
        models: whose calls tell the batches, from the one that the training calls to the innermost, which
            owns the parameters. parameters: that are trained, each once.
        guard: what runs a hook's work, and keeps its errors from the training: of the step, and of what
            reads examples.

    Attributes:
        armed: whether the step that comes is read. layers: the layer's name of each parameter.
        onlooker: where this is one of several ranks. made: the step that was made last, where it is held.
    """

    def __init__(
        self, models: Sequence[nn.Module], parameters: Sequence[nn.Parameter], guard: Guard,
        examples_guard: Guard,
    ) -> None:  # fmt: skip
        self._models, self._guard, self._examples_guard = models, guard, examples_guard
        self._shares: ExampleShares | None = None
        self._calls = ModelCalls(models, guard)
        self._shards: ShardHooks | None = None
        self.onlooker: Onlooker | None = None
        self.armed = self._apart = self._halved = False
        self._flags: tuple[str, ...] = ()
        self._take(parameters)

    def _take(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters, names = parameters, layer_names(self._models[-1])
        self.layers = [names[id(p)] for p in parameters]
        self.made = MadeStep(parameters)
        self._backward = Backward(parameters, self._guard, self._opened, self._ended)
        # Made once, and the same while a step is read with it.
        self._layer_shares: ExampleShares | None = None
        # Whether shares of layers were read once, or why they can't be.
        self._formula: bool | str = compiled(self._models)

    def changed(self, parameters: Sequence[nn.Parameter]) -> str:
        """That an optimizer trains others now than are read, as where layers are thawed; else ""."""
        alike = {id(p) for p in parameters} == {id(p) for p in self._parameters}
        return "" if alike else "the optimizer trains other parameters than when the step began"

    def follow(self, parameters: Sequence[nn.Parameter]) -> None:
        """Read these from the next step on; where they are others than before, that is flagged.

        Raises:
            RunError: they are not the model's, or there are ranks, which agreed on those before.
        """
        if not self.changed(parameters):
            return
        refuse_foreign(self._models[-1], parameters)
        if self.onlooker is not None:
            raise RunError("the optimizer trains other parameters than when the ranks met")
        self.disarm()
        self._take(parameters)
        self._flags = ("parameters_changed",)

    def arm(self, *, parts: bool, examples: bool) -> None:
        """Attach what reads the step that comes.

        Args:
            parts: whether the parts of its gradient are read, else the whole alone.
            examples: whether the parts are the examples of its one batch.
        """
        self.disarm()
        self.armed, self._apart = True, examples
        self._backward.looker = None if self.onlooker is None else self.onlooker.seen
        self._backward.hold = examples and self.onlooker is not None
        self._begin()
        self._backward.attach(parts=parts)
        if any(map(is_sharded, self._parameters)):
            model, attach = self._models[-1], self._backward.hooked
            self._shards = ShardHooks(model, self._parameters, self._guard, attach)
        if not parts:
            return
        if examples and not isinstance(self._formula, str):
            self._examples_guard(self._share)
        self._halved = examples and self._formula is not True
        self._calls.attach(keep=self._halved)

    def _begin(self) -> None:
        self.made.again()
        self._backward.begin()
        self._calls.begin()
        if self.onlooker is not None:
            self.onlooker.begin()

    def _share(self) -> None:
        calls, model = self._calls, self._models[-1]
        try:
            if self._layer_shares is None:
                self._layer_shares = ExampleShares(
                    model, self._parameters, self._examples_guard, lambda: calls.batch
                )
            self._layer_shares.open()
            self._shares = self._layer_shares
        except RunError as error:
            self._formula = failure(error)

    def disarm(self) -> None:
        """Detach everything."""
        self._backward.detach()
        self._calls.detach()
        if self._shards is not None:
            self._shards.close()
        self._shards = None
        if self._shares is not None:
            self._shares.close()
        self._shares, self.armed = None, False

    def batch(self, size: int | None, share: float | None) -> None:
        """A batch of so many examples begins, as a trainer tells; the model's calls tell nothing then."""
        self._calls.tell(size, share)

    def _opened(self, dropped: bool) -> None:
        if dropped:
            # Gradients were dropped without a step, as a scaler does: what comes is another step's.
            self._begin()
            if self._shares is not None:
                self._shares.forget(torch._C._current_graph_task_id())
        own = {id(p) for p in self._parameters}
        self._calls.opened(lambda x: id(x) in own)

    def _ended(self, task: int, gradients: Mapping[int, Tensor]) -> None:
        if self.onlooker is None:
            self.made.meet(gradients)
        shares = self._shares
        if shares is not None and len(self._calls.seen) == 1:
            left = {id(self._parameters[k]): g for k, g in gradients.items()}
            self._examples_guard(lambda: shares.met(task, left))

    def finish(self, *, gains: Sequence[float] | None, hold: bool) -> StepRead | str:
        """What was read of the step that the optimizer is about to make, or why nothing was.

        Args:
            gains: A of each parameter, by which its gradient moves it in the step; None: not known.
            hold: whether the step is held on to, where it is right to.
        """
        # The step before is let go of before halves of the batch take its place.
        after = self.made.after(1.0 / loss_scale())
        gathered = self.gathered()
        if isinstance(gathered, str):
            return gathered
        gradients = [p.grad for p in self._parameters]
        given = [g for g in gradients if g is not None]
        left = float(squares(given).sum()) if given else 0.0
        summed, inverse2 = float(gathered.sums.sum()), gathered.scale**-2
        whole = summed * inverse2
        untouched = abs(left - whole) <= _AGREED * whole or abs(left - summed) <= _AGREED * summed
        if not (math.isfinite(whole) and math.isfinite(left)):
            return "the gradient is not finite"
        if not untouched and left > whole:
            return "gradients were changed between the backward pass and the step"
        # The factor between what the optimizer is given and the gradient: that of a scaler, or 1.
        factor = 1.0 if abs(left - whole) <= _AGREED * whole else 1.0 / gathered.scale
        drag, shared = math.nan, gathered.squares
        if gains is not None and shared is not None and untouched:
            rest = shared - gathered.overlap * gathered.sums
            # Of parts that are all the same what is left is rounding.
            noise = np.where(np.abs(rest) <= _ROUNDING * shared, 0.0, rest) / (1.0 - gathered.overlap)
            drag = inverse2 * float(np.asarray(gains) @ noise)
        if hold and math.isfinite(drag):
            self.made.open(gradients, drag, factor)
        return StepRead(
            whole, math.nan if shared is None else inverse2 * float(shared.sum()), gathered.overlap,
            gathered.passes, gathered.batch, after, drag, not untouched, (*gathered.flags, *self._flags),
            {} if shared is None else self.by_layer(inverse2 * gathered.sums, inverse2 * shared),
            gathered.source,
        )  # fmt: skip

    def by_layer(
        self, sums: NDArray[np.float64], shared: NDArray[np.float64]
    ) -> dict[str, tuple[float, float]]:
        """Two numbers of each parameter (P,), added up over each layer."""
        found = dict.fromkeys(self.layers, (0.0, 0.0))
        for name, whole, part in zip(self.layers, sums, shared, strict=True):
            found[name] = found[name][0] + float(whole), found[name][1] + float(part)
        return found

    def contributed(self) -> Contributed | str:
        """The parts of this rank's own gradient, or why they are not known."""
        found = self.gathered()
        if isinstance(found, str):
            return found
        inverse2 = found.scale**-2
        own = inverse2 * (found.sums if found.squares is None else found.squares)
        groups = {name: part for name, (part, _) in self.by_layer(own, own).items()}
        return Contributed(
            float(own.sum()), found.overlap, found.passes, found.batch, found.flags, found.scale, groups,
            found.weight,
        )  # fmt: skip

    def gathered(self) -> Gathered | str:
        """What the passes of this step came to on this process, or why that is not known."""
        passes, batches = self._backward.passes, self._calls.seen
        if not passes:
            return "no gradient was computed for this step"
        if self._backward.unfinished:
            return "a backward pass did not end"
        if batches and passes > len(batches):
            count = len(batches)
            return f"{passes} backward passes over {count} batches: parts of one batch are not independent"
        added = self._backward.added()
        if self._backward.mixed or added.dropped:
            return "gradients were dropped in the middle of a step"
        if added.left:
            return "gradients of an earlier step were left in place"
        own = added.sums if self.onlooker is None else added.parts[0]
        if not np.isfinite(added.parts).all():
            return "the gradient is not finite"
        scale = loss_scale()
        known = weights(batches, passes, scaled=scale != 1.0)
        if passes > 1 and (why := unlike(batches)):
            return why
        if passes > 1:
            overlap = sum(w * w for w in known.each)
            return Gathered(
                own, added.parts.sum(axis=0), overlap, passes, known.batch, known.flags,
                "micro-batches", scale, known.whole,
            )  # fmt: skip
        found: list[tuple[NDArray[np.float64], float, tuple[str, ...], str]] = []
        if self._apart and known.batch and known.batch > 1:
            self._examples_guard(lambda: found.append(self._of_examples(own)))
        shared, overlap, flags, source = found[0] if found else (None, 1.0, (), "")
        return Gathered(own, shared, overlap, passes, known.batch, flags, source, scale, known.whole)

    def _of_examples(
        self, sums: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float, tuple[str, ...], str]:
        """Σ|c_j|² (P,), Σ w_j², flags and source, of the examples of the one batch, or of its halves."""
        batch = self._calls.seen[0]
        each, known = example_weights(batch)
        loss = batch.loss
        even = known or not (self._sequences or (loss is not None and loss.apart and not loss.even))
        flags = () if even else ("weights_assumed",)
        if loss is None or not loss.apart:
            flags = (*flags, "losses_assumed")
        if self._shares is not None:
            try:
                alone = self._shares.result()
                self._formula = True
                found = np.array([alone[id(p)] for p in self._parameters])
                return found, float(each @ each), flags, "examples"
            except Exception as error:
                self._formula = failure(error)
                if not self._halved:
                    raise
        found = halves(self._models[-1], self._parameters, batch, sums).sum(axis=0)
        middle = len(each) // 2
        pair = float(each[:middle].sum()), float(each[middle:].sum())
        return found, pair[0] ** 2 + pair[1] ** 2, flags, "halves"

    @property
    def _sequences(self) -> bool:
        """Whether examples have positions, over which they may weigh unequally."""
        return any(isinstance(part, nn.Embedding) for part in self._models[-1].modules())


def compiled(models: Sequence[nn.Module]) -> str | bool:
    """Why hooks on the layers of a model are not called, False where they are."""
    for model in models:
        for part in model.modules():
            if "_orig_mod" in part._modules or getattr(part, "_compiled_call_impl", None) is not None:
                return f"the layers of a compiled {type(part).__name__} call no hooks"
    return False


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
