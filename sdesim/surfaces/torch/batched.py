"""Losses and gradients of one network at many weight vectors side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from sdesim.errors import SdesimError
from sdesim.surfaces.torch.functions import one_thread, twice_differentiable
from sdesim.surfaces.torch.network_copy import WAYS, NetworkCopy

# Numbers that a pass may keep for its backward pass: 256 MB in float64.
_ROOM = 2**25
# Trajectories of one program where programs of one are bound by what each call costs.
_WIDTH = 8
# A program of one is so bound up to here: numbers that a minibatch keeps for its backward pass.
_SMALL = 2**17
# Sums over examples agree to this share of their size, in the two precisions.
_AGREED = {torch.float64: 1e-9, torch.float32: 1e-4}


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
        self.x, self.y = self._taken(x), self._taken(y)
        if self.x.ndim == 0 or self.y.ndim == 0 or len(self.x) != len(self.y) or not len(self.x):
            raise SdesimError(
                f"x and y must be equally long and not empty, got {tuple(self.x.shape)} and "
                f"{tuple(self.y.shape)}"
            )
        self.threads = threads if self.device.type == "cpu" else 1
        self._places = [NetworkCopy(module, loss_fn, dtype, self.device) for _ in range(self.threads)]
        first = self._places[0]
        if not first.parameters:
            raise SdesimError("the module has no parameters to train")
        sizes = sum(p.numel() for p in first.parameters)
        self._kept = None if mask is None else torch.as_tensor(np.flatnonzero(mask), device=self.device)
        if mask is not None and len(np.asarray(mask)) != sizes:
            raise SdesimError(f"mask must be ({sizes},), got {np.asarray(mask).shape}")
        self.dim = sizes if self._kept is None else len(self._kept)
        self._size, self.examples = sizes, len(self.x)
        start = torch.cat([p.detach().reshape(-1) for p in first.parameters])
        with self._running():
            self._look(first, start)

    def _taken(self, values: Any) -> Tensor:
        """A tensor of its own on the device: floats in `dtype`, whole numbers as int64."""
        tensor = torch.as_tensor(values).detach()
        kind = self.dtype if tensor.is_floating_point() else torch.int64
        return tensor.to(self.device, kind, copy=True)

    def _look(self, place: NetworkCopy, start: Tensor) -> None:
        """Find out what kind of loss this is, at the module's own weights."""
        with torch.no_grad():
            value = place.loss(self.x, self.y)
            if not isinstance(value, Tensor) or value.ndim != 0:
                raise SdesimError(
                    "loss_fn must give one number for all examples, such as torch's mean losses"
                )
            if not torch.equal(value, place.loss(self.x, self.y)):
                raise SdesimError(
                    "the loss must depend on the weights alone, two calls differ: is dropout on? Call "
                    "module.eval() first"
                )
            each = self._each(value)
        for other in self._places:
            other.each = each
        self.is_mean = each is not None
        self._saved = place.saved(
            self.x[:1] if self.is_mean else self.x, self.y[:1] if self.is_mean else self.y
        )
        tile = max(1, _ROOM // self._saved) if self.is_mean else self.examples
        # Copies, so that each lies in memory as the first does.
        self._tiles = [
            (x.clone(), y.clone())
            for x, y in zip(torch.split(self.x, tile), torch.split(self.y, tile), strict=True)
        ]
        self._stacked = self._stacks(start)
        self.width = _WIDTH if self._stacked else 1

    def _each(self, value: Tensor) -> Callable[..., Tensor] | None:
        """A function (place, x, y) → losses of the examples (m,); None where the loss isn't their mean."""
        place, n = self._places[0], self.examples
        few = sorted({0, n // 2, n - 1})
        try:
            alone = torch.stack([place.loss(self.x[i : i + 1], self.y[i : i + 1]) for i in few])
        except (RuntimeError, ValueError):
            # Some modules take no single example (batch normalisation in training mode).
            return None
        half = slice(0, max(1, n // 2))
        for way in WAYS:
            try:
                found = way(place, self.x, self.y)
                part = place.loss(self.x[half], self.y[half])
            except (RuntimeError, ValueError, TypeError, IndexError):
                continue
            if found.shape != (n,) or not self._same(found[few], alone):
                continue
            if self._same(found.mean(), value) and self._same(found[half].mean(), part):
                return way
        return None

    def _same(self, a: Tensor, b: Tensor) -> bool:
        share = _AGREED[self.dtype]
        return bool(torch.allclose(a, b, rtol=share, atol=1e-3 * share))

    def _stacks(self, start: Tensor) -> bool:
        """Whether torch takes weight vectors side by side, and finds the same gradients."""
        theta = torch.stack([start * (1 + 0.01 * k) for k in range(2)])
        rows = torch.arange(min(2, self.examples), device=self.device).repeat(2, 1)
        try:
            found = self._program(theta, rows)
        except (RuntimeError, ValueError):
            return False
        apart = torch.zeros_like(found)
        for k in range(2):
            self._places[0].picked(theta[k], self.x[rows[k]], self.y[rows[k]], apart[k])
        size = float(apart.abs().max())
        share = _AGREED[self.dtype]
        return bool(torch.allclose(found, apart, rtol=1e2 * share, atol=1e2 * share * size))

    # What is asked for.

    def losses(self, theta: Tensor) -> Tensor:
        """L(θ_k): (K, d) → (K,)."""
        points = self._points(theta)
        out = torch.zeros(len(points), dtype=self.dtype, device=self.device)

        @torch.no_grad()
        def row(place: NetworkCopy, k: int) -> None:
            place.load(points[k])
            for x, y in self._tiles:
                out[k] += place.loss(x, y) * (len(x) / self.examples)

        self._rows(row, len(points))
        return out

    def gradients(self, theta: Tensor) -> Tensor:
        """∇L(θ_k): (K, d) → (K, d)."""
        points = self._points(theta)
        out = torch.zeros_like(points)

        def row(place: NetworkCopy, k: int) -> None:
            place.load(points[k])
            for x, y in self._tiles:
                place.add(place.loss(x, y) * (len(x) / self.examples), out[k])

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

        def row(place: NetworkCopy, k: int) -> None:
            place.load(points[k])
            at = 0
            for x, y in self._tiles:
                each = place.losses(x, y)
                own = scales[k, :, at : at + len(x)].clone()
                at += len(x)
                for c, scale in enumerate(own):
                    place.add(scale @ each, out[k, c], keep=c < len(own) - 1)

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

        def row(place: NetworkCopy, k: int) -> None:
            place.picked(points[k], self.x[rows[k]], self.y[rows[k]], out[k])

        self._rows(row, len(points))
        return self._trained(out)

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
        place = self._places[0]
        each = vmap(grad(place.functional), (None, 0, 0))
        with self._running():
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                if self._stacked:
                    x, y = self.x[part], self.y[part]
                    out[start : start + step] = each(point, x[:, None], y[:, None])
                    continue
                for k, i in enumerate(part.tolist(), start):
                    place.picked(point, self.x[i : i + 1], self.y[i : i + 1], out[k])
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

    def _rows(self, row: Callable[[NetworkCopy, int], None], count: int) -> None:
        """Call row(place, k) for each k, no place for two at once."""
        threads = min(self.threads, count)
        with self._running():
            if threads <= 1:
                for k in range(count):
                    row(self._places[0], k)
                return

            def work(place: int) -> None:
                torch.set_num_threads(1)
                for k in range(place, count, threads):
                    row(self._places[place], k)

            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(work, place) for place in range(threads)]:
                    done.result()

    def _programs(self, points: Tensor, rows: Tensor, out: Tensor) -> None:
        """Minibatch gradients by programs of `width` trajectories."""
        with self._running():
            for start in range(0, len(points), self.width):
                part, own = points[start : start + self.width], rows[start : start + self.width]
                filled = self.width - len(part)
                if filled:
                    part = torch.cat([part, part[:1].expand(filled, -1)])
                    own = torch.cat([own, own[:1].expand(filled, -1)])
                found = self._program(part, own)
                out[start : start + self.width] = found[: self.width - filled]

    def _program(self, points: Tensor, rows: Tensor) -> Tensor:
        """Minibatch gradients (W, D) at points (W, D) of the examples rows (W, B), side by side."""
        place = self._places[0]
        parts = {
            name: p.reshape(-1, *shape).contiguous().requires_grad_(True)
            for (name, shape), p in zip(
                place.shapes.items(),
                torch.split(points, [s.numel() for s in place.shapes.values()], 1),
                strict=True,
            )
        }
        losses = vmap(place.of_parts)(parts, self.x[rows], self.y[rows])
        found = torch.autograd.grad(losses.sum(), list(parts.values()), allow_unused=True)
        pairs = zip(parts.values(), found, strict=True)
        return torch.cat([(torch.zeros_like(p) if g is None else g).flatten(1) for p, g in pairs], 1).detach()
