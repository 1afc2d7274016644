"""What a recording reads off a network, at the points of a simulation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim.surfaces.torch.functions import own_tensor
from sdesim.training.data.accuracy import Accuracy
from sdesim.training.data.batches import call, moved
from sdesim.training.data.examples import Examples
from sdesim.training.loop.one_seed import isolated_torch

Array = NDArray[np.float64]


class ModuleEvaluation:
    """Train accuracy, test loss and test accuracy of a module at any θ, in evaluation mode.

    Args:
        module: the network; a float64 copy is kept.
        loss_fn: ``loss_fn(output, y)`` → scalar mean loss.
        train, test: examples; test may be None.
        accuracy: what accuracy means, None for none.
        mask: booleans over all parameters, of which the true ones are θ and the others 0; None: all.
        shares: of each training example in the accuracy; None: alike. test_scale: what the test loss is
            multiplied by.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, test: Examples | None,
        accuracy: Accuracy | None, mask: NDArray[np.bool_] | None = None, *, shares: Any = None,
        test_scale: float = 1.0,
    ) -> None:  # fmt: skip
        self.module = copy.deepcopy(module).double().eval()
        self.loss_fn = loss_fn
        self.train, self.test, self.accuracy, self.mask = train, test, accuracy, mask
        self.shares, self.test_scale = shares, test_scale

    @torch.no_grad()
    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        rows = [self._at(point) for point in theta]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _at(self, theta: Array) -> dict[str, float]:
        with isolated_torch():
            flat = np.array(theta, dtype=np.float64)
            if self.mask is not None:
                flat, kept = np.zeros(len(self.mask)), flat
                flat[self.mask] = kept
            nn.utils.vector_to_parameters(own_tensor(flat), self.module.parameters())
            found: dict[str, float] = {}
            for name, examples in (("train", self.train), ("test", self.test)):
                if examples is None:
                    continue
                x, y = moved(examples.x, torch.float64), moved(examples.y, torch.float64)
                output = call(self.module, x)
                if name == "test":
                    found["test_loss"] = float(self.loss_fn(output, y)) * self.test_scale
                if self.accuracy is not None:
                    shares = self.shares if name == "train" else None
                    found[f"{name}_accuracy"] = self.accuracy.share(output, y, shares)
        return found
