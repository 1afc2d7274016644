"""Whether the parts of a simulated arm fit one another, with or without a real arm that it imitates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress

from sdesim.engine.fitting import Real, check_fit
from sdesim.engine.observables.base import name_problems
from sdesim.engine.saved_times import steps_to_save, time_problems
from sdesim.kinds.misfit import Problem
from sdesim.noise.base import Context
from sdesim.noise.following import resolved
from sdesim.runs.twin_rules import step_refusal, twin_refusals
from sdesim.scenario.assemble import loss_of
from sdesim.scenario.continuing import begin_of, check_continuing
from sdesim.scenario.models import Arm, Scenario, Simulate, Train
from sdesim.schedules import at


def check_simulate(scenario: Scenario, name: str) -> Iterator[Problem]:
    """What does not fit in a simulated arm, each with its place inside `simulate`."""
    arm = scenario.arms[name]
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
        given = scenario.steps(name)
    begin = begin_of(simulate, name)
    dt, every, times = scenario.dt(simulate), simulate.save_every, simulate.save_at
    wrong = list(time_problems(dt, given, simulate.T, every, times, begin))
    if wrong:
        yield from wrong
        return
    for observed in simulate.observe:
        yield from name_problems(observed)
    yield from check_continuing(simulate, name)
    fits = True
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
        steps=None if simulate.dt is None else scenario.steps(name),
        dtype=simulate.dtype,
        boundary=simulate.boundary,
        observe=simulate.observe,
        reduce=simulate.reduce,
        saved=None if simulate.dt is None else steps_to_save(dt, scenario.steps(name), every, times, begin),
        tolerance=simulate.tolerance,
        smallest_dt=simulate.smallest_dt,
        real=None if real is None else _imitated(scenario, arm, real),
        begun=simulate.continue_from is not None,
    ):
        # Probes stand beside `simulate`; the arm is named where those of the scenario don't fit it.
        yield (("scheme",), f"probes: {text}") if path[:1] == ("probes",) else (path, text)
        fits = False
    if (simulate.refine > 1 or simulate.tolerance is not None) and fits:
        yield from _shorter_steps(simulate)


def _shorter_steps(simulate: Simulate) -> Iterator[Problem]:
    """Why the path can't be walked with shorter steps, which the noises' compiled sides tell."""
    from sdesim.engine.halving import kernel_misfits
    from sdesim.engine.refinement import misfits
    from sdesim.engine.schemes import as_scheme

    surface, dt = simulate.equation, simulate.dt
    assert dt is not None
    eta = simulate.learning_rate or dt
    context = Context(surface.dim, at(eta, 0.0), surface)
    noises = [resolved(n, context, eta) for n in simulate.noise]
    kernels = [n.kernel(surface.dim, dt, context.learning_rate) for n in noises]
    continued = simulate.continue_from is not None
    scheme = as_scheme(simulate.scheme).resolved(surface, noises)
    yield from misfits(simulate.refine, kernels, 0, scheme, simulate.dtype, continued, simulate.reduce)
    yield from kernel_misfits(simulate.tolerance, kernels, 0)


def _imitated(scenario: Scenario, arm: Arm, real: Arm) -> Real:
    """What a simulated arm takes from the real one."""
    simulate, train, probes = arm.simulate, real.train, real.probes or scenario.probes
    assert simulate is not None
    assert train is not None
    return Real(
        name=str(simulate.twin_of),
        learning_rate=train.optimizer.lr,
        batch_size=train.optimizer.batch_size,
        trajectories=train.trajectories,
        sampling="epoch" if train.attributes.get("sampling") == "epoch" else "with-replacement",
        own_starts=train.start_from is not None,
        gradient_probes=probes is not None and probes.wants("gradient"),
        obstacles=(*twin_refusals(train.attributes), *_without_sde(simulate, train)),
        steps=_own_steps(scenario, arm, train),
    )


def _own_steps(scenario: Scenario, arm: Arm, real: Train) -> str:
    """Words for the steps of a twin that are those of its optimizer's SDE; empty where they are a scheme's,
    as `plan_twin` has it: of SGD at one rate on a network with compiled kernels."""
    simulate, probes = arm.simulate, arm.probes or scenario.probes
    assert simulate is not None
    if not simulate.scheme.chooses:
        return ""
    scheme = real.optimizer.scheme()
    stretched = scheme is not None and scheme.momentum and scenario.dt(simulate) != real.optimizer.lr
    asked = simulate.form is not None or simulate.chunk is not None
    if scheme is None or stretched or asked or not real.schedule.constant or real.clip is not None:
        return str(real.optimizer.kind)
    watched = simulate.events or simulate.boundary or simulate.reduce or simulate.dtype != "float64"
    if not (watched or (probes is not None and probes.tangent)):
        return ""
    # Only torch's network tells, and it matters only to what needs compiled kernels.
    with suppress(ModuleNotFoundError):
        from sdesim.networks.fully_connected import as_dense

        if as_dense(real.network.build(), loss_of(real).function(real.data)) is None:
            return str(real.optimizer.kind)
    return ""


def _without_sde(simulate: Simulate, train: Train) -> Iterator[str]:
    """Why the steps of a real arm have no SDE, where that is what is to be walked."""
    if not simulate.scheme.chooses or train.clients is not None:
        return
    parameters: tuple[tuple[str, int], ...] = ()
    if train.optimizer.groups:
        # Only torch knows the names; without it no real arm runs.
        with suppress(ModuleNotFoundError):
            sizes = map(math.prod, train.network.shapes)
            parameters = tuple(zip(train.network.parameter_names, sizes, strict=True))
        if not parameters:
            return
    found = train.optimizer.sde(parameters, form=simulate.form)
    if isinstance(found, str):
        yield f"a twin needs an SDE of the optimizer's steps: {found}"


def wells_of_arm(simulate: Simulate) -> tuple[str, ...]:
    """Names of the wells of an arm's surface."""
    return () if simulate.surface is None else tuple(simulate.surface.wells)
