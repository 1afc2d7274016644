"""Whether the parts of a simulated arm fit one another, with or without a real arm that it imitates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sdesim.engine.fitting import Real, check_fit
from sdesim.engine.observables.base import name_problems
from sdesim.engine.saved_times import steps_to_save, time_problems
from sdesim.errors import RunError
from sdesim.kinds.misfit import Problem
from sdesim.noise.base import Context
from sdesim.noise.following import resolved
from sdesim.runs.probes import SAVED_POINTS, saved_count
from sdesim.runs.twin_rules import has_own_law, step_refusal, twin_refusals
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
    if train is not None and simulate.at is not None and (text := _no_start(train, simulate.at)):
        yield ("at",), text
        return
    if train is not None and (unlike := list(_unlike_own_steps(simulate, train))):
        yield from unlike
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
        # Draws of a forecast are no seeds.
        trajectories=simulate.trajectories if simulate.at is None else None,
        steps=None if simulate.dt is None else scenario.steps(name),
        dtype=simulate.dtype,
        boundary=simulate.boundary,
        observe=simulate.observe,
        reduce=simulate.reduce,
        # As many numbers as there are saved points, which only reductions ask for.
        saved=steps_to_save(dt, scenario.steps(name), every, times, begin)
        if simulate.dt is not None and simulate.reduce
        else None,
        tolerance=simulate.tolerance,
        smallest_dt=simulate.smallest_dt,
        real=None if real is None else _imitated(scenario, simulate, real),
        begun=simulate.continue_from is not None,
    ):
        # Probes stand beside `simulate`; the arm is named where those of the scenario don't fit it.
        yield (("scheme",), f"probes: {text}") if path[:1] == ("probes",) else (path, text)
        fits = False
    if (simulate.refine > 1 or simulate.tolerance is not None) and fits:
        yield from _shorter_steps(simulate)


def _no_start(train: Train, step: int) -> str:
    """Why a training can't be gone on with from a step; empty where it can."""
    if "theta" not in train.save:
        return f"found {step}, allowed: none, as the real arm does not save theta"
    every = train.save_every or max(1, train.steps // SAVED_POINTS)
    # 0, every, … below the last step.
    if step % every == 0 and step < train.steps:
        return ""
    near = min(round(step / every), saved_count(train.steps, every) - 2) * every
    return f"found {step}, allowed: a saved step of the real arm before its last, such as {near}"


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


def _imitated(scenario: Scenario, simulate: Simulate, arm: Arm) -> Real:
    train, probes = arm.train, arm.probes or scenario.probes
    assert train is not None
    return Real(
        name=str(simulate.twin_of),
        learning_rate=train.optimizer.lr,
        batch_size=train.optimizer.batch_size,
        trajectories=train.trajectories,
        sampling="epoch" if train.attributes.get("sampling") == "epoch" else "with-replacement",
        own_starts=train.start_from is not None,
        gradient_probes=probes is not None and probes.wants("gradient"),
        obstacles=twin_refusals({**train.attributes, **({} if probes is None else {"mode": probes.mode})}),
        steps=_own_steps(simulate, train),
    )


def _own_steps(simulate: Simulate, train: Train) -> str:
    """Whose steps a twin makes where it walks the SDE of the real arm's own optimizer; empty where a compiled
    scheme stands for them, or another was asked for."""
    optimizer, loss = train.optimizer, train.loss
    if not simulate.scheme.chooses:
        return ""
    dense = train.network.compiled and bool(loss.on_surfaces) and not (train.objectives or train.penalty)
    whole = simulate.dt in (None, optimizer.lr) or not optimizer.momentum
    simple = train.schedule.constant and train.clip is None and simulate.form is None
    if dense and simple and whole and simulate.chunk is None and optimizer.scheme() is not None:
        return ""
    return f"{optimizer.kind} in {simulate.twin_of}"


def _unlike_own_steps(simulate: Simulate, train: Train) -> Iterator[Problem]:
    """What does not go with the steps of the real arm's own optimizer, or why these have no SDE."""
    if not _own_steps(simulate, train):
        if simulate.form is not None or simulate.chunk is not None:
            name = "chunk" if simulate.form is None else "form"
            yield (name,), "found one beside scheme, allowed: with the steps of the real arm's own optimizer"
        return
    rate, own = simulate.learning_rate, f"with steps of the optimizer of {simulate.twin_of}"
    if rate not in (None, train.optimizer.lr):
        yield ("learning_rate",), f"found {rate:g}, allowed: {train.optimizer.lr:g} {own}"
    for name in ("save_at", "T"):
        if getattr(simulate, name) is not None:
            yield (name,), f"found one, allowed: {'save_every' if name == 'save_at' else 'steps'} {own}"
    yield from _unlike_own_noise(simulate, train, own)
    for member in (replace(train.optimizer, groups=()), *(one for _, one in train.optimizer.members())):
        sentence = member.sde(form=simulate.form)
        if isinstance(sentence, str):
            yield ("twin_of",), f"a twin needs an SDE of the optimizer's steps: {sentence}"
            return
        share = 1.0 / max(1, round(train.optimizer.lr / (simulate.dt or train.optimizer.lr)))
        for k, noise in enumerate(simulate.noise):
            try:
                sentence.inputs(share, getattr(noise, "stability", 2.0))
            except RunError as error:
                yield ("noise", k), str(error)
                return


def _unlike_own_noise(simulate: Simulate, train: Train, own: str) -> Iterator[Problem]:
    """Noises that are not of gradients, or of batches that are not the training's where these alone are
    known."""
    of_draws, batch, minibatches = has_own_law(train.attributes), train.optimizer.batch_size, 0
    for k, noise in enumerate(simulate.noise):
        sort = getattr(noise, "sort", "")
        if sort not in ("gaussian", "levy", "minibatch"):
            yield ("noise", k), f"found {noise.kind}, allowed: noise of the gradients {own}"
        minibatches += sort == "minibatch"
        if not of_draws or sort != "minibatch":
            continue
        if noise.batch_size not in (None, batch):
            text = (
                f"found {noise.batch_size}, allowed: {batch}, in {simulate.twin_of}, whose gradients are no "
            )
            yield ("noise", k, "batch_size"), f"{text}means over fixed examples"
        if minibatches > 1:
            yield ("noise", k), f"found a second minibatch noise, allowed: one, in {simulate.twin_of}"


def wells_of_arm(simulate: Simulate) -> tuple[str, ...]:
    """Names of the wells of an arm's surface."""
    return () if simulate.surface is None else tuple(simulate.surface.wells)
