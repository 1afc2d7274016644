"""What the loss of a batch is of the losses of its examples, found by measurement."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from sdesim.training.data.batches import leaves, length, rows_of

# A mean and a sum may have a term beside them that does not depend on the batch, such as a penalty.
REDUCTIONS = ("mean", "sum", "sum and constant", "weighted mean", "other", "unknown")
MEAN, SUM, SUMMED, WEIGHTED, OTHER, UNKNOWN = REDUCTIONS
# Parts are uneven, so that a mean of means is not taken for a mean.
_UNEVEN = 3 / 8
# Pairs of so many examples tell the weights of a weighted mean.
_PAIRED = 8
_LOOSE = 1e-3

Loss = Callable[[Any, Any], Any]
Few = Callable[[list[int]], float]


def reduction_of(loss: Loss, output: Any, y: Any) -> str:
    """A word of `REDUCTIONS`, of a loss of outputs (n, …) and labels (n, …).

    With f of a batch and parts S₁, S₂ of shares s₁, s₂: a mean (and a term c that is alike for every batch)
    has f(S) = s₁f(S₁) + s₂f(S₂); a sum f(S) = f(S₁) + f(S₂), with a term c less c; a weighted mean
    f(S) = Σω_i ℓ_i / Σω_i, where pairs of examples tell the weights: ω_i/ω_j = (f(ij) − f(j))/(f(i) − f(ij)).
    Class weights, ignored labels and tokens are such weights.
    """
    tolerance = torch.finfo(next(leaves(output)).dtype).eps ** 0.5
    found = split_reduction(loss, output, y, tolerance)
    few = _few(loss, output, y)
    if found == OTHER or (found == MEAN and not _plain(*few, tolerance)):
        return WEIGHTED if _weighted(*few) else OTHER
    return found


def split_reduction(value: Callable[[Any, Any], float], x: Any, y: Any, tolerance: float = 3e-4) -> str:
    """The same by two cuts of the batch alone, which can't tell a weighted mean from others."""
    n = length(x)
    if n < 2:
        return UNKNOWN

    def of(some: slice) -> float:
        return float(value(rows_of(x, some), rows_of(y, some)))

    cut = max(1, int(_UNEVEN * n))
    whole, first, rest = of(slice(None)), of(slice(cut)), of(slice(cut, None))
    if not all(map(math.isfinite, (whole, first, rest))):
        return UNKNOWN if not math.isfinite(whole) else OTHER
    size = tolerance * (abs(whole) + abs(first) + abs(rest))
    share = cut / n
    if abs(whole - (share * first + (1 - share) * rest)) <= size:
        return MEAN
    if abs(whole - first - rest) <= size:
        return SUM
    if n < 4:
        return OTHER
    # With a constant c: c by this cut must be c by another.
    other = max(1, n // 2) if n // 2 != cut else cut + 1
    third, fourth = of(slice(other)), of(slice(other, None))
    constant, again = first + rest - whole, third + fourth - whole
    # A mean of any kind has first ≈ rest ≈ whole, which leaves the sum itself near 0.
    summed = abs(constant - again) <= 2 * size and abs(whole - constant) > 0.1 * abs(whole)
    return SUMMED if summed else OTHER


def _few(loss: Loss, output: Any, y: Any) -> tuple[Few, int]:
    """The loss of some of a few examples, spread over the batch, by their numbers among these; how many."""
    rows = torch.linspace(0, length(output) - 1, min(length(output), _PAIRED)).long()

    def of(some: list[int]) -> float:
        chosen = rows[some].to(next(leaves(output)).device)
        return float(loss(rows_of(output, chosen), rows_of(y, chosen)))

    return of, len(rows)


def _plain(of: Few, count: int, tolerance: float) -> bool:
    """Whether the losses of pairs are the means of those of their examples, where single ones can be taken.

    Two parts that hold the same classes hide class weights: each has nearly the weight of the other.
    """
    try:
        alone = [of([i]) for i in range(count)]
        pairs = [(i, j, of([i, j])) for i, j in pairwise(range(count))]
    except Exception:
        # Some losses take no batch of one, such as those that squeeze their outputs.
        return True
    return all(
        math.isfinite(alone[i] + alone[j])
        and abs(both - 0.5 * (alone[i] + alone[j])) <= tolerance * (abs(both) + abs(alone[i]) + abs(alone[j]))
        for i, j, both in pairs
    )


def _weighted(of: Few, count: int) -> bool:
    """Whether a few examples' losses and those of pairs of them give the loss of all the few."""
    alone = [of([i]) for i in range(count)]
    known = [i for i, f in enumerate(alone) if math.isfinite(f)]
    if len(known) < 3:
        return False
    first, weights = known[0], {known[0]: 1.0}
    for i in range(count):
        if i == first:
            continue
        both = of([first, i])
        if i not in known:
            # No weight of its own: alone it is 0/0, and beside another nothing.
            if abs(both - alone[first]) > _LOOSE * (abs(both) + abs(alone[first])):
                return False
            continue
        rise = both - alone[i]
        if abs(rise) <= 1e-6 * (abs(both) + abs(alone[i])):
            return False
        weights[i] = (alone[first] - both) / rise
    if any(not math.isfinite(w) or w < -_LOOSE for w in weights.values()):
        return False
    total = sum(weights.values())
    expected = sum(w * alone[i] for i, w in weights.items()) / total if total > 0 else math.nan
    found = of(list(range(count)))
    return math.isfinite(found) and abs(found - expected) <= _LOOSE * (abs(found) + abs(expected))
