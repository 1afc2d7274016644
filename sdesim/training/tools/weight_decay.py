"""Weight decay chosen on held-out examples (§12.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.estimators import Estimate, consolidation_ratio
from sdesim.estimators.core.support import mean_estimate
from sdesim.kinds.numbers import as_reals, one_of, whole
from sdesim.kinds.spelling import short
from sdesim.networks.fully_connected import flat_parameters
from sdesim.support import POSITIVE
from sdesim.training.data.batches import call, length, mapped, rows_of
from sdesim.training.data.examples import read_examples
from sdesim.training.probes.network_oracle import TorchOracle

Array = NDArray[np.float64]
METHODS = ("validation", "debiased", "literal")


@dataclass(frozen=True)
class WeightDecayChoice:
    """The chosen weight decay.

    Attributes:
        value: the one chosen.
        criterion: each candidate's C on the held-out examples, or mean loss there, with its interval.
        tied: candidates whose interval overlaps that of the chosen one, itself included (all are measured on
            the same examples, so that this errs towards calling them tied).
        module: the network trained with it.
        method: how it was chosen.
    """

    value: float
    criterion: Mapping[float, Estimate]
    tied: tuple[float, ...]
    module: nn.Module
    method: str


def choose_weight_decay(
    train: Callable[[float], nn.Module], values: Sequence[float], held_out: Any,
    loss_fn: Callable[..., Any], *, method: str = "validation", batch_size: int = 32, samples: int = 64,
    seed: int = 0,
) -> WeightDecayChoice:  # fmt: skip
    """Train once with every candidate and choose by the held-out examples.

    "literal" (§12.2): the largest C of minibatch gradients on the held-out examples, in the source's biased
    form; "debiased": the same without the bias. "validation" (default): the smallest mean loss there, which
    is the quantity wanted. C on held-out examples is 0 where their mean gradient is, at the minimum of the
    held-out loss: its maximum prefers the network that is furthest from it.

    Args:
        train: weight decay → trained network.
        values: candidates, at least two different ones, none negative.
        held_out: (X, y) or a torch Dataset, not used in training.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        method: as above.
        batch_size: B of the minibatches drawn with replacement for C.
        samples: their number.
        seed: of these draws, the same for all candidates.

    Returns:
        WeightDecayChoice. A candidate whose criterion is not finite (a diverged network) is never chosen.

    Raises:
        RunError: candidates or method that are not valid, or no candidate with a finite criterion.
    """
    one_of(method, METHODS, "method", RunError)
    for name, function in (("train", train), ("loss_fn", loss_fn)):
        if not callable(function):
            raise RunError(f"{name} must be a function, got {short(function)}")
    batch_size, samples = (
        whole(n, name, least=least, error=RunError)
        for name, n, least in (("batch_size", batch_size, 1), ("samples", samples, 2))
    )
    seed = whole(seed, "seed", least=0, error=RunError)
    candidates = as_reals(values, "values", RunError).ravel().tolist()
    if len(set(candidates)) < 2 or len(set(candidates)) != len(candidates):
        raise RunError(f"values must be at least two different weight decays, got {candidates}")
    if not all(v >= 0 and math.isfinite(v) for v in candidates):
        raise RunError(f"weight decay must be at least 0, got {candidates}")
    trained, criterion = {}, {}
    for decay in candidates:
        module = trained[decay] = train(decay)
        if not hasattr(module, "parameters"):
            raise RunError(f"train must give the trained network, got {short(module)}")
        held = read_examples(held_out, "held_out", next(module.parameters()))
        oracle = TorchOracle(module.eval(), loss_fn, held.x, held.y, batch_size)
        criterion[decay] = _criterion(oracle, flat_parameters(module), method, samples, seed)
    usable = {v: e for v, e in criterion.items() if math.isfinite(e.value)}
    if not usable:
        raise RunError("no candidate weight decay gave a finite criterion: every training diverged")
    sign = 1.0 if method == "validation" else -1.0
    chosen = min(usable, key=lambda v: sign * usable[v].value)
    best = usable[chosen]
    tied = tuple(v for v, e in usable.items() if v == chosen or (e.low <= best.high and e.high >= best.low))
    return WeightDecayChoice(chosen, criterion, tied, trained[chosen], method)


def _criterion(oracle: TorchOracle, theta: Array, method: str, samples: int, seed: int) -> Estimate:
    if not np.isfinite(theta).all():
        return Estimate(math.nan, math.nan, math.nan, 0.95, method, 0, ("nonfinite", "no_interval"))
    if method != "validation":
        rng = np.random.default_rng(seed)
        return consolidation_ratio(oracle.gradients(theta, samples, rng), method=method)
    with torch.no_grad():
        output, y = call(oracle.module, mapped(oracle.x, torch.clone)), oracle.y
        each = (slice(i, i + 1) for i in range(length(y)))
        losses = [float(oracle.loss_fn(rows_of(output, one), rows_of(y, one))) for one in each]
    return mean_estimate(losses, POSITIVE)
