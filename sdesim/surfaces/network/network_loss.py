"""The loss of a network on a data set, as a recipe that knows its sizes before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.kinds import Misfit, OneOf, kind, read
from sdesim.kinds.numbers import Array
from sdesim.surfaces.base import Base, Evaluation, SurfaceKernel


def _cross_entropy() -> Any:
    return read("losses", "cross_entropy")


@kind("surfaces", "mlp")
@dataclass(frozen=True)
class NetworkLoss(Base):
    """A network's loss on the training examples of a data set, simulated without a real arm beside it.

    Fully connected networks are compiled (`MLP`); others are differentiated by torch (`TorchSurface`). θ has
    the order of `named_parameters`. The data are loaded and the network is built when they are first needed.

    Args:
        data: the data set.
        network: the network; its initial weights are the default start.
        loss: of the network's outputs.

    Raises:
        Misfit: if the network or the loss does not fit the data.

    Example:
        {kind: mlp, data: {kind: digits}, network: {kind: mlp, widths: [64, 16, 10]}}
    """

    data: Annotated[Any, OneOf("data")]
    network: Annotated[Any, OneOf("networks")]
    of_outputs: Annotated[Any, OneOf("losses")] = field(
        default_factory=_cross_entropy, metadata={"called": "loss"}
    )

    def __post_init__(self) -> None:
        wrong = self.of_outputs.misfit(self.data)
        outputs = self.data.outputs if wrong else self.of_outputs.outputs(self.data)
        found = [(("network", *place), text) for place, text in self.network.problems(self.data, outputs)]
        if wrong:
            found.append((("loss",), wrong))
        if found:
            raise Misfit(found)

    @property
    def dim(self) -> int:
        """Number of the network's parameters d."""
        return int(self.network.dim)

    @property
    def examples(self) -> int:
        """Number of training examples n."""
        return int(self.data.examples)

    @cached_property
    def built(self) -> Any:
        """The surface itself, `MLP`, `Masked` (without biases) or `TorchSurface`, with its arrays."""
        found = self.data.load()
        surface = self.network.surface(found.x_train, found.y_train, self.of_outputs)
        if surface is not None:
            return surface
        from sdesim.surfaces.torch.surface import TorchSurface

        return TorchSurface(
            self.network.build(), self.of_outputs.function(self.data), found.x_train, found.y_train
        )

    @property
    def start(self) -> Array:
        """The network's initial weights (d,)."""
        return np.asarray(self.built.start)

    @property
    def groups(self) -> Mapping[str, slice]:
        """The coordinates of each layer."""
        groups: Mapping[str, slice] = self.built.groups
        return groups

    @property
    def growth(self) -> float | None:
        """That of the surface itself."""
        found: float | None = self.built.growth
        return found

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ): (…, d) → (…)."""
        return np.asarray(self.built.loss(theta))

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ): (…, d) → (…, d)."""
        return np.asarray(self.built.grad(theta))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v: (…, d), (…, d) → (…, d)."""
        return np.asarray(self.built.hvp(theta, v))

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ): (d,), (n,) → (d,)."""
        return np.asarray(self.built.weighted_gradient(theta, weights))

    @property
    def example_gradients(self) -> Callable[..., Array]:
        """``example_gradients(theta, indices=None)``, (d,) → (k, d)."""
        of_built: Callable[..., Array] = self.built.example_gradients
        return of_built

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        kernel: SurfaceKernel = self.built.kernel()
        return kernel

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Evaluation | None:
        """Accuracies and test loss, on the test examples of the data set where none are given."""
        found = self.data.load()
        if x_test is None:
            x_test, y_test = found.x_test, found.y_test
        known = self.data.labelled if labelled is None else labelled
        evaluation: Evaluation | None = self.built.evaluation(x_test, y_test, known)
        return evaluation
