"""How one network in training is read: found out at the first reading, and kept for the next ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.runs import CurvatureMetric, RitzVectors
from sdesim.runs.sizes import streams
from sdesim.surfaces.torch.functions import flat
from sdesim.training.data.batches import length, rows_of
from sdesim.training.data.penalised import loss_alone
from sdesim.training.data.weighting import is_mean
from sdesim.training.probes.network_oracle import IN_PLACE, TorchOracle, check_mode, coordinates
from sdesim.training.probes.placed import dot
from sdesim.training.probes.preconditioning import curvature_metric, moved_parameters, scaling_of
from sdesim.training.probes.reduction import MEAN, SUM
from sdesim.training.probes.streamed import Streamed
from sdesim.training.probes.subsample import streamed_subsampled, subsampled_part
from sdesim.training.probes.trial import Trial, tried

Array = NDArray[np.float64]
Oracle = TypeVar("Oracle", bound=TorchOracle)


class Reading:
    """What readings of one network have in common.

    Args:
        module: the network in training. loss_fn: its loss. batch: B of the training.
        mode: a word of `network_oracle.MODES`.

    Attributes:
        path, hvp_method: as of `TorchOracle`, empty before the first reading.
        only: of every parameter, whether it is trained and read; None: all.
        ritz: what the last reading of curvature has left for the next.
    """

    def __init__(self, module: nn.Module, loss_fn: Callable[..., Any], batch: int, mode: str) -> None:
        self._module, self._loss_fn, self._batch, self._mode = module, loss_fn, batch, mode
        self._training: list[bool] | None = None
        self._trial: Trial | None = None
        self._weighable: bool | None = None
        self.only: list[bool] | None = None
        self.path = self.hvp_method = ""
        self._hvp_error = 0.0
        self.ritz = RitzVectors()
        self.look()

    def look(self, optimizer: Any = None) -> None:
        """Note what is trained, and the modes of the network's parts, where it is in training."""
        self.only = held_parameters(self._module, optimizer)
        if self._module.training:
            self._training = [part.training for part in self._module.modules()]

    def theta(self) -> Array:
        """The weights that are read (d,)."""
        return flat(self._held())

    @property
    def size(self) -> int:
        """d, the number of weights that are read."""
        return sum(p.numel() for p in self._held())

    def streams(self, samples: int) -> bool:
        """Whether so many gradients are too many to be held, so that they are read one after the other."""
        return streams(self.size, samples)

    def finite(self) -> bool:
        """Whether all weights that are read are finite."""
        return all(math.isfinite(dot(p.detach(), p.detach())) for p in self._held())

    def _held(self) -> list[nn.Parameter]:
        everything = self._module.parameters()
        return list(everything if self.only is None else compress(everything, self.only))

    def stream(self, oracle: TorchOracle) -> Streamed:
        """The readings of an oracle one gradient at a time, with what earlier ones have found out."""
        made = oracle.streamed()
        made.method, made.error, made.ritz = self.hvp_method, self._hvp_error, self.ritz
        return made

    def streamed(
        self, stream: Streamed, oracle: TorchOracle, samples: int, rng: np.random.Generator, *,
        step_size: float, directions: Any, curvature: bool, optimizer: Any, failures: dict[str, str],
    ) -> dict[str, Any]:  # fmt: skip
        """What `runs.probe` gives, of gradients that are not held together."""
        found = stream.read(
            oracle.draws(samples, rng), rng, step_size=step_size, directions=directions,
            offsets=oracle.called.offsets, groups=oracle.groups, curvature=curvature,
            scaling=lambda: scaling_of(self._module, optimizer, self.only, stream.dtype), failures=failures,
        )  # fmt: skip
        self.path, self.hvp_method = IN_PLACE, stream.method
        self._hvp_error = stream.error
        return found

    def along(self, directions: Any) -> Any:
        """Directions (k, D) of all parameters in the coordinates that are read: (k, d)."""
        if self.only is None:
            return directions
        return directions[:, coordinates(self._module, self.only)]

    def weight_norm(self) -> float:
        """|θ| of all parameters."""
        return math.sqrt(math.fsum(dot(p.detach(), p.detach()) for p in self._module.parameters()))

    @property
    def mode(self) -> str:
        """Of readings: "eval" too where the network was never seen in training."""
        return self._mode if self._training is not None else "eval"

    @property
    def modes(self) -> list[bool]:
        """Of each part of the network in a reading."""
        if self._mode == "train" and self._training is not None:
            return self._training
        own = [part.training for part in self._module.modules()]
        return own if self._mode == "train" else [False] * len(own)

    def trial(self, x: Any, y: Any) -> Trial:
        """What these examples tell, the first time; later what was told."""
        if self._trial is None:
            training = self._training or [True] * len(self.modes)
            self._trial = tried(
                self._module, self._loss_fn, x, y, self._batch, self.modes, training=training
            )  # fmt: skip
        return self._trial

    def oracle(self, kind: type[Oracle], x: Any, y: Any, *more: Any, seed: int, **named: Any) -> Oracle:
        """An oracle of these examples; more and named as its kind takes them."""
        made = kind(
            self._module, self._loss_fn, x, y, *more, training_batch=self._batch, modes=self.modes,
            trial=self.trial(x, y), seed=seed, only=self.only, **named,
        )  # fmt: skip
        # A way that failed before would fail again.
        made.path, made.hvp_method = self.path or made.path, self.hvp_method or made.hvp_method
        made.hvp_error = self._hvp_error
        return made

    def learn(self, oracle: TorchOracle) -> None:
        """Keep what an oracle has found out."""
        self.path, self.hvp_method, self._hvp_error = oracle.path, oracle.hvp_method, oracle.hvp_error

    def weighable(self, x: Any, y: Any) -> bool:
        """Whether the loss is the mean of the losses of single examples, so that these can be weighted."""
        if hasattr(self._loss_fn, "of_batch"):
            return False
        if self._weighable is None:
            called = TorchOracle(self._module, self._loss_fn, x, y, 1, mode="eval").called
            with called.open(), torch.no_grad():
                self._weighable = is_mean(self._loss_fn, called.output(x), called.inputs(y))
        return self._weighable

    def held_out_loss(self, x: Any, y: Any, samples: int) -> float:
        """Loss of other examples (n, …) at the present weights, in evaluation mode; a sum over a batch is put
        on the scale of training's.

        Args:
            samples: n of the readings; where these are streamed, so are the examples.
        """
        trial = replace(self.trial(x, y), coupled=False)
        trial = replace(trial, reduction=SUM if trial.reduction == SUM else MEAN)
        oracle = TorchOracle(
            self._module, loss_alone(self._loss_fn), x, y, 1, training_batch=self._batch, mode="eval",
            trial=trial, only=self.only,
        )  # fmt: skip
        return oracle.streamed().loss() if self.streams(samples) else oracle.loss(self.theta())

    def subsampled(
        self, oracle: TorchOracle, total: int, rng: np.random.Generator, *, streamed: bool
    ) -> dict[str, float]:
        """What the interval of λ_max of ``total`` examples is made of, where an oracle has some of them;
        nothing where the Hessian is no mean over examples."""
        x, y = oracle.x, oracle.y
        if self.trial(x, y).in_batches:
            return {}

        def oracle_of(some: torch.Tensor) -> TorchOracle:
            of_some = rows_of(x, some), rows_of(y, some)
            return self.oracle(TorchOracle, *of_some, self._batch, seed=oracle.seed)

        if streamed:
            return streamed_subsampled(lambda some: self.stream(oracle_of(some)), length(x), total, rng)
        moving = np.concatenate([np.full(p.numel(), p.requires_grad) for p in self._held()])
        return subsampled_part(oracle_of, length(x), total, self.theta(), rng, moving)

    def attributes(self, optimizer: Any) -> dict[str, Any]:
        """Attributes of the run schema; optimizer: in use, or None."""
        found = reading_attributes(self._trial, self.mode, self.path, self.hvp_method, self._hvp_error)
        if self._moves_others(optimizer):
            found["reading_flags"] = [*found.get("reading_flags", ()), "other_parameters"]
        return found

    def _moves_others(self, optimizer: Any) -> bool:
        """Whether parameters are trained that the network does not hold."""
        own = {id(p) for p in self._module.parameters()}
        loss = self._loss_fn.parameters() if isinstance(self._loss_fn, nn.Module) else ()
        moved: Iterable[Any] = (
            loss if optimizer is None else (p for group in optimizer.param_groups for p in group["params"])
        )
        return any(p.requires_grad and id(p) not in own for p in moved)


def check_readable(module: nn.Module, mode: str) -> None:
    """Refuse a network without numbers to read, and a mode that is none.

    Raises:
        RunError: saying which.
    """
    if next(module.parameters(), None) is None:
        raise RunError("monitor: the model has no parameters")
    if any(p.is_meta for p in module.parameters()):
        raise RunError("monitor: the model's parameters are on meta, which holds no numbers")
    check_mode(mode)


def reading_attributes(
    trial: Trial | None, mode: str, path: str, hvp_method: str, hvp_error: float = 0.0
) -> dict[str, Any]:
    """Attributes of the run schema that say how a network was read."""
    found: dict[str, Any] = {"mode": mode, **({} if trial is None else trial.attributes())}
    named = {"gradient_path": path, "hvp_method": hvp_method, "hvp_error": hvp_error}
    return found | {name: value for name, value in named.items() if value}


def held_parameters(module: nn.Module, optimizer: Any) -> list[bool] | None:
    """Of every parameter, whether a reading's θ holds it: what is trained; None where all is, or nothing.

    What is frozen costs nothing then: neither gradients nor directions nor the Hessian know of it.
    """
    moved = moved_parameters(module, optimizer)
    return None if all(moved) or not any(moved) else moved


def trained_metric(
    module: nn.Module, optimizer: Any, rate: float, only: Sequence[bool] | None = None
) -> CurvatureMetric | None:
    """The metric of the optimizer; without one, of plain steps among the parameters that are not frozen, None
    where all move.

    Args:
        only: of every parameter, whether θ holds it; None: all.
    """
    if optimizer is not None:
        return curvature_metric(module, optimizer, only)
    if only is not None:
        return None
    moved = [p.requires_grad for p in module.parameters()]
    if all(moved):
        return None
    trained = np.concatenate([np.full(p.numel(), m) for p, m in zip(module.parameters(), moved, strict=True)])
    return CurvatureMetric(trained, None, None, 2.0 / rate if rate > 0 else math.inf)
