"""The gradient of a batch outside the step, at the weights where the step starts.

It is free of the noise that a step of Adam, or of clipped gradients, shares with its own gradient, so that
u·h is unbiased for u·∇L(θ_t) whatever the optimizer did.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdesim.training.watching.aside import aside
from sdesim.training.watching.batches import Source
from sdesim.training.watching.passes import Passes


def spare_gradient(
    model: nn.Module, optimizer: Any, source: Source, parameters: Sequence[nn.Parameter],
    rng: np.random.Generator,
) -> list[Tensor | None]:  # fmt: skip
    """∇L of one fresh batch of the training's examples, of each of these parameters; None of those that it
    does not depend on. Nothing of the training is moved by it.

    Args:
        source: whose batches are drawn whenever they are wanted (`Source.anew`). rng: of the batch, and of
            random layers.
    """
    found: dict[int, Tensor] = {}
    with ExitStack() as stack:
        stack.enter_context(aside())
        stack.enter_context(torch.enable_grad())
        stack.enter_context(source.aside(int(rng.integers(2**31))))
        passes = Passes(model, source.loss_fn, optimizer)
        ((x, y),) = source.draw(1, source.size, rng)
        with passes.open():

            def take(k: int, gradient: Tensor) -> None:
                found[id(passes.parameters[k])] = gradient.clone()

            passes.gradient(x, y, int(rng.integers(2**62)), take)
    return [found.get(id(p)) for p in parameters]
