"""Whether a loss is a mean over examples, from the graph that its backward pass goes along.

Shares of single examples mean something only where a loss is Σ_i w_i l_i, l_i of example i alone. Between the
outputs of a network and the loss all operations are known by name, with their shapes and axes: operations
that keep examples apart, one sum or mean over them, and what is linear in that. Where another one is met, as
a product of outputs with one another, the largest of a batch, or the root of a mean, nothing is known.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch

# Nodes that are looked at, at most: a loss that a loop made of single examples has many.
_MOST = 512
_EACH = frozenset((
    "Abs", "Acos", "Asin", "Atan", "Celu", "Ceil", "Clamp", "ClampMax", "ClampMin", "Cos", "Cosh",
    "Elu", "Erf", "Erfc", "Exp", "Expm1", "Floor", "Frac", "Gelu", "Hardsigmoid", "Hardswish",
    "Hardtanh", "LeakyRelu", "Lgamma", "Log", "Log10", "Log1P", "Log2", "LogSigmoid", "MaskedFill",
    "Mish", "NanToNum", "Pow", "Reciprocal", "Relu", "Round", "Rsqrt", "Sgn", "Sigmoid", "Sign", "Silu",
    "Sin", "Sinh", "Softplus", "Softshrink", "Sqrt", "Tan", "Tanh", "Threshold", "Xlogy", "Hypot",
    "Maximum", "Minimum", "Where", "Lerp", "Addcmul", "Addcdiv", "Atan2", "NativeDropout", "Fmod",
    "Remainder",
))  # fmt: skip
_LINEAR = frozenset((
    "Alias", "Clone", "Contiguous", "Detach", "Div", "Mul", "Neg", "ToCopy", "Real", "Lift",
))  # fmt: skip
_SUMS = frozenset((
    "Add", "Sub", "Rsub",
))  # fmt: skip
_LOSSES = frozenset((
    "BinaryCrossEntropy", "BinaryCrossEntropyWithLogits", "HuberLoss", "KlDiv", "L1Loss", "MseLoss",
    "MultiMarginLoss", "MultilabelMarginLoss", "NllLoss", "NllLoss2D", "SmoothL1Loss", "SoftMarginLoss",
))  # fmt: skip
_SHAPED = frozenset((
    "View", "Reshape", "UnsafeView", "ReshapeAlias",
))  # fmt: skip
_ALONG = frozenset((
    "LogSoftmax", "Softmax", "Logsumexp", "LinalgVectorNorm", "Norm", "Max", "Min", "Amax", "Amin",
    "Prod", "Std", "Var", "Gather", "Topk", "Sort", "Cumsum", "Cumprod", "Split", "SplitWithSizes",
    "Unbind", "Glu", "Slice", "Select", "Squeeze", "Unsqueeze", "Kthvalue", "Median", "Flip",
))  # fmt: skip
# Layers of a network: beyond them is what the network does with its examples.
_LAYERS = frozenset((
    "Addmm", "Addmv", "Mm", "Mv", "Bmm", "Baddbmm", "Linear", "Convolution", "NativeLayerNorm",
    "NativeGroupNorm", "FusedRmsNorm", "Embedding", "MkldnnConvolution", "MkldnnLinear",
    "CudnnConvolution",
))  # fmt: skip
_UNKNOWN, _WHOLE = -2, -1


@dataclass
class LossSeen:
    """What the graph of a loss says.

    Attributes:
        apart: whether it is a sum over the examples of one loss each, or a mean. even: whether each weighs
            the same in it, whatever its labels are, but for those that are left out.
        form: names of what it is made of; losses of one kind have the same. mean: whether it is a mean over
            the batch, divided by what a step has once, as the number of its parts, and multiplied by nothing
            but at last, as by a scaler: then it is ``multiplied``.
    """

    apart: bool
    even: bool
    form: tuple[str, ...]
    mean: bool = False
    multiplied: bool = False


def loss_seen(size: int | None, axis: int, outputs: tuple[Any, ...], own: Callable[[Any], bool]) -> LossSeen:
    """Of the backward pass that is at work.

    Args:
        size, axis: of the batch. outputs: nodes of the network's outputs. own: whether a tensor is a trained
            parameter.
    """
    roots = _roots()
    if roots is None or len(roots) != 1 or roots[0].grad_fn is None or roots[0].numel() != 1 or not size:
        return LossSeen(apart=False, even=False, form=())
    walk = _Walk(size, axis, outputs, own)
    apart = walk.of(roots[0].grad_fn, 0) == _WHOLE
    root = roots[0].grad_fn
    multiplied = _name(root) == "Mul"
    inner = next((child for child, _ in root.next_functions if child is not None), None)
    mean = apart and walk.even and _is_mean(inner if multiplied else root)
    return LossSeen(apart, walk.even, tuple(walk.names), mean, multiplied)


def _roots() -> tuple[torch.Tensor, ...] | None:
    """What the backward pass at work began at. Its thread may be another than this one."""
    here: FrameType | None = sys._getframe(1)
    for frame in (here, *sys._current_frames().values()):
        while frame is not None:
            if frame.f_code is torch.autograd.backward.__code__:
                given = frame.f_locals.get("tensors")
                return (given,) if isinstance(given, torch.Tensor) else tuple(given or ())
            frame = frame.f_back
    return None


class _Walk:
    """From a loss down to the outputs of a network; says of each node along which axis its examples lie, or
    that it is of all of them."""

    def __init__(self, size: int, axis: int, outputs: tuple[Any, ...], own: Callable[[Any], bool]) -> None:
        self._size, self._axis, self._outputs, self._own = size, axis, outputs, own
        self._known: dict[Any, int] = {}
        self.names: list[str] = []
        self.even = True
        # What had labels already.
        self._labelled: set[Any] = set()

    def of(self, node: Any, place: int) -> int:
        key = node, place
        if key not in self._known:
            self._known[key] = _UNKNOWN
            self._known[key] = self._found(node, place)
        return self._known[key]

    def _found(self, node: Any, place: int) -> int:
        name = _name(node)
        shape = _shape(node, place)
        if node in self._outputs or (name in _LAYERS and self._layer(node)):
            return self._start(shape)
        self.names.append(name)
        if len(self._known) > _MOST:
            return _UNKNOWN
        below = [(child, k) for child, k in node.next_functions if child is not None]
        states = [self.of(child, k) for child, k in below]
        shapes = [_shape(child, k) for child, k in below]
        if not states or _UNKNOWN in states or shape is None or None in shapes:
            return _UNKNOWN
        if name in _LOSSES and getattr(node, "_saved_reduction", None) == 1 and _weighted(node):
            self.even = False
        if name.startswith("Nll") and self._mixed(below[0][0]):
            return _UNKNOWN
        one = len(states) == 1
        if all(state == _WHOLE for state in states):
            if name == "Div" and one and _masked_sum(below[0][0]):
                # Over a number that may be another one each time, as that of what a mask left.
                self.even = False
            return _WHOLE if name in _SUMS or (one and _keeps_linear(name)) else _UNKNOWN
        if _WHOLE in states or len(set(states)) > 1:
            return _UNKNOWN
        return self._rows(node, name, states[0], shape, shapes)

    def _mixed(self, logs: Any) -> bool:
        """Whether these outputs have labels of another kind too: those of other examples that were mixed with
        them, by a share that all have in common."""
        of = tuple((child, k) for child, k in logs.next_functions)
        again = of in self._labelled
        self._labelled.add(of)
        return again

    def _layer(self, node: Any) -> bool:
        """Whether it has a trained parameter of its own beside what it is given."""
        children = [child for child, _ in node.next_functions if child is not None]
        ends = [grand for child in children for grand in (child, *(c for c, _ in child.next_functions))]
        return any(hasattr(end, "variable") and self._own(end.variable) for end in ends if end is not None)

    def _start(self, shape: Any) -> int:
        if shape is None:
            return _UNKNOWN
        if len(shape) > self._axis and shape[self._axis] == self._size:
            return self._axis
        return 0 if shape and shape[0] % self._size == 0 else _UNKNOWN

    def _rows(self, node: Any, name: str, axis: int, shape: Any, shapes: list[Any]) -> int:
        """Of what has its examples along an axis."""
        given = shapes[0]
        kept = all(len(x) == len(shape) and x[axis] == shape[axis] for x in shapes)
        if name in _LOSSES:
            if len({tuple(x) for x in shapes}) > 1:
                return _UNKNOWN
            if getattr(node, "_saved_reduction", 1):
                return _WHOLE
            return 0 if name.startswith("Nll") or kept else _UNKNOWN
        if name in _EACH or name in _LINEAR or name in _SUMS:
            return axis if kept else _UNKNOWN
        if name in ("Sum", "Mean"):
            return self._summed(node, axis, len(given))
        if name in _SHAPED:
            if axis < len(shape) and tuple(shape[: axis + 1]) == tuple(given[: axis + 1]):
                return axis
            if not shape or shape[0] % self._size or (shape[0] < given[axis] and shape[0] != self._size):
                return _UNKNOWN
            return 0
        if name in ("Transpose", "T", "Permute"):
            return self._turned(node, name, axis, len(given))
        if name in ("Stack", "Cat"):
            dim = _dim(node, len(given) + (name == "Stack"))
            if dim is None or (name == "Cat" and dim == axis):
                return _UNKNOWN
            return axis + (name == "Stack" and dim <= axis)
        if name in _ALONG:
            return self._along(node, name, axis, shape, given)
        return _UNKNOWN

    def _summed(self, node: Any, axis: int, dims: int) -> int:
        over = getattr(node, "_saved_dim", None)
        if over is None or len(over) == 0:
            return _WHOLE
        places = [_signed(d, dims) for d in over]
        if axis in places:
            return _WHOLE
        return axis if node._saved_keepdim else axis - sum(d < axis for d in places)

    def _turned(self, node: Any, name: str, axis: int, dims: int) -> int:
        if name == "T":
            return dims - 1 - axis
        if name == "Permute":
            order = [_signed(d, dims) for d in node._saved_dims]
            return order.index(axis)
        pair = [_signed(d, dims) for d in (node._saved_dim0, node._saved_dim1)]
        return pair[1 - pair.index(axis)] if axis in pair else axis

    def _along(self, node: Any, name: str, axis: int, shape: Any, given: Any) -> int:
        """Of what mixes, takes or leaves out along some axes."""
        if len(shape) == len(given) and name == "Slice" and tuple(shape) == tuple(given):
            return axis
        saved = getattr(node, "_saved_dim", None)
        if saved is None:
            return _UNKNOWN
        dims = len(given) + (name == "Unsqueeze")
        places = [_signed(d, dims) for d in (saved if isinstance(saved, tuple | list) else (saved,))]
        if not places:
            return _UNKNOWN
        if name == "Unsqueeze":
            return axis + (places[0] <= axis)
        if axis in places:
            return _UNKNOWN
        gone = len(given) - len(shape)
        return axis - (sum(d < axis for d in places) if gone else 0)


def _is_mean(node: Any) -> bool:
    while node is not None and _name(node) in ("Div", "ToCopy", "Clone", "Alias"):
        node = next((child for child, _ in node.next_functions if child is not None), None)
    if node is None:
        return False
    return _name(node) == "Mean" or (_name(node) in _LOSSES and getattr(node, "_saved_reduction", 0) == 1)


def _name(node: Any) -> str:
    return str(node.name().partition("Backward")[0])


def _keeps_linear(name: str) -> bool:
    return (
        name in _LINEAR
        or name in _SHAPED
        or name in ("Sum", "Mean", "Squeeze", "Unsqueeze", "Select", "Stack")
    )


def _signed(d: int, dims: int) -> int:
    """An axis as it is saved: negative ones as 64 bits without a sign."""
    d = d - 2**64 if d >= 2**63 else d
    return d + dims if d < 0 else d


def _dim(node: Any, dims: int) -> int | None:
    saved = getattr(node, "_saved_dim", None)
    return None if saved is None else _signed(saved, dims)


def _shape(node: Any, place: int) -> Any:
    """Of what the operation of a node gave."""
    about = getattr(node, "_input_metadata", None)
    return tuple(about[place].shape) if about and place < len(about) else None


def _masked_sum(node: Any) -> bool:
    """Whether it is a sum of products with numbers of the examples."""
    first = next((child for child, _ in node.next_functions), None)
    product = first is not None and first.name().startswith("Mul")
    return bool(product) and node.name().startswith("Sum")


def _weighted(node: Any) -> bool:
    """Whether a mean over examples was divided by the sum of weights of theirs."""
    if not node.name().startswith("Nll"):
        return False
    try:
        return node._saved_weight is not None
    except RuntimeError:
        # It was let go of by the backward pass: there was one.
        return True
