"""Sums over gradients in double precision, on the device that they are on and without a copy of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Numbers to a row: a sum in float32 of so many loses 1e-6 of it at most, and its rows are added in float64.
_ROW = 1024
# Tensors of up to so many numbers are summed together, in float64.
_SMALL = 2**15
# Products are made of so many numbers at a time, on the CPU and elsewhere.
_CHUNK, _LARGE_CHUNK = 2**18, 2**24
_HALF = (torch.float16, torch.bfloat16)


def squares(tensors: Sequence[Tensor]) -> Tensor:
    """|x|² of each, (n,), float64, without waiting for the device.

    Small ones in float64, all in one call; of others rows of 1,024 numbers in float32 (float64 where they
    are), added in float64.
    """
    dense = [_dense(x) for x in tensors]
    small = [k for k, x in enumerate(dense) if x.numel() <= _SMALL]
    found: list[Any] = [None] * len(dense)
    if small:
        norms = torch._foreach_norm([dense[k] for k in small], 2, dtype=torch.float64)
        for k, norm in zip(small, norms, strict=True):
            found[k] = norm
    for k, x in enumerate(dense):
        if found[k] is None:
            found[k] = _norm(x)
    return stacked(found).square()


def _norm(x: Tensor) -> Tensor:
    x = x.reshape(-1)
    kind = torch.float32 if x.dtype in _HALF else None
    whole = len(x) // _ROW * _ROW
    rows = torch.linalg.vector_norm(x[:whole].view(-1, _ROW), dim=1, dtype=kind)
    rest = torch.linalg.vector_norm(x[whole:], dtype=torch.float64)
    return torch.hypot(torch.linalg.vector_norm(rows, dtype=torch.float64), rest)


def dots(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """a·b of each pair of tensors of one shape, (n,), float64, without waiting for the device."""
    found: list[Any] = [None] * len(first)
    small: dict[torch.device, list[tuple[int, Tensor, Tensor]]] = {}
    for k, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = a.detach().reshape(-1), _dense_as(b, a).reshape(-1)
        if len(a) <= _SMALL:
            small.setdefault(a.device, []).append((k, a, b))
            continue
        chunk = _CHUNK if a.device.type == "cpu" else _LARGE_CHUNK
        found[k] = stacked([_product(x, y) for x, y in _chunks(a, b, chunk)]).sum()
    for some in small.values():
        one, other = torch.cat([a for _, a, _ in some]).double(), torch.cat([b for _, _, b in some]).double()
        ends = torch.tensor([len(a) for _, a, _ in some]).cumsum(0) - 1
        sums = (one * other).cumsum(0)
        sums = sums[ends.to(sums.device)].diff(prepend=sums.new_zeros(1))
        for (k, _, _), value in zip(some, sums, strict=True):
            found[k] = value
    return stacked(found)


def _chunks(a: Tensor, b: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for at in range(0, len(a), size):
        yield a[at : at + size], b[at : at + size]


def _product(a: Tensor, b: Tensor) -> Tensor:
    if a.dtype in _HALF:
        a = a.float()
    whole = len(a) // _ROW * _ROW
    product = a * b
    rows = product[:whole].view(-1, _ROW).sum(dim=1)
    return rows.sum(dtype=torch.float64) + product[whole:].sum(dtype=torch.float64)


def stacked(numbers: Sequence[Tensor]) -> Tensor:
    """Numbers (0-d) in one tensor (n,), on the CPU where they are on several devices."""
    if not numbers:
        return torch.zeros(0, dtype=torch.float64)
    alike = len({x.device for x in numbers}) == 1
    return torch.stack([x if alike else x.cpu() for x in numbers])


def fetched(tensors: Sequence[Tensor]) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Tensors (n,) as float64 arrays, waiting for the device once."""
    if not tensors:
        return []
    alike = len({x.device for x in tensors}) == 1
    together = torch.cat([(x if alike else x.cpu()).double() for x in tensors]).cpu().numpy()
    return list(np.split(together, np.cumsum([len(x) for x in tensors])[:-1]))


def _dense_as(x: Tensor, like: Tensor) -> Tensor:
    """A gradient in the form of what it is of."""
    x = x.detach()
    return x.to_dense() if x.is_sparse and not like.is_sparse else x


def _dense(x: Tensor) -> Tensor:
    """The numbers that a sparse tensor holds, each once."""
    return x.detach().coalesce().values() if x.is_sparse else x.detach()
