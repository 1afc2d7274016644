"""How near the optimizer is to the edge: λ_max of the Hessian as it meets it, over its threshold.

Of M = a^{1/2}(H + W)a^{1/2} (`curvature_metric`) the top eigenvector y on one sample of examples is looked
for from where it was last, in few products: each takes the best vector in the plane of y and its residual r =
My − λy. What another sample says along y brackets the truth from below (`crossed_sharpness`). Products are
central differences of gradients over ±h along the unit vector, h = ε^{1/3}, which any network has; how far a
third of h gives another quotient is added to the residual.

Beside the weights that are moved there are y and r in half precision (the Rayleigh quotient of a rounded
vector is as true as any) and one product in the network's own numbers: 12 bytes a parameter in float32.
Between purchases y stays, 2 bytes.

Source: locally optimal gradient ascent, A. Knyazev, SIAM J. Sci. Comput. 23 (2001), without its third vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.estimators import stability_margin
from sdesim.estimators.curvature.crossed import crossed_sharpness
from sdesim.estimators.curvature.differences import SHORTER, difference_step
from sdesim.estimators.dynamics.smoothing import LEAST_READINGS, smooth
from sdesim.training.data.batches import joined, length
from sdesim.training.probes.preconditioning import ParameterScale, needs_metric, scale_by_parameter
from sdesim.training.watching.batches import Pair, Source
from sdesim.training.watching.goods.base import LEVEL, Sold, Visit, judged
from sdesim.training.watching.passes import Passes
from sdesim.training.watching.sums import dots

# Fewest parts of the second sample; products of a first search and of one that goes on; residual, relative to
# λ, that is enough, and from which a search counts as not converged.
_PARTS, _FIRST, _LATER, _ENOUGH, _CONVERGED = 4, 12, 6, 0.02, 0.1
# Examples of a sample that are aimed at, in at most so many batches.
_EXAMPLES, _MOST = 256, 8
# Quotients over h and a third of it that differ by more, relative to them, say that gradients here have no
# differences: those of a jump or of rounding differ by twice themselves.
_APART = 1.0
_HALF = torch.bfloat16
# Purchases that are smoothed together.
_WINDOW = 32
Parts = Sequence[tuple[Any, Any, int, float]]


class Edge:
    """Sells `lambda_max` or, of an optimizer that scales coordinates unequally, `preconditioned_lambda_max`,
    with `S` and `edge_ratio`."""

    name, weight = "edge", 4.0
    holds = False

    def __init__(self) -> None:
        self._vector: Tensor | None = None
        # Of each purchase: step, λ, its standard error, and by how much it is open beside that.
        self._rows: list[list[float]] = []

    def misses(self, train: Source, heldout: Source | None) -> str:
        return ""

    def ready(self, step: int) -> bool:
        return True

    def work(self) -> float:
        # Two gradients a product, of four batches or so.
        return 2.0 * _PARTS * ((_FIRST if self._vector is None else _LATER) + 2)

    def forget(self) -> None:
        """Give up where the last search ended."""
        self._vector = None

    def buy(self, visit: Visit) -> Sold | None:
        """Search, cross, and compare with the threshold."""
        passes = visit.passes()
        if passes.called.half:
            raise RunError("weights of half precision have no differences")
        scale = scale_by_parameter(passes.parameters, visit.optimizer)
        if scale.unknown:
            return None
        with passes.open():
            first, second = _samples(passes, visit)
            if passes.rounds(*first[0][:3]):
                raise RunError("the network rounds to half precision by itself: differences are lost in that")
            search = _Search(passes, scale, first)
            begun, self._vector = self._vector, None
            if begun is None or len(begun) != passes.dim:
                begun = _random(passes, visit.seeds(1)[0])
                y, top, residual = search.top(begun, _FIRST, fresh=True)
            else:
                y, top, residual = search.top(begun, _LATER, fresh=False)
            crossing = _Search(passes, scale, second)
            quotients, shorter = crossing.quotients(y, 1.0), crossing.quotients(y, SHORTER)
        self._vector = y
        apart = abs(float(quotients.mean() - shorter.mean()))
        if not apart <= _APART * abs(float(quotients.mean())):
            raise RunError(
                f"differences of gradients over h and h/3 are {apart:.2g} apart, of {quotients.mean():.2g}: "
                "they tell no Hessian"
            )
        found = self._smoothed(visit.step, crossed_sharpness(top, residual + apart, quotients, LEVEL))
        late = residual > _CONVERGED * abs(top)
        return _sold(found, scale, visit.optimizer, late)

    def _smoothed(self, step: int, found: Estimate) -> Estimate:
        """λ now, given the last purchases too: the level of a local trend, as of what a filter says."""
        row = [float(step), found.value, float(found.details["spread"]), float(found.details["bracket"])]
        if not np.isfinite(row).all():
            return found
        self._rows = [*self._rows, row][-_WINDOW:]
        steps, value, spread, bracket = np.array(self._rows).T
        if len(value) < LEAST_READINGS or not (value > 0).all() or not (spread > 0).all():
            return found
        # An error from a few parts is small where its value is: all share one relative to the value.
        error = float(np.sqrt(((spread / value) ** 2).mean())) * value
        level = smooth(value, error, steps, LEVEL)[-1]
        beside = float(bracket.mean())
        return replace(
            found, value=level.value, low=level.low - beside, high=level.high + beside,
            method="crossed, smoothed", n=len(value), flags=(*found.flags, *level.flags),
        )  # fmt: skip

    def state(self) -> list[list[float]]:
        return [list(row) for row in self._rows]

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        """A search begins anew."""
        self._rows, self._vector = [list(row) for row in rows], None


def _sold(found: Estimate, scale: ParameterScale, optimizer: Any, late: bool) -> Sold:
    flags = (*found.flags, *(("not_converged",) if late else ()))
    metric = needs_metric(optimizer)
    # Without a metric the decay that the operator holds belongs to the threshold.
    less = 0.0 if metric else scale.decays[0]
    critical = scale.critical - less
    top = replace(found, value=found.value - less, low=found.low - less, high=found.high - less, flags=flags)
    name = "preconditioned_lambda_max" if metric else "lambda_max"
    residual = "preconditioned_residual" if metric else "curvature_residual"
    values = {
        "lambda_max": math.nan, "lambda_min": math.nan, "curvature_residual": math.nan,
        "critical_sharpness": critical, name: top.value, residual: 0.0,
        "curvature_spread": (top.high - top.low) / 2,
    }  # fmt: skip
    if not 0 < critical < math.inf:
        return Sold(estimates={name: top}, values=values)
    margin: Any = stability_margin(top, 1.0, critical=critical)
    ratio = replace(top, value=top.value / critical, low=top.low / critical, high=top.high / critical)
    return Sold(
        estimates={name: top, "S": judged("S", margin), "edge_ratio": judged("edge_ratio", ratio)},
        values=values, facts={} if metric else {"lambda_crit": critical},
    )  # fmt: skip


def _samples(passes: Passes, visit: Visit) -> tuple[Parts, Parts]:
    """Two samples of as many examples: the first in few passes, the second in parts whose spread is seen.

    Parts of a second sample are half a batch each where examples don't meet, and whole ones where they do.
    """
    source, size = visit.train, visit.train.size
    if not source.anew:
        if size < 4:
            raise RunError(f"a batch of {size} examples is too small to be two samples: give a loader")
        parts = min(_PARTS, size // 2)
        cut = source.draw(2 * parts, size, visit.rng)
        first, second = [_joined(cut[:parts])], cut[parts:]
    elif passes.meets or size < 2:
        first, second = (source.draw(max(_PARTS, _batches(size)), size, visit.rng) for _ in range(2))
    else:
        first = source.draw(_batches(size), size, visit.rng)
        second = source.draw(2 * _batches(size), size // 2, visit.rng)
    seeds = visit.seeds(len(first) + len(second))
    # A loss that is a sum is one over a batch of the training's size.
    sums = source.anew and passes.sums(*first[0], seeds[0])
    made = [
        (x, y, seed, size / length(x) if sums else 1.0)
        for (x, y), seed in zip([*first, *second], seeds, strict=True)
    ]
    return made[: len(first)], made[len(first) :]


def _batches(size: int) -> int:
    """Batches of a sample: so many that it holds 256 examples, but at least 2 and at most 8."""
    return max(2, min(_MOST, -(-_EXAMPLES // size)))


def _joined(pairs: Sequence[Pair]) -> Pair:
    return joined([x for x, _ in pairs]), joined([y for _, y in pairs])


def _random(passes: Passes, seed: int) -> Tensor:
    made = passes.vector(_HALF)
    return made.normal_(generator=torch.Generator(made.device).manual_seed(seed))


class _Search:
    """M of some parts, as far as differences of gradients tell."""

    def __init__(self, passes: Passes, scale: ParameterScale, parts: Parts) -> None:
        self._passes, self._scale, self._parts = passes, scale, list(parts)
        self._step = difference_step(str(passes.called.accuracy).removeprefix("torch."))

    def top(self, y: Tensor, most: int, *, fresh: bool) -> tuple[Tensor, float, float]:
        """The top eigenvector from y, which is written to, its eigenvalue and |My − λy|, |y| = 1.

        Args:
            most: products. fresh: whether y is a random vector.
        """
        _shorten(y)
        if fresh:
            # Coordinates without a gradient are scaled by the largest factors, and drown all others; an image
            # has none of them.
            _round(self._product(y), y, 0.0, y)
            _shorten(y)
            most -= 1
        z = self._product(y)
        square = float(_dot(y, y))
        value = float(_dot(y, z)) / square
        r = torch.empty_like(y)
        _round(z, y, -value, r)
        # No product is held while the next one is made.
        del z
        for _ in range(most - 1):
            residual = math.sqrt(float(_dot(r, r)) / square)
            if not residual > _ENOUGH * abs(value):
                break
            z = self._product(r)
            # In the plane of y and r: y·My = λ|y|², and of the rest this product tells all.
            across, along = float(_dot(y, z)), float(_dot(r, z))
            gram = np.array([[square, float(_dot(y, r))], [0.0, float(_dot(r, r))]])
            bent = np.array([[value * square, across], [0.0, along]])
            gram, bent = (m + np.triu(m, 1).T for m in (gram, bent))
            new, (one, two) = _best(bent, gram)
            _turn(y, r, z, (one, two), (value, new))
            value, square = new, float(_dot(y, y))
            del z
        return y, value, math.sqrt(float(_dot(r, r)) / square)

    def quotients(self, y: Tensor, share: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """yᵀM_i y/|y|² of each part, over differences of that share of h."""
        passes, length = self._passes, self._length(y)
        step, square = share * self._step, float(_dot(y, y))
        sums = np.zeros(len(self._parts))
        for sign in (1.0, -1.0):
            with self._moved(y, sign * step / length):
                for i, (x, labels, seed, factor) in enumerate(self._parts):
                    found: list[Tensor] = []

                    def take(k: int, g: Tensor, found: list[Tensor] = found) -> None:
                        found.append(_dot(g, self._scaled(y, k)))

                    passes.gradient(x, labels, seed, take)
                    sums[i] += sign * factor * float(torch.stack(found).sum()) if found else 0.0
        bent = sums * length / (2 * step)
        return (bent + self._decayed(y)) / square

    def _product(self, y: Tensor) -> Tensor:
        """M y."""
        passes, length = self._passes, self._length(y)
        z = passes.vector()
        for sign in (1.0, -1.0):
            with self._moved(y, sign * self._step / length):
                for x, labels, seed, factor in self._parts:
                    by = sign * factor * length / (2 * self._step * len(self._parts))

                    def take(k: int, g: Tensor, by: float = by) -> None:
                        z[passes.places[k]].add_(g.reshape(-1), alpha=by)

                    passes.gradient(x, labels, seed, take)
        for k, place in enumerate(passes.places):
            root, decay = self._scale.root(k), self._scale.decays[k]
            if decay:
                z[place].add_((root * y[place].view(passes.parameters[k].shape)).reshape(-1), alpha=decay)
            z[place].view(passes.parameters[k].shape).mul_(root)
        return z

    def _scaled(self, y: Tensor, k: int) -> Tensor:
        """a^{1/2} y of one parameter."""
        p = self._passes.parameters[k]
        return y[self._passes.places[k]].view(p.shape).to(p.dtype).mul_(self._scale.root(k))

    def _length(self, y: Tensor) -> float:
        """|a^{1/2} y|, by which differences are of unit vectors."""
        pieces = (self._scaled(y, k) for k in range(len(self._passes.parameters)))
        return math.sqrt(float(sum(_dot(s, s) for s in pieces)))

    def _decayed(self, y: Tensor) -> float:
        """yᵀa^{1/2}Wa^{1/2}y."""
        total = 0.0
        for k, decay in enumerate(self._scale.decays):
            if decay:
                s = self._scaled(y, k)
                total += decay * float(_dot(s, s))
        return total

    @contextmanager
    def _moved(self, y: Tensor, factor: float) -> Iterator[None]:
        with self._passes.at(lambda k, p: torch.add(p, self._scaled(y, k), alpha=factor)):
            yield


def _best(bent: Any, gram: Any) -> tuple[float, tuple[float, float]]:
    """The largest eigenvalue of a pencil (2, 2) and its vector, of length 1 in the metric."""
    root = np.linalg.cholesky(gram)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ bent @ inverse.T)
    one, two = inverse.T @ vectors[:, -1]
    return float(values[-1]), (float(one), float(two))


def _blocks(dim: int, size: int = 2**18) -> Iterator[slice]:
    for at in range(0, dim, size):
        yield slice(at, at + size)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """a·b in double precision, without a copy of either in other numbers."""
    return dots([a], [b])[0]


def _shorten(y: Tensor) -> None:
    """y ← y/|y|."""
    y.mul_(1.0 / math.sqrt(float(_dot(y, y))))


def _turn(y: Tensor, r: Tensor, z: Tensor, share: tuple[float, float], values: tuple[float, float]) -> None:
    """y ← αy + βr and its residual: My = r + λy, Mr = z."""
    (one, two), (value, new) = share, values
    for at in _blocks(len(y)):
        a, b = y[at].to(z.dtype), r[at].to(z.dtype)
        y[at] = one * a + two * b
        r[at] = one * (b + value * a) + two * z[at] - new * y[at].to(z.dtype)


def _round(z: Tensor, y: Tensor, factor: float, made: Tensor) -> None:
    """made ← z + factor·y, in half precision."""
    for at in _blocks(len(y)):
        made[at] = z[at] + factor * y[at].to(z.dtype)
