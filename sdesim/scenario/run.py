"""Runs a scenario into a directory: real arms, simulated arms, measurements, comparison, report."""

from __future__ import annotations

import importlib
import io
import shutil
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.errors import RunError, ScenarioError
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.io.progress import LabelledReport, labelled_progress
from sdesim.runs import measure
from sdesim.runs.provenance import provenance
from sdesim.scenario import assemble as build
from sdesim.scenario.foreign import foreign_kinds
from sdesim.scenario.load import validate_scenario
from sdesim.scenario.models import Arm, Scenario, Simulate, Train
from sdesim.scenario.summary import Results, summarise

MARK = "INCOMPLETE"
_LONGEST_LINE = 1_000_000
_CONTENTS = (MARK, "scenario.yaml", "provenance.json", "summary.json", "report.html", "figures")
_OF_ARMS = (".zarr", ".zarr.parts", ".zarr.checkpoint")


@dataclass
class Work:
    """What has been run so far, with the networks and data of real arms for their twins."""

    scenario: Scenario
    out: Path
    threads: int | None
    resume: bool = False
    results: Results = field(default_factory=Results)
    networks: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    masks: dict[str, Any] = field(default_factory=dict)


def resolved_yaml(scenario: Scenario) -> str:
    """The scenario with all defaults, as YAML that reads back as the same scenario."""
    from ruamel.yaml import YAML

    unused = {"quick"} if scenario.sweep else {"quick", "sweep"}
    plain = scenario.model_dump(mode="python", exclude=unused, exclude_none=True)
    buffer = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    # A key that is broken over lines would not be read back; those of a sweep are long.
    writer.width = _LONGEST_LINE
    # Keeps the order of the fields; the stubs know only the default.
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.dump(plain, buffer)
    return buffer.getvalue()


def run_scenario(
    scenario: Scenario,
    out: str | Path,
    *,
    overwrite: bool = False,
    quick: bool = False,
    threads: int | None = None,
    progress: bool | LabelledReport = True,
) -> dict[str, Any]:
    """Run every arm, compare, judge, and write the run directory.

    Args:
        scenario: as loaded. quick: only noted in the summary.
        out: the run directory; it is marked incomplete until it is whole.
        overwrite: replace a run directory that is there.
        threads: of the simulated arms; default all cores.
        progress: True: a bar per arm when stderr is a terminal; or a function (arm, done, total) of steps.

    Returns:
        The content of summary.json.

    Raises:
        ScenarioError: the parts of the scenario don't fit one another; nothing was written.
        RunError: `out` is in the way or can't be written, or a real arm is asked for without PyTorch.
        SdesimError: an arm can't be run.
    """
    target = Path(out)
    work = Work(scenario, target, threads)
    check_work(work)
    if check_room(target, overwrite):
        shutil.rmtree(target)
    atomic_write_text(target / MARK, "This run was not finished.\n")
    atomic_write_text(target / "scenario.yaml", resolved_yaml(scenario))
    noted = {**provenance(), "quick": quick, "kinds_of_others": foreign_kinds(scenario)}
    atomic_write_json(target / "provenance.json", noted)
    return finish_run(work, quick, progress)


def check_work(work: Work) -> None:
    """Refuse what can't be run, before anything is written.

    Raises:
        SdesimError: naming it.
    """
    validate_scenario(work.scenario)
    if work.threads is not None and work.threads < 1:
        raise ScenarioError(f"threads: found {work.threads}, allowed: a whole number of at least 1")
    if work.scenario.real:
        # Without PyTorch this fails.
        importlib.import_module("sdesim.training")


def finish_run(work: Work, quick: bool, progress: bool | LabelledReport) -> dict[str, Any]:
    """Run the arms of a directory that holds its scenario, write summary and report, and take the mark off.

    Args:
        work: as `check_work` has let it pass.

    Returns:
        The content of summary.json.

    Raises:
        SdesimError: an arm can't be run.
    """
    started = time.perf_counter()
    scenario, target = work.scenario, work.out
    with labelled_progress(progress) as report:
        _run_arms(work, report)
    summary = summarise(scenario, work.results, quick)
    summary["wall_time"] = time.perf_counter() - started
    atomic_write_json(target / "summary.json", summary)
    from sdesim.report import write_report

    write_report(target, measured=work.results.measured)
    (target / MARK).unlink()
    return summary


def check_room(out: str | Path, overwrite: bool = False) -> bool:
    """Whether there is an older run directory at `out` to be replaced.

    Raises:
        RunError: something is there that may not be replaced.
    """
    target = Path(out)
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    if not overwrite:
        raise RunError(f"{target} exists already; choose another --out, or give --overwrite")
    # A run that was interrupted at once holds the mark alone.
    if not target.is_dir() or not any((target / name).exists() for name in ("scenario.yaml", MARK)):
        raise RunError(f"{target} is not a run directory, so it is not overwritten")
    foreign = sorted(p.name for p in target.iterdir() if not _is_ours(p.name))
    if foreign:
        raise RunError(f"{target} also holds {foreign[0]}, which is not of a run, so it is not overwritten")
    return True


def _is_ours(name: str) -> bool:
    """Whether a run directory may hold this; an interrupted write leaves a draft that begins with a dot."""
    draft = any(name.startswith(f".{known}.") for known in _CONTENTS)
    return name in _CONTENTS or name.endswith(_OF_ARMS) or draft


def _run_arms(work: Work, report: LabelledReport) -> None:
    """Real arms first, because twins take from them."""
    arms = work.scenario.arms
    for name in sorted(arms, key=lambda name: arms[name].train is None):
        arm = arms[name]
        if arm.train is not None:
            run = _train(work, name, arm, arm.train, report)
        else:
            assert arm.simulate is not None
            run = _simulate(work, name, arm, arm.simulate, report)
        work.results.runs[name] = run
        if "probe" in run.dims:
            work.results.measured[name] = measure(run)


def _train(work: Work, name: str, arm: Arm, train: Train, report: LabelledReport) -> xr.Dataset:
    from sdesim.training import record

    data = build.make_data(train.data)
    network, mask = build.make_ticket(train, build.make_network(train), data)
    work.networks[name], work.data[name], work.masks[name] = network, data, mask
    with warnings.catch_warnings():
        # The summary says which trajectories were lost.
        warnings.filterwarnings("ignore", "trajectory ")
        return record(
            network,
            build.loss_function(train),
            data,
            None,
            build.optimizer_factory(train.optimizer),
            steps=train.steps,
            batch_size=train.optimizer.batch_size,
            seed=build.arm_seed(work.scenario.seed, name),
            trajectories=train.trajectories,
            init=train.init
            if train.start_from is None
            else _ends(work, train.start_from, train.trajectories),
            scheduler=build.scheduler_factory(train),
            mask=mask,
            clients=build.make_clients(train),
            save_every=train.save_every,
            save=train.save,
            probes=build.make_probes(work.scenario, arm),
            out=work.out / f"{name}.zarr",
            progress=lambda done, total: report(name, done, total),
            sampling=train.sampling,
            resume=work.resume,
            weights=train.weights,
            amplify=train.amplify,
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

    batch, trace, stretch, data = 0, float("nan"), 1, None
    eta, every, count = model.learning_rate, model.save_every, model.trajectories
    theta0: Any = model.theta0
    dt: float | None
    if model.twin_of is not None:
        train = work.scenario.arms[model.twin_of].train
        assert train is not None
        real, data = work.results.runs[model.twin_of], work.data[model.twin_of]
        surface: Any = _twin_surface(work, model.twin_of, train)
        batch = train.optimizer.batch_size or 0
        measured = work.results.measured.get(model.twin_of)
        if measured is not None and "noise" in measured:
            trace = float(np.nanmean(measured["noise"].values))
        eta = eta or train.optimizer.lr
        dt = model.dt or eta
        count = count or train.trajectories
        stretch = max(1, round(train.optimizer.lr / dt))
        # The last gap between saved steps may be short.
        every = every or int(np.diff(real["step"].values).max()) * stretch
        if theta0 is None and train.start_from is not None:
            theta0 = _ends(work, train.start_from, count)
        elif theta0 is None and train.init == "fresh":
            theta0 = build.fresh_starts(
                work.networks[model.twin_of], int(real.attrs["seed"]), count, work.masks[model.twin_of]
            )
    else:
        surface, dt = build.make_surface(model.surface), model.dt
        examples = build.data_of(model.surface)
        data = None if examples is None else build.make_data(examples)
    assert dt is not None
    eta = eta or dt
    noises = [build.make_noise(n, surface, eta, batch, trace) for n in model.noise]
    _note_matched(work, name, model, noises, trace)
    return simulate(
        surface,
        noises,
        theta0,
        dt=dt,
        steps=work.scenario.steps(name),
        trajectories=count or 1,
        seed=build.arm_seed(work.scenario.seed, name),
        learning_rate=eta,
        scheme=build.make_scheme(model.scheme),
        save_every=every,
        save=model.save,
        events=build.make_events(model),
        threads=work.threads,
        out=work.out / f"{name}.zarr",
        resume=work.resume,
        probes=build.make_probes(work.scenario, arm, stretch),
        progress=lambda done, total: report(name, done, total),
        name=name,
        evaluate=None if data is None else build.make_evaluation(surface, data),
    )


def _twin_surface(work: Work, real: str, train: Train) -> Any:
    from sdesim.networks.fully_connected import network_surface

    data = work.data[real]
    network, mask = work.networks[real], work.masks[real]
    return network_surface(network, data.x_train, data.y_train, train.loss, mask)


def _note_matched(work: Work, name: str, model: Simulate, noises: list[Any], trace: float) -> None:
    for part, noise in zip(model.noise, noises, strict=True):
        if getattr(part, "match", None) is None:
            continue
        key = "diffusion" if part.kind == "gaussian" else "scale"
        found = work.results.matched.setdefault(name, {"trace": trace})
        found[key] = float(getattr(noise, key))
