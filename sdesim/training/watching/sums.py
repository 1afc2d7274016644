"""Sums over gradients in double precision, on the device that they are on and without a copy of them."""

from __future__ import annotations

import torch
from torch import Tensor

# Numbers to a row: a sum in float32 of so many loses 1e-6 of it at most, and its rows are added in float64.
_ROW = 1024


def dot_sum(a: Tensor, b: Tensor) -> Tensor:
    """a·b of two tensors of one shape, as a number (0-d, float64) that waits for nothing.

    Rows of 1,024 numbers in float32 (float64 where the tensors are), added in float64; numbers of half
    precision become float32 first.
    """
    a, b = a.detach().reshape(-1), b.detach().reshape(-1)
    if a.dtype in (torch.float16, torch.bfloat16):
        a, b = a.float(), b.float()
    whole = len(a) // _ROW * _ROW
    rows = torch.einsum("ij,ij->i", a[:whole].view(-1, _ROW), b[:whole].view(-1, _ROW))
    return rows.double().sum() + (a[whole:].double() * b[whole:].double()).sum()


def total(numbers: list[Tensor]) -> float:
    """The sum of numbers (0-d), 0 of none."""
    return float(torch.stack([x.cpu() for x in numbers]).sum()) if numbers else 0.0
