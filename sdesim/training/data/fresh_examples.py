"""The oracle of examples that probes draw anew, beside those at hand for the loss and the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.estimators.core.covariance import GradientMoments
from sdesim.training.data.augmentation import fresh_batches
from sdesim.training.data.examples import Examples
from sdesim.training.data.weighting import draw_rows
from sdesim.training.probes.network_oracle import TorchOracle

Batches = Iterator[tuple[Any, Any, Tensor]]


class FreshOracle(TorchOracle):
    """A `TorchOracle` with gradients of batches that are drawn elsewhere.

    Args:
        module, loss_fn, x, y, batch_size, weights, more: as of `TorchOracle`; x and y serve loss and Hessian.
        draw: (n, B, rng, alone=…) → n minibatches in parts: x, y and indices (k, B) into them; alone: as of
            `fresh_batches`.
        whole: whether x and y are all the examples that draws are of, the same each time.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int,
        weights: Tensor | None, draw: Callable[..., Batches], *, whole: bool = False, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(module, loss_fn, x, y, batch_size, weights, **more)
        self._draw, self._whole = draw, whole

    def drawn(self, n: int, rng: np.random.Generator, *, alone: bool = False) -> Batches:
        """n independent minibatches in parts: x, y and indices (k, B) into them."""
        return self._draw(n, self.batch_size, rng, alone=alone)

    def moments(self, theta: NDArray[np.float64], covariance: bool = True) -> GradientMoments | None:
        """Those of the examples at hand, where these are all; examples that are read anew each time have no
        last one."""
        if self._whole:
            return super().moments(theta, covariance)
        self.inexact = "examples are read anew for each batch"
        return None


def oracle_of(
    examples: Examples, module: nn.Module, loss_fn: Callable[..., Any], batch_size: int, **more: Any
) -> TorchOracle:
    """The oracle of a training's own law: its weights, and its readings where each differs; more as of
    `TorchOracle`."""
    x, y, reader = examples.x, examples.y, examples.reader
    if reader is None:
        return TorchOracle(module, loss_fn, x, y, batch_size, examples.weights, **more)

    def draw(n: int, size: int, rng: np.random.Generator, *, alone: bool = False) -> Batches:
        rows = draw_rows(len(examples), examples.weights, (n, size), rng)
        return fresh_batches(reader, rows, rng, alone=alone)

    return FreshOracle(module, loss_fn, x, y, batch_size, examples.shares, draw, **more)
