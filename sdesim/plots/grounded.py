"""Figures of simulated arms that need to know what drove them: paths on the loss, densities and exit times
beside their laws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.arms import ArmView
from sdesim.plots.landscape.paths import paths
from sdesim.plots.laws.density import density, gibbs
from sdesim.plots.laws.survival import survival
from sdesim.plots.style import NothingToDraw

# Of more dimensions neither contours nor the integral of the law are cheap.
_MOST_DIMENSIONS = 2
# By how much of their room the ends of the law lie beyond the samples, until they hold all of its mass.
_WIDER = (0.5, 2.0, 8.0)


# Of a law that says so many times the longest time watched nobody is seen to leave.
_NEVER = 100.0


@dataclass(frozen=True)
class Leaving:
    """What theory says of the time until an arm's exit.

    Attributes:
        mean: its mean. law: by what theory, in words.
    """

    mean: float
    law: str


@dataclass(frozen=True)
class Ground:
    """What drives a simulated arm.

    Attributes:
        surface: the loss L.
        diffusion: D where all noise is √(2D) dW with one constant number, None elsewhere.
        leaving: of its one exit, where a theory is known.
    """

    surface: Any
    diffusion: float | None = None
    leaving: Leaving | None = field(default=None, compare=False)


Grounds = Mapping[str, Ground]


def paths_on_ground(views: Sequence[ArmView], grounds: Grounds) -> Any:
    """Paths of the simulated arms of at most two dimensions, on the contours of the loss that they share.

    Raises:
        NothingToDraw: no such arm holds θ.
    """
    chosen = list(_flat(views, grounds))
    if not chosen:
        raise NothingToDraw("no simulated arm of at most two dimensions holds theta")
    shared = [v for v in chosen if grounds[v.name].surface == grounds[chosen[0].name].surface]
    return paths(shared, grounds[shared[0].name].surface)


def density_on_ground(views: Sequence[ArmView], grounds: Grounds) -> Any:
    """Density in the second half of the run of the simulated arms that share one Gibbs law, beside it.

    Arms whose trajectories an event stopped follow no such law.

    Raises:
        NothingToDraw: no arm has one, or none holds θ.
    """
    able = [
        v
        for v in _flat(views, grounds)
        if grounds[v.name].diffusion and not (np.asarray(v.run["status"].values) == 2).any()
    ]
    if not able:
        raise NothingToDraw("no simulated arm has a Gibbs law")
    ground = grounds[able[0].name]
    shared = [v for v in able if grounds[v.name] == ground]
    ends = np.concatenate([np.ravel(v.run["theta"].isel(step=-1).values) for v in shared])
    if not np.isfinite(ends).any():
        raise NothingToDraw("every trajectory blew up")
    law = _law(ground, ends)
    half = 0.5 * min(float(np.nanmax(v.run["time"].values)) for v in shared)
    return density(shared, law, burn_in=half)


def survival_on_ground(views: Sequence[ArmView], grounds: Grounds) -> Any:
    """Share of the trajectories that have not left, beside a constant rate with the mean of theory.

    Raises:
        NothingToDraw: no trajectory of any arm left.
    """
    watched = {v.name: float(np.nanmax(v.run["time"].values)) for v in views}
    known = {v.name: grounds[v.name].leaving for v in views if v.name in grounds}
    laws = {n: told.mean for n, told in known.items() if told and told.mean < _NEVER * watched[n]}
    return survival(views, laws)


def _flat(views: Sequence[ArmView], grounds: Grounds) -> Iterator[ArmView]:
    for view in views:
        held = view.name in grounds and "theta" in view.run
        if held and view.run.sizes["param"] <= _MOST_DIMENSIONS:
            # A path that blew up leaves no room for the others.
            whole = np.flatnonzero(~np.isin(view.run["status"].values, (1, 3)))
            if whole.size:
                yield replace(view, run=view.run.isel(trajectory=whole))


def _law(ground: Ground, samples: Any) -> Any:
    low, high = float(np.nanmin(samples)), float(np.nanmax(samples))
    room = (high - low) or 1.0
    for wider in _WIDER:
        try:
            return gibbs(
                ground.surface, float(ground.diffusion or 0.0), low - wider * room, high + wider * room
            )
        except RunError:
            continue
    raise NothingToDraw("the Gibbs law has mass far beyond the samples")
