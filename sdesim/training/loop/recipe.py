"""The recipe of a training: all that decides its numbers, as one object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from sdesim.data import Clients
from sdesim.data.augmentations.base import Base as Augmentation
from sdesim.data.weightings.base import Base as Weighting
from sdesim.errors import RunError, SdesimError, failure
from sdesim.kinds.numbers import as_reals, whole
from sdesim.kinds.spelling import short
from sdesim.networks.base import Base as Network
from sdesim.networks.losses.base import Base as Loss
from sdesim.networks.penalties.base import Base as Penalty
from sdesim.optimizers.base import Base as Optimizer
from sdesim.optimizers.clip import Clip
from sdesim.optimizers.learning_rates.base import Base as LearningRate
from sdesim.training.data.augmentation import Augment, chained
from sdesim.training.data.collation import Unpack, check_source, objective_or_loss, reading
from sdesim.training.data.examples import check_sampling
from sdesim.training.data.loaders import loaded
from sdesim.training.data.penalised import penalised
from sdesim.training.loop.clipping import Clipping
from sdesim.training.loop.svag import check_factor


@dataclass(frozen=True, eq=False)
class Recipe:
    """Everything that decides what a training does; what is kept of it belongs to `record`.

    `record`, `Monitor`, `twin`, `twins`, `svag` and `prune` take one; `dataclasses.replace` changes it. Where
    torch's own may stand, so may kinds: a network of `sdesim.networks` (which is built), a loss of
    `sdesim.networks.losses`, data of `sdesim.data` (which are loaded), an optimizer of `sdesim.optimizers`,
    which may bring the batch size, and for scheduler one of `sdesim.optimizers.learning_rates`.

    Args:
        module: the network; it is copied and left alone. x is cast to the dtype of its parameters.
        loss_fn: ``loss_fn(output, y)`` → scalar, the mean over the examples given; None beside an objective.
        train: (X, y), a torch Dataset, a `sdesim.data.Dataset` (which brings its test examples along), or a
            DataLoader: its batch size, order (in turn, shuffled, with replacement, of a subset, by weights),
            drop_last and collate function are kept, the shuffles themselves are those of the seed. Any other
            sampler or batch_sampler is followed as it is, its random numbers seeded; probes, training loss
            and Hessian then take all examples alike (attributes `sampler` and `sampler_law`). A Dataset may
            give another example at each reading, see augment.
            Networks of several inputs take X as a tuple or dict of arrays, called as ``module(*x)`` and
            ``module(**x)``.
        test: the same, or None for no test values.
        optimizer: a factory, for example ``lambda params: torch.optim.SGD(params, lr=0.05)``.
        steps: optimizer steps.
        batch_size: examples per step; None: full batch.
        seed: trajectory k's data order is a pure function of (seed, k).
        trajectories: number of seeds, trained one after the other, each on one torch thread.
        init: "module": all start from the module's weights; "fresh": trajectory k > 0 draws its own;
            or the parameters (trajectories, d) that each begins with, such as the last of another run; or a
            function seed → module, which every trajectory takes its weights from. "fresh" draws what is
            trained by the layers' `reset_parameters()` (or by the network's kind), leaves frozen parameters,
            and is refused where weights so drawn would not be like the module's own.
        scheduler: a factory ``optimizer → scheduler``, stepped once after each optimizer step;
            ReduceLROnPlateau is told the loss of the minibatch.
        sampling: "epoch": shuffled epochs, incomplete batches dropped; "with-replacement";
            "sequential": in turn.
        weights: draw each example of a batch independently, with probabilities q in proportion to these (n,);
            or a kind of `sdesim.data.weightings`, which goes by the labels, or its name, such as "balanced":
            every label as often as any other. What is descended is then Σ q_i ℓ_i, and so the
            training loss and accuracy, gradients, their noise and the Hessian are all taken under q; test
            values are not. Examples of weight 0 are left out.
        augment: kinds of `sdesim.data.augmentations` in their order, or ``augment(x, generator)`` → x, for
            each batch of inputs x (B, …) that training reads; random numbers come from the torch.Generator
            given or from torch's, NumPy's or Python's global ones, all seeded for that step. So is the
            reading of a Dataset with random transforms. Probed gradients are of batches read anew in the
            same way; training loss and accuracy and the Hessian are means over fixed readings, at least
            2,000 (attribute `readings`: of each example).
        mask: booleans over all parameters in `named_parameters` order, as `prune` returns them: only those
            that are true are trained and count in θ, gradients, curvature and norms; the others stay 0.
        amplify: l; each step of SGD is made as l steps of η/l whose noise has l times the covariance, (1+s)/2
            ∇L_B + (1−s)/2 ∇L_B′ with s = √(2l−1) and independent minibatches (Z. Li, S. Malladi & S. Arora,
            NeurIPS (2021), arXiv 2102.12470, section 4). Its SDE is that of SGD, which l > 1 comes nearer to.
            Steps, rates, time and probes are those of SGD. SGD with momentum, Adam, AdamW and RMSprop make l
            steps of other settings (`short` of their kinds), without probes.
        clip: a `sdesim.optimizers.Clip` or its fields, {"norm": 1.0} or {"value": 0.5}: gradients are cut
            down before each step. C*, S and the drift, which are of the whole gradient, are flagged
            `clipped_gradients` where any was; `clipped_share` of the run is the share of such steps.
        unpack: batch → (x, y), where train and test give something else than pairs; batches are as the
            loader or torch's default_collate makes them, or the tensors, tuple or dict given as a whole.
        objective: ``objective(module, batch)`` → scalar mean loss of a whole batch (after ``unpack``, where
            there is one), for steps that are not ``loss_fn(module(x), y)``. There is no accuracy then, and no
            twin.
        penalty: of `sdesim.penalties`, or several, added to the loss: what is descended, the training loss,
            gradients and the Hessian are of both, and so is the twin; the penalty has no noise. Accuracy and
            test values are of the loss alone.
        clients: federated averaging: a step of the run is a round, in which each client makes its local steps
            of the optimizer, plain SGD, on batches of its own examples, in their own order (`sampling`), from
            the server's weights; these then move by the mean of the clients' changes, weighted by their
            numbers of examples. Time runs by learning rate × local steps. Each trajectory shares out the
            examples anew. θ, losses, gradients and curvature are of the server's weights on all examples.

    Raises:
        RunError: a number out of range. Whether network, loss and data fit one another is looked at when the
            recipe is used.
    """

    module: nn.Module
    loss_fn: Any
    train: Any
    test: Any
    optimizer: Any
    _: KW_ONLY
    steps: int
    batch_size: int | None = None
    seed: int = 0
    trajectories: int = 1
    init: str | NDArray[np.float64] | Callable[[int], nn.Module] = "module"
    scheduler: Any = None
    sampling: str = "epoch"
    weights: ArrayLike | Weighting | str | None = None
    augment: Augment | Sequence[Augmentation] | None = None
    mask: NDArray[np.bool_] | None = None
    amplify: int = 1
    clients: Clients | None = None
    clip: Clip | Mapping[str, Any] | None = None
    unpack: Unpack | None = None
    objective: Callable[..., Any] | None = None
    penalty: Penalty | Sequence[Penalty] = ()

    def __post_init__(self) -> None:
        if isinstance(self.init, str) and self.init not in ("module", "fresh"):
            allowed = '"module", "fresh", a function seed → module, or an array of parameters'
            raise RunError(f"init must be {allowed}, got {short(self.init)}")
        for name, least in (("steps", 1), ("seed", 0), ("trajectories", 1), ("batch_size", 1)):
            if name != "batch_size" or self.batch_size is not None:
                counted = whole(getattr(self, name), name, least=least, error=RunError)
                object.__setattr__(self, name, counted)
        check_parts(self.module, self.optimizer, self.scheduler, self.clients)
        check_factor(self.amplify, "amplify must be a whole number")
        object.__setattr__(self, "amplify", int(self.amplify))
        check_sampling(self.sampling)
        object.__setattr__(self, "loss_fn", objective_or_loss(self.loss_fn, self.objective))
        check_source(self.train, "train")
        if self.test is not None:
            check_source(self.test, "test")
        for name, value in self._of_kinds():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "loss_fn", penalised(self.loss_fn, self.penalties, self.module))

    def _of_kinds(self) -> Iterator[tuple[str, Any]]:
        """What stands in the place of kinds that are made once and for all."""
        if isinstance(self.clip, Mapping):
            yield "clip", Clip(**self.clip)
        elif self.clip is not None and not hasattr(self.clip, "cut"):
            raise RunError(f"clip must be a sdesim.optimizers.Clip or its fields, got {short(self.clip)}")
        network: Any = self.module
        train = loaded(self.train)
        loss: Any = self.loss_fn
        if isinstance(loss, Loss):
            if not hasattr(train, "labelled"):
                raise RunError("a loss by its kind needs data of sdesim.data: give torch's function")
            if loss.misfit(train):
                raise RunError(f"loss: {loss.misfit(train)}")
            yield "loss_fn", loss.function(train)
        if isinstance(network, Network):
            outputs = loss.outputs(train) if isinstance(loss, Loss) else network.outputs
            # Of a loss without a kind only a batch tells how many outputs it needs.
            if outputs is not None and hasattr(train, "labelled"):
                for path, text in network.problems(train, outputs):
                    raise RunError(": ".join([".".join(map(str, ("network", *path))), text]))
            yield "module", network.build()
        yield "train", train
        yield "test", loaded(self.test)
        yield "augment", chained(self.augment, train)
        if isinstance(self.weights, Weighting) and hasattr(train, "outputs"):
            text = self.weights.misfit(train.outputs)
            if text:
                raise RunError(f"weights: {text}")
        size = self.told.batch_size if self.told is not None else None
        if size is not None:
            if self.batch_size not in (None, size):
                raise RunError(
                    f"batch_size={self.batch_size}, but the optimizer has {size}: leave batch_size out"
                )
            yield "batch_size", size

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """The penalty, or the several."""
        return (self.penalty,) if isinstance(self.penalty, Penalty) else tuple(self.penalty)

    @property
    def reading(self) -> Unpack | None:
        """Batch → (x, y), as the steps take it; None where batches are such pairs."""
        return reading(self.loss_fn, self.unpack)

    @property
    def told(self) -> Optimizer | None:
        """The optimizer where it is a kind, which says more of itself than torch's."""
        return self.optimizer if isinstance(self.optimizer, Optimizer) else None

    def new_optimizer(self, parameters: list[Any]) -> Any:
        """A torch optimizer of these parameters."""
        if self.told is not None:
            return self.told.build_named(self.names, parameters)
        try:
            made = self.optimizer(parameters)
        except SdesimError:
            raise
        except Exception as error:
            raise RunError(f"optimizer fails on the network's parameters: {failure(error)}") from error
        if not hasattr(made, "param_groups"):
            raise RunError(f"optimizer must make one of torch.optim, got {short(made)}")
        own = {id(p) for p in parameters}
        if any(id(p) not in own for group in made.param_groups for p in group["params"]):
            raise RunError("optimizer must move the parameters that it is given, it holds others")
        return made

    def new_clipping(self) -> Clipping | None:
        """What cuts and counts the gradients of one training; None where none are cut."""
        clip: Any = self.clip
        return None if clip is None else Clipping(clip)

    @property
    def names(self) -> list[str]:
        """Names of the network's parameters, in their order."""
        return [name for name, _ in self.module.named_parameters()]

    def new_scheduler(self, optimizer: Any) -> Any:
        """What steps the learning rate of this optimizer; None where it is constant."""
        if not isinstance(self.scheduler, LearningRate):
            return None if self.scheduler is None else self.scheduler(optimizer)
        make = self.scheduler.scheduler(self.steps)
        return None if make is None else make(optimizer)

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate changes."""
        constant = isinstance(self.scheduler, LearningRate) and self.scheduler.constant
        return self.scheduler is not None and not constant

    @property
    def starts(self) -> NDArray[np.float64] | None:
        """Initial parameters (trajectories, D) where they are given."""
        drawn = isinstance(self.init, str) or callable(self.init)
        return None if drawn else np.array(as_reals(self.init, "init", RunError))


class TrainingKeywords(TypedDict, total=False):
    """The keywords of `Recipe`, for functions that make one."""

    steps: int
    batch_size: int | None
    seed: int
    trajectories: int
    init: str | NDArray[np.float64] | Callable[[int], nn.Module]
    scheduler: Any
    sampling: str
    weights: ArrayLike | Weighting | str | None
    augment: Augment | Sequence[Augmentation] | None
    mask: NDArray[np.bool_] | None
    amplify: int
    clients: Clients | None
    clip: Clip | Mapping[str, Any] | None
    unpack: Unpack | None
    objective: Callable[..., Any] | None
    penalty: Penalty | Sequence[Penalty]


def the_recipe(
    module: Any, loss_fn: Any, train: Any, test: Any, optimizer: Any, keywords: TrainingKeywords
) -> Recipe:
    """The recipe given in place of the module, or one made of what stands beside the module.

    Raises:
        RunError: a recipe with something of its own beside it, or a module without loss or optimizer.
        TypeError: a keyword that no recipe has, or no steps.
    """
    if isinstance(module, Recipe):
        beside = {"loss_fn": loss_fn, "train": train, "test": test, "optimizer": optimizer, **keywords}
        given = [name for name, value in beside.items() if value is not None or name in keywords]
        if given:
            raise RunError(
                f"{', '.join(given)} beside a recipe, which has its own: use dataclasses.replace(recipe, …)"
            )
        return module
    parts = {"loss_fn": loss_fn, "train": train, "optimizer": optimizer}
    if keywords.get("objective") is not None:
        parts.pop("loss_fn")
    missing = [name for name, part in parts.items() if part is None]
    if missing:
        raise TypeError(f"give a Recipe, or {', '.join(missing)} beside the module")
    unknown = set(keywords) - {f.name for f in fields(Recipe)}
    if unknown:
        raise TypeError(f"no such keyword of a training: {', '.join(sorted(unknown))}")
    if "steps" not in keywords:
        raise TypeError("give steps, how many the optimizer makes")
    return Recipe(module, loss_fn, train, test, optimizer, **keywords)


def check_parts(module: Any, optimizer: Any, scheduler: Any, clients: Any) -> None:
    """Refuse what is no network, makes no optimizer or no schedule, or shares out no examples.

    Raises:
        RunError: naming it.
    """
    if not isinstance(module, Network) and (isinstance(module, type) or not hasattr(module, "parameters")):
        raise RunError(f"module must be a torch.nn.Module or one of sdesim.networks, got {short(module)}")
    for name, value, kind in (
        ("optimizer", optimizer, Optimizer), ("scheduler", scheduler, LearningRate)
    ):  # fmt: skip
        given = name == "optimizer" or value is not None
        if given and not isinstance(value, kind) and not callable(value):
            raise RunError(f"{name} must be a function that makes one, or a kind, got {short(value)}")
    if clients is not None and not all(hasattr(clients, name) for name in ("count", "local_steps")):
        raise RunError(f"clients must be sdesim.data.Clients(…), or None, got {short(clients)}")
