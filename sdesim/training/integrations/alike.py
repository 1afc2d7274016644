"""What the callbacks of all trainers do alike."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader
from torch.utils.data.distributed import DistributedSampler

from sdesim.errors import RunError, failure
from sdesim.training.data.loaders import own_sampler
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.watching.watch import watch

# Arguments of `watch` that hold what a check of the others should not open.
_HELD = ("sinks", "loss", "loader", "heldout", "objective")


def check_keywords(name: str, keywords: Mapping[str, Any]) -> None:
    """Refuse what `watch` would, before anything is trained.

    Args:
        name: of the callback that is given them, for messages.

    Raises:
        RunError: a keyword that `watch` has not, or refuses.
    """
    known = [key for key in inspect.signature(watch).parameters if key not in ("model", "optimizer")]
    for key in keywords:
        if key not in known:
            raise RunError(f"{name}: found {key}, allowed: {', '.join(known)}")
    model = nn.Module()
    model.weight = nn.Parameter(torch.zeros(1))
    plain = {key: value for key, value in keywords.items() if key not in _HELD}
    watch(model, torch.optim.SGD(model.parameters(), lr=0.0), **plain).close()


class Guard:
    """What a callback does beside a training: what fails is told once, and the training goes on.

    Args:
        name: of the callback, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: set[str] = set()

    def __call__(self, what: str, work: Callable[[], Any]) -> None:
        """Do it; ``what`` says what did not happen where it fails."""
        try:
            work()
        except Exception as error:
            if what not in self._told:
                self._told.add(what)
                warnings.warn(f"{self._name}: {what}: {failure(error)}", stacklevel=2)

    def clear(self) -> None:
        """Forget what was told, as where another training begins."""
        self._told.clear()


def ordered(loader: Any) -> bool:
    """Whether a loader may put like examples into a batch, such as those of like lengths, which then says too
    little of the noise between batches: it has a sampler whose law is not known."""
    if not isinstance(loader, DataLoader) or own_sampler(loader) is None:
        return False
    # A share of a shuffle for each rank is a shuffle.
    shared = type(loader.sampler) is DistributedSampler
    return not shared or type(loader.batch_sampler) is not BatchSampler


def logged(measurement: Measurement, prefix: str = "sdesim/") -> dict[str, float]:
    """A reading for a log: each quantity, with ``_low`` and ``_high``, as far as they are finite."""
    found = {}
    for name, estimate in measurement.estimates.items():
        for end, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high)):
            if math.isfinite(float(value)):
                found[f"{prefix}{name}{end}"] = float(value)
    return found
