"""What drives the simulated arms of a scenario, for figures that draw it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdesim.errors import SdesimError
from sdesim.io.places import Place, place
from sdesim.plots.grounded import Ground, Leaving
from sdesim.plots.laws.leaving import mean_first_passage, mean_single_jump
from sdesim.scenario.load import parse_scenario, read_scenario
from sdesim.scenario.models import Scenario, Simulate


def grounds(scenario: Scenario) -> dict[str, Ground]:
    """Surface and constant diffusion of each simulated arm that has a surface of its own."""
    return dict(_grounds(scenario))


def grounds_of(folder: str | Place) -> dict[str, Ground]:
    """The same of a run's directory; empty where its scenario can't be read any more."""
    try:
        return grounds(parse_scenario(*read_scenario(place(folder) / "scenario.yaml")))
    except (SdesimError, OSError):
        return {}


def _grounds(scenario: Scenario) -> Iterator[tuple[str, Ground]]:
    for name, arm in scenario.arms.items():
        simulate = arm.simulate
        if simulate is not None and simulate.surface is not None:
            parts = [getattr(n, "constant_diffusion", None) for n in simulate.noise]
            known = [d for d in parts if d is not None]
            # Walls have laws of their own.
            free = known and len(known) == len(parts) and not simulate.boundary
            whole = sum(known) if free else None
            yield name, Ground(simulate.surface, whole, _leaving(simulate, whole))


def _leaving(simulate: Simulate, diffusion: float | None) -> Leaving | None:
    """The theory of the one exit of an arm of one dimension; None where there is none."""
    surface, noises = simulate.surface, simulate.noise
    bounds = [b for event in simulate.events if (b := event.bounds) is not None]
    if (
        surface is None
        or surface.dim != 1
        or len(bounds) != 1
        or simulate.scheme.velocity
        or simulate.boundary
    ):
        return None
    start = surface.start if simulate.theta0 is None else simulate.theta0
    place = (float(np.ravel(start)[0]), bounds[0].lower, bounds[0].upper)
    try:
        if diffusion:
            return Leaving(mean_first_passage(surface, diffusion, *place), "exact mean first passage time")
        jumps = noises[0].big_jumps(1) if len(noises) == 1 else None
        if jumps is not None:
            mean = mean_single_jump(surface, jumps, *place)
            return Leaving(mean, "single jumps, the limit of small noise")
    except SdesimError:
        pass
    return None
