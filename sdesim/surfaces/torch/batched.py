"""Losses and gradients of one network at many weight vectors side by side."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from sdesim.errors import SdesimError, failure
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.border import OF_ARGUMENTS
from sdesim.kinds.spelling import short
from sdesim.surfaces.torch.network_copy import NetworkCopy, Way, way_to_examples
from sdesim.surfaces.torch.settings import one_thread, twice_differentiable

# Numbers that a pass may keep for its backward pass: 256 MB in float64.
_ROOM = 2**25
# Trajectories of one program where programs of one are bound by what each call costs.
_WIDTH = 8
# A program of one is so bound up to here: numbers that a minibatch keeps for its backward pass.
_SMALL = 2**17
# Sums over examples agree to this share of their size, in the two precisions.
_AGREED = {torch.float64: 1e-9, torch.float32: 1e-4}


def _numbers(values: Any) -> Tensor:
    found = real_array(values)
    return torch.as_tensor(np.array(found, np.float64 if found.dtype.kind == "f" else np.int64))


class BatchedLoss:
    """L(θ_k) = loss_fn(module_{θ_k}(x), y) and its gradients at K weight vectors, rows of theta (K, d).

    θ holds the parameters in `named_parameters` order, each row-major; with a mask those of its coordinates
    that are true, the others being 0. Sums over examples go through torch in pieces that the network and the
    number of examples decide, and minibatches in programs of `width` trajectories, filled up where fewer are
    left. So the numbers of row k depend on its own values and on k modulo `width`, not on K, on `threads` or
    on what the other rows hold: ensembles cut into chunks of a multiple of `width` have the same bits.

    Args:
        module: any nn.Module of one input with parameters, in the mode that it shall have; it is copied.
        loss_fn: ``loss_fn(output, y)`` → scalar.
        x, y: examples (n, …) each.
        dtype: of all that is worked out: float64, or float32 at about half the cost and 7 digits.
        device: where; default the CPU, where sums are made by one thread each.
        mask: (D,) booleans over all parameters. threads: that share the rows on a CPU.

    Attributes:
        dim: d. examples: n. is_mean: whether L is the mean of the losses of the examples alone; without it
            `weighted` and `example_gradients` are refused. width: trajectories of one program.

    Raises:
        SdesimError: if the module has no parameters, x and y differ in length, or the loss is not a number
            that the weights alone decide.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, *,
        dtype: torch.dtype = torch.float64, device: torch.device | str | None = None, mask: Any = None,
        threads: int = 1,
    ) -> None:  # fmt: skip
        if dtype not in _AGREED:
            raise SdesimError(f"dtype must be torch.float64 or torch.float32, got {dtype}")
        self.dtype, self.device = dtype, torch.device("cpu" if device is None else device)
        self.x, self.y = self._taken(x, "x"), self._taken(y, "y")
        if self.x.ndim == 0 or self.y.ndim == 0 or len(self.x) != len(self.y) or not len(self.x):
            raise SdesimError(
                f"x and y must be equally long and not empty, got {tuple(self.x.shape)} and "
                f"{tuple(self.y.shape)}"
            )
        if not hasattr(module, "named_parameters") or isinstance(module, type):
            raise SdesimError(f"module must be a torch.nn.Module, got {short(module)}")
        if not callable(loss_fn):
            raise SdesimError(f"loss_fn must be a function of an output and y, got {short(loss_fn)}")
        self.threads = threads
        # Of which more copies are made where threads need their own: deep ones, so that nothing is shared.
        self._given = (copy.deepcopy(module), loss_fn)
        self._idle: deque[NetworkCopy] = deque()
        self._way: Way | None = None
        first = self._made()
        if not first.parameters:
            raise SdesimError("the module has no parameters to train")
        self._sizes = [p.numel() for p in first.parameters]
        self._size, self.examples = sum(self._sizes), len(self.x)
        self._kept = None if mask is None else torch.as_tensor(np.flatnonzero(mask), device=self.device)
        if mask is not None and len(np.asarray(mask)) != self._size:
            raise SdesimError(f"mask must be ({self._size},), got {np.asarray(mask).shape}")
        self.dim = self._size if self._kept is None else len(self._kept)
        start = torch.cat([p.detach().reshape(-1) for p in first.parameters])
        try:
            with self._running():
                self._look(first, start)
        # Whatever a network and a loss of others say of numbers that are not for them.
        except (*OF_ARGUMENTS, RuntimeError) as error:
            raise SdesimError(f"the network and its loss can't take x and y: {failure(error)}") from error
        self._idle.append(first)

    def _taken(self, values: Any, name: str) -> Tensor:
        """A tensor of its own on the device: floats in `dtype`, whole numbers as int64."""
        try:
            tensor = values.detach() if isinstance(values, Tensor) else _numbers(values)
        except NoNumbers as error:
            raise SdesimError(f"{name}: {error}, allowed: real numbers") from None
        if tensor.is_complex() or not bool(torch.isfinite(tensor).all()):
            found = "complex numbers" if tensor.is_complex() else "NaN or infinite numbers"
            raise SdesimError(f"{name}: found {found}, allowed: finite real numbers")
        kind = self.dtype if tensor.is_floating_point() else torch.int64
        return tensor.to(self.device, kind, copy=True)

    def _look(self, network: NetworkCopy, start: Tensor) -> None:
        """Find out what kind of loss this is, at the module's own weights."""
        with torch.no_grad():
            value = network.loss(self.x, self.y)
            if not isinstance(value, Tensor) or value.ndim != 0:
                raise SdesimError(
                    "loss_fn must give one number for all examples, such as torch's mean losses"
                )
            if not torch.equal(value, network.loss(self.x, self.y)):
                raise SdesimError(
                    "the loss must depend on the weights alone, two calls differ: is dropout on? Call "
                    "module.eval() first"
                )
            beside = self._beside(network, start)
            self._way = network.way = way_to_examples(
                network, self.x, self.y, [start, *beside], _AGREED[self.dtype]
            )
        self.is_mean = self._way is not None
        first = slice(0, 1 if self.is_mean else None)
        self._saved = network.saved(self.x[first], self.y[first])
        tile = max(1, _ROOM // self._saved) if self.is_mean else self.examples
        # Copies, so that each lies in memory as the first does.
        self._tiles = [
            (x.clone(), y.clone())
            for x, y in zip(torch.split(self.x, tile), torch.split(self.y, tile), strict=True)
        ]
        self._stacked = self._stacks(network, beside[0] if beside else start)
        self.width = _WIDTH if self._stacked else 1

    def _beside(self, network: NetworkCopy, start: Tensor) -> list[Tensor]:
        """A point near the start where the loss is a number, or none: at the start itself weights of 0 may
        hide how examples meet."""
        generator = torch.Generator().manual_seed(0)
        size = 0.1 * max(float(start.square().mean().sqrt()), 0.1)
        shift = size * torch.randn(self._size, dtype=torch.float64, generator=generator)
        point = start + shift.to(self.device, self.dtype)
        network.load(point)
        return [point] if bool(network.loss(self.x, self.y).isfinite()) else []

    def _stacks(self, network: NetworkCopy, start: Tensor) -> bool:
        """Whether torch takes weight vectors side by side, and finds the same gradients."""
        theta = torch.stack([start, 1.01 * start])
        rows = torch.arange(min(2, self.examples), device=self.device).repeat(2, 1)
        try:
            found = network.program(theta, self.x[rows], self.y[rows])
        except (RuntimeError, ValueError):
            return False
        apart = torch.zeros_like(found)
        for k in range(2):
            network.picked(theta[k], self.x[rows[k]], self.y[rows[k]], apart[k])
        share = 1e2 * _AGREED[self.dtype]
        return bool(torch.allclose(found, apart, rtol=share, atol=share * float(apart.abs().max())))

    # What is asked for.

    def losses(self, theta: Tensor) -> Tensor:
        """L(θ_k): (K, d) → (K,)."""
        points = self._points(theta)
        out = torch.zeros(len(points), dtype=self.dtype, device=self.device)

        @torch.no_grad()
        def row(network: NetworkCopy, k: int) -> None:
            network.load(points[k])
            for x, y in self._tiles:
                out[k] += network.loss(x, y) * (len(x) / self.examples)

        self._rows(row, len(points))
        return out

    def gradients(self, theta: Tensor) -> Tensor:
        """∇L(θ_k): (K, d) → (K, d)."""
        points = self._points(theta)
        out = torch.zeros_like(points)

        def row(network: NetworkCopy, k: int) -> None:
            network.load(points[k])
            for x, y in self._tiles:
                network.add(network.loss(x, y) * (len(x) / self.examples), out[k])

        self._rows(row, len(points))
        return self._trained(out)

    def weighted(self, theta: Tensor, weights: Tensor) -> Tensor:
        """Σ_i w_ki ∇ℓ_i(θ_k) by one forward and one backward pass: (K, d), (K, n) → (K, d).

        With weights (K, C, n) there are C combinations of each over one forward pass: (K, C, d).

        Raises:
            SdesimError: if the loss is not the mean of the losses of the examples alone.
        """
        self._needs_mean()
        points, given = self._points(theta), weights.to(self.device, self.dtype)
        if given.shape[0] != len(points) or given.shape[-1] != self.examples or given.ndim not in (2, 3):
            raise SdesimError(
                f"weights must be ({len(points)}, {self.examples}) or ({len(points)}, C, {self.examples}), "
                f"got {tuple(given.shape)}"
            )
        scales = given if given.ndim == 3 else given[:, None]
        out = points.new_zeros(len(points), scales.shape[1], self._size)

        def row(network: NetworkCopy, k: int) -> None:
            network.load(points[k])
            at = 0
            for x, y in self._tiles:
                each = network.losses(x, y)
                own = scales[k, :, at : at + len(x)].clone()
                at += len(x)
                for c, scale in enumerate(own):
                    network.add(scale @ each, out[k, c], keep=c < len(own) - 1)

        self._rows(row, len(points))
        return self._trained(out if given.ndim == 3 else out[:, 0])

    def picked(self, theta: Tensor, indices: Tensor) -> Tensor:
        """Gradients of the losses of minibatches, examples indices (K, B): (K, d) → (K, d).

        The loss of a minibatch is ``loss_fn(module(x[indices]), y[indices])``, as in training: where L is the
        mean of the losses of the examples alone, theirs.
        """
        points, rows = self._points(theta), indices.to(self.device)
        if rows.ndim != 2 or len(rows) != len(points) or not rows.shape[1]:
            raise SdesimError(f"indices must be ({len(points)}, B), got {tuple(rows.shape)}")
        out = torch.zeros_like(points)
        if self._stacked and rows.shape[1] * self._saved <= _SMALL:
            self._programs(points, rows, out)
            return self._trained(out)

        def row(network: NetworkCopy, k: int) -> None:
            network.picked(points[k], self.x[rows[k]], self.y[rows[k]], out[k])

        self._rows(row, len(points))
        return self._trained(out)

    def weighted_among(self, theta: Tensor, indices: Tensor, weights: Tensor) -> Tensor:
        """Σ_j weights_j ∇ℓ_{i_j}(θ) of the examples indices (m,) alone: (d,), (m,), (m,) → (d,)."""
        self._needs_mean()
        points = self._points(theta[None])
        out = torch.zeros_like(points)

        def row(network: NetworkCopy, k: int) -> None:
            network.load(points[k])
            for at in torch.split(torch.arange(len(indices)), len(self._tiles[0][0])):
                rows = indices[at]
                network.add(weights[at].clone() @ network.losses(self.x[rows], self.y[rows]), out[k])

        self._rows(row, 1)
        return self._trained(out)[0]

    def example_gradients(self, theta: Tensor, indices: Tensor | None = None) -> Tensor:
        """∇ℓ_i(θ) of the examples indices (m,), all without them: (d,) → (m, d).

        Raises:
            SdesimError: if the loss is not the mean of the losses of the examples alone.
        """
        self._needs_mean()
        point = self._points(theta[None])[0]
        rows = torch.arange(self.examples, device=self.device) if indices is None else indices.to(self.device)
        out = point.new_zeros(len(rows), self._size)
        step = max(1, _ROOM // (self._saved + self._size))
        with self.network() as network:
            each = vmap(grad(network.functional), (None, 0, 0))
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                if self._stacked:
                    x, y = self.x[part], self.y[part]
                    out[start : start + step] = each(point, x[:, None], y[:, None])
                    continue
                for k, i in enumerate(part.tolist(), start):
                    network.picked(point, self.x[i : i + 1], self.y[i : i + 1], out[k])
        return self._trained(out)

    def variances(self, theta: Tensor) -> Tensor:
        """The diagonal of Σ₁ = mean_i ∇ℓ_i∇ℓ_iᵀ − ∇L∇Lᵀ, of one example's gradient: (K, d) → (K, d).

        Raises:
            SdesimError: if the loss is not the mean of the losses of the examples alone.
        """
        step = max(1, _ROOM // (self._saved + self._size))
        out = []
        for point in theta:
            mean, total = torch.zeros_like(point), torch.zeros_like(point)
            count = 0
            for rows in torch.split(torch.arange(self.examples, device=self.device), step):
                # Means and sums of squares about them, joined piece by piece: no differences of large sums.
                found = self.example_gradients(point, rows)
                own = found.mean(0)
                shift, joined = own - mean, count + len(rows)
                total += (found - own).square().sum(0) + shift.square() * (count * len(rows) / joined)
                mean, count = mean + shift * (len(rows) / joined), joined
            out.append(total / self.examples)
        return torch.stack(out)

    # How it is worked out.

    def _needs_mean(self) -> None:
        if not self.is_mean:
            raise SdesimError("the loss is not the mean of the losses of the examples alone")

    def _points(self, theta: Tensor) -> Tensor:
        """All parameters (K, D) of rows theta (K, d)."""
        if theta.ndim != 2 or theta.shape[1] != self.dim:
            raise SdesimError(f"theta must be (K, {self.dim}), got {tuple(theta.shape)}")
        points = theta.detach().to(self.device, self.dtype)
        if self._kept is None:
            return points
        whole = points.new_zeros(len(points), self._size)
        whole[:, self._kept] = points
        return whole

    def _trained(self, found: Tensor) -> Tensor:
        return found if self._kept is None else found[..., self._kept]

    @contextmanager
    def _running(self) -> Iterator[None]:
        with one_thread(), twice_differentiable():
            yield

    @contextmanager
    def network(self) -> Iterator[NetworkCopy]:
        """A copy of the network that no other thread uses, under the settings that numbers are made with."""
        try:
            found = self._idle.pop()
        except IndexError:
            found = self._made()
        try:
            with self._running():
                yield found
        finally:
            self._idle.append(found)

    def _made(self) -> NetworkCopy:
        return NetworkCopy(*self._given, self.dtype, self.device, self._way)

    def _rows(self, row: Callable[[NetworkCopy, int], None], count: int) -> None:
        """Call row(network, k) for each k, those of a thread on a network of its own."""

        def work(rows: range) -> None:
            with self.network() as network:
                for k in rows:
                    row(network, k)

        threads = min(self.threads, count) if self.device.type == "cpu" else 1
        if threads <= 1:
            work(range(count))
            return
        with self._running(), ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work, range(first, count, threads)) for first in range(threads)]:
                done.result()

    def _programs(self, points: Tensor, rows: Tensor, out: Tensor) -> None:
        """Minibatch gradients by programs of `width` trajectories."""

        def program(network: NetworkCopy, k: int) -> None:
            at = slice(k * self.width, (k + 1) * self.width)
            part, own = points[at], rows[at]
            filled = self.width - len(part)
            if filled:
                part = torch.cat([part, part[:1].expand(filled, -1)])
                own = torch.cat([own, own[:1].expand(filled, -1)])
            out[at] = network.program(part, self.x[own], self.y[own])[: self.width - filled]

        self._rows(program, -(-len(points) // self.width))
