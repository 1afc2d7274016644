"""How one network in training is read: found out at the first reading, and kept for the next ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim.runs import CurvatureMetric
from sdesim.training.data.batches import length, rows_of
from sdesim.training.data.weighting import is_mean
from sdesim.training.probes.network_oracle import TorchOracle
from sdesim.training.probes.preconditioning import curvature_metric
from sdesim.training.probes.reduction import MEAN, SUM
from sdesim.training.probes.subsample import subsampled_part
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
    """

    def __init__(self, module: nn.Module, loss_fn: Callable[..., Any], batch: int, mode: str) -> None:
        self._module, self._loss_fn, self._batch, self._mode = module, loss_fn, batch, mode
        self._training: list[bool] | None = None
        self._trial: Trial | None = None
        self._weighable: bool | None = None
        self.path = self.hvp_method = ""
        self._hvp_error = 0.0
        self.look()

    def look(self) -> None:
        """Note the modes of the network's parts, where it is in training."""
        if self._module.training:
            self._training = [part.training for part in self._module.modules()]

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

    def oracle(self, kind: type[Oracle], x: Any, y: Any, *more: Any, seed: int) -> Oracle:
        """An oracle of these examples; more as its kind takes it."""
        made = kind(
            self._module, self._loss_fn, x, y, *more, training_batch=self._batch, modes=self.modes,
            trial=self.trial(x, y), seed=seed,
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

    def held_out_loss(self, x: Any, y: Any, theta: Array) -> float:
        """Loss of other examples (n, …) at theta (d,), in evaluation mode, all in one batch; a sum over a
        batch is put on the scale of training's."""
        trial = replace(self.trial(x, y), coupled=False)
        trial = replace(trial, reduction=SUM if trial.reduction == SUM else MEAN)
        return TorchOracle(
            self._module, self._loss_fn, x, y, 1, training_batch=self._batch, mode="eval", trial=trial
        ).loss(theta)

    def subsampled(
        self, x: Any, y: Any, total: int, theta: Array, rng: np.random.Generator,
        metric: CurvatureMetric | None, seed: int,
    ) -> dict[str, float]:  # fmt: skip
        """What the interval of λ_max of ``total`` examples is made of, where x, y (n, …) are some of them;
        nothing where the Hessian is no mean over examples."""
        if self.trial(x, y).in_batches:
            return {}

        def oracle_of(some: torch.Tensor) -> TorchOracle:
            return self.oracle(TorchOracle, rows_of(x, some), rows_of(y, some), self._batch, seed=seed)

        trained = np.ones(theta.size, dtype=bool) if metric is None else metric.trained
        return subsampled_part(oracle_of, length(x), total, theta, rng, trained)

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


def reading_attributes(
    trial: Trial | None, mode: str, path: str, hvp_method: str, hvp_error: float = 0.0
) -> dict[str, Any]:
    """Attributes of the run schema that say how a network was read."""
    found: dict[str, Any] = {"mode": mode, **({} if trial is None else trial.attributes())}
    named = {"gradient_path": path, "hvp_method": hvp_method, "hvp_error": hvp_error}
    return found | {name: value for name, value in named.items() if value}


def trained_metric(module: nn.Module, optimizer: Any, rate: float) -> CurvatureMetric | None:
    """The metric of the optimizer; without one, of plain steps among the parameters that are not frozen, None
    where all move."""
    if optimizer is not None:
        return curvature_metric(module, optimizer)
    moved = [p.requires_grad for p in module.parameters()]
    if all(moved):
        return None
    trained = np.concatenate([np.full(p.numel(), m) for p, m in zip(module.parameters(), moved, strict=True)])
    return CurvatureMetric(trained, None, None, 2.0 / rate if rate > 0 else math.inf)
