"""Record the training of a torch network as a Run, in the same schema as a simulated one."""

from __future__ import annotations

import copy
import time as clock
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.runs import Probes, RunWriter, progress_report, projection_directions, saved_steps
from sdesim.runs.schema import CURVATURE_PROBE, EVERY_PROBE, GRADIENT_PROBE, GROUP_PROBE, METRIC_PROBE
from sdesim.training.cost import affordable
from sdesim.training.course import train_trajectory
from sdesim.training.examples import batch_order, training_and_test
from sdesim.training.loop import Recipe, isolated_torch, probed_batch, starting_module
from sdesim.training.metric import needs_metric
from sdesim.training.networks import parameter_groups
from sdesim.training.optimizers import optimizer_attributes
from sdesim.training.oracle import surviving_groups
from sdesim.training.parts import Parts, fingerprint
from sdesim.training.tangent import check_tangent

_SAVED_POINTS = 200
_SAVEABLE = ("theta", "loss")
_LARGEST = 1_000_000_000


def record(
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any,
    optimizer: Callable[..., Any],
    *,
    steps: int,
    batch_size: int | None = None,
    seed: int = 0,
    trajectories: int = 1,
    init: str = "module",
    scheduler: Callable[..., Any] | None = None,
    save_every: int | None = None,
    save: Sequence[str] = ("theta", "loss"),
    probes: Probes | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Callable[[int, int], None] = True,
    sampling: str = "epoch",
    mask: NDArray[np.bool_] | None = None,
    checkpoint_every: int | None = None,
    name: str = "",
) -> xr.Dataset:
    """Train copies of a network, one per seed, and return the recorded Run.

    Args:
        module: the network; it is copied and left alone. x is cast to the dtype of its parameters.
        loss_fn: ``loss_fn(output, y)`` → scalar, the mean over the examples given.
        train: (X, y), a torch Dataset, or a `sdesim.data.Dataset` (which brings its test examples along).
        test: the same, or None for no test values.
        optimizer: a factory, for example ``lambda params: torch.optim.SGD(params, lr=0.05)``.
        steps: optimizer steps.
        batch_size: examples per step; None: full batch.
        seed: trajectory k's data order is a pure function of (seed, k).
        trajectories: number of seeds, trained one after the other, each on one torch thread.
        init: "module": all start from the module's weights; "fresh": trajectory k > 0 draws its own.
        scheduler: a factory ``optimizer → scheduler``, stepped once after each optimizer step.
        save_every: steps between saved points; None keeps about 200. Step 0 and the last are always saved.
        save: "theta" keeps the whole parameter vector; without it only fixed projections of it are kept.
            The loss is always saved.
        probes: what to measure on the way; tangent dynamics only with `torch.optim.SGD`. The attributes
            `probe_every`, `training_seconds`, `probe_seconds` and `probe_share` tell what it cost, and
            `gradient_path` how minibatch gradients were made: "outer products", "vmap" or "minibatches".
        out: Zarr path to write to; None keeps the run in memory.
        resume: go on from where an interrupted call with the same arguments had come, with the same bits.
        progress: True: a bar when stderr is a terminal; or a function (done, total) of optimizer steps.
        sampling: "epoch": shuffled epochs, incomplete batches dropped; "with-replacement".
        mask: booleans over all parameters in `named_parameters` order, as `prune` returns them: only those
            that are true are trained and count in θ, gradients, curvature and norms; the others stay 0.
        checkpoint_every: with ``out``, optimizer steps between the states kept for ``resume``; None: as often
            as costs at most 5% of the time. It changes no number.
        name: a label for the run.

    Returns:
        The Run; time is Σ learning rate. A trajectory whose loss stops being finite is NaN from there, with
        status 1 and ``stopped_step``.

    Raises:
        RunError: if an argument is out of range or does not fit the others.
    """
    started = clock.perf_counter()
    recipe = _recipe(
        module, loss_fn, train, test, optimizer, steps=steps, batch_size=batch_size, seed=seed, init=init,
        scheduler=scheduler, save_every=save_every, save=save, probes=probes, sampling=sampling, mask=mask,
    )  # fmt: skip
    _check_ensemble(trajectories, recipe, out, resume)
    if checkpoint_every is not None and checkpoint_every < 1:
        raise RunError(f"checkpoint_every must be at least 1, got {checkpoint_every}")
    attrs = _attributes(recipe, name)
    attrs["fingerprint"] = fingerprint(recipe, attrs)
    parts = Parts(Path(out), attrs["fingerprint"]) if out is not None else None
    if parts is not None:
        if resume and parts.already_complete():
            return parts.completed()
        parts.open(resume)
    writer = _writer(recipe, trajectories, attrs, None if out is None else Path(out))
    seconds, path = np.zeros(2), ""
    with progress_report(progress, name or "training") as report:
        total = trajectories * recipe.steps
        for k in range(trajectories):
            values = parts.load(k) if parts is not None else None
            if values is None:
                every = max(1, recipe.steps // 100)

                def tick(done: int, k: int = k, every: int = every) -> None:
                    if done % every == 0 or done == recipe.steps:
                        report(k * recipe.steps + done, total)

                keeper = None if parts is None else parts.checkpoints(k, checkpoint_every)
                values = train_trajectory(recipe, k, tick, keeper)
                if parts is not None:
                    parts.save(k, values)
            _write(writer, recipe, k, values)
            seconds += values["seconds"]
            path = path or str(values["path"])
    made = {"gradient_path": path} if path else {}
    run = writer.finish(wall_time=clock.perf_counter() - started, **_cost(recipe, seconds), **made)
    if parts is not None:
        parts.remove()
    return run


def _cost(recipe: Recipe, seconds: NDArray[np.float64]) -> dict[str, float]:
    """What the optimizer steps and the probes took; like the wall time of the run, no two runs agree."""
    spent = {"training_seconds": float(seconds[0])}
    if recipe.probes is not None:
        share = float(seconds[1] / seconds[0]) if seconds[0] > 0 else 0.0
        spent |= {"probe_seconds": float(seconds[1]), "probe_share": share}
    return spent


def _recipe(
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any,
    optimizer: Callable[..., Any],
    *,
    steps: int,
    batch_size: int | None,
    seed: int,
    init: str,
    scheduler: Callable[..., Any] | None,
    save_every: int | None,
    save: Sequence[str],
    probes: Probes | None,
    sampling: str,
    mask: NDArray[np.bool_] | None,
) -> Recipe:
    """Check what the user gave and lay out the run."""
    parameters = list(module.parameters())
    if not parameters:
        raise RunError("the module has no parameters to train")
    if any(p.device.type != "cpu" for p in parameters):
        raise RunError("the module must be on the CPU: call module.cpu() first")
    if init not in ("module", "fresh"):
        raise RunError(f'init must be "module" or "fresh", got {init!r}')
    if steps < 1:
        raise RunError(f"steps must be at least 1, got {steps}")
    if seed < 0:
        raise RunError(f"seed must be at least 0, got {seed}")
    if save_every is not None and save_every < 1:
        raise RunError(f"save_every must be at least 1, got {save_every}")
    wrong = [s for s in save if s not in _SAVEABLE]
    if wrong:
        raise RunError(f"save takes {', '.join(_SAVEABLE)}, got {', '.join(map(repr, wrong))}")
    examples, held_out = training_and_test(train, test, parameters[0].dtype)
    order = batch_order(train, examples, batch_size, sampling)
    every = save_every or max(1, steps // _SAVED_POINTS)
    dim, groups = sum(p.numel() for p in parameters), parameter_groups(module)
    if mask is not None:
        if np.shape(mask) != (dim,) or np.asarray(mask).dtype != np.bool_ or not np.any(mask):
            raise RunError(f"mask must be {dim} booleans, at least one true, got shape {np.shape(mask)}")
        if probes is not None and probes.tangent:
            raise RunError("probes: tangent can't follow a network with a mask")
        groups, dim = surviving_groups(groups, mask), int(np.sum(mask))
    preconditioned = needs_metric(_example(module, optimizer))
    if probes is not None:
        with isolated_torch():
            probes = affordable(
                probes, module, loss_fn, examples, steps=steps, batch_size=order.batch_size,
                probed_batch=probes.batch_size or order.batch_size or 1, preconditioned=preconditioned,
            )  # fmt: skip
    return Recipe(
        module=module,
        loss_fn=loss_fn,
        train=examples,
        test=held_out,
        optimizer=optimizer,
        scheduler=scheduler,
        steps=steps,
        order=order,
        init=init,
        seed=seed,
        saved=saved_steps(steps, every),
        rates=_learning_rates(module, optimizer, scheduler, steps),
        save_theta="theta" in save,
        directions=projection_directions(dim),
        probes=probes,
        probe_steps=np.zeros(0, dtype=np.int64) if probes is None else probes.probe_steps(steps),
        groups=groups,
        mask=mask,
        preconditioned=preconditioned,
    )


def _example(module: nn.Module, optimizer: Callable[..., Any]) -> Any:
    """An optimizer of a copy of the module."""
    with isolated_torch():
        return optimizer(list(copy.deepcopy(module).parameters()))


def _learning_rates(
    module: nn.Module, optimizer: Callable[..., Any], scheduler: Callable[..., Any] | None, steps: int
) -> NDArray[np.float64]:
    """Learning rate (steps + 1,) of each step, from a rehearsal of the schedule without gradients.

    Raises:
        RunError: if the schedule needs to see the training (as ReduceLROnPlateau does), or a bad rate.
    """
    with isolated_torch(), warnings.catch_warnings():
        # The rehearsal never calls optimizer.step(), which torch warns about.
        warnings.simplefilter("ignore")
        rehearsal = optimizer(list(copy.deepcopy(module).parameters()))
        rates = np.full(steps + 1, float(rehearsal.param_groups[0]["lr"]))
        if scheduler is not None:
            schedule = scheduler(rehearsal)
            for step in range(steps + 1):
                rates[step] = float(rehearsal.param_groups[0]["lr"])
                if step < steps:
                    try:
                        schedule.step()
                    except (TypeError, ValueError) as error:
                        raise RunError(f"the scheduler must run {steps} steps on its own: {error}") from error
    if not (np.isfinite(rates).all() and (rates >= 0).all()):
        raise RunError("the learning rate must be finite and at least 0 at every step")
    return rates


def _check_ensemble(trajectories: int, recipe: Recipe, out: str | Path | None, resume: bool) -> None:
    """Refuse before training what could not end well."""
    if trajectories < 1:
        raise RunError(f"trajectories must be at least 1, got {trajectories}")
    if resume and out is None:
        raise RunError("resume=True needs out, the path of the run to continue")
    if recipe.save_theta:
        # One trajectory is held in memory at a time when the run goes to disk.
        held = 1 if out is not None else trajectories
        size = held * len(recipe.saved) * recipe.directions.shape[1] * 8
        if size > _LARGEST:
            raise RunError(
                f"keeping theta would take {size / 1e9:.1f} GB of memory: raise save_every, leave theta out "
                f"of save{'' if out is not None else ', or give out'}"
            )
    if recipe.init == "fresh" and trajectories > 1:
        with isolated_torch():
            starting_module(recipe.module, recipe.init, recipe.seed, 1)


def _attributes(recipe: Recipe, name: str) -> dict[str, Any]:
    """The attributes of the Run that are known before training."""
    example = _example(recipe.module, recipe.optimizer)
    if recipe.probes is not None and recipe.probes.tangent:
        check_tangent(example)
    return {
        "name": name,
        "seed": recipe.seed,
        **optimizer_attributes(example),
        "learning_rate": float(recipe.rates[0]),
        "dt": float(recipe.rates[0]),
        "batch_size": recipe.order.batch_size or 0,
        "dataset_size": len(recipe.train),
        "sampling": recipe.order.sampling,
        "init": recipe.init,
        **({} if recipe.mask is None else {"layer_sparsity": layer_sparsity(recipe.module, recipe.mask)}),
        **({} if recipe.probes is None else _probe_attributes(recipe, recipe.probes)),
        **({"tangent": "full"} if recipe.probes is not None and recipe.probes.tangent else {}),
    }


def _probe_attributes(recipe: Recipe, probes: Probes) -> dict[str, Any]:
    return {"probe_batch_size": probed_batch(recipe), "probe_every": probes.every}


def layer_sparsity(module: nn.Module, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Share of each weight array that the mask takes away, by parameter name; biases are left out."""
    found, place = {}, 0
    for name, parameter in module.named_parameters():
        end = place + parameter.numel()
        if parameter.ndim > 1:
            found[name] = float(1.0 - mask[place:end].mean())
        place = end
    return found


def _variables(recipe: Recipe) -> tuple[str, ...]:
    """Schema names that this run will hold."""
    names = ["theta"] if recipe.save_theta else []
    names += ["theta_projection", "weight_norm", "loss", "learning_rate", "status", "stopped_step"]
    if recipe.train.labelled:
        names.append("train_accuracy")
    if recipe.test is not None:
        names += ["test_loss", "test_accuracy"] if recipe.test.labelled else ["test_loss"]
    if recipe.probes is not None:
        names += EVERY_PROBE
        if recipe.probes.wants("gradient"):
            names += [*GRADIENT_PROBE, *GROUP_PROBE]
        if recipe.probes.wants("curvature"):
            names += [*CURVATURE_PROBE, *(METRIC_PROBE if recipe.preconditioned else METRIC_PROBE[:1])]
        names += ["tangent_growth"] if recipe.probes.tangent else []
    return tuple(names)


def _writer(recipe: Recipe, trajectories: int, attrs: dict[str, Any], out: Path | None) -> RunWriter:
    """The open store, with every coordinate in place."""
    time = np.concatenate([[0.0], np.cumsum(recipe.rates[:-1])])
    probes = recipe.probes
    return RunWriter(
        kind="real",
        trajectories=trajectories,
        steps=recipe.saved,
        time=time[recipe.saved],
        dim=recipe.directions.shape[1],
        variables=_variables(recipe),
        probe_steps=None if probes is None else recipe.probe_steps,
        probe_time=None if probes is None else time[recipe.probe_steps],
        probe_trajectories=None if probes is None else min(probes.trajectories, trajectories),
        samples=0 if probes is None else probes.samples,
        directions=len(recipe.directions),
        groups=tuple(recipe.groups),
        attrs=attrs,
        out=out,
        epoch=recipe.saved / recipe.order.per_epoch(len(recipe.train)),
    )


def _write(writer: RunWriter, recipe: Recipe, trajectory: int, values: dict[str, NDArray[Any]]) -> None:
    """Write one trained seed."""
    for name in _variables(recipe):
        if name in values:
            writer.write(name, values[name], trajectory=trajectory)
