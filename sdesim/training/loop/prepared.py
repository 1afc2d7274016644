"""A recipe held against its network and data, and laid out for the seeds that train by it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.compiled.streams import READINGS, STEPS
from sdesim.errors import RunError
from sdesim.kinds.misfit import path_text
from sdesim.kinds.numbers import as_mask, whole
from sdesim.kinds.spelling import short
from sdesim.networks.fully_connected import as_dense, parameter_groups
from sdesim.optimizers.learning_rates.base import Base as LearningRate
from sdesim.runs import Probes, projection_directions, saved_steps
from sdesim.runs.price import SHARE, Price, paid_for
from sdesim.runs.probes import SAVED_POINTS
from sdesim.runs.sizes import costly, spared_examples, streams
from sdesim.training.data.accuracy import Accuracy
from sdesim.training.data.augmentation import chained
from sdesim.training.data.batches import mapped, rows_of, takes_whole_batch
from sdesim.training.data.examples import (
    Examples,
    Order,
    batch_order,
    read_anew,
    training_and_test,
    with_weights,
)
from sdesim.training.data.fresh_examples import oracle_of
from sdesim.training.loop.budget import reading_price
from sdesim.training.loop.clients import check_clients
from sdesim.training.loop.copies import check_copies, copied
from sdesim.training.loop.fitting import check_loss, check_module
from sdesim.training.loop.fresh import check_factory
from sdesim.training.loop.memory import check_readings
from sdesim.training.loop.one_seed import isolated_torch, starting_module, stream_seed
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.svag import amplified_loss, is_plain, short_groups
from sdesim.training.probes.example_moments import without_moments
from sdesim.training.probes.guard import untouched
from sdesim.training.probes.network_oracle import TorchOracle, masked_groups
from sdesim.training.probes.optimizer_facts import optimizer_attributes, step_rate
from sdesim.training.probes.preconditioning import needs_metric
from sdesim.training.probes.reading import held_parameters
from sdesim.training.probes.tangent import check_tangent
from sdesim.training.probes.trial import Trial, tried

Array = NDArray[np.float64]
_SAVEABLE = ("theta", "loss")
_TOO_MANY = "gradients are too many to be held together"


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """What training and recording any seed needs, equal for all seeds.

    Attributes:
        recipe: as given.
        train: training examples. test: test examples, or None.
        order: how batches are taken.
        saved: step numbers (S,) that are saved. save_theta: whether θ itself is kept.
        rates: learning rate (steps + 1,) of each step.
        directions: fixed random directions (k, d).
        probes: what to measure, or None. probe_steps: step numbers (P,) of the probes.
        groups: name → slice of θ.
        example: an optimizer of a copy of the module, which never steps.
        trial: what a few examples tell of the network and its loss.
        price: what the parts of a reading cost, None without probes.
        step_model: "plain", "linear" or "none" as of `optimizer_attributes`, over all steps.
        momentum_changes: whether the schedule moves the momentum.
        accuracy: what accuracy means, None where it means nothing.
    """

    recipe: Recipe
    train: Examples
    test: Examples | None
    order: Order
    saved: NDArray[np.int64]
    save_theta: bool
    rates: Array
    directions: Any
    probes: Probes | None
    probe_steps: NDArray[np.int64]
    groups: Mapping[str, slice]
    example: Any
    trial: Trial
    price: Price | None
    step_model: str
    momentum_changes: bool
    accuracy: Accuracy | None

    @cached_property
    def starts(self) -> Array | None:
        """Initial parameters (trajectories, D) where they are given."""
        return self.recipe.starts

    @property
    def init(self) -> str:
        """ "module", "fresh", "factory" or "given"."""
        given = "factory" if callable(self.recipe.init) else "given"
        return self.recipe.init if isinstance(self.recipe.init, str) else given

    @property
    def follows_loss(self) -> bool:
        """Whether the scheduler is told the loss; ``rates`` are then known at step 0 alone."""
        return bool(np.isnan(self.rates[-1]))

    @property
    def preconditioned(self) -> bool:
        """Whether the optimizer scales coordinates unequally."""
        return needs_metric(self.example)

    @cached_property
    def step_loss(self) -> Callable[..., Any]:
        """What one update descends: the loss, or what amplifies its noise on two minibatches in a row."""
        loss_fn: Callable[..., Any] = self.recipe.loss_fn
        factor = self.recipe.amplify
        if factor == 1:
            return loss_fn
        return amplified_loss(loss_fn, factor, 1.0 if self.shortens else None)

    @cached_property
    def shortens(self) -> bool:
        """Whether amplified steps are made by an optimizer of other settings."""
        return self.recipe.amplify > 1 and not is_plain(self.example)

    @cached_property
    def plain(self) -> bool:
        """Whether network and loss are known to write nowhere: plain layers under torch's mean losses."""
        return as_dense(self.recipe.module, self.recipe.loss_fn) is not None

    @property
    def mode(self) -> str:
        """Of readings: "train" or "eval"."""
        return "train" if self.probes is None else self.probes.mode

    def only(self, model: nn.Module, optimizer: Any) -> list[bool] | None:
        """Of every parameter, whether a probe's θ holds it; None: all."""
        plain = self.recipe.mask is None and self.recipe.clients is None
        return held_parameters(model, optimizer) if plain else None

    def oracle(
        self, model: nn.Module, batch_size: int, seed: int = 0, only: Sequence[bool] | None = None
    ) -> TorchOracle:
        """The oracle of a model in training; only as of `TorchOracle`."""
        return oracle_of(
            self.train, model, self.recipe.loss_fn, batch_size, mode=self.mode, trial=self.trial, seed=seed,
            training_batch=self.order.batch_size or len(self.train), only=only,
        )  # fmt: skip

    @property
    def sampled_because(self) -> str:
        """Why readings can't do without draws; empty where they can, as far as is known before the start."""
        return _sampled_because(self.recipe, self.train, self.trial, self.probes, self.example)

    @cached_property
    def streamed(self) -> bool:
        """Whether the gradients of a probe are too many to be held, so that they are read one by one."""
        return _streamed(self.recipe, self.probes, self.example)

    @cached_property
    def eigenvalue_examples(self) -> int:
        """Of how many examples eigenvalues are read, fixed by sizes before the start."""
        n, probes = len(self.train), self.probes
        if probes is None or _whole_spectrum_because(self.train, self.trial, self.example):
            return n
        if probes.eigenvalue_examples is not None:
            return min(n, probes.eigenvalue_examples)
        return spared_examples(n) if costly(n, self.directions.shape[1], self.plain) else n

    @property
    def branches(self) -> int:
        """Steps that a probe makes and takes back for measured progress; a round of clients is none."""
        wanted = self.probes is not None and self.probes.wants("progress") and self.recipe.clients is None
        return self.probes.branches if wanted and self.probes is not None else 0

    @property
    def makes_virtual_steps(self) -> bool:
        """Whether probes make steps −ηg of drawn gradients, as the training's own are."""
        whole = self.recipe.amplify == 1 and self.recipe.clip is None
        return bool(self.branches) and self.step_model == "plain" and whole

    def measures_progress(self, index: int) -> bool:
        """Whether the probe of this index measures progress."""
        return bool(self.branches and self.probes and self.probes.branches_at(index, len(self.probe_steps)))

    @property
    def minibatches(self) -> int:
        """Minibatches to a step."""
        return 1 if self.recipe.clients is None else self.recipe.clients.minibatches

    @property
    def stretch(self) -> int:
        """SGD steps that follow one another in a step."""
        return 1 if self.recipe.clients is None else self.recipe.clients.local_steps

    @property
    def probed_batch(self) -> int:
        """Batch size of the probed gradients. Full-batch training has no sampling noise: 1 stands in."""
        chosen = None if self.probes is None else self.probes.batch_size
        return chosen or self.order.batch_size or 1

    def batch(self, rows: Tensor | None, trajectory: int, step: int) -> tuple[Any, Any]:
        """x and y of a minibatch, or of all examples, as a step reads them."""
        train = self.train
        if train.reader is not None:
            everything = torch.arange(len(train)) if rows is None else rows
            return train.reader.read(everything, stream_seed(self.recipe.seed, trajectory, STEPS, step))
        if rows is not None:
            return rows_of(train.x, rows), rows_of(train.y, rows)
        # Copies: a forward pass may write to its inputs.
        return (train.x, train.y) if self.plain else tuple(mapped(p, torch.clone) for p in (train.x, train.y))


def prepare(
    recipe: Recipe, *, save_every: int | None, save: Sequence[str] | str, probes: Probes | None
) -> Prepared:
    """Look at network, data and optimizer, and lay out what is recorded; arguments as of `record`.

    Raises:
        RunError: the parts of the recipe don't fit one another, or an argument is out of range.
    """
    check_module(recipe.module)
    with untouched(recipe.module, recipe.loss_fn):
        return _prepared(recipe, save_every=save_every, save=save, probes=probes)


def _prepared(
    recipe: Recipe, *, save_every: int | None, save: Sequence[str] | str, probes: Probes | None
) -> Prepared:
    module, steps = recipe.module, recipe.steps
    if save_every is not None:
        save_every = whole(save_every, "save_every", error=RunError)
    if probes is not None and not hasattr(probes, "probe_steps"):
        raise RunError(f"probes must be Probes, or None for none, got {short(probes)}")
    # A text is a sequence too, of letters.
    save = (save,) if isinstance(save, str) else save
    if not isinstance(save, Iterable):
        raise RunError(f"save must be a list of {', '.join(_SAVEABLE)}, got {short(save)}")
    save = tuple(save)
    wrong = [s for s in save if not (isinstance(s, str) and s in _SAVEABLE)]
    if wrong:
        raise RunError(f"save takes {', '.join(_SAVEABLE)}, got {', '.join(map(short, wrong[:3]))}")
    examples, held_out, order = examples_and_order(recipe)
    check_loss(module, recipe.loss_fn, examples, order.batch_size)
    check_copies(module, recipe.loss_fn, examples.x, examples.y, order.batch_size)
    dim, groups = _coordinates(recipe, probes)
    check_readings(probes, sum(p.numel() for p in module.parameters()), recipe.mask is not None)
    _check_starts(recipe)
    _check_schedule(recipe)
    example = example_optimizer(recipe)
    _check_groups(recipe, example)
    if probes is not None and probes.tangent:
        check_tangent(example)
    if recipe.clients is not None:
        check_clients(recipe, examples, order, example, probes)
    _check_amplified(recipe, example, order, probes)
    if recipe.clip is not None:
        _check_clipped(recipe, probes)
    trial = _tried(recipe, examples, order, probes)
    probes, price = _affordable(recipe, examples, order, example, probes, trial)
    rates, step_model, momentum_changes = _rehearsed(recipe)
    if momentum_changes and recipe.amplify > 1:
        raise RunError("amplify does not go with a momentum that the scheduler changes")
    return Prepared(
        recipe=recipe,
        train=examples,
        test=held_out,
        order=order,
        saved=saved_steps(steps, save_every or max(1, steps // SAVED_POINTS)),
        save_theta="theta" in save,
        rates=rates,
        directions=projection_directions(dim),
        probes=probes,
        probe_steps=np.zeros(0, dtype=np.int64) if probes is None else probes.probe_steps(steps),
        groups=groups,
        example=example,
        trial=trial,
        price=price,
        accuracy=examples.accuracy(module, recipe.loss_fn, held_out),
        step_model=step_model,
        momentum_changes=momentum_changes,
    )


def check_probes(recipe: Recipe, probes: Probes) -> None:
    """Refuse probes that the recipe's network, loss and examples don't allow, or whose budget pays for none.

    Raises:
        RunError: saying which.
    """
    check_module(recipe.module)
    with untouched(recipe.module, recipe.loss_fn):
        examples, _, order = examples_and_order(recipe)
        trial = _tried(recipe, examples, order, probes)
        _affordable(recipe, examples, order, example_optimizer(recipe), probes, trial)


def _tried(recipe: Recipe, examples: Examples, order: Order, probes: Probes | None) -> Trial:
    """What a few examples tell of the network and its loss, in the mode of readings."""
    training = [part.training for part in recipe.module.modules()]
    modes = training if probes is None or probes.mode == "train" else [False] * len(training)
    return tried(
        recipe.module, recipe.loss_fn, examples.x, examples.y, order.batch_size, modes, training=training
    )


def examples_and_order(recipe: Recipe) -> tuple[Examples, Examples | None, Order]:
    """Training and test examples, and how batches are taken from the first."""
    seed, parameter = recipe.seed, next(recipe.module.parameters())
    examples, held_out = training_and_test(
        recipe.train, recipe.test, parameter, stream_seed(seed, 0, READINGS), recipe.reading
    )
    examples = with_weights(examples, recipe.train, recipe.weights)
    order = batch_order(recipe.train, examples, recipe.batch_size, recipe.sampling)
    read = read_anew(
        examples, chained(recipe.augment, recipe.train), order.batch_size,
        lambda number: stream_seed(seed, 0, READINGS, number),
    )  # fmt: skip
    return read, held_out, order


def _coordinates(recipe: Recipe, probes: Probes | None) -> tuple[int, Mapping[str, slice]]:
    """Number of coordinates that count, and name → slice of them."""
    parameters, mask = list(recipe.module.parameters()), recipe.mask
    dim, groups = sum(p.numel() for p in parameters), parameter_groups(recipe.module)
    if mask is None:
        return dim, groups
    mask = as_mask(mask, dim, error=RunError)
    if probes is not None and probes.tangent:
        raise RunError("probes: tangent can't follow a network with a mask")
    return int(np.sum(mask)), masked_groups(groups, mask)


def _check_starts(recipe: Recipe) -> None:
    """Refuse given starting points that don't fit, and fresh ones of a network that can't draw them."""
    starts = recipe.starts
    if starts is not None:
        wanted = (recipe.trajectories, sum(p.numel() for p in recipe.module.parameters()))
        if starts.shape != wanted:
            raise RunError(f"init must have shape {wanted}, got {starts.shape}")
        if not np.isfinite(starts).all():
            raise RunError("init holds parameters that are not finite")
    elif callable(recipe.init):
        with isolated_torch():
            check_factory(recipe.init, recipe.module)
    elif recipe.init == "fresh" and recipe.trajectories > 1:
        with isolated_torch():
            starting_module(recipe, 1)


def _affordable(
    recipe: Recipe, examples: Examples, order: Order, example: Any, probes: Probes | None, trial: Trial
) -> tuple[Probes | None, Price | None]:
    """The probes with what their budget pays for, and what a reading costs."""
    if probes is None:
        return None, None
    clients = recipe.clients
    some = probes.eigenvalue_examples
    whole = "" if some is None else _whole_spectrum_because(examples, trial, example)
    if whole:
        raise RunError(f"probes: eigenvalue_examples={some} can't be: {whole}")
    why = _sampled_because(recipe, examples, trial, probes, example)
    if why and probes.exact is True:
        raise RunError(f"probes: exact=True can't be: {why}")
    if probes.precision is not None and why == _TOO_MANY:
        raise RunError(f"probes: precision can't be: {why}; fewer samples can be held")
    with isolated_torch(), suppress(*(() if probes.every is None or probes.budget else (Exception,))):
        price = reading_price(
            probes, recipe.module, recipe.loss_fn, examples, batch_size=order.batch_size,
            probed_batch=probes.batch_size or order.batch_size or 1, preconditioned=needs_metric(example),
            minibatches=1 if clients is None else clients.minibatches,
            examples_probed=0 if clients is None else len(examples), exact=not why,
            batches=max(1, len(examples) // (order.batch_size or len(examples))) if trial.in_batches else 1,
            whole=bool(_whole_spectrum_because(examples, trial, example)),
        )  # fmt: skip
        return paid_for(probes, price, recipe.steps, SHARE if probes.every is None else None), price
    # A network that takes no single examples has no price, and needs none where all readings are asked for.
    return probes, None


def _sampled_because(
    recipe: Recipe, examples: Examples, trial: Trial, probes: Probes | None, example: Any
) -> str:
    if examples.reader is not None:
        return "examples are read anew for each batch"
    if why := without_moments(trial, training=probes is None or probes.mode == "train"):
        return why
    return _TOO_MANY if _streamed(recipe, probes, example) else ""


def _streamed(recipe: Recipe, probes: Probes | None, example: Any) -> bool:
    if probes is None or recipe.mask is not None:
        return False
    moved = sum(p.numel() for g in example.param_groups for p in g["params"] if p.requires_grad)
    whole = sum(p.numel() for p in recipe.module.parameters())
    return streams(moved if recipe.clients is None and moved else whole, probes.samples)


def _whole_spectrum_because(examples: Examples, trial: Trial, example: Any) -> str:
    """Why eigenvalues can't be those of some examples; empty where they can."""
    if examples.reader is not None or examples.weights is not None:
        return "examples are weighted or read anew"
    if trial.in_batches:
        return "the objective is a mean over batches"
    if needs_metric(example):
        return "the optimizer scales coordinates unequally"
    return ""


def _check_amplified(recipe: Recipe, optimizer: Any, order: Order, probes: Probes | None) -> None:
    """Refuse amplified noise where it isn't defined.

    Raises:
        RunError: naming what it needs.
    """
    if recipe.amplify == 1:
        return
    if takes_whole_batch(recipe.loss_fn):
        raise RunError(
            "amplify needs loss_fn: an objective= of a whole batch can't be split in two minibatches"
        )
    if recipe.penalties:
        raise RunError("amplify goes without penalty, which has no noise to be amplified: use weight_decay")
    if not is_plain(optimizer):
        _check_shortened(recipe, optimizer, probes)
    if order.sampling not in ("with-replacement", "weighted"):
        raise RunError(f'amplify needs minibatches of sampling="with-replacement", got "{order.sampling}"')
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in recipe.module.modules()):
        raise RunError("amplify can't go with batch normalisation, which would mix the two minibatches")


def _check_shortened(recipe: Recipe, optimizer: Any, probes: Probes | None) -> None:
    """Refuse what does not go with short steps of other settings.

    Raises:
        RunError: naming what it is.
    """
    try:
        short_groups(optimizer, recipe.amplify)
    except RunError as error:
        raise RunError(f"amplify: {error}") from error
    if probes is not None:
        raise RunError(
            "amplify goes with probes for SGD without momentum and weight decay alone: the states of short "
            "steps, of which probes read the optimizer's, are others"
        )


def _check_schedule(recipe: Recipe) -> None:
    """Refuse a schedule that does not fit the steps or the optimizer.

    Raises:
        RunError: in which field.
    """
    schedule = recipe.scheduler
    if not isinstance(schedule, LearningRate):
        return
    told = recipe.told
    for at, text in [*schedule.problems(recipe.steps), *(() if told is None else schedule.unfit(told))]:
        raise RunError(f"{path_text(('scheduler', *at))}: {text}")


def _check_clipped(recipe: Recipe, probes: Probes | None) -> None:
    """Refuse clipped gradients where it isn't defined which."""
    foreign = {
        "amplify, whose short steps have another noise": recipe.amplify != 1,
        "clients": recipe.clients is not None,
        "probes with tangent, which follow whole gradients": probes is not None and probes.tangent,
    }
    for what, given in foreign.items():
        if given:
            raise RunError(f"clip does not go with {what}")


def _check_groups(recipe: Recipe, optimizer: Any) -> None:
    """Say which parameters match several patterns, and refuse groups of which none moves at the run's rate.

    Raises:
        RunError: the parameters at the optimizer's own rate are frozen, so that time would go by another.
    """
    told = recipe.told
    if told is None or not told.groups:
        return
    if told.overlap(recipe.names):
        warnings.warn(f"optimizer.groups: {told.overlap(recipe.names)}", stacklevel=2)
    if step_rate(optimizer) != told.lr:
        raise RunError(
            f"optimizer.lr: found {told.lr:g}, at which no parameter is trained; time and twins go by it: "
            "give it to a group that is not frozen"
        )


def example_optimizer(recipe: Recipe) -> Any:
    """An optimizer of a copy of the module."""
    with isolated_torch():
        return recipe.new_optimizer(list(copied(recipe.module).parameters()))


def _rehearsed(recipe: Recipe) -> tuple[NDArray[np.float64], str, bool]:
    """Learning rate (steps + 1,) of each step, from a rehearsal of the schedule without gradients, NaN after
    step 0 where the schedule follows the loss; whether every step is plain, or else of which model; and
    whether the momentum changes.

    Raises:
        RunError: if the schedule needs to see more of the training than its loss, or a bad rate.
    """
    steps = recipe.steps
    with isolated_torch(), warnings.catch_warnings():
        # The rehearsal never calls optimizer.step(), which torch warns about.
        warnings.simplefilter("ignore")
        rehearsal = example_optimizer(recipe)
        rates = np.full(steps + 1, step_rate(rehearsal))
        model, momenta = _model(recipe, rehearsal), {_momenta(rehearsal)}
        schedule = recipe.new_scheduler(rehearsal)
        if schedule is not None:
            if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                rates[1:] = np.nan
                return rates, model, False
            for step in range(steps + 1):
                rates[step] = step_rate(rehearsal)
                model = _model(recipe, rehearsal) if model == "plain" else model
                momenta.add(_momenta(rehearsal))
                if step < steps:
                    try:
                        schedule.step()
                    except (TypeError, ValueError) as error:
                        raise RunError(f"the scheduler must run {steps} steps on its own: {error}") from error
    if not (np.isfinite(rates).all() and (rates >= 0).all()):
        raise RunError("the learning rate must be finite and at least 0 at every step")
    return rates, model, len(momenta) > 1


def _momenta(optimizer: Any) -> tuple[float, ...]:
    """Momentum of every group, β₁ of those that have two."""
    groups = optimizer.param_groups
    return tuple(float(g["betas"][0] if "betas" in g else g.get("momentum", 0.0)) for g in groups)


def _model(recipe: Recipe, optimizer: Any) -> str:
    return str(optimizer_attributes(optimizer, recipe.told)["optimizer_model"])
