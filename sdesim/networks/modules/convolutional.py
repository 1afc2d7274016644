"""Convolutional networks over images (C, H, W) and signals (C, L)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.networks.fully_connected import ACTIVATIONS
from sdesim.networks.modules.parts import Arranged, Averaged, normalisation

_CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d}
_POOLS: dict[tuple[str, int], Any] = {
    ("max", 1): nn.MaxPool1d,
    ("max", 2): nn.MaxPool2d,
    ("mean", 1): nn.AvgPool1d,
    ("mean", 2): nn.AvgPool2d,
}


def _convolution(
    channels: tuple[int, int], kernel: int, norm: str, axes: int, stride: int = 1
) -> list[nn.Module]:
    """A convolution that keeps the size (but for its stride), and its normalisation."""
    layer = _CONV[axes](
        *channels, kernel, stride=stride, padding=kernel // 2, bias=norm == "none", dtype=torch.float64
    )
    return [layer, *normalisation(norm, channels[1], axes)]


def _pool(name: str, axes: int) -> list[nn.Module]:
    made = _POOLS.get((name, axes))
    return [] if made is None else [made(2)]


def _dense(widths: tuple[int, ...], activation: str) -> list[nn.Module]:
    """Linear layers with activations between them."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        layers += [nn.Linear(fan_in, fan_out, dtype=torch.float64), ACTIVATIONS[activation]()]
    return layers[:-1]


class Block(nn.Module):
    """f(x + two convolutions of f(x)…) of a residual network: f(skip(x) + conv f(conv x)).

    Args:
        channels: in and out. kernel, norm, axes, stride: as of the network; the skip is a convolution of
            kernel 1 where channels or size change.
        activation: f.
    """

    def __init__(
        self, channels: tuple[int, int], kernel: int, norm: str, axes: int, stride: int, activation: str
    ) -> None:
        super().__init__()
        inside, out = channels, channels[1]
        self.body = nn.Sequential(
            *_convolution(inside, kernel, norm, axes, stride),
            ACTIVATIONS[activation](),
            *_convolution((out, out), kernel, norm, axes),
        )
        same = channels[0] == out and stride == 1
        self.skip = nn.Identity() if same else nn.Sequential(*_convolution(channels, 1, norm, axes, stride))
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """One block: (n, C, …) → (n, C′, …)."""
        made: Tensor = self.activation(self.skip(x) + self.body(x))
        return made


def plain(
    shape: tuple[int, ...], channels: tuple[int, ...], kernel: int, activation: str, norm: str, pooling: str,
    hidden: tuple[int, ...], outputs: int, flat: int,
) -> nn.Sequential:  # fmt: skip
    """Convolutions, each with its activation and a halving of the size, then Linear layers.

    Args:
        flat: numbers that the last of the convolutions gives for an example; others as of the kind.
    """
    axes, stride = len(shape) - 1, 2 if pooling == "stride" else 1
    layers: list[nn.Module] = [Arranged(shape)]
    for pair in pairwise((shape[0], *channels)):
        layers += _convolution(pair, kernel, norm, axes, stride)
        layers += [ACTIVATIONS[activation](), *_pool(pooling, axes)]
    return nn.Sequential(*layers, nn.Flatten(), *_dense((flat, *hidden, outputs), activation))


def residual(
    shape: tuple[int, ...], channels: tuple[int, ...], kernel: int, activation: str, norm: str, pooling: str,
    blocks: int, hidden: tuple[int, ...], outputs: int,
) -> nn.Sequential:  # fmt: skip
    """A convolution, then stages of blocks with a halving of the size between them, then the mean over all
    places and Linear layers."""
    axes = len(shape) - 1
    first = (shape[0], channels[0])
    layers: list[nn.Module] = [Arranged(shape), *_convolution(first, kernel, norm, axes)]
    layers.append(ACTIVATIONS[activation]())
    before = channels[0]
    for stage, width in enumerate(channels):
        layers += _pool(pooling, axes) if stage else []
        for block in range(blocks):
            stride = 2 if stage and block == 0 and pooling == "stride" else 1
            layers.append(Block((before, width), kernel, norm, axes, stride, activation))
            before = width
    return nn.Sequential(*layers, Averaged(), *_dense((before, *hidden, outputs), activation))
