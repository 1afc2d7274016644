"""Optimizers at every step size, each with the noise at which its SDE stays the same.

One step takes the time ε. Where noise sets the size of steps (Adam, RMSprop, signs) η = √ε and 1 − β_i ∝ ε,
for SGD η = ε, for momentum as a state 1 − β = ε and η = ε²; the variance of one step's noise is σ²/ε.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdesim.optimizers import ASGD, SGD, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop
from sdesim.optimizers.sde import Form

SIGMA = 0.6
CURVATURE = torch.tensor([1.0, 0.5], dtype=torch.float64)
QUARTIC = 0.25
SPREADING = 0.5
START = torch.tensor([1.0, -1.5], dtype=torch.float64)


def loss(theta: Tensor) -> Tensor:
    """L = Σ_i λ_i θ_i²/2 + c θ_i⁴/4, (K,)."""
    return (0.5 * CURVATURE * theta**2 + 0.25 * QUARTIC * theta**4).sum(1)


def slope(theta: Tensor) -> Tensor:
    """∇L (K, d)."""
    return CURVATURE * theta + QUARTIC * theta**3


def strength(theta: Tensor, epsilon: float, sigma: float = SIGMA) -> Tensor:
    """√Σ_ii of one step: σ √((1 + ρ θ_i²)/ε)."""
    return (sigma**2 / epsilon * (1.0 + SPREADING * theta**2)).sqrt()


@dataclass(frozen=True)
class Family:
    """An optimizer over step sizes.

    Attributes:
        name: in tables.
        kind: ε → the optimizer.
        form: of a momentum.
        begins: (the SDE's state before the first step, its number s) of θ and ε; None: as torch begins.
        scale: what ε is, up to a factor.
        logarithm: whether the error is said to be ε^p log(1/ε): where running means begin empty, each of the
            first steps adds ε over its number.
        coarser: by what its ε are larger. more: by what its trajectories are more: signs share little noise.
        stated: p; None where none is.
    """

    name: str
    kind: Callable[[float], Any]
    form: Form | None = None
    begins: Callable[[Tensor, float], tuple[dict[str, Tensor], float]] | None = None
    scale: str = "η"
    logarithm: bool = False
    coarser: int = 1
    more: int = 1
    stated: float | None = 1.0


def _squares(theta: Tensor, epsilon: float) -> Tensor:
    """E g²."""
    return strength(theta, epsilon) ** 2 + slope(theta) ** 2


def _known_squares(theta: Tensor, epsilon: float) -> tuple[dict[str, Tensor], float]:
    return {"v": _squares(theta, epsilon)}, 1.0


def _adagrad(theta: Tensor, epsilon: float) -> tuple[dict[str, Tensor], float]:
    # As after the time 1.
    return {"v": _squares(theta, epsilon) / epsilon}, 1.0


def _begun_means(theta: Tensor, epsilon: float) -> tuple[dict[str, Tensor], float]:
    # As after the time 1, m and v at their means.
    grown = 1.0 - (1.0 - epsilon) ** (1.0 / epsilon)
    state = {"m": slope(theta) * grown, "v": _squares(theta, epsilon) * grown}
    return state, round(1.0 / epsilon)


FAMILIES = (
    Family("SGD", lambda e: SGD(e)),
    Family("SGD, L2", lambda e: SGD(e, weight_decay=0.3)),
    Family("ASGD", lambda e: ASGD(e, lambd=0.5)),
    Family("momentum, underdamped", lambda e: SGD(e * e, momentum=1 - e), scale="1 − β"),
    Family("momentum, dampened", lambda e: SGD(2 * e * e, momentum=1 - e, dampening=0.5), scale="1 − β"),
    Family("Nesterov", lambda e: SGD(e * e, momentum=1 - e, nesterov=True), scale="1 − β"),
    Family("momentum, overdamped", lambda e: SGD(0.5 * e, momentum=0.5), form="overdamped"),
    Family("Adam", lambda e: _adam(Adam, e), scale="η²", logarithm=True),
    Family("Adam, from time 1", lambda e: _adam(Adam, e), begins=_begun_means, scale="η²"),
    Family("AdamW", lambda e: _adamw(e), scale="η²", logarithm=True),
    Family("AdamW, from time 1", lambda e: _adamw(e), begins=_begun_means, scale="η²"),
    Family("NAdam", lambda e: _adam(NAdam, e, momentum_decay=20 * e), scale="η²", logarithm=True),
    Family("NAdam, from time 1", lambda e: _adam(NAdam, e, momentum_decay=20 * e), begins=_begun_means,
           scale="η²"),
    Family("RAdam, from time 1", lambda e: _adam(RAdam, e), begins=_begun_means, scale="η²", more=4),
    Family("RMSprop, v known", lambda e: _rmsprop(e), begins=_known_squares, scale="η²"),
    Family("RMSprop, from v = 0", lambda e: _rmsprop(e), scale="η²", stated=None),
    Family("Adagrad, from time 1", lambda e: Adagrad(1.0), begins=_adagrad, scale="dt"),
    Family("sign descent", lambda e: Lion(math.sqrt(e), betas=(0.0, 0.0)), scale="η²", coarser=2, more=10),
    Family("Lion", lambda e: Lion(math.sqrt(e), betas=(0.5, 1 - e)), scale="η²", coarser=4, more=4),
)  # fmt: skip


def _adam(made: Any, epsilon: float, **settings: Any) -> Any:
    return made(
        math.sqrt(epsilon), betas=(1 - epsilon, 1 - epsilon), eps=1e-3 / math.sqrt(epsilon), **settings
    )


def _adamw(epsilon: float) -> Any:
    return _adam(AdamW, epsilon, weight_decay=0.3 * math.sqrt(epsilon))


def _rmsprop(epsilon: float) -> RMSprop:
    return RMSprop(math.sqrt(epsilon), alpha=1 - epsilon, eps=1e-3 / math.sqrt(epsilon))
