"""Measured progress beside any training loop: the same independent batches before and after real steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from sdesim.estimators.dynamics.progress import mean_change
from sdesim.training.data.batches import rows_of
from sdesim.training.data.penalised import loss_alone
from sdesim.training.data.undisturbed import LoaderExamples
from sdesim.training.probes.branching import objective_of
from sdesim.training.probes.placed import dot

# Batches on which the objective is read at both ends; the interval is over them.
PAIRS = 16
# Gradients shorter than this share of the shortest one drawn have been cut.
_SHORT = 0.5
_HELD_OUT = "progress_heldout"
Batches = Sequence[tuple[Any, Any]]


class Window:
    """Some steps of a training, with the objective read at the first on batches that have no part in them.

    Args:
        model: in training, in the mode in which it trains.
        batches: name → independent batches (x, y); seeds: of their random layers.
        step: number of optimizer steps made.
    """

    def __init__(
        self, model: nn.Module, loss_fn: Callable[..., Any], batches: Mapping[str, Batches],
        seeds: Sequence[int], step: int,
    ) -> None:  # fmt: skip
        self._step, self._counts = step, {name: len(given) for name, given in batches.items()}
        self._objectives = {
            name: objective_of(model, loss_alone(loss_fn) if name == _HELD_OUT else loss_fn, given, seeds)
            for name, given in batches.items()
        }
        self._before = self._read()

    def _read(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        return {
            name: np.array([objective(k) for k in range(self._counts[name])])
            for name, objective in self._objectives.items()
        }

    def close(self, step: int) -> dict[str, float]:
        """Mean change per step since the window opened, with the standard error over the batches.

        The noise of the steps themselves stays in it: it is the mean of those that happened.
        """
        made = step - self._step
        if made < 1:
            return {}
        found = {"progress_count": float(PAIRS)}
        for name, after in self._read().items():
            change = mean_change((after - self._before[name]) / made)
            found |= {name: change.value, f"{name}_error": float(change.details["error"])}
        return found


def opened_window(
    model: nn.Module, loss_fn: Callable[..., Any], draw: Callable[..., Any],
    validation: LoaderExamples | None, read: Callable[[Any], Any] | None, size: int,
    rng: np.random.Generator, step: int,
) -> Window:  # fmt: skip
    """A window on the steps that come, with independent batches of training and validation examples.

    Args:
        draw: ``draw(n, size, rng, alone=True)`` → parts (x, y, rows) of n minibatches.
        read: rows of the validation examples → (x, y).
    """
    drawn = draw(PAIRS, size, rng, alone=True)
    given: dict[str, Batches] = {
        "progress": [(rows_of(x, k), rows_of(y, k)) for x, y, rows in drawn for k in rows]
    }
    if validation is not None and read is not None:
        given[_HELD_OUT] = [read(row) for row in validation.draw((PAIRS, size), rng)]
    return Window(model, loss_fn, given, [int(s) for s in rng.integers(2**62, size=PAIRS)], step)


def clipping(model: nn.Module, norms2: Any, largest: float | None) -> str:
    """Whether the loop cuts gradients down: "active", "inactive" or "unknown".

    Args:
        model: whose gradients are those of the last step, where the loop keeps them.
        norms2: squared norms (n,) of gradients drawn at the present weights, before any clipping.
        largest: norm that the loop lets through, where it is known.
    """
    drawn = np.sqrt(np.asarray(norms2, dtype=np.float64))
    if largest is not None:
        return "active" if float(drawn.max()) > largest else "inactive"
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = math.sqrt(math.fsum(dot(g.detach(), g.detach()) for g in gradients))
    return "active" if 0 < norm < _SHORT * float(drawn.min()) else "unknown"
