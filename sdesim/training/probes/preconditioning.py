"""The metric in which an optimizer meets the curvature of the loss, and the threshold of its stability."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.runs import CurvatureMetric
from sdesim.runs.linear_step import LinearStep
from sdesim.surfaces.torch.functions import flat
from sdesim.training.probes.motion import Motion, Rule, rule_of

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """What an optimizer makes of the Hessian: a^{1/2} and w of a^{1/2}(H + W)a^{1/2}, each (d,), None where
    it is 1 or 0 or not known, and λ_crit, NaN where none is known."""

    root: Tensor | None
    decay: Tensor | None
    critical: float


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
    known = rule_of(optimizer) is not None
    return known and (type(optimizer) is not torch.optim.SGD or sum(moved) > 1)


def moved_parameters(model: nn.Module, optimizer: Any) -> list[bool]:
    """Of every parameter, whether it is trained: not frozen, and in the optimizer if there is one."""
    held = None
    if optimizer is not None:
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [p.requires_grad and (held is None or id(p) in held) for p in model.parameters()]


def moved_coordinates(
    model: nn.Module, optimizer: Any, only: Sequence[bool] | None = None
) -> NDArray[np.bool_]:
    """The same of every coordinate (d,); only: of every parameter, whether θ (d,) holds it; None: all."""
    moved = moved_parameters(model, optimizer)
    held = moved if only is None else [m for m, h in zip(moved, only, strict=True) if h]
    parameters = _chosen(model, only)
    return np.concatenate([np.full(p.numel(), m) for p, m in zip(parameters, held, strict=True)])


def _chosen(model: nn.Module, only: Sequence[bool] | None) -> list[nn.Parameter]:
    everything = list(model.parameters())
    return everything if only is None else [p for p, held in zip(everything, only, strict=True) if held]


def curvature_metric(model: nn.Module, optimizer: Any, only: Sequence[bool] | None = None) -> CurvatureMetric:
    """The metric of an optimizer in the state that it is in.

    A step linearised about a minimum with Hessian H and frozen P is stable in a direction of eigenvalue λ of
    H alone where η k λ/P < 2, with k = 1 for gradient descent, (1−t)/(1+β) for heavy ball with dampening t,
    (1+2β)/(1+β) for Nesterov, (1−β₁)/(1+β₁) for Adam. A decay w in the gradient adds w to H; decoupled,
    θ ← (1−ηw)θ − …, it makes the threshold 2 − ηw. Coordinates with different η, k, w and P together: S = 2 −
    λ_max(a^{1/2}(H + W)a^{1/2}), a = η k/(P (1 − ηw/2)). The scale handed on is a relative to the first group
    that moves, so that its η sets the threshold: P alone where there is one group.

    Args:
        only: of every parameter, whether θ (d,) holds it; None: all.

    Returns:
        trained (d,), scale (d,) or None for a multiple of 1, decay (d,) and λ_crit; λ_crit is NaN where torch
        has no optimizer of that kind whose threshold is known, or where decay alone is unstable.
    """
    everything = _chosen(model, only)
    moved = {id(p) for g in optimizer.param_groups for p in g["params"] if p.requires_grad}
    trained = np.concatenate([np.full(p.numel(), id(p) in moved) for p in everything])
    critical, pieces = _linearised(everything, optimizer)
    if pieces is None:
        return CurvatureMetric(trained, None, None, critical)
    scale, decay = (np.concatenate(part) for part in zip(*pieces, strict=True))
    return CurvatureMetric(trained, scale, decay, critical)


def scaling_of(
    model: nn.Module, optimizer: Any, only: Sequence[bool] | None, dtype: torch.dtype
) -> Scaling | None:
    """The same for vectors of these numbers, on the network's device; None without an optimizer.

    Args:
        only: of every parameter, whether θ (d,) holds it; None: all.
    """
    if optimizer is None:
        return None
    everything = _chosen(model, only)
    critical, pieces = _linearised(everything, optimizer)
    if pieces is None:
        return Scaling(None, None, critical)
    root = torch.empty(sum(p.numel() for p in everything), dtype=dtype, device=everything[0].device)
    decay: Tensor | None = None
    place = 0
    for scale, own in pieces:
        some = slice(place, place + len(scale))
        root[some] = torch.from_numpy(np.sqrt(scale)).to(root)
        if own.any():
            decay = torch.zeros_like(root) if decay is None else decay
            decay[some] = torch.from_numpy(own).to(root)
        place = some.stop
    return Scaling(root if bool(torch.isfinite(root).all()) else None, decay, critical)


def _linearised(
    everything: Sequence[nn.Parameter], optimizer: Any
) -> tuple[float, Iterator[tuple[Array, Array]] | None]:
    """λ_crit, and of each parameter its scale and decay; None where the scale is 1."""
    moved = {id(p): g for g in optimizer.param_groups for p in g["params"] if p.requires_grad}
    rule = rule_of(optimizer)
    if rule is None or any(group.get("maximize") for group in moved.values()) or not moved:
        return math.nan, None
    parts = [_part(rule, moved[id(p)], optimizer.state.get(p, {})) if id(p) in moved else None
             for p in everything]  # fmt: skip
    if any(p is not None and not (math.isfinite(p.gain) and p.gain >= 0) for p in parts):
        return math.nan, None
    unit = next((p.gain for p in parts if p is not None and p.gain > 0), 0.0)
    critical = 2 / unit if unit else math.inf
    if not needs_metric(optimizer):
        decay = next(p.decay for p in parts if p is not None)
        return critical - decay if critical > decay else math.nan, None
    # Before the first step no parameter has a P; later a parameter without one has never had a gradient.
    begun = any(p is not None and p.precondition is not None for p in parts)

    def pieces() -> Iterator[tuple[Array, Array]]:
        for parameter, part in zip(everything, parts, strict=True):
            size = parameter.numel()
            scale = np.full(size, 0.0) if part is None else _scale(part, size, unit, begun)
            yield scale, np.full(size, 0.0 if part is None else part.decay)

    return critical, pieces()


@dataclass(frozen=True, eq=False)
class ParameterScale:
    """What an optimizer makes of the Hessian, a^{1/2}(H + W)a^{1/2}, one parameter at a time.

    Attributes:
        root: k ↦ a^{1/2} of the k-th parameter, like it or a number; made anew at each call, so that nothing
            of the length of all parameters is held. decays: w of each.
        critical: λ_crit, NaN where none is known. unknown: whether a is not known before the first step.
    """

    root: Callable[[int], Tensor | float]
    decays: Sequence[float]
    critical: float
    unknown: bool


def scale_by_parameter(parameters: Sequence[nn.Parameter], optimizer: Any) -> ParameterScale:
    """The same as `curvature_metric` of these parameters, without a vector of them all.

    Where the optimizer scales all coordinates alike a is 1, and λ_crit is that of H + W.
    """
    moved = {id(p): g for g in optimizer.param_groups for p in g["params"] if p.requires_grad}
    rule = rule_of(optimizer)
    if rule is None or any(group.get("maximize") for group in moved.values()):
        return ParameterScale(lambda k: 1.0, [0.0] * len(parameters), math.nan, False)

    def part(k: int) -> Part:
        p = parameters[k]
        return _part(rule, moved[id(p)], optimizer.state.get(p, {}))

    gains, decays, known = [], [], []
    for k in range(len(parameters)):
        made = part(k)
        gains.append(made.gain)
        decays.append(made.decay)
        known.append(made.precondition is not None)
    if any(not (math.isfinite(gain) and gain >= 0) for gain in gains):
        return ParameterScale(lambda k: 1.0, [0.0] * len(parameters), math.nan, False)
    unit = next((gain for gain in gains if gain > 0), 0.0)
    critical = 2 / unit if unit else math.inf
    if not needs_metric(optimizer):
        return ParameterScale(lambda k: 1.0, decays, critical, False)

    def root(k: int) -> Tensor | float:
        made = part(k)
        if made.precondition is None:
            # It has never had a gradient.
            return 0.0
        share = made.gain / unit if unit else 1.0
        if isinstance(made.precondition, float):
            return math.sqrt(share / made.precondition)
        return torch.sqrt(share / made.precondition)

    return ParameterScale(root, decays, critical, not any(known))


def linear_step(model: nn.Module, optimizer: Any, only: Sequence[bool] | None = None) -> LinearStep | None:
    """The step that the optimizer makes next as a linear function of its gradient, P held fixed.

    Args:
        only: of every parameter, whether θ (d,) holds it; None: all.

    Returns:
        None where there is no such form: an optimizer without one, one that climbs, or one that adapts before
        its first step, whose P is not known yet.
    """
    rule = rule_of(optimizer)
    moved = {id(p): g for g in optimizer.param_groups for p in g["params"] if p.requires_grad}
    if rule is None or not moved or any(group.get("maximize") for group in moved.values()):
        return None
    parameters = _chosen(model, only)
    pieces = [_piece(rule, moved.get(id(p)), p, optimizer.state.get(p, {})) for p in parameters]
    if all(piece is None or piece.share is None for piece in pieces):
        return None
    theta = flat(parameters)
    trained = np.concatenate([np.full(p.numel(), id(p) in moved) for p in parameters])
    columns = np.concatenate(
        [_nothing(p.numel()) if piece is None else piece.columns
         for p, piece in zip(parameters, pieces, strict=True)], axis=1,
    )  # fmt: skip
    # No gradient reaches what is not trained: the numbers of what is keep a scale of one number one number.
    columns[:, ~trained] = columns[:, trained][:, :1]
    now, start, whole, damping, lookahead, inside, outside = columns
    start, inside, outside = (np.where(trained, part, 0.0) for part in (start, inside, outside))
    return LinearStep(
        now=now, start=start - (now * inside + outside) * theta, whole=whole,
        pull=(whole * inside + outside) * theta, damping=damping, lookahead=lookahead,
        share=max(piece.share or 0.0 for piece in pieces if piece is not None),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Piece:
    """A, u₀ without decay, Ā, q, b, w in the gradient and ηw beside it of one parameter, (7, size)."""

    columns: Array
    share: float | None


def _piece(rule: Rule, group: dict[str, Any] | None, parameter: Tensor, state: Any) -> _Piece | None:
    if group is None:
        return None
    motion: Motion = rule(group, state)
    size, eta = parameter.numel(), float(group["lr"])
    if motion.precondition is None:
        # It never had a gradient and will have none.
        return _Piece(_nothing(size), None)
    decay, apart = float(group.get("weight_decay", 0.0)), bool(group.get("decoupled_weight_decay", False))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = eta / _flat(motion.precondition, size)
        memory = np.zeros(size) if motion.memory is None else _flat(motion.memory, size)
        rows = [
            unit * motion.now, np.where(memory == 0.0, 0.0, -unit * memory), unit * motion.whole,
            motion.gain / motion.whole, motion.lookahead, 0.0 if apart else decay,
            eta * decay * apart + eta * motion.shrink,
        ]  # fmt: skip
    return _Piece(np.array([np.broadcast_to(np.asarray(row, dtype=np.float64), (size,)) for row in rows]),
                  motion.share)  # fmt: skip


def _nothing(size: int) -> Array:
    columns = np.zeros((7, size))
    columns[3] = 1.0
    return columns


def _flat(values: Tensor | float, size: int) -> Array:
    if isinstance(values, float):
        return np.full(size, values)
    return np.asarray(values.detach().reshape(-1).double().cpu().numpy(), dtype=np.float64)


def _part(rule: Rule, group: dict[str, Any], state: dict[str, Any]) -> Part:
    motion = rule(group, state)
    precondition, gain = motion.precondition, motion.gain
    eta, decay = float(group["lr"]), float(group.get("weight_decay", 0.0))
    inside, apart = (0.0, decay) if group.get("decoupled_weight_decay", False) else (decay, 0.0)
    left = 1 - eta * (apart + motion.shrink) / 2
    return Part(precondition, eta * gain / left if left > 0 else math.nan, inside)


def _scale(part: Part, size: int, unit: float, begun: bool) -> Array:
    """a of one parameter relative to the first group that moves; where none does, 1/P."""
    if part.precondition is None:
        return np.full(size, 0.0 if begun else math.nan)
    share = part.gain / unit if unit else 1.0
    if isinstance(part.precondition, float):
        return np.full(size, share / part.precondition)
    with np.errstate(divide="ignore"):
        return np.asarray(share / part.precondition.detach().reshape(-1).double().numpy())
