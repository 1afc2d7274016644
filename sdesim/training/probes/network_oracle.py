"""A torch network with its minibatch sampler as a `GradientOracle`."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import functional_call, grad, vmap

from sdesim.errors import RunError, first_line
from sdesim.networks.fully_connected import as_dense, one_hot, one_hot_mse, parameter_groups
from sdesim.networks.outer_products import fits, outer_gradients
from sdesim.surfaces.torch.functions import twice_differentiable
from sdesim.training.data.batches import Stepped, arguments, length, rows_of
from sdesim.training.data.weighting import draw_rows, mean_loss, probabilities

Array = NDArray[np.float64]
# How minibatch gradients are made: exactly per layer, many minibatches at once, or one at a time.
PATHS = ("outer products", "vmap", "minibatches")
_OUTER, _VMAP, _SINGLE = PATHS
# Most numbers that many minibatches at once hold for activations and gradients: 64 MB.
_ROOM = 8_000_000


class TorchOracle:
    """Loss, minibatch gradients and Hessian-vector products of a torch network at any θ.

    A stochastic gradient is that of the mean loss of ``batch_size`` examples drawn with replacement, all
    alike or with probabilities q; loss and Hessian are then those of Σ_i q_i ℓ_i. For
    Linear/activation networks under torch's mean cross-entropy or squared error, gradients are exact
    per-layer outer products δᵀa / B; any other network goes through `torch.func`, as many minibatches at once
    as 64 MB hold, and one whose layers don't allow that (batch normalisation in training, branches on values)
    through autograd, one minibatch at a time. ``path`` is the way taken, a word of `PATHS`.

    θ is float64 (d,) in `named_parameters` order; the work is done in the module's own dtype. Loss and
    Hessian-vector products use evaluation mode, minibatch gradients the module's own mode.

    Args:
        module: the network; a copy is kept, its weights don't matter.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        x: inputs (N, …), a tensor, or a tuple or dict of them (`batches`).
        y: labels or targets (N, …).
        batch_size: B.
        weights: probabilities q (N,); None: 1/N each. The loss must then be a mean over the examples.

    Raises:
        RunError: if batch_size is below 1, x and y differ in length, or weights are no probabilities.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int,
        weights: Tensor | None = None,
    ) -> None:  # fmt: skip
        if batch_size < 1:
            raise RunError(f"batch_size must be at least 1, got {batch_size}")
        n, m = length(x), length(y)
        if n != m or not n:
            raise RunError(f"x and y must be equally long and not empty, got {n} and {m} examples")
        self.module = copy.deepcopy(module)
        for part in self.module.modules():
            if isinstance(part, nn.Embedding | nn.EmbeddingBag):
                # Sparse gradients have no second derivative and no common vector.
                part.sparse = False
        self.loss_fn = loss_fn
        self.x, self.y = x, y
        self.weights = None if weights is None else probabilities(weights, y)
        self.batch_size = int(batch_size)
        self.groups = parameter_groups(module)
        named = dict(module.named_parameters())
        self.dim = sum(p.numel() for p in named.values())
        self._shapes = {name: (p.shape, p.dtype) for name, p in named.items()}
        self._dtype = next(iter(named.values())).dtype
        self._modes = [part.training for part in module.modules()]
        dense = as_dense(module, loss_fn)
        self._classes = dense.widths[-1] if dense and loss_fn is one_hot_mse else 0
        self._dense = dense if dense is not None and fits(dense, x, self._targets(y)) else None
        self.path = _VMAP if self._dense is None else _OUTER
        self._chunk: int | None = None
        # Lanczos asks for many products at one θ: the graph of its gradient is kept for the next call.
        self._graph: tuple[bytes, Tensor, Tensor] | None = None

    def loss(self, theta: Array) -> float:
        """Mean loss over all N examples at theta (d,)."""
        with torch.no_grad():
            return float(self._mean_loss(self._tensor(theta)))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        rows = draw_rows(length(self.x), self.weights, (n, self.batch_size), rng)
        return self.gradients_of(theta, torch.from_numpy(rows), rng)

    def gradients_of(self, theta: Array, rows: Tensor, rng: np.random.Generator) -> Array:
        """Gradients at theta (d,) of the minibatches ``rows`` (n, B): (n, d); rng seeds random layers."""
        return self.gradients_at(theta, self.x, self.y, rows, rng)

    def gradients_at(self, theta: Array, x: Any, y: Any, rows: Tensor, rng: np.random.Generator) -> Array:
        """The same of minibatches out of other examples x (m, …), y (m, …)."""
        flat, dense = self._tensor(theta), self._dense
        if dense is not None and (x is self.x or fits(dense, x, self._targets(y))):
            return outer_gradients(dense, flat, x, self._targets(y), rows)
        seed = int(rng.integers(0, 2**63))
        if self.path == _VMAP:
            try:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    return self._together(flat, x, y, rows)
            except (RuntimeError, ValueError, TypeError, NotImplementedError):
                self.path = _SINGLE
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._one_by_one(flat, x, y, rows)

    def _targets(self, y: Any) -> Any:
        """What the outer-product path takes for y."""
        return one_hot(y, self._classes, self._dtype) if self._classes else y

    def _together(self, flat: Tensor, x: Any, y: Any, rows: Tensor) -> Array:
        """Gradients (n, d) of many minibatches at once, in chunks of bounded memory."""
        if self._chunk is None:
            self._chunk = max(
                1, _ROOM // (self.dim + self._held(flat, rows_of(x, rows[0]), rows_of(y, rows[0])))
            )
        with warnings.catch_warnings():
            # Layers without a rule of their own are looped over, which torch calls a drop in performance.
            warnings.simplefilter("ignore")
            gradient = vmap(
                grad(lambda point, a, b: self._loss(point, a, b, training=True)),
                in_dims=(None, 0, 0), randomness="different", chunk_size=self._chunk,
            )  # fmt: skip
            parts = [
                gradient(flat, rows_of(x, some), rows_of(y, some)).double().numpy()
                for some in torch.split(rows, self._chunk)  # type: ignore[no-untyped-call,unused-ignore]
            ]
        return np.concatenate(parts)

    def _held(self, flat: Tensor, x: Any, y: Any) -> int:
        """How many numbers the graph of one minibatch keeps."""
        sizes = []

        def keep(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.random.fork_rng(devices=[]), saved_tensors_hooks(keep, lambda tensor: tensor):
            self._loss(flat.clone().requires_grad_(True), x, y, training=True)
        return sum(sizes)

    def _one_by_one(self, flat: Tensor, x: Any, y: Any, rows: Tensor) -> Array:
        """Gradients (n, d) of one minibatch after another."""
        out = np.empty((len(rows), self.dim))
        for i, chosen in enumerate(rows):
            point = flat.clone().requires_grad_(True)
            try:
                value = self._loss(point, rows_of(x, chosen), rows_of(y, chosen), training=True)
                (found,) = torch.autograd.grad(value, point)
            except (RuntimeError, ValueError) as error:
                raise RunError(
                    f"probes: no gradient of a batch of {rows.shape[1]}: {first_line(error)}; give "
                    "Probes(batch_size=…) that the network can take"
                ) from error
            out[i] = found.double().numpy()
        return out

    def hvp(self, theta: Array, v: Array) -> Array:
        """∇²L(theta) v of the mean loss over all examples, by double backward: (d,)."""
        key = np.ascontiguousarray(theta, dtype=np.float64).tobytes()
        if self._graph is None or self._graph[0] != key:
            point = self._tensor(theta).requires_grad_(True)
            with twice_differentiable():
                value = self._mean_loss(point)
                (grad,) = torch.autograd.grad(value, point, create_graph=True)
            self._graph = (key, point, grad)
        _, point, grad = self._graph
        if not grad.requires_grad:
            # The loss is linear in θ.
            return np.zeros(self.dim)
        (product,) = torch.autograd.grad(grad, point, self._tensor(v), retain_graph=True, allow_unused=True)
        return np.zeros(self.dim) if product is None else product.double().numpy()

    def _tensor(self, theta: Array) -> Tensor:
        array = np.array(theta, dtype=np.float64)
        if array.shape != (self.dim,):
            raise RunError(f"theta must have shape ({self.dim},), got {array.shape}")
        return torch.from_numpy(array).to(self._dtype)

    def _mean_loss(self, theta: Tensor) -> Tensor:
        """The mean loss over all examples, in evaluation mode."""
        return self._loss(theta, self.x, self.y, training=False, weights=self.weights)

    def _loss(
        self, theta: Tensor, x: Any, y: Any, *, training: bool, weights: Tensor | None = None
    ) -> Tensor:
        parts, place = {}, 0
        for name, (shape, dtype) in self._shapes.items():
            size = shape.numel()
            parts[name] = theta[place : place + size].reshape(shape).to(dtype)
            place += size
        # Copies of the buffers: batch normalisation writes to them.
        buffers = {name: b.clone() for name, b in self.module.named_buffers()}
        self.module.eval()
        if training:
            for part, mode in zip(self.module.modules(), self._modes, strict=True):
                part.training = mode
        value: Tensor
        if weights is None:
            named = {f"module.{name}": part for name, part in {**parts, **buffers}.items()}
            value = functional_call(Stepped(self.module, self.loss_fn), named, (x, y))
        else:
            output = functional_call(self.module, {**parts, **buffers}, *arguments(x))
            value = mean_loss(self.loss_fn, output, y, weights)
        return value


class MaskedOracle:
    """A `GradientOracle` of the surviving coordinates alone; the others are fixed at 0.

    Args:
        oracle: of all D coordinates.
        mask: booleans (D,), d of them true.
    """

    def __init__(self, oracle: TorchOracle, mask: NDArray[np.bool_]) -> None:
        self._oracle, self._mask = oracle, mask
        self.dim = int(mask.sum())
        self.groups = masked_groups(oracle.groups, mask)

    def _embed(self, vector: Array) -> Array:
        full = np.zeros(len(self._mask))
        full[self._mask] = vector
        return full

    def loss(self, theta: Array) -> float:
        """Mean loss over all examples at theta (d,)."""
        return self._oracle.loss(self._embed(theta))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        return self._oracle.gradients(self._embed(theta), n, rng)[:, self._mask]

    def hvp(self, theta: Array, v: Array) -> Array:
        """The surviving rows and columns of ∇²L(theta), times v: (d,)."""
        return self._oracle.hvp(self._embed(theta), self._embed(v))[self._mask]


def masked_groups(groups: Mapping[str, slice], mask: NDArray[np.bool_]) -> dict[str, slice]:
    """The slices of the surviving coordinates of each group; groups without any are left out."""
    before = np.concatenate([[0], np.cumsum(mask)])
    found = {name: slice(int(before[s.start]), int(before[s.stop])) for name, s in groups.items()}
    return {name: s for name, s in found.items() if s.stop > s.start}
