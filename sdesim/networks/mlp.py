"""Fully connected networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt, MinLen
from numpy.typing import NDArray

from sdesim.compiled.streams import SURFACES, own_rng
from sdesim.kinds import kind
from sdesim.kinds.misfit import Path
from sdesim.networks.base import Base, Shapes

if TYPE_CHECKING:
    from torch import nn

    from sdesim.networks.losses import Base as Loss
    from sdesim.surfaces import Surface


@kind("networks", "mlp")
@dataclass(frozen=True)
class MLP(Base):
    """A fully connected network, W_l f(W_{l−1} … f(W₁ x + b₁) …) + b_l.

    Args:
        widths: of the layers, from the features to the outputs.
        activation: f: tanh, relu, gelu (exact, with erf) or quadratic, z².
        bias: whether there are the b.
        init: law of the initial weights: default: uniform on ±1/√fan-in, biases too; xavier-normal:
            N(0, 2/(fan-in + fan-out)); normal: N(0, 1/fan-in); with the last two the biases begin at 0.
        scale: factor of the initial weights.
        seed: of the initial weights.
        normalisation: between a hidden layer and its activation: none, layer (over the features of an
            example) or batch (over the examples of a batch).
        dropout: share of the hidden numbers that are 0 in a step of training.

    Example:
        {kind: mlp, widths: [64, 32, 10], activation: relu}
    """

    widths: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(2)]
    activation: Literal["tanh", "relu", "gelu", "quadratic"] = "tanh"
    bias: bool = True
    init: Literal["default", "xavier-normal", "normal"] = "default"
    scale: Annotated[float, Gt(0)] = 1.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    normalisation: Literal["none", "layer", "batch"] = "none"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0

    @property
    def inputs(self) -> int:
        """Width of the first layer."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Width of the last layer."""
        return self.widths[-1]

    @property
    def inputs_at(self) -> Path:
        """Place of the first width."""
        return ("widths", 0)

    @property
    def outputs_at(self) -> Path:
        """Place of the last width."""
        return ("widths", len(self.widths) - 1)

    @property
    def label(self) -> str:
        """Activation and widths, as in "tanh network 64-32-10"."""
        more = "" if self.normalisation == "none" else f", {self.normalisation}-normalised"
        more += f", dropout {self.dropout:g}" if self.dropout else ""
        return f"{self.activation} network {'-'.join(map(str, self.widths))}{more}"

    @property
    def _plain(self) -> bool:
        """Whether there are Linear layers and activations alone."""
        return len(self.widths) == 2 or (self.normalisation == "none" and not self.dropout)

    @property
    def compiled(self) -> bool:
        """Linear layers and activations are."""
        return self._plain

    @property
    def training_layers(self) -> tuple[str, ...]:
        """Batch normalisation and dropout."""
        if self._plain:
            return ()
        batch = ("BatchNorm1d",) if self.normalisation == "batch" else ()
        return (*batch, *(("Dropout",) if self.dropout else ()))

    @property
    def shapes(self) -> Shapes:
        """W₁ (out, in), b₁ (out,), W₂, …; without the biases where there are none, and behind each hidden
        layer the factors and shifts (out,) of its normalisation."""
        shapes: list[tuple[int, ...]] = []
        last = len(self.widths) - 2
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            shapes += [(fan_out, fan_in), (fan_out,)] if self.bias else [(fan_out, fan_in)]
            shapes += [(fan_out,)] * 2 if layer < last and self.normalisation != "none" else []
        return tuple(shapes)

    @property
    def example_operations(self) -> float | None:
        """Two for each weight and pass: forward, to the weights, and back to the layer before, if any."""
        if not self._plain:
            return None
        sizes = [2.0 * fan_in * fan_out for fan_in, fan_out in pairwise(self.widths)]
        return 3 * sum(sizes) - sizes[0]

    def make(self) -> nn.Module:
        """nn.Sequential of Linear layers and, between them, normalisation, activation and dropout."""
        from sdesim.networks.fully_connected import mlp

        return mlp(
            self.widths, self.activation, self.seed, bias=self.bias, init=self.init, scale=self.scale,
            normalisation=self.normalisation, dropout=self.dropout,
        )  # fmt: skip

    def surface(self, x: Any, y: Any, loss: Loss) -> Surface | None:
        """The loss on given examples, without torch; its initial weights have a generator of their own.

        Without biases it is a masked surface of the network with biases that stay 0.
        """
        if not loss.on_surfaces or not self._plain:
            return None
        from sdesim import surfaces

        start, weights = self._start()
        answers = loss.answers(y, self.outputs)
        surface = surfaces.MLP(
            self.widths, x, answers, self.activation, loss.on_surfaces, start=start, seed=self.seed
        )
        return surface if self.bias else surfaces.masked(surface, weights, 0.0)

    def _start(self) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
        """Start (d,) with biases, None for the surface's own; and which entries are weights."""
        rng = own_rng(self.seed, SURFACES)
        start, weights = [], []
        for fan_in, fan_out in pairwise(self.widths):
            variance = 2.0 / (fan_in + fan_out) if self.init == "xavier-normal" else 1.0 / fan_in
            size = fan_in * fan_out
            start += [self.scale * math.sqrt(variance) * rng.standard_normal(size), np.zeros(fan_out)]
            weights += [np.ones(size, dtype=np.bool_), np.zeros(fan_out, dtype=np.bool_)]
        mask = np.concatenate(weights)
        if self.init != "default":
            return np.concatenate(start), mask
        if self.scale == 1.0:
            return None, mask
        bound = [np.full(b * (a + 1), self.scale / math.sqrt(a)) for a, b in pairwise(self.widths)]
        return np.concatenate(bound) * rng.uniform(-1.0, 1.0, len(mask)), mask
