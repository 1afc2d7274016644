"""What a run says of the optimizer that made it."""

from __future__ import annotations

from typing import Any

from sdesim.kinds import dump
from sdesim.optimizers.base import Base as Optimizer
from sdesim.runs.validity import step_is_plain
from sdesim.training.probes.motion import rule_of

_RULE = ("lr", "momentum", "dampening", "weight_decay")


def optimizer_attributes(optimizer: Any, told: Optimizer | None = None) -> dict[str, Any]:
    """Attributes of the run schema: kind and class, learning rate, momentum, Nesterov, dampening of the first
    group, the largest weight decay of any, and `learning_rates` where groups move by rules of their own.

    A kind of optimizer says itself whether its step is −η g (`plain_step`), and the scheme of the SDE that
    describes it (`sde_scheme`), where one does. `optimizer_model` is "plain" for such a step, "linear" where
    the step is a known linear function of the gradient, and "none".

    Args:
        optimizer: torch's. told: its kind, where it was made of one.
    """
    group = optimizer.param_groups[0]
    moved = [g for g in optimizer.param_groups if any(p.requires_grad for p in g["params"])] or [group]
    rules = {tuple(_number(g, name) for name in _RULE) for g in moved}
    kind = type(optimizer)
    found = {
        "scheme": kind.__name__.lower(),
        "optimizer": kind.__name__.lower(),
        "optimizer_class": f"{kind.__module__}.{kind.__qualname__}",
        "base_learning_rate": step_rate(optimizer),
        **({"learning_rates": [_number(g, "lr") for g in moved]} if len(rules) > 1 else {}),
        "momentum": _number(group, "momentum"),
        "nesterov": bool(group.get("nesterov", False)),
        "weight_decay": max(_number(g, "weight_decay") for g in moved),
        "dampening": _number(group, "dampening"),
        **({"maximize": True} if any(g.get("maximize") for g in moved) else {}),
        **({} if told is None else _told(told, any(_number(g, "momentum") for g in moved))),
    }
    return found | {"optimizer_model": _model(optimizer, found)}


def step_rate(optimizer: Any) -> float:
    """η of the next step: of the first group that moves and whose rate is not 0; 0 where there is none."""
    rates = [_number(g, "lr") for g in optimizer.param_groups if any(p.requires_grad for p in g["params"])]
    return next((rate for rate in rates if rate != 0.0), 0.0)


def _model(optimizer: Any, attrs: dict[str, Any]) -> str:
    if rule_of(optimizer) is None or attrs.get("maximize"):
        return "plain" if step_is_plain(attrs) else "none"
    # Groups that are alike now may part when their rates change.
    several = len(optimizer.param_groups) > 1
    return "plain" if step_is_plain(attrs) and not several else "linear"


def _told(kind: Optimizer, momentum: bool) -> dict[str, Any]:
    # A schedule may have given a momentum to an optimizer without.
    scheme, plain = kind.scheme(), {"plain_step": bool(kind.plain) and not momentum}
    return plain if scheme is None else {**plain, "sde_scheme": dump(scheme)}


def _number(group: dict[str, Any], name: str) -> float:
    return float(group.get(name, 0.0))
