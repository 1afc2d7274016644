"""The critical batch where curvature is bought: the noise scale with a Hessian and rates up to the edge.

Each purchase draws three batches. Of the gradients g, g′ of two, s = g + g′ and δ = g − g′, and with the
Hessian H of the third along both, all three independent:

    |μ|² ← g·g′,   μᵀHμ ← (sᵀHs − δᵀHδ)/4 = gᵀHg′,   Tr HΣ_1 ← δᵀHδ/(1/b + 1/b′)

for batches of b and b′ examples, each free of bias. The batch depends on the ratios of the first two to the
last alone, which are read as they are now, while they may move (`recent_ratio`). Where the optimizer scales
coordinates by a (`scale_by_parameter`) gradients are a^{1/2}g and H is a^{1/2}Ha^{1/2}. The edge is what was
bought last of it.

Products are central differences along the unit vector, as those of the edge. Two vectors of the length of all
parameters are held beside the weights that are moved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.estimators.curvature.differences import difference_step
from sdesim.estimators.dynamics.recent import Series, recent_ratios
from sdesim.runs.measures.capped import LEVEL, capped, estimate
from sdesim.training.data.batches import length
from sdesim.training.probes.motion import rule_of
from sdesim.training.probes.preconditioning import ParameterScale, scale_by_parameter
from sdesim.training.watching.batches import Source
from sdesim.training.watching.goods.base import Sold, Visit
from sdesim.training.watching.passes import Passes
from sdesim.training.watching.sums import dots

# Purchases that are read together, and fewest of them; fewest examples of training's own batch.
_READINGS, _FEWEST, _LEAST = 64, 3, 6


class Capped:
    """Sells `critical_batch_hessian`."""

    name, weight = "critical_batch", 2.0
    holds = False

    def __init__(self) -> None:
        # |μ|², μᵀHμ and Tr HΣ_1 of each purchase.
        self._rows: list[list[float]] = []
        self._no_edge = False

    def misses(self, train: Source, heldout: Source | None) -> str:
        return ""

    def ready(self, step: int) -> bool:
        return not self._no_edge

    def work(self) -> float:
        # Two gradients, and two of each of two products.
        return 6.0

    def forget(self) -> None:
        """Nothing is held between purchases."""

    def buy(self, visit: Visit) -> Sold | None:
        """One more reading, and what they say together with the edge, where that was bought."""
        passes = visit.passes()
        if passes.called.half:
            raise RunError("weights of half precision have no differences")
        scale = scale_by_parameter(passes.parameters, visit.optimizer)
        self._no_edge = not 0 < scale.critical < math.inf
        if self._no_edge or scale.unknown:
            return None
        if visit.train.size < _LEAST and not visit.train.anew:
            raise RunError(f"a batch of {visit.train.size} examples is too small to be three: give a loader")
        self._rows = [*self._rows, _reading(passes, scale, visit)][-_READINGS:]
        if visit.edge is None or len(self._rows) < _FEWEST:
            return None
        rate = _largest_rate(visit.optimizer, *visit.edge)
        return _sold(np.array(self._rows), rate, visit.edge[1].flags)

    def state(self) -> list[list[float]]:
        return [list(row) for row in self._rows]

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows = [list(row) for row in rows]


def _sold(rows: Any, rate: Estimate, flags: Sequence[str]) -> Sold:
    signal, bent, trace = rows.T
    along, bend = recent_ratios([Series(x, trace, trace) for x in (signal, bent)], LEVEL)
    n = len(rows)
    found: Any = capped(along, bend, estimate([1.0, 1.0, 1.0], LEVEL, n), replace(rate, n=n))
    values = {"capped_count": float(n)}
    for name, e in zip(("capped_signal", "capped_bend", "capped_rate"), (along, bend, rate), strict=True):
        values |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    told = tuple(dict.fromkeys((*found.flags, *(f for f in flags if f != "unresolved"))))
    return Sold(estimates={"critical_batch_hessian": replace(found, flags=told)}, values=values)


def _largest_rate(optimizer: Any, rate: float, edge: Estimate) -> Estimate:
    """ηk/(λ/λ_crit): how far a gradient may move θ over all later steps, k = (1 − τ)/(1 − β) of momentum.

    Args:
        rate: η at which the edge was read. edge: λ/λ_crit.
    """
    rule: Any = rule_of(optimizer)
    moved = [(g, p) for g in optimizer.param_groups for p in g["params"] if p.requires_grad and g["lr"] != 0]
    group, parameter = moved[0]
    gain = rate * float(rule(group, optimizer.state.get(parameter, {})).whole)
    # Where nothing bends no rate is too large.
    ends = [gain / x if x > 0 else math.inf for x in (edge.value, edge.high, edge.low)]
    made: Any = estimate(ends, LEVEL)
    return made  # type: ignore[no-any-return]


def _reading(passes: Passes, scale: ParameterScale, visit: Visit) -> list[float]:
    """|μ|², μᵀHμ and Tr HΣ_1, each free of bias."""
    source = visit.train
    batches = source.draw(3, source.size, visit.rng)
    seeds = visit.seeds(3)
    one, other, products = passes.vector(), passes.vector(), []
    with passes.open():
        if passes.rounds(*batches[2], seeds[2]):
            raise RunError("the network rounds to half precision by itself: differences are lost in that")

        def first(k: int, g: Tensor) -> None:
            one[passes.places[k]].copy_(g.reshape(-1))

        def second(k: int, g: Tensor) -> None:
            other[passes.places[k]].copy_(g.reshape(-1))
            products.append(dots([g], [_scaled(passes, scale, one, k)])[0])

        passes.gradient(*batches[0], seeds[0], first)
        passes.gradient(*batches[1], seeds[1], second)
        # The difference in the place of the second, and the sum in that of the first.
        torch.sub(one, other, out=other)
        one.mul_(2).sub_(other)
        both, apart = (_quotient(passes, scale, v, *batches[2], seeds[2]) for v in (one, other))
    share = sum(1 / length(x) for x, _ in batches[:2])
    signal = float(torch.stack(products).sum()) if products else 0.0
    found = [signal, (both - apart) / 4, apart / share]
    if not np.isfinite(found).all():
        raise RunError("gradients or products are not finite")
    return found


def _quotient(passes: Passes, scale: ParameterScale, v: Tensor, x: Any, y: Any, seed: int) -> float:
    """vᵀ aHa v over differences of the gradient of a batch."""
    size = math.sqrt(sum(float(dots([s], [s])[0]) for s in _pieces(passes, scale, v)))
    if size == 0:
        return 0.0
    step = difference_step(str(passes.called.accuracy).removeprefix("torch."))
    found: list[Tensor] = []
    for sign in (1.0, -1.0):

        def weight(k: int, p: Tensor, sign: float = sign) -> Tensor:
            return torch.add(p, _scaled(passes, scale, v, k), alpha=sign * step / size)

        def take(k: int, g: Tensor, sign: float = sign) -> None:
            found.append(sign * dots([g], [_scaled(passes, scale, v, k)])[0])

        with passes.at(weight):
            passes.gradient(x, y, seed, take)
    return float(torch.stack(found).sum()) * size / (2 * step) if found else 0.0


def _pieces(passes: Passes, scale: ParameterScale, v: Tensor) -> list[Tensor]:
    return [_scaled(passes, scale, v, k) for k in range(len(passes.places))]


def _scaled(passes: Passes, scale: ParameterScale, v: Tensor, k: int) -> Tensor:
    """a v of one parameter."""
    p, root = passes.parameters[k], scale.root(k)
    return v[passes.places[k]].view(p.shape) * root * root
