"""Whether the parts of a simulated arm fit one another, with or without a real arm that it imitates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.fitting import Real, check_fit
from sdesim.engine.saved_times import steps_to_save, time_problems
from sdesim.kinds.misfit import Problem
from sdesim.runs.twin_rules import step_refusal, twin_refusals
from sdesim.scenario.models import Arm, Scenario, Simulate


def check_simulate(scenario: Scenario, arm: Arm) -> Iterator[Problem]:
    """What does not fit in a simulated arm, each with its place inside `simulate`."""
    simulate = arm.simulate
    assert simulate is not None
    real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of]
    train = None if real is None else real.train
    if train is not None and simulate.dt is not None:
        refusal = step_refusal(simulate.dt, simulate.learning_rate or train.optimizer.lr)
        if refusal:
            yield ("dt",), refusal
            return
    given = simulate.steps
    if given is None and simulate.T is None:
        given = scenario.simulated_steps(simulate)
    wrong = list(
        time_problems(scenario.dt(simulate), given, simulate.T, simulate.save_every, simulate.save_at)
    )
    if wrong:
        yield from wrong
        return
    for path, text in check_fit(
        simulate.equation,
        simulate.noise,
        simulate.scheme,
        dim=None if train is None else train.dim,
        examples=None if train is None else train.data.examples,
        dt=simulate.dt,
        learning_rate=simulate.learning_rate,
        events=simulate.events,
        probes=arm.probes or scenario.probes,
        theta0=simulate.theta0,
        trajectories=simulate.trajectories,
        steps=None if simulate.dt is None else scenario.simulated_steps(simulate),
        dtype=simulate.dtype,
        boundary=simulate.boundary,
        reduce=simulate.reduce,
        saved=_saved(scenario, simulate),
        real=None if real is None else _imitated(scenario, simulate, real),
    ):
        # Probes stand beside `simulate`; the arm is named where those of the scenario don't fit it.
        yield (("scheme",), f"probes: {text}") if path[:1] == ("probes",) else (path, text)


def _saved(scenario: Scenario, simulate: Simulate) -> NDArray[np.int64] | None:
    """Saved steps; None where the real arm may decide them."""
    if simulate.dt is None:
        return None
    return steps_to_save(
        simulate.dt, scenario.simulated_steps(simulate), simulate.save_every, simulate.save_at
    )


def _imitated(scenario: Scenario, simulate: Simulate, arm: Arm) -> Real:
    train, probes = arm.train, arm.probes or scenario.probes
    assert train is not None
    return Real(
        name=str(simulate.twin_of),
        learning_rate=train.optimizer.lr,
        batch_size=train.optimizer.batch_size,
        trajectories=train.trajectories,
        own_starts=train.start_from is not None,
        gradient_probes=probes is not None and probes.wants("gradient"),
        obstacles=twin_refusals(train.attributes),
    )


def wells_of_arm(simulate: Simulate) -> tuple[str, ...]:
    """Names of the wells of an arm's surface."""
    return () if simulate.surface is None else tuple(simulate.surface.wells)
