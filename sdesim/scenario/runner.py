"""Runs a scenario into a directory: real arms, simulated arms, measurements, comparison, report."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError, SdesimError
from sdesim.runs import atomic_write_json, atomic_write_text, measure, open_run, provenance
from sdesim.scenario import build
from sdesim.scenario.expect import MEASURED, Quantity, find, outcome, over_trajectories, ratio
from sdesim.scenario.models import Arm, Scenario, Simulate, Train
from sdesim.scenario.parts import MlpSurface

MARK = "INCOMPLETE"
_STATUS = ("finished", "diverged", "stopped")
Report = Callable[[str, int, int], None]


@dataclass
class Session:
    """What has been run so far."""

    scenario: Scenario
    out: Path
    threads: int | None
    runs: dict[str, xr.Dataset] = field(default_factory=dict)
    measured: dict[str, xr.Dataset] = field(default_factory=dict)
    networks: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    matched: dict[str, dict[str, float]] = field(default_factory=dict)


def resolved_yaml(scenario: Scenario) -> str:
    """The scenario with all defaults, as YAML that reads back as the same scenario."""
    from ruamel.yaml import YAML

    plain = scenario.model_dump(mode="python", exclude={"quick"}, exclude_none=True)
    buffer = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
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
    report: Report | None = None,
) -> dict[str, Any]:
    """Run every arm, compare, judge, and write the run directory.

    Args:
        scenario: as loaded. quick: only noted in the summary.
        out: the run directory; it is marked incomplete until it is whole.
        overwrite: replace a run directory that is there.
        threads: of the simulated arms; default all cores.
        report: called with (arm, done, total) steps.

    Returns:
        The content of summary.json.

    Raises:
        RunError: `out` is in the way or can't be written.
        SdesimError: an arm can't be run.
    """
    started = time.perf_counter()
    target = Path(out)
    _make_room(target, overwrite)
    atomic_write_text(target / MARK, "This run was not finished.\n")
    atomic_write_text(target / "scenario.yaml", resolved_yaml(scenario))
    atomic_write_json(target / "provenance.json", provenance())
    session = Session(scenario, target, threads)
    tell: Report = report or (lambda arm, done, total: None)
    order = sorted(scenario.arms, key=lambda name: scenario.arms[name].train is None)
    for name in order:
        arm = scenario.arms[name]
        if arm.train is not None:
            run = _train(session, name, arm, arm.train, tell)
        else:
            assert arm.simulate is not None
            run = _simulate(session, name, arm, arm.simulate, tell)
        session.runs[name] = run
        if "probe" in run.dims:
            session.measured[name] = measure(run)
    summary = _summary(session, quick)
    summary["wall_time"] = time.perf_counter() - started
    atomic_write_json(target / "summary.json", summary)
    from sdesim.report import write_report

    write_report(target, measured=session.measured)
    (target / MARK).unlink(missing_ok=True)
    return summary


def _make_room(target: Path, overwrite: bool) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    ours = target.is_dir() and (target / "scenario.yaml").exists()
    if not overwrite:
        raise RunError(f"{target} exists already; choose another --out, or --overwrite it")
    if not ours:
        raise RunError(f"{target} is not a run directory, so it is not overwritten")
    shutil.rmtree(target)


def _train(session: Session, name: str, arm: Arm, train: Train, tell: Report) -> xr.Dataset:
    from sdesim.training import record

    network, data = build.make_network(train), build.make_data(train.data)
    session.networks[name], session.data[name] = network, data
    return record(
        network,
        build.loss_function(train.loss),
        data,
        None,
        build.optimizer_factory(train.optimizer),
        steps=train.steps,
        batch_size=train.optimizer.batch_size,
        seed=build.arm_seed(session.scenario.seed, name),
        trajectories=train.trajectories,
        init=train.init,
        save_every=train.save_every,
        save=train.save,
        probes=build.make_probes(session.scenario, arm),
        out=session.out / f"{name}.zarr",
        progress=lambda done, total: tell(name, done, total),
        sampling=train.sampling,
        name=name,
    )


def _simulate(session: Session, name: str, arm: Arm, model: Simulate, tell: Report) -> xr.Dataset:
    from sdesim.engine import NetworkEvaluation, simulate
    from sdesim.surfaces import MLP

    batch, trace, stretch, evaluate = 0, float("nan"), 1, None
    dt, steps, eta, count = model.dt, model.steps, model.learning_rate, model.trajectories
    every = model.save_every
    if model.twin_of is not None:
        train = session.scenario.arms[model.twin_of].train
        assert train is not None
        real, data = session.runs[model.twin_of], session.data[model.twin_of]
        surface: Any = _twin_surface(session, model.twin_of, train)
        batch = train.optimizer.batch_size or 0
        eta = eta or train.optimizer.lr
        dt = dt or eta
        steps = steps or max(1, round(train.steps * train.optimizer.lr / dt))
        count = count or train.trajectories
        stretch = max(1, round(train.optimizer.lr / dt))
        every = every or max(1, round(float(np.median(np.diff(real["step"].values[:-1]))) * stretch))
        trace = _trace(real)
        evaluate = NetworkEvaluation(surface, data.x_test, data.y_test)
    else:
        surface = build.make_surface(model.surface)
        if isinstance(model.surface, MlpSurface):
            data = build.make_data(model.surface.data)
            evaluate = NetworkEvaluation(surface, data.x_test, data.y_test)
    assert dt is not None
    assert steps is not None
    eta = eta or dt
    noises = [build.make_noise(n, surface, eta, batch, trace) for n in model.noise]
    _note_matched(session, name, model, noises, trace)
    return simulate(
        surface,
        noises,
        model.theta0,
        dt=dt,
        steps=steps,
        trajectories=count or 1,
        seed=build.arm_seed(session.scenario.seed, name),
        learning_rate=eta,
        scheme=model.scheme,
        save_every=every,
        save=model.save,
        events=build.make_events(model),
        threads=session.threads,
        out=session.out / f"{name}.zarr",
        probes=build.make_probes(session.scenario, arm, stretch),
        progress=lambda done, total: tell(name, done, total),
        name=name,
        evaluate=evaluate if isinstance(surface, MLP) else None,
    )


def _twin_surface(session: Session, real: str, train: Train) -> Any:
    from sdesim.training.networks import network_surface

    data = session.data[real]
    return network_surface(session.networks[real], data.x_train, data.y_train, train.loss)


def _trace(real: xr.Dataset) -> float:
    """Mean Tr Σ at the training batch over all probes of the real arm."""
    if "noise" not in real:
        return float("nan")
    batch = float(real.attrs.get("batch_size") or 0)
    probed = float(real.attrs.get("probe_batch_size") or batch or 1)
    return float(np.nanmean(real["noise"].values)) * (probed / batch if batch else 1.0)


def _note_matched(session: Session, name: str, model: Simulate, noises: list[Any], trace: float) -> None:
    for part, noise in zip(model.noise, noises, strict=True):
        if getattr(part, "match", None) is None:
            continue
        key = "diffusion" if part.kind == "gaussian" else "scale"
        found = session.matched.setdefault(name, {"trace": trace})
        found[key] = float(getattr(noise, key))


def _summary(session: Session, quick: bool) -> dict[str, Any]:
    from sdesim.comparison import Comparison, compare

    scenario = session.scenario
    comparisons: dict[str, Comparison] = {}
    warnings: list[str] = []
    for name in scenario.arms:
        reference = scenario.reference(name)
        if reference is None:
            continue
        wanted = None if scenario.compare is None else scenario.compare.quantities
        pair = (session.measured.get(name), session.measured.get(reference))
        comparisons[name] = compare(session.runs[name], session.runs[reference], wanted, measured=pair)
    arms = {name: _arm_summary(session, name, warnings) for name in scenario.arms}
    expectations = []
    for e in scenario.expect:
        try:
            q = _quantity(session, e.arm, e, comparisons)
            if e.than is not None:
                q = ratio(q, _quantity(session, e.than, e, comparisons))
        except SdesimError as error:
            q = Quantity(float("nan"), float("nan"), float("nan"), 0, str(error))
        expectations.append(outcome(e, q))
    return {
        "name": scenario.name,
        "description": scenario.description,
        "seed": scenario.seed,
        "quick": quick,
        "arms": arms,
        "comparisons": [c.to_dict() for c in comparisons.values()],
        "expectations": expectations,
        "warnings": warnings,
    }


def _quantity(session: Session, arm: str, e: Any, comparisons: dict[str, Any]) -> Quantity:
    distances = comparisons[arm].distances if arm in comparisons else {}
    return find(e, session.runs[arm], session.measured.get(arm), distances)


def _arm_summary(session: Session, name: str, warnings: list[str]) -> dict[str, Any]:
    run, measured = session.runs[name], session.measured.get(name)
    status = np.asarray(run["status"].values)
    counts = {label: int((status == k).sum()) for k, label in enumerate(_STATUS)}
    if counts["diverged"]:
        warnings.append(
            f"{name}: {counts['diverged']} of {len(status)} trajectories blew up and are left out from "
            "there on; a smaller dt or the tamed-euler scheme may help"
        )
    found: dict[str, Any] = {
        "kind": run.attrs["kind"],
        "label": _label(session.scenario.arms[name]),
        "trajectories": int(run.sizes["trajectory"]),
        "steps": int(run["step"].values[-1]),
        "status": counts,
        "wall_time": run.attrs.get("wall_time"),
        "end": _end_values(run, measured),
    }
    if name in session.matched:
        found["matched"] = session.matched[name]
    if measured is not None and "lambda_max_flags" in measured:
        loose = np.char.find(measured["lambda_max_flags"].values.astype(str), "not_converged") >= 0
        if loose.any():
            warnings.append(f"{name}: λ_max did not converge at {int(loose.sum())} of {loose.size} probes")
    return found


def _end_values(run: xr.Dataset, measured: xr.Dataset | None) -> dict[str, Any]:
    """Means over trajectories at the last saved point and probe, with intervals and flags."""
    values: dict[str, Any] = {}
    for key in ("loss", "train_accuracy", "test_loss", "test_accuracy", "weight_norm"):
        if key in run:
            q = over_trajectories(np.asarray(run[key].values[:, -1], dtype=np.float64))
            values[key] = {"value": q.value, "low": q.low, "high": q.high, "flags": []}
    for key in MEASURED:
        if measured is None or key not in measured or not measured.sizes["probe"]:
            continue
        q = over_trajectories(np.asarray(measured[key].values[:, -1], dtype=np.float64))
        flags = sorted(
            {f for text in measured[f"{key}_flags"].values[:, -1] for f in str(text).split(";") if f}
        )
        if q.n == 1:
            low, high = (float(np.nanmean(measured[f"{key}_{s}"].values[:, -1])) for s in ("low", "high"))
            q = Quantity(q.value, low, high, 1)
        if q.n:
            kept = [f for f in flags if f not in ("no_value", "no_interval")]
            values[key] = {"value": q.value, "low": q.low, "high": q.high, "flags": kept}
    return values


def _label(arm: Arm) -> str:
    """An arm in one line."""
    if arm.train is not None:
        t = arm.train
        batch = "full batch" if t.optimizer.batch_size is None else f"batch {t.optimizer.batch_size}"
        widths = "-".join(map(str, t.network.widths))
        return (
            f"{t.network.activation} network {widths} on {t.data.kind}, {t.optimizer.kind} with "
            f"learning rate {t.optimizer.lr:g}, {batch}"
        )
    assert arm.simulate is not None
    s = arm.simulate
    surface = f"twin of {s.twin_of}" if s.twin_of is not None else s.surface.kind if s.surface else ""
    noises = [n.kind + (f" α={n.alpha:g}" if n.kind == "stable" else "") for n in s.noise]
    return f"{surface} with {' + '.join(noises) or 'no'} noise, {s.scheme}"


def load_run_directory(path: str | Path) -> dict[str, xr.Dataset]:
    """Arm → run of a run directory.

    Raises:
        RunError: not a run directory.
    """
    folder = Path(path)
    arms = sorted(folder.glob("*.zarr"))
    if not arms:
        raise RunError(f"{folder} holds no runs")
    return {a.stem: open_run(a) for a in arms}
