"""Record the training of a torch network as a Run, in the same schema as a simulated one."""

from __future__ import annotations

import inspect
import time as clock
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.io.lock import beside, clear_dead, lock_beside
from sdesim.io.places import local
from sdesim.io.progress import progress_report
from sdesim.kinds.numbers import as_label, whole
from sdesim.runs import Probes, RunWriter
from sdesim.runs.measures.sampling import EPOCHS
from sdesim.runs.replays import warn_of_replay
from sdesim.runs.schema import (
    CLIENT_PROBE,
    CURVATURE_PROBE,
    EVERY_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    HELDOUT_PROBE,
    METRIC_PROBE,
    PROGRESS_PROBE,
    STEP_PROBE,
    SUBSAMPLED_PROBE,
    UNSEEN_PROBE,
    VIRTUAL_PROBE,
)
from sdesim.training.batched.choice import seeds_at_once
from sdesim.training.batched.group import train_group
from sdesim.training.loop.attributes import clipping_attributes, run_attributes
from sdesim.training.loop.finished_seeds import FinishedSeeds, fingerprint
from sdesim.training.loop.on_cluster import TRAINING, Job, plain_parts, trained_on_cluster, versions
from sdesim.training.loop.prepared import Prepared, prepare
from sdesim.training.loop.recipe import Recipe, TrainingKeywords, the_recipe
from sdesim.training.loop.trajectory import train_trajectory
from sdesim.training.probes.guard import Kept

_LARGEST = 1_000_000_000
_REPLAY = (
    "init is the last state of a training with the same seed, {seed}, whose {what} would come again: give "
    "another seed"
)
_BATCHES = "batches, in their order,"
_FULL_BATCH = "random numbers (of dropout or augmentation), if it draws any,"


def record(
    module: nn.Module | Recipe,
    loss_fn: Callable[..., Any] | None = None,
    train: Any = None,
    test: Any = None,
    optimizer: Callable[..., Any] | None = None,
    *,
    save_every: int | None = None,
    save: Sequence[str] | str = ("theta", "loss"),
    probes: Probes | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    accept_changes: bool = False,
    progress: bool | Callable[[int, int], None] = True,
    checkpoint_every: int | None = None,
    cluster: Any = None,
    name: str = "",
    **training: Unpack[TrainingKeywords],
) -> xr.Dataset:
    """Train copies of a network, one per seed, and return the recorded Run.

    Args:
        module: a `Recipe`, or the network, with the other parts of a recipe beside it.
        loss_fn, train, test, optimizer, training: as of `Recipe`, which is made of them: steps, batch_size,
            seed, trajectories, init, scheduler, sampling, weights, augment, mask, amplify, clients, clip,
            unpack, objective.
        save_every: steps between saved points; None keeps about 200. Step 0 and the last are always saved.
        save: one or several of "theta" and "loss"; "theta" keeps the whole parameter vector, without it only
            fixed projections of it are kept. The loss is kept always.
            The loss is always saved.
        probes: what to measure on the way; tangent dynamics only with `torch.optim.SGD`. The attributes
            `probe_every`, `training_seconds`, `probe_seconds` and `probe_share` tell what it cost,
            `progress_seconds` what measured progress did beside that, and
            `gradient_path` how minibatch gradients were made: "outer products", "vmap" or "minibatches".
            `seeds_at_once`, where there is one, says that so many seeds were trained side by side.
        out: Zarr path to write to; None keeps the run in memory.
        resume: go on from where an interrupted call with the same arguments had come, with the same bits.
            Functions and classes of one's own (loss, network, optimizer, data, …) count by their code.
        accept_changes: go on although such code, or sdesim's, was edited since; the attribute
            `accepted_changes` keeps what.
        progress: True: a bar when stderr is a terminal; or a function (done, total) of optimizer steps.
        checkpoint_every: with ``out``, optimizer steps between the states kept for ``resume``; None: as often
            as costs at most 5% of the time. It changes no number.
        cluster: train the seeds on a Dask cluster: its client, the address of its scheduler, or a number of
            processes of this machine. The bits are the same. With ``out``, workers that see the path keep
            their states there.
        name: a label for the run.

    Returns:
        The Run; time is Σ learning rate. A trajectory whose loss stops being finite is NaN from there, with
        status 1 and ``stopped_step``, and the attribute ``divergence`` says at which loss it was lost.

    Raises:
        RunError: if an argument is out of range or does not fit the others; if `out` was begun with other
            arguments or code, in one line which.
        TypeError: a keyword that neither this function nor `Recipe` has.
    """
    started = clock.perf_counter()
    out = None if out is None else local(out, "a training")
    name = as_label(name, error=RunError)
    recipe = the_recipe(module, loss_fn, train, test, optimizer, training)
    # What is tried here draws from torch's generator, as a worker of this process may at this moment.
    with TRAINING:
        prepared = prepare(recipe, save_every=save_every, save=save, probes=probes)
    if recipe.starts is not None and recipe.starts.ndim == 2:
        what = _FULL_BATCH if recipe.batch_size is None else _BATCHES
        words = _REPLAY.format(seed=recipe.seed, what=what)
        warn_of_replay("real", recipe.seed, 0, recipe.starts, words)
    together = seeds_at_once(prepared)
    _check_memory(prepared, out, together)
    if resume and out is None:
        raise RunError("resume=True needs out, the path of the run to continue")
    if checkpoint_every is not None:
        checkpoint_every = whole(checkpoint_every, "checkpoint_every", error=RunError)
    attrs = run_attributes(prepared, name) | ({"seeds_at_once": together} if together > 1 else {})
    mark = fingerprint(prepared, attrs)
    attrs |= mark.attrs()
    finished = FinishedSeeds(out, mark, accept_changes) if out is not None else None
    if resume and finished is not None and finished.already_complete():
        # Nothing is written then, so that it may lie where nothing can be.
        clear_dead(lock_beside(finished.out))
        return finished.completed()
    with beside(out) as held:
        if finished is not None:
            if resume and finished.already_complete():
                return finished.completed()
            finished.open(resume)
            assert held is not None
            held.watch(finished.folder)
            attrs |= {"accepted_changes": finished.accepted} if finished.accepted else {}
        writer = _writer(prepared, attrs, out)
        seconds, path = np.zeros(3), ""
        clipped, made_steps = 0, 0
        lost: dict[str, str] = {}
        failed: dict[str, str] = {}
        hvp: dict[str, Any] = {}
        with progress_report(progress, name or "training") as report:
            report = report if held is None else held.told(report)
            if cluster is None:
                trained = _trained(prepared, together, finished, checkpoint_every, report)
            else:
                where = None if out is None else str(Path(out).resolve())
                job = Job(
                    recipe, save_every, save, probes, checkpoint_every, where, together, plain_parts(mark),
                    versions(),
                )  # fmt: skip
                trained = trained_on_cluster(cluster, job, recipe.trajectories, finished, progress, report)
            for k, values in trained:
                _write(writer, prepared, k, values)
                seconds += values["seconds"]
                clipped += int(values.get("clipped_steps", 0))
                made_steps += int(values["stopped_step"])
                path = path or str(values["path"])
                if str(values.get("hvp_method", "")):
                    hvp = {"hvp_method": str(values["hvp_method"]), "hvp_error": float(values["hvp_error"])}
                for part in [n for n in values if n.startswith("failure.")]:
                    failed.setdefault(part.removeprefix("failure."), str(values[part]))
                if str(values["message"]):
                    lost[str(k)] = str(values["message"])
                    warnings.warn(f"trajectory {k}: {values['message']}", stacklevel=2)
        made: dict[str, Any] = {"gradient_path": path} if path else {}
        made |= {} if recipe.clip is None else clipping_attributes(clipped, made_steps)
        made |= {"divergence": lost} if lost else {}
        made |= hvp | ({"failures": failed} if failed else {})
        for part, why in failed.items():
            warnings.warn(f"{part} not probed: {why}", stacklevel=2)
        run = writer.finish(wall_time=clock.perf_counter() - started, **_cost(prepared, seconds), **made)
        if finished is not None:
            finished.remove()
        return run


def _trained(
    prepared: Prepared, together: int, finished: FinishedSeeds | None, checkpoint_every: int | None,
    report: Callable[[int, int], None],
) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:  # fmt: skip
    """Number and saved values of each seed, read where an interrupted call had finished it."""
    count, steps = prepared.recipe.trajectories, prepared.recipe.steps
    # The state of the loss, if it has any, is that of the first step for every seed.
    held_by_loss = Kept(prepared.recipe.loss_fn, parameters=True)
    for first in range(0, count, together):
        seeds = range(first, min(first + together, count))

        def tick(done: int, seeds: range = seeds) -> None:
            if done % max(1, steps // 100) == 0 or done == steps:
                report(seeds[0] * steps + len(seeds) * done, count * steps)

        held = [None if finished is None else finished.load(k) for k in seeds]
        values = [found for found in held if found is not None]
        if len(values) < len(seeds):
            # A function has no state of its own: what the last seed wrote elsewhere stays, as after a loop of
            # one's own.
            stays = False
            with TRAINING:
                try:
                    if together > 1:
                        group = (
                            None if finished is None else finished.group_checkpoints(first, checkpoint_every)
                        )
                        values = train_group(prepared, seeds, together, tick, group)
                    else:
                        keeper = None if finished is None else finished.checkpoints(first, checkpoint_every)
                        values = [train_trajectory(prepared, first, tick, keeper)]
                    stays = seeds[-1] == count - 1 and inspect.isfunction(prepared.recipe.loss_fn)
                finally:
                    if not stays:
                        held_by_loss.restore()
            # The first at last: the state of its name goes once all the others are there.
            for k, found in reversed(list(zip(seeds, values, strict=True))):
                if finished is not None:
                    finished.save(k, found)
        yield from zip(seeds, values, strict=True)


def _cost(prepared: Prepared, seconds: NDArray[np.float64]) -> dict[str, float]:
    """What the optimizer steps and the probes took; like the wall time of the run, no two runs agree."""
    spent = {"training_seconds": float(seconds[0])}
    if prepared.probes is not None:
        share = float(seconds[1] / seconds[0]) if seconds[0] > 0 else 0.0
        spent |= {"probe_seconds": float(seconds[1]), "probe_share": share}
        spent |= {"progress_seconds": float(seconds[2])} if prepared.branches else {}
    return spent


def _check_memory(prepared: Prepared, out: str | Path | None, together: int) -> None:
    """Refuse to keep more of θ than memory is likely to hold."""
    if prepared.save_theta:
        # Those that are trained together are held in memory when the run goes to disk.
        count = prepared.recipe.trajectories
        held = min(together, count) if out is not None else count
        size = held * len(prepared.saved) * prepared.directions.shape[1] * 8
        if size > _LARGEST:
            raise RunError(
                f"keeping theta would take {size / 1e9:.1f} GB of memory: raise save_every, leave theta out "
                f"of save{'' if out is not None else ', or give out'}"
            )


def _variables(prepared: Prepared) -> tuple[str, ...]:
    """Schema names that this run will hold."""
    names = ["theta"] if prepared.save_theta else []
    names += ["theta_projection", "weight_norm", "loss", "learning_rate", "status", "stopped_step"]
    if prepared.recipe.clip is not None:
        names.append("clipped_share")
    if prepared.accuracy is not None:
        names.append("train_accuracy")
    if prepared.test is not None:
        names += ["test_loss"] if prepared.accuracy is None else ["test_loss", "test_accuracy"]
    if prepared.recipe.clients is not None:
        names.append("client_examples")
    if prepared.probes is not None:
        names += EVERY_PROBE
        if prepared.probes.wants("gradient"):
            names += [
                *GRADIENT_PROBE,
                *GROUP_PROBE,
                *(() if prepared.recipe.clients is None else CLIENT_PROBE),
            ]
        if prepared.probes.wants("curvature"):
            names += [*CURVATURE_PROBE, *(METRIC_PROBE if prepared.preconditioned else METRIC_PROBE[:1])]
            names += STEP_PROBE if prepared.step_model == "linear" else ()
            names += SUBSAMPLED_PROBE if prepared.eigenvalue_examples < len(prepared.train) else ()
        names += prepared.probes.further_variables(
            known=not prepared.sampled_because, linear=prepared.step_model == "linear", groups=True
        )
        if prepared.branches:
            virtual = prepared.step_model == "plain" and prepared.recipe.clip is None
            names += [*PROGRESS_PROBE, *(VIRTUAL_PROBE if virtual else ())]
            names += () if prepared.test is None else HELDOUT_PROBE
            names += UNSEEN_PROBE if prepared.order.sampling in EPOCHS else ()
        names += ["tangent_growth"] if prepared.probes.tangent else []
    return tuple(names)


def _writer(prepared: Prepared, attrs: dict[str, Any], out: Path | None) -> RunWriter:
    """The open store, with every coordinate in place."""
    time = times(prepared.rates) * prepared.stretch
    # Where each trajectory finds its own rates, its times are written once it is trained.
    trajectories = prepared.recipe.trajectories
    shape = (trajectories,) if prepared.follows_loss else ()
    probes = prepared.probes
    return RunWriter(
        kind="real",
        trajectories=trajectories,
        steps=prepared.saved,
        time=np.broadcast_to(time[prepared.saved], (*shape, len(prepared.saved))).copy(),
        dim=prepared.directions.shape[1],
        variables=_variables(prepared),
        probe_steps=None if probes is None else prepared.probe_steps,
        probe_time=None
        if probes is None
        else np.broadcast_to(time[prepared.probe_steps], (*shape, len(prepared.probe_steps))).copy(),
        probe_trajectories=None if probes is None else min(probes.trajectories, trajectories),
        samples=0 if probes is None else probes.samples,
        directions=len(prepared.directions),
        groups=tuple(prepared.groups),
        clients=0 if prepared.recipe.clients is None else prepared.recipe.clients.count,
        attrs=attrs,
        out=out,
        epoch=prepared.saved * prepared.minibatches / prepared.order.per_epoch(len(prepared.train)),
    )


def times(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ learning rate before each step (steps + 1,)."""
    return np.concatenate([[0.0], np.cumsum(rates[:-1])])


def _write(writer: RunWriter, prepared: Prepared, trajectory: int, values: dict[str, NDArray[Any]]) -> None:
    """Write one trained seed."""
    for name in _variables(prepared):
        if name in values:
            writer.write(name, values[name], trajectory=trajectory)
    if prepared.follows_loss:
        time = times(values["rates"])
        writer.write_times(
            trajectory, time[prepared.saved], None if prepared.probes is None else time[prepared.probe_steps]
        )
