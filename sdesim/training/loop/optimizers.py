"""What a run says of the optimizer that made it."""

from __future__ import annotations

from typing import Any


def optimizer_attributes(optimizer: Any) -> dict[str, Any]:
    """Attributes of the run schema: kind, momentum, Nesterov, weight decay, dampening of the first group."""
    group = optimizer.param_groups[0]
    kind = type(optimizer).__name__.lower()
    return {
        "scheme": kind,
        "optimizer": kind,
        "momentum": float(group.get("momentum", 0.0)),
        "nesterov": bool(group.get("nesterov", False)),
        "weight_decay": float(group.get("weight_decay", 0.0)),
        "dampening": float(group.get("dampening", 0.0)),
    }
