"""One seed of training as it goes: the loop, its saved points and its probes."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.compiled.streams import ORDER, UPDATES, sequence
from sdesim.errors import failure
from sdesim.runs import RitzVectors, probe_rng
from sdesim.runs.schema import BLOW_UP
from sdesim.training.data.batches import mapped
from sdesim.training.data.custom_sampler import CustomBatches
from sdesim.training.data.examples import Batches, batches_of
from sdesim.training.loop.clipping import Clipping
from sdesim.training.loop.evaluation import evaluated
from sdesim.training.loop.federation import Federation
from sdesim.training.loop.one_seed import (
    apply_masks,
    isolated_torch,
    masks_of,
    norm_of_moved,
    seed_layers,
    starting_module,
    stream_seed,
    trained_parameters,
    update,
)
from sdesim.training.loop.prepared import Prepared
from sdesim.training.loop.probed import held_part, streamed_part
from sdesim.training.loop.progress import measured_progress
from sdesim.training.loop.svag import shortened
from sdesim.training.probes.failures import Failures
from sdesim.training.probes.network_oracle import MaskedOracle, coordinates
from sdesim.training.probes.optimizer_facts import step_rate
from sdesim.training.probes.preconditioning import moved_coordinates
from sdesim.training.probes.tangent import Tangent
from sdesim.training.probes.unseen import unseen_part

Array = NDArray[np.float64]
FINISHED, DIVERGED = 0, 1


@dataclass(eq=False, kw_only=True)
class SeedState:
    """The training of one seed at one moment.

    Attributes:
        trajectory: number of the seed.
        model, optimizer, scheduler: in training.
        masks: as `masks_of` gives them, or None.
        batches: indices of the minibatches to come.
        tangent: vector that follows, or None.
        clients: of federated averaging, or None.
        clipping: what cuts gradients and counts, or None.
        rates: learning rate (steps + 1,) of each step.
        values: what was recorded so far, by schema name.
        step: optimizer steps made.
        training, probing, branching: seconds spent on optimizer steps, on probes, and on measured progress.
        path: how probed gradients were made, a word of `PATHS`; empty before the first.
        hvp: (method, error) of Hessian-vector products, as of `TorchOracle`.
        ritz: what the last reading of curvature has left for the next.
        failures: what could not be probed.
        reasons: part of a probe → why it failed first.
        stopped: the step at which the seed was lost; None where it was not.
        message: why it was lost, or empty.
    """

    trajectory: int
    model: nn.Module
    optimizer: Any
    scheduler: Any
    masks: Sequence[Tensor] | None
    batches: Batches | CustomBatches
    tangent: Tangent | None
    clients: Federation | None
    clipping: Clipping | None
    rates: Array
    values: dict[str, Array] = field(default_factory=dict)
    step: int = 0
    training: float = 0.0
    probing: float = 0.0
    branching: float = 0.0
    path: str = ""
    hvp: tuple[str, float] = ("", 0.0)
    ritz: RitzVectors = field(default_factory=RitzVectors)
    failures: Failures = field(default_factory=Failures)
    reasons: dict[str, str] = field(default_factory=dict)
    stopped: int | None = None
    message: str = ""


State = TypeVar("State", contravariant=True)


class Keeper(Protocol[State]):
    """What keeps the state of a training, so that an interrupted one can go on."""

    def step(self, state: State) -> None:
        """One more step is done."""
        ...

    def restore(self, state: State) -> None:
        """Put a training that has just begun where it was left."""
        ...


def begin(prepared: Prepared, trajectory: int) -> SeedState:
    """A seed before its first step; the global generators are set for it."""
    recipe, probes = prepared.recipe, prepared.probes
    model = starting_module(recipe, trajectory)
    masks = None if recipe.mask is None else masks_of(model, recipe.mask)
    apply_masks(model, masks)
    seed_layers(recipe.seed, trajectory)
    batches = batches_of(prepared.train, prepared.order, stream_seed(recipe.seed, trajectory, ORDER))
    optimizer = recipe.new_optimizer(list(model.parameters()))
    scheduler = recipe.new_scheduler(optimizer)
    values = _empty(prepared)
    tangent = None
    if probes is not None and probes.tangent and trajectory < probes.trajectories:
        tangent = Tangent(model, optimizer, prepared.directions[0])
        values["tangent_growth"] = np.full(len(prepared.probe_steps), np.nan)
    return SeedState(
        trajectory=trajectory,
        model=model,
        optimizer=optimizer,
        scheduler=scheduler,
        masks=masks,
        batches=batches,
        tangent=tangent,
        clients=None if recipe.clients is None else Federation(prepared, model, trajectory),
        clipping=recipe.new_clipping(),
        rates=prepared.rates.copy(),
        values=values,
    )


def train_trajectory(
    prepared: Prepared,
    trajectory: int,
    report: Callable[[int], None],
    keeper: Keeper[SeedState] | None = None,
) -> dict[str, Array]:
    """Train one seed and return its saved values, as `recorded` gives them."""
    with isolated_torch():
        state = begin(prepared, trajectory)
        if keeper is not None:
            keeper.restore(state)
        for step in range(state.step, prepared.recipe.steps + 1):
            if not observe(prepared, state, step):
                state.stopped = step
                break
            if step == prepared.recipe.steps:
                break
            if not math.isfinite(_advance(prepared, state)):
                state.stopped = step
                break
            state.step = step + 1
            if keeper is not None:
                keeper.step(state)
            report(state.step)
    report(prepared.recipe.steps)
    return recorded(prepared, state)


def recorded(prepared: Prepared, state: SeedState) -> dict[str, Array]:
    """The saved values of a seed whose training is over, by schema name, along step or probe.

    A loss that is no longer finite ends the seed: status 1, ``stopped_step`` the first step whose loss was
    not finite, NaN from there on. ``seconds`` are of optimizer steps, probes and progress (3,).
    """
    values, stopped = state.values, state.stopped
    if stopped is not None:
        _blank(prepared, values, stopped)
    values["status"] = np.array(FINISHED if stopped is None else DIVERGED, dtype=np.int8)
    values["stopped_step"] = np.array(prepared.recipe.steps if stopped is None else stopped, dtype=np.int64)
    if state.clients is not None:
        values["client_examples"] = state.clients.counts
    if state.clipping is not None:
        values["clipped_steps"] = np.array(state.clipping.count, dtype=np.int64)
    values["path"], values["message"] = np.array(state.path), np.array(state.message)
    values["hvp_method"], values["hvp_error"] = np.array(state.hvp[0]), np.array(state.hvp[1])
    for part, why in state.reasons.items():
        values[f"failure.{part}"] = np.array(why)
    if prepared.follows_loss:
        # A seed that was lost keeps its last rate.
        known = np.maximum.accumulate(
            np.where(np.isnan(state.rates), 0, np.arange(prepared.recipe.steps + 1))
        )
        values["rates"] = state.rates[known]
    values["seconds"] = np.array([state.training, state.probing, state.branching])
    return values


def _advance(prepared: Prepared, state: SeedState) -> float:
    """One optimizer step, of the tangent first, or the short ones with amplified noise that stand for it, or
    a round of the clients; returns the minibatch loss before it, or the mean over these."""
    began = clock.perf_counter()
    if state.clients is not None:
        loss = state.clients.finish(state.model)
        if not math.isfinite(loss):
            state.message = lost(f"the minibatch loss of a client is {loss}", state.step)
        state.training += clock.perf_counter() - began
        return loss
    factor, probed = prepared.recipe.amplify, state.probing
    with shortened(state.optimizer, factor) if prepared.shortens else nullcontext():
        loss = _updates(prepared, state)
    # What the tangent took is no training.
    began += state.probing - probed
    if not math.isfinite(loss):
        state.message = lost(f"the minibatch loss is {loss}", state.step)
    elif prepared.follows_loss:
        state.scheduler.step(loss)
        state.rates[state.step + 1] = step_rate(state.optimizer)
    elif state.scheduler is not None:
        state.scheduler.step()
    state.training += clock.perf_counter() - began
    return loss


def _updates(prepared: Prepared, state: SeedState) -> float:
    """The updates of one step; returns the minibatch loss before it, or the mean over short ones."""
    loss, step_loss, factor = 0.0, prepared.step_loss, prepared.recipe.amplify
    for k in range(factor):
        x, y = prepared.batch(_rows(prepared, state), state.trajectory, state.step * factor + k)
        if state.tangent is not None:
            started = clock.perf_counter()
            state.tangent.step(step_loss, mapped(x, torch.clone), mapped(y, torch.clone))
            state.probing += clock.perf_counter() - started
        loss += update(state.model, step_loss, state.optimizer, x, y, state.masks, state.clipping)
    # SGD's own short steps are made on shares of the loss.
    return loss / factor if prepared.shortens else loss


def _rows(prepared: Prepared, state: SeedState) -> Tensor | None:
    """The examples of one update: a minibatch, or two where noise is amplified; None for all."""
    rows = state.batches.next()
    second = state.batches.next() if prepared.recipe.amplify > 1 else None
    return rows if rows is None or second is None else torch.cat([rows, second])


def _empty(prepared: Prepared) -> dict[str, Array]:
    """NaN arrays for what is saved along step."""
    count = len(prepared.saved)
    names = ["loss", "weight_norm", "learning_rate"]
    if prepared.recipe.clip is not None:
        names.append("clipped_share")
    if prepared.accuracy is not None:
        names.append("train_accuracy")
    if prepared.test is not None:
        names.append("test_loss")
        if prepared.accuracy is not None:
            names.append("test_accuracy")
    values = {name: np.full(count, np.nan) for name in names}
    values["theta_projection"] = np.full((count, len(prepared.directions)), np.nan)
    if prepared.save_theta:
        values["theta"] = np.full((count, prepared.directions.shape[1]), np.nan)
    return values


def observe(prepared: Prepared, state: SeedState, step: int) -> bool:
    """Save and probe where this step asks for it; False when the loss or θ is not finite."""
    at = _place(prepared.saved, step)
    if at is not None and not _save(prepared, state, step, at):
        return False
    if prepared.probes is None or state.trajectory >= prepared.probes.trajectories:
        return True
    at = _place(prepared.probe_steps, step)
    if at is None:
        return True
    began = clock.perf_counter()
    if state.clients is not None:
        # The round that begins here is training, though the probe looks at it first.
        state.clients.updates(state.model)
        state.training += clock.perf_counter() - began
        began = clock.perf_counter()
    theta = trained_parameters(state.model, prepared.recipe.mask)
    if why := _blown_up(theta):
        state.message = lost(why, step)
        return False
    if state.tangent is not None and step > 0:
        state.values["tangent_growth"][at] = state.tangent.growth()
    for name, number in _probe(prepared, state, theta, step).items():
        shape = (len(prepared.probe_steps), *np.shape(number))
        state.values.setdefault(name, np.full(shape, np.nan))[at] = number
    state.probing += clock.perf_counter() - began
    return True


def _blown_up(theta: Array) -> str:
    """What has become of the weights, by the bound of simulated trajectories; "" where nothing has."""
    if not np.isfinite(theta).all():
        return "the weights are no longer finite"
    return f"a weight has reached {BLOW_UP:g}" if (np.abs(theta) >= BLOW_UP).any() else ""


def lost(what: str, step: int) -> str:
    """Why a seed ends before its time, and what may help."""
    return (
        f"{what} at step {step}, and the training ends there; a lower learning rate, a warm-up or clipped "
        "gradients may help"
    )


def _place(steps: NDArray[np.int64], step: int) -> int | None:
    """Where a step stands among ascending ones, or None."""
    at = int(np.searchsorted(steps, step))
    return at if at < len(steps) and steps[at] == step else None


def _save(prepared: Prepared, state: SeedState, step: int, at: int) -> bool:
    """Keep the state of this step; False when the loss or θ is not finite."""
    theta = trained_parameters(state.model, prepared.recipe.mask)
    found = evaluated(prepared, state.model)
    if np.isfinite(theta).all() and not math.isfinite(found["loss"]):
        state.message = lost(f"the training loss is {found['loss']}", step)
        return False
    if why := _blown_up(theta):
        state.message = lost(why, step)
        return False
    found["weight_norm"] = norm_of_moved(state.model, state.optimizer, theta)
    found["learning_rate"] = float(state.rates[step])
    if state.clipping is not None:
        found["clipped_share"] = state.clipping.share(step)
    values = state.values
    for name, number in found.items():
        if name in values:
            values[name][at] = number
    values["theta_projection"][at] = prepared.directions @ theta
    if prepared.save_theta:
        values["theta"][at] = theta
    return True


def _probe(prepared: Prepared, state: SeedState, theta: Array, step: int) -> Mapping[str, Any]:
    """The gradient and curvature probe at θ, in the metric of the optimizer as it stands."""
    assert prepared.probes is not None
    at = int(np.searchsorted(prepared.probe_steps, step))
    model = state.model
    only = prepared.only(model, state.optimizer)
    mask = prepared.recipe.mask
    if only is not None:
        theta = theta[coordinates(model, only)]
    rng = probe_rng(prepared.recipe.seed, state.trajectory, step)
    whole = prepared.oracle(model, prepared.probed_batch, int(rng.integers(2**31)), only)
    # A way that failed before would fail again.
    whole.path, whole.hvp_method = state.path or whole.path, state.hvp[0] or whole.hvp_method
    whole.hvp_error = state.hvp[1]
    oracle = whole if mask is None else MaskedOracle(whole, mask)
    wanted = {"curvature": prepared.probes.bends(at, len(prepared.probe_steps)), "gradient": True}
    due = {part: state.failures.due(part) for part, asked in wanted.items() if asked}
    failed: dict[str, str] = {}
    found: dict[str, Any] = {}
    if due["gradient"]:
        bent = due.get("curvature", False)
        if prepared.streamed:
            found = streamed_part(prepared, state, whole, theta, step, bent, failed)
        else:
            found = held_part(prepared, state, oracle, theta, step, bent, failed)
    if due.get("curvature") and not failed:
        try:
            found |= unseen_part(
                prepared, state, whole, theta, moved_coordinates(model, state.optimizer, only)
            )
        except Exception as error:
            failed["curvature"] = failure(error)
    if prepared.measures_progress(at) and state.failures.due("progress"):
        began = clock.perf_counter()
        due["progress"] = True
        try:
            found |= measured_progress(prepared, state, oracle, theta, step)
        except Exception as error:
            failed["progress"] = failure(error)
        took = clock.perf_counter() - began
        state.branching, state.probing = state.branching + took, state.probing - took
    state.failures.note([part for part, asked in due.items() if asked], failed)
    for part, why in failed.items():
        state.reasons.setdefault(part, why)
    if state.clients is not None and prepared.probes.wants("gradient"):
        words = sequence(prepared.recipe.seed, state.trajectory, UPDATES, step)
        rng = np.random.Generator(np.random.Philox(words))
        found |= state.clients.probe(
            state.model, whole, theta, moved_coordinates(model, state.optimizer), rng
        )
    state.path, state.hvp = whole.path, (whole.hvp_method, whole.hvp_error)
    return found


def _blank(prepared: Prepared, values: dict[str, Array], stopped: int) -> None:
    """NaN from the step a trajectory left."""
    for name, array in values.items():
        along_step = name in _STEP_NAMES
        array[(prepared.saved if along_step else prepared.probe_steps) >= stopped] = np.nan


_STEP_NAMES = frozenset(
    (
        "loss",
        "weight_norm",
        "learning_rate",
        "clipped_share",
        "theta",
        "theta_projection",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
    )
)
