"""Outcomes of expectations: met, missed or undecided, and then what it would have taken to decide."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from sdesim.estimators.core.power import Power, interval_power, unknown
from sdesim.scenario.expectations import Finding
from sdesim.scenario.models import Expect

# The interval of a single trajectory does not say of how many samples it is.
_MANY = 1000


def judge(expect: Expect, q: Finding) -> str:
    """ "met", "missed", or "undecided" where the interval spans a bound; without an interval the value
    decides, without a value the interval does."""
    low, high = expect.bounds
    if math.isnan(q.value) and (math.isnan(q.low) or math.isnan(q.high)):
        return "undecided"
    bottom = q.value if math.isnan(q.low) else q.low
    top = q.value if math.isnan(q.high) else q.high
    if bottom >= low and top <= high:
        return "met"
    return "missed" if top < low or bottom > high else "undecided"


def power_of(expect: Expect, q: Finding) -> Power:
    """How far from the bound an undecided quantity had to be to be decided, and the trajectories for it.

    Of both bounds the one nearer to the value; of one trajectory's own interval the samples that it rests on,
    in multiples of them.
    """
    if math.isnan(q.value):
        return unknown("there is no value, so nothing can be said of power", "trajectories")
    if math.isinf(q.low) or math.isinf(q.high):
        return unknown("the interval is open at one end, so nothing can be said of power", "trajectories")
    bounds = [b for b in expect.bounds if math.isfinite(b) and q.low <= b <= q.high]
    bound = min(bounds, key=lambda b: abs(b - q.value))
    if q.n > 1:
        return interval_power(q.value, q.low, q.high, bound, q.n, support=q.support, samples="trajectories")
    many = interval_power(q.value, q.low, q.high, bound, _MANY, support=q.support, limit=100 * _MANY)
    times = None if many.needed is None else math.ceil(many.needed / _MANY)
    return replace(many, needed=times, limit=100, samples="times the samples")


def outcome(expect: Expect, q: Finding) -> dict[str, Any]:
    """The expectation with its outcome, for summary.json."""
    name = expect.quantity if expect.confirm == 1 else f"{expect.quantity} {expect.confirm} in a row"
    name = name if expect.over is None else f"{name} over {expect.over}"
    name = name if expect.since is None else f"{name} since {expect.since}"
    name = name if expect.than is None else f"{name} over that of {expect.than}"
    judged = judge(expect, q)
    power = power_of(expect, q) if judged == "undecided" else None
    why = "; ".join(x for x in (expect.why, q.note, "" if power is None else power.text) if x)
    found = {
        "arm": expect.arm,
        "quantity": name,
        "at": expect.at,
        "condition": expect.condition,
        "value": q.value,
        "low": q.low,
        "high": q.high,
        "n": q.n,
        **({"flags": list(q.flags)} if q.flags else {}),
        "outcome": judged,
        "why": why,
        "reason": expect.why,
    }
    return found if power is None else {**found, "power": power.to_dict()}
