"""`simulate`: an ensemble of the Langevin–Lévy SDE as a Run."""

from __future__ import annotations

import os
import time as clock
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from sdesim.compiled.generated import check_cache
from sdesim.engine.checkpoint import Checkpoint
from sdesim.engine.continuation import changed_parts, check_continued, end_of, taken_over
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.events import Event
from sdesim.engine.fingerprint import dynamics, fingerprint
from sdesim.engine.fitting import has_loss
from sdesim.engine.growth import growth_of, infinite_means
from sdesim.engine.kernel_check import check_functions
from sdesim.engine.plan import Plan, make_plan
from sdesim.engine.price import reading_price
from sdesim.engine.reductions.base import Base as Reduction
from sdesim.engine.reductions.collected import attributes_of, coordinates_of, sizes_of, variables_of
from sdesim.engine.refinement import check_refine, refined_plan
from sdesim.engine.saving import Evaluation, SavedPoints
from sdesim.engine.schemes import Scheme
from sdesim.engine.surface_check import check_surface
from sdesim.engine.tangent import Tangents
from sdesim.engine.unseen import reads_unseen, unseen_part
from sdesim.engine.walls.base import Base as Wall
from sdesim.errors import RunError, SdesimError
from sdesim.io.lock import beside, clear_dead, lock_beside
from sdesim.io.memory import spread
from sdesim.io.places import Place, place, remove_tree
from sdesim.io.progress import progress_report
from sdesim.kinds.numbers import as_label, whole
from sdesim.kinds.registry import fields_of
from sdesim.kinds.spelling import short
from sdesim.noise import Noise
from sdesim.runs import Probes, RunWriter, open_run
from sdesim.runs.attributes import of_parts, rows
from sdesim.runs.price import priced
from sdesim.runs.replays import warn_of_replay
from sdesim.runs.schema import (
    CURVATURE_PROBE,
    EVERY_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    HALVED_STEPS,
    PROGRESS_PROBE,
    UNSEEN_PROBE,
    VIRTUAL_PROBE,
)
from sdesim.runs.stamp import Fingerprint, settle
from sdesim.runs.store import begun_run
from sdesim.surfaces.base import Surface

# Updates of one coordinate between two looks at the progress bar: about half a second.
_STRETCH = 5e7
# Where a step is more updates than _LARGE, what few steps of a block take is the wait for memory: such an
# ensemble walks _FEW steps before it looks, unless they are more updates than _LONG.
_LARGE, _FEW, _LONG = 2e5, 256, 5e8
_REPLAY = (
    "theta0 is the last state of a run with the same seed, {seed}, whose noise would come again: go on with "
    "continue_from=run, or give another seed"
)
_CHANGED = "continue_from: goes on with other parameters than the run had: {parts}"


def simulate(
    surface: Surface | Any,
    noise: Sequence[Noise] | Noise = (),
    theta0: ArrayLike | None = None,
    *,
    dt: float,
    steps: int | None = None,
    T: float | None = None,
    trajectories: int | None = None,
    seed: int | None = None,
    learning_rate: Any = None,
    scheme: str | Scheme = "auto",
    dtype: str = "float64",
    save_every: int | None = None,
    save_at: ArrayLike | None = None,
    save: Sequence[str] | str = ("theta", "loss"),
    observe: Mapping[str, Any] | None = None,
    events: Sequence[Event] | Event = (),
    boundary: Sequence[Wall] | Wall = (),
    reduce: Sequence[Reduction] | Reduction = (),
    tolerance: float | None = None,
    smallest_dt: float | None = None,
    threads: int | None = None,
    out: str | Place | None = None,
    resume: bool = False,
    accept_changes: bool = False,
    continue_from: xr.Dataset | str | Place | None = None,
    first: int = 0,
    refine: int = 1,
    cluster: Any = None,
    probes: Probes | None = None,
    progress: bool | Callable[[int, int], None] = True,
    name: str = "",
    evaluate: Evaluation | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Simulate dθ = −∇L dt + √(2D) dW + dζ for an ensemble of independent trajectories.

    The numbers are a function of these arguments alone: never of threads, of how often is saved, of how many
    trajectories run beside one, or of a resume.

    Args:
        surface: L, of `sdesim.surfaces`; or an equation dθ = f dt + B dW of `sdesim.sdes`, which has no loss:
            what is made of one is absent from its run, as the attribute `absent` says.
        noise: driving noises of `sdesim.noise`, added; none: gradient flow.
        theta0: a number, (d,) or (trajectories, d); default the surface's start.
        dt: time step. steps: how many; or T: the time at which the run ends, a multiple of dt.
        trajectories: K, default 1. seed: any whole number below 2⁶⁴, default 0.
        learning_rate: η at which C, S, C* and the generator are read, a number, a schedule or a function of
            t; noises that are of gradients follow it. Default dt.
        scheme: a name out of `sdesim.SCHEMES`, or a scheme object. "auto" is Euler–Maruyama, tamed Euler
            where jumps meet a drift that grows faster than linearly, and Heun for Stratonovich equations; the
            attribute `scheme` says which it was. Where jumps may throw an explicit step across,
            `explicit_overshoots` counts such steps.
        dtype: "float64", or "float32" for the state and all coefficients: about twice as fast, for surfaces,
            schemes and noises that can. Losses, norms and times in wells are summed in float64. Normals come
            four from a call of the generator and end at 6.8 standard deviations; Lévy increments are drawn in
            float64 and rounded. Each step rounds θ to 24 bits; noise below 64 roundings is refused.
        save_every: steps between saved points, None for about 1,000 points; step 0 and the last always are.
        save_at: times of the saved points in its place, multiples of dt that increase; those and no others.
        save: one or several of "theta", "loss", "weight_norm" and "theta_projection", θ along 16 fixed random
            directions. What is not asked for is not computed. "loss" keeps the norm too, and the projections
            where θ itself is not kept or has more coordinates than that.
        observe: numbers made of the state at saved points, as variables of their own, by name: functions f(x)
            or f(t, x) of x (d,), which Numba compiles, or kinds of `sdesim.observables`, which also take
            ``units`` and ``long_name``. NaN where the state is not finite.
        events: of `sdesim.events`, one or several, watched at every step.
        boundary: walls of `sdesim.walls`, one or several.
        reduce: reductions of `sdesim.reductions`, one or several: moments, histograms, … of all trajectories
            that have not ended, made as they go, so that memory does not grow with steps; `save=[]` beside.
        tolerance: halve steps, each trajectory its own, until ½ h |∇L_k(end) − ∇L_k(start)|/max(1, |θ_k|),
            the error of the drift over a step of length h, is at most this, and likewise the size of the
            noise near reflecting walls. The increments of the noise are halved given their whole, so that a
            run is one path at every tolerance; at ∞ it has the bits of a run without. `steps_taken` counts
            steps, `unmet_steps` those beyond the tolerance at the smallest length. None: no step is halved.
        smallest_dt: below which no step is halved; default dt/2²⁰.
        threads: default all cores.
        out: Zarr path to stream to, or the URL of one in a store that fsspec knows (``s3://bucket/run.zarr``);
            memory then does not grow with steps. None keeps the run in memory.
        resume: go on from where an interrupted call with the same arguments and `out` left.
        accept_changes: go on although code of one's own, or sdesim's, was edited since; the attribute
            `accepted_changes` keeps what.
        continue_from: a run, or where one is stored, whose trajectories go on for ``steps`` more: its time,
            seed, streams and states are taken on, with the bits of one run that goes through. The other
            arguments are given as they were.
        first: the number of the first trajectory, where this is a part of a larger ensemble: its
            trajectories are those of the whole to the bit, and `sdesim.concat_runs` joins the parts.
        refine: k, a power of two: the path of the run with step dt, walked with dt/k. The increments sum to
            those of that run over each dt, so that only the step differs; all refinements of a run are one
            path. Steps are numbered, saved and probed as in that run; events are watched at every short one.
            For Gaussian noise and stable noise that is neither truncated nor tempered.
        cluster: walk blocks of trajectories on a Dask cluster: its client, the address of its scheduler, or a
            number of processes of this machine. The bits are the same. ``threads`` then share one block, one
            if not given; with ``out`` each worker writes its own blocks there, so that all must see the path.
        probes: when and how gradients and curvature are measured; None for not at all.
        progress: True: a bar in a notebook, or when stderr is a terminal; or a function (done, total) of
            steps.
        name: a label for the run.
        evaluate: extra values at saved points.
        attributes: further attributes of the run, which decide no number.

    Returns:
        The Run. A trajectory that blows up is NaN from that step, with status 1 and `stopped_step`; one with
        a step that an implicit scheme did not solve likewise, with status 3 and `unsolved_steps`.

    Raises:
        SdesimError: an argument is out of range or does not fit the others.
        RunError: `out` exists, or can't be written.
    """
    started = clock.perf_counter()
    refine, name = check_refine(refine), as_label(name)
    if attributes is not None and not isinstance(attributes, Mapping):
        raise SdesimError(f"attributes must be a dictionary, got {short(attributes)}")
    end = None if continue_from is None else end_of(continue_from)
    seed, trajectories, first = taken_over(
        end, theta0=theta0, dt=dt, seed=seed, trajectories=trajectories, first=first
    )
    with spread(cluster):
        plan = make_plan(
            surface, noise, theta0=theta0, dt=dt, steps=steps, trajectories=trajectories, seed=seed,
            learning_rate=learning_rate, scheme=scheme, save_every=save_every, save=save, events=events,
            probes=probes, dtype=dtype, boundary=boundary, T=T, save_at=save_at, observe=observe,
            reduce=reduce, first=first, end=end, tolerance=tolerance, smallest_dt=smallest_dt,
        )  # fmt: skip
    plan = refined_plan(plan, refine)
    parts = dynamics(plan)
    changed: list[str] = []
    if end is not None:
        check_continued(plan)
        changed = changed_parts(end, parts)
        if changed:
            warnings.warn(_CHANGED.format(parts=", ".join(changed)), stacklevel=2)
    elif theta0 is not None and np.ndim(theta0) and plan.noise_kernels:
        warn_of_replay("simulated", plan.seed, plan.first, plan.theta0, _REPLAY.format(seed=plan.seed))
    check_surface(plan.surface, plan.theta0[0].copy())
    check_functions(plan)
    if resume and out is None:
        raise RunError("resume=True needs out, the path of the run to continue")
    cores = os.cpu_count() or 1
    threads = None if threads is None else whole(threads, "threads")
    target = None if out is None else place(out)
    if target is not None:
        check_cache()
    mark = None if target is None else fingerprint(plan)
    if resume and target is not None and mark is not None:
        # Nothing is written then, so that it may lie where nothing can be.
        done = whole_run(target, mark, accept_changes)
        if done is not None:
            clear_dead(lock_beside(target))
            return done
    checkpoint = None if target is None or mark is None else Checkpoint(target, mark.key)
    told = {"continued_with_other": changed} if changed else {}
    labels = {"dynamics": parts, **told, "name": name, **(attributes or {})}
    if cluster is not None:
        from sdesim.engine.cluster.gather import gathered
        from sdesim.engine.cluster.tasks import Gathering

        with beside(target) as held:
            asked = Gathering(
                plan, evaluate, target, mark, labels, threads or 1, resume, accept_changes, name, held
            )
            return gathered(asked, cluster, progress, started)
    threads = min(threads or cores, cores)
    ensemble: Any = plan.scheme.ensemble(plan, threads) if plan.walked else Ensemble(plan, threads)
    tangents = Tangents(plan, ensemble.threads) if plan.tangent and plan.probed else None
    with beside(target) as held:
        begin, begun = plan.begin, False
        if resume and target is not None and mark is not None and checkpoint is not None and target.exists():
            done = whole_run(target, mark, accept_changes)
            if done is not None:
                return done
            stored = begun_run(target)
            if stored is not None:
                changes = changes_of(target, stored, mark, accept_changes)
                labels |= {"accepted_changes": changes} if changes else {}
            if stored is None or not checkpoint.path.exists():
                # Interrupted before its first checkpoint: it begins again.
                remove_tree(target)
            else:
                begin, begun = _take_up(plan, ensemble, tangents, checkpoint, accept_changes), True
        # A first checkpoint may be of step 0, when compiling took long.
        writer = writer_of(plan, target, labels, evaluate, resume=begun, mark=mark)
        with progress_report(progress, name or "simulation") as report:
            if held is not None and target is not None:
                held.watch(target)
                report = held.told(report)
            _walk(plan, ensemble, tangents, writer, evaluate, checkpoint, begin, report)
        _finish_events(plan, ensemble, writer)
        if ensemble.reducing is not None:
            for variable, values in ensemble.reducing.results().items():
                writer.write(variable, values)
        _keep_state(plan, ensemble, writer)
        if plan.walked:
            own: Any = plan.scheme
            writer.write("sde_time", np.asarray(own.sde_times(plan.saved), dtype=np.float64))
        run = writer.finish(wall_time=clock.perf_counter() - started)
        if checkpoint is not None:
            checkpoint.remove()
    return run


def walk_part(
    plan: Plan, ensemble: Any, evaluate: Evaluation | None, out: Place | None, begin: int, block: int
) -> RunWriter:  # fmt: skip
    """Walk a part of a larger ensemble from its start, keeping what is of its own trajectories.

    Args:
        plan: of the part. ensemble: its state. evaluate: as of `simulate`.
        out: where the run of all lies; None keeps the part in memory.
        begin: the place of its first trajectory there. block: trajectories of a part.
    """
    tangents = Tangents(plan, ensemble.threads) if plan.tangent and plan.probed else None
    writer = writer_of(plan, out, {}, evaluate, resume=False, mark=None, block=block, begin=begin)
    _walk(plan, ensemble, tangents, writer, evaluate, None, plan.begin, lambda done, total: None)
    _finish_events(plan, ensemble, writer)
    _keep_state(plan, ensemble, writer)
    return writer


def whole_run(out: Place, mark: Fingerprint, accept: bool) -> xr.Dataset | None:
    """The run at `out` where it is there, and whole; None where there is something to do.

    Raises:
        RunError: it is a run with other arguments, or of code that was other then; in one line, which.
    """
    stored = begun_run(out) if out.exists() else None
    if stored is None or not stored.get("complete"):
        return None
    changes_of(out, stored, mark, accept)
    # Of a call that was killed after the end of its run and before this.
    with suppress(OSError):
        Checkpoint(out, mark.key).remove()
    return open_run(out)


def changes_of(out: Place, stored: Mapping[str, Any], mark: Fingerprint, accept: bool) -> list[str]:
    """What of the code was edited since the run at `out` was begun, as far as that was accepted.

    Raises:
        RunError: it is a run with other arguments, or of code that was other then; in one line, which.
    """
    found = rows(stored, "accepted_changes")
    if stored.get("fingerprint") != mark.key:
        which = settle(mark, stored, accept, f"{out} holds a run", "choose another out")
        found.append(which)
        if stored.get("complete"):
            warnings.warn(f"{out} was made before {which}: it is given back as it is", stacklevel=3)
    return found


def _take_up(
    plan: Plan, ensemble: Any, tangents: Tangents | None, checkpoint: Checkpoint, accept: bool
) -> int:  # fmt: skip
    """Restore the state of an interrupted run; returns the step from which it goes on."""
    found = checkpoint.load(accept)
    assert found is not None
    step, state = found
    if "x" not in state:
        raise RunError(f"{checkpoint.out} was begun on a cluster: go on with cluster= (--cluster)")
    own = ensemble.portable() | ({} if tangents is None else tangents.portable())
    checkpoint.check(step, state, own, (plan.begin, plan.steps))
    ensemble.restore(state)
    if tangents is not None:
        tangents.restore(state)
    return step


def _stretches(plan: Plan, begin: int, step_chunk: int, stops: Sequence[int] = ()) -> list[int]:
    """Where the kernel comes back: chunks of saved points, probes, stops, and for the progress bar."""
    last_of_chunk = plan.saved[step_chunk - 1 :: step_chunk]
    ends = {plan.steps, *last_of_chunk.tolist(), *plan.probe_steps.tolist()}
    cost = plan.trajectories * plan.dim * max(1, plan.kernel.examples)
    least = min(_FEW, int(_LONG / cost)) if cost > _LARGE else 1
    length = max(1, int(_STRETCH / cost), least)
    length += length % 2
    ends |= {*range(0, plan.steps, length), *stops}
    # The start of a run is a point to be saved.
    ends |= {plan.begin}
    return sorted(e for e in ends if e > begin or e == begin == plan.begin)


def _walk(
    plan: Plan, ensemble: Any, tangents: Tangents | None, writer: RunWriter,
    evaluate: Evaluation | None, checkpoint: Checkpoint | None, begin: int,
    report: Callable[[int, int], None],
) -> None:  # fmt: skip
    """From step ``begin`` to the end, writing saved points and probes as they come."""
    step = begin
    first = 0 if begin == plan.begin else int(np.searchsorted(plan.saved, begin, side="right"))
    points = SavedPoints(plan, writer, evaluate, first)
    stops = () if ensemble.reducing is None else ensemble.reducing.stops()
    for end in _stretches(plan, begin, writer.step_chunk, stops):
        last = int(np.searchsorted(plan.saved, end, side="right"))
        outputs, column = points.room(last)
        saves = plan.saved[first:last] if points.kept else plan.saved[:0]
        ensemble.advance(step, end, saves, outputs, column)
        points.flush(whole=True)
        if tangents is not None:
            tangents.advance(step, end)
        step, first = end, last
        _probe(plan, ensemble, tangents, writer, step)
        if checkpoint is not None and checkpoint.due():
            points.flush(whole=False)
            writer.note_chunks()
            checkpoint.save(step, ensemble, tangents)
        report(step, plan.steps)


def _probe(plan: Plan, ensemble: Any, tangents: Tangents | None, writer: RunWriter, step: int) -> None:
    """Measure the first trajectories where this step asks for it; ended ones are left out."""
    at = int(np.searchsorted(plan.probe_steps, step))
    if plan.probes is None or at >= len(plan.probe_steps) or plan.probe_steps[at] != step:
        return
    # A run without readings does without their estimators, and what they load.
    from sdesim.runs import probe, probe_rng
    from sdesim.runs.virtual_steps import virtual_steps, weighted_progress

    oracle, eta, before = plan.oracle(step), plan.learning_rate_at(step), plan.probes_before
    status = ensemble.status()
    for k in range(plan.probed):
        if status[k] != 0:
            continue
        if tangents is not None and step > 0:
            writer.write("tangent_growth", tangents.growth(k), trajectory=k, probe=at)
        if not has_loss(plan.surface):
            continue
        values = probe(
            oracle,
            ensemble.theta(k),
            samples=plan.probes.samples,
            rng=probe_rng(plan.seed, plan.first + k, step),
            step_size=eta,
            directions=plan.directions,
            groups=plan.groups or None,
            gradient=plan.probes.wants("gradient"),
            curvature=plan.probes.bends(before + at, before + len(plan.probe_steps)),
            exactness=plan.probes.exactness(oracle),
            sequential=plan.probes.sequential,
            **(ensemble.probe_keywords(k, step) if plan.walked else {}),
        )
        if _reads_unseen(plan) and plan.probes.bends(before + at, before + len(plan.probe_steps)):
            values |= unseen_part(plan, ensemble.memory, k, step, ensemble.theta(k))
        branches = plan.probes.branches_at(before + at, before + len(plan.probe_steps))
        if plan.walked and branches:
            values |= ensemble.progress(k, step, plan.probes.branches)
        elif branches and _measures_progress(plan):
            values |= virtual_steps(
                oracle, ensemble.theta(k), plan.probes.branches, step_size=eta,
                seed=(plan.seed, plan.first + k, step), loss=plan.tail_index is None,
            )  # fmt: skip
            if plan.tail_index is not None:
                values |= weighted_progress(
                    oracle, ensemble.theta(k), plan.probes.branches, step_size=eta,
                    seed=(plan.seed, plan.first + k, step),
                )  # fmt: skip
        for key, value in values.items():
            writer.write(key, value, trajectory=k, probe=at)


def _reads_unseen(plan: Plan) -> bool:
    """Whether readings are of what an epoch has left too."""
    return plan.probes is not None and plan.probes.wants("curvature") and reads_unseen(plan)


def _knows(plan: Plan) -> bool:
    """Whether the laws of the noises say what their mean is, so that readings may do without draws."""
    return plan.oracle().moments(plan.theta0[0], covariance=False) is not None


def _measures_progress(plan: Plan) -> bool:
    """Whether a step −η g at the training's batch is what the simulation stands for."""
    probes = plan.probes
    if probes is None or plan.walked or not (probes.wants("progress") and probes.branches):
        return False
    return not getattr(plan.scheme, "momentum", 0.0) and probes.batch_size in (None, plan.batch_size or None)


def _finish_events(plan: Plan, ensemble: Any, writer: RunWriter) -> None:
    writer.write("status", ensemble.status())
    # The step of the coarse run in which it ended.
    writer.write("stopped_step", -(-ensemble.stopped_step() // plan.refine))
    if plan.overshoot_radius is not None:
        writer.write("explicit_overshoots", ensemble.explicit_overshoots())
    if plan.tolerance is not None:
        for name, counted in zip(HALVED_STEPS, ensemble.steps_taken().T, strict=True):
            writer.write(name, counted)
    if plan.scheme.solves:
        writer.write("unsolved_steps", ensemble.unsolved_steps())
    if plan.exits:
        times = ensemble.exit_times()
        writer.write("exit_time", times)
        writer.write("exit_censored", np.isnan(times))
        writer.write("exit_state", ensemble.exit_states())
        writer.write("exit_wall", ensemble.exit_walls())
    if plan.occupancy:
        writer.write("occupancy", ensemble.occupancy())


def _fields(noise: Any) -> dict[str, Any]:
    """The kind of a noise and the fields that make it."""
    named = {"kind": getattr(noise, "kind", type(noise).__name__)}
    return named | (fields_of(noise) if is_dataclass(noise) else {})


def _keep_state(plan: Plan, ensemble: Any, writer: RunWriter) -> None:
    """What a run that goes on from here needs beside the saved points."""
    if plan.save_theta and plan.scheme.velocity:
        writer.write("final_velocity", ensemble.velocities())
    if _keeps_noise(plan):
        writer.write("final_noise", ensemble.noise_states())
    rates = plan.rates(plan.saved)
    if rates is not None:
        writer.write("learning_rate", np.broadcast_to(rates, (plan.trajectories, len(rates))))


def _keeps_noise(plan: Plan) -> bool:
    """Whether states of noises are kept for a run that goes on: what walks by itself is no such run."""
    return plan.save_theta and not plan.walked and any(plan.noise_memory.values())


def writer_of(
    plan: Plan,
    out: Place | None,
    labels: Mapping[str, Any],
    evaluate: Evaluation | None,
    resume: bool,
    mark: Fingerprint | None,
    block: int = 0,
    begin: int | None = None,
) -> RunWriter:
    """The run that a plan makes; with ``begin`` the part of one, without what is of all its trajectories."""
    reductions = plan.reductions if begin is None else ()
    names = ["status", "stopped_step"]
    names += ["weight_norm"] if plan.save_norm else []
    names += ["loss"] if plan.save_loss else []
    names += ["learning_rate"] if plan.rate is not None or plan.walked else []
    names += ["sde_time"] if plan.walked else []
    names += ["unsolved_steps"] if plan.scheme.solves else []
    names += ["explicit_overshoots"] if plan.overshoot_radius is not None else []
    names += HALVED_STEPS if plan.tolerance is not None else ()
    names += ["theta"] if plan.save_theta else []
    names += ["theta_projection"] if plan.save_projection else []
    names += list(evaluate.values(plan.theta0[:1])) if evaluate is not None else []
    names += ["exit_time", "exit_censored", "exit_state", "exit_wall"] if plan.exits else []
    names += ["occupancy"] if plan.occupancy else []
    names += ["final_velocity"] if plan.save_theta and plan.scheme.velocity else []
    names += ["final_noise"] if _keeps_noise(plan) else []
    probes = plan.probes
    if probes is not None:
        names += EVERY_PROBE if has_loss(plan.surface) else ()
        if probes.wants("gradient"):
            names += [*GRADIENT_PROBE, *(GROUP_PROBE if plan.groups else ())]
        names += CURVATURE_PROBE if probes.wants("curvature") else ()
        names += UNSEEN_PROBE if _reads_unseen(plan) else ()
        if has_loss(plan.surface):
            names += probes.further_variables(known=_knows(plan), groups=bool(plan.groups))
        names += ["tangent_growth"] if probes.tangent else []
        names += [*PROGRESS_PROBE, *VIRTUAL_PROBE] if _measures_progress(plan) else []
        own: Any = plan.scheme
        names += own.further_variables(probes, _knows(plan)) if plan.walked else ()
    batch = plan.batch_size
    attrs: dict[str, Any] = {
        "seed": plan.seed, "scheme": plan.scheme.name, "learning_rate": plan.learning_rate,
        "dt": plan.dt * plan.refine, "steps": plan.steps // plan.refine, "dtype": plan.dtype,
        "batch_size": batch, "dataset_size": plan.kernel.examples,
        "optimizer": "sgd",
        "momentum": float(getattr(plan.scheme, "momentum", 0.0)),
        "nesterov": bool(getattr(plan.scheme, "nesterov", False)),
        "sampling": plan.sampling,
        "surface": type(plan.surface).__name__, "noise": [type(n).__name__ for n in plan.noises],
    }  # fmt: skip
    if not has_loss(plan.surface):
        equation: Any = plan.surface
        del attrs["optimizer"], attrs["momentum"], attrs["nesterov"]
        attrs |= {
            "absent": "loss, and all that is made of one: an equation of its own is no descent",
            "convention": equation.convention, "param_names": list(equation.names),
        }  # fmt: skip
        orders = zip(("strong_order", "weak_order"), plan.orders, strict=True)
        attrs |= {name: order for name, order in orders if order is not None}
    elif not plan.save_loss:
        attrs["absent"] = "loss: it was not asked for in save"
    if plan.last_batch:
        attrs["last_batch"] = plan.last_batch
    if _measures_progress(plan):
        attrs["progress_method"] = "virtual" if plan.tail_index is None else "weighted"
    if plan.tail_index is not None:
        attrs["levy_index"] = plan.tail_index
        attrs |= {"confined": 1} if plan.confined else {}
        attrs["infinite_means"] = infinite_means(plan.surface, growth_of(plan.surface), plan.state_index)
    attrs |= of_parts("noise", [_fields(noise) for noise in plan.noises])
    if reductions:
        told = attributes_of(reductions, plan.setting)
        told["infinite_means"] = [*attrs.get("infinite_means", ()), *told.get("infinite_means", ())]
        attrs |= told if told["infinite_means"] else {k: v for k, v in told.items() if k != "infinite_means"}
    drawn = [getattr(noise, "drawn_by", None) or "" for noise in plan.noises]
    if any(drawn):
        attrs["drawn_by"] = drawn
    if plan.exits:
        attrs["exit_method"] = [w.method for w in plan.watches]
        attrs["exit_shift"] = [w.shift.tolist() for w in plan.watches]
        attrs["exit_flags"] = [";".join(w.flags) for w in plan.watches]
    if plan.boundary:
        attrs["boundary"] = [repr(wall) for wall in plan.boundary]
    if plan.tolerance is not None:
        attrs |= {"tolerance": plan.tolerance, "smallest_dt": plan.smallest_dt}
    if plan.tangent:
        attrs["tangent"] = plan.tangent
    if plan.end is not None:
        attrs["continued_from_step"] = plan.begin
    if plan.refine > 1:
        attrs["refine"] = plan.refine
    if mark is not None:
        attrs |= mark.attrs()
    if probes is not None and probes.precision is not None:
        attrs |= {"precision": probes.precision, "most_samples": probes.most}
    if probes is not None and probes.budget is not None and has_loss(plan.surface):
        attrs |= priced(probes, reading_price(probes, plan.noises, plan.trajectories))
    if batch and probes is not None:
        attrs["probe_batch_size"] = probes.batch_size or batch
    return RunWriter(
        kind="simulated",
        trajectories=plan.trajectories,
        steps=plan.saved // plan.refine,
        time=plan.times(plan.saved),
        dim=plan.dim,
        variables=names,
        probe_steps=None if probes is None else plan.probe_steps // plan.refine,
        probe_time=None if probes is None else plan.times(plan.probe_steps),
        probe_trajectories=None if probes is None else plan.probed,
        samples=0 if probes is None else probes.samples,
        directions=len(plan.directions),
        groups=tuple(plan.groups),
        events=tuple(e.name for e in plan.exits),
        wells=plan.surface.wells if plan.occupancy else (),
        further=variables_of(reductions, plan.setting),
        sizes=sizes_of(reductions, plan.setting),
        coordinates=coordinates_of(reductions, plan.setting, plan.dt),
        attrs={**attrs, **labels},
        out=out,
        resume=resume,
        observables={name: observable.spec for name, observable in plan.observables.items()},
        first=plan.first,
        noise_states=sum(plan.noise_memory.values()),
        block=block,
        begin=begin if out is not None else None,
    )
