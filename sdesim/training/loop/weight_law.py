"""Whether a network's weights may have been drawn by the law that draws others for it.

Each weight is ranked among the weights of the same array in several new draws; the ranks are uniform if all
were drawn alike. Of ranks u, Σ −ln|2u − 1| and Σ −ln(1 − |2u − 1|) are Gamma(n, 1), which shows weights too
narrow and too wide, Σ −ln u and Σ −ln(1 − u) shifted ones, and how far their distribution is from the uniform
one (Dvoretzky, Kiefer & Wolfowitz, Ann. Math. Stat. 27 (1956), with Massart's constant) another shape.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc
from torch import nn

Array = NDArray[np.float64]
# False alarm of one look; there are five for each array and five for all. The draws that the ranks are taken
# among are shared by all weights of an array, which makes sums vary by up to 1 + 1/4 more.
_LEVEL = 1e-10
_FEWEST, _MOST, _NUMBERS = 4, 24, 1_000_000
# Weights of one array that are looked at.
_LOOKED_AT = 4096


def drawn_otherwise(module: nn.Module, draw: Callable[[int], nn.Module]) -> str | None:
    """Why the module's weights are not of the law by which ``draw(seed)`` makes others; None if they may be.

    Args:
        module: its trained parameters are looked at.
        draw: seed → a module of the same parameters.
    """
    size = sum(p.numel() for p in module.parameters())
    count = int(np.clip(_NUMBERS // max(size, 1), _FEWEST, _MOST))
    rng = np.random.default_rng(0)
    places = {
        name: np.sort(rng.permutation(p.numel())[:_LOOKED_AT])
        for name, p in module.named_parameters()
        if p.requires_grad
    }
    own, drawn = _looked_at(module, places), [_looked_at(draw(seed), places) for seed in range(1, count + 1)]
    if all(np.array_equal(drawn[0][name], other[name]) for other in drawn[1:] for name in places):
        return 'init="fresh" draws the same weights for every seed; give init a function seed → module'
    ranks: dict[bytes, Array] = {}
    for name, weights in own.items():
        pool = np.stack([one[name] for one in drawn])
        if _impossible(weights, pool):
            return _words(name, weights, pool)
        if np.ptp(pool, axis=0).any():
            found = _ranks(weights, np.sort(pool, axis=None), rng)
            if _unlikely(found):
                return _words(name, weights, pool)
            # Layers that were copied from one another hold the same numbers: they count once.
            ranks[weights.tobytes()] = found
    if ranks and _unlikely(np.concatenate(list(ranks.values()))):
        return _words("", np.concatenate(list(own.values())), np.concatenate([*drawn[0].values()])[None])
    return None


def _looked_at(module: nn.Module, places: dict[str, NDArray[np.int64]]) -> dict[str, Array]:
    held = dict(module.named_parameters())
    return {n: held[n].detach().cpu().double().reshape(-1).numpy()[at] for n, at in places.items()}


def _impossible(weights: Array, pool: Array) -> bool:
    """Whether the rules give fixed numbers, and others than these; or these are fixed, and the rules' not."""
    if not np.ptp(pool, axis=0).any():
        return not np.array_equal(weights, pool[0])
    alike = np.ptp(weights) == 0.0 and (len(weights) > 1 or weights[0] in (0.0, 1.0))
    return bool(alike and np.mean(pool == weights[0]) < 0.5)


def _ranks(weights: Array, pool: Array, rng: np.random.Generator) -> Array:
    """Where each weight stands in the pool, in (0, 1), ties broken at random."""
    low, high = np.searchsorted(pool, weights, "left"), np.searchsorted(pool, weights, "right")
    return (low + rng.uniform(size=len(weights)) * (high - low + 1)) / (len(pool) + 1)


def _unlikely(ranks: Array) -> bool:
    """Whether such ranks come by chance with less than the level."""
    n, away = len(ranks), np.abs(2.0 * ranks - 1.0)
    with np.errstate(divide="ignore"):
        sums = [-np.log(away).sum(), -np.log1p(-away).sum(), -np.log(ranks).sum(), -np.log1p(-ranks).sum()]
    if any(gammaincc(n, s) < _LEVEL for s in sums):
        return True
    stairs = np.sort(ranks)
    steps = np.arange(n + 1) / n
    distance = max(np.max(steps[1:] - stairs), np.max(stairs - steps[:-1]))
    return bool(distance > np.sqrt(np.log(2.0 / _LEVEL) / (2.0 * n)))


def _words(name: str, weights: Array, pool: Array) -> str:
    what = f"the weights {name}" if name else "the weights"
    return (
        f'init="fresh" can\'t draw others like {what}: they have mean {np.mean(weights):.3g} and deviation '
        f"{np.std(weights):.3g}, the network's own rules give {np.mean(pool):.3g} and {np.std(pool):.3g}; "
        'give init a function seed → module that draws them, or use init="module"'
    )
