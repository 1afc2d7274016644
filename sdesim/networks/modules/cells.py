"""Recurrent networks of plain products: torch's own have no second derivative on every device, nor many
minibatches at once."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sdesim.networks.modules.parts import Arranged, Embedding


class Cell(nn.Module):
    """A layer that walks along a sequence: (n, T, inputs) → its states (n, T, hidden).

    Args:
        inputs: width of what is given. hidden: width of the state.
    """

    gates: int

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.given = nn.Linear(inputs, self.gates * hidden, dtype=torch.float64)
        self.kept = nn.Linear(hidden, self.gates * hidden, dtype=torch.float64)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform on ±1/√hidden as torch does."""
        bound = self.hidden**-0.5
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound)


class LSTM(Cell):
    """c ← σ(f) c + σ(i) tanh(g), h ← σ(o) tanh(c), with (i, f, g, o) = W x + U h + b.

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997), in torch's order of gates.
    """

    gates = 4

    def forward(self, x: Tensor) -> Tensor:
        """The states h, one after the other."""
        given = self.given(x)
        h = c = torch.zeros_like(given[:, 0, : self.hidden])
        states = []
        for place in range(x.shape[1]):
            i, f, g, o = (given[:, place] + self.kept(h)).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states, 1)


class GRU(Cell):
    """h ← σ(z) h + (1 − σ(z)) tanh(n + σ(r) n′), with (r, z, n) = W x + b and (r, z, n′) = U h + b′ added.

    Source: Cho et al., arXiv 1406.1078, with the reset after the product, as torch has it.
    """

    gates = 3

    def forward(self, x: Tensor) -> Tensor:
        """The states h, one after the other."""
        given = self.given(x)
        h = torch.zeros_like(given[:, 0, : self.hidden])
        states = []
        for place in range(x.shape[1]):
            (r, z, n), (kr, kz, kn) = given[:, place].chunk(3, -1), self.kept(h).chunk(3, -1)
            stays = (z + kz).sigmoid()
            h = stays * h + (1 - stays) * (n + (r + kr).sigmoid() * kn).tanh()
            states.append(h)
        return torch.stack(states, 1)


CELLS: dict[str, type[Cell]] = {"lstm": LSTM, "gru": GRU}


class Tokens(nn.Module):
    """Tokens (n, T), also as floating numbers, as vectors (n, T, width).

    Args:
        vocabulary: number of tokens. width: of the vectors.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.embedding = Embedding(vocabulary, width)

    def forward(self, x: Tensor) -> Tensor:
        """The vectors."""
        made: Tensor = self.embedding(x.long())
        return made


class Signals(Arranged):
    """Flat features as a sequence: (n, C·L) → (n, L, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """The sequence."""
        return super().forward(x).transpose(1, 2)


class Last(nn.Module):
    """The last place of a sequence: (n, T, width) → (n, width)."""

    def forward(self, x: Tensor) -> Tensor:
        """That place."""
        return x[:, -1]


def recurrent(
    first: nn.Module, cell: str, widths: tuple[int, ...], dropout: float, outputs: int, every: bool
) -> nn.Sequential:
    """Layers of cells with dropout between them, and a Linear head.

    Args:
        first: x → (n, T, widths[0]). widths: of that and of the state of each layer.
        cell, dropout, outputs, every: as of the kind.
    """
    layers: list[nn.Module] = [first]
    for k, (before, width) in enumerate(pairwise(widths)):
        layers += [nn.Dropout(dropout)] if k and dropout else []
        layers.append(CELLS[cell](before, width))
    layers += [] if every else [Last()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs, dtype=torch.float64))
