"""The metric in which an optimizer meets the curvature of the loss, and the threshold of its stability."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.runs import CurvatureMetric

Array = NDArray[np.float64]


def _sgd(group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor | float | None, float]:
    momentum, dampening = float(group["momentum"]), float(group["dampening"])
    # The first buffer of torch's SGD is the gradient itself; later ones hold 1 − dampening of each.
    bent = 1 + 2 * momentum if group["nesterov"] else 1 - dampening if momentum else 1.0
    return 1.0, bent / (1 + momentum)


def _adam(group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor | float | None, float]:
    beta1, beta2 = map(float, group["betas"])
    if "exp_avg_sq" not in state:
        return None, (1 - beta1) / (1 + beta1)
    moment = state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"]
    unbiased = moment / (1 - beta2 ** float(state["step"]))
    return torch.sqrt(unbiased) + group["eps"], (1 - beta1) / (1 + beta1)


def _adamax(group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor | float | None, float]:
    beta1 = float(group["betas"][0])
    return state.get("exp_inf"), (1 - beta1) / (1 + beta1)


def _rmsprop(group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor | float | None, float]:
    gain = 1 / (1 + float(group["momentum"]))
    if "square_avg" not in state:
        return None, gain
    moment = state["square_avg"]
    if group["centered"]:
        moment = moment - state["grad_avg"] ** 2
    return torch.sqrt(moment) + group["eps"], gain


def _adagrad(group: dict[str, Any], state: dict[str, Any]) -> tuple[Tensor | float | None, float]:
    done = float(state.get("step", 0.0))
    if done == 0.0:
        return None, 1.0
    return torch.sqrt(state["sum"]) + group["eps"], 1 / (1 + done * group["lr_decay"])


# P and the gain k of the step: the direction of curvature λ turns unstable where η k λ/P reaches 2.
_RULES: dict[type, Callable[[dict[str, Any], dict[str, Any]], tuple[Tensor | float | None, float]]] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adam,
    torch.optim.Adamax: _adamax,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}


@dataclass(frozen=True)
class Part:
    """How one trained parameter moves: P (a number or like the parameter; None: not known yet), gain η k/(1 −
    ηw/2) with decoupled decay w, and w of a decay in the gradient."""

    precondition: Tensor | float | None
    gain: float
    decay: float


def needs_metric(optimizer: Any) -> bool:
    """Whether the optimizer scales coordinates unequally: it adapts, or moves several groups."""
    moved = [any(p.requires_grad for p in group["params"]) for group in optimizer.param_groups]
    return type(optimizer) in _RULES and (type(optimizer) is not torch.optim.SGD or sum(moved) > 1)


def curvature_metric(model: nn.Module, optimizer: Any) -> CurvatureMetric:
    """The metric of an optimizer in the state that it is in.

    A step linearised about a minimum with Hessian H and frozen P is stable in a direction of eigenvalue λ of
    H alone where η k λ/P < 2, with k = 1 for gradient descent, (1−t)/(1+β) for heavy ball with dampening t,
    (1+2β)/(1+β) for Nesterov, (1−β₁)/(1+β₁) for Adam. A decay w in the gradient adds w to H; decoupled,
    θ ← (1−ηw)θ − …, it makes the threshold 2 − ηw. Coordinates with different η, k, w and P together: S = 2 −
    λ_max(a^{1/2}(H + W)a^{1/2}), a = η k/(P (1 − ηw/2)). The scale handed on is a relative to the first group
    that moves, so that its η sets the threshold: P alone where there is one group.

    Returns:
        trained (d,), scale (d,) or None for a multiple of 1, decay (d,) and λ_crit; λ_crit is NaN where torch
        has no optimizer of that kind whose threshold is known, or where decay alone is unstable.
    """
    everything = list(model.parameters())
    moved = {id(p): g for g in optimizer.param_groups for p in g["params"] if p.requires_grad}
    trained = np.concatenate([np.full(p.numel(), id(p) in moved) for p in everything])
    rule = _RULES.get(type(optimizer))
    if rule is None or any(group.get("maximize") for group in moved.values()) or not moved:
        return CurvatureMetric(trained, None, None, math.nan)
    parts = [_part(rule, moved[id(p)], optimizer.state.get(p, {})) if id(p) in moved else None
             for p in everything]  # fmt: skip
    if any(p is not None and not (math.isfinite(p.gain) and p.gain >= 0) for p in parts):
        return CurvatureMetric(trained, None, None, math.nan)
    unit = next((p.gain for p in parts if p is not None and p.gain > 0), 0.0)
    critical = 2 / unit if unit else math.inf
    if not needs_metric(optimizer):
        decay = next(p.decay for p in parts if p is not None)
        return CurvatureMetric(trained, None, None, critical - decay if critical > decay else math.nan)
    # Before the first step no parameter has a P; later a parameter without one has never had a gradient.
    begun = any(p is not None and p.precondition is not None for p in parts)
    scale, decays = [], []
    for parameter, part in zip(everything, parts, strict=True):
        size = parameter.numel()
        decays.append(np.full(size, 0.0 if part is None else part.decay))
        scale.append(np.full(size, 0.0) if part is None else _scale(part, size, unit, begun))
    return CurvatureMetric(trained, np.concatenate(scale), np.concatenate(decays), critical)


def _part(rule: Callable[..., Any], group: dict[str, Any], state: dict[str, Any]) -> Part:
    precondition, gain = rule(group, state)
    eta, decay = float(group["lr"]), float(group.get("weight_decay", 0.0))
    if not group.get("decoupled_weight_decay", False):
        return Part(precondition, eta * gain, decay)
    left = 1 - eta * decay / 2
    return Part(precondition, eta * gain / left if left > 0 else math.nan, 0.0)


def _scale(part: Part, size: int, unit: float, begun: bool) -> Array:
    """a of one parameter relative to the first group that moves; where none does, 1/P."""
    if part.precondition is None:
        return np.full(size, 0.0 if begun else math.nan)
    share = part.gain / unit if unit else 1.0
    if isinstance(part.precondition, float):
        return np.full(size, share / part.precondition)
    with np.errstate(divide="ignore"):
        return np.asarray(share / part.precondition.detach().reshape(-1).double().numpy())
