"""What only this machine or the network itself tells of an arm's readings, before anything is written."""

from __future__ import annotations

import numpy as np

from sdesim.engine.fitting import first_start
from sdesim.engine.memory import check_room
from sdesim.noise.base import Context
from sdesim.runs.probes import Probes
from sdesim.scenario.assemble import probes_of, recipe_of
from sdesim.scenario.checks.budget import is_priced
from sdesim.scenario.models import Arm, Scenario, Simulate, Train
from sdesim.schedules import at


def check_readings(scenario: Scenario, name: str, arm: Arm) -> None:
    """Refuse an arm whose readings memory does not hold, or that can't be as they are asked for.

    Raises:
        SdesimError: why.
    """
    probes = probes_of(scenario, arm)
    if arm.train is not None:
        _check_real(scenario, name, arm.train, probes)
    elif arm.simulate is not None:
        _check_simulated(scenario, arm.simulate, probes)


def _check_real(scenario: Scenario, name: str, train: Train, probes: Probes | None) -> None:
    from sdesim.training.loop.memory import check_readings as check_memory
    from sdesim.training.loop.prepared import check_probes

    if probes is None:
        return
    check_memory(probes, train.network.dim, masked=train.prune is not None)
    asked = probes.budget is not None or probes.exact is True or probes.precision is not None
    if asked and not is_priced(train):
        recipe = recipe_of(scenario, name, train, train.network.build(), train.data.load())
        check_probes(recipe, probes)


def _check_simulated(scenario: Scenario, simulate: Simulate, probes: Probes | None) -> None:
    surface = simulate.equation
    if surface is not None:
        from sdesim.engine.plan import check_known

        check_room(surface.dim, simulate.trajectories or 1, probes)
        eta = float(at(simulate.learning_rate, 0.0) or simulate.dt or 1.0)
        context = Context(surface.dim, eta, surface)
        noises = [noise.resolved(context).at(0.0) for noise in simulate.noise]
        check_known(probes, surface, noises, eta, first_start(surface, simulate.theta0))
        return
    real = scenario.arms[str(simulate.twin_of)].train
    assert real is not None
    check_room(real.dim, simulate.trajectories or real.trajectories, probes)
    if probes is None:
        return
    from sdesim.engine.plan import check_laws

    # What a noise takes from the real arm does not decide whether its law is known; minibatches' always is.
    eta = float(simulate.learning_rate or real.optimizer.lr)
    context = Context(real.dim, eta, None, 0, 1.0)
    drawn = [noise for noise in simulate.noise if not {"batch_size", "surface"} & set(noise.needs)]
    noises = [noise.resolved(context).at(0.0) for noise in drawn]
    check_laws(probes, noises, eta, np.zeros(real.dim))
