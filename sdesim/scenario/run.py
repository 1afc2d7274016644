"""Runs a scenario into a directory: real arms, simulated arms, measurements, comparison, report."""

from __future__ import annotations

import importlib
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.compiled.generated import check_cache
from sdesim.errors import RunError, ScenarioError
from sdesim.io.files import atomic_write_text, remove_drafts, write_record
from sdesim.io.lease import Holding
from sdesim.io.lock import locked
from sdesim.io.memory import spread
from sdesim.io.places import Place, local, place
from sdesim.io.progress import PROGRESS, LabelledReport, OneOf, labelled_progress, noted_progress
from sdesim.kinds.registry import fields_of
from sdesim.noise.base import Context
from sdesim.noise.following import resolved
from sdesim.runs import measure
from sdesim.runs.provenance import mark_of, provenance
from sdesim.runs.quantities import smooths
from sdesim.runs.twin_rules import deviations_left
from sdesim.scenario.assemble import arm_seed, probes_of, recipe_of, ticket
from sdesim.scenario.checks.room import too_large
from sdesim.scenario.checks.start import RefusedStart, start_problems
from sdesim.scenario.continuing import run_of
from sdesim.scenario.foreign import foreign_kinds
from sdesim.scenario.load import told, validate_scenario
from sdesim.scenario.models import DRAWS, Arm, Scenario, Simulate, Train
from sdesim.scenario.run_folder import SCENARIO, check_room, clear, take_off_mark, unfinished
from sdesim.scenario.summary import Results, summarise
from sdesim.schedules import at

_LONGEST_LINE = 1_000_000


@dataclass
class Work:
    """What has been run so far, with the recipes of real arms for their twins."""

    scenario: Scenario
    out: Place
    threads: int | None
    resume: bool = False
    accept_changes: bool = False
    cluster: Any = None
    results: Results = field(default_factory=Results)
    recipes: dict[str, Any] = field(default_factory=dict)


def resolved_yaml(scenario: Scenario) -> str:
    """The scenario with all defaults, as YAML that reads back as the same scenario."""
    from ruamel.yaml import YAML

    unused = {"quick"} if scenario.sweep else {"quick", "sweep"}
    plain = _without_none(scenario.model_dump(mode="python", exclude=unused))
    buffer = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    # A key that is broken over lines would not be read back; those of a sweep are long.
    writer.width = _LONGEST_LINE
    # Keeps the order of the fields; the stubs know only the default.
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(plain, buffer)
    return buffer.getvalue()


def _without_none(value: Any) -> Any:
    """Plain data without the fields that are not given."""
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def run_scenario(
    scenario: Scenario,
    out: str | Place,
    *,
    overwrite: bool = False,
    quick: bool = False,
    threads: int | None = None,
    cluster: Any = None,
    progress: bool | LabelledReport = True,
) -> dict[str, Any]:
    """Run every arm, compare, judge, and write the run directory.

    Args:
        scenario: as loaded. quick: only noted in the summary.
        out: the run directory, or its URL where no arm is a training; it is marked incomplete until it is
            whole.
        overwrite: replace a run directory that is there.
        threads: of the simulated arms; default all cores.
        cluster: of the simulated arms that are no twins and of the seeds of real ones, as of
            `sdesim.simulate`.
        progress: True: a bar per arm when stderr is a terminal; or a function (arm, done, total) of steps.

    Returns:
        The content of summary.json.

    Raises:
        ScenarioError: the parts of the scenario don't fit one another; nothing was written.
        RunError: `out` is in the way or can't be written, or a real arm is asked for without PyTorch.
        SdesimError: an arm can't be run.
    """
    target = place(out)
    work = Work(scenario, target, threads, cluster=cluster)
    with spread(cluster):
        check_work(work)
    check_room(target, overwrite)
    with locked(target) as held:
        # Another process may have finished a run here meanwhile.
        older = check_room(target, overwrite)
        with unfinished(target, held, "run"):
            if older:
                clear(target)
            text = resolved_yaml(scenario)
            others = foreign_kinds(scenario)
            noted = {**provenance(), "quick": quick, "kinds_of_others": others, **mark_of(text)}
            write_record(target / "provenance.json", noted)
            # With its scenario the run has begun: all that a resume needs is there.
            atomic_write_text(target / SCENARIO, text)
            return finish_run(work, quick, progress, held)


def check_work(work: Work) -> None:
    """Refuse what can't be run, before anything is written.

    Raises:
        SdesimError: naming it.
    """
    check_cache()
    validate_scenario(work.scenario)
    # Of a run that goes on a part is on the disk already.
    if not work.resume and (wrong := too_large(work.scenario, work.out)):
        raise told(wrong, work.scenario.name)
    if work.threads is not None and work.threads < 1:
        raise ScenarioError(f"threads: found {work.threads}, allowed: a whole number of at least 1")
    if work.cluster is not None:
        from sdesim.engine.cluster.clients import check_cluster

        check_cluster(work.cluster)
    if work.scenario.real:
        local(work.out, "a scenario with trainings")
        # Without PyTorch this fails.
        _ = importlib.import_module("sdesim.training").record
    if wrong := start_problems(work.scenario):
        raise RefusedStart(wrong)


def finish_run(
    work: Work, quick: bool, progress: bool | LabelledReport, held: Holding
) -> dict[str, Any]:  # fmt: skip
    """Run the arms of a directory that holds its scenario, write summary and report, and take the mark off.

    Args:
        work: as `check_work` has let it pass. held: the lock of the directory.

    Returns:
        The content of summary.json.

    Raises:
        SdesimError: an arm can't be run.
    """
    started = time.perf_counter()
    target = work.out
    remove_drafts(target, target / "figures")
    with (
        labelled_progress(progress, transient=True) as report,
        noted_progress(report, target / PROGRESS) as told,
    ):
        _run_arms(work, held.told(told))
        held.check()
        summary = conclude(work, quick, started)
    take_off_mark(target)
    return summary


def conclude(work: Work, quick: bool, started: float) -> dict[str, Any]:
    """Write summary and report of arms that have been run; returns the summary.

    Args:
        quick: noted there. started: when the run was, by `time.perf_counter`.
    """
    from sdesim.report import write_report
    from sdesim.scenario.grounds import grounds

    summary = summarise(work.scenario, work.results, quick)
    summary["wall_time"] = time.perf_counter() - started
    write_record(work.out / "summary.json", summary)
    write_report(work.out, measured=work.results.measured, grounds=grounds(work.scenario))
    return summary


def _run_arms(work: Work, report: LabelledReport) -> None:
    """Real arms first, because twins take from them."""
    arms = work.scenario.arms
    for name in sorted(arms, key=lambda name: arms[name].train is None):
        run_arm(work, name, report)


def run_arm(work: Work, name: str, report: LabelledReport) -> None:
    """Run one arm and measure it; those from which it takes have been run."""
    arm = work.scenario.arms[name]
    if arm.train is not None:
        run = _train(work, name, arm, arm.train, report)
    else:
        assert arm.simulate is not None
        run = _simulate(work, name, arm, arm.simulate, report)
    work.results.runs[name] = run
    if "probe" in run.dims:
        work.results.measured[name] = measure(run, smooth=smooths(work.scenario.named))


def _train(work: Work, name: str, arm: Arm, train: Train, report: LabelledReport) -> xr.Dataset:
    from sdesim.training import record
    from sdesim.training.probes.guard import untouched

    data = train.data.load()
    network, mask = ticket(train, train.network.build(), data)
    recipe = recipe_of(work.scenario, name, train, network, data)
    if train.start_from is not None:
        recipe = replace(recipe, init=_ends(work, train.start_from, train.trajectories))
    recipe = replace(recipe, mask=mask)
    work.recipes[name] = recipe
    # Arms may share a loss of one's own that keeps a state; none begins with what another left in it.
    with warnings.catch_warnings(), untouched(recipe.loss_fn):
        # The summary says which trajectories were lost.
        warnings.filterwarnings("ignore", "trajectory ")
        return record(
            recipe,
            save_every=train.save_every,
            save=train.save,
            probes=probes_of(work.scenario, arm),
            out=local(work.out, "a training") / f"{name}.zarr",
            progress=OneOf(report, name),
            resume=work.resume,
            accept_changes=work.accept_changes,
            cluster=work.cluster,
            name=name,
        )


def _ends(work: Work, arm: str, count: int) -> NDArray[np.float64]:
    """Where the first trajectories of an arm have ended, (count, d).

    Raises:
        RunError: one of them blew up.
    """
    last = np.asarray(work.results.runs[arm]["theta"].isel(step=-1, trajectory=slice(count)).values)
    lost = np.flatnonzero(~np.isfinite(last).all(axis=1))
    if len(lost):
        raise RunError(f"start_from: trajectory {lost[0]} of {arm} blew up, so that nothing can begin there")
    return last


def _simulate(work: Work, name: str, arm: Arm, model: Simulate, report: LabelledReport) -> xr.Dataset:
    from sdesim.engine import simulate

    taken = _of_itself(model) if model.twin_of is None else _of_real_arm(work, name, model, model.twin_of)
    eta = model.learning_rate or taken.learning_rate
    context = Context(
        taken.surface.dim, at(eta, 0.0), taken.surface, taken.batch_size, taken.trace, taken.sampling,
        taken.drop_last,
    )  # fmt: skip
    noises = [resolved(n, context, eta) for n in model.noise]
    if name in work.results.deviations:
        work.results.deviations[name] = deviations_left(work.results.deviations[name], noises)
    _note_matched(work, name, model, noises, taken.trace)
    return simulate(
        taken.surface,
        noises,
        taken.theta0,
        dt=taken.dt,
        steps=work.scenario.steps(name),
        trajectories=taken.trajectories,
        seed=None if model.continue_from else arm_seed(work.scenario.seed, name),
        continue_from=run_of(model.continue_from, name) if model.continue_from else None,
        first=model.first,
        refine=model.refine,
        learning_rate=eta,
        scheme=model.scheme if taken.scheme is None else taken.scheme,
        dtype=model.dtype,
        save_every=taken.save_every if model.save_at is None else None,
        save_at=model.save_at,
        save=model.save,
        observe=model.observe,
        events=model.events,
        boundary=model.boundary,
        reduce=model.reduce,
        tolerance=model.tolerance,
        smallest_dt=model.smallest_dt,
        threads=work.threads,
        cluster=work.cluster if model.twin_of is None else None,
        out=work.out / f"{name}.zarr",
        resume=work.resume,
        accept_changes=work.accept_changes,
        probes=probes_of(work.scenario, arm, taken.stretch),
        progress=OneOf(report, name),
        name=name,
        evaluate=taken.evaluation,
        attributes=taken.attributes(noises),
    )


@dataclass(frozen=True)
class Taken:
    """What a simulated arm is made of, from its own fields or from the real arm that it imitates.

    Attributes:
        surface, theta0, dt, learning_rate: as in `simulate`. evaluation: reads accuracies off θ, or None.
        trajectories, save_every: where the arm says none. stretch: its steps in one of the real arm's.
        batch_size, trace: B and Tr Σ of the real arm; 0 and NaN without.
        sampling, drop_last: how it draws its batches, as of `Context`.
        attributes: further ones of the run under noises. scheme: the real arm's own; None: the model's.
    """

    surface: Any
    theta0: Any
    dt: float
    learning_rate: float
    evaluation: Any
    trajectories: int | None = 1
    save_every: int | None = None
    stretch: int = 1
    batch_size: int = 0
    trace: float = float("nan")
    sampling: str = ""
    drop_last: bool = True
    attributes: Callable[[list[Any]], dict[str, Any]] = lambda noises: {}
    scheme: Any = None


def _of_itself(model: Simulate) -> Taken:
    assert model.dt is not None
    return Taken(
        model.equation,
        model.theta0,
        model.dt,
        model.dt,
        model.equation.evaluation(),
        trajectories=None if model.continue_from else model.trajectories or 1,
        save_every=model.save_every,
    )


def _of_real_arm(work: Work, name: str, model: Simulate, real: str) -> Taken:
    from sdesim.training.twinning.plan import plan_twin

    if model.at is not None:
        return _going_on(work, name, model, real)
    plan = plan_twin(
        work.results.runs[real],
        work.recipes[real],
        dt=model.dt,
        learning_rate=model.learning_rate,
        steps=work.scenario.steps(name),
        trajectories=model.trajectories,
        save_every=model.save_every,
        scheme=model.scheme,
        form=model.form,
        chunk=model.chunk,
    )
    work.results.deviations[name] = plan.deviations
    return _taken(plan, plan.starts if model.theta0 is None else model.theta0)


def _going_on(work: Work, name: str, model: Simulate, real: str) -> Taken:
    """A forecast of the real arm's first seed."""
    from sdesim.training.forecasts.forecast import facts_of, planned
    from sdesim.training.forecasts.origin import origin_of

    origin = origin_of(work.results.runs[real], work.recipes[real], model.at, 0)
    steps = work.scenario.steps(name)
    every = model.save_every or int(np.diff(work.results.runs[real]["step"].values)[0])
    seed = arm_seed(work.scenario.seed, name)
    plan, rebuilt = planned(origin, steps, model.trajectories or DRAWS, seed, every, model.chunk)
    work.results.deviations[name] = plan.deviations
    taken = _taken(plan, plan.starts)
    facts = facts_of(origin, rebuilt)
    return replace(taken, attributes=lambda noises: {**plan.told(noises), **facts})


def _taken(plan: Any, theta0: Any) -> Taken:
    return Taken(
        surface=plan.surface,
        theta0=theta0,
        dt=plan.dt,
        learning_rate=plan.learning_rate,
        evaluation=plan.evaluation,
        trajectories=plan.trajectories,
        save_every=plan.save_every,
        stretch=plan.stretch,
        batch_size=plan.batch_size,
        trace=plan.trace,
        sampling=plan.sampling,
        drop_last=plan.drop_last,
        attributes=plan.told,
        scheme=plan.scheme,
    )


def _note_matched(work: Work, name: str, model: Simulate, noises: list[Any], trace: float) -> None:
    """Note the values that a noise took from the real arm."""
    for given, noise in zip(model.noise, noises, strict=True):
        if "trace" not in given.needs:
            continue
        before, after = fields_of(given), fields_of(noise)
        found = work.results.matched.setdefault(name, {"trace": trace})
        found |= {k: float(after[k]) for k in after if before[k] is None and np.ndim(after[k]) == 0
                  and isinstance(after[k], float)}  # fmt: skip
