"""Small recurrent networks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le, Lt

from sdesim.kinds import Misfit, kind
from sdesim.kinds.misfit import Path
from sdesim.networks.base import Base, Shapes

if TYPE_CHECKING:
    from torch import nn

# Numbers of a state for each of its gates.
_GATES = {"lstm": 4, "gru": 3}


@kind("networks", "recurrent")
@dataclass(frozen=True)
class Recurrent(Base):
    """Layers of LSTM or GRU cells over tokens or over a signal, and a Linear head.

    The cells are made of plain products, so that they have second derivatives.

    Args:
        outputs: numbers that the head gives; the vocabulary's for the next token.
        vocabulary: number of tokens; beside context, in the place of shape.
        context: tokens in an example.
        shape: of a signal, channels and length, along which the cells walk.
        cell: lstm or gru.
        embedding: width of the tokens' vectors; without it that of the state.
        hidden: width of the state.
        layers: how many.
        head: last: outputs at the last position; every: at each.
        dropout: between layers, in a step of training.
        seed: of the initial weights: torch's, uniform on ±1/√hidden, and N(0, 1/width) for the embeddings.

    Example:
        {kind: recurrent, outputs: 10, shape: [1, 40], cell: gru, hidden: 16}

    Source: Hochreiter & Schmidhuber, Neural Computation 9 (1997); Cho et al., arXiv 1406.1078.
    """

    outputs: Annotated[int, Ge(1)]
    vocabulary: Annotated[int, Ge(1)] | None = None
    context: Annotated[int, Ge(1)] | None = None
    shape: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]] | None = None
    cell: Literal["lstm", "gru"] = "lstm"
    embedding: Annotated[int, Ge(1)] | None = None
    hidden: Annotated[int, Ge(1)] = 32
    layers: Annotated[int, Ge(1), Le(10_000)] = 1
    head: Literal["last", "every"] = "last"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        if (self.vocabulary is None) != (self.context is None):
            raise Misfit("vocabulary", "tokens need vocabulary and context")
        if (self.vocabulary is None) == (self.shape is None):
            raise Misfit("shape", "give vocabulary and context, for tokens, or shape, for signals")
        if self.embedding is not None and self.vocabulary is None:
            raise Misfit("embedding", f"found {self.embedding}, but there are no tokens")
        if self.dropout and self.layers == 1:
            raise Misfit("dropout", f"found {self.dropout:g}, allowed: 0, a single layer has none behind it")

    @property
    def inputs(self) -> int:
        """Numbers in an example."""
        return math.prod(self.shape) if self.shape is not None else int(self.context or 0)

    @property
    def inputs_at(self) -> Path:
        """Place of the shape, or of the context."""
        return ("context",) if self.shape is None else ("shape",)

    @property
    def outputs_at(self) -> Path:
        """Place of the outputs."""
        return ("outputs",)

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """The shape of a signal."""
        return self.shape

    @property
    def input_tokens(self) -> int | None:
        """The vocabulary."""
        return self.vocabulary

    @property
    def output_positions(self) -> int | None:
        """The length of the sequence, where every position gives outputs."""
        if self.head == "last":
            return None
        return self.context if self.shape is None else self.shape[1]

    @property
    def positions_at(self) -> Path:
        """Place of the head."""
        return ("head",)

    @property
    def training_layers(self) -> tuple[str, ...]:
        """Dropout."""
        return ("Dropout",) if self.dropout else ()

    @property
    def label(self) -> str:
        """Cell and widths, as in "lstm network 1-32-10"."""
        return f"{self.cell} network {'-'.join(map(str, (*self._widths, self.outputs)))}"

    @property
    def _widths(self) -> tuple[int, ...]:
        """Of what the first layer takes, and of the states."""
        first = self.embedding or self.hidden
        return (first if self.shape is None else self.shape[0], *(self.hidden,) * self.layers)

    @property
    def shapes(self) -> Shapes:
        """The embedding, W, b, U and b′ of each layer, the head."""
        found: list[tuple[int, ...]] = []
        if self.vocabulary is not None:
            found.append((self.vocabulary, self._widths[0]))
        for before, width in pairwise(self._widths):
            gates = _GATES[self.cell] * width
            found += [(gates, before), (gates,), (gates, width), (gates,)]
        return (*found, (self.outputs, self.hidden), (self.outputs,))

    def make(self) -> nn.Module:
        """nn.Sequential of the layers, in float64."""
        from sdesim.networks.modules.cells import Signals, Tokens, recurrent

        first = (
            Signals(self.shape) if self.shape is not None else Tokens(self.vocabulary or 0, self._widths[0])
        )
        return recurrent(first, self.cell, self._widths, self.dropout, self.outputs, self.head == "every")
