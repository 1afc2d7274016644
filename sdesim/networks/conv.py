"""Small convolutional networks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Lt, MaxLen, MinLen

from sdesim.kinds import Misfit, kind
from sdesim.kinds.misfit import Path
from sdesim.networks.base import Base, Shapes

if TYPE_CHECKING:
    from torch import nn

Widths = tuple[Annotated[int, Ge(1)], ...]


@kind("networks", "conv")
@dataclass(frozen=True)
class Conv(Base):
    """A convolutional network over images or signals, in one of two styles.

    plain, as LeNet: for each of the channels a convolution, the activation and a halving of the size; then
    all numbers through Linear layers. residual, as ResNet: a convolution, then for each of the channels a
    stage of blocks f(skip + conv f(conv)), with a halving between stages; then the mean over all places and
    Linear layers.

    Args:
        shape: of an example: channels, height and width, or of a signal channels and length.
        outputs: how many numbers it gives.
        channels: of each convolution, or of each stage.
        style: plain or residual.
        kernel: length of the kernels along each axis, odd; borders are filled with 0.
        activation: f: tanh, relu, gelu or quadratic.
        normalisation: behind each convolution: none, layer (over an example) or batch (over the examples of
            a batch); with it the convolutions have no biases.
        pooling: how the size is halved: max or mean of neighbours, a stride of the convolution, or none.
        blocks: of each stage of the residual style.
        hidden: widths of Linear layers before the outputs.
        seed: of the initial weights, which are torch's.

    Example:
        {kind: conv, shape: [1, 8, 8], outputs: 10, channels: [8, 16], hidden: [32]}

    Source: LeCun et al., Proc. IEEE 86 (1998); He et al., arXiv 1512.03385.
    """

    shape: Annotated[Widths, MinLen(2), MaxLen(3)]
    outputs: Annotated[int, Ge(1)]
    channels: Annotated[Widths, MinLen(1)]
    style: Literal["plain", "residual"] = "plain"
    kernel: Annotated[int, Ge(1)] = 3
    activation: Literal["tanh", "relu", "gelu", "quadratic"] = "relu"
    normalisation: Literal["none", "layer", "batch"] = "none"
    pooling: Literal["max", "mean", "stride", "none"] = "max"
    blocks: Annotated[int, Ge(1)] = 1
    hidden: Widths = ()
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise Misfit("kernel", f"found {self.kernel}, allowed: odd numbers")
        if self.style == "plain" and self.blocks != 1:
            raise Misfit("blocks", f"found {self.blocks}, allowed: 1, plain networks have no blocks")
        if 0 in self._size:
            halved = f"{self._halvings} halvings leave nothing of {'×'.join(map(str, self.shape[1:]))}"
            raise Misfit("channels", f"found {len(self.channels)} of them, but {halved}")

    @property
    def _halvings(self) -> int:
        if self.pooling == "none":
            return 0
        return len(self.channels) - (1 if self.style == "residual" else 0)

    @property
    def _size(self) -> tuple[int, ...]:
        """Height and width, or length, behind the convolutions."""
        size = self.shape[1:]
        for _ in range(self._halvings):
            size = tuple((n + 1) // 2 if self.pooling == "stride" else n // 2 for n in size)
        return size

    @property
    def inputs(self) -> int:
        """Numbers in an example."""
        return math.prod(self.shape)

    @property
    def inputs_at(self) -> Path:
        """Place of the shape."""
        return ("shape",)

    @property
    def outputs_at(self) -> Path:
        """Place of the outputs."""
        return ("outputs",)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.shape

    @property
    def training_layers(self) -> tuple[str, ...]:
        """Batch normalisation."""
        return (f"BatchNorm{len(self.shape) - 1}d",) if self.normalisation == "batch" else ()

    @property
    def label(self) -> str:
        """Style, shape and channels, as in "plain conv network 1×8×8, 8-16"."""
        shape = "×".join(map(str, self.shape))
        return f"{self.style} conv network {shape}, {'-'.join(map(str, self.channels))}"

    @property
    def shapes(self) -> Shapes:
        """Those of the layers in their order."""
        return tuple(self._convolutions()) + tuple(self._dense())

    def _convolutions(self) -> Iterator[tuple[int, ...]]:
        if self.style == "plain":
            for before, width in pairwise((self.shape[0], *self.channels)):
                yield from self._convolution(before, width, self.kernel)
            return
        before = self.channels[0]
        yield from self._convolution(self.shape[0], before, self.kernel)
        for stage, width in enumerate(self.channels):
            for block in range(self.blocks):
                yield from self._convolution(before, width, self.kernel)
                yield from self._convolution(width, width, self.kernel)
                strided = self.pooling == "stride" and stage > 0 and block == 0
                if before != width or strided:
                    yield from self._convolution(before, width, 1)
                before = width

    def _convolution(self, before: int, width: int, kernel: int) -> Iterator[tuple[int, ...]]:
        """Weights, and biases or the factors and shifts of the normalisation."""
        yield (width, before, *(kernel,) * (len(self.shape) - 1))
        yield from [(width,)] * (1 if self.normalisation == "none" else 2)

    def _dense(self) -> Iterator[tuple[int, ...]]:
        for fan_in, fan_out in pairwise((self._flat, *self.hidden, self.outputs)):
            yield from ((fan_out, fan_in), (fan_out,))

    @property
    def _flat(self) -> int:
        """Numbers of an example that reach the Linear layers."""
        return self.channels[-1] * (1 if self.style == "residual" else math.prod(self._size))

    def make(self) -> nn.Module:
        """nn.Sequential of the layers, in float64."""
        from sdesim.networks.modules.convolutional import plain, residual

        given = (
            self.shape, self.channels, self.kernel, self.activation, self.normalisation, self.pooling,
        )  # fmt: skip
        if self.style == "plain":
            return plain(*given, self.hidden, self.outputs, self._flat)
        return residual(*given, self.blocks, self.hidden, self.outputs)
