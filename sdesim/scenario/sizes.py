"""What a real arm trains, in numbers and a few words, before it runs."""

from __future__ import annotations

from typing import Any

from sdesim.kinds import dump
from sdesim.kinds.fields import fields_by_name
from sdesim.scenario.assemble import loss_of
from sdesim.scenario.models import Scenario


def sizes(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """Of each real arm: network, parameters (and trained, where some are pruned), examples, loss, penalty."""
    found: dict[str, dict[str, Any]] = {}
    for name, arm in scenario.arms.items():
        train = arm.train
        if train is None:
            continue
        found[name] = {"network": train.network.label, "parameters": int(train.network.dim)}
        found[name] |= {} if train.prune is None else {"trained": train.dim}
        found[name] |= {"examples": int(train.data.examples), "loss": _told(loss_of(train))}
        found[name] |= {"penalty": [_told(p) for p in train.penalty]} if train.penalty else {}
    return found


def line(told: dict[str, Any]) -> str:
    """These in one line."""
    left = f", {told['trained']:,} of them trained" if "trained" in told else ""
    penalty = f", penalty {' and '.join(told['penalty'])}" if "penalty" in told else ""
    return (
        f"{told['network']}, {told['parameters']:,} parameters{left}, {told['examples']:,} examples, "
        f"loss {told['loss']}{penalty}"
    )


def _told(kind: Any) -> str:
    """Name and settings that are not the defaults, as in "l2 (factor 0.1)"."""
    plain = dump(kind)
    defaults = {name: field.default for name, field in fields_by_name(kind).items()}
    own = [f"{name} {value}" for name, value in plain.items() if name != "kind" and value != defaults[name]]
    return f"{plain['kind']} ({', '.join(own)})" if own else str(plain["kind"])
