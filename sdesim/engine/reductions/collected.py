"""The reductions of a run together: which steps they look at, what the run then holds, what misfits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.base import Base, Coordinate, Problem, Setting, Variable

# How many trajectories are live, have been stopped by an event, and are lost, at the steps of reductions.
COUNTS = {
    "saved": ("live_count", "stopped_count", "lost_count"),
    "step": ("every_live_count", "every_stopped_count", "every_lost_count"),
}
_WORDS = ("that reductions are of", "that an event has stopped", "that have diverged or were not solved")
# The dim of steps, by which of them are looked at.
DIMS = {"saved": "step", "step": "every_step"}


def steps_looked_at(every: str, setting: Setting) -> NDArray[np.int64]:
    """The steps of reductions at saved steps, or at every step, of a setting that has both."""
    assert setting.saved is not None
    assert setting.steps is not None
    return np.arange(setting.begin, setting.steps + 1) if every == "step" else setting.saved


def reduced_steps(reductions: Sequence[Base], setting: Setting) -> NDArray[np.int64]:
    """Steps at which one of the reductions looks."""
    every = any(r.every == "step" for r in reductions)
    return steps_looked_at("step" if every else "saved", setting)


def sums_of(reduction: Any) -> str:
    """The name of the variable that keeps the sums of a reduction, for merging."""
    return f"{reduction.kind.replace('-', '_').replace(':', '_')}_sums"


def variables_of(reductions: Sequence[Base], setting: Setting) -> dict[str, Variable]:
    """All variables by name, with the dim of their steps written out."""
    found: dict[str, Variable] = {}
    for r in reductions:
        own = dict(r.variables(setting))
        if r.merges:
            name = sums_of(r)
            own[name] = Variable(("step", name.removesuffix("s")), "1", "sums that runs are merged by")
        step = DIMS[r.every]
        for name, v in own.items():
            dims = tuple(step if dim == "step" else dim for dim in v.dims)
            found[name] = Variable(dims, v.units, v.long_name, v.dtype)
        for name, words in zip(COUNTS[r.every], _WORDS, strict=True):
            found[name] = Variable((step,), "1", f"trajectories {words}", "int64")
    return found


def sizes_of(reductions: Sequence[Base], setting: Setting) -> dict[str, int]:
    """Lengths of all dims that are the reductions' own."""
    found = {sums_of(r).removesuffix("s"): r.settled_width(setting.dim) for r in reductions if r.merges}
    for dim, values, _, _ in coordinates_of(reductions, setting, 1.0).values():
        found[dim] = len(values)
    return found | {"other_param": setting.dim}


def coordinates_of(reductions: Sequence[Base], setting: Setting, dt: float) -> dict[str, Coordinate]:
    """All coordinates by name."""
    found: dict[str, Coordinate] = {}
    for r in reductions:
        found |= r.coordinates(setting)
    if setting.steps is not None and any(r.every == "step" for r in reductions):
        steps = steps_looked_at("step", setting)
        found["every_step"] = ("every_step", steps, "step", "step")
        found["every_time"] = ("every_step", steps * dt, "time", "time: step times dt")
    return found


def attributes_of(reductions: Sequence[Base], setting: Setting) -> dict[str, Any]:
    """What the run says of its reductions; lists of several are joined."""
    from sdesim.kinds import dump

    found: dict[str, Any] = {"reductions": [dump(r) for r in reductions]}
    for r in reductions:
        for name, value in r.attributes(setting).items():
            found[name] = [*found[name], *value] if isinstance(found.get(name), list) else value
    return found


def size_of(reductions: Sequence[Base], setting: Setting) -> float:
    """Bytes of what is kept, twice: the sums, and what comes of them."""
    if setting.saved is None or setting.steps is None:
        return 0.0
    steps = {every: len(steps_looked_at(every, setting)) for every in {r.every for r in reductions}}
    return sum(16.0 * steps[r.every] * r.settled_width(setting.dim) for r in reductions)


def past_of(reductions: Sequence[Base], setting: Setting) -> float:
    """Bytes of the states that lie a lag behind."""
    if setting.saved is None or setting.steps is None or setting.trajectories is None:
        return 0.0
    looked = reduced_steps(reductions, setting)
    furthest = max((lag for r in reductions for lag in r.distances), default=0)
    stride = int(np.diff(looked).min()) if len(looked) > 1 else 1
    return 8.0 * setting.dim * setting.trajectories * -(-furthest // stride)


def problems(reductions: Sequence[Any], setting: Setting, known: Mapping[str, Any]) -> Iterator[Problem]:
    """What does not suit the run, or one another: (number and field, message).

    Args:
        known: variables that a run may have besides.
    """
    taken: dict[str, int] = {}
    for k, reduction in enumerate(reductions):
        yield from (((k, *at), text) for at, text in reduction.misfits(setting))
        for name in reduction.variables(setting):
            if name in known:
                yield (k,), f"found a variable {name!r}, which runs have already, allowed: another name"
                break
            other = taken.setdefault(name, k)
            if other != k:
                yield (k,), f"found a second {reduction.kind}, allowed: one; the other is reduce[{other}]"
                break
