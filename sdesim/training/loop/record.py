"""Record the training of a torch network as a Run, in the same schema as a simulated one."""

from __future__ import annotations

import dataclasses
import time as clock
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.io.progress import progress_report
from sdesim.runs import Probes, RunWriter
from sdesim.runs.schema import (
    CLIENT_PROBE,
    CURVATURE_PROBE,
    EVERY_PROBE,
    GRADIENT_PROBE,
    GROUP_PROBE,
    METRIC_PROBE,
)
from sdesim.training.data.augmentation import Augment
from sdesim.training.loop.clients import Clients
from sdesim.training.loop.finished_seeds import Parts, fingerprint
from sdesim.training.loop.one_seed import Recipe, isolated_torch, probed_batch, starting_module
from sdesim.training.loop.optimizers import optimizer_attributes
from sdesim.training.loop.recipe import example_optimizer, make_recipe
from sdesim.training.loop.trajectory import train_trajectory
from sdesim.training.probes.tangent import check_tangent

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
    init: str | NDArray[np.float64] = "module",
    scheduler: Callable[..., Any] | None = None,
    save_every: int | None = None,
    save: Sequence[str] = ("theta", "loss"),
    probes: Probes | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Callable[[int, int], None] = True,
    sampling: str = "epoch",
    weights: ArrayLike | str | None = None,
    augment: Augment | None = None,
    mask: NDArray[np.bool_] | None = None,
    amplify: int = 1,
    clients: Clients | None = None,
    checkpoint_every: int | None = None,
    name: str = "",
) -> xr.Dataset:
    """Train copies of a network, one per seed, and return the recorded Run.

    Args:
        module: the network; it is copied and left alone. x is cast to the dtype of its parameters.
        loss_fn: ``loss_fn(output, y)`` → scalar, the mean over the examples given.
        train: (X, y), a torch Dataset, a `sdesim.data.Dataset` (which brings its test examples along), or a
            DataLoader: its batch size, order (in turn, shuffled, with replacement, of a subset, by weights),
            drop_last and collate function are kept, the shuffles themselves are those of the seed. Any other
            sampler or batch_sampler is followed as it is, its random numbers seeded; probes, training loss
            and Hessian then take all examples alike (attributes `sampler` and `sampler_law`). A Dataset may
            give another example at each reading, see augment.
        test: the same, or None for no test values.
        optimizer: a factory, for example ``lambda params: torch.optim.SGD(params, lr=0.05)``.
        steps: optimizer steps.
        batch_size: examples per step; None: full batch.
        seed: trajectory k's data order is a pure function of (seed, k).
        trajectories: number of seeds, trained one after the other, each on one torch thread.
        init: "module": all start from the module's weights; "fresh": trajectory k > 0 draws its own;
            or the parameters (trajectories, d) that each begins with, such as the last of another run.
        scheduler: a factory ``optimizer → scheduler``, stepped once after each optimizer step;
            ReduceLROnPlateau is told the loss of the minibatch.
        save_every: steps between saved points; None keeps about 200. Step 0 and the last are always saved.
        save: "theta" keeps the whole parameter vector; without it only fixed projections of it are kept.
            The loss is always saved.
        probes: what to measure on the way; tangent dynamics only with `torch.optim.SGD`. The attributes
            `probe_every`, `training_seconds`, `probe_seconds` and `probe_share` tell what it cost, and
            `gradient_path` how minibatch gradients were made: "outer products", "vmap" or "minibatches".
        out: Zarr path to write to; None keeps the run in memory.
        resume: go on from where an interrupted call with the same arguments had come, with the same bits.
        progress: True: a bar when stderr is a terminal; or a function (done, total) of optimizer steps.
        sampling: "epoch": shuffled epochs, incomplete batches dropped; "with-replacement";
            "sequential": in turn.
        weights: draw each example of a batch independently, with probabilities q in proportion to these (n,);
            "balanced": every label as often as any other. What is descended is then Σ q_i ℓ_i, and so the
            training loss and accuracy, gradients, their noise and the Hessian are all taken under q; test
            values are not. Examples of weight 0 are left out.
        augment: ``augment(x, generator)`` → x, for each batch of inputs x (B, …) that training reads; random
            numbers come from the torch.Generator given or from torch's, NumPy's or Python's global ones,
            all seeded for that step. So is the reading of a Dataset with random transforms. Probed
            gradients are of batches read anew in the same way; training loss and accuracy and the Hessian
            are means over fixed readings, at least 2,000 (attribute `readings`: of each example).
        mask: booleans over all parameters in `named_parameters` order, as `prune` returns them: only those
            that are true are trained and count in θ, gradients, curvature and norms; the others stay 0.
        amplify: l; each step of SGD is made as l steps of η/l whose noise has l times the covariance, (1+s)/2
            ∇L_B + (1−s)/2 ∇L_B′ with s = √(2l−1) and independent minibatches (Z. Li, S. Malladi & S. Arora,
            NeurIPS (2021), arXiv 2102.12470, section 4). Its SDE is that of SGD, which l > 1 comes nearer to.
            Steps, rates, time and probes are those of SGD.
        clients: federated averaging: a step of the run is a round, in which each client makes its local steps
            of the optimizer, plain SGD, on batches of its own examples, in their own order (`sampling`), from
            the server's weights; these then move by the mean of the clients' changes, weighted by their
            numbers of examples. Time runs by learning rate × local steps. Each trajectory shares out the
            examples anew. θ, losses, gradients and curvature are of the server's weights on all examples.
        checkpoint_every: with ``out``, optimizer steps between the states kept for ``resume``; None: as often
            as costs at most 5% of the time. It changes no number.
        name: a label for the run.

    Returns:
        The Run; time is Σ learning rate. A trajectory whose loss stops being finite is NaN from there, with
        status 1 and ``stopped_step``, and the attribute ``divergence`` says at which loss it was lost.

    Raises:
        RunError: if an argument is out of range or does not fit the others.
    """
    started = clock.perf_counter()
    recipe = make_recipe(
        module, loss_fn, train, test, optimizer, steps=steps, batch_size=batch_size, seed=seed, init=init,
        scheduler=scheduler, save_every=save_every, save=save, probes=probes, sampling=sampling,
        weights=weights, augment=augment, mask=mask, amplify=amplify, clients=clients,
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
    lost: dict[str, str] = {}
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
            if str(values["message"]):
                lost[str(k)] = str(values["message"])
                warnings.warn(f"trajectory {k}: {values['message']}", stacklevel=2)
    made: dict[str, Any] = {"gradient_path": path} if path else {}
    made |= {"divergence": lost} if lost else {}
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
    if recipe.starts is not None:
        wanted = (trajectories, sum(p.numel() for p in recipe.module.parameters()))
        if recipe.starts.shape != wanted:
            raise RunError(f"init must have shape {wanted}, got {recipe.starts.shape}")
        if not np.isfinite(recipe.starts).all():
            raise RunError("init holds parameters that are not finite")
    if recipe.init == "fresh" and trajectories > 1:
        with isolated_torch():
            starting_module(recipe.module, recipe.init, recipe.seed, 1)


def _attributes(recipe: Recipe, name: str) -> dict[str, Any]:
    """The attributes of the Run that are known before training."""
    example, own = example_optimizer(recipe.module, recipe.optimizer), recipe.order.own
    if recipe.probes is not None and recipe.probes.tangent:
        check_tangent(example)
    return {
        "name": name,
        "seed": recipe.seed,
        **optimizer_attributes(example),
        "learning_rate": float(recipe.rates[0]),
        "dt": float(recipe.rates[0]) * recipe.stretch,
        "batch_size": recipe.order.batch_size or 0,
        "dataset_size": len(recipe.train),
        "sampling": recipe.order.sampling,
        **({} if own is None else {"sampler": own.name, "sampler_law": "taken as uniform"}),
        "init": recipe.init,
        **_reading(recipe),
        **({} if recipe.clients is None else {"clients": dataclasses.asdict(recipe.clients)}),
        **({} if recipe.mask is None else {"layer_sparsity": layer_sparsity(recipe.module, recipe.mask)}),
        **({} if recipe.probes is None else _probe_attributes(recipe, recipe.probes)),
        **({} if recipe.amplify == 1 else {"amplify": recipe.amplify}),
        **({"tangent": "full"} if recipe.probes is not None and recipe.probes.tangent else {}),
    }


def _reading(recipe: Recipe) -> dict[str, Any]:
    """How examples are read, where each reading differs."""
    if recipe.train.reader is None:
        return {}
    augment = recipe.train.reader.augment
    name = "" if augment is None else getattr(augment, "__qualname__", type(augment).__name__)
    return {"readings": recipe.train.readings, "augment": name}


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
    if recipe.clients is not None:
        names.append("client_examples")
    if recipe.probes is not None:
        names += EVERY_PROBE
        if recipe.probes.wants("gradient"):
            names += [*GRADIENT_PROBE, *GROUP_PROBE, *(() if recipe.clients is None else CLIENT_PROBE)]
        if recipe.probes.wants("curvature"):
            names += [*CURVATURE_PROBE, *(METRIC_PROBE if recipe.preconditioned else METRIC_PROBE[:1])]
        names += ["tangent_growth"] if recipe.probes.tangent else []
    return tuple(names)


def _writer(recipe: Recipe, trajectories: int, attrs: dict[str, Any], out: Path | None) -> RunWriter:
    """The open store, with every coordinate in place."""
    time = times(recipe.rates) * recipe.stretch
    # Where each trajectory finds its own rates, its times are written once it is trained.
    shape = (trajectories,) if recipe.follows_loss else ()
    probes = recipe.probes
    return RunWriter(
        kind="real",
        trajectories=trajectories,
        steps=recipe.saved,
        time=np.broadcast_to(time[recipe.saved], (*shape, len(recipe.saved))).copy(),
        dim=recipe.directions.shape[1],
        variables=_variables(recipe),
        probe_steps=None if probes is None else recipe.probe_steps,
        probe_time=None
        if probes is None
        else np.broadcast_to(time[recipe.probe_steps], (*shape, len(recipe.probe_steps))).copy(),
        probe_trajectories=None if probes is None else min(probes.trajectories, trajectories),
        samples=0 if probes is None else probes.samples,
        directions=len(recipe.directions),
        groups=tuple(recipe.groups),
        clients=0 if recipe.clients is None else recipe.clients.count,
        attrs=attrs,
        out=out,
        epoch=recipe.saved * recipe.minibatches / recipe.order.per_epoch(len(recipe.train)),
    )


def times(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ learning rate before each step (steps + 1,)."""
    return np.concatenate([[0.0], np.cumsum(rates[:-1])])


def _write(writer: RunWriter, recipe: Recipe, trajectory: int, values: dict[str, NDArray[Any]]) -> None:
    """Write one trained seed."""
    for name in _variables(recipe):
        if name in values:
            writer.write(name, values[name], trajectory=trajectory)
    if recipe.follows_loss:
        time = times(values["rates"])
        writer.write_times(
            trajectory, time[recipe.saved], None if recipe.probes is None else time[recipe.probe_steps]
        )
