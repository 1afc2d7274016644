"""What a few examples tell of a network and its loss before the first reading: how they must be called, what
the loss of a batch is of those of its examples, whether examples meet in the network and modes differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import first_line
from sdesim.networks.fully_connected import as_dense
from sdesim.networks.outer_products import fits
from sdesim.surfaces.torch.functions import flat
from sdesim.training.data.batches import leaves, length, rows_of
from sdesim.training.probes.network_call import NetworkCall
from sdesim.training.probes.reduction import SUM, SUMMED, reduction_of, split_reduction

Array = NDArray[np.float64]
# So many examples are tried in calls, and so many outputs in losses; rare labels must be among them.
_CALLED, _LOOKED = 32, 1024
# Beyond so many trained parameters a network is tried where it stands.
LARGE = 1_000_000
# θ is moved by so much before ways are compared: what does not follow it then differs.
_MOVED = 1e-2


@dataclass(frozen=True)
class Trial:
    """What was found.

    Attributes:
        reduction: a word of `REDUCTIONS`: what the loss of a batch is of the losses of its examples.
        modes: kinds of layers that compute something else in training than in evaluation.
        coupled: whether the examples of a batch meet in the network as it trains.
        in_place: whether only calls in place give training's loss and gradient.
        hooks: whether hooks of modules have an effect, so that they run in readings.
        gradient_hooks: whether hooks of parameters change gradients.
        whole: whether the network takes other batches than training's.
        failure: why it could not be called at all; empty where it could.
        flags: what a reading leaves out: `gradient_hook_not_run` (hooks that run after a gradient is
            accumulated), `half_precision` (read in half precision, in place).
    """

    reduction: str
    modes: tuple[str, ...]
    coupled: bool = False
    in_place: bool = False
    hooks: bool = False
    gradient_hooks: bool = False
    whole: bool = True
    failure: str = ""
    flags: tuple[str, ...] = ()

    @property
    def in_batches(self) -> bool:
        """Whether the training objective is a mean over batches of training's size, not over examples."""
        return self.coupled or not self.whole or self.reduction not in ("mean", "sum")

    def attributes(self) -> dict[str, Any]:
        """Attributes of the run schema."""
        found: dict[str, Any] = {"loss_reduction": self.reduction, "modes": list(self.modes)}
        flags = [*self.flags]
        for name in ("coupled", "in_place", "gradient_hooks"):
            if getattr(self, name):
                found[name] = True
        if not self.whole:
            found["fixed_batch"] = True
        return found | ({"reading_flags": flags} if flags else {})


def tried(
    module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int | None = None,
    modes: Sequence[bool] | None = None, *, training: Sequence[bool] | None = None,
) -> Trial:  # fmt: skip
    """Try a network and its loss on some examples; both, and every generator, are afterwards as they were.

    Args:
        module: the network. loss_fn: ``loss_fn(output, y)`` → scalar. x, y: examples (n, …).
        batch_size: of the training, which a network may insist on; None: n.
        modes: of every part of the module in readings; None: as they are.
        training: the same in training; None: those of readings.
    """
    modes = [part.training for part in module.modules()] if modes is None else list(modes)
    training = modes if training is None else list(training)
    dense = as_dense(module, loss_fn)
    if dense is not None and fits(dense, x, y):
        return Trial("mean", ())
    if sum(p.numel() for p in module.parameters() if p.requires_grad) > LARGE:
        return _tried_where_it_stands(module, loss_fn, x, y, batch_size, modes, training)
    n = length(x)
    order = np.random.default_rng(0).permutation(n)
    # What is frozen is carried by no vector.
    moves = [p.requires_grad for p in module.parameters()]
    only = moves if any(moves) else None
    batch, theta = None, NetworkCall(module, loss_fn, modes, in_place=True, only=only)
    moved = moved_aside(theta.parameters)
    reference, failure, whole = None, "", True
    for size in dict.fromkeys((min(n, _CALLED), min(n, batch_size or n))):
        batch = _examples(x, y, order[:size])
        try:
            reference = _reading(theta, moved, *batch)
            break
        except Exception as error:
            failure, whole = first_line(error), False
    named = _named(module, training)
    if reference is None or batch is None:
        return Trial("unknown", named, whole=False, in_place=True, failure=failure)
    hooks = _hooked(module) and not _same(
        reference,
        lambda: NetworkCall(module, loss_fn, modes, in_place=True, hooks=False, only=only),
        moved,
        *batch,
    )
    in_place = not _same(
        reference, lambda: NetworkCall(module, loss_fn, modes, hooks=hooks, only=only), moved, *batch
    )
    own = NetworkCall(module, loss_fn, modes, in_place=in_place, hooks=hooks)
    bent = any(p._backward_hooks for p in module.parameters()) and not _close(
        reference, _reading(theta, moved, *batch, gradient_hooks=False), theta
    )
    parted = _examples(x, y, order[:_LOOKED] if whole else order[: length(batch[0])])
    reduction, coupled = _structure(own, *parted, _named(module, modes))
    learner = NetworkCall(module, loss_fn, training, in_place=in_place, hooks=hooks)
    return Trial(
        reduction, named or _unlike(learner, training, batch[0]), coupled, in_place, hooks, bent, whole,
        flags=tuple(_flags(module, own)),
    )  # fmt: skip


def _tried_where_it_stands(
    module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int | None,
    modes: Sequence[bool], training: Sequence[bool],
) -> Trial:  # fmt: skip
    """The same of a large network by forward passes alone, so that no vector of its size is made.

    Calls are in place, and whatever hooks there are run: what training calls, needs no comparison.
    """
    n, hooks = length(x), _hooked(module)
    own = NetworkCall(module, loss_fn, modes, in_place=True, hooks=hooks)
    order, failure, whole, batch = np.random.default_rng(0).permutation(n), "", True, None
    for size in dict.fromkeys((min(n, _CALLED), min(n, batch_size or n))):
        batch = _examples(x, y, order[:size])
        try:
            with own.open(), torch.no_grad():
                _value(own, *batch)
            break
        except Exception as error:
            failure, whole, batch = first_line(error), False, None
    named = _named(module, training)
    if batch is None:
        return Trial("unknown", named, whole=False, in_place=True, hooks=hooks, failure=failure)
    reduction, coupled = _structure(own, *batch, _named(module, modes))
    learner = NetworkCall(module, loss_fn, training, in_place=True, hooks=hooks)
    return Trial(
        reduction, named or _unlike(learner, training, batch[0]), coupled, True, hooks,
        any(bool(p._backward_hooks) for p in module.parameters()), whole,
        flags=tuple(_flags(module, own)),
    )  # fmt: skip


def _flags(module: nn.Module, own: NetworkCall) -> Iterator[str]:
    if any(getattr(p, "_post_accumulate_grad_hooks", None) for p in module.parameters()):
        yield "gradient_hook_not_run"
    if own.half and own.in_place:
        yield "half_precision"


def alike(one: NetworkCall, other: NetworkCall, theta: Array, sizes: Iterable[int], x: Any, y: Any) -> bool:
    """Whether two ways give the same loss and gradient at theta (d,), on as many examples as the first takes.

    Where it takes none of these sizes, nothing is known against it.
    """
    for size in sizes:
        few = examples_of(x, y, size)
        try:
            reference = _reading(one, theta, *few)
        except Exception:
            continue
        return _same(reference, lambda: other, theta, *few)
    return True


def examples_of(x: Any, y: Any, size: int) -> tuple[Any, Any]:
    """So many of the examples, from all over."""
    return _examples(x, y, np.random.default_rng(0).permutation(length(x))[:size])


def _examples(x: Any, y: Any, rows: NDArray[np.int64]) -> tuple[Any, Any]:
    chosen = torch.from_numpy(np.sort(rows))
    return rows_of(x, chosen), rows_of(y, chosen)


def moved_aside(parameters: Iterable[Tensor]) -> Array:
    """θ (d,) a little aside of where it is."""
    theta = flat(parameters)
    return np.asarray(
        theta + _MOVED * np.random.default_rng(1).standard_normal(len(theta)) * (0.1 + np.abs(theta))
    )


def _reading(
    called: NetworkCall, theta: Array, x: Any, y: Any, *, gradient_hooks: bool = True
) -> tuple[float, Array]:
    """Loss and gradient (d,) of one batch, under fixed random numbers."""
    with called.open(gradient_hooks=gradient_hooks):
        torch.manual_seed(0)
        return called.gradient(called.point(theta), called.inputs(x), called.inputs(y))


def _same(
    reference: tuple[float, Array], make: Callable[[], NetworkCall], theta: Array, x: Any, y: Any
) -> bool:
    """Whether another way gives the same loss and gradient; one that fails does not."""
    try:
        called = make()
        return _close(reference, _reading(called, theta, x, y), called)
    except Exception:
        return False


def _close(one: tuple[float, Array], other: tuple[float, Array], called: NetworkCall) -> bool:
    kind = min((p.dtype for p in called.module.parameters()), key=lambda k: -torch.finfo(k).eps)
    least = max(torch.finfo(kind).eps ** 0.5, 1e-6)
    (a, g), (b, h) = one, other
    apart = float(np.linalg.norm(g - h))
    scale = float(np.linalg.norm(g)) + float(np.linalg.norm(h))
    if not np.isfinite([a, b, scale]).all():
        return bool(np.array_equal([a, *g], [b, *h], equal_nan=True))
    return bool(abs(a - b) <= least * (abs(a) + abs(b)) and apart <= least * scale)


def _hooked(module: nn.Module) -> bool:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(part, name, None) for part in module.modules() for name in names)


def _structure(own: NetworkCall, x: Any, y: Any, named: Sequence[str]) -> tuple[str, bool]:
    """What the loss of a batch is of those of its examples, and whether these meet in the network."""
    whole = hasattr(own.loss_fn, "of_batch")
    x, y = own.inputs(x), own.inputs(y)
    met = any("BatchNorm" in name for name in named)
    split = "unknown"
    with own.open(), torch.no_grad(), _evaluation(own.module):
        try:
            split = split_reduction(lambda a, b: float(_value(own, a, b)), x, y)
        except Exception:
            split = "unknown"
        finally:
            own.reset()
    if whole:
        return split, met
    with own.open(), torch.no_grad():
        try:
            torch.manual_seed(0)
            output = own.output(x)
            own.reset()
            if any(part.ndim == 0 or len(part) != length(x) for part in leaves(output)):
                return split, met
            met = met or _meet(own, x, output)
            found = reduction_of(lambda o, b: own.loss_fn(o, b), output, y)
            if found == SUM and hasattr(own.loss_fn, "of_weights"):
                # The outputs alone don't show the penalty, which does not grow with the batch.
                found = SUMMED
        except Exception:
            return split, met
        finally:
            own.reset()
    # Alike in the loss, but not when examples go through the network apart.
    return found, met or (found in ("mean", "sum") and split in ("weighted", "other"))


def _value(own: NetworkCall, x: Any, y: Any) -> Tensor:
    torch.manual_seed(0)
    return own.placed(own.inputs(x), own.inputs(y))


def _meet(own: NetworkCall, x: Any, output: Any) -> bool:
    """Whether the outputs of other examples change with the first one."""
    n = length(x)
    if n < 2:
        return False
    rows = torch.arange(n)
    rows[0] = 1
    torch.manual_seed(0)
    other = own.output(rows_of(x, rows.to(own.device)))
    own.reset()
    return not all(
        torch.allclose(a[1:].double(), b[1:].double(), rtol=1e-4, atol=1e-6, equal_nan=True)
        for a, b in zip(leaves(output), leaves(other), strict=True)
    )


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    modes = [(part, part.training) for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _named(module: nn.Module, modes: Sequence[bool]) -> tuple[str, ...]:
    """Kinds of torch's own layers that are known to compute something else in training."""
    parts = zip(module.modules(), modes, strict=True)
    return tuple(sorted({type(part).__name__ for part, mode in parts if mode and _differs(part)}))


def _unlike(own: NetworkCall, modes: Sequence[bool], x: Any) -> tuple[str, ...]:
    """ "unknown" where outputs differ between the modes without any known layer."""
    if not any(modes):
        return ()
    x = own.inputs(x)
    try:
        with own.open(), torch.no_grad():
            torch.manual_seed(0)
            training = own.output(x)
            own.reset()
            torch.manual_seed(0)
            with _evaluation(own.module):
                evaluation = own.output(x)
        pairs = list(zip(leaves(training), leaves(evaluation), strict=True))
        alike = all(
            a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)
            for a, b in pairs
        )
    except Exception:
        return ()
    return () if alike else ("unknown",)


def _differs(part: nn.Module) -> bool:
    """Whether a layer of torch's own is known to compute something else in training."""
    if isinstance(part, nn.modules.batchnorm._NormBase):
        coupled = isinstance(part, nn.modules.batchnorm._BatchNorm)
        return coupled or part.track_running_stats
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    return isinstance(part, nn.RNNBase | nn.MultiheadAttention) and part.dropout > 0
